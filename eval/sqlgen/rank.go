package sqlgen

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// InRank writes the statement of those whom a rank selects in the whole population:
// its rows are (id, value), none when nobody is ranked. The value that decides, the
// rank's cut, is the least of them, of a bottom rank the greatest.
func InRank(d Dialect, s *Schema, q Query, r *plan.Rank) (Statement, error) {
	g := newGenerator(d, s, q, nil)
	if d == ClickHouse {
		return g.statement(g.clickInRank(ready(&plan.Plan{Root: r}).(*plan.Rank)))
	}
	return g.places(r, func() string { return g.id("id") + " AS id, v" })
}

// RankCut writes the statement of a rank's cut alone: one row, NULL when nobody is
// ranked.
func RankCut(d Dialect, s *Schema, q Query, r *plan.Rank) (Statement, error) {
	g := newGenerator(d, s, q, nil)
	if d == ClickHouse {
		return g.statement(g.clickRankCut(ready(&plan.Plan{Root: r}).(*plan.Rank)))
	}
	least := "MIN(v)"
	if r.Bottom {
		least = "MAX(v)"
	}
	return g.places(r, func() string { return least })
}

// places writes columns of those whom a rank selects. Ids become text at last, where few
// are left.
func (g *generator) places(r *plan.Rank, columns func() string) (Statement, error) {
	r = ready(&plan.Plan{Root: r}).(*plan.Rank)
	value, known := g.ranked(r)
	from, key, who, later := g.narrow([]plan.Test{r})
	order := " DESC"
	if r.Bottom {
		order = ""
	}
	values := join("SELECT ", key, " AS id, ", value, " AS v", from, " WHERE ", list(g.inTurn(who, later, known), " AND "))
	places := join("SELECT id, v, RANK() OVER (ORDER BY v"+order+") AS place, COUNT(*) OVER () AS n FROM (", values, ") ranked")
	return g.statement(join("SELECT "+columns()+" FROM (", places, ") placed WHERE ", g.inPlace(r)))
}

// inPlace tells whether a place is among the first of n: with percents,
// place <= ceil(n * percent / 100) in integers.
func (g *generator) inPlace(r *plan.Rank) string {
	if !r.Percent {
		return fmt.Sprintf("place <= %d", r.N)
	}
	whole := int64(100)
	for range r.Scale {
		whole *= 10
	}
	return fmt.Sprintf("(place - 1) * %d < n * %d", whole, r.N)
}

// ranked is the value that a rank compares and the test that a customer is
// ranked at all.
func (g *generator) ranked(r *plan.Rank) (value, known piece) {
	if a, ok := r.X.(*plan.Aggregate); ok && g.dialect != ClickHouse {
		switch a.Fn {
		case plan.Sum:
			g.slot(a).ranked = true
			value = g.aggregate(a, true)
			return value, join(value, " IS NOT NULL")
		case plan.Count:
			value = g.aggregate(a, true)
			return value, join(value, " > 0")
		}
	}
	value = g.expr(r.X, g.customer())
	known = join(value, " IS NOT NULL").certain()
	filled := g.filled(r.X, g.customer())
	var selected []piece
	plan.Walk(r.X, func(n plan.Node) bool {
		a, ok := n.(*plan.Aggregate)
		if !ok {
			return true
		}
		count := *a
		count.Fn, count.Of = plan.Count, nil
		count.Typed = plan.Typed{Of: catalog.Type{Sort: catalog.Number}}
		some := join(g.aggregate(&count, true), " > 0")
		some.sure = g.filled(&count, g.customer())
		selected = append(selected, some)
		return false
	})
	switch {
	case filled && len(selected) == 1:
		known = selected[0]
	case len(selected) > 0:
		known = join("(", known, " AND (", list(selected, " OR "), "))")
	}
	return value, known
}
