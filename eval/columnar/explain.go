package columnar

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ExplainPlan runs the plans as Select does and tells, in lines for people, what
// the planner chose and what it cost: the order of clauses, and of every
// aggregate the forms in which shards answered it, the rows it was estimated to
// read, those it read, and the time, added up over the workers. The wording is
// not to be relied on.
func (s *Snapshot) ExplainPlan(ctx context.Context, plans []*plan.Plan, env eval.Env, run Run) (string, error) {
	stats := &stats{byClass: map[int]*usage{}}
	began := time.Now()
	answers, p, err := s.run(ctx, plans, env, run, stats)
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	e := &explanation{program: p}
	for i, pl := range p.plans {
		e.plan(i, pl, answers[i])
	}
	fmt.Fprintf(&e.b, "%d plans over %d customers in %d shards: %s\n", len(plans), s.live, len(s.shards), took.Round(time.Microsecond))
	return e.b.String(), nil
}

type explanation struct {
	*program
	b strings.Builder
}

func (e *explanation) plan(i int, pl *prepared, a Answer) {
	name := fmt.Sprintf("plan %d", i+1)
	if pl.original != nil && pl.original.Text != "" {
		name += ": " + strings.ReplaceAll(pl.original.Text, "\n", " ")
	}
	switch {
	case a.Err != nil:
		fmt.Fprintf(&e.b, "%s\n  no answer: %v\n", name, a.Err)
	case pl.fallback != "":
		fmt.Fprintf(&e.b, "%s\n  %d members, customer by customer, for columns do not answer %s\n", name, a.Members.Len(), pl.fallback)
	default:
		fmt.Fprintf(&e.b, "%s\n  %d members\n", name, a.Members.Len())
		e.test(pl.root, 1)
	}
}

// test prints the clauses in the order in which they are asked.
func (e *explanation) test(t plan.Test, depth int) {
	line := func(text string) { fmt.Fprintf(&e.b, "%s%s\n", strings.Repeat("  ", depth), text) }
	switch n := t.(type) {
	case *plan.And:
		line("all of, in this order")
		for _, term := range e.order[n] {
			e.test(term, depth+1)
		}
	case *plan.Or:
		line("any of")
		for _, term := range n.Terms {
			e.test(term, depth+1)
		}
	case *plan.Not:
		line("not")
		e.test(n.Term, depth+1)
	default:
		line(firstLine(t))
		plan.Walk(t, func(n plan.Node) bool {
			if a, ok := n.(*plan.Aggregate); ok {
				fmt.Fprintf(&e.b, "%s%s: %s\n", strings.Repeat("  ", depth+1), firstLine(a), e.usage(a))
			}
			return true
		})
	}
}

func firstLine(n plan.Node) string {
	text, _, _ := strings.Cut(plan.Print(n), "\n")
	return text
}

// usage is what an aggregate cost.
func (e *explanation) usage(a *plan.Aggregate) string {
	class := e.class[a]
	u := e.stats.byClass[class]
	if u == nil {
		return "not asked, for nobody was left"
	}
	var forms []string
	for _, f := range slices.Sorted(maps.Keys(u.forms)) {
		forms = append(forms, fmt.Sprintf("%s of %d shards", f, u.forms[f]))
	}
	shared := ""
	if e.uses[class] > 1 {
		shared = fmt.Sprintf(", read %d times", e.uses[class])
	}
	return fmt.Sprintf("%s, estimated %d rows, %d read, %s%s", strings.Join(forms, ", "), e.estimated(a), u.rows, u.took.Round(time.Microsecond), shared)
}

// estimated is how many rows the planner expected a scan to read.
func (e *explanation) estimated(a *plan.Aggregate) int {
	w := worker{program: e.program}
	in, fixed := e.spans[a]
	n := 0
	for _, sh := range e.snapshot.shards {
		l := sh.logs[e.snapshot.schema.kind[a.Kind]]
		if fixed && (a.Stamp == nil || l.kind.ordered(a.Stamp)) {
			n += w.estimate(l, in)
		} else {
			n += l.n
		}
	}
	return n
}
