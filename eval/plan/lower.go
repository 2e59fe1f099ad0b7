package plan

import "github.com/dangol-dev/dangol/dsl/catalog"

// Lower is the plan without quotients, for engines that compute in integers:
// A / B > C becomes B > 0 and A > C * B, and `is known` of a quotient becomes
// that its parts are. The plan means the same.
func Lower(p *Plan) *Plan {
	out := *p
	out.Root = rebuildTest(p.Root, lowerTest)
	return &out
}

func lowerTest(t Test) Test {
	switch n := t.(type) {
	case *Compare:
		l, r := fractionOf(n.L), fractionOf(n.R)
		if l.den == nil && r.den == nil {
			return t
		}
		return &And{At: n.At, Terms: append(
			positive(n.At, l, r),
			&Compare{At: n.At, Op: n.Op, L: times(l.num, r.den), R: times(r.num, l.den)},
		)}
	case *Known:
		f := fractionOf(n.X)
		if f.den == nil {
			return t
		}
		return &And{At: n.At, Terms: append(positive(n.At, f), &Known{At: n.At, X: f.num})}
	}
	return t
}

// fraction is num / den; den nil is 1.
type fraction struct{ num, den Expr }

func fractionOf(e Expr) fraction {
	switch n := e.(type) {
	case *Quotient:
		return fraction{n.A, n.B}
	case *Times:
		f := fractionOf(n.X)
		if f.den == nil {
			return fraction{num: e}
		}
		return fraction{&Times{At: n.At, Typed: n.Typed, X: f.num, By: n.By}, f.den}
	case *Arith:
		l, r := fractionOf(n.L), fractionOf(n.R)
		if l.den == nil && r.den == nil {
			return fraction{num: e}
		}
		sum := &Arith{At: n.At, Typed: n.Typed, Op: n.Op, L: times(l.num, r.den), R: times(r.num, l.den)}
		den := l.den
		if den == nil {
			den = r.den
		} else if r.den != nil {
			den = times(l.den, r.den)
		}
		return fraction{sum, den}
	}
	return fraction{num: e}
}

func positive(at At, parts ...fraction) []Test {
	zero := &Literal{At: at, Typed: Typed{catalog.Type{Sort: catalog.Number}}, Value: catalog.NumberValue(0)}
	var out []Test
	for _, f := range parts {
		if f.den != nil {
			out = append(out, &Compare{At: at, Op: More, L: f.den, R: zero})
		}
	}
	return out
}

// times is x * y, where a nil y is 1 and a literal becomes a constant factor.
func times(x, y Expr) Expr {
	if y == nil {
		return x
	}
	if by, ok := literal(x); ok {
		return &Times{Typed: Typed{y.Type()}, X: y, By: by}
	}
	if by, ok := literal(y); ok {
		return &Times{Typed: Typed{x.Type()}, X: x, By: by}
	}
	return &Product{Typed: Typed{x.Type()}, X: x, Y: y}
}
