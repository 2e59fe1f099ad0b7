package columnar_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

// between is changes that make one customer into another state; none is what is not
// there at first. Of some records it tells the fields alone that differ.
func between(rnd *rand.Rand, cat *catalog.Catalog, was, is *eval.Customer) (out []columnar.Change) {
	told := func(r *eval.Record) *eval.Record {
		out := &eval.Record{Key: r.Key, Fields: r.Fields}
		if r.Parent != nil {
			out.Parent = &eval.Record{Key: r.Parent.Key}
		}
		return out
	}
	if is == nil {
		return []columnar.Change{{Customer: was.ID, Gone: true}}
	}
	out = append(out, columnar.Change{Customer: is.ID, Guest: is.Guest, Attributes: is.Attributes})
	names := parentsFirst(cat)
	if was != nil {
		for _, name := range names {
			for _, r := range was.Records[name] {
				if !slices.ContainsFunc(is.Records[name], func(o *eval.Record) bool { return o.Key == r.Key }) {
					out = append(out, columnar.Change{Customer: is.ID, Kind: name, Gone: true, Record: &eval.Record{Key: r.Key}})
				}
			}
		}
	}
	for _, name := range names {
		for _, r := range is.Records[name] {
			if part := differing(was, name, r); part != nil && rnd.IntN(2) == 0 {
				out = append(out, columnar.Change{Customer: is.ID, Kind: name, Record: part, Part: true})
				continue
			}
			out = append(out, columnar.Change{Customer: is.ID, Kind: name, Record: told(r), New: was == nil})
		}
	}
	return out
}

// differing is a record of the fields that have become others, nil where the record is
// new or has another parent.
func differing(was *eval.Customer, kind string, r *eval.Record) *eval.Record {
	if was == nil {
		return nil
	}
	i := slices.IndexFunc(was.Records[kind], func(o *eval.Record) bool { return o.Key == r.Key })
	if i < 0 {
		return nil
	}
	old := was.Records[kind][i]
	if (old.Parent == nil) != (r.Parent == nil) || r.Parent != nil && old.Parent.Key != r.Parent.Key {
		return nil
	}
	out := &eval.Record{Key: r.Key, Fields: map[string]catalog.Value{}}
	for name := range old.Fields {
		if !r.Fields[name].Known() {
			out.Fields[name] = catalog.Missing
		}
	}
	for name, v := range r.Fields {
		if !v.Equal(old.Fields[name]) {
			out.Fields[name] = v
		}
	}
	return out
}

// Changes row by row leave what customers that are put whole do: in every answer,
// for one customer at a time, and in whose each key is. Snapshots from before stay
// as they were.
func TestWrite(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	same := sameValues()
	for i := range 20 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(7000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 6}
		customers := keeper.customers(25)
		table := load(t, cat, customers)
		plans := rules.some(t, rnd, 10)
		env := eval.Env{AsOf: now, Groups: clubs{}}
		asked := rnd.IntN(3)
		for round := range 5 {
			if round == asked {
				table.Look("", "all_orders", "who knows")
				table.Look("", "items", "who knows")
			}
			before, was := table.Snapshot(), slices.Clone(customers)
			var changes []columnar.Change
			for at := range customers {
				if rnd.IntN(3) == 0 {
					next := keeper.changed(customers[at])
					changes = append(changes, between(rnd, cat, customers[at], next)...)
					customers[at] = next
				}
			}
			gone := rnd.IntN(len(customers))
			changes = append(changes, between(rnd, cat, customers[gone], nil)...)
			back := keeper.changed(customers[gone])
			changes = append(changes, between(rnd, cat, nil, back)...)
			customers[gone] = back
			fresh := keeper.customer()
			changes = append(changes, between(rnd, cat, nil, fresh)...)
			customers = append(customers, fresh)
			for len(changes) > 0 {
				n := 1 + rnd.IntN(len(changes))
				require.NoError(t, table.Write(changes[:n]...))
				changes = changes[n:]
			}
			if rnd.IntN(2) == 0 {
				require.NoError(t, table.Compact(context.Background(), rnd.IntN(2) == 0))
			}
			requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
			requireMatches(t, table, plans, customers, env)
			requireSame(t, before, plans, was, env, columnar.Run{})
			requirePresent(t, table, cat, customers, same)
		}
	}
}

// sameValues compares values, of which an empty set is as good as none.
func sameValues() cmp.Option {
	return cmp.Options{cmp.Comparer(catalog.Value.Equal), cmpopts.IgnoreMapEntries(func(_ string, v catalog.Value) bool { return v.Sort() == catalog.Set && len(v.Items()) == 0 })}
}

// requirePresent asks the table for every customer and key.
func requirePresent(t *testing.T, table *columnar.Table, cat *catalog.Catalog, customers []*eval.Customer, same cmp.Option) {
	t.Helper()
	for _, c := range customers {
		got, ok := table.Customer(c.ID)
		require.True(t, ok)
		head := table.Head(c.ID)
		require.Equal(t, c.Guest, head.Guest)
		require.Empty(t, cmp.Diff(c.Attributes, head.Attributes, same))
		for _, name := range parentsFirst(cat) {
			require.Equal(t, len(c.Records[name]), table.Count(c.ID, name))
			require.GreaterOrEqual(t, table.Most(c.ID, name), len(c.Records[name]))
			require.Len(t, got.Records[name], len(c.Records[name]))
			for _, r := range c.Records[name] {
				one := table.Record(c.ID, name, r.Key, uint32(len(c.ID)))
				require.NotNil(t, one)
				require.Empty(t, cmp.Diff(r.Fields, one.Fields, same))
				require.Equal(t, r.Parent == nil, one.Parent == nil)
				if r.Parent != nil {
					require.Equal(t, r.Parent.Key, one.Parent.Key)
				}
				sight := table.Look("", name, r.Key)
				require.NotZero(t, sight.Spot, "%s %s", name, r.Key)
				// Keys of these customers may be the same as another's.
				require.NotNil(t, table.Record(sight.Owner, name, r.Key, sight.Hint))
			}
		}
	}
	require.Zero(t, table.Look("", "visits", "never").Spot)
	require.Nil(t, table.Head("nobody"))
	_, ok := table.Find("nobody")
	require.False(t, ok)
}
