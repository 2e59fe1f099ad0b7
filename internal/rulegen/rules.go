package rulegen

import (
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Rule is a made-up rule. It is immutable.
type Rule struct {
	Scope plan.Scope
	op    string // "and", "or", "not", or "" for a single test
	terms []*Rule
	text  string
	plain []string // the same test without its where, its window
}

// String is the rule's text.
func (r *Rule) String() string {
	switch r.op {
	case "":
		return r.text
	case "not":
		return "not (" + r.terms[0].String() + ")"
	}
	parts := make([]string, len(r.terms))
	for i, t := range r.terms {
		parts[i] = t.String()
		if t.op == "and" || t.op == "or" {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " "+r.op+" ")
}

// Rule makes up a rule over a scope. It type-checks against the world's catalog;
// now and then it asks a view for records that the view never has, which compile
// refuses (source.NeverSelected): such a rule is to be passed over.
func (w *World) Rule(scope plan.Scope) *Rule {
	g := &gen{World: w, scope: scope}
	return g.rule(3)
}

// gen draws one rule.
type gen struct {
	*World
	scope    plan.Scope
	inRecord bool
}

func (g *gen) rule(depth int) *Rule {
	if depth == 0 || g.src.IntN(2) == 0 {
		return g.leaf()
	}
	if g.src.IntN(4) == 3 {
		return &Rule{Scope: g.scope, op: "not", terms: []*Rule{g.rule(depth - 1)}}
	}
	r := &Rule{Scope: g.scope, op: g.pick("and", "or")}
	for range 2 + g.src.IntN(2) {
		r.terms = append(r.terms, g.rule(depth-1))
	}
	return r
}

func (g *gen) leaf() *Rule {
	r := &Rule{Scope: g.scope}
	for range 20 {
		if r.text, r.plain = g.draw(); r.text != "" {
			return r
		}
	}
	r.text = "first_seen is known"
	return r
}

// draw makes up a test, "" when the catalog has nothing for the form that came up.
func (g *gen) draw() (text string, plain []string) {
	switch g.src.IntN(16) {
	case 0, 1, 2:
		if a, ok := g.attribute(nil, true); ok {
			return g.test(a), nil
		}
	case 3, 4:
		if k, ok := g.kind(false); ok {
			a := g.args(k)
			tail := g.pick("", " >= 2", " = 0", " = 1", " < 3", " between 1 and 2", " != 1")
			return k.Name + a.call() + tail, a.plainer(func(a args) string { return k.Name + a.call() + tail })
		}
	case 5, 6:
		return g.comparison()
	case 7:
		return g.chosen()
	case 8:
		return g.ratio()
	case 9:
		return g.active()
	case 10:
		return g.ranked(), nil
	case 11:
		return g.recurring(), nil
	case 12:
		return g.pick("", "not ") + "in group " + g.pick(`"VIP"`, `"Staff"`), nil
	case 13:
		return "sample(" + g.pick("10%", "50%", "2.5%", "0%", "100%") + ", " + g.pick(`"spring"`, `"a"`) + ")", nil
	case 14:
		return g.order(), nil
	case 15:
		return g.pair(), nil
	}
	return "", nil
}

// args are the window and filter of a call.
type args struct{ of, span, where string }

func (a args) call() string {
	inside := strings.TrimSpace(a.span + " " + a.where)
	if a.of != "" && inside != "" {
		inside = a.of + ", " + inside
	} else {
		inside = a.of + inside
	}
	if inside == "" {
		return ""
	}
	return "(" + inside + ")"
}

// plainer are the texts without filter and without window.
func (a args) plainer(build func(args) string) []string {
	var out []string
	if a.span != "" {
		out = append(out, build(args{a.of, "", a.where}))
	}
	if a.where != "" {
		out = append(out, build(args{a.of, a.span, ""}))
	}
	return out
}

func (g *gen) args(k *catalog.Kind) args {
	var a args
	if g.timed(k) && g.src.IntN(3) > 0 {
		a.span = g.span(g.src.IntN(3) == 2)
	}
	if g.src.IntN(3) == 2 {
		a.where = g.where(k)
	}
	return a
}

// where is a filter over one record, "" when the kind has no field.
func (g *gen) where(k *catalog.Kind) string {
	fields := g.fields(k)
	if len(fields) == 0 {
		return ""
	}
	g.inRecord = true
	defer func() { g.inRecord = false }()
	one := func() string {
		if conds := g.conditions(k); len(conds) > 0 && g.chance(4) {
			return g.pick("", "not ") + pick(g.src, conds)
		}
		f := pick(g.src, fields)
		if f.typ.Sort == catalog.String && !f.typ.Folded && g.src.IntN(6) == 5 {
			if a, ok := g.attribute(func(t catalog.Type) bool { return t.Sort == catalog.String && !t.Folded }, false); ok {
				return f.name + g.pick(" = ", " != ") + "customer." + a.name
			}
		}
		return g.test(f)
	}
	switch g.src.IntN(4) {
	case 2:
		return "where " + one() + " and " + one()
	case 3:
		return "where " + g.pick("", "not ") + "(" + one() + " or " + one() + ")"
	}
	return "where " + one()
}

func (g *gen) timed(k *catalog.Kind) bool {
	return slices.ContainsFunc(g.Catalog.Views(k.Name), func(v *catalog.Kind) bool { return v.Time != "" })
}

// kind is one that the scope may speak of.
func (g *gen) kind(timed bool) (*catalog.Kind, bool) {
	var list []*catalog.Kind
	for i := range g.Catalog.Kinds {
		k := &g.Catalog.Kinds[i]
		if timed && !g.timed(k) || g.scope == plan.Guests && g.needsLogin(k) {
			continue
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return nil, false
	}
	return pick(g.src, list), true
}

func isMoment(t catalog.Type) bool { return t.Sort == catalog.Instant }

func isNumber(t catalog.Type) bool { return t.Sort == catalog.Number || t.Sort == catalog.Money }

// attribute is one that the scope may speak of and whose type is wanted.
func (g *gen) attribute(want func(catalog.Type) bool, due bool) (name, bool) {
	var list []name
	for _, a := range g.Catalog.Attributes {
		if a.Hidden || g.scope == plan.Guests && a.Login || a.Due && !due || want != nil && !want(a.Type) {
			continue
		}
		list = append(list, name{a.Name, a.Type, a.Due})
	}
	if len(list) == 0 {
		return name{}, false
	}
	return pick(g.src, list), true
}

// fields are what a where over the kind may speak of, its parent's and those of
// dimensions included.
func (g *gen) fields(k *catalog.Kind) []name {
	var out []name
	for _, view := range g.Catalog.Views(k.Name) {
		for _, f := range view.Fields {
			if !f.Hidden {
				out = append(out, name{f.Name, f.Type, f.Due})
			}
		}
	}
	owner, ok := g.Catalog.Owner(k.Name)
	if !ok {
		return out
	}
	for _, reach := range g.Catalog.Reached(owner) {
		if !reach.Field.Hidden {
			out = append(out, name{reach.Name, reach.Field.Type, reach.Field.Due})
		}
	}
	if parent, ok := g.Catalog.Kind(owner.Parent); ok {
		for _, f := range g.fields(parent) {
			out = append(out, name{owner.ParentField + "." + f.name, f.typ, f.due})
		}
		out = append(out, name{owner.ParentField, catalog.Type{Sort: catalog.String}, false})
	}
	return out
}

func (g *gen) conditions(k *catalog.Kind) []string {
	var out []string
	for _, view := range g.Catalog.Views(k.Name) {
		for _, c := range view.Conditions {
			out = append(out, c.Name)
		}
	}
	return out
}

// Smaller are rules like r with less in them, the smallest first.
func (r *Rule) Smaller() []*Rule {
	out := slices.Clone(r.terms)
	for _, text := range r.plain {
		out = append(out, &Rule{Scope: r.Scope, text: text})
	}
	for i, term := range r.terms {
		if len(r.terms) > 2 {
			out = append(out, r.with(slices.Delete(slices.Clone(r.terms), i, i+1)))
		}
		for _, less := range term.Smaller() {
			terms := slices.Clone(r.terms)
			terms[i] = less
			out = append(out, r.with(terms))
		}
	}
	return out
}

func (r *Rule) with(terms []*Rule) *Rule {
	return &Rule{Scope: r.Scope, op: r.op, terms: terms}
}
