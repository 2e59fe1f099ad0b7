package sqlgen

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/eval/plan"
)

// A statement of several plans gives one number of every customer, the mask, whose bits
// tell the plans that select them. A plan that one branch decides alone has its own bit
// among those that travel, in its place: the mask takes these over as they are.

// ownBit tells that the test that is written next is of a plan: what decides it alone travels
// in its place.
type ownBit struct {
	test  plan.Test
	place int
}

// clickMasks writes Select of several plans.
func (g *generator) clickMasks(roots []plan.Test, ranks []*plan.Rank) piece {
	g.keptBits = len(roots) + len(ranks)
	var asItIs int64
	var masks []piece
	columns := ""
	add := func(i int, is piece) {
		if b := is.bits; b != nil && b.column == g.bits[0] && b.mask == 2<<i && b.want == b.mask {
			asItIs |= b.mask
			return
		}
		masks = append(masks, join("if(", certainly(is), fmt.Sprintf(", %d, 0)", int64(1)<<i)))
	}
	for i, t := range roots {
		g.ownBit = ownBit{t, i + 1}
		add(i, g.holds(t, g.customer()))
	}
	for i, r := range ranks {
		name, ranked := g.clickRankValue(r, len(roots)+i+1)
		columns += ", y" + name
		add(len(roots)+i, ranked)
	}
	if asItIs != 0 {
		taken := text(fmt.Sprintf("bitShiftRight(bitAnd(%s, %d), 1)", g.bits[0], asItIs))
		masks = slices.Insert(masks, 0, taken)
	}
	of := g.clickWho(append(slices.Clip(roots), asTests(ranks)...))
	of.mark, of.mask = "y", join("toInt64(", list(masks, " + "), ")")
	from := join(" FROM (", g.clickPeople(of), ") WHERE dg_mask <> 0")
	g.pack("dg_c, dg_mask"+columns, from)
	return join("SELECT "+g.id(clickCustomer)+", dg_mask"+columns, from)
}

// rankColumns are the columns of the values of ranks, after others.
func (g *generator) rankColumns(mark string) string {
	out := ""
	for _, v := range g.rankValues {
		out += ", " + mark + v.name
	}
	return out
}

// bound computes a value of columns, whose own values are given by their names, in a
// function that has them as arguments. Servers of today take a millisecond for every name
// of a column in a statement like these, and none for that of an argument.
func bound(value piece, of map[string]string) piece {
	var names, values []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if strings.Contains(value.sql, name) { // or the beginning of another
			names, values = append(names, name), append(values, of[name])
		}
	}
	if len(names) == 0 {
		return value
	}
	return join("arrayMap(("+strings.Join(names, ", ")+") -> ", value, ", ["+strings.Join(values, "], [")+"])[1]")
}
