package columnar

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// momentsPerLog is at how many moments counts and sums are kept, the first row's and
// others that divide the rows evenly. A window's end is a sixteenth of the rows away
// from one of them, or from the last row, at most. A count takes 8 to 16 bytes a customer
// so, a sum 32 to 64; what the twenty rules of internal/bench keep are about 100 bytes.
const momentsPerLog = 8

// moment is what the rows in order from one on come to, by customer. They are numbers
// that wrap, in a width in which those of any window fit that starts nearer to this
// moment than to others.
type moment struct {
	row     int
	numbers narrow // of no customers where there are no rows
}

// momentRow is where moment i of a log lies; after the last comes the end of the rows.
func (l *log) momentRow(i int) int { return l.sorted * i / momentsPerLog }

// nearest is the moment of a log that lies nearest to a row.
func (l *log) nearest(row int) int {
	return (momentsPerLog*row + l.sorted/2) / max(1, l.sorted)
}

// between is the aggregate of a window from what is kept: of the moment nearest to
// its start without that of the one nearest to its end. The rows between an end and its
// moment are read, and added or taken away.
func (b *batch) between(a *plan.Aggregate, l *log, in span) (vector, int) {
	r, some := b.reach(l, in)
	first, last := l.nearest(r.lo), l.nearest(r.hi)
	if !some || first == last {
		acc := b.accumulate(a, l)
		rows := b.readInto(l, in, b.terms(a.Where), acc)
		return acc.result(), rows
	}
	kept, rows := b.moments(a, l)
	acc := b.from(a, &kept[first].numbers)
	acc.without(&kept[last].numbers)
	rows += b.move(acc, l, a, kept[first].row, r.lo, true)
	rows += b.move(acc, l, a, kept[last].row, r.hi, false)
	acc.takeAway(false)
	terms := b.terms(a.Where)
	b.blocks(l, l.sorted, l.n, false, r.late(l), func(rb *batch, mask []uint8, ordered bool) {
		rb.into(acc, terms, mask, ordered)
	})
	return acc.result(), rows + l.n - l.sorted
}

// move reads the rows from where an end of a window is to where it is to be. Forward,
// they are taken away where less, or else added; backward, the other way round.
func (b *batch) move(acc adjustable, l *log, a *plan.Aggregate, was, is int, less bool) (rows int) {
	if is < was {
		was, is, less = is, was, !less
	}
	acc.takeAway(less)
	terms := b.terms(a.Where)
	b.blocks(l, was, is, true, nil, func(rb *batch, mask []uint8, ordered bool) {
		rb.into(acc, terms, mask, ordered)
	})
	return is - was
}

// moments are what the aggregate's rows come to from each moment on, and from the end.
// Where they are not kept yet, all rows are read.
func (b *batch) moments(a *plan.Aggregate, l *log) (kept []moment, rows int) {
	key, parents := b.whole[a], b.parents(l)
	l.lazy.mu.Lock()
	s, ok := l.lazy.moments[key]
	l.lazy.mu.Unlock()
	if ok && slices.Equal(s.parents, parents) {
		return s.at, 0
	}
	s = series{parents: parents, at: b.serial(a, l)}
	may := b.snapshot.table.allowance.take(s.bytes(), b.snapshot)
	l.lazy.mu.Lock()
	defer l.lazy.mu.Unlock()
	if !may { // not before as many rows would have been saved again
		delete(l.lazy.hopes, key)
		return s.at, l.n
	}
	if l.lazy.moments == nil || len(l.lazy.moments) >= summariesPerLog {
		l.lazy.moments = map[string]series{}
	}
	l.lazy.moments[key] = s
	return s.at, l.n
}

// hope is moments that are not kept yet: how many rows they would have saved. They are
// made once those are as many as the log has, so that making them at most doubles
// what was paid.
type hope struct {
	parents []*log
	saved   int
}

// worthKnowing tells whether the moments of an aggregate, which save so many rows, are
// kept or to be kept.
func (b *batch) worthKnowing(a *plan.Aggregate, l *log, saves int) bool {
	key, parents := b.whole[a], b.parents(l)
	l.lazy.mu.Lock()
	defer l.lazy.mu.Unlock()
	if kept, ok := l.lazy.moments[key]; ok && slices.Equal(kept.parents, parents) {
		return true
	}
	h, ok := l.lazy.hopes[key]
	if !ok || !slices.Equal(h.parents, parents) {
		h = hope{parents: parents}
	}
	h.saved += saves
	if l.lazy.hopes == nil || len(l.lazy.hopes) >= summariesPerLog {
		l.lazy.hopes = map[string]hope{}
	}
	l.lazy.hopes[key] = h
	return h.saved >= l.n
}

// series is an aggregate at all moments. It holds while the log and those of its
// parents stay what they are, for any window and as-of.
type series struct {
	parents []*log
	at      []moment // and one for the end
}

func (s *series) bytes() int64 {
	n := 0
	for _, m := range s.at {
		n += m.numbers.width() * m.numbers.n
	}
	return int64(n)
}

