package columnar

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawn is a list of up to three steps of the widest kernel and some more.
func drawn[T any](t *rapid.T, name string, of *rapid.Generator[T]) []T {
	n := rapid.IntRange(0, 100).Draw(t, name+" n")
	return rapid.SliceOfN(of, n, n).Draw(t, name)
}

func marked[T any](src []T, in func(T) bool) []uint8 {
	out := []uint8{}
	for _, v := range src {
		out = append(out, bit(in(v)))
	}
	return out
}

// A range of codes marks what a comparison marks, in every width and at every
// length, also where the range runs over the end; the forms for wide registers and
// the portable ones do the same.
func TestInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := drawn(t, "bytes", rapid.OneOf(rapid.Uint8(), rapid.Uint8Range(126, 129)))
		insideIs(t, bytes, rapid.Uint8(), insideEight, insideBytes, inside[uint8])
		insideIs(t, drawn(t, "halves", rapid.OneOf(rapid.Uint16(), rapid.Uint16Range(0, 3))), rapid.Uint16(), insideHalves, inside[uint16])
		insideIs(t, drawn(t, "words", rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 3))), rapid.Uint32(), insideWords, inside[uint32])
		insideIs(t, drawn(t, "longs", rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3))), rapid.Uint64(), inside[uint64])
	})
}

func insideIs[T word](t *rapid.T, src []T, bound *rapid.Generator[T], kernels ...func(dst []uint8, src []T, lo, span T)) {
	near := rapid.OneOf(bound, rapid.Just(T(0)), rapid.Just(^T(0)))
	if len(src) > 0 {
		near = rapid.OneOf(near, rapid.SampledFrom(src))
	}
	lo, span := near.Draw(t, "lo"), near.Draw(t, "span")
	want := marked(src, func(v T) bool { return v-lo <= span })
	const rim = 7
	for _, kernel := range kernels {
		got := slices.Repeat([]uint8{rim}, len(src)+1)
		kernel(got, src, lo, span)
		require.Equal(t, append(slices.Clone(want), rim), got)
	}
}

// So does a range of integers.
func TestInsideIntegers(t *testing.T) {
	integers := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		src := drawn(t, "integers", integers)
		lo := integers.Draw(t, "lo")
		hi := integers.Filter(func(v int64) bool { return v >= lo }).Draw(t, "hi")
		want := marked(src, func(v int64) bool { return lo <= v && v <= hi })
		for _, kernel := range []func(dst []uint8, src []int64, lo, hi int64){insideEach, insideInts} {
			got := make([]uint8, len(src))
			kernel(got, src, lo, hi)
			require.Equal(t, want, got)
		}
	})
}

// A table whose marks follow each other is a range, and only such a table.
func TestRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.SliceOfN(rapid.Uint8Range(0, 1), 1, 9).Draw(t, "table")
		if rapid.Bool().Draw(t, "full") {
			table = append(table, slices.Repeat([]uint8{table[len(table)-1]}, 256-len(table))...)
		}
		lo, span, ok := run(table)
		changes := 0
		for i := range table {
			changes += int(table[i] ^ table[(i+1)%len(table)])
		}
		require.Equal(t, changes <= 2 && slices.Contains(table, 1), ok)
		if !ok {
			return
		}
		for code, in := range table {
			require.Equal(t, in, bit(uint8(code)-lo <= span), "code %d of %v", code, table)
		}
	})
}

// Masks combine as their bytes do.
func TestMasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawn(t, "a", rapid.Uint8Range(0, 1))
		b := slices.Clone(a)
		for i := range b {
			b[i] = rapid.Uint8Range(0, 1).Draw(t, "b")
		}
		got := make([]uint8, len(a))
		want := make([]uint8, len(a))
		check := func(name string, of func(x, y uint8) uint8) {
			for i := range a {
				want[i] = of(a[i], b[i])
			}
			require.Equal(t, want, got, name)
		}
		and(got, a, b)
		check("and", func(x, y uint8) uint8 { return x & y })
		or(got, a, b)
		check("or", func(x, y uint8) uint8 { return x | y })
		not(got, a)
		check("not", func(x, _ uint8) uint8 { return 1 - x })
		n := 0
		for _, v := range a {
			n += int(v)
		}
		require.Equal(t, n, countMask(a))
		places := list([]uint16{}, a, 7)
		require.Len(t, places, n)
		for i := range a {
			require.Equal(t, a[i] == 1, slices.Contains(places, uint16(i+7)))
		}
		fillMask(got, 1)
		check("fill", func(_, _ uint8) uint8 { return 1 })
	})
}

// Buckets keep the order of integers; the k-th of a list is that of the sorted one.
func TestBucketsAndKth(t *testing.T) {
	integers := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-200, 200), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 0, -1}))
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(integers, 1, 300).Draw(t, "values")
		k := rapid.IntRange(1, len(values)).Draw(t, "k")
		got := kth(slices.Clone(values), k)
		slices.Sort(values)
		require.Equal(t, values[k-1], got)
		last := 0
		for _, v := range values {
			require.LessOrEqual(t, last, bucketOf(v))
			last = bucketOf(v)
			require.Less(t, last, buckets)
		}
	})
}

