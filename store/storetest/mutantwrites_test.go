package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// writer is a store whose writes go wrong, those whose funcs are set.
type writer struct {
	*memstore.Store
	apply    func(s *memstore.Store, ctx context.Context, changes []store.Change) error
	load     func(s *memstore.Store, ctx context.Context, changes iter.Seq2[store.Change, error]) error
	columns  func(s *memstore.Store, ctx context.Context, in store.Columns) error
	each     func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error
	customer func(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error)
}

func (w *writer) Apply(ctx context.Context, changes ...store.Change) error {
	if w.apply != nil {
		return w.apply(w.Store, ctx, slices.Clone(changes))
	}
	return w.Store.Apply(ctx, changes...)
}

func (w *writer) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	if w.load != nil {
		return w.load(w.Store, ctx, changes)
	}
	return w.Store.Load(ctx, changes)
}

func (w *writer) LoadColumns(ctx context.Context, in store.Columns) error {
	if w.columns != nil {
		return w.columns(w.Store, ctx, in)
	}
	return w.Store.LoadColumns(ctx, in)
}

func (w *writer) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	if w.each != nil {
		return w.each(w.Store, ctx, visit)
	}
	return w.Store.Each(ctx, visit)
}

func (w *writer) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	if w.customer != nil {
		return w.customer(ctx, id)
	}
	return w.Store.Customer(ctx, id)
}

func writes(apply func(s *memstore.Store, ctx context.Context, changes []store.Change) error) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store { return &writer{Store: memory(c), apply: apply} }
}

// given is a store that is given other changes.
func given(change func(s *memstore.Store, c *store.Change)) func(*catalog.Catalog) store.Store {
	return writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		for i := range changes {
			change(s, &changes[i])
		}
		return s.Apply(ctx, changes...)
	})
}

// helped is a store that mends a refused call by one more change before it.
func helped(when string, by func(c store.Change) store.Change) func(*catalog.Catalog) store.Store {
	return writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		err := s.Apply(ctx, changes...)
		if bad := (*store.InvalidError)(nil); errors.As(err, &bad) && strings.Contains(bad.Why, when) {
			return s.Apply(ctx, slices.Insert(changes, bad.Index, by(bad.Change))...)
		}
		return err
	})
}

// overCatalog is a store of another catalog than the one it was given.
func overCatalog(change func(c *catalog.Catalog)) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store {
		other := *c
		other.Attributes, other.Kinds = slices.Clone(c.Attributes), slices.Clone(c.Kinds)
		change(&other)
		return memory(&other)
	}
}

func oneByOne(s *memstore.Store, ctx context.Context, changes []store.Change) error {
	for i, c := range changes {
		if err := s.Apply(ctx, c); err != nil {
			if bad := (*store.InvalidError)(nil); errors.As(err, &bad) {
				bad.Index = i
			}
			return err
		}
		time.Sleep(10 * time.Microsecond)
	}
	return nil
}

// without leaves out the fields that a func names wrong.
func without(wrong func(t *store.Table, name string, v catalog.Value) bool) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store {
		schema, err := store.NewSchema(c)
		if err != nil {
			panic(err)
		}
		return given(func(_ *memstore.Store, c *store.Change) {
			if t, err := schema.Table(c.Kind); err == nil {
				c.Fields = maps.Clone(c.Fields)
				maps.DeleteFunc(c.Fields, func(name string, v catalog.Value) bool { return wrong(t, name, v) })
			}
		})(c)
	}
}

func valid(text string) string { return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "") }

// borrowed keeps the caller's own map of a customer.
func borrowed(c *catalog.Catalog) store.Store {
	s, kept := memory(c), map[dangol.CustomerID]map[string]catalog.Value{}
	return &writer{Store: s,
		apply: func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
			for _, c := range changes {
				if c.Kind == "" {
					kept[c.Customer] = c.Fields
				}
			}
			return s.Apply(ctx, changes...)
		},
		customer: func(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
			c, err := s.Customer(ctx, id)
			if err != nil {
				return nil, err
			}
			c = copied(c)
			c.Attributes = kept[id]
			return c, nil
		},
	}
}

const (
	invalid = "values of the wrong type are refused"
	unread  = "text that no engine could hold is refused"
)

