package columnar

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// index tells which rows of a log are whose, and about when. Rows [0, sealed) are
// listed by customer; those after them, which came since, are chained.
type index struct {
	start  []uint32 // by local number: where its rows are listed; one more at the end
	list   []entry
	sealed int
	dated  int   // below it rows are in order, and entries tell times
	bits   uint8 // of an entry's row
	shift  uint8 // of a time: entries tell it in steps of 1<<shift from base
	base   int64
	newest int64                   // the last stamp of those in order
	twins  []atomic.Pointer[codes] // by field, and one of the links to parents: see twin
	marks  atomic.Pointer[[]uint8] // in the order of the list: see marks
	last   []uint32                // by local number: its last row that is chained, and 1; 0 for none
	prev   []uint32                // by row from sealed on: the row before it of the same customer, and 1
	nth    []uint32                // by row from sealed on: how many rows of its customer are chained so far
}

// entry is a row in its lower bits and, in the others, its stamp in steps from the
// index's base.
type entry uint32

// links holds the index of a log once somebody needed it.
type links struct {
	mu    sync.Mutex
	index atomic.Pointer[index]
}

// index is the log's index, built when first asked for.
func (l *log) index() *index {
	if x := l.links.index.Load(); x != nil {
		return x
	}
	return l.list()
}

func (l *log) list() *index {
	l.links.mu.Lock()
	defer l.links.mu.Unlock()
	if x := l.links.index.Load(); x != nil {
		return x
	}
	x := l.indexed()
	l.links.index.Store(x)
	return x
}

func (l *log) indexed() *index {
	x := &index{sealed: l.n, bits: uint8(bits.Len(uint(l.n))), twins: make([]atomic.Pointer[codes], len(l.fields)+1)}
	room := 2
	for _, who := range l.local[:l.n] {
		room = max(room, int(who)+2)
	}
	x.start = make([]uint32, room)
	for _, who := range l.local[:l.n] {
		x.start[who+1]++
	}
	for i := 1; i < room; i++ {
		x.start[i] += x.start[i-1]
	}
	at := l.stamped()
	if at != nil && l.sorted > 0 {
		x.dated, x.base, x.newest = l.sorted, at.value(at.at(0)), at.value(at.at(l.sorted-1))
		for took := uint64(x.newest - x.base); took>>x.shift>>(32-x.bits) > 0; {
			x.shift++
		}
	}
	x.list = make([]entry, l.n)
	next := slices.Clone(x.start)
	for i, who := range l.local[:l.n] {
		e := entry(i)
		if i < x.dated {
			e |= entry(uint64(at.value(at.at(i))-x.base)>>x.shift) << x.bits
		}
		x.list[next[who]] = e
		next[who]++
	}
	return x
}

func (x *index) row(e entry) uint32 { return uint32(e) & (1<<x.bits - 1) }

// bar tells entries stamped at or after a bound from those before: the former from
// sure on, the latter below open. Of those in between the stamp tells.
type bar struct {
	bound      int64
	open, sure uint64
}

func (x *index) bar(bound int64) bar {
	if bound <= x.base {
		return bar{bound: bound}
	}
	steps := min((uint64(bound)-uint64(x.base))>>(x.shift&63), 1<<32>>(x.bits&63))
	return bar{bound, steps << (x.bits & 63), (steps + 1) << (x.bits & 63)}
}

// of is the entries of a customer, the oldest first.
func (x *index) of(local int) (from, to uint32) {
	if local+1 >= len(x.start) {
		return 0, 0
	}
	return x.start[local], x.start[local+1]
}

// writable is a copy that its log may append to.
func (x *index) writable() *index {
	out := &index{
		start: x.start, list: x.list, sealed: x.sealed, dated: x.dated, bits: x.bits, shift: x.shift, base: x.base, newest: x.newest,
		twins: make([]atomic.Pointer[codes], len(x.twins)), last: slices.Clone(x.last), prev: x.prev, nth: x.nth,
	}
	out.marks.Store(x.marks.Load())
	for i := range x.twins {
		if t := x.twins[i].Load(); t != nil {
			header := *t
			out.twins[i].Store(&header)
		}
	}
	return out
}

// chain notes the next row. Chained rows that have become many are listed.
func (l *log) chain(row int, local uint16) {
	x := l.links.index.Load()
	if x == nil {
		return
	}
	if row-x.sealed >= slots/2+x.sealed/4 {
		l.links.index.Store(nil) // whoever asks next lists them all
		return
	}
	if x.last == nil {
		x.last = make([]uint32, slots)
	}
	nth := uint32(1)
	if before := x.last[local]; before != 0 {
		nth += x.nth[int(before)-1-x.sealed]
	}
	x.prev, x.nth = append(x.prev[:row-x.sealed], x.last[local]), append(x.nth[:row-x.sealed], nth)
	x.last[local] = uint32(row) + 1
}

// rows are the rows of a customer, last one first, in the place of into.
func (l *log) rows(local uint16, into []uint32) []uint32 {
	if l.n == 0 {
		return into[:0]
	}
	x := l.index()
	into = x.late(local, into)
	from, to := x.of(int(local))
	for i := to; i > from; i-- {
		into = append(into, x.row(x.list[i-1]))
	}
	return l.without(local, into)
}

// late are the customer's rows that are not listed, in the place of into.
func (x *index) late(local uint16, into []uint32) []uint32 {
	into = into[:0]
	if x.last != nil {
		for link := x.last[local]; link != 0; link = x.prev[int(link)-1-x.sealed] {
			into = append(into, link-1)
		}
	}
	return into
}

// without is the customer's rows without those that are gone.
func (l *log) without(local uint16, rows []uint32) []uint32 {
	if l.gone == 0 {
		return rows
	}
	return slices.DeleteFunc(rows, func(row uint32) bool { return l.local[row] != local })
}

func (x *index) bytes() int {
	n := 4 * (cap(x.start) + cap(x.list) + cap(x.last) + cap(x.prev) + cap(x.nth))
	if m := x.marks.Load(); m != nil {
		n += cap(*m)
	}
	for i := range x.twins {
		if t := x.twins[i].Load(); t != nil {
			n += t.bytes()
		}
	}
	return n
}
