package compile

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
)

var soak = flag.Bool("soak", false, "many more generated worlds")

func worlds(normal uint64) uint64 {
	if *soak {
		return normal * 50
	}
	return normal
}

// clauses are the tests of a rule that are about the customer, also those within
// others.
func clauses(root plan.Test) []plan.Test {
	var out []plan.Test
	plan.Walk(root, func(n plan.Node) bool {
		if t, ok := n.(plan.Test); ok {
			out = append(out, t)
			return true
		}
		return false
	})
	return out
}

// population answers a test for every customer of a world.
func population(t *testing.T, w *rulegen.World, scope plan.Scope, test plan.Test) (all, in int) {
	p := &plan.Plan{Root: test, Scope: scope}
	env := w.Env()
	var err error
	env.Cuts, err = w.Cuts(p)
	require.NoError(t, err)
	for _, c := range w.Customers {
		if !eval.Exists(c, scope, env) {
			continue
		}
		is, err := eval.Eval(p, c, env)
		require.NoError(t, err)
		if all++; is {
			in++
		}
	}
	return all, in
}

// What is said never or always to hold is so for every customer of generated
// shops: clauses by themselves, and together as terms of an and or an or.
func TestVerdictsAreTrue(t *testing.T) {
	told := map[source.Code]int{}
	for seed := range worlds(120) {
		w := rulegen.New(seed)
		words, err := read(w.Catalog)
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(seed, 1))
		c := newChecker(words, "", Options{})
		var all []plan.Test
		for range 12 {
			rule, err := dsl.Parse(w.Rule(plan.Members).String())
			require.NoError(t, err)
			c.text = rule.Text
			before := len(c.found)
			root := c.test(rule.Expr)
			if !c.found[before:].HasErrors() {
				all = append(all, clauses(root)...)
			}
		}
		var solvable []plan.Test
		for _, test := range all {
			if subject(test) != nil {
				solvable = append(solvable, test)
			}
			switch c.verdict(test) {
			case never:
				_, in := population(t, w, plan.Members, test)
				require.Zero(t, in, "seed %d: said never to hold:\n%s", seed, plan.Print(test))
				told[source.CannotHold]++
			case always:
				all, in := population(t, w, plan.Members, test)
				require.Equal(t, all, in, "seed %d: said always to hold:\n%s", seed, plan.Print(test))
				told[source.AlwaysHolds]++
			}
		}
		for range 40 {
			if len(solvable) == 0 {
				break
			}
			terms := make([]plan.Test, 2+r.IntN(2))
			first := solvable[r.IntN(len(solvable))]
			for i := range terms {
				terms[i] = solvable[r.IntN(len(solvable))]
				if about := subject(terms[i]); i == 0 || r.IntN(2) == 0 {
					// Mostly clauses about the same thing, which is where verdicts come from.
					terms[i] = first
					for _, other := range r.Perm(len(solvable)) {
						if same(subject(solvable[other]), about) {
							terms[i] = solvable[other]
							break
						}
					}
				}
				if r.IntN(3) == 0 {
					terms[i] = &plan.Not{Term: terms[i]}
				}
			}
			c.found = nil
			for _, term := range terms {
				c.review(term)
			}
			if len(c.found) > 0 {
				continue // told of a part: that is dealt with above
			}
			for _, and := range []bool{true, false} {
				c.found = nil
				c.reviewTerms(terms, and)
				for _, d := range c.found {
					told[d.Code]++
				}
				switch {
				case and && count(c.found, source.CannotHold) > 0:
					test := &plan.And{Terms: terms}
					_, in := population(t, w, plan.Members, test)
					require.Zero(t, in, "seed %d: said never to hold:\n%s", seed, plan.Print(test))
				case !and && count(c.found, source.AlwaysHolds) > 0:
					test := &plan.Or{Terms: terms}
					all, in := population(t, w, plan.Members, test)
					require.Equal(t, all, in, "seed %d: said always to hold:\n%s", seed, plan.Print(test))
				}
			}
		}
	}
	t.Log(told)
	require.Greater(t, told[source.CannotHold], 100)
	require.Greater(t, told[source.AlwaysHolds], 100)
}

// subject is the expression that a clause is about, nil where no verdict could
// come from it.
func subject(t plan.Test) plan.Expr {
	if about, _, ok := solve(t); ok {
		return about
	}
	if during, _ := timeTest(t); during != nil {
		return during.X
	}
	return nil
}

func count(ds source.Diagnostics, code source.Code) int {
	n := 0
	for _, d := range ds {
		if d.Code == code {
			n++
		}
	}
	return n
}

