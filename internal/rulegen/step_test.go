package rulegen_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
)

// A store that takes the steps of a world holds what the world says, and what a
// store that is loaded afresh holds.
func TestSteps(t *testing.T) {
	dump := func(list []*eval.Customer) []string {
		var out []string
		for _, c := range list {
			out = append(out, storetest.Dump(c))
		}
		return out
	}
	for seed := range uint64(30) {
		w := rulegen.New(seed)
		s, err := memstore.New(w.Catalog, memstore.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Apply(t.Context(), w.Changes()...))
		for step := range 12 {
			if step > 0 {
				require.NoError(t, s.Apply(t.Context(), w.Step()...), "seed %d", seed)
			}
			var got []*eval.Customer
			require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
				got = append(got, c)
				return nil
			}))
			require.Empty(t, cmp.Diff(dump(w.Customers), dump(got)), "seed %d, step %d", seed, step)
		}
		fresh, err := memstore.New(w.Catalog, memstore.Options{})
		require.NoError(t, err)
		require.NoError(t, fresh.Apply(t.Context(), w.Changes()...), "seed %d", seed)
	}
}