var writers = []mutant{
	{"one change after the other stays", "all changes or none", writes(oneByOne)},
	{"one change after the other is visible", "a reader sees the state before or after, never half of it", writes(oneByOne)},
	{"the error blames the first change", "all changes or none", writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		err := s.Apply(ctx, changes...)
		if bad := (*store.InvalidError)(nil); errors.As(err, &bad) {
			bad.Index = 0
		}
		return err
	})},
	{"an invalid change is any error", "all changes or none", writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		if err := s.Apply(ctx, changes...); err != nil {
			return errors.New(err.Error())
		}
		return nil
	})},
	{"no changes are an error", "no changes", writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		if len(changes) == 0 {
			return errors.New("there is nothing to do")
		}
		return s.Apply(ctx, changes...)
	})},
	{"changes are made though the context has ended", "an ended context ends the query", writes(func(s *memstore.Store, _ context.Context, changes []store.Change) error {
		return s.Apply(context.Background(), changes...)
	})},
	{"removals come last", "delete and put in one call", writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		slices.SortStableFunc(changes, func(a, b store.Change) int { return int(a.Op) - int(b.Op) })
		return s.Apply(ctx, changes...)
	})},
	{"the second of two writers is lost", "writers do not lose each other's changes", func(c *catalog.Catalog) store.Store {
		var mu sync.Mutex
		return writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
			if !mu.TryLock() {
				return nil
			}
			defer mu.Unlock()
			time.Sleep(time.Millisecond)
			return s.Apply(ctx, changes...)
		})(c)
	}},
	{"a set replaces the customer", "set changes the given attributes only", given(func(_ *memstore.Store, c *store.Change) {
		if c.Op == store.Set && c.Kind == "" {
			c.Op = store.Put
		}
	})},
	{"a put leaves what it does not name", "put replaces the whole customer and leaves the records", given(func(s *memstore.Store, c *store.Change) {
		if _, err := s.Customer(context.Background(), c.Customer); err == nil && c.Op == store.Put && c.Kind == "" && !c.Guest {
			c.Op = store.Set
		}
	})},
	{"a guest stays a guest", "a guest can become a member", given(func(s *memstore.Store, c *store.Change) {
		if was, err := s.Customer(context.Background(), c.Customer); err == nil && c.Op == store.Put && c.Kind == "" {
			c.Guest = was.Guest
		}
	})},
	{"nothing is required", "required attributes", overCatalog(func(c *catalog.Catalog) {
		for i := range c.Attributes {
			c.Attributes[i].Required = false
		}
	})},
	{"any number of records", "no more records than the catalog allows", overCatalog(func(c *catalog.Catalog) {
		for i := range c.Kinds {
			c.Kinds[i].Max = 0
		}
	})},
	{"a merge beyond the limit", "merge keeps within the limit of records", overCatalog(func(c *catalog.Catalog) {
		for i := range c.Kinds {
			c.Kinds[i].Max = 0
		}
	})},
	{"a merge takes attributes along", "merge moves what a guest did", writes(func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		var out []store.Change
		for _, c := range changes {
			if from, err := s.Customer(ctx, c.From); err == nil && c.Op == store.Merge {
				out = append(out, store.Change{Op: store.Set, Customer: c.Customer, Fields: from.Attributes})
			}
			out = append(out, c)
		}
		return s.Apply(ctx, out...)
	})},
	{"a merge of nobody is refused", "what cannot be merged", given(func(s *memstore.Store, c *store.Change) {
		if _, err := s.Customer(context.Background(), c.From); err != nil && c.Op == store.Merge {
			c.From = c.Customer // which is refused
		}
	})},
	{"a set of a record replaces it", "put, set and delete of a record", given(func(s *memstore.Store, c *store.Change) {
		if c.Op == store.Set && c.Kind == "all_orders" && c.Customer != "" {
			c.Op = store.Put
		}
	})},
	{"a record brings its customer along", "a record needs its customer", helped("no such customer", func(c store.Change) store.Change {
		return store.Change{Customer: c.Customer}
	})},
	{"a key moves to who names it", "a key is one record of its kind", helped("it belongs to customer", func(c store.Change) store.Change {
		return store.Change{Op: store.Delete, Kind: c.Kind, Key: c.Key}
	})},
	{"a child brings its parent along", "a child belongs to its parent and to the same customer", helped("no order", func(c store.Change) store.Change {
		return store.Change{Customer: c.Customer, Kind: "all_orders", Key: c.Parent}
	})},
	{"ids without case", "ids of customers are bytes", given(func(_ *memstore.Store, c *store.Change) {
		c.Customer = dangol.CustomerID(strings.ToLower(string(c.Customer)))
	})},
	{"the caller's map is kept", "what is given is copied", borrowed},
	{"values of another type are left out", invalid, without(func(t *store.Table, name string, v catalog.Value) bool {
		col, err := t.Column(name)
		if err != nil || !v.Known() {
			return false
		}
		text := col.Type.Sort == catalog.String || col.Type.Sort == catalog.Enum
		number := col.Type.Sort == catalog.Number || col.Type.Sort == catalog.Money
		return v.Sort() != col.Type.Sort && !(text && v.Sort() == catalog.String) && !(number && v.Sort() == catalog.Number)
	})},
	{"unknown names are left out", "names that the catalog does not hold are refused", without(func(t *store.Table, name string, _ catalog.Value) bool {
		_, err := t.Column(name)
		return err != nil
	})},
	{"what is beyond the bounds is cut off", "values beyond the bounds are refused", given(func(_ *memstore.Store, c *store.Change) {
		c.Fields = maps.Clone(c.Fields)
		for name, v := range c.Fields {
			if v.Sort() == catalog.Number {
				c.Fields[name] = catalog.NumberValue(max(-10_000_000_000, min(10_000_000_000, v.Int())))
			}
		}
	})},
	{"text is made valid", unread, given(func(_ *memstore.Store, c *store.Change) {
		c.Fields = maps.Clone(c.Fields)
		for name, v := range c.Fields {
			if v.Sort() == catalog.String {
				c.Fields[name] = catalog.StringValue(valid(v.Text()))
			}
		}
	})},
	{"ids are cut to what fits", unread, given(func(_ *memstore.Store, c *store.Change) {
		c.Customer = c.Customer[:min(len(c.Customer), store.MaxID)]
	})},
}

