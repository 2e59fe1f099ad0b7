package eval

import (
	"container/heap"
	"math/big"
	"strconv"

	"github.com/dangol-dev/dangol/eval/plan"
)

// selection is the records that an aggregate selects while as-of moves on, and as
// much of its value as can be kept up to date when one comes or goes. It gives what
// machine.reduce gives for the same records.
type selection struct {
	m    *machine
	a    *plan.Aggregate
	hits []kept // by the record's place
	n    int
	sum  *big.Rat       // of sum
	seen map[string]int // of distinct and active: how many records have a key
	best candidates     // of first, last, min and max
}

// kept is how one record stands. The turn tells an old candidate from the present.
type kept struct {
	in   bool
	hit  hit
	turn int
}

func newSelection(m *machine, a *plan.Aggregate, records int) *selection {
	return &selection{m: m, a: a, hits: make([]kept, records), sum: new(big.Rat), seen: map[string]int{}}
}

// apply takes a record in, out, or in with another value.
func (s *selection) apply(e event) {
	k := &s.hits[e.record]
	if k.in {
		s.count(k.hit, -1)
	}
	k.in, k.hit, k.turn = e.in, e.hit, k.turn+1
	if !k.in {
		return
	}
	s.count(k.hit, +1)
	switch s.a.Fn {
	case plan.First, plan.Last:
		s.offer(e.record, new(big.Rat).SetInt64(k.hit.stamp))
	case plan.Min, plan.Max:
		if at, ok := s.m.order(s.a, k.hit.of); ok {
			s.offer(e.record, at)
		}
	}
}

// offer makes a record a candidate. What the last and largest of is wanted from is
// turned round, so that the least is always best.
func (s *selection) offer(record int, at *big.Rat) {
	c := candidate{record: record, turn: s.hits[record].turn, at: at, place: record}
	if s.a.Fn == plan.Last || s.a.Fn == plan.Max {
		c.at, c.place = new(big.Rat).Neg(at), -record
	}
	heap.Push(&s.best, c)
}

// count adds a record by times, which is +1 or -1.
func (s *selection) count(h hit, by int) {
	s.n += by
	switch s.a.Fn {
	case plan.Sum:
		if s.m.numbers(s.a, h.of, h.of) {
			s.sum.Add(s.sum, new(big.Rat).Mul(h.of.num, big.NewRat(int64(by), 1)))
		}
	case plan.Distinct:
		if h.of.known() {
			s.mark(h.of.key(), by)
		}
	case plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		s.mark(strconv.FormatInt(period(s.a.Fn, h.stamp, s.m.env.Zone), 10), by)
	}
}

func (s *selection) mark(key string, by int) {
	if s.seen[key] += by; s.seen[key] == 0 {
		delete(s.seen, key)
	}
}

func (s *selection) value() value {
	switch s.a.Fn {
	case plan.Count:
		return integer(int64(s.n))
	case plan.Sum:
		return value{num: new(big.Rat).Set(s.sum)}
	case plan.Distinct:
		return integer(int64(len(s.seen)))
	case plan.First, plan.Last, plan.Min, plan.Max:
		for len(s.best) > 0 {
			top := s.best[0]
			if k := s.hits[top.record]; k.in && k.turn == top.turn {
				return k.hit.of
			}
			heap.Pop(&s.best)
		}
		return missing
	case plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		if s.a.Stamp != nil {
			return integer(int64(len(s.seen)))
		}
	}
	return s.m.reduce(s.a, nil) // reports what does not fit
}

// candidates is a heap of the records that may give the value, best first. Records
// that have gone stay until they come to the top.
type candidates []candidate

type candidate struct {
	record, turn int
	at           *big.Rat
	place        int // of the record in the order of keys
}

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }

func (c *candidates) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// Less ranks by value, then by key.
func (c candidates) Less(i, j int) bool {
	if cmp := c[i].at.Cmp(c[j].at); cmp != 0 {
		return cmp < 0
	}
	return c[i].place < c[j].place
}
