package rulegen

import (
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// span is a window as it is written, "" for none. Moments of the customer may
// bound it where moments is set.
func (g *gen) span(moments bool) string {
	w := g.World
	n := 10
	if moments {
		n = 13
	}
	switch w.src.IntN(n) {
	case 0, 1, 2:
		return pick(w.src, lengths).String()
	case 3:
		return fmt.Sprintf("%d full %s", 1+w.src.IntN(8), w.pick("days", "weeks", "months", "years"))
	case 4:
		return w.pick("this", "last") + " " + w.pick("week", "month", "quarter", "year")
	case 5:
		return w.pick("today", "yesterday", pick(w.src, dates))
	case 6:
		a, b := g.twoDates()
		return a + " .. " + b
	case 7:
		return w.pick("60d ago .. 30d ago", "1y ago .. 1mo ago", "30d ago .. yesterday", "7d ago .. now", "2w ago .. 1w ago")
	case 8:
		return "since " + w.pick(pick(w.src, dates), "yesterday", "36h ago")
	case 9:
		return "before " + w.pick(pick(w.src, dates), "today", "30d ago")
	case 10:
		return "since " + g.customerMoment()
	case 11:
		return "before " + g.customerMoment()
	default:
		return g.customerMoment() + " .. " + w.pick("now", "7d ago", "yesterday")
	}
}

// twoDates are in order, and may be the same.
func (g *gen) twoDates() (string, string) {
	two := []string{pick(g.src, dates), pick(g.src, dates)}
	slices.Sort(two)
	return two[0], two[1]
}

// customerMoment is an instant of the customer.
func (g *gen) customerMoment() string {
	k, ok := g.kind(true)
	if ok && g.chance(2) {
		return g.pick("last", "first") + "(" + k.Name + ")"
	}
	if a, ok := g.attribute(isMoment, false); ok {
		return a.name
	}
	return "30d ago"
}

// point is a place in time that a moment is before, after or on.
func (g *gen) point(whole bool) string {
	if whole {
		return g.pick("yesterday", "today", pick(g.src, dates))
	}
	return g.pick(pick(g.src, dates), "today", "yesterday", pick(g.src, lengths).String()+" ago")
}

// ahead is a window that starts now, for what may lie in the future.
func (g *gen) ahead() string {
	l := pick(g.src, lengths)
	if l.unit == plan.Year {
		l = length{30, plan.Days}
	}
	return "next " + l.String()
}
