package catalog

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// reserved are the words that the language gives a meaning of their own wherever
// a name may stand, so that nothing in a catalog can bear them.
var reserved = []string{
	"true", "false", "not", "and", "or", "in", "today", "yesterday", "now", "where",
	"sum", "avg", "min", "max", "first", "distinct", "active_days", "active_weeks", "active_months", "share", "sample", "anniversary",
	"customer",
}

// Validate tells everything that is wrong with the catalog's declarations, one
// error a line, nil when nothing is. The texts of what is derived are read by
// package compile.
func (c *Catalog) Validate() error {
	v := &validation{catalog: c, top: map[string]string{}}
	if c.Currency != "" {
		v.currency("the catalog", c.Currency)
	}
	for i := range c.Attributes {
		v.attribute(&c.Attributes[i])
	}
	for i := range c.Dimensions {
		v.dimension(&c.Dimensions[i])
	}
	for i := range c.Kinds {
		v.declare("kind", c.Kinds[i].Name)
	}
	for i := range c.Kinds {
		v.kind(&c.Kinds[i])
	}
	for _, m := range c.Measures {
		v.declare("measure", m.Name)
		v.text("measure "+m.Name, m.Text)
	}
	for _, m := range c.Conditions {
		v.declare("condition", m.Name)
		v.text("condition "+m.Name, m.Text)
	}
	return errors.Join(v.errs...)
}

type validation struct {
	catalog *Catalog
	top     map[string]string // names that may stand at the top of a rule, and what they are
	errs    []error
}

