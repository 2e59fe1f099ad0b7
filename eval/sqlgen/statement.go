package sqlgen

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/plan"
)

// MostPlans is how many plans one statement may answer: their bits fit an int64.
const MostPlans = 62

// ErrTooManyPlans is returned when a statement is asked to answer none or more
// than MostPlans plans.
var ErrTooManyPlans = errors.New("sqlgen: a statement answers 1 to 62 plans")

// Cut is the value of the last customer inside a rank, as a rank's statements
// find it. Cuts are kept by plan.Key of the rank.
type Cut struct {
	Value int64
	Empty bool
}

// Select writes the statement that selects the members of the plans, ordered by
// the bytes of the id. For one plan its rows are (id); for more they are (id, mask),
// bit i of mask telling whether plan i selects the customer. Plans with ranks need
// their cuts. It returns *plan.Unsupported for what schema or dialect cannot do.
func Select(d Dialect, s *Schema, q Query, cuts map[string]Cut) (Statement, error) {
	if len(q.Plans) == 0 || len(q.Plans) > MostPlans {
		return Statement{}, ErrTooManyPlans
	}
	g := newGenerator(d, s, q, cuts)
	tests := make([]piece, len(q.Plans))
	for i, p := range q.Plans {
		tests[i] = g.test(plan.Lower(p).Root, g.customer())
	}
	key := "c." + s.Customers.Key
	id, order := g.asText(key), g.bytes(key)
	var out piece
	if len(tests) == 1 {
		out = join("SELECT ", id, " AS id", g.from(), " WHERE ", g.population(), " AND ", tests[0])
	} else {
		bits := make([]piece, len(tests))
		for i, t := range tests {
			bits[i] = join("CASE WHEN ", t, fmt.Sprintf(" THEN %d ELSE 0 END", int64(1)<<i))
		}
		out = join("SELECT id, mask FROM (SELECT ", id, " AS id, ", list(bits, " + "), " AS mask", g.from(),
			" WHERE ", g.population(), ") answers WHERE mask <> 0")
		order = g.bytes("id")
	}
	return g.statement(join(out, " ORDER BY ", order))
}

// Ranked writes the two statements that find a rank's cut: count gives the number
// n of ranked customers, and at gives the value of the k-th of them (k from 1).
func Ranked(d Dialect, s *Schema, q Query, r *plan.Rank) (count Statement, at func(k int64) (Statement, error), err error) {
	ranked := func() (*generator, piece) {
		g := newGenerator(d, s, q, nil)
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

	scans  []*scan
	byKey  map[string]*slot // aggregates that were asked for, by plan.Key
	joined int              // derived tables written so far, for their names
	err    error            // the first thing that cannot be written
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
	return &generator{
		dialect: d, schema: s, asOf: q.AsOf.Truncate(time.Second), zone: zone,
		scope: scope, cuts: cuts, groups: q.Groups, byKey: map[string]*slot{},
	}
}

func (g *generator) now() int64 { return g.asOf.UnixMicro() }

func (g *generator) statement(p piece) (Statement, error) {
	if g.err != nil {
		return Statement{}, g.err
	}
	return Statement{SQL: p.sql, Args: p.args}, nil
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
		out = join(out, " LEFT JOIN (", g.scan(s), ") ", s.name, " ON ", s.name, ".c = c.", g.schema.Customers.Key)
	}
	return out
}

// population is who exists at as-of within the scope.
func (g *generator) population() piece {
	exists := func(attr string) piece {
		col, ok := g.schema.Customers.Columns[attr]
		if !ok {
			return text("1 = 1")
		}
		sql := place(col.SQL, "c")
		return join("(", sql, " IS NULL OR ", sql, " < ", text("?", g.encode(col, g.now())), ")")
	}
	out := text("1 = 1")
	if g.schema.Customers.Filter != "" {
		out = text("(" + place(g.schema.Customers.Filter, "c") + ")")
	}
	if g.schema.Guest == "" {
		if g.scope == plan.Guests {
			return text("1 = 0")
		}
		return join(out, " AND ", exists("joined"))
	}
	guest := "(" + place(g.schema.Guest, "c") + ")"
	member := join("NOT ", guest, " AND ", exists("joined"))
	visitor := join(guest, " AND ", exists("first_seen"))
	switch g.scope {
	case plan.Members:
		return join(out, " AND ", member)
	case plan.Guests:
		return join(out, " AND ", visitor)
	}
	return join(out, " AND (", member, " OR ", visitor, ")")
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
