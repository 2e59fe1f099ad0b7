package columnar_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// A write that the budget has no room for leaves everything as it was, whichever
// write it is; what goes makes room.
func TestBudget(t *testing.T) {
	ctx := context.Background()
	cat := catalog.Shop()
	rules := newRules(t, cat)
	rnd := rand.New(rand.NewPCG(*seed, 9000))
	keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 5}
	table, err := columnar.New(cat, columnar.Options{MaxBytes: 400_000})
	require.NoError(t, err)
	plans := rules.some(t, rnd, 10)
	env := eval.Env{AsOf: now, Groups: clubs{}}
	var customers []*eval.Customer
	full := 0
	for full < 20 {
		c := keeper.customer()
		c.ID = dangol.CustomerID(fmt.Sprint("n", len(customers)))
		put := []*eval.Customer{c}
		if rnd.IntN(2) == 0 && len(customers) > 0 { // with one who is there, changed
			changed := keeper.changed(customers[0])
			put = append(put, changed)
		}
		switch err := table.Put(put...); {
		case err == nil:
			customers = append(customers, c)
			if len(put) == 2 {
				customers[0] = put[1]
			}
		default:
			require.ErrorIs(t, err, columnar.ErrFull)
			full++
		}
	}
	require.Greater(t, len(customers), 20)
	require.Less(t, table.Bytes(), 400_000+1<<20, "with what lists of rows take in one shard, however few the rows")
	last := *customers[0]
	last.Records = maps.Clone(last.Records)
	for i := 0; err == nil; i++ {
		visit := &eval.Record{Key: fmt.Sprint("z", 1000+i), Fields: map[string]catalog.Value{"at": catalog.TimeValue(now)}}
		if err = table.Write(columnar.Change{Customer: last.ID, Kind: "visits", Record: visit, New: true}); err == nil {
			last.Records["visits"] = append(slices.Clip(last.Records["visits"]), visit)
		}
	}
	require.ErrorIs(t, err, columnar.ErrFull)
	customers[0] = &last
	rows := table.Bytes()
	requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
	requireMatches(t, table, plans, customers, env)
	require.Greater(t, table.Bytes(), rows, "what readers keep is counted")

	for _, c := range customers[1:] {
		table.Delete(c.ID)
	}
	require.NoError(t, table.Compact(ctx, true))
	require.NoError(t, table.Put(keeper.customer()))
	require.NoError(t, table.Write(columnar.Change{Customer: customers[0].ID, Kind: "visits", Record: &eval.Record{Key: "more"}, New: true}))

	empty, err := columnar.New(cat, columnar.Options{MaxBytes: 200_000})
	require.NoError(t, err)
	require.ErrorIs(t, empty.LoadColumns(columnsOf(t, rnd, cat, customers)), columnar.ErrFull)
	require.Zero(t, empty.Len())
	require.NoError(t, empty.LoadColumns(columnsOf(t, rnd, cat, customers[1:8])))
}

// Counts that readers keep take what rows leave of the budget, and give it back to rows;
// answers do not depend on it.
func TestRowsComeBeforeMoments(t *testing.T) {
	const n = 3000
	rules := newRules(t, catalog.Shop())
	plans := rules.plans(t, `visits(365d) >= 10`)
	env := eval.Env{AsOf: now}
	want := members(t, visitors(t, n).Snapshot(), plans, env)
	asked := func(table *columnar.Table) string {
		for range 6 {
			require.Equal(t, want, members(t, table.Snapshot(), plans, env))
		}
		text, err := table.Snapshot().ExplainPlan(context.Background(), plans, env, columnar.Run{})
		require.NoError(t, err)
		return text
	}
	in := visitorColumns(n)
	table, err := columnar.New(catalog.Shop(), columnar.Options{MaxBytes: in.Bytes() + 300_000})
	require.NoError(t, err)
	require.NoError(t, table.LoadColumns(in))
	require.Contains(t, asked(table), columnar.Moments)
	kept := table.Bytes()
	for i := 0; err == nil; i++ {
		old := &eval.Record{Key: fmt.Sprint("z", i), Fields: map[string]catalog.Value{"at": catalog.TimeValue(now.AddDate(-3, 0, 0))}}
		err = table.Write(columnar.Change{Customer: "00000000", Kind: "logins", Record: old, New: true})
		if i%1000 == 0 {
			asked(table)
		}
	}
	require.ErrorIs(t, err, columnar.ErrFull)
	require.Greater(t, table.Bytes(), kept, "rows took the place of what was kept")
	text := asked(table)
	require.Contains(t, text, columnar.Scan)
	require.NotContains(t, text, columnar.Moments)
}
