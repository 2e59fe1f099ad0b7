package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol/store"
)

// ExplainSelect tells how Select would answer the query: its statements, what each
// is for, why it answers these plans alone or together, and why some plans have none.
func (s *Mapped) ExplainSelect(ctx context.Context, q store.Query) (string, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r, err := s.reader(ctx)
	if err != nil {
		return "", err
	}
	defer r.end()
	answers, work, err := s.prepare(ctx, r, q)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, a := range answers {
		if a.Err != nil {
			fmt.Fprintf(&b, "plan %d: no statement: %v\n", i, a.Err)
		}
		for range a.Cuts {
			fmt.Fprintf(&b, "plan %d: a statement before, for the cut of a rank\n", i)
		}
	}
	for _, w := range work {
		st, err := s.statement(w)
		if err != nil {
			return "", err
		}
		what := fmt.Sprintf("one statement for plan %d", w.part[0].at)
		if len(w.part) > 1 {
			var list []string
			for _, one := range w.part {
				list = append(list, fmt.Sprint(one.at))
			}
			what = fmt.Sprintf("one statement for %d plans (%s) over %s", len(list), strings.Join(list, ", "), w.part[0].query.Scope)
		}
		fmt.Fprintf(&b, "%s: %s\n  %s\n", what, w.why, s.m.dialect.Rebind(st.SQL))
	}
	return b.String(), nil
}
