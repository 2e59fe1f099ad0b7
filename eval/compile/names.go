package compile

import (
	"strings"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// customerWord stands, inside where, before the name of an attribute.
const customerWord = "customer"

func nameOf(path []dsl.Name) string {
	if len(path) == 1 {
		return path[0].Text
	}
	var b strings.Builder
	for i, p := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// ref reads a name, called or not. Outside where it means, in this order, an
// attribute, a kind, a measure, a condition, or where it is called a function;
// the catalog keeps these apart.
func (c *checker) ref(r *dsl.Ref) value {
	name := nameOf(r.Path)
	if c.record != nil {
		return c.recordRef(r, name)
	}
	at := c.span(r.Span())
	if a, ok := c.words.attributes[name]; ok && (!r.Called || functions[name] == nil) {
		if r.Called {
			c.errNotCallable(c.span(r.Span()), name, "an attribute")
			return value{}
		}
		return c.attribute(a, at)
	}
	if k, ok := c.words.kinds[name]; ok {
		return c.count(k, r)
	}
	if p, ok := c.words.measures[name]; ok {
		return c.measure(p, r)
	}
	if p, ok := c.words.conditions[name]; ok {
		if r.Called {
			c.errNotCallable(at, name, "a condition")
			return value{}
		}
		return c.condition(p, at, nil)
	}
	if r.Called {
		if call := functions[name]; call != nil {
			return call(c, r, name)
		}
	}
	if k, f := c.kindField(r.Path); k != nil {
		c.errNeedsAggregate(c.span(r.NameSpan), k, f)
		return value{}
	}
	c.errUnknown(r, name)
	return value{}
}

// kindField takes orders.total apart: the kind, and the name of its field.
func (c *checker) kindField(path []dsl.Name) (*kind, string) {
	if len(path) < 2 {
		return nil, ""
	}
	k, ok := c.words.kinds[path[0].Text]
	if !ok {
		return nil, ""
	}
	return k, nameOf(path[1:])
}

func (c *checker) attribute(a *attribute, at source.Span) value {
	if a.Hidden && !c.quoting {
		c.errNotSegmentable(at, a.Name)
		return value{}
	}
	if a.Login && c.opts.Scope == plan.Guests {
		c.errNeedsLogin(at, a.Name)
		return value{}
	}
	if a.derived != nil {
		var out value
		c.enter(a.derived, at, nil, nil, func() {
			if got := c.value(a.derived.rule.Expr); got.form != broken {
				out = c.declared(got, a.Type, a.derived.rule.Expr.Span())
			}
		})
		out.span, out.records = at, false
		return out
	}
	e := &plan.Attr{
		At: plan.At{Source: at}, Typed: plan.Typed{Of: a.Type}, Name: a.Name,
		Due: a.Due, Latest: a.Timing == catalog.Latest, Login: a.Login,
	}
	nullable := !a.Required || a.Login && c.opts.Scope != plan.Members
	return stored(e, a.Type, a.Due, nullable, at)
}

// condition is a named test, read in the place of its name.
func (c *checker) condition(p *phrase, at source.Span, rec *record) value {
	var test plan.Test
	if !c.enter(p, at, rec, nil, func() { test = c.test(p.rule.Expr) }) {
		return value{}
	}
	return value{form: condition, test: test, span: at}
}

// recordRef reads a name inside where: a field of the record, of a dimension it
// reaches, a condition of its kind, then the same of its parent; the customer's
// attributes only as customer.city.
func (c *checker) recordRef(r *dsl.Ref, name string) value {
	at := c.span(r.Span())
	if r.Called {
		if v, done := c.recordCall(r, name, at); done {
			return v
		}
	}
	if v, ok := c.recordName(*c.record, name, at); ok {
		return v
	}
	if len(r.Path) > 1 && r.Path[0].Text == customerWord {
		return c.customer(r, nameOf(r.Path[1:]), at)
	}
	c.errUnknownInWhere(r, name)
	return value{}
}

// recordCall deals with what is called inside where. It is not done where the
// name alone is to be looked up.
func (c *checker) recordCall(r *dsl.Ref, name string, at source.Span) (v value, done bool) {
	if name == "anniversary" {
		return callAnniversary(c, r, name), true
	}
	_, isKind := c.words.kinds[name]
	_, isMeasure := c.words.measures[name]
	if isKind || isMeasure || functions[name] != nil || name == "count" {
		c.errNotInWhere(at, name)
		return value{}, true
	}
	if _, ok := c.recordName(*c.record, name, at); ok {
		c.errNotCallable(at, name, "a field")
		return value{}, true
	}
	return value{}, false
}

// recordName finds a name at a level of records or above it.
func (c *checker) recordName(rec record, name string, at source.Span) (value, bool) {
	k := rec.kind
	if f, ok := k.fields[name]; ok {
		return c.field(rec, f, at), true
	}
	if p, ok := k.conditions[name]; ok {
		return c.condition(p, at, &rec), true
	}
	if k.parent == nil {
		return value{}, false
	}
	above := record{k.parent, rec.up + 1}
	if rest, ok := strings.CutPrefix(name, k.owner.ParentField+"."); ok {
		return c.recordName(above, rest, at)
	}
	return c.recordName(above, name, at)
}

func (c *checker) field(rec record, f *field, at source.Span) value {
	switch {
	case f.ambiguous != nil:
		c.errAmbiguous(at, f.ambiguous)
		return value{}
	case f.Hidden && !c.quoting:
		c.errNotSegmentable(at, f.Field.Name)
		return value{}
	case f.derived != nil:
		var out value
		c.enter(f.derived, at, &rec, nil, func() {
			if got := c.value(f.derived.rule.Expr); got.form != broken {
				out = c.declared(got, f.Type, f.derived.rule.Expr.Span())
			}
		})
		out.span = at
		return out
	}
	owner := rec.kind.owner
	for range f.up {
		owner = owner.parent.owner
	}
	e := &plan.Field{
		At: plan.At{Source: at}, Typed: plan.Typed{Of: f.Type},
		Kind: owner.Name, Up: rec.up + f.up, Name: f.name, Due: f.Due,
	}
	return stored(e, f.Type, f.Due, true, at)
}

// customer is an attribute of the record's customer. One that is computed over
// records would be an aggregate inside where.
func (c *checker) customer(r *dsl.Ref, name string, at source.Span) value {
	a, ok := c.words.attributes[name]
	if !ok {
		c.errUnknownAttribute(r, name)
		return value{}
	}
	saved := c.record
	c.record = nil
	v := c.attribute(a, at)
	c.record = saved
	if v.expr != nil && aggregates(v.expr) || v.quot != nil {
		c.errNotInWhere(at, name)
		return value{}
	}
	return v
}

// aggregates tells whether an expression reads records of its own.
func aggregates(e plan.Expr) bool {
	found := false
	plan.Walk(e, func(n plan.Node) bool {
		if _, ok := n.(*plan.Aggregate); ok {
			found = true
		}
		return !found
	})
	return found
}
