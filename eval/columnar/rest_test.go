package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/stretchr/testify/require"
)

// Windows that reach back nearly to the first row are answered by all rows without
// those before, again and again, and still as package eval says: with filters,
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
		var customers []*eval.Customer
		for range 30 {
			customers = append(customers, keeper.customer())
		}
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
				rested += strings.Count(text, string(columnar.Rest))
			}
			requireSame(t, table.Snapshot(), slices.Concat(plans...), customers, env, columnar.Run{})
			for at := range customers {
				if rnd.IntN(6) == 0 {
					customers[at] = keeper.changed(customers[at])
					require.NoError(t, table.Put(customers[at]))
				}
			}
			if rnd.IntN(2) == 0 {
				require.NoError(t, table.Compact(context.Background(), true))
			}
		}
	}
	require.Greater(t, rested, 20, "hardly any window was answered so")
}

// Windows that share a scan divide it: the short ones are read, and the long ones
// are all rows without those before; with ranks and late rows, as package eval says.
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
		var customers []*eval.Customer
		for range 15 {
			customers = append(customers, keeper.customer())
		}
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
			rested += strings.Count(text, string(columnar.Rest))
			shared += strings.Count(text, string(columnar.Shared))
			for at := range customers {
				if rnd.IntN(6) == 0 {
					customers[at] = keeper.changed(customers[at])
					require.NoError(t, table.Put(customers[at]))
				}
			}
		}
	}
	require.Greater(t, rested, 5, "hardly any window was answered so")
	require.Greater(t, shared, 5, "hardly any window was scanned")
}
