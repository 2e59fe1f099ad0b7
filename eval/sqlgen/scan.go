package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// scan is one derived table over the records of a kind, with a column for each
// aggregate that shares it. All have the same stamp and the same moments of the
// customer as ends of their windows.
type scan struct {
	name  string
	key   string
	slots []*slot
	first bool // the statement begins with it
	// listed tells that the statement asks for its customers by IN, which engines
	// answer without making groups of them; tested, that each test does so by itself;
	// top, that its groups are the statement's.
	listed, tested, top bool
	marks               []*slot     // without records of these a customer is not in it
	ceilings            []ceiling   // what each plan asks of a share besides, where each does
	people              []plan.Test // nor one of whom none of these holds
	among               *scan       // nor one without a row of this
	within              piece       // of one that is listed: IN and the list, where its values are asked there
	beside              string      // of ClickHouse: the name of its key, where it is joined to another as it is
}

// slot is one aggregate in the statement.
type slot struct {
	agg    *plan.Aggregate
	scan   *scan
	column string
	used   bool // its value is read, not only whether there is a row
	some   int  // how often it is asked whether there is one
	read   bool // of ClickHouse: its value is read within the scan
	valued bool // and not only to see whether there is a record
	// ranked is of a sum in which missing values are zero: it is NULL for a customer of
	// whom no record is selected, and for nobody else.
	ranked bool
	value  string // of the scan on top, or one whose groups are tested where they are made: the aggregate itself
}

// aggregate asks for an aggregate and gives its value for the customer of the
// outer statement; for one without records NULL where that will do.
func (g *generator) aggregate(a *plan.Aggregate, nullWillDo bool) piece {
	s := g.slot(a)
	value := g.raw(s)
	if col, ok := g.rawStamp(a); ok {
		value = g.decode(Column{SQL: value, Encoding: col.Encoding}, catalog.Instant, "")
	}
	switch a.Fn {
	case plan.Count, plan.Sum, plan.Distinct, plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		if !nullWillDo && !g.filled(a, g.customer()) {
			value = "COALESCE(" + value + ", 0)"
		}
	}
	out := text(value)
	if g.tracing != nil {
		return out
	}
	for _, b := range []plan.Bound{a.Window.From, a.Window.To} {
		if b.Kind == plan.Moment {
			// Without the moment there is no window, so nothing to count either.
			out = join("CASE WHEN ", g.expr(b.Moment, g.customer()), " IS NOT NULL THEN ", out, " END")
		}
	}
	return out
}

// raw is what a scan gives for an aggregate: of a stamp the column's own value.
func (g *generator) raw(s *slot) string {
	if g.tracing != nil {
		g.tracing.saw(s)
	} else {
		s.used = true
	}
	switch {
	case s.value != "":
		return s.value
	case g.dialect == ClickHouse:
		return s.column
	}
	return s.scan.name + "." + s.column
}

// anyRecord is a comparison, or its complement, as the test that a scan has a row of
// the customer, where that is all it asks: its aggregate is alone there.
func (g *generator) anyRecord(c *plan.Compare, r row, positive bool) (piece, bool) {
	a, none, ok := plan.Some(c)
	if !ok || !(g.shared || g.asking) || len(r.aliases) > 0 || a.Window.From.Kind == plan.Moment || a.Window.To.Kind == plan.Moment {
		return piece{}, false
	}
	s := g.slot(a)
	if g.asking {
		s.some++
		return g.always(true), true
	}
	if s.scan.tested {
		in := g.list(&scan{slots: []*slot{s}, people: s.scan.people}, g.key)
		if none == positive {
			in = join("(", in, ") IS NOT TRUE").certain()
		}
		return in, true
	}
	if !s.scan.alike() {
		return piece{}, false
	}
	if s.scan.listed || s.scan.top || g.key == s.scan.name+".c" {
		return g.always(!none == positive), true
	}
	is := " IS NOT NULL"
	if none == positive {
		is = " IS NULL"
	}
	return text(s.scan.name + ".c" + is).certain(), true
}

// alike tells whether all aggregates of a scan select the same records, so that a
// customer has some exactly when the scan has a row.
func (s *scan) alike() bool {
	selected := func(slot *slot) string {
		count := *slot.agg
		count.Fn, count.Of = plan.Count, nil
		if to := &count.Window.To; to.Kind == plan.Now && !to.Exclusive {
			to.Kind = plan.Open // which sees no further
		}
		return plan.Key(&count)
	}
	for _, other := range s.slots[1:] {
		if selected(other) != selected(s.slots[0]) {
			return false
		}
	}
	return true
}

