package compile

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// CatalogError is part of New's error where a text of the catalog cannot be used.
type CatalogError struct {
	Of          string // what the text belongs to, such as "measure spent"
	Text        string
	Diagnostics source.Diagnostics
}

func (e *CatalogError) Error() string {
	return strings.TrimSuffix(source.Render(e.Of, e.Text, e.Diagnostics), "\n")
}

// vocabulary is a catalog, indexed by name, with its texts parsed.
type vocabulary struct {
	attributes map[string]*attribute
	kinds      map[string]*kind
	measures   map[string]*phrase
	conditions map[string]*phrase
	top        []string // what may stand at the top of a rule, in the catalog's order
	order      []*kind
}

// phrase is a text of the catalog.
type phrase struct {
	of   string // attribute last_login
	name string
	rule *dsl.Rule
}

type attribute struct {
	*catalog.Attribute
	derived *phrase // nil for what stores hold
}

// kind is a kind of records with all that it takes over from its base.
type kind struct {
	*catalog.Kind
	base, owner *kind
	parent      *kind // of the owner
	fields      map[string]*field
	conditions  map[string]*phrase
	where       *phrase
	hint        string
	stamp       *plan.Field // nil for an untimed kind
	dated       *plan.Field // what windows test in an untimed kind, or nil
	limits      []limit
	login       bool
}

// field is a name that stands for a value of a record.
type field struct {
	*catalog.Field
	name      string // as plans name it; "" for the key of the record itself
	up        int    // 1 for the parent's key
	derived   *phrase
	ambiguous []string // the full names that a short one could mean
}

// limit is a test that records of a kind meet by being of it, and what to tell
// an author who asks for those that do not.
type limit struct {
	test plan.Test
	hint string
	kind string
}

// reader collects what is wrong with a catalog.
type reader struct {
	words *vocabulary
	errs  []error
}

func read(cat *catalog.Catalog) (*vocabulary, error) {
	v := &vocabulary{
		attributes: map[string]*attribute{}, kinds: map[string]*kind{},
		measures: map[string]*phrase{}, conditions: map[string]*phrase{},
	}
	r := &reader{words: v}
	for i := range cat.Attributes {
		a := &attribute{Attribute: &cat.Attributes[i]}
		a.derived = r.phrase("attribute "+a.Name, a.Name, a.Derived)
		v.attributes[a.Name] = a
		if !a.Hidden {
			v.top = append(v.top, a.Name)
		}
	}
	for i := range cat.Kinds {
		k := &kind{Kind: &cat.Kinds[i]}
		v.kinds[k.Name] = k
		v.order = append(v.order, k)
		v.top = append(v.top, k.Name)
	}
	for _, k := range v.order {
		r.link(cat, k)
	}
	for _, k := range v.order {
		r.stamps(cat, k)
	}
	for _, m := range cat.Measures {
		v.measures[m.Name] = r.phrase("measure "+m.Name, m.Name, m.Text)
		v.top = append(v.top, m.Name)
	}
	for _, m := range cat.Conditions {
		v.conditions[m.Name] = r.phrase("condition "+m.Name, m.Name, m.Text)
		v.top = append(v.top, m.Name)
	}
	if len(r.errs) == 0 {
		r.check(cat)
	}
	return v, errors.Join(r.errs...)
}

// phrase parses a text, nil for none.
func (r *reader) phrase(of, name, text string) *phrase {
	if text == "" {
		return nil
	}
	rule, err := dsl.Parse(text)
	if err != nil {
		ds, _ := err.(source.Diagnostics)
		r.errs = append(r.errs, &CatalogError{of, text, ds})
		return nil
	}
	return &phrase{of, name, rule}
}

