package memstore

import (
	"context"
	"time"

	"github.com/dangol-dev/dangol"
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

// Matcher answers plans for one customer at a time, as the store is at that
// moment: at a checkout. It is safe for concurrent use.
type Matcher struct {
	by func(id dangol.CustomerID, asOf time.Time, in []bool) (found bool, err error)
}

// Matcher compiles plans. env holds the zone, the memberships of groups and the
// cuts of ranks, such as those of an earlier Select; its AsOf is not read. The
// error is eval.ErrPlan or eval.ErrEnv.
func (s *Store) Matcher(ctx context.Context, plans []*plan.Plan, env eval.Env) (*Matcher, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := s.table
	if t == nil {
		var err error // of an empty table, which tells what is wrong with the plans
		if t, err = newTable(s.schema.Catalog, 0); err != nil {
			return nil, err
		}
	}
	by, err := t.Matcher(plans, env)
	if err != nil {
		return nil, err
	}
	if s.table != nil {
		return &Matcher{by: by.Matches}, nil
	}
	return &Matcher{by: func(id dangol.CustomerID, asOf time.Time, in []bool) (bool, error) {
		c, ok := s.home.customer(id)
		if !ok {
			return false, nil
		}
		env := env
		env.AsOf = asOf
		for i, p := range plans {
			var err error
			if in[i], err = eval.Eval(p, c, env); err != nil {
				return true, err
			}
		}
		return true, nil
	}}, nil
}

// Matches writes into in, plan by plan, whether the customer belongs to the plan's
// population and its test holds at asOf, or returns store.ErrNotFound. It takes no
// memory, but for the first questions after very many changes.
func (m *Matcher) Matches(ctx context.Context, id dangol.CustomerID, asOf time.Time, in []bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	found, err := m.by(id, asOf, in)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return err
}