// read tells whether a value of the scan is asked for, not only who has a row.
func (s *scan) read() bool {
	return slices.ContainsFunc(s.slots, func(slot *slot) bool { return slot.used })
}

// slot finds or makes the column of an aggregate.
func (g *generator) slot(a *plan.Aggregate) *slot {
	key := plan.Key(a)
	if s, ok := g.byKey[key]; ok {
		return s
	}
	share := a.Kind + "\x00" + momentKey(a.Window)
	if a.Stamp != nil {
		share += "\x00" + plan.Key(a.Stamp)
	}
	if g.ordered(a) {
		share = key // an ordered choice narrows its rows itself
	}
	var home *scan
	for _, s := range g.scans {
		if s.key == share {
			home = s
		}
	}
	if home == nil {
		home = &scan{key: share, name: g.alias("k")}
		g.scans = append(g.scans, home)
	}
	s := &slot{agg: a, scan: home, column: fmt.Sprintf("a%d", len(home.slots)+1)}
	if g.dialect == ClickHouse {
		s.column = Reserved + home.name + "_" + s.column
	}
	home.slots = append(home.slots, s)
	g.byKey[key] = s
	return s
}

func (g *generator) alias(prefix string) string {
	*g.joined++
	return fmt.Sprintf("%s%d", prefix, *g.joined)
}

func momentKey(w plan.Window) string {
	var b strings.Builder
	for _, bound := range []plan.Bound{w.From, w.To} {
		if bound.Kind == plan.Moment {
			fmt.Fprintf(&b, "%s %v;", plan.Key(bound.Moment), bound.Exclusive)
		} else {
			b.WriteByte(';')
		}
	}
	return b.String()
}

// ordered tells whether an aggregate needs its rows in order: the first or last
// of anything but the stamp itself.
func (g *generator) ordered(a *plan.Aggregate) bool {
	return (a.Fn == plan.First || a.Fn == plan.Last) && !ofStamp(a)
}

func ofStamp(a *plan.Aggregate) bool {
	of, ok := a.Of.(*plan.Field)
	return ok && a.Stamp != nil && plan.Key(of) == plan.Key(a.Stamp)
}

// scan writes the derived table: its columns are c, the customer (dg_o on
// ClickHouse), and one an aggregate.
func (g *generator) scan(s *scan) piece {
	return g.ofScan(s, g.grouped(s))
}

func (g *generator) grouped(s *scan) piece {
	first := s.slots[0].agg
	r := g.record(first, s.slots)
	if g.ordered(first) {
		return g.choice(s.slots[0], r)
	}
	where, own := g.selected(s, r)
	where = append(where, g.outside(s, r.owner.sql)...)
	columns := []piece{join(r.owner, " AS c")}
	var spared []*slot
	if g.dialect == ClickHouse {
		columns, spared = g.clickTogether(s, own)
		pairs, paired := g.clickPairs(s, own, spared)
		columns, spared = slices.Concat([]piece{join(r.owner, " AS "+clickOwner)}, columns, pairs), append(spared, paired...)
	}
	if s.beside != "" {
		columns[0] = text(g.clickKey(r.owner.sql) + " AS " + s.beside)
	}
	for i, slot := range s.slots {
		if !slot.used && !slot.read || slices.Contains(spared, slot) {
			continue
		}
		value, name := g.compute(slot, r, list(own[i], " AND ")), slot.column
		if s.beside != "" {
			value, name = g.slotSort(slot).cast(value), "x"+name
		}
		columns = append(columns, join(value, " AS ", name))
	}
	if g.dialect == ClickHouse {
		g.clickNarrow(s.slots, r)
	}
	// MariaDB takes more for groups of one column. PostgreSQL knows by DISTINCT that each
	// customer is there once; of groups it does not, and thinks a hash of them dear.
	if (g.dialect == MySQL || g.dialect == Postgres) && len(columns) == 1 {
		return join("SELECT DISTINCT ", columns[0], r.from(), " WHERE ", list(where, " AND "))
	}
	return join("SELECT ", list(columns, ", "), r.from(), " WHERE ", list(where, " AND "), " GROUP BY ", r.owner)
}

