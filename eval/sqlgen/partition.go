package sqlgen

import (
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Part is some plans of a query that one statement answers best.
type Part struct {
	Plans []int // their places in Query.Plans
	Why   string
}

// shortest is the longest window that is taken for a small part of a kind's records,
// which an index on the time finds.
const shortest = 35 * 24 * time.Hour

// Partition tells which plans of a query to answer together. A plan that a few
// records decide is answered alone, beginning with them: among others, it would pay
// for a scan of all. Plans that need records of one kind share one pass over these;
// the rest share the population. Plans with ranks need their cuts, as in Select.
func Partition(d Dialect, s *Schema, q Query, cuts map[string]Cut) []Part {
	var out []Part
	shared := map[string]int{} // the part of a kind, "" for the population
	for i, p := range q.Plans {
		one := q
		one.Plans = q.Plans[i : i+1]
		g := newGenerator(d, s, one, cuts)
		root := ready(p)
		g.tests([]plan.Test{root})
		kind, why, few := g.start(root)
		at, ok := shared[kind]
		if few || !ok || len(out[at].Plans) == MostPlans {
			if !few {
				shared[kind] = len(out)
			}
			out = append(out, Part{Plans: []int{i}, Why: why})
			continue
		}
		out[at].Plans = append(out[at].Plans, i)
	}
	return out
}

// start is where a statement for one plan would begin: with the records of a kind,
// or with the population; and whether these are few.
func (g *generator) start(root plan.Test) (kind, why string, few bool) {
	needed, _ := g.needed([]plan.Test{root})
	for _, s := range needed {
		if why := g.few(s); why != "" {
			return s.slots[0].agg.Kind, why, true
		}
	}
	if g.asksLately(root) {
		return "", "it asks for customers of a short window: the statement begins with them", true
	}
	if len(needed) == 0 {
		return "", "their tests hold for customers without records too: the statement goes over the population, one scan a kind", false
	}
	// The kind that most time is spent on: the one with the longest window.
	longest := needed[0]
	for _, s := range needed[1:] {
		low, bounded := g.lowest(s.slots)
		if best, ok := g.lowest(longest.slots); !bounded || ok && low < best {
			longest = s
		}
	}
	kind = longest.slots[0].agg.Kind
	return kind, "they need a record of " + kind + ": one scan of these is shared", false
}

// few is why a scan reads a small part of a kind's records, or "".
func (g *generator) few(s *scan) string {
	kind := s.slots[0].agg.Kind
	if low, ok := g.lowest(s.slots); ok && g.asOf.Sub(time.UnixMicro(low)) <= shortest {
		return "it needs a record of " + kind + " within a short window: the statement begins with those"
	}
	for _, slot := range s.slots {
		if !picky(slot.agg.Where) {
			return ""
		}
	}
	return "it needs a record of " + kind + " with one of some values: the statement begins with those"
}

// picky tells whether a condition asks for some values of a text without limits: an
// index serves it where there is one, and few records have them.
func picky(t plan.Test) bool {
	switch n := t.(type) {
	case *plan.OneOf:
		return n.X.Type().Sort == catalog.String
	case *plan.And:
		for _, term := range n.Terms {
			if picky(term) {
				return true
			}
		}
	}
	return false
}

// asksLately tells whether a test asks for a moment of the customer within a short
// window.
func (g *generator) asksLately(t plan.Test) bool {
	switch n := t.(type) {
	case *plan.And:
		for _, term := range n.Terms {
			if g.asksLately(term) {
				return true
			}
		}
	case *plan.During:
		from, _, ok := n.Window.Fixed(g.asOf, g.zone)
		_, attr := n.X.(*plan.Attr)
		return ok && attr && from != plan.MinInstant && g.asOf.Sub(time.UnixMicro(from)) <= shortest
	}
	return false
}
