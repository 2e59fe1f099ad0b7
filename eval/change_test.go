package eval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// bruteNext asks Eval at every second, up to a limit.
func bruteNext(t testing.TB, p *plan.Plan, c *eval.Customer, env eval.Env, limit time.Duration) time.Time {
	was, err := eval.Eval(p, c, env)
	require.NoError(t, err)
	for d := time.Second; d <= limit; d += time.Second {
		later := env
		later.AsOf = env.AsOf.Add(d)
		is, err := eval.Eval(p, c, later)
		require.NoError(t, err)
		if is != was {
			return later.AsOf
		}
	}
	return time.Time{}
}

func latest(name string) *plan.Attr {
	return &plan.Attr{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Instant}}, Name: name, Latest: true}
}

// A "latest" moment that lies ahead runs one second behind as-of, so that it is
// never in the first second of a day.
func TestNextChangeOfAMomentThatRunsAlong(t *testing.T) {
	c := &eval.Customer{Attributes: map[string]catalog.Value{"cart_updated": catalog.TimeValue(at("2026-03-12T10:00:00Z"))}}
	today := plan.Window{From: plan.Bound{Kind: plan.Period, Unit: plan.Days}, To: plan.Bound{Kind: plan.Now}}
	p := &plan.Plan{Root: &plan.During{X: latest("cart_updated"), Window: today}}
	env := eval.Env{AsOf: noon}
	for _, want := range []string{"2026-03-11T00:00:00Z", "2026-03-11T00:00:01Z", "2026-03-12T00:00:00Z", "2026-03-12T00:00:01Z", "2026-03-13T00:00:00Z"} {
		next, err := eval.NextChange(p, c, env)
		require.NoError(t, err)
		require.Equal(t, want, next.At.Format(time.RFC3339))
		require.True(t, next.At.Equal(bruteNext(t, p, c, env, 48*time.Hour)))
		env.AsOf = next.At
	}
	next, err := eval.NextChange(p, c, env)
	require.NoError(t, err)
	require.Zero(t, next)
}

func TestNextChangeOfAnAnniversary(t *testing.T) {
	leap := &plan.Literal{Value: catalog.DayValue(2024, 2, 29)}
	week := plan.Window{From: plan.Bound{Kind: plan.Now}, To: plan.Bound{Kind: plan.Back, N: -7, Unit: plan.Days}}
	p := &plan.Plan{Root: &plan.Recurs{X: leap, Window: week}}
	env := eval.Env{AsOf: noon}
	for _, want := range []string{"2027-02-22T00:00:01Z", "2027-03-02T00:00:00Z", "2028-02-22T00:00:01Z", "2028-03-01T00:00:00Z"} {
		next, err := eval.NextChange(p, &eval.Customer{}, env)
		require.NoError(t, err)
		require.Equal(t, want, next.At.Format(time.RFC3339))
		env.AsOf = next.At
	}
}
