package sqlgen

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// slotSort is the type of an aggregate's column.
func (g *generator) slotSort(s *slot) partSort {
	if s.agg.Of != nil && s.agg.Fn != plan.Distinct {
		return sortOf(s.agg.Of.Type())
	}
	return partNumber
}

// clickRecord joins what the aggregates of one scan need. See record.
func (g *generator) clickRecord(a *plan.Aggregate, slots []*slot, r row, depth int, customer bool) row {
	base := g.schema.Records[a.Kind]
	tables := []Table{base}
	for up := 1; up <= depth; up++ {
		kind := parentOf(slots, up)
		parent, ok := g.schema.Records[kind]
		if !ok || tables[up-1].Parent == "" {
			g.fail(a, fmt.Sprintf("the parent of %s, which has no table", r.kinds[up-1]))
			break
		}
		r.aliases, r.kinds, tables = append(r.aliases, g.alias("p")), append(r.kinds, kind), append(tables, parent)
	}
	direct := r
	if len(tables) > 1 {
		r.levels = make([]*lifted, len(tables))
		for up := 1; up < len(tables); up++ {
			r.levels[up] = newLifted(g, direct)
		}
	}
	moments := a.Window.From.Kind == plan.Moment || a.Window.To.Kind == plan.Moment
	var sub *generator
	if customer || moments {
		sub = g.sub()
		sub.liftPopulation()
		r.customerLift = newLifted(sub, sub.people)
		if len(tables) > 1 { // a second join: the first one moves into a subquery
			r.levels[0] = newLifted(g, direct)
			r.levels[0].whole = true
			r.owner = text(r.levels[0].raw(r.owner.sql))
		}
	}
	moment := func(b plan.Bound) string {
		if b.Kind != plan.Moment {
			return ""
		}
		if b.Moment.Type().Sort != catalog.Instant {
			g.fail(b.Moment, "a window that starts or ends at a day of each customer")
			return ""
		}
		return r.customerLift.add(plan.Key(b.Moment), partNumber, func() piece { return sub.expr(b.Moment, sub.people) })
	}
	r.momentFrom, r.momentTo = moment(a.Window.From), moment(a.Window.To)
	owner := base.Customer
	if l := r.level(0); l != nil {
		owner = r.owner.sql
	}
	r.from = func() piece {
		out := text(" FROM " + g.table(base) + " " + r.aliases[0])
		if len(tables) > 1 {
			out = join(out, g.clickParent(r, tables, 1))
		}
		if sub == nil {
			return out
		}
		if len(tables) > 1 {
			inner := r.levels[0]
			conditions := g.all(append([]piece{g.there(direct, base)}, inner.where...)...)
			out = join(" FROM (SELECT ", list(r.carried(0), ", "), out, " WHERE ", conditions, ") ", g.alias("j"))
		}
		people := sub.clickPeople(who{exists: text("1 = 1"), all: !sub.asked && len(sub.scans) > 0 && len(sub.people.customerLift.parts) == 0})
		if g.err == nil {
			g.err = sub.err
		}
		key := g.alias(Reserved)
		columns := []piece{text("dg_c AS " + key)}
		for _, p := range r.customerLift.parts {
			columns = append(columns, join(p.value, " AS "+p.name))
		}
		return join(out, " "+g.global("ANY LEFT JOIN (SELECT "), list(columns, ", "), " FROM (", people, ")) ", g.alias("u"),
			" ON "+g.clickKey(owner)+" = "+key)
	}
	return r
}

// clickParent joins the parents at a level to the SELECT of the level below. Old
// servers do not find the column of a Distributed table by its alias in ON; without
// one it is that table's, as all names of the right side are made here.
func (g *generator) clickParent(r row, tables []Table, up int) piece {
	t, l, alias := tables[up], r.levels[up], r.aliases[up]
	key := g.alias(Reserved)
	from := text(" FROM " + g.table(t) + " " + alias)
	if up+1 < len(tables) {
		from = join(from, g.clickParent(r, tables, up+1))
	}
	conditions := append([]piece(nil), l.where...)
	if t.Filter != "" {
		conditions = append(conditions, text("("+place(t.Filter, alias)+")"))
	}
	if len(conditions) > 0 {
		from = join(from, " WHERE ", list(conditions, " AND "))
	}
	columns := append([]piece{text(g.asText(alias+"."+t.Key) + " AS " + key)}, r.carried(up)...)
	return join(" "+g.global("ANY LEFT JOIN (SELECT "), list(columns, ", "), from, ") ", g.alias("q"),
		" ON toString("+tables[up-1].Parent+") = "+key)
}

// carried are the columns that a subquery hands over: the level's own, and by their
// names those of the levels joined to it.
func (r row) carried(level int) []piece {
	var out []piece
	for _, p := range r.levels[level].parts {
		out = append(out, join(p.value, " AS "+p.name))
	}
	for _, above := range r.levels[level+1:] {
		for _, p := range above.parts {
			out = append(out, text(p.name))
		}
	}
	return out
}

