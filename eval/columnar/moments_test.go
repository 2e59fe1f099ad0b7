package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/stretchr/testify/require"
)

// Windows that reach back nearly to the first row are answered from what is kept,
// again and again, and still as package eval says: with filters,
// parents, ranks, late rows and other windows beside, while customers change.
func TestRestIsEval(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	forms := []string{
		`visits(%dd) >= 3`, `all_orders(%dd) = 2`, `orders(%dd where status = "confirmed") >= 1`, `sum(orders.total, %dd) >= 50_000`,
		`sum(all_orders.total, %dd where status = "confirmed") > 0`, `items(%dd) >= 2`, `share(items, %dd where quantity >= 2) >= 40%%`,
		`sum(orders.total, %dd) in top 30%%`, `visits(%dd) in bottom 20%%`, `country = "KR" and visits(%dd) >= 1`,
	}
	rested := 0
	for i := range 24 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(5000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 12}
		customers := keeper.customers(30)
		table := load(t, cat, customers)
		var plans [][]*plan.Plan
		for range 4 {
			text := fmt.Sprintf(forms[rnd.IntN(len(forms))], 430+rnd.IntN(360))
			plans = append(plans, []*plan.Plan{rules.plan(t, text, []plan.Scope{plan.Members, plan.Both}[rnd.IntN(2)])})
			require.NotNil(t, plans[len(plans)-1][0], text)
		}
		env := eval.Env{AsOf: now.Add(1001 * time.Hour), Zone: zone(t, zones[rnd.IntN(len(zones))])} // all rows are of the past
		for range 3 {
			for _, one := range plans {
				want := allByEval(t, one, customers, env)
				for range 4 {
					requireMembers(t, table.Snapshot(), one, want, env, columnar.Run{})
				}
				text, err := table.Snapshot().ExplainPlan(context.Background(), one, env, columnar.Run{})
				require.NoError(t, err)
				rested += strings.Count(text, string(columnar.Moments))
			}
			requireSame(t, table.Snapshot(), slices.Concat(plans...), customers, env, columnar.Run{})
			keeper.change(t, table, customers, 6)
			if rnd.IntN(2) == 0 {
				require.NoError(t, table.Compact(context.Background(), true))
			}
		}
	}
	require.Greater(t, rested, 20, "hardly any window was answered so")
}

// Windows that share a scan divide it: the short ones are read, and the long ones lie
// between kept moments; with ranks and late rows, as package eval says.
func TestSharedScansAreEval(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	forms := []string{
		`visits(%dd) >= 3`, `orders(%dd where status = "confirmed") >= 1`, `sum(orders.total, %dd) >= 50_000`,
		`sum(all_orders.total, %dd where status = "confirmed") > 0`, `items(%dd) >= 2`, `sum(orders.total, %dd) in top 30%%`,
	}
	rested, shared := 0, 0
	for i := range 18 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(8000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 40}
		customers := keeper.customers(15)
		table := load(t, cat, customers)
		form := forms[i%len(forms)]
		var plans []*plan.Plan
		for _, days := range []int{10 + rnd.IntN(20), 30 + rnd.IntN(50), 500 + rnd.IntN(90), 600 + rnd.IntN(160)} {
			plans = append(plans, rules.plan(t, fmt.Sprintf(form, days), plan.Members))
			require.NotNil(t, plans[len(plans)-1])
		}
		env := eval.Env{AsOf: now.Add(1001 * time.Hour), Zone: zone(t, zones[rnd.IntN(len(zones))])}
		for round := range 3 {
			if round < 2 { // and late rows in the last
				require.NoError(t, table.Compact(context.Background(), true))
			}
			want := allByEval(t, plans, customers, env)
			for range 8 {
				requireMembers(t, table.Snapshot(), plans, want, env, columnar.Run{})
			}
			text, err := table.Snapshot().ExplainPlan(context.Background(), plans, env, columnar.Run{})
			require.NoError(t, err)
			rested += strings.Count(text, string(columnar.Moments))
			shared += strings.Count(text, string(columnar.Shared))
			keeper.change(t, table, customers, 6)
		}
	}
	require.Greater(t, rested, 5, "hardly any window was answered so")
	require.Greater(t, shared, 5, "hardly any window was scanned")
}

