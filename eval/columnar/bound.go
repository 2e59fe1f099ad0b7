package columnar

import (
	"math"

	"github.com/dangol-dev/dangol/eval/plan"
)

// binding is a Reader's plans in one shard: closures over the columns, with the
// windows as codes of these, so that nothing is left to be asked but the customer. A
// question by id works out what it needs of that anew: the rows may have changed since
// the last.
type binding struct {
	shard *shard
	// The first plan. Where it starts with a test of four bytes, such as a time, that is
	// the gate: the code has to lie between from and from+width. It decides most
	// questions, without a call. first is the rest.
	gate        []uint32
	from, width uint32
	first       answerer
	*others
}

// others are what Holds does not read: a binding is one line of the caches.
type others struct {
	plans []answerer
	near  *nearby // nil where few plans are asked
}

// shut makes the gate the test of a step, false where it is no test of four bytes.
func (b *binding) shut(s step, now *bounds) bool {
	a := s.attr
	if a == nil || !a.bindable() || a.set != nil || a.not {
		return false
	}
	c := b.shard.attrs[a.index]
	if c == nil || c.u32 == nil || c.n < b.shard.n {
		return false
	}
	from, last := a.codes(&c.narrow, now)
	if last = min(last, math.MaxUint32); from > last {
		return false
	}
	b.gate, b.from, b.width = c.u32[:c.n], uint32(from), uint32(last-from)
	return true
}

// answerer answers for a customer of the shard. Each has the next in it: what else
// has to hold.
type answerer func(local int) bool

func (r *Reader) bound(sh *shard) binding {
	m, now := r.cursor.matcher, r.cursor.bounds
	stands := make([]stand, len(m.selections))
	for i, s := range m.selections {
		if s.direct && s.fixed() {
			s.bind(&stands[i], sh, now)
		}
	}
	b := binding{shard: sh, first: func(int) bool { return false }, others: &others{}}
	if len(m.often) > 0 {
		b.near = m.look(sh)
	}
	for i := range m.plans {
		b.plans = append(b.plans, r.plan(&m.plans[i], sh, stands))
	}
	if len(b.plans) > 0 {
		b.first = b.plans[0]
		if first := m.plans[0]; !first.fallback && b.shut(first.steps[0], now) {
			first.steps = first.steps[1:]
			b.first = r.plan(&first, sh, stands)
		}
	}
	return b
}

func (r *Reader) plan(p *compiled, sh *shard, stands []stand) answerer {
	if p.fallback {
		return func(local int) bool {
			x := r.begin(sh, stands, local)
			in, err := x.matcher.slow(p, x)
			if err != nil && x.err == nil {
				x.err = err
			}
			return in
		}
	}
	schema, scope, now := r.cursor.matcher.table.schema, p.scope, r.cursor.bounds
	out := answerer(func(local int) bool { return schema.exists(sh, local, scope, now) })
	for i := len(p.steps) - 1; i >= 0; i-- {
		out = r.step(p.steps[i], sh, stands, out)
	}
	return out
}

func (r *Reader) step(s step, sh *shard, stands []stand, next answerer) answerer {
	if a := s.attr; a != nil && a.bindable() {
		return a.bind(sh, r.cursor.bounds, next)
	}
	test := s.test
	asked := answerer(func(local int) bool { return test(r.begin(sh, stands, local)) && next(local) })
	c := s.count
	if c == nil || !c.direct || !c.fixed() {
		return asked
	}
	st, lo, hi := &stands[c.number], c.lo, c.hi
	counted := answerer(func(local int) bool {
		if in, ok := st.within(local, lo, hi); ok {
			return in && next(local)
		}
		return asked(local)
	})
	switch {
	case !st.plain() || lo < 1:
		return counted
	case hi == math.MaxInt64 && len(st.own) == 0:
		return st.recent(lo, next, counted)
	}
	return st.recent(lo, counted, counted)
}

// plain tells whether the index lists all rows in the order of time, none of them after
// the window.
func (st *stand) plain() bool {
	return st.known && !st.undated && !st.ends && st.index.last == nil
}

