package eval

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Explanation is why a plan selects a customer, or does not, and until when.
type Explanation struct {
	Customer dangol.CustomerID `json:"customer"`
	AsOf     time.Time         `json:"as_of"` // in the shop's zone
	Scope    plan.Scope        `json:"scope"`
	// Exists tells whether the customer belongs to the population. Answer is false
	// without that, whatever the rule says.
	Exists bool   `json:"exists"`
	Answer bool   `json:"answer"`
	Next   Change `json:"next,omitzero"`
	// Current names what the rule reads only as it is today, sorted: for an as-of in
	// the past the explanation is of today's values, and so is not exact.
	Current []string `json:"current,omitempty"`
	Root    *Clause  `json:"rule"`
}

// Clause is a part of the rule with its answer.
type Clause struct {
	Op     string      `json:"op,omitempty"`   // "and", "or", "not", or "" for a single test
	Text   string      `json:"text,omitempty"` // the author's words, where the rule has them
	Span   source.Span `json:"span"`           // of Text in the rule
	Answer bool        `json:"answer"`
	Next   Change      `json:"next,omitzero"`
	Facts  []Fact      `json:"facts,omitempty"`   // of a single test: what it looked at
	Terms  []*Clause   `json:"clauses,omitempty"` // in the order of the rule

	test plan.Test
}

// Fact is a value that a test looked at.
type Fact struct {
	Name   string `json:"name"`             // such as points, or sum(all_orders.total)
	Value  string `json:"value"`            // for people, in English; "" when Hidden
	Known  bool   `json:"known"`            // whether there is a value
	Hidden bool   `json:"hidden,omitempty"` // whether ExplainOptions.Mask hides it
	// Records are the keys of the records behind an aggregate, at most
	// ExplainOptions.Keys of Count, ordered by their stamps, the latest first. Of
	// first, last, min and max they are those that have the value.
	Records []string `json:"records,omitempty"`
	Count   int      `json:"count,omitempty"`

	expr  plan.Expr // nil for the cut of a rank
	value value
	typ   catalog.Type
}

// ExplainOptions are what an explanation shows. The zero value shows everything.
type ExplainOptions struct {
	// Mask tells which attributes are not to be shown, such as personal ones: see
	// Personal. Answers that rest on them are shown. Defaults to showing all.
	Mask func(attribute string) bool
	// Keys is how many keys of records a fact lists. Defaults to 10.
	Keys int
}

// Personal masks the attributes that the catalog declares personal.
func Personal(cat *catalog.Catalog) func(attribute string) bool {
	return func(name string) bool {
		a, ok := cat.Attribute(name)
		return ok && a.Personal
	}
}

// Explain tells why Eval gives its answer: every clause with its own answer, what
// it looked at, and when it would next change with no new data. The errors are
// those of Eval.
func Explain(p *plan.Plan, c *Customer, env Env, o ExplainOptions) (*Explanation, error) {
	if p == nil || c == nil || !isScope(p.Scope) {
		return nil, ErrPlan
	}
	o.Keys = cmp.Or(o.Keys, 10)
	x := explainer{future: newFuture(newMachine(c, env)), text: p.Text, opts: o}
	env = x.now.env
	followed := x.follow(p.Root)
	answers := x.inPopulation(p.Scope, followed.answers)
	e := &Explanation{
		Customer: c.ID, AsOf: env.AsOf.In(env.Zone), Scope: cmp.Or(p.Scope, plan.Members),
		Exists: Exists(c, p.Scope, env), Answer: answers[0].is, Next: x.next(answers, p.Root),
		Current: p.Current, Root: x.clause(followed),
	}
	if err := x.now.err(); err != nil {
		return nil, err
	}
	return e, nil
}

type explainer struct {
	*future
	text string
	opts ExplainOptions
}

