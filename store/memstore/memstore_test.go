package memstore_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func open(t require.TestingT) *memstore.Store {
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	return s
}

func ids(t require.TestingT, s *memstore.Store) []dangol.CustomerID {
	var out []dangol.CustomerID
	require.NoError(t, s.Each(context.Background(), func(c *eval.Customer) error {
		out = append(out, c.ID)
		return nil
	}))
	return out
}

// Pages and shards split, shrink and vanish; a plain map says what must be there.
func TestPagesKeepEveryCustomerInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := memstore.New(catalog.Shop(), memstore.Options{ByEval: rapid.Bool().Draw(t, "pages")})
		require.NoError(t, err)
		want := map[dangol.CustomerID]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			from := rapid.IntRange(0, 3000).Draw(t, "from")
			n := rapid.IntRange(1, 1500).Draw(t, "n")
			op := rapid.SampledFrom([]store.Op{store.Put, store.Put, store.Delete}).Draw(t, "op")
			var changes []store.Change
			for i := from; i < from+n; i++ {
				id := dangol.CustomerID(fmt.Sprintf("c%04d", i))
				changes = append(changes, store.Change{Op: op, Customer: id})
				if op == store.Put {
					want[id] = true
				} else {
					delete(want, id)
				}
			}
			require.NoError(t, s.Apply(context.Background(), changes...))
		}
		var expect []dangol.CustomerID
		for id := range want {
			expect = append(expect, id)
		}
		slices.Sort(expect)
		require.Empty(t, cmp.Diff(expect, ids(t, s)))
		require.Equal(t, len(expect), s.Len())
		for i := range 100 {
			id := dangol.CustomerID(fmt.Sprintf("c%04d", i*45))
			_, err := s.Customer(context.Background(), id)
			require.Equal(t, want[id], err == nil)
		}
	})
}

// A snapshot that a reader holds does not change under later writes.
func TestReadersKeepWhatTheyRead(t *testing.T) {
	ctx := t.Context()
	s := open(t)
	require.NoError(t, s.Apply(ctx,
		store.Change{Customer: "a", Fields: map[string]catalog.Value{"points": catalog.NumberValue(1)}},
		store.Change{Customer: "a", Kind: "all_orders", Key: "o", Fields: map[string]catalog.Value{"total": catalog.NumberValue(5)}},
		store.Change{Customer: "a", Kind: "items", Key: "i", Parent: "o", Fields: map[string]catalog.Value{"product": catalog.StringValue("p")}}))
	before, err := s.Customer(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, s.Apply(ctx,
		store.Change{Op: store.Set, Customer: "a", Fields: map[string]catalog.Value{"points": catalog.NumberValue(2)}},
		store.Change{Op: store.Set, Kind: "all_orders", Key: "o", Fields: map[string]catalog.Value{"total": catalog.NumberValue(6)}},
		store.Change{Kind: "products", Key: "p", Fields: map[string]catalog.Value{"brand": catalog.StringValue("X")}}))
	require.EqualValues(t, 1, before.Attributes["points"].Int())
	require.EqualValues(t, 5, before.Records["items"][0].Parent.Fields["total"].Int())
	require.False(t, before.Records["items"][0].Fields["product.brand"].Known())

	after, err := s.Customer(ctx, "a")
	require.NoError(t, err)
	item := after.Records["items"][0]
	require.Same(t, after.Records["all_orders"][0], item.Parent)
	require.EqualValues(t, 6, item.Parent.Fields["total"].Int())
	require.Equal(t, "X", item.Fields["product.brand"].Text())
}

func TestEachEndsWithItsContext(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, s.Apply(ctx, store.Change{Customer: "a"}))
	cancel()
	require.ErrorIs(t, s.Each(ctx, func(*eval.Customer) error { return nil }), context.Canceled)
	require.ErrorIs(t, s.Apply(ctx, store.Change{Customer: "b"}), context.Canceled)
	_, err := s.Select(ctx, store.Query{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, s.Len())
}

func TestLoadOfABrokenStreamLeavesNothing(t *testing.T) {
	s := open(t)
	broken := fmt.Errorf("the line is cut")
	var stream iter.Seq2[store.Change, error] = func(yield func(store.Change, error) bool) {
		_ = yield(store.Change{Customer: "a"}, nil) && yield(store.Change{}, broken)
	}
	require.ErrorIs(t, s.Load(t.Context(), stream), broken)
	require.Zero(t, s.Len())
}
