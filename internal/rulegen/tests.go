package rulegen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// name is something with a value that a test may stand on.
type name struct {
	name string
	typ  catalog.Type
	due  bool
}

// test is a test on a stored value.
func (g *gen) test(n name) string {
	w := g.World
	if n.typ.Sort != catalog.Set && w.src.IntN(8) == 7 {
		return n.name + w.pick(" is known", " is not known")
	}
	neg := w.pick("", "", "not ")
	switch n.typ.Sort {
	case catalog.Bool:
		return w.pick(n.name, "not "+n.name, n.name+" = true", n.name+" != true", n.name+" = false", n.name+" != false")
	case catalog.Number, catalog.Money:
		switch w.src.IntN(5) {
		case 0:
			return n.name + " " + neg + "in (" + g.amount(n.typ) + ", " + g.amount(n.typ) + ", " + g.amount(n.typ) + ")"
		case 1:
			lo, hi := g.twoAmounts(n.typ)
			return n.name + " " + neg + "between " + lo + " and " + hi
		}
		return n.name + g.compare() + g.amount(n.typ)
	case catalog.Instant, catalog.Date:
		return g.momentTest(n, neg)
	case catalog.Set:
		items := g.strings(n.typ, 3)
		switch w.src.IntN(3) {
		case 0:
			return n.name + " " + neg + "contains " + g.str(n.typ)
		case 1:
			return n.name + " " + neg + "contains any (" + items + ")"
		}
		return n.name + " " + neg + "contains all (" + items + ")"
	}
	switch w.src.IntN(6) {
	case 0:
		return n.name + " " + neg + "in (" + g.strings(n.typ, 3) + ")"
	case 1:
		if n.typ.Sort == catalog.String {
			return n.name + " " + neg + w.pick("contains ", "starts with ", "ends with ") + g.part(n.typ)
		}
	}
	return n.name + w.pick(" = ", " = ", " != ") + g.str(n.typ)
}

func (g *gen) momentTest(n name, neg string) string {
	w := g.World
	relation := func(rest string) string { return n.name + " " + neg + rest }
	switch w.src.IntN(6) {
	case 0:
		return relation(w.pick("before ", "after ") + g.point(false))
	case 1:
		return relation("on " + g.point(true))
	case 2:
		a, b := g.twoDates()
		return relation("between " + a + " and " + b)
	case 3:
		switch {
		case n.due:
			return relation("within " + g.ahead())
		case n.typ.Sort == catalog.Date && !g.inRecord:
			return "anniversary(" + n.name + ") " + neg + "within " + w.pick(g.ahead(), "this month", "today", "7d", "last week", "this year")
		case n.typ.Sort == catalog.Date:
			return n.name + w.pick(" = ", " != ") + pick(w.src, dates)
		}
	}
	return relation("within " + g.span(!g.inRecord))
}

func (g *gen) compare() string { return g.pick(" >= ", " > ", " < ", " <= ", " = ", " != ") }

// amount is a literal of the type, in major units.
func (g *gen) amount(t catalog.Type) string {
	v := pick(g.src, amounts)
	if v < 0 {
		v = 7
	}
	text := decimal(v, t.Digits())
	if t.Sort == catalog.Money && g.chance(4) {
		text += " " + string(t.Currency)
	}
	return text
}

func (g *gen) twoAmounts(t catalog.Type) (string, string) {
	lo := g.src.IntN(len(amounts) - 3)
	hi := lo + g.src.IntN(len(amounts)-2-lo) // the last two are out of order
	return decimal(amounts[lo], t.Digits()), decimal(amounts[hi], t.Digits())
}

// decimal writes an integer of units of 10^-digits.
func decimal(v int64, digits int) string {
	text := strconv.FormatInt(v, 10)
	if digits == 0 {
		return text
	}
	if pad := digits + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	return text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// str is a string literal that values of the type may equal.
func (g *gen) str(t catalog.Type) string { return quote(pick(g.src, g.listed(t))) }

// part is a string literal that values of the type may contain; never empty.
func (g *gen) part(t catalog.Type) string {
	return quote(g.pick("A", "서", "s", "e", "/", "%", "_", "KR", "\u1109"))
}

func (g *gen) strings(t catalog.Type, most int) string {
	seen := map[string]bool{}
	var out []string
	for range 1 + g.src.IntN(most) {
		if s := g.str(t); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

func quote(s string) string {
	if strings.Contains(s, "'") {
		return `"` + s + `"`
	}
	if len(s)%2 == 1 {
		return "'" + s + "'"
	}
	return fmt.Sprintf("%q", s)
}
