package columnar

import (
	"math"
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

// stand is where a selection stands in a shard at an instant. A Reader works it out
// once a shard, a question by id for itself.
type stand struct {
	*selection
	now   *bounds
	shard *shard
	log   *log
	index *index
	from  bar // of the window's start
	to    bar // of its end, where rows may lie after that
	ends  bool
	// The rows that the index lists may lack stamps, or places in it.
	undated, known bool
	sifters        []sifter // by the selection's own checks, nil where they are made for the question
}

// stand is not ok where there is no window.
func (s *selection) stand(x *cursor) (*stand, bool) {
	if x.stands != nil && s.fixed() {
		return &x.stands[s.number], true
	}
	from, to, ok := s.window(x)
	if ok {
		s.place(&x.stand, x.shard, x.bounds, from, to)
	}
	return &x.stand, ok
}

// fixed tells whether the window is the same for all customers.
func (s *selection) fixed() bool { return s.span >= 0 || s.by == byNone }

// place fills a stand for a window.
func (s *selection) place(st *stand, sh *shard, now *bounds, from, to int64) {
	l := sh.logs[s.kind]
	i := l.links.index.Load()
	if i == nil {
		i = l.index()
	}
	st.selection, st.now, st.shard, st.log, st.index = s, now, sh, l, i
	st.known, st.sifters = l.gone == 0, nil
	st.from, st.ends, st.undated = bar{}, false, false
	if s.by != byNone {
		st.from, st.undated = i.bar(from), i.dated < i.sealed
		if to = min(to, now.asOf); to <= i.newest {
			st.ends = true
			st.to = i.bar(to)
		}
	}
}

// rows are the rows of a customer up to the end of the window, [first, end) of the
// index. They are not ok where the index alone does not tell them.
func (st *stand) rows(local int) (first, end int, ok bool) {
	i := st.index
	if !st.known || i.last != nil && i.last[local] != 0 {
		return 0, 0, false
	}
	lo, hi := i.of(local)
	first, end = int(lo), int(hi)
	switch {
	case first == end:
	case st.undated && int(i.row(i.list[end-1])) >= i.dated:
		return 0, 0, false
	case st.ends:
		end = st.log.since(i, first, end, st.to)
	}
	return first, end, true
}

// reaches tells whether at least n of the rows [first, end) lie in the window: the
// nth newest says so for all.
func (st *stand) reaches(first, end int, n int64) bool {
	if n > int64(end-first) {
		return false
	}
	if n <= 0 {
		return true
	}
	e := st.index.list[end-int(n)]
	if uint64(e) >= st.from.sure {
		return true
	}
	return uint64(e) >= st.from.open && st.log.stamp(st.index.row(e)) >= st.from.bound
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

// sifter is a check in a shard at an instant: of codes in the order of the index.
type sifter struct {
	codes           *narrow // nil where every value is missing
	set             []uint64
	off, unit, span uint64 // as unsigned numbers: what is below the least is above the span
	none, not       bool
}

// sifter is not ok where a column has another frame than its copy.
func (k *check) sifter(now *bounds, l *log, i *index) (out sifter, ok bool) {
	out.set, out.not = k.set, k.not
	if l.fields[k.field] == nil {
		out.none = true
		return out, true
	}
	t := l.twinOf(i, k.field)
	if t == nil {
		return out, false
	}
	out.codes = &t.narrow
	if k.set != nil {
		return out, true
	}
	least, most := k.between(now, &t.narrow)
	out.off, out.unit, out.span, out.none = uint64(t.base-least), uint64(t.unit), uint64(most-least), least > most
	return out, true
}

// mask is which of a customer's rows [lo, hi) of the index pass the selection's checks, a bit
// each, the oldest first. It is not ok where a column has another frame than its copy.
func (st *stand) mask(local, lo, hi int) (out uint64, ok bool) {
	out = ^uint64(0) >> (uint(lo-hi) & 63)
	for n := range st.own {
		var passed uint64
		if st.sifters != nil {
			passed = st.sifters[n].mask(lo, hi)
		} else if sift, ok := st.own[n].sifter(st.now, st.log, st.index); ok {
			passed = sift.mask(lo, hi)
		} else {
			return 0, false
		}
		if out &= passed; out == 0 {
			return 0, true
		}
	}
	for n := range st.above {
		for left := out; left != 0; left &= left - 1 {
			at := bits.TrailingZeros64(left)
			if !st.above[n].passes(st, local, lo+at) {
				out &^= 1 << uint(at)
			}
		}
	}
	return out, true
}

// mask is which of at most 64 codes pass.
func (s *sifter) mask(lo, hi int) (out uint64) {
	t := s.codes
	switch {
	case s.none:
	case s.set != nil:
		switch {
		case t.u8 != nil:
			out = listedMask(t.u8[lo:hi], s.set)
		case t.u16 != nil:
			out = listedMask(t.u16[lo:hi], s.set)
		case t.u32 != nil:
			out = listedMask(t.u32[lo:hi], s.set)
		default:
			out = listedMask(t.u64[lo:hi], s.set)
		}
	case t.u8 != nil:
		out = spanMask(t.u8[lo:hi], s.off, s.unit, s.span)
	case t.u16 != nil:
		out = spanMask(t.u16[lo:hi], s.off, s.unit, s.span)
	case t.u32 != nil:
		out = spanMask(t.u32[lo:hi], s.off, s.unit, s.span)
	default:
		out = spanMask(t.u64[lo:hi], s.off, s.unit, s.span)
	}
	if s.not {
		return ^out
	}
	return out
}

// between is the least and most of the values that pass, those of codes but 0.
func (k *check) between(now *bounds, c *narrow) (least, most int64) {
	return max(k.lo, c.base+1), min(k.hi, now.sees(k.timed))
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

// passes follows the links of a customer's row, which stands at a place of the index, up
// to the field of a check.
func (k *check) passes(st *stand, local, place int) bool {
	l := st.log
	link := uint32(l.parentsOf(st.index).at(place))
	for range k.up - 1 {
		if l = st.shard.logs[l.kind.parent.index]; link != 0 {
			link = l.parent.at(int(link) - 1)
		}
	}
	l = st.shard.logs[l.kind.parent.index]
	c := l.fields[k.field]
	if c == nil || link == 0 {
		return k.not
	}
	code := l.codeOf(local, int(link)-1, k.field)
	if k.set != nil {
		return listsCode(k.set, code) != k.not
	}
	least, most := k.between(st.now, &c.narrow)
	v := c.value(code)
	return (least <= v && v <= most) != k.not
}

// So many rows are gone through in one step, a bit each, but in the first where few
// are asked for.
const (
	stepRows  = 64
	firstRows = 8
)

// within tells whether at least lo and at most hi rows are selected; not ok where the
// deck has to tell.
func (s *selection) within(x *cursor, lo, hi int64) (in, ok bool) {
	if !s.direct {
		return false, false
	}
	if lo > 0 && x.stands == nil && s.fewer(x, lo) {
		return false, true
	}
	st, ok := s.stand(x)
	if !ok {
		return false, false
	}
	return st.within(x.local, lo, hi)
}

// fewer tells of most customers with fewer than n rows in a fixed window that they have
// so few, by one row's place in time: before anything is worked out.
func (s *selection) fewer(x *cursor, n int64) bool {
	l := x.shard.logs[s.kind]
	i := l.links.index.Load()
	if i == nil || i.last != nil && i.last[x.local] != 0 || i.dated < i.sealed || s.span < 0 {
		return false
	}
	first, end := i.of(x.local)
	if int64(end)-int64(first) < n {
		return true
	}
	return uint64(i.list[int64(end)-n]) < i.bar(x.spans[s.span].from).open
}

// within is that of a customer. Without checks, the window's ends alone tell.
func (st *stand) within(local int, lo, hi int64) (in, ok bool) {
	first, end, ok := st.rows(local)
	if !ok {
		return false, false
	}
	if !st.reaches(first, end, lo) {
		return false, true
	}
	if len(st.own) == 0 {
		return hi == math.MaxInt64 || !st.reaches(first, end, hi+1), true
	}
	enough := lo
	if hi != math.MaxInt64 {
		enough = hi + 1
	}
	n, ok := st.counted(local, first, end, enough)
	return lo <= n && n <= hi, ok
}

// countOf is how many rows are selected, or at least enough; not ok where the deck
// has to tell.
func (s *selection) countOf(x *cursor, enough int64) (n int64, ok bool) {
	st, ok := s.stand(x)
	if !ok {
		return 0, false
	}
	first, end, ok := st.rows(x.local)
	if !ok {
		return 0, false
	}
	return st.counted(x.local, first, end, enough)
}

// counted is countOf among rows [first, end) of the index.
func (st *stand) counted(local, first, end int, enough int64) (n int64, ok bool) {
	rows := stepRows
	if enough < firstRows {
		rows = firstRows
	}
	for last := first == end; !last && n < enough; rows = stepRows {
		var lo int
		lo, last = st.log.step(st.index, first, end, rows, st.from)
		switch {
		case lo == end:
		case len(st.own) == 0:
			n += int64(end - lo)
		default:
			passed, ok := st.mask(local, lo, end)
			if !ok {
				return 0, false
			}
			n += int64(bits.OnesCount64(passed))
		}
		end = lo
	}
	return n, true
}

// sumOf adds up a field of the selected rows; not ok where the deck has to tell.
func (s *selection) sumOf(x *cursor, field int) (n int64, ok bool) {
	st, ok := s.stand(x)
	if !ok {
		return 0, false
	}
	first, end, ok := st.rows(x.local)
	if !ok || st.log.fields[field] == nil {
		return 0, ok
	}
	for last := first == end; !last; {
		var lo int
		lo, last = st.log.step(st.index, first, end, stepRows, st.from)
		if lo == end {
			break
		}
		passed, ok := st.mask(x.local, lo, end)
		if !ok {
			return 0, false
		}
		if passed != 0 {
			t := st.log.twinOf(st.index, field)
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
