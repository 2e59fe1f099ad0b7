package rulefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
)

// ReadCatalog reads a file that declares a shop's own vocabulary on top of the
// base, which is not changed:
//
//	currency: USD
//	attributes:
//	  - {name: tier, type: enum, values: [gold, silver], doc: the tier of loyalty}
//	  - {name: last_login, type: instant, timing: latest}
//	kinds:
//	  - name: repairs
//	    time: at
//	    dimensions: {product: products}
//	    fields:
//	      - {name: at, type: instant, timing: timed}
//	      - {name: product, type: string}
//	      - {name: cost, type: money}
//	    conditions:
//	      - {name: costly, text: cost >= 100_000}
//	dimensions:
//	  - {name: products, fields: [{name: season, type: string}]}
//	measures:
//	  - {name: repaired, text: sum(repairs.cost)}
//	conditions:
//	  - {name: regular, text: orders(90d) >= 3}
//
// An attribute, measure or condition that the base has too is declared anew. A
// kind or dimension that the base has is extended: what the file says replaces
// what the base said, and fields and conditions are added, or declared anew.
//
// The currency defaults to the base's, and a money type's to that. The error is
// an *Error. Whether the texts fit their types is for package compile to say.
func ReadCatalog(name string, data []byte, base *catalog.Catalog) (*catalog.Catalog, error) {
	d, root := open(name, data)
	r := catalogReader{document: d, out: clone(base), at: map[string]source.Span{}}
	if root != nil {
		r.read(root)
	}
	if len(d.ds) == 0 {
		r.validate()
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return r.out, nil
}

type catalogReader struct {
	*document
	out *catalog.Catalog
	at  map[string]source.Span // of what was declared, by sort and name as Validate says it
}

// clone copies what ReadCatalog changes.
func clone(c *catalog.Catalog) *catalog.Catalog {
	out := *c
	out.Attributes = slices.Clone(c.Attributes)
	out.Kinds = slices.Clone(c.Kinds)
	for i := range out.Kinds {
		k := &out.Kinds[i]
		k.Dimensions = maps.Clone(k.Dimensions)
		k.Fields = slices.Clone(k.Fields)
		k.Conditions = slices.Clone(k.Conditions)
	}
	out.Dimensions = slices.Clone(c.Dimensions)
	for i := range out.Dimensions {
		out.Dimensions[i].Fields = slices.Clone(out.Dimensions[i].Fields)
	}
	out.Measures = slices.Clone(c.Measures)
	out.Conditions = slices.Clone(c.Conditions)
	return &out
}

func (r *catalogReader) read(root *yaml.Node) {
	r.currency(root)
	list := func(name string, read func(*yaml.Node, *names)) field {
		return field{name: name, read: func(n *yaml.Node) {
			seen := r.names()
			r.each(n, name, func(item *yaml.Node) { read(item, seen) })
		}}
	}
	r.mapping(root, "a catalog", []field{
		list("attributes", r.attribute),
		list("kinds", r.kind),
		list("dimensions", r.dimension),
		list("measures", r.measure),
		list("conditions", func(n *yaml.Node, seen *names) {
			r.condition(n, seen, "condition", &r.out.Conditions)
		}),
		{name: "currency", read: func(*yaml.Node) {}},
	})
}

// currency is read before the rest, wherever it stands: types default to it.
func (r *catalogReader) currency(root *yaml.Node) {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "currency" {
			r.code(&r.out.Currency)(root.Content[i+1])
		}
	}
}

// code reads a currency.
func (r *catalogReader) code(to *dangol.Currency) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var s string
		before := len(r.ds)
		if r.str(&s)(n); len(r.ds) > before {
			return
		}
		if _, ok := dangol.Currency(s).Digits(); !ok {
			r.fail(source.BadField, r.span(n), fmt.Sprintf("%q is not a currency of ISO 4217", s), "write three capitals such as KRW")
			return
		}
		*to = dangol.Currency(s)
	}
}

// entry reads a mapping that has a name, and remembers where.
func (r *catalogReader) entry(n *yaml.Node, seen *names, what string, name *string, fields []field) bool {
	at := r.span(n)
	all := append([]field{{name: "name", required: true, read: func(n *yaml.Node) {
		r.str(name)(n)
		at = r.span(n)
	}}}, fields...)
	article := "a "
	if strings.ContainsRune("aeiou", rune(what[0])) {
		article = "an "
	}
	before := len(r.ds)
	if !r.mapping(n, article+what, all) || *name == "" {
		return false
	}
	seen.add(what, *name, at)
	r.at[what+" "+*name] = at
	return len(r.ds) == before
}

