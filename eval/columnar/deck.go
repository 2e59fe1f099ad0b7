package columnar

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// deck is the rows of one kind of the customer at hand, the newest first, those
// without a stamp last. What questions need of the rows is drawn from the log's
// columns once, into lanes that lie close together: reads that do not wait for
// each other, as those of one question after another would.
type deck struct {
	turn  uint64 // of the customer it was dealt for
	log   *log
	index *index
	n     int
	dated int // how many rows have a stamp
	// listed rows are those that the index lists, the oldest first; late ones came
	// since. Where there are none of those, and the listed ones are in the order of
	// time, the deck is plain: it is only looked at, not made.
	listed []entry
	end    int // of listed, in the index
	late   int
	plain  bool
	rows   []uint32 // where the deck is not plain
	stamps []int64
	mixed  bool    // late rows stand between others
	above  []int32 // where the parents of the first rows stand in their deck, -1 for none
}

// deck is the rows of a kind, dealt when first asked for.
func (x *cursor) deck(kind int) *deck {
	d := &x.decks[kind]
	if d.turn != x.turn {
		d.deal(x, kind)
	}
	return d
}

func (d *deck) deal(x *cursor, kind int) {
	l := x.shard.logs[kind]
	d.turn, d.log, d.above = x.turn, l, d.above[:0]
	d.n, d.dated, d.late, d.plain, d.mixed = 0, 0, 0, true, false
	if l.n == 0 {
		return
	}
	d.index = l.index()
	from, to := d.index.of(x.local)
	d.listed, d.end, d.n = d.index.list[from:to], int(to), int(to-from)
	switch {
	case l.gone > 0 || d.index.last != nil && d.index.last[x.local] != 0:
		d.make(uint16(x.local))
	case !l.kind.stamped || d.n == 0:
	case int(d.index.row(d.listed[d.n-1])) < d.index.dated:
		d.dated = d.n
	default:
		d.make(uint16(x.local))
	}
}

// make lists rows that are not plain: it finds out when each is stamped, and puts
// late ones where they belong.
func (d *deck) make(local uint16) {
	l := d.log
	d.plain, d.stamps = false, d.stamps[:0]
	d.rows = l.without(local, d.index.late(local, d.rows))
	d.late = len(d.rows)
	for i := len(d.listed) - 1; i >= 0; i-- {
		d.rows = append(d.rows, d.index.row(d.listed[i]))
	}
	n := len(d.rows)
	if l.gone > 0 {
		d.rows = l.without(local, d.rows)
		d.mixed = len(d.rows) < n
	}
	d.n = len(d.rows)
	at := l.stamped()
	if at == nil || d.n == 0 {
		return
	}
	d.dated = d.n
	if int(d.rows[0]) >= l.sorted {
		d.mixed = true
		slices.SortFunc(d.rows, l.compare)
		for d.dated > 0 && at.at(int(d.rows[d.dated-1])) == 0 {
			d.dated--
		}
		slices.Reverse(d.rows[:d.dated])
	}
	for _, row := range d.rows[:d.dated] {
		d.stamps = append(d.stamps, at.value(at.at(int(row))))
	}
}

// row is the number of a row in its log.
func (d *deck) row(i int) uint32 {
	if d.plain {
		return d.index.row(d.listed[d.n-1-i])
	}
	return d.rows[i]
}

// stamp is the stamp of a row that has one.
func (d *deck) stamp(i int) int64 {
	if !d.plain {
		return d.stamps[i]
	}
	at := d.log.stamped()
	return at.value(at.at(int(d.row(i))))
}

// edge is how many rows are stamped at or after a bound: the first ones. Few
// stamps are read, since it is known of most about when they are.
func (d *deck) edge(bound int64) int {
	if !d.plain {
		i, _ := slices.BinarySearchFunc(d.stamps, bound, func(stamp, bound int64) int {
			if stamp >= bound {
				return -1
			}
			return 1
		})
		return i
	}
	if d.dated == 0 {
		return 0
	}
	b := d.index.bar(bound)
	lo, hi := 0, d.dated
	for hi-lo > 8 {
		if middle := (lo + hi) / 2; uint64(d.listed[d.n-1-middle]) < b.sure {
			hi = middle
		} else {
			lo = middle + 1
		}
	}
	for lo < d.dated && uint64(d.listed[d.n-1-lo]) >= b.sure {
		lo++
	}
	for lo < d.dated && uint64(d.listed[d.n-1-lo]) >= b.open && d.stamp(lo) >= bound {
		lo++
	}
	return lo
}

// parents is where the parents of the first n rows stand in their deck, -1 for none.
func (x *cursor) parents(d *deck, n int) []int32 {
	have := len(d.above)
	if have >= n {
		return d.above
	}
	d.above = slices.Grow(d.above, n-have)[:n]
	over := x.deck(d.log.kind.parent.index)
	var twin *codes
	if !d.mixed {
		twin = d.log.parents()
	}
	var links [64]int64
	at := 0
	for i := have; i < n; {
		part := links[:min(n-i, len(links))]
		if twin != nil {
			d.copied(part, twin, i, func(row uint32) uint64 { return uint64(d.log.parent.at(int(row))) })
		} else {
			for j := range part {
				part[j] = int64(d.log.parent.at(int(d.row(i + j))))
			}
		}
		for j, link := range part {
			d.above[i+j] = -1
			if link != 0 {
				at = over.place(uint32(link-1), max(at, 0))
				d.above[i+j] = int32(at)
			}
		}
		i += len(part)
	}
	return d.above
}

