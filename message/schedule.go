package message

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/internal/civil"
)

// Unit is the step of a recurrence.
type Unit string

const (
	Once    Unit = ""       // no recurrence: the start alone
	Minutes Unit = "minute" // exact minutes since the start
	Hours   Unit = "hour"   // exact hours since the start
	Days    Unit = "day"    // calendar days at the start's local time
	Weeks   Unit = "week"   // calendar weeks from Monday, at the start's local time
	Months  Unit = "month"  // calendar months, at the start's local time
)

// GapPolicy says what happens to a local time that a clock change skips.
type GapPolicy string

const (
	GapAfter GapPolicy = ""     // it runs at the first instant after the gap
	GapSkip  GapPolicy = "skip" // it is skipped, with that reason in the ledger
)

// OverlapPolicy says which of two instants with the same local time is meant. Both
// never are.
type OverlapPolicy string

const (
	OverlapEarlier OverlapPolicy = ""
	OverlapLater   OverlapPolicy = "later"
)

// Schedule is when a campaign runs: at Start, and with Every > 0 again every so many
// units. The start's reading on the clock of Zone is the local time of all
// occurrences, as with DTSTART of RFC 5545; minutes and hours are elapsed time and
// know no clock changes.
type Schedule struct {
	Start    time.Time      `json:"start"`              // required
	Zone     string         `json:"zone"`               // IANA name. Defaults to Config.Zone
	Every    int            `json:"every,omitempty"`    // 2 with Days is every other day. Defaults to 1 when Unit is set
	Unit     Unit           `json:"unit,omitempty"`     // Defaults to Once
	Weekdays []time.Weekday `json:"weekdays,omitempty"` // with Days, Weeks and Months only these days. Defaults to all, with Weeks the start's

	// MonthDays are, with Days and Months, the only days of the month, -1 being the
	// last. A day that a month lacks is left out there. Defaults to all, with Months to
	// the start's when Weekdays is empty too.
	MonthDays []int `json:"monthDays,omitempty"`

	End    time.Time     `json:"end,omitzero"`      // nothing starts after it. Defaults to no end
	Count  int           `json:"count,omitempty"`   // at most so many, excluded ones too. Defaults to no limit
	Except []string      `json:"except,omitempty"`  // local dates, such as "2026-12-25", that are left out
	Gap    GapPolicy     `json:"gap,omitempty"`     // Defaults to GapAfter
	Twice  OverlapPolicy `json:"overlap,omitempty"` // Defaults to OverlapEarlier
}

// slot is one nominal time of a schedule.
type slot struct {
	id   string    // the ledger's key: local time, or the instant in UTC for elapsed units
	at   time.Time // when it runs
	skip string    // why it does not, if so
}

const (
	localForm = "2006-01-02T15:04:05"
	dateForm  = "2006-01-02"
)

func (s Schedule) withDefaults(zone *time.Location) Schedule {
	if s.Zone == "" {
		s.Zone = zone.String()
	}
	if s.Unit != Once && s.Every == 0 {
		s.Every = 1
	}
	s.Start = s.Start.UTC().Truncate(time.Second)
	if !s.End.IsZero() {
		s.End = s.End.UTC().Truncate(time.Second)
	}
	return s
}

func (s Schedule) validate() error {
	switch {
	case s.Start.IsZero():
		return fmt.Errorf("the schedule has no start")
	case !slices.Contains([]Unit{Once, Minutes, Hours, Days, Weeks, Months}, s.Unit):
		return fmt.Errorf("the schedule's unit is %q; want minute, hour, day, week, month or none", s.Unit)
	case s.Every < 0 || s.Every > 10_000:
		return fmt.Errorf("the schedule repeats every %d units; want 1 to 10,000", s.Every)
	case s.Unit == Once && (s.Every > 0 || s.Count > 0 || len(s.Weekdays)+len(s.MonthDays)+len(s.Except) > 0):
		return fmt.Errorf("the schedule repeats but has no unit")
	case s.Count < 0:
		return fmt.Errorf("the schedule's count is negative")
	case !s.End.IsZero() && s.End.Before(s.Start):
		return fmt.Errorf("the schedule ends before it starts")
	case (s.Unit == Minutes || s.Unit == Hours) && len(s.Weekdays)+len(s.MonthDays) > 0:
		return fmt.Errorf("weekdays and month days do not go with minutes and hours")
	case s.Unit == Weeks && len(s.MonthDays) > 0:
		return fmt.Errorf("month days do not go with weeks")
	}
	if _, err := loadZone(s.Zone); err != nil || s.Zone == "Local" {
		return fmt.Errorf("the schedule's zone %q is unknown", s.Zone)
	}
	for _, d := range s.Weekdays {
		if d < time.Sunday || d > time.Saturday {
			return fmt.Errorf("there is no weekday %d", d)
		}
	}
	for _, d := range s.MonthDays {
		if d == 0 || d < -31 || d > 31 {
			return fmt.Errorf("there is no month day %d", d)
		}
	}
	for _, d := range s.Except {
		if _, err := time.Parse(dateForm, d); err != nil {
			return fmt.Errorf("the excluded date %q is not a date such as 2026-12-25", d)
		}
	}
	return nil
}

func (s Schedule) location() *time.Location {
	loc, err := loadZone(s.Zone)
	if err != nil { // a validated schedule has a zone; a machine without it gets no guess
		return time.UTC
	}
	return loc
}

// Times are the next at most n instants after the given one at which the schedule
// starts, without those it skips. A local time of a clock change is where the
// policies put it.
func (s Schedule) Times(after time.Time, n int) []time.Time {
	var out []time.Time
	for sl := range s.slots(after) {
		if len(out) >= n {
			break
		}
		if sl.skip == "" {
			out = append(out, sl.at)
		}
	}
	return out
}

