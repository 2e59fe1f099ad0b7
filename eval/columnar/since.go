package columnar

import (
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// sinceMoments answers a window with an end that differs from customer to
// customer: each row's stamp is compared with its own customer's ends.
func (b *batch) sinceMoments(a *plan.Aggregate, l *log) vector {
	form := b.form(a, l, span{}, true)
	if form == Recent {
		return b.sinceNewest(a, l)
	}
	timer := b.stats.start(b.class[a], form)
	m := b.ownWindows(a, l)
	rows := 0
	own := func(rb *batch, mask []uint8) []uint8 {
		rows += rb.n
		out := rb.bytes.take(rb.n)
		stamps := rb.field(a.Stamp)
		if stamps.form != coded {
			clear(out)
			return out
		}
		stamps.codes.owned(out, rb.locals(), m.first, m.end)
		return rb.where(out, mask)
	}
	out := b.run(a, l, b.terms(a.Where), func(visit visitor) {
		if !l.kind.ordered(a.Stamp) {
			b.blocks(l, 0, l.n, false, func(rb *batch) []uint8 { return own(rb, nil) }, visit)
			return
		}
		b.rowsIn(l, m.all, func(rb *batch, mask []uint8, ordered bool) { visit(rb, own(rb, mask), ordered) })
	})
	timer.stop(rows)
	return b.without(out, m.known)
}

// ownWindows are windows that differ from customer to customer, as codes of the
// stamps: [first, end) by local number, empty for those nobody asks about.
type ownWindows struct {
	first, end *[slots]uint64
	known      []uint8 // who has a window; anything for those nobody asks about
	all        span    // no row outside of it is in any window
}

func (b *batch) ownWindows(a *plan.Aggregate, l *log) ownWindows {
	m := ownWindows{
		first: (*[slots]uint64)(b.longs.take(slots)), end: (*[slots]uint64)(b.longs.take(slots)),
		known: b.bytes.take(b.n), all: span{plan.MaxInstant, plan.MinInstant},
	}
	clear(m.end[:])
	clear(m.known)
	stamps := l.column(a.Stamp, b.shard)
	who := b.asked()
	from := b.endOf(a.Window.From, plan.MinInstant, who)
	to := b.endOf(a.Window.To, plan.MaxInstant, who)
	first, end := stamps.first(from.all), stamps.first(min(to.all, b.asOf))
	for i, local := range who {
		if from.known != nil && from.known[i] == 0 || to.known != nil && to.known[i] == 0 {
			continue
		}
		if from.ints != nil {
			from.all = from.ints[i]
			first = stamps.first(from.all)
		}
		if to.ints != nil {
			to.all = to.ints[i]
			end = stamps.first(min(to.all, b.asOf))
		}
		m.known[local] = 1
		m.all.from, m.all.to = min(m.all.from, from.all), max(m.all.to, to.all)
		m.first[local], m.end[local] = first, end
	}
	return m
}

// ends are where the windows of some customers start, or end: all at one instant,
// or each at its own.
type ends struct {
	all   int64
	ints  []int64 // nil: all at one
	known []uint8
}

// asked lists the customers whose answer matters.
func (b *batch) asked() []uint16 {
	if b.candidates == nil {
		return everybody[:b.n]
	}
	return list(b.halves.take(b.n)[:0], b.candidates, 0)
}

// everybody is the local numbers.
var everybody = func() (all [slots]uint16) {
	for i := range all {
		all[i] = uint16(i)
	}
	return all
}()

// endOf is one end of a window for each of the listed customers.
func (b *batch) endOf(w plan.Bound, open int64, who []uint16) ends {
	switch w.Kind {
	case plan.Open:
		return ends{all: open}
	case plan.Moment:
		v := b.value(w.Moment)
		v = v.pick(&b.scratch, who)
		some := batch{worker: b.worker, n: len(who)}
		ints, known := some.edge(w, &v)
		return ends{ints: ints, known: known}
	}
	at, _ := w.Instant(b.env.AsOf, b.env.Zone)
	return ends{all: at}
}

// pick is the vector's values of some elements.
func (v *vector) pick(s *scratch, at []uint16) vector {
	out := *v
	out.n = len(at)
	switch v.form {
	case coded:
		out.codes = gathered(s, &v.codes, at)
	case wide:
		out.ints = s.ints.take(len(at))
		gather(out.ints, v.ints, at)
	}
	if v.known != nil {
		out.known = s.bytes.take(len(at))
		gather(out.known, v.known, at)
	}
	return out
}

// column is the column of a field of the rows or of their parents, an empty one
// where every value is missing.
func (l *log) column(f *plan.Field, sh *shard) *narrow {
	for range f.Up {
		l = sh.logs[l.kind.parent.index]
	}
	if i, ok := l.kind.field[f.Name]; ok && l.fields[i] != nil {
		return &l.fields[i].narrow
	}
	return &newCodes(catalog.Type{Sort: catalog.Instant}).narrow
}

// first is the smallest code, of those that are not missing, whose value is at
// least v.
func (c *narrow) first(v int64) uint64 {
	if v <= c.base+c.unit {
		return 1
	}
	return (uint64(v)-uint64(c.base)-1)/uint64(c.unit) + 1
}

// owned marks the codes that lie in the window of their own customer.
func (c *narrow) owned(dst []uint8, local []uint16, first, end *[slots]uint64) {
	switch {
	case c.u8 != nil:
		withinOwn(dst, c.u8, local, first, end)
	case c.u16 != nil:
		withinOwn(dst, c.u16, local, first, end)
	case c.u32 != nil:
		withinOwn(dst, c.u32, local, first, end)
	default:
		withinOwn(dst, c.u64, local, first, end)
	}
}
