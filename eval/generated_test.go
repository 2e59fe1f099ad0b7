package eval_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
)

var soak = flag.Bool("soak", false, "run the generated tests at their large sizes")

var soakFactor = flag.Int("soakfactor", 50, "how much larger")

// cases calls check with made-up worlds and rules, which all compile.
func cases(t *testing.T, seeds, rules int, check func(t *testing.T, w *rulegen.World, text string, p *plan.Plan)) {
	if *soak {
		seeds *= *soakFactor
	}
	scopes := []plan.Scope{plan.Members, plan.Both, plan.Guests}
	for seed := range uint64(seeds) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		for range rules {
			rule := w.Rule(scopes[seed%3])
			if p, _ := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); p != nil {
				check(t, w, rule.String(), p)
			}
		}
	}
}

// sampled are seconds about which an answer is likely to turn, and some between.
func sampled(w *rulegen.World, from time.Time) []time.Time {
	var out []time.Time
	add := func(t time.Time) {
		for d := -2; d <= 2; d++ {
			if t := t.Add(time.Duration(d) * time.Second); t.After(from) {
				out = append(out, t)
			}
		}
	}
	from = from.Truncate(time.Second)
	for _, d := range []int{1, 2, 7, 8, 30, 31, 90, 365} {
		add(from.AddDate(0, 0, d))
	}
	for _, h := range []int{1, 2, 3, 12, 25, 36} {
		add(from.Add(time.Duration(h) * time.Hour))
	}
	for d := range 40 {
		y, m, day := from.In(w.Zone).Date()
		add(time.Date(y, m, day+d, 0, 0, 0, 0, w.Zone))
	}
	for s := range 130 {
		out = append(out, from.Add(time.Duration(s+1)*time.Second))
	}
	return out
}

// turning are the seconds at which windows of common lengths pass what the
// customer has.
func turning(w *rulegen.World, c *eval.Customer, from time.Time) []time.Time {
	var out []time.Time
	add := func(fields map[string]catalog.Value) {
		for _, v := range fields {
			if v.Sort() != catalog.Instant {
				continue
			}
			for _, b := range []plan.Bound{
				{Kind: plan.Now}, {Kind: plan.Back, N: -7, Unit: plan.Days}, {Kind: plan.Back, N: -1, Unit: plan.Month},
				{Kind: plan.Back, N: -30, Unit: plan.Days}, {Kind: plan.Back, N: -1, Unit: plan.Year}, {Kind: plan.Back, N: -36, Unit: plan.Hour},
				{Kind: plan.Period, N: 1, Unit: plan.Month}, {Kind: plan.Period, N: 2, Unit: plan.Week}, {Kind: plan.Period, N: 1, Unit: plan.Days},
			} {
				us, _ := b.Instant(time.UnixMicro(v.Int()), w.Zone)
				for d := -2; d <= 2; d++ {
					if at := time.UnixMicro(us).Truncate(time.Second).Add(time.Duration(d) * time.Second); at.After(from) {
						out = append(out, at)
					}
				}
			}
		}
	}
	add(c.Attributes)
	for _, list := range c.Records {
		for _, r := range list {
			add(r.Fields)
		}
	}
	return out
}

// Up to the reported second the answer stays, and there it changes. It is asked at
// every second near both ends, about midnights, clock changes and full lengths.
func TestNextChangeAgainstEval(t *testing.T) {
	changed, stays := 0, 0
	cases(t, 40, 4, func(t *testing.T, w *rulegen.World, text string, p *plan.Plan) {
		env := w.Env()
		var err error
		env.Cuts, err = w.Cuts(p)
		require.NoError(t, err)
		for _, c := range w.Customers[:3] {
			was, err := eval.Eval(p, c, env)
			require.NoError(t, err)
			next, err := eval.NextChange(p, c, env)
			require.NoError(t, err)
			ask := func(at time.Time) bool {
				later := env
				later.AsOf = at
				is, err := eval.Eval(p, c, later)
				require.NoError(t, err)
				return is
			}
			times := append(sampled(w, env.AsOf), turning(w, c, env.AsOf)...)
			if next.At.IsZero() {
				stays++
			} else {
				changed++
				require.True(t, next.At.After(env.AsOf))
				require.NotEqual(t, was, ask(next.At), "%s\n%s as of %s: no change at %s", text, c.ID, env.AsOf, next.At)
				for s := range 100 {
					times = append(times, next.At.Add(-time.Duration(s+1)*time.Second))
				}
			}
			for _, at := range times {
				if at.After(env.AsOf) && (next.At.IsZero() || at.Before(next.At)) {
					require.Equal(t, was, ask(at), "%s\n%s as of %s: changed at %s, not %s", text, c.ID, env.AsOf, at.In(w.Zone), next.At)
				}
			}
		}
	})
	require.Greater(t, changed, 25, "there are many of both sorts")
	require.Greater(t, stays, 25)
}
