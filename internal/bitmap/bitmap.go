// Package bitmap is dense sets of small integers: the answers of the columnar
// engine. A Dense is plain memory; concurrent readers are safe, a writer is alone.
package bitmap

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// Dense is a set of the integers below 64 times its length.
type Dense []uint64

// Make is an empty set with room for the integers below n.
func Make(n int) Dense { return make(Dense, (n+63)/64) }

// Add puts i into the set, which must have room for it.
func (d Dense) Add(i int) { d[i>>6] |= 1 << (i & 63) }

// Remove takes i out of the set.
func (d Dense) Remove(i int) {
	if i>>6 < len(d) {
		d[i>>6] &^= 1 << (i & 63)
	}
}

// Has tells whether i is in the set. Integers without room are not.
func (d Dense) Has(i int) bool {
	return i >= 0 && i>>6 < len(d) && d[i>>6]>>(i&63)&1 == 1
}

// Len is how many integers are in the set.
func (d Dense) Len() int {
	n := 0
	for _, w := range d {
		n += bits.OnesCount64(w)
	}
	return n
}

// And keeps what is in both. The sets must be of one size, as for Or.
func (d Dense) And(e Dense) {
	e = e[:len(d)]
	for i := range d {
		d[i] &= e[i]
	}
}

// Or adds what is in e.
func (d Dense) Or(e Dense) {
	e = e[:len(d)]
	for i := range d {
		d[i] |= e[i]
	}
}

// Flip turns every integer below n: in becomes out. What is not below n is taken
// out.
func (d Dense) Flip(n int) {
	for i := range d {
		d[i] = ^d[i]
	}
	d.cut(n)
}

func (d Dense) cut(n int) {
	for i := n >> 6; i < len(d); i++ {
		if i == n>>6 {
			d[i] &= 1<<(n&63) - 1
		} else {
			d[i] = 0
		}
	}
}

// All yields what is in the set, ascending.
func (d Dense) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range d {
			for ; w != 0; w &= w - 1 {
				if !yield(i<<6 | bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// Pack writes a mask of bytes, each 0 or 1, into the set: byte i tells of i.
// The set must have room for the mask and holds nothing beyond it afterwards.
func (d Dense) Pack(mask []uint8) {
	n := len(mask) / 64
	packWords(d[:n], mask)
	clear(d[n:])
	for i := n * 64; i < len(mask); i++ {
		d[n] |= uint64(mask[i]) << (i & 63)
	}
}

// packEach writes a word for every 64 bytes of the mask.
func packEach(dst []uint64, mask []uint8) {
	for i := range dst {
		dst[i] = Word((*[64]uint8)(mask[i*64:]))
	}
}

// Word is 64 bytes of a mask as bits.
func Word(mask *[64]uint8) uint64 {
	return eight(mask[:8]) | eight(mask[8:16])<<8 | eight(mask[16:24])<<16 | eight(mask[24:32])<<24 |
		eight(mask[32:40])<<32 | eight(mask[40:48])<<40 | eight(mask[48:56])<<48 | eight(mask[56:])<<56
}

// eight gathers the lowest bits of eight bytes: the product has them in its
// highest byte.
func eight(mask []uint8) uint64 {
	return binary.LittleEndian.Uint64(mask) * 0x0102040810204080 >> 56
}

// Unpack is the reverse of Pack.
func (d Dense) Unpack(mask []uint8) { d.UnpackFrom(0, mask) }

// UnpackFrom is Unpack of the integers from one that is in the set's room: byte i
// tells of from+i.
func (d Dense) UnpackFrom(from int, mask []uint8) {
	i := 0
	for ; (from+i)&7 != 0 && i < len(mask); i++ {
		mask[i] = uint8(d[(from+i)>>6] >> ((from + i) & 63) & 1)
	}
	for ; i+8 <= len(mask); i += 8 {
		// Each byte of the product keeps its own bit; adding carries it to the top.
		const each, own, carry = 0x0101010101010101, 0x8040201008040201, 0x7f7f7f7f7f7f7f7f
		eight := d[(from+i)>>6] >> ((from + i) & 63) & 0xff
		binary.LittleEndian.PutUint64(mask[i:], (eight*each&own+carry)>>7&each)
	}
	for ; i < len(mask); i++ {
		mask[i] = uint8(d[(from+i)>>6] >> ((from + i) & 63) & 1)
	}
}
