package compile

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// has tells whether a value is in the set: a number, a string, or missing.
func (v values) has(n int64, s string, missing bool) bool {
	switch {
	case missing:
		return v.missing
	case v.text:
		return slices.Contains(v.strings, s) != v.except
	}
	return slices.ContainsFunc(v.ranges, func(r interval) bool { return r.lo <= n && n <= r.hi })
}

func drawValues(t *rapid.T, text bool) values {
	v := values{text: text, missing: rapid.Bool().Draw(t, "missing")}
	if text {
		v.except = rapid.Bool().Draw(t, "except")
		v.strings = unique(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "strings"))
		return v
	}
	at := rapid.SampledFrom([]int64{line.lo, -3, 0}).Draw(t, "from")
	for range rapid.IntRange(0, 3).Draw(t, "ranges") {
		to := at + rapid.Int64Range(0, 2).Draw(t, "length")
		v.ranges = append(v.ranges, interval{at, to})
		at = to + rapid.Int64Range(1, 3).Draw(t, "gap")
	}
	if rapid.Bool().Draw(t, "open") {
		v.ranges = append(v.ranges, interval{max(at, 4), line.hi})
	}
	return v
}

// Sets of values are what their operations say, value by value.
func TestSetsOfValues(t *testing.T) {
	points := []int64{line.lo, line.lo + 1, line.hi - 1, line.hi}
	for n := int64(-12); n < 24; n++ {
		points = append(points, n, line.lo+12+n)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Bool().Draw(t, "text")
		v, w := drawValues(t, text), drawValues(t, text)
		member := func(check func(n int64, s string, missing bool)) {
			check(0, "", true)
			for _, n := range points {
				check(n, "", false)
			}
			for _, s := range []string{"a", "b", "c", "d"} {
				check(0, s, false)
			}
		}
		member(func(n int64, s string, missing bool) {
			a, b := v.has(n, s, missing), w.has(n, s, missing)
			require.Equal(t, a && b, v.and(w).has(n, s, missing), "%v and %v: %d %q", v, w, n, s)
			require.Equal(t, a || b, v.or(w).has(n, s, missing), "%v or %v: %d %q", v, w, n, s)
			require.Equal(t, !a, v.not().has(n, s, missing), "not %v: %d %q", v, n, s)
			if a {
				require.False(t, v.empty())
			}
		})
		require.True(t, v.and(v.not()).empty())
	})
}

// Arithmetic on intervals tells of every overflow.
func TestIntervals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) interval {
			a := rapid.Int64Range(line.lo, line.hi).Draw(t, name)
			b := rapid.Int64Range(line.lo, line.hi).Draw(t, name)
			return interval{min(a, b), max(a, b)}
		}
		a, b := draw("a"), draw("b")
		x, y := rapid.Int64Range(a.lo, a.hi).Draw(t, "x"), rapid.Int64Range(b.lo, b.hi).Draw(t, "y")
		if sum, ok := a.add(b); ok {
			s, fits := add(x, y)
			require.True(t, fits && sum.lo <= s && s <= sum.hi)
		}
		if product, ok := a.times(b); ok {
			p, fits := mul(x, y)
			require.True(t, fits && product.lo <= p && p <= product.hi)
		}
		neg := a.negative()
		require.True(t, neg.lo <= -x && -x <= neg.hi)
	})
}
