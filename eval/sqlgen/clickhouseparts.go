package sqlgen

import (
	"fmt"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// clickParts is Partition for ClickHouse. What a plan compares between two kinds of
// records travels through a statement of several plans as columns of every customer. Where
// both windows are short, a statement of its own reads few records instead. A rank shares
// the scan of other plans, which its values travel with, and reads no records again.
func clickParts(s *Schema, q Query, cuts map[string]Cut) []Part {
	why := make([]string, len(q.Plans)) // each is alone, "" where it is not
	ranks := make([]*scan, len(q.Plans))
	readers := map[string]int{} // plans of a scan, by its key
	for i, p := range q.Plans {
		one := q
		one.Plans = q.Plans[i : i+1]
		g := newGenerator(ClickHouse, s, one, cuts)
		root := ready(p)
		if rank, ok := root.(*plan.Rank); ok && (OnePass(ClickHouse, rank) || !g.hasCut(rank)) {
			if ranks[i] = g.rankScan(rank); ranks[i] == nil {
				why[i] = aRank
			}
		} else if g.comparesFew(root) {
			why[i] = "it compares the records of two short windows: these are read by themselves"
		}
		if why[i] == "" {
			for _, s := range g.scans {
				readers[s.key]++
			}
		}
	}
	var out []Part
	shared, values := -1, map[int]int{}
	for i := range q.Plans {
		if ranks[i] != nil && readers[ranks[i].key] == 1 {
			why[i] = aRank
		}
		if why[i] != "" {
			out = append(out, Part{Plans: []int{i}, Why: why[i]})
			continue
		}
		if shared < 0 || len(out[shared].Plans) == MostPlans {
			shared = len(out)
			out = append(out, Part{Why: "their scans of the same records are shared"})
		}
		out[shared].Plans = append(out[shared].Plans, i)
		if ranks[i] != nil {
			values[shared]++
		}
	}
	for at, n := range values {
		if len(out[at].Plans) == 1 {
			out[at].Why = aRank
			continue
		}
		out[at].Why += fmt.Sprintf("; with it come the values of %d ranks, whose cuts and members are found among them", n)
	}
	return out
}

const aRank = "the rule is a rank: its members and its cut come together"

func (g *generator) hasCut(r *plan.Rank) bool {
	_, ok := g.cuts[plan.Key(r)]
	return ok
}

// rankScan is the one scan that a rank's values come from, nil where it is better alone:
// there are several or none, or its window is short.
func (g *generator) rankScan(r *plan.Rank) *scan {
	if !ofOneScan(r) {
		return nil
	}
	g.liftPopulation()
	g.ranked(r)
	if len(g.scans) != 1 || g.short(g.scans[0]) {
		return nil
	}
	return g.scans[0]
}

// comparesFew tells whether a plan that is answered alone joins two scans of few records.
func (g *generator) comparesFew(root plan.Test) bool {
	l := g.liftPopulation()
	g.holds(l.narrow(root), g.customer())
	of := g.clickWho([]plan.Test{root})
	mode := g.aloneMode(of)
	return mode != nil && mode.beside != "" && g.short(of.base) && g.short(g.scanOf(mode.beside))
}

// short tells whether a scan reads no more than the records of a short window.
func (g *generator) short(s *scan) bool {
	low, bounded := g.lowest(s.slots)
	return bounded && g.asOf.Sub(time.UnixMicro(low)) <= shortest
}
