package rulegen

import (
	"fmt"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// clock is the as-of of a world and the moments around it at which answers turn.
type clock struct {
	src   Source
	asOf  time.Time
	zone  *time.Location
	turns []int64 // microseconds
}

// zones have clock changes at night, at midnight, of half an hour, and none.
var zones = []string{
	"UTC", "Asia/Seoul", "America/New_York", "Europe/London", "Africa/Cairo", "America/Havana",
	"America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut", "Asia/Kathmandu", "America/St_Johns",
}

// length is a span of time that rules are written with.
type length struct {
	n    int
	unit plan.Unit
}

func (l length) String() string { return fmt.Sprintf("%d%s", l.n, l.unit) }

var lengths = []length{
	{7, plan.Days}, {30, plan.Days}, {1, plan.Days}, {1, plan.Month}, {365, plan.Days}, {90, plan.Days},
	{2, plan.Week}, {1, plan.Year}, {3, plan.Month}, {36, plan.Hour}, {90, plan.Minute}, {1, plan.Hour},
}

// dates are literal days that rules are written with.
var dates = []string{"2018-11-04", "2010-11-07", "2026-01-31", "2024-02-29", "2026-03-01", "2026-10-25"}

func newClock(src Source) *clock {
	c := &clock{src: src, zone: time.UTC}
	if zone, err := time.LoadLocation(pick(src, zones)); err == nil {
		c.zone = zone
	}
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, c.zone)
	switch src.IntN(4) {
	case 1: // near a clock change
		day = time.Date(pick(src, []int{2026, 2018, 2010}), time.Month(1+src.IntN(12)), 1, 0, 0, 0, 0, c.zone)
		if _, change := day.ZoneBounds(); !change.IsZero() {
			c.turn(change)
			day = change.Add(pick(src, []time.Duration{0, time.Second, 30 * time.Minute, time.Hour, -30 * time.Minute, 90 * time.Minute, -time.Second}))
			day = day.AddDate(0, 0, pick(src, []int{0, 1, 7, 30}))
		}
	case 2: // at the ends of months and years
		d, _ := time.ParseInLocation(time.DateOnly, pick(src, []string{"2026-03-31", "2024-02-29", "2024-03-31", "2027-03-01", "2026-01-01", "2026-12-31"}), c.zone)
		day = d
	case 3:
		day = time.Date(2026, time.Month(1+src.IntN(12)), 1+src.IntN(28), 0, 0, 0, 0, c.zone)
	}
	day = day.Add(pick(src, []time.Duration{0, 0, 13*time.Hour + 30*time.Minute + 7*time.Second, 23*time.Hour + 59*time.Minute + 59*time.Second, 400 * time.Millisecond}))
	c.asOf = day
	c.turn(c.asOf.Truncate(time.Second))
	for _, l := range lengths {
		c.bound(plan.Bound{Kind: plan.Back, N: l.n, Unit: l.unit})
		c.bound(plan.Bound{Kind: plan.Back, N: -l.n, Unit: l.unit})
	}
	for _, unit := range []plan.Unit{plan.Days, plan.Week, plan.Month, plan.Quarter, plan.Year} {
		for n := -2; n <= 1; n++ {
			c.bound(plan.Bound{Kind: plan.Period, N: n, Unit: unit})
		}
	}
	for _, date := range dates {
		d, _ := time.Parse(time.DateOnly, date)
		c.bound(plan.Bound{Kind: plan.Day, At: d.Unix() / 86400})
		c.bound(plan.Bound{Kind: plan.Day, At: d.Unix()/86400 + 1})
	}
	return c
}

func (c *clock) turn(t time.Time) { c.turns = append(c.turns, t.UnixMicro()) }

func (c *clock) bound(b plan.Bound) {
	if us, ok := b.Instant(c.asOf.Truncate(time.Second), c.zone); ok {
		c.turns = append(c.turns, us)
	}
}

const (
	secondUS = int64(1_000_000)
	dayUS    = 86400 * secondUS
)

// moment is an instant in microseconds: about a turn, or anywhere in the last year.
func (c *clock) moment() int64 {
	if c.src.IntN(3) == 0 {
		return c.asOf.UnixMicro() - int64(c.src.IntN(400))*dayUS - int64(c.src.IntN(86400))*secondUS - 1
	}
	off := pick(c.src, []int64{0, -1, 1, -secondUS, secondUS, -dayUS, 3600 * secondUS, -3600 * secondUS})
	return pick(c.src, c.turns) + off
}

// day is a calendar day in days since 1970-01-01, such as a birthday.
func (c *clock) day() int64 {
	switch c.src.IntN(3) {
	case 0:
		return int64(c.src.IntN(20_000))
	case 1:
		return time.Date(pick(c.src, []int{1990, 1992, 2024}), 2, 28+c.src.IntN(3), 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	return plan.LocalDay(c.moment(), c.zone)
}
