package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// ErrColumns is returned when a store does not take columns: it is not empty, or
// they do not fit its catalog or each other. Nothing has happened. As changes, the
// same rows are loaded, or the store tells what is wrong with them.
var ErrColumns = errors.New("store: the columns cannot be taken")

// ColumnLoader is a Store that takes a whole shop column by column while it is
// empty, which is many times quicker than changes.
type ColumnLoader interface {
	// LoadColumns fills the store, or returns ErrColumns and has done nothing. The
	// columns are the store's afterwards. Without customers and rows it only tells
	// whether the store would take any.
	LoadColumns(ctx context.Context, in Columns) error
}

// Columns is a whole shop.
type Columns struct {
	IDs        []dangol.CustomerID // all different
	Guests     []bool              // by customer; nil: none is
	Attributes map[string]catalog.Column
	Rows       []Rows // each kind and dimension at most once
}

// Rows are the rows of a kind that owns its rows, or of a dimension.
type Rows struct {
	Kind     string
	Customer []uint32 // whose it is: its place in Columns.IDs; nil for a dimension
	// Keys of the rows, or Numbers, the keys as numbers that have Digits digits,
	// leading zeros and all, or none of those where Digits is 0. They are all
	// different, which whoever makes the columns has seen to.
	Keys    []string
	Numbers []int64
	Digits  int
	// Parent is the place of the parent's row in its Rows, and 1: one of the same
	// customer. Nil where the kind has no parent.
	Parent []uint32
	Fields map[string]catalog.Column // by their full names
}

// CheckColumns tells whether columns are well-formed, as Check does of a change,
// and gives them as they are to be stored: keys and strings normalised. The error
// is ErrColumns.
func (s *Schema) CheckColumns(in Columns) (Columns, error) {
	out := in
	n := len(in.IDs)
	if n > math.MaxInt32 || in.Guests != nil && len(in.Guests) != n {
		return in, ErrColumns
	}
	for _, id := range in.IDs {
		if why := badID("customer", string(id)); why != "" {
			return in, fmt.Errorf("%w: %s", ErrColumns, why)
		}
	}
	var err error
	if out.Attributes, err = s.Customers.checkFields(in.Attributes, n); err != nil {
		return in, err
	}
	if name := s.lacksSome(in); name != "" {
		return in, fmt.Errorf("%w: %s is required", ErrColumns, name)
	}
	out.Rows = slices.Clone(in.Rows)
	seen := map[string]*Rows{}
	for i := range out.Rows {
		r := &out.Rows[i]
		if seen[r.Kind] != nil {
			return in, fmt.Errorf("%w: %s come twice", ErrColumns, r.Kind)
		}
		seen[r.Kind] = r
	}
	for kind, r := range seen {
		t, err := s.Table(kind)
		if err != nil || t == s.Customers {
			return in, fmt.Errorf("%w: no kind or dimension %q owns rows", ErrColumns, kind)
		}
		var parents *Rows
		if t.Parent != nil {
			parents = seen[t.Parent.Kind]
		}
		if err := t.checkRows(r, parents, n); err != nil {
			return in, err
		}
	}
	return out, nil
}

// lacksSome is a required attribute that some member does not have, "" for none.
func (s *Schema) lacksSome(in Columns) string {
	for _, c := range s.Customers.Columns {
		if !c.Required || c.Type.Sort == catalog.Set {
			continue
		}
		given, ok := in.Attributes[c.Name]
		for i := range in.IDs {
			if (in.Guests == nil || !in.Guests[i]) && (!ok || given.Missing != nil && given.Missing[i]) {
				return c.Name
			}
		}
	}
	return ""
}

func (t *Table) checkRows(r *Rows, parents *Rows, customers int) error {
	n := max(len(r.Keys), len(r.Numbers))
	bad := func(why string) error { return fmt.Errorf("%w: %s: %s", ErrColumns, r.Kind, why) }
	switch {
	case r.Keys != nil && r.Numbers != nil || r.Digits < 0 || r.Digits > 18 || n > math.MaxInt32:
		return bad("the keys")
	case t.Dimension && r.Customer != nil || !t.Dimension && len(r.Customer) != n:
		return bad("whose the rows are")
	case (t.Parent == nil) != (r.Parent == nil) && n > 0 || r.Parent != nil && len(r.Parent) != n:
		return bad("the parents")
	}
	many := make([]int32, customers)
	for _, c := range r.Customer {
		if int(c) >= customers {
			return bad("a row of no customer")
		}
		if many[c]++; int(many[c]) > t.Limit {
			return bad("more rows of a customer than the catalog allows")
		}
	}
	for i, p := range r.Parent {
		if p == 0 || parents == nil || int(p) > len(parents.Customer) || parents.Customer[p-1] != r.Customer[i] {
			return bad("a parent that is not the customer's")
		}
	}
	if err := r.checkKeys(); err != nil {
		return err
	}
	var err error
	r.Fields, err = t.checkFields(r.Fields, n)
	return err
}

