// Package eval is the definition of the rule language: what a plan means for one
// customer at one instant. It is small and slow on purpose. Every other engine is
// compared with it, and where they differ, this package is right.
//
//   - Eval answers a plan for one customer; Exists tells the population.
//   - Ranks are answered in two steps: RankValue of everyone in the population,
//     then CutOf, then Eval with the cuts in Env.
//   - Explain tells why, clause by clause; NextChange until when.
//   - Sentence reads a plan back as English or Korean.
//
// Functions are pure and safe for concurrent use, as far as the Memberships that
// they are given are. None of them panics, whatever the data; a node that they do
// not know is an error.
package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/sample"
)

// ErrEnv is returned when Env lacks something that the plan reads: memberships,
// or the cut of a rank.
var ErrEnv = errors.New("eval: the environment lacks what the plan reads")

// ErrPlan is returned when there is no plan or no customer to answer, or the
// plan's scope is not one of the three.
var ErrPlan = errors.New("eval: no plan, no customer or no such scope")

// Eval tells whether the customer belongs to the plan's population and its test
// holds, as env.AsOf sees it. The errors are ErrPlan, ErrEnv, what Memberships
// returns, and *plan.Unsupported for a node that does not fit where it stands,
// which a compiled plan never has.
//
// Every term is evaluated, also where the first ones decide: a broken group is an
// error wherever the rule reads it.
func Eval(p *plan.Plan, c *Customer, env Env) (bool, error) {
	if p == nil || c == nil || !isScope(p.Scope) {
		return false, ErrPlan
	}
	m := newMachine(c, env)
	holds := m.test(p.Root, nil)
	if m.err() != nil {
		return false, m.err()
	}
	return holds && Exists(c, p.Scope, env), nil
}

// Exists tells whether the customer belongs to the population of a scope as of
// env.AsOf: members exist from their attribute "joined" on, guests from
// "first_seen", and always where that is missing.
func Exists(c *Customer, scope plan.Scope, env Env) bool {
	switch scope {
	case plan.Both:
	case plan.Guests:
		if !c.Guest {
			return false
		}
	case plan.Members, "":
		if c.Guest {
			return false
		}
	default:
		return false
	}
	env = env.settled()
	at, ok := moment(since(c), env.Zone)
	return !ok || at < env.AsOf.UnixMicro()
}

// since is the moment from which a customer or guest exists.
func since(c *Customer) catalog.Value {
	if c.Guest {
		return c.Attributes["first_seen"]
	}
	return c.Attributes["joined"]
}

func isScope(s plan.Scope) bool {
	return slices.Contains([]plan.Scope{"", plan.Members, plan.Guests, plan.Both}, s)
}

// settled is env with its defaults: as-of cut to the whole second, a zone.
func (env Env) settled() Env {
	env.AsOf = env.AsOf.Truncate(time.Second)
	if env.Zone == nil {
		env.Zone = time.UTC
	}
	return env
}

// machine answers the nodes of one plan for one customer at one instant. The
// first error stays; what is answered after it does not matter.
type machine struct {
	c     *Customer
	env   Env
	asOf  int64  // microseconds
	first *error // shared by the machines of one question
	// known, where set, has what came of an aggregate before.
	known func(*plan.Aggregate) outcome
}

func newMachine(c *Customer, env Env) *machine {
	env = env.settled()
	return &machine{c: c, env: env, asOf: env.AsOf.UnixMicro(), first: new(error)}
}

func (m *machine) err() error { return *m.first }

func (m *machine) fail(err error) {
	if *m.first == nil {
		*m.first = err
	}
}

// misfit reports a node that does not fit where it stands.
func (m *machine) misfit(n plan.Node, what string) {
	u := &plan.Unsupported{Node: what, Engine: "eval"}
	if n != nil {
		u.Span = n.Span()
	}
	m.fail(u)
}

