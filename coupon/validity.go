package coupon

import (
	"fmt"
	"time"

	"github.com/dangol-dev/dangol/internal/civil"
)

// Validity is when a coupon can be used: from its start until just before its
// end. Days and ToMonthEnd count from the moment the coupon becomes a customer's;
// whatever they say, From and Until hold.
type Validity struct {
	From  time.Time // Defaults to at once
	Until time.Time // the hard end. Defaults to none
	Days  int       // so many days from issue, read as Convention says. Defaults to no such end
	// Convention says which days Days counts. Defaults to DaysAfterIssue.
	Convention DayConvention
	ToMonthEnd bool // until the issue's local month ends
}

// DayConvention names how days from issue are counted.
type DayConvention string

const (
	// DaysAfterIssue does not count the day of issue and ends with the last
	// day's end: 3 days issued on the 1st end when the 4th does. This is how the
	// Korean Civil Act counts days (articles 157 and 159).
	DaysAfterIssue DayConvention = "after-issue"
	// DaysWithIssue counts the day of issue as the first: 3 days issued on the
	// 1st end when the 3rd does.
	DaysWithIssue DayConvention = "with-issue"
	// DaysExact ends at the same local time so many days later.
	DaysExact DayConvention = "exact"
)

func (v Validity) relative() bool { return v.Days > 0 || v.ToMonthEnd }

func (v Validity) validate() (errs []error) {
	if v.Days < 0 || v.Days > maxDays {
		errs = append(errs, fmt.Errorf("Validity.Days must be between 0 and %d", maxDays))
	}
	switch v.Convention {
	case DaysAfterIssue, DaysWithIssue, DaysExact:
	default:
		errs = append(errs, fmt.Errorf("Validity.Convention %q is unknown", v.Convention))
	}
	if !v.From.IsZero() && !v.Until.IsZero() && !v.From.Before(v.Until) {
		errs = append(errs, fmt.Errorf("Validity.From must be before Until"))
	}
	return errs
}

// span is the period of a coupon that becomes a customer's at the instant. A zero
// end is none.
func (v Validity) span(issued time.Time, loc *time.Location) (start, end time.Time) {
	start = issued
	if v.From.After(start) {
		start = v.From
	}
	end = v.Until
	sooner := func(t time.Time) {
		if end.IsZero() || t.Before(end) {
			end = t
		}
	}
	local := civil.Of(issued, loc)
	if v.Days > 0 {
		switch v.Convention {
		case DaysWithIssue:
			sooner(local.StartOfDay().AddDays(v.Days).In(loc))
		case DaysExact:
			sooner(local.AddDays(v.Days).In(loc))
		default:
			sooner(local.StartOfDay().AddDays(v.Days + 1).In(loc))
		}
	}
	if v.ToMonthEnd {
		sooner(civil.Date(local.Year, local.Month, 1).AddMonths(1).In(loc))
	}
	return start, end
}

// graceEnd is the end of a coupon that comes back after it expired.
func graceEnd(at time.Time, days int, loc *time.Location) time.Time {
	return civil.Of(at, loc).StartOfDay().AddDays(days + 1).In(loc)
}

func (p Period) known() bool { return p == Day || p == Week || p == Month || p == Year }

// of names the period that holds the instant; names of different periods differ.
func (p Period) of(at time.Time, loc *time.Location) string {
	c := civil.Of(at, loc)
	switch p {
	case Day:
		return fmt.Sprintf("%04d-%02d-%02d", c.Year, c.Month, c.Day)
	case Week:
		y, w := at.In(loc).ISOWeek()
		return fmt.Sprintf("%04d-W%02d", y, w)
	case Month:
		return fmt.Sprintf("%04d-%02d", c.Year, c.Month)
	case Year:
		return fmt.Sprintf("%04d", c.Year)
	}
	return ""
}
