package columnar

import (
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/sample"
)

// test is a mask of the elements for which the test holds. It must not be
// changed. Where the batch has candidates, the mask may say anything of others.
func (b *batch) test(t plan.Test) []uint8 {
	class, many := b.shared(t)
	if many {
		if m, ok := b.tests[class]; ok {
			return m
		}
	}
	if !many {
		return b.decide(t)
	}
	m := b.everyone().decide(t)
	b.tests[class] = m
	return m
}

// everyone is the batch without candidates: for answers that are kept.
func (b *batch) everyone() *batch {
	if b.candidates == nil {
		return b
	}
	out := *b
	out.candidates, out.recent = nil, nil
	return &out
}

func (b *batch) decide(t plan.Test) []uint8 {
	s := &b.scratch
	switch n := t.(type) {
	case *plan.Const:
		dst := s.bytes.take(b.n)
		fillMask(dst, bit(n.Value))
		return dst
	case *plan.And:
		return b.all(n)
	case *plan.Or:
		dst := s.bytes.take(b.n)
		copy(dst, b.test(n.Terms[0]))
		for _, term := range n.Terms[1:] {
			or(dst, dst, b.test(term))
		}
		return dst
	case *plan.Not:
		dst := s.bytes.take(b.n)
		not(dst, b.test(n.Term))
		return dst
	case *plan.Compare:
		return b.compare(n)
	case *plan.Same:
		return b.same(n)
	case *plan.OneOf:
		return b.oneOf(n)
	case *plan.Has:
		v := b.value(n.X)
		return b.lookup(n, v, func(v catalog.Value) bool { return has(v.Items(), n.Items, n.All) })
	case *plan.Like:
		v := b.value(n.X)
		return b.lookup(n, v, func(v catalog.Value) bool { return v.Known() && like(v.Text(), n.Form, n.Text) })
	case *plan.Truth:
		v := b.value(n.X)
		return v.between(s, 1, 1)
	case *plan.During:
		return b.during(n)
	case *plan.Recurs:
		return b.recurs(n)
	case *plan.Known:
		v := b.value(n.X)
		if v.form == absent && n.X.Type().Sort == catalog.Set {
			dst := s.bytes.take(b.n)
			fillMask(dst, 1)
			return dst
		}
		return v.isKnown(s)
	case *plan.Member:
		return b.member(n)
	case *plan.Sample:
		return b.sample(n)
	}
	dst := s.bytes.take(b.n)
	clear(dst)
	return dst
}

// all holds where every term does. About customers, the terms go from cheap to
// dear, and later ones are only asked about who is left.
func (b *batch) all(n *plan.And) []uint8 {
	terms, ok := b.order[n]
	if !ok {
		terms = n.Terms
	}
	dst := b.both(b.test(terms[0]), b.candidates)
	rest := *b
	for i, term := range terms[1:] {
		if countMask(dst) == 0 {
			return dst
		}
		if b.log == nil {
			rest.candidates = dst
			if a := b.having[terms[i]]; a != nil {
				rest.recent = a
			}
		}
		dst = b.both(rest.test(term), dst)
	}
	return dst
}

func (b *batch) compare(n *plan.Compare) []uint8 {
	s := &b.scratch
	if c, ok := n.R.(*plan.Literal); ok {
		v := b.value(n.L)
		lo, hi, ok := interval(n.Op, c.Value.Int())
		if !ok {
			dst := s.bytes.take(b.n)
			clear(dst)
			return dst
		}
		return v.between(s, lo, hi)
	}
	left, right := b.value(n.L), b.value(n.R)
	l, lKnown := left.integers(s)
	r, rKnown := right.integers(s)
	dst := s.bytes.take(b.n)
	switch n.Op {
	case plan.Equal:
		for i := range dst {
			dst[i] = bit(l[i] == r[i])
		}
	case plan.Less:
		for i := range dst {
			dst[i] = bit(l[i] < r[i])
		}
	case plan.AtMost:
		for i := range dst {
			dst[i] = bit(l[i] <= r[i])
		}
	case plan.More:
		for i := range dst {
			dst[i] = bit(l[i] > r[i])
		}
	default:
		for i := range dst {
			dst[i] = bit(l[i] >= r[i])
		}
	}
	return b.where(dst, lKnown, rKnown)
}

