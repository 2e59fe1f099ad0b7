package plan

import (
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// rewrite changes one test whose parts are rewritten already. It returns the test
// itself when it has nothing to do.
type rewrite struct {
	name string
	do   func(Test) Test
}

// rewrites are what makes a plan canonical, in this order at every node. Each
// keeps the meaning for every customer; tests leave one out at a time and compare
// answers.
var rewrites = []rewrite{
	{"literal-right", literalRight},
	{"flatten", flatten},
	{"constants", constants},
	{"double-negation", doubleNegation},
	{"sort-terms", sortTerms},
}

// Canonical is the plan in the one form that equal rules share as far as the
// named rewrites see it. It is idempotent and leaves p as it was.
func Canonical(p *Plan) *Plan { return canonical(p, rewrites) }

func canonical(p *Plan, with []rewrite) *Plan {
	out := *p
	out.Root = rebuildTest(p.Root, func(t Test) Test {
		for _, r := range with {
			t = r.do(t)
		}
		return t
	})
	return &out
}

// rebuildTest copies a tree bottom-up, giving every test in it, also those inside
// aggregates, to change.
func rebuildTest(t Test, change func(Test) Test) Test {
	terms := func(list []Test) []Test {
		out := make([]Test, len(list))
		for i, t := range list {
			out[i] = rebuildTest(t, change)
		}
		return out
	}
	expr := func(e Expr) Expr { return rebuildExpr(e, change) }
	switch n := t.(type) {
	case *And:
		return change(&And{At: n.At, Terms: terms(n.Terms)})
	case *Or:
		return change(&Or{At: n.At, Terms: terms(n.Terms)})
	case *Not:
		return change(&Not{At: n.At, Term: rebuildTest(n.Term, change)})
	case *Compare:
		return change(&Compare{At: n.At, Op: n.Op, L: expr(n.L), R: expr(n.R)})
	case *Same:
		return change(&Same{At: n.At, L: expr(n.L), R: expr(n.R)})
	case *OneOf:
		return change(&OneOf{At: n.At, X: expr(n.X), Values: n.Values})
	case *Has:
		return change(&Has{At: n.At, X: expr(n.X), All: n.All, Items: n.Items})
	case *Like:
		return change(&Like{At: n.At, X: expr(n.X), Form: n.Form, Text: n.Text})
	case *Truth:
		return change(&Truth{At: n.At, X: expr(n.X)})
	case *During:
		return change(&During{At: n.At, X: expr(n.X), Window: rebuildWindow(n.Window, change)})
	case *Recurs:
		return change(&Recurs{At: n.At, X: expr(n.X), Window: rebuildWindow(n.Window, change)})
	case *Known:
		return change(&Known{At: n.At, X: expr(n.X)})
	case *Rank:
		out := *n
		out.X = expr(n.X)
		return change(&out)
	}
	return change(t)
}

func rebuildExpr(e Expr, change func(Test) Test) Expr {
	switch n := e.(type) {
	case *Arith:
		out := *n
		out.L, out.R = rebuildExpr(n.L, change), rebuildExpr(n.R, change)
		return &out
	case *Times:
		out := *n
		out.X = rebuildExpr(n.X, change)
		return &out
	case *Product:
		out := *n
		out.X, out.Y = rebuildExpr(n.X, change), rebuildExpr(n.Y, change)
		return &out
	case *Quotient:
		out := *n
		out.A, out.B = rebuildExpr(n.A, change), rebuildExpr(n.B, change)
		return &out
	case *Aggregate:
		out := *n
		if n.Of != nil {
			out.Of = rebuildExpr(n.Of, change)
		}
		out.Window = rebuildWindow(n.Window, change)
		if n.Where != nil {
			out.Where = rebuildTest(n.Where, change)
			if c, ok := out.Where.(*Const); ok && c.Value {
				out.Where = nil
			}
		}
		return &out
	}
	return e
}

func rebuildWindow(w Window, change func(Test) Test) Window {
	for _, b := range []*Bound{&w.From, &w.To} {
		if b.Kind == Moment {
			b.Moment = rebuildExpr(b.Moment, change)
		}
	}
	return w
}

// literalRight puts a constant on the right of a comparison.
func literalRight(t Test) Test {
	c, ok := t.(*Compare)
	if !ok {
		return t
	}
	if _, left := c.L.(*Literal); !left {
		return t
	}
	if _, right := c.R.(*Literal); right {
		return t
	}
	flipped := map[CompareOp]CompareOp{Equal: Equal, Less: More, AtMost: AtLeast, More: Less, AtLeast: AtMost}
	return &Compare{At: c.At, Op: flipped[c.Op], L: c.R, R: c.L}
}

// flatten lifts the terms of an And within an And, and of an Or within an Or.
func flatten(t Test) Test {
	switch n := t.(type) {
	case *And:
		var terms []Test
		for _, term := range n.Terms {
			if in, ok := term.(*And); ok {
				terms = append(terms, in.Terms...)
			} else {
				terms = append(terms, term)
			}
		}
		return &And{At: n.At, Terms: terms}
	case *Or:
		var terms []Test
		for _, term := range n.Terms {
			if in, ok := term.(*Or); ok {
				terms = append(terms, in.Terms...)
			} else {
				terms = append(terms, term)
			}
		}
		return &Or{At: n.At, Terms: terms}
	}
	return t
}

// constants decides what does not depend on the customer.
func constants(t Test) Test {
	switch n := t.(type) {
	case *Not:
		if c, ok := n.Term.(*Const); ok {
			return &Const{At: n.At, Value: !c.Value}
		}
	case *And:
		return absorb(t, n.At, n.Terms, false, func(terms []Test) Test { return &And{At: n.At, Terms: terms} })
	case *Or:
		return absorb(t, n.At, n.Terms, true, func(terms []Test) Test { return &Or{At: n.At, Terms: terms} })
	case *Compare:
		l, lok := literal(n.L)
		r, rok := literal(n.R)
		if lok && rok {
			return &Const{At: n.At, Value: Holds(n.Op, l, r)}
		}
	}
	return t
}

// absorb removes neutral constants from the terms; one that decides stands for
// the whole.
func absorb(whole Test, at At, terms []Test, deciding bool, build func([]Test) Test) Test {
	kept := slices.Clone(terms)
	kept = slices.DeleteFunc(kept, func(t Test) bool {
		c, ok := t.(*Const)
		return ok && c.Value != deciding
	})
	for _, t := range kept {
		if c, ok := t.(*Const); ok {
			return &Const{At: at, Value: c.Value}
		}
	}
	switch len(kept) {
	case 0:
		return &Const{At: at, Value: !deciding}
	case 1:
		return kept[0]
	case len(terms):
		return whole
	}
	return build(kept)
}

func literal(e Expr) (int64, bool) {
	l, ok := e.(*Literal)
	if !ok || !l.Value.Known() || l.Value.Sort() != catalog.Number && l.Value.Sort() != catalog.Date {
		return 0, false
	}
	return l.Value.Int(), true
}

// Holds is the comparison of two integers.
func Holds(op CompareOp, l, r int64) bool {
	switch op {
	case Equal:
		return l == r
	case Less:
		return l < r
	case AtMost:
		return l <= r
	case More:
		return l > r
	default:
		return l >= r
	}
}

func doubleNegation(t Test) Test {
	if n, ok := t.(*Not); ok {
		if in, ok := n.Term.(*Not); ok {
			return in.Term
		}
	}
	return t
}

// sortTerms orders terms by their keys and drops repeated ones. A constant left
// in a list of its own is dealt with by constants before.
func sortTerms(t Test) Test {
	switch n := t.(type) {
	case *And:
		if terms := sorted(n.Terms); len(terms) > 1 {
			return &And{At: n.At, Terms: terms}
		} else {
			return terms[0]
		}
	case *Or:
		if terms := sorted(n.Terms); len(terms) > 1 {
			return &Or{At: n.At, Terms: terms}
		} else {
			return terms[0]
		}
	}
	return t
}

func sorted(terms []Test) []Test {
	type keyed struct {
		key  string
		test Test
	}
	list := make([]keyed, len(terms))
	for i, t := range terms {
		list[i] = keyed{Key(t), t}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	out := make([]Test, 0, len(list))
	for i, k := range list {
		if i == 0 || k.key != list[i-1].key {
			out = append(out, k.test)
		}
	}
	return out
}
