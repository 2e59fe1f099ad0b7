package sqlstore

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// fresh knows what was put into tables that were empty: then nothing needs to be asked
// of the database to see whether a row fits.
type fresh struct {
	schema *store.Schema
	people map[string]uint32                   // customers by their ids, numbered
	owners map[*store.Table]map[string]uint32  // whose records are, by their keys
	counts map[*store.Table]map[uint32]int     // how many a customer has
	dims   map[dimKey]map[string]catalog.Value // rows of dimensions
	missed map[dimKey]bool                     // those that a record reached in vain
}

func newFresh(s *store.Schema) *fresh {
	f := &fresh{
		schema: s, people: map[string]uint32{}, owners: map[*store.Table]map[string]uint32{}, counts: map[*store.Table]map[uint32]int{},
		dims: map[dimKey]map[string]catalog.Value{}, missed: map[dimKey]bool{},
	}
	for _, t := range s.Kinds {
		f.owners[t], f.counts[t] = map[string]uint32{}, map[uint32]int{}
	}
	return f
}

// size is how many rows are remembered.
func (f *fresh) size() int {
	n := len(f.people) + len(f.dims) + len(f.missed)
	for _, keys := range f.owners {
		n += len(keys)
	}
	return n
}

// take remembers a checked change that adds a row of t, or tells why it cannot.
func (f *fresh) take(t *store.Table, c store.Change) (why string) {
	switch {
	case c.Op != store.Put:
		return "only rows can be put here"
	case t.Kind == "":
		if _, twice := f.people[string(c.Customer)]; twice {
			return "the customer is put twice"
		}
		f.people[string(c.Customer)] = uint32(len(f.people))
		return ""
	case t.Dimension:
		key := dimKey{t.Kind, c.Key}
		if _, twice := f.dims[key]; twice {
			return "the row is put twice"
		}
		if f.missed[key] {
			return "rows of a dimension come before the records that reach them"
		}
		f.dims[key] = c.Fields
		return ""
	}
	whose, ok := f.people[string(c.Customer)]
	if !ok {
		return fmt.Sprintf("no such customer: %q", string(c.Customer))
	}
	if _, twice := f.owners[t][c.Key]; twice {
		return "the record is put twice"
	}
	if t.Parent != nil {
		switch above, ok := f.owners[t.Parent][c.Parent]; {
		case !ok:
			return fmt.Sprintf("no %s %q", t.ParentField, c.Parent)
		case above != whose:
			return fmt.Sprintf("its %s %q belongs to another customer", t.ParentField, c.Parent)
		}
	}
	if f.counts[t][whose] >= t.Limit {
		return fmt.Sprintf("the customer has %d %s already, the most that the catalog allows", t.Limit, c.Kind)
	}
	f.counts[t][whose]++
	f.owners[t][c.Key] = whose
	for _, col := range t.Columns {
		if col.Reach == nil || !c.Fields[col.Reach.By].Known() {
			continue
		}
		if key := (dimKey{col.Reach.Dimension, c.Fields[col.Reach.By].Text()}); f.dims[key] == nil {
			f.missed[key] = true
		}
	}
	return ""
}

// value is that of a record's field: its own, else what a dimension gives it.
func (f *fresh) value(col store.Column, fields map[string]catalog.Value) catalog.Value {
	v := fields[col.Name]
	if col.Reach == nil || v.Known() || !fields[col.Reach.By].Known() {
		return v
	}
	return f.dims[dimKey{col.Reach.Dimension, fields[col.Reach.By].Text()}][col.Reach.Field.Name]
}
