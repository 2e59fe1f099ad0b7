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
		for _, root := range roots {
			i := slices.IndexFunc(s.slots, func(m *slot) bool {
				return picky(m.agg.Where) && absence{g: g, scan: s, only: m}.test(root) == never
			})
			if i < 0 {
				marks = nil
				break
			}
			if !slices.Contains(marks, s.slots[i]) {
				marks = append(marks, s.slots[i])
			}
		}
		if len(marks) < len(s.slots) {
			s.marks = marks
		}
	}
}

// marked is the test that a customer has one of the records without which no plan holds.
func (g *generator) marked(s *scan, key string) piece {
	few := &scan{slots: s.marks}
	r := g.record(s.marks[0].agg, s.marks)
	where, own := g.selected(few, r)
	if !slices.ContainsFunc(own, func(l []piece) bool { return len(l) == 0 }) {
		var any []piece
		for _, conditions := range own {
			any = append(any, join("(", list(conditions, " AND "), ")"))
		}
		where = append(where, join("(", list(any, " OR "), ")"))
	}
	return join(key+" IN (SELECT ", r.owner, r.from(), " WHERE ", list(where, " AND "), ")")
}
