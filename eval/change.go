package eval

import (
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Change is when an answer next changes if no new data comes in.
type Change struct {
	// At is the first as-of, a whole second, with the other answer; zero when
	// there is none.
	At time.Time `json:"at,omitzero"`
	// Others tells that the answer also depends on other customers or on groups,
	// through ranks and memberships: they may change it at any time. At is then
	// what time alone does while cuts and memberships stay.
	Others bool `json:"others,omitempty"`
}

// NextChange is when the answer of Eval next changes while the data stays as it
// is: at every whole second from env.AsOf until then Eval gives the same. What is
// stored ahead of as-of counts, since it comes to be seen. Days that recur every
// year are followed for ten years. The errors are those of Eval.
func NextChange(p *plan.Plan, c *Customer, env Env) (Change, error) {
	if p == nil || c == nil || !isScope(p.Scope) {
		return Change{}, ErrPlan
	}
	f := newFuture(newMachine(c, env))
	answers := f.inPopulation(p.Scope, f.follow(p.Root).answers)
	if err := f.now.err(); err != nil {
		return Change{}, err
	}
	return f.next(answers, p.Root), nil
}

// inPopulation is the answers as Eval gives them, which nobody outside meets.
func (f *future) inPopulation(scope plan.Scope, answers line[bool]) line[bool] {
	return both(f.exists(scope), answers, func(a, b bool) bool { return a && b })
}

// next is the first change of answers to a test.
func (f *future) next(answers line[bool], t plan.Test) Change {
	change := Change{Others: dependsOnOthers(t)}
	if len(answers) > 1 {
		change.At = time.Unix(answers[1].from, 0).In(f.now.env.Zone)
	}
	return change
}

func dependsOnOthers(t plan.Test) bool {
	found := false
	plan.Walk(t, func(n plan.Node) bool {
		switch n.(type) {
		case *plan.Rank, *plan.Member:
			found = true
		}
		return !found
	})
	return found
}
