package columnar

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/sample"
)

// closures compiles the nodes of a Matcher's plans. What package eval does by a
// switch at every node, here is done once.
type closures struct {
	schema   *schema
	matcher  *Matcher
	program  *program
	calendar *calendar
	sieves   map[string]int // by kind and meaning
	guests   bool           // some plan is about guests too
}

type (
	tester func(*cursor) bool
	number func(*cursor) (int64, bool)
	coder  func(*cursor) uint64
)

// test compiles a test of the customer, or of the record at hand, of kind at.
func (c *closures) test(t plan.Test, at *kind) func(*cursor) bool {
	if a, ok := c.ofAttribute(t); ok {
		return a.tester()
	}
	switch n := t.(type) {
	case *plan.Const:
		return func(*cursor) bool { return n.Value }
	case *plan.And:
		steps := c.all(n.Terms, at)
		return func(x *cursor) bool {
			for i := range steps {
				if !steps[i].test(x) {
					return false
				}
			}
			return true
		}
	case *plan.Or:
		terms := c.terms(n.Terms, at)
		return func(x *cursor) bool {
			for _, t := range terms {
				if t(x) {
					return true
				}
			}
			return false
		}
	case *plan.Not:
		term := c.test(n.Term, at)
		return func(x *cursor) bool { return !term(x) }
	case *plan.Compare:
		return c.compare(n, at)
	case *plan.Same:
		return c.same(n, at)
	case *plan.OneOf:
		return c.oneOf(n, at)
	case *plan.Has:
		code, dict := c.code(n.X, at)
		return func(x *cursor) bool { return has(text(dict, code(x)).Items(), n.Items, n.All) }
	case *plan.Like:
		code, dict := c.code(n.X, at)
		return func(x *cursor) bool {
			v := text(dict, code(x))
			return v.Known() && like(v.Text(), n.Form, n.Text)
		}
	case *plan.Truth:
		value := c.value(n.X, at)
		return func(x *cursor) bool { v, ok := value(x); return ok && v == 1 }
	case *plan.During:
		return c.during(n, at)
	case *plan.Recurs:
		return c.recurs(n, at)
	case *plan.Known:
		return c.known(n.X, at)
	case *plan.Member:
		return func(x *cursor) bool {
			in, err := c.matcher.member(n, x)
			if err != nil && x.err == nil {
				x.err = err
			}
			return in
		}
	case *plan.Rank:
		return c.rank(n)
	case *plan.Sample:
		whole := uint64(100)
		for range n.Scale {
			whole *= 10
		}
		a, b := sample.Key(n.Key)
		threshold := sample.Threshold(uint64(n.Percent), whole)
		return func(x *cursor) bool { return sample.In(x.shard.bucket[x.local], a, b, threshold) }
	}
	return func(*cursor) bool { return false }
}

func (m *Matcher) member(n *plan.Member, x *cursor) (bool, error) {
	if m.env.Groups == nil {
		env := m.env
		env.AsOf = x.at
		return eval.Eval(&plan.Plan{Root: n}, &eval.Customer{}, env)
	}
	return m.env.Groups.Contains(n.Group, x.shard.ids[x.local])
}

// compare is false when a side is missing.
func (c *closures) compare(n *plan.Compare, at *kind) tester {
	if a, lo, hi, ok := c.counted(n); ok {
		return c.countWithin(a, lo, hi, 1).test
	}
	left := c.value(n.L, at)
	if lit, ok := n.R.(*plan.Literal); ok {
		lo, hi, some := interval(n.Op, lit.Value.Int())
		return func(x *cursor) bool {
			v, ok := left(x)
			return ok && some && lo <= v && v <= hi
		}
	}
	right := c.value(n.R, at)
	return func(x *cursor) bool {
		l, lok := left(x)
		r, rok := right(x)
		return lok && rok && plan.Holds(n.Op, l, r)
	}
}

func (c *closures) same(n *plan.Same, at *kind) tester {
	switch n.L.Type().Sort {
	case catalog.String, catalog.Enum:
		left, from := c.code(n.L, at)
		right, to := c.code(n.R, at)
		return func(x *cursor) bool { return text(from, left(x)).Equal(text(to, right(x))) }
	}
	left, right := c.value(n.L, at), c.value(n.R, at)
	return func(x *cursor) bool {
		l, lok := left(x)
		r, rok := right(x)
		return lok && rok && l == r
	}
}

