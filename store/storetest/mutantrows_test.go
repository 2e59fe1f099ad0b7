package storetest_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// rows is a store.Keeper in maps.
type rows map[string]map[string]store.Kept

func (r rows) Row(kind, key string) (row store.Kept, found bool, err error) {
	row, found = r[kind][key]
	return row, found, nil
}

func (r rows) Of(kind string, customer dangol.CustomerID) (map[string]store.Kept, error) {
	out := map[string]store.Kept{}
	for key, row := range r[kind] {
		if row.Customer == customer {
			out[key] = row
		}
	}
	return out, nil
}

func (r rows) Keep(kind, key string, row store.Kept) error {
	if r[kind] == nil {
		r[kind] = map[string]store.Kept{}
	}
	r[kind][key] = row
	return nil
}

func (r rows) Drop(kind, key string) error {
	delete(r[kind], key)
	return nil
}

// shop is a store over rows that are written or read through a Keeper that goes wrong,
// or whose customers are seen through a lens.
type shop struct {
	schema *store.Schema
	write  func(s *store.Schema, k store.Keeper) store.Keeper
	read   func(s *store.Schema, k store.Keeper) store.Keeper
	lens   func(c *eval.Customer)
	mu     sync.RWMutex
	now    rows
}

func (s *shop) open(c *catalog.Catalog) store.Store {
	schema, err := store.NewSchema(c)
	if err != nil {
		panic(err)
	}
	same := func(_ *store.Schema, k store.Keeper) store.Keeper { return k }
	out := &shop{schema: schema, write: s.write, read: s.read, lens: s.lens}
	if out.write == nil {
		out.write = same
	}
	if out.read == nil {
		out.read = same
	}
	return out
}

func (s *shop) Catalog() *catalog.Catalog { return s.schema.Catalog }

func (s *shop) state() store.Keeper {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.read(s.schema, s.now)
}

func (s *shop) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.schema.Customer(s.state(), id)
}

func (s *shop) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	s.mu.RLock()
	ids := slices.Sorted(maps.Keys(s.now[""]))
	now := s.read(s.schema, s.now)
	s.mu.RUnlock()
	return store.Scan(ctx, q, store.ScanOptions{}, func(yield func(*eval.Customer, error) bool) {
		for _, id := range ids {
			c, err := s.schema.Customer(now, dangol.CustomerID(id))
			if err == nil && s.lens != nil {
				c = copied(c)
				s.lens(c)
			}
			if !yield(c, err) {
				return
			}
		}
	})
}

func (s *shop) Apply(ctx context.Context, changes ...store.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := rows{}
	for kind, of := range s.now {
		next[kind] = maps.Clone(of)
	}
	if err := s.schema.Apply(ctx, s.write(s.schema, next), store.Stream(changes...)); err != nil {
		return err
	}
	s.now = next
	return nil
}

// keeper goes wrong where a func is set.
type keeper struct {
	store.Keeper
	row  func(k store.Keeper, kind, key string) (store.Kept, bool, error)
	of   func(k store.Keeper, kind string, customer dangol.CustomerID) (map[string]store.Kept, error)
	keep func(k store.Keeper, kind, key string, row store.Kept) error
	drop func(k store.Keeper, kind, key string) error
}

func (k keeper) Row(kind, key string) (store.Kept, bool, error) {
	if k.row != nil {
		return k.row(k.Keeper, kind, key)
	}
	return k.Keeper.Row(kind, key)
}

func (k keeper) Of(kind string, customer dangol.CustomerID) (map[string]store.Kept, error) {
	if k.of != nil {
		return k.of(k.Keeper, kind, customer)
	}
	return k.Keeper.Of(kind, customer)
}

func (k keeper) Keep(kind, key string, row store.Kept) error {
	if k.keep != nil {
		return k.keep(k.Keeper, kind, key, row)
	}
	return k.Keeper.Keep(kind, key, row)
}

func (k keeper) Drop(kind, key string) error {
	if k.drop != nil {
		return k.drop(k.Keeper, kind, key)
	}
	return k.Keeper.Drop(kind, key)
}

func written(through keeper) func(*catalog.Catalog) store.Store {
	return (&shop{write: func(_ *store.Schema, k store.Keeper) store.Keeper {
		through := through
		through.Keeper = k
		return through
	}}).open
}

func readBy(through keeper) func(*catalog.Catalog) store.Store {
	return (&shop{read: func(_ *store.Schema, k store.Keeper) store.Keeper {
		through := through
		through.Keeper = k
		return through
	}}).open
}

// filled writes into a record what its dimensions give it at the time, where when
// says so.
func filled(when func(before store.Kept, exists bool) bool) func(*catalog.Catalog) store.Store {
	return (&shop{write: func(s *store.Schema, k store.Keeper) store.Keeper {
		return keeper{Keeper: k, keep: func(k store.Keeper, kind, key string, row store.Kept) error {
			t, err := s.Table(kind)
			if err != nil {
				return err
			}
			before, exists, _ := k.Row(kind, key)
			if !when(before, exists) {
				return k.Keep(kind, key, row)
			}
			row.Fields = maps.Clone(row.Fields)
			for _, c := range t.Columns {
				if c.Reach == nil || row.Fields[c.Name].Known() {
					continue
				}
				product, _, _ := k.Row(c.Reach.Dimension, row.Fields[c.Reach.By].Text())
				if v := product.Fields[c.Reach.Field.Name]; v.Known() {
					row.Fields[c.Name] = v
				}
			}
			return k.Keep(kind, key, row)
		}}
	}}).open
}

func dropping(spared ...string) keeper {
	return keeper{drop: func(k store.Keeper, kind, key string) error {
		if slices.Contains(spared, kind) {
			return nil
		}
		return k.Drop(kind, key)
	}}
}