// where takes away what one of the masks does not have; nil has all. It writes
// into dst.
func (b *batch) where(dst []uint8, masks ...[]uint8) []uint8 {
	for _, m := range masks {
		if m != nil {
			and(dst, dst, m)
		}
	}
	return dst
}

// interval is the integers that stand in the relation to c, not ok when none do.
func interval(op plan.CompareOp, c int64) (lo, hi int64, ok bool) {
	switch op {
	case plan.Equal:
		return c, c, true
	case plan.Less:
		return plan.MinInstant, c - 1, c != plan.MinInstant
	case plan.AtMost:
		return plan.MinInstant, c, true
	case plan.More:
		return c + 1, plan.MaxInstant, c != plan.MaxInstant
	}
	return c, plan.MaxInstant, true
}

func (b *batch) same(n *plan.Same) []uint8 {
	s := &b.scratch
	left, right := b.value(n.L), b.value(n.R)
	if left.field == nil && right.field == nil {
		return b.compare(&plan.Compare{Op: plan.Equal, L: n.L, R: n.R})
	}
	dst := s.bytes.take(b.n)
	if left.form == absent || right.form == absent {
		clear(dst)
		return dst
	}
	into := b.translation(n, left.field.dict, right.field.dict)
	for i := range dst {
		code := left.codes.at(i)
		dst[i] = bit(code != 0 && into[code] == right.codes.at(i) && into[code] != 0)
	}
	return dst
}

// translation numbers the values of one dictionary as another does, 0 for those
// it lacks.
func (w *worker) translation(n plan.Node, from, to *dictionary) []uint64 {
	key := tableKey{n, from}
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.into[key]; ok {
		return t
	}
	values := from.all()
	t := make([]uint64, len(values))
	for i, v := range values[1:] {
		if code, ok := to.find(v); ok {
			t[i+1] = code
		}
	}
	w.into[key] = t
	return t
}

func (b *batch) oneOf(n *plan.OneOf) []uint8 {
	s := &b.scratch
	v := b.value(n.X)
	switch n.X.Type().Sort {
	case catalog.String, catalog.Enum:
		if v.form != coded {
			break // missing for all
		}
		return v.lookup(s, b.named(n, v.field.dict))
	}
	dst := s.bytes.take(b.n)
	clear(dst)
	if v.form == absent {
		return dst
	}
	for _, c := range n.Values {
		at := c.Int()
		if c.Sort() == catalog.Bool {
			at = int64(bit(c.Bool()))
		}
		m := s.mark()
		or(dst, dst, v.between(s, at, at))
		s.release(m)
	}
	return dst
}

// named is the table of a few values by their codes.
func (w *worker) named(n *plan.OneOf, d *dictionary) []uint8 {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := tableKey{n, d}
	t, ok := w.tables[key]
	if !ok {
		t = make([]uint8, len(d.all()))
		for _, v := range n.Values {
			if code, in := d.find(v); in && code < uint64(len(t)) {
				t[code] = 1
			}
		}
		w.tables[key] = t
	}
	return t
}

// lookup tests values by their codes, each different value once a Select.
func (b *batch) lookup(n plan.Node, v vector, passes func(catalog.Value) bool) []uint8 {
	if v.form == absent || v.field == nil {
		nothing := catalog.Missing
		if _, ok := n.(*plan.Has); ok {
			nothing = catalog.SetValue()
		}
		dst := b.bytes.take(b.n)
		fillMask(dst, bit(passes(nothing)))
		return dst
	}
	return v.lookup(&b.scratch, b.table(n, v.field.dict, passes))
}

func has(set, items []string, all bool) bool {
	for _, item := range items {
		if _, in := slices.BinarySearch(set, item); in != all {
			return in
		}
	}
	return all
}

func like(text string, form plan.LikeForm, part string) bool {
	switch form {
	case plan.Prefix:
		return strings.HasPrefix(text, part)
	case plan.Suffix:
		return strings.HasSuffix(text, part)
	}
	return strings.Contains(text, part)
}

