package columnar

import (
	"math"
	"slices"
)

// missingStamp sorts after every stamp.
const missingStamp = math.MaxInt64

// inOrder sorts rows by stamp and then key, where there are keys, and the stamps
// with them.
func inOrder(rows []uint32, stamps []int64, keyed func(a, b uint32) int) {
	if !slices.IsSorted(stamps) {
		radix(rows, stamps)
	}
	if keyed == nil {
		return
	}
	for lo := 0; lo < len(rows); {
		hi := lo + 1
		for hi < len(rows) && stamps[hi] == stamps[lo] {
			hi++
		}
		if hi > lo+1 {
			slices.SortFunc(rows[lo:hi], keyed)
		}
		lo = hi
	}
}

// radix sorts rows and stamps by the stamps, stably, eleven bits at a time. A
// missing stamp goes last.
func radix(rows []uint32, stamps []int64) {
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range stamps {
		if s != missingStamp {
			lo, hi = min(lo, s), max(hi, s)
		}
	}
	if lo > hi {
		return
	}
	span := uint64(hi) - uint64(lo) + 1 // the place of missing ones
	place := func(s int64) uint64 {
		if s == missingStamp {
			return span
		}
		return uint64(s) - uint64(lo)
	}
	const digit = 11
	otherRows, otherStamps := make([]uint32, len(rows)), make([]int64, len(rows))
	from, to := rows, otherRows
	fromStamps, toStamps := stamps, otherStamps
	for shift := 0; shift < 64 && span>>shift != 0; shift += digit {
		var next [1 << digit]int
		for _, s := range fromStamps {
			next[place(s)>>shift&(1<<digit-1)]++
		}
		at := 0
		for i, n := range next {
			next[i] = at
			at += n
		}
		for i, s := range fromStamps {
			d := place(s) >> shift & (1<<digit - 1)
			to[next[d]], toStamps[next[d]] = from[i], s
			next[d]++
		}
		from, to = to, from
		fromStamps, toStamps = toStamps, fromStamps
	}
	if &from[0] != &rows[0] {
		copy(rows, from)
		copy(stamps, fromStamps)
	}
}
