package sqlgen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/plan"
)

// MostPlans is how many plans one statement may answer: their bits fit an int64.
const MostPlans = 62

// ErrTooManyPlans is returned when a statement is asked to answer no plan or rank, or
// more than MostPlans.
var ErrTooManyPlans = errors.New("sqlgen: a statement answers 1 to 62 plans")

// Cut is the value of the last customer inside a rank, as a rank's statements
// find it. Cuts are kept by plan.Key of the rank.
type Cut struct {
	Value int64
	Empty bool
}

// Select writes the statement that selects the members of the plans, in any order.
// For one plan its rows are (id), for Statement.Numbers see there; for more they are (id, mask),
// bit i of mask telling whether plan i selects the customer. Plans with ranks need
// their cuts. Beside Query.Ranked rows are (id, mask, v1, v2, ...), of all customers whom
// a plan selects or who are ranked: a value is NULL for who is not, and on ClickHouse the
// bits after the plans' tell who is, and other values nothing. It returns
// *plan.Unsupported for what schema or dialect cannot do.
func Select(d Dialect, s *Schema, q Query, cuts map[string]Cut) (Statement, error) {
	if n := len(q.Plans) + len(q.Ranked); n == 0 || n > MostPlans {
		return Statement{}, ErrTooManyPlans
	}
	g := newGenerator(d, s, q, cuts)
	roots := make([]plan.Test, len(q.Plans))
	for i, p := range q.Plans {
		roots[i] = ready(p)
	}
	ranks := make([]*plan.Rank, len(q.Ranked))
	for i, r := range q.Ranked {
		ranks[i] = ready(&plan.Plan{Root: r}).(*plan.Rank)
	}
	if d == ClickHouse {
		return g.statement(g.clickSelect(roots, ranks))
	}
	if len(roots) == 1 && len(ranks) == 0 {
		apart := newGenerator(d, s, q, cuts)
		if out, ok := apart.apart(roots[0]); ok {
			return apart.statement(out)
		}
	}
	tests, values := g.tests(roots, ranks)
	plans := roots
	roots = append(slices.Clip(roots), asTests(ranks)...)
	if len(roots) == 1 && len(ranks) == 0 {
		return g.statement(g.alone(roots[0]))
	}
	from, key, who, later := g.narrow(roots)
	var some []piece
	if len(ranks) == 0 && (g.asked || len(g.scans) > 1) {
		some = g.worthwhile(plans)
	}
	bits := []piece{text("0")}
	for i, t := range tests {
		bits = append(bits, join("CASE WHEN ", t, fmt.Sprintf(" THEN %d ELSE 0 END", int64(1)<<i)))
	}
	if len(tests) > 0 {
		bits = bits[1:]
	}
	columns, found := "id, mask", "mask <> 0"
	inner := join("SELECT ", g.id(key), " AS id, ", list(bits, " + "), " AS mask")
	for i, v := range values {
		name := fmt.Sprintf("v%d", i+1)
		columns, found = columns+", "+name, found+" OR "+name+" IS NOT NULL"
		inner = join(inner, ", ", v, " AS "+name)
	}
	inner = join(inner, from)
	if where := g.inTurn(who, later, some...); len(where) > 0 {
		inner = join(inner, " WHERE ", list(where, " AND "))
	}
	// Without a fence these engines would work the mask out twice, to show and to filter it.
	fence := map[Dialect]string{Postgres: " OFFSET 0", SQLite: " LIMIT -1"}[d]
	return g.statement(join("SELECT "+columns+" FROM (", inner, fence+") answers WHERE "+found))
}

// tests writes tests of customers, and the values that ranks compare, NULL for who is
// not ranked: once to find the scans that they share, and then as those scans allow.
func (g *generator) tests(roots []plan.Test, ranks []*plan.Rank) (tests, values []piece) {
	write := func() {
		tests, values = nil, nil
		for _, t := range roots {
			tests = append(tests, g.holds(t, g.customer()))
		}
		for _, r := range ranks {
			value, known := g.ranked(r)
			values = append(values, join("CASE WHEN ", known, " THEN ", value, " END"))
		}
	}
	g.asking = true
	write()
	g.asking, g.shared = false, true
	all := append(slices.Clip(roots), asTests(ranks)...)
	g.listTests(all)
	g.mark(all)
	g.reach(all)
	for _, s := range g.byKey {
		s.used = false
	}
	write()
	return tests, values
}

func asTests(ranks []*plan.Rank) []plan.Test {
	out := make([]plan.Test, len(ranks))
	for i, r := range ranks {
		out[i] = r
	}
	return out
}

