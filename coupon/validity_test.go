package coupon

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpan(t *testing.T) {
	seoul, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	date := func(text string, loc *time.Location) time.Time {
		d, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
		require.NoError(t, err)
		return d
	}
	for _, c := range []struct {
		name   string
		v      Validity
		zone   *time.Location
		issued string
		start  string // "" is issued
		end    string // "" is none
	}{
		{"no end", Validity{}, seoul, "2026-11-01 15:00", "", ""},
		{"the day of issue does not count", Validity{Days: 3}, seoul, "2026-11-01 15:00", "", "2026-11-05 00:00"},
		{"issued in the last minute", Validity{Days: 3}, seoul, "2026-11-01 23:59", "", "2026-11-05 00:00"},
		{"it counts", Validity{Days: 3, Convention: DaysWithIssue}, seoul, "2026-11-01 15:00", "", "2026-11-04 00:00"},
		{"exact", Validity{Days: 3, Convention: DaysExact}, seoul, "2026-11-01 15:00", "", "2026-11-04 15:00"},
		{"exact over a DST change", Validity{Days: 1, Convention: DaysExact}, newYork, "2026-03-07 15:00", "", "2026-03-08 15:00"},
		{"exact into a DST gap", Validity{Days: 1, Convention: DaysExact}, newYork, "2026-03-07 02:30", "", "2026-03-08 03:00"},
		{"month end", Validity{ToMonthEnd: true}, seoul, "2028-02-29 15:00", "", "2028-03-01 00:00"},
		{"month end in December", Validity{ToMonthEnd: true}, seoul, "2026-12-31 23:59", "", "2027-01-01 00:00"},
		{"what ends first", Validity{ToMonthEnd: true, Days: 2}, seoul, "2026-11-29 15:00", "", "2026-12-01 00:00"},
		{"hard end", Validity{Days: 30, Until: date("2026-11-10 12:00", seoul)}, seoul, "2026-11-01 15:00", "", "2026-11-10 12:00"},
		{"starts later", Validity{Days: 30, From: date("2026-11-10 12:00", seoul)}, seoul, "2026-11-01 15:00", "2026-11-10 12:00", "2026-12-02 00:00"},
	} {
		issued := date(c.issued, c.zone)
		start, end := c.v.span(issued, c.zone)
		if c.start == "" {
			c.start = c.issued
		}
		require.True(t, start.Equal(date(c.start, c.zone)), "%s: starts %s", c.name, start)
		if c.end == "" {
			require.True(t, end.IsZero(), c.name)
			continue
		}
		require.True(t, end.Equal(date(c.end, c.zone)), "%s: ends %s", c.name, end.In(c.zone))
	}
}

func TestPeriods(t *testing.T) {
	seoul, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	at := time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC) // midnight in Seoul: New Year's day
	for p, want := range map[Period]string{Day: "2027-01-01", Week: "2026-W53", Month: "2027-01", Year: "2027", "": ""} {
		require.Equal(t, want, p.of(at, seoul))
	}
	require.Equal(t, "2026-12-31", Day.of(at.Add(-1), seoul))
}
