package columnar

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// schema is where the catalog's names stand in the columns. It does not change.
type schema struct {
	catalog *catalog.Catalog
	attrs   []field
	attr    map[string]int
	kinds   []*kind // parents before their children
	kind    map[string]int
	joined  int // the attributes from which customers exist, -1 for none
	seen    int

	outlines outlines
}

// field is a column's name and type.
type field struct {
	name string
	of   catalog.Type
	dict *dictionary // of strings and sets
}

// kind is a kind that owns its rows.
type kind struct {
	name    string
	index   int
	parent  *kind
	fields  []field
	field   map[string]int
	stamped bool
	stampUp int   // levels up to the record that has the stamp
	stamp   int   // its field there
	lends   []int // fields that stamp rows of kinds below
	carries bool  // rows of kinds below are stamped by it, or by one above it
}

func newSchema(cat *catalog.Catalog) (*schema, error) {
	s := &schema{catalog: cat, attr: map[string]int{}, kind: map[string]int{}, joined: -1, seen: -1}
	for _, a := range cat.Attributes {
		if a.Derived != "" {
			continue
		}
		s.attr[a.Name] = len(s.attrs)
		s.attrs = append(s.attrs, field{a.Name, a.Type, newDictionary(a.Type)})
	}
	if i, ok := s.attr["joined"]; ok {
		s.joined = i
	}
	if i, ok := s.attr["first_seen"]; ok {
		s.seen = i
	}
	for i := range cat.Kinds {
		if _, err := s.add(&cat.Kinds[i], 0); err != nil {
			return nil, err
		}
	}
	for _, k := range s.kinds {
		above := k
		for range k.stampUp {
			above = above.parent
			above.carries = true
		}
		if above != k && !slices.Contains(above.lends, k.stamp) {
			above.lends = append(above.lends, k.stamp)
		}
	}
	return s, nil
}

// add adds a kind that owns its rows, after its parent.
func (s *schema) add(k *catalog.Kind, depth int) (*kind, error) {
	if k.Base != "" {
		return nil, nil
	}
	if i, ok := s.kind[k.Name]; ok {
		return s.kinds[i], nil
	}
	if depth > len(s.catalog.Kinds) {
		return nil, fmt.Errorf("columnar: the parents of kind %q lead back to it", k.Name)
	}
	out := &kind{name: k.Name, field: map[string]int{}}
	if k.Parent != "" {
		owner, ok := s.catalog.Owner(k.Parent)
		if !ok {
			return nil, fmt.Errorf("columnar: kind %q: no kind is called %q", k.Name, k.Parent)
		}
		parent, err := s.add(owner, depth+1)
		if err != nil {
			return nil, err
		}
		out.parent = parent
	}
	column := func(name string, t catalog.Type) {
		out.field[name] = len(out.fields)
		out.fields = append(out.fields, field{name, t, newDictionary(t)})
	}
	for _, f := range k.Fields {
		if f.Derived == "" {
			column(f.Name, f.Type)
		}
	}
	for _, r := range s.catalog.Reached(k) {
		column(r.Name, r.Field.Type)
	}
	if k.Time != "" {
		if err := out.stampedBy(s.catalog, k); err != nil {
			return nil, err
		}
	}
	out.index = len(s.kinds)
	s.kind[k.Name] = out.index
	s.kinds = append(s.kinds, out)
	return out, nil
}

// bytes is about how much memory the texts of all columns take.
func (s *schema) bytes() int {
	n := 0
	for i := range s.attrs {
		n += s.attrs[i].dict.size()
	}
	for _, k := range s.kinds {
		for i := range k.fields {
			n += k.fields[i].dict.size()
		}
	}
	return n
}

// stampedBy resolves the path of the kind's time field, such as order.placed.
func (k *kind) stampedBy(cat *catalog.Catalog, declared *catalog.Kind) error {
	path, at := declared.Time, k
	for {
		if i, ok := at.field[path]; ok {
			k.stamped, k.stamp = true, i
			return nil
		}
		rest, ok := strings.CutPrefix(path, declared.ParentField+".")
		if !ok || at.parent == nil {
			return fmt.Errorf("columnar: kind %q: its time field %q is not a field", k.name, declared.Time)
		}
		path, at = rest, at.parent
		k.stampUp++
		if declared, ok = cat.Kind(at.name); !ok {
			return fmt.Errorf("columnar: no kind is called %q", at.name)
		}
	}
}
