package eval

import (
	"fmt"
	"math"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

const second = int64(time.Second / time.Microsecond)

func (m *machine) attr(a *plan.Attr) catalog.Value {
	return m.seen(storedAttr(a, m.c), a.Of, a.Due, a.Latest)
}

func (m *machine) field(f *plan.Field, at *Record) catalog.Value {
	return m.seen(storedField(f, at), f.Of, f.Due, false)
}

func storedAttr(a *plan.Attr, c *Customer) catalog.Value {
	if a.Login && c.Guest {
		return catalog.Missing
	}
	return c.Attributes[a.Name]
}

func storedField(f *plan.Field, at *Record) catalog.Value {
	for range f.Up {
		if at != nil {
			at = at.Parent
		}
	}
	switch {
	case at == nil:
		return catalog.Missing
	case f.Name == "":
		return catalog.StringValue(at.Key)
	}
	return at.Fields[f.Name]
}

// seen is how as-of sees a stored value: it knows nothing of what lies at or
// after it, unless that is due to happen.
func (m *machine) seen(v catalog.Value, t catalog.Type, due, latest bool) catalog.Value {
	if t.Sort == catalog.Set && !v.Known() {
		return catalog.SetValue()
	}
	at, ok := moment(v, m.env.Zone)
	if !ok || due || at < m.asOf {
		return v
	}
	if !latest {
		return catalog.Missing
	}
	before := m.asOf - second
	if v.Sort() == catalog.Date {
		return catalog.DateValue(plan.LocalDay(before, m.env.Zone))
	}
	return catalog.InstantValue(before)
}

// moment is the microsecond of an instant, or of the start of a local day. It is
// not ok for every other value.
func moment(v catalog.Value, zone *time.Location) (int64, bool) {
	switch v.Sort() {
	case catalog.Instant:
		return v.Int(), true
	case catalog.Date:
		return plan.StartOfDay(v.Int(), zone), true
	}
	return 0, false
}

// moment is the microsecond that the expression has, not ok when it is missing.
func (m *machine) moment(x plan.Expr, at *Record) (int64, bool) {
	v := m.value(x, at)
	us, ok := moment(v.plain, m.env.Zone)
	if v.known() && !ok {
		m.misfit(x, "a moment in time of such a value")
	}
	return us, ok
}

// window is the span [from, to), not ok when one end is missing.
func (m *machine) window(n plan.Node, w plan.Window, at *Record) (from, to int64, ok bool) {
	from, fromOK := m.bound(n, w.From, plan.MinInstant, at)
	to, toOK := m.bound(n, w.To, plan.MaxInstant, at)
	return from, to, fromOK && toOK
}

func (m *machine) bound(n plan.Node, b plan.Bound, open int64, at *Record) (int64, bool) {
	switch b.Kind {
	case plan.Open:
		return open, true
	case plan.Moment:
		us, ok := m.moment(b.Moment, at)
		if ok && b.Exclusive && us < math.MaxInt64 {
			us++
		}
		return us, ok
	}
	us, ok := b.Instant(m.env.AsOf, m.env.Zone)
	if !ok {
		m.misfit(n, fmt.Sprintf("an unknown end of a window (%d)", b.Kind))
	}
	return us, ok
}

// recurs tells whether the yearly day of x falls on a local day that [from, to)
// touches.
func (m *machine) recurs(n *plan.Recurs, x value, from, to int64) bool {
	day, ok := m.day(n, x)
	if !ok {
		return false
	}
	zone := m.env.Zone
	first, last := plan.LocalDay(from, zone), plan.LocalDay(to-1, zone)
	if last-first > 2*366 {
		return true // more than a year whichever day it is
	}
	for year := dayTime(first).Year() - 1; year <= dayTime(last).Year()+1; year++ {
		d := anniversary(day, year)
		if from < plan.StartOfDay(d+1, zone) && plan.StartOfDay(d, zone) < to {
			return true
		}
	}
	return false
}

// day is the calendar day of a date or instant.
func (m *machine) day(n plan.Node, x value) (int64, bool) {
	switch x.plain.Sort() {
	case catalog.Date:
		return x.plain.Int(), true
	case catalog.Instant:
		return plan.LocalDay(x.plain.Int(), m.env.Zone), true
	}
	if x.known() {
		m.misfit(n, "an anniversary of such a value")
	}
	return 0, false
}

// anniversary is the day of a year on which the yearly return of a day falls: of
// 29 February in a common year, 1 March.
func anniversary(day int64, year int) int64 {
	t := dayTime(day)
	return time.Date(year, t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / daySeconds
}

const daySeconds = 24 * 60 * 60

// dayTime is midnight in UTC of a calendar day given in days since 1970-01-01.
func dayTime(day int64) time.Time { return time.Unix(day*daySeconds, 0).UTC() }
