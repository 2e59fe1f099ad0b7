package compile

import (
	"slices"
	"time"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// test reads an expression where a test is needed.
func (c *checker) test(e dsl.Expr) plan.Test {
	at := c.span(e.Span())
	if !c.step(at) {
		return no(at)
	}
	switch n := e.(type) {
	case *dsl.Or:
		return &plan.Or{At: plan.At{Source: at}, Terms: c.terms(n.Terms)}
	case *dsl.And:
		return &plan.And{At: plan.At{Source: at}, Terms: c.terms(n.Terms)}
	case *dsl.Not:
		return negate(true, at, c.test(n.X))
	case *dsl.Paren:
		return c.test(n.X)
	case *dsl.Compare:
		return c.compare(n, at)
	case *dsl.Within:
		return negate(n.Neg, at, c.within(n, at))
	case *dsl.Between:
		return negate(n.Neg, at, c.betweenTest(n, at))
	case *dsl.In:
		return negate(n.Neg, at, c.in(n, at))
	case *dsl.InRank:
		return negate(n.Neg, at, c.rank(n, at))
	case *dsl.Contains:
		return negate(n.Neg, at, c.contains(n, at))
	case *dsl.Affix:
		return negate(n.Neg, at, c.affix(n, at))
	case *dsl.When:
		return negate(n.Neg, at, c.when(n, at))
	case *dsl.Known:
		return negate(n.Neg, at, c.known(n, at))
	case *dsl.InGroup:
		return c.group(n, at)
	}
	return c.standing(c.value(e))
}

func (c *checker) terms(list []dsl.Expr) []plan.Test {
	out := make([]plan.Test, len(list))
	for i, e := range list {
		out[i] = c.test(e)
	}
	return out
}

// negate is the exact complement: every negative spelling is not (positive).
func negate(neg bool, at source.Span, t plan.Test) plan.Test {
	if !neg {
		return t
	}
	return &plan.Not{At: plan.At{Source: at}, Term: t}
}

// standing is a value alone in a place of a test: a boolean stands for itself, a
// kind for at least one record, an instant for being known.
func (c *checker) standing(v value) plan.Test {
	here := plan.At{Source: v.span}
	switch {
	case v.form == broken:
		return no(v.span)
	case v.form == condition:
		if c.quoting {
			return v.test
		}
		c.named[v.test] = true
		return v.test
	case v.form == truth && v.literal:
		return &plan.Const{At: here, Value: v.constant().Bool()}
	case v.form == truth:
		return &plan.Truth{At: here, X: v.expr}
	case v.form == moment:
		return &plan.Known{At: here, X: v.expr}
	case v.records:
		one := value{form: number, typ: catalog.Type{Sort: catalog.Number}, literal: true, rng: exactly(1), span: v.span}
		return c.compareNumbers(v.span, plan.AtLeast, v, one)
	}
	c.errNotATest(v)
	return no(v.span)
}

func (c *checker) compare(n *dsl.Compare, at source.Span) plan.Test {
	l := c.value(n.L)
	r := c.operand(n.R, l)
	if l.form == broken || r.form == broken {
		return no(at)
	}
	if n.Op == "=" || n.Op == "!=" {
		if l.form == number && r.form == number || comparable(l) && comparable(r) {
			return negate(n.Op == "!=", at, c.equal(at, l, r))
		}
	} else {
		op := plan.CompareOp(n.Op)
		switch {
		case l.form == number && r.form == number:
			return c.compareNumbers(at, op, l, r)
		case l.form == day && r.form == day:
			return &plan.Compare{At: plan.At{Source: at}, Op: op, L: l.expr, R: r.expr}
		}
	}
	c.errCompare(n, l, r)
	return no(at)
}

// comparable tells whether values of the sort can be equal.
func comparable(v value) bool {
	return v.form == number || v.form == text || v.form == truth || v.form == day
}

func (c *checker) within(n *dsl.Within, at source.Span) plan.Test {
	x := c.value(n.X)
	if x.form == yearly {
		return c.recurs(x, n.Neg, at, c.span(n.Window.At), func() (plan.Window, bool) { return c.window(n.Window, true) })
	}
	if !c.inTime(x, "within") {
		return no(at)
	}
	w, ok := c.window(n.Window, x.due)
	if !ok {
		return no(at)
	}
	return c.during(x, w, n.Neg, at)
}

func (c *checker) when(n *dsl.When, at source.Span) plan.Test {
	x := c.value(n.X)
	if x.form == yearly {
		if n.Rel != "on" {
			c.errAnniversaryRelation(at, n.Rel)
			return no(at)
		}
		return c.recurs(x, n.Neg, at, c.span(n.Point.Span()), func() (plan.Window, bool) { return c.relative(n, true) })
	}
	if !c.inTime(x, n.Rel) {
		return no(at)
	}
	w, ok := c.relative(n, x.due)
	if !ok {
		return no(at)
	}
	return c.during(x, w, n.Neg, at)
}

// inTime reports what does not lie in time.
func (c *checker) inTime(x value, relation string) bool {
	if x.form == moment || x.form == day {
		if x.literal {
			c.errLiteralMoment(x.span)
			return false
		}
		return true
	}
	if x.form != broken {
		c.errInTime(x, relation)
	}
	return false
}

func (c *checker) during(x value, w plan.Window, neg bool, at source.Span) plan.Test {
	test := &plan.During{At: plan.At{Source: at}, X: x.expr, Window: w}
	c.noteNegated(test, x, neg)
	return test
}

// noteNegated remembers a time test that its not makes true where there is no time.
func (c *checker) noteNegated(test plan.Test, x value, neg bool) {
	if neg && x.nullable && !c.quoting {
		c.negated[test] = x.expr
	}
}

// recurs is an anniversary within a window of at most a year.
func (c *checker) recurs(x value, neg bool, at, span source.Span, read func() (plan.Window, bool)) plan.Test {
	w, ok := read()
	if !ok {
		return no(at)
	}
	if !withinAYear(w) {
		c.errOverAYear(span)
		return no(at)
	}
	test := &plan.Recurs{At: plan.At{Source: at}, X: x.expr, Window: w}
	c.noteNegated(test, x, neg)
	return test
}

// withinAYear tells whether a window is certainly no longer than a year.
func withinAYear(w plan.Window) bool {
	a, b := w.From, w.To
	switch {
	case a.Kind == plan.Day && b.Kind == plan.Day:
		return b.At <= nextYear(a.At)
	case a.Kind == plan.Period && b.Kind == plan.Period && a.Unit == b.Unit:
		return unitsWithinAYear(a.Unit, b.N-a.N)
	case a.Kind == plan.Now && b.Kind == plan.Back:
		return unitsWithinAYear(b.Unit, -b.N)
	case a.Kind == plan.Back && b.Kind == plan.Now:
		return unitsWithinAYear(a.Unit, a.N)
	case a.Kind == plan.Back && b.Kind == plan.Back && a.Unit == b.Unit:
		return unitsWithinAYear(a.Unit, a.N-b.N)
	case byAsOf(a) && byAsOf(b):
		return longBefore(a).hi-longBefore(b).lo <= minutesOf(plan.Year).lo
	}
	return false
}

// nextYear is the same day of the next year, 1 March for 29 February.
func nextYear(days int64) int64 {
	return time.Unix(days*86400, 0).UTC().AddDate(1, 0, 0).Unix() / 86400
}

func unitsWithinAYear(u plan.Unit, n int) bool {
	most := map[plan.Unit]int{
		plan.Minute: 365 * 24 * 60, plan.Hour: 365 * 24, plan.Days: 365, plan.Week: 52, plan.Month: 12, plan.Quarter: 4, plan.Year: 1,
	}
	return n <= most[u]
}

func (c *checker) betweenTest(n *dsl.Between, at source.Span) plan.Test {
	x := c.value(n.X)
	switch x.form {
	case moment, day:
		if !c.inTime(x, "between") {
			return no(at)
		}
		w, ok := c.between(n.Lo, n.Hi, x.due, c.span(n.Lo.Span()).Join(c.span(n.Hi.Span())))
		if !ok {
			return no(at)
		}
		return c.during(x, w, n.Neg, at)
	case yearly:
		return c.recurs(x, n.Neg, at, c.span(n.Lo.Span()).Join(c.span(n.Hi.Span())), func() (plan.Window, bool) {
			return c.between(n.Lo, n.Hi, true, at)
		})
	case number:
		lo, hi := c.value(n.Lo), c.value(n.Hi)
		if lo.form == broken || hi.form == broken {
			return no(at)
		}
		for _, side := range []value{lo, hi} {
			if side.form != number {
				c.errDiffer(side.span, x, side)
				return no(at)
			}
		}
		return &plan.And{At: plan.At{Source: at}, Terms: []plan.Test{
			c.compareNumbers(at, plan.AtLeast, x, lo),
			c.compareNumbers(at, plan.AtMost, x, hi),
		}}
	case broken:
		return no(at)
	}
	c.errBetween(x)
	return no(at)
}

// in is membership in a list. The literals of it make one test; what depends on
// the customer is compared item by item.
func (c *checker) in(n *dsl.In, at source.Span) plan.Test {
	x := c.value(n.X)
	if x.form == broken {
		return no(at)
	}
	if !comparable(x) {
		c.errIn(x)
		return no(at)
	}
	here := plan.At{Source: at}
	var values []catalog.Value
	var tests []plan.Test
	scaled := x
	var numbers []value
	seen := make(map[string]bool, len(n.List))
	for _, e := range n.List {
		item := c.operand(e, x)
		switch {
		case item.form == broken:
		case item.form != x.form:
			c.errDiffer(item.span, x, item)
		case x.form == number && item.isConstant() && x.quot == nil && !x.literal && !item.percent:
			if !c.alike(item.span, &scaled, &item) {
				return no(at)
			}
			numbers = append(numbers, item)
		case item.literal && !x.literal && x.form == text:
			values = append(values, c.folded(x, item))
		case item.literal && !x.literal && x.form != number:
			values = append(values, item.constant())
		default:
			tests = append(tests, c.equal(at, x, item))
		}
		if item.literal && item.form != broken {
			key := c.quote(item.span)
			if seen[key] && !c.quoting {
				c.warnRepeatedItem(item.span)
			}
			seen[key] = true
		}
	}
	for _, item := range numbers {
		if !c.rescale(&item, scaled.scale) {
			return no(at)
		}
		values = append(values, catalog.NumberValue(item.rng.lo))
	}
	if len(values) > 0 {
		tests = append(tests, c.oneOf(scaled, values, here))
	}
	switch len(tests) {
	case 0:
		return no(at)
	case 1:
		return tests[0]
	}
	return &plan.Or{At: here, Terms: tests}
}

func (c *checker) oneOf(x value, values []catalog.Value, at plan.At) plan.Test {
	slices.SortFunc(values, order)
	values = slices.CompactFunc(values, catalog.Value.Equal)
	switch {
	case x.form == number && len(values) == 1:
		item := value{form: number, typ: bare(x.typ), literal: true, scale: x.scale, rng: exactly(values[0].Int()), span: at.Source}
		return c.compareNumbers(at.Source, plan.Equal, x, item)
	case x.form == truth && len(values) == 1 && values[0].Bool():
		return &plan.Truth{At: at, X: x.expr}
	case x.form == number:
		test := &plan.OneOf{At: at, X: c.linear(x), Values: values}
		c.domains[test.X] = domain{x.rng, x.nullable}
		return test
	}
	return &plan.OneOf{At: at, X: x.expr, Values: values}
}

// order is that of OneOf's values: numbers, days and booleans by value, text by
// its bytes.
func order(a, b catalog.Value) int {
	switch {
	case a.Int() < b.Int() || a.Int() == b.Int() && a.Text() < b.Text():
		return -1
	case a.Equal(b):
		return 0
	}
	return 1
}

func (c *checker) rank(n *dsl.InRank, at source.Span) plan.Test {
	if c.record != nil {
		c.errNotInWhere(at, "a rank")
		return no(at)
	}
	x := c.value(n.X)
	switch {
	case x.form == broken:
		return no(at)
	case x.form != number || x.literal:
		c.errCannotRank(x)
		return no(at)
	case x.quot != nil:
		c.errRankQuotient(x.span)
		return no(at)
	case n.N.Unit != "" || n.N.Currency != "" || !n.N.Percent && n.N.Scale > 0 || n.N.Percent && !upTo100(n.N):
		c.errBadRank(c.span(n.N.Span()))
		return no(at)
	}
	number, scale := percentage(n.N)
	return &plan.Rank{At: plan.At{Source: at}, X: c.linear(x), Bottom: n.Bottom, N: number, Scale: scale, Percent: n.N.Percent}
}

func (c *checker) contains(n *dsl.Contains, at source.Span) plan.Test {
	x := c.value(n.X)
	if x.form != set && x.form != text || x.literal {
		if x.form != broken {
			c.errContains(x)
		}
		return no(at)
	}
	items := make([]string, 0, len(n.Items))
	for _, e := range n.Items {
		item := c.operand(e, x)
		if item.form == broken {
			return no(at)
		}
		if item.form != text || !item.literal {
			c.errContainsItem(item)
			return no(at)
		}
		s := x.typ.Normal(item.constant().Text())
		if x.form == set {
			c.listed(x.typ, s, item.span)
		}
		if slices.Contains(items, s) && !c.quoting {
			c.warnRepeatedItem(item.span)
		}
		items = append(items, s)
	}
	items = unique(items)
	here := plan.At{Source: at}
	if x.form == set {
		return &plan.Has{At: here, X: x.expr, All: n.Mode == "all", Items: items}
	}
	tests := make([]plan.Test, len(items))
	for i, s := range items {
		tests[i] = &plan.Like{At: here, X: x.expr, Form: plan.Infix, Text: s}
	}
	switch {
	case len(tests) == 0:
		return no(at)
	case len(tests) == 1:
		return tests[0]
	case n.Mode == "all":
		return &plan.And{At: here, Terms: tests}
	}
	return &plan.Or{At: here, Terms: tests}
}

func (c *checker) affix(n *dsl.Affix, at source.Span) plan.Test {
	x := c.value(n.X)
	if x.form != text || x.literal {
		if x.form != broken {
			c.errAffix(x, n.End)
		}
		return no(at)
	}
	form := plan.Prefix
	if n.End {
		form = plan.Suffix
	}
	return &plan.Like{At: plan.At{Source: at}, X: x.expr, Form: form, Text: x.typ.Normal(n.Text.Value)}
}

// known is the only test of presence. A set is never missing.
func (c *checker) known(n *dsl.Known, at source.Span) plan.Test {
	x := c.value(n.X)
	here := plan.At{Source: at}
	switch x.form {
	case broken:
		return no(at)
	case condition, yearly, length, point:
		c.errKnown(x)
		return no(at)
	case set:
		return &plan.Const{At: here, Value: true}
	case number:
		if x.literal {
			return &plan.Const{At: here, Value: true}
		}
		if x.quot == nil {
			test := &plan.Known{At: here, X: c.linear(x)}
			c.domains[test.X] = domain{x.rng, x.nullable}
			return test
		}
		quotient := &plan.Known{At: here, X: x.ratioExpr()}
		if x.expr == nil {
			return quotient
		}
		return &plan.And{At: here, Terms: []plan.Test{quotient, &plan.Known{At: here, X: x.expr}}}
	}
	if x.literal {
		return &plan.Const{At: here, Value: true}
	}
	return &plan.Known{At: here, X: x.expr}
}

func (c *checker) group(n *dsl.InGroup, at source.Span) plan.Test {
	switch {
	case c.record != nil:
		c.errNotInWhere(at, "a group")
	case c.opts.Groups != nil && !c.opts.Groups(n.Name.Value):
		c.errUnknownGroup(c.span(n.Name.Span()), n.Name.Value)
	}
	return &plan.Member{At: plan.At{Source: at}, Group: n.Name.Value}
}
