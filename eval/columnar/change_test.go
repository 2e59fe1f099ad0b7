package columnar_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/stretchr/testify/require"
)

// changed is a copy of a customer with some differences: other values in place,
// other stamps, records that come and go.
func (s *shopkeeper) changed(c *eval.Customer) *eval.Customer {
	out := &eval.Customer{ID: c.ID, Guest: c.Guest, Attributes: map[string]catalog.Value{}, Records: map[string][]*eval.Record{}}
	if s.IntN(10) == 0 {
		out.Guest = !out.Guest
	}
	for _, a := range s.cat.Attributes {
		v := c.Attributes[a.Name]
		if a.Derived == "" && s.IntN(10) == 0 {
			v = s.value(a.Type)
		}
		if v.Known() {
			out.Attributes[a.Name] = v
		}
	}
	moved := map[*eval.Record]*eval.Record{}
	for _, name := range parentsFirst(s.cat) {
		k, _ := s.cat.Kind(name)
		var records []*eval.Record
		for _, r := range c.Records[name] {
			if s.IntN(8) == 0 {
				continue
			}
			next := &eval.Record{Key: r.Key, Fields: map[string]catalog.Value{}, Parent: moved[r.Parent]}
			for _, f := range k.Fields {
				v := r.Fields[f.Name]
				if f.Derived == "" && s.IntN(12) == 0 {
					v = s.value(f.Type)
				}
				if v.Known() {
					next.Fields[f.Name] = v
				}
			}
			moved[r] = next
			records = append(records, next)
		}
		for range s.IntN(3) {
			records = append(records, s.record(out, k))
		}
		slices.SortFunc(records, func(a, b *eval.Record) int { return cmpKey(a, b) })
		if len(records) > 0 {
			out.Records[name] = records
		}
	}
	return out
}

// change changes one in so many of the customers, there and in the table.
func (s *shopkeeper) change(t *testing.T, table *columnar.Table, customers []*eval.Customer, oneIn int) {
	t.Helper()
	for at := range customers {
		if s.IntN(oneIn) == 0 {
			customers[at] = s.changed(customers[at])
			require.NoError(t, table.Put(customers[at]))
		}
	}
}

func cmpKey(a, b *eval.Record) int {
	switch {
	case a.Key < b.Key:
		return -1
	case a.Key > b.Key:
		return 1
	}
	return 0
}

func parentsFirst(cat *catalog.Catalog) []string {
	var roots, rest []string
	for _, k := range cat.Kinds {
		switch {
		case k.Base != "":
		case k.Parent == "":
			roots = append(roots, k.Name)
		default:
			rest = append(rest, k.Name)
		}
	}
	return append(roots, rest...)
}

// After any changes, with or without compaction between, the table answers as one
// that was made of the customers as they are; snapshots from before answer as
// they did.
func TestChanges(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	for i := range 25 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(1000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 6}
		customers := keeper.customers(30)
		table := load(t, cat, customers)
		env := eval.Env{AsOf: now, Zone: zone(t, zones[rnd.IntN(len(zones))]), Groups: clubs{}}
		plans := rules.some(t, rnd, 10)
		for range 6 {
			before, was := table.Snapshot(), customers
			requireSame(t, before, plans, customers, env, columnar.Run{})
			customers = slices.Clone(customers)
			keeper.change(t, table, customers, 3)
			if gone := rnd.IntN(len(customers)); len(customers) > 5 {
				table.Delete(customers[gone].ID)
				if rnd.IntN(2) == 0 { // and comes back, with other records
					customers[gone] = keeper.changed(customers[gone])
					require.NoError(t, table.Put(customers[gone]))
				} else {
					customers = slices.Delete(customers, gone, gone+1)
				}
			}
			customers = append(customers, keeper.customer())
			require.NoError(t, table.Put(customers[len(customers)-1]))
			if rnd.IntN(2) == 0 {
				require.NoError(t, table.Compact(context.Background(), true))
			}
			requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
			requireSame(t, before, plans, was, env, columnar.Run{})
			require.Equal(t, len(customers), table.Len())
		}
	}
}