func (x *explainer) clause(c *clause) *Clause {
	out := &Clause{Span: c.test.Span(), Answer: c.answers[0].is, Next: x.next(c.answers, c.test), test: c.test}
	if s := out.Span; 0 <= s.Start && s.Start < s.End && s.End <= len(x.text) {
		out.Text = x.text[s.Start:s.End]
	}
	switch c.test.(type) {
	case *plan.And:
		out.Op = "and"
	case *plan.Or:
		out.Op = "or"
	case *plan.Not:
		out.Op = "not"
	default:
		out.Facts = x.facts(c.test)
	}
	for _, term := range c.terms {
		out.Terms = append(out.Terms, x.clause(term))
	}
	slices.SortStableFunc(out.Terms, func(a, b *Clause) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	return out
}

// facts are what a single test looks at, each once, what is computed before what
// it is computed from.
func (x *explainer) facts(t plan.Test) []Fact {
	var out []Fact
	var add func(e plan.Expr)
	window := func(w plan.Window) {
		for _, b := range []plan.Bound{w.From, w.To} {
			if b.Kind == plan.Moment {
				add(b.Moment)
			}
		}
	}
	add = func(e plan.Expr) {
		if slices.ContainsFunc(out, func(f Fact) bool { return f.expr == e }) {
			return
		}
		switch n := e.(type) {
		case *plan.Literal:
		case *plan.Times:
			add(n.X)
		case *plan.Arith:
			out = append(out, x.fact(e))
			add(n.L)
			add(n.R)
		case *plan.Product:
			out = append(out, x.fact(e))
			add(n.X)
			add(n.Y)
		case *plan.Quotient:
			out = append(out, x.fact(e))
			add(n.A)
			add(n.B)
		case *plan.Aggregate:
			out = append(out, x.fact(e))
			window(n.Window)
		default:
			out = append(out, x.fact(e))
		}
	}
	switch n := t.(type) {
	case *plan.Compare:
		add(n.L)
		add(n.R)
	case *plan.Same:
		add(n.L)
		add(n.R)
	case *plan.OneOf:
		add(n.X)
	case *plan.Has:
		add(n.X)
	case *plan.Like:
		add(n.X)
	case *plan.Truth:
		add(n.X)
	case *plan.Known:
		add(n.X)
	case *plan.During:
		add(n.X)
		window(n.Window)
	case *plan.Recurs:
		add(n.X)
		window(n.Window)
	case *plan.Rank:
		add(n.X)
		out = append(out, x.cut(n))
	}
	return out
}

func (x *explainer) fact(e plan.Expr) Fact {
	m := x.at(x.start)
	f := Fact{Name: label(e), expr: e, typ: e.Type(), value: m.value(e, nil)}
	f.Known = f.value.known()
	if f.Hidden = x.masked(e); !f.Hidden {
		f.Value = f.show(x.now.env.Zone, English)
	}
	if a, ok := e.(*plan.Aggregate); ok {
		f.Records, f.Count = x.behind(a, f.value)
	}
	return f
}

// cut is what a rank is tested against.
func (x *explainer) cut(r *plan.Rank) Fact {
	cut := x.now.env.Cuts[RankKey(r)]
	f := Fact{Name: "cut", typ: r.X.Type(), Known: !cut.Empty, Hidden: x.masked(r.X)}
	if f.Known {
		f.value = value{num: new(big.Rat).SetInt64(cut.Value)}
		switch f.typ.Sort {
		case catalog.Date:
			f.value = value{plain: catalog.DateValue(cut.Value)}
		case catalog.Instant:
			f.value = value{plain: catalog.InstantValue(cut.Value)}
		}
	}
	if !f.Hidden {
		f.Value = f.show(x.now.env.Zone, English)
	}
	return f
}

// masked tells whether a value rests on an attribute that is not to be shown.
func (x *explainer) masked(e plan.Expr) bool {
	if x.opts.Mask == nil {
		return false
	}
	found := false
	plan.Walk(e, func(n plan.Node) bool {
		switch a := n.(type) {
		case *plan.Attr:
			found = found || x.opts.Mask(a.Name)
		case *plan.Aggregate:
			// What an aggregate tells of the customer's attributes is which records it
			// selects, and that is an answer.
			if a.Of != nil {
				found = found || x.masked(a.Of)
			}
			return false
		}
		return !found
	})
	return found
}

// behind are the keys of the records that gave an aggregate its value.
func (x *explainer) behind(a *plan.Aggregate, v value) (keys []string, count int) {
	hits, _ := x.now.selected(a, nil)
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.stamp, b.stamp) })
	switch a.Fn {
	case plan.First:
		hits = hits[:min(1, len(hits))]
	case plan.Last:
		hits = hits[max(0, len(hits)-1):]
	case plan.Min, plan.Max:
		hits = slices.DeleteFunc(hits, func(h hit) bool { return !h.of.equal(v) })
	}
	for _, h := range slices.Backward(hits) {
		if len(keys) == x.opts.Keys {
			break
		}
		keys = append(keys, h.record.Key)
	}
	return keys, len(hits)
}

// show writes a fact's value for people.
func (f *Fact) show(zone *time.Location, lang Lang) string {
	if q, ok := f.expr.(*plan.Quotient); ok && f.value.num != nil && isPart(q) {
		hundred := new(big.Rat).Mul(f.value.num, big.NewRat(100, 1))
		return display(value{num: hundred}, f.typ, zone, lang) + "%"
	}
	return display(f.value, f.typ, zone, lang)
}

// label is a short name of a value, the same in every language.
func label(e plan.Expr) string {
	switch n := e.(type) {
	case *plan.Attr:
		return n.Name
	case *plan.Field:
		return n.Kind + "." + cmp.Or(n.Name, "key")
	case *plan.Aggregate:
		text := string(n.Fn) + "(" + n.Kind
		if f, ok := n.Of.(*plan.Field); ok {
			text += "." + cmp.Or(f.Name, "key")
		}
		if n.Stamp != nil && formOf(n.Window) != spanAlways {
			text += ", " + n.Window.String()
		}
		if n.Where != nil {
			text += ", where ..."
		}
		return text + ")"
	case *plan.Literal:
		return n.Value.String()
	case *plan.Times:
		return label(n.X) + " * " + strconv.FormatInt(n.By, 10)
	case *plan.Arith:
		return label(n.L) + " " + string(n.Op) + " " + label(n.R)
	case *plan.Product:
		return label(n.X) + " * " + label(n.Y)
	case *plan.Quotient:
		return label(n.A) + " / " + label(n.B)
	}
	return "value"
}
