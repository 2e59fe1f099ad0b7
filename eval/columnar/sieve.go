package columnar

import (
	"math"
	"math/bits"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// sieveOf is a test of the rows of a kind: a term of what aggregates ask for. The
// same term of several plans is one sieve, tried once on each row.
type sieveOf struct {
	kind int
	lane int      // what is looked at, where it is one value
	lo   int64    // it must lie between lo and hi
	hi   int64    //
	set  []uint64 // or, where there are any, be one of these codes
	test tester   // or pass this; nil otherwise
}

// sieve is which of the first rows of a deck pass, a bit each.
type sieve struct {
	turn uint64
	have int
	bits []uint64
}

// term is a sieve, or what it holds back.
type term struct {
	sieve int
	not   bool
}

// sift is the sieve's bits of at least the first n rows.
func (x *cursor) sift(i, n int) []uint64 {
	s := &x.sieves[i]
	if s.turn != x.turn {
		s.turn, s.have = x.turn, 0
	}
	if s.have < n {
		x.shake(s, &x.matcher.sieves[i], n)
	}
	return s.bits
}

// shake brings the sieve's bits up to n rows.
func (x *cursor) shake(s *sieve, of *sieveOf, n int) {
	words := (s.have + 63) / 64
	s.bits = slices.Grow(s.bits[:words], (n+63)/64-words)[:(n+63)/64]
	clear(s.bits[words:])
	from := s.have
	s.have = n
	if of.test != nil {
		x.goal = n
		for i := from; i < n; i++ {
			x.row = i
			s.bits[i>>6] |= uint64(bit(of.test(x))) << (i & 63)
		}
		return
	}
	values := x.lane(of.lane, n)[:n]
	if of.set != nil {
		for i, v := range values[from:] {
			s.bits[(from+i)>>6] |= uint64(bit(listsCode(of.set, uint64(v)))) << ((from + i) & 63)
		}
		return
	}
	for i, v := range values[from:] {
		s.bits[(from+i)>>6] |= uint64(bit(of.lo <= v)&bit(v <= of.hi)) << ((from + i) & 63)
	}
}

// listsCode tells whether the bit of a code is set.
func listsCode(set []uint64, code uint64) bool {
	word := code >> 6
	return word < uint64(len(set)) && set[word]>>(code&63)&1 == 1
}

// filter compiles a filter of records.
func (c *closures) filter(where plan.Test, k *kind) []term {
	out := c.conjunction(where, k)
	return slices.DeleteFunc(out, func(t term) bool {
		return t.not && slices.ContainsFunc(out, func(o term) bool { return c.implied(t, o) })
	})
}

func (c *closures) conjunction(where plan.Test, k *kind) []term {
	switch n := where.(type) {
	case nil:
		return nil
	case *plan.And:
		var out []term
		for _, t := range n.Terms {
			out = append(out, c.conjunction(t, k)...)
		}
		return out
	case *plan.Not:
		return []term{{sieve: c.sieve(n.Term, k), not: true}}
	}
	return []term{{sieve: c.sieve(where, k)}}
}

// implied tells whether what is one code is, for that reason, none of others.
func (c *closures) implied(none, one term) bool {
	no, yes := &c.matcher.sieves[none.sieve], &c.matcher.sieves[one.sieve]
	if one.not || no.test != nil || yes.test != nil || no.lane != yes.lane || yes.set != nil || yes.lo != yes.hi {
		return false
	}
	if no.set != nil {
		return !listsCode(no.set, uint64(yes.lo))
	}
	return yes.lo < no.lo || yes.lo > no.hi
}

// sieve is the number of the sieve of a test.
func (c *closures) sieve(t plan.Test, k *kind) int {
	key := k.name + "\x00" + plan.Key(t)
	if i, ok := c.sieves[key]; ok {
		return i
	}
	of, ok := c.plain(t, k)
	if !ok {
		of = sieveOf{kind: k.index, test: c.test(t, k)}
	}
	i := len(c.matcher.sieves)
	c.matcher.sieves = append(c.matcher.sieves, of)
	c.sieves[key] = i
	return i
}

// plain compiles a test of one field: whether it lies in an interval, or is one of
// few codes.
func (c *closures) plain(t plan.Test, k *kind) (sieveOf, bool) {
	out := sieveOf{kind: k.index}
	var f *plan.Field
	switch n := t.(type) {
	case *plan.Compare:
		lit, isLit := n.R.(*plan.Literal)
		field, isField := n.L.(*plan.Field)
		if !isLit || !isField {
			return out, false
		}
		lo, hi, some := interval(n.Op, lit.Value.Int())
		if f, out.lo, out.hi = field, max(lo, missing+1), hi; !some {
			out.lo, out.hi = math.MaxInt64, missing
		}
	case *plan.Truth:
		field, isField := n.X.(*plan.Field)
		if !isField {
			return out, false
		}
		f, out.lo, out.hi = field, 1, 1
	case *plan.OneOf:
		field, isField := n.X.(*plan.Field)
		if !isField || newDictionary(n.X.Type()) == nil {
			return out, false
		}
		dict := k.up(field.Up).dictionaryOf(field.Name)
		codes, ok := codesOf(n.Values, dict)
		if !ok {
			return out, false
		}
		f, out.lo, out.hi = field, int64(codes[0]), int64(codes[0])
		if len(codes) > 1 {
			out.set = bitsOf(codes)
		}
	default:
		return out, false
	}
	lane, ok := c.lane(f, k)
	out.lane = lane
	return out, ok
}

// mostCode is up to where codes are looked up in bits.
const mostCode = 1 << 16

// codesOf are the codes of texts, not ok when they are none or large. They get
// theirs here if no row has had them, so that no later text can take them.
func codesOf(values []catalog.Value, d *dictionary) ([]uint64, bool) {
	if d == nil || len(values) == 0 {
		return nil, false
	}
	var out []uint64
	for _, v := range values {
		out = append(out, d.code(v))
	}
	slices.Sort(out)
	return out, out[len(out)-1] < mostCode
}

func bitsOf(codes []uint64) []uint64 {
	out := make([]uint64, codes[len(codes)-1]/64+1)
	for _, c := range codes {
		out[c/64] |= 1 << (c % 64)
	}
	return out
}

// up is the kind some levels above.
func (k *kind) up(levels int) *kind {
	for range levels {
		k = k.parent
	}
	return k
}

// dictionaryOf is that of a field, nil where it has none.
func (k *kind) dictionaryOf(name string) *dictionary {
	if i, ok := k.field[name]; ok {
		return k.fields[i].dict
	}
	return nil
}

// lane is the number of the lane of a field, not ok when the data does not have
// the field.
func (c *closures) lane(f *plan.Field, k *kind) (int, bool) {
	at := k.up(f.Up)
	i, ok := at.field[f.Name]
	if !ok {
		return 0, false
	}
	of := laneOf{kind: k.index, up: f.Up, field: i, text: at.fields[i].dict != nil}
	if sort := f.Of.Sort; !f.Due && (sort == catalog.Instant || sort == catalog.Date) {
		of.timed = sort
	}
	if f.Up > 0 {
		below := *f
		below.Up--
		of.over, _ = c.lane(&below, k.parent)
	}
	if n := slices.Index(c.matcher.lanes, of); n >= 0 {
		return n, true
	}
	c.matcher.lanes = append(c.matcher.lanes, of)
	return len(c.matcher.lanes) - 1, true
}

// selection is which rows an aggregate reads.
type selection struct {
	number int // of the matcher's
	kind   int
	by     stampedBy
	other  int // lane of a stamp that is not the kind's own
	span   int // a window of the same ends for all; -1 where there is none
	from   number
	to     number
	where  []term
	// direct selections are told by the rows' own fields, or by those of the records
	// above the few that pass these.
	direct     bool
	own, above []check
}

// stampedBy is which stamp a selection's window is of.
type stampedBy uint8

const (
	byNone  stampedBy = iota // all rows are selected
	byOwn                    // the one that the rows are ordered by
	byOther                  // another time of the rows
)

func (c *closures) selection(a *plan.Aggregate, k *kind) *selection {
	out := &selection{number: len(c.matcher.selections), kind: k.index, span: -1, where: c.filter(a.Where, k)}
	c.matcher.selections = append(c.matcher.selections, out)
	out.own, out.above, out.direct = c.checks(out.where)
	if a.Stamp == nil {
		return out
	}
	if w := a.Window; w.From.Kind == plan.Moment || w.To.Kind == plan.Moment {
		out.from, out.to = c.bound(w.From, plan.MinInstant, nil), c.bound(w.To, plan.MaxInstant, nil)
	} else {
		out.span = c.matcher.window(windowed{window: w})
	}
	if out.by = byOwn; !k.ordered(a.Stamp) {
		out.by, out.direct = byOther, false
		lane, ok := c.lane(a.Stamp, k)
		if out.other = lane; !ok {
			out.other = -1
		}
	}
	return out
}

// window is the ends of the window, not ok where one is missing.
func (s *selection) window(x *cursor) (from, to int64, ok bool) {
	switch {
	case s.by == byNone:
		return plan.MinInstant, plan.MaxInstant, true
	case s.span >= 0:
		w := &x.spans[s.span]
		return w.from, w.to, true
	}
	from, fromOK := s.from(x)
	to, toOK := s.to(x)
	return from, to, fromOK && toOK
}

// reach is rows [lo, hi) of a deck, among which the selected ones are. Where they
// are told by another stamp, that lies in [from, to).
type reachOf struct {
	deck     *deck
	lo, hi   int
	from, to int64
}

// reach is not ok when an end of the window is missing.
func (s *selection) reach(x *cursor) (r reachOf, ok bool) {
	if s.by == byNone {
		d := x.deck(s.kind)
		return reachOf{deck: d, hi: d.n}, true
	}
	from, to, ok := s.window(x)
	d := x.deck(s.kind)
	r = reachOf{deck: d, from: from, to: min(to, x.asOf)}
	if !ok {
		return r, false
	}
	if s.by == byOther {
		if s.other >= 0 {
			r.hi = d.n
		}
		return r, true
	}
	if r.hi = d.edge(r.from); r.hi > 0 {
		r.lo = min(r.hi, d.edge(r.to)) // a window may start after its end
	}
	return r, true
}

// stretchRows is how many rows are looked at in one go: whoever has seen enough
// then stops.
const (
	stretchRows = 256
	fewRows     = 16
)

// word is which of rows [at, at+64) that lie in [lo, hi) are selected.
func (s *selection) word(x *cursor, r reachOf, at, lo, hi int) uint64 {
	out := ^uint64(0)
	if lo > at {
		out <<= uint(lo - at)
	}
	if hi < at+64 {
		out &= 1<<uint(hi-at) - 1
	}
	for _, t := range s.where {
		passed := x.sift(t.sieve, hi)[at>>6]
		if t.not {
			passed = ^passed
		}
		if out &= passed; out == 0 {
			return 0
		}
	}
	if s.by == byOther {
		stamps := x.lane(s.other, hi)
		for left := out; left != 0; left &= left - 1 {
			i := bits.TrailingZeros64(left)
			if v := stamps[at+i]; v == missing || v < r.from || v >= r.to {
				out &^= 1 << uint(i)
			}
		}
	}
	return out
}

// count is how many rows are selected, or at least enough; not ok when an end of the
// window is missing. Where all rows are fewer than least, that number will do.
func (s *selection) count(x *cursor, least, enough int64) (n int64, ok bool) {
	if s.direct {
		if n, ok := s.countOf(x, enough); ok {
			return n, true
		}
	}
	r, ok := s.reach(x)
	if !ok {
		return 0, false
	}
	if rows := int64(r.hi - r.lo); rows < least {
		return rows, true
	}
	return s.dealt(x, r, enough), true
}

// dealt counts in the deck.
func (s *selection) dealt(x *cursor, r reachOf, enough int64) int64 {
	if len(s.where) == 0 && s.by != byOther {
		return int64(max(0, r.hi-r.lo))
	}
	n, rows := int64(0), stretchRows
	if enough < fewRows {
		rows = fewRows // which may do
	}
	for lo := r.lo; lo < r.hi && n < enough; rows = stretchRows {
		hi := min(r.hi, (lo|(rows-1))+1)
		for at := lo &^ 63; at < hi; at += 64 {
			n += int64(bits.OnesCount64(s.word(x, r, at, lo, hi)))
		}
		lo = hi
	}
	return n
}

// each calls visit with the selected rows at hand, the newest first, until it
// returns false. What visit reads is drawn for a stretch of rows at once.
func (s *selection) each(x *cursor, r reachOf, visit func(x *cursor) (more bool)) {
	for lo := r.lo; lo < r.hi; {
		hi := min(r.hi, (lo|(stretchRows-1))+1)
		for at := lo &^ 63; at < hi; at += 64 {
			for left := s.word(x, r, at, lo, hi); left != 0; left &= left - 1 {
				x.row, x.goal = at+bits.TrailingZeros64(left), hi
				if !visit(x) {
					return
				}
			}
		}
		lo = hi
	}
}