// serial reads all rows once, the latest first, whatever as-of sees of them.
func (b *batch) serial(a *plan.Aggregate, l *log) []moment {
	m := b.mark()
	defer b.release(m)
	terms := b.terms(a.Where)
	read := func(acc accumulator, from, to int) vector {
		b.blocks(l, from, to, false, nil, func(rb *batch, mask []uint8, ordered bool) {
			rb.into(acc, terms, mask, ordered)
		})
		return acc.copied()
	}
	most := b.mostOf(a, l)
	late := most(read(b.accumulate(a, l), l.sorted, l.n))
	var sofar [momentsPerLog]vector
	acc := b.accumulate(a, l)
	for i := momentsPerLog - 1; i >= 0; i-- {
		sofar[i] = read(acc, l.momentRow(i), l.momentRow(i+1))
	}
	out := make([]moment, momentsPerLog+1)
	for i, v := range sofar {
		out[i].row = l.momentRow(i)
		top := most(sofar[max(0, i-1)]) + late
		if a.Fn == plan.Count {
			out[i].numbers = narrowed(v.codes.u32, 0, top)
		} else {
			out[i].numbers = narrowed(v.ints, 0, max(top, math.MaxUint16+1))
		}
	}
	out[momentsPerLog].row = l.sorted
	return out
}

// mostOf tells what no count or sum of some of a vector's rows is above; of sums of
// values that may be below 0 that is nothing.
func (b *batch) mostOf(a *plan.Aggregate, l *log) func(v vector) uint64 {
	switch {
	case a.Fn == plan.Count:
		return func(v vector) uint64 { return uint64(slices.Max(v.codes.u32)) }
	case b.neverNegative(a.Of, l):
		return func(v vector) uint64 { return uint64(slices.Max(v.ints)) }
	}
	return func(vector) uint64 { return math.MaxInt64 }
}

// neverNegative tells whether the values are a column of the rows without any
// below 0, so that a sum of some rows is none above that of all.
func (b *batch) neverNegative(x plan.Expr, l *log) bool {
	f, ok := x.(*plan.Field)
	if !ok || f.Up > 0 {
		return false
	}
	i, ok := l.kind.field[f.Name]
	return ok && l.fields[i] != nil && l.fields[i].value(1) >= 0
}

// adjustable is an accumulator that rows may be taken away from, too.
type adjustable interface {
	accumulator
	takeAway(less bool)
	without(*narrow) // takes away what the rows from a moment on come to
}

// from is an accumulator that starts with what the rows from a moment on come to.
func (b *batch) from(a *plan.Aggregate, kept *narrow) adjustable {
	if a.Fn == plan.Count {
		t := &tally{batch: b}
		switch {
		case kept.u8 != nil:
			t.u8 = filled(b.bytes.take(slots), kept.u8)
		case kept.u16 != nil:
			t.u16 = filled(b.halves.take(slots), kept.u16)
		default:
			t.u32 = filled(b.words.take(slots), kept.u32)
		}
		return t
	}
	s := &sums{worker: b.worker, n: b.n, of: a.Of}
	if kept.u32 != nil {
		s.small = (*[slots]uint32)(filled(b.words.take(slots), kept.u32))
		return s
	}
	s.by = (*[slots]int64)(b.ints.take(slots))
	clear(s.by[:])
	for i, v := range kept.u64 {
		s.by[i] = int64(v)
	}
	return s
}

// filled is a buffer that starts with some numbers, and goes on with 0 for customers
// who came later.
func filled[T word](dst, src []T) []T {
	clear(dst[copy(dst, src):])
	return dst
}

// tally is numbers of rows in one of three widths. They wrap: what has come in between
// does not matter where the last of them fits.
type tally struct {
	*batch
	u8   []uint8
	u16  []uint16
	u32  []uint32
	less bool
}

func (t *tally) takeAway(less bool) { t.less = less }

func (t *tally) add(b *batch, mask []uint8, _ bool) {
	switch {
	case t.u8 != nil:
		count(t.u8, b.locals(), mask, t.less)
	case t.u16 != nil:
		count(t.u16, b.locals(), mask, t.less)
	default:
		count(t.u32, b.locals(), mask, t.less)
	}
}

func count[C counter](by []C, local []uint16, mask []uint8, less bool) {
	acc, step := (*[slots]C)(by), C(1)
	if less {
		step = -step
	}
	if mask == nil {
		scatterCount(acc, local, step)
	} else {
		scatterMask(acc, local, mask, step)
	}
}

func (t *tally) without(kept *narrow) {
	switch {
	case t.u8 != nil:
		takeCodes(t.u8, kept)
	case t.u16 != nil:
		takeCodes(t.u16, kept)
	default:
		takeCodes(t.u32, kept)
	}
}

func (s *sums) takeAway(less bool) { s.less = less }

func (s *sums) without(kept *narrow) {
	if s.small != nil {
		takeCodes(s.small[:], kept)
	} else {
		takeCodes(s.by[:], kept)
	}
}

func takeCodes[D word | int64](by []D, kept *narrow) {
	switch {
	case kept.u8 != nil:
		subtract(by, kept.u8)
	case kept.u16 != nil:
		subtract(by, kept.u16)
	case kept.u32 != nil:
		subtract(by, kept.u32)
	default:
		subtract(by, kept.u64)
	}
}

func (t *tally) result() vector {
	all := narrow{n: slots, unit: 1, u8: t.u8, u16: t.u16, u32: t.u32}
	return numbers(all.slice(0, t.n))
}

func (t *tally) copied() vector {
	all := narrow{n: slots, unit: 1, u8: slices.Clone(t.u8), u16: slices.Clone(t.u16), u32: slices.Clone(t.u32)}
	return numbers(all.slice(0, t.n))
}
