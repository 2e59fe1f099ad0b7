package compile

import (
	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// form is what sort of thing an expression turned out to be.
type form uint8

const (
	broken form = iota // an error was reported already: nothing more is said
	number             // also money
	text               // strings and enums
	truth
	moment
	day
	set
	condition // a named condition or sample(...): true or false, never missing
	yearly    // anniversary(...)
	length    // 7d
	point     // today, now, 60d ago
)

// value is a checked expression.
type value struct {
	form form
	typ  catalog.Type
	expr plan.Expr // nil for a constant number, and for a quotient alone
	test plan.Test // of condition

	literal  bool        // written in the rule, or computed from what is
	due      bool        // may lie in the future
	nullable bool        // may be missing
	records  bool        // a kind alone: the number of its records
	kindName string      // of records
	span     source.Span // where an author reads it

	// Of numbers, see number.go.
	scale      int // digits after the point
	rng        interval
	percent    bool
	quot       *quotient
	aggregated bool // has an aggregate in it
}

func (c *checker) step(at source.Span) bool {
	c.steps++
	if c.steps == maxSteps {
		c.errTooComplex(at)
	}
	return c.steps < maxSteps
}

// value reads an expression where a value is needed.
func (c *checker) value(e dsl.Expr) value {
	at := c.span(e.Span())
	if !c.step(at) {
		return value{}
	}
	switch n := e.(type) {
	case *dsl.Paren:
		v := c.value(n.X)
		v.span = at
		return v
	case *dsl.String:
		typ := catalog.Type{Sort: catalog.String}
		return c.literal(text, typ, catalog.StringValue(n.Value), at)
	case *dsl.Bool:
		return c.literal(truth, catalog.Type{Sort: catalog.Bool}, catalog.BoolValue(n.Value), at)
	case *dsl.Date:
		return c.literal(day, catalog.Type{Sort: catalog.Date}, catalog.DayValue(n.Year, month(n), n.Day), at)
	case *dsl.Number:
		return c.numberLiteral(n, at)
	case *dsl.Word:
		return value{form: point, span: at}
	case *dsl.Ref:
		return c.ref(n)
	case *dsl.Arith:
		return c.arith(n)
	case *dsl.Minus:
		return c.minus(n)
	}
	c.errNotAValue(at, e)
	return value{}
}

// operand reads what another value is compared with.
func (c *checker) operand(e dsl.Expr, other value) value {
	saved := c.beside
	c.beside = &other
	v := c.value(e)
	c.beside = saved
	return v
}

func (c *checker) literal(f form, typ catalog.Type, v catalog.Value, at source.Span) value {
	return value{
		form: f, typ: typ, literal: true, span: at,
		expr: &plan.Literal{At: plan.At{Source: at}, Typed: plan.Typed{Of: typ}, Value: v},
	}
}

// constant is the value of a literal that is no number.
func (v value) constant() catalog.Value {
	if l, ok := v.expr.(*plan.Literal); ok {
		return l.Value
	}
	return catalog.Missing
}

// stored is the value of an attribute or field.
func stored(e plan.Expr, typ catalog.Type, due, nullable bool, at source.Span) value {
	v := value{typ: typ, expr: e, due: due, nullable: nullable, span: at}
	switch typ.Sort {
	case catalog.Number, catalog.Money:
		v.form, v.scale, v.rng = number, typ.Digits(), within(typ.Bound())
	case catalog.String, catalog.Enum:
		v.form = text
	case catalog.Bool:
		v.form = truth
	case catalog.Instant:
		v.form = moment
	case catalog.Date:
		v.form = day
	case catalog.Set:
		v.form, v.nullable = set, false
	}
	return v
}

// declared sees to it that a derived value is of the type that the catalog says.
func (c *checker) declared(got value, want catalog.Type, at source.Span) value {
	w := stored(nil, want, false, true, at)
	if got.form != w.form || got.form == number && (got.typ.Sort != want.Sort || got.typ.Currency != want.Currency) {
		c.errDerivedType(c.span(at), got, w)
		return value{}
	}
	if got.form != number {
		return got
	}
	if got.quot != nil {
		c.errDerivedQuotient(c.span(at))
		return value{}
	}
	if !c.rescale(&got, max(got.scale, w.scale)) {
		return value{}
	}
	if got.scale != w.scale {
		c.errDerivedType(c.span(at), got, w)
		return value{}
	}
	got.expr = c.linear(got)
	return got
}

// equal is the test that two values are the same. Numbers go through compare.
func (c *checker) equal(at source.Span, x, y value) plan.Test {
	if x.literal && !y.literal {
		x, y = y, x
	}
	here := plan.At{Source: at}
	switch {
	case x.form == number && y.form == number:
		return c.compareNumbers(at, plan.Equal, x, y)
	case x.form != y.form:
		c.errDiffer(at, x, y)
		return no(at)
	case x.form == text:
		if x.literal && y.literal {
			return &plan.Const{At: here, Value: x.constant().Equal(y.constant())}
		}
		if y.literal {
			return &plan.OneOf{At: here, X: x.expr, Values: []catalog.Value{c.folded(x, y)}}
		}
		if x.typ.Folded != y.typ.Folded {
			c.errFolded(at, x, y)
			return no(at)
		}
		return &plan.Same{At: here, L: x.expr, R: y.expr}
	case x.form == truth:
		switch {
		case x.literal:
			return &plan.Const{At: here, Value: x.constant().Bool() == y.constant().Bool()}
		case !y.literal:
			return &plan.Same{At: here, L: x.expr, R: y.expr}
		case y.constant().Bool():
			return &plan.Truth{At: here, X: x.expr}
		}
		return &plan.OneOf{At: here, X: x.expr, Values: []catalog.Value{y.constant()}}
	case x.form == day:
		switch {
		case x.literal:
			return &plan.Const{At: here, Value: x.constant().Equal(y.constant())}
		case y.literal:
			return &plan.OneOf{At: here, X: x.expr, Values: []catalog.Value{y.constant()}}
		}
		return &plan.Same{At: here, L: x.expr, R: y.expr}
	}
	c.errCannotCompare(at, x, y)
	return no(at)
}

// folded is a text literal in the form in which the values that it is compared
// with are stored. A value that an enum does not list is worth a warning.
func (c *checker) folded(x, lit value) catalog.Value {
	s := x.typ.Normal(lit.constant().Text())
	c.listed(x.typ, s, lit.span)
	return catalog.StringValue(s)
}

// no is a test in the place of one that an error was reported for.
func no(at source.Span) plan.Test { return &plan.Const{At: plan.At{Source: at}} }
