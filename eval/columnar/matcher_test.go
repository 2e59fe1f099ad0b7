package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/stretchr/testify/require"
)

// requireAnswers asks a Matcher about customers one at a time, as package eval.
func requireAnswers(t testing.TB, m *columnar.Matcher, plans []*plan.Plan, customers []*eval.Customer, env eval.Env) {
	t.Helper()
	in := make([]bool, len(plans))
	for _, c := range customers {
		found, err := m.Matches(c.ID, env.AsOf, in)
		require.NoError(t, err)
		require.True(t, found)
		for i, p := range plans {
			want, err := eval.Eval(p, c, env)
			require.NoError(t, err)
			require.Equal(t, want, in[i], "%s of %s", p.Text, c.ID)
		}
	}
}

// requireMatches compares one customer at a time with package eval.
func requireMatches(t testing.TB, table *columnar.Table, plans []*plan.Plan, customers []*eval.Customer, env eval.Env) {
	t.Helper()
	env.Cuts = map[string]eval.Cut{}
	answers, err := table.Snapshot().Select(context.Background(), plans, env, columnar.Run{})
	require.NoError(t, err)
	for _, p := range plans {
		for _, r := range eval.Ranks(p) {
			// Cuts differ from population to population; any will do here.
			env.Cuts[eval.RankKey(r)] = answers[0].Cuts[eval.RankKey(r)]
		}
	}
	m, err := table.Matcher(plans, env)
	require.NoError(t, err)
	in, bound := make([]bool, len(plans)), make([]bool, len(plans))
	snapshot, reader := table.Snapshot(), m.Reader(env.AsOf)
	for _, c := range customers {
		found, err := m.Matches(c.ID, env.AsOf, in)
		require.NoError(t, err)
		require.True(t, found)
		place, found := snapshot.Find(c.ID)
		require.True(t, found)
		require.NoError(t, reader.Matches(place, bound))
		require.Equal(t, in, bound, c.ID)
		first, err := reader.Holds(place)
		require.NoError(t, err)
		require.Equal(t, in[0], first, "%s of %s", plans[0].Text, c.ID)
		for i, p := range plans {
			want, err := eval.Eval(p, c, env)
			require.NoError(t, err)
			require.Equal(t, want, in[i], "%s of %s\n%s", p.Text, c.ID, p)
		}
	}
	found, err := m.Matches("nobody at all", env.AsOf, in)
	require.NoError(t, err)
	require.False(t, found)
}

func TestMatchesIsEval(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	for i := range 40 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(3000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 8}
		customers := keeper.customers(20)
		table := load(t, cat, customers)
		env := eval.Env{AsOf: now, Zone: zone(t, zones[i%len(zones)]), Groups: clubs{}}
		plans := rules.some(t, rnd, 10)
		requireMatches(t, table, plans, customers, env)
		require.NoError(t, table.Compact(context.Background(), true))
		requireMatches(t, table, plans, customers, env)
		customers[0] = keeper.changed(customers[0])
		require.NoError(t, table.Put(customers[0]))
		requireMatches(t, table, plans, customers, env)
	}
}

func TestMatchesIsEvalInMadeUpWorlds(t *testing.T) {
	for i := range 100 {
		w := rulegen.New(*seed + 10_000 + uint64(i))
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		var plans []*plan.Plan
		for range 6 {
			rule := w.Rule(plan.Both)
			if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
				plans = append(plans, p)
			}
		}
		if len(plans) == 0 {
			continue
		}
		table := load(t, w.Catalog, w.Customers)
		require.NoError(t, table.Compact(context.Background(), i%2 == 0))
		requireMatches(t, table, plans, w.Customers, w.Env())
	}
}

// A question takes no memory.
func TestMatchesTakesNoMemory(t *testing.T) {
	cat := catalog.Shop()
	rnd := rand.New(rand.NewPCG(1, 1))
	keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 30}
	customers := keeper.customers(20)
	table := load(t, cat, customers)
	require.NoError(t, table.Compact(context.Background(), true))
	plans := newRules(t, cat).plans(t, `joined within 7d and not orders(7d) >= 1`, `distinct(items.product, 90d) >= 3`,
		`last(orders) not within 90d and sum(orders.total, 365d) > 10`, `share(items, 180d where category = "shoes") >= 60%`,
		`first(orders.coupon) is known or cart(where product = "A")`, `visits(365d where page = "/sale") >= 3 and orders(since last(logins)) = 0`,
		`name contains "Kim" and tags contains "vip" and active_days(visits, 30d) >= 2`)
	m, err := table.Matcher(plans, eval.Env{})
	require.NoError(t, err)
	in := make([]bool, len(plans))
	ask := func() {
		for _, c := range customers {
			if _, err := m.Matches(c.ID, now, in); err != nil {
				t.Error(err)
			}
		}
	}
	ask()
	if underRace {
		t.Skip("the race detector allocates")
	}
	require.Less(t, testing.AllocsPerRun(50, ask), 1.0)
}

// Memory that rules of one bound second hold is let go at the next.
func TestMatcherFollowsTheClock(t *testing.T) {
	table := load(t, catalog.Shop(), []*eval.Customer{{ID: "a", Attributes: map[string]catalog.Value{"joined": catalog.TimeValue(now)}}})
	m, err := table.Matcher(newRules(t, catalog.Shop()).plans(t, `joined within 1h`), eval.Env{})
	require.NoError(t, err)
	in := make([]bool, 1)
	for offset, want := range map[time.Duration]bool{0: false, time.Second: true, time.Hour: true, time.Hour + time.Second: false} {
		_, err := m.Matches("a", now.Add(offset), in)
		require.NoError(t, err)
		require.Equal(t, want, in[0], fmt.Sprint(offset))
	}
}
