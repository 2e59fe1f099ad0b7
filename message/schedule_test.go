package message_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"
)

// In UTC, where no clock ever changes, another implementation gives the same times.
func TestScheduleLikeRRuleGo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		start := time.Date(rapid.IntRange(2023, 2028).Draw(rt, "year"), time.Month(rapid.IntRange(1, 12).Draw(rt, "month")),
			rapid.IntRange(1, 31).Draw(rt, "day"), rapid.IntRange(0, 23).Draw(rt, "hour"), rapid.IntRange(0, 59).Draw(rt, "minute"), 0, 0, time.UTC)
		s := message.Schedule{Start: start, Zone: "UTC", Every: rapid.IntRange(1, 9).Draw(rt, "every"),
			Unit: rapid.SampledFrom([]message.Unit{message.Minutes, message.Hours, message.Days, message.Weeks, message.Months}).Draw(rt, "unit")}
		if s.Unit != message.Minutes && s.Unit != message.Hours {
			s.Weekdays = rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) time.Weekday { return time.Weekday(rapid.IntRange(0, 6).Draw(rt, "weekday")) }), 0, 3, rapid.ID).Draw(rt, "weekdays")
			if s.Unit != message.Weeks {
				s.MonthDays = rapid.SliceOfNDistinct(rapid.SampledFrom([]int{1, 2, 15, 28, 29, 30, 31, -1, -2}), 0, 3, rapid.ID).Draw(rt, "month days")
			}
		}
		if rapid.Bool().Draw(rt, "limited") {
			if rapid.Bool().Draw(rt, "by count") {
				s.Count = rapid.IntRange(1, 12).Draw(rt, "count")
			} else {
				s.End = start.Add(time.Duration(rapid.IntRange(0, 400*24).Draw(rt, "hours")) * time.Hour)
			}
		}
		text := s.RRule()
		again, err := message.ParseRRule(text, start, "UTC")
		if err != nil {
			rt.Fatal(err)
		}
		if again.RRule() != text {
			rt.Fatalf("%s is read as %s", text, again.RRule())
		}
		opt, err := rrule.StrToROption(text)
		if err != nil {
			rt.Fatal(err)
		}
		opt.Dtstart = start
		oracle, err := rrule.NewRRule(*opt)
		if err != nil {
			rt.Fatal(err)
		}
		after := start.Add(time.Duration(rapid.IntRange(-1, 700*24).Draw(rt, "after")) * time.Hour)
		got := s.Times(after, 15)
		var want []time.Time
		for at := after; len(want) < 15; {
			if len(got) == len(want) {
				break // the oracle does not give up on what never comes
			}
			at = oracle.After(at, false)
			if at.IsZero() || at.Year() > after.Year()+40 {
				break
			}
			want = append(want, at)
		}
		if len(got) > len(want) { // the oracle's patience ended
			got = got[:len(want)]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%s from %s after %s (want -, got +):\n%s", text, start, after, diff)
		}
	})
}

// Rules that no day ever satisfies end the search.
func TestScheduleThatNeverComes(t *testing.T) {
	for _, s := range []message.Schedule{
		{Start: kst("2026-02-01 09:00"), Zone: "Asia/Seoul", Every: 12, Unit: message.Months, MonthDays: []int{30}},
		{Start: kst("2026-03-02 09:00"), Zone: "Asia/Seoul", Every: 7, Unit: message.Days, Weekdays: []time.Weekday{time.Tuesday}},
	} {
		require.Empty(t, s.Times(s.Start.Add(-time.Second), 1))
	}
}

func TestParseRRuleRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"FREQ=YEARLY":                               "the frequency YEARLY is not kept",
		"FREQ=SECONDLY":                             "the frequency SECONDLY is not kept",
		"FREQ=MONTHLY;BYDAY=1MO":                    "counted weekdays are not kept",
		"FREQ=DAILY;BYHOUR=9,18":                    "the part BYHOUR is not kept",
		"FREQ=DAILY;COUNT=0":                        "no positive number",
		"FREQ=DAILY;FREQ=DAILY":                     "stands twice",
		"INTERVAL=2":                                "there is no FREQ",
		"FREQ=DAILY;UNTIL=20260101":                 "want a time in UTC",
		"FREQ=DAILY;COUNT=3;UNTIL=20260101T000000Z": "exclude each other",
		"FREQ=WEEKLY;BYMONTHDAY=3":                  "do not go with weeks",
		"":                                          "no part",
	} {
		_, err := message.ParseRRule(text, kst("2026-01-01 00:00"), "Asia/Seoul")
		require.ErrorContains(t, err, want, text)
	}
}

func zone(t *testing.T, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// The days on which a clock changes, in zones that do it in different ways.
func TestScheduleOverClockChanges(t *testing.T) {
	for _, tc := range []struct {
		why, zone, start string
		change           func(*message.Schedule)
		want             []string // local, with offset
	}{
		{"02:30 in the gap runs at its end", "America/New_York", "2026-03-07 02:30", nil,
			[]string{"2026-03-07 02:30 -0500", "2026-03-08 03:00 -0400", "2026-03-09 02:30 -0400"}},
		{"or is skipped", "America/New_York", "2026-03-07 02:30", func(s *message.Schedule) { s.Gap = message.GapSkip },
			[]string{"2026-03-07 02:30 -0500", "2026-03-09 02:30 -0400"}},
		{"01:30 twice runs once, the first time", "America/New_York", "2026-10-31 01:30", nil,
			[]string{"2026-10-31 01:30 -0400", "2026-11-01 01:30 -0400", "2026-11-02 01:30 -0500"}},
		{"or the second time", "America/New_York", "2026-10-31 01:30", func(s *message.Schedule) { s.Twice = message.OverlapLater },
			[]string{"2026-10-31 01:30 -0400", "2026-11-01 01:30 -0500", "2026-11-02 01:30 -0500"}},
		{"a midnight that does not exist", "America/Santiago", "2024-09-07 00:00", nil,
			[]string{"2024-09-07 00:00 -0400", "2024-09-08 01:00 -0300", "2024-09-09 00:00 -0300"}},
		{"a gap of half an hour", "Australia/Lord_Howe", "2026-10-03 02:15", nil,
			[]string{"2026-10-03 02:15 +1030", "2026-10-04 02:30 +1100", "2026-10-05 02:15 +1100"}},
		{"a day that a zone left out", "Pacific/Apia", "2011-12-29 12:00", nil,
			[]string{"2011-12-29 12:00 -1000", "2011-12-31 00:00 +1400", "2011-12-31 12:00 +1400"}},
		{"hours are elapsed time", "America/New_York", "2026-03-08 00:30", func(s *message.Schedule) { s.Unit = message.Hours },
			[]string{"2026-03-08 00:30 -0500", "2026-03-08 01:30 -0500", "2026-03-08 03:30 -0400"}},
		{"31 of a month is left out in short ones", "Asia/Seoul", "2026-01-31 09:00", func(s *message.Schedule) { s.Unit = message.Months },
			[]string{"2026-01-31 09:00 +0900", "2026-03-31 09:00 +0900", "2026-05-31 09:00 +0900"}},
		{"the last of each month", "Asia/Seoul", "2026-01-15 09:00", func(s *message.Schedule) { s.Unit, s.MonthDays = message.Months, []int{-1} },
			[]string{"2026-01-31 09:00 +0900", "2026-02-28 09:00 +0900", "2026-03-31 09:00 +0900"}},
		{"excluded dates", "Asia/Seoul", "2026-02-16 09:00", func(s *message.Schedule) { s.Except = []string{"2026-02-17", "2026-02-18"} },
			[]string{"2026-02-16 09:00 +0900", "2026-02-19 09:00 +0900", "2026-02-20 09:00 +0900"}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			loc := zone(t, tc.zone)
			start, err := time.ParseInLocation("2006-01-02 15:04", tc.start, loc)
			require.NoError(t, err)
			s := message.Schedule{Start: start, Zone: tc.zone, Every: 1, Unit: message.Days}
			if tc.change != nil {
				tc.change(&s)
			}
			var got []string
			for _, at := range s.Times(start.Add(-time.Second), 3) {
				got = append(got, at.In(loc).Format("2006-01-02 15:04 -0700"))
			}
			require.Empty(t, cmp.Diff(tc.want, got[:len(tc.want)]))
		})
	}
}

