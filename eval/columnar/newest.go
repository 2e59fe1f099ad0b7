package columnar

import "github.com/dangol-dev/dangol/eval/plan"

// sinceNewest answers a window that starts at the customer's last row of a kind,
// for candidates who all have one in a window that ends with as-of. That window's
// rows, and those since its start, stand together: nobody's own rows are looked
// for.
func (b *batch) sinceNewest(a *plan.Aggregate, l *log) vector {
	in := b.spans[b.recent]
	newest := b.newest(a.Window.From.Moment.(*plan.Aggregate), in)
	timer, rows := b.stats.start(b.class[a], Recent), 0
	in.to = b.endOf(a.Window.To, plan.MaxInstant, nil).all
	out := b.run(a, l, b.terms(a.Where), func(visit visitor) {
		b.rowsIn(l, in, func(rb *batch, mask []uint8, ordered bool) {
			rows += rb.n
			visit(rb, rb.sinceOwn(a.Window.From, newest, mask), ordered)
		})
	})
	timer.stop(rows)
	return out
}

// newest is every customer's last stamp among the rows of a window that m asks for,
// as codes.
func (b *batch) newest(m *plan.Aggregate, in span) narrow {
	l := b.shard.logs[b.snapshot.schema.kind[m.Kind]]
	timer, last := b.stats.start(b.class[m], Recent), b.latestOf(l)
	timer.stop(b.readInto(l, in, b.terms(m.Where), last))
	return last.codes
}

// latest is the largest stamps, as codes in four bytes where they fit and eight
// where not, 0 for none.
type latest struct {
	*batch
	stamps *narrow
	codes  narrow
}

func (b *batch) latestOf(l *log) *latest {
	of := &latest{batch: b, stamps: &newCodes(instantType).narrow}
	if at := l.stamped(); at != nil {
		of.stamps = &at.narrow
	}
	of.codes = narrow{n: slots, base: of.stamps.base, unit: of.stamps.unit}
	if of.stamps.u64 != nil {
		of.codes.u64 = b.longs.take(slots)
		clear(of.codes.u64)
	} else {
		of.codes.u32 = b.words.take(slots)
		clear(of.codes.u32)
	}
	return of
}

func (m *latest) add(b *batch, mask []uint8, _ bool) {
	switch c := b.codes(m.stamps, nil, 0); {
	case c.u8 != nil:
		scatterMost((*[slots]uint32)(m.codes.u32), b.locals(), c.u8, mask)
	case c.u16 != nil:
		scatterMost((*[slots]uint32)(m.codes.u32), b.locals(), c.u16, mask)
	case c.u32 != nil:
		scatterMost((*[slots]uint32)(m.codes.u32), b.locals(), c.u32, mask)
	default:
		scatterMost((*[slots]uint64)(m.codes.u64), b.locals(), c.u64, mask)
	}
}

func (m *latest) result() vector {
	return vector{form: coded, n: m.n, codes: m.codes.slice(0, m.n), cap: uncapped}
}

func (m *latest) copied() vector { return m.result() }

// sinceOwn marks the rows of the mask that lie in the window of a customer's own,
// which starts at the customer's moment. No row of the batch lies after a window's
// end.
func (b *batch) sinceOwn(from plan.Bound, moments narrow, mask []uint8) []uint8 {
	out, stamps := b.bytes.take(b.n), b.codes(&b.log.stamped().narrow, nil, 0)
	if stamps.u32 != nil && moments.u32 != nil && stamps.base == moments.base && stamps.unit == moments.unit {
		sinceCodes(out, stamps.u32, b.locals(), (*[slots]uint32)(moments.u32), uint32(bit(from.Exclusive)))
		return b.where(out, mask)
	}
	own, rows := vector{form: coded, n: slots, codes: moments, cap: uncapped}, vector{form: coded, n: b.n, codes: stamps, cap: uncapped}
	own = own.pick(&b.scratch, b.locals())
	starts, known := b.edge(from, &own)
	at, _ := rows.integers(&b.scratch)
	for i := range out {
		out[i] = bit(starts[i] <= at[i])
	}
	return b.where(out, known, mask)
}