const (
	loading  = "a load is all or nothing"
	bulk     = "a shop by columns"
	visiting = "each customer once, in order"
)

func loads(load func(s *memstore.Store, ctx context.Context, changes iter.Seq2[store.Change, error]) error) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store { return &writer{Store: memory(c), load: load} }
}

func byColumns(columns func(s *memstore.Store, ctx context.Context, in store.Columns) error) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store { return &writer{Store: memory(c), columns: columns} }
}

func visits(each func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store { return &writer{Store: memory(c), each: each} }
}

var loaders = []mutant{
	{"a load keeps what it has", loading, loads(func(s *memstore.Store, ctx context.Context, changes iter.Seq2[store.Change, error]) error {
		for c, err := range changes {
			if err == nil {
				err = s.Apply(ctx, c)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})},
	{"the stream's error is its end", loading, loads(func(s *memstore.Store, ctx context.Context, changes iter.Seq2[store.Change, error]) error {
		return s.Load(ctx, func(yield func(store.Change, error) bool) {
			for c, err := range changes {
				if err != nil || !yield(c, nil) {
					return
				}
			}
		})
	})},
	{"a load goes on though its context has ended", loading, loads(func(s *memstore.Store, _ context.Context, changes iter.Seq2[store.Change, error]) error {
		return s.Load(context.Background(), changes)
	})},
	{"wrong columns are passed over", bulk, byColumns(func(s *memstore.Store, ctx context.Context, in store.Columns) error {
		if err := s.LoadColumns(ctx, in); !errors.Is(err, store.ErrColumns) {
			return err
		}
		return nil
	})},
	{"columns of members only", bulk, byColumns(func(s *memstore.Store, ctx context.Context, in store.Columns) error {
		in.Guests = nil
		return s.LoadColumns(ctx, in)
	})},
	{"columns over what is there", bulk, byColumns(func(s *memstore.Store, ctx context.Context, in store.Columns) error {
		if s.Len() > 0 {
			return nil
		}
		return s.LoadColumns(ctx, in)
	})},
	{"columns come though the context has ended", bulk, byColumns(func(s *memstore.Store, _ context.Context, in store.Columns) error {
		return s.LoadColumns(context.Background(), in)
	})},
	{"columns lose a dimension", bulk, byColumns(func(s *memstore.Store, ctx context.Context, in store.Columns) error {
		in.Rows = slices.DeleteFunc(slices.Clone(in.Rows), func(r store.Rows) bool { return r.Kind == "products" })
		return s.LoadColumns(ctx, in)
	})},
	{"visits in no order", visiting, visits(func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error {
		var all []*eval.Customer
		if err := s.Each(ctx, func(c *eval.Customer) error { all = append(all, c); return nil }); err != nil {
			return err
		}
		for _, c := range slices.Backward(all) {
			if err := visit(c); err != nil {
				return err
			}
		}
		return nil
	})},
	{"guests are not visited", visiting, visits(func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error {
		return s.Each(ctx, func(c *eval.Customer) error {
			if c.Guest {
				return nil
			}
			return visit(c)
		})
	})},
	{"everybody is visited twice", visiting, visits(func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error {
		return s.Each(ctx, func(c *eval.Customer) error { return errors.Join(visit(c), visit(c)) })
	})},
	{"a visit's error is passed over", visiting, visits(func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error {
		return s.Each(ctx, func(c *eval.Customer) error { visit(c); return nil })
	})},
	{"visits go on though the context has ended", visiting, visits(func(s *memstore.Store, _ context.Context, visit func(*eval.Customer) error) error {
		return s.Each(context.Background(), visit)
	})},
	{"visits without records", visiting, visits(func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error {
		return s.Each(ctx, func(c *eval.Customer) error {
			return visit(&eval.Customer{ID: c.ID, Guest: c.Guest, Attributes: c.Attributes})
		})
	})},
	{"each visit reads anew", "a reader sees the state before or after, never half of it", visits(func(s *memstore.Store, ctx context.Context, visit func(*eval.Customer) error) error {
		var ids []dangol.CustomerID
		if err := s.Each(ctx, func(c *eval.Customer) error { ids = append(ids, c.ID); return nil }); err != nil {
			return err
		}
		for _, id := range ids {
			c, err := s.Customer(ctx, id)
			if err != nil {
				return fmt.Errorf("gone meanwhile: %w", err)
			}
			if err := visit(c); err != nil {
				return err
			}
			time.Sleep(50 * time.Microsecond)
		}
		return nil
	})},
}
