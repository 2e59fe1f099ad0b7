package sqlgen

import (
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Most columns of ClickHouse cannot be NULL. What is made of them alone need not be asked
// about it, which makes statements shorter and lets the engine filter by the bare columns.

// plain tells whether every table has the customer's id in one type and never NULL.
func (s *Schema) plain() bool {
	for _, t := range s.Records {
		if t.OwnerType != s.Customers.OwnerType {
			return false
		}
	}
	return s.Customers.OwnerType != ""
}

// filled tells of a value of the row at hand that it is never NULL: what a host's columns
// without NULL make, and counts and sums of them where their records are grouped.
func (g *generator) filled(e plan.Expr, r row) bool {
	if g.dialect != ClickHouse || g.home(e, r) != nil {
		return false
	}
	switch n := e.(type) {
	case *plan.Literal:
		return n.Value.Known()
	case *plan.Times:
		return g.filled(n.X, r)
	case *plan.Arith:
		return g.filled(n.L, r) && g.filled(n.R, r)
	case *plan.Product:
		return g.filled(n.X, r) && g.filled(n.Y, r)
	case *plan.Attr, *plan.Field:
		switch n.Type().Sort {
		case catalog.Number, catalog.Money, catalog.Bool: // moments are missing before they come
			return g.filledColumn(n, r)
		}
	case *plan.Aggregate:
		return g.tracing != nil && g.filledAggregate(n)
	}
	return false
}

// filledColumn tells whether a value is a column that is never NULL.
func (g *generator) filledColumn(e plan.Expr, r row) bool {
	if f, ok := e.(*plan.Field); ok && f.Up >= len(r.aliases) {
		if _, _, ok := g.carried(f, r); !ok {
			return false
		}
	}
	col, _, ok := g.bare(e, r)
	return ok && col.Filled
}

// filledAggregate tells it of an aggregate. Old servers give NULL for a countIf whose
// condition was NULL for every row, so that must be none either.
func (g *generator) filledAggregate(a *plan.Aggregate) bool {
	r := row{kinds: []string{a.Kind}, aliases: []string{""}}
	if a.Stamp != nil && !g.filledColumn(a.Stamp, r) || a.Where != nil && !g.firm(a.Where, r) {
		return false
	}
	return a.Fn == plan.Count || a.Fn == plan.Sum && g.filled(a.Of, r)
}

// firm tells of a record's test that it is never NULL.
func (g *generator) firm(t plan.Test, r row) bool {
	all := func(terms []plan.Test) bool {
		return !slices.ContainsFunc(terms, func(t plan.Test) bool { return !g.firm(t, r) })
	}
	switch n := t.(type) {
	case *plan.And:
		return all(n.Terms)
	case *plan.Or:
		return all(n.Terms)
	case *plan.Not:
		return g.firm(n.Term, r)
	case *plan.OneOf:
		if isText(n.X.Type()) {
			return g.filledColumn(n.X, r)
		}
		return g.filled(n.X, r)
	case *plan.Compare:
		return g.filled(n.L, r) && g.filled(n.R, r)
	}
	return false
}
