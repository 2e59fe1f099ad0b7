package sqlgen

import (
	"fmt"
	"strconv"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// expr writes a value: numbers as integers of the type's scale, instants as
// microseconds, dates as days since 1970-01-01, text as it is; NULL is missing.
func (g *generator) expr(e plan.Expr, r row) piece {
	if l := g.home(e, r); l != nil {
		return l.value(e)
	}
	switch n := e.(type) {
	case *plan.Literal:
		return g.literal(n)
	case *plan.Attr, *plan.Field:
		return g.stored(e, r)
	case *plan.Arith:
		return join("(", g.expr(n.L, r), " "+string(n.Op)+" ", g.expr(n.R, r), ")")
	case *plan.Times:
		return join("(", g.expr(n.X, r), " * "+strconv.FormatInt(n.By, 10)+")")
	case *plan.Product:
		return join("(", g.expr(n.X, r), " * ", g.expr(n.Y, r), ")")
	case *plan.Aggregate:
		if len(r.aliases) > 0 {
			return g.fail(n, "an aggregate within a record")
		}
		return g.aggregate(n, false)
	}
	return g.fail(e, fmt.Sprintf("a value of the sort %T", e))
}

func (g *generator) literal(n *plan.Literal) piece {
	switch v := n.Value; v.Sort() {
	case catalog.Number, catalog.Instant, catalog.Date:
		return text(strconv.FormatInt(v.Int(), 10))
	case catalog.String:
		return text("?", v.Text())
	case catalog.Bool:
		return text(g.truth(v.Bool()))
	}
	return g.fail(n, "a literal set")
}

// int is a number of 64 bits: ClickHouse gives literals the smallest type they fit,
// and has no common one for large ones and negative ones.
func (g *generator) int(n int64) string {
	if g.dialect == ClickHouse {
		return fmt.Sprintf("toInt64(%d)", n)
	}
	return strconv.FormatInt(n, 10)
}

func (g *generator) truth(b bool) string {
	switch {
	case g.dialect == Postgres && b:
		return "TRUE"
	case g.dialect == Postgres:
		return "FALSE"
	case b:
		return "1"
	}
	return "0"
}

// column finds where an attribute or a field lies, and the table's alias.
func (g *generator) column(e plan.Expr, r row) (Column, string, bool) {
	switch n := e.(type) {
	case *plan.Attr:
		col, ok := g.schema.Customers.Columns[n.Name]
		if !ok {
			g.fail(n, n.Name+", which has no column")
		}
		g.asked = g.asked || r.customerAlias == outer
		return col, r.customerAlias, ok
	case *plan.Field:
		if col, alias, ok := g.carried(n, r); ok {
			return col, alias, true
		}
		if n.Up >= len(r.aliases) {
			g.fail(n, n.Name+" outside its record")
			return Column{}, "", false
		}
		table := g.schema.Records[n.Kind]
		if n.Name == "" {
			return Column{SQL: "{t}." + table.Key}, r.aliases[n.Up], true
		}
		col, ok := table.Columns[n.Name]
		if !ok {
			g.fail(n, n.Kind+"."+n.Name+", which has no column")
		}
		return col, r.aliases[n.Up], ok
	}
	return Column{}, "", false
}

// bare finds the column of an expression that is nothing else, and whose value
// depends on nothing but the column.
func (g *generator) bare(e plan.Expr, r row) (Column, string, bool) {
	switch n := e.(type) {
	case *plan.Field:
	case *plan.Attr:
		if n.Login && g.schema.Guest != "" && g.scope != plan.Members {
			return Column{}, "", false
		}
	default:
		return Column{}, "", false
	}
	return g.column(e, r)
}

// carried finds the column of a parent's field in the rows that are scanned.
func (g *generator) carried(f *plan.Field, r row) (Column, string, bool) {
	if f.Up != 1 || len(r.kinds) == 0 {
		return Column{}, "", false
	}
	col, ok := g.schema.Records[r.kinds[0]].Columns[f.Kind+"."+f.Name]
	return col, r.aliases[0], ok
}

// stored is the value of a column as as-of sees it.
func (g *generator) stored(e plan.Expr, r row) piece {
	col, alias, ok := g.column(e, r)
	if !ok {
		return text("NULL")
	}
	sort := e.Type().Sort
	raw := text(g.decode(col, sort, alias))
	out := raw
	if sort == catalog.Instant || sort == catalog.Date {
		due, latest := timing(e)
		switch {
		case due:
		case latest:
			before := g.now() - 1e6
			if sort == catalog.Date {
				before = plan.LocalDay(before, g.zone)
			}
			out = join("CASE WHEN ", raw, fmt.Sprintf(" < %d", g.limit(sort, g.now())), " THEN ", raw, " WHEN ", raw, " IS NOT NULL THEN "+g.int(before)+" END")
		default:
			out = join("CASE WHEN ", raw, fmt.Sprintf(" < %d", g.limit(sort, g.now())), " THEN ", raw, " END")
		}
	}
	if a, ok := e.(*plan.Attr); ok && a.Login && g.schema.Guest != "" && g.scope != plan.Members {
		out = join("CASE WHEN ("+place(g.schema.Guest, alias)+") THEN NULL ELSE ", out, " END")
	}
	return out
}
