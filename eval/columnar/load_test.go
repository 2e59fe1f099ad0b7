package columnar_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// columnsOf is the customers as columns, rows of all customers mixed.
func columnsOf(t testing.TB, rnd *rand.Rand, cat *catalog.Catalog, customers []*eval.Customer) columnar.Columns {
	out := columnar.Columns{Attributes: map[string]columnar.Column{}}
	for _, c := range customers {
		out.IDs = append(out.IDs, c.ID)
		out.Guests = append(out.Guests, c.Guest)
	}
	for _, a := range cat.Attributes {
		if a.Derived == "" {
			out.Attributes[a.Name] = column(rnd, a.Type, len(customers), func(i int) catalog.Value { return customers[i].Attributes[a.Name] })
		}
	}
	place := map[*eval.Record]uint32{}
	for _, name := range parentsFirst(cat) {
		k, _ := cat.Kind(name)
		rows := columnar.Rows{Kind: name, Fields: map[string]columnar.Column{}}
		var records []*eval.Record
		for i, c := range customers {
			for _, r := range c.Records[name] {
				records = append(records, r)
				rows.Customer = append(rows.Customer, uint32(i))
			}
		}
		rnd.Shuffle(len(records), func(i, j int) {
			records[i], records[j] = records[j], records[i]
			rows.Customer[i], rows.Customer[j] = rows.Customer[j], rows.Customer[i]
		})
		for i, r := range records {
			place[r] = uint32(i) + 1
			rows.Keys = append(rows.Keys, r.Key)
			if k.Parent != "" {
				rows.Parent = append(rows.Parent, place[r.Parent])
			}
		}
		if len(records) == 0 {
			continue
		}
		rows.Keys, rows.Numbers, rows.Digits = keysOf(rnd, rows.Keys)
		for _, f := range k.Fields {
			rows.Fields[f.Name] = column(rnd, f.Type, len(records), func(i int) catalog.Value { return records[i].Fields[f.Name] })
		}
		for _, f := range cat.Reached(k) {
			rows.Fields[f.Name] = column(rnd, f.Field.Type, len(records), func(i int) catalog.Value { return records[i].Fields[f.Name] })
		}
		out.Rows = append(out.Rows, rows)
	}
	return out
}

// keysOf are the keys as numbers, now and then, where they are that.
func keysOf(rnd *rand.Rand, keys []string) ([]string, []int64, int) {
	digits := len(keys[0])
	if keys[0][0] != '0' {
		digits = 0
	}
	var numbers []int64
	for _, k := range keys {
		n, err := strconv.ParseInt(k, 10, 64)
		if err != nil || rnd.IntN(4*len(keys)) == 0 {
			return keys, nil, 0
		}
		numbers = append(numbers, n)
	}
	return nil, numbers, digits
}

func column(rnd *rand.Rand, t catalog.Type, n int, value func(i int) catalog.Value) columnar.Column {
	c := columnar.Column{Missing: make([]bool, n)}
	text := t.Sort == catalog.String || t.Sort == catalog.Enum || t.Sort == catalog.Set
	codes := text && rnd.IntN(2) == 0
	if t.Sort == catalog.Set {
		c.Sets = [][]string{{"never"}}
	}
	for i := range n {
		v := value(i)
		c.Missing[i] = !v.Known()
		switch {
		case t.Sort == catalog.Set:
			c.Codes = append(c.Codes, uint32(len(c.Sets)))
			c.Sets = append(c.Sets, v.Items())
		case codes:
			c.Codes = append(c.Codes, uint32(len(c.Dictionary)))
			c.Dictionary = append(c.Dictionary, v.Text())
		case text:
			c.Strings = append(c.Strings, v.Text())
		case v.Bool():
			c.Ints = append(c.Ints, 1)
		case t.Sort == catalog.Bool:
			c.Ints = append(c.Ints, 0)
		default:
			c.Ints = append(c.Ints, v.Int())
		}
	}
	return c
}

// A table loaded by columns answers as eval does, also after changes.
func TestLoadColumnsIsEval(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	for i := range 30 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(2000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 8}
		var customers []*eval.Customer
		for range 40 {
			c := keeper.customer()
			customers = append(customers, c)
		}
		table, err := columnar.New(cat, columnar.Options{})
		require.NoError(t, err)
		require.NoError(t, table.LoadColumns(columnsOf(t, rnd, cat, customers)))
		env := eval.Env{AsOf: now, Zone: zone(t, zones[i%len(zones)]), Groups: clubs{}}
		plans := rules.some(t, rnd, 10)
		requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
		for range 5 {
			at := rnd.IntN(len(customers))
			customers[at] = keeper.changed(customers[at])
			require.NoError(t, table.Put(customers[at]))
		}
		requireSame(t, table.Snapshot(), plans, customers, env, columnar.Run{})
	}
}

