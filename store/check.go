package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// MaxID is how many bytes the id of a customer or the key of a row may have.
const MaxID = 255

// The instants and days that a store holds: the years 1 to 9999.
var (
	minInstant = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxInstant = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
	minDay     = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
	maxDay     = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix() / 86400
)

// Check tells whether a change is well-formed by itself, an *InvalidError when
// not, and returns it as it is to be stored: a copy with keys and strings
// normalised (NFC, folded where declared; ids of customers stay as they are),
// fields by their full names, sets that are empty left out. Whether rows exist
// and belong together is for the store to see.
//
// In a checked Put, Fields holds known values only; in a checked Set, Missing
// stands for a value to be taken away.
func (s *Schema) Check(c Change) (Change, error) { return s.CheckInto(c, nil) }

// changesBetween is after how many changes it is looked whether a context has ended.
const changesBetween = 256

// EachChecked gives do every change of a stream in its order, checked and normalised
// by Check, until the stream, a change, do or ctx is at an end or at fault; that error
// is returned. An *InvalidError of a change or of do tells by Index which it was.
func (s *Schema) EachChecked(ctx context.Context, changes iter.Seq2[Change, error], do func(Change) error) error {
	n := 0
	for c, err := range changes {
		if err != nil {
			return err
		}
		if n%changesBetween == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if c, err = s.Check(c); err == nil {
			err = do(c)
		}
		if bad := (*InvalidError)(nil); errors.As(err, &bad) {
			bad.Index = n
		}
		if err != nil {
			return err
		}
		n++
	}
	return ctx.Err()
}

// CheckInto is Check that puts the fields into a map of the caller's, which is
// empty, where there is one: for those who are done with it when they have stored
// the change.
func (s *Schema) CheckInto(c Change, into map[string]catalog.Value) (Change, error) {
	t, err := s.Table(c.Kind)
	if err != nil {
		return c, &InvalidError{Change: c, Why: err.Error()}
	}
	bad := func(field, why string) (Change, error) {
		return c, &InvalidError{Change: c, Field: field, Why: why}
	}
	if c.Op > Merge {
		return bad("", "unknown operation")
	}
	out := c
	out.Fields = nil
	text := catalog.Type{Sort: catalog.String}
	out.Key, out.Parent = text.Normal(c.Key), text.Normal(c.Parent)
	if why := out.shape(t); why != "" {
		return bad("", why)
	}
	if c.Op != Put && c.Op != Set {
		return out, nil
	}
	if out.Fields = into; into == nil {
		out.Fields = make(map[string]catalog.Value, len(c.Fields))
	}
	for name, v := range c.Fields {
		col, err := t.Column(name)
		if err != nil {
			return bad(name, err.Error())
		}
		if _, twice := out.Fields[col.Name]; twice {
			return bad(name, "given twice, as "+col.Name+" too")
		}
		v, why := normal(col.Type, v)
		switch {
		case why != "":
			return bad(name, why)
		case v.Known():
			out.Fields[col.Name] = v
		case c.Op == Set:
			out.Fields[col.Name] = catalog.Missing
		}
	}
	if t == s.Customers && c.Op == Put {
		if name := s.Lacks(c.Guest, out.Fields); name != "" {
			return bad(name, "is required")
		}
	}
	return out, nil
}

