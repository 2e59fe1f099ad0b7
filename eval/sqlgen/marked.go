package sqlgen

import (
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// mark finds SQLite's scans of which only some customers need to be grouped: where each
// plan needs one of the few records that ask for some values, as a share of these does, a
// customer without such a record is left out before. SQLite groups by sorting, and a row
// that it sorts costs it several that it looks at; others hash, and gain nothing. Records
// without a window may lie in the order of their customers already.
func (g *generator) mark(roots []plan.Test) {
	if g.dialect != SQLite {
		return
	}
	for _, s := range g.scans {
		first := s.slots[0].agg
		_, bounded := g.lowest(s.slots)
		if !bounded || g.ordered(first) || first.Window.From.Kind == plan.Moment || first.Window.To.Kind == plan.Moment {
			continue
		}
		var marks []*slot
		var ceilings []ceiling
		for _, root := range roots {
			var mark *slot
			if c, ok := g.ceiling(root, s); ok {
				mark, ceilings = c.part, append(ceilings, c)
			} else if i := slices.IndexFunc(s.slots, func(m *slot) bool { return g.decisive(m, root) }); i >= 0 {
				mark = s.slots[i]
			} else {
				marks = nil
				break
			}
			if !slices.Contains(marks, mark) {
				marks = append(marks, mark)
			}
		}
		if len(marks) == len(s.slots) {
			continue
		}
		s.marks = marks
		if len(ceilings) == len(roots) {
			s.ceilings = ceilings
		}
	}
}

// marked is the test that a customer has one of the records without which no plan holds.
func (g *generator) marked(s *scan, key string) piece {
	if s.ceilings != nil {
		return g.below(s, key)
	}
	few := &scan{slots: s.marks}
	r := g.record(s.marks[0].agg, s.marks)
	where, _ := g.of(few, r)
	return join(key+" IN (SELECT ", r.owner, r.from(), " WHERE ", list(where, " AND "), ")")
}
