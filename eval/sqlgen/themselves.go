package sqlgen

import (
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// mostPass is the part of all customers that tests of themselves may let pass for a list
// of them to be worth its making: it costs SQLite less than what it then leaves unsorted.
// listPass is that of a list of records, which is made sooner than groups are. latelyPass
// stands for those whom an index on a short window finds.
const mostPass, listPass, latelyPass = 0.45, 0.25, 0.05

// fewDays is the longest window whose records SQLite groups or lists sooner than it makes
// a list of customers.
const fewDays = 7 * 24 * time.Hour

// sampled is how many customers tell what part of all passes.
const sampled = 2000

// Sample writes the statement that tells what part of some customers passes the tests of a
// plan that ask for something of themselves: one row of the number of customers and of
// those who pass, for Query.Passing. ok is false where statements do not depend on it.
func Sample(d Dialect, s *Schema, q Query, p *plan.Plan) (st Statement, ok bool) {
	if d != SQLite {
		return Statement{}, false
	}
	g := newGenerator(d, s, q, nil)
	own, rest := split(ready(p))
	if len(own) == 0 || len(rest) == 0 || slices.ContainsFunc(own, g.asksLately) {
		return Statement{}, false
	}
	n := row{customerAlias: "n"}
	test := g.holds(together(own), n)
	st, err := g.statement(join("SELECT COUNT(*), COALESCE(SUM(CASE WHEN ", test, " THEN 1 ELSE 0 END), 0) FROM (SELECT * FROM "+
		g.table(s.Customers)+fmt.Sprintf(" LIMIT %d) n", sampled)))
	return st, err == nil
}

// split tells what a plan's test asks of the customers themselves from the rest.
func split(root plan.Test) (own, rest []plan.Test) {
	for _, t := range conjuncts(root) {
		if ofThemselves(t) {
			own = append(own, t)
		} else {
			rest = append(rest, t)
		}
	}
	return own, rest
}

// themselves are the two parts of a plan's test where the tests of the customers
// themselves are known to leave out so many that a list of the others is worth its making,
// and the part that passes. lately tells that an index finds these.
func (g *generator) themselves(root plan.Test) (own, rest []plan.Test, part float64, lately bool) {
	if g.dialect != SQLite {
		return nil, nil, 1, false
	}
	own, rest = split(root)
	part, known := g.passing[plan.Key(root)]
	if slices.ContainsFunc(own, g.asksLately) {
		part, known, lately = latelyPass, true, true
	}
	if len(own) == 0 || !known || part > mostPass {
		return nil, nil, 1, false
	}
	return own, rest, part, lately
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

// reach tells SQLite's scans whose records they need, before they are grouped or listed:
// where each plan asks something of the customers themselves, of those who pass. The
// records of a short window are few without that, and those without a window may lie in
// the order of their customers; where an index finds the customers, both are worth it.
func (g *generator) reach(roots []plan.Test) {
	people, lately, parts := g.picks, g.lately, g.part
	if people == nil {
		lately = true
		for _, root := range roots {
			own, _, part, late := g.themselves(root)
			if own == nil {
				return
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
		if !g.ordered(s.slots[0].agg) && (lately || long && (!s.tested || parts <= listPass)) {
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
	own, rest, part, lately := g.themselves(root)
	if own == nil || len(rest) == 0 {
		return piece{}, false
	}
	test := together(rest)
	g.picks, g.part, g.lately = []plan.Test{together(own)}, part, lately
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
