package sqlstore

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The value in a place is that of the sorted values, however far apart these lie.
func TestTheValueInAPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-9, 9),
			rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 1e10})), 1, 400).Draw(t, "values")
		if rapid.Bool().Draw(t, "equal") {
			values = slices.Repeat(values[:1], rapid.IntRange(1, 400).Draw(t, "n"))
		}
		place := rapid.IntRange(0, len(values)-1).Draw(t, "place")
		require.Equal(t, slices.Sorted(slices.Values(values))[place], inPlace(values, place))
	})
}
