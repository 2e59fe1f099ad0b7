package memstore

import (
	"context"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// byColumns answers a query by the columnar engine.
func (s *Store) byColumns(ctx context.Context, t *table, q store.Query) ([]store.Answer, error) {
	readAt := s.opts.Clock.Now()
	snapshot := t.Snapshot()
	answers := make([]store.Answer, len(q.Plans))
	var plans []*plan.Plan
	var asked []int
	for i, p := range q.Plans {
		if answers[i] = q.Frame(p, readAt); answers[i].Err == nil {
			plans, asked = append(plans, p), append(asked, i)
		}
	}
	got, err := snapshot.Select(ctx, plans, q.Env(), columnar.Run{Workers: s.opts.Parallel})
	if err != nil {
		return nil, err
	}
	for i, a := range got {
		to := &answers[asked[i]]
		to.Cuts, to.Err = a.Cuts, a.Err
		if a.Err == nil {
			to.Members = a.Members
		}
	}
	return answers, nil
}

// byEval answers a query by package eval, a customer at a time.
func (s *Store) byEval(ctx context.Context, p *pages, q store.Query) ([]store.Answer, error) {
	pages := p.now.Load().pages
	parts := make([]store.Part, len(pages))
	for i, page := range pages {
		parts[i] = func(yield func(*eval.Customer, error) bool) {
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
	return store.Scan(ctx, q, store.ScanOptions{ReadAt: s.opts.Clock.Now(), Parallel: s.opts.Parallel}, parts...)
}
