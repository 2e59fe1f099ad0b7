package civil_test

import (
	"testing"
	"time"

	"github.com/dangol-dev/dangol/internal/civil"
	"github.com/stretchr/testify/require"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func TestInstants(t *testing.T) {
	for _, tc := range []struct {
		why, zone string
		in        civil.Time
		want      string
	}{
		{"plain", "Asia/Seoul", civil.Time{2026, 3, 1, 9, 0, 0, 0}, "2026-03-01T00:00:00Z"},
		{"gap: 02:30 never shows in New York", "America/New_York", civil.Time{2026, 3, 8, 2, 30, 0, 0}, "2026-03-08T07:00:00Z"},
		{"first instant after the gap itself", "America/New_York", civil.Time{2026, 3, 8, 3, 0, 0, 0}, "2026-03-08T07:00:00Z"},
		{"overlap: 01:30 shows twice, the earlier is meant", "America/New_York", civil.Time{2026, 11, 1, 1, 30, 0, 0}, "2026-11-01T05:30:00Z"},
		{"after the overlap", "America/New_York", civil.Time{2026, 11, 1, 2, 0, 0, 0}, "2026-11-01T07:00:00Z"},
		{"a zone whose midnight does not exist", "America/Santiago", civil.Date(2024, 9, 8), "2024-09-08T04:00:00Z"},
		{"a zone whose midnight repeats", "America/Havana", civil.Date(2024, 11, 3), "2024-11-03T04:00:00Z"},
		{"a day that a zone skipped", "Pacific/Apia", civil.Time{2011, 12, 30, 12, 0, 0, 0}, "2011-12-30T10:00:00Z"},
		{"31 February", "Asia/Seoul", civil.Time{2026, 2, 31, 12, 0, 0, 0}, "2026-02-28T15:00:00Z"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			got := tc.in.In(zone(t, tc.zone)).UTC().Format(time.RFC3339)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestInNeverMovesBack(t *testing.T) {
	for _, name := range []string{"America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Seoul", "Africa/Casablanca"} {
		loc := zone(t, name)
		last := time.Time{}
		for c := (civil.Time{Year: 2024, Month: 1, Day: 1}); c.Year < 2026; {
			at := c.In(loc)
			require.False(t, at.Before(last), "%s %v", name, c)
			last = at
			if c.Min += 15; c.Min == 60 {
				c.Min, c.Hour = 0, c.Hour+1
			}
			if c.Hour == 24 {
				c.Hour = 0
				c = c.AddDays(1)
			}
		}
	}
}

func TestRepeated(t *testing.T) {
	ny := zone(t, "America/New_York")
	at := func(s string) time.Time { v, _ := time.Parse(time.RFC3339, s); return v }
	_, ok := civil.Repeated(at("2026-11-01T05:59:59Z"), ny)
	require.False(t, ok, "first pass")
	end, ok := civil.Repeated(at("2026-11-01T06:00:00Z"), ny)
	require.True(t, ok, "second pass begins")
	require.Equal(t, civil.Time{2026, 11, 1, 2, 0, 0, 0}, end)
	_, ok = civil.Repeated(at("2026-11-01T07:00:00Z"), ny)
	require.False(t, ok, "the stretch is over")
}

func TestArithmetic(t *testing.T) {
	require.Equal(t, civil.Date(2026, 2, 31), civil.Date(2026, 3, 31).AddMonths(-1))
	require.Equal(t, civil.Date(2025, 12, 31), civil.Date(2026, 1, 31).AddMonths(-1))
	require.Equal(t, civil.Date(2024, 2, 29), civil.Date(2024, 3, 1).AddDays(-1))
	require.Equal(t, time.Sunday, civil.Date(2026, 11, 22).Weekday())
}
