package eval

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Ranks are the ranks that the plan tests, each once, in the order of the tree.
// A host asks RankValue for everyone in the plan's population, makes a Cut of
// the values with CutOf, and gives Eval the cuts by RankKey.
func Ranks(p *plan.Plan) []*plan.Rank {
	var out []*plan.Rank
	seen := map[string]bool{}
	plan.Walk(p.Root, func(n plan.Node) bool {
		if r, ok := n.(*plan.Rank); ok && !seen[RankKey(r)] {
			seen[RankKey(r)] = true
			out = append(out, r)
		}
		return true
	})
	return out
}

// RankKey names the cut of a rank: ranks of equal meaning have equal keys. Over
// another population or as-of the cut is another one.
func RankKey(r *plan.Rank) string { return plan.Fingerprint(r) }

// RankValue is the value by which the customer is ranked, in units of its type's
// scale. It is not ok for a customer who is not ranked: the value is missing, or
// it has aggregates of which none selected a record (those that find the ends of
// a window do not count). It does not ask whether the customer Exists.
func RankValue(r *plan.Rank, c *Customer, env Env) (v int64, ok bool, err error) {
	m := newMachine(c, env)
	v, ok = m.ranked(r)
	if m.err() != nil {
		return 0, false, m.err()
	}
	return v, ok, nil
}

// CutOf finds the last value inside a rank among those of all ranked customers.
// It sorts values in place.
func CutOf(r *plan.Rank, values []int64, asOf time.Time) Cut {
	cut := Cut{AsOf: asOf.Truncate(time.Second)}
	k := Places(r, len(values))
	if k == 0 {
		cut.Empty = true
		return cut
	}
	slices.Sort(values)
	if !r.Bottom {
		slices.Reverse(values)
	}
	cut.Value = values[k-1]
	return cut
}

// Places is how many of n ranked customers are inside a rank, ties left aside: the
// cut is the value of the last of them. 0 means that the rank selects nobody.
func Places(r *plan.Rank, n int) int {
	k := big.NewInt(r.N)
	if r.Percent {
		whole := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.Scale)+2), nil)
		k.Mul(k, big.NewInt(int64(n)))
		k.Add(k, new(big.Int).Sub(whole, big.NewInt(1))) // so that the floor is the ceiling
		k.Div(k, whole)
	}
	if k.Sign() <= 0 {
		return 0
	}
	if k.Cmp(big.NewInt(int64(n))) >= 0 {
		return n
	}
	return int(k.Int64())
}

func (m *machine) rank(r *plan.Rank) bool {
	cut, ok := m.env.Cuts[RankKey(r)]
	if !ok {
		m.fail(fmt.Errorf("%w: the cut of a rank", ErrEnv))
		return false
	}
	v, ok := m.ranked(r)
	if !ok || cut.Empty {
		return false
	}
	if r.Bottom {
		return v <= cut.Value
	}
	return v >= cut.Value
}

func (m *machine) ranked(r *plan.Rank) (int64, bool) {
	x, ok := m.order(r, m.value(r.X, nil))
	if !ok || !m.touched(r.X) {
		return 0, false
	}
	if !x.IsInt() || !x.Num().IsInt64() {
		m.misfit(r, "a rank of such numbers")
		return 0, false
	}
	return x.Num().Int64(), true
}

// touched tells whether the value rests on some record, or on none by nature.
func (m *machine) touched(x plan.Expr) bool {
	list := aggregates(x)
	return len(list) == 0 || slices.ContainsFunc(list, func(a *plan.Aggregate) bool { return m.aggregate(a, nil).some })
}

// aggregates are those that the value is computed from.
func aggregates(x plan.Expr) []*plan.Aggregate {
	switch n := x.(type) {
	case *plan.Aggregate:
		return []*plan.Aggregate{n}
	case *plan.Arith:
		return append(aggregates(n.L), aggregates(n.R)...)
	case *plan.Times:
		return aggregates(n.X)
	case *plan.Product:
		return append(aggregates(n.X), aggregates(n.Y)...)
	case *plan.Quotient:
		return append(aggregates(n.A), aggregates(n.B)...)
	}
	return nil
}
