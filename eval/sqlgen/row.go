package sqlgen

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// row is what the names of an expression refer to: a customer of the population,
// or a record of a scan with its parents and its customer.
type row struct {
	customerAlias string
	aliases       []string // of the record, its parent and so on; empty for a customer
	kinds         []string
	owner         piece        // the customer's id
	from          func() piece // FROM and joins, written after the values
	momentFrom    string       // the customer's moments that the window starts and ends at
	momentTo      string
	// Of ClickHouse: where values come from that do not stand in the SELECT at hand.
	levels       []*lifted // as aliases
	customerLift *lifted
}

func (r row) alias(up int) string { return r.aliases[up] }

// outer is the alias of the population.
const outer = "c"

func (g *generator) customer() row { return g.people }

// record joins what the aggregates of one scan need: parents, the customer, the
// moments of their window.
func (g *generator) record(a *plan.Aggregate, slots []*slot) row {
	table, ok := g.schema.Records[a.Kind]
	if !ok {
		g.fail(a, "records of "+a.Kind+", which have no table")
	}
	depth, customer := 0, false
	look := func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Field:
			if _, ok := table.Columns[n.Kind+"."+n.Name]; n.Up > depth && !(ok && n.Up == 1) {
				depth = n.Up
			}
		case *plan.Attr:
			customer = true
		}
		return true
	}
	overRecord(slots, look)
	r := row{aliases: []string{g.alias("r")}, kinds: []string{a.Kind}}
	r.owner = text(r.aliases[0] + "." + table.Customer)
	if g.dialect == ClickHouse {
		return g.clickRecord(a, slots, r, depth, customer)
	}
	from := text(" FROM " + g.table(table) + " " + r.aliases[0])
	for up := 1; up <= depth; up++ {
		kind := parentOf(slots, up)
		parent, ok := g.schema.Records[kind]
		if !ok || table.Parent == "" {
			g.fail(a, fmt.Sprintf("the parent of %s, which has no table", r.kinds[up-1]))
			break
		}
		alias := g.alias("p")
		from = join(from, " LEFT JOIN ", g.table(parent), " ", alias, " ON ", alias, ".", parent.Key, " = ", r.aliases[up-1], ".", table.Parent)
		if parent.Filter != "" {
			from = join(from, " AND (", place(parent.Filter, alias), ")")
		}
		r.aliases, r.kinds, table = append(r.aliases, alias), append(r.kinds, kind), parent
	}
	if customer {
		r.customerAlias = g.alias("u")
		from = join(from, " JOIN ", g.table(g.schema.Customers), " ", r.customerAlias, " ON ", r.customerAlias, ".", g.schema.Customers.Key, " = ", r.owner)
	}
	moment := func(b plan.Bound) string {
		if b.Kind != plan.Moment {
			return ""
		}
		if b.Moment.Type().Sort != catalog.Instant {
			g.fail(b.Moment, "a window that starts or ends at a day of each customer")
			return ""
		}
		alias := g.alias("m")
		from = join(from, " JOIN (", g.momentTable(b.Moment), ") ", alias, " ON ", alias, ".c = ", r.owner)
		return alias + ".v"
	}
	r.momentFrom, r.momentTo = moment(a.Window.From), moment(a.Window.To)
	r.from = func() piece { return from }
	return r
}

// overRecord visits what the aggregates read of the record at hand: not their
// moments, which are of the customer.
func overRecord(slots []*slot, visit func(plan.Node) bool) {
	for _, s := range slots {
		if s.agg.Of != nil {
			plan.Walk(s.agg.Of, visit)
		}
		if s.agg.Stamp != nil {
			plan.Walk(s.agg.Stamp, visit)
		}
		if s.agg.Where != nil {
			plan.Walk(s.agg.Where, visit)
		}
	}
}

// parentOf is the kind that the fields at a level belong to.
func parentOf(slots []*slot, up int) string {
	kind := ""
	look := func(n plan.Node) bool {
		if f, ok := n.(*plan.Field); ok && f.Up == up {
			kind = f.Kind
		}
		return true
	}
	overRecord(slots, look)
	return kind
}

// sub is a generator of a subquery over the same customers.
func (g *generator) sub() *generator {
	return &generator{
		dialect: g.dialect, schema: g.schema, asOf: g.asOf, zone: g.zone, scope: g.scope,
		groups: g.groups, byKey: map[string]*slot{}, atomByKey: map[string]*atom{}, joined: g.joined, long: g.long, people: row{customerAlias: "c"}, numbered: g.numbered, plain: g.plain, links: g.links,
	}
}

// momentTable is a derived table (c, v) of an instant of each customer who has it.
func (g *generator) momentTable(e plan.Expr) piece {
	sub := g.sub()
	value := sub.expr(e, sub.customer())
	out := join("SELECT c.", g.schema.Customers.Key, " AS c, ", value, " AS v", sub.from())
	if g.err == nil {
		g.err = sub.err
	}
	return join("SELECT c, v FROM (", out, ") moments WHERE v IS NOT NULL")
}
