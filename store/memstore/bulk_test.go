package memstore_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// byColumns is a store whose first changes are loaded by columns, where they can
// be.
type byColumns struct {
	*memstore.Store
	took *int
}

func (s byColumns) Apply(ctx context.Context, changes ...store.Change) error {
	if s.Len() == 0 {
		if in, ok := columnsOf(s.Catalog(), changes); ok {
			err := s.LoadColumns(ctx, in)
			if err == nil {
				*s.took++
			}
			if !errors.Is(err, store.ErrColumns) {
				return err
			}
		}
	}
	return s.Store.Apply(ctx, changes...)
}

func (s byColumns) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	var all []store.Change
	for c, err := range changes {
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	return s.Apply(ctx, all...)
}

// columnsOf is changes as columns, not ok where they are more than rows that are
// put once each.
func columnsOf(c *catalog.Catalog, changes []store.Change) (out store.Columns, ok bool) {
	schema, err := store.NewSchema(c)
	if err != nil {
		return out, false
	}
	rows := map[string][]store.Change{}
	place := map[string]map[string]uint32{} // by kind and key
	for _, change := range changes {
		checked, err := schema.Check(change)
		key := checked.Key
		if change.Kind == "" {
			key = string(change.Customer)
		}
		if place[change.Kind] == nil {
			place[change.Kind] = map[string]uint32{}
		}
		_, twice := place[change.Kind][key]
		if t, bad := schema.Table(change.Kind); twice || err != nil || bad != nil || change.Op != store.Put ||
			change.Kind != "" && !t.Dimension && place[""][string(change.Customer)] == 0 ||
			t.Parent != nil && place[t.Parent.Kind][checked.Parent] == 0 {
			return out, false
		}
		rows[change.Kind] = append(rows[change.Kind], checked)
		place[change.Kind][key] = uint32(len(rows[change.Kind]))
	}
	for _, change := range rows[""] {
		out.IDs, out.Guests = append(out.IDs, change.Customer), append(out.Guests, change.Guest)
	}
	out.Attributes = fieldsOf(schema.Customers, rows[""])
	for _, t := range schema.Tables()[1:] {
		if rows[t.Kind] == nil {
			continue
		}
		r := store.Rows{Kind: t.Kind, Fields: fieldsOf(t, rows[t.Kind])}
		for _, change := range rows[t.Kind] {
			r.Keys = append(r.Keys, change.Key)
			if !t.Dimension {
				r.Customer = append(r.Customer, place[""][string(change.Customer)]-1)
			}
			if t.Parent != nil {
				r.Parent = append(r.Parent, place[t.Parent.Kind][change.Parent])
			}
		}
		out.Rows = append(out.Rows, r)
	}
	return out, len(out.IDs) > 0
}

func fieldsOf(t *store.Table, rows []store.Change) map[string]catalog.Column {
	out := map[string]catalog.Column{}
	for _, col := range t.Columns {
		c := catalog.Column{Missing: make([]bool, len(rows))}
		some := false
		for i, row := range rows {
			v := row.Fields[col.Name]
			c.Missing[i] = !v.Known()
			some = some || v.Known()
			switch col.Type.Sort {
			case catalog.Set:
				c.Codes, c.Sets = append(c.Codes, uint32(i)), append(c.Sets, v.Items())
			case catalog.String, catalog.Enum:
				c.Strings = append(c.Strings, v.Text())
			default:
				c.Ints = append(c.Ints, v.Int())
			}
		}
		if some {
			out[col.Name] = c
		}
	}
	return out
}

// A store that was loaded by columns keeps every promise of a store.
func TestConformanceByColumns(t *testing.T) {
	took := 0
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		return byColumns{s, &took}
	}, storetest.Worlds(25, 12, 1000))
	require.Greater(t, took, 25)
}

func dump(t *testing.T, s *memstore.Store) []*eval.Customer {
	var out []*eval.Customer
	require.NoError(t, s.Each(context.Background(), func(c *eval.Customer) error {
		out = append(out, c)
		return nil
	}))
	return out
}

