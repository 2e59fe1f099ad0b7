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

func (a *attribute) between(lo, hi int64) tester {
	return func(x *cursor) bool {
		v, ok := a.value(x)
		return ok && lo <= v && v <= hi
	}
}

// during tests for one of the matcher's windows.
func (a *attribute) during(window int) tester {
	return func(x *cursor) bool {
		v, ok := a.value(x)
		w := &x.spans[window]
		return ok && w.from <= v && v < w.to
	}
}

// listed tests for the codes of a set.
func (a *attribute) listed(set []uint64) tester {
	return func(x *cursor) bool { return listsCode(set, a.code(x)) }
}
