package sqlgen

import (
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// mostPass is the part of all customers that tests of themselves may let pass for a list
// of them to be worth its making: it costs SQLite less than what it then leaves unsorted.
const mostPass = 0.35

// fewDays is the longest window whose records SQLite groups or lists sooner than it makes
// a list of customers.
const fewDays = 7 * 24 * time.Hour

// themselves splits a plan's test into what it asks of the customers themselves and the
// rest, where the former leaves out so many that a list of the others is worth its making.
// lately tells that an index finds these.
func (g *generator) themselves(root plan.Test) (own, rest []plan.Test, lately bool) {
	passing := 1.0
	for _, t := range conjuncts(root) {
		if !ofThemselves(t) {
			rest = append(rest, t)
			continue
		}
		own, passing, lately = append(own, t), passing*g.passing(t), lately || g.asksLately(t)
	}
	if g.dialect != SQLite || passing > mostPass {
		return nil, conjuncts(root), false
	}
	return own, rest, lately
}

// ofThemselves tells whether a test reads columns of the customer's own row and nothing
// else.
func ofThemselves(t plan.Test) bool {
	ok := true
	plan.Walk(t, func(n plan.Node) bool {
		switch n.(type) {
		case *plan.Aggregate, *plan.Has, *plan.Member, *plan.Sample, *plan.Rank:
			ok = false
		}
		return ok
	})
	return ok
}

// passing guesses the part of the customers for whom a test holds, 1 where there is
// nothing to guess by.
func (g *generator) passing(t plan.Test) float64 {
	one, ok := t.(*plan.OneOf)
	switch {
	case g.asksLately(t):
		return 0.05
	case ok && one.X.Type().Sort == catalog.Enum:
		return float64(len(one.Values)) / float64(len(one.X.Type().Values))
	case ok && one.X.Type().Sort == catalog.String:
		return min(float64(len(one.Values))/10, 1)
	}
	return 1
}

// reach tells SQLite's scans whose records they need, before they are grouped or listed:
// where each plan asks something of the customers themselves, of those who pass. The
// records of a short window are few without that, and those without a window may lie in
// the order of their customers; where an index finds the customers, both are worth it.
func (g *generator) reach(roots []plan.Test) {
	people, lately := g.picks, g.lately
	if people == nil {
		lately = true
		parts := 0.0
		for _, root := range roots {
			own, _, late := g.themselves(root)
			if own == nil {
				return
			}
			part := 1.0
			for _, t := range own {
				part *= g.passing(t)
			}
			people, lately, parts = append(people, together(own)), lately && late, parts+part
		}
		if parts > mostPass {
			return
		}
	}
	for _, s := range g.scans {
		low, bounded := g.lowest(s.slots)
		long := bounded && g.asOf.Sub(time.UnixMicro(low)) > fewDays && !picky(s.slots[0].agg.Where)
		if !g.ordered(s.slots[0].agg) && (lately || long) {
			s.people = people
		}
	}
}

func together(terms []plan.Test) plan.Test {
	if len(terms) == 1 {
		return terms[0]
	}
	return &plan.And{Terms: terms}
}

// passed is the test that a customer passes tests of the customers themselves.
func (g *generator) passed(people []plan.Test, key string) piece {
	n := g.alias("n")
	var any []piece
	for _, t := range people {
		any = append(any, g.holds(t, row{customerAlias: n}))
	}
	return join(key+" IN (SELECT "+n+"."+g.schema.Customers.Key+" FROM "+g.table(g.schema.Customers)+" "+n+" WHERE ", list(any, " OR "), ")")
}

// apart writes the statement of one plan, but for what it asks of the customers
// themselves, over the records of those who pass that. Where no scan stands for the
// population, or more than its own tests reads the customer's row, there is none.
func (g *generator) apart(root plan.Test) (piece, bool) {
	own, rest, lately := g.themselves(root)
	if own == nil || len(rest) == 0 {
		return piece{}, false
	}
	test := together(rest)
	g.picks, g.lately = []plan.Test{together(own)}, lately
	g.tests([]plan.Test{test}, nil)
	needed, _ := g.needed([]plan.Test{test})
	if base := g.base(needed); g.asked || base == nil || base.people == nil {
		return piece{}, false
	}
	return g.alone(test), true
}

// outside are the conditions under which a record is of a customer whom no plan can
// select, turned around: what a scan asks of its records before it groups or lists them.
func (g *generator) outside(s *scan, key string) []piece {
	var out []piece
	if s.people != nil {
		out = append(out, g.passed(s.people, key))
	}
	if s.among != nil {
		out = append(out, g.list(s.among, key))
	}
	if s.marks != nil {
		out = append(out, g.marked(s, key))
	}
	return out
}