// After the load, changes of every sort do what they do to a store that was filled
// by changes: to made-up shops, and to one whose records change, go and move.
func TestChangesAfterColumns(t *testing.T) {
	ctx := context.Background()
	same := cmp.Options{cmp.Comparer(catalog.Value.Equal)}
	took := 0
	for seed := range uint64(15) {
		w := rulegen.New(seed)
		fast, err := memstore.New(w.Catalog, memstore.Options{})
		require.NoError(t, err)
		slow, err := memstore.New(w.Catalog, memstore.Options{ByEval: true})
		require.NoError(t, err)
		changes := w.Changes()
		require.NoError(t, byColumns{fast, &took}.Apply(ctx, changes...))
		require.NoError(t, slow.Apply(ctx, changes...))
		rnd := rand.New(rand.NewPCG(seed, 5))
		rules, err := compile.New(w.Catalog)
		require.NoError(t, err)
		q := store.Query{AsOf: w.AsOf, Zone: w.Zone, Groups: w.Groups}
		for range 4 {
			rule := w.Rule(plan.Both)
			if p, ds := rules.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
				q.Plans = append(q.Plans, p)
			}
		}
		for range 6 {
			requireSameStores(t, fast, slow, same)
			requireSame(t, fast, slow, q)
			again := slices.Clone(changes)
			rnd.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			for _, c := range again[:min(len(again), 20)] {
				switch {
				case c.Kind == "" && rnd.IntN(2) == 0:
					c = store.Change{Op: store.Merge, Customer: w.Customers[rnd.IntN(len(w.Customers))].ID, From: c.Customer}
				case rnd.IntN(2) == 0:
					c.Op, c.Fields, c.Guest = store.Delete, nil, false
				case rnd.IntN(2) == 0:
					c.Op, c.Guest = store.Set, false
				}
				got, want := fast.Apply(ctx, c), slow.Apply(ctx, c)
				require.Equal(t, want, got)
			}
		}
	}
	require.Greater(t, took, 10)
}

func requireSameStores(t *testing.T, fast, slow *memstore.Store, same cmp.Options) {
	t.Helper()
	want, got := dump(t, slow), dump(t, fast)
	require.Empty(t, cmp.Diff(want, got, same))
	require.Equal(t, slow.Len(), fast.Len())
	for _, c := range want {
		one, err := fast.Customer(context.Background(), c.ID)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(c, one, same))
	}
}

func TestColumnsThatAreNotTaken(t *testing.T) {
	ctx := context.Background()
	one := store.Columns{IDs: []dangol.CustomerID{"a"}}
	slow, err := memstore.New(catalog.Shop(), memstore.Options{ByEval: true})
	require.NoError(t, err)
	require.ErrorIs(t, slow.LoadColumns(ctx, one), store.ErrColumns)
	s := open(t)
	require.NoError(t, s.LoadColumns(ctx, store.Columns{}), "it would take some")
	for _, bad := range []store.Columns{
		{IDs: []dangol.CustomerID{"a", "a"}},
		{IDs: []dangol.CustomerID{""}},
		{IDs: []dangol.CustomerID{"a"}, Guests: []bool{}},
		{IDs: []dangol.CustomerID{"a"}, Attributes: map[string]catalog.Column{"shoe_size": {Ints: []int64{1}}}},
		{IDs: []dangol.CustomerID{"a"}, Attributes: map[string]catalog.Column{"points": {Ints: []int64{1, 2}}}},
		{IDs: []dangol.CustomerID{"a"}, Attributes: map[string]catalog.Column{"points": {Ints: []int64{1 << 61}}}},
		{IDs: []dangol.CustomerID{"a"}, Attributes: map[string]catalog.Column{"email": {Strings: []string{"\xff"}}}},
		{IDs: []dangol.CustomerID{"a"}, Attributes: map[string]catalog.Column{"email": {Codes: []uint32{1}, Dictionary: []string{"x"}}}},
		{IDs: []dangol.CustomerID{"a"}, Rows: []store.Rows{{Kind: "visits", Customer: []uint32{1}, Keys: []string{"x"}}}},
		{IDs: []dangol.CustomerID{"a"}, Rows: []store.Rows{{Kind: "visits", Customer: []uint32{0}}}},
		{IDs: []dangol.CustomerID{"a"}, Rows: []store.Rows{{Kind: "visits", Customer: []uint32{0}, Numbers: []int64{100}, Digits: 2}}},
		{IDs: []dangol.CustomerID{"a"}, Rows: []store.Rows{{Kind: "visits"}, {Kind: "visits"}}},
		{IDs: []dangol.CustomerID{"a"}, Rows: []store.Rows{{Kind: "orders"}}},
		{IDs: []dangol.CustomerID{"a"}, Rows: []store.Rows{{Kind: "items", Customer: []uint32{0}, Keys: []string{"x"}, Parent: []uint32{1}}}},
	} {
		require.ErrorIs(t, s.LoadColumns(ctx, bad), store.ErrColumns)
		require.Zero(t, s.Len())
	}
	require.NoError(t, s.LoadColumns(ctx, one))
	require.ErrorIs(t, s.LoadColumns(ctx, one), store.ErrColumns)
	require.Equal(t, 1, s.Len())
	_, err = s.Customer(ctx, "a")
	require.NoError(t, err)
}
