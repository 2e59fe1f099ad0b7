// Package civil turns local wall-clock times into instants, with one policy for
// the whole module: a local time that does not exist (a DST gap, 31 February)
// means the first instant after it, and one that occurs twice means the earlier.
//
// Package time normalises instead ("31 February" becomes 3 March) and leaves
// open which side of a gap it picks, so every room that does calendar arithmetic
// comes here. Functions are pure and safe for concurrent use.
package civil

import "time"

// Time is a reading of a wall clock. It need not exist.
type Time struct {
	Year       int
	Month      time.Month // 1 to 12
	Day        int        // 1 to 31, even where the month is shorter
	Hour, Min  int
	Sec, Nanos int
}

// Of reads the wall clock of loc at t.
func Of(t time.Time, loc *time.Location) Time {
	t = t.In(loc)
	return Time{t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()}
}

// Date is midnight of a day.
func Date(y int, m time.Month, d int) Time { return Time{Year: y, Month: m, Day: d} }

// StartOfDay is midnight of the same day.
func (c Time) StartOfDay() Time { return Date(c.Year, c.Month, c.Day) }

// AddDays moves by n days; the clock reading stays. A day that did not exist
// counts from the first day after it.
func (c Time) AddDays(n int) Time {
	c = c.existing()
	d := time.Date(c.Year, c.Month, c.Day+n, 0, 0, 0, 0, time.UTC)
	c.Year, c.Month, c.Day = d.Date()
	return c
}

// AddMonths moves by n months; day and clock reading stay, so that the result
// may be a day that does not exist.
func (c Time) AddMonths(n int) Time {
	m := c.Year*12 + int(c.Month) - 1 + n
	c.Year, c.Month = floorDiv(m, 12), time.Month(m-floorDiv(m, 12)*12+1)
	return c
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// DaysIn is the number of days of a month.
func DaysIn(y int, m time.Month) int {
	return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// existing replaces a day past the month's end by the start of the next month.
func (c Time) existing() Time {
	if c.Day > DaysIn(c.Year, c.Month) {
		next := Date(c.Year, c.Month, 1).AddMonths(1)
		return next
	}
	return c
}

// Weekday of the day; a day that does not exist is read as the first after it.
func (c Time) Weekday() time.Weekday {
	c = c.existing()
	return time.Date(c.Year, c.Month, c.Day, 0, 0, 0, 0, time.UTC).Weekday()
}

// In is the instant at which the clock of loc first reads c, or the first
// instant after the gap when it never does.
func (c Time) In(loc *time.Location) time.Time {
	c = c.existing()
	wall := time.Date(c.Year, c.Month, c.Day, c.Hour, c.Min, c.Sec, c.Nanos, time.UTC)
	t := time.Date(c.Year, c.Month, c.Day, c.Hour, c.Min, c.Sec, c.Nanos, loc)
	start, end := t.ZoneBounds()
	if asUTC(t).Equal(wall) {
		// It may have occurred before, under the offset that ended at start.
		if !start.IsZero() {
			before := start.Add(-1)
			if e := wall.Add(-offset(before)); e.Before(start) {
				return e.In(loc)
			}
		}
		return t
	}
	for _, edge := range []time.Time{start, end} {
		if edge.IsZero() {
			continue
		}
		gapFrom := edge.Add(offset(edge.Add(-1))).UTC()
		gapTo := edge.Add(offset(edge)).UTC()
		if !wall.Before(gapFrom) && wall.Before(gapTo) {
			return edge.In(loc)
		}
	}
	return t // no such zone is known; time.Date's own answer is as good as any
}

// Repeated tells whether t lies in the second pass of a repeated stretch of local
// time, and if so the local time at which that stretch ends.
func Repeated(t time.Time, loc *time.Location) (end Time, ok bool) {
	t = t.In(loc)
	start, _ := t.ZoneBounds()
	if start.IsZero() {
		return Time{}, false
	}
	before, after := offset(start.Add(-1).In(loc)), offset(start)
	if after >= before {
		return Time{}, false
	}
	if t.Sub(start) >= before-after {
		return Time{}, false
	}
	return Of(start.Add(before-after), loc), true
}

func offset(t time.Time) time.Duration {
	_, sec := t.Zone()
	return time.Duration(sec) * time.Second
}

func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
