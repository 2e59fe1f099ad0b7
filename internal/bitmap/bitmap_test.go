package bitmap_test

import (
	"slices"
	"testing"

	"github.com/dangol-dev/dangol/internal/bitmap"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A set behaves as the mask of bytes it was packed from, at every size.
func TestDenseIsItsMask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		draw := func(name string) []uint8 {
			return rapid.SliceOfN(rapid.Uint8Range(0, 1), n, n).Draw(t, name)
		}
		a, b := draw("a"), draw("b")
		pack := func(mask []uint8) bitmap.Dense {
			d := bitmap.Make(n)
			d.Pack(mask)
			return d
		}
		and, or, flip := pack(a), pack(a), pack(a)
		and.And(pack(b))
		or.Or(pack(b))
		flip.Flip(n)
		count := 0
		for i := range n {
			require.Equal(t, a[i]&b[i] == 1, and.Has(i))
			require.Equal(t, a[i]|b[i] == 1, or.Has(i))
			require.Equal(t, a[i] == 0, flip.Has(i))
			count += int(a[i])
		}
		require.False(t, flip.Has(n))
		require.False(t, flip.Has(-1))
		require.Equal(t, count, pack(a).Len())
		back := make([]uint8, n)
		pack(a).Unpack(back)
		require.Equal(t, a, back)
		from := rapid.IntRange(0, n).Draw(t, "from")
		back = make([]uint8, n-from)
		pack(a).UnpackFrom(from, back)
		require.Equal(t, a[from:], back)
		again := bitmap.Make(n)
		for i := range pack(a).All() {
			again.Add(i)
		}
		require.True(t, slices.Equal(pack(a), again))
		for i := range n {
			again.Remove(i)
		}
		require.Zero(t, again.Len())
	})
}
