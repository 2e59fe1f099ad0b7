package bitmap

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The form of packing for wide registers does what the portable one does, and
// writes nothing else.
func TestPackWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5).Draw(t, "words")
		mask := rapid.SliceOfN(rapid.Uint8Range(0, 1), 64*n, 64*n+63).Draw(t, "mask")
		const rim = 7
		want, got := make([]uint64, n+1), make([]uint64, n+1)
		want[n], got[n] = rim, rim
		packEach(want[:n], mask)
		packWords(got[:n], mask)
		require.Equal(t, want, got)
	})
}
