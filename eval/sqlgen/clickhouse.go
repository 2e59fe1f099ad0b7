package sqlgen

import (
	"fmt"
	"slices"

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
//     ANY LEFT JOIN, its right side a subquery of text keys. Joins and lists of customers
//     are GLOBAL where rows lie on several nodes.
//   - Values of the population, of parents and of a record's customer are computed where
//     their table is read and known by a name from then on: they are lifted.
//
// An alias hides a column of the same name in all of its SELECT, so names begin with
// Reserved, which no column of a host may.

// Reserved begins the names of columns that ClickHouse statements make themselves.
const Reserved = "dg_"

const (
	clickCustomer = "dg_c" // the customer's id as all branches have it, see clickKey
	clickOwner    = "dg_o" // the customer's id as the records of a scan have it
)

// lifted is a source of values within a statement: a subquery that computes them where
// its table is read, each under a name.
type lifted struct {
	g      *generator
	row    row  // what the values are computed of
	whole  bool // a row is always there, so a test may be lifted with its negations
	people bool // it is the population of a statement, whose tests travel as bits
	names  map[string]string
	parts  []part
	where  []piece // what rows of the source must meet besides
}

type part struct {
	name  string
	value piece
	sort  partSort
	of    *scan // whose aggregate it is, nil for a lifted value
}

type partSort uint8

const (
	partBit     partSort = iota // 0 or 1
	partNumber                  // an integer or NULL
	partText                    // text or NULL
	partAsItIs                  // as the host's table has it
	partScanned                 // of an aggregate's scan, cast there
	partRanked                  // an integer that a rank compares; a bit tells who is ranked
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
		l.parts = append(l.parts, part{name: name, value: s.cast(p), sort: s})
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
	if l.people {
		test := func() piece { return l.within(func() piece { return l.g.holds(t, l.row) }) }
		if l.g.form != nil {
			return l.g.decided(nil, false, nil, test())
		}
		return l.g.bit(nil, t, plan.Key(t), test)
	}
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
	l.whole, l.people = true, true
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
func (g *generator) clickSelect(roots []plan.Test, ranks []*plan.Rank) piece {
	g.idForm = g.clickForm()
	l := g.liftPopulation()
	if len(roots) == 1 && len(ranks) == 0 {
		test := g.holds(l.narrow(roots[0]), g.customer())
		of := g.clickWho(roots)
		if p, ok := g.clickAlone(roots[0], of); ok {
			return p
		}
		return g.clickIDs(clickCustomer, join(" FROM (", g.clickPeople(of), ") WHERE ", test))
	}
	return g.clickMasks(roots, ranks)
}

// columns are the values of a statement, first those of the population.
func (g *generator) columns() []part {
	out := slices.Clone(g.people.customerLift.parts)
	for _, s := range g.scans {
		for _, slot := range s.slots {
			if slot.used {
				out = append(out, part{name: slot.column, value: text(slot.column), sort: g.slotSort(slot), of: s})
			}
		}
	}
	return append(out, g.rankValues...)
}

// who are the customers that a statement asks for.
type who struct {
	exists piece // what the population's rows must meet
	// base is a scan whose customers they all are; then the population is not read.
	base *scan
	late piece  // of a base: what leaves out those who do not exist yet
	all  bool   // nobody asks whether they exist: each branch brings some
	mark string // begins the names of the columns of all branches together
	// mask is made of these columns, without the mark, and given instead of them, as
	// dg_mask, but for the values of ranks.
	mask piece
}

// clickWho must be called after the tests are written.
func (g *generator) clickWho(roots []plan.Test) who {
	needed, _ := g.needed(roots)
	base := g.base(needed)
	if base == nil || g.asked {
		return who{exists: g.population()}
	}
	out := who{base: base}
	if _, ok := g.schema.Customers.Columns["joined"]; ok {
		// Mostly nobody is late. The server finds that out before it begins, and then does
		// not look up every customer.
		late := g.clickLate(g.clickKey("n." + g.schema.Customers.Key))
		out.late = join("((", g.clickLate("1"), " LIMIT 1) IS NULL OR "+g.clickKey(clickOwner)+" "+g.global("NOT IN ("), late, "))")
	}
	return out
}

// clickLate selects, of those who joined at or after as-of, some value of their rows n.
func (g *generator) clickLate(value string) piece {
	t := g.schema.Customers
	return join("SELECT "+value+" FROM "+t.Name+" n WHERE ", g.all(g.clickThere(t, "n"), g.clickBefore(t.Columns["joined"], "n", ">=", g.now())))
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
	rest = l.g.gathered(rest)
	switch len(rest) {
	case 0:
		return &plan.Const{Value: true}
	case 1:
		return rest[0]
	}
	return &plan.And{Terms: rest}
}

// gathered puts tests together that one scan decides, so that it does so once.
func (g *generator) gathered(terms []plan.Test) []plan.Test {
	var out []plan.Test
	at := map[*scan]int{}
	for _, t := range terms {
		s := g.only(t)
		i, ok := at[s]
		if s == nil || !ok {
			at[s] = len(out)
			out = append(out, t)
			continue
		}
		if and, ok := out[i].(*plan.And); ok {
			t = &plan.And{Terms: append(slices.Clone(and.Terms), t)}
		} else {
			t = &plan.And{Terms: []plan.Test{out[i], t}}
		}
		out[i] = t
	}
	return out
}

// only is the one scan that a test is decided by, nil where there is none.
func (g *generator) only(t plan.Test) *scan {
	moments, aggregates, others := momentsOf(t)
	if others || aggregates == 0 || len(moments) > 0 {
		return nil
	}
	var only *scan
	plan.Walk(t, func(n plan.Node) bool {
		a, ok := n.(*plan.Aggregate)
		if !ok {
			return true
		}
		if s := g.slot(a).scan; only == nil {
			only = s
		} else if s != only {
			others = true
		}
		return false
	})
	if others {
		return nil
	}
	return only
}

// clickPeople has one row a customer: the id dg_c, the columns of bits, and under their
// names the lifted values and the aggregates that were asked for. It is written after
// all of them.
func (g *generator) clickPeople(of who) piece {
	l := g.people.customerLift
	population := of.base == nil && !of.all
	columns := g.columns()
	var branches []piece
	read := slices.DeleteFunc(slices.Clone(g.scans), func(s *scan) bool { return !s.asked() })
	if population && len(g.bits) == 0 && len(read) > 0 {
		g.bits = append(g.bits, g.alias(Reserved))
	}
	together := len(read) > 1 || population && len(read) == 1
	// A column is called xdg_1 in the branches and dg_1 behind them: an alias must not
	// bear the name of what it is made of. Every branch names its columns: old servers
	// confuse those that have the same value. The first tells the type of every column.
	mark := of.mark
	if together {
		mark = "x"
	}
	branch := func(id string, bits []piece, value func(i int) piece) piece {
		out := text("SELECT " + id + " AS dg_c")
		for i, b := range bits {
			if together { // a constant would make one of the whole column
				b = join("materialize(", b, ")")
			}
			out = join(out, ", ", b, " AS "+mark+g.bits[i])
		}
		for i, p := range columns {
			out = join(out, ", ", value(i), " AS "+mark+p.name)
		}
		return out
	}
	value := func(i int) piece {
		c := columns[i]
		if together && c.sort == partNumber {
			return join("COALESCE(", c.sort.cast(c.value), ", "+nothing+")")
		}
		return c.sort.cast(c.value)
	}
	none := func(i int) piece {
		switch {
		case columns[i].sort == partRanked:
			return text("toInt64(0)")
		case together && columns[i].sort == partNumber:
			return text(nothing)
		}
		return columns[i].sort.cast(text("NULL"))
	}
	if population {
		bits, _ := g.clickBits(nil, true)
		key := outer + "." + g.schema.Customers.Key
		conditions := g.all(append([]piece{g.clickThere(g.schema.Customers, outer), of.exists}, l.where...)...)
		branches = append(branches, join(branch(g.clickKey(key), bits, func(i int) piece {
			switch {
			case columns[i].of != nil:
				return none(i)
			case together:
				return join("materialize(", value(i), ")")
			}
			return columns[i].value
		}), " FROM "+g.table(g.schema.Customers)+" c WHERE ", conditions))
	}
	for _, s := range read {
		bits, any := g.clickBits(s, false)
		var where []piece
		if any && !s.read() { // what has no bit says nothing
			var set []piece
			for _, b := range g.bits {
				set = append(set, text(mark+b+" <> 0"))
			}
			where = append(where, join("(", list(set, " OR "), ")"))
		}
		if s == of.base {
			where = append(where, of.late)
		}
		branches = append(branches, join(branch(g.clickKey(clickOwner), bits, func(i int) piece {
			if columns[i].of == s {
				return value(i)
			}
			return none(i)
		}), " FROM (", g.scan(s), ") WHERE ", g.all(where...)))
	}
	if !together && of.mask.sql == "" {
		return branches[0]
	}
	if !together {
		values := map[string]string{}
		for _, b := range g.bits {
			values[b] = mark + b
		}
		for _, p := range columns {
			values[p.name] = mark + p.name
		}
		return join("SELECT dg_c, ", bound(of.mask, values), " AS dg_mask"+g.rankColumns(mark)+" FROM (", branches[0], ")")
	}
	out, values := text("SELECT dg_c"), map[string]string{}
	give := func(name, value string, ranked bool) {
		if of.mask.sql != "" && !ranked {
			values[name] = value
			return
		}
		out.sql += ", " + value + " AS " + of.mark + name
	}
	for _, b := range g.bits {
		give(b, "groupBitOr(x"+b+")", false)
	}
	for _, p := range columns {
		one := "any(x" + p.name + ")"
		switch p.sort {
		case partNumber:
			one = "nullIf(max(x" + p.name + "), " + nothing + ")"
		case partRanked:
			one = "sum(x" + p.name + ")"
		}
		give(p.name, one, p.sort == partRanked)
	}
	if of.mask.sql != "" {
		out = join(out, ", ", bound(of.mask, values), " AS dg_mask")
	}
	out = join(out, " FROM (", list(branches, " UNION ALL "), ") GROUP BY dg_c")
	if population {
		out = join(out, " HAVING bitAnd(groupBitOr(x"+g.bits[0]+"), 1) = 1")
	}
	return out
}

// global is a join or a test by IN whose right side every node must see whole.
func (g *generator) global(op string) string {
	if g.schema.Local {
		return op
	}
	return "GLOBAL " + op
}

// clickThere tells of a row of the population that it has an id, nothing where all have.
func (g *generator) clickThere(t Table, alias string) piece {
	if t.OwnerType != "" {
		return piece{}
	}
	return text(alias + "." + t.Key + " IS NOT NULL")
}

// clickKey is a customer's id as it is compared between tables: as it is where all of
// them have it in one type, as an integer where all tell customers so, which takes a
// fraction of the time, else as text.
func (g *generator) clickKey(sql string) string {
	if g.plain {
		return sql
	}
	if g.numbered {
		return "toInt64(assumeNotNull(" + sql + "))"
	}
	return "toString(assumeNotNull(" + sql + "))"
}

// clickForm is how customers are told who are selected: by what all tables tell them by.
func (g *generator) clickForm() KeyForm {
	if g.numbered {
		return IntegerKey
	}
	return AnyKey
}

// clickIDs is a statement of customers' ids alone.
func (g *generator) clickIDs(id string, from piece) piece {
	g.pack(id, from)
	if g.numbered {
		g.inOne = inOneRow(text(inArray+"("+id+")"), from)
	}
	return join("SELECT "+g.id(id), from)
}

// numbered tells whether every table tells customers by an integer.
func (s *Schema) numbered() bool {
	for _, t := range s.Records {
		if t.Owner != IntegerKey {
			return false
		}
	}
	return s.Customers.Owner == IntegerKey
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
		owners = join(owners, " AND ", g.owned("r."+rows.Customer, rows.Owner, *id))
	}
	return g.statement(join("SELECT dg_c, dg_o, dg_i FROM (SELECT dg_c, dg_o, dg_i, dg_in FROM ("+items+") dg_l "+g.global("ANY LEFT JOIN ("),
		owners, ") dg_r ON dg_o = dg_k) WHERE dg_in = 1 ORDER BY dg_c, dg_o"))
}
