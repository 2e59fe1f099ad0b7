package sqlgen

import (
	"fmt"

	"github.com/dangol-dev/dangol/eval/plan"
)

// InOne is of ClickHouse, where customers are told by integers: the answer of a statement
// as one row, each of whose columns is an array of integers as text. Arrays have an end:
// where there is no row, or an array has as many items as Most, something may be missing,
// all of it is to be thrown away, and Statement.Packed or Statement.SQL is to be asked.
type InOne struct {
	SQL  string // "" where there is none
	Args []any
	Most int
}

// mostInArray is how many rows go into an array: servers refuse more than 2^24.
const mostInArray = 1 << 23

// inArray is the function that makes an array of so many rows at most.
var inArray = fmt.Sprintf("groupArray(%d)", mostInArray)

// inOneRow is InOne of ids alone.
func inOneRow(ids, from piece) InOne {
	p := join("SELECT toString(", ids, ")", from)
	return InOne{SQL: p.sql, Args: p.args, Most: mostInArray}
}

// clickJoined is the test that a customer joined before as-of, where that is all it takes to
// exist and the rule asks nothing else about it. It is true of nearly everybody: asked
// where the array is made, of those whom the rest selects, it takes a server half as long.
func (g *generator) clickJoined(root plan.Test) (joined piece, ok bool) {
	col, ok := g.schema.Customers.Columns["joined"]
	if !ok || !col.Filled || !g.membersOnly() || g.asks(root, "joined") {
		return piece{}, false
	}
	return g.population(), true
}
