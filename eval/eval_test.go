package eval_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Plans built by hand, for what a compiled plan never is.

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

var noon = at("2026-03-10T12:00:00Z")

func number(n int64) plan.Expr {
	return &plan.Literal{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Number}}, Value: catalog.NumberValue(n)}
}

func text(s string) plan.Expr {
	return &plan.Literal{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.String}}, Value: catalog.StringValue(s)}
}

func compare(l plan.Expr, op plan.CompareOp, r plan.Expr) *plan.Compare {
	return &plan.Compare{Op: op, L: l, R: r}
}

func points() *plan.Attr {
	return &plan.Attr{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Number}}, Name: "points"}
}

type groups map[string]error

func (g groups) Contains(group string, _ dangol.CustomerID) (bool, error) {
	err, ok := g[group]
	return ok && err == nil, err
}

var errBroken = errors.New("group is broken")

func TestABrokenGroupIsNeverHiddenByItsNeighbours(t *testing.T) {
	member := &plan.Member{Group: "VIP"}
	for name, root := range map[string]plan.Test{
		"and": &plan.And{Terms: []plan.Test{&plan.Const{Value: false}, member}},
		"or":  &plan.Or{Terms: []plan.Test{&plan.Const{Value: true}, member}},
		"not": &plan.Not{Term: member},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan.Plan{Root: root, Groups: []string{"VIP"}}
			in, err := eval.Eval(p, &eval.Customer{ID: "a"}, eval.Env{AsOf: noon, Groups: groups{"VIP": errBroken}})
			require.ErrorIs(t, err, errBroken)
			require.False(t, in)
			_, err = eval.Eval(p, &eval.Customer{ID: "a"}, eval.Env{AsOf: noon})
			require.ErrorIs(t, err, eval.ErrEnv, "without memberships at all")
		})
	}
}

type strangeTest struct{ plan.Const }

func TestWhatDoesNotFitIsAnErrorWithItsPlace(t *testing.T) {
	span := plan.At{Source: source.Span{Start: 3, End: 7}}
	open := plan.Window{From: plan.Bound{Kind: plan.Now}}
	for name, root := range map[string]plan.Test{
		"an unknown test (*eval_test.strangeTest)": &strangeTest{plan.Const{At: span}},
		`the comparison "~"`:                       &plan.Compare{At: span, Op: "~", L: number(1), R: number(1)},
		`the string test "like"`:                   &plan.Like{At: span, X: text("a"), Form: "like"},
		"an order on such values":                  &plan.Compare{At: span, Op: plan.Less, L: &plan.Literal{At: span, Value: catalog.StringValue("a")}, R: number(1)},
		`the aggregate "median"`:                   compare(&plan.Aggregate{At: span, Fn: "median", Kind: "orders"}, plan.More, number(1)),
		"a window over records without a time":     compare(&plan.Aggregate{At: span, Fn: plan.Count, Kind: "orders", Window: open}, plan.More, number(1)),
		"active_days of records without a time":    compare(&plan.Aggregate{At: span, Fn: plan.ActiveDays, Kind: "orders"}, plan.More, number(1)),
		"arithmetic on such values":                compare(&plan.Times{At: span, X: text("a"), By: 2}, plan.More, number(1)),
		`the operator '%'`:                         compare(&plan.Arith{At: span, Op: '%', L: number(1), R: number(1)}, plan.More, number(1)),
		"a moment in time of such a value":         &plan.During{At: span, X: &plan.Literal{At: span, Value: catalog.StringValue("a")}},
		"an unknown end of a window (99)":          &plan.During{At: span, X: text("a"), Window: plan.Window{To: plan.Bound{Kind: 99}}},
		"such a percentage":                        &plan.Sample{At: span, Percent: 1, Scale: 40},
	} {
		t.Run(name, func(t *testing.T) {
			// A window's error must come out even where the instant is missing.
			if d, ok := root.(*plan.During); ok && d.Window != (plan.Window{}) {
				d.X = &plan.Attr{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.Instant}}, Name: "nothing"}
			}
			_, err := eval.Eval(&plan.Plan{Root: root}, &eval.Customer{ID: "a"}, eval.Env{AsOf: noon})
			var u *plan.Unsupported
			require.ErrorAs(t, err, &u)
			require.Equal(t, plan.Unsupported{Node: name, Engine: "eval", Span: span.Source}, *u)
		})
	}
}

func TestNoPlanNoCustomerNoScope(t *testing.T) {
	fine := &plan.Plan{Root: &plan.Const{Value: true}}
	for name, call := range map[string]func() (bool, error){
		"no plan":     func() (bool, error) { return eval.Eval(nil, &eval.Customer{}, eval.Env{}) },
		"no customer": func() (bool, error) { return eval.Eval(fine, nil, eval.Env{}) },
		"scope": func() (bool, error) {
			return eval.Eval(&plan.Plan{Root: fine.Root, Scope: "everyone"}, &eval.Customer{}, eval.Env{})
		},
	} {
		in, err := call()
		require.ErrorIs(t, err, eval.ErrPlan, name)
		require.False(t, in)
	}
	_, err := eval.Eval(&plan.Plan{}, &eval.Customer{}, eval.Env{})
	require.ErrorAs(t, err, new(*plan.Unsupported), "no root")
}