func (r *Rows) checkKeys() error {
	if len(r.Numbers) > 0 {
		most := int64(999_999_999_999_999_999)
		if r.Digits > 0 {
			most = int64(math.Pow10(r.Digits)) - 1
		}
		if slices.Min(r.Numbers) < 0 || slices.Max(r.Numbers) > most {
			return fmt.Errorf("%w: %s: keys that do not have %d digits", ErrColumns, r.Kind, r.Digits)
		}
	}
	own := false
	text := catalog.Type{Sort: catalog.String}
	for i, key := range r.Keys {
		if asIs(key) {
			continue
		}
		normal := text.Normal(key)
		if why := badID("key", normal); why != "" {
			return fmt.Errorf("%w: %s: %s", ErrColumns, r.Kind, why)
		}
		if normal != key {
			if !own {
				r.Keys, own = slices.Clone(r.Keys), true
			}
			r.Keys[i] = normal
		}
	}
	return nil
}

// asIs tells whether an id is well-formed and normal without a closer look.
func asIs(id string) bool {
	if id == "" || len(id) > MaxID {
		return false
	}
	for _, c := range []byte(id) {
		if c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

func (t *Table) checkFields(in map[string]catalog.Column, n int) (map[string]catalog.Column, error) {
	out := make(map[string]catalog.Column, len(in))
	for name, c := range in {
		col, ok := t.columns[name]
		if !ok {
			return nil, fmt.Errorf("%w: %s has no %s", ErrColumns, t.Rows, name)
		}
		why := checkColumn(col.Type, &c, n)
		if why != "" {
			return nil, fmt.Errorf("%w: %s, %s: %s", ErrColumns, t.Rows, name, why)
		}
		out[name] = c
	}
	return out, nil
}

// checkColumn tells why a column does not fit, and normalises its text.
func checkColumn(t catalog.Type, c *catalog.Column, n int) string {
	text, sets := t.Sort == catalog.String || t.Sort == catalog.Enum, t.Sort == catalog.Set
	switch {
	case c.Len() != n || c.Missing != nil && len(c.Missing) != n:
		return "too few values or too many"
	case n == 0:
		return ""
	case sets != (c.Sets != nil), sets && c.Codes == nil, text && c.Codes == nil && c.Strings == nil, !text && !sets && c.Ints == nil:
		return "values of another type"
	}
	switch {
	case len(c.Codes) > 0 && int(slices.Max(c.Codes)) >= max(len(c.Dictionary), len(c.Sets)):
		return "a code beyond the dictionary"
	case sets:
		return normalSets(t, c)
	case text && c.Codes != nil:
		return normalTexts(t, &c.Dictionary)
	case text:
		return normalTexts(t, &c.Strings)
	}
	return checkInts(t, c)
}

func checkInts(t catalog.Type, c *catalog.Column) string {
	lo, hi := slices.Min(c.Ints), slices.Max(c.Ints)
	if c.Missing != nil {
		lo, hi = math.MaxInt64, math.MinInt64
		for i, v := range c.Ints {
			if !c.Missing[i] {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		if lo > hi {
			return ""
		}
	}
	value := catalog.NumberValue
	switch t.Sort {
	case catalog.Bool:
		if lo < 0 || hi > 1 {
			return "neither true nor false"
		}
		return ""
	case catalog.Instant:
		value = catalog.InstantValue
	case catalog.Date:
		value = catalog.DateValue
	}
	for _, v := range []int64{lo, hi} {
		if _, why := normal(t, value(v)); why != "" {
			return why
		}
	}
	return ""
}

func normalTexts(t catalog.Type, texts *[]string) string {
	own := false
	for i, s := range *texts {
		if !t.Folded && asIs(s) {
			continue
		}
		v, why := normal(t, catalog.StringValue(s))
		switch {
		case why != "":
			return why
		case v.Text() == s:
		case !own:
			*texts, own = slices.Clone(*texts), true
			fallthrough
		default:
			(*texts)[i] = v.Text()
		}
	}
	return ""
}

func normalSets(t catalog.Type, c *catalog.Column) string {
	c.Sets = slices.Clone(c.Sets)
	for i, items := range c.Sets {
		v, why := normal(t, catalog.SetValue(items...))
		if why != "" {
			return why
		}
		c.Sets[i] = v.Items()
	}
	return ""
}
