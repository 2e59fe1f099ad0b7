package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
)

// Names that mean nothing where they stand, and what they were probably meant to
// be: the messages of this file belong with those of messages.go.

// nearest names the nearest candidate.
func (c *checker) nearest(d source.Diagnostic, at source.Span, word string, candidates []string) {
	if best, ok := source.Closest(word, candidates); ok {
		d.Hint, d.Fix = "did you mean "+best+"?", &source.Fix{Span: at, New: best}
	}
	c.tell(d)
}

// suggest does the same for a name that was not called. Beside text, one that is
// near to none was probably meant to be text too.
func (c *checker) suggest(d source.Diagnostic, r *dsl.Ref, candidates []string) {
	word := nameOf(r.Path)
	_, near := source.Closest(word, candidates)
	besideText := c.beside != nil && (c.beside.form == text || c.beside.form == set)
	if besideText && !r.Called && len(r.Path) == 1 && (!near || c.listedBeside(word)) {
		d.Hint, d.Fix = fmt.Sprintf("text stands in quotes: %q", word), &source.Fix{Span: d.Span, New: strconv.Quote(word)}
		c.tell(d)
		return
	}
	c.nearest(d, d.Span, word, candidates)
}

// listedBeside tells whether the catalog lists a word as a value of what it is
// compared with.
func (c *checker) listedBeside(word string) bool {
	return c.beside != nil && slices.Contains(c.beside.typ.Values, word)
}

func (c *checker) errUnknown(r *dsl.Ref, name string) {
	at := c.span(r.NameSpan)
	d := source.Diagnostic{Code: source.UnknownName, Span: at}
	if name == "count" {
		d.Message, d.Hint = "there is no count: a kind of records by itself is their number", "write orders(7d) >= 3"
		c.tell(d)
		return
	}
	if r.Called {
		d.Message = fmt.Sprintf("no record, measure or function is called %q", name)
		c.nearest(d, at, name, append(c.words.callable(), functionNames...))
		return
	}
	d.Message = fmt.Sprintf("no attribute or record is called %q", name)
	if _, ok := c.words.kinds[name+"s"]; ok {
		d.Hint, d.Fix = "did you mean "+name+"s?", &source.Fix{Span: at, New: name + "s"}
		c.tell(d)
		return
	}
	if rest, ok := strings.CutPrefix(name, customerWord+"."); ok && c.words.attributes[rest] != nil {
		d.Hint, d.Fix = "outside where, the customer's "+rest+" is just "+rest, &source.Fix{Span: at, New: rest}
		c.tell(d)
		return
	}
	if k := c.words.having(name); k != nil && !c.listedBeside(name) {
		d.Hint = fmt.Sprintf("%s belongs to %s: it stands inside where, as in %s(where %s)", name, k.Name, k.Name, example(k, name))
		c.tell(d)
		return
	}
	c.suggest(d, r, c.words.top)
}

// example is a test of a record's name that would be right.
func example(k *kind, name string) string {
	f, ok := k.fields[name]
	if !ok {
		return name
	}
	switch f.Type.Sort {
	case catalog.Number, catalog.Money:
		return name + " >= ..."
	case catalog.Bool:
		return name
	case catalog.Set:
		return name + " contains ..."
	case catalog.Instant, catalog.Date:
		return name + " within ..."
	}
	return name + " = ..."
}

func (c *checker) errUnknownInWhere(r *dsl.Ref, name string) {
	at := c.span(r.NameSpan)
	k := c.record.kind
	d := source.Diagnostic{Code: source.UnknownName, Span: at, Message: fmt.Sprintf("a record of %s has nothing called %q", k.Name, name)}
	if _, ok := c.words.attributes[name]; ok {
		d.Hint, d.Fix = "inside where, the customer's "+name+" is written customer."+name, &source.Fix{Span: at, New: customerWord + "." + name}
		c.tell(d)
		return
	}
	if rest, ok := strings.CutPrefix(name, k.Name+"."); ok {
		if _, ok := c.recordName(record{kind: k}, rest, at); ok {
			d.Hint, d.Fix = "inside where, a field stands alone: "+rest, &source.Fix{Span: at, New: rest}
			c.tell(d)
			return
		}
	}
	if c.words.kinds[name] != nil || c.words.measures[name] != nil {
		c.errNotInWhere(at, name)
		return
	}
	c.suggest(d, r, k.visible())
}

