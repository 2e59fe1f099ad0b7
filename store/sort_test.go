package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/store"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Ids of every make are in the order of their bytes, each once: such as differ far
// behind, end where others go on with zeros, or are the same.
func TestIDsAreInTheOrderOfTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]string{"0123456789", "\x00", "\x00\x01", "a\x00", "\x7f\x80\xff", "ab가"}).Draw(t, "alphabet")
		prefix := rapid.SampledFrom([]string{"", "customer-00000000-", "\x00\x00\x00\x00\x00\x00\x00\x00\x00"}).Draw(t, "prefix")
		longest := rapid.SampledFrom([]int{1, 7, 9, 40}).Draw(t, "longest")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var ids []dangol.CustomerID
		for range rapid.IntRange(0, 2000).Draw(t, "n") {
			id := []byte(prefix)
			for range r.IntN(longest + 1) {
				id = append(id, alphabet[r.IntN(len(alphabet))])
			}
			ids = append(ids, dangol.CustomerID(id))
		}
		want := slices.Clone(ids)
		slices.Sort(want)
		want = slices.Compact(want)
		got := store.NewIDs(ids)
		require.Empty(t, cmp.Diff(want, []dangol.CustomerID(got)))
	})
}

func BenchmarkNewIDs(b *testing.B) {
	for name, form := range map[string]string{"numbers": "%d", "padded": "customer-%012d"} {
		b.Run(name, func(b *testing.B) {
			ids := make([]dangol.CustomerID, 100_000)
			for i, n := range rand.New(rand.NewPCG(1, 1)).Perm(len(ids)) {
				ids[i] = dangol.CustomerID(fmt.Sprintf(form, n*7))
			}
			for b.Loop() {
				store.NewIDs(slices.Clone(ids))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(ids)), "ns/id")
		})
	}
}
