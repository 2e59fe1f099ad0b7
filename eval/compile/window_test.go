package compile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

func TestWindows(t *testing.T) {
	c := shop(t)
	for _, tc := range []struct{ rule, window, why string }{
		{"orders(7d)", "[7d before, now)", "the same clock reading a week earlier"},
		{"orders(7 days)", "[7d before, now)", "the same in words"},
		{"orders(36h)", "[36h before, now)", "hours are exact"},
		{"orders(90 min)", "[90min before, now)", "so are minutes"},
		{"orders(3mo)", "[3mo before, now)", "calendar months"},
		{"orders(7 full days)", "[start of d -7, start of d +0)", "complete days before that of as-of"},
		{"orders(2 full weeks)", "[start of w -2, start of w +0)", ""},
		{"orders(this week)", "[start of w +0, start of w +1)", ""},
		{"orders(last month)", "[start of mo -1, start of mo +0)", ""},
		{"orders(last quarter)", "[start of quarter -1, start of quarter +0)", ""},
		{"orders(this year)", "[start of y +0, start of y +1)", ""},
		{"orders(today)", "[start of d +0, start of d +1)", ""},
		{"orders(yesterday)", "[start of d -1, start of d +0)", ""},
		{"orders(2026-02-28)", "[2026-02-28, 2026-03-01)", "a literal day is the whole of it"},
		{"orders(2026-01-01 .. 2026-01-31)", "[2026-01-01, 2026-02-01)", "the last day is in"},
		{"orders(60d ago .. 30d ago)", "[60d before, 30d before)", "between instants, half-open"},
		{"orders(60d ago .. yesterday)", "[60d before, start of d +0)", "an instant to a whole day"},
		{"orders(2026-01-01 .. now)", "[2026-01-01, now)", ""},
		{"orders(since 2026-01-01)", "[2026-01-01, now)", ""},
		{"orders(since last(logins))", "[moment, now)", "a moment of the customer, itself in"},
		{"orders(before 2026-01-01)", "[open, 2026-01-01)", "ends where the day starts"},
		{"orders(before 3y ago)", "[open, 3y before)", ""},
		{"orders(first(visits) .. last(visits))", "[moment, moment)", ""},
		{"joined within 7d", "[7d before, now)", ""},
		{"joined between 2026-01-01 and 2026-01-31", "[2026-01-01, 2026-02-01)", ""},
		{"joined on 2026-01-01", "[2026-01-01, 2026-01-02)", ""},
		{"joined on yesterday", "[start of d -1, start of d +0)", ""},
		{"joined after 2026-01-01", "[2026-01-02, open)", "the next day on"},
		{"joined after 7d ago", "[after 7d before, open)", "an instant is not after itself"},
		{"joined after first(visits)", "[after moment, open)", ""},
		{"joined before first(visits)", "[open, moment)", ""},
		{"joined before birthday", "[open, moment)", "a date of the customer starts its day"},
		{"joined within since 2026-01-01", "[2026-01-01, now)", ""},
		{"joined within before 2026-01-01", "[open, 2026-01-01)", ""},
		{"joined within 2026-01-01 .. 2026-01-31", "[2026-01-01, 2026-02-01)", ""},
		{"coupons(where expires within next 7d)", "[now, 7d after)", "due: after as-of"},
		{"coupons(where expires within next 7 full days)", "[start of d +1, start of d +8)", "the complete days after that of as-of"},
		{"coupons(where expires after now)", "[after now, open)", ""},
		{"anniversary(birthday) within next 7d", "[now, 7d after)", ""},
		{"anniversary(birthday) within this month", "[start of mo +0, start of mo +1)", ""},
		{"anniversary(birthday) within this year", "[start of y +0, start of y +1)", "a year is not too long"},
		{"anniversary(birthday) within next 1y", "[now, 1y after)", ""},
		{"anniversary(birthday) within next 365d", "[now, 365d after)", ""},
		{"anniversary(birthday) on today", "[start of d +0, start of d +1)", ""},
		{"anniversary(birthday) within 2024-02-29 .. 2025-02-28", "[2024-02-29, 2025-03-01)", "from a leap day"},
		{"anniversary(birthday) between 2026-01-01 and 2026-12-31", "[2026-01-01, 2027-01-01)", ""},
	} {
		p, ds := c.Text(tc.rule, compile.Options{})
		require.NotNil(t, p, "%s", source.Render(tc.rule, tc.rule, ds))
		require.Contains(t, windows(p), tc.window, "%s: %s\n%s", tc.rule, tc.why, p)
	}
}

func windows(p *plan.Plan) []string {
	var out []string
	plan.Walk(p.Root, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Aggregate:
			out = append(out, n.Window.String())
		case *plan.During:
			out = append(out, n.Window.String())
		case *plan.Recurs:
			out = append(out, n.Window.String())
		}
		return true
	})
	return out
}

// An anniversary's window is at most a year: one day more is refused.
func TestAnniversariesUpToAYear(t *testing.T) {
	c := shop(t)
	for _, span := range []string{
		"next 366d", "next 53w", "next 13mo", "next 2y", "next 8761h", "since 2026-01-01", "before 2026-01-01",
		"2026-01-01 .. 2027-01-01", "2024-02-29 .. 2025-03-01", "400d ago .. 3d ago", "since last(orders)", "last(orders) .. now",
	} {
		p, ds := c.Text("anniversary(birthday) within "+span, compile.Options{})
		require.Nil(t, p, span)
		require.Equal(t, source.OverAYear, ds[0].Code, span)
	}
}
