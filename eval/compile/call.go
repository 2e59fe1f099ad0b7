package compile

import (
	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// functions are what can be called besides kinds and measures. A kind or measure
// of the catalog goes before a function of its name; attributes and fields do
// not, since they cannot be called: a field may be called last.
var functions map[string]func(c *checker, r *dsl.Ref, name string) value

var functionNames = []string{
	"sum", "avg", "min", "max", "first", "last", "distinct",
	"active_days", "active_weeks", "active_months", "share", "sample", "anniversary",
}

func init() { // not in the declaration: the functions read rules, which call functions
	functions = map[string]func(*checker, *dsl.Ref, string) value{
		"sum": callOverField, "avg": callOverField, "min": callOverField, "max": callOverField, "distinct": callOverField,
		"first": callFirstLast, "last": callFirstLast,
		"active_days": callActive, "active_weeks": callActive, "active_months": callActive,
		"share": callShare, "sample": callSample, "anniversary": callAnniversary,
	}
}

// arguments are the window and the where of a call, as the author wrote them.
type arguments struct {
	window *dsl.Window
	where  dsl.Expr
	// Where the walk stood when it met them: they are the author's own words even
	// where a text of the catalog is read with them.
	from standpoint
}

// selection is a kind of records narrowed by a window and a where.
type selection struct {
	kind   *kind
	window plan.Window
	where  plan.Test // nil for all
	when   plan.Test // of an untimed kind: the test that its window became
	mayBe  bool      // the window starts or ends at a moment that may be missing
}

// arguments sorts the arguments of a call: at most one window and one where, in
// this order or in one argument.
func (c *checker) arguments(args []*dsl.Arg) (arguments, bool) {
	out := arguments{from: c.standpoint}
	out.from.call, out.from.beside = nil, nil
	for _, a := range args {
		if a.Window != nil {
			if out.window != nil {
				c.errSecondArgument(c.span(a.Window.At), "window")
				return out, false
			}
			out.window = a.Window
		}
		if a.Where != nil {
			if out.where != nil {
				c.errSecondArgument(c.span(a.Where.Span()), "where")
				return out, false
			}
			out.where = a.Where
		}
	}
	return out, true
}

// narrow makes a selection of a kind. In a measure, the window and where of the
// measure's call come on top of what its text says.
func (c *checker) narrow(k *kind, args arguments, at source.Span) (selection, bool) {
	sel := selection{kind: k}
	if k.login && c.opts.Scope == plan.Guests {
		c.errNeedsLogin(at, k.Name)
		return sel, false
	}
	if c.call != nil && args.window != nil {
		c.errWindowInMeasure(c.span(args.window.At))
		return sel, false
	}
	ok := c.apply(&sel, args)
	if c.call != nil {
		ok = c.apply(&sel, *c.call) && ok
	}
	return sel, ok
}

// apply narrows a selection by the arguments of a call, read where they stand.
func (c *checker) apply(sel *selection, args arguments) bool {
	if args.window == nil && args.where == nil {
		return true
	}
	saved := c.standpoint
	c.standpoint = args.from
	ok := c.narrowByWindow(sel, args.window)
	if args.where != nil {
		c.record = &record{kind: sel.kind}
		where := c.test(args.where)
		c.adviseWhere(args.where, where, sel.kind)
		sel.where = both(sel.where, where)
	}
	c.standpoint = saved
	return ok
}

func (c *checker) narrowByWindow(sel *selection, w *dsl.Window) bool {
	if w == nil {
		return true
	}
	k := sel.kind
	at := c.span(w.At)
	if k.stamp == nil && k.dated == nil {
		c.errUntimed(at, k)
		return false
	}
	window, ok := c.window(w, false)
	if !ok {
		return false
	}
	if k.stamp != nil {
		sel.window = window
		sel.mayBe = window.From.Kind == plan.Moment || window.To.Kind == plan.Moment
		return true
	}
	if window.From.Kind == plan.Moment || window.To.Kind == plan.Moment {
		c.errUntimedMoment(at, k)
		return false
	}
	dated := *k.dated
	dated.At = plan.At{Source: at}
	sel.when = &plan.During{At: plan.At{Source: at}, X: &dated, Window: window}
	return true
}

// filter is all that selected records meet, nil for nothing.
func (s selection) filter(at plan.At) plan.Test {
	var terms []plan.Test
	for _, l := range s.kind.limits {
		terms = append(terms, l.test)
	}
	if s.when != nil {
		terms = append(terms, s.when)
	}
	if s.where != nil {
		terms = append(terms, s.where)
	}
	switch len(terms) {
	case 0:
		return nil
	case 1:
		return terms[0]
	}
	return &plan.And{At: at, Terms: terms}
}

func (s selection) aggregate(at source.Span, fn plan.AggregateFn, typ catalog.Type, of plan.Expr) *plan.Aggregate {
	here := plan.At{Source: at}
	return &plan.Aggregate{
		At: here, Typed: plan.Typed{Of: typ}, Fn: fn, Kind: s.kind.owner.Name,
		Stamp: s.kind.stamp, Of: of, Window: s.window, Where: s.filter(here),
	}
}

// counted is the value of an aggregate that counts.
func (s selection) counted(at source.Span, fn plan.AggregateFn, of plan.Expr) value {
	typ := catalog.Type{Sort: catalog.Number}
	return value{
		form: number, typ: typ, expr: s.aggregate(at, fn, typ, of), span: at,
		rng: interval{0, int64(s.kind.owner.Limit())}, nullable: s.mayBe, aggregated: true,
	}
}

// count is a kind alone, or called: the number of its records.
func (c *checker) count(k *kind, r *dsl.Ref) value {
	at := c.span(r.Span())
	args, ok := c.arguments(r.Args)
	if !ok {
		return value{}
	}
	sel, ok := c.narrow(k, args, at)
	if !ok {
		return value{}
	}
	v := sel.counted(at, plan.Count, nil)
	v.records, v.kindName = true, k.Name
	return v
}

// measure reads the measure's text with the window and where of its call going
// to every aggregate in it.
func (c *checker) measure(p *phrase, r *dsl.Ref) value {
	at := c.span(r.Span())
	args, ok := c.arguments(r.Args)
	if !ok {
		return value{}
	}
	if c.call != nil { // a measure within a measure
		if args.window != nil || args.where != nil {
			c.errWindowInMeasure(at)
			return value{}
		}
		args = *c.call
	}
	var out value
	if !c.enter(p, at, nil, &args, func() { out = c.value(p.rule.Expr) }) {
		return value{}
	}
	out.span, out.records = at, false
	return out
}

// subject takes the first argument of a function over records: a kind, or one of
// its fields; the window and where that follow it; and the rest of the arguments.
func (c *checker) subject(r *dsl.Ref, name string) (k *kind, field string, args arguments, ok bool) {
	at := c.span(r.Span())
	if len(r.Args) == 0 || r.Args[0].Window == nil || r.Args[0].Window.Form != dsl.PointWindow {
		c.errNoSubject(at, name)
		return nil, "", args, false
	}
	ref, isRef := r.Args[0].Window.From.(*dsl.Ref)
	if !isRef {
		c.errNoSubject(c.span(r.Args[0].At), name)
		return nil, "", args, false
	}
	rest := r.Args[1:]
	if where := r.Args[0].Where; where != nil {
		rest = append([]*dsl.Arg{{At: r.Args[0].At, Where: where}}, rest...)
	}
	if ref.Called {
		// first(orders(90d)) says the same as first(orders, 90d).
		rest = append(append([]*dsl.Arg{}, ref.Args...), rest...)
	}
	if args, ok = c.arguments(rest); !ok {
		return nil, "", args, false
	}
	if k, ok = c.words.kinds[nameOf(ref.Path)]; ok {
		return k, "", args, true
	}
	if k, field = c.kindField(ref.Path); k != nil {
		return k, field, args, true
	}
	c.errUnknownSubject(ref, name)
	return nil, "", args, false
}

// over is the field of a record that a function aggregates.
func (c *checker) over(k *kind, field string, r *dsl.Ref) (value, bool) {
	saved := c.record
	defer func() { c.record = saved }()
	c.record = &record{kind: k}
	at := c.span(r.Args[0].Window.From.Span())
	f, own := k.fields[field]
	if !own {
		if p := k.conditions[field]; p != nil {
			c.errConditionAggregated(at, k, field)
			return value{}, false
		}
		if v, found := c.recordName(*c.record, field, at); found {
			if v.form != broken {
				c.errParentField(at, nameOf(r.Path), k, field)
			}
			return value{}, false
		}
		c.errUnknownField(r.Args[0].Window.From.(*dsl.Ref), k, field)
		return value{}, false
	}
	v := c.field(*c.record, f, at)
	return v, v.form != broken
}

// callOverField is sum, avg, min, max and distinct.
func callOverField(c *checker, r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	k, field, args, ok := c.subject(r, name)
	if !ok {
		return value{}
	}
	if field == "" {
		c.errNeedsField(c.span(r.Args[0].At), name, k)
		return value{}
	}
	of, ok := c.over(k, field, r)
	if !ok {
		return value{}
	}
	sel, ok := c.narrow(k, args, at)
	if !ok {
		return value{}
	}
	switch name {
	case "distinct":
		if of.form == set || of.form == condition {
			c.errAggregated(of.span, name, of)
			return value{}
		}
		return sel.counted(at, plan.Distinct, c.plain(of))
	case "sum", "avg":
		if of.form != number {
			c.errAggregated(of.span, name, of)
			return value{}
		}
		sum := c.total(sel, of, at)
		if name == "sum" || sum.form == broken {
			return sum
		}
		// Only records that have the field are counted.
		counting := sel
		counting.where = both(sel.where, &plan.Known{At: plan.At{Source: at}, X: c.plain(of)})
		avg := c.quotient(at, plan.Average, bare(of.typ), false, sum, counting.counted(at, plan.Count, nil), sum.scale)
		avg.aggregated = true
		return avg
	}
	if of.form != number && of.form != moment && of.form != day {
		c.errAggregated(of.span, name, of)
		return value{}
	}
	return c.chosen(sel, plan.AggregateFn(name), of, at)
}

func both(a, b plan.Test) plan.Test {
	if a == nil {
		return b
	}
	return &plan.And{At: plan.At{Source: b.Span()}, Terms: []plan.Test{a, b}}
}

// plain is an expression over a record without quotient.
func (c *checker) plain(v value) plan.Expr {
	if v.form == number {
		return c.linear(v)
	}
	return v.expr
}

func (c *checker) total(sel selection, of value, at source.Span) value {
	rng, ok := of.rng.times(interval{0, int64(sel.kind.owner.Limit())})
	if !c.fits(ok, at) {
		return value{}
	}
	typ := bare(of.typ)
	typ.Scale = of.numberType(of.scale).Of.Scale
	return value{
		form: number, typ: bare(typ), scale: of.scale, rng: rng, span: at, nullable: sel.mayBe, aggregated: true,
		expr: sel.aggregate(at, plan.Sum, typ, c.plain(of)),
	}
}

// chosen is the value of a field of one of the selected records.
func (c *checker) chosen(sel selection, fn plan.AggregateFn, of value, at source.Span) value {
	out := of
	out.expr = sel.aggregate(at, fn, c.plain(of).Type(), c.plain(of))
	out.span, out.nullable, out.aggregated = at, of.form != set, true
	return out
}

// callFirstLast is the instant, or a field, of the first or last selected record.
func callFirstLast(c *checker, r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	k, field, args, ok := c.subject(r, name)
	if !ok {
		return value{}
	}
	var of value
	if field != "" {
		if of, ok = c.over(k, field, r); !ok {
			return value{}
		}
	} else {
		if k.stamp == nil {
			c.errUntimedFirst(c.span(r.Args[0].At), name, k)
			return value{}
		}
		of = stored(k.stamp, k.stamp.Of, false, true, at)
	}
	sel, ok := c.narrow(k, args, at)
	if !ok {
		return value{}
	}
	return c.chosen(sel, plan.AggregateFn(name), of, at)
}

func callActive(c *checker, r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	k, field, args, ok := c.subject(r, name)
	if !ok {
		return value{}
	}
	if field != "" {
		c.errNeedsKind(c.span(r.Args[0].At), name, k)
		return value{}
	}
	if k.stamp == nil {
		c.errUntimedFirst(c.span(r.Args[0].At), name, k)
		return value{}
	}
	sel, ok := c.narrow(k, args, at)
	if !ok {
		return value{}
	}
	return sel.counted(at, plan.AggregateFn(name), nil)
}

// callShare is the part of the window's records, or of a sum over them, that
// where marks.
func callShare(c *checker, r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	k, field, args, ok := c.subject(r, name)
	if !ok {
		return value{}
	}
	if args.where == nil {
		c.errShareOfAll(at, k)
		return value{}
	}
	var of value
	if field != "" {
		if of, ok = c.over(k, field, r); !ok {
			return value{}
		}
		if of.form != number {
			c.errAggregated(of.span, name, of)
			return value{}
		}
	}
	marked, ok := c.narrow(k, args, at)
	if !ok {
		return value{}
	}
	all := marked
	all.where = nil
	part, whole := marked.counted(at, plan.Count, nil), all.counted(at, plan.Count, nil)
	if field != "" {
		part, whole = c.total(marked, of, at), c.total(all, of, at)
	}
	if part.form == broken || whole.form == broken {
		return value{}
	}
	v := c.quotient(at, plan.Share, catalog.Type{Sort: catalog.Number}, true, part, whole, 0)
	v.aggregated, v.quot.part = true, field == ""
	return v
}

// callSample is sample(10%, "key").
func callSample(c *checker, r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	if c.record != nil {
		c.errNotInWhere(at, name)
		return value{}
	}
	if len(r.Args) != 2 || !isPoint(r.Args[0]) || !isPoint(r.Args[1]) {
		c.errSampleArguments(at)
		return value{}
	}
	part, ok := r.Args[0].Window.From.(*dsl.Number)
	key, isText := r.Args[1].Window.From.(*dsl.String)
	switch {
	case !ok || !part.Percent || !isText || key.Value == "":
		c.errSampleArguments(at)
		return value{}
	case !upTo100(part):
		c.errSamplePart(c.span(part.Span()))
		return value{}
	}
	percent, scale := percentage(part)
	test := &plan.Sample{At: plan.At{Source: at}, Percent: percent, Scale: scale, Key: key.Value}
	return value{form: condition, test: test, span: at}
}

func isPoint(a *dsl.Arg) bool {
	return a.Where == nil && a.Window != nil && a.Window.Form == dsl.PointWindow
}

// upTo100 tells whether a percentage is at most 100.
func upTo100(n *dsl.Number) bool {
	whole, ok := powerOfTen(n.Scale)
	if !ok {
		return false
	}
	limit, ok := mul(100, whole)
	return ok && n.Mantissa >= 0 && n.Mantissa <= limit
}

// percentage is a literal percentage without zeros at its end: 5.0% is 5%.
func percentage(n *dsl.Number) (mantissa int64, scale int) {
	mantissa, scale = n.Mantissa, n.Scale
	for scale > 0 && mantissa%10 == 0 {
		mantissa, scale = mantissa/10, scale-1
	}
	return mantissa, scale
}

func callAnniversary(c *checker, r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	if len(r.Args) != 1 || !isPoint(r.Args[0]) {
		c.errAnniversaryArguments(at)
		return value{}
	}
	v := c.value(r.Args[0].Window.From)
	switch v.form {
	case broken:
		return value{}
	case moment, day:
		v.form, v.span = yearly, at
		return v
	}
	c.errAnniversaryOf(v.span, v)
	return value{}
}