// oneOf gives every text it names a code, so that no later text can take it.
func (c *closures) oneOf(n *plan.OneOf, at *kind) tester {
	switch n.X.Type().Sort {
	case catalog.String, catalog.Enum:
		code, dict := c.code(n.X, at)
		if dict == nil {
			return func(*cursor) bool { return false }
		}
		var codes []uint64
		for _, v := range n.Values {
			codes = append(codes, dict.code(v))
		}
		slices.Sort(codes)
		if len(codes) == 1 {
			only := codes[0]
			return func(x *cursor) bool { return code(x) == only }
		}
		return func(x *cursor) bool {
			_, in := slices.BinarySearch(codes, code(x))
			return in
		}
	}
	value := c.value(n.X, at)
	var list []int64
	for _, v := range n.Values {
		if v.Sort() == catalog.Bool {
			list = append(list, int64(bit(v.Bool())))
			continue
		}
		list = append(list, v.Int())
	}
	slices.Sort(list)
	return func(x *cursor) bool {
		v, ok := value(x)
		if !ok {
			return false
		}
		_, in := slices.BinarySearch(list, v)
		return in
	}
}

func text(d *dictionary, code uint64) catalog.Value {
	if d == nil {
		return catalog.Missing
	}
	return d.all()[code]
}

func (c *closures) known(e plan.Expr, at *kind) tester {
	if f, ok := e.(*plan.Field); ok && f.Name == "" {
		return func(x *cursor) bool {
			_, row := x.up(x.deck(at.index), x.row, f.Up)
			return row >= 0
		}
	}
	switch e.Type().Sort {
	case catalog.Set:
		return func(*cursor) bool { return true }
	case catalog.String, catalog.Enum:
		code, _ := c.code(e, at)
		return func(x *cursor) bool { return code(x) != 0 }
	}
	value := c.value(e, at)
	return func(x *cursor) bool { _, ok := value(x); return ok }
}

func (c *closures) during(n *plan.During, at *kind) tester {
	date := n.X.Type().Sort == catalog.Date
	if n.Window.From.Kind != plan.Moment && n.Window.To.Kind != plan.Moment {
		i := c.matcher.window(windowed{window: n.Window, dates: date})
		if last, ok := c.lastDuring(n.X, i); ok {
			return last
		}
		value := c.value(n.X, at)
		return func(x *cursor) bool {
			v, ok := value(x)
			return ok && x.spans[i].from <= v && v < x.spans[i].to
		}
	}
	value, from, to := c.moment(n.X, at), c.bound(n.Window.From, plan.MinInstant, at), c.bound(n.Window.To, plan.MaxInstant, at)
	return func(x *cursor) bool {
		v, ok := value(x)
		lo, lok := from(x)
		hi, hok := to(x)
		return ok && lok && hok && lo <= v && v < hi
	}
}

// moment is an instant; a date stands for its start.
func (c *closures) moment(e plan.Expr, at *kind) number {
	value := c.value(e, at)
	if e.Type().Sort != catalog.Date {
		return value
	}
	zone := c.matcher.env.Zone
	return func(x *cursor) (int64, bool) {
		v, ok := value(x)
		if !ok {
			return 0, false
		}
		return plan.StartOfDay(v, zone), true
	}
}

func (c *closures) bound(b plan.Bound, open int64, at *kind) number {
	if b.Kind == plan.Moment {
		value, step := c.moment(b.Moment, at), int64(bit(b.Exclusive))
		return func(x *cursor) (int64, bool) {
			v, ok := value(x)
			if v < math.MaxInt64 {
				v += step
			}
			return v, ok
		}
	}
	if b.Kind == plan.Open {
		return func(*cursor) (int64, bool) { return open, true }
	}
	i := c.matcher.window(windowed{window: plan.Window{From: b}})
	return func(x *cursor) (int64, bool) { return x.spans[i].from, true }
}

func (c *closures) recurs(n *plan.Recurs, at *kind) tester {
	value := c.value(n.X, at)
	instant := n.X.Type().Sort == catalog.Instant
	i := c.matcher.window(windowed{window: n.Window, recurs: true})
	calendar := c.calendar
	return func(x *cursor) bool {
		v, ok := value(x)
		if !ok || x.spans[i].from >= x.spans[i].to {
			return false
		}
		table := x.years[i]
		if table == nil {
			return true // endless: it touches every day of some year
		}
		if instant {
			_, _, offset := calendar.stretch(v)
			v = floorDiv(v+offset, dayMicros)
		}
		month, d := monthAndDay(v)
		return table[month][d] == 1
	}
}

