package columnar

import (
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// attribute is an attribute as plans read it, and tests of it alone: one closure
// each, since they decide most questions.
type attribute struct {
	index  int
	login  bool // guests have none
	latest bool // after as-of it was once before
	timed  catalog.Sort
	zone   *time.Location
}

// attribute compiles an attribute, not ok for one that the data does not have.
func (c *closures) attribute(n *plan.Attr) (*attribute, bool) {
	i, ok := c.schema.attr[n.Name]
	if !ok {
		return nil, false
	}
	a := &attribute{index: i, login: n.Login && c.guests, latest: n.Latest, zone: c.matcher.env.Zone}
	if sort := n.Of.Sort; !n.Due && (sort == catalog.Instant || sort == catalog.Date) {
		a.timed = sort
	}
	return a, true
}

func (c *closures) attributeOf(e plan.Expr) (*attribute, bool) {
	n, ok := e.(*plan.Attr)
	if !ok {
		return nil, false
	}
	return c.attribute(n)
}

// code is 0 for missing.
func (a *attribute) code(x *cursor) uint64 {
	c := x.shard.attrs[a.index]
	if c == nil || x.local >= c.n || a.login && x.shard.state[x.local] == guest {
		return 0
	}
	return c.at(x.local)
}

func (a *attribute) value(x *cursor) (int64, bool) {
	code := a.code(x)
	if code == 0 {
		return 0, false
	}
	v := x.shard.attrs[a.index].value(code)
	if a.timed == 0 || v <= x.sees(a.timed) {
		return v, true
	}
	if !a.latest {
		return 0, false
	}
	return before(x.at, a.zone, a.timed == catalog.Date), true
}

// before is one second before as-of, or its day.
func before(at time.Time, zone *time.Location, date bool) int64 {
	us := at.UnixMicro() - microsPerSecond
	if date {
		return plan.LocalDay(us, zone)
	}
	return us
}

// attributeTest is a test of one attribute: whether it lies between lo and hi or in a
// window or, where there is a set, has one of these codes; or else, with not.
type attributeTest struct {
	*attribute
	lo, hi int64
	window int // one of the matcher's, in the place of lo and hi; -1 for none
	set    []uint64
	not    bool
}

// ofAttribute compiles a test of one attribute of the customer, not ok for others.
func (c *closures) ofAttribute(t plan.Test) (out attributeTest, ok bool) {
	out.window = -1
	switch n := t.(type) {
	case *plan.Not:
		out, ok = c.ofAttribute(n.Term)
		out.not = !out.not
		return out, ok
	case *plan.Compare:
		lit, isLit := n.R.(*plan.Literal)
		if !isLit {
			return out, false
		}
		if out.lo, out.hi, ok = interval(n.Op, lit.Value.Int()); !ok {
			return out, false
		}
		out.attribute, ok = c.attributeOf(n.L)
	case *plan.Truth:
		out.lo, out.hi = 1, 1
		out.attribute, ok = c.attributeOf(n.X)
	case *plan.During:
		if n.Window.From.Kind == plan.Moment || n.Window.To.Kind == plan.Moment {
			return out, false
		}
		if out.attribute, ok = c.attributeOf(n.X); ok {
			out.window = c.matcher.window(windowed{window: n.Window, dates: n.X.Type().Sort == catalog.Date})
		}
	case *plan.OneOf:
		if out.attribute, ok = c.attributeOf(n.X); !ok {
			return out, false
		}
		codes, ok := codesOf(n.Values, c.schema.attrs[out.index].dict)
		if !ok {
			return out, false
		}
		out.set = bitsOf(codes)
		return out, true
	}
	return out, ok
}

func (a attributeTest) tester() tester {
	lo, hi, window, set := a.lo, a.hi, a.window, a.set
	switch {
	case a.not:
		a.not = false
		in := a.tester()
		return func(x *cursor) bool { return !in(x) }
	case set != nil:
		return func(x *cursor) bool { return listsCode(set, a.code(x)) }
	case window >= 0:
		return func(x *cursor) bool {
			v, ok := a.value(x)
			w := &x.spans[window]
			return ok && w.from <= v && v < w.to
		}
	}
	return func(x *cursor) bool {
		v, ok := a.value(x)
		return ok && lo <= v && v <= hi
	}
}
