package columnar

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// The clauses of an And or Or: their order, and what several of them tell together.

// step is one of the tests that all have to hold: of an attribute, of a number of
// records, or any other.
type step struct {
	test  tester
	attr  *attributeTest
	count *countTest
}

// countTest is whether the number of a selection's rows lies between lo and hi.
type countTest struct {
	*selection
	lo, hi int64
}

// steps compiles a test as such that all have to hold.
func (c *closures) steps(t plan.Test, at *kind) []step {
	if and, ok := t.(*plan.And); ok {
		return c.all(and.Terms, at)
	}
	return c.all([]plan.Test{t}, at)
}

// terms compiles the terms of an Or, the cheapest first: they often decide.
func (c *closures) terms(list []plan.Test, at *kind) []tester {
	var out []tester
	for _, t := range cheapestFirst(list) {
		out = append(out, c.test(t, at))
	}
	return out
}

func cheapestFirst(list []plan.Test) []plan.Test {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b plan.Test) int { return cost(a) - cost(b) })
	return list
}

// all compiles the terms of an And. Those that compare one number of records with
// constants are one, so that "between" counts once.
func (c *closures) all(list []plan.Test, at *kind) []step {
	list = cheapestFirst(list)
	var out []step
	done := map[int]bool{}
	for i, t := range list {
		if cost(t) == filtered && (i == 0 || cost(list[i-1]) < filtered) {
			out = append(out, c.needed(list)...)
		}
		a, lo, hi, ok := c.counted(t)
		if !ok {
			out = append(out, c.step(t, at))
			continue
		}
		class, same := c.program.class[a], 1
		if done[class] {
			continue
		}
		done[class] = true
		for _, other := range list[i+1:] {
			if b, least, most, ok := c.counted(other); ok && c.program.class[b] == class {
				lo, hi = max(lo, least), min(hi, most)
				same++
			}
		}
		out = append(out, c.countWithin(a, lo, hi, same))
	}
	return out
}

func (c *closures) step(t plan.Test, at *kind) step {
	if a, ok := c.ofAttribute(t); ok {
		return step{test: a.tester(), attr: &a}
	}
	return step{test: c.test(t, at)}
}

// counted is the ends between which a term wants a number of records, not ok for
// others.
func (c *closures) counted(t plan.Test) (a *plan.Aggregate, lo, hi int64, ok bool) {
	if not, isNot := t.(*plan.Not); isNot {
		a, lo, hi, ok = c.counted(not.Term)
		switch {
		case !ok || a.Window.From.Kind == plan.Moment || a.Window.To.Kind == plan.Moment:
			return nil, 0, 0, false // a number that is not known is not within either
		case lo == plan.MinInstant && hi < plan.MaxInstant:
			return a, hi + 1, plan.MaxInstant, true
		case hi == plan.MaxInstant && lo > plan.MinInstant:
			return a, plan.MinInstant, lo - 1, true
		}
		return nil, 0, 0, false
	}
	n, ok := t.(*plan.Compare)
	if !ok {
		return nil, 0, 0, false
	}
	a, isCount := n.L.(*plan.Aggregate)
	lit, isLit := n.R.(*plan.Literal)
	if !isCount || !isLit || a.Fn != plan.Count {
		return nil, 0, 0, false
	}
	lo, hi, ok = interval(n.Op, lit.Value.Int())
	return a, lo, hi, ok
}

// countWithin tests a number of records, which so many nodes read here. Counting
// ends when the answer is known, unless other nodes read the number too.
func (c *closures) countWithin(a *plan.Aggregate, lo, hi int64, here int) step {
	if c.program.uses[c.program.class[a]] > here {
		value := c.value(a, nil)
		return step{test: func(x *cursor) bool {
			v, ok := value(x)
			return ok && lo <= v && v <= hi
		}}
	}
	return countTest{c.selection(a, c.schema.kinds[c.schema.kind[a.Kind]]), lo, hi}.step()
}

