package columnar

import (
	"github.com/dangol-dev/dangol/eval/plan"
)

// Aggregates of one customer: a walk along the customer's chain of rows, from
// the newest back, that stops where the window starts.

// walker calls visit for each row that the aggregate selects, until it returns
// false. What visit gathers is in x.got, which the walker clears once it
// knows its window: so nothing is allocated. It is not ok when an end of the
// window is missing.
type walker func(x *cursor, visit visitRow) (ok bool)

type visitRow func(x *cursor, stamp int64) (more bool)

// findings is what a walk has found so far.
type findings struct {
	n, best int64
	row     int
	any     bool
}

// aggregate compiles an aggregate with an integer for a value.
func (c *closures) aggregate(a *plan.Aggregate) number {
	k := c.schema.kinds[c.schema.kind[a.Kind]]
	walk := c.walk(a, k)
	switch a.Fn {
	case plan.Count:
		visit := func(x *cursor, _ int64) bool { x.got.n++; return true }
		return func(x *cursor) (int64, bool) {
			ok := walk(x, visit)
			return x.got.n, ok
		}
	case plan.Sum:
		of := c.value(a.Of, k)
		visit := func(x *cursor, _ int64) bool {
			if v, known := of(x); known {
				x.got.n += v
			}
			return true
		}
		return func(x *cursor) (int64, bool) {
			ok := walk(x, visit)
			return x.got.n, ok
		}
	case plan.Min, plan.Max:
		return c.extreme(a, k, walk)
	case plan.First, plan.Last:
		of, pick := c.value(a.Of, k), c.pick(a)
		return func(x *cursor) (int64, bool) {
			row, ok := pick(x)
			if !ok {
				return 0, false
			}
			was, wasRow := x.log, x.row
			x.log, x.row = x.shard.logs[k.index], row
			v, ok := of(x)
			x.log, x.row = was, wasRow
			return v, ok
		}
	}
	return c.distinct(a, k, walk)
}

func (c *closures) extreme(a *plan.Aggregate, k *kind, walk walker) number {
	of, most := c.value(a.Of, k), a.Fn == plan.Max
	visit := func(x *cursor, _ int64) bool {
		if v, known := of(x); known && (!x.got.any || most && v > x.got.best || !most && v < x.got.best) {
			x.got.best, x.got.any = v, true
		}
		return true
	}
	return func(x *cursor) (int64, bool) {
		ok := walk(x, visit)
		return x.got.best, ok && x.got.any
	}
}

func (c *closures) distinct(a *plan.Aggregate, k *kind, walk walker) number {
	item := c.item(a, k)
	visit := func(x *cursor, stamp int64) bool {
		if v, known := item(x, stamp); known {
			x.seen = append(x.seen, v)
		}
		return true
	}
	return func(x *cursor) (int64, bool) {
		ok := walk(x, visit)
		return x.different(), ok
	}
}

