package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// Planned is a statement that Select would run.
type Planned struct {
	Plans []int  // the plans of the query that it answers
	Why   string // why these, alone or together
	// Statement has the placeholders of the dialect.
	Statement sqlgen.Statement
}

// Statements tells what Select would run for the query, such as for the database's
// own EXPLAIN, after running what it needs before: the cuts of ranks. Plans without a
// statement are in none of them; answers have their errors.
func (s *Mapped) Statements(ctx context.Context, q store.Query) (list []Planned, answers []store.Answer, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r := s.later()
	defer r.end()
	answers, work, err := s.prepare(ctx, r, q, true)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range work {
		p := Planned{Why: s.reason(w)}
		for _, one := range w.part {
			p.Plans = append(p.Plans, one.at)
		}
		if p.Statement, err = s.statement(w); err != nil {
			return nil, nil, err
		}
		p.Statement.SQL = s.m.dialect.Rebind(p.Statement.SQL)
		list = append(list, p)
	}
	return list, answers, nil
}

// ExplainSelect tells in words how Select would answer the query: its statements, why
// each answers these plans alone or together, and why some plans have none.
func (s *Mapped) ExplainSelect(ctx context.Context, q store.Query) (string, error) {
	list, answers, err := s.Statements(ctx, q)
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
	for _, p := range list {
		what := fmt.Sprintf("plan %d", p.Plans[0])
		if n := len(p.Plans); n > 1 {
			what = fmt.Sprintf("%d plans (%s)", n, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.Plans)), ", "), "[]"))
		}
		fmt.Fprintf(&b, "one statement for %s: %s\n  %s\n", what, p.Why, p.Statement.SQL)
	}
	return b.String(), nil
}