// slots walks the nominal times after an instant, in order.
func (s Schedule) slots(after time.Time) iter.Seq[slot] {
	return func(yield func(slot) bool) {
		switch s.Unit {
		case Minutes, Hours:
			s.elapsed(after, yield)
		default:
			s.calendar(after, yield)
		}
	}
}

func (s Schedule) elapsed(after time.Time, yield func(slot) bool) {
	step := time.Duration(s.Every) * time.Minute
	if s.Unit == Hours {
		step *= 60
	}
	n := int64(0)
	if after.After(s.Start) {
		n = int64(after.Sub(s.Start)/step) + 1
	} else if after.Equal(s.Start) {
		n = 1
	}
	loc := s.location()
	for ; s.Count == 0 || n < int64(s.Count); n++ {
		at := s.Start.Add(time.Duration(n) * step)
		if s.over(at) {
			return
		}
		if s.excluded(civil.Of(at, loc)) {
			continue
		}
		if !yield(slot{id: at.Format(time.RFC3339), at: at}) {
			return
		}
	}
}

// horizon bounds a search that finds nothing, such as month day 31 of a February:
// calendars repeat after 400 years, but no campaign waits that long.
const horizon = 50 // years

func (s Schedule) calendar(after time.Time, yield func(slot) bool) {
	loc := s.location()
	start := civil.Of(s.Start, loc)
	counted := 0
	last := max(start.Year, civil.Of(after, loc).Year) + horizon
	for period := s.firstPeriod(after, start); ; period++ {
		first, days := s.days(start, period)
		if first.Year > last {
			return
		}
		for _, c := range days {
			if c == start.StartOfDay() && s.Unit == Once {
				c = start
			}
			c.Hour, c.Min, c.Sec = start.Hour, start.Min, start.Sec
			sl := s.at(c, loc)
			if c == start {
				sl.at = s.Start // the start is an instant, also in a repeated hour
			} else if before(c, start) {
				continue
			}
			if s.over(sl.at) || s.Count > 0 && counted >= s.Count {
				return
			}
			counted++
			if !sl.at.After(after) || s.excluded(c) {
				continue
			}
			if !yield(sl) {
				return
			}
		}
		if s.Unit == Once {
			return
		}
	}
}

// firstPeriod is a period at or before the one that holds the instant. A schedule
// with a count is walked from its start, since days are counted.
func (s Schedule) firstPeriod(after time.Time, start civil.Time) int {
	if s.Unit == Once || s.Count > 0 || !after.After(s.Start) {
		return 0
	}
	days := int(after.Sub(s.Start)/(24*time.Hour)) - 2
	switch s.Unit {
	case Weeks:
		days /= 7
	case Months:
		days /= 31
	}
	return max(0, days/s.Every-1)
}

// days are the candidate days of the n-th period, in order, and the period's first
// day: a period may have none.
func (s Schedule) days(start civil.Time, n int) (first civil.Time, out []civil.Time) {
	first = start.StartOfDay()
	keep := func(c civil.Time, weekdays []time.Weekday) {
		if len(weekdays) > 0 && !slices.Contains(weekdays, c.Weekday()) {
			return
		}
		if len(s.MonthDays) > 0 {
			last := civil.DaysIn(c.Year, c.Month)
			if !slices.Contains(s.MonthDays, c.Day) && !slices.Contains(s.MonthDays, c.Day-last-1) {
				return
			}
		}
		out = append(out, c)
	}
	switch s.Unit {
	case Once:
		out = append(out, first)
	case Days:
		first = first.AddDays(n * s.Every)
		keep(first, s.Weekdays)
	case Weeks:
		weekdays := s.Weekdays
		if len(weekdays) == 0 {
			weekdays = []time.Weekday{start.Weekday()}
		}
		sinceMonday := (int(start.Weekday()) + 6) % 7
		first = first.AddDays(7*n*s.Every - sinceMonday)
		for i := range 7 {
			keep(first.AddDays(i), weekdays)
		}
	case Months:
		first = civil.Date(start.Year, start.Month, 1).AddMonths(n * s.Every)
		for d := 1; d <= civil.DaysIn(first.Year, first.Month); d++ {
			if len(s.Weekdays)+len(s.MonthDays) == 0 && d != start.Day {
				continue
			}
			keep(civil.Date(first.Year, first.Month, d), s.Weekdays)
		}
	}
	return first, out
}

// at places a local time on the line of instants by the policies.
func (s Schedule) at(c civil.Time, loc *time.Location) slot {
	sl := slot{id: text(c), at: c.In(loc).UTC()}
	if civil.Of(sl.at, loc) != c {
		if s.Gap == GapSkip {
			sl.skip = ReasonGap
		}
		return sl
	}
	if s.Twice == OverlapLater {
		if _, end := sl.at.In(loc).ZoneBounds(); !end.IsZero() {
			_, was := sl.at.In(loc).Zone()
			_, is := end.Zone()
			again := sl.at.Add(time.Duration(was-is) * time.Second)
			if was > is && civil.Of(again, loc) == c {
				sl.at = again
			}
		}
	}
	return sl
}

func (s Schedule) over(at time.Time) bool { return !s.End.IsZero() && at.After(s.End) }

func (s Schedule) excluded(c civil.Time) bool {
	return slices.Contains(s.Except, text(c)[:len(dateForm)])
}

func text(c civil.Time) string {
	return time.Date(c.Year, c.Month, c.Day, c.Hour, c.Min, c.Sec, 0, time.UTC).Format(localForm)
}

func before(a, b civil.Time) bool { return text(a) < text(b) }
