package sqlgen

import (
	"slices"
	"strconv"

	"github.com/dangol-dev/dangol/eval/plan"
)

const (
	// newest is which part of its window a whole is counted in first.
	newest = 16
	// leastShare is the least share, one in so many, that leaves customers out by that.
	leastShare = 10
)

// ceiling is what a plan asks of a share: it fails who has more records in the newest part
// of the window alone than the part of the share allows in all. Those are many, and found
// in few records.
type ceiling struct {
	part, whole *slot
	test        *plan.Compare
}

// ceiling finds a plan's share of a scan's records without whose part it has no member.
func (g *generator) ceiling(root plan.Test, s *scan) (ceiling, bool) {
	for _, t := range conjuncts(root) {
		c, ok := t.(*plan.Compare)
		if !ok || c.Op != plan.AtLeast && c.Op != plan.More {
			continue
		}
		part, times := g.counted(c.L, s)
		whole, by := g.counted(c.R, s)
		if part != nil && whole != nil && times > 0 && by*leastShare >= times && g.decisive(part, root) {
			return ceiling{part, whole, c}, true
		}
	}
	return ceiling{}, false
}

// counted is an expression as a count of a scan's records, times a number, nil where it is
// something else.
func (g *generator) counted(e plan.Expr, s *scan) (count *slot, times int64) {
	times = 1
	if n, ok := e.(*plan.Times); ok {
		e, times = n.X, n.By
	}
	a, ok := e.(*plan.Aggregate)
	if !ok || a.Fn != plan.Count {
		return nil, 0
	}
	if m := g.byKey[plan.Key(a)]; m != nil && m.scan == s {
		return m, times
	}
	return nil, 0
}

// decisive tells whether an aggregate asks for some values, and a plan has no member
// without one of its records.
func (g *generator) decisive(m *slot, root plan.Test) bool {
	return picky(m.agg.Where) && absence{g: g, scan: m.scan, only: m}.test(root) == never
}

// below is the test that a customer has a record of a share's part, and no more records in
// the newest part of the window than it allows. Both are counted once, in few records: the
// parts are named, for they also tell whose newest records to count.
func (g *generator) below(s *scan, key string) piece {
	parts, wholes := &scan{}, &scan{}
	low, _ := g.lowest(s.slots)
	since := g.now() - (g.now()-low)/newest
	k, w := g.alias("k"), g.alias("w")
	var any []piece
	for _, c := range s.ceilings {
		if !slices.Contains(parts.slots, c.part) {
			parts.slots = append(parts.slots, c.part)
		}
		if !slices.ContainsFunc(wholes.slots, func(m *slot) bool { return m.column == c.whole.column }) {
			whole := *c.whole.agg
			if from, _ := whole.Window.From.Instant(g.asOf, g.zone); from < since {
				whole.Window.From = plan.Bound{Kind: plan.Instant, At: since}
			}
			wholes.slots = append(wholes.slots, &slot{agg: &whole, column: c.whole.column})
		}
		side := func(e plan.Expr, value string) piece {
			if n, ok := e.(*plan.Times); ok {
				return text(value + " * " + strconv.FormatInt(n.By, 10))
			}
			return text(value)
		}
		part := k + "." + c.part.column
		any = append(any, join("("+part+" > 0 AND ", side(c.test.L, part), " "+string(c.test.Op)+" ",
			side(c.test.R, "COALESCE("+w+"."+c.whole.column+", 0)"), ")"))
	}
	return join(key+" IN (WITH "+k+" AS (", g.counts(parts, ""), ") SELECT "+k+".c FROM "+k+" LEFT JOIN (", g.counts(wholes, k),
		") "+w+" ON "+w+".c = "+k+".c WHERE ", list(any, " OR "), ")")
}

// counts writes a scan that counts records: of all customers, or of those of a table.
func (g *generator) counts(s *scan, among string) piece {
	r := g.record(s.slots[0].agg, s.slots)
	where, own := g.of(s, r)
	if among != "" {
		where = append(where, join(r.owner, " IN (SELECT c FROM "+among+")"))
	}
	columns := []piece{join(r.owner, " AS c")}
	for i, m := range s.slots {
		columns = append(columns, join(g.compute(m, r, list(own[i], " AND ")), " AS ", m.column))
	}
	return join("SELECT ", list(columns, ", "), r.from(), " WHERE ", list(where, " AND "), " GROUP BY ", r.owner)
}

// of are the conditions that leave no record but those which an aggregate of a scan
// selects, and what each asks besides those that all do.
func (g *generator) of(s *scan, r row) (where []piece, own [][]piece) {
	where, own = g.selected(s, r)
	if slices.ContainsFunc(own, func(l []piece) bool { return len(l) == 0 }) {
		return where, own
	}
	var any []piece
	for _, conditions := range own {
		any = append(any, join("(", list(conditions, " AND "), ")"))
	}
	return append(where, join("(", list(any, " OR "), ")")), own
}
