package sqlgen

import (
	"fmt"
	"strconv"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ClickHouse of old has no window functions. A part of the population is found in one
// pass instead: ids and values become arrays, the value of the last inside is taken from
// a quantile that is exact, and the arrays become rows again.

// finest is how many digits after the point a percentage may have for that: a quantile's
// level is a float, see level.
const finest = 2

// OnePass tells whether InRank and RankCut write statements for a rank on a dialect, and
// Query.Ranked may name it. For others there is Ranked.
func OnePass(d Dialect, r *plan.Rank) bool {
	return d != ClickHouse || r.Percent && r.N > 0 && r.Scale <= finest
}

// level is what the engine takes the value of the last inside by: of n values in order it
// gives that of the place floor(level * n), from 0. Of the top it is n - ceil(n * share),
// which is floor(n * (1 - share)), of the bottom ceil(n * share) - 1, which is the last
// below n * share. A hair moves the float away from whole numbers to the right side:
// wider than the float's errors, and too narrow to reach the next one for n below 10^10.
func level(r *plan.Rank) string {
	const hair = 1.0 / (1 << 47)
	whole := int64(100)
	for range r.Scale {
		whole *= 10
	}
	n := min(r.N, whole)
	at := float64(whole-n)/float64(whole) + hair
	if r.Bottom {
		at = float64(n)/float64(whole) - hair
	}
	return strconv.FormatFloat(at, 'f', -1, 64)
}

// clickInRank writes InRank. The arrays of rows lie in arrays again, as many as they need.
// Most populations fit one array, and then the answer is made of it in one row.
func (g *generator) clickInRank(r *plan.Rank) piece {
	g.idForm = g.clickForm()
	rows := g.clickRanked(r, true)
	if g.numbered {
		one := join("SELECT "+inArray+"(dg_c) AS dg_cs, "+inArray+"(dg_v) AS dg_vs, count() AS dg_n, quantileExact("+level(r)+")(dg_v) AS dg_cut FROM (", rows, ")")
		in := "dg_w " + inside(r) + " dg_cut"
		one = join("SELECT toString(arrayFilter((dg_i, dg_w) -> "+in+", dg_cs, dg_vs)), toString(arrayFilter(dg_w -> "+in+", dg_vs)) FROM (", one,
			fmt.Sprintf(") WHERE dg_n <= %d AND dg_cut IS NOT NULL", mostInArray)) // old servers overlook a name that only functions read
		g.inOne = InOne{SQL: one.sql, Args: one.args, Most: mostInArray}
	}
	arrays := join("SELECT groupArray(dg_c) AS dg_cs, groupArray(dg_v) AS dg_vs FROM (", rows,
		fmt.Sprintf(") GROUP BY intDiv(rowNumberInAllBlocks(), %d)", mostInArray))
	all := join("SELECT groupArray(dg_cs) AS dg_css, groupArray(dg_vs) AS dg_vss, quantileExactArray("+level(r)+")(dg_vs) AS dg_cut FROM (", arrays, ")")
	parts := join("SELECT dg_cs, dg_vs, dg_cut FROM (", all, ") ARRAY JOIN dg_css AS dg_cs, dg_vss AS dg_vs")
	return join("SELECT "+g.id(clickCustomer)+", dg_v FROM (", parts, ") ARRAY JOIN dg_cs AS dg_c, dg_vs AS dg_v WHERE dg_v "+inside(r)+" dg_cut")
}

// clickRankCut writes RankCut.
func (g *generator) clickRankCut(r *plan.Rank) piece {
	return join("SELECT if(count() = 0, NULL, quantileExact("+level(r)+")(dg_v)) FROM (", g.clickRanked(r, false), ")")
}

// inside compares a value with the cut.
func inside(r *plan.Rank) string {
	if r.Bottom {
		return "<="
	}
	return ">="
}

// clickRanked writes the values that a rank compares as dg_v, after the customers as dg_c
// where they are wanted.
func (g *generator) clickRanked(r *plan.Rank, customers bool) piece {
	g.liftPopulation()
	if p, ok := g.clickRankedGroups(r, customers); ok {
		return p
	}
	columns := ""
	if customers {
		columns = clickCustomer + ", "
	}
	value, known := g.ranked(r)
	return join("SELECT "+columns+"toInt64(assumeNotNull(", value, ")) AS dg_v FROM (", g.clickPeople(g.clickWho([]plan.Test{r})), ") WHERE ", known)
}

// clickRankedGroups is clickRanked where the groups of one scan are those who are ranked,
// each with the value.
func (g *generator) clickRankedGroups(r *plan.Rank, customers bool) (p piece, ok bool) {
	a, is := r.X.(*plan.Aggregate)
	if !is || !ofOneScan(r) || !g.filledAggregate(a) {
		return piece{}, false
	}
	value := g.aggregate(a, true)
	of := g.clickWho([]plan.Test{r})
	if of.base == nil {
		return piece{}, false
	}
	columns := ""
	if customers {
		columns = g.clickKey(clickOwner) + " AS " + clickCustomer + ", "
	}
	return join("SELECT "+columns+"toInt64(", value, ") AS dg_v FROM (", g.scan(of.base), ") WHERE ", g.all(of.late)), true
}

// clickRankValue is the column of a rank's value among those of clickPeople, and the test
// of who is ranked, without which the value says nothing. The branch of its one scan
// computes both. The test has a place among the bits of the mask.
func (g *generator) clickRankValue(r *plan.Rank, place int) (name string, ranked piece) {
	g.tracing = &trace{}
	value, known := g.ranked(r)
	tr := g.tracing
	g.tracing = nil
	home := tr.scan()
	if !ofOneScan(r) || home == nil {
		return "", g.fail(r, "the values of a rank that is not of one kind's records beside plans")
	}
	if a, ok := r.X.(*plan.Aggregate); ok && (a.Fn == plan.Sum || a.Fn == plan.Count) { // never missing
		g.slot(a).valued = true
		g.ownBit = ownBit{anyOf(a), place}
		ranked = g.holds(g.ownBit.test, g.customer())
	} else {
		tr.value()
		g.ownBit = ownBit{r, place}
		ranked = g.bit(home, r, "ranked "+plan.Key(r.X), func() piece { return known })
	}
	name = g.alias(Reserved)
	g.rankValues = append(g.rankValues, part{name: name, sort: partRanked, of: home, value: join("toInt64(assumeNotNull(", value, "))")})
	return name, ranked
}

// anyOf tests whether there is a record that an aggregate selects.
func anyOf(a *plan.Aggregate) *plan.Compare {
	number := plan.Typed{Of: catalog.Type{Sort: catalog.Number}}
	count := *a
	count.Fn, count.Of, count.Typed = plan.Count, nil, number
	return &plan.Compare{Op: plan.AtLeast, L: &count, R: &plan.Literal{Typed: number, Value: catalog.NumberValue(1)}}
}

// ofOneScan tells whether a rank compares nothing but an aggregate.
func ofOneScan(r *plan.Rank) bool {
	moments, aggregates, others := momentsOf(r)
	return aggregates == 1 && len(moments) == 0 && !others
}
