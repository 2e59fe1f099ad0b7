package eval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Law 3: starts never move back, whatever the clocks do. Next changes rest on it.
// St. John's clock went back from 00:01 to 23:01 of the day before.
func TestBoundsNeverMoveBack(t *testing.T) {
	zones := []string{"Asia/Seoul", "America/New_York", "America/Havana", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe", "America/St_Johns", "Asia/Beirut", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		require.NoError(t, err)
		b := plan.Bound{
			Kind: rapid.SampledFrom([]plan.BoundKind{plan.Back, plan.Period}).Draw(t, "kind"),
			N:    rapid.IntRange(-40, 40).Draw(t, "n"),
			Unit: rapid.SampledFrom([]plan.Unit{plan.Days, plan.Week, plan.Month, plan.Quarter, plan.Year, plan.Hour}).Draw(t, "unit"),
		}
		if b.Kind == plan.Period && b.Unit == plan.Hour {
			b.Unit = plan.Days
		}
		from := time.Date(2010+rapid.IntRange(0, 16).Draw(t, "year"), 1, 1, 0, 0, 0, 0, zone)
		if _, change := from.AddDate(0, rapid.IntRange(0, 11).Draw(t, "month"), 0).ZoneBounds(); !change.IsZero() {
			from = change.Add(-3 * time.Hour)
			if b.Kind == plan.Back && rapid.Bool().Draw(t, "reach the change") {
				us, _ := plan.Bound{Kind: plan.Back, N: -b.N, Unit: b.Unit}.Instant(from, zone)
				from = time.UnixMicro(us)
			}
		}
		last, _ := b.Instant(from, zone)
		for m := range 6 * 60 {
			at := from.Add(time.Duration(m+1) * time.Minute)
			us, _ := b.Instant(at, zone)
			if us < last {
				t.Fatalf("%v moves back at %s, from %s to %s", b, at.In(zone), time.UnixMicro(last).In(zone), time.UnixMicro(us).In(zone))
			}
			last = us
		}
	})
}
