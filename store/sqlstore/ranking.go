package sqlstore

import (
	"slices"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ranking is everybody who is ranked, with the values that a rank compares. Most are told
// by numbers, which take a third of the memory.
type ranking struct {
	numbers []rankedNumber
	others  []rankedID
}

type rankedNumber struct{ id, value int64 }

type rankedID struct {
	id    rowID
	value int64
}

func (r *ranking) add(id rowID, value int64) {
	if id.isText {
		r.others = append(r.others, rankedID{id, value})
	} else {
		if n := len(r.numbers); n == cap(r.numbers) { // of many, append makes room for a quarter more
			r.numbers = slices.Grow(r.numbers, n+1)
		}
		r.numbers = append(r.numbers, rankedNumber{id.number, value})
	}
}

// members are the rank's cut and those inside it.
func (r *ranking) members(rank *plan.Rank) (eval.Cut, []rowID) {
	values := make([]int64, 0, len(r.numbers)+len(r.others))
	for _, one := range r.numbers {
		values = append(values, one.value)
	}
	for _, one := range r.others {
		values = append(values, one.value)
	}
	k := eval.Places(rank, len(values))
	if k == 0 {
		return eval.Cut{Empty: true}, nil
	}
	place := len(values) - k
	if rank.Bottom {
		place = k - 1
	}
	cut := inPlace(values, place)
	in := func(v int64) bool { return v == cut || rank.Bottom == (v < cut) }
	var inside []rowID
	for _, one := range r.numbers {
		if in(one.value) {
			inside = append(inside, rowID{number: one.id})
		}
	}
	for _, one := range r.others {
		if in(one.value) {
			inside = append(inside, one.id)
		}
	}
	return eval.Cut{Value: cut}, inside
}

// inPlace is what would stand in a place, from 0, if the values were sorted. It changes them.
func inPlace(values []int64, place int) int64 {
	least, greatest := slices.Min(values), slices.Max(values)
	if least == greatest {
		return least
	}
	if greatest-least < 0 { // they lie further apart than a number counts
		slices.Sort(values)
		return values[place]
	}
	for i := range values {
		values[i] -= least
	}
	return least + sortedKeys(values)[place]
}
