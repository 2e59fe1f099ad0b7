package compile

import (
	"time"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// moments is a point in time as a rule writes it: the first instant of it, and
// the first after it. A whole day is longer than an instant, whose two are the same.
type moments struct {
	start, after plan.Bound
	day          bool // a whole local day
	date         bool // a date of the customer or record, whose day has no end that a window could name
}

var unitOf = map[dsl.Unit]plan.Unit{
	dsl.Minute: plan.Minute, dsl.Hour: plan.Hour, dsl.Day: plan.Days, dsl.Week: plan.Week,
	dsl.Month: plan.Month, dsl.Quarter: plan.Quarter, dsl.Year: plan.Year,
}

func month(d *dsl.Date) time.Month { return time.Month(d.Month) }

func dayOf(d *dsl.Date) int64 {
	return time.Date(d.Year, month(d), d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func period(unit plan.Unit, n int) plan.Bound {
	return plan.Bound{Kind: plan.Period, Unit: unit, N: n}
}

func back(unit plan.Unit, n int) plan.Bound { return plan.Bound{Kind: plan.Back, Unit: unit, N: n} }

var asOf = plan.Bound{Kind: plan.Now}

// point reads a point in time.
func (c *checker) point(e dsl.Expr) (moments, bool) {
	at := c.span(e.Span())
	if paren, ok := e.(*dsl.Paren); ok {
		return c.point(paren.X)
	}
	switch n := e.(type) {
	case *dsl.Date:
		day := dayOf(n)
		return moments{start: plan.Bound{Kind: plan.Day, At: day}, after: plan.Bound{Kind: plan.Day, At: day + 1}, day: true}, true
	case *dsl.Word:
		switch n.Name {
		case "today":
			return moments{start: period(plan.Days, 0), after: period(plan.Days, 1), day: true}, true
		case "yesterday":
			return moments{start: period(plan.Days, -1), after: period(plan.Days, 0), day: true}, true
		}
		return moments{start: asOf, after: asOf}, true
	case *dsl.Number:
		if n.Ago {
			unit, count, ok := c.length(n)
			if !ok {
				return moments{}, false
			}
			b := back(unit, count)
			return moments{start: b, after: b}, true
		}
		if n.Unit != "" {
			c.errLengthIsNoPoint(at, n, c.quote(at))
			return moments{}, false
		}
	case *dsl.Ref:
		v := c.value(n)
		switch {
		case v.form == broken:
			return moments{}, false
		case v.form == moment || v.form == day:
			b := plan.Bound{Kind: plan.Moment, Moment: v.expr}
			return moments{start: b, after: b, date: v.form == day}, true
		}
		c.errNotAPoint(at, v)
		return moments{}, false
	}
	v := c.value(e)
	if v.form != broken {
		c.errNotAPoint(at, v)
	}
	return moments{}, false
}

// maxYears bounds lengths of time, so that calendar arithmetic stays in range.
const maxYears = 1000

// length reads 7d.
func (c *checker) length(n *dsl.Number) (plan.Unit, int, bool) {
	at := c.span(n.Span())
	unit := unitOf[n.Unit]
	switch {
	case n.Scale > 0:
		c.errWholeLength(at)
		return "", 0, false
	case n.Full && (unit == plan.Minute || unit == plan.Hour):
		c.errFullHours(at)
		return "", 0, false
	case n.Mantissa > maxYears*minutesOf(plan.Year).lo/minutesOf(unit).hi:
		c.errLengthTooLong(at)
		return "", 0, false
	}
	return unit, int(n.Mantissa), true
}

// minutesOf is how many minutes a unit of the calendar can be, with room for any
// change of clocks.
func minutesOf(u plan.Unit) interval {
	const day = 24 * 60
	switch u {
	case plan.Minute:
		return exactly(1)
	case plan.Hour:
		return exactly(60)
	case plan.Days:
		return exactly(day)
	case plan.Week:
		return exactly(7 * day)
	case plan.Month:
		return interval{28 * day, 31 * day}
	case plan.Quarter:
		return interval{90 * day, 92 * day}
	}
	return interval{365 * day, 366 * day}
}

// window reads a span of time of something that is always in the past, or, where
// due, may lie in the future.
func (c *checker) window(w *dsl.Window, due bool) (plan.Window, bool) {
	at := c.span(w.At)
	var out plan.Window
	var ok bool
	switch w.Form {
	case dsl.ThisWindow, dsl.LastWindow:
		out, ok = c.localPeriod(w, at)
	case dsl.NextWindow:
		if !due {
			c.errOnlyPast(at)
			return out, false
		}
		out, ok = c.next(w)
	case dsl.PointWindow:
		out, ok = c.pointWindow(w, at)
	case dsl.RangeWindow:
		return c.between(w.From, w.To, due, at)
	default:
		p, known := c.point(w.From)
		if !known {
			return out, false
		}
		if ok = true; w.Form == dsl.SinceWindow {
			out = plan.Window{From: p.start, To: asOf}
		} else {
			out = plan.Window{To: p.start}
		}
	}
	if !ok {
		return out, false
	}
	if startsAtItsEnd(out) {
		c.errEmptyWindow(at, "")
		return out, false
	}
	return c.note(out, due, at), true
}

func (c *checker) localPeriod(w *dsl.Window, at source.Span) (plan.Window, bool) {
	unit := unitOf[w.Unit]
	if unit == plan.Minute || unit == plan.Hour {
		c.errLocalPeriod(at)
		return plan.Window{}, false
	}
	if w.Form == dsl.ThisWindow {
		return plan.Window{From: period(unit, 0), To: period(unit, 1)}, true
	}
	return plan.Window{From: period(unit, -1), To: period(unit, 0)}, true
}

func (c *checker) next(w *dsl.Window) (plan.Window, bool) {
	n, ok := w.From.(*dsl.Number)
	if !ok || n.Unit == "" || n.Ago {
		c.errNextLength(c.span(w.From.Span()))
		return plan.Window{}, false
	}
	unit, count, ok := c.length(n)
	if !ok {
		return plan.Window{}, false
	}
	if n.Full {
		return plan.Window{From: period(unit, 1), To: period(unit, count+1)}, true
	}
	return plan.Window{From: asOf, To: back(unit, -count)}, true
}

func (c *checker) pointWindow(w *dsl.Window, at source.Span) (plan.Window, bool) {
	if n, ok := w.From.(*dsl.Number); ok {
		switch {
		case n.Unit == "":
			c.errNoUnit(at, n)
			return plan.Window{}, false
		case n.Ago:
			c.errInstantIsNoWindow(at, c.quote(at))
			return plan.Window{}, false
		}
		unit, count, ok := c.length(n)
		if !ok {
			return plan.Window{}, false
		}
		if n.Full {
			return plan.Window{From: period(unit, -count), To: period(unit, 0)}, true
		}
		return plan.Window{From: back(unit, count), To: asOf}, true
	}
	p, ok := c.point(w.From)
	if !ok {
		return plan.Window{}, false
	}
	if !p.day {
		c.errInstantIsNoWindow(at, c.quote(at))
		return plan.Window{}, false
	}
	return plan.Window{From: p.start, To: p.after}, true
}

// between is from .. to and `between from and to`: whole days include the last,
// instants do not.
func (c *checker) between(from, to dsl.Expr, due bool, at source.Span) (plan.Window, bool) {
	lo, ok1 := c.point(from)
	hi, ok2 := c.point(to)
	if !ok1 || !ok2 {
		return plan.Window{}, false
	}
	if hi.date {
		c.errDateHasNoEnd(c.span(to.Span()))
		return plan.Window{}, false
	}
	w := plan.Window{From: lo.start, To: hi.after}
	if startsAtItsEnd(w) {
		swapped := ""
		if !c.quoting && !startsAtItsEnd(plan.Window{From: hi.start, To: lo.after}) {
			swapped = c.written(to.Span()) + c.text[from.Span().End:to.Span().Start] + c.written(from.Span())
		}
		c.errEmptyWindow(at, swapped)
		return w, false
	}
	return c.note(w, due, at), true
}

// relative is the window of `before`, `after` and `on` a point.
func (c *checker) relative(n *dsl.When, due bool) (plan.Window, bool) {
	p, ok := c.point(n.Point)
	if !ok {
		return plan.Window{}, false
	}
	at := c.span(n.Point.Span())
	w := plan.Window{To: p.start}
	switch {
	case n.Rel == "before":
	case n.Rel == "on" && !p.day:
		c.errOnInstant(at)
		return w, false
	case n.Rel == "on":
		w = plan.Window{From: p.start, To: p.after}
	case p.date:
		c.errDateHasNoEnd(at)
		return w, false
	default: // after
		w = plan.Window{From: p.after}
		w.From.Exclusive = !p.day
	}
	return c.note(w, due, at), true
}

// note warns of windows over the past in which nothing can lie: those that start
// in the future, and today in a group that is refreshed at midnight.
func (c *checker) note(w plan.Window, due bool, at source.Span) plan.Window {
	switch {
	case due:
	case c.opts.Midnight && w.From == period(plan.Days, 0):
		c.warnEmptyToday(at)
	case notBefore(w.From, asOf):
		c.warnFuture(at)
	}
	return w
}

// startsAtItsEnd tells whether a window is certainly empty, whenever it is asked
// for.
func startsAtItsEnd(w plan.Window) bool { return notBefore(w.From, w.To) }

// notBefore tells whether one bound certainly lies at or after another. Of most
// that depend on different things nothing is certain; open ends are no bounds.
func notBefore(a, b plan.Bound) bool {
	switch {
	case a.Kind == plan.Day && b.Kind == plan.Day:
		return a.At >= b.At
	case !byAsOf(a) || !byAsOf(b):
		return false
	case a.Kind == b.Kind && a.Unit == b.Unit:
		if a.Kind == plan.Back {
			return a.N <= b.N
		}
		return a.N >= b.N
	case a.Kind == plan.Now && b.Kind == plan.Back:
		return b.N >= 0
	case a.Kind == plan.Back && b.Kind == plan.Now:
		return a.N <= 0
	case a.Kind == plan.Now && b.Kind == plan.Period:
		return b.N <= 0
	case a.Kind == plan.Period && b.Kind == plan.Now:
		return a.N >= 1
	}
	return longBefore(a).hi <= longBefore(b).lo
}

func byAsOf(b plan.Bound) bool {
	return b.Kind == plan.Now || b.Kind == plan.Back || b.Kind == plan.Period
}

// longBefore is how many minutes before as-of a bound lies, with room for changes
// of clocks, which are within a day.
func longBefore(b plan.Bound) interval {
	if b.Kind == plan.Now {
		return interval{}
	}
	unit := minutesOf(b.Unit)
	n := b.N
	if b.Kind == plan.Period {
		n = -n
	}
	by, _ := unit.times(exactly(int64(n)))
	if b.Kind == plan.Period {
		by.hi += unit.hi // as-of lies anywhere in its own period
	}
	if b.Unit != plan.Minute && b.Unit != plan.Hour {
		by.lo, by.hi = by.lo-24*60, by.hi+24*60
	}
	return by
}

// contains tells whether all of w certainly lies within v.
func contains(v, w plan.Window) bool {
	return (v.From.Kind == plan.Open || w.From.Kind != plan.Open && !v.From.Exclusive && notBefore(w.From, v.From)) &&
		(v.To.Kind == plan.Open || w.To.Kind != plan.Open && notBefore(v.To, w.To))
}

// apart tells whether two windows certainly have nothing in common.
func apart(v, w plan.Window) bool {
	return notBefore(v.From, w.To) || notBefore(w.From, v.To)
}