func (c countTest) step() step {
	lo, hi, rows, enough := c.lo, c.hi, c.selection, c.lo
	if hi != math.MaxInt64 {
		enough = hi + 1
	}
	return step{count: &c, test: func(x *cursor) bool {
		if in, ok := rows.within(x, lo, hi); ok {
			return in
		}
		got, ok := rows.count(x, lo, enough)
		return ok && lo <= got && got <= hi
	}}
}

// needed are what comparisons of two numbers of records, each times something, need
// to hold where another term says that the right one is not 0: some of the left one.
// Of a share, few customers have any.
func (c *closures) needed(list []plan.Test) (out []step) {
	for _, t := range list {
		n, ok := t.(*plan.Compare)
		if !ok || n.Op != plan.AtLeast && n.Op != plan.More && n.Op != plan.Equal {
			continue
		}
		left, right := multipleOf(n.L), multipleOf(n.R)
		if left == nil || right == nil || !slices.ContainsFunc(list, func(t plan.Test) bool {
			a, lo, _, ok := c.counted(t)
			return ok && lo >= 1 && c.program.class[a] == c.program.class[right]
		}) {
			continue
		}
		rows := c.selection(left, c.schema.kinds[c.schema.kind[left.Kind]])
		out = append(out, countTest{rows, 1, math.MaxInt64}.step())
	}
	return out
}

// multipleOf is the number of records that an expression is a positive multiple of, nil
// for others.
func multipleOf(e plan.Expr) *plan.Aggregate {
	for {
		switch n := e.(type) {
		case *plan.Times:
			if n.By <= 0 {
				return nil
			}
			e = n.X
		case *plan.Aggregate:
			if n.Fn != plan.Count {
				return nil
			}
			return n
		default:
			return nil
		}
	}
}

// lastDuring tests whether the newest record lies in one of the matcher's windows:
// its place among all records tells, mostly without its stamp.
func (c *closures) lastDuring(e plan.Expr, window int) (tester, bool) {
	a, ok := e.(*plan.Aggregate)
	if !ok || a.Fn != plan.Last || a.Where != nil || a.Stamp == nil {
		return nil, false
	}
	of, ok := a.Of.(*plan.Field)
	k := c.schema.kinds[c.schema.kind[a.Kind]]
	if !ok || of.Due || of.Name != a.Stamp.Name || of.Up != a.Stamp.Up || !k.ordered(a.Stamp) {
		return nil, false
	}
	rows, value := c.selection(a, k), c.value(e, nil)
	return func(x *cursor) bool {
		w := &x.spans[window]
		st, ok := rows.stand(x)
		first, end := 0, 0
		if ok {
			first, end, ok = st.rows(x.local)
		}
		if !ok {
			v, known := value(x)
			return known && w.from <= v && v < w.to
		}
		if !st.reaches(first, end, 1) {
			return false
		}
		l, i := st.log, st.index
		return l.since(i, end-1, end, i.bar(w.from)) < end && (w.to > i.newest || l.since(i, end-1, end, i.bar(w.to)) == end)
	}, true
}

// cost is how a term compares with others. Groups are asked before all, since a
// broken one is an error wherever it stands.
func cost(t plan.Test) int {
	out := 0
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Member:
			out = -1
		case *plan.Aggregate:
			out = max(out, costOf(n))
		}
		return out >= 0
	})
	return out
}

// costOf is that of an aggregate: those that the rows' places in time answer are
// cheap, those within moments, which are aggregates themselves, are dear.
func costOf(a *plan.Aggregate) int {
	switch {
	case a.Window.From.Kind == plan.Moment || a.Window.To.Kind == plan.Moment:
		return 4
	case a.Fn != plan.Count && a.Fn != plan.First && a.Fn != plan.Last:
		return 3
	case a.Where != nil:
		return filtered
	}
	return 1
}

// filtered is the cost of a number of records that a filter tells.
const filtered = 2