// recent tests whether the nth newest row lies in the window, and then what is next;
// counted is asked where the row's entry does not tell.
func (st *stand) recent(n int64, next, counted answerer) answerer {
	start, list, from := st.index.start, st.index.list, st.from
	return func(local int) bool {
		if local+1 >= len(start) {
			return false
		}
		end := int64(start[local+1])
		if end-int64(start[local]) < n {
			return false
		}
		switch e := uint64(list[end-n]); {
		case e >= from.sure:
			return next(local)
		case e < from.open:
			return false
		}
		return counted(local)
	}
}

// bind works out all of a stand.
func (s *selection) bind(st *stand, sh *shard, now *bounds) {
	w := span{plan.MinInstant, plan.MaxInstant}
	if s.span >= 0 {
		w = now.spans[s.span]
	}
	s.place(st, sh, now, w.from, w.to)
	st.sifters = make([]sifter, len(s.own))
	for i := range s.own {
		sift, ok := s.own[i].sifter(now, st.log, st.index)
		st.sifters[i], st.known = sift, st.known && ok
	}
}

// bind is the test as one of the column's codes.
func (a *attributeTest) bind(sh *shard, now *bounds, next answerer) answerer {
	c := sh.attrs[a.index]
	if c == nil {
		c = newCodes(instantType)
	}
	if a.set != nil {
		switch {
		case c.u8 != nil:
			return listed(c.u8[:c.n], a.set, a.not, next)
		case c.u16 != nil:
			return listed(c.u16[:c.n], a.set, a.not, next)
		case c.u32 != nil:
			return listed(c.u32[:c.n], a.set, a.not, next)
		}
		return listed(c.u64[:c.n], a.set, a.not, next)
	}
	first, last := a.codes(&c.narrow, now)
	switch {
	case c.u8 != nil:
		return spanned(c.u8[:c.n], first, last, math.MaxUint8, a.not, next)
	case c.u16 != nil:
		return spanned(c.u16[:c.n], first, last, math.MaxUint16, a.not, next)
	case c.u32 != nil:
		return spanned(c.u32[:c.n], first, last, math.MaxUint32, a.not, next)
	}
	return spanned(c.u64[:c.n], first, last, math.MaxUint64, a.not, next)
}

// bindable tells whether the column's codes alone tell.
func (a *attributeTest) bindable() bool { return !a.latest && !a.login }

// codes are the codes of the values that pass a test of an interval; last lies before
// first where there are none.
func (a *attributeTest) codes(c *narrow, now *bounds) (first, last uint64) {
	lo, hi := a.lo, a.hi
	if a.window >= 0 {
		lo, hi = now.spans[a.window].from, now.spans[a.window].to
		if hi == math.MinInt64 {
			lo = math.MaxInt64
		}
		hi--
	}
	return c.between(lo, min(hi, now.sees(a.timed)))
}

// between is the codes of the values between lo and hi; last lies before first where
// there are none.
func (c *narrow) between(lo, hi int64) (first, last uint64) {
	if hi <= c.base || lo > hi {
		return 1, 0
	}
	return c.first(lo), (uint64(hi) - uint64(c.base)) / uint64(c.unit)
}

// spanned tests whether a code lies in [first, last], and then what is next. There is
// no code above most.
func spanned[T word](codes []T, first, last, most uint64, not bool, next answerer) answerer {
	if last = min(last, most); first > last {
		if not {
			return next
		}
		return func(int) bool { return false }
	}
	from, length := T(first), T(last-first)
	if not {
		return func(local int) bool {
			return (local >= len(codes) || codes[local]-from > length) && next(local)
		}
	}
	return func(local int) bool {
		return local < len(codes) && codes[local]-from <= length && next(local)
	}
}

func listed[T word](codes []T, set []uint64, not bool, next answerer) answerer {
	return func(local int) bool {
		in := local < len(codes) && listsCode(set, uint64(codes[local]))
		return in != not && next(local)
	}
}