// link finds base, owner and parent of a kind, and everything that a record of
// it may be asked for.
func (r *reader) link(cat *catalog.Catalog, k *kind) {
	v := r.words
	chain := cat.Views(k.Name)
	k.owner = v.kinds[chain[len(chain)-1].Name]
	k.base = v.kinds[k.Base]
	k.where = r.phrase("where of kind "+k.Name, k.Name, k.Where)
	k.hint = k.WhereHint
	k.parent = v.kinds[k.owner.Parent]
	k.fields, k.conditions = map[string]*field{}, map[string]*phrase{}
	for _, view := range slices.Backward(chain) {
		k.login = k.login || view.Login
		for i := range view.Fields {
			f := &view.Fields[i]
			k.fields[f.Name] = &field{Field: f, name: f.Name, derived: r.phrase("field "+f.Name+" of kind "+view.Name, f.Name, f.Derived)}
			delete(k.conditions, f.Name)
		}
		for _, c := range view.Conditions {
			k.conditions[c.Name] = r.phrase("condition "+c.Name+" of kind "+view.Name, c.Name, c.Text)
			delete(k.fields, c.Name)
		}
	}
	owner := k.owner
	if owner.ParentField != "" {
		key := &catalog.Field{Name: owner.ParentField, Type: catalog.Type{Sort: catalog.String}, Timing: catalog.Timed}
		k.fields[key.Name] = &field{Field: key, up: 1}
	}
	for _, reach := range cat.Reached(owner.Kind) {
		long := &field{Field: reach.Field, name: reach.Name, derived: r.phrase("field "+reach.Field.Name+" of dimension "+reach.Dimension, reach.Name, reach.Field.Derived)}
		k.fields[reach.Name] = long
		short := reach.Field.Name
		if k.conditions[short] != nil {
			continue
		}
		switch before, taken := k.fields[short]; {
		case !taken:
			k.fields[short] = long
		case before.name != short:
			k.fields[short] = &field{Field: reach.Field, ambiguous: append(names(before), reach.Name)}
		}
	}
}

func names(f *field) []string {
	if f.ambiguous != nil {
		return f.ambiguous
	}
	return []string{f.name}
}

// stamps finds the time of a kind's records.
func (r *reader) stamps(cat *catalog.Catalog, k *kind) {
	var time, dated string
	for view := k; view != nil && time == ""; view = view.base {
		time = view.Time
		if dated == "" {
			dated = view.Dated
		}
	}
	if time != "" {
		k.stamp = k.path(time)
	} else if dated != "" {
		k.dated = k.path(dated)
	}
}

// path is a stored field by its name or by its way through parents. Validate has
// seen to it that there is one.
func (k *kind) path(path string) *plan.Field {
	for up, at := 0, k; at != nil; up, at = up+1, at.parent {
		if f, ok := at.fields[path]; ok {
			return &plan.Field{Typed: plan.Typed{Of: f.Type}, Kind: at.owner.Name, Up: up + f.up, Name: f.name, Due: f.Due}
		}
		path = strings.TrimPrefix(path, at.owner.ParentField+".")
	}
	return nil
}

// check reads every text once by itself. Views come first, since what records
// there are is part of every aggregate.
func (r *reader) check(cat *catalog.Catalog) {
	v := r.words
	for _, k := range v.order {
		if k.where != nil {
			r.alone(k.where, func(c *checker) {
				c.record = &record{kind: k.base}
				c.test(k.where.rule.Expr)
			})
		}
	}
	if len(r.errs) > 0 {
		return
	}
	for _, k := range v.order {
		c := newChecker(v, "", Options{})
		c.quoting = true
		k.limits = c.limits(k, 0)
	}
	for _, k := range v.order {
		for i := range k.Kind.Fields {
			f := k.fields[k.Kind.Fields[i].Name]
			if f != nil && f.derived != nil {
				r.derived(f.derived, f.Type, &record{kind: k})
			}
		}
		for _, decl := range k.Kind.Conditions {
			if p := k.conditions[decl.Name]; p != nil {
				r.alone(p, func(c *checker) {
					c.record = &record{kind: k}
					c.test(p.rule.Expr)
				})
			}
		}
		for name, f := range k.fields {
			if k.base == nil && f.derived != nil && strings.Contains(name, ".") && f.name == name && !isOwn(k, name) {
				r.derived(f.derived, f.Type, &record{kind: k})
			}
		}
	}
	for _, a := range cat.Attributes {
		if p := v.attributes[a.Name].derived; p != nil {
			r.derived(p, a.Type, nil)
		}
	}
	for _, m := range cat.Measures {
		p := v.measures[m.Name]
		r.alone(p, func(c *checker) {
			val := c.value(p.rule.Expr)
			if val.form != number && val.form != broken {
				c.errMeasure(p.rule.Expr.Span(), val)
			}
			if val.form == number && !val.aggregated {
				c.errMeasureWithoutRecords(p.rule.Expr.Span())
			}
		})
	}
	for _, m := range cat.Conditions {
		p := v.conditions[m.Name]
		r.alone(p, func(c *checker) { c.test(p.rule.Expr) })
	}
}

func isOwn(k *kind, name string) bool {
	_, own := k.Kind.Field(name)
	return own
}