// text reads a text of the rule language and checks its form.
func (r *catalogReader) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var rule Rule
		r.rule(&rule)(n)
		*to = strings.TrimSpace(rule.Text)
	}
}

var sorts = map[string]catalog.Sort{
	"bool": catalog.Bool, "number": catalog.Number, "money": catalog.Money, "string": catalog.String,
	"enum": catalog.Enum, "instant": catalog.Instant, "date": catalog.Date, "set": catalog.Set,
}

var timings = map[string]catalog.Timing{"current": catalog.Current, "latest": catalog.Latest, "timed": catalog.Timed}

// typeFields are the fields that make a type. They are put together by the
// function returned, once all are read.
func (r *catalogReader) typeFields(of *catalog.Type) ([]field, func()) {
	var sort string
	var scale int64
	var given catalog.Type
	fields := []field{
		{name: "type", read: r.one([]string{"bool", "number", "money", "string", "enum", "instant", "date", "set"}, &sort)},
		{name: "scale", read: r.number(&scale)},
		{name: "currency", read: r.code(&given.Currency)},
		{name: "values", read: r.texts("values", &given.Values)},
		{name: "folded", read: r.flag(&given.Folded)},
		{name: "max", read: r.number(&given.Max)},
	}
	return fields, func() {
		if sort == "" {
			return // the base's type stays
		}
		given.Sort, given.Scale = sorts[sort], int(min(scale, 99))
		if given.Sort == catalog.Money && given.Currency == "" {
			given.Currency = r.out.Currency
			if given.Currency == "" {
				given.Currency = dangol.KRW
			}
		}
		*of = given
	}
}

func (r *catalogReader) attribute(n *yaml.Node, seen *names) {
	var a catalog.Attribute
	var timing string
	fields, done := r.typeFields(&a.Type)
	fields = append(fields,
		field{name: "required", read: r.flag(&a.Required)},
		field{name: "due", read: r.flag(&a.Due)},
		field{name: "personal", read: r.flag(&a.Personal)},
		field{name: "login", read: r.flag(&a.Login)},
		field{name: "hidden", read: r.flag(&a.Hidden)},
		field{name: "timing", read: r.one([]string{"current", "latest", "timed"}, &timing)},
		field{name: "derived", read: r.text(&a.Derived)},
		field{name: "doc", read: r.str(&a.Doc)},
	)
	if !r.entry(n, seen, "attribute", &a.Name, fields) {
		return
	}
	i := slices.IndexFunc(r.out.Attributes, func(old catalog.Attribute) bool { return old.Name == a.Name })
	if i >= 0 {
		a.Type = r.out.Attributes[i].Type
		if a.Doc == "" {
			a.Doc = r.out.Attributes[i].Doc
		}
	}
	done()
	a.Timing = timings[timing]
	if a.Type.Sort == 0 {
		r.untyped(n, "attribute", a.Name)
		return
	}
	r.out.Attributes = put(r.out.Attributes, i, a)
}

func (r *catalogReader) untyped(n *yaml.Node, what, name string) {
	r.fail(source.MissingField, r.span(n), fmt.Sprintf("the %s %q needs the field %q", what, name, "type"),
		"it is one of bool, number, money, string, enum, instant, date, set")
}

// put replaces item i, or appends when there is none.
func put[T any](list []T, i int, item T) []T {
	if i < 0 {
		return append(list, item)
	}
	list[i] = item
	return list
}

func (r *catalogReader) fieldOf(n *yaml.Node, seen *names, to *[]catalog.Field) {
	var f catalog.Field
	var timing string
	fields, done := r.typeFields(&f.Type)
	fields = append(fields,
		field{name: "due", read: r.flag(&f.Due)},
		field{name: "hidden", read: r.flag(&f.Hidden)},
		field{name: "timing", read: r.one([]string{"current", "latest", "timed"}, &timing)},
		field{name: "derived", read: r.text(&f.Derived)},
		field{name: "doc", read: r.str(&f.Doc)},
	)
	if !r.entry(n, seen, "field", &f.Name, fields) {
		return
	}
	i := slices.IndexFunc(*to, func(old catalog.Field) bool { return old.Name == f.Name })
	if i >= 0 {
		f.Type = (*to)[i].Type
	}
	done()
	f.Timing = timings[timing]
	if f.Type.Sort == 0 {
		r.untyped(n, "field", f.Name)
		return
	}
	*to = put(*to, i, f)
}

