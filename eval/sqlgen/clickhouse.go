package sqlgen

import (
	"fmt"
	"strconv"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ClickHouse statements have a form of their own, which servers of 2018 and of today
// give the same meaning, over local and Distributed tables:
//
//   - The population and the aggregates are not joined. They are the branches of one
//     UNION ALL, each with a column for every value of the statement, and one GROUP BY
//     of the customer lays them over each other.
//   - A SELECT has at most one JOIN, of the newest sort that is also the oldest:
//     GLOBAL ANY LEFT JOIN, its right side a subquery of text keys.
//   - Values of the population, of parents and of a record's customer are computed where
//     their table is read and known by a name from then on: they are lifted.
//
// An alias hides a column of the same name in all of its SELECT, so names begin with
// Reserved, which no column of a host may.

// Reserved begins the names of columns that ClickHouse statements make themselves.
const Reserved = "dg_"

const (
	clickCustomer = "dg_c" // the customer's id as text
	clickOwner    = "dg_o" // the customer's id as the records of a scan have it
)

// lifted is a source of values within a statement: a subquery that computes them where
// its table is read, each under a name.
type lifted struct {
	g     *generator
	row   row  // what the values are computed of
	whole bool // a row is always there, so a test may be lifted with its negations
	names map[string]string
	parts []part
	where []piece // what rows of the source must meet besides
}

type part struct {
	name  string
	value piece
	sort  partSort
}

type partSort uint8

const (
	partBit     partSort = iota // 0 or 1
	partNumber                  // an integer or NULL
	partText                    // text or NULL
	partAsItIs                  // as the host's table has it
	partScanned                 // of an aggregate's scan, cast there
)

func sortOf(t catalog.Type) partSort {
	if isText(t) {
		return partText
	}
	return partNumber
}

// cast makes a value the type of its column in every branch.
func (s partSort) cast(p piece) piece {
	switch s {
	case partBit:
		return join("toUInt8(", certainly(p), ")")
	case partNumber:
		return join("CAST(", p, " AS Nullable(Int64))")
	case partText:
		return join("CAST(", p, " AS Nullable(String))")
	}
	return p
}

func newLifted(g *generator, r row) *lifted {
	return &lifted{g: g, row: r, names: map[string]string{}}
}

// add names a value; equal ones share a name.
func (l *lifted) add(key string, s partSort, value func() piece) string {
	key = fmt.Sprintf("%d %s", s, key)
	name, ok := l.names[key]
	if !ok {
		p := value()
		name = l.g.alias(Reserved)
		l.names[key] = name
		l.parts = append(l.parts, part{name, s.cast(p), s})
	}
	return name
}

// within computes a piece over the source's own row.
func (l *lifted) within(write func() piece) piece {
	if !l.g.lifts(l) {
		return write()
	}
	outer := l.g.people // ranks ask for the customer by themselves
	l.g.people = l.row
	defer func() { l.g.people = outer }()
	return write()
}

func (l *lifted) value(e plan.Expr) piece {
	return text(l.add(plan.Key(e), sortOf(e.Type()), func() piece {
		return l.within(func() piece { return l.g.expr(e, l.row) })
	}))
}

func (l *lifted) bit(t plan.Test) piece {
	name := l.add(plan.Key(t), partBit, func() piece {
		return l.within(func() piece { return l.g.holds(t, l.row) })
	})
	is := text(name + " = 1")
	if l.whole {
		return is.certain()
	}
	return certainly(is)
}

func (l *lifted) raw(sql string) string {
	return l.add(sql, partAsItIs, func() piece { return text(sql) })
}

// lifts tells whether a source is the population of the generator.
func (g *generator) lifts(l *lifted) bool { return g.people.customerLift == l }

// home is the one source that a node's values are lifted from, nil when it reads
// none or several, or what stands in the SELECT at hand.
func (g *generator) home(n plan.Node, r row) *lifted {
	if r.customerLift == nil && r.levels == nil {
		return nil
	}
	var home *lifted
	several := false
	plan.Walk(n, func(n plan.Node) bool {
		var l *lifted
		switch n := n.(type) {
		case *plan.Attr, *plan.Member, *plan.Sample:
			l = r.customerLift
		case *plan.Field:
			up := n.Up
			if _, _, ok := g.carried(n, r); ok {
				up = 0
			}
			l = r.level(up)
		case *plan.Aggregate:
		default:
			return !several
		}
		if l == nil || home != nil && home != l {
			several = true
		}
		home = l
		return false
	})
	if several {
		return nil
	}
	return home
}

// liftable tells whether a test may be computed in its source. Where the source may
// have no row, only tests that are false of missing values are.
func (l *lifted) liftable(t plan.Test) bool {
	if l.whole {
		return true
	}
	switch n := t.(type) {
	case *plan.And, *plan.Or, *plan.Not, *plan.Const:
		return false
	case *plan.Known:
		return n.X.Type().Sort != catalog.Set
	}
	return true
}

// population is a source of the customers themselves.
func (g *generator) liftPopulation() *lifted {
	l := newLifted(g, g.people)
	l.whole = true
	g.people = row{customerAlias: g.people.customerAlias, customerLift: l}
	return l
}

// certainly makes a condition that may be NULL false instead: old servers give NULL for
// if(NULL, 1, 0).
func certainly(p piece) piece {
	if p.sure {
		return p
	}
	return join("COALESCE(", p, ", 0)").certain()
}

// clickSelect writes Select.
func (g *generator) clickSelect(roots []plan.Test) piece {
	l := g.liftPopulation()
	if len(roots) == 1 {
		test := g.holds(l.narrow(roots[0]), g.customer())
		return join("SELECT dg_c FROM (", g.clickPeople(g.population()), ") WHERE ", test)
	}
	bits := make([]piece, len(roots))
	for i, t := range roots {
		bits[i] = join("if(", certainly(g.holds(t, g.customer())), fmt.Sprintf(", %d, 0)", int64(1)<<i))
	}
	return join("SELECT dg_c, dg_mask FROM (SELECT dg_c, toInt64(", list(bits, " + "), ") AS dg_mask FROM (", g.clickPeople(g.population()),
		")) WHERE dg_mask <> 0")
}

// narrow takes from a rule the clauses that its customers alone decide: the others
// need not be laid over the rest of the statement.
func (l *lifted) narrow(root plan.Test) plan.Test {
	clauses := []plan.Test{root}
	if and, ok := root.(*plan.And); ok {
		clauses = and.Terms
	}
	var rest []plan.Test
	for _, t := range clauses {
		if l.g.home(t, l.g.people) != l {
			rest = append(rest, t)
			continue
		}
		l.where = append(l.where, l.within(func() piece { return l.g.holds(t, l.row) }))
	}
	switch len(rest) {
	case 0:
		return &plan.Const{Value: true}
	case 1:
		return rest[0]
	}
	return &plan.And{Terms: rest}
}

// clickRanked writes the values that a rank compares.
func (g *generator) clickRanked(r *plan.Rank) piece {
	g.liftPopulation()
	value, known := g.ranked(r)
	return join("SELECT ", value, " AS dg_v FROM (", g.clickPeople(g.population()), ") WHERE ", known)
}

// clickPeople has one row a customer: the id dg_c, and under their names the lifted
// values and the aggregates that were asked for. It is written after all of them.
func (g *generator) clickPeople(exists piece) piece {
	l := g.people.customerLift
	columns := append([]part(nil), l.parts...)
	own := len(columns)
	var owned [][]*slot // the columns of each scan
	for _, s := range g.scans {
		owned = append(owned, s.slots)
		for _, slot := range s.slots {
			columns = append(columns, part{name: slot.column, sort: g.slotSort(slot)})
		}
	}
	conditions := list(append([]piece{exists}, l.where...), " AND ")
	table := join(" FROM "+g.table(g.schema.Customers)+" c WHERE ", conditions)
	id := g.asText("c." + g.schema.Customers.Key)
	if len(g.scans) == 0 {
		out := text("SELECT " + id + " AS dg_c")
		for _, p := range columns {
			out = join(out, ", ", p.value, " AS "+p.name)
		}
		return join(out, table)
	}
	// A column is called xdg_1 in the branches and dg_1 behind them: an alias must not
	// bear the name of what it is made of. Every branch names its columns: old servers
	// confuse those that have the same value.
	branch := func(id string, here int, value func(i int) piece) piece {
		out := text("SELECT " + id + " AS dg_c, " + strconv.Itoa(here) + " AS dg_here")
		for i, p := range columns {
			out = join(out, ", ", value(i), " AS x"+p.name)
		}
		return out
	}
	// The first branch tells the type of every column.
	none := func(i int) piece {
		if columns[i].sort == partBit {
			return text("0")
		}
		return text("NULL")
	}
	branches := []piece{join(branch(id, 1, func(i int) piece {
		if i < own { // a constant there would make one of the whole column
			return join("materialize(", columns[i].value, ")")
		}
		return columns[i].sort.cast(text("NULL"))
	}), table)}
	first := own
	for k, s := range g.scans {
		from, to := first, first+len(owned[k])
		first = to
		branches = append(branches, join(branch("toString(assumeNotNull(dg_o))", 0, func(i int) piece {
			if from <= i && i < to {
				return text(columns[i].name)
			}
			return none(i)
		}), " FROM (", g.scan(s), ")"))
	}
	out := text("SELECT dg_c")
	for _, p := range columns {
		fn := "any"
		if p.sort == partBit {
			fn = "max"
		}
		out.sql += ", " + fn + "(x" + p.name + ") AS " + p.name
	}
	return join(out, " FROM (", list(branches, " UNION ALL "), ") GROUP BY dg_c HAVING max(dg_here) = 1")
}

// clickReadSet is ReadSet for a set of records. Both sides are subqueries with names
// of their own: old servers mix up the rows of a join that is filtered afterwards, and
// do not find columns of Distributed tables by an alias.
func (g *generator) clickReadSet(rows Table, set Set, id *dangol.CustomerID) (Statement, error) {
	items := "SELECT toString(s." + set.Owner + ") AS dg_o, s." + set.Item + " AS dg_i FROM " + set.Name + " s WHERE s." + set.Item + " IS NOT NULL"
	if set.Filter != "" {
		items += " AND (" + place(set.Filter, "s") + ")"
	}
	owners := text("SELECT toString(r." + rows.Key + ") AS dg_k, toString(r." + rows.Customer + ") AS dg_c, 1 AS dg_in FROM " + rows.Name +
		" r WHERE r." + rows.Customer + " IS NOT NULL")
	if rows.Filter != "" {
		owners = join(owners, " AND ("+place(rows.Filter, "r")+")")
	}
	if id != nil {
		owners = join(owners, " AND r."+rows.Customer+" = ", text("?", string(*id)))
	}
	return g.statement(join("SELECT dg_c, dg_o, dg_i FROM (SELECT dg_c, dg_o, dg_i, dg_in FROM ("+items+") dg_l GLOBAL ANY LEFT JOIN (",
		owners, ") dg_r ON dg_o = dg_k) WHERE dg_in = 1 ORDER BY dg_c, dg_o"))
}
