package dsl

import "github.com/dangol-dev/dangol/dsl/source"

// The methods here turn productions of the grammar into nodes of the tree. They
// cannot fail: what the grammar accepts, the tree can say.

func (r *orRule) expr() Expr {
	if len(r.Terms) == 1 {
		return r.Terms[0].expr()
	}
	terms := make([]Expr, len(r.Terms))
	for i, t := range r.Terms {
		terms[i] = t.expr()
	}
	return &Or{at{r.span()}, terms}
}

func (r *andRule) expr() Expr {
	if len(r.Terms) == 1 {
		return r.Terms[0].expr()
	}
	terms := make([]Expr, len(r.Terms))
	for i, t := range r.Terms {
		terms[i] = t.expr()
	}
	return &And{at{r.span()}, terms}
}

func (r *testRule) expr() Expr {
	x := r.Left.expr()
	whole := r.span()
	if r.Tail != nil {
		inner := source.Span{Start: x.Span().Start, End: whole.End}
		x = r.Tail.expr(x, at{inner})
	}
	for i := len(r.Nots) - 1; i >= 0; i-- {
		x = &Not{at{source.Span{Start: r.Nots[i].Pos.Offset, End: whole.End}}, x}
	}
	return x
}

func (r *tailRule) expr(x Expr, a at) Expr {
	switch {
	case r.Op != nil:
		return &Compare{a, CompareOp(r.Op.Value), spanOf(*r.Op), x, r.Right.expr()}
	case r.Known:
		return &Known{a, x, r.NotKnown}
	}
	return r.Relation.expr(x, r.Not, a)
}

func (r *relationRule) expr(x Expr, neg bool, a at) Expr {
	switch {
	case r.Within != nil:
		return &Within{a, x, neg, r.Within.window()}
	case r.Between != nil:
		return &Between{a, x, r.Between.Low.expr(), r.Between.High.expr(), neg}
	case r.List != nil:
		return &In{a, x, neg, r.List.exprs()}
	case r.Rank != nil:
		n := number(r.Rank.N)
		if r.Rank.Percent != nil {
			n.Percent = true
			n.span.End = spanOf(*r.Rank.Percent).End
		}
		return &InRank{a, x, neg, r.Rank.Side == "bottom", n}
	case r.Contains != nil && r.Contains.Text != nil:
		return &Contains{a, x, neg, "", []Expr{text(*r.Contains.Text)}}
	case r.Contains != nil:
		return &Contains{a, x, neg, r.Contains.Mode, r.Contains.List.exprs()}
	case r.Text != nil:
		return &Affix{a, x, neg, r.Affix == "ends", text(*r.Text)}
	}
	return &When{a, x, neg, r.When, r.Point.expr()}
}

func (r *listRule) exprs() []Expr {
	out := make([]Expr, len(r.Items))
	for i, item := range r.Items {
		out[i] = item.expr()
	}
	return out
}

// expr climbs the flat list of operators: products first, all from left to right.
func (r *sumRule) expr() Expr {
	var sum Expr
	var pending *operationRule // the + or - between sum and product
	product := r.First.expr()
	add := func() {
		if pending == nil {
			sum = product
		} else {
			sum = arith(sum, pending.Op, product)
		}
	}
	for _, op := range r.Rest {
		switch op.Op.Value {
		case "*", "/":
			product = arith(product, op.Op, op.X.expr())
		default:
			add()
			pending, product = op, op.X.expr()
		}
	}
	add()
	return sum
}

func arith(l Expr, op token, r Expr) Expr {
	return &Arith{at{l.Span().Join(r.Span())}, ArithOp(op.Value), spanOf(op), l, r}
}

func (r *unaryRule) expr() Expr {
	var x Expr
	switch {
	case r.Value != nil:
		x = r.Value.expr()
	case r.Group != nil:
		in := r.Tokens[len(r.Minus)]
		x = &InGroup{at{spanOf(in).Join(spanOf(*r.Group))}, text(*r.Group)}
	case r.Paren != nil:
		x = &Paren{at{r.Paren.span()}, r.Paren.X.expr()}
	default:
		x = r.Call.expr()
	}
	for i := len(r.Minus) - 1; i >= 0; i-- {
		x = &Minus{at{spanOf(r.Minus[i]).Join(x.Span())}, x}
	}
	return x
}

func (r *pointRule) expr() Expr {
	if r.Value != nil {
		return r.Value.expr()
	}
	return r.Call.expr()
}

func (r *valueRule) expr() Expr {
	first := r.Tokens[0]
	switch first.Type {
	case stringToken:
		return text(first)
	case dateToken:
		return date(first)
	case numberToken:
		return r.number()
	case nameToken:
		return reference(r.Tokens, r.span())
	}
	word, a := first.Value, at{r.span()}
	if word == "true" || word == "false" {
		return &Bool{a, word == "true"}
	}
	return &Word{a, word}
}

func text(t token) *String { return &String{at{spanOf(t)}, unquote(t.Value)} }

// date reads a token whose form and day the scanner has checked.
func date(t token) *Date {
	part := func(from, to int) (n int) {
		for _, c := range t.Value[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}
	return &Date{at{spanOf(t)}, part(0, 4), part(5, 7), part(8, 10)}
}

// number reads a token whose form and length the scanner has checked.
func number(t token) *Number {
	n := &Number{at: at{spanOf(t)}, Text: t.Value}
	point := false
	for _, c := range t.Value {
		switch {
		case c == '.':
			point = true
		case c != '_':
			n.Mantissa = n.Mantissa*10 + int64(c-'0')
			if point {
				n.Scale++
			}
		}
	}
	return n
}

func (r *valueRule) number() *Number {
	n := number(r.Tokens[0])
	n.span = r.span()
	for _, t := range r.Tokens[1:] {
		switch {
		case t.Value == "%":
			n.Percent = true
		case t.Type == currencyToken:
			n.Currency = t.Value
		case t.Type == unitToken:
			n.Unit = units[t.Value]
		case t.Value == "full":
			n.Full = true
		case t.Value == "ago":
			n.Ago = true
		}
	}
	return n
}

// reference is a dotted name, whose tokens are names and points by turns.
func reference(path []token, whole source.Span) *Ref {
	ref := &Ref{at: at{whole}, Path: make([]Name, 0, len(path)/2+1)}
	for i := 0; i < len(path); i += 2 {
		ref.Path = append(ref.Path, Name{spanOf(path[i]), normal(path[i].Value)})
	}
	ref.NameSpan = ref.Path[0].At.Join(ref.Path[len(ref.Path)-1].At)
	return ref
}

func (r *callRule) expr() Expr {
	ref := reference(r.Path, r.span())
	ref.Called = true
	for _, a := range r.Args {
		ref.Args = append(ref.Args, a.arg())
	}
	return ref
}

func (r *argRule) arg() *Arg {
	a := &Arg{At: r.span()}
	switch {
	case r.Only != nil:
		a.Where = r.Only.expr()
		return a
	case r.Where != nil:
		a.Where = r.Where.expr()
	}
	a.Window = r.Window.window()
	return a
}

func (r *spanRule) window() *Window {
	w := &Window{At: r.span()}
	switch {
	case r.Unit != nil:
		w.Form, w.Unit = WindowForm(r.Local), units[r.Unit.Value]
	case r.Of != nil:
		w.Form, w.From = WindowForm(r.Edge), r.Of.expr()
	case r.To != nil:
		w.Form, w.From, w.To = RangeWindow, r.From.expr(), r.To.expr()
	default:
		w.Form, w.From = PointWindow, r.From.expr()
	}
	return w
}
