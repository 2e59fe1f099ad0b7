package columnar

import "github.com/dangol-dev/dangol/eval/plan"

// rest is the aggregate of all rows without those before the window. The kept
// aggregate of all rows is copied, in the width it is kept in, and the rows before
// the window are taken away from the copy.
func (b *batch) rest(a *plan.Aggregate, l *log, in span) (vector, int) {
	whole := b.summary(a, l, span{plan.MinInstant, in.to}, b.whole[a])
	acc := b.remaining(a, l, &whole.codes)
	rows := b.readInto(l, span{plan.MinInstant, in.from}, b.terms(a.Where), acc)
	return acc.result(), rows
}

// remaining is an accumulator that starts with what all rows give and takes rows
// away.
func (b *batch) remaining(a *plan.Aggregate, l *log, whole *narrow) accumulator {
	if a.Fn == plan.Count {
		return &fewer{b, b.cloned(whole)}
	}
	if whole.u32 != nil && whole.base == 0 && b.neverNegative(a.Of, l) {
		by := b.cloned(whole)
		return &sums{worker: b.worker, n: b.n, of: a.Of, small: (*[slots]uint32)(by.u32[:slots]), less: true}
	}
	v, by := numbers(*whole), b.ints.take(slots)
	ints, _ := v.integers(&b.scratch)
	copy(by, ints)
	return &sums{worker: b.worker, n: b.n, of: a.Of, by: (*[slots]int64)(by), less: true}
}

// cloned is a copy of a shard's codes that may be written, with room for all slots.
func (b *batch) cloned(c *narrow) narrow {
	out := *c
	switch {
	case c.u8 != nil:
		out.u8 = b.bytes.take(slots)
		copy(out.u8, c.u8)
	case c.u16 != nil:
		out.u16 = b.halves.take(slots)
		copy(out.u16, c.u16)
	case c.u32 != nil:
		out.u32 = b.words.take(slots)
		copy(out.u32, c.u32)
	default:
		out.u64 = b.longs.take(slots)
		copy(out.u64, c.u64)
	}
	return out
}

// neverNegative tells whether the values are a column of the rows without any
// below 0, so that a sum of some rows is none above that of all.
func (b *batch) neverNegative(x plan.Expr, l *log) bool {
	f, ok := x.(*plan.Field)
	if !ok || f.Up > 0 {
		return false
	}
	i, ok := l.kind.field[f.Name]
	return ok && l.fields[i] != nil && l.fields[i].value(1) >= 0
}

// fewer is numbers of rows that get less with every row, in any width: no number
// goes below 0, since the rows are some of those that were counted.
type fewer struct {
	*batch
	codes narrow
}

func (c *fewer) add(b *batch, mask []uint8, _ bool) {
	switch {
	case c.codes.u8 != nil:
		takeCount(c.codes.u8, b.locals(), mask)
	case c.codes.u16 != nil:
		takeCount(c.codes.u16, b.locals(), mask)
	default:
		takeCount(c.codes.u32, b.locals(), mask)
	}
}

func takeCount[C counter](by []C, local []uint16, mask []uint8) {
	acc := (*[slots]C)(by)
	if mask == nil {
		scatterCount(acc, local, ^C(0))
	} else {
		scatterMask(acc, local, mask, ^C(0))
	}
}

func (c *fewer) result() vector { return numbers(c.codes.slice(0, c.n)) }

func (c *fewer) copied() vector {
	out := c.cloned(&c.codes)
	return numbers(out.slice(0, c.n))
}