// selected are the conditions that all aggregates of a scan ask of a record, and what
// each asks besides.
func (g *generator) selected(s *scan, r row) (where []piece, own [][]piece) {
	first := s.slots[0].agg
	low, bounded := g.lowest(s.slots)
	if bounded {
		where = append(where, g.instantCompare(first.Stamp, r, ">=", low))
	}
	where = append(where, g.seen(first, r, s.first && !bounded))
	own = make([][]piece, len(s.slots))
	for i, slot := range s.slots {
		own[i] = g.own(slot.agg, r, low, bounded)
	}
	return append(where, common(own)...), own
}

// common takes out of all lists the conditions that stand in every one.
func common(lists [][]piece) []piece {
	var out []piece
	for _, p := range slices.Clone(lists[0]) {
		same := func(q piece) bool { return p.unmarked() == q.unmarked() && slices.Equal(p.args, q.args) }
		if slices.ContainsFunc(lists, func(l []piece) bool { return !slices.ContainsFunc(l, same) }) {
			continue
		}
		out = append(out, p)
		for i := range lists {
			lists[i] = slices.DeleteFunc(lists[i], same)
		}
	}
	return out
}

// lowest is the earliest start of the windows, when every one has a fixed start.
func (g *generator) lowest(slots []*slot) (int64, bool) {
	low := plan.MaxInstant
	for _, s := range slots {
		from, ok := s.agg.Window.From.Instant(g.asOf, g.zone)
		if !ok {
			return 0, false
		}
		low = min(low, from)
	}
	return low, true
}

// seen is what every aggregate of a scan asks of a record: that it is there at
// as-of, and within the moments of the customer.
//
// MariaDB finds records by an index of their stamp even when it must read all of them,
// and sorts them then. Asked in a form that no index serves, it reads them in the order
// of their customers where it can, which takes a third of the time.
func (g *generator) seen(a *plan.Aggregate, r row, all bool) piece {
	var parts []piece
	if r.level(0) == nil { // else the source sees to it
		if there := g.there(r, g.schema.Records[a.Kind]); there.sql != "" {
			parts = append(parts, there)
		}
	}
	if a.Stamp != nil {
		past := g.instantCompare(a.Stamp, r, "<", g.now())
		if g.dialect == MySQL && all {
			past = join("(", past, ") IS TRUE")
		}
		parts = append(parts, past)
		stamp := g.instant(a.Stamp, r)
		if r.momentFrom != "" {
			op := " >= "
			if a.Window.From.Exclusive {
				op = " > "
			}
			parts = append(parts, join(stamp, op, r.momentFrom))
		}
		if r.momentTo != "" {
			op := " < "
			if a.Window.To.Exclusive {
				op = " <= "
			}
			parts = append(parts, join(stamp, op, r.momentTo))
		}
	}
	if len(parts) == 0 {
		return g.always(true)
	}
	return list(parts, " AND ")
}

// there is what makes a row of a table a record, nothing where every row is one.
func (g *generator) there(r row, t Table) piece {
	var parts []piece
	if t.OwnerType == "" && (!t.Owned || g.dialect == ClickHouse) {
		parts = append(parts, text(r.alias(0)+"."+t.Customer+" IS NOT NULL"))
	}
	if t.Filter != "" {
		parts = append(parts, text("("+place(t.Filter, r.alias(0))+")"))
	}
	return list(parts, " AND ")
}

// own is what one aggregate asks of a record besides, its window's start only where
// it is another than the scan's own.
func (g *generator) own(a *plan.Aggregate, r row, low int64, bounded bool) []piece {
	var parts []piece
	if from, ok := a.Window.From.Instant(g.asOf, g.zone); ok && !(bounded && from == low) {
		parts = append(parts, g.link(a, g.instantCompare(a.Stamp, r, ">=", from)))
	}
	if to, ok := a.Window.To.Instant(g.asOf, g.zone); ok && to < g.now() {
		parts = append(parts, g.link(a, g.instantCompare(a.Stamp, r, "<", to)))
	}
	switch n := a.Where.(type) {
	case nil:
	case *plan.And:
		// Tests for some values leave few, and some engines take tests as they come.
		terms := slices.Clone(n.Terms)
		slices.SortStableFunc(terms, func(a, b plan.Test) int { return rung(a) - rung(b) })
		for _, t := range terms {
			parts = append(parts, g.holds(t, r))
		}
	default:
		parts = append(parts, g.holds(n, r))
	}
	return parts
}

