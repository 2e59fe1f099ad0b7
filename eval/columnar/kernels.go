package columnar

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/dangol-dev/dangol/internal/bitmap"
)

// The loops that touch every row or customer. Masks are bytes, 0 or 1. None of
// the loops branches on data. Arrays of slots and indexes cut to slotMask keep
// bounds checks out; the busiest loops check once for several elements. Those of
// ranges have a form for wide registers too.

// bit is 1 for true.
func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// inside marks the codes in [lo, lo+span], eight a step.
func inside[T word](dst []uint8, src []T, lo, span T) {
	dst = dst[:len(src)]
	i := 0
	for ; i+8 <= len(src); i += 8 {
		s, d := src[i:i+8:i+8], dst[i:i+8:i+8]
		d[0] = bit(s[0]-lo <= span)
		d[1] = bit(s[1]-lo <= span)
		d[2] = bit(s[2]-lo <= span)
		d[3] = bit(s[3]-lo <= span)
		d[4] = bit(s[4]-lo <= span)
		d[5] = bit(s[5]-lo <= span)
		d[6] = bit(s[6]-lo <= span)
		d[7] = bit(s[7]-lo <= span)
	}
	for ; i < len(src); i++ {
		dst[i] = bit(src[i]-lo <= span)
	}
}

const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// insideEight is inside for bytes, eight in a word. Sums of bytes wrap, so that
// lo+span may be below lo.
func insideEight(dst, src []uint8, lo, span uint8) {
	dst = dst[:len(src)]
	los, spans := uint64(lo)*eachByte, uint64(span)*eachByte
	i := 0
	for ; i+16 <= len(src); i += 16 {
		s, d := src[i:i+16:i+16], dst[i:i+16:i+16]
		putWord(d, insideWord(word8(s), los, spans))
		putWord(d[8:], insideWord(word8(s[8:]), los, spans))
	}
	for ; i < len(src); i++ {
		dst[i] = bit(src[i]-lo <= span)
	}
}

// insideWord is 1 in every byte of x whose distance from lo is at most span.
func insideWord(x, lo, span uint64) uint64 {
	// Subtracting byte by byte: a set top bit keeps borrows within their byte.
	z := (x | topBits - lo&^topBits) ^ (x^^lo)&topBits
	low := span | topBits - z&^topBits // top bits: the lower seven are at most span's
	return (^z&span | ^(z^span)&low) & topBits >> 7
}

// subtract takes codes away, as far as there are any.
func subtract[D word | int64, T word](dst []D, src []T) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] -= D(v)
	}
}

// insideEach marks the integers in [lo, hi].
func insideEach(dst []uint8, src []int64, lo, hi int64) {
	dst = dst[:len(src)]
	span := uint64(hi) - uint64(lo)
	for i, v := range src {
		dst[i] = bit(uint64(v)-uint64(lo) <= span)
	}
}

// withinOwn marks the codes that lie in [first, end) of their customer.
func withinOwn[T word](dst []uint8, src []T, local []uint16, first, end *[slots]uint64) {
	dst, local = dst[:len(src)], local[:len(src)]
	for i, c := range src {
		who := local[i] & slotMask
		dst[i] = bit(first[who] <= uint64(c)) & bit(uint64(c) < end[who])
	}
}

// looked marks the codes that the table marks.
func looked[T word](dst []uint8, src []T, table []uint8) {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = table[c]
	}
}

// lookedByte is looked for a table of all bytes.
func lookedByte(dst []uint8, src []uint8, table *[256]uint8) {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = table[c]
	}
}

