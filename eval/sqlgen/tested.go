package sqlgen

import (
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// mostLists is how many lists of customers cost SQLite less than one scan that is
// grouped: it puts a row into a list in half the time that it takes to sort it.
const mostLists = 2

// listTests tells SQLite's scans of which tests ask only whether a customer has a record
// to be lists of customers: each test asks its own where it stands. A list that two tests
// ask for would be made twice, and records without a window may be grouped in the order of
// an index.
func (g *generator) listTests(roots []plan.Test) {
	needed, others := g.needed(roots)
	_, g.key = g.begin(needed, len(roots))
	if g.dialect != SQLite {
		return
	}
	for _, s := range others {
		_, bounded := g.lowest(s.slots)
		s.tested = bounded && len(s.slots) <= mostLists && !s.read() &&
			!slices.ContainsFunc(s.slots, func(slot *slot) bool { return slot.some != 1 })
	}
}

// worthwhile is a condition without which no plan has a member, of the records alone that
// the statement begins with: engines ask it before they look up what else tests read of a
// customer. There is none where each customer with such a record may be a member.
func (g *generator) worthwhile(roots []plan.Test) []piece {
	var any []piece
	for _, root := range roots {
		var all []piece
		for _, t := range conjuncts(root) {
			if g.ofFirst(t) {
				all = append(all, g.holds(t, g.customer()))
			}
		}
		if len(all) == 0 {
			return nil
		}
		any = append(any, join("(", list(all, " AND "), ")"))
	}
	return []piece{join("(", list(any, " OR "), ")")}
}

// ofFirst tells whether a test reads nothing but values of the scan that the statement
// begins with.
func (g *generator) ofFirst(t plan.Test) bool {
	ok, reads := true, false
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Aggregate:
			s := g.byKey[plan.Key(n)]
			ok = ok && s != nil && s.scan.first && n.Window.From.Kind != plan.Moment && n.Window.To.Kind != plan.Moment
			reads = true
			return false
		case *plan.Attr, *plan.Has, *plan.Member, *plan.Sample, *plan.Rank:
			ok = false
		}
		return ok
	})
	return ok && reads
}

func conjuncts(t plan.Test) []plan.Test {
	if and, ok := t.(*plan.And); ok {
		return and.Terms
	}
	return []plan.Test{t}
}