// Readers, writers and compaction at the same time: a snapshot gives the same
// answer however often it is asked.
func TestConcurrentReadersAndWriters(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	rnd := rand.New(rand.NewPCG(*seed, 77))
	keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 6}
	customers := keeper.customers(40)
	table := load(t, cat, customers)
	plans := rules.some(t, rnd, 20)
	env := eval.Env{AsOf: now, Groups: clubs{}}
	done := make(chan struct{})
	var readers, others sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for range 15 {
				s := table.Snapshot()
				first := members(t, s, plans, env)
				require.Equal(t, first, members(t, s, plans, env))
			}
		})
	}
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			at := rnd.IntN(len(customers))
			customers[at] = keeper.changed(customers[at])
			if err := table.Put(customers[at]); err != nil {
				t.Error(err)
				return
			}
			if rnd.IntN(5) == 0 {
				gone := rnd.IntN(len(customers))
				table.Delete(customers[gone].ID)
				if err := table.Put(customers[gone]); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := table.Compact(context.Background(), true); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	readers.Wait()
	close(done)
	others.Wait()
	requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
}

func members(t testing.TB, s *columnar.Snapshot, plans []*plan.Plan, env eval.Env) [][]dangol.CustomerID {
	answers, err := s.Select(context.Background(), plans, env, columnar.Run{})
	if err != nil {
		t.Error(err)
	}
	var out [][]dangol.CustomerID
	for _, a := range answers {
		if a.Err != nil {
			t.Error(a.Err)
			continue
		}
		out = append(out, slices.Collect(a.Members.All()))
	}
	return out
}

func TestWritesThatDoNotFit(t *testing.T) {
	table, err := columnar.New(catalog.Shop(), columnar.Options{MaxBytes: 4000})
	require.NoError(t, err)
	for _, c := range []*eval.Customer{
		{ID: "a", Attributes: map[string]catalog.Value{"shoe_size": catalog.NumberValue(1)}},
		{ID: "a", Attributes: map[string]catalog.Value{"joined": catalog.NumberValue(1)}},
		{ID: "a", Records: map[string][]*eval.Record{"orders": {{Key: "1"}}}}, // a view owns no rows
		{ID: "a", Records: map[string][]*eval.Record{"visits": {{Key: "1", Fields: map[string]catalog.Value{"color": catalog.StringValue("x")}}}}},
		{ID: "a", Records: map[string][]*eval.Record{"items": {{Key: "1", Parent: &eval.Record{}}}}},
	} {
		require.ErrorIs(t, table.Put(&eval.Customer{ID: "fits"}, c), columnar.ErrShape)
	}
	require.Zero(t, table.Len())
	for err == nil {
		err = table.Put(&eval.Customer{ID: dangol.CustomerID(rune('a' + table.Len()))})
	}
	require.ErrorIs(t, err, columnar.ErrFull)
	require.Positive(t, table.Len())
}

// Events that are appended one by one, some late, answer as if they had been there.
func TestAppend(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	for i := range 15 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(4000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 3}
		customers := keeper.customers(20)
		table := load(t, cat, customers)
		plans := rules.some(t, rnd, 10)
		env := eval.Env{AsOf: now, Groups: clubs{}}
		for range 3 {
			before := table.Snapshot()
			was := members(t, before, plans, env)
			for range 40 {
				at := rnd.IntN(len(customers))
				c := *customers[at]
				c.Records = maps.Clone(c.Records)
				name := []string{"all_orders", "items", "visits", "cart"}[rnd.IntN(4)]
				k, _ := cat.Kind(name)
				r := keeper.record(&c, k)
				told := *r
				if r.Parent != nil {
					told.Parent = &eval.Record{Key: r.Parent.Key}
				}
				require.NoError(t, table.Write(columnar.Change{Customer: c.ID, Kind: name, Record: &told, New: true}))
				c.Records[name] = append(slices.Clone(c.Records[name]), r)
				slices.SortFunc(c.Records[name], cmpKey)
				customers[at] = &c
			}
			requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
			requireMatches(t, table, plans, customers, env)
			require.Equal(t, was, members(t, before, plans, env))
			require.NoError(t, table.Compact(context.Background(), true))
		}
		visit := &eval.Record{Key: "x"}
		require.NoError(t, table.Write(columnar.Change{Customer: "nobody", Kind: "visits", Record: visit, New: true}))
		require.ErrorIs(t, table.Write(columnar.Change{Customer: customers[0].ID, Kind: "orders", Record: visit}), columnar.ErrShape)
		require.ErrorIs(t, table.Write(columnar.Change{Customer: customers[0].ID, Kind: "visits"}), columnar.ErrShape)
		require.ErrorIs(t, table.Write(columnar.Change{Customer: customers[0].ID, Kind: "visits", Record: &eval.Record{Key: "x", Parent: visit}}), columnar.ErrShape)
		require.NoError(t, table.Write(columnar.Change{Customer: customers[0].ID, Kind: "visits", Gone: true, Record: visit}, columnar.Change{Customer: "nobody", Gone: true}))
		requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
	}
}
