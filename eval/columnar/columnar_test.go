package columnar_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var zones = []string{"Asia/Seoul", "America/New_York", "America/St_Johns", "UTC"}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// byEval is the answer of package eval.
func byEval(t testing.TB, p *plan.Plan, customers []*eval.Customer, env eval.Env) []dangol.CustomerID {
	t.Helper()
	env.Cuts = map[string]eval.Cut{}
	for _, r := range eval.Ranks(p) {
		var values []int64
		for _, c := range customers {
			if !eval.Exists(c, p.Scope, env) {
				continue
			}
			v, ok, err := eval.RankValue(r, c, env)
			require.NoError(t, err)
			if ok {
				values = append(values, v)
			}
		}
		env.Cuts[eval.RankKey(r)] = eval.CutOf(r, values, env.AsOf)
	}
	var out []dangol.CustomerID
	for _, c := range customers {
		in, err := eval.Eval(p, c, env)
		require.NoError(t, err)
		if in {
			out = append(out, c.ID)
		}
	}
	slices.Sort(out)
	return out
}

func requireSame(t testing.TB, s *columnar.Snapshot, plans []*plan.Plan, customers []*eval.Customer, env eval.Env, run columnar.Run) {
	t.Helper()
	requireMembers(t, s, plans, allByEval(t, plans, customers, env), env, run)
}

// allByEval are the answers of package eval.
func allByEval(t testing.TB, plans []*plan.Plan, customers []*eval.Customer, env eval.Env) [][]dangol.CustomerID {
	t.Helper()
	var out [][]dangol.CustomerID
	for _, p := range plans {
		out = append(out, byEval(t, p, customers, env))
	}
	return out
}

func requireMembers(t testing.TB, s *columnar.Snapshot, plans []*plan.Plan, want [][]dangol.CustomerID, env eval.Env, run columnar.Run) {
	t.Helper()
	answers, err := s.Select(context.Background(), plans, env, run)
	require.NoError(t, err)
	for i, p := range plans {
		require.NoError(t, answers[i].Err, p.Text)
		got := slices.Collect(answers[i].Members.All())
		require.Empty(t, cmp.Diff(want[i], got), "%s as of %s\n%s", p.Text, env.AsOf, p)
		require.Equal(t, len(want[i]), answers[i].Members.Len())
	}
}

func load(t testing.TB, cat *catalog.Catalog, customers []*eval.Customer) *columnar.Table {
	t.Helper()
	table, err := columnar.New(cat, columnar.Options{})
	require.NoError(t, err)
	require.NoError(t, table.Put(customers...))
	return table
}

// Every rule of the corpus and random combinations of them select whom package
// eval selects, over random shops, before and after the logs are put in order.
func TestSelectIsEval(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	cases := 720
	if *soak > 0 {
		cases = *soak
	}
	for i, done := 0, 0; done < cases; i++ {
		rnd := rand.New(rand.NewPCG(*seed, uint64(i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 1 + rnd.IntN(12)}
		var customers []*eval.Customer
		for range 1 + rnd.IntN(60) {
			customers = append(customers, keeper.customer())
		}
		env := eval.Env{AsOf: now.Add(time.Duration(rnd.IntN(3)-1) * time.Hour), Zone: zone(t, zones[rnd.IntN(len(zones))]), Groups: clubs{}}
		table := load(t, cat, customers)
		plans := rules.some(t, rnd, 12)
		if i == 0 {
			plans = nil
			for _, text := range rules.texts {
				if p := rules.plan(t, text, plan.Both); p != nil {
					plans = append(plans, p)
				}
			}
			require.Greater(t, len(plans), 100)
		}
		done = checked(t, done, len(plans))
		want := allByEval(t, plans, customers, env)
		requireMembers(t, table.Snapshot(), plans, want, env, columnar.Run{Workers: 1 + rnd.IntN(3)})
		require.NoError(t, table.Compact(context.Background(), true))
		requireMembers(t, table.Snapshot(), plans, want, env, columnar.Run{})
		requireMembers(t, table.Snapshot(), plans, want, env, columnar.Run{}) // from summaries
	}
}

// What was put is what comes back.
func TestCustomerComesBack(t *testing.T) {
	cat := catalog.Shop()
	keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(*seed, 7)), cat: cat, rows: 6}
	var customers []*eval.Customer
	for range 50 {
		c := keeper.customer()
		for name, v := range c.Attributes {
			if v.Sort() == catalog.Set && len(v.Items()) == 0 {
				delete(c.Attributes, name)
			}
		}
		customers = append(customers, c)
	}
	table := load(t, cat, customers)
	for _, s := range []*columnar.Snapshot{table.Snapshot(), compacted(t, table)} {
		for _, want := range customers {
			got, ok := s.Customer(want.ID)
			require.True(t, ok)
			require.Empty(t, cmp.Diff(want, got, cmp.Comparer(func(a, b catalog.Value) bool {
				return a.Equal(b) || !a.Known() && !b.Known()
			})))
		}
	}
}

func compacted(t testing.TB, table *columnar.Table) *columnar.Snapshot {
	t.Helper()
	require.NoError(t, table.Compact(context.Background(), true))
	return table.Snapshot()
}

// The same over made-up worlds: catalogs of their own, values where mistakes are
// made.
func TestSelectIsEvalInMadeUpWorlds(t *testing.T) {
	cases := 1600
	if testing.Short() {
		cases = 160
	}
	if *soak > 0 {
		cases = *soak
	}
	for i, done := 0, 0; done < cases; i++ {
		w := rulegen.New(*seed + uint64(i))
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		var plans []*plan.Plan
		for range 8 {
			rule := w.Rule([]plan.Scope{plan.Members, plan.Guests, plan.Both}[i%3])
			if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
				plans = append(plans, p)
			}
		}
		done = checked(t, done, len(plans))
		table := load(t, w.Catalog, w.Customers)
		want := allByEval(t, plans, w.Customers, w.Env())
		for range 2 {
			requireMembers(t, table.Snapshot(), plans, want, w.Env(), columnar.Run{})
			require.NoError(t, table.Compact(context.Background(), true))
		}
	}
}

// Windows that start together but end apart, all after as-of, share a scan; each
// has its answer.
func TestWindowsThatEndApart(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(9, 9)), cat: cat, rows: 10}
	customers := keeper.customers(50)
	env := eval.Env{AsOf: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	plans := rules.plans(t, `visits(since 2026-01-01) >= 1`, `visits(2026-01-01 .. 2026-12-31) >= 2`, `visits(this month) >= 1`,
		`visits(2026-01-01 .. 2027-12-31) >= 3`, `visits(30d) >= 1`)
	for range 10 { // the order of a map differs from run to run
		requireSame(t, load(t, cat, customers).Snapshot(), plans, customers, env, columnar.Run{})
	}
}
