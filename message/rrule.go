package message

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RRULE names of units and weekdays.
var (
	frequencies = map[Unit]string{Minutes: "MINUTELY", Hours: "HOURLY", Days: "DAILY", Weeks: "WEEKLY", Months: "MONTHLY"}
	weekdays    = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
)

// RRule is the recurrence as the value of an RRULE of RFC 5545, such as
// "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"; empty when the schedule runs once. Start and
// Zone are its DTSTART, Except its EXDATEs.
func (s Schedule) RRule() string {
	freq, ok := frequencies[s.Unit]
	if !ok {
		return ""
	}
	parts := []string{"FREQ=" + freq}
	if s.Every > 1 {
		parts = append(parts, "INTERVAL="+strconv.Itoa(s.Every))
	}
	if s.Count > 0 {
		parts = append(parts, "COUNT="+strconv.Itoa(s.Count))
	}
	if !s.End.IsZero() {
		parts = append(parts, "UNTIL="+s.End.UTC().Format("20060102T150405Z"))
	}
	if len(s.MonthDays) > 0 {
		var days []string
		for _, d := range s.MonthDays {
			days = append(days, strconv.Itoa(d))
		}
		parts = append(parts, "BYMONTHDAY="+strings.Join(days, ","))
	}
	if len(s.Weekdays) > 0 {
		var days []string
		for _, d := range s.Weekdays {
			days = append(days, weekdays[d])
		}
		parts = append(parts, "BYDAY="+strings.Join(days, ","))
	}
	return strings.Join(parts, ";")
}

// ParseRRule reads the value of an RRULE into a schedule that starts at the given
// instant in the zone. Frequencies and parts that a Schedule does not have are an
// error that names them: nothing is ignored.
func ParseRRule(text string, start time.Time, zone string) (Schedule, error) {
	s := Schedule{Start: start, Zone: zone, Every: 1}
	bad := func(format string, args ...any) (Schedule, error) {
		return Schedule{}, fmt.Errorf("message: RRULE: "+format, args...)
	}
	text = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "RRULE:")
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			return bad("%q is no part such as FREQ=DAILY", part)
		}
		if seen[name] {
			return bad("%s stands twice", name)
		}
		seen[name] = true
		var err error
		switch name {
		case "FREQ":
			for unit, freq := range frequencies {
				if freq == value {
					s.Unit = unit
				}
			}
			if s.Unit == Once {
				return bad("the frequency %s is not kept", value)
			}
		case "INTERVAL":
			s.Every, err = positive(value)
		case "COUNT":
			s.Count, err = positive(value)
		case "UNTIL":
			s.End, err = time.Parse("20060102T150405Z", value)
			if err != nil {
				err = fmt.Errorf("want a time in UTC such as 20261231T145959Z")
			}
		case "BYDAY":
			for day := range strings.SplitSeq(value, ",") {
				i := slices.Index(weekdays, day)
				if i < 0 {
					return bad("BYDAY: %q is no weekday such as MO; counted weekdays are not kept", day)
				}
				s.Weekdays = append(s.Weekdays, time.Weekday(i))
			}
		case "BYMONTHDAY":
			for day := range strings.SplitSeq(value, ",") {
				n, err := strconv.Atoi(day)
				if err != nil {
					return bad("BYMONTHDAY: %q is no number", day)
				}
				s.MonthDays = append(s.MonthDays, n)
			}
		case "WKST":
			if value != "MO" {
				return bad("weeks start on Monday, not %s", value)
			}
		default:
			return bad("the part %s is not kept", name)
		}
		if err != nil {
			return bad("%s: %w", name, err)
		}
	}
	if !seen["FREQ"] {
		return bad("there is no FREQ")
	}
	if seen["COUNT"] && seen["UNTIL"] {
		return bad("COUNT and UNTIL exclude each other")
	}
	if err := s.validate(); err != nil {
		return bad("%w", err)
	}
	return s, nil
}

func positive(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no positive number", text)
	}
	return n, nil
}