func rung(t plan.Test) int {
	if _, ok := t.(*plan.OneOf); ok {
		return 0
	}
	return 1
}

// compute is the aggregate over the rows of a scan that meet the condition, all
// when it is empty.
func (g *generator) compute(s *slot, r row, condition piece) piece {
	return g.link(s.agg, g.computed(s, r, condition))
}

func (g *generator) computed(s *slot, r row, condition piece) piece {
	a := s.agg
	if g.dialect == ClickHouse {
		return g.clickCompute(a, r, condition)
	}
	over := func(open string, value piece, end string) piece {
		switch {
		case condition.sql == "":
			return join(open, value, end)
		case g.dialect == Postgres || g.dialect == SQLite:
			return join(open, value, end, " FILTER (WHERE ", condition, ")")
		}
		if value.sql == "*" {
			value = text("1")
		}
		return join(open, "CASE WHEN ", condition, " THEN ", value, " END", end)
	}
	switch a.Fn {
	case plan.Count:
		return over("COUNT(", text("*"), ")")
	case plan.Sum:
		value := g.expr(a.Of, r)
		if s.ranked {
			value = join("COALESCE(", value, ", 0)")
		}
		return g.integer(over("SUM(", value, ")"))
	case plan.Min, plan.First:
		return over("MIN(", g.picked(a, r), ")")
	case plan.Max, plan.Last:
		return over("MAX(", g.picked(a, r), ")")
	case plan.Distinct:
		value := g.expr(a.Of, r)
		if isText(a.Of.Type()) && g.dialect != Postgres {
			value = g.binary(value)
		}
		return over("COUNT(DISTINCT ", value, ")")
	case plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		return over("COUNT(DISTINCT ", g.period(a, r), ")")
	}
	return g.fail(a, "the aggregate "+string(a.Fn))
}

// picked is what a first, last, least or greatest is picked from: of stamps the
// column itself, since the scan has left out those after as-of.
func (g *generator) picked(a *plan.Aggregate, r row) piece {
	if _, ok := g.rawStamp(a); ok {
		if col, alias, ok := g.column(a.Of, r); ok {
			return text(place(col.SQL, alias))
		}
	}
	return g.expr(a.Of, r)
}

// rawStamp is the column of an aggregate that picks one of its records' stamps, where
// the order of the column's values is that of the instants.
func (g *generator) rawStamp(a *plan.Aggregate) (Column, bool) {
	if !ofStamp(a) || a.Fn == plan.Distinct {
		return Column{}, false
	}
	col, _, ok := g.column(a.Stamp, row{kinds: []string{a.Kind}, aliases: make([]string, a.Stamp.Up+1)})
	native := col.Encoding == Native && (g.dialect == SQLite || g.dialect == ClickHouse)
	return col, ok && col.Encoding != Local && !native
}

func isText(t catalog.Type) bool { return t.Sort == catalog.String || t.Sort == catalog.Enum }

// choice is the scan of a first or last record's field.
func (g *generator) choice(s *slot, r row) piece {
	a := s.agg
	where := g.seen(a, r, false)
	for _, own := range g.own(a, r, 0, false) {
		where = join(where, " AND ", own)
	}
	direction := ""
	if a.Fn == plan.Last {
		direction = " DESC"
	}
	if g.dialect == ClickHouse {
		return g.clickChoice(s, r, where)
	}
	key := g.bytes(r.alias(0) + "." + g.schema.Records[a.Kind].Key)
	order := text(key + direction)
	if a.Stamp != nil {
		order = join(g.instant(a.Stamp, r), direction, ", ", order)
	}
	inner := join("SELECT ", r.owner, " AS c, ", g.expr(a.Of, r), " AS ", s.column, ", ROW_NUMBER() OVER (PARTITION BY ",
		r.owner, " ORDER BY ", order, ") AS n", r.from(), " WHERE ", where)
	return join("SELECT c, ", s.column, " FROM (", inner, ") o WHERE n = 1")
}

// integer makes a sum an int64: engines give DECIMAL or NUMERIC instead.
func (g *generator) integer(p piece) piece {
	switch g.dialect {
	case Postgres:
		return join("CAST(", p, " AS BIGINT)")
	case MySQL:
		return join("CAST(", p, " AS SIGNED)")
	}
	return p
}