var keepers = []mutant{
	{"records outlive their customer", "delete takes the customer's records along", written(dropping("logins", "all_orders", "items"))},
	{"children outlive their parent", "a parent takes its children along", written(dropping("items"))},
	{"who was merged stays", "merge moves what a guest did", written(keeper{drop: func(k store.Keeper, kind, key string) error {
		if row, _, _ := k.Row(kind, key); row.Guest {
			return nil
		}
		return k.Drop(kind, key)
	}})},
	{"a merge leaves some kinds behind", "merge moves what a guest did", written(keeper{keep: func(k store.Keeper, kind, key string, row store.Kept) error {
		if before, exists, _ := k.Row(kind, key); exists && before.Customer != row.Customer && kind == "items" {
			return k.Drop(kind, key)
		}
		return k.Keep(kind, key, row)
	}})},
	{"kinds share their keys", "a key is one record of its kind", written(keeper{row: func(k store.Keeper, kind, key string) (store.Kept, bool, error) {
		for _, other := range []string{"logins", "visits"} {
			if row, found, err := k.Row(other, key); found && (kind == "logins" || kind == "visits") {
				return row, found, err
			}
		}
		return k.Row(kind, key)
	}})},
	{"a child keeps its first parent", "a child belongs to its parent and to the same customer", written(keeper{keep: func(k store.Keeper, kind, key string, row store.Kept) error {
		if before, exists, _ := k.Row(kind, key); exists {
			row.Parent = before.Parent
		}
		return k.Keep(kind, key, row)
	}})},
	{"dimensions are not looked up", "records carry the fields of the dimension they reach", readBy(keeper{row: func(k store.Keeper, kind, key string) (store.Kept, bool, error) {
		if kind == "products" {
			return store.Kept{}, false, nil
		}
		return k.Row(kind, key)
	}})},
	{"dimensions are looked up when a record is put", "a changed dimension is seen by the records that are there", filled(func(store.Kept, bool) bool { return true })},
	{"a merge copies from dimensions", "dimensions survive a merge", filled(func(_ store.Kept, exists bool) bool { return exists })},
	{"a dimension goes before what a record says", "a record's own field goes before the dimension's", readBy(keeper{of: func(k store.Keeper, kind string, customer dangol.CustomerID) (map[string]store.Kept, error) {
		out, err := k.Of(kind, customer)
		for key, row := range out {
			row.Fields = maps.Clone(row.Fields)
			delete(row.Fields, "product.category")
			out[key] = row
		}
		return out, err
	}})},
}

func seen(lens func(c *eval.Customer)) func(*catalog.Catalog) store.Store {
	return (&shop{lens: lens}).open
}

// values sees each value of a customer and of the records.
func values(see func(v catalog.Value) catalog.Value) func(*eval.Customer) {
	through := func(in map[string]catalog.Value) map[string]catalog.Value {
		out := maps.Clone(in)
		for name, v := range out {
			out[name] = see(v)
		}
		return out
	}
	return func(c *eval.Customer) {
		c.Attributes = through(c.Attributes)
		twins := map[*eval.Record]*eval.Record{}
		for _, list := range c.Records {
			for i, r := range list {
				list[i] = &eval.Record{Key: r.Key, Fields: through(r.Fields), Parent: r.Parent}
				twins[r] = list[i]
			}
		}
		for _, list := range c.Records {
			for _, r := range list {
				if twin := twins[r.Parent]; twin != nil {
					r.Parent = twin
				}
			}
		}
	}
}

func texts(see func(string) string) func(*eval.Customer) {
	return values(func(v catalog.Value) catalog.Value {
		if v.Sort() == catalog.String {
			return catalog.StringValue(see(v.Text()))
		}
		return v
	})
}

func assumed(names []string, v catalog.Value) func(*eval.Customer) {
	return func(c *eval.Customer) {
		for _, name := range names {
			if !c.Attributes[name].Known() {
				c.Attributes[name] = v
			}
		}
	}
}

// lenses are stores whose rules see other values than were put, as an engine does that
// converts, trims, rounds or supplies them.
var lenses = []mutant{
	{"moments are kept to the second", "law3-micro", seen(values(func(v catalog.Value) catalog.Value {
		if v.Sort() == catalog.Instant {
			return catalog.TimeValue(time.UnixMicro(v.Int()).Truncate(time.Second))
		}
		return v
	}))},
	{"moments are read in another zone", "law3", seen(values(func(v catalog.Value) catalog.Value {
		if v.Sort() == catalog.Instant {
			return catalog.InstantValue(v.Int() + 9*3600e6)
		}
		return v
	}))},
	{"a missing text is empty", "law4", seen(assumed([]string{"country", "city", "grade"}, catalog.StringValue("")))},
	{"a missing number is zero", "law4", seen(assumed([]string{"points"}, catalog.NumberValue(0)))},
	{"amounts are floats of 32 bits", "law5", seen(values(func(v catalog.Value) catalog.Value {
		if v.Sort() == catalog.Number {
			return catalog.NumberValue(int64(float32(v.Int())))
		}
		return v
	}))},
	{"no orders are missing", "law6", seen(func(c *eval.Customer) {
		if len(c.Records["all_orders"]) == 0 {
			c.Records["all_orders"] = []*eval.Record{{Key: "none", Fields: map[string]catalog.Value{"placed": catalog.InstantValue(0)}}}
		}
	})},
	{"text without case", "law11", seen(texts(strings.ToLower))},
	{"text without spaces at its ends", "law11", seen(texts(strings.TrimSpace))},
	{"guests are members", "law13", seen(func(c *eval.Customer) { c.Guest = false })},
}
