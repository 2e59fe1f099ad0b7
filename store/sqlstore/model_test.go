package sqlstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var someone = []dangol.CustomerID{"a", "b", "c"}

// someChange draws a change in a small world, where rows meet each other.
func someChange(t *rapid.T) store.Change {
	pick := func(name string, list ...string) string { return rapid.SampledFrom(list).Draw(t, name) }
	who := func(name string) dangol.CustomerID { return rapid.SampledFrom(someone).Draw(t, name) }
	c := store.Change{Op: rapid.SampledFrom([]store.Op{store.Put, store.Put, store.Put, store.Set, store.Delete, store.Merge}).Draw(t, "op")}
	if c.Op == store.Merge {
		c.Customer, c.From = who("into"), who("from")
		return c
	}
	maybe := func(field string, v catalog.Value) {
		switch rapid.IntRange(0, 3).Draw(t, field) {
		case 0:
		case 1:
			c.Fields[field] = catalog.Missing
		default:
			c.Fields[field] = v
		}
	}
	text := func(name string) catalog.Value { return catalog.StringValue(pick(name, "x", "y", "é", "")) }
	c.Fields = fields{}
	c.Kind = pick("kind", "", "all_orders", "items", "views", "visits", "products")
	switch c.Kind {
	case "":
		c.Customer, c.Guest = who("customer"), rapid.Bool().Draw(t, "guest")
		maybe("points", number(int64(rapid.IntRange(0, 3).Draw(t, "n"))))
		maybe("tags", catalog.SetValue(pick("tag", "x", "y"), "z"))
		maybe("email", text("email"))
		return c
	case "products":
		c.Key = pick("product", "p", "q")
		maybe("category", text("category"))
		maybe("price", number(1))
		return c
	}
	c.Key = pick("key", "1", "2", "3")
	if c.Op == store.Put || rapid.Bool().Draw(t, "named") {
		c.Customer = who("customer")
	}
	switch c.Kind {
	case "all_orders":
		maybe("total", number(int64(rapid.IntRange(0, 3).Draw(t, "n"))))
	case "visits":
		maybe("page", text("page"))
	default:
		maybe("product", catalog.StringValue(pick("product", "p", "q", "none")))
		maybe("product.category", text("own"))
		if c.Kind == "items" && c.Op != store.Delete {
			c.Parent = pick("parent", "1", "2", "3")
			if c.Op == store.Set && rapid.Bool().Draw(t, "stays") {
				c.Parent = ""
			}
		}
	}
	return c
}

// Any changes in any order: the tables and the memory store take the same ones,
// refuse the same ones for the same reason, and hold the same customers.
func TestTablesAndMemoryAgree(t *testing.T) {
	shop := func() *catalog.Catalog {
		c := catalog.Shop()
		for i := range c.Kinds {
			if c.Kinds[i].Name == "visits" {
				c.Kinds[i].Max = 2
			}
		}
		return c
	}
	tables := scratch(t, shop(), sqlstore.Options{Batch: 2})
	rapid.Check(t, func(r *rapid.T) {
		for _, id := range someone {
			require.NoError(r, tables.Apply(t.Context(), store.Change{Op: store.Delete, Customer: id}))
		}
		for _, key := range []string{"p", "q"} {
			require.NoError(r, tables.Apply(t.Context(), store.Change{Op: store.Delete, Kind: "products", Key: key}))
		}
		memory, err := memstore.New(shop(), memstore.Options{})
		require.NoError(r, err)
		for range rapid.IntRange(1, 12).Draw(r, "calls") {
			changes := rapid.SliceOfN(rapid.Custom(someChange), 1, 4).Draw(r, "changes")
			want, got := memory.Apply(t.Context(), changes...), tables.Apply(t.Context(), changes...)
			require.Equal(r, fmt.Sprint(want), fmt.Sprint(got))
			if bad := (*store.InvalidError)(nil); want != nil {
				require.True(r, errors.As(got, &bad))
			}
			for _, id := range someone {
				require.Empty(r, cmp.Diff(dumped(t, memory, id), dumped(t, tables, id)))
			}
		}
	})
}

func dumped(t *testing.T, s store.Store, id dangol.CustomerID) string {
	c, err := s.Customer(t.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return "nobody"
	}
	require.NoError(t, err)
	return storetest.Dump(c)
}
