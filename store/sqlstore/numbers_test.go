package sqlstore

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/store"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Ids that come as numbers, some of them as texts, are the members that their texts are:
// whatever their lengths and signs, given twice or not.
func TestNumbersAreMembersAsTheirTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.SampledFrom([]int64{0, 0, 0, -50, math.MinInt64 / 2}).Draw(t, "least")
		most := rapid.SampledFrom([]int64{0, 9, 10, 2000, 1e9, 1e17 - 1, 1e17, math.MaxInt64 / 2}).Draw(t, "most")
		texts := rapid.SampledFrom([]int{0, 0, 3, 500}).Draw(t, "texts")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var got rowIDs
		var want []dangol.CustomerID
		for range rapid.IntRange(0, 1500).Draw(t, "n") {
			n := least + int64(r.Uint64N(uint64(most-least)+1))
			for range r.IntN(18) { // shorter ones too, and the powers of ten
				n /= 10
			}
			got.add(rowID{number: n}, n%2 == 0)
			want = append(want, dangol.CustomerID(strconv.FormatInt(n, 10)))
		}
		for range texts {
			id := dangol.CustomerID(strconv.FormatFloat(r.Float64()*100, 'f', r.IntN(2), 64))
			got.add(textID(id), true)
			want = append(want, id)
		}
		require.Empty(t, cmp.Diff(store.NewIDs(want), got.sorted()))
	})
}

// Ids that a statement repeats take no memory for each time.
func TestRepeatedNumbersAreHeldOnce(t *testing.T) {
	var got rowIDs
	for i := range 4 * manyNumbers {
		got.add(rowID{number: int64(i % 1000)}, true)
		require.LessOrEqual(t, len(got.numbers), manyNumbers)
	}
	require.Equal(t, 1000, got.sorted().Len())
}

func TestDigits(t *testing.T) {
	require.Equal(t, 1, digits(0))
	for n := int64(1); n > 0 && n < math.MaxInt64/10; n *= 10 {
		for _, x := range []int64{n - 1, n, n + 1, 2*n - 1, 9 * n} {
			require.Equal(t, len(strconv.FormatInt(x, 10)), digits(x), x)
		}
	}
	require.Equal(t, 19, digits(math.MaxInt64))
}

func BenchmarkNumberedIDs(b *testing.B) {
	for _, most := range []int64{100_000, 1_000_000_000} {
		b.Run(strconv.FormatInt(most, 10), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			numbers := make([]int64, 10_000)
			for i := range numbers {
				numbers[i] = r.Int64N(most)
			}
			b.Run("numbers", func(b *testing.B) {
				for b.Loop() {
					numberedIDs(slices.Clone(numbers))
				}
			})
			b.Run("texts", func(b *testing.B) {
				texts := make([]dangol.CustomerID, len(numbers))
				for i, n := range numbers {
					texts[i] = dangol.CustomerID(strconv.FormatInt(n, 10))
				}
				for b.Loop() {
					store.NewIDs(slices.Clone(texts))
				}
			})
		})
	}
}