// ready is a plan's test as statements are made from it.
func ready(p *plan.Plan) plan.Test { return plan.Canonical(plan.Narrow(plan.Lower(p))).Root }

// Ranked writes the two statements that find a rank's cut on an engine without window
// functions: count gives the number
// n of ranked customers, and at gives the value of the k-th of them (k from 1).
func Ranked(d Dialect, s *Schema, q Query, r *plan.Rank) (count Statement, at func(k int64) (Statement, error), err error) {
	ranked := func() (*generator, piece) {
		g := newGenerator(d, s, q, nil)
		r := ready(&plan.Plan{Root: r}).(*plan.Rank)
		if d == ClickHouse {
			return g, g.clickRanked(r, false)
		}
		value, known := g.ranked(r)
		return g, join("SELECT ", value, " AS v", g.from(), " WHERE ", g.population(), " AND ", known)
	}
	g, body := ranked()
	count, err = g.statement(join("SELECT COUNT(*) FROM (", body, ") ranked"))
	if err != nil {
		return Statement{}, nil, err
	}
	return count, func(k int64) (Statement, error) {
		g, body := ranked()
		order := " DESC"
		if r.Bottom {
			order = ""
		}
		if d == ClickHouse {
			return g.statement(join("SELECT dg_v FROM (", body, ") ORDER BY dg_v", order, fmt.Sprintf(" LIMIT %d, 1", k-1)))
		}
		return g.statement(join("SELECT v FROM (", body, ") ranked ORDER BY v", order, fmt.Sprintf(" LIMIT 1 OFFSET %d", k-1)))
	}, nil
}

// generator writes one statement.
type generator struct {
	dialect Dialect
	schema  *Schema
	asOf    time.Time
	zone    *time.Location
	scope   plan.Scope
	cuts    map[string]Cut
	groups  map[string][]dangol.CustomerID

	scans   []*scan
	byKey   map[string]*slot   // aggregates that were asked for, by plan.Key
	joined  *int               // derived tables written so far, for their names
	long    *[]longRead        // columns added to tables
	people  row                // the population
	key     string             // the customer's id where tests are written, once that is known
	asked   bool               // something of the customer's own row was asked for
	idForm  KeyForm            // of the column that the ids come from, once narrow tells
	shared  bool               // all aggregates have been asked for
	asking  bool               // tests are written to find what they ask for
	picks   []plan.Test        // of SQLite: what is asked of customers apart from the tests
	part    float64            // of all customers, who pass that
	lately  bool               // and an index finds who passes that
	passing map[string]float64 // Query.Passing, by plan.Key of the plan's test
	repeat  bool               // Query.Repeats
	repeats bool               // Statement.Repeats
	err     error              // the first thing that cannot be written
	links   *links             // Query.links

	// Of ClickHouse: tests that travel as bits, and the columns of these.
	atoms      []*atom
	atomByKey  map[string]*atom
	ownBit     ownBit
	keptBits   int // for plans
	placedBits int // of atoms besides
	bits       []string
	rankValues []part // columns that ranks compare
	packed     string // Statement.Packed
	inOne      InOne
	unsifted   Unsifted
	tracing    *trace
	numbered   bool   // customers are told by integers everywhere
	plain      bool   // and by one type, see clickKey
	form       *alone // how the statement of one plan is written, nil where by bits
}

func newGenerator(d Dialect, s *Schema, q Query, cuts map[string]Cut) *generator {
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	scope := q.Scope
	if scope == "" {
		scope = plan.Members
	}
	g := &generator{
		dialect: d, schema: s, asOf: q.AsOf.Truncate(time.Second), zone: zone,
		scope: scope, cuts: map[string]Cut{}, groups: q.Groups, links: q.links, repeat: q.Repeats, byKey: map[string]*slot{}, atomByKey: map[string]*atom{}, joined: new(int), long: new([]longRead),
		people: row{customerAlias: outer}, numbered: s.numbered(), plain: s.plain(), passing: map[string]float64{},
	}
	for _, p := range q.Plans {
		if part, ok := q.Passing[p]; ok {
			g.passing[plan.Key(ready(p))] = part
		}
		plan.Walk(p.Root, func(n plan.Node) bool {
			if r, is := n.(*plan.Rank); is {
				if cut, ok := cuts[plan.Key(r)]; ok {
					g.cuts[plan.Key(ready(&plan.Plan{Root: r}))] = cut
				}
			}
			return true
		})
	}
	return g
}

func (g *generator) now() int64 { return g.asOf.UnixMicro() }

