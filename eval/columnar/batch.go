package columnar

import (
	"context"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// batch is what an expression is evaluated for: all customers of a shard, or
// some rows of a log, either the n that start at lo or those that rows lists.
type batch struct {
	*worker
	log  *log // nil for customers
	lo   int
	n    int
	rows []uint32
	// candidates are the customers whose answer matters, nil for all.
	candidates []uint8
	recent     *plan.Aggregate // what every candidate has some rows of, in a window that ends with as-of
	who        []uint16        // of rows: whose they are, once asked for
}

// worker evaluates one shard after another. Results about customers that are
// read more than once are kept until the next shard.
type worker struct {
	*program
	ctx context.Context
	scratch
	shard  *shard
	tests  map[int][]uint8
	values map[int]vector
	found  [searches]found
	finds  int
	read   uint64 // ahead
	err    error
	ended  error // ctx's, once it was seen: nothing that is computed since counts
}

// over tells whether the Select has ended.
func (w *worker) over() bool {
	if w.ended == nil {
		w.ended = w.ctx.Err()
	}
	return w.ended != nil
}

// fail keeps the first error.
func (w *worker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// locals is whose the rows are.
func (b *batch) locals() []uint16 {
	if b.who == nil {
		if b.rows == nil {
			b.who = b.log.local[b.lo : b.lo+b.n]
		} else {
			b.who = b.halves.take(b.n)
			gather(b.who, b.log.local, b.rows)
		}
	}
	return b.who
}

// value is what the expression has for each element.
func (b *batch) value(x plan.Expr) vector {
	class, many := b.shared(x)
	if many {
		if v, ok := b.values[class]; ok {
			return v
		}
	}
	if !many {
		return b.compute(x)
	}
	v := b.everyone().compute(x)
	b.values[class] = v
	return v
}

// shared tells whether the node's answer for all customers of the shard is read
// again.
func (b *batch) shared(n plan.Node) (class int, many bool) {
	if b.log != nil {
		return 0, false
	}
	class = b.class[n]
	return class, b.uses[class] > 1 && !b.alone(n)
}

func (b *batch) compute(x plan.Expr) vector {
	switch n := x.(type) {
	case *plan.Literal:
		v := n.Value.Int()
		if n.Value.Sort() == catalog.Bool {
			v = int64(bit(n.Value.Bool()))
		}
		return vector{form: constant, n: b.n, value: v, cap: uncapped}
	case *plan.Attr:
		return b.attr(n)
	case *plan.Field:
		return b.field(n)
	case *plan.Arith:
		if n.Op == '-' {
			return b.combine(n.L, n.R, func(dst, l, r []int64) {
				for i := range dst {
					dst[i] = l[i] - r[i]
				}
			})
		}
		return b.combine(n.L, n.R, func(dst, l, r []int64) {
			for i := range dst {
				dst[i] = l[i] + r[i]
			}
		})
	case *plan.Product:
		return b.combine(n.X, n.Y, func(dst, l, r []int64) {
			for i := range dst {
				dst[i] = l[i] * r[i]
			}
		})
	case *plan.Times:
		in := b.value(n.X)
		ints, known := in.integers(&b.scratch)
		out := b.ints.take(b.n)
		for i, v := range ints {
			out[i] = v * n.By
		}
		return vector{form: wide, n: b.n, ints: out, known: known, cap: uncapped}
	case *plan.Aggregate:
		return b.aggregate(n)
	}
	return vector{n: b.n}
}

// combine computes from two integers where both are known.
func (b *batch) combine(l, r plan.Expr, do func(dst, l, r []int64)) vector {
	left, right := b.value(l), b.value(r)
	x, xKnown := left.integers(&b.scratch)
	y, yKnown := right.integers(&b.scratch)
	out := b.ints.take(b.n)
	do(out, x[:b.n], y[:b.n])
	return vector{form: wide, n: b.n, ints: out, known: b.both(xKnown, yKnown), cap: uncapped}
}

// both is the mask of two masks, where nil is all.
func (b *batch) both(x, y []uint8) []uint8 {
	if x == nil {
		return y
	}
	if y == nil {
		return x
	}
	out := b.bytes.take(b.n)
	and(out, x, y)
	return out
}

func (b *batch) attr(a *plan.Attr) vector {
	if b.log != nil {
		customers := batch{worker: b.worker, n: b.shard.n}
		return b.ofCustomer(customers.attr(a))
	}
	i, ok := b.snapshot.schema.attr[a.Name]
	v := vector{n: b.n}
	if !ok || b.shard.attrs[i] == nil {
		return v
	}
	f, c := &b.snapshot.schema.attrs[i], b.shard.attrs[i]
	v.form, v.codes, v.field, v.cap = coded, c.slice(0, b.n), f, b.cap(a.Of, a.Due)
	if f.dict == nil {
		v.field = nil
	}
	if a.Latest && v.cap != uncapped {
		v = b.latest(v, a.Of)
	}
	if a.Login && b.shard.guests > 0 {
		v = b.membersOnly(v)
	}
	return v
}

// latest replaces what as-of does not see by one second before it.
func (b *batch) latest(v vector, t catalog.Type) vector {
	cap := v.cap
	v.cap = uncapped
	ints, known := v.integers(&b.scratch)
	before := b.asOf - microsPerSecond
	if t.Sort == catalog.Date {
		before = plan.LocalDay(before, b.env.Zone)
	}
	for i, at := range ints {
		if at > cap {
			ints[i] = before
		}
	}
	return vector{form: wide, n: v.n, ints: ints, known: known, cap: uncapped}
}

// membersOnly takes the values of guests away.
func (b *batch) membersOnly(v vector) vector {
	guests := func(i int) bool { return b.shard.state[i] == guest }
	if v.form == wide {
		known := b.bytes.take(v.n)
		for i := range known {
			known[i] = bit((v.known == nil || v.known[i] == 1) && !guests(i))
		}
		v.known = known
		return v
	}
	who := b.words.take(v.n)
	for i := range who {
		who[i] = uint32(i)
		if guests(i) {
			who[i] = slots // beyond the end
		}
	}
	v.codes = gathered(&b.scratch, &v.codes, who)
	return v
}

// ofCustomer spreads values of customers over their rows.
func (b *batch) ofCustomer(v vector) vector {
	who := b.locals()
	out := vector{form: v.form, n: b.n, full: v.full, field: v.field, cap: v.cap, value: v.value}
	switch v.form {
	case coded:
		out.codes = gathered(&b.scratch, &v.codes, who)
	case wide:
		out.ints = b.ints.take(b.n)
		gather(out.ints, v.ints, who)
		if v.known != nil {
			out.known = b.bytes.take(b.n)
			gather(out.known, v.known, who)
		}
	}
	return out
}

// field is a field of the rows, or of the rows of their parents.
func (b *batch) field(f *plan.Field) vector {
	l, links := b.up(f.Up)
	if f.Name == "" {
		return b.identity(links)
	}
	v := vector{n: b.n}
	i, ok := l.kind.field[f.Name]
	if !ok || l.fields[i] == nil {
		return v
	}
	v.form, v.cap, v.codes = coded, b.cap(f.Of, f.Due), b.codes(&l.fields[i].narrow, links, f.Up)
	if l.kind.fields[i].dict != nil {
		v.field = &l.kind.fields[i]
	}
	return v
}

// up is the log some levels up and which of its rows belong to the batch's, as
// links; the links of level 0 are nil.
func (b *batch) up(levels int) (*log, []uint32) {
	l := b.log
	var links []uint32
	for range levels {
		next := b.words.take(b.n)
		switch {
		case links != nil:
			l.parent.follow(next, links)
		case b.rows != nil:
			l.parent.gather(next, b.rows)
		default:
			l.parent.copy(next, b.lo)
		}
		links, l = next, b.shard.logs[l.kind.parent.index]
	}
	return l, links
}

// codes is the batch's part of a column, which is that of rows some levels up, as
// links.
func (b *batch) codes(c *narrow, links []uint32, up int) narrow {
	switch {
	case up > 0:
		return followed(&b.scratch, c, links)
	case b.rows != nil:
		return gathered(&b.scratch, c, b.rows)
	}
	return c.slice(b.lo, b.lo+b.n)
}

// identity tells records apart without their keys: by their rows.
func (b *batch) identity(links []uint32) vector {
	if links == nil {
		links = b.words.take(b.n)
		for i := range links {
			if b.rows != nil {
				links[i] = b.rows[i] + 1
			} else {
				links[i] = uint32(b.lo+i) + 1
			}
		}
	}
	return vector{form: coded, n: b.n, codes: narrow{u32: links, n: b.n, unit: 1}, cap: uncapped}
}

// instants is the moments in a vector of a type; a date stands for its start.
func (b *batch) instants(v *vector, of catalog.Type) (ints []int64, known []uint8) {
	ints, known = v.integers(&b.scratch)
	if of.Sort != catalog.Date {
		return ints, known
	}
	out := b.ints.take(b.n)
	starts := map[int64]int64{}
	for i, day := range ints {
		if known != nil && known[i] == 0 {
			continue
		}
		at, ok := starts[day]
		if !ok {
			at = plan.StartOfDay(day, b.env.Zone)
			starts[day] = at
		}
		out[i] = at
	}
	return out, known
}