func (c *checker) errUnknownAttribute(r *dsl.Ref, name string) {
	at := c.span(r.NameSpan)
	d := source.Diagnostic{Code: source.UnknownName, Span: at, Message: fmt.Sprintf("a customer has no attribute called %q", name)}
	if best, ok := source.Closest(name, c.words.top); ok && c.words.attributes[best] != nil {
		d.Hint, d.Fix = "did you mean customer."+best+"?", &source.Fix{Span: at, New: customerWord + "." + best}
	}
	c.tell(d)
}

func (c *checker) errUnknownField(r *dsl.Ref, k *kind, name string) {
	at := c.span(r.NameSpan)
	d := source.Diagnostic{Code: source.UnknownName, Span: at, Message: fmt.Sprintf("%s has no field called %q", k.Name, name)}
	if best, ok := source.Closest(name, k.visible()); ok {
		d.Hint, d.Fix = fmt.Sprintf("did you mean %s.%s?", k.Name, best), &source.Fix{Span: at, New: k.Name + "." + best}
	}
	c.tell(d)
}

func (c *checker) errUnknownSubject(r *dsl.Ref, function string) {
	at := c.span(r.NameSpan)
	name := nameOf(r.Path)
	d := source.Diagnostic{Code: source.UnknownName, Span: at, Message: fmt.Sprintf("%s looks at records, and none are called %q", function, r.Path[0].Text)}
	switch {
	case c.words.attributes[name] != nil:
		d.Code, d.Message = source.BadCall, fmt.Sprintf("%s looks at records, and %s is an attribute of the customer", function, name)
		d.Hint = "the attribute stands alone: " + name
	case c.words.measures[name] != nil:
		d.Code, d.Message = source.BadCall, fmt.Sprintf("%s looks at records, and %s is a measure", function, name)
		d.Hint = "a measure is a value already: " + name + "(365d)"
	case len(r.Path) == 1 && c.words.having(name) != nil:
		k := c.words.having(name)
		d.Hint, d.Fix = fmt.Sprintf("did you mean %s.%s?", k.Name, name), &source.Fix{Span: at, New: k.Name + "." + name}
	default:
		kinds := c.words.kindNames()
		if best, ok := source.Closest(r.Path[0].Text, kinds); ok {
			d.Hint, d.Fix = "did you mean "+best+"?", &source.Fix{Span: c.span(r.Path[0].At), New: best}
		}
	}
	c.tell(d)
}

func (c *checker) errNeedsAggregate(at source.Span, k *kind, field string) {
	d := source.Diagnostic{Code: source.NeedsAggregate, Span: at,
		Message: fmt.Sprintf("a customer has many %s, and so no single %s", k.Name, field)}
	f, ok := k.fields[field]
	switch {
	case !ok:
		d.Code, d.Message = source.UnknownName, fmt.Sprintf("%s has no field called %q", k.Name, field)
		if best, ok := source.Closest(field, k.visible()); ok {
			d.Hint = fmt.Sprintf("did you mean %s?", best)
		}
	case f.Type.Sort == catalog.Number || f.Type.Sort == catalog.Money:
		d.Hint = fmt.Sprintf("write sum(%s.%s), avg, min, max, first or last", k.Name, field)
	default:
		d.Hint = fmt.Sprintf("write last(%s.%s), or a filter: %s(where %s)", k.Name, field, k.Name, example(k, field))
	}
	c.tell(d)
}
