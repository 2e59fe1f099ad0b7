package sqlgen

import (
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// A test that one branch of a ClickHouse statement can decide alone is decided there,
// and travels as a bit: of a customer's own row, or of the aggregates of one scan. Where
// a customer has no row in the branch the bit is 0, so a test that holds then travels as
// its complement. What needs values of several branches travels as those values.

// bitsAColumn keeps a column of bits within UInt64 and away from its sign.
const bitsAColumn = 62

// atom is a test as a bit.
type atom struct {
	scan   *scan // where it is decided, nil for the customer's own row
	test   piece
	column int
	weight int64
	some   *slot // of a test for some record: the count that it asks
}

// trace notes what aggregates a test reads while it is written.
type trace struct {
	slots   []*slot
	started []*slot // those that nothing in their scan had read before
}

func (t *trace) saw(s *slot) {
	t.slots = append(t.slots, s)
	if !s.read {
		s.read = true
		t.started = append(t.started, s)
	}
}

// scan is the one whose aggregates alone were read, nil when there is none.
func (t *trace) scan() *scan {
	var one *scan
	for _, s := range t.slots {
		if one != nil && s.scan != one {
			return nil
		}
		one = s.scan
	}
	return one
}

// value notes that the values of aggregates are asked for, not only whether there is a
// record.
func (t *trace) value() {
	for _, s := range t.slots {
		s.valued = true
	}
}

// bit makes a test of a branch, t, a condition over the branches laid together. Equal tests
// of one branch share a bit.
func (g *generator) bit(s *scan, t plan.Test, key string, test func() piece) piece {
	if s != nil {
		key = s.name + key
	}
	a, ok := g.atomByKey[key]
	if !ok {
		n := g.place(t)
		for len(g.bits) <= n/bitsAColumn {
			g.bits = append(g.bits, g.alias(Reserved))
		}
		a = &atom{scan: s, column: n / bitsAColumn, weight: 1 << (n % bitsAColumn)}
		g.atoms = append(g.atoms, a)
		g.atomByKey[key] = a
		a.test = test()
	}
	return bits{g.bits[a.column], a.weight, a.weight}.piece()
}

// place is the bit of a new atom: the first tells that the customer exists, and the next are
// those of the plans.
func (g *generator) place(t plan.Test) int {
	if t == g.ownBit.test && g.ownBit.place < bitsAColumn {
		return g.ownBit.place
	}
	g.placedBits++
	return g.keptBits + g.placedBits
}

// bits asks a column for some of its bits: those of want set, and the others of mask not.
type bits struct {
	column     string
	mask, want int64
}

func (b bits) piece() piece {
	p := text(fmt.Sprintf("bitAnd(%s, %d) = %d", b.column, b.mask, b.want)).certain()
	p.bits = &b
	return p
}

func (b bits) single() bool { return b.mask&(b.mask-1) == 0 }

func (b bits) not() bits { return bits{b.column, b.mask, b.mask &^ b.want} }

// merged asks a column once for all the bits that some terms, which must all hold, ask it
// for. Terms that contradict each other stay as they are.
func merged(terms []piece) []piece {
	var out []piece
	at := map[string]int{}
	for _, t := range terms {
		if t.bits == nil {
			out = append(out, t)
			continue
		}
		i, ok := at[t.bits.column]
		if ok {
			b, c := *out[i].bits, *t.bits
			if both := b.mask & c.mask; b.want&both == c.want&both {
				out[i] = bits{b.column, b.mask | c.mask, b.want | c.want}.piece()
				continue
			}
		}
		at[t.bits.column] = len(out)
		out = append(out, t)
	}
	return out
}

// clickAtom is a test of the customer as a bit of one scan, if that can decide it.
func (g *generator) clickAtom(t plan.Test, r row) (piece, bool) {
	if _, not := t.(*plan.Not); not || g.dialect != ClickHouse || len(r.aliases) > 0 || g.tracing != nil {
		return piece{}, false
	}
	moments, aggregates, others := momentsOf(t)
	if others || aggregates == 0 || len(moments) > 0 && !single(t) {
		return piece{}, false
	}
	for _, m := range moments {
		if m.Type().Sort != catalog.Instant {
			return piece{}, false
		}
	}
	g.tracing = &trace{}
	test := g.holds(t, r)
	tr := g.tracing
	g.tracing = nil
	home, v := tr.scan(), unknown
	if home != nil {
		v = absence{g: g, scan: home, zero: true}.test(t)
	}
	if v == unknown {
		for _, s := range tr.started {
			s.read = false
		}
		return piece{}, false
	}
	key, some := plan.Key(t), false
	if c, ok := t.(*plan.Compare); ok && len(moments) == 0 {
		_, _, some = plan.Some(c)
	}
	if v == always {
		key = "not " + key
		test = join("NOT (", certainly(test), ")").certain()
	}
	var is piece
	if g.form != nil {
		is = g.decided(home, some, tr.started, test)
	} else {
		is = g.bit(home, t, key, func() piece { return test })
		if some {
			g.atomByKey[home.name+key].some = tr.slots[0]
		} else {
			tr.value()
		}
	}
	if v == never {
		return is, true
	}
	out := join("NOT (", is, ")")
	if is.bits != nil {
		out = is.bits.not().piece()
	}
	if len(moments) == 0 {
		return out.certain(), true
	}
	for _, m := range moments { // without the moment there is no window
		out = join(out, " AND ", g.holds(&plan.Known{X: m}, r))
	}
	return join("(", out, ")").certain(), true
}

// single tells of a test that it is made of no others.
func single(t plan.Test) bool {
	switch t.(type) {
	case *plan.And, *plan.Or, *plan.Not:
		return false
	}
	return true
}

// momentsOf are the customer's moments that the windows of a test's aggregates have for
// bounds, how many aggregates there are, and whether the test reads anything else of the
// customer.
func momentsOf(t plan.Test) (moments []plan.Expr, aggregates int, others bool) {
	seen := map[string]bool{}
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Attr, *plan.Member, *plan.Sample, *plan.Has:
			others = true
		case *plan.Aggregate:
			aggregates++
			for _, b := range []plan.Bound{n.Window.From, n.Window.To} {
				if b.Kind == plan.Moment && !seen[plan.Key(b.Moment)] {
					seen[plan.Key(b.Moment)] = true
					moments = append(moments, b.Moment)
				}
			}
			return false
		}
		return true
	})
	return moments, aggregates, others
}