// Numbers are fractions of any size: 2^62 * 2^62 neither wraps nor rounds.
func TestArithmeticIsExact(t *testing.T) {
	big := &plan.Times{X: &plan.Times{X: number(1 << 62), By: 1 << 62}, By: 3}
	third := &plan.Quotient{A: number(1), B: number(3)}
	for _, c := range []struct {
		test plan.Test
		want bool
	}{
		{compare(big, plan.More, &plan.Times{X: number(1 << 62), By: 1 << 62}), true},
		{compare(&plan.Arith{Op: '-', L: big, R: big}, plan.Equal, number(0)), true},
		{compare(&plan.Times{X: third, By: 3}, plan.Equal, number(1)), true},
		{compare(third, plan.More, number(0)), true},
		{compare(&plan.Quotient{A: number(1), B: number(0)}, plan.More, number(0)), false},
		{&plan.Not{Term: compare(&plan.Quotient{A: number(1), B: number(-2)}, plan.Less, number(0))}, true},
		{&plan.Known{X: &plan.Quotient{A: number(0), B: number(0)}}, false},
	} {
		in, err := eval.Eval(&plan.Plan{Root: c.test}, &eval.Customer{}, eval.Env{AsOf: noon})
		require.NoError(t, err)
		require.Equal(t, c.want, in, plan.Key(c.test))
	}
}

func TestCutOf(t *testing.T) {
	const percent = true
	for _, c := range []struct {
		rank   plan.Rank
		values []int64
		want   eval.Cut
	}{
		{plan.Rank{X: points(), N: 2}, []int64{5, 9, 7}, eval.Cut{Value: 7}},
		{plan.Rank{X: points(), N: 2, Bottom: true}, []int64{5, 9, 7}, eval.Cut{Value: 7}},
		{plan.Rank{X: points(), N: 1, Bottom: true}, []int64{5, 9, 7}, eval.Cut{Value: 5}},
		{plan.Rank{X: points(), N: 50}, []int64{5, 9, 7}, eval.Cut{Value: 5}},
		{plan.Rank{X: points(), N: 0}, []int64{5, 9, 7}, eval.Cut{Empty: true}},
		{plan.Rank{X: points(), N: 5}, nil, eval.Cut{Empty: true}},
		{plan.Rank{X: points(), N: 34, Percent: percent}, []int64{5, 9, 7}, eval.Cut{Value: 7}},
		{plan.Rank{X: points(), N: 33, Percent: percent}, []int64{5, 9, 7}, eval.Cut{Value: 9}},
		{plan.Rank{X: points(), N: 3334, Scale: 2, Percent: percent}, []int64{5, 9, 7}, eval.Cut{Value: 7}},
		{plan.Rank{X: points(), N: 1, Scale: 6, Percent: percent}, []int64{5, 9, 7}, eval.Cut{Value: 9}},
		{plan.Rank{X: points(), N: 100, Percent: percent}, []int64{5, 9, 7}, eval.Cut{Value: 5}},
		{plan.Rank{X: points(), N: 0, Percent: percent}, []int64{5, 9, 7}, eval.Cut{Empty: true}},
	} {
		c.want.AsOf = noon
		require.Equal(t, c.want, eval.CutOf(&c.rank, c.values, noon.Add(300*time.Millisecond)), "%s of %v", plan.Key(&c.rank), c.values)
	}
}

// An empty cut selects nobody, whatever value somebody has got since; a missing
// string has no part, not even the empty one.
func TestNothingIsSelectedByNothing(t *testing.T) {
	c := &eval.Customer{Attributes: map[string]catalog.Value{"points": catalog.NumberValue(0)}}
	for _, bottom := range []bool{false, true} {
		r := &plan.Rank{X: points(), N: 3, Bottom: bottom}
		in, err := eval.Eval(&plan.Plan{Root: r}, c, eval.Env{AsOf: noon, Cuts: map[string]eval.Cut{eval.RankKey(r): {Empty: true}}})
		require.NoError(t, err)
		require.False(t, in)
	}
	for _, form := range []plan.LikeForm{plan.Prefix, plan.Suffix, plan.Infix} {
		name := &plan.Attr{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.String}}, Name: "name"}
		in, err := eval.Eval(&plan.Plan{Root: &plan.Like{X: name, Form: form}}, c, eval.Env{AsOf: noon})
		require.NoError(t, err)
		require.False(t, in, form)
	}
}
