package store

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
)

// Kept is a row as a Keeper holds it: what was put, without what dimensions give it.
type Kept struct {
	Customer dangol.CustomerID // whose row it is; "" of a dimension's
	Guest    bool              // of a customer's own row
	Parent   string            // key of the parent record, where the kind has one
	// Fields are known values by full names. The map of a row that was kept is never
	// changed: another row takes its place.
	Fields map[string]catalog.Value
}

// Keeper holds rows by kind and key: the rows of customers under the kind "" by their
// ids, records, and rows of dimensions. It is the part of a store that differs from
// place to place, maps or a key-value database; Schema.Apply and Schema.Customer do
// over it what is the same everywhere.
//
// It is not asked to judge. It need not be safe for concurrent use nor undo anything:
// a store hands over a copy, a draft or a transaction, and drops it when Apply fails.
type Keeper interface {
	// Row finds a row.
	Row(kind, key string) (row Kept, found bool, err error)
	// Of are the customer's records of a kind by their keys. The map is only read.
	Of(kind string, customer dangol.CustomerID) (map[string]Kept, error)
	// Keep inserts a row or replaces it.
	Keep(kind, key string, row Kept) error
	// Drop removes a row, which is there.
	Drop(kind, key string) error
}

// Stream is changes as Loader takes them.
func Stream(changes ...Change) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for _, c := range changes {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Apply makes changes in a Keeper, in their order, as Store and Loader promise: each
// is checked and normalised; rows must be there, belong together and stay within the
// catalog's limits; what belongs to a removed row goes with it. An *InvalidError tells
// which change is at fault. Other errors are the stream's, the Keeper's and ctx's.
// After an error the Keeper holds part of the changes.
func (s *Schema) Apply(ctx context.Context, k Keeper, changes iter.Seq2[Change, error]) error {
	return s.EachChecked(ctx, changes, func(c Change) error { return s.apply(k, c) })
}

// Customer puts a customer together from the rows of a Keeper, or returns
// ErrNotFound: records by kind in the order of their keys, each tied to its parent
// and with what dimensions give it.
func (s *Schema) Customer(k Keeper, id dangol.CustomerID) (*eval.Customer, error) {
	own, found, err := k.Row("", string(id))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNotFound
	}
	c := &eval.Customer{ID: id, Guest: own.Guest, Attributes: own.Fields, Records: map[string][]*eval.Record{}}
	made := map[*Table]map[string]*eval.Record{}
	for _, t := range s.Kinds {
		rows, err := k.Of(t.Kind, id)
		if err != nil {
			return nil, err
		}
		made[t] = make(map[string]*eval.Record, len(rows))
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			fields, err := resolve(k, t, rows[key].Fields)
			if err != nil {
				return nil, err
			}
			r := &eval.Record{Key: key, Fields: fields, Parent: made[t.Parent][rows[key].Parent]}
			made[t][key] = r
			c.Records[t.Kind] = append(c.Records[t.Kind], r)
		}
	}
	return c, nil
}

// resolve adds to a record's own fields those of the dimensions that it reaches.
func resolve(k Keeper, t *Table, own map[string]catalog.Value) (map[string]catalog.Value, error) {
	out := maps.Clone(own)
	for _, c := range t.Columns {
		if c.Reach == nil || own[c.Name].Known() || !own[c.Reach.By].Known() {
			continue
		}
		row, _, err := k.Row(c.Reach.Dimension, own[c.Reach.By].Text())
		if err != nil {
			return nil, err
		}
		if v := row.Fields[c.Reach.Field.Name]; v.Known() {
			out[c.Name] = v
		}
	}
	return out, nil
}

// edit is one checked change on its way into a Keeper.
type edit struct {
	Change
	schema *Schema
	into   Keeper
	table  *Table
}

func (s *Schema) apply(k Keeper, c Change) error {
	t, err := s.Table(c.Kind)
	if err != nil {
		return err
	}
	e := edit{c, s, k, t}
	switch {
	case c.Op == Merge:
		return e.merge()
	case t == s.Customers:
		return e.customer()
	case t.Dimension:
		return e.dimension()
	}
	return e.record()
}

func (e edit) refuse(format string, args ...any) error {
	return &InvalidError{Change: e.Change, Why: fmt.Sprintf(format, args...)}
}

// over are the fields of a row after the change.
func (e edit) over(before Kept) map[string]catalog.Value {
	if e.Op == Put {
		return e.Fields
	}
	out := make(map[string]catalog.Value, len(before.Fields)+len(e.Fields))
	maps.Copy(out, before.Fields)
	maps.Copy(out, e.Fields)
	maps.DeleteFunc(out, func(_ string, v catalog.Value) bool { return !v.Known() })
	return out
}