// Several shards, and rows without keys.
func TestLoadColumnsAcrossShards(t *testing.T) {
	cat := catalog.Shop()
	c, err := columnar.New(cat, columnar.Options{})
	require.NoError(t, err)
	const n = 20_000
	in := columnar.Columns{Attributes: map[string]columnar.Column{}}
	visits := columnar.Rows{Kind: "visits", Fields: map[string]columnar.Column{}}
	at := columnar.Column{}
	for i := range n {
		in.IDs = append(in.IDs, dangol.CustomerID(fmt.Sprintf("%06d", i)))
		for v := range i % 4 {
			visits.Customer = append(visits.Customer, uint32(i))
			at.Ints = append(at.Ints, now.AddDate(0, 0, -v-1).UnixMicro())
		}
	}
	visits.Fields["at"] = at
	in.Rows = []columnar.Rows{visits}
	require.NoError(t, c.LoadColumns(in))
	require.ErrorIs(t, c.LoadColumns(in), columnar.ErrShape)
	rules := newRules(t, cat)
	got := members(t, c.Snapshot(), rules.plans(t, `visits >= 2`, `not visits(36h)`, `visits in top 25%`), eval.Env{AsOf: now})
	require.Len(t, got[0], n/2)
	require.Len(t, got[1], n/4)
	require.Len(t, got[2], n/4)
	require.Equal(t, dangol.CustomerID("000002"), got[0][0])

	// Records with keys follow rows without; a Put of the customer replaces both.
	for i, key := range []string{"7", "late", "8"} {
		visit := &eval.Record{Key: key, Fields: map[string]catalog.Value{"at": catalog.TimeValue(now.AddDate(0, 0, -i))}}
		require.NoError(t, c.Write(columnar.Change{Customer: "000003", Kind: "visits", Record: visit, New: true}))
	}
	three := rules.plans(t, `visits(7d) = 5`, `visits = 1`)
	ask := func() [][]dangol.CustomerID {
		return members(t, c.Snapshot(), three, eval.Env{AsOf: now.Add(-1)})
	}
	require.Equal(t, []dangol.CustomerID{"000003"}, ask()[0])
	require.NoError(t, c.Compact(context.Background(), true))
	require.Equal(t, []dangol.CustomerID{"000003"}, ask()[0])
	before := len(ask()[1])
	require.NoError(t, c.Put(&eval.Customer{ID: "000003", Records: map[string][]*eval.Record{
		"visits": {{Key: "8", Fields: map[string]catalog.Value{"at": catalog.TimeValue(now.AddDate(0, 0, -2))}}},
	}}))
	require.Empty(t, ask()[0])
	require.Len(t, ask()[1], before+1)
}

// Rows of all shards mixed, in no order of time: every customer comes back as
// they were, and the table answers as one that was filled customer by customer.
func TestLoadColumnsKeepsEveryRow(t *testing.T) {
	cat := catalog.Shop()
	rnd := rand.New(rand.NewPCG(*seed, 3000))
	keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 2}
	customers := map[dangol.CustomerID]*eval.Customer{}
	var list []*eval.Customer
	for i := range 8191 + 500 {
		c := keeper.customer()
		c.ID = dangol.CustomerID(fmt.Sprint(i))
		if len(c.Attributes["tags"].Items()) == 0 {
			delete(c.Attributes, "tags") // an empty set is as good as none
		}
		customers[c.ID], list = c, append(list, c)
	}
	loaded, err := columnar.New(cat, columnar.Options{})
	require.NoError(t, err)
	require.NoError(t, loaded.LoadColumns(columnsOf(t, rnd, cat, list)))
	n := 0
	require.NoError(t, loaded.Snapshot().Each(func(got *eval.Customer) error {
		n++
		requireSameCustomer(t, customers[got.ID], got)
		return nil
	}))
	require.Equal(t, len(list), n)
	put := load(t, cat, list)
	plans := newRules(t, cat).some(t, rnd, 40)
	env := eval.Env{AsOf: now, Groups: clubs{}}
	require.Equal(t, members(t, put.Snapshot(), plans, env), members(t, loaded.Snapshot(), plans, env))
}

func requireSameCustomer(t *testing.T, want, got *eval.Customer) {
	t.Helper()
	same := func(a, b map[string]catalog.Value) bool {
		return maps.EqualFunc(a, b, catalog.Value.Equal)
	}
	require.True(t, want.Guest == got.Guest && same(want.Attributes, got.Attributes), "customer %s: %v, not %v", want.ID, got, want)
	require.Len(t, got.Records, len(want.Records))
	for kind, records := range want.Records {
		require.Len(t, got.Records[kind], len(records))
		for i, w := range records {
			g := got.Records[kind][i]
			require.True(t, w.Key == g.Key && same(w.Fields, g.Fields), "%s %s: %v, not %v", kind, w.Key, g, w)
			require.Equal(t, w.Parent == nil, g.Parent == nil)
			if w.Parent != nil {
				require.Equal(t, w.Parent.Key, g.Parent.Key)
			}
		}
	}
}
