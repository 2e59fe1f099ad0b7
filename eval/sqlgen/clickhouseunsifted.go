package sqlgen

import "fmt"

// MostLate is how many rows of Unsifted may be of customers who joined late.
const MostLate = 1000

// Unsifted is Statement.InOne without the test that customers joined before as-of. The
// ids of those who did not are rows of their own beside the array, which begins with [:
// whoever asks takes them out of the answer. Where there are more than MostLate of them,
// who is late is not told, and InOne is to be asked. Mostly nobody is late, and a server
// looks for them while it finds the others; for InOne it does so before.
type Unsifted struct {
	SQL  string // "" where there is none
	Args []any
	Most int   // as in InOne
	AsOf int64 // in microseconds: who is late then is late for what is asked of times before
}

// unsift writes Statement.Unsifted. The answer stands before the late: where a server takes
// up tables in the order of the text, who has records by then is late by then, since hosts
// write a customer before his records. Nothing makes one state of both, nor does it of InOne.
func (g *generator) unsift(ids, from piece) {
	if !g.numbered || !g.schema.Local {
		return
	}
	late := g.clickLate("toString(n." + g.schema.Customers.Key + ")")
	p := join("SELECT toString(", ids, ")", from, " UNION ALL ", late, fmt.Sprintf(" LIMIT %d", MostLate+1))
	g.unsifted = Unsifted{SQL: p.sql, Args: p.args, Most: mostInArray, AsOf: g.now()}
}
