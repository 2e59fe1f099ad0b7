package store_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// shelf is a Keeper that breaks at one of its calls, and remembers the fields of
// every row that it was ever given.
type shelf struct {
	rows  map[string]map[string]store.Kept
	left  int // calls before the one that breaks; below zero none does
	given []map[string]catalog.Value
	was   []map[string]catalog.Value
}

var errBroken = errors.New("the shelf is broken")

func (s *shelf) call() error {
	s.left--
	if s.left == -1 {
		return errBroken
	}
	return nil
}

func (s *shelf) Row(kind, key string) (store.Kept, bool, error) {
	row, found := s.rows[kind][key]
	return row, found, s.call()
}

func (s *shelf) Of(kind string, customer dangol.CustomerID) (map[string]store.Kept, error) {
	out := maps.Clone(s.rows[kind])
	maps.DeleteFunc(out, func(_ string, row store.Kept) bool { return row.Customer != customer })
	return out, s.call()
}

func (s *shelf) Keep(kind, key string, row store.Kept) error {
	if s.rows == nil {
		s.rows = map[string]map[string]store.Kept{}
	}
	if s.rows[kind] == nil {
		s.rows[kind] = map[string]store.Kept{}
	}
	s.rows[kind][key] = row
	s.given, s.was = append(s.given, row.Fields), append(s.was, maps.Clone(row.Fields))
	return s.call()
}

func (s *shelf) Drop(kind, key string) error {
	if _, there := s.rows[kind][key]; !there {
		return errors.New("nothing to drop")
	}
	delete(s.rows[kind], key)
	return s.call()
}

// life is changes of every sort.
func life() []store.Change {
	f := func(name string, v catalog.Value) map[string]catalog.Value { return map[string]catalog.Value{name: v} }
	text := catalog.StringValue
	return []store.Change{
		{Customer: "a"}, {Customer: "g", Guest: true}, {Op: store.Set, Customer: "a", Fields: f("city", text("Seoul"))},
		{Kind: "products", Key: "p", Fields: f("category", text("shoes"))}, {Op: store.Set, Kind: "products", Key: "p", Fields: f("brand", text("X"))},
		{Customer: "g", Kind: "all_orders", Key: "o"}, {Customer: "g", Kind: "items", Key: "i", Parent: "o", Fields: f("product", text("p"))},
		{Op: store.Set, Kind: "items", Key: "i", Fields: f("quantity", catalog.NumberValue(2))},
		{Op: store.Merge, Customer: "a", From: "g"},
		{Op: store.Delete, Kind: "all_orders", Key: "o"}, {Op: store.Delete, Kind: "products", Key: "p"},
		{Customer: "a", Kind: "logins", Key: "l"}, {Op: store.Delete, Customer: "a"},
		{Op: store.Delete, Customer: "a"}, {Op: store.Delete, Kind: "logins", Key: "l"}, {Op: store.Delete, Kind: "products", Key: "p"},
	}
}

func schema(t *testing.T) *store.Schema {
	t.Helper()
	s, err := store.NewSchema(catalog.Shop())
	require.NoError(t, err)
	return s
}

// Whichever call of a Keeper fails, Apply stops there and returns that error.
func TestKeeperThatBreaks(t *testing.T) {
	s, calls := schema(t), 0
	for ; ; calls++ {
		k := &shelf{left: calls}
		err := s.Apply(t.Context(), k, store.Stream(life()...))
		if err == nil {
			require.Empty(t, k.rows["all_orders"])
			require.Empty(t, k.rows["items"])
			break
		}
		require.ErrorIs(t, err, errBroken, "call %d", calls)
		require.Equal(t, -1, k.left, "no call after the one that broke")
	}
	require.Greater(t, calls, 30)

	k := &shelf{left: -1}
	require.NoError(t, s.Apply(t.Context(), k, store.Stream(life()[:8]...)))
	for k.left, calls = 0, 0; ; calls++ {
		k.left = calls
		if _, err := s.Customer(k, "g"); err == nil {
			break
		} else {
			require.ErrorIs(t, err, errBroken)
		}
	}
	require.Greater(t, calls, 5)
}

// The fields of a row that a Keeper holds are never written to, so that it may hand
// out what it has and copy no more than its maps.
func TestKeptRowsAreLeftAlone(t *testing.T) {
	k := &shelf{left: -1}
	require.NoError(t, schema(t).Apply(t.Context(), k, store.Stream(life()...)))
	for i := range k.given {
		require.Empty(t, cmp.Diff(k.was[i], k.given[i]))
	}
}

// A stream that fails or a context that ends is told as it is; a change at fault by
// its number.
func TestApplyTellsWhatEndedIt(t *testing.T) {
	s := schema(t)
	cut := errors.New("the line is cut")
	err := s.Apply(t.Context(), &shelf{left: -1}, func(yield func(store.Change, error) bool) {
		if yield(store.Change{Customer: "a"}, nil) {
			yield(store.Change{}, cut)
		}
	})
	require.ErrorIs(t, err, cut)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k := &shelf{left: -1}
	require.ErrorIs(t, s.Apply(ctx, k, store.Stream(life()...)), context.Canceled)
	require.Empty(t, k.rows)

	var bad *store.InvalidError
	require.ErrorAs(t, s.Apply(t.Context(), k, store.Stream(store.Change{Customer: "a"}, store.Change{Customer: "b", Kind: "items", Key: "i", Parent: "o"})), &bad)
	require.Equal(t, 1, bad.Index)
	require.Contains(t, bad.Error(), "no such customer")

	_, err = s.Customer(k, "b")
	require.ErrorIs(t, err, store.ErrNotFound)
}
