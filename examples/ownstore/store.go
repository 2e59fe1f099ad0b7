package main

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// rows are all rows, by kind ("" for customers) and key: a store.Keeper.
type rows map[string]map[string]store.Kept

// Row finds a row.
func (r rows) Row(kind, key string) (row store.Kept, found bool, err error) {
	row, found = r[kind][key]
	return row, found, nil
}

// Of are the customer's records of a kind. It looks at everybody's: a store with an
// index by customer would not.
func (r rows) Of(kind string, customer dangol.CustomerID) (map[string]store.Kept, error) {
	out := map[string]store.Kept{}
	for key, row := range r[kind] {
		if row.Customer == customer {
			out[key] = row
		}
	}
	return out, nil
}

// Keep inserts a row or replaces it.
func (r rows) Keep(kind, key string, row store.Kept) error {
	if r[kind] == nil {
		r[kind] = map[string]store.Kept{}
	}
	r[kind][key] = row
	return nil
}

// Drop removes a row.
func (r rows) Drop(kind, key string) error {
	delete(r[kind], key)
	return nil
}

// Store is a store in maps. It is the plainest one that keeps the whole contract,
// to read before writing your own; it is slow on purpose.
type Store struct {
	schema *store.Schema
	mu     sync.RWMutex // guards now; the rows that now points at never change
	now    rows
}

// New makes an empty store.
func New(c *catalog.Catalog) (*Store, error) {
	schema, err := store.NewSchema(c)
	return &Store{schema: schema}, err
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.schema.Customer(s.state(), id)
}

// Select lets package store answer by package eval, over everybody in one state.
func (s *Store) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	now := s.state()
	return store.Scan(ctx, q, store.ScanOptions{ReadAt: dangol.SystemClock.Now()}, func(yield func(*eval.Customer, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(now[""])) {
			if !yield(s.schema.Customer(now, dangol.CustomerID(id))) {
				return
			}
		}
	})
}

// Apply makes all changes or none.
func (s *Store) Apply(ctx context.Context, changes ...store.Change) error {
	return s.Load(ctx, store.Stream(changes...))
}

// Load makes the changes on a copy, and then the copy the state.
func (s *Store) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := rows{}
	for kind, of := range s.now {
		next[kind] = maps.Clone(of)
	}
	if err := s.schema.Apply(ctx, next, changes); err != nil {
		return err
	}
	s.now = next
	return nil
}
