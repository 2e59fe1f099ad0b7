package sqlgen

import (
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Two counts of one scan are one sum of 64 bits: a record adds 1 for the first and
// countShift for the second. What the engine keeps of a customer is what it waits for
// memory with, record by record. No customer has 2^32 records of a kind.
const countShift = 1 << 32

// clickPairs writes those sums of a scan's counts, and the counts as what is read of them
// by the names of their columns. It tells which counts are among them.
func (g *generator) clickPairs(s *scan, own [][]piece, spared []*slot) (columns []piece, paired []*slot) {
	var counts []int
	for i, slot := range s.slots {
		if slot.agg.Fn == plan.Count && (slot.used || slot.read) && !slices.Contains(spared, slot) {
			counts = append(counts, i)
		}
	}
	if g.form != nil || s.beside != "" {
		return nil, nil
	}
	for ; len(counts) > 1; counts = counts[2:] {
		a, b := counts[0], counts[1]
		first, second := s.slots[a], s.slots[b]
		sum := fmt.Sprintf("%s%s_p%d", Reserved, s.name, len(paired)/2+1)
		columns = append(columns,
			join("sum(", g.weighed(first, own[a], 1), " + ", g.weighed(second, own[b], countShift), ") AS "+sum),
			text(fmt.Sprintf("bitAnd(%s, %d) AS %s", sum, countShift-1, first.column)),
			text(fmt.Sprintf("intDiv(%s, %d) AS %s", sum, countShift, second.column)))
		paired = append(paired, first, second)
	}
	return columns, paired
}

// weighed is a weight for a record that an aggregate counts, and 0 for another.
func (g *generator) weighed(s *slot, own []piece, weight int64) piece {
	condition := list(own, " AND ")
	if condition.sql == "" {
		return text(fmt.Sprint(weight))
	}
	if !g.filledAggregate(s.agg) {
		condition = join("COALESCE(", condition, ", 0)")
	}
	return g.link(s.agg, join("if(", condition, fmt.Sprintf(", %d, 0)", weight)))
}
