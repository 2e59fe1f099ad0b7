package columnar

import (
	"math"

	"github.com/dangol-dev/dangol/eval/plan"
)

// aggregate is the aggregate's value for every customer of the shard.
func (b *batch) aggregate(a *plan.Aggregate) vector {
	l := b.shard.logs[b.snapshot.schema.kind[a.Kind]]
	in, fixed := b.spans[a]
	if !fixed {
		return b.sinceMoments(a, l)
	}
	form := b.form(a, l, in, false)
	timer := b.stats.start(b.class[a], form)
	var out vector
	rows := 0
	switch form {
	case Shared:
		return b.nested(a, l, b.nests[b.class[a]])
	case Summary:
		out = b.summary(a, l, in, b.keys[b.class[a]])
	case Moments:
		out, rows = b.between(a, l, in)
	case Postings:
		few := b.few[a]
		out = b.run(a, l, few.rest, func(visit visitor) {
			r, ok := b.reach(l, in)
			if !ok {
				return
			}
			list, late := l.posted(few.field).in(few.codes, r, l)
			rows = len(list) + len(late)
			b.listed(l, list, nil, visit)
			b.listed(l, late, r.late(l), visit)
		})
	case Probe:
		out = b.run(a, l, b.terms(a.Where), func(visit visitor) {
			list := b.probe(l, b.candidates, in.from)
			rows = len(list)
			if !l.kind.stamped {
				b.listed(l, list, nil, visit)
			} else if r, ok := b.reach(l, in); ok {
				b.listed(l, list, r.late(l), visit)
			}
		})
	case Sweep:
		rows = l.n
		out = b.sweep(a, l, in)
	default:
		out = b.run(a, l, b.terms(a.Where), func(visit visitor) {
			b.rowsIn(l, in, func(rb *batch, mask []uint8, ordered bool) {
				rows += rb.n
				visit(rb, mask, ordered)
			})
		})
	}
	timer.stop(rows)
	return out
}

// visitor takes a batch of rows, with a mask of those that count, nil for all.
type visitor func(b *batch, mask []uint8, ordered bool)

// run adds up what the rows of a source give, those that pass the terms.
func (b *batch) run(a *plan.Aggregate, l *log, terms []plan.Test, source func(visitor)) vector {
	acc := b.withCounts(b.accumulate(a, l), b.class[a])
	source(func(rb *batch, mask []uint8, ordered bool) { rb.into(acc, terms, mask, ordered) })
	keepCounts(acc, b.class[a])
	return acc.result()
}

// into gives the rows of the mask that pass the terms of a filter to the
// accumulator. Where the first term leaves few, the others are asked about those
// alone.
func (b *batch) into(acc accumulator, terms []plan.Test, mask []uint8, ordered bool) {
	for _, t := range terms {
		m := b.filter(t)
		if mask != nil {
			both := b.bytes.take(b.n)
			and(both, m, mask)
			m = both
		}
		mask = m
		if left := countMask(mask); left == 0 {
			return
		} else if left*sparse < b.n {
			b, mask, ordered = b.only(mask, left), nil, false
		}
	}
	acc.add(b, mask, ordered)
}

// readInto gives the rows of a span that pass the terms to the accumulator, and tells how
// many it looked at.
func (b *batch) readInto(l *log, in span, terms []plan.Test, acc accumulator) (rows int) {
	b.rowsIn(l, in, func(rb *batch, mask []uint8, ordered bool) {
		rows += rb.n
		rb.into(acc, terms, mask, ordered)
	})
	return rows
}

// sparse is how many rows one row stands among when listing rows is worthwhile.
const sparse = 8

// only is the batch of the rows in the mask.
func (b *batch) only(mask []uint8, n int) *batch {
	rows := list(b.words.take(n)[:0], mask, uint32(b.lo))
	if b.rows != nil {
		for i, at := range rows {
			rows[i] = b.rows[at]
		}
	}
	return &batch{worker: b.worker, log: b.log, n: n, rows: rows}
}

// sweep reads every row, for a stamp that the log is not ordered by.
func (b *batch) sweep(a *plan.Aggregate, l *log, in span) vector {
	return b.run(a, l, b.terms(a.Where), func(visit visitor) {
		b.blocks(l, 0, l.n, false, func(rb *batch) []uint8 {
			stamps := rb.field(a.Stamp)
			if in.from >= in.to {
				mask := rb.bytes.take(rb.n)
				clear(mask)
				return mask
			}
			return stamps.between(&rb.scratch, in.from, min(in.to-1, b.asOf-1))
		}, visit)
	})
}

// without takes the value away from those who are not in the mask.
func (b *batch) without(v vector, known []uint8) vector {
	if known == nil || v.form == absent {
		return v
	}
	if v.form == coded && v.full {
		v.known = b.both(v.known, known)
		return v
	}
	if v.form == coded {
		who := b.words.take(v.n)
		for i := range who {
			who[i] = uint32(i)
			if known[i] == 0 {
				who[i] = math.MaxUint32
			}
		}
		v.codes = gathered(&b.scratch, &v.codes, who)
		return v
	}
	ints, had := v.integers(&b.scratch)
	return vector{form: wide, n: v.n, ints: ints, known: b.both(had, known), cap: uncapped, field: v.field}
}
