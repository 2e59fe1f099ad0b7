package columnar

import (
	"math"
	"math/bits"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Aggregates of one customer.

// findings is what a visit of rows has found so far. It stands in the cursor, so
// that nothing is allocated.
type findings struct {
	n, best int64
	row     int
	any     bool
}

// aggregate compiles an aggregate with an integer for a value.
func (c *closures) aggregate(a *plan.Aggregate) number {
	k := c.schema.kinds[c.schema.kind[a.Kind]]
	switch a.Fn {
	case plan.Count:
		rows := c.selection(a, k)
		return func(x *cursor) (int64, bool) { return rows.count(x, 0, math.MaxInt64) }
	case plan.Sum:
		return c.sum(a, k)
	case plan.Min, plan.Max:
		return c.extreme(a, k)
	case plan.First, plan.Last:
		of, pick := c.value(a.Of, k), c.pick(a)
		return func(x *cursor) (int64, bool) {
			if !pick(x) {
				return 0, false
			}
			return of(x)
		}
	}
	return c.distinct(a, k)
}

func (c *closures) sum(a *plan.Aggregate, k *kind) number {
	rows := c.selection(a, k)
	if f, ok := a.Of.(*plan.Field); ok {
		if lane, ok := c.lane(f, k); ok {
			direct, field := rows.direct && f.Up == 0 && c.matcher.lanes[lane].timed == 0, c.matcher.lanes[lane].field
			return func(x *cursor) (int64, bool) {
				if direct {
					if n, ok := rows.sumOf(x, field); ok {
						return n, true
					}
				}
				r, ok := rows.reach(x)
				if !ok {
					return 0, false
				}
				return rows.sum(x, r, lane), true
			}
		}
	}
	of := c.value(a.Of, k)
	visit := func(x *cursor) bool {
		if v, known := of(x); known {
			x.got.n += v
		}
		return true
	}
	return func(x *cursor) (int64, bool) {
		r, ok := rows.reach(x)
		x.got = findings{}
		if ok {
			rows.each(x, r, visit)
		}
		return x.got.n, ok
	}
}

// sum adds up a lane over the selected rows.
func (s *selection) sum(x *cursor, r reachOf, lane int) int64 {
	if r.lo >= r.hi {
		return 0
	}
	values := x.lane(lane, r.hi)
	n := int64(0)
	for at := r.lo &^ 63; at < r.hi; at += 64 {
		for left := s.word(x, r, at, r.lo, r.hi); left != 0; left &= left - 1 {
			if v := values[at+bits.TrailingZeros64(left)]; v != missing {
				n += v
			}
		}
	}
	return n
}

func (c *closures) extreme(a *plan.Aggregate, k *kind) number {
	rows, of, most := c.selection(a, k), c.value(a.Of, k), a.Fn == plan.Max
	visit := func(x *cursor) bool {
		if v, known := of(x); known && (!x.got.any || most && v > x.got.best || !most && v < x.got.best) {
			x.got.best, x.got.any = v, true
		}
		return true
	}
	return func(x *cursor) (int64, bool) {
		r, ok := rows.reach(x)
		x.got = findings{}
		if ok {
			rows.each(x, r, visit)
		}
		return x.got.best, ok && x.got.any
	}
}

func (c *closures) distinct(a *plan.Aggregate, k *kind) number {
	rows, item := c.selection(a, k), c.item(a, k)
	visit := func(x *cursor) bool {
		if v, known := item(x); known {
			x.seen = append(x.seen, v)
		}
		return true
	}
	return func(x *cursor) (int64, bool) {
		r, ok := rows.reach(x)
		x.seen = x.seen[:0]
		if ok {
			rows.each(x, r, visit)
		}
		return x.different(), ok
	}
}

// item is what a distinct or active aggregate tells rows apart by.
func (c *closures) item(a *plan.Aggregate, k *kind) func(x *cursor) (uint64, bool) {
	if a.Fn != plan.Distinct {
		calendar, stamp := c.calendar, c.stamp(a, k)
		return func(x *cursor) (uint64, bool) {
			at := stamp(x)
			_, _, offset := calendar.stretch(at)
			day := floorDiv(at+offset, dayMicros)
			switch a.Fn {
			case plan.ActiveWeeks:
				day = floorDiv(day+3, 7) // 1970-01-01 was a Thursday
			case plan.ActiveMonths:
				day = monthOf(day)
			}
			return uint64(day), true
		}
	}
	if f, ok := a.Of.(*plan.Field); ok && f.Name == "" {
		return func(x *cursor) (uint64, bool) {
			_, row := x.up(x.deck(k.index), x.row, f.Up)
			return uint64(row), row >= 0
		}
	}
	if newDictionary(a.Of.Type()) != nil {
		code, _ := c.code(a.Of, k)
		return func(x *cursor) (uint64, bool) { v := code(x); return v, v != 0 }
	}
	value := c.value(a.Of, k)
	return func(x *cursor) (uint64, bool) { v, ok := value(x); return uint64(v), ok }
}

// stamp is the stamp of the row at hand, by which the aggregate selected it.
func (c *closures) stamp(a *plan.Aggregate, k *kind) func(x *cursor) int64 {
	if k.ordered(a.Stamp) {
		return func(x *cursor) int64 { return x.deck(k.index).stamp(x.row) }
	}
	value := c.field(a.Stamp, k)
	return func(x *cursor) int64 { v, _ := value(x); return v }
}

// pick finds the row of First or Last and puts it at hand.
func (c *closures) pick(a *plan.Aggregate) func(*cursor) bool {
	k := c.schema.kinds[c.schema.kind[a.Kind]]
	rows, last := c.selection(a, k), a.Fn == plan.Last
	found := func(x *cursor) bool {
		x.goal = 0 // of this row alone is more to be read
		x.row = x.got.row
		return x.got.any
	}
	if rows.by == byOwn { // the newest comes first
		visit := func(x *cursor) bool {
			x.got.row, x.got.any = x.row, true
			return !last
		}
		return func(x *cursor) bool {
			r, ok := rows.reach(x)
			x.got = findings{}
			if ok {
				rows.each(x, r, visit)
			}
			return found(x)
		}
	}
	stamp := func(*cursor) int64 { return 0 }
	if a.Stamp != nil {
		stamp = c.stamp(a, k)
	}
	visit := func(x *cursor) bool {
		at := stamp(x)
		if x.got.any {
			if at != x.got.best {
				if last != (at > x.got.best) {
					return true
				}
			} else if d := x.deck(k.index); last != (d.log.keys.compare(int(d.row(x.row)), int(d.row(x.got.row))) > 0) {
				return true
			}
		}
		x.got.row, x.got.best, x.got.any = x.row, at, true
		return true
	}
	return func(x *cursor) bool {
		r, ok := rows.reach(x)
		x.got = findings{}
		if ok {
			rows.each(x, r, visit)
		}
		return found(x)
	}
}
