package eval

import (
	"fmt"
	"math/big"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// hit is a record that an aggregate selected.
type hit struct {
	record *Record
	stamp  int64 // microseconds; 0 in a kind without a time
	of     value // what is aggregated, missing for counts
}

// outcome is what comes of an aggregate.
type outcome struct {
	value value
	some  bool // whether it selected a record
}

func (m *machine) aggregate(a *plan.Aggregate, at *Record) outcome {
	if m.known != nil {
		return m.known(a)
	}
	hits, ok := m.selected(a, at)
	if !ok {
		return outcome{}
	}
	return outcome{m.reduce(a, hits), len(hits) > 0}
}

// selected are the records that the aggregate reads, in the order of their keys.
// It is not ok when an end of the window is missing.
func (m *machine) selected(a *plan.Aggregate, at *Record) ([]hit, bool) {
	if a.Stamp == nil && a.Window != (plan.Window{}) {
		m.misfit(a, "a window over records without a time")
		return nil, false
	}
	from, to, ok := m.window(a, a.Window, at)
	if !ok {
		return nil, false
	}
	var hits []hit
	for _, r := range m.c.Records[a.Kind] {
		if h, ok := m.pick(a, r, from, to); ok {
			hits = append(hits, h)
		}
	}
	return hits, true
}

// pick tells whether the aggregate selects the record.
func (m *machine) pick(a *plan.Aggregate, r *Record, from, to int64) (hit, bool) {
	h := hit{record: r}
	if a.Stamp != nil {
		var ok bool
		if h.stamp, ok = m.moment(a.Stamp, r); !ok || h.stamp >= m.asOf {
			return hit{}, false
		}
		if h.stamp < from || h.stamp >= to {
			return hit{}, false
		}
	}
	if a.Where != nil && !m.test(a.Where, r) {
		return hit{}, false
	}
	if a.Of != nil {
		h.of = m.value(a.Of, r)
	}
	return h, true
}

// reduce is the value of the aggregate over the records it selected, which are
// ordered by their keys.
func (m *machine) reduce(a *plan.Aggregate, hits []hit) value {
	switch a.Fn {
	case plan.Count:
		return integer(int64(len(hits)))
	case plan.Sum:
		sum := new(big.Rat)
		for _, h := range hits {
			if m.numbers(a, h.of, h.of) {
				sum.Add(sum, h.of.num)
			}
		}
		return value{num: sum}
	case plan.Min:
		return m.extreme(a, hits, -1)
	case plan.Max:
		return m.extreme(a, hits, +1)
	case plan.First:
		return chosen(hits, func(best, h hit) bool { return h.stamp < best.stamp }).of
	case plan.Last:
		return chosen(hits, func(best, h hit) bool { return h.stamp >= best.stamp }).of
	case plan.Distinct:
		return different(hits, func(h hit) (string, bool) { return h.of.key(), h.of.known() })
	case plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		if a.Stamp == nil {
			m.misfit(a, string(a.Fn)+" of records without a time")
			return missing
		}
		return different(hits, func(h hit) (int64, bool) { return period(a.Fn, h.stamp, m.env.Zone), true })
	default:
		m.misfit(a, fmt.Sprintf("the aggregate %q", string(a.Fn)))
		return missing
	}
}

// extreme is the smallest (sign -1) or largest (sign +1) known value.
func (m *machine) extreme(a *plan.Aggregate, hits []hit, sign int) value {
	best := missing
	var at *big.Rat
	for _, h := range hits {
		if x, ok := m.order(a, h.of); ok && (at == nil || x.Cmp(at) == sign) {
			best, at = h.of, x
		}
	}
	return best
}

// chosen is the hit that no later one replaces, the zero hit when there is none.
func chosen(hits []hit, replaces func(best, h hit) bool) hit {
	var best hit
	for i, h := range hits {
		if i == 0 || replaces(best, h) {
			best = h
		}
	}
	return best
}

// different counts the known keys, each once.
func different[K comparable](hits []hit, key func(hit) (K, bool)) value {
	seen := map[K]bool{}
	for _, h := range hits {
		if k, ok := key(h); ok {
			seen[k] = true
		}
	}
	return integer(int64(len(seen)))
}

// period numbers the local day, week (from Monday) or month of an instant.
func period(fn plan.AggregateFn, us int64, zone *time.Location) int64 {
	day := plan.LocalDay(us, zone)
	switch fn {
	case plan.ActiveWeeks:
		const monday = -3 // 1970-01-01 was a Thursday
		return floorDiv(day-monday, 7)
	case plan.ActiveMonths:
		t := dayTime(day)
		return int64(t.Year())*12 + int64(t.Month())
	}
	return day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
