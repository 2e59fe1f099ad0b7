package compile_test

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

// The numbers of the exact tests: integers, decimals and amounts, with bounds.
var numbers = []catalog.Attribute{
	{Name: "a", Type: catalog.Type{Sort: catalog.Number, Max: 1000}},
	{Name: "b", Type: catalog.Type{Sort: catalog.Number, Scale: 2, Max: 100_000}},
	{Name: "c", Type: catalog.Type{Sort: catalog.Number, Scale: 6, Max: 1 << 40}},
	{Name: "m", Type: catalog.Type{Sort: catalog.Money, Currency: "KRW"}},
	{Name: "n", Type: catalog.Type{Sort: catalog.Money, Currency: "KRW", Max: 50}},
	{Name: "huge", Type: catalog.Type{Sort: catalog.Number, Max: 1 << 61}},
}

// term is an expression of the rule and its value in exact fractions, nil for
// missing: an evaluator that shares nothing with the compiler.
type term struct {
	text  string
	value func(map[string]catalog.Value) *big.Rat
	money bool
	quot  bool
	fixed bool // a constant
}

func leaf(t *rapid.T) term {
	if rapid.IntRange(0, 2).Draw(t, "constant") == 0 {
		digits := rapid.IntRange(0, 3).Draw(t, "digits")
		n := rapid.IntRange(0, 5000).Draw(t, "n")
		text := strconv.Itoa(n)
		if digits > 0 {
			text = fmt.Sprintf("%d.%0*d", n/pow(digits), digits, n%pow(digits))
		}
		r, _ := new(big.Rat).SetString(text)
		return term{text: text, value: func(map[string]catalog.Value) *big.Rat { return r }, fixed: true}
	}
	a := rapid.SampledFrom(numbers).Draw(t, "attribute")
	scale := big.NewRat(1, int64(pow(a.Type.Digits())))
	return term{text: a.Name, money: a.Type.Sort == catalog.Money, value: func(at map[string]catalog.Value) *big.Rat {
		v := at[a.Name]
		if !v.Known() {
			return nil
		}
		return new(big.Rat).Mul(new(big.Rat).SetInt64(v.Int()), scale)
	}}
}

func pow(n int) int { return int(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil).Int64()) }

func operation(t *rapid.T, depth int) term {
	if depth == 0 {
		return leaf(t)
	}
	l, r := operation(t, depth-1), operation(t, rapid.IntRange(0, depth-1).Draw(t, "depth"))
	op := rapid.SampledFrom([]string{"+", "-", "*", "/"}).Draw(t, "op")
	return term{text: "(" + l.text + " " + op + " " + r.text + ")", value: func(at map[string]catalog.Value) *big.Rat {
		x, y := l.value(at), r.value(at)
		if x == nil || y == nil {
			return nil
		}
		out := new(big.Rat)
		switch op {
		case "+":
			return out.Add(x, y)
		case "-":
			return out.Sub(x, y)
		case "*":
			return out.Mul(x, y)
		}
		if y.Sign() <= 0 {
			return nil
		}
		return out.Quo(x, y)
	}}
}

// Whatever arithmetic passes the checker is answered as exact fractions answer
// it, and no integer on the way leaves int64.
func TestArithmeticIsExact(t *testing.T) {
	c, err := compile.New(&catalog.Catalog{Attributes: numbers})
	require.NoError(t, err)
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		l, r := operation(t, rapid.IntRange(0, 2).Draw(t, "left")), operation(t, rapid.IntRange(0, 2).Draw(t, "right"))
		op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "compare")
		rule := l.text + " " + op + " " + r.text
		p, ds := c.Text(rule, compile.Options{})
		if p == nil {
			for _, d := range ds {
				require.NotContains(t, d.Message, "%!", rule)
			}
			return
		}
		accepted++
		for range 12 {
			customer := &eval.Customer{ID: "x", Attributes: map[string]catalog.Value{}}
			for _, a := range numbers {
				if rapid.IntRange(0, 9).Draw(t, "missing") > 0 {
					customer.Attributes[a.Name] = catalog.NumberValue(edge(t, a.Type.Bound()))
				}
			}
			got, err := eval.Eval(p, customer, eval.Env{AsOf: time.Unix(0, 0)})
			require.NoError(t, err, rule)
			x, y := l.value(customer.Attributes), r.value(customer.Attributes)
			want := x != nil && y != nil && holds(op, x.Cmp(y))
			if op == "!=" {
				want = x == nil || y == nil || x.Cmp(y) != 0
			}
			require.Equal(t, want, got, "%s\n%s\n%v", rule, p, customer.Attributes)
			fits(t, plan.Lower(p).Root, customer.Attributes, rule)
		}
	})
	require.Positive(t, accepted)
}

