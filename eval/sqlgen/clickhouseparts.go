package sqlgen

import (
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// clickParts is Partition for ClickHouse. What a plan compares between two kinds of
// records travels through a statement of several plans as columns of every customer. Where
// both windows are short, a statement of its own reads few records instead.
func clickParts(s *Schema, q Query, cuts map[string]Cut) []Part {
	var out []Part
	shared := -1
	for i, p := range q.Plans {
		one := q
		one.Plans = q.Plans[i : i+1]
		alone := newGenerator(ClickHouse, s, one, cuts).comparesFew(ready(p))
		if alone {
			out = append(out, Part{Plans: []int{i}, Why: "it compares the records of two short windows: these are joined by themselves"})
			continue
		}
		if shared < 0 || len(out[shared].Plans) == MostPlans {
			shared = len(out)
			out = append(out, Part{Why: "their scans of the same records are shared"})
		}
		out[shared].Plans = append(out[shared].Plans, i)
	}
	return out
}

// comparesFew tells whether a plan that is answered alone joins two scans of few records.
func (g *generator) comparesFew(root plan.Test) bool {
	l := g.liftPopulation()
	g.holds(l.narrow(root), g.customer())
	of := g.clickWho([]plan.Test{root})
	mode := g.aloneMode(of)
	if mode == nil || mode.beside == "" {
		return false
	}
	for _, s := range []*scan{of.base, g.scanOf(mode.beside)} {
		low, bounded := g.lowest(s.slots)
		if !bounded || g.asOf.Sub(time.UnixMicro(low)) > shortest {
			return false
		}
	}
	return true
}