// A filter that a kind is said to rule out selects no record of generated shops,
// and one that every record is said to meet leaves none out.
func TestFiltersAgainstTheirKind(t *testing.T) {
	told := map[source.Code]int{}
	for seed := range worlds(150) {
		w := rulegen.New(seed)
		words, err := read(w.Catalog)
		require.NoError(t, err)
		for range 20 {
			rule, err := dsl.Parse(w.Rule(plan.Members).String())
			require.NoError(t, err)
			c := newChecker(words, rule.Text, Options{})
			root := c.test(rule.Expr)
			for _, d := range c.found {
				if d.Code != source.NeverSelected && !strings.HasPrefix(d.Message, "every record of") {
					continue
				}
				plan.Walk(root, func(n plan.Node) bool {
					a, ok := n.(*plan.Aggregate)
					if !ok || a.Where == nil || !holdsTerm(a.Where, d.Span) {
						return true
					}
					told[d.Code]++
					number := *a
					number.Typed = plan.Typed{Of: catalog.Type{Sort: catalog.Number}}
					number.Fn, number.Of = plan.Count, nil
					if d.Code == source.AlwaysHolds {
						number.Where = turned(a.Where, d.Span)
					}
					_, in := population(t, w, plan.Members, &plan.Compare{Op: plan.AtLeast, L: &number,
						R: &plan.Literal{Typed: number.Typed, Value: catalog.NumberValue(1)}})
					require.Zero(t, in, "seed %d: %s\n%s", seed, rule.Text, d.Message)
					return true
				})
			}
		}
	}
	require.Positive(t, told[source.NeverSelected])
	require.Positive(t, told[source.AlwaysHolds])
}

// turned is a filter with the clause at a place negated.
func turned(where plan.Test, at source.Span) plan.Test {
	out := &plan.And{Terms: []plan.Test{&plan.Const{Value: true}, &plan.Const{Value: true}}}
	for _, t := range terms(where) {
		if t.Span() == at {
			t = &plan.Not{Term: t}
		}
		out.Terms = append(out.Terms, t)
	}
	return out
}

func holdsTerm(where plan.Test, at source.Span) bool {
	for _, t := range terms(where) {
		if t.Span() == at {
			return true
		}
	}
	return false
}

// A clause that is taken to say that something is known does say so.
func TestImpliesKnown(t *testing.T) {
	said := 0
	for seed := range worlds(120) {
		w := rulegen.New(seed)
		if _, ok := w.Catalog.Kind("all_orders"); !ok {
			continue
		}
		words, err := read(w.Catalog)
		require.NoError(t, err)
		c := newChecker(words, "", Options{})
		parsed := func(text string) plan.Test {
			rule, err := dsl.Parse(text)
			require.NoError(t, err)
			c.text = text
			return c.test(rule.Expr)
		}
		var moments, beside []plan.Test
		for _, x := range []string{
			"last(orders)", "first(all_orders)", "last(orders where total > 0)", "last(orders, 90d)", "last_login", "first(items)",
			"last(paid_items)", "cart_updated", "birthday", "last(orders.paid)",
		} {
			moments = append(moments, parsed(x+" is known"))
		}
		for _, t := range []string{
			"orders", "orders(30d)", "all_orders >= 1", "orders(where total > 0)", "orders(90d where total > 0) > 2", "orders != 0", "not orders = 0",
			"orders >= 0", "orders(90d)", "logins(7d)", "last_login within 30d", "last_login is known", "birthday is known", "cart_updated before 1d ago",
			"items", "paid_items", "spent in top 50%", "orders in bottom 90%", "spent(365d) > 0", "2 * orders > 1", "orders = 3", "points in top 50%",
		} {
			beside = append(beside, parsed(t))
		}
		require.False(t, c.found.HasErrors(), c.found)
		for _, m := range moments {
			for _, b := range beside {
				if !impliesKnown(b, m.(*plan.Known).X) {
					continue
				}
				said++
				_, in := population(t, w, plan.Members, &plan.And{Terms: []plan.Test{b, &plan.Not{Term: m}}})
				require.Zero(t, in, "seed %d:\n%s%s", seed, plan.Print(b), plan.Print(m))
			}
		}
	}
	require.Greater(t, said, 500)
}

// What is certain about bounds is so at every instant, in zones that change their
// clocks by an hour, half an hour and a day.
func TestBoundsAreCertain(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		zones = append(zones, zone)
	}
	r := rand.New(rand.NewPCG(5, 6))
	units := []plan.Unit{plan.Minute, plan.Hour, plan.Days, plan.Week, plan.Month, plan.Quarter, plan.Year}
	bound := func() plan.Bound {
		switch r.IntN(8) {
		case 0:
			return asOf
		case 1:
			return plan.Bound{Kind: plan.Day, At: 15_000 + r.Int64N(20)}
		case 2, 3, 4:
			return period(units[2+r.IntN(5)], r.IntN(7)-4)
		}
		unit := units[r.IntN(len(units))]
		return back(unit, r.IntN(map[plan.Unit]int{plan.Minute: 4000, plan.Hour: 100, plan.Days: 100, plan.Week: 15}[unit]+5)-3)
	}
	certain := 0
	for range worlds(60_000) {
		a, b := bound(), bound()
		if !notBefore(a, b) {
			continue
		}
		certain++
		zone := zones[r.IntN(len(zones))]
		at := time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(400*86400)) * time.Second)
		if r.IntN(2) == 0 { // around midnight, where periods end
			at = time.Date(2011, time.Month(1+r.IntN(12)), 1+r.IntN(31), 0, 0, r.IntN(3)-1, 0, zone)
		}
		x, _ := a.Instant(at, zone)
		y, _ := b.Instant(at, zone)
		require.GreaterOrEqual(t, x, y, "%s is said not to lie before %s: %s", a, b, at)
	}
	require.Greater(t, certain, 5_000)
}
