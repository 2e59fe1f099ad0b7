package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// row is one row of any table as it was put.
type row struct {
	customer dangol.CustomerID // whose record it is
	guest    bool
	parent   string
	fields   map[string]catalog.Value
}

// rows are all rows, by kind ("" for customers) and key. A map that was handed out
// is never changed: a writer clones what it touches.
type rows map[string]map[string]row

// Store is a store in maps. It is the plainest one that keeps the whole contract,
// to read before writing your own; it is slow on purpose.
type Store struct {
	schema *store.Schema
	mu     sync.RWMutex // guards now; what now points at never changes
	now    rows
}

// New makes an empty store.
func New(c *catalog.Catalog) (*Store, error) {
	schema, err := store.NewSchema(c)
	return &Store{schema: schema, now: rows{}}, err
}

// Catalog is the vocabulary of the data.
func (s *Store) Catalog() *catalog.Catalog { return s.schema.Catalog }

func (s *Store) state() rows {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now
}

// Customer reads one customer or guest.
func (s *Store) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	now := s.state()
	if _, ok := now[""][string(id)]; !ok {
		return nil, errors.Join(ctx.Err(), store.ErrNotFound)
	}
	return s.assemble(now, id), ctx.Err()
}

// Select lets package store answer by package eval.
func (s *Store) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	now := s.state()
	return store.Scan(ctx, q, store.ScanOptions{ReadAt: dangol.SystemClock.Now()}, func(yield func(*eval.Customer, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(now[""])) {
			if !yield(s.assemble(now, dangol.CustomerID(id)), nil) {
				return
			}
		}
	})
}

// assemble puts a customer together: attributes, records by kind in the order of
// their keys, each tied to its parent and with what dimensions give it.
func (s *Store) assemble(now rows, id dangol.CustomerID) *eval.Customer {
	own := now[""][string(id)]
	c := &eval.Customer{ID: id, Guest: own.guest, Attributes: own.fields, Records: map[string][]*eval.Record{}}
	for _, t := range s.schema.Kinds { // parents before their children
		parents := map[string]*eval.Record{}
		if t.Parent != nil {
			for _, p := range c.Records[t.Parent.Kind] {
				parents[p.Key] = p
			}
		}
		for key, r := range now[t.Kind] {
			if r.customer != id {
				continue
			}
			rec := &eval.Record{Key: key, Fields: maps.Clone(r.fields), Parent: parents[r.parent]}
			for _, col := range t.Columns {
				if _, own := r.fields[col.Name]; col.Reach != nil && !own {
					if v, ok := now[col.Reach.Dimension][r.fields[col.Reach.By].Text()].fields[col.Reach.Field.Name]; ok {
						rec.Fields[col.Name] = v
					}
				}
			}
			c.Records[t.Kind] = append(c.Records[t.Kind], rec)
		}
		slices.SortFunc(c.Records[t.Kind], func(a, b *eval.Record) int { return strings.Compare(a.Key, b.Key) })
	}
	return c
}

// Apply makes all changes on a copy, and then the copy the state.
func (s *Store) Apply(ctx context.Context, changes ...store.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := rows{}
	for kind, of := range s.now {
		next[kind] = maps.Clone(of)
	}
	for i, c := range changes {
		checked, err := s.schema.Check(c)
		if err == nil {
			err = s.apply(next, checked)
		}
		if bad := (*store.InvalidError)(nil); errors.As(err, &bad) {
			bad.Index = i
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.now = next
	return nil
}

// apply makes one change. Whatever it finds wrong leaves the copy to be dropped.
func (s *Store) apply(now rows, c store.Change) error {
	refuse := func(format string, args ...any) error {
		return &store.InvalidError{Change: c, Why: fmt.Sprintf(format, args...)}
	}
	if c.Op == store.Merge {
		return s.merge(now, c, refuse)
	}
	t, err := s.schema.Table(c.Kind)
	if err != nil {
		return err
	}
	key, owned := c.Key, c.Kind != "" && !t.Dimension
	if c.Kind == "" {
		key = string(c.Customer)
	}
	before, exists := now[c.Kind][key]
	if owned && exists && c.Customer != "" && c.Customer != before.customer {
		return refuse("it belongs to customer %q", string(before.customer))
	}
	after := row{customer: c.Customer, guest: c.Guest, parent: c.Parent, fields: c.Fields}
	if owned && exists {
		after.customer = before.customer
	}
	switch {
	case c.Op == store.Delete:
		s.delete(now, t, key)
		return nil
	case c.Op == store.Set && !exists && owned:
		return refuse("no such record")
	case c.Op == store.Set && !exists && t.Dimension:
		return refuse("no such row")
	case c.Op == store.Set && !exists:
		return refuse("no such customer")
	case c.Op == store.Set:
		after.guest, after.fields = before.guest, maps.Clone(before.fields)
		maps.Copy(after.fields, c.Fields)
		maps.DeleteFunc(after.fields, func(_ string, v catalog.Value) bool { return !v.Known() })
		if after.parent == "" {
			after.parent = before.parent
		}
	}
	if c.Kind == "" {
		if name := s.schema.Lacks(after.guest, after.fields); name != "" {
			return refuse("%s is required", name)
		}
	}
	if owned {
		if _, ok := now[""][string(after.customer)]; !ok {
			return refuse("no such customer: %q", string(after.customer))
		}
		if t.Parent != nil {
			switch parent, ok := now[t.Parent.Kind][after.parent]; {
			case !ok:
				return refuse("no %s %q", t.ParentField, after.parent)
			case parent.customer != after.customer:
				return refuse("its %s %q belongs to customer %q", t.ParentField, after.parent, string(parent.customer))
			}
		}
		if !exists && s.count(now, c.Kind, after.customer) >= t.Limit {
			return refuse("the customer has %d %s already, the most that the catalog allows", t.Limit, c.Kind)
		}
	}
	if now[c.Kind] == nil {
		now[c.Kind] = map[string]row{}
	}
	now[c.Kind][key] = after
	return nil
}

func (s *Store) count(now rows, kind string, id dangol.CustomerID) int {
	n := 0
	for _, r := range now[kind] {
		if r.customer == id {
			n++
		}
	}
	return n
}

// delete removes a row, and with it what belongs to it.
func (s *Store) delete(now rows, t *store.Table, key string) {
	delete(now[t.Kind], key)
	for _, child := range s.schema.Kinds {
		for k, r := range now[child.Kind] {
			if child.Parent == t && r.parent == key || t.Kind == "" && string(r.customer) == key {
				s.delete(now, child, k)
			}
		}
	}
}

func (s *Store) merge(now rows, c store.Change, refuse func(string, ...any) error) error {
	if _, ok := now[""][string(c.Customer)]; !ok {
		return refuse("no such customer")
	}
	for _, t := range s.schema.Kinds {
		if s.count(now, t.Kind, c.From)+s.count(now, t.Kind, c.Customer) > t.Limit {
			return refuse("the two have more %s together than the catalog allows a customer", t.Kind)
		}
		for key, r := range now[t.Kind] {
			if r.customer == c.From {
				r.customer = c.Customer
				now[t.Kind][key] = r
			}
		}
	}
	delete(now[""], string(c.From))
	return nil
}