func (v *validation) fail(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

// declare checks a name that may stand at the top of a rule.
func (v *validation) declare(what, name string) {
	v.name(what, name)
	if before, ok := v.top[name]; ok {
		v.fail("%s %q: another %s bears the name", what, name, before)
		return
	}
	v.top[name] = what
}

func (v *validation) name(what, name string) {
	if name == "" {
		v.fail("a %s has no name", what)
		return
	}
	for part := range strings.SplitSeq(name, ".") {
		if !isName(part) {
			v.fail("%s %q: a name is letters, digits and _, not starting with a digit, with dots between parts", what, name)
			return
		}
	}
	for _, word := range reserved {
		if name == word {
			v.fail("%s %q: the name is a word of the language", what, name)
		}
	}
}

func isName(part string) bool {
	for i, r := range part {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsMark(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return part != ""
}

func (v *validation) text(what, text string) {
	if strings.TrimSpace(text) == "" {
		v.fail("%s has no text", what)
	}
}

func (v *validation) currency(what string, code interface{ Digits() (int, bool) }) {
	if _, ok := code.Digits(); !ok {
		v.fail("%s: %q is not a currency of ISO 4217", what, code)
	}
}

func (v *validation) typ(what string, t Type) {
	switch t.Sort {
	case Bool, String, Instant, Date, Set:
	case Number:
		if t.Scale < 0 || t.Scale > 6 {
			v.fail("%s: a number has 0 to 6 digits after the point, not %d", what, t.Scale)
		}
	case Money:
		v.currency(what, t.Currency)
	case Enum:
		if len(t.Values) == 0 {
			v.fail("%s: an enum lists its values", what)
		}
	default:
		v.fail("%s has no type", what)
	}
	seen := map[string]bool{}
	for _, value := range t.Values {
		if seen[value] {
			v.fail("%s: the value %q is listed twice", what, value)
		}
		seen[value] = true
	}
	if t.Max < 0 {
		v.fail("%s: the largest value is below 0", what)
	}
	if t.Folded && t.Sort != String {
		v.fail("%s: only strings can be folded", what)
	}
}

func (v *validation) attribute(a *Attribute) {
	what := "attribute " + a.Name
	v.declare("attribute", a.Name)
	v.typ(what, a.Type)
	v.moment(what, a.Type, a.Due, a.Timing)
	if a.Required && a.Derived != "" {
		v.fail("%s: what is derived cannot be required", what)
	}
}

func (v *validation) moment(what string, t Type, due bool, timing Timing) {
	isMoment := t.Sort == Instant || t.Sort == Date
	if due && !isMoment {
		v.fail("%s: only instants and dates can be due", what)
	}
	if timing == Latest && t.Sort != Instant {
		v.fail("%s: only an instant can be a latest one", what)
	}
	if due && timing == Latest {
		v.fail("%s: a due moment cannot be a latest one", what)
	}
}

func (v *validation) dimension(d *Dimension) {
	v.name("dimension", d.Name)
	v.fields("dimension "+d.Name, d.Fields)
}

func (v *validation) fields(what string, fields []Field) {
	seen := map[string]bool{}
	for _, f := range fields {
		v.name("field of "+what, f.Name)
		if seen[f.Name] {
			v.fail("%s: the field %q is declared twice", what, f.Name)
		}
		seen[f.Name] = true
		v.typ(what+", field "+f.Name, f.Type)
		v.moment(what+", field "+f.Name, f.Type, f.Due, f.Timing)
	}
}

func (v *validation) kind(k *Kind) {
	what := "kind " + k.Name
	if strings.Contains(k.Name, ".") {
		v.fail("%s: the name of a kind has no dot", what)
	}
	v.fields(what, k.Fields)
	for _, cond := range k.Conditions {
		v.name("condition of "+what, cond.Name)
		v.text(what+", condition "+cond.Name, cond.Text)
		if _, ok := k.Field(cond.Name); ok {
			v.fail("%s: %q is both a field and a condition", what, cond.Name)
		}
	}
	if k.Max < 0 {
		v.fail("%s: the number of records a customer is below 0", what)
	}
	if k.Base != "" {
		v.view(what, k)
		return
	}
	if k.Where != "" {
		v.fail("%s: only a view, which has a base, has a where", what)
	}
	if (k.Parent == "") != (k.ParentField == "") {
		v.fail("%s: a parent and the field that holds its key are declared together", what)
	}
	if k.Parent != "" {
		if v.catalog.Views(k.Parent) == nil {
			v.fail("%s: no kind is called %q", what, k.Parent)
		} else if _, taken := k.Field(k.ParentField); taken {
			v.fail("%s: %q is the parent's key and cannot be a field too", what, k.ParentField)
		}
		v.ancestry(what, k)
	}
	for field, dim := range k.Dimensions {
		if f, ok := k.Field(field); !ok || f.Type.Sort != String {
			v.fail("%s: %q is to reach the dimension %s, so it must be a string field", what, field, dim)
		}
		if _, ok := v.catalog.Dimension(dim); !ok {
			v.fail("%s: no dimension is called %q", what, dim)
		}
	}
	v.stamp(what, k)
}

func (v *validation) view(what string, k *Kind) {
	chain := v.catalog.Views(k.Name)
	if chain == nil {
		v.fail("%s: its base %q is unknown or leads back to it", what, k.Base)
		return
	}
	if k.Parent != "" || k.Rows != "" || len(k.Dimensions) > 0 {
		v.fail("%s: parent, rows and dimensions belong to the base", what)
	}
	for _, f := range k.Fields {
		if f.Derived == "" {
			v.fail("%s, field %s: a view only derives fields; what is stored belongs to the base", what, f.Name)
		}
	}
	v.stamp(what, k)
}

// ancestry finds parents that lead back to the kind.
func (v *validation) ancestry(what string, k *Kind) {
	at := k
	for range len(v.catalog.Kinds) {
		if at.Parent == "" {
			return
		}
		owner, ok := v.catalog.Owner(at.Parent)
		if !ok {
			return
		}
		at = owner
	}
	v.fail("%s: its parents lead back to it", what)
}

// stamp checks that the time field exists and is an instant that lies in the past.
func (v *validation) stamp(what string, k *Kind) {
	if k.Time != "" && k.Dated != "" {
		v.fail("%s: only an untimed kind is dated by a field", what)
	}
	for _, field := range []string{k.Time, k.Dated} {
		if field == "" {
			continue
		}
		f, ok := v.catalog.StoredField(k, field)
		switch {
		case !ok:
			v.fail("%s: its time field %q is not a field of it", what, field)
		case f.Type.Sort != Instant || f.Due:
			v.fail("%s: its time field %q must be an instant that is not due", what, field)
		}
	}
}

// StoredField finds a field of a kind by its name, or by its path through parents
// such as order.placed, among the fields that stores hold.
func (c *Catalog) StoredField(k *Kind, path string) (*Field, bool) {
	chain := c.Views(k.Name)
	for _, view := range chain {
		if f, ok := view.Field(path); ok {
			return f, f.Derived == ""
		}
	}
	if len(chain) == 0 {
		return nil, false
	}
	owner := chain[len(chain)-1]
	rest, ok := strings.CutPrefix(path, owner.ParentField+".")
	if !ok || owner.Parent == "" {
		return nil, false
	}
	parent, ok := c.Kind(owner.Parent)
	if !ok {
		return nil, false
	}
	return c.StoredField(parent, rest)
}
