package compile

import (
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// advise warns of what is probably not meant in a rule that can be used. A
// warning that a test can or cannot hold is certain: data within the catalog's
// bounds never proves it wrong.
func (c *checker) advise(e dsl.Expr, t plan.Test) {
	if c.quoting {
		return
	}
	c.mixed(e)
	c.review(t)
	if len(c.negated) > 0 {
		c.includesNever(t, nil)
	}
}

// adviseWhere does the same inside where, and reports filters that the kind rules
// out by itself.
func (c *checker) adviseWhere(e dsl.Expr, where plan.Test, k *kind) {
	if c.quoting {
		return
	}
	if !c.found.HasErrors() {
		c.advise(e, where)
	}
	for _, term := range terms(where) {
		about, set, ok := solve(term)
		if !ok || set.empty() {
			continue
		}
		for _, l := range k.limits {
			for _, limit := range terms(l.test) {
				other, allowed, ok := solve(limit)
				if !ok || allowed.text != set.text || !same(other, about) {
					continue
				}
				if set.and(allowed).empty() {
					c.errNeverSelected(term.Span(), k, l.hint)
					return
				}
				if allowed.and(set.not()).empty() {
					c.warnAllSelected(term.Span(), k)
				}
			}
		}
	}
}

// terms are the clauses that must all hold.
func terms(t plan.Test) []plan.Test {
	if and, ok := t.(*plan.And); ok {
		var out []plan.Test
		for _, term := range and.Terms {
			out = append(out, terms(term)...)
		}
		return out
	}
	return []plan.Test{t}
}

// review looks for tests that never or always hold, and for repeated ones.
func (c *checker) review(t plan.Test) {
	if c.named[t] {
		return
	}
	switch n := t.(type) {
	case *plan.And:
		c.reviewTerms(n.Terms, true)
		return
	case *plan.Or:
		c.reviewTerms(n.Terms, false)
		return
	case *plan.Not:
		if c.verdict(t) == open {
			c.review(n.Term)
			return
		}
	}
	switch c.verdict(t) {
	case never:
		c.warnCannotHold(t.Span(), source.Span{})
	case always:
		c.warnAlwaysHolds(t.Span(), source.Span{})
	}
}

type verdict uint8

const (
	open verdict = iota
	never
	always
)

// verdict tells whether one clause by itself never or always holds.
func (c *checker) verdict(t plan.Test) verdict {
	if k, ok := t.(*plan.Const); ok {
		if k.Value {
			return always
		}
		return never
	}
	if k, ok := t.(*plan.Compare); ok {
		l, left := k.L.(*plan.Literal)
		r, right := k.R.(*plan.Literal)
		if left && right && plan.Holds(k.Op, l.Value.Int(), r.Value.Int()) {
			return always
		} else if left && right {
			return never
		}
	}
	about, set, ok := solve(t)
	if !ok {
		return open
	}
	return c.judge(about, set)
}

func (c *checker) judge(about plan.Expr, set values) verdict {
	if set.empty() {
		return never
	}
	d, known := c.domains[about]
	if !known && about.Type().Sort == catalog.Bool {
		d, known = domain{interval{0, 1}, true}, true
	}
	if !known {
		if set.not().empty() {
			return always
		}
		return open
	}
	switch all := d.values(); {
	case set.and(all).empty():
		return never
	case set.not().and(all).empty():
		return always
	}
	return open
}

// reviewTerms looks at the terms of an and, or of an or: each by itself, equal
// ones, and those about one expression together.
func (c *checker) reviewTerms(list []plan.Test, and bool) {
	type subject struct {
		set   values // of all its clauses so far
		first plan.Test
	}
	seen, subjects, times := index[bool]{}, index[subject]{}, index[[]plan.Test]{}
	for _, t := range list {
		before := len(c.found)
		c.review(t)
		if len(c.found) > before {
			continue
		}
		if _, repeated := seen.at(t); repeated {
			c.warnRepeated(t.Span())
			continue
		}
		if during, _ := timeTest(t); during != nil {
			others, _ := times.at(during.X)
			for _, other := range *others {
				if c.reviewTimes(other, t, and) {
					return
				}
			}
			*others = append(*others, t)
		}
		about, set, ok := solve(t)
		if !ok {
			continue
		}
		s, met := subjects.at(about)
		switch {
		case !met || s.set.text != set.text:
			s.set, s.first = set, t
			continue
		case and:
			s.set = s.set.and(set)
		default:
			s.set = s.set.or(set)
		}
		switch v := c.judge(about, s.set); {
		case and && v == never:
			c.warnCannotHold(t.Span(), s.first.Span())
			return
		case !and && v == always:
			c.warnAlwaysHolds(t.Span(), s.first.Span())
			return
		}
	}
}

// index finds what belongs to a node by what the node means. Keys, which are a
// look at all that is below, are made only where outlines are equal.
type index[T any] map[outline]*indexed[T]

type indexed[T any] struct {
	node  plan.Node
	value *T
	byKey map[string]*T // nil while the node is the only one of its outline
}

// at is the value of a node, and whether the node was met before.
func (x index[T]) at(n plan.Node) (value *T, met bool) {
	o := glance(n)
	e := x[o]
	if e == nil {
		e = &indexed[T]{node: n, value: new(T)}
		x[o] = e
		return e.value, false
	}
	if e.byKey == nil {
		e.byKey = map[string]*T{plan.Key(e.node): e.value}
	}
	key := plan.Key(n)
	if value, met = e.byKey[key]; !met {
		value = new(T)
		e.byKey[key] = value
	}
	return value, met
}

// reviewTimes looks at two clauses about the time of one thing, and tells whether
// it had to warn.
func (c *checker) reviewTimes(a, b plan.Test, and bool) bool {
	v, notV := timeTest(a)
	w, notW := timeTest(b)
	if notV && !notW {
		v, notV, w, notW = w, notW, v, notV
	}
	inside := !notV && notW && contains(w.Window, v.Window)
	switch {
	case and && (inside || !notV && !notW && apart(v.Window, w.Window)):
		c.warnCannotHold(b.Span(), a.Span())
	case !and && !notV && notW && contains(v.Window, w.Window):
		c.warnAlwaysHolds(b.Span(), a.Span())
	default:
		return false
	}
	return true
}

func timeTest(t plan.Test) (during *plan.During, negated bool) {
	if n, ok := t.(*plan.Not); ok {
		t, negated = n.Term, true
	}
	during, _ = t.(*plan.During)
	return during, negated
}

// same tells whether two nodes mean the same. Most that differ already do so at
// a glance.
func same(a, b plan.Node) bool {
	return glance(a) == glance(b) && plan.Key(a) == plan.Key(b)
}

// outline is what a node shows without a look at all that is below it.
type outline struct{ node, what, name string }

func glance(n plan.Node) outline {
	below := func(kind string, n plan.Node) outline {
		o := glance(n)
		o.node = kind
		return o
	}
	switch n := n.(type) {
	case *plan.Not:
		return below("not ", n.Term)
	case *plan.Compare:
		return below(string(n.Op), n.L)
	case *plan.OneOf:
		return below("in ", n.X)
	case *plan.During:
		return below("during ", n.X)
	case *plan.Truth:
		return below("true ", n.X)
	case *plan.Known:
		return below("known ", n.X)
	case *plan.Attr:
		return outline{what: "attribute", name: n.Name}
	case *plan.Field:
		return outline{what: n.Kind, name: n.Name}
	case *plan.Aggregate:
		return outline{what: string(n.Fn), name: n.Kind}
	case *plan.Member:
		return outline{what: "group", name: n.Group}
	}
	return outline{}
}

// listed warns of a value that the catalog does not list for the type.
func (c *checker) listed(typ catalog.Type, s string, at source.Span) {
	if len(typ.Values) == 0 || slices.Contains(typ.Values, s) {
		return
	}
	c.warnUnknownValue(at, s, typ.Values)
}

// mixed warns of and beside or, where readers disagree on what belongs together.
func (c *checker) mixed(e dsl.Expr) {
	switch n := e.(type) {
	case *dsl.Paren:
		c.mixed(n.X)
	case *dsl.Not:
		c.mixed(n.X)
	case *dsl.And:
		for _, t := range n.Terms {
			c.mixed(t)
		}
	case *dsl.Or:
		var first *dsl.And
		for _, t := range n.Terms {
			if and, ok := t.(*dsl.And); ok && first == nil {
				first = and
			}
			c.mixed(t)
		}
		if first != nil {
			c.warnMixed(n, first)
		}
	}
}

// parenthesised is the text of an or with parentheses around every and in it.
func (c *checker) parenthesised(n *dsl.Or) string {
	var b strings.Builder
	from := n.Span().Start
	for _, t := range n.Terms {
		if _, ok := t.(*dsl.And); ok {
			at := t.Span()
			b.WriteString(c.text[from:at.Start] + "(" + c.text[at.Start:at.End] + ")")
			from = at.End
		}
	}
	b.WriteString(c.text[from:n.Span().End])
	return b.String()
}

// includesNever warns of negated time tests that hold also where there is no
// time, unless a clause beside them says that there is one.
func (c *checker) includesNever(t plan.Test, beside []plan.Test) {
	switch n := t.(type) {
	case *plan.And:
		list := terms(n)
		for i, term := range list {
			c.includesNever(term, slices.Concat(beside, list[:i], list[i+1:]))
		}
	case *plan.Or:
		for _, term := range n.Terms {
			c.includesNever(term, beside)
		}
	case *plan.Not:
		x, ok := c.negated[n.Term]
		if !ok {
			c.includesNever(n.Term, beside)
			return
		}
		for _, other := range beside {
			if impliesKnown(other, x) {
				return
			}
		}
		c.warnIncludesNever(n.Span(), x)
	}
}

// impliesKnown tells whether x is certainly known where t holds.
func impliesKnown(t plan.Test, x plan.Expr) bool {
	switch n := t.(type) {
	case *plan.Known:
		return same(n.X, x)
	case *plan.During:
		return same(n.X, x)
	case *plan.Compare:
		count, ok := n.L.(*plan.Aggregate)
		_, set, solved := solve(n)
		some := values{ranges: []interval{{1, line.hi}}}
		return ok && solved && count.Fn == plan.Count && set.and(some.not()).and(domain{rng: line}.values()).empty() && covers(x, count)
	case *plan.Rank:
		covered, any := true, false
		plan.Walk(n.X, func(below plan.Node) bool {
			if a, ok := below.(*plan.Aggregate); ok {
				any, covered = true, covered && covers(x, a)
				return false
			}
			return true
		})
		return any && covered
	}
	return false
}

// covers tells whether x is the time of the first or last of records among which
// are all that the other aggregate selects.
func covers(x plan.Expr, selected *plan.Aggregate) bool {
	a, ok := x.(*plan.Aggregate)
	if !ok || a.Fn != plan.First && a.Fn != plan.Last || a.Kind != selected.Kind || a.Stamp == nil || selected.Stamp == nil ||
		a.Window != (plan.Window{}) || plan.Key(a.Stamp) != plan.Key(selected.Stamp) || plan.Key(a.Of) != plan.Key(a.Stamp) {
		return false
	}
	if a.Where == nil {
		return true
	}
	if selected.Where == nil {
		return false
	}
	var narrower []string
	for _, t := range terms(selected.Where) {
		narrower = append(narrower, plan.Key(t))
	}
	for _, t := range terms(a.Where) {
		if !slices.Contains(narrower, plan.Key(t)) {
			return false
		}
	}
	return true
}
