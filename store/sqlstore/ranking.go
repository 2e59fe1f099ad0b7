package sqlstore

import (
	"slices"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ranking is everybody who is ranked, with the values that a rank compares.
type ranking struct {
	ids    []rowID
	values []int64
}

func (r *ranking) add(id rowID, value int64) {
	r.ids, r.values = append(r.ids, id), append(r.values, value)
}

// members are the rank's cut and those inside it.
func (r *ranking) members(rank *plan.Rank) (eval.Cut, []rowID) {
	k := eval.Places(rank, len(r.values))
	if k == 0 {
		return eval.Cut{Empty: true}, nil
	}
	sorted := slices.Sorted(slices.Values(r.values))
	cut := sorted[len(sorted)-k]
	if rank.Bottom {
		cut = sorted[k-1]
	}
	var inside []rowID
	for i, v := range r.values {
		if v == cut || rank.Bottom == (v < cut) {
			inside = append(inside, r.ids[i])
		}
	}
	return eval.Cut{Value: cut}, inside
}
