package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Schema is a catalog as stores see it: the rows they hold and what each row may
// carry. It is immutable and safe for concurrent use. Stores make one when they
// open, pass every Change through Check and need not know the catalog otherwise.
type Schema struct {
	Catalog   *catalog.Catalog
	Customers *Table
	// Kinds are the kinds that own rows, parents before their children.
	Kinds      []*Table
	Dimensions []*Table
	tables     map[string]*Table // kinds and dimensions
}

// Table is the rows of a kind, of a dimension or of the customers.
type Table struct {
	Kind    string // as in Change: "" for customers
	Rows    string // its name in files and default tables: "customers", "orders"
	Columns []Column
	Parent  *Table // nil for none
	// ParentField is the name by which a row tells its parent's key, such as order.
	ParentField string
	Time        string // the column that stamps a row, "" for none of its own
	Limit       int    // rows of the kind a customer; 0 for customers and dimensions
	Dimension   bool
	Reaching    bool // some column is a dimension's: Column.Reach
	columns     map[string]*Column
	short       map[string][]string // a reached field's own name to its full names
}

// Column is one value of a row that a store holds.
type Column struct {
	Name     string
	Type     catalog.Type
	Required bool
	// Reach is set for a field of a dimension that the row may carry itself, such
	// as product.category; the row's value goes before the dimension's.
	Reach *catalog.Reach
}

// NewSchema reads a catalog, which must not be changed afterwards. The error is
// that of its Validate.
func NewSchema(c *catalog.Catalog) (*Schema, error) {
	if c == nil {
		return nil, fmt.Errorf("store: no catalog")
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: the catalog is not valid: %w", err)
	}
	s := &Schema{Catalog: c, Customers: &Table{Rows: "customers"}, tables: map[string]*Table{}}
	for _, a := range c.Attributes {
		if a.Derived == "" {
			s.Customers.add(Column{Name: a.Name, Type: a.Type, Required: a.Required})
		}
	}
	for i := range c.Dimensions {
		d := &c.Dimensions[i]
		t := &Table{Kind: d.Name, Rows: d.Name, Dimension: true}
		t.addFields(d.Fields)
		if err := s.register(t); err != nil {
			return nil, err
		}
		s.Dimensions = append(s.Dimensions, t)
	}
	for i := range c.Kinds {
		if c.Kinds[i].Base == "" {
			if _, err := s.kind(&c.Kinds[i]); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// kind makes the table of a kind, after that of its parent.
func (s *Schema) kind(k *catalog.Kind) (*Table, error) {
	if t, ok := s.tables[k.Name]; ok && !t.Dimension {
		return t, nil
	}
	t := &Table{Kind: k.Name, Rows: k.RowsName(), ParentField: k.ParentField, Limit: k.Limit()}
	if k.Parent != "" {
		owner, _ := s.Catalog.Owner(k.Parent) // Validate found it, and no cycle
		parent, err := s.kind(owner)
		if err != nil {
			return nil, err
		}
		t.Parent = parent
	}
	t.addFields(k.Fields)
	for _, r := range s.Catalog.Reached(k) {
		if r.Field.Derived == "" && t.columns[r.Name] == nil {
			t.add(Column{Name: r.Name, Type: r.Field.Type, Reach: &r})
			t.short[r.Field.Name] = append(t.short[r.Field.Name], r.Name)
		}
	}
	if t.columns[k.Time] != nil {
		t.Time = k.Time
	}
	if err := s.register(t); err != nil {
		return nil, err
	}
	s.Kinds = append(s.Kinds, t)
	return t, nil
}

func (s *Schema) register(t *Table) error {
	if _, taken := s.tables[t.Kind]; taken {
		return fmt.Errorf("store: the catalog calls both a kind and a dimension %q", t.Kind)
	}
	for _, other := range s.tables {
		if other.Rows == t.Rows {
			return fmt.Errorf("store: the rows of %s and %s are both called %q", other.Kind, t.Kind, t.Rows)
		}
	}
	if t.Rows == s.Customers.Rows {
		return fmt.Errorf("store: the rows of %s are called %q, as the customers are", t.Kind, t.Rows)
	}
	s.tables[t.Kind] = t
	return nil
}

func (t *Table) addFields(fields []catalog.Field) {
	for _, f := range fields {
		if f.Derived == "" {
			t.add(Column{Name: f.Name, Type: f.Type})
		}
	}
}

func (t *Table) add(c Column) {
	if t.columns == nil {
		t.columns, t.short = map[string]*Column{}, map[string][]string{}
	}
	t.Columns = append(t.Columns, c)
	t.Reaching = t.Reaching || c.Reach != nil
	t.columns[c.Name] = &c
}

// Table finds the rows of a kind or dimension, or of customers for "". The error
// says what a kind that owns no rows is a view of.
func (s *Schema) Table(kind string) (*Table, error) {
	if kind == "" {
		return s.Customers, nil
	}
	if t, ok := s.tables[kind]; ok {
		return t, nil
	}
	if owner, ok := s.Catalog.Owner(kind); ok {
		return nil, fmt.Errorf("%s has no rows of its own, it shows those of %s", kind, owner.Name)
	}
	return nil, fmt.Errorf("no kind or dimension is called %q", kind)
}

// Named finds a table by the name of its rows.
func (s *Schema) Named(rows string) (*Table, bool) {
	if rows == s.Customers.Rows {
		return s.Customers, true
	}
	for t := range maps.Values(s.tables) {
		if t.Rows == rows {
			return t, true
		}
	}
	return nil, false
}

// Tables are all tables in an order in which they can be filled: customers,
// dimensions, then kinds, parents first.
func (s *Schema) Tables() []*Table {
	return slices.Concat([]*Table{s.Customers}, s.Dimensions, s.Kinds)
}

// Column finds a column by its name, or by the short name of a dimension's field
// where only one is meant: category for product.category.
func (t *Table) Column(name string) (*Column, error) {
	if c, ok := t.columns[name]; ok {
		return c, nil
	}
	switch full := t.short[name]; len(full) {
	case 0:
		return nil, fmt.Errorf("no such %s", t.word())
	case 1:
		return t.columns[full[0]], nil
	default:
		return nil, fmt.Errorf("write %s", strings.Join(full, " or "))
	}
}

func (t *Table) word() string {
	if t.Kind == "" {
		return "attribute"
	}
	return "field"
}

// Reaches are the columns that the dimension's fields fill, nil for none.
func (t *Table) Reaches(dimension string) []Column {
	var out []Column
	for _, c := range t.Columns {
		if c.Reach != nil && c.Reach.Dimension == dimension {
			out = append(out, c)
		}
	}
	return out
}

// Lacks is the first required attribute that a member's row does not carry, ""
// for none. Guests are required nothing.
func (s *Schema) Lacks(guest bool, fields map[string]catalog.Value) string {
	if guest {
		return ""
	}
	for _, c := range s.Customers.Columns {
		if _, ok := fields[c.Name]; c.Required && !ok && c.Type.Sort != catalog.Set {
			return c.Name
		}
	}
	return ""
}
