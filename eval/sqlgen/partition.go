package sqlgen

import (
	"fmt"
	"math"
	"slices"
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
// the rest share the population. Plans with ranks need their cuts, as in Select, but
// for those that are a rank and nothing else: one without its cut is for Query.Ranked
// where it shares a part with others, and for InRank where it is alone.
//
// On ClickHouse every plan shares one statement, but for those that compare the records of
// two short windows, and ranks whose records no other plan reads or that are few. A rank of
// one pass is one there whether it has a cut, which another plan may have asked for, or not.
func Partition(d Dialect, s *Schema, q Query, cuts map[string]Cut) []Part {
	if d == ClickHouse {
		return clickParts(s, q, cuts)
	}
	starts := make([]start, len(q.Plans))
	passes := map[string]time.Duration{} // by kind, how far back the pass over it reads
	picked := map[string]int{}           // how many plans of a kind pick their customers
	passed := map[string]bool{}          // kinds of which others read all customers' records
	for i, p := range q.Plans {
		one := q
		one.Plans = q.Plans[i : i+1]
		starts[i] = newGenerator(d, s, one, cuts).start(ready(p))
		if st := starts[i]; !st.few {
			passes[st.kind] = max(passes[st.kind], st.back)
		}
		if starts[i].picked {
			picked[starts[i].kind]++
		} else if !starts[i].few {
			passed[starts[i].kind] = true
		}
	}
	var out []Part
	shared := map[string]int{} // the part of a kind, "" for the population
	ranks := map[int]int{}     // how many ranks are in a part
	for i, st := range starts {
		alone := st.few && (st.back == 0 || st.back < passes[st.kind]/most || passes[st.kind] == 0)
		if !alone && st.few {
			st.why = needed(st.kind)
		}
		if st.picked && !alone && (st.part <= fewPass || !passed[st.kind] && picked[st.kind] <= mostPicked) {
			alone, st.why = true, "it asks for some customers, and needs a record of "+st.kind+": alone, it groups only theirs"
		}
		at, ok := shared[st.kind]
		if alone || !ok || len(out[at].Plans) == MostPlans {
			at = len(out)
			out = append(out, Part{Why: st.why})
			if !alone {
				shared[st.kind] = at
			}
		}
		out[at].Plans = append(out[at].Plans, i)
		if st.ranks {
			ranks[at]++
		}
	}
	for at := range out {
		if !slices.ContainsFunc(out[at].Plans, func(i int) bool { return !starts[i].marked }) {
			out[at].Why += "; customers without one of the values asked for are left out before"
		}
	}
	for at, n := range ranks {
		if len(out[at].Plans) == 1 {
			out[at].Why = "the rule is a rank: its members and its cut come together"
			continue
		}
		out[at].Why += fmt.Sprintf("; with it come the values of %d ranks, whose cuts and members are found among them", n)
	}
	return out
}

// most is how many times a short window goes into a pass that it shares rather than
// begin with its own few records.
const most = 4

// mostPicked is how many plans that pick their customers SQLite answers one by one: each
// reads its records again, and sorts fewer. fewPass is what part of all customers it looks
// up one by one rather than read the records of all once more.
const mostPicked, fewPass = 3, 0.05

// start is where a statement for one plan would begin: with the records of a kind, or,
// for the kind "", with the population.
type start struct {
	kind, why string
	few       bool    // begins with a small part of these
	ranks     bool    // the plan is a rank without its cut
	marked    bool    // only customers with one of some values are grouped
	picked    bool    // only customers who pass the plan's tests of themselves are
	part      float64 // of all customers, who pass these
	// back is how far before as-of the records begin. 0 is of a part that no window makes
	// small.
	back time.Duration
}

// forEver is the window without a start.
const forEver = time.Duration(math.MaxInt64)

func (g *generator) start(root plan.Test) start {
	var out start
	_, _, out.part, _ = g.themselves(root)
	rank, ok := root.(*plan.Rank)
	if _, cut := g.cuts[plan.Key(root)]; ok && !cut {
		out.ranks = true
		g.tests(nil, []*plan.Rank{rank})
	} else {
		g.tests([]plan.Test{root}, nil)
	}
	list, _ := g.needed([]plan.Test{root})
	for _, s := range list {
		if why, back := g.few(s); why != "" {
			out.kind, out.why, out.few, out.back, out.picked = s.slots[0].agg.Kind, why, true, back, s.people != nil
			return out
		}
	}
	switch {
	case g.asksLately(root):
		out.why, out.few = "it asks for customers of a short window: the statement begins with them", true
		return out
	case len(list) == 0 && out.ranks:
		out.few = true
		return out
	case len(list) == 0:
		out.why = "their tests hold for customers without records too: the statement goes over the population, one scan a kind"
		return out
	}
	// The kind that most time is spent on: the one with the longest window.
	for _, s := range list {
		back := forEver
		if low, ok := g.lowest(s.slots); ok {
			back = g.asOf.Sub(time.UnixMicro(low))
		}
		if back > out.back {
			out.kind, out.back, out.marked, out.picked = s.slots[0].agg.Kind, back, s.marks != nil, s.people != nil
		}
	}
	out.why = needed(out.kind)
	return out
}

func needed(kind string) string {
	return "they need a record of " + kind + ": one scan of these is shared"
}

// few is why a scan reads a small part of a kind's records, or "", and how far back that
// part begins, 0 where it is small for another reason.
func (g *generator) few(s *scan) (why string, back time.Duration) {
	kind := s.slots[0].agg.Kind
	if low, ok := g.lowest(s.slots); ok && g.asOf.Sub(time.UnixMicro(low)) <= shortest {
		return "it needs a record of " + kind + " within a short window: the statement begins with those", g.asOf.Sub(time.UnixMicro(low))
	}
	for _, slot := range s.slots {
		if !picky(slot.agg.Where) {
			return "", 0
		}
	}
	return "it needs a record of " + kind + " with one of some values: the statement begins with those", 0
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