// shape checks which ids and keys the change carries.
func (c Change) shape(t *Table) string {
	if c.Op == Merge {
		switch {
		case c.Kind != "":
			return "merge is of customers"
		case c.From == c.Customer:
			return "a customer cannot be merged into itself"
		}
		if why := badID("the customer merged from", string(c.From)); why != "" {
			return why
		}
		return badID("customer", string(c.Customer))
	}
	if c.From != "" {
		return "only a merge has a customer to merge from"
	}
	owned := t.Kind != "" && !t.Dimension
	// A record is found by its key; Set and Delete need not name its customer.
	if t.Kind == "" || owned && (c.Op == Put || c.Customer != "") {
		if why := badID("customer", string(c.Customer)); why != "" {
			return why
		}
	}
	if t.Dimension && c.Customer != "" {
		return "a row of a dimension belongs to no customer"
	}
	if t.Kind == "" {
		if c.Key != "" || c.Parent != "" {
			return "a customer has neither key nor parent"
		}
		return ""
	}
	if why := badID("key", c.Key); why != "" {
		return why
	}
	switch {
	case t.Parent == nil && c.Parent != "":
		return t.Kind + " have no parent"
	case t.Parent != nil && c.Op == Put && c.Parent == "":
		return "the key of its " + t.ParentField + " is missing"
	case t.Parent != nil && c.Parent != "":
		return badID(t.ParentField, c.Parent)
	}
	return ""
}

func badID(what, id string) string {
	switch {
	case id == "":
		return "the " + what + " is missing"
	case len(id) > MaxID:
		return fmt.Sprintf("the %s has more than %d bytes", what, MaxID)
	}
	if why := badText(id); why != "" {
		return "the " + what + " " + why
	}
	return ""
}

func badText(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.IndexByte(s, 0) >= 0:
		return "holds a NUL character"
	}
	return ""
}

// normal is the value as it is stored, or why it cannot be.
func normal(t catalog.Type, v catalog.Value) (catalog.Value, string) {
	if !v.Known() {
		return v, ""
	}
	if want := storedAs(t.Sort); v.Sort() != want {
		return v, fmt.Sprintf("is %s where %s is needed", sortName(v.Sort()), sortName(t.Sort))
	}
	switch t.Sort {
	case catalog.Number, catalog.Money:
		if n, most := v.Int(), t.Bound(); n > most || n < -most {
			return v, "is beyond the catalog's bound of " + inUnits(most, t)
		}
	case catalog.Instant:
		if n := v.Int(); n < minInstant || n > maxInstant {
			return v, "is outside the years 1 to 9999"
		}
	case catalog.Date:
		if n := v.Int(); n < minDay || n > maxDay {
			return v, "is outside the years 1 to 9999"
		}
	case catalog.String, catalog.Enum:
		if why := badText(v.Text()); why != "" {
			return v, why
		}
		return catalog.StringValue(t.Normal(v.Text())), ""
	case catalog.Set:
		return normalSet(t, v)
	}
	return v, ""
}

func normalSet(t catalog.Type, v catalog.Value) (catalog.Value, string) {
	if len(v.Items()) == 0 {
		return catalog.Missing, "" // as good as none: a set is never missing
	}
	items := make([]string, len(v.Items()))
	for i, item := range v.Items() {
		if why := badText(item); why != "" {
			return v, "has an item that " + why
		}
		items[i] = t.Normal(item)
	}
	return catalog.SetValue(items...), ""
}

func storedAs(s catalog.Sort) catalog.Sort {
	switch s {
	case catalog.Money:
		return catalog.Number
	case catalog.Enum:
		return catalog.String
	}
	return s
}

func sortName(s catalog.Sort) string {
	switch s {
	case catalog.Bool:
		return "a boolean"
	case catalog.Number:
		return "a number"
	case catalog.Money:
		return "an amount"
	case catalog.String, catalog.Enum:
		return "a string"
	case catalog.Instant:
		return "an instant"
	case catalog.Date:
		return "a date"
	case catalog.Set:
		return "a set"
	}
	return "nothing"
}

// inUnits shows a stored number as people write it.
func inUnits(n int64, t catalog.Type) string {
	if t.Sort == catalog.Money {
		return dangol.Money{Minor: n, Currency: t.Currency}.String()
	}
	digits := fmt.Sprintf("%0*d", t.Scale+1, n)
	if t.Scale == 0 {
		return digits
	}
	cut := len(digits) - t.Scale
	return digits[:cut] + "." + digits[cut:]
}
