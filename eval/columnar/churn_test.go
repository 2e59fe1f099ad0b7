package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A shop whose customers all go, and are followed by as many others, ten times over,
// takes about the memory of those who are there. Who comes has nothing of who went;
// snapshots keep those they had, in their order.
func TestPlacesOfThoseWhoWentAreUsedAgain(t *testing.T) {
	ctx := context.Background()
	const n, generations = 150, 10
	cat := catalog.Shop()
	rnd := rand.New(rand.NewPCG(*seed, 55))
	keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 4}
	table, err := columnar.New(cat, columnar.Options{})
	require.NoError(t, err)
	plans := newRules(t, cat).some(t, rnd, 4)
	env := eval.Env{AsOf: now, Groups: clubs{}}
	same := sameValues()
	var customers []*eval.Customer
	come := func() {
		c := keeper.customer()
		c.ID = dangol.CustomerID(fmt.Sprintf("%x", rnd.Uint64())) // anywhere in the order
		require.NoError(t, table.Write(between(rnd, cat, nil, c)...))
		customers = append(customers, c)
	}
	for range n {
		come()
	}
	table.Look("", "all_orders", "who knows") // from now on keys are kept too
	require.NoError(t, table.Compact(ctx, true))
	members(t, table.Snapshot(), plans, env)
	begin := table.Bytes()
	for range generations {
		before, was := table.Snapshot(), slices.Clone(customers)
		answers := members(t, before, plans, env)
		place, ok := before.Find(was[0].ID)
		require.True(t, ok)
		for i := range n {
			at := rnd.IntN(n - min(i, n-1)) // of the old ones
			old := customers[at]
			customers = slices.Delete(customers, at, at+1)
			require.NoError(t, table.Write(columnar.Change{Customer: old.ID, Gone: true}))
			_, ok := table.Customer(old.ID)
			require.False(t, ok)
			come()
			if i == n/2 {
				held := table.Snapshot()
				requireSame(t, held, plans, customers, env, columnar.Run{})
				_, ok := held.Find(old.ID)
				require.False(t, ok)
				var ids []dangol.CustomerID
				require.NoError(t, held.Each(func(c *eval.Customer) error {
					ids = append(ids, c.ID)
					return nil
				}))
				require.True(t, slices.IsSorted(ids))
				require.Len(t, ids, n)
				require.NoError(t, table.Compact(ctx, false))
			}
		}
		requireMatches(t, table, plans, customers, env)
		requireSame(t, before, plans, was, env, columnar.Run{})
		require.Equal(t, answers, members(t, before, plans, env))
		again, ok := before.Find(was[0].ID)
		require.True(t, ok)
		require.Equal(t, place, again)
		first, ok := before.Customer(was[0].ID)
		require.True(t, ok)
		require.Empty(t, cmp.Diff(was[0].Attributes, first.Attributes, same))
		require.Equal(t, n, table.Len())
	}
	require.NoError(t, table.Compact(ctx, true))
	require.Less(t, table.Bytes(), begin+begin/3)
	requirePresent(t, table, cat, customers, same)
}