// What is kept at moments answers every window at every as-of, not only those that
// were asked when it was made: as-of goes back and forth between questions, windows end
// anywhere, and a snapshot that is held answers as it did, whatever has been written and
// kept since.
func TestMomentsOfAnyTime(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	forms := []string{
		`visits(%dd ago .. %dd ago) >= 2`, `sum(orders.total, %dd ago .. %dd ago) >= 10_000`, `sum(returns.amount, %dd ago .. %dd ago) >= 1`,
		`orders(%dd ago .. %dd ago where status = "confirmed") >= 1`, `sum(items.amount, %dd ago .. %dd ago) in top 20%%`,
		`sum(items.quantity, %dd ago .. %dd ago) in bottom 20%%`, `items(%dd ago .. %dd ago where order.status = "confirmed") >= 1`,
	}
	asked := 0
	for i := range 14 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(6000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 30}
		customers := keeper.customers(20)
		table := load(t, cat, customers)
		form := forms[i%len(forms)]
		question := func(s *columnar.Snapshot, customers []*eval.Customer) {
			from := 200 + rnd.IntN(600)
			one := rules.plans(t, fmt.Sprintf(form, from, rnd.IntN(from/2)))
			env := eval.Env{AsOf: now.Add(time.Duration(rnd.IntN(8000)-6000) * time.Hour), Zone: zone(t, zones[rnd.IntN(len(zones))])}
			requireSame(t, s, one, customers, env, columnar.Run{})
			text, err := s.ExplainPlan(context.Background(), one, env, columnar.Run{})
			require.NoError(t, err)
			asked += strings.Count(text, string(columnar.Moments))
		}
		for range 3 {
			held, then := table.Snapshot(), slices.Clone(customers)
			for range 8 {
				question(held, then)
			}
			keeper.change(t, table, customers, 4)
			if rnd.IntN(2) == 0 {
				require.NoError(t, table.Compact(context.Background(), true))
			}
			for range 8 {
				question(table.Snapshot(), customers)
				question(held, then)
			}
		}
	}
	require.Greater(t, asked, 100, "hardly any window was answered so")
}

// Numbers at moments fit whatever a window holds: of customers with few rows, with
// more than a byte and with more than two bytes hold, while customers come.
func TestMomentsFit(t *testing.T) {
	const n = 70_000
	table, err := columnar.New(catalog.Shop(), columnar.Options{})
	require.NoError(t, err)
	in := columnar.Columns{IDs: []dangol.CustomerID{"few", "some", "many"}}
	visits := columnar.Rows{Kind: "visits"}
	at := columnar.Column{}
	for i := range n { // a minute apart, the newest first
		for who, every := range []int{20_000, 100, 1} {
			if i%every == 0 {
				visits.Customer = append(visits.Customer, uint32(who))
				at.Ints = append(at.Ints, now.Add(-time.Duration(i+1)*time.Minute).UnixMicro())
			}
		}
	}
	visits.Fields = map[string]columnar.Column{"at": at}
	in.Rows = []columnar.Rows{visits}
	require.NoError(t, table.LoadColumns(in))
	rules := newRules(t, catalog.Shop())
	moments := 0
	for i, asOf := range []time.Time{now, now.Add(-13 * time.Hour), now.AddDate(0, 0, -9), now.AddDate(0, 0, -44)} {
		for _, days := range []int{60, 41, 27, 18, 3} {
			last := int(now.Sub(asOf) / time.Minute) // the number of the newest row before as-of
			first := min(n, last+days*24*60)
			within := func(every int) int { return (first+every-1)/every - (last+every-1)/every }
			plans := rules.plans(t, fmt.Sprintf(`visits(%dd) = %d`, days, within(1)), fmt.Sprintf(`visits(%dd) = %d`, days, within(100)), fmt.Sprintf(`visits(%dd) >= %d`, days, n+1))
			env := eval.Env{AsOf: asOf}
			got := members(t, table.Snapshot(), plans, env)
			require.Contains(t, got[0], dangol.CustomerID("many"), "%dd as of %s", days, asOf)
			require.Contains(t, got[1], dangol.CustomerID("some"), "%dd as of %s", days, asOf)
			require.Empty(t, got[2])
			text, err := table.Snapshot().ExplainPlan(context.Background(), plans[:1], env, columnar.Run{})
			require.NoError(t, err)
			moments += strings.Count(text, string(columnar.Moments))
		}
		require.NoError(t, table.Put(&eval.Customer{ID: dangol.CustomerID(fmt.Sprint("new ", i))}))
	}
	require.Greater(t, moments, 5)
}
