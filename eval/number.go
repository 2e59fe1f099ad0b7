package eval

import (
	"fmt"
	"math/big"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// value is what an expression has for one customer: a number, something else, or
// nothing at all (the zero value). Numbers are exact fractions of any size, so
// that no arithmetic here can round or wrap.
type value struct {
	num   *big.Rat      // of numbers and amounts, in units of the type's scale
	plain catalog.Value // of everything else
}

var missing value

func valueOf(v catalog.Value) value {
	if v.Sort() == catalog.Number {
		return integer(v.Int())
	}
	return value{plain: v}
}

func integer(n int64) value { return value{num: new(big.Rat).SetInt64(n)} }

func (v value) known() bool { return v.num != nil || v.plain.Known() }

// equal is false for two missing values.
func (v value) equal(w value) bool {
	if v.num != nil && w.num != nil {
		return v.num.Cmp(w.num) == 0
	}
	return v.num == nil && w.num == nil && v.plain.Equal(w.plain)
}

// key tells known values apart.
func (v value) key() string {
	if v.num != nil {
		return v.num.String()
	}
	return v.plain.String()
}

// order is the value on a line of numbers: numbers, amounts, dates and instants
// have a place there. It is not ok for a missing value.
func (m *machine) order(n plan.Node, v value) (*big.Rat, bool) {
	switch {
	case v.num != nil:
		return v.num, true
	case !v.known():
		return nil, false
	case v.plain.Sort() == catalog.Date || v.plain.Sort() == catalog.Instant:
		return new(big.Rat).SetInt64(v.plain.Int()), true
	}
	m.misfit(n, "an order on such values")
	return nil, false
}

// value is what the expression has: of the record at hand, where there is one.
func (m *machine) value(x plan.Expr, at *Record) value {
	switch n := x.(type) {
	case *plan.Literal:
		return valueOf(n.Value)
	case *plan.Attr:
		return valueOf(m.attr(n))
	case *plan.Field:
		return valueOf(m.field(n, at))
	case *plan.Arith:
		return m.arith(n, m.value(n.L, at), m.value(n.R, at))
	case *plan.Times:
		return m.times(n, m.value(n.X, at), integer(n.By))
	case *plan.Product:
		return m.times(n, m.value(n.X, at), m.value(n.Y, at))
	case *plan.Quotient:
		return m.quotient(n, m.value(n.A, at), m.value(n.B, at))
	case *plan.Aggregate:
		return m.aggregate(n, at).value
	default:
		m.misfit(x, fmt.Sprintf("an unknown value (%T)", x))
		return missing
	}
}

// numbers tells whether both values are known; a known one that is no number is
// an error.
func (m *machine) numbers(n plan.Node, x, y value) bool {
	for _, v := range []value{x, y} {
		if v.known() && v.num == nil {
			m.misfit(n, "arithmetic on such values")
		}
	}
	return x.num != nil && y.num != nil
}

func (m *machine) arith(n *plan.Arith, l, r value) value {
	if !m.numbers(n, l, r) {
		return missing
	}
	switch n.Op {
	case '+':
		return value{num: new(big.Rat).Add(l.num, r.num)}
	case '-':
		return value{num: new(big.Rat).Sub(l.num, r.num)}
	}
	m.misfit(n, fmt.Sprintf("the operator %q", n.Op))
	return missing
}

func (m *machine) times(n plan.Node, x, y value) value {
	if !m.numbers(n, x, y) {
		return missing
	}
	return value{num: new(big.Rat).Mul(x.num, y.num)}
}

func (m *machine) quotient(n plan.Node, a, b value) value {
	if !m.numbers(n, a, b) || b.num.Sign() <= 0 {
		return missing
	}
	return value{num: new(big.Rat).Quo(a.num, b.num)}
}
