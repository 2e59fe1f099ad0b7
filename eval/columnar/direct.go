package columnar

import (
	"math/bits"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Most selections need no deck: rows of a window of the stamp they are ordered by,
// told by fields of their own. They are gone through where the index lists them, the
// newest first, up to 64 in a step, until the window or the question ends.

// check is a test of one field: whether it lies between lo and hi or, where there is
// a set, is one of these codes; or else, with not.
type check struct {
	up, field int // levels up to the record that has the field
	timed     catalog.Sort
	lo, hi    int64
	set       []uint64
	not       bool
}

// checks are the terms of a selection as tests of the rows' own fields, and of the
// records above. They are not ok where a term is none, or where none tells which
// records above are worth the way.
func (c *closures) checks(where []term) (own, above []check, ok bool) {
	for _, t := range where {
		of := &c.matcher.sieves[t.sieve]
		if of.test != nil {
			return nil, nil, false
		}
		lane := &c.matcher.lanes[of.lane]
		k := check{up: lane.up, field: lane.field, timed: lane.timed, lo: of.lo, hi: of.hi, set: of.set, not: t.not}
		if lane.up == 0 {
			own = append(own, k)
		} else {
			above = append(above, k)
		}
	}
	slices.SortStableFunc(own, func(a, b check) int { return len(a.set) - len(b.set) }) // a span is told faster
	return own, above, len(own) > 0 || len(above) == 0
}

// rows are the rows of the customer at hand up to the end of the selection's window,
// [first, end) of the index i of the log l, and the bar at which the window starts.
// It is not ok where the index alone does not tell them, or where there is no window.
func (s *selection) rows(x *cursor) (l *log, i *index, first, end int, b bar, ok bool) {
	var from, to int64
	if s.span >= 0 {
		w := &x.spans[s.span]
		from, to = w.from, w.to
	} else if from, to, ok = s.window(x); !ok {
		return nil, nil, 0, 0, b, false
	}
	l = x.shard.logs[s.kind]
	if i = l.links.index.Load(); i == nil {
		i = l.index()
	}
	if l.gone > 0 || i.last != nil && i.last[x.local] != 0 {
		return l, i, 0, 0, b, false
	}
	lo, hi := i.of(x.local)
	first, end = int(lo), int(hi)
	if first == end || s.by == byNone {
		return l, i, first, end, b, true
	}
	if i.dated < i.sealed && int(i.row(i.list[end-1])) >= i.dated {
		return l, i, 0, 0, b, false
	}
	if to = min(to, x.asOf); to <= i.newest {
		end = l.since(i, first, end, i.bar(to))
	}
	return l, i, first, end, i.bar(from), true
}

// step is where the step of at most so many rows before end starts, and whether the
// window starts there too.
func (l *log) step(i *index, first, end, rows int, b bar) (lo int, last bool) {
	if lo = end - rows; lo <= first {
		lo, last = first, true
	}
	if b.sure == 0 {
		return lo, last
	}
	from := l.since(i, lo, end, b)
	return from, last || from > lo
}

// since is from where on rows [lo, hi) of the index are stamped at or after a bar.
func (l *log) since(i *index, lo, hi int, b bar) int {
	list := i.list[lo:hi]
	at := len(list)
	for at >= 8 && uint64(list[at-8]) >= b.sure {
		at -= 8
	}
	for at > 0 && uint64(list[at-1]) >= b.sure {
		at--
	}
	for at > 0 && uint64(list[at-1]) >= b.open && l.stamp(i.row(list[at-1])) >= b.bound {
		at--
	}
	return lo + at
}

// stamp is the stamp of a row that has one.
func (l *log) stamp(row uint32) int64 {
	at := l.stamped()
	return at.value(at.at(int(row)))
}

// mask is which of rows [lo, hi) of the index pass the selection's checks, a bit
// each, the oldest first. It is not ok where a column has another frame than its copy.
func (s *selection) mask(x *cursor, l *log, i *index, lo, hi int) (out uint64, ok bool) {
	out = ^uint64(0) >> (uint(lo-hi) & 63)
	for n := range s.own {
		k := &s.own[n]
		passed := uint64(0)
		if l.fields[k.field] != nil {
			t := l.twinOf(i, k.field)
			if t == nil {
				return 0, false
			}
			passed = k.mask(x, &t.narrow, lo, hi)
		}
		if k.not {
			passed = ^passed
		}
		if out &= passed; out == 0 {
			return 0, true
		}
	}
	for n := range s.above {
		for left := out; left != 0; left &= left - 1 {
			at := bits.TrailingZeros64(left)
			if !s.above[n].passes(x, l, int(i.row(i.list[lo+at]))) {
				out &^= 1 << uint(at)
			}
		}
	}
	return out, true
}

// mask is which of at most 64 codes pass.
func (k *check) mask(x *cursor, t *narrow, lo, hi int) uint64 {
	if k.set != nil {
		switch {
		case t.u8 != nil:
			return listedMask(t.u8[lo:hi], k.set)
		case t.u16 != nil:
			return listedMask(t.u16[lo:hi], k.set)
		case t.u32 != nil:
			return listedMask(t.u32[lo:hi], k.set)
		}
		return listedMask(t.u64[lo:hi], k.set)
	}
	least, most := k.between(x, t)
	if least > most {
		return 0
	}
	// As unsigned numbers, what is below the least is above the span.
	off, unit, span := uint64(t.base-least), uint64(t.unit), uint64(most-least)
	switch {
	case t.u8 != nil:
		return spanMask(t.u8[lo:hi], off, unit, span)
	case t.u16 != nil:
		return spanMask(t.u16[lo:hi], off, unit, span)
	case t.u32 != nil:
		return spanMask(t.u32[lo:hi], off, unit, span)
	}
	return spanMask(t.u64[lo:hi], off, unit, span)
}

// between is the least and most of the values that pass, those of codes but 0.
func (k *check) between(x *cursor, c *narrow) (least, most int64) {
	return max(k.lo, c.base+1), min(k.hi, x.sees(k.timed))
}

func spanMask[T word](from []T, off, unit, span uint64) (out uint64) {
	for i, code := range from {
		out |= uint64(bit(off+uint64(code)*unit <= span)) << (uint(i) & 63)
	}
	return out
}

func listedMask[T word](from []T, set []uint64) (out uint64) {
	for i, code := range from {
		out |= uint64(bit(listsCode(set, uint64(code)))) << (uint(i) & 63)
	}
	return out
}

// passes follows the links of one row up to the field of a check.
func (k *check) passes(x *cursor, l *log, row int) bool {
	l, row = x.above(l, row, k.up)
	c := l.fields[k.field]
	if c == nil || row < 0 {
		return k.not
	}
	code := c.at(row)
	if k.set != nil {
		return listsCode(k.set, code) != k.not
	}
	least, most := k.between(x, &c.narrow)
	v := c.value(code)
	return (least <= v && v <= most) != k.not
}

// So many rows are gone through in one step, a bit each, but in the first where few
// are asked for.
const (
	stepRows  = 64
	firstRows = 8
)

// countOf is how many rows are selected, or at least enough; not ok where the deck
// has to tell.
func (s *selection) countOf(x *cursor, enough int64) (n int64, ok bool) {
	l, i, first, end, b, ok := s.rows(x)
	rows := stepRows
	if enough < firstRows {
		rows = firstRows
	}
	for last := first == end; ok && !last && n < enough; rows = stepRows {
		var lo int
		lo, last = l.step(i, first, end, rows, b)
		switch {
		case lo == end:
		case len(s.own) == 0:
			n += int64(end - lo)
		default:
			var passed uint64
			passed, ok = s.mask(x, l, i, lo, end)
			n += int64(bits.OnesCount64(passed))
		}
		end = lo
	}
	return n, ok
}

// sumOf adds up a field of the selected rows; not ok where the deck has to tell.
func (s *selection) sumOf(x *cursor, field int) (n int64, ok bool) {
	l, i, first, end, b, ok := s.rows(x)
	if !ok || l.fields[field] == nil {
		return 0, ok
	}
	for last := first == end; !last; {
		var lo int
		lo, last = l.step(i, first, end, stepRows, b)
		if lo == end {
			break
		}
		passed, ok := s.mask(x, l, i, lo, end)
		if !ok {
			return 0, false
		}
		if passed != 0 {
			t := l.twinOf(i, field)
			if t == nil {
				return 0, false
			}
			n += t.sum(lo, end, passed)
		}
		end = lo
	}
	return n, true
}

// sum adds up the values of the codes that a mask of at most 64 names.
func (c *narrow) sum(lo, hi int, of uint64) int64 {
	switch {
	case c.u8 != nil:
		return maskedSum(c.u8[lo:hi], of, c.base, c.unit)
	case c.u16 != nil:
		return maskedSum(c.u16[lo:hi], of, c.base, c.unit)
	case c.u32 != nil:
		return maskedSum(c.u32[lo:hi], of, c.base, c.unit)
	}
	return maskedSum(c.u64[lo:hi], of, c.base, c.unit)
}

func maskedSum[T word](from []T, of uint64, base, unit int64) (n int64) {
	for ; of != 0; of &= of - 1 {
		if code := from[bits.TrailingZeros64(of)]; code != 0 {
			n += base + int64(code)*unit
		}
	}
	return n
}
