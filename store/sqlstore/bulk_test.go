package sqlstore_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func each(changes []store.Change) iter.Seq2[store.Change, error] {
	return func(yield func(store.Change, error) bool) {
		for _, c := range changes {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func everybody(t *testing.T, s store.Streamer) string {
	var b strings.Builder
	require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
		b.WriteString(storetest.Dump(c))
		return nil
	}))
	return b.String()
}

// A load into empty tables, which sends many rows at once, leaves what the changes one
// by one leave, also where it comes upon some that it must make one by one, and also
// for changes that follow.
func TestLoadIsApply(t *testing.T) {
	for seed := range uint64(25) {
		w := rulegen.New(seed + 9000)
		loaded, applied := scratch(t, w.Catalog, sqlstore.Options{}), scratch(t, w.Catalog, sqlstore.Options{})
		changes := w.Changes()
		if seed%3 == 1 { // dimensions after the records that reach them
			slices.SortStableFunc(changes, func(a, b store.Change) int { return dimension(w.Catalog, a) - dimension(w.Catalog, b) })
		}
		w.Pass()
		step := w.Step()
		if seed%2 == 1 {
			changes, step = slices.Concat(changes, step), nil
		}
		require.NoError(t, loaded.Load(t.Context(), each(changes)))
		require.NoError(t, applied.Apply(t.Context(), changes...))
		require.Empty(t, cmp.Diff(everybody(t, applied), everybody(t, loaded)), "seed %d", seed)
		for range 3 {
			require.NoError(t, loaded.Load(t.Context(), each(step)))
			require.NoError(t, applied.Apply(t.Context(), step...))
			require.Empty(t, cmp.Diff(everybody(t, applied), everybody(t, loaded)), "seed %d", seed)
			w.Pass()
			step = w.Step()
		}
	}
}

func dimension(c *catalog.Catalog, ch store.Change) int {
	if _, ok := c.Dimension(ch.Kind); ok {
		return 1
	}
	return 0
}

// Many rows, and then one that is wrong: it is blamed as Apply does, and nothing is
// there.
func TestLoadBlamesAsApply(t *testing.T) {
	var good []store.Change
	for i := range 3000 {
		good = append(good, store.Change{Customer: "a", Kind: "visits", Key: fmt.Sprint(i)})
	}
	good = append([]store.Change{{Customer: "a"}, {Customer: "b"}, {Customer: "a", Kind: "all_orders", Key: "o"}}, good...)
	few := catalog.Shop()
	for i := range few.Kinds {
		few.Kinds[i].Max = 3000
	}
	for _, bad := range []store.Change{
		{Customer: "c", Kind: "visits", Key: "v"},
		{Customer: "b", Kind: "visits", Key: "7"},
		{Customer: "b", Kind: "items", Key: "i", Parent: "o"},
		{Customer: "a", Kind: "items", Key: "i", Parent: "p"},
		{Customer: "a", Kind: "visits", Key: "more"},
		{Customer: "a", Kind: "nothing", Key: "more"},
		{Op: store.Set, Customer: "c"},
	} {
		loaded, applied := scratch(t, few, sqlstore.Options{}), scratch(t, few, sqlstore.Options{})
		changes := append(slices.Clip(good), bad)
		want := applied.Apply(t.Context(), changes...)
		require.Error(t, want)
		require.EqualError(t, loaded.Load(t.Context(), each(changes)), want.Error())
		require.Empty(t, everybody(t, loaded))
		require.NoError(t, loaded.Load(t.Context(), each(good)))
		require.Equal(t, len(good), 3+strings.Count(everybody(t, loaded), "visits"))
		require.NoError(t, loaded.Load(t.Context(), each(good)), "again, over what is there")
		require.Equal(t, len(good), 3+strings.Count(everybody(t, loaded), "visits"))
	}
}
