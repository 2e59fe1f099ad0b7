package columnar

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Numbers of any size come back, also from a copy that was made before more came.
func TestNumberList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.Int64Range(1_000_000, 1_070_000), rapid.Just(int64(7)))
		var list numberList
		var want []int64
		var before numberList
		cut := 0
		if n := rapid.IntRange(0, 200).Draw(t, "same"); n > 100 {
			list.repeat(-1, n)
			want = slices.Repeat([]int64{-1}, n)
		}
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			v := of.Draw(t, "from")
			step := rapid.SampledFrom([]int64{0, 1, 13, 1 << 20, 1 << 57}).Draw(t, "step")
			for range rapid.IntRange(0, 300).Draw(t, "n") {
				list.append(v)
				want = append(want, v)
				v += step
			}
			if rapid.Bool().Draw(t, "copied") {
				before, cut = list, len(want)
			}
			if rapid.Bool().Draw(t, "clipped") {
				list.clip()
			}
		}
		all := func(p *numberList) (out []int64) {
			for i := range p.n {
				out = append(out, p.at(i))
			}
			return out
		}
		require.Equal(t, want, all(&list))
		require.Equal(t, slices.Clip(append([]int64(nil), want[:cut]...)), all(&before))
	})
}

// Keys of every sort, mixed, are read, found and ordered as the texts they are.
func TestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.OneOf(
			rapid.Map(rapid.IntRange(0, 2000), strconv.Itoa),
			rapid.Map(rapid.IntRange(0, 2000), func(n int) string { return fmt.Sprintf("%05d", n) }),
			rapid.Map(rapid.IntRange(0, 50), func(n int) string { return fmt.Sprint("live", n) }),
			rapid.SampledFrom([]string{"0", "00", "-1", "999999999999999999", "1000000000000000000", "#1", "단골"}),
		)
		texts := rapid.SliceOfN(of, 0, 400).Draw(t, "keys")
		var k keys
		for _, text := range texts {
			k.append(text)
		}
		var rows []uint32
		for i, text := range texts {
			require.True(t, k.has(i))
			require.Equal(t, text, k.at(i))
			require.Equal(t, text, string(k.appendTo(nil, i)))
			rows = append(rows, uint32(i))
		}
		slices.SortStableFunc(rows, func(a, b uint32) int { return k.compare(int(a), int(b)) })
		require.True(t, slices.IsSortedFunc(rows, func(a, b uint32) int { return cmp.Compare(texts[a], texts[b]) }))
		picked := k.pick(rows)
		for i, row := range rows {
			require.Equal(t, texts[row], picked.at(i))
		}
		for _, key := range append(texts, "never", "77777", "") {
			want, some := k.like(key)
			for i, text := range texts {
				if kept, ok := k.spelling(i); text == key {
					require.True(t, ok)
					require.Equal(t, want.mark(), kept.mark())
				}
				require.Equal(t, text == key, some && k.is(i, want), "%q of %q", key, text)
			}
		}
	})
}