// place is where a row stands, looked for from a place near it on; -1 for nowhere.
func (d *deck) place(row uint32, near int) int {
	for i := near; i < d.n; i++ {
		if d.row(i) == row {
			return i
		}
	}
	for i := range min(near, d.n) {
		if d.row(i) == row {
			return i
		}
	}
	return -1
}

// laneOf is what a lane holds: a field of the rows of a kind, or of the records
// some levels above them, as as-of sees it.
type laneOf struct {
	kind, up int
	field    int
	text     bool         // codes of a dictionary, not values
	timed    catalog.Sort // values after as-of are missing: those of instants and dates
	over     int          // of a field above: the lane of the parents
}

// lane is the values of a field of the first rows of a deck.
type lane struct {
	turn   uint64
	values []int64
}

// missing stands in a lane for no value. Text has code 0.
const missing = math.MinInt64

// lane is the values of at least the first n rows.
func (x *cursor) lane(i, n int) []int64 {
	l := &x.lanes[i]
	if l.turn != x.turn {
		l.turn, l.values = x.turn, l.values[:0]
	}
	if len(l.values) < n {
		x.draw(l, &x.matcher.lanes[i], n)
	}
	return l.values
}

// draw brings the lane's values up to n.
func (x *cursor) draw(l *lane, of *laneOf, n int) {
	d, have := x.deck(of.kind), len(l.values)
	l.values = slices.Grow(l.values, n-have)[:n]
	out := l.values[have:]
	if of.up > 0 {
		places := x.parents(d, n)[have:n]
		from := x.lane(of.over, int(slices.Max(places))+1)
		for i, at := range places {
			if out[i] = of.none(); at >= 0 {
				out[i] = from[at]
			}
		}
		return
	}
	c := d.log.fields[of.field]
	if c == nil {
		for i := range out {
			out[i] = of.none()
		}
		return
	}
	if t := d.twin(of.field); t != nil {
		d.copied(out, t, have, func(row uint32) uint64 { return c.at(int(row)) })
	} else {
		for i := range out {
			out[i] = int64(c.at(int(d.row(have + i))))
		}
	}
	if !of.text {
		x.decode(out, c, of.timed)
	}
}

// none is what stands for no value.
func (of *laneOf) none() int64 {
	if of.text {
		return 0
	}
	return missing
}

// twin is the field in the order of the index, nil where the rows are not in it.
func (d *deck) twin(field int) *codes {
	if d.mixed {
		return nil
	}
	return d.log.twin(field)
}

// copied copies the codes of rows from one on out of a twin; those that the index
// does not list are read one by one.
func (d *deck) copied(out []int64, t *codes, from int, late func(row uint32) uint64) {
	i := 0
	for ; from+i < d.late; i++ {
		if i == len(out) {
			return
		}
		out[i] = int64(late(d.rows[from+i]))
	}
	last := d.end - (from + i - d.late)
	t.backwards(out[i:], last-len(out)+i, last)
}

// backwards copies the codes of [lo, hi), the last first.
func (c *narrow) backwards(out []int64, lo, hi int) {
	switch {
	case c.u8 != nil:
		backwards(out, c.u8[lo:hi])
	case c.u16 != nil:
		backwards(out, c.u16[lo:hi])
	case c.u32 != nil:
		backwards(out, c.u32[lo:hi])
	default:
		backwards(out, c.u64[lo:hi])
	}
}

func backwards[T word](out []int64, from []T) {
	for i, code := range from {
		out[len(from)-1-i] = int64(code)
	}
}

// decode turns codes into values.
func (x *cursor) decode(out []int64, c *codes, timed catalog.Sort) {
	last := x.sees(timed)
	for i, code := range out {
		out[i] = missing
		if code != 0 {
			if v := c.base + code*c.unit; v <= last {
				out[i] = v
			}
		}
	}
}

// sees is the last value of a timed field that as-of sees.
func (x *bounds) sees(timed catalog.Sort) int64 {
	switch timed {
	case catalog.Instant:
		return x.asOf - 1
	case catalog.Date:
		return x.lastDay
	}
	return math.MaxInt64
}

// read is the value of a lane for one row, where not all of the rows before it
// are asked for.
func (x *cursor) read(i, row int) int64 {
	if l := &x.lanes[i]; l.turn == x.turn && row < len(l.values) {
		return l.values[row]
	}
	if row < x.goal {
		return x.lane(i, x.goal)[row]
	}
	of := &x.matcher.lanes[i]
	d := x.deck(of.kind)
	var c *codes
	at := row
	if of.up == 0 && row >= d.late {
		c, at = d.twin(of.field), d.end-1-(row-d.late)
	}
	if c == nil {
		var l *log
		l, at = x.up(d, row, of.up)
		c = l.fields[of.field]
	}
	if c == nil || at < 0 {
		return of.none()
	}
	one := [1]int64{int64(c.at(at))}
	if !of.text {
		x.decode(one[:], c, of.timed)
	}
	return one[0]
}

// up is the log some levels up and the row there of a row's record, -1 for none.
func (x *cursor) up(d *deck, row, levels int) (*log, int) {
	return x.shard.above(d.log, int(d.row(row)), levels)
}

// above is up of a row of a log.
func (sh *shard) above(l *log, at, levels int) (*log, int) {
	for range levels {
		link := l.parent.at(at)
		l = sh.logs[l.kind.parent.index]
		if at = int(link) - 1; at < 0 {
			return l, -1
		}
	}
	return l, at
}