// derived checks that a text gives a value of the declared type.
func (r *reader) derived(p *phrase, declared catalog.Type, rec *record) {
	r.alone(p, func(c *checker) {
		c.record = rec
		got := c.value(p.rule.Expr)
		if got.form != broken {
			c.declared(got, declared, p.rule.Expr.Span())
		}
	})
}

// alone runs the check of one text, by itself.
func (r *reader) alone(p *phrase, check func(*checker)) {
	c := newChecker(r.words, p.rule.Text, Options{})
	c.reading = []*phrase{p}
	check(c)
	if ds := c.diagnostics(); ds.HasErrors() {
		ds = slices.DeleteFunc(ds, func(d source.Diagnostic) bool { return d.Severity != source.Error })
		r.errs = append(r.errs, &CatalogError{p.of, p.rule.Text, ds})
	}
}

// limits are the tests that records of a kind meet by being of it: the filters of
// its views, and that their parents exist. They have no place in any rule's text.
func (c *checker) limits(k *kind, up int) []limit {
	var out []limit
	for view := k; view != nil; view = view.base {
		if view.where == nil {
			continue
		}
		c.enter(view.where, source.Span{}, &record{view.base, up}, nil, func() {
			out = append(out, limit{c.test(view.where.rule.Expr), view.hint, view.Name})
		})
	}
	if k.parent == nil {
		return out
	}
	out = append(out, c.limits(k.parent, up+1)...)
	if k.stamp != nil && k.stamp.Up > 0 && up == 0 {
		return out // the stamp is the parent's: known only where there is a parent
	}
	present := &plan.Field{Typed: plan.Typed{Of: catalog.Type{Sort: catalog.String}}, Kind: k.parent.owner.Name, Up: up + 1}
	if stamp := k.parent.stamp; stamp != nil {
		lifted := *stamp
		lifted.Up += up + 1
		present = &lifted
	}
	return append(out, limit{test: &plan.Known{X: present}, kind: k.Name})
}

// reads lists the groups and the current names that a plan reads, both sorted.
func (v *vocabulary) reads(root plan.Test) (groups, current []string) {
	plan.Walk(root, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Member:
			groups = append(groups, n.Group)
		case *plan.Attr:
			if v.attributes[n.Name].Timing != catalog.Timed {
				current = append(current, n.Name)
			}
		case *plan.Field:
			if f := v.kinds[n.Kind].fields[n.Name]; f != nil && n.Name != "" && f.Timing != catalog.Timed {
				current = append(current, n.Kind+"."+n.Name)
			}
		case *plan.Aggregate:
			if n.Stamp == nil {
				current = append(current, n.Kind)
			}
		}
		return true
	})
	return unique(groups), unique(current)
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func path(p []*phrase) string {
	out := make([]string, len(p))
	for i, p := range p {
		out[i] = p.name
	}
	return strings.Join(out, " -> ")
}

// callable are the names that take a window.
func (v *vocabulary) callable() []string {
	return slices.DeleteFunc(slices.Clone(v.top), func(name string) bool { return v.attributes[name] != nil || v.conditions[name] != nil })
}

func (v *vocabulary) kindNames() []string {
	out := make([]string, len(v.order))
	for i, k := range v.order {
		out[i] = k.Name
	}
	return out
}

// having is the kind with the shortest name among those whose records have a
// field or condition of that name, nil for none.
func (v *vocabulary) having(name string) *kind {
	var best *kind
	for _, k := range v.order {
		if (k.fields[name] != nil || k.conditions[name] != nil) && (best == nil || len(k.Name) < len(best.Name)) {
			best = k
		}
	}
	return best
}

// visible are the names that stand inside a where of the kind, sorted.
func (k *kind) visible() []string {
	var out []string
	for at, prefix := k, ""; at != nil; at = at.parent {
		for name := range at.fields {
			out = append(out, name, prefix+name)
		}
		for name := range at.conditions {
			out = append(out, name)
		}
		prefix += at.owner.ParentField + "."
	}
	return unique(out)
}

// anyField is the name of a number of the kind, or of any field.
func (k *kind) anyField() string {
	names := slices.Sorted(maps.Keys(k.fields))
	for _, name := range names {
		if f := k.fields[name]; f.Type.Sort == catalog.Money || f.Type.Sort == catalog.Number {
			return name
		}
	}
	if len(names) == 0 {
		return "field"
	}
	return names[0]
}
