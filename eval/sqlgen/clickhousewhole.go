package sqlgen

import (
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Numbers that a host keeps as integers, of whatever width, are compared with numbers as
// they are, and summed as they are: the engine does both by their value, and reads fewer
// bytes than of the same integers made wider. What leaves a SELECT is an Int64 everywhere.

// whole is a number's own column, where that holds integers and nothing is made of it.
func (g *generator) whole(e plan.Expr, r row) (p piece, ok bool) {
	if g.dialect != ClickHouse || e.Type().Sort != catalog.Number && e.Type().Sort != catalog.Money || g.home(e, r) != nil {
		return piece{}, false
	}
	col, alias, ok := g.bare(e, r)
	return text(place(col.SQL, alias)), ok && col.Whole
}

// clickSum is a sum over the rows that a call of sum, or of sumIf, selects.
func (g *generator) clickSum(of plan.Expr, r row, call func(fn string, value piece) piece) piece {
	if column, ok := g.whole(of, r); ok {
		return join("toInt64(", call("sum", column), ")")
	}
	return call("sum", g.expr(of, r))
}
