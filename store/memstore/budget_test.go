package memstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// Out of the budget, changes are refused and nothing of them has happened; a stream
// without an end is, too; what is deleted makes room.
func TestMemoryBudget(t *testing.T) {
	ctx := context.Background()
	same := cmp.Comparer(catalog.Value.Equal)
	s, err := memstore.New(catalog.Shop(), memstore.Options{MaxBytes: 60_000})
	require.NoError(t, err)
	c := &churn{Rand: rand.New(rand.NewPCG(3, 3)), all: map[dangol.CustomerID][]string{}}
	full := 0
	for range 2000 {
		before := dump(t, s)
		known := map[dangol.CustomerID][]string{}
		for id, orders := range c.all {
			known[id] = orders
		}
		err := s.Apply(ctx, c.changes(20)...)
		if err == nil {
			continue
		}
		require.ErrorIs(t, err, memstore.ErrFull)
		require.Empty(t, cmp.Diff(before, dump(t, s), same))
		c.all = known
		if full++; full == 5 {
			break
		}
	}
	require.Equal(t, 5, full)
	endless := func(yield func(store.Change, error) bool) {
		for i := 0; yield(store.Change{Customer: dangol.CustomerID(fmt.Sprint("e", i))}, nil); i++ {
		}
	}
	require.ErrorIs(t, s.Load(ctx, endless), memstore.ErrFull)
	for id := range c.all {
		require.NoError(t, s.Apply(ctx, store.Change{Op: store.Delete, Customer: id}))
	}
	require.Zero(t, s.Len())
	require.NoError(t, s.Apply(ctx, store.Change{Customer: "after"}))

	s, err = memstore.New(catalog.Shop(), memstore.Options{MaxBytes: 10_000})
	require.NoError(t, err)
	var in store.Columns
	for i := range 1000 {
		in.IDs = append(in.IDs, dangol.CustomerID(fmt.Sprint(i)))
	}
	require.ErrorIs(t, s.LoadColumns(ctx, in), memstore.ErrFull)
	require.Zero(t, s.Len())
	in.IDs = in.IDs[:10]
	require.NoError(t, s.LoadColumns(ctx, in))
}

// A shop whose customers go and are followed by others does not grow: who was there
// before them takes no memory, and so a budget for those who are there is enough.
func TestMemoryOfThoseWhoWentIsUsedAgain(t *testing.T) {
	const there, ever = 200, 4000
	ctx := context.Background()
	s, err := memstore.New(catalog.Shop(), memstore.Options{MaxBytes: 120_000})
	require.NoError(t, err)
	defer s.Close()
	id := func(n int) dangol.CustomerID { return dangol.CustomerID(fmt.Sprintf("customer %06d", n)) }
	for n := range ever {
		if n >= there {
			require.NoError(t, s.Apply(ctx, store.Change{Op: store.Delete, Customer: id(n - there)}))
		}
		key := fmt.Sprint(n)
		require.NoError(t, s.Apply(ctx, store.Change{Customer: id(n)},
			store.Change{Customer: id(n), Kind: "all_orders", Key: key, Fields: map[string]catalog.Value{"placed": catalog.TimeValue(noon), "total": catalog.NumberValue(int64(n))}},
			store.Change{Customer: id(n), Kind: "visits", Key: key, Fields: map[string]catalog.Value{"at": catalog.TimeValue(noon)}},
		), n)
		if n%500 == 0 {
			c, err := s.Customer(ctx, id(n))
			require.NoError(t, err)
			require.Len(t, c.Records["all_orders"], 1)
			require.Len(t, c.Records["visits"], 1)
		}
	}
	require.Equal(t, there, s.Len())
	require.Len(t, dump(t, s), there)
}