func (r *catalogReader) fieldsOf(to *[]catalog.Field) field {
	return field{name: "fields", read: func(n *yaml.Node) {
		seen := r.names()
		r.each(n, "fields", func(item *yaml.Node) { r.fieldOf(item, seen, to) })
	}}
}

// named is the value of the field called name, so that an entry can start from
// what the base declares.
func named(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

func (r *catalogReader) kind(n *yaml.Node, seen *names) {
	var k catalog.Kind
	i := slices.IndexFunc(r.out.Kinds, func(old catalog.Kind) bool { return old.Name == named(n) })
	if i >= 0 {
		k = r.out.Kinds[i]
	}
	limit := int64(k.Max)
	ok := r.entry(n, seen, "kind", &k.Name, []field{
		{name: "base", read: r.str(&k.Base)},
		{name: "where", read: r.text(&k.Where)},
		{name: "where_hint", read: r.str(&k.WhereHint)},
		{name: "rows", read: r.str(&k.Rows)},
		{name: "time", read: r.str(&k.Time)},
		{name: "parent", read: r.str(&k.Parent)},
		{name: "parent_field", read: r.str(&k.ParentField)},
		{name: "dimensions", read: r.reaches(&k.Dimensions)},
		r.fieldsOf(&k.Fields),
		{name: "conditions", read: func(n *yaml.Node) {
			seen := r.names()
			r.each(n, "conditions", func(item *yaml.Node) { r.condition(item, seen, "condition of kind "+k.Name, &k.Conditions) })
		}},
		{name: "login", read: r.flag(&k.Login)},
		{name: "max", read: r.number(&limit)},
		{name: "doc", read: r.str(&k.Doc)},
	})
	if ok {
		k.Max = int(min(limit, 1<<31-1))
		r.out.Kinds = put(r.out.Kinds, i, k)
	}
}

// reaches reads which dimension each field points at.
func (r *catalogReader) reaches(to *map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			r.fail(source.BadField, r.span(n), "dimensions tells for a field what it points at", "write dimensions: {product: products}")
			return
		}
		if *to == nil {
			*to = map[string]string{}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			var by, dimension string
			r.str(&by)(n.Content[i])
			r.str(&dimension)(n.Content[i+1])
			(*to)[by] = dimension
		}
	}
}

func (r *catalogReader) dimension(n *yaml.Node, seen *names) {
	var dim catalog.Dimension
	i := slices.IndexFunc(r.out.Dimensions, func(old catalog.Dimension) bool { return old.Name == named(n) })
	if i >= 0 {
		dim = r.out.Dimensions[i]
	}
	ok := r.entry(n, seen, "dimension", &dim.Name, []field{
		r.fieldsOf(&dim.Fields),
		{name: "doc", read: r.str(&dim.Doc)},
	})
	if ok {
		r.out.Dimensions = put(r.out.Dimensions, i, dim)
	}
}

func (r *catalogReader) measure(n *yaml.Node, seen *names) {
	var m catalog.Measure
	if r.entry(n, seen, "measure", &m.Name, []field{
		{name: "text", required: true, read: r.text(&m.Text)},
		{name: "doc", read: r.str(&m.Doc)},
	}) {
		i := slices.IndexFunc(r.out.Measures, func(old catalog.Measure) bool { return old.Name == m.Name })
		r.out.Measures = put(r.out.Measures, i, m)
	}
}

func (r *catalogReader) condition(n *yaml.Node, seen *names, what string, to *[]catalog.Condition) {
	var c catalog.Condition
	if r.entry(n, seen, what, &c.Name, []field{
		{name: "text", required: true, read: r.text(&c.Text)},
		{name: "doc", read: r.str(&c.Doc)},
	}) {
		i := slices.IndexFunc(*to, func(old catalog.Condition) bool { return old.Name == c.Name })
		*to = put(*to, i, c)
	}
}

// validate shows each error of the catalog's own checks at the declaration that
// it is about.
func (r *catalogReader) validate() {
	err := r.out.Validate()
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		r.fail(source.BadDeclaration, r.declaration(line), line, "")
	}
}

// declaration is where the file declares what the message is about: the longest
// sort and name that it starts with, or else a name that it has in quotes.
func (r *catalogReader) declaration(message string) source.Span {
	var best, quoted string
	subject := strings.ReplaceAll(message, `"`, "")
	for what := range r.at {
		_, name, _ := strings.Cut(what, " ")
		if strings.HasPrefix(subject, what) && len(what) > len(best) {
			best = what
		}
		if strings.Contains(message, `"`+name+`"`) && what > quoted {
			quoted = what
		}
	}
	if best == "" {
		best = quoted
	}
	return r.at[best]
}
