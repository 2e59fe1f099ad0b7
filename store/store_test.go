package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var asOf = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// points is the plan "points >= n".
func points(n int64) *plan.Plan {
	number := plan.Typed{Of: catalog.Type{Sort: catalog.Number}}
	return &plan.Plan{Root: &plan.Compare{
		Op: plan.AtLeast, L: &plan.Attr{Typed: number, Name: "points"}, R: &plan.Literal{Typed: number, Value: catalog.NumberValue(n)},
	}}
}

func shopper(i int) *eval.Customer {
	return &eval.Customer{ID: dangol.CustomerID(fmt.Sprintf("c%05d", i)), Attributes: map[string]catalog.Value{"points": catalog.NumberValue(int64(i))}}
}

// parts cuts n customers into parts of that size.
func parts(n, size int) []store.Part {
	var out []store.Part
	for from := 0; from < n; from += size {
		out = append(out, func(yield func(*eval.Customer, error) bool) {
			for i := from; i < min(from+size, n); i++ {
				if !yield(shopper(i), nil) {
					return
				}
			}
		})
	}
	return out
}

// However the customers are cut and in however many threads they are read, the
// answers are the same and in order.
func TestScanIsTheSameInAnyParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, size := rapid.IntRange(0, 300).Draw(t, "n"), rapid.IntRange(1, 100).Draw(t, "size")
		rank := &plan.Rank{X: points(0).Root.(*plan.Compare).L, N: 10, Percent: true}
		q := store.Query{AsOf: asOf, Plans: []*plan.Plan{points(100), {Root: rank}, {Root: &plan.Not{Term: rank}}}}
		o := store.ScanOptions{Parallel: rapid.IntRange(0, 4).Draw(t, "parallel")}
		got, err := store.Scan(context.Background(), q, o, parts(n, size)...)
		require.NoError(t, err)
		top := (n + 9) / 10
		for i, want := range []int{max(n-100, 0), top, n - top} {
			require.NoError(t, got[i].Err)
			require.Equal(t, want, got[i].Members.Len())
			last := dangol.CustomerID("")
			for id := range got[i].Members.All() {
				require.Less(t, last, id)
				last = id
			}
		}
		require.Len(t, got[1].Cuts, 1)
	})
}

// Plans that no compiler makes are errors of their answers, and no panics.
func TestScanOfStrangePlans(t *testing.T) {
	q := store.Query{Plans: []*plan.Plan{nil, {}, {Root: &plan.Not{}}, {Root: &plan.Rank{}}, {Root: points(1).Root, Scope: "everyone"}, points(1)}}
	answers, err := store.Scan(t.Context(), q, store.ScanOptions{}, parts(3, 2)...)
	require.NoError(t, err)
	for i, a := range answers[:5] {
		require.Error(t, a.Err, "plan %d", i)
		require.Nil(t, a.Members)
	}
	require.Equal(t, 2, answers[5].Members.Len())
}

func TestScanEndsWithAPartsError(t *testing.T) {
	gone := errors.New("the connection is gone")
	list := parts(5000, 100)
	list[20] = func(yield func(*eval.Customer, error) bool) { yield(nil, gone) }
	_, err := store.Scan(t.Context(), store.Query{AsOf: asOf, Plans: []*plan.Plan{points(1)}}, store.ScanOptions{Parallel: 3}, list...)
	require.ErrorIs(t, err, gone)
}

func TestScanEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var read atomic.Int64
	endless := func(yield func(*eval.Customer, error) bool) {
		for i := 0; ; i++ {
			if read.Add(1) == 3000 {
				cancel()
			}
			if !yield(shopper(i), nil) {
				return
			}
		}
	}
	_, err := store.Scan(ctx, store.Query{AsOf: asOf, Plans: []*plan.Plan{points(1)}}, store.ScanOptions{}, endless, endless)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, read.Load(), int64(3000+4096), "it stops soon")
}