// clickChoice is the scan of a first or last record's field. A node of a cluster hands
// what argMin and argMax have found so far to another; old servers do so soundly with
// text, while tuples crashed them. So the order of records, (stamp, key), is text whose
// bytes order as they do, and the value is text that begins with = or, for NULL, is
// empty.
func (g *generator) clickChoice(s *slot, r row, where piece) piece {
	a := s.agg
	fn := "argMin"
	if a.Fn == plan.Last {
		fn = "argMax"
	}
	key := r.aliases[0] + "." + g.schema.Records[a.Kind].Key
	if l := r.level(0); l != nil {
		key = l.raw(key)
	}
	by := text(g.asText(key))
	if a.Stamp != nil {
		const shift = 1 << 62 // every instant has as many digits then
		by = join(fmt.Sprintf("concat(toString(%d + assumeNotNull(", uint64(shift)), g.instant(a.Stamp, r), ")), ", by, ")")
	}
	g.clickNarrow([]*slot{s}, r)
	found := join(fn, "(coalesce(concat('=', toString(", g.expr(a.Of, r), ")), ''), ", by, ")")
	value := join("toInt64OrNull(substring(", found, ", 2))")
	if g.slotSort(s) == partText {
		value = join("CASE WHEN ", found, " <> '' THEN substring(", found, ", 2) END")
	}
	return join("SELECT ", r.owner, " AS dg_o, ", g.slotSort(s).cast(value), " AS ", s.column, r.from(), " WHERE ", where, " GROUP BY ", r.owner)
}

func (r row) level(up int) *lifted {
	if up < len(r.levels) {
		return r.levels[up]
	}
	return nil
}

// allCounted is what clickCompute gives of a count of all rows.
const allCounted = "toInt64(count())"

// clickCompute is an aggregate over the rows that meet the condition, all when it is
// empty. Of no rows at all the conditional minimum is 0 on old servers, so that is
// written as the minimum of a value that is NULL elsewhere.
func (g *generator) clickCompute(a *plan.Aggregate, r row, condition piece) piece {
	call := func(fn string, value piece) piece {
		args := list(nonEmpty(value, condition), ", ")
		if condition.sql != "" {
			fn += "If"
		}
		return join(fn+"(", args, ")")
	}
	extreme := func(fn string) piece {
		col, raw := g.clickStamp(a, r)
		value := text(col.SQL)
		if !raw {
			value = g.expr(a.Of, r)
		}
		if condition.sql != "" {
			value = join("CASE WHEN ", condition, " THEN ", value, " END")
		}
		value = join(fn+"(", value, ")")
		if raw {
			value.sql = g.clickOwnStamp(a, col, value.sql)
		} else if stamp, asItIs := g.rawStamp(a); asItIs { // of a lifted one, which is decoded
			value = join("intDiv(", value, fmt.Sprintf(", %d)", stamp.Encoding.unit()))
		}
		return value
	}
	switch a.Fn {
	case plan.Count:
		return join("toInt64(", call("count", piece{}), ")")
	case plan.Sum:
		return g.clickSum(a.Of, r, call)
	case plan.Min, plan.First:
		return extreme("min")
	case plan.Max, plan.Last:
		return extreme("max")
	case plan.Distinct:
		return join("toInt64(", call("uniqExact", g.expr(a.Of, r)), ")")
	case plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		return join("toInt64(", call("uniqExact", g.period(a, r)), ")")
	}
	return g.fail(a, "the aggregate "+string(a.Fn))
}

// clickStamp is the column of an aggregate that picks one of its records' stamps, where
// the least of the column stands for the least of the instants: it is read once, at last.
func (g *generator) clickStamp(a *plan.Aggregate, r row) (Column, bool) {
	if !ofStamp(a) || g.home(a.Of, r) != nil {
		return Column{}, false
	}
	col, alias, ok := g.column(a.Of, r)
	col.SQL = place(col.SQL, alias)
	return col, ok && col.Encoding != Local
}

// clickOwnStamp is what a scan gives of a value of that column.
func (g *generator) clickOwnStamp(a *plan.Aggregate, col Column, sql string) string {
	if _, asItIs := g.rawStamp(a); asItIs {
		return "toInt64(" + sql + ")"
	}
	return g.clickDecode(col, catalog.Instant, sql)
}

func nonEmpty(list ...piece) []piece {
	var out []piece
	for _, p := range list {
		if p.sql != "" {
			out = append(out, p)
		}
	}
	return out
}

// clickNarrow lets a table be read only where the stamps lie that a scan wants, when
// the stamp is a parent's: the table that is joined is smaller then.
func (g *generator) clickNarrow(slots []*slot, r row) {
	stamp := slots[0].agg.Stamp
	if stamp == nil {
		return
	}
	l := g.home(stamp, r)
	if l == nil {
		return
	}
	l.where = append(l.where, g.instantCompare(stamp, l.row, "<", g.now()))
	if low, ok := g.lowest(slots); ok {
		l.where = append(l.where, g.instantCompare(stamp, l.row, ">=", low))
	}
}
