package eval

import (
	"math"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// never is later than every second that is asked for.
const never = math.MaxInt64

// horizon is how many years ahead NextChange follows what has no end: days that
// recur every year.
const horizon = 10

// changes are the seconds, no one of them left out, at which a node may come to
// mean something else: of the record at hand, where there is one. Seconds before
// as-of and repeated ones may be among them.
func (f *future) changes(n plan.Node, at *Record) []int64 {
	var out []int64
	add := func(nodes ...plan.Node) {
		for _, n := range nodes {
			out = append(out, f.changes(n, at)...)
		}
	}
	switch n := n.(type) {
	case *plan.And:
		for _, t := range n.Terms {
			add(t)
		}
	case *plan.Or:
		for _, t := range n.Terms {
			add(t)
		}
	case *plan.Not:
		add(n.Term)
	case *plan.Compare:
		add(n.L, n.R)
	case *plan.Same:
		add(n.L, n.R)
	case *plan.OneOf:
		add(n.X)
	case *plan.Has:
		add(n.X)
	case *plan.Like:
		add(n.X)
	case *plan.Truth:
		add(n.X)
	case *plan.Known:
		add(n.X)
	case *plan.Rank:
		add(n.X)
	case *plan.During:
		add(n.X)
		out = append(out, f.momentChanges(n.Window, at)...)
		values, until := f.moments(n.X, at)
		out = append(out, f.passes(n.Window, values, until, at)...)
	case *plan.Recurs:
		add(n.X)
		out = append(out, f.momentChanges(n.Window, at)...)
		out = append(out, f.recurrences(n, at)...)
	case *plan.Attr:
		v := storedAttr(n, f.now.c)
		out = f.seen(v, n.Due)
		if n.Latest && v.Sort() == catalog.Date && len(out) > 0 {
			out = append(out, f.days(out[0])...)
		}
	case *plan.Field:
		out = f.seen(storedField(n, at), n.Due)
	case *plan.Arith:
		add(n.L, n.R)
	case *plan.Times:
		add(n.X)
	case *plan.Product:
		add(n.X, n.Y)
	case *plan.Quotient:
		add(n.A, n.B)
	case *plan.Aggregate:
		for _, s := range f.aggregate(n) {
			out = append(out, s.from)
		}
	}
	return out
}

// momentChanges are the changes of the moments that a window starts or ends at.
func (f *future) momentChanges(w plan.Window, at *Record) []int64 {
	var out []int64
	for _, b := range []plan.Bound{w.From, w.To} {
		if b.Kind == plan.Moment {
			out = append(out, f.changes(b.Moment, at)...)
		}
	}
	return out
}

// moments are the microseconds that an expression may have from as-of on. Until
// the second until, if there is one, it has none of them but is one second behind
// as-of: a "latest" moment that lies ahead.
func (f *future) moments(x plan.Expr, at *Record) (values []int64, until int64) {
	var stored []catalog.Value
	switch n := x.(type) {
	case *plan.Literal:
		stored = append(stored, n.Value)
	case *plan.Attr:
		v := storedAttr(n, f.now.c)
		stored = append(stored, v)
		if ahead := f.seen(v, n.Due); n.Latest && len(ahead) > 0 {
			until = ahead[0]
			if v.Sort() == catalog.Date {
				for _, s := range f.days(until) {
					stored = append(stored, catalog.DateValue(plan.LocalDay(s*second, f.now.env.Zone)))
				}
			}
		}
	case *plan.Field:
		stored = append(stored, storedField(n, at))
	case *plan.Aggregate:
		for _, s := range f.aggregate(n) {
			stored = append(stored, s.is.value.plain)
		}
	}
	for _, v := range stored {
		if us, ok := moment(v, f.now.env.Zone); ok {
			values = append(values, us)
		}
	}
	return values, until
}

// passes are the seconds at which an end of the window passes one of the moments,
// or the latest moment that runs one second behind as-of until the given second.
func (f *future) passes(w plan.Window, values []int64, until int64, at *Record) []int64 {
	var out []int64
	for _, b := range []plan.Bound{w.From, w.To} {
		switch b.Kind {
		case plan.Open:
		case plan.Moment:
			ends, running := f.moments(b.Moment, at)
			if running > 0 {
				out = append(out, around(values)...)
			}
			if until > 0 {
				out = append(out, around(ends)...)
			}
		case plan.Day, plan.Instant:
			if us, ok := b.Instant(f.now.env.AsOf, f.now.env.Zone); ok && until > 0 {
				out = append(out, around([]int64{us})...)
			}
		default:
			for _, us := range values {
				out = append(out, f.reach(b, us))
			}
			if b.Kind == plan.Period && until > 0 {
				out = append(out, f.periods(b.Unit, until)...)
			}
		}
	}
	return out
}

// around are the seconds at which what runs one second behind as-of may pass the
// moments.
func around(moments []int64) []int64 {
	var out []int64
	for _, us := range moments {
		s := floorDiv(us, second)
		out = append(out, s, s+1, s+2, s+3)
	}
	return out
}

// periods are the seconds around the starts of the local periods up to a second.
func (f *future) periods(unit plan.Unit, until int64) []int64 {
	out := []int64{f.start + 1, f.start + 2} // as-of may be the start of one
	next := plan.Bound{Kind: plan.Period, N: 1, Unit: unit}
	until = min(until, f.now.env.AsOf.AddDate(horizon, 0, 0).Unix())
	for t := f.start; t <= until; {
		us, _ := next.Instant(time.Unix(t, 0), f.now.env.Zone)
		if firstAfter(us) <= t {
			break
		}
		t = floorDiv(us, second)
		out = append(out, t, t+1, t+2)
	}
	return out
}

// days are the seconds at which the day one second behind as-of changes, up to a
// second.
func (f *future) days(until int64) []int64 {
	return append(f.periods(plan.Days, until), f.start)
}

// recurrences are the seconds at which an end of the window passes the yearly day.
func (f *future) recurrences(n *plan.Recurs, at *Record) []int64 {
	zone := f.now.env.Zone
	values, until := f.moments(n.X, at)
	var near []int64 // both ends of the days that recur
	recur := func(day int64, from, ahead int) {
		for _, year := range f.years(n.Window, from, ahead) {
			d := anniversary(day, year)
			start, end := plan.StartOfDay(d, zone), plan.StartOfDay(d+1, zone)
			near = append(near, start-1, start, end-1, end)
		}
	}
	for _, us := range values {
		recur(plan.LocalDay(us, zone), f.now.env.AsOf.Year(), horizon)
	}
	var out []int64
	if until > 0 { // the day runs along with as-of, so only what is about it matters
		out = f.days(until)
		for _, s := range out {
			day := plan.LocalDay((s-1)*second, zone)
			recur(day, dayTime(day).Year(), 0)
		}
	}
	slices.Sort(near)
	out = append(out, f.passes(n.Window, slices.Compact(near), 0, at)...)
	return append(out, f.emptiness(n.Window, at)...)
}

// years are those whose days the window may touch while as-of lies in a year, or
// up to so many years later.
func (f *future) years(w plan.Window, from, ahead int) []int {
	first, last := from, from+ahead
	for _, b := range []plan.Bound{w.From, w.To} {
		if us, ok := b.Instant(f.now.env.AsOf, f.now.env.Zone); ok {
			away := time.UnixMicro(us).UTC().Year() - f.now.env.AsOf.Year()
			first, last = min(first, from+away), max(last, from+ahead+away)
		}
	}
	var out []int
	for y := first - 1; y <= last+1; y++ {
		out = append(out, y)
	}
	return out
}

// emptiness are the seconds at which one end of a window passes the other, where
// only one of them moves.
func (f *future) emptiness(w plan.Window, at *Record) []int64 {
	var fixed []int64
	for _, b := range []plan.Bound{w.From, w.To} {
		switch b.Kind {
		case plan.Moment:
			values, _ := f.moments(b.Moment, at)
			fixed = append(fixed, values...)
		case plan.Day, plan.Instant:
			us, _ := b.Instant(f.now.env.AsOf, f.now.env.Zone)
			fixed = append(fixed, us)
		}
	}
	var near []int64
	for _, us := range fixed {
		near = append(near, us-1, us, us+1)
	}
	return f.passes(w, near, 0, at)
}

// reach is the first second, from as-of on, whose bound lies after the moment. The
// bound must be one that moves with as-of.
func (f *future) reach(b plan.Bound, us int64) int64 {
	after := func(t int64) bool {
		bound, _ := b.Instant(time.Unix(t, 0), f.now.env.Zone)
		return bound > us
	}
	const endOfTime = 250_000_000_000 // about the year 9900
	switch {
	case us >= endOfTime*second:
		return never
	case after(f.start):
		return f.start
	}
	// Going the bound's way back from the moment lands there, or within days.
	mirror := plan.Bound{Kind: b.Kind, N: -b.N, Unit: b.Unit}
	if b.Kind == plan.Period {
		mirror.N = 1 - b.N
	}
	guess, _ := mirror.Instant(time.UnixMicro(us), f.now.env.Zone)
	t := max(floorDiv(guess+second-1, second), f.start+1)
	before := f.start
	if after(t) {
		for stride := int64(1); t-stride > before; stride *= 2 {
			if !after(t - stride) {
				before = t - stride
				break
			}
			t -= stride
		}
	} else {
		stride := int64(1)
		for !after(t + stride) {
			t, stride = t+stride, stride*2
		}
		before, t = t, t+stride
	}
	for t-before > 1 {
		if mid := before + (t-before)/2; after(mid) {
			t = mid
		} else {
			before = mid
		}
	}
	return t
}
