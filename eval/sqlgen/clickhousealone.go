package sqlgen

import (
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// A plan that is asked alone is written as a person would write it, where that can be: the
// statement begins with the one scan that stands for the population, or with the
// population, and what other tables decide are lists of customers, asked by IN. The
// engine has no rows to lay over each other then, and passes over each table once. One
// scan whose values are compared with those of the first is joined to it, or read with it:
// see clickLaid.

// alone is how the tests of such a statement are written.
type alone struct {
	base   string          // key of the scan that it begins with, "" for the population
	beside string          // key of the scan that is joined to it, "" for none
	alike  map[string]bool // the scans, by key, of which a row means a record
}

// aloneMode must be called after the plan's test is written, which tells what it reads. It
// is nil where the values of several tables stand in one test, or where a table had to be
// read twice.
func (g *generator) aloneMode(of who) *alone {
	if len(g.people.customerLift.parts) > 0 {
		return nil
	}
	mode := &alone{alike: map[string]bool{}}
	if of.base != nil {
		mode.base = of.base.key
	}
	for _, s := range g.scans {
		mode.alike[s.key] = s.alike()
		tests := 0
		for _, a := range g.atoms {
			if a.scan == s {
				tests++
			}
		}
		switch {
		case s == of.base:
		case s.read():
			if of.base == nil || mode.beside != "" || tests > 0 {
				return nil
			}
			mode.beside = s.key
		case tests > 1:
			return nil
		}
	}
	if mode.beside == "" && of.base != nil && of.base.read() {
		return nil
	}
	return mode
}

// clickAlone writes the statement of one plan. ok is false where aloneMode is nil.
func (g *generator) clickAlone(root plan.Test, of who) (p piece, ok bool) {
	mode := g.aloneMode(of)
	if mode == nil {
		return piece{}, false
	}
	h := g.sub()
	h.cuts, h.form = g.cuts, mode
	l := h.liftPopulation()
	for _, s := range g.scans {
		if s.key != mode.base && s.key != mode.beside {
			h.listGroups(s)
		}
	}
	test := h.holds(l.narrow(g.withoutImplied(root, of.base)), h.customer())
	if of.base == nil {
		key := outer + "." + g.schema.Customers.Key
		conditions := slices.Concat([]piece{h.clickThere(g.schema.Customers, outer)}, l.where, []piece{test})
		from := func(conditions ...piece) piece {
			return join(" FROM "+g.table(g.schema.Customers)+" "+outer+" WHERE ", g.all(conditions...))
		}
		p = g.clickIDs(key, from(append(conditions, h.population())...))
		if joined, ok := h.clickJoined(root); ok && g.numbered {
			g.inOne = inOneRow(join(fmt.Sprintf("groupArrayIf(%d)(%s, ", mostInArray, key), joined, ")"), from(conditions...))
		}
	} else {
		from := h.scan(h.scanOf(mode.base))
		if mode.beside != "" {
			from = h.clickBeside(h.scanOf(mode.base), h.scanOf(mode.beside))
		}
		p = g.clickIDs(clickOwner, join(" FROM (", from, ")", g.whereAll(test, of.late)))
		switch base := h.scanOf(mode.base); {
		case of.late.sql == "":
		case mode.alike[base.key] && mode.beside == "" && g.short(base) && g.whereAll(test).sql == "":
			// Of many records this array takes longer than groups do. Old servers know no limit of its length.
			owner, records := h.clickOwners(base)
			g.unsift(join("groupUniqArray(", owner, ")"), records)
		default:
			g.unsift(text(inArray+"("+clickOwner+")"), join(" FROM (", from, ")", g.whereAll(test)))
		}
	}
	g.scans, g.err = h.scans, h.err
	return p, true
}

// listGroups makes a scan of another generator one whose groups are tested where they are
// made, as far as their values can be written there.
func (g *generator) listGroups(of *scan) {
	if !of.asked() || g.ordered(of.slots[0].agg) {
		return
	}
	var slots []*slot
	for _, slot := range of.slots {
		if slot.used || slot.read {
			slots = append(slots, g.slot(slot.agg))
		}
	}
	r := g.record(slots[0].agg, slots)
	if len(r.aliases) > 1 || r.customerLift != nil {
		return
	}
	s := slots[0].scan
	where, own := g.selected(s, r)
	var values []string
	for i, slot := range slots {
		value := g.compute(slot, r, list(own[i], " AND "))
		if len(value.args) > 0 || len(value.sql) > longText { // it may be written twice, and anywhere
			return
		}
		values = append(values, value.sql)
	}
	for i, slot := range slots {
		slot.value = values[i]
	}
	s.within = join("SELECT "+g.clickKey(r.owner.sql), r.from(), " WHERE ", list(where, " AND "), " GROUP BY ", r.owner)
}

// withoutImplied leaves out of a rule what every row of a scan says by being there, as
// long as another clause reads it.
func (g *generator) withoutImplied(root plan.Test, s *scan) plan.Test {
	if s == nil || !s.alike() {
		return root
	}
	implied := func(t plan.Test) bool {
		switch n := t.(type) {
		case *plan.Compare:
			a, none, some := plan.Some(n)
			return some && !none && g.slot(a).scan == s
		case *plan.Known:
			return g.past(n.X) && g.slot(n.X.(*plan.Aggregate)).scan == s
		}
		return false
	}
	rest := slices.DeleteFunc(slices.Clone(conjuncts(root)), implied)
	reads := func(t plan.Test) bool { reads, _ := g.reads(t, s); return reads }
	switch {
	case !slices.ContainsFunc(rest, reads):
		return root
	case len(rest) == 1:
		return rest[0]
	}
	return &plan.And{Terms: rest}
}

// scanOf is the scan of a key.
func (g *generator) scanOf(key string) *scan {
	return g.scans[slices.IndexFunc(g.scans, func(s *scan) bool { return s.key == key })]
}

// clickBeside has the columns of a scan and beside them those of another, NULL for who has
// no record there. The join is a subquery: see clickReadSet.
func (g *generator) clickBeside(base, other *scan) piece {
	if p, ok := g.clickLaid(base, other); ok {
		return p
	}
	key := g.alias(Reserved)
	left := text(clickOwner)
	for _, slot := range base.slots {
		if slot.used || slot.read {
			left.sql += ", " + slot.column
		}
	}
	right := text(g.clickKey(clickOwner) + " AS " + key)
	for _, slot := range other.slots {
		if slot.used || slot.read { // an alias must not bear the name of what it is made of
			right = join(right, ", ", g.slotSort(slot).cast(text(slot.column)), " AS x", slot.column)
			left.sql += ", x" + slot.column + " AS " + slot.column
		}
	}
	var rows piece
	if g.ordered(other.slots[0].agg) {
		rows = join("SELECT ", right, " FROM (", g.scan(other), ")")
	} else {
		other.beside = key
		rows = g.scan(other)
	}
	return join("SELECT ", left, " FROM (", g.scan(base), ") dg_l "+g.global("ANY LEFT JOIN ("), rows, ") dg_r ON "+g.clickKey(clickOwner)+" = "+key)
}

// decided is a test that one branch decides, as a condition of such a statement. some
// tells that it asks for no more than a record.
func (g *generator) decided(s *scan, some bool, started []*slot, test piece) piece {
	if s == nil {
		return certainly(test)
	}
	some = some && g.form.alike[s.key]
	if some {
		for _, slot := range started {
			slot.read = false
		}
		test = g.always(true)
	}
	if s.key == g.form.base {
		return certainly(test)
	}
	owner := g.clickKey(outer + "." + g.schema.Customers.Key)
	if g.form.base != "" {
		owner = g.clickKey(clickOwner)
	}
	switch {
	case !some && s.within.sql != "":
		return join(owner, " "+g.global("IN ("), s.within, " HAVING ", test, ")").certain()
	case !some:
		return join(owner, " "+g.global("IN (SELECT ")+g.clickKey(clickOwner)+" FROM (", g.scan(s), ") WHERE ", test, ")").certain()
	}
	of, from := g.clickOwners(s)
	return g.ofScan(s, join(owner+" "+g.global("IN (SELECT ")+g.clickKey(of.sql), from, ")").certain())
}

// whereAll is the clause of conditions that all must hold, nothing where they always do.
func (g *generator) whereAll(conditions ...piece) piece {
	all := g.all(conditions...)
	if all.sql == g.always(true).sql {
		return piece{}
	}
	return join(" WHERE ", all)
}

// clickOwners is the customer of each of a scan's records, and where they are selected from.
func (g *generator) clickOwners(s *scan) (owner, from piece) {
	r := g.record(s.slots[0].agg, s.slots)
	where, _ := g.selected(s, r)
	g.clickNarrow(s.slots, r)
	return r.owner, join(r.from(), " WHERE ", list(where, " AND "))
}

// all are conditions that all must hold, without those that always do.
func (g *generator) all(conditions ...piece) piece {
	yes := g.always(true).sql
	some := slices.DeleteFunc(nonEmpty(conditions...), func(p piece) bool { return p.sql == yes })
	if len(some) == 0 {
		return g.always(true)
	}
	return list(some, " AND ")
}