func TestSchema(t *testing.T) {
	c := catalog.Shop()
	c.Kinds = append(c.Kinds, catalog.Kind{Name: "gifts", Time: "at",
		Fields:     []catalog.Field{{Name: "at", Type: catalog.Type{Sort: catalog.Instant}}, {Name: "given", Type: catalog.Type{Sort: catalog.String}}, {Name: "wrapped", Type: catalog.Type{Sort: catalog.String}}},
		Dimensions: map[string]string{"given": "products", "wrapped": "products"}})
	s, err := store.NewSchema(c)
	require.NoError(t, err)

	var order []string
	for _, table := range s.Tables() {
		order = append(order, table.Rows)
	}
	text := strings.Join(order, " ")
	require.True(t, strings.HasPrefix(text, "customers products orders items "), text)
	require.NotContains(t, text, "paid_items", "a view owns no rows")

	gifts, err := s.Table("gifts")
	require.NoError(t, err)
	_, err = gifts.Column("category")
	require.EqualError(t, err, "write given.category or wrapped.category")
	col, err := gifts.Column("wrapped.category")
	require.NoError(t, err)
	require.Equal(t, "products", col.Reach.Dimension)
	_, err = s.Table("paid_items")
	require.EqualError(t, err, "paid_items has no rows of its own, it shows those of items")
	orders, ok := s.Named("orders")
	require.True(t, ok)
	require.Equal(t, "all_orders", orders.Kind)
	_, ok = s.Named("all_orders")
	require.False(t, ok)
	_, err = s.Customers.Column("last_login")
	require.Error(t, err, "it is computed")
}

func TestSchemaRefuses(t *testing.T) {
	_, err := store.NewSchema(nil)
	require.Error(t, err)
	for why, change := range map[string]func(*catalog.Catalog){
		"not valid":              func(c *catalog.Catalog) { c.Attributes[0].Name = "" },
		`both called "orders"`:   func(c *catalog.Catalog) { c.Kinds = append(c.Kinds, catalog.Kind{Name: "sales", Rows: "orders"}) },
		`are called "customers"`: func(c *catalog.Catalog) { c.Kinds = append(c.Kinds, catalog.Kind{Name: "customers"}) },
		"a kind and a dimension": func(c *catalog.Catalog) { c.Kinds = append(c.Kinds, catalog.Kind{Name: "products"}) },
	} {
		c := catalog.Shop()
		change(c)
		_, err := store.NewSchema(c)
		require.ErrorContains(t, err, why)
	}
}

// A checked change is its own normal form, and checking does not touch its argument.
func TestCheckIsIdempotent(t *testing.T) {
	s, err := store.NewSchema(catalog.Shop())
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		c := store.Change{
			Op: rapid.SampledFrom([]store.Op{store.Put, store.Set}).Draw(t, "op"), Customer: "a", Kind: "items",
			Key: rapid.String().Draw(t, "key"), Parent: rapid.String().Draw(t, "parent"),
			Fields: map[string]catalog.Value{
				"sku": catalog.StringValue(rapid.String().Draw(t, "sku")), "quantity": catalog.NumberValue(rapid.Int64().Draw(t, "n")),
				"category": catalog.StringValue(rapid.String().Draw(t, "category")),
			},
		}
		once, err := s.Check(c)
		require.Len(t, c.Fields, 3)
		if err != nil {
			require.ErrorAs(t, err, new(*store.InvalidError))
			return
		}
		require.Contains(t, once.Fields, "product.category")
		again, err := s.Check(once)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(once, again, cmp.Comparer(catalog.Value.Equal)))
	})
}

func TestInvalidErrorSaysWhere(t *testing.T) {
	s, err := store.NewSchema(catalog.ShopIn("USD"))
	require.NoError(t, err)
	_, err = s.Check(store.Change{Customer: "a", Fields: map[string]catalog.Value{"store_credit": catalog.NumberValue(10_000_000_001)}})
	require.EqualError(t, err, `change 0: customer "a", store_credit: is beyond the catalog's bound of 100,000,000.00 USD`)
	_, err = s.Check(store.Change{Customer: "a", Kind: "items", Key: "i"})
	require.EqualError(t, err, `change 0: items "i": the key of its order is missing`)
}
