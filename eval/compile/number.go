package compile

import (
	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// A number is expr plus at most one quotient, both counted in units of
// 10^-scale: major units for money. Of a constant expr is nil and rng holds the
// one value. A constant without a currency takes that of what it meets.

// quotient is a / b in the scale of the value that it is part of.
type quotient struct {
	a, b   plan.Expr
	ra, rb interval
	form   plan.QuotientForm
	ratio  bool // of like by like: may be compared with a percentage
	part   bool // a is part of b, so that it is at most 1
	span   source.Span
}

func (v value) isConstant() bool { return v.literal && v.form == number }

func (v value) currency() dangol.Currency { return v.typ.Currency }

// fits reports a number that could leave the range of exact arithmetic.
func (c *checker) fits(ok bool, at source.Span) bool {
	if !ok {
		c.errTooLarge(at)
	}
	return ok
}

func (c *checker) numberLiteral(n *dsl.Number, at source.Span) value {
	if n.Unit != "" {
		f := length
		if n.Ago {
			f = point
		}
		return value{form: f, span: at}
	}
	v := value{form: number, typ: catalog.Type{Sort: catalog.Number}, literal: true, scale: n.Scale, rng: exactly(n.Mantissa), span: at}
	if n.Percent {
		v.percent, v.scale = true, n.Scale+2
		return v
	}
	for v.scale > 0 && v.rng.lo%10 == 0 {
		v.scale, v.rng = v.scale-1, exactly(v.rng.lo/10)
	}
	if n.Currency != "" {
		return c.asMoney(v, dangol.Currency(n.Currency))
	}
	return v
}

// asMoney is a constant as an amount.
func (c *checker) asMoney(v value, currency dangol.Currency) value {
	digits, known := currency.Digits()
	if !known {
		c.errUnknownCurrency(v.span, currency)
		return value{}
	}
	if v.scale > digits {
		c.errTooManyDigits(v.span, currency, digits)
		return value{}
	}
	v.typ = catalog.Type{Sort: catalog.Money, Currency: currency}
	if !c.rescale(&v, digits) {
		return value{}
	}
	return v
}

// numberType is the type of a plan's expression in the scale of v. Of money it
// tells the digits beyond the currency's own, which only factors bring about.
func (v value) numberType(scale int) plan.Typed {
	if v.typ.Sort == catalog.Money {
		digits, _ := v.currency().Digits()
		return plan.Typed{Of: catalog.Type{Sort: catalog.Money, Currency: v.currency(), Scale: max(scale-digits, 0)}}
	}
	return plan.Typed{Of: catalog.Type{Sort: catalog.Number, Scale: scale}}
}

// linear is the part of a number without its quotient, as a plan's expression.
func (c *checker) linear(v value) plan.Expr {
	if v.expr == nil {
		return &plan.Literal{At: plan.At{Source: v.span}, Typed: v.numberType(v.scale), Value: catalog.NumberValue(v.rng.lo)}
	}
	return v.expr
}

// rescale counts v in units of 10^-scale, which are not coarser than its own.
func (c *checker) rescale(v *value, scale int) bool {
	if scale == v.scale {
		return true
	}
	by, ok := powerOfTen(scale - v.scale)
	if !c.fits(ok, v.span) || !c.factor(v, by, scale) {
		return false
	}
	return true
}

// factor multiplies v by a constant and counts it in units of 10^-scale.
func (c *checker) factor(v *value, by int64, scale int) bool {
	rng, ok := v.rng.times(exactly(by))
	if !c.fits(ok, v.span) {
		return false
	}
	v.rng, v.scale = rng, scale
	at := plan.At{Source: v.span}
	if v.expr != nil && by != 1 {
		v.expr = &plan.Times{At: at, Typed: v.numberType(scale), X: v.expr, By: by}
	}
	if v.quot != nil && by != 1 {
		q := *v.quot
		if q.ra, ok = q.ra.times(exactly(by)); !c.fits(ok, v.span) {
			return false
		}
		q.a = &plan.Times{At: at, Typed: plan.Typed{Of: q.a.Type()}, X: q.a, By: by}
		v.quot = &q
	}
	return true
}

// alike gives two numbers one currency and one scale.
func (c *checker) alike(at source.Span, l, r *value) bool {
	lm, rm := l.typ.Sort == catalog.Money, r.typ.Sort == catalog.Money
	switch {
	case lm && rm && l.currency() != r.currency():
		c.errCurrencies(at, *l, *r)
		return false
	case lm && !rm && r.isConstant():
		*r = c.asMoney(*r, l.currency())
	case rm && !lm && l.isConstant():
		*l = c.asMoney(*l, r.currency())
	case lm != rm:
		c.errCurrencies(at, *l, *r)
		return false
	}
	if l.form == broken || r.form == broken {
		return false
	}
	scale := max(l.scale, r.scale)
	return c.rescale(l, scale) && c.rescale(r, scale)
}

func (c *checker) arith(n *dsl.Arith) value {
	at := c.span(n.Span())
	l, r := c.value(n.L), c.value(n.R)
	if !c.numeric(n, l, r) {
		return value{}
	}
	if l.percent || r.percent {
		c.errPercentArith(at, l, r)
		return value{}
	}
	var out value
	switch n.Op {
	case "*":
		out = c.product(at, l, r)
	case "/":
		out = c.divide(at, l, r)
	default:
		out = c.sum(at, n.Op == "-", l, r)
	}
	out.span = at
	out.nullable = l.nullable || r.nullable
	out.aggregated = l.aggregated || r.aggregated
	return out
}

// numeric reports operands that cannot be computed with.
func (c *checker) numeric(n *dsl.Arith, operands ...value) bool {
	ok := true
	for _, v := range operands {
		if v.form != number && v.form != broken {
			c.errArith(c.span(n.OpSpan), string(n.Op), v)
			return false
		}
		ok = ok && v.form == number
	}
	return ok
}

func (c *checker) sum(at source.Span, subtract bool, l, r value) value {
	if l.quot != nil && r.quot != nil {
		c.errTwoQuotients(r.quot.span, l.quot.span)
		return value{}
	}
	if !c.alike(at, &l, &r) {
		return value{}
	}
	op := byte('+')
	if subtract {
		op = '-'
	}
	if r.quot != nil && subtract && !c.factorQuotient(&r, -1) {
		return value{}
	}
	rng := r.rng
	if subtract {
		rng = rng.negative()
	}
	rng, ok := l.rng.add(rng)
	if !c.fits(ok, at) {
		return value{}
	}
	out := value{form: number, typ: bare(l.typ), scale: l.scale, rng: rng, span: at, quot: l.quot, literal: l.literal && r.literal}
	if r.quot != nil {
		out.quot = r.quot
	}
	switch {
	case out.literal:
	case l.expr == nil && l.quot != nil: // the left is a quotient alone
		if out.expr = c.linear(r); subtract {
			out.expr = &plan.Times{At: plan.At{Source: at}, Typed: out.numberType(out.scale), X: out.expr, By: -1}
		}
	case r.expr == nil && r.quot != nil:
		out.expr = c.linear(l)
	default:
		right := c.linear(r)
		if times, ok := right.(*plan.Times); ok && times.By == -1 { // a - -1 * b is a + b
			right, op = times.X, '+'+'-'-op
		}
		out.expr = &plan.Arith{At: plan.At{Source: at}, Typed: out.numberType(out.scale), Op: op, L: c.linear(l), R: right}
	}
	return out
}

// bare is a type without what belongs to one attribute, such as its bound.
func bare(t catalog.Type) catalog.Type {
	return catalog.Type{Sort: t.Sort, Currency: t.Currency}
}

func (c *checker) factorQuotient(v *value, by int64) bool {
	only := *v
	only.expr, only.rng = nil, interval{}
	if !c.factor(&only, by, v.scale) {
		return false
	}
	v.quot = only.quot
	return true
}

func (c *checker) minus(n *dsl.Minus) value {
	v := c.value(n.X)
	at := c.span(n.Span())
	if v.form == broken {
		return v
	}
	if v.form != number {
		c.errArith(at, "-", v)
		return value{}
	}
	v.span = at
	if v.isConstant() {
		v.rng = v.rng.negative()
		return v
	}
	if v.typ = bare(v.typ); !c.factor(&v, -1, v.scale) {
		return value{}
	}
	v.records = false
	return v
}

func (c *checker) product(at source.Span, l, r value) value {
	if l.isConstant() && !r.isConstant() {
		l, r = r, l
	}
	switch {
	case !r.isConstant():
		c.errNotLinear(at)
		return value{}
	case r.typ.Sort == catalog.Money && l.isConstant() && l.typ.Sort != catalog.Money:
		l, r = r, l
	case r.typ.Sort == catalog.Money:
		c.errMoneyFactor(r.span)
		return value{}
	}
	l.typ, l.records, l.span = bare(l.typ), false, at
	if !c.factor(&l, r.rng.lo, l.scale+r.scale) {
		return value{}
	}
	for l.isConstant() && l.scale > 0 && l.rng.lo%10 == 0 {
		l.scale, l.rng = l.scale-1, exactly(l.rng.lo/10)
	}
	return l
}

func (c *checker) divide(at source.Span, l, r value) value {
	for _, side := range []value{l, r} {
		if side.quot != nil {
			c.errTwoQuotients(at, side.quot.span)
			return value{}
		}
	}
	if r.rng.hi <= 0 {
		c.errBadDivisor(r.span)
		return value{}
	}
	lm, rm := l.typ.Sort == catalog.Money, r.typ.Sort == catalog.Money
	typ := bare(l.typ)
	switch {
	case lm == rm, rm && l.isConstant():
		if !c.alike(at, &l, &r) {
			return value{}
		}
		if rm {
			typ = catalog.Type{Sort: catalog.Number}
		}
		return c.quotient(at, plan.Division, typ, true, l, r, 0)
	case lm:
		by, ok := powerOfTen(r.scale)
		if !c.fits(ok, at) || !c.factor(&l, by, l.scale) {
			return value{}
		}
		return c.quotient(at, plan.Division, typ, false, l, r, l.scale)
	}
	c.errCurrencies(at, l, r)
	return value{}
}

// quotient is l / r, whose value in units of 10^-scale is the quotient of the
// integers.
func (c *checker) quotient(at source.Span, f plan.QuotientForm, typ catalog.Type, ratio bool, l, r value, scale int) value {
	return value{
		form: number, typ: typ, span: at, scale: scale, nullable: true,
		quot: &quotient{a: c.linear(l), b: c.linear(r), ra: l.rng, rb: r.rng, form: f, ratio: ratio, span: at},
	}
}

var flipped = map[plan.CompareOp]plan.CompareOp{
	plan.Equal: plan.Equal, plan.Less: plan.More, plan.AtMost: plan.AtLeast, plan.More: plan.Less, plan.AtLeast: plan.AtMost,
}

// compareNumbers is l op r, with the quotient, if any, alone on the left.
func (c *checker) compareNumbers(at source.Span, op plan.CompareOp, l, r value) plan.Test {
	for _, pair := range [][2]value{{l, r}, {r, l}} {
		if pair[0].percent && !(pair[1].quot != nil && pair[1].quot.ratio) {
			c.errPercent(pair[0].span, pair[1])
			return no(at)
		}
	}
	if l.quot != nil && r.quot != nil {
		c.errTwoQuotients(r.quot.span, l.quot.span)
		return no(at)
	}
	if !c.alike(at, &l, &r) {
		return no(at)
	}
	if r.quot != nil || l.isConstant() && !r.isConstant() {
		l, r, op = r, l, flipped[op]
	}
	here := plan.At{Source: at}
	if l.quot == nil {
		test := &plan.Compare{At: here, Op: op, L: c.linear(l), R: c.linear(r)}
		c.domains[test.L] = domain{l.rng, l.nullable}
		return test
	}
	if l.expr != nil || l.rng != (interval{}) {
		rest := l
		rest.quot = nil
		moved := c.sum(at, true, r, rest)
		if moved.form == broken {
			return no(at)
		}
		r = moved
	}
	q := l.quot
	if _, ok := r.rng.times(q.rb); !c.fits(ok, at) {
		return no(at)
	}
	test := &plan.Compare{At: here, Op: op, L: l.ratioExpr(), R: c.linear(r)}
	c.domains[test.L] = q.domain(l.scale)
	return test
}

// domain is what a quotient can be, on the line of values where integers are even.
func (q *quotient) domain(scale int) domain {
	d := domain{line, true}
	if q.ra.lo >= 0 {
		d.rng.lo = 0
	}
	if whole, ok := powerOfTen(scale); ok && q.part {
		d.rng.hi = 2 * whole
	}
	return d
}

// ratioExpr is the quotient of a number as a plan's expression.
func (v value) ratioExpr() plan.Expr {
	q := v.quot
	return &plan.Quotient{At: plan.At{Source: q.span}, Typed: v.numberType(v.scale), A: q.a, B: q.b, Form: q.form}
}
