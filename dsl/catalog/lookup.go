package catalog

import "slices"

// Defaults of bounds that a catalog leaves open.
const (
	DefaultMax     int64 = 10_000_000_000 // of a number or amount, in stored units
	DefaultRecords       = 100_000        // of a kind a customer
)

// Bound is the largest absolute value of a number or amount of the type.
func (t Type) Bound() int64 {
	if t.Max == 0 {
		return DefaultMax
	}
	return t.Max
}

// Digits is how many digits follow the point: of a Number its Scale, of Money
// those of its currency.
func (t Type) Digits() int {
	if t.Sort == Money {
		d, _ := t.Currency.Digits()
		return d
	}
	return t.Scale
}

// Attribute finds an attribute by name.
func (c *Catalog) Attribute(name string) (*Attribute, bool) {
	return find(c.Attributes, func(a *Attribute) bool { return a.Name == name })
}

// Kind finds a kind by name.
func (c *Catalog) Kind(name string) (*Kind, bool) {
	return find(c.Kinds, func(k *Kind) bool { return k.Name == name })
}

// Dimension finds a dimension by name.
func (c *Catalog) Dimension(name string) (*Dimension, bool) {
	return find(c.Dimensions, func(d *Dimension) bool { return d.Name == name })
}

func find[T any](list []T, is func(*T) bool) (*T, bool) {
	for i := range list {
		if is(&list[i]) {
			return &list[i], true
		}
	}
	return nil, false
}

// Views are the kind and what it views, outermost first; the last owns the rows.
// It is empty for an unknown kind or a broken chain.
func (c *Catalog) Views(kind string) []*Kind {
	var chain []*Kind
	for len(chain) <= len(c.Kinds) {
		k, ok := c.Kind(kind)
		if !ok {
			return nil
		}
		chain = append(chain, k)
		if k.Base == "" {
			return chain
		}
		kind = k.Base
	}
	return nil
}

// Owner is the kind that owns the rows of a kind.
func (c *Catalog) Owner(kind string) (*Kind, bool) {
	chain := c.Views(kind)
	if chain == nil {
		return nil, false
	}
	return chain[len(chain)-1], true
}

// RowsName is the name of the kind's rows in files and default tables.
func (k *Kind) RowsName() string {
	if k.Rows != "" {
		return k.Rows
	}
	return k.Name
}

// Limit is how many records of the kind a customer may have.
func (k *Kind) Limit() int {
	if k.Max == 0 {
		return DefaultRecords
	}
	return k.Max
}

// Field finds a field that a store holds in the kind's own rows, or derives: one
// of the kind itself, without those of parents and dimensions.
func (k *Kind) Field(name string) (*Field, bool) {
	return find(k.Fields, func(f *Field) bool { return f.Name == name })
}

// Reached lists the fields of dimensions that a record of the kind carries, by
// their full names such as product.brand, ordered by name.
func (c *Catalog) Reached(k *Kind) []Reach {
	var out []Reach
	for by, dim := range k.Dimensions {
		if d, ok := c.Dimension(dim); ok {
			for i := range d.Fields {
				out = append(out, Reach{Name: by + "." + d.Fields[i].Name, By: by, Dimension: dim, Field: &d.Fields[i]})
			}
		}
	}
	slices.SortFunc(out, func(a, b Reach) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// Reach is one field of a dimension as a record carries it.
type Reach struct {
	Name      string // product.brand
	By        string // product
	Dimension string // products
	Field     *Field
}
