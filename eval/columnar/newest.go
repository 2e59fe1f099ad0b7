package columnar

import "github.com/dangol-dev/dangol/eval/plan"

// sinceNewest answers a window that starts at the customer's last row of a kind,
// for candidates who all have one in a window that ends with as-of. That window's
// rows, and those since its start, stand together: nobody's own rows are looked
// for.
func (b *batch) sinceNewest(a *plan.Aggregate, l *log) vector {
	in := b.spans[b.recent]
	last, stamps := b.newest(a.Window.From.Moment.(*plan.Aggregate), in)
	timer, rows := b.stats.start(b.class[a], Recent), 0
	in.to = b.endOf(a.Window.To, plan.MaxInstant, nil).all
	out := b.run(a, l, b.terms(a.Where), func(visit visitor) {
		b.rowsIn(l, in, func(rb *batch, mask []uint8, ordered bool) {
			rows += rb.n
			visit(rb, rb.sinceRows(a, mask, last, stamps), ordered)
		})
	})
	timer.stop(rows)
	return out
}

// newest links every customer to the last row of a window that m asks for, 0 where
// there is none. With it come the stamps of the rows.
func (b *batch) newest(m *plan.Aggregate, in span) (links *[slots]uint32, stamps *narrow) {
	l := b.shard.logs[b.snapshot.schema.kind[m.Kind]]
	timer, rows := b.stats.start(b.class[m], Recent), 0
	last, terms := newPicks(b, m, l), b.terms(m.Where)
	b.rowsIn(l, in, func(rb *batch, mask []uint8, ordered bool) {
		rows += rb.n
		rb.into(last, terms, mask, ordered)
	})
	timer.stop(rows)
	return last.by, &l.stamped().narrow
}

// sinceRows marks the rows that lie in the window of a customer's own, which starts
// at the customer's linked row. No row of the batch lies after a window's end.
func (b *batch) sinceRows(a *plan.Aggregate, mask []uint8, links *[slots]uint32, stamps *narrow) []uint8 {
	own := b.words.take(b.n)
	gather(own, links[:], b.locals())
	moments := vector{form: coded, n: b.n, codes: followed(&b.scratch, stamps, own), cap: uncapped}
	from, known := b.edge(a.Window.From, &moments)
	v := b.field(a.Stamp)
	at, _ := v.integers(&b.scratch)
	out := b.bytes.take(b.n)
	for i := range out {
		out[i] = bit(from[i] <= at[i])
	}
	return b.where(out, known, mask)
}