// test is the truth of a node: of the record at hand, where there is one.
func (m *machine) test(t plan.Test, at *Record) bool {
	switch n := t.(type) {
	case *plan.Const:
		return n.Value
	case *plan.And:
		holds := true
		for _, term := range n.Terms {
			holds = m.test(term, at) && holds
		}
		return holds
	case *plan.Or:
		holds := false
		for _, term := range n.Terms {
			holds = m.test(term, at) || holds
		}
		return holds
	case *plan.Not:
		return !m.test(n.Term, at)
	case *plan.Compare:
		l, lok := m.order(n.L, m.value(n.L, at))
		r, rok := m.order(n.R, m.value(n.R, at))
		return lok && rok && m.holds(n, l.Cmp(r))
	case *plan.Same:
		return m.value(n.L, at).equal(m.value(n.R, at))
	case *plan.OneOf:
		x := m.value(n.X, at)
		return slices.ContainsFunc(n.Values, func(v catalog.Value) bool { return x.equal(valueOf(v)) })
	case *plan.Has:
		return has(m.value(n.X, at).plain.Items(), n.Items, n.All)
	case *plan.Like:
		x := m.value(n.X, at)
		return x.known() && m.like(n, x.plain.Text())
	case *plan.Truth:
		return m.value(n.X, at).plain.Bool()
	case *plan.During:
		x, ok := m.moment(n.X, at)
		from, to, bounded := m.window(n, n.Window, at)
		return ok && bounded && from <= x && x < to
	case *plan.Recurs:
		x := m.value(n.X, at)
		from, to, bounded := m.window(n, n.Window, at)
		return bounded && from < to && m.recurs(n, x, from, to)
	case *plan.Known:
		return m.value(n.X, at).known()
	case *plan.Member:
		return m.member(n)
	case *plan.Rank:
		return m.rank(n)
	case *plan.Sample:
		return m.sample(n)
	default:
		m.misfit(t, fmt.Sprintf("an unknown test (%T)", t))
		return false
	}
}

// holds is the comparison, given how the left side stands to the right.
func (m *machine) holds(n *plan.Compare, sign int) bool {
	switch n.Op {
	case plan.Equal:
		return sign == 0
	case plan.Less:
		return sign < 0
	case plan.AtMost:
		return sign <= 0
	case plan.More:
		return sign > 0
	case plan.AtLeast:
		return sign >= 0
	default:
		m.misfit(n, fmt.Sprintf("the comparison %q", string(n.Op)))
		return false
	}
}

func has(set, items []string, all bool) bool {
	in := func(item string) bool { return slices.Contains(set, item) }
	if all {
		return !slices.ContainsFunc(items, func(item string) bool { return !in(item) })
	}
	return slices.ContainsFunc(items, in)
}

func (m *machine) like(n *plan.Like, text string) bool {
	switch n.Form {
	case plan.Prefix:
		return strings.HasPrefix(text, n.Text)
	case plan.Suffix:
		return strings.HasSuffix(text, n.Text)
	case plan.Infix:
		return strings.Contains(text, n.Text)
	default:
		m.misfit(n, fmt.Sprintf("the string test %q", string(n.Form)))
		return false
	}
}

func (m *machine) member(n *plan.Member) bool {
	if m.env.Groups == nil {
		m.fail(fmt.Errorf("%w: the members of group %q", ErrEnv, n.Group))
		return false
	}
	in, err := m.env.Groups.Contains(n.Group, m.c.ID)
	if err != nil {
		m.fail(err)
	}
	return in
}

func (m *machine) sample(n *plan.Sample) bool {
	whole, ok := percentUnits(n.Scale)
	if !ok || n.Percent < 0 {
		m.misfit(n, "such a percentage")
		return false
	}
	a, b := sample.Key(n.Key)
	return sample.In(sample.Bucket(string(m.c.ID)), a, b, sample.Threshold(uint64(n.Percent), whole))
}

// percentUnits is how many units of 10^-scale percent the whole has.
func percentUnits(scale int) (uint64, bool) {
	whole := uint64(100)
	for range scale {
		if whole > math.MaxUint64/10 {
			return 0, false
		}
		whole *= 10
	}
	return whole, scale >= 0
}
