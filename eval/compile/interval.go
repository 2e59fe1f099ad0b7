package compile

import (
	"math"
	"math/bits"
)

// interval is the range of values that a number of the rule can have, both ends
// included. Operations tell when a result could leave int64: nothing that passed
// the checker wraps when it runs.
type interval struct{ lo, hi int64 }

func exactly(n int64) interval { return interval{n, n} }

// within is the interval of all values of at most the given size.
func within(size int64) interval { return interval{-size, size} }

func (a interval) add(b interval) (interval, bool) {
	lo, ok1 := add(a.lo, b.lo)
	hi, ok2 := add(a.hi, b.hi)
	return interval{lo, hi}, ok1 && ok2
}

// times is the range of products of one value of each.
func (a interval) times(b interval) (interval, bool) {
	out := interval{math.MaxInt64, math.MinInt64}
	for _, x := range [2]int64{a.lo, a.hi} {
		for _, y := range [2]int64{b.lo, b.hi} {
			p, ok := mul(x, y)
			if !ok {
				return interval{}, false
			}
			out.lo, out.hi = min(out.lo, p), max(out.hi, p)
		}
	}
	return out, true
}

func (a interval) negative() interval { return interval{-a.hi, -a.lo} }

// add and mul keep to the symmetric range, so that every result can be negated.
func add(a, b int64) (int64, bool) {
	s := a + b
	if a > 0 && b > 0 && s < 0 || a < 0 && b < 0 && s >= 0 || s == math.MinInt64 {
		return 0, false
	}
	return s, true
}

func mul(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(size(a), size(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func size(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// powerOfTen is 10^n, and false when that does not fit.
func powerOfTen(n int) (int64, bool) {
	p, ok := int64(1), true
	for range n {
		if p, ok = mul(p, 10); !ok {
			return 0, false
		}
	}
	return p, true
}
