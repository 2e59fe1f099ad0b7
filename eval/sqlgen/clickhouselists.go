package sqlgen

import (
	"fmt"
	"slices"
	"strings"
)

// named is a test that a column of integers, which is never NULL, has one of some values.
type named struct {
	column string
	values []string
}

// fewNamed is up to how many values a column is compared with each of them as fast as they
// are looked up.
const fewNamed = 3

// clickNamed are the bits of those of a scan's tests for some record that ask one column for
// different lists of values: all the lists are one, in which the column is looked up once,
// and what a list's test asks besides leaves its bit or not. The tests are told that are
// among them.
func (g *generator) clickNamed(s *scan, atoms []*atom, own [][]piece) (sum []piece, among []*atom) {
	var columns []string
	lists := map[string][]*atom{}
	at := map[*atom]int{} // of the list among what its test asks
	for _, a := range atoms {
		conditions := own[slices.Index(s.slots, a.some)]
		i := slices.IndexFunc(conditions, func(p piece) bool { return p.sure && p.named != nil && len(p.named.values) > fewNamed })
		if i < 0 {
			continue
		}
		column := conditions[i].named.column
		if lists[column] == nil {
			columns = append(columns, column)
		}
		lists[column], at[a] = append(lists[column], a), i
	}
	for _, column := range columns {
		if len(lists[column]) == 1 {
			continue
		}
		var values, weights []string
		var left []piece
		of := map[string]int64{}
		for _, a := range lists[column] {
			conditions := own[slices.Index(s.slots, a.some)]
			for _, v := range conditions[at[a]].named.values {
				if _, ok := of[v]; !ok {
					values = append(values, v)
				}
				of[v] |= a.weight
			}
			left = append(left, g.weighed(a.some, slices.Delete(slices.Clone(conditions), at[a], at[a]+1), a.weight))
			among = append(among, a)
		}
		for i, v := range values {
			weights = append(weights, fmt.Sprint(of[v]))
			if len(v) > len("999999999") { // old servers take it for unsigned, and put none beside what is below zero
				values[i] = "toInt64(" + v + ")"
			}
		}
		looked := fmt.Sprintf("transform(toInt64(%s), CAST([%s] AS Array(Int64)), CAST([%s] AS Array(UInt64)), toUInt64(0))",
			column, strings.Join(values, ", "), strings.Join(weights, ", "))
		sum = append(sum, join("bitAnd("+looked+", toUInt64(", list(left, " + "), "))"))
	}
	return sum, among
}
