package rulegen

import (
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// ownFields are the fields that aggregates take: the kind's own, not its parent's.
func (g *gen) ownFields(k *catalog.Kind, want func(catalog.Type) bool) []name {
	var out []name
	for _, view := range g.Catalog.Views(k.Name) {
		for _, f := range view.Fields {
			if !f.Hidden && (want == nil || want(f.Type)) {
				out = append(out, name{f.Name, f.Type, f.Due})
			}
		}
	}
	return out
}

// field is a kind with one of its own fields.
func (g *gen) field(want func(catalog.Type) bool) (*catalog.Kind, name, bool) {
	for range 8 {
		k, ok := g.kind(false)
		if !ok {
			break
		}
		if list := g.ownFields(k, want); len(list) > 0 {
			return k, pick(g.src, list), true
		}
	}
	return nil, name{}, false
}

// term is a number of the customer, of the wanted type where one is given.
func (g *gen) term(want *catalog.Type) (text string, typ catalog.Type, plain []string) {
	same := func(t catalog.Type) bool {
		return isNumber(t) && (want == nil || t.Sort == want.Sort && t.Currency == want.Currency)
	}
	switch g.src.IntN(5) {
	case 0:
		if a, ok := g.attribute(same, false); ok {
			return a.name, a.typ, nil
		}
	case 1:
		if k, ok := g.kind(false); ok && same(catalog.Type{Sort: catalog.Number}) {
			a := g.args(k)
			return k.Name + a.call(), catalog.Type{Sort: catalog.Number}, a.plainer(func(a args) string { return k.Name + a.call() })
		}
	case 2:
		if len(g.lexicon.measures) > 0 {
			m := pick(g.src, g.lexicon.measures)
			if !m.quotient && same(m.typ) && (g.scope != "guests" || !m.login) {
				var a args
				if g.src.IntN(2) == 1 {
					a.span = g.span(false)
				}
				return m.name + a.call(), m.typ, a.plainer(func(a args) string { return m.name + a.call() })
			}
		}
	}
	if k, f, ok := g.field(same); ok {
		fn := g.pick("sum", "max", "min", "last", "first", "distinct")
		t := f.typ
		if fn == "distinct" {
			if t = (catalog.Type{Sort: catalog.Number}); !same(t) {
				fn, t = "sum", f.typ
			}
		}
		a := g.args(k)
		a.of = k.Name + "." + f.name
		return fn + a.call(), t, a.plainer(func(a args) string { return fn + a.call() })
	}
	if a, ok := g.attribute(same, false); ok {
		return a.name, a.typ, nil
	}
	return "", catalog.Type{}, nil
}

// comparison is a number against a constant, perhaps after some arithmetic.
func (g *gen) comparison() (string, []string) {
	text, t, plain := g.term(nil)
	if text == "" {
		return "", nil
	}
	tail := g.compare() + g.amount(t)
	switch g.src.IntN(6) {
	case 3:
		if more, _, _ := g.term(&t); more != "" {
			text, plain = text+g.pick(" - ", " + ")+more, []string{text + tail, more + tail}
			return text + tail, plain
		}
	case 4:
		return g.pick("2 * ", "-", "3 * ") + text + tail, []string{text + tail}
	case 5:
		return text + " " + g.pick("", "not ") + "in (" + g.amount(t) + ", " + g.amount(t) + ")", []string{text + tail}
	}
	for i := range plain {
		plain[i] += tail
	}
	return text + tail, plain
}

// pair compares two numbers of the customer.
func (g *gen) pair() string {
	a, t, _ := g.term(nil)
	if a == "" {
		return ""
	}
	b, _, _ := g.term(&t)
	if b == "" {
		return ""
	}
	return g.pick("", "", "2 * ") + a + g.compare() + b
}

// chosen tests a field, or the moment, of the first or last record.
func (g *gen) chosen() (string, []string) {
	fn := g.pick("last", "first")
	if k, ok := g.kind(true); ok && g.chance(2) {
		a := g.args(k)
		a.of = k.Name
		moment := func(a args) name { return name{fn + a.call(), catalog.Type{Sort: catalog.Instant}, false} }
		return g.test(moment(a)), nil
	}
	k, f, ok := g.field(func(t catalog.Type) bool { return t.Sort != catalog.Set })
	if !ok {
		return "", nil
	}
	a := g.args(k)
	a.of = k.Name + "." + f.name
	return g.test(name{fn + a.call(), f.typ, f.due}), nil
}

// ratio is a quotient against a constant.
func (g *gen) ratio() (string, []string) {
	part := g.compare() + g.pick("50%", "0%", "100%", "33.3%")
	switch g.src.IntN(5) {
	case 0:
		k, f, ok := g.field(isNumber)
		if !ok {
			return "", nil
		}
		a := g.args(k)
		a.of = k.Name + "." + f.name
		tail := g.compare() + g.amount(f.typ)
		return "avg" + a.call() + tail, a.plainer(func(a args) string { return "avg" + a.call() + tail })
	case 1, 2:
		k, ok := g.kind(false)
		if !ok {
			return "", nil
		}
		a := g.args(k)
		if a.where = g.where(k); a.where == "" {
			return "", nil
		}
		a.of = k.Name
		if list := g.ownFields(k, isNumber); len(list) > 0 && g.chance(2) {
			a.of += "." + pick(g.src, list).name
		}
		return "share" + a.call() + part, nil
	case 3:
		for _, m := range g.lexicon.measures {
			if m.quotient && (g.scope != "guests" || !m.login) {
				return m.name + g.pick("", "("+pick(g.src, lengths).String()+")") + g.compare() + g.amount(m.typ), nil
			}
		}
	}
	k, ok1 := g.kind(false)
	l, ok2 := g.kind(false)
	if !ok1 || !ok2 {
		return "", nil
	}
	return k.Name + g.args(k).call() + " / " + l.Name + g.args(l).call() + part, nil
}

// active counts periods or different values.
func (g *gen) active() (string, []string) {
	tail := g.compare() + g.pick("1", "2", "3", "0")
	if g.chance(2) {
		k, f, ok := g.field(nil)
		if !ok || f.typ.Sort == catalog.Set {
			return "", nil
		}
		a := g.args(k)
		a.of = k.Name + "." + f.name
		return "distinct" + a.call() + tail, a.plainer(func(a args) string { return "distinct" + a.call() + tail })
	}
	k, ok := g.kind(true)
	if !ok {
		return "", nil
	}
	fn := g.pick("active_days", "active_weeks", "active_months")
	a := g.args(k)
	a.of = k.Name
	return fn + a.call() + tail, a.plainer(func(a args) string { return fn + a.call() + tail })
}

func (g *gen) ranked() string {
	text, _, _ := g.term(nil)
	if text == "" || strings.HasPrefix(text, "first(") || strings.HasPrefix(text, "last(") {
		return ""
	}
	return text + g.pick(" in ", " not in ") + g.pick("top ", "bottom ") + g.pick("5%", "50%", "33.34%", "1", "3", "100", "100%")
}

// recurring is an anniversary of an attribute or of a first record.
func (g *gen) recurring() string {
	moment := ""
	if k, ok := g.kind(true); ok && g.chance(3) {
		moment = g.pick("first", "last") + "(" + k.Name + ")"
	} else if a, ok := g.attribute(func(t catalog.Type) bool { return t.Sort == catalog.Date || t.Sort == catalog.Instant }, false); ok {
		moment = a.name
	} else {
		return ""
	}
	return "anniversary(" + moment + ") " + g.pick("", "not ") + "within " + g.pick(g.ahead(), g.ahead(), "this month", "today", "7d", "last week", "this year")
}

// order compares two moments of the customer.
func (g *gen) order() string {
	a, b := g.customerMoment(), g.customerMoment()
	if strings.HasSuffix(a, "ago") {
		return ""
	}
	return a + " " + g.pick("", "not ") + g.pick("before ", "after ") + b
}
