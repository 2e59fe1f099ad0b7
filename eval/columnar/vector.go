package columnar

import "math"

// vector is the values of one expression for the elements of a batch, in one of
// four forms: codes; integers; the same integer for all; or missing for all.
type vector struct {
	form form
	n    int
	// codes; 0 is missing unless full. Values above cap are missing.
	codes narrow
	full  bool
	cap   int64
	field *field // of strings and sets, what the codes number
	ints  []int64
	known []uint8 // of ints and full codes: who has a value; nil means all
	// constant
	value int64
}

type form uint8

const (
	absent form = iota // missing for all
	coded
	wide
	constant
)

const uncapped = math.MaxInt64

// between marks the elements whose value is known and in [lo, hi].
func (v *vector) between(s *scratch, lo, hi int64) []uint8 {
	dst := s.bytes.take(v.n)
	switch v.form {
	case constant:
		fillMask(dst, bit(lo <= v.value && v.value <= hi))
	case wide:
		if lo > hi {
			clear(dst)
			break
		}
		insideInts(dst, v.ints, lo, hi)
		if v.known != nil {
			and(dst, dst, v.known)
		}
	case coded:
		first, last, ok := v.span(lo, min(hi, v.cap))
		if !ok {
			clear(dst)
			break
		}
		v.codes.inside(dst, first, last)
		if v.known != nil {
			and(dst, dst, v.known)
		}
	default:
		clear(dst)
	}
	return dst
}

// span is the codes of the values in [lo, hi], not ok when there are none.
func (v *vector) span(lo, hi int64) (first, last uint64, ok bool) {
	floor := v.codes.base + v.codes.unit // value of code 1
	if v.full {
		floor = v.codes.base
	}
	lo = max(lo, floor)
	if lo > hi {
		return 0, 0, false
	}
	unit := uint64(v.codes.unit)
	first = (uint64(lo) - uint64(v.codes.base) + unit - 1) / unit
	last = (uint64(hi) - uint64(v.codes.base)) / unit
	return first, last, first <= last
}

// inside marks the codes in [first, last].
func (c *narrow) inside(dst []uint8, first, last uint64) {
	switch {
	case c.u8 != nil:
		if narrowSpan(dst, &first, &last, math.MaxUint8) {
			insideBytes(dst, c.u8, uint8(first), uint8(last-first))
		}
	case c.u16 != nil:
		if narrowSpan(dst, &first, &last, math.MaxUint16) {
			insideHalves(dst, c.u16, uint16(first), uint16(last-first))
		}
	case c.u32 != nil:
		if narrowSpan(dst, &first, &last, math.MaxUint32) {
			insideWords(dst, c.u32, uint32(first), uint32(last-first))
		}
	default:
		inside(dst, c.u64, first, last-first)
	}
}

// narrowSpan cuts [first, last] to the codes of a width; where none is left it
// clears dst and is false.
func narrowSpan(dst []uint8, first, last *uint64, most uint64) bool {
	if *first > most {
		clear(dst)
		return false
	}
	*last = min(*last, most)
	return true
}

// isKnown marks the elements that have a value.
func (v *vector) isKnown(s *scratch) []uint8 {
	if v.form == wide {
		if v.known != nil {
			return v.known
		}
		dst := s.bytes.take(v.n)
		fillMask(dst, 1)
		return dst
	}
	if v.form == coded && v.field != nil && v.field.dict.sets {
		dst := s.bytes.take(v.n)
		fillMask(dst, 1)
		return dst
	}
	return v.between(s, math.MinInt64, math.MaxInt64)
}

// lookup marks the elements whose code the table marks. The vector is coded or
// absent.
func (v *vector) lookup(s *scratch, table []uint8) []uint8 {
	dst := s.bytes.take(v.n)
	c := &v.codes
	switch {
	case v.form == absent:
		fillMask(dst, table[0])
	case c.u8 != nil && len(table) <= 256:
		if lo, span, ok := run(table); ok {
			insideBytes(dst, c.u8, lo, span)
			break
		}
		var all [256]uint8
		copy(all[:], table)
		lookedByte(dst, c.u8, &all)
	case c.u8 != nil:
		looked(dst, c.u8, table)
	case c.u16 != nil:
		looked(dst, c.u16, table)
	case c.u32 != nil:
		looked(dst, c.u32, table)
	default:
		looked(dst, c.u64, table)
	}
	return dst
}

// run tells whether the marked codes of a table, of which there are at most 256,
// follow each other, the first of all after the last.
func run(table []uint8) (lo, span uint8, ok bool) {
	edges := 0
	for i, in := range table {
		before := table[(i+len(table)-1)%len(table)]
		if in == 1 && before == 0 {
			lo = uint8(i)
			edges++
		}
	}
	n := countMask(table)
	if edges > 1 || n == 0 {
		return 0, 0, false
	}
	if int(lo)+n > len(table) { // round the end, over codes that nothing has
		n += 256 - len(table)
	}
	return lo, uint8(n - 1), true
}

// integers is the vector as integers, with a mask of what is known, nil for all.
func (v *vector) integers(s *scratch) (ints []int64, known []uint8) {
	switch v.form {
	case wide:
		return v.ints, v.known
	case constant:
		ints = s.ints.take(v.n)
		for i := range ints {
			ints[i] = v.value
		}
		return ints, nil
	case absent:
		ints, known = s.ints.take(v.n), s.bytes.take(v.n)
		clear(ints)
		clear(known)
		return ints, known
	}
	ints = s.ints.take(v.n)
	c := &v.codes
	switch {
	case c.u8 != nil:
		decode(ints, c.u8, c.base, c.unit)
	case c.u16 != nil:
		decode(ints, c.u16, c.base, c.unit)
	case c.u32 != nil:
		decode(ints, c.u32, c.base, c.unit)
	default:
		decode(ints, c.u64, c.base, c.unit)
	}
	if v.full && v.cap == uncapped {
		return ints, v.known
	}
	return ints, v.isKnown(s)
}

func decode[T word](dst []int64, src []T, base, unit int64) {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = base + int64(c)*unit
	}
}

// gathered is the codes at the indexes, 0 beyond the end.
func gathered[I uint16 | uint32](s *scratch, c *narrow, at []I) narrow {
	out := narrow{n: len(at), base: c.base, unit: c.unit}
	switch {
	case c.u8 != nil:
		out.u8 = s.bytes.take(len(at))
		gather(out.u8, c.u8, at)
	case c.u16 != nil:
		out.u16 = s.halves.take(len(at))
		gather(out.u16, c.u16, at)
	case c.u32 != nil:
		out.u32 = s.words.take(len(at))
		gather(out.u32, c.u32, at)
	default:
		out.u64 = s.longs.take(len(at))
		gather(out.u64, c.u64, at)
	}
	return out
}

// followed is the codes at the links, 0 at link 0.
func followed(s *scratch, c *narrow, at []uint32) narrow {
	out := narrow{n: len(at), base: c.base, unit: c.unit}
	switch {
	case c.u8 != nil:
		out.u8 = s.bytes.take(len(at))
		follow(out.u8, c.u8, at)
	case c.u16 != nil:
		out.u16 = s.halves.take(len(at))
		follow(out.u16, c.u16, at)
	case c.u32 != nil:
		out.u32 = s.words.take(len(at))
		follow(out.u32, c.u32, at)
	default:
		out.u64 = s.longs.take(len(at))
		follow(out.u64, c.u64, at)
	}
	return out
}
