package coupon

import (
	"math/bits"
	"slices"
)

// allocate splits an amount over weights by largest remainder: every share is the
// exact proportion rounded down, and the units left go one by one to the largest
// remainders, the earlier on ties. The amount is at most the sum of the weights,
// so no share exceeds its weight, and the shares' sum is the amount.
func allocate(amount int64, weights []int64, shares []int64) {
	var sum int64
	for _, w := range weights {
		sum += w
	}
	clear(shares)
	if amount <= 0 || sum == 0 {
		return
	}
	remainders := make([]uint64, len(weights))
	left := amount
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(amount), uint64(w))
		q, r := bits.Div64(hi, lo, uint64(sum)) // amount <= sum, so the quotient fits
		shares[i], remainders[i] = int64(q), r
		left -= int64(q)
	}
	if left == 0 {
		return
	}
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case remainders[a] > remainders[b]:
			return -1
		case remainders[a] < remainders[b]:
			return 1
		}
		return 0
	})
	for _, i := range order[:left] { // fewer units are left than there are remainders above 0
		shares[i]++
	}
}

// partOf is the part of a share that falls on the first n of q pieces. Parts of
// growing n never shrink, and the part of all pieces is the share.
func partOf(share, n, q int64) int64 {
	hi, lo := bits.Mul64(uint64(share), uint64(n))
	part, _ := bits.Div64(hi, lo, uint64(q)) // n <= q, so the quotient fits
	return int64(part)
}

// rateOf is a rate (in hundredths of a percent) of a base, floored.
func rateOf(base, rate int64) int64 { return partOf(base, rate, maxRate) }
