package columnar

import "encoding/binary"

// The loops that touch every row or customer. Masks are bytes, 0 or 1. None of
// the loops branches on data; arrays of slots and indexes cut to slotMask keep
// bounds checks out.

// bit is 1 for true.
func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// inside marks the codes in [lo, lo+span].
func inside[T word](dst []uint8, src []T, lo, span T) {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = bit(c-lo <= span)
	}
}

// insideInts marks the integers in [lo, hi].
func insideInts(dst []uint8, src []int64, lo, hi int64) {
	dst = dst[:len(src)]
	span := uint64(hi) - uint64(lo)
	for i, v := range src {
		dst[i] = bit(uint64(v)-uint64(lo) <= span)
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

// and, or and not combine masks eight bytes at a time.
func and(dst, a, b []uint8) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(a[i:])&binary.LittleEndian.Uint64(b[i:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] & b[i]
	}
}

func or(dst, a, b []uint8) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(a[i:])|binary.LittleEndian.Uint64(b[i:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] | b[i]
	}
}

func not(dst, a []uint8) {
	const ones = 0x0101010101010101
	a = a[:len(dst)]
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(a[i:])^ones)
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] ^ 1
	}
}

// fillMask sets every byte.
func fillMask(dst []uint8, v uint8) {
	for i := range dst {
		dst[i] = v
	}
}

// count is how many bytes are 1.
func countMask(mask []uint8) int {
	n, i := uint64(0), 0
	for ; i+8 <= len(mask); i += 8 {
		n += binary.LittleEndian.Uint64(mask[i:]) * 0x0101010101010101 >> 56
	}
	for ; i < len(mask); i++ {
		n += uint64(mask[i])
	}
	return int(n)
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

// scatterCount adds every row to its customer.
func scatterCount(acc *[slots]uint32, local []uint16) {
	for _, who := range local {
		acc[who&slotMask]++
	}
}

// scatterMask adds the rows of the mask.
func scatterMask(acc *[slots]uint32, local []uint16, mask []uint8) {
	mask = mask[:len(local)]
	for i, who := range local {
		acc[who&slotMask] += uint32(mask[i])
	}
}

// scatterSum adds base and code of the rows of the mask, which may be nil for all.
func scatterSum[T word](acc *[slots]int64, local []uint16, src []T, base, unit int64, mask []uint8) {
	src = src[:len(local)]
	if mask == nil {
		for i, who := range local {
			acc[who&slotMask] += base + int64(src[i])*unit
		}
		return
	}
	mask = mask[:len(local)]
	for i, who := range local {
		acc[who&slotMask] += (base + int64(src[i])*unit) & -int64(mask[i])
	}
}

// scatterInts is scatterSum of integers.
func scatterInts(acc *[slots]int64, local []uint16, src []int64, mask []uint8) {
	src, mask = src[:len(local)], mask[:len(local)]
	for i, who := range local {
		acc[who&slotMask] += src[i] & -int64(mask[i])
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

// scatterFirst is scatterLast from the end: the first row stays.
func scatterFirst(acc *[slots]uint32, local []uint16, first uint32, mask []uint8) {
	for i := len(local) - 1; i >= 0; i-- {
		if mask == nil || mask[i] != 0 {
			acc[local[i]&slotMask] = first + uint32(i) + 1
		}
	}
}