func (b *batch) during(n *plan.During) []uint8 {
	s := &b.scratch
	if w, fixed := b.spans[n]; fixed {
		if n.X.Type().Sort == catalog.Date {
			w = b.days(w)
		}
		v := b.value(n.X)
		if w.from >= w.to {
			dst := s.bytes.take(b.n)
			clear(dst)
			return dst
		}
		return v.between(s, w.from, w.to-1)
	}
	v := b.value(n.X)
	x, known := b.instants(&v, n.X.Type())
	from, fromKnown := b.bound(n.Window.From, plan.MinInstant)
	to, toKnown := b.bound(n.Window.To, plan.MaxInstant)
	dst := s.bytes.take(b.n)
	for i := range dst {
		dst[i] = bit(from[i] <= x[i]) & bit(x[i] < to[i])
	}
	return b.where(dst, known, fromKnown, toKnown)
}

// bound is one end of a window for each element.
func (b *batch) bound(w plan.Bound, open int64) (ints []int64, known []uint8) {
	if w.Kind == plan.Moment {
		v := b.value(w.Moment)
		return b.edge(w, &v)
	}
	at := open
	if w.Kind != plan.Open {
		at, _ = w.Instant(b.env.AsOf, b.env.Zone)
	}
	ints = b.ints.take(b.n)
	for i := range ints {
		ints[i] = at
	}
	return ints, nil
}

// edge is the instants at which windows start or end, given the moments.
func (b *batch) edge(w plan.Bound, v *vector) (ints []int64, known []uint8) {
	ints, known = b.instants(v, w.Moment.Type())
	if !w.Exclusive {
		return ints, known
	}
	out := b.ints.take(b.n)
	for i, us := range ints {
		out[i] = us + int64(bit(us < plan.MaxInstant))
	}
	return out, known
}

// recurs marks the days whose yearly return falls in the window, by a table of
// all days of a year.
func (b *batch) recurs(n *plan.Recurs) []uint8 {
	s := &b.scratch
	w := b.spans[n]
	v := b.value(n.X)
	if w.from >= w.to {
		dst := s.bytes.take(b.n)
		clear(dst)
		return dst
	}
	ints, known := v.integers(s)
	if w.from == plan.MinInstant || w.to == plan.MaxInstant {
		return v.isKnown(s)
	}
	if n.X.Type().Sort == catalog.Instant {
		days := s.ints.take(b.n)
		copy(days, ints)
		b.calendar.days(days)
		ints = days
	}
	table := yearTable(plan.LocalDay(w.from, b.env.Zone), plan.LocalDay(w.to-1, b.env.Zone))
	dst := s.bytes.take(b.n)
	for i, day := range ints {
		if known == nil || known[i] == 1 {
			month, d := monthAndDay(day)
			dst[i] = table[month][d]
		} else {
			dst[i] = 0
		}
	}
	return dst
}

// yearTable marks the days, by month and day, that return on a day of
// [first, last]: 29 February also on 1 March of a common year.
func yearTable(first, last int64) (table [13][32]uint8) {
	for day := first; day <= last && day < first+367; day++ {
		month, d := monthAndDay(day)
		table[month][d] = 1
		if month == 3 && d == 1 {
			if m, _ := monthAndDay(day - 1); m == 2 {
				if _, d := monthAndDay(day - 1); d == 28 {
					table[2][29] = 1
				}
			}
		}
	}
	return table
}

func monthAndDay(day int64) (month, d int) {
	t := time.Unix(day*86400, 0).UTC()
	return int(t.Month()), t.Day()
}

// asked is how many customers a group is asked about before a look at whether
// anybody still waits for the answer.
const asked = 64

func (b *batch) member(n *plan.Member) []uint8 {
	dst := b.bytes.take(b.n)
	for i := range dst {
		if i&(asked-1) == 0 && b.over() {
			return dst
		}
		dst[i] = 0
		if b.shard.state[i] == gone || b.candidates != nil && b.candidates[i] == 0 {
			continue
		}
		in, err := b.env.Groups.Contains(n.Group, b.shard.ids[i])
		if err != nil {
			b.fail(err)
			return dst
		}
		dst[i] = bit(in)
	}
	return dst
}

func (b *batch) sample(n *plan.Sample) []uint8 {
	whole := uint64(100)
	for range n.Scale {
		whole *= 10
	}
	x, y := sample.Key(n.Key)
	threshold := sample.Threshold(uint64(n.Percent), whole)
	dst := b.bytes.take(b.n)
	for i, bucket := range b.shard.bucket[:b.n] {
		dst[i] = bit(sample.In(bucket, x, y, threshold))
	}
	return dst
}
