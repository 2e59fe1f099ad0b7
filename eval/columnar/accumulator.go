package columnar

import (
	"math"
	"math/bits"
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// accumulator turns rows into one value for each customer of a shard.
type accumulator interface {
	// add takes the rows of the mask, nil for all. ordered tells that rows come in
	// the order of the log, each once.
	add(b *batch, mask []uint8, ordered bool)
	// result is the value of each customer so far. It may share memory with the
	// accumulator; copied does not.
	result() vector
	copied() vector
}

func (b *batch) accumulate(a *plan.Aggregate, l *log) accumulator {
	switch a.Fn {
	case plan.Sum:
		acc := &sums{worker: b.worker, n: b.n, of: a.Of, by: (*[slots]int64)(b.ints.take(slots))}
		clear(acc.by[:])
		return acc
	case plan.Min, plan.Max:
		return newExtremes(b, a)
	case plan.First, plan.Last:
		return newPicks(b, a, l)
	case plan.Distinct, plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		return &kinds{worker: b.worker, n: b.n, a: a}
	}
	acc := &counts{worker: b.worker, n: b.n, by: (*[slots]uint32)(b.words.take(slots))}
	clear(acc.by[:])
	return acc
}

// counts are numbers of rows.
type counts struct {
	*worker
	n  int
	by *[slots]uint32
}

func (c *counts) add(b *batch, mask []uint8, _ bool) {
	if mask == nil {
		scatterCount(c.by, b.locals(), 1)
	} else {
		scatterMask(c.by, b.locals(), mask, 1)
	}
}

func (c *counts) result() vector { return counted(c.by[:c.n]) }

func (c *counts) copied() vector {
	out := c.words.take(c.n)
	copy(out, c.by[:c.n])
	return counted(out)
}

func counted(by []uint32) vector { return numbers(narrow{u32: by, n: len(by), unit: 1}) }

// numbers are codes that all are values, none of them missing.
func numbers(codes narrow) vector {
	return vector{form: coded, n: codes.n, codes: codes, full: true, cap: uncapped}
}

// sums are sums of the values that are known.
type sums struct {
	*worker
	n     int
	of    plan.Expr
	by    *[slots]int64
	small *[slots]uint32 // in the place of by, where the sums of all rows fit
	less  bool           // rows are taken away
}

func (s *sums) add(b *batch, mask []uint8, _ bool) {
	if s.small != nil {
		sumInto(s, s.small, b, mask)
	} else {
		sumInto(s, s.by, b, mask)
	}
}

func sumInto[A adder](s *sums, by *[slots]A, b *batch, mask []uint8) {
	v := b.value(s.of)
	if v.form == absent {
		return
	}
	if v.form != coded || v.cap != uncapped || v.codes.unit != 1 {
		ints, known := v.integers(&b.scratch)
		mask = b.both(mask, known)
		if mask == nil {
			mask = b.bytes.take(b.n)
			fillMask(mask, 1)
		}
		times := A(1)
		if s.less {
			times = -times
		}
		scatterInts(by, b.locals(), ints, mask, times)
		return
	}
	c := &v.codes
	if b.hasGaps(s.of) {
		mask = b.both(mask, v.isKnown(&b.scratch))
	}
	switch {
	case c.u8 != nil:
		sum(by, b.locals(), c.u8, A(c.base), mask, s.less)
	case c.u16 != nil:
		sum(by, b.locals(), c.u16, A(c.base), mask, s.less)
	case c.u32 != nil:
		sum(by, b.locals(), c.u32, A(c.base), mask, s.less)
	default:
		sum(by, b.locals(), c.u64, A(c.base), mask, s.less)
	}
}

// sum takes the rows of the mask, nil for all: to add them or to take them away.
func sum[A adder, T word](by *[slots]A, local []uint16, src []T, base A, mask []uint8, less bool) {
	switch {
	case less && mask == nil:
		takeSum(by, local, src, base)
	case less:
		takeSumMask(by, local, src, base, mask)
	case mask == nil:
		scatterSum(by, local, src, base)
	default:
		scatterSumMask(by, local, src, base, mask)
	}
}

// hasGaps tells whether the column of a field may lack values.
func (b *batch) hasGaps(x plan.Expr) bool {
	f, ok := x.(*plan.Field)
	if !ok || f.Up > 0 {
		return true
	}
	i, ok := b.log.kind.field[f.Name]
	return !ok || b.log.fields[i] == nil || b.log.fields[i].gaps
}

func (s *sums) result() vector {
	if s.small != nil {
		return counted(s.small[:s.n])
	}
	return vector{form: wide, n: s.n, ints: s.by[:s.n], cap: uncapped}
}

func (s *sums) copied() vector {
	out := s.result()
	if s.small != nil {
		out.codes.u32 = s.words.take(s.n)
		copy(out.codes.u32, s.small[:s.n])
		return out
	}
	out.ints = s.ints.take(s.n)
	copy(out.ints, s.by[:s.n])
	return out
}

// sumsAndCounts are sums with the numbers of their rows, which tell whom a rank
// ranks. The numbers become values of the worker.
type sumsAndCounts struct {
	*sums
	counts *counts
}

// withCounts is the accumulator, with numbers of rows where a rank asks for those
// of one of the classes, for all customers.
func (b *batch) withCounts(acc accumulator, classes ...int) accumulator {
	s, ok := acc.(*sums)
	if !ok || b.candidates != nil || !slices.ContainsFunc(classes, func(c int) bool { _, ok := b.program.counts[c]; return ok }) {
		return acc
	}
	n := &counts{worker: b.worker, n: b.n, by: (*[slots]uint32)(b.words.take(slots))}
	clear(n.by[:])
	return &sumsAndCounts{s, n}
}

// keepCounts makes the numbers of rows so far those of an aggregate's class.
func keepCounts(acc accumulator, class int) {
	s, ok := acc.(*sumsAndCounts)
	if !ok {
		return
	}
	if of, ok := s.program.counts[class]; ok {
		s.values[of] = s.counts.copied()
	}
}

func (s *sumsAndCounts) add(b *batch, mask []uint8, ordered bool) {
	s.sums.add(b, mask, ordered)
	s.counts.add(b, mask, ordered)
}

// extremes are smallest or largest values.
type extremes struct {
	*worker
	n     int
	of    plan.Expr
	most  bool
	by    []int64
	known []uint8
}

func newExtremes(b *batch, a *plan.Aggregate) *extremes {
	e := &extremes{worker: b.worker, n: b.n, of: a.Of, most: a.Fn == plan.Max, by: b.ints.take(slots), known: b.bytes.take(slots)}
	start := int64(math.MaxInt64)
	if e.most {
		start = math.MinInt64
	}
	for i := range e.by {
		e.by[i] = start
	}
	clear(e.known)
	return e
}

func (e *extremes) add(b *batch, mask []uint8, _ bool) {
	v := b.value(e.of)
	ints, known := v.integers(&b.scratch)
	mask = b.both(mask, known)
	for i, who := range b.locals() {
		if mask != nil && mask[i] == 0 {
			continue
		}
		if e.most {
			e.by[who] = max(e.by[who], ints[i])
		} else {
			e.by[who] = min(e.by[who], ints[i])
		}
		e.known[who] = 1
	}
}

func (e *extremes) result() vector {
	return vector{form: wide, n: e.n, ints: e.by[:e.n], known: e.known[:e.n], cap: uncapped}
}

func (e *extremes) copied() vector { return e.result() }

// picks are values of the first or last row by (stamp, key).
type picks struct {
	*worker
	customers *batch
	a         *plan.Aggregate
	log       *log
	by        *[slots]uint32 // the row, and 1
	stamps    []int64        // of a sweep: the stamp of the row
}

func newPicks(b *batch, a *plan.Aggregate, l *log) *picks {
	p := &picks{worker: b.worker, customers: b, a: a, log: l, by: (*[slots]uint32)(b.words.take(slots))}
	clear(p.by[:])
	if a.Stamp != nil && !l.kind.ordered(a.Stamp) {
		p.stamps = b.ints.take(slots)
	}
	return p
}

func (p *picks) add(b *batch, mask []uint8, ordered bool) {
	last := p.a.Fn == plan.Last
	if ordered && last {
		scatterLast(p.by, b.locals(), uint32(b.lo), mask)
		return
	}
	var stamps []int64
	if p.stamps != nil {
		v := b.field(p.a.Stamp)
		stamps, _ = v.integers(&b.scratch)
	}
	for i, who := range b.locals() {
		if mask != nil && mask[i] == 0 {
			continue
		}
		row := uint32(b.lo + i)
		if b.rows != nil {
			row = b.rows[i]
		}
		best := p.by[who]
		if best != 0 {
			order := 0
			switch {
			case stamps == nil:
				order = p.log.compare(row, best-1)
			case stamps[i] != p.stamps[who]:
				order = 1
				if stamps[i] < p.stamps[who] {
					order = -1
				}
			default:
				order = p.log.keys.compare(int(row), int(best-1))
			}
			if last != (order > 0) {
				continue
			}
		}
		p.by[who] = row + 1
		if stamps != nil {
			p.stamps[who] = stamps[i]
		}
	}
}

// result reads the value of the chosen rows.
func (p *picks) result() vector { return p.customers.picked(p.a, p.log, p.by[:p.customers.n]) }

func (p *picks) copied() vector { return p.result() }

// picked is the aggregated value of one row for each customer, given as links.
func (b *batch) picked(a *plan.Aggregate, l *log, links []uint32) vector {
	rows, owners := b.words.take(len(links))[:0], b.words.take(len(links))[:0]
	for who, link := range links {
		if link != 0 {
			rows, owners = append(rows, link-1), append(owners, uint32(who))
		}
	}
	chosen := batch{worker: b.worker, log: l, n: len(rows), rows: rows}
	v := chosen.value(a.Of)
	out := vector{form: v.form, n: len(links), full: false, cap: v.cap, field: v.field}
	at := b.words.take(len(links))
	for i := range at {
		at[i] = math.MaxUint32
	}
	for i, who := range owners {
		at[who] = uint32(i)
	}
	if v.form == coded && !v.full {
		out.codes = gathered(&b.scratch, &v.codes, at)
		return out
	}
	if v.form == absent {
		return out
	}
	ints, known := v.integers(&b.scratch)
	out.form, out.ints, out.known = wide, b.ints.take(len(links)), b.bytes.take(len(links))
	clear(out.ints)
	clear(out.known)
	for i, who := range owners {
		out.ints[who] = ints[i]
		out.known[who] = 1
		if known != nil {
			out.known[who] = known[i]
		}
	}
	return out
}

// kinds are numbers of different values, or of different local days, weeks or
// months.
type kinds struct {
	*worker
	n      int
	a      *plan.Aggregate
	pairs  []uint64         // customer and value, in the value's own numbering
	number map[int64]uint64 // of values that have no narrow codes
}

const pairBits = 48

func (k *kinds) add(b *batch, mask []uint8, _ bool) {
	values, known := k.codes(b)
	mask = b.both(mask, known)
	for i, who := range b.locals() {
		if mask == nil || mask[i] != 0 {
			k.pairs = append(k.pairs, uint64(who)<<pairBits|values[i])
		}
	}
}

// codes numbers the values of a batch below 2^48.
func (k *kinds) codes(b *batch) (codes []uint64, known []uint8) {
	if k.a.Fn != plan.Distinct {
		v := b.field(k.a.Stamp)
		ints, known := v.integers(&b.scratch)
		return b.number(k, periods(b, k.a.Fn, ints)), known
	}
	var v vector
	if f, ok := k.a.Of.(*plan.Field); ok {
		v = b.field(f)
	} else {
		v = b.value(k.a.Of)
	}
	if v.form == coded && v.codes.u64 == nil {
		codes = b.longs.take(b.n)
		for i := range codes {
			codes[i] = v.codes.at(i)
		}
		return codes, v.isKnown(&b.scratch)
	}
	ints, known := v.integers(&b.scratch)
	return b.number(k, ints), known
}

// number numbers integers below 2^48: small ones by themselves, others by a list.
func (b *batch) number(k *kinds, ints []int64) []uint64 {
	const small = 1 << (pairBits - 2)
	codes := b.longs.take(b.n)
	for i, v := range ints {
		if -small <= v && v < small {
			codes[i] = uint64(v + small)
			continue
		}
		if k.number == nil {
			k.number = map[int64]uint64{}
		}
		c, ok := k.number[v]
		if !ok {
			c = 2*small + uint64(len(k.number))
			k.number[v] = c
		}
		codes[i] = c
	}
	return codes
}

// periods turns instants into the number of their local day, week or month.
func periods(b *batch, fn plan.AggregateFn, ints []int64) []int64 {
	days := b.ints.take(b.n)
	copy(days, ints)
	b.calendar.days(days)
	for i, day := range days {
		switch fn {
		case plan.ActiveWeeks:
			days[i] = floorDiv(day+3, 7) // 1970-01-01 was a Thursday
		case plan.ActiveMonths:
			days[i] = monthOf(day)
		}
	}
	return days
}

func (k *kinds) result() vector {
	by := k.words.take(slots)
	clear(by)
	if !k.byBits(by) {
		slices.Sort(k.pairs)
		for i, p := range k.pairs {
			if i == 0 || p != k.pairs[i-1] {
				by[p>>pairBits]++
			}
		}
	}
	return counted(by[:k.n])
}

// byBits counts values that lie within 64 of each other: a bit for each.
func (k *kinds) byBits(by []uint32) bool {
	const value = 1<<pairBits - 1
	least, most := uint64(value), uint64(0)
	for _, p := range k.pairs {
		least, most = min(least, p&value), max(most, p&value)
	}
	if most-least >= 64 && len(k.pairs) > 0 {
		return false
	}
	m := k.mark()
	defer k.release(m)
	bitsOf := k.longs.take(slots)
	clear(bitsOf)
	for _, p := range k.pairs {
		bitsOf[p>>pairBits] |= 1 << (p&value - least)
	}
	for i, set := range bitsOf {
		by[i] = uint32(bits.OnesCount64(set))
	}
	return true
}

func (k *kinds) copied() vector { return k.result() }
