package plan

import (
	"maps"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Narrow is the plan with windows as short as its tests allow, for engines whose
// work follows the rows in windows. The plan means the same:
//
//   - the last of a kind within a window is a record in that window;
//   - no record since a moment is a last record before it;
//   - beside a test that a kind has a record in a window, its last one lies there;
//   - beside the values that a field must have, those that it must not are nothing.
func Narrow(p *Plan) *Plan {
	out := *p
	out.Root = rebuildTest(p.Root, func(t Test) Test {
		switch n := t.(type) {
		case *During:
			return lastWithin(n)
		case *Compare:
			return noneSince(n)
		case *And:
			if t = oneList(n); t != n {
				return t
			}
			return besides(n)
		}
		return t
	})
	return &out
}

// toNow tells whether a window ends where as-of sees no further.
func (w Window) toNow() bool { return w.To.Kind == Open || w.To.Kind == Now && !w.To.Exclusive }

// fixed tells whether a bound is the same instant for every customer.
func (b Bound) fixed() bool { return b.Kind != Open && b.Kind != Moment }

// lastStamp is the aggregate that an expression is, if it is the moment of a last
// record over a window that only its start bounds.
func lastStamp(e Expr) (*Aggregate, bool) {
	a, ok := e.(*Aggregate)
	if !ok || a.Fn != Last || a.Stamp == nil || !a.Window.toNow() {
		return nil, false
	}
	of, ok := a.Of.(*Field)
	return a, ok && Key(of) == Key(a.Stamp)
}

func lastWithin(d *During) Test {
	a, ok := lastStamp(d.X)
	if !ok || !d.Window.toNow() || a.Window.From.Kind != Open {
		return d
	}
	if d.Window.From.fixed() {
		some := *a
		some.Fn, some.Of, some.Window = Count, nil, Window{From: d.Window.From, To: Bound{Kind: Now}}
		some.Typed = Typed{catalog.Type{Sort: catalog.Number}}
		return &Compare{At: d.At, Op: AtLeast, L: &some, R: number(d.At, 1)}
	}
	return sinceMoment(d)
}

// sinceMoment shortens the window of a last record that must lie behind a moment
// which itself lies in a window.
func sinceMoment(d *During) *During {
	a, ok := lastStamp(d.X)
	if !ok || a.Window.From.Kind != Open || d.Window.From.Kind != Moment {
		return d
	}
	m, ok := d.Window.From.Moment.(*Aggregate)
	if !ok || m.Stamp == nil || !m.Window.From.fixed() || !ofStamp(m) {
		return d
	}
	short, out := *a, *d
	short.Window.From = m.Window.From
	out.X = &short
	return &out
}

// ofStamp tells whether an aggregate's value is a stamp of a selected record.
func ofStamp(a *Aggregate) bool {
	of, ok := a.Of.(*Field)
	switch a.Fn {
	case First, Last, Min, Max:
		return ok && Key(of) == Key(a.Stamp)
	}
	return false
}

func number(at At, n int64) Expr {
	return &Literal{At: at, Typed: Typed{catalog.Type{Sort: catalog.Number}}, Value: catalog.NumberValue(n)}
}

// Some reads a comparison as one that asks for at least one record, or for none.
func Some(c *Compare) (a *Aggregate, none, ok bool) {
	a, is := c.L.(*Aggregate)
	n, lit := literal(c.R)
	if !is || !lit || a.Fn != Count || a.Stamp == nil {
		return nil, false, false
	}
	switch {
	case c.Op == AtLeast && n == 1, c.Op == More && n == 0:
		return a, false, true
	case c.Op == Equal && n == 0, c.Op == AtMost && n == 0, c.Op == Less && n == 1:
		return a, true, true
	}
	return nil, false, false
}

func noneSince(c *Compare) Test {
	a, none, ok := Some(c)
	if !ok || a.Window.From.Kind != Moment || a.Window.From.Moment.Type().Sort != catalog.Instant || !a.Window.toNow() {
		return c
	}
	last := *a
	last.Fn, last.Of, last.Window = Last, a.Stamp, Window{To: a.Window.To}
	last.Typed = Typed{catalog.Type{Sort: catalog.Instant}}
	since := sinceMoment(&During{At: c.At, X: &last, Window: Window{From: a.Window.From, To: Bound{Kind: Now}}})
	if !none {
		return since
	}
	return &And{At: c.At, Terms: []Test{&Known{At: c.At, X: a.Window.From.Moment}, &Not{At: c.At, Term: since}}}
}

// besides shortens the windows of last records in the other terms of an And that
// asks for a record in a window.
func besides(n *And) Test {
	n = flatten(n).(*And)
	terms := n.Terms
	for i, t := range n.Terms {
		c, ok := t.(*Compare)
		if !ok {
			continue
		}
		a, least, ok := atLeast(c)
		if !ok || least < 1 || !a.Window.From.fixed() || !a.Window.toNow() {
			continue
		}
		shorter := make([]Test, len(terms))
		for j, other := range terms {
			shorter[j] = other
			if j != i {
				shorter[j] = lastIn(other, a)
			}
		}
		terms = shorter
	}
	return &And{At: n.At, Terms: terms}
}

// atLeast is the number of records that a comparison asks for.
func atLeast(c *Compare) (a *Aggregate, n int64, ok bool) {
	a, is := c.L.(*Aggregate)
	n, lit := literal(c.R)
	if !is || !lit || a.Fn != Count || a.Stamp == nil {
		return nil, 0, false
	}
	switch c.Op {
	case More:
		return a, n + 1, true
	case AtLeast, Equal:
		return a, n, true
	}
	return nil, 0, false
}

// lastIn is the test for customers who have a record that the count selects.
func lastIn(t Test, count *Aggregate) Test {
	expr := func(e Expr) Expr {
		a, ok := lastStamp(e)
		if !ok || a.Window.From.Kind != Open || !sameRecords(a, count) {
			return e
		}
		out := *a
		out.Window.From = count.Window.From
		return &out
	}
	switch n := t.(type) {
	case *Not:
		return &Not{At: n.At, Term: lastIn(n.Term, count)}
	case *And, *Or:
		list := []Test{}
		for _, term := range terms(t) {
			list = append(list, lastIn(term, count))
		}
		if and, ok := n.(*And); ok {
			return &And{At: and.At, Terms: list}
		}
		return &Or{At: n.(*Or).At, Terms: list}
	case *Known:
		return &Known{At: n.At, X: expr(n.X)}
	case *During:
		out := *n
		out.X = expr(n.X)
		if n.Window.From.Kind == Moment {
			out.Window.From.Moment = expr(n.Window.From.Moment)
		}
		return sinceMoment(&out)
	}
	return t
}

func terms(t Test) []Test {
	switch n := t.(type) {
	case *And:
		return n.Terms
	case *Or:
		return n.Terms
	}
	return nil
}

// sameRecords tells whether two aggregates select the same records but for their
// windows.
func sameRecords(a, b *Aggregate) bool {
	if a.Kind != b.Kind || Key(a.Stamp) != Key(b.Stamp) || (a.Where == nil) != (b.Where == nil) {
		return false
	}
	return a.Where == nil || Key(a.Where) == Key(b.Where)
}

// oneList keeps one list of values a field: those that all lists allow and no
// negated one forbids.
func oneList(n *And) Test {
	lists := map[string]*OneOf{}
	var out []Test
	for _, t := range n.Terms {
		one, ok := t.(*OneOf)
		if !ok {
			continue
		}
		key := Key(one.X)
		if lists[key] == nil {
			lists[key] = one
		} else {
			lists[key] = narrowed(lists[key], one, true)
		}
	}
	for _, t := range n.Terms {
		if not, ok := t.(*Not); ok {
			if one, ok := not.Term.(*OneOf); ok && lists[Key(one.X)] != nil {
				lists[Key(one.X)] = narrowed(lists[Key(one.X)], one, false)
				continue
			}
		}
		if _, ok := t.(*OneOf); !ok {
			out = append(out, t)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(lists)) {
		if len(lists[key].Values) == 0 {
			return &Const{At: n.At}
		}
		out = append(out, lists[key])
	}
	switch len(out) {
	case len(n.Terms):
		return n
	case 1:
		return out[0]
	}
	return &And{At: n.At, Terms: out}
}

// narrowed is a list without the values that are not, or are, in another.
func narrowed(list, other *OneOf, in bool) *OneOf {
	out := *list
	out.Values = slices.DeleteFunc(slices.Clone(list.Values), func(v catalog.Value) bool {
		return slices.ContainsFunc(other.Values, v.Equal) != in
	})
	return &out
}