func (c *closures) rank(n *plan.Rank) tester {
	cut := c.matcher.env.Cuts[eval.RankKey(n)]
	if cut.Empty {
		return func(*cursor) bool { return false }
	}
	value := c.value(n.X, nil)
	var touched []number
	for _, a := range valueAggregates(n.X) {
		count := *a
		count.Fn, count.Of = plan.Count, nil
		touched = append(touched, c.aggregate(&count))
	}
	return func(x *cursor) bool {
		v, ok := value(x)
		if !ok || n.Bottom && v > cut.Value || !n.Bottom && v < cut.Value {
			return false
		}
		for _, t := range touched {
			if n, _ := t(x); n > 0 {
				return true
			}
		}
		return len(touched) == 0
	}
}

// value compiles an expression with an integer for a value.
func (c *closures) value(e plan.Expr, at *kind) number {
	switch n := e.(type) {
	case *plan.Literal:
		v := n.Value.Int()
		if n.Value.Sort() == catalog.Bool {
			v = int64(bit(n.Value.Bool()))
		}
		return func(*cursor) (int64, bool) { return v, true }
	case *plan.Attr:
		a, ok := c.attribute(n)
		if !ok {
			return func(*cursor) (int64, bool) { return 0, false }
		}
		return a.value
	case *plan.Field:
		return c.field(n, at)
	case *plan.Arith:
		l, r, sign := c.value(n.L, at), c.value(n.R, at), int64(1)
		if n.Op == '-' {
			sign = -1
		}
		return func(x *cursor) (int64, bool) {
			a, aok := l(x)
			b, bok := r(x)
			return a + sign*b, aok && bok
		}
	case *plan.Times:
		in := c.value(n.X, at)
		return func(x *cursor) (int64, bool) { v, ok := in(x); return v * n.By, ok }
	case *plan.Product:
		l, r := c.value(n.X, at), c.value(n.Y, at)
		return func(x *cursor) (int64, bool) {
			a, aok := l(x)
			b, bok := r(x)
			return a * b, aok && bok
		}
	case *plan.Aggregate:
		return c.kept(n, c.aggregate(n))
	}
	return func(*cursor) (int64, bool) { return 0, false }
}

// kept computes an aggregate that several plans read once a question.
func (c *closures) kept(n plan.Node, compute number) number {
	class, ok := c.program.class[n]
	if !ok || c.program.uses[class] < 2 {
		return compute
	}
	return func(x *cursor) (int64, bool) {
		k := &x.kept[class]
		if k.turn != x.turn {
			k.value, k.known = compute(x)
			k.turn = x.turn
		}
		return k.value, k.known
	}
}

func (c *closures) field(f *plan.Field, at *kind) number {
	lane, ok := c.lane(f, at)
	if !ok {
		return func(*cursor) (int64, bool) { return 0, false }
	}
	return func(x *cursor) (int64, bool) {
		v := x.read(lane, x.row)
		return v, v != missing
	}
}

// code compiles an expression with a string or set for a value: its number in a
// dictionary, 0 for missing.
func (c *closures) code(e plan.Expr, at *kind) (coder, *dictionary) {
	none := func(*cursor) uint64 { return 0 }
	switch n := e.(type) {
	case *plan.Attr:
		a, ok := c.attribute(n)
		if !ok {
			return none, emptyOf(n.Of)
		}
		return a.code, c.schema.attrs[a.index].dict
	case *plan.Field:
		lane, ok := c.lane(n, at)
		if !ok {
			return none, emptyOf(n.Of)
		}
		return func(x *cursor) uint64 { return uint64(x.read(lane, x.row)) }, at.up(n.Up).dictionaryOf(n.Name)
	case *plan.Aggregate:
		of, dict := c.code(n.Of, c.schema.kinds[c.schema.kind[n.Kind]])
		pick := c.pick(n)
		return func(x *cursor) uint64 {
			if !pick(x) {
				return 0
			}
			return of(x)
		}, dict
	}
	return none, nil
}

// emptyOf is the dictionary of a name that no data has.
func emptyOf(t catalog.Type) *dictionary { return newDictionary(t) }