// Scattering adds up, customer by customer, what a plain loop does, in every width;
// taking the same away leaves nothing.
func TestScatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := drawn(t, "local", rapid.OneOf(rapid.Uint16Range(0, 3), rapid.Uint16Range(nobody-1, nobody)))
		mask := make([]uint8, len(local))
		for i := range local {
			mask[i] = rapid.Uint8Range(0, 1).Draw(t, "in")
		}
		scatteredCounts[uint8](t, local, mask)
		scatteredCounts[uint16](t, local, mask)
		scatteredCounts[uint32](t, local, mask)
		src := rapid.SliceOfN(rapid.Uint16(), len(local), len(local)).Draw(t, "values")
		base := rapid.SampledFrom([]int64{0, -1, -36_525, math.MinInt64 / 200}).Draw(t, "base")
		scatteredSums[int64](t, local, src, base, mask)
		scatteredSums[uint32](t, local, src, base, mask)
	})
}

func scatteredCounts[C counter](t *rapid.T, local []uint16, mask []uint8) {
	var all, some, none [slots]C
	for i, who := range local {
		all[who]++
		some[who] += C(mask[i])
	}
	gotAll, gotSome := none, none
	scatterCount(&gotAll, local, 1)
	scatterMask(&gotSome, local, mask, 1)
	require.True(t, gotAll == all && gotSome == some)
	scatterCount(&gotAll, local, ^C(0))
	scatterMask(&gotSome, local, mask, ^C(0))
	require.True(t, gotAll == none && gotSome == none)
}

func scatteredSums[A adder](t *rapid.T, local, src []uint16, base int64, mask []uint8) {
	var all, some, none [slots]A
	ints := make([]int64, len(src))
	for i, who := range local {
		ints[i] = base + int64(src[i])
		all[who] += A(ints[i])
		some[who] += A(ints[i]) * A(mask[i])
	}
	gotAll, gotSome, gotInts := none, none, none
	scatterSum(&gotAll, local, src, A(base))
	scatterSumMask(&gotSome, local, src, A(base), mask)
	scatterInts(&gotInts, local, ints, mask, 1)
	require.True(t, gotAll == all && gotSome == some && gotInts == some)
	takeSum(&gotAll, local, src, A(base))
	takeSumMask(&gotSome, local, src, A(base), mask)
	times := A(1)
	scatterInts(&gotInts, local, ints, mask, -times)
	require.True(t, gotAll == none && gotSome == none && gotInts == none)
}

// The largest code of each customer, and what came since it, are what a plain loop
// finds; those without a code have nothing since.
func TestNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := drawn(t, "local", rapid.OneOf(rapid.Uint16Range(0, 3), rapid.Uint16Range(nobody-1, nobody)))
		codes := rapid.SliceOfN(rapid.OneOf(rapid.Uint32Range(1, 9), rapid.Uint32Min(math.MaxUint32-2)), len(local), len(local)).Draw(t, "codes")
		mask := make([]uint8, len(local))
		var all, some, got [slots]uint32
		var long [slots]uint64
		for i, who := range local {
			mask[i] = rapid.Uint8Range(0, 1).Draw(t, "in")
			all[who] = max(all[who], codes[i])
			some[who] = max(some[who], codes[i]*uint32(mask[i]))
		}
		scatterMost(&got, local, codes, nil)
		scatterMost(&long, local, codes, nil)
		require.True(t, got == all)
		for i, v := range long {
			require.Equal(t, uint64(all[i]), v)
		}
		got = [slots]uint32{}
		scatterMost(&got, local, codes, mask)
		require.True(t, got == some)
		from := rapid.SliceOfN(rapid.OneOf(rapid.Uint32Range(1, 9), rapid.Uint32Min(math.MaxUint32-2)), len(local), len(local)).Draw(t, "from")
		since := make([]uint8, len(local))
		for over := range uint32(2) {
			sinceCodes(since, from, local, &some, over)
			for i, who := range local {
				require.Equal(t, bit(some[who] > 0 && uint64(from[i]) >= uint64(some[who])+uint64(over)), since[i])
			}
		}
	})
}

// The first of ascending codes that is at least another is found wherever it is.
func TestSearched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codes := rapid.SliceOfN(rapid.Uint16Range(0, 300), 0, 200).Draw(t, "codes")
		slices.Sort(codes)
		code := rapid.Uint64Range(0, 400).Draw(t, "code")
		want := 0
		for want < len(codes) && uint64(codes[want]) < code {
			want++
		}
		require.Equal(t, want, searched(codes, code))
	})
}

// A bucket holds the integers from its least to its largest, and no others.
func TestBucketHolds(t *testing.T) {
	at := int64(math.MinInt64)
	for bucket := bucketOf(at); ; bucket++ {
		lo, hi := bucketHolds(bucket)
		require.Equal(t, at, lo)
		require.LessOrEqual(t, lo, hi)
		require.Equal(t, bucket, bucketOf(lo))
		require.Equal(t, bucket, bucketOf(hi))
		if hi == math.MaxInt64 {
			return
		}
		at = hi + 1
	}
}
