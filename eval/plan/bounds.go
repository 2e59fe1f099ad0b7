package plan

import (
	"math"
	"time"

	"github.com/dangol-dev/dangol/internal/civil"
)

// The range of instants, in microseconds, that windows are cut to.
const (
	MinInstant int64 = math.MinInt64
	MaxInstant int64 = math.MaxInt64
)

// Instant is the microsecond at which a bound that depends on nothing but as-of
// and zone lies. Open is not resolved here, since it differs at both ends, nor is
// Moment: for those ok is false.
func (b Bound) Instant(asOf time.Time, zone *time.Location) (us int64, ok bool) {
	switch b.Kind {
	case Now:
		us = asOf.UnixMicro()
	case Back:
		us = back(asOf, zone, b.N, b.Unit)
	case Period:
		us = periodStart(asOf, zone, b.Unit, b.N)
	case Day:
		us = StartOfDay(b.At, zone)
	case Instant:
		us = b.At
	default:
		return 0, false
	}
	if b.Exclusive {
		us++
	}
	return us, true
}

// Fixed is the window of instants [from, to) when neither end is a Moment: open
// ends are MinInstant and MaxInstant.
func (w Window) Fixed(asOf time.Time, zone *time.Location) (from, to int64, ok bool) {
	from, to = MinInstant, MaxInstant
	if w.From.Kind != Open {
		if from, ok = w.From.Instant(asOf, zone); !ok {
			return 0, 0, false
		}
	}
	if w.To.Kind != Open {
		if to, ok = w.To.Instant(asOf, zone); !ok {
			return 0, 0, false
		}
	}
	return from, to, true
}

// StartOfDay is the first microsecond of a local calendar day, given in days
// since 1970-01-01.
func StartOfDay(days int64, zone *time.Location) int64 {
	d := time.Unix(days*86400, 0).UTC()
	return civil.Date(d.Year(), d.Month(), d.Day()).In(zone).UnixMicro()
}

// LocalDay is the calendar day that the clock of zone shows at an instant, in
// days since 1970-01-01.
func LocalDay(us int64, zone *time.Location) int64 {
	c := civil.Of(time.UnixMicro(us), zone)
	return time.Date(c.Year, c.Month, c.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// wall is the clock reading that calendar arithmetic starts from. In the second
// pass of a repeated stretch it is the stretch's end, so that a later as-of never
// gives an earlier start.
func wall(t time.Time, zone *time.Location) civil.Time {
	if end, ok := civil.Repeated(t, zone); ok {
		return end
	}
	return civil.Of(t, zone)
}

func back(asOf time.Time, zone *time.Location, n int, unit Unit) int64 {
	switch unit {
	case Minute:
		return asOf.UnixMicro() - int64(n)*60e6
	case Hour:
		return asOf.UnixMicro() - int64(n)*3600e6
	case Days:
		return wall(asOf, zone).AddDays(-n).In(zone).UnixMicro()
	case Week:
		return wall(asOf, zone).AddDays(-7 * n).In(zone).UnixMicro()
	case Month:
		return wall(asOf, zone).AddMonths(-n).In(zone).UnixMicro()
	case Quarter:
		return wall(asOf, zone).AddMonths(-3 * n).In(zone).UnixMicro()
	default:
		return wall(asOf, zone).AddMonths(-12 * n).In(zone).UnixMicro()
	}
}

func periodStart(asOf time.Time, zone *time.Location, unit Unit, n int) int64 {
	c := wall(asOf, zone)
	switch unit {
	case Days:
		c = c.StartOfDay().AddDays(n)
	case Week:
		c = c.StartOfDay()
		c = c.AddDays(-((int(c.Weekday()) + 6) % 7)).AddDays(7 * n)
	case Month:
		c = civil.Date(c.Year, c.Month, 1).AddMonths(n)
	case Quarter:
		c = civil.Date(c.Year, (c.Month-1)/3*3+1, 1).AddMonths(3 * n)
	default:
		c = civil.Date(c.Year, 1, 1).AddMonths(12 * n)
	}
	return c.In(zone).UnixMicro()
}