// and, or and not combine masks, 32 bytes a step.
func and(dst, a, b []uint8) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := 0
	for ; i+32 <= len(dst); i += 32 {
		d, x, y := dst[i:i+32:i+32], a[i:i+32:i+32], b[i:i+32:i+32]
		putWord(d, word8(x)&word8(y))
		putWord(d[8:], word8(x[8:])&word8(y[8:]))
		putWord(d[16:], word8(x[16:])&word8(y[16:]))
		putWord(d[24:], word8(x[24:])&word8(y[24:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] & b[i]
	}
}

func or(dst, a, b []uint8) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := 0
	for ; i+32 <= len(dst); i += 32 {
		d, x, y := dst[i:i+32:i+32], a[i:i+32:i+32], b[i:i+32:i+32]
		putWord(d, word8(x)|word8(y))
		putWord(d[8:], word8(x[8:])|word8(y[8:]))
		putWord(d[16:], word8(x[16:])|word8(y[16:]))
		putWord(d[24:], word8(x[24:])|word8(y[24:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] | b[i]
	}
}

func not(dst, a []uint8) {
	a = a[:len(dst)]
	i := 0
	for ; i+32 <= len(dst); i += 32 {
		d, x := dst[i:i+32:i+32], a[i:i+32:i+32]
		putWord(d, word8(x)^eachByte)
		putWord(d[8:], word8(x[8:])^eachByte)
		putWord(d[16:], word8(x[16:])^eachByte)
		putWord(d[24:], word8(x[24:])^eachByte)
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] ^ 1
	}
}

func word8(b []uint8) uint64      { return binary.LittleEndian.Uint64(b) }
func putWord(b []uint8, w uint64) { binary.LittleEndian.PutUint64(b, w) }

// fillMask sets every byte.
func fillMask(dst []uint8, v uint8) {
	if v == 0 {
		clear(dst)
		return
	}
	for len(dst) > 0 {
		dst = dst[copy(dst, allOnes[:]):]
	}
}

var allOnes = [slots]uint8(bytes.Repeat([]uint8{1}, slots))

// countMask is how many bytes are 1.
func countMask(mask []uint8) int { return bytes.Count(mask, allOnes[:1]) }

// list appends to dst where the mask has ones, counted from first.
func list[I uint16 | uint32](dst []I, mask []uint8, first I) []I {
	i := 0
	for ; i+64 <= len(mask); i += 64 {
		for w := bitmap.Word((*[64]uint8)(mask[i:])); w != 0; w &= w - 1 {
			dst = append(dst, first+I(i+bits.TrailingZeros64(w)))
		}
	}
	for ; i < len(mask); i++ {
		if mask[i] != 0 {
			dst = append(dst, first+I(i))
		}
	}
	return dst
}

// gather reads src at the indexes; an index beyond it reads 0.
func gather[T word | int64, I uint16 | uint32](dst, src []T, at []I) {
	dst = dst[:len(at)]
	for i, j := range at {
		if int(j) < len(src) {
			dst[i] = src[j]
		} else {
			dst[i] = 0
		}
	}
}

// follow reads src at links, which are indexes and 1; link 0 reads 0.
func follow[T word](dst, src []T, at []uint32) {
	dst = dst[:len(at)]
	for i, j := range at {
		if j != 0 {
			dst[i] = src[j-1]
		} else {
			dst[i] = 0
		}
	}
}

// counter is a width of counters.
type counter interface{ uint8 | uint16 | uint32 }

// scatterCount adds to the counter of every row's customer: 1 or, where it wraps, -1.
func scatterCount[C counter](acc *[slots]C, local []uint16, step C) {
	i := 0
	for ; i+8 <= len(local); i += 8 {
		who := local[i : i+8 : i+8]
		acc[who[0]&slotMask] += step
		acc[who[1]&slotMask] += step
		acc[who[2]&slotMask] += step
		acc[who[3]&slotMask] += step
		acc[who[4]&slotMask] += step
		acc[who[5]&slotMask] += step
		acc[who[6]&slotMask] += step
		acc[who[7]&slotMask] += step
	}
	for ; i < len(local); i++ {
		acc[local[i]&slotMask] += step
	}
}

// scatterMask is scatterCount of the rows of the mask.
func scatterMask[C counter](acc *[slots]C, local []uint16, mask []uint8, step C) {
	mask = mask[:len(local)]
	i := 0
	for ; i+8 <= len(local); i += 8 {
		who, in := local[i:i+8:i+8], mask[i:i+8:i+8]
		acc[who[0]&slotMask] += C(in[0]) * step
		acc[who[1]&slotMask] += C(in[1]) * step
		acc[who[2]&slotMask] += C(in[2]) * step
		acc[who[3]&slotMask] += C(in[3]) * step
		acc[who[4]&slotMask] += C(in[4]) * step
		acc[who[5]&slotMask] += C(in[5]) * step
		acc[who[6]&slotMask] += C(in[6]) * step
		acc[who[7]&slotMask] += C(in[7]) * step
	}
	for ; i < len(local); i++ {
		acc[local[i]&slotMask] += C(mask[i]) * step
	}
}

// scatterSum adds base and code of every row.
func scatterSum[A adder, T word](acc *[slots]A, local []uint16, src []T, base A) {
	src = src[:len(local)]
	i := 0
	for ; i+4 <= len(local); i += 4 {
		who, v := local[i:i+4:i+4], src[i:i+4:i+4]
		acc[who[0]&slotMask] += base + A(v[0])
		acc[who[1]&slotMask] += base + A(v[1])
		acc[who[2]&slotMask] += base + A(v[2])
		acc[who[3]&slotMask] += base + A(v[3])
	}
	for ; i < len(local); i++ {
		acc[local[i]&slotMask] += base + A(src[i])
	}
}

// adder is a width of sums. They wrap: what has come in between does not matter
// where the last of them fits.
type adder interface{ int64 | uint32 }

// scatterSumMask adds base and code of the rows of the mask.
func scatterSumMask[A adder, T word](acc *[slots]A, local []uint16, src []T, base A, mask []uint8) {
	src, mask = src[:len(local)], mask[:len(local)]
	i := 0
	for ; i+4 <= len(local); i += 4 {
		who, v, in := local[i:i+4:i+4], src[i:i+4:i+4], mask[i:i+4:i+4]
		acc[who[0]&slotMask] += (base + A(v[0])) & -A(in[0])
		acc[who[1]&slotMask] += (base + A(v[1])) & -A(in[1])
		acc[who[2]&slotMask] += (base + A(v[2])) & -A(in[2])
		acc[who[3]&slotMask] += (base + A(v[3])) & -A(in[3])
	}
	for ; i < len(local); i++ {
		acc[local[i]&slotMask] += (base + A(src[i])) & -A(mask[i])
	}
}

// takeSum and takeSumMask are the reverse of scatterSum and scatterSumMask.
func takeSum[A adder, T word](acc *[slots]A, local []uint16, src []T, base A) {
	src = src[:len(local)]
	i := 0
	for ; i+4 <= len(local); i += 4 {
		who, v := local[i:i+4:i+4], src[i:i+4:i+4]
		acc[who[0]&slotMask] -= base + A(v[0])
		acc[who[1]&slotMask] -= base + A(v[1])
		acc[who[2]&slotMask] -= base + A(v[2])
		acc[who[3]&slotMask] -= base + A(v[3])
	}
	for ; i < len(local); i++ {
		acc[local[i]&slotMask] -= base + A(src[i])
	}
}

func takeSumMask[A adder, T word](acc *[slots]A, local []uint16, src []T, base A, mask []uint8) {
	src, mask = src[:len(local)], mask[:len(local)]
	i := 0
	for ; i+4 <= len(local); i += 4 {
		who, v, in := local[i:i+4:i+4], src[i:i+4:i+4], mask[i:i+4:i+4]
		acc[who[0]&slotMask] -= (base + A(v[0])) & -A(in[0])
		acc[who[1]&slotMask] -= (base + A(v[1])) & -A(in[1])
		acc[who[2]&slotMask] -= (base + A(v[2])) & -A(in[2])
		acc[who[3]&slotMask] -= (base + A(v[3])) & -A(in[3])
	}
	for ; i < len(local); i++ {
		acc[local[i]&slotMask] -= (base + A(src[i])) & -A(mask[i])
	}
}

// scatterInts adds the integers of the rows of the mask, so many times each.
func scatterInts[A adder](acc *[slots]A, local []uint16, src []int64, mask []uint8, times A) {
	src, mask = src[:len(local)], mask[:len(local)]
	for i, who := range local {
		acc[who&slotMask] += A(src[i]) * A(mask[i]) * times
	}
}

// Buckets of integers in their order: one each near 0, then 64 for every doubling.
const (
	bucketsUp = 57*64 + 64
	buckets   = 2 * bucketsUp
)

func bucketOf(v int64) int {
	sign := v >> 63 // -1 below 0, where the order of buckets is mirrored
	u := uint64(v ^ sign)
	e := max(0, bits.Len64(u)-7)
	return bucketsUp + ((e<<6 + int(u>>e)) ^ int(sign))
}

// bucketHolds is the least and the largest integer of a bucket.
func bucketHolds(bucket int) (lo, hi int64) {
	u := bucket - bucketsUp
	if u < 0 {
		u = ^u
	}
	e := max(0, u>>6-1)
	least := uint64(u-e<<6) << e
	lo, hi = int64(least), int64(least+1<<e-1)
	if bucket < bucketsUp {
		lo, hi = ^hi, ^lo
	}
	return lo, hi
}

// countBuckets adds the values of the mask to their buckets.
func countBuckets(histogram *[buckets]uint32, src []int64, mask []uint8) {
	mask = mask[:len(src)]
	for i, v := range src {
		histogram[bucketOf(v)] += uint32(mask[i])
	}
}

// scatterLast keeps the number, and 1, of the last row of each customer.
func scatterLast(acc *[slots]uint32, local []uint16, first uint32, mask []uint8) {
	if mask == nil {
		for i, who := range local {
			acc[who&slotMask] = first + uint32(i) + 1
		}
		return
	}
	mask = mask[:len(local)]
	for i, who := range local {
		old := acc[who&slotMask]
		acc[who&slotMask] = old ^ (old^(first+uint32(i)+1))&-uint32(mask[i])
	}
}

// scatterMost keeps the largest code of each customer.
func scatterMost[A uint32 | uint64, T word](acc *[slots]A, local []uint16, src []T, mask []uint8) {
	src = src[:len(local)]
	if mask == nil {
		for i, who := range local {
			acc[who&slotMask] = max(acc[who&slotMask], A(src[i]))
		}
		return
	}
	mask = mask[:len(local)]
	for i, who := range local {
		acc[who&slotMask] = max(acc[who&slotMask], A(src[i])&-A(mask[i]))
	}
}

// sinceCodes marks the codes, over 0, that are at least their customer's own one
// and over, which is 0 or 1; none where that is 0.
func sinceCodes(dst []uint8, src []uint32, local []uint16, own *[slots]uint32, over uint32) {
	dst, local = dst[:len(src)], local[:len(src)]
	for i, c := range src {
		dst[i] = bit(own[local[i]&slotMask]-1 < c-over)
	}
}

// scatterFirst is scatterLast from the end: the first row stays.
func scatterFirst(acc *[slots]uint32, local []uint16, first uint32, mask []uint8) {
	for i := len(local) - 1; i >= 0; i-- {
		if mask == nil || mask[i] != 0 {
			acc[local[i]&slotMask] = first + uint32(i) + 1
		}
	}
}
