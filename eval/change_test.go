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

// Records of one instant are in the order of their keys also while they fall out of
// a window one after the other.
func TestNextChangeAmongTies(t *testing.T) {
	stamp := &plan.Field{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Instant}}, Kind: "orders", Name: "placed"}
	total := &plan.Field{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Number}}, Kind: "orders", Name: "total"}
	order := func(key, at_ string, n int64) *eval.Record {
		return &eval.Record{Key: key, Fields: map[string]catalog.Value{"placed": catalog.TimeValue(at(at_)), "total": catalog.NumberValue(n)}}
	}
	c := &eval.Customer{Records: map[string][]*eval.Record{"orders": {
		order("a", "2026-03-10T09:00:00Z", 1), order("b", "2026-03-10T09:00:00Z", 2), order("c", "2026-03-10T08:30:00Z", 3), order("d", "2026-03-10T08:30:00Z", 4),
	}}}
	window := plan.Window{From: plan.Bound{Kind: plan.Back, N: 4, Unit: plan.Hour}, To: plan.Bound{Kind: plan.Now}}
	for _, want := range []struct {
		fn    plan.AggregateFn
		value int64
		next  string
	}{
		{plan.Last, 2, "2026-03-10T13:00:01Z"}, {plan.First, 3, "2026-03-10T12:30:01Z"},
		{plan.Max, 4, "2026-03-10T12:30:01Z"}, {plan.Min, 1, "2026-03-10T13:00:01Z"},
		{plan.Sum, 10, "2026-03-10T12:30:01Z"}, {plan.Count, 4, "2026-03-10T12:30:01Z"}, {plan.Distinct, 4, "2026-03-10T12:30:01Z"},
		{plan.ActiveDays, 1, "2026-03-10T13:00:01Z"},
	} {
		a := &plan.Aggregate{Fn: want.fn, Kind: "orders", Stamp: stamp, Of: total, Window: window}
		p := &plan.Plan{Root: compare(a, plan.Equal, number(want.value))}
		env := eval.Env{AsOf: noon}
		in, err := eval.Eval(p, c, env)
		require.NoError(t, err)
		require.True(t, in, want.fn)
		next, err := eval.NextChange(p, c, env)
		require.NoError(t, err)
		require.Equal(t, want.next, next.At.Format(time.RFC3339), want.fn)
		require.True(t, next.At.Equal(bruteNext(t, p, c, env, 90*time.Minute)))
	}
}

// A stamp that may lie ahead selects nothing before its time.
func TestADueStampIsNoExcuse(t *testing.T) {
	stamp := &plan.Field{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Instant}}, Kind: "k", Name: "at", Due: true}
	p := &plan.Plan{Root: compare(&plan.Aggregate{Fn: plan.Count, Kind: "k", Stamp: stamp}, plan.Equal, number(0))}
	c := &eval.Customer{Records: map[string][]*eval.Record{"k": {{Key: "1", Fields: map[string]catalog.Value{"at": catalog.TimeValue(noon)}}}}}
	in, err := eval.Eval(p, c, eval.Env{AsOf: noon})
	require.NoError(t, err)
	require.True(t, in)
	next, err := eval.NextChange(p, c, eval.Env{AsOf: noon})
	require.NoError(t, err)
	require.Equal(t, noon.Add(time.Second), next.At)
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