// clickBits are the columns of bits that a branch has, each 0 where nothing is known,
// and whether there is any bit at all.
func (g *generator) clickBits(s *scan, people bool) (columns []piece, any bool) {
	for i := range g.bits {
		var sum []piece
		if people && i == 0 {
			sum = append(sum, text("1"))
		}
		together := g.together(s, i)
		if len(together) > 0 {
			sum = append(sum, text(s.together(i)))
			any = true
		}
		for _, a := range g.atoms {
			if slices.Contains(together, a) {
				continue
			}
			if a.column == i && a.scan == s && (s != nil || people) {
				sum = append(sum, join("if(", certainly(a.test), fmt.Sprintf(", %d, 0)", a.weight)))
				any = true
			}
		}
		if len(sum) == 0 {
			sum = append(sum, text("0"))
		}
		columns = append(columns, join("toUInt64(", list(sum, " + "), ")"))
	}
	return columns, any
}

// asked tells whether a statement uses anything of a scan, be it within.
func (s *scan) asked() bool {
	return slices.ContainsFunc(s.slots, func(slot *slot) bool { return slot.used || slot.read })
}

// together are the tests of a scan for some record, of a column of bits, that are found by
// one aggregate: each record brings the bits of those that it meets. Several counts take
// longer.
func (g *generator) together(s *scan, column int) []*atom {
	var out []*atom
	all := 0
	for _, a := range g.atoms {
		if s == nil || a.scan != s || a.some == nil || a.some.valued || a.some.used {
			continue
		}
		if all++; a.column == column {
			out = append(out, a)
		}
	}
	if all < 2 {
		return nil
	}
	return out
}

// together is the name of that aggregate.
func (s *scan) together(column int) string {
	return fmt.Sprintf("%s%s_b%d", Reserved, s.name, column+1)
}

// clickTogether writes those aggregates. It tells which counts nobody else asks for.
func (g *generator) clickTogether(s *scan, own [][]piece) (columns []piece, spared []*slot) {
	for i := range g.bits {
		atoms := g.together(s, i)
		sum, among := g.clickNamed(s, atoms, own)
		for _, a := range atoms {
			spared = append(spared, a.some)
			if !slices.Contains(among, a) {
				sum = append(sum, g.weighed(a.some, own[slices.Index(s.slots, a.some)], a.weight))
			}
		}
		if len(sum) > 0 {
			columns = append(columns, join("groupBitOr(toUInt64(", list(sum, " + "), ")) AS "+s.together(i)))
		}
	}
	return columns, spared
}