// The clock changes of a year in every zone policy, lived through: one line a nominal time, one fire each.
func TestLedgerHasNoGapOverClockChanges(t *testing.T) {
	for _, name := range []string{"America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Seoul"} {
		for _, at := range []string{"00:00", "02:15"} {
			t.Run(name+" "+at, func(t *testing.T) {
				s := newShop(t)
				s.groups.refresh("new")
				start, err := time.ParseInLocation("2006-01-02 15:04", "2026-03-05 "+at, zone(t, name))
				require.NoError(t, err)
				c := daily()
				c.Schedule = message.Schedule{Start: start, Zone: name, Unit: message.Days, Count: 250}
				s.clock.Set(start)
				s.start(c)
				s.live(start.AddDate(1, 0, 5))
				gaps, err := s.Check(t.Context(), "daily")
				require.NoError(t, err)
				require.Empty(t, gaps)
				require.Len(t, s.ledger("daily"), 250)
				all, err := s.Occurrences(t.Context(), "daily")
				require.NoError(t, err)
				for i, o := range all {
					require.Equal(t, message.OccurrenceCompleted, o.State, o.ID)
					if i > 0 {
						require.True(t, o.At.After(all[i-1].At), "two fires at one instant: %s", o.ID)
					}
				}
			})
		}
	}
}

func TestTwoWeeksOfDowntime(t *testing.T) {
	count := func(ledger []string, state string) (n int) {
		for _, l := range ledger {
			if l[len("2026-03-02T10:00:00 "):] == state {
				n++
			}
		}
		return n
	}
	for _, tc := range []struct {
		policy   message.CatchUp
		back     string
		lateness time.Duration
		want     map[string]int
		sent     int
	}{
		{message.CatchUpLatest, "2026-03-16 10:30", 0, map[string]int{"coalesced: a later one runs for it": 13, "completed": 2}, 2},
		{message.CatchUpLatest, "2026-03-16 11:30", 0, map[string]int{"coalesced: a later one runs for it": 13, "expired: missed": 1, "completed": 1}, 1},
		{message.CatchUpAll, "2026-03-16 10:30", -1, map[string]int{"completed": 15}, 15},
		{message.CatchUpAll, "2026-03-16 10:30", 0, map[string]int{"expired: missed": 13, "completed": 2}, 2},
		{message.CatchUpNone, "2026-03-16 10:30", -1, map[string]int{"expired: missed": 14, "completed": 1}, 1},
		{message.CatchUpNone, "2026-03-16 10:00:30", -1, map[string]int{"expired: missed": 13, "completed": 2}, 2},
	} {
		t.Run(fmt.Sprintf("%s %s %d", tc.policy, tc.back, tc.lateness), func(t *testing.T) {
			s := newShop(t)
			s.groups.refresh("new", "ann")
			s.consent("ann")
			c := daily()
			c.CatchUp, c.Lateness, c.AllowDuplicates, c.Overlap = tc.policy, tc.lateness, true, message.OverlapQueue
			s.start(c)
			s.tick()
			s.clock.Set(kst(tc.back)) // two weeks of nothing
			s.reopen()
			s.tick()
			ledger := s.ledger("daily")
			require.Len(t, ledger, 15)
			for state, n := range tc.want {
				require.Equal(t, n, count(ledger, state), "%s in %v", state, ledger)
			}
			require.Len(t, s.gateway.sent(), tc.sent)
			gaps, err := s.Check(t.Context(), "daily")
			require.NoError(t, err)
			require.Empty(t, gaps)
		})
	}
}