// item is what a distinct or active aggregate tells rows apart by.
func (c *closures) item(a *plan.Aggregate, k *kind) func(x *cursor, stamp int64) (uint64, bool) {
	if a.Fn != plan.Distinct {
		calendar := c.calendar
		return func(_ *cursor, stamp int64) (uint64, bool) {
			_, _, offset := calendar.stretch(stamp)
			day := floorDiv(stamp+offset, dayMicros)
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
		return func(x *cursor, _ int64) (uint64, bool) {
			_, row := x.up(f.Up)
			return uint64(row), row >= 0
		}
	}
	if newDictionary(a.Of.Type()) != nil {
		code, _ := c.code(a.Of, k)
		return func(x *cursor, _ int64) (uint64, bool) { v := code(x); return v, v != 0 }
	}
	value := c.value(a.Of, k)
	return func(x *cursor, _ int64) (uint64, bool) { v, ok := value(x); return uint64(v), ok }
}

// pick is the row of First or Last.
func (c *closures) pick(a *plan.Aggregate) func(*cursor) (row int, ok bool) {
	k := c.schema.kinds[c.schema.kind[a.Kind]]
	walk, last := c.walk(a, k), a.Fn == plan.Last
	ordered := k.ordered(a.Stamp)
	visit := func(x *cursor, stamp int64) bool {
		inOrder := ordered && x.log.sorted == x.log.n
		got := &x.got
		if got.any {
			switch {
			case inOrder: // the newest comes first
			case stamp != got.best:
				if last != (stamp > got.best) {
					return true
				}
			case last != (x.log.keys.compare(x.row, got.row) > 0):
				return true
			}
		}
		got.row, got.best, got.any = x.row, stamp, true
		return !inOrder || !last
	}
	return func(x *cursor) (int, bool) {
		ok := walk(x, visit)
		return x.got.row, ok && x.got.any
	}
}

// walk compiles which rows an aggregate selects.
func (c *closures) walk(a *plan.Aggregate, k *kind) walker {
	var where tester
	if a.Where != nil {
		where = c.test(a.Where, k)
	}
	kind := k.index
	if a.Stamp == nil {
		return func(x *cursor, visit visitRow) bool {
			x.gather()
			x.walk(x.shard.logs[kind], func(x *cursor) (int64, step) { return 0, here }, where, visit)
			return true
		}
	}
	from, to := c.ends(a)
	place := c.place(a, k)
	return func(x *cursor, visit visitRow) bool {
		lo, lok := from(x)
		hi, hok := to(x)
		x.gather()
		if !lok || !hok {
			return false
		}
		x.lo, x.hi = lo, min(hi, x.asOf)
		x.walk(x.shard.logs[kind], place, where, visit)
		return true
	}
}

// step is where a row lies to the window.
type step uint8

const (
	here   step = iota
	beside      // outside of the window
	past        // before the window, as are all older rows
)

// place compiles where the row at hand lies to the window [x.lo, x.hi).
func (c *closures) place(a *plan.Aggregate, k *kind) func(x *cursor) (stamp int64, at step) {
	if !k.ordered(a.Stamp) {
		stamp := c.field(a.Stamp, k)
		return func(x *cursor) (int64, step) {
			at, dated := stamp(x)
			if !dated || at >= x.hi || at < x.lo {
				return 0, beside
			}
			return at, here
		}
	}
	return func(x *cursor) (int64, step) {
		column := x.log.stamped()
		if column == nil {
			return 0, beside
		}
		code := column.at(x.row)
		at := column.value(code)
		switch {
		case code == 0 || at >= x.hi:
			return 0, beside
		case at >= x.lo:
			return at, here
		case x.log.sorted == x.log.n:
			return 0, past
		}
		return 0, beside
	}
}

// gather begins a walk.
func (x *cursor) gather() {
	x.got = findings{row: -1}
	x.seen = x.seen[:0]
}

// walk visits the customer's rows, the newest first, that lie in the window and
// pass the filter, until one is past or visit returns false. The record that was
// at hand is so again afterwards.
func (x *cursor) walk(l *log, place func(*cursor) (int64, step), where tester, visit visitRow) {
	if l.n == 0 {
		return
	}
	was, wasRow := x.log, x.row
	x.log = l
	chain := l.chain()
	for link := chain.last[x.local]; link != 0; link = chain.prev[link-1] {
		x.row = int(link - 1)
		stamp, at := place(x)
		if at == past {
			break
		}
		if at == beside || l.gone > 0 && l.local[x.row] != uint16(x.local) {
			continue
		}
		if (where == nil || where(x)) && !visit(x, stamp) {
			break
		}
	}
	x.log, x.row = was, wasRow
}

// ends are the ends of the aggregate's window.
func (c *closures) ends(a *plan.Aggregate) (from, to number) {
	w := a.Window
	if w.From.Kind == plan.Moment || w.To.Kind == plan.Moment {
		return c.bound(w.From, plan.MinInstant, nil), c.bound(w.To, plan.MaxInstant, nil)
	}
	i := c.matcher.window(windowed{window: w})
	return func(x *cursor) (int64, bool) { return x.spans[i].from, true },
		func(x *cursor) (int64, bool) { return x.spans[i].to, true }
}