func (g *generator) statement(p piece) (Statement, error) {
	if g.err != nil {
		return Statement{}, g.err
	}
	whole := slices.ContainsFunc(g.scans, func(s *scan) bool {
		_, bounded := g.lowest(s.slots)
		return s.first && !bounded
	})
	inOne, unsifted := g.inOne, g.unsifted
	inOne.SQL, unsifted.SQL = g.withoutUnread(inOne.SQL), g.withoutUnread(unsifted.SQL)
	return Statement{SQL: g.withoutUnread(p.sql), Packed: g.withoutUnread(g.packed), InOne: inOne, Unsifted: unsifted, Args: p.args, Scans: len(g.scans), Whole: whole, Numbers: g.integerIDs(), Repeats: g.repeats}, nil
}

// fail remembers the first node that cannot be written and gives a piece to go on
// with; the statement is thrown away.
func (g *generator) fail(n plan.Node, what string) piece {
	if g.err == nil {
		g.err = &plan.Unsupported{Node: what, Engine: string(g.dialect), Span: n.Span()}
	}
	return text("0")
}

// from is the population with every scan that the tests asked for joined to it.
// It must be called after the tests are written.
func (g *generator) from() piece {
	out := text(" FROM " + g.table(g.schema.Customers) + " c")
	for _, s := range g.scans {
		out = join(out, " LEFT JOIN ", g.joinedTo(s, "c."+g.schema.Customers.Key))
	}
	return out
}

func (g *generator) joinedTo(s *scan, key string) piece {
	return join("(", g.scan(s), ") ", s.name, " ON ", s.name, ".c = ", key)
}

// population is who exists at as-of within the scope.
func (g *generator) population() piece {
	exists := func(attr string) piece {
		col, ok := g.schema.Customers.Columns[attr]
		if !ok {
			return text("1 = 1")
		}
		sql := place(col.SQL, "c")
		if g.dialect == ClickHouse {
			before := g.clickBefore(col, "c", "<", g.now())
			if col.Filled {
				return before
			}
			return join("(", sql, " IS NULL OR ", before, ")")
		}
		return join("(", sql, " IS NULL OR ", sql, " < ", text("?", g.encode(col, g.now())), ")")
	}
	and := func(parts ...piece) piece {
		if g.dialect == ClickHouse { // which takes as long over a condition that says nothing as over others
			return g.all(parts...)
		}
		return list(parts, " AND ")
	}
	out := g.always(true)
	if g.schema.Customers.Filter != "" {
		out = text("(" + place(g.schema.Customers.Filter, "c") + ")")
	}
	if g.schema.Guest == "" {
		if g.scope == plan.Guests {
			return text("1 = 0")
		}
		return and(out, exists("joined"))
	}
	guest := "(" + place(g.schema.Guest, "c") + ")"
	member := join("NOT ", guest, " AND ", exists("joined"))
	visitor := join(guest, " AND ", exists("first_seen"))
	switch g.scope {
	case plan.Members:
		return and(out, member)
	case plan.Guests:
		return and(out, visitor)
	}
	return and(out, join("(", member, " OR ", visitor, ")"))
}

// place puts a table's alias into an expression of the schema.
func place(sql, alias string) string { return strings.ReplaceAll(sql, "{t}", alias) }

// bytes orders keys by the bytes of their text, whatever their type and collation.
func (g *generator) bytes(sql string) string {
	if g.dialect == MySQL {
		return "CAST(" + sql + " AS BINARY)"
	}
	if g.dialect == Postgres {
		return "CAST(" + sql + ` AS TEXT) COLLATE "C"`
	}
	return g.asText(sql)
}

// integerIDs tells whether the ids of the statement are integers.
func (g *generator) integerIDs() bool { return g.idForm == IntegerKey }

// id is what a statement gives of a customer's id: text, and of integers the integers,
// which engines take as long to turn into text as to find. SQLite's columns of integers
// hold what they are given: what differs from itself as an integer is text, and so is the
// least integer, which a real may equal. To ask typeof takes twice as long.
func (g *generator) id(sql string) string {
	switch {
	case !g.integerIDs():
		return g.asText(sql)
	case g.dialect == ClickHouse: // whose drivers give each type of integers as its own
		return "toInt64(" + sql + ")"
	case g.dialect == SQLite:
		return "CASE " + sql + " | 0 WHEN -9223372036854775808 THEN " + g.asText(sql) + " WHEN " + sql + " THEN " + sql + " ELSE " + g.asText(sql) + " END"
	}
	return sql
}

// asText is a key as text: hosts have numbers and UUIDs for keys.
func (g *generator) asText(sql string) string {
	switch g.dialect {
	case MySQL:
		return "CAST(" + sql + " AS CHAR)"
	case ClickHouse:
		return "toString(" + sql + ")"
	}
	return "CAST(" + sql + " AS TEXT)"
}
