package sqlgen

import (
	"slices"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// alone writes the statement of one plan whose aggregates have been asked for, as a
// person would: scans of which only the customers matter are lists of them, and where
// one scan is left that stands for the population, the statement is that scan.
func (g *generator) alone(root plan.Test) piece {
	roots := []plan.Test{root}
	needed, others := g.needed(roots)
	var base *scan
	if !g.asked {
		base = g.base(needed)
	}
	rest := root
	for _, s := range needed {
		s.listed = s != base && !s.read() && !g.ordered(s.slots[0].agg)
		if base == nil && s.read() {
			rest = g.askWithin(s, rest)
		}
	}
	joined := 0
	for _, s := range append(others, needed...) {
		if !s.listed && !s.tested {
			joined++
		}
	}
	g.follow(base, append(others, needed...))
	if base != nil && joined == 1 {
		if out, ok := g.overGroups(base, needed, root); ok {
			return out
		}
	}
	_, g.key = g.begin(needed, 1)
	test := g.holds(rest, g.customer())
	from, key, who, later := g.narrow(roots)
	return join("SELECT ", g.id(key), " AS id", from, " WHERE ", list(g.inTurn(who, later, test), " AND "))
}

// overGroups writes the statement over the groups of one scan, as far as there is nothing to
// pass twice. MariaDB would turn every group's id into text, not only the members', and is
// no faster where it makes groups for their values; for a list of customers it is.
func (g *generator) overGroups(base *scan, needed []*scan, root plan.Test) (piece, bool) {
	g.idForm = g.owner(base)
	lists := g.dialect == MySQL && g.integerIDs() && !base.read() && base.alike()
	if g.dialect == MySQL && !lists || g.ordered(base.slots[0].agg) {
		return piece{}, false
	}
	base.first = true
	r := g.record(base.slots[0].agg, base.slots)
	where, own := g.selected(base, r)
	where = append(where, g.outside(base, r.owner.sql)...)
	for i, s := range base.slots {
		if !s.used {
			continue
		}
		value := g.compute(s, r, list(own[i], " AND "))
		if len(value.args) > 0 {
			for _, s := range base.slots {
				s.value = ""
			}
			return piece{}, false
		}
		s.value = value.sql
	}
	base.top, g.key = true, r.owner.sql
	var who []piece
	later := g.newcomers(r.owner.sql)
	for _, s := range needed {
		if s.listed {
			who = append(who, g.list(s, r.owner.sql))
		}
	}
	having := g.inTurn(who, later, g.holds(root, g.customer()))
	g.repeats = g.repeat && (lists || g.dialect == SQLite && g.integerIDs() && !base.read() && base.alike()) && g.hardlyRepeats(base)
	if lists || g.repeats {
		distinct := "DISTINCT "
		if g.repeats {
			distinct = ""
		}
		return join("SELECT "+distinct+g.id(r.owner.sql)+" AS id", r.from(), " WHERE ", list(append(where, having...), " AND ")), true
	}
	return join("SELECT ", g.id(r.owner.sql), " AS id", r.from(), " WHERE ", list(where, " AND "),
		" GROUP BY ", r.owner, " HAVING ", list(having, " AND ")), true
}

// longestRepeats is the longest window in which a customer hardly has many records with
// one of some values.
const longestRepeats = 366 * 24 * time.Hour

// hardlyRepeats tells whether a scan reads few records of each of its customers.
func (g *generator) hardlyRepeats(s *scan) bool {
	low, ok := g.lowest(s.slots)
	return ok && g.asOf.Sub(time.UnixMicro(low)) <= longestRepeats &&
		!slices.ContainsFunc(s.slots, func(slot *slot) bool { return !picky(slot.agg.Where) })
}

// askWithin makes a scan the list of those of its groups that pass the terms which read
// them, and gives the terms that are left. MariaDB looks such a list up in less time than
// it joins the groups. Only numbers: it asks for keys of several types customer by customer,
// and would group for each.
func (g *generator) askWithin(s *scan, root plan.Test) (rest plan.Test) {
	first := s.slots[0].agg
	if g.dialect != MySQL || g.ordered(first) || g.owner(s) != IntegerKey || g.schema.Customers.Owner != IntegerKey {
		return root
	}
	var own, others []plan.Test
	for _, t := range conjuncts(root) {
		switch reads, besides := g.reads(t, s); {
		case !reads:
			others = append(others, t)
		case besides:
			return root
		default:
			own = append(own, t)
		}
	}
	r := g.record(first, s.slots)
	where, conditions := g.selected(s, r)
	values := make([]string, len(s.slots))
	for i, slot := range s.slots {
		if !slot.used {
			continue
		}
		value := g.compute(slot, r, list(conditions[i], " AND "))
		if len(value.args) > 0 { // a value may be written twice
			return root
		}
		values[i] = value.sql
	}
	for i, slot := range s.slots {
		slot.value = values[i]
	}
	s.listed = true
	s.within = join(" IN (SELECT ", r.owner, r.from(), " WHERE ", list(where, " AND "), " GROUP BY ", r.owner,
		" HAVING ", g.terms(own, " AND ", g.customer()), ")")
	if len(others) == 0 {
		return &plan.Const{Value: true}
	}
	return &plan.And{Terms: others}
}

// reads tells whether a test reads an aggregate of a scan, be it as the moment at which the
// window of another begins or ends, and whether it reads anything besides.
func (g *generator) reads(t plan.Node, s *scan) (reads, besides bool) {
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Aggregate:
			slot := g.byKey[plan.Key(n)]
			is := slot != nil && slot.scan == s
			reads, besides = reads || is, besides || !is
			for _, b := range []plan.Bound{n.Window.From, n.Window.To} {
				if b.Kind == plan.Moment {
					within, _ := g.reads(b.Moment, s)
					reads, besides = reads || within, true
				}
			}
			return false
		case *plan.Attr, *plan.Has, *plan.Member, *plan.Sample, *plan.Rank:
			besides = true
		}
		return true
	})
	return reads, besides
}

// list is the test that a scan has a row of the customer.
func (g *generator) list(s *scan, key string) piece {
	if s.within.sql != "" {
		return join(key, s.within)
	}
	r := g.record(s.slots[0].agg, s.slots)
	where, _ := g.selected(s, r)
	where = append(where, g.outside(s, r.owner.sql)...)
	return g.ofScan(s, join(key+" IN (SELECT ", r.owner, r.from(), " WHERE ", list(where, " AND "), ")"))
}

// follow tells SQLite's scans that are joined to the records of some days, with which a
// statement begins, to group those of the same customers alone, where they reach as far back.
func (g *generator) follow(base *scan, scans []*scan) {
	if g.dialect != SQLite || base == nil {
		return
	}
	first, ok := g.lowest(base.slots)
	if !ok || g.asOf.Sub(time.UnixMicro(first)) > fewDays {
		return
	}
	for _, s := range scans {
		low, bounded := g.lowest(s.slots)
		if s != base && !s.listed && !s.tested && !g.ordered(s.slots[0].agg) && (!bounded || low <= first) {
			s.among = base
		}
	}
}