func (e edit) customer() error {
	before, exists, err := e.into.Row("", string(e.Change.Customer))
	switch {
	case err != nil:
		return err
	case e.Op == Delete && !exists:
		return nil
	case e.Op == Delete:
		for _, t := range e.schema.Kinds {
			records, err := e.into.Of(t.Kind, e.Change.Customer)
			if err != nil {
				return err
			}
			for key := range records {
				if err := e.into.Drop(t.Kind, key); err != nil {
					return err
				}
			}
		}
		return e.into.Drop("", string(e.Change.Customer))
	case e.Op == Set && !exists:
		return e.refuse("no such customer")
	}
	after := Kept{Customer: e.Change.Customer, Guest: e.Guest, Fields: e.over(before)}
	if e.Op == Set {
		after.Guest = before.Guest
	}
	if name := e.schema.Lacks(after.Guest, after.Fields); name != "" {
		return &InvalidError{Change: e.Change, Field: name, Why: "is required"}
	}
	return e.into.Keep("", string(e.Change.Customer), after)
}

func (e edit) dimension() error {
	before, exists, err := e.into.Row(e.Kind, e.Key)
	switch {
	case err != nil:
		return err
	case e.Op == Delete && !exists:
		return nil
	case e.Op == Delete:
		return e.into.Drop(e.Kind, e.Key)
	case e.Op == Set && !exists:
		return e.refuse("no such row")
	}
	return e.into.Keep(e.Kind, e.Key, Kept{Fields: e.over(before)})
}

func (e edit) record() error {
	before, exists, err := e.into.Row(e.Kind, e.Key)
	switch {
	case err != nil:
		return err
	case exists && e.Change.Customer != "" && e.Change.Customer != before.Customer:
		return e.refuse("it belongs to customer %q", string(before.Customer))
	case e.Op == Delete && !exists:
		return nil
	case e.Op == Delete:
		return e.schema.drop(e.into, e.table, e.Key, before.Customer)
	case e.Op == Set && !exists:
		return e.refuse("no such record")
	}
	after := Kept{Customer: e.Change.Customer, Parent: e.Parent, Fields: e.over(before)}
	if exists {
		after.Customer = before.Customer
	}
	if after.Parent == "" {
		after.Parent = before.Parent
	}
	if !exists {
		if err := e.fits(after.Customer); err != nil {
			return err
		}
	}
	if e.table.Parent != nil {
		switch parent, found, err := e.into.Row(e.table.Parent.Kind, after.Parent); {
		case err != nil:
			return err
		case !found:
			return e.refuse("no %s %q", e.table.ParentField, after.Parent)
		case parent.Customer != after.Customer:
			return e.refuse("its %s %q belongs to customer %q", e.table.ParentField, after.Parent, string(parent.Customer))
		}
	}
	return e.into.Keep(e.Kind, e.Key, after)
}

// fits tells whether the customer is there and may have one more record of the kind.
func (e edit) fits(id dangol.CustomerID) error {
	if _, found, err := e.into.Row("", string(id)); err != nil {
		return err
	} else if !found {
		return e.refuse("no such customer: %q", string(id))
	}
	records, err := e.into.Of(e.Kind, id)
	if err != nil {
		return err
	}
	if len(records) >= e.table.Limit {
		return e.refuse("the customer has %d %s already, the most that the catalog allows", e.table.Limit, e.Kind)
	}
	return nil
}

// drop removes a record, and with it what belongs to it.
func (s *Schema) drop(k Keeper, t *Table, key string, customer dangol.CustomerID) error {
	for _, child := range s.Kinds {
		if child.Parent != t {
			continue
		}
		records, err := k.Of(child.Kind, customer)
		if err != nil {
			return err
		}
		for below, r := range records {
			if r.Parent != key {
				continue
			}
			if err := s.drop(k, child, below, customer); err != nil {
				return err
			}
		}
	}
	return k.Drop(t.Kind, key)
}

func (e edit) merge() error {
	if _, found, err := e.into.Row("", string(e.Change.Customer)); err != nil {
		return err
	} else if !found {
		return e.refuse("no such customer")
	}
	if _, found, err := e.into.Row("", string(e.From)); err != nil || !found {
		return err
	}
	for _, t := range e.schema.Kinds {
		moved, err := e.into.Of(t.Kind, e.From)
		if err != nil {
			return err
		}
		records, err := e.into.Of(t.Kind, e.Change.Customer)
		if err != nil {
			return err
		}
		if len(moved)+len(records) > t.Limit {
			return e.refuse("the two have more %s together than the catalog allows a customer", t.Kind)
		}
		for key, r := range moved {
			r.Customer = e.Change.Customer
			if err := e.into.Keep(t.Kind, key, r); err != nil {
				return err
			}
		}
	}
	return e.into.Drop("", string(e.From))
}