// edge is a value at a bound, about zero, or anywhere.
func edge(t *rapid.T, bound int64) int64 {
	switch rapid.IntRange(0, 3).Draw(t, "edge") {
	case 0:
		return bound
	case 1:
		return -bound
	case 2:
		return rapid.Int64Range(-2, 2).Draw(t, "small")
	}
	return rapid.Int64Range(-bound, bound).Draw(t, "any")
}

func holds(op string, cmp int) bool {
	switch op {
	case "=":
		return cmp == 0
	case "<":
		return cmp < 0
	case "<=":
		return cmp <= 0
	case ">":
		return cmp > 0
	default:
		return cmp >= 0
	}
}

// fits computes a lowered plan in big integers and finds what int64 cannot hold.
func fits(t *rapid.T, root plan.Node, at map[string]catalog.Value, rule string) {
	plan.Walk(root, func(n plan.Node) bool {
		if e, ok := n.(plan.Expr); ok {
			if v := integer(e, at); v != nil {
				require.True(t, v.IsInt64(), "%s: %s of\n%s\n%v", rule, v, plan.Print(e), at)
			}
		}
		return true
	})
}

func integer(e plan.Expr, at map[string]catalog.Value) *big.Int {
	join := func(l, r plan.Expr, f func(z, x, y *big.Int) *big.Int) *big.Int {
		x, y := integer(l, at), integer(r, at)
		if x == nil || y == nil {
			return nil
		}
		return f(new(big.Int), x, y)
	}
	switch n := e.(type) {
	case *plan.Literal:
		return big.NewInt(n.Value.Int())
	case *plan.Attr:
		if v := at[n.Name]; v.Known() {
			return big.NewInt(v.Int())
		}
	case *plan.Times:
		if x := integer(n.X, at); x != nil {
			return new(big.Int).Mul(x, big.NewInt(n.By))
		}
	case *plan.Arith:
		if n.Op == '-' {
			return join(n.L, n.R, (*big.Int).Sub)
		}
		return join(n.L, n.R, (*big.Int).Add)
	case *plan.Product:
		return join(n.X, n.Y, (*big.Int).Mul)
	}
	return nil
}

// A bare number against money counts major units, with the digits of the currency.
func TestMajorUnits(t *testing.T) {
	c, err := compile.New(catalog.ShopIn("USD"))
	require.NoError(t, err)
	for rule, want := range map[string]string{
		`store_credit >= 12.5`:                 "literal USD 1250",
		`store_credit >= 12.50 USD`:            "literal USD 1250",
		`12 < store_credit`:                    "literal USD 1200",
		`store_credit * 1.255 > 3`:             "literal USD 300000",
		`avg(orders.total) > 3`:                "literal USD 300",
		`spent / orders > 0.5`:                 "literal USD 50",
		`spent > 2.5 * 2`:                      "literal USD 500",
		`store_credit in (1, 2.5)`:             "one of (100, 250)",
		`share(items, where brand="x") > 2.5%`: "literal number.3 25",
		`points > 1.0`:                         "literal number.0 1",
		`points > 1_000`:                       "literal number.0 1000",
		`points * 1.5 > 1`:                     "literal number.1 10",
	} {
		p, ds := c.Text(rule, compile.Options{})
		require.NotNil(t, p, "%s %v", rule, ds)
		require.True(t, strings.Contains(p.String(), want), "%s\n%s", rule, p)
	}
}
