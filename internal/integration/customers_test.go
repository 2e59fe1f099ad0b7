package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

type ownServer struct {
	name    string
	dialect sqlstore.Dialect
	start   func(testing.TB) *servers.Server
}

// ownServers are the servers that can hold the library's own tables of customers.
func ownServers() []ownServer {
	return []ownServer{
		{"PostgreSQL", sqlstore.Postgres, servers.Postgres},
		{"MariaDB", sqlstore.MySQL, servers.MariaDB},
	}
}

// Many processes write one shop at once: records against deletes, merges and new
// values of products. Whatever the order was, every record has its customer and
// parent, and carries its product's latest category.
func TestOwnTablesUnderManyWriters(t *testing.T) {
	for _, server := range ownServers() {
		t.Run(server.name, func(t *testing.T) {
			db := server.start(t).Open(t)
			cat := catalog.Shop()
			s, err := sqlstore.Open(t.Context(), db, server.dialect, cat, sqlstore.Options{})
			require.NoError(t, err)
			var writers sync.WaitGroup
			for w := range 6 {
				r := rand.New(rand.NewPCG(uint64(w), 7))
				writers.Go(func() {
					for n := range 60 {
						var refused *store.InvalidError
						if err := s.Apply(t.Context(), step(r, w, n)...); err != nil && !errors.As(err, &refused) {
							t.Errorf("Apply: %v", err)
						}
					}
				})
			}
			writers.Wait()
			categories := map[string]string{}
			rows, err := db.Query("SELECT id, category FROM dangol_products")
			require.NoError(t, err)
			for rows.Next() {
				var id, category string
				require.NoError(t, rows.Scan(&id, &category))
				categories[id] = category
			}
			require.NoError(t, rows.Err())
			items := 0
			require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
				for _, i := range c.Records["items"] {
					items++
					if got, want := i.Fields["product.category"].Text(), categories[i.Fields["product"].Text()]; got != want {
						return fmt.Errorf("item %s carries the category %q, its product's is %q", i.Key, got, want)
					}
				}
				return nil
			}))
			require.Positive(t, items)
			for _, table := range []string{"dangol_orders", "dangol_items"} {
				var orphans int
				require.NoError(t, db.QueryRow("SELECT count(*) FROM "+table+" WHERE customer NOT IN (SELECT id FROM dangol_customers)").Scan(&orphans))
				require.Zero(t, orphans)
			}
		})
	}
}

// A record is on its way with its product's category while another process changes
// that, or deletes the record's customer: whoever comes second waits.
func TestOwnTablesWriteOneAfterTheOther(t *testing.T) {
	category := func(s string) map[string]catalog.Value {
		return map[string]catalog.Value{"category": catalog.StringValue(s)}
	}
	for _, server := range ownServers() {
		t.Run(server.name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), server.start(t).Open(t), server.dialect, catalog.Shop(), sqlstore.Options{})
			require.NoError(t, err)
			for name, second := range map[string]store.Change{
				"a new product":      {Kind: "products", Key: "new", Fields: category("hats")},
				"a changed product":  {Kind: "products", Key: "old", Fields: category("hats")},
				"a deleted customer": {Op: store.Delete, Customer: "a"},
			} {
				t.Run(name, func(t *testing.T) {
					product := max(second.Key, "new")
					require.NoError(t, s.Apply(t.Context(), store.Change{Op: store.Delete, Customer: "a"}, store.Change{Customer: "a"},
						store.Change{Op: store.Delete, Kind: "products", Key: "new"}, store.Change{Kind: "products", Key: "old", Fields: category("shoes")}))
					applied := make(chan error, 1)
					err := s.Load(t.Context(), func(yield func(store.Change, error) bool) {
						if !yield(store.Change{Customer: "a", Kind: "views", Key: "v", Fields: map[string]catalog.Value{"product": catalog.StringValue(product)}}, nil) {
							return
						}
						go func() { applied <- s.Apply(context.WithoutCancel(t.Context()), second) }()
						select {
						case err := <-applied:
							applied <- err
							t.Error("the second writer did not wait")
						case <-time.After(300 * time.Millisecond):
						}
					})
					require.NoError(t, err)
					require.NoError(t, <-applied)
					c, err := s.Customer(t.Context(), "a")
					if second.Op == store.Delete {
						require.ErrorIs(t, err, store.ErrNotFound)
						return
					}
					require.NoError(t, err)
					require.Equal(t, "hats", c.Records["views"][0].Fields["product.category"].Text())
				})
			}
		})
	}
}

// A load fills empty tables while another process puts one of its customers there: the
// load leaves nothing, says so, and may be done again.
func TestLoadMeetsAnother(t *testing.T) {
	plain := catalog.Shop()
	plain.Dimensions, plain.Kinds = nil, []catalog.Kind{catalogKind(t, "all_orders")}
	onServers(t, func(t *testing.T, h home) {
		s, err := sqlstore.Open(t.Context(), h.db, h.dialect, plain, sqlstore.Options{Prefix: prefix()})
		require.NoError(t, err)
		purchase := func(of string) []store.Change {
			return []store.Change{{Customer: "a"}, {Customer: "a", Kind: "all_orders", Key: of}}
		}
		meets := func(yield func(store.Change, error) bool) {
			for _, c := range purchase("theirs") {
				if !yield(c, nil) {
					return
				}
			}
			require.NoError(t, s.Apply(t.Context(), purchase("ours")...))
		}
		require.Error(t, s.Load(t.Context(), meets))
		one, err := s.Customer(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, one.Records["all_orders"], 1)
		require.NoError(t, s.Load(t.Context(), stream(purchase("theirs")...)))
		one, err = s.Customer(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, one.Records["all_orders"], 2)
	})
}

// step is what one writer does at once.
func step(r *rand.Rand, writer, n int) []store.Change {
	customer := dangol.CustomerID(fmt.Sprint("c", r.IntN(12)))
	other := dangol.CustomerID(fmt.Sprint("c", r.IntN(12)))
	product := fmt.Sprint("p", r.IntN(2))
	text := func(s string) map[string]catalog.Value {
		return map[string]catalog.Value{"category": catalog.StringValue(s)}
	}
	switch r.IntN(8) {
	case 0:
		return []store.Change{{Op: store.Delete, Customer: customer}}
	case 1:
		return []store.Change{{Op: store.Merge, Customer: customer, From: other}}
	case 2, 3:
		return []store.Change{{Kind: "products", Key: product, Fields: text(fmt.Sprint(writer, "-", n))}}
	case 4:
		return []store.Change{{Op: store.Delete, Kind: "all_orders", Key: fmt.Sprint("o", writer, "-", r.IntN(60))}}
	}
	key := fmt.Sprint(writer, "-", n)
	out := []store.Change{
		{Customer: customer}, {Customer: customer, Kind: "all_orders", Key: "o" + key},
		{Customer: customer, Kind: "items", Key: "i" + key, Parent: "o" + key, Fields: map[string]catalog.Value{"product": catalog.StringValue(product)}},
	}
	for i := range 15 { // so that others get in between
		out = append(out, store.Change{Customer: customer, Kind: "visits", Key: fmt.Sprint("v", key, "-", i)})
	}
	return out
}

// Who only asks needs no right to write: his transactions cannot, and he makes no
// tables where there are none.
func TestCustomersAreOnlyRead(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		prefix := prefix()
		ask := func(c *catalog.Catalog) (*sqlstore.Store, error) {
			return sqlstore.Open(t.Context(), h.db, h.dialect, c, sqlstore.Options{Prefix: prefix, ReadOnly: true})
		}
		_, err := ask(catalog.Shop())
		require.ErrorIs(t, err, sqlstore.ErrNotLoaded)
		_, err = h.db.Exec("SELECT 1 FROM " + prefix + "columns")
		require.Error(t, err, "there are no tables now either")

		w, err := sqlstore.Open(t.Context(), h.db, h.dialect, catalog.Shop(), sqlstore.Options{Prefix: prefix})
		require.NoError(t, err)
		require.NoError(t, w.Apply(t.Context(), store.Change{Customer: "a"}))
		s, err := ask(catalog.Shop())
		require.NoError(t, err)
		_, err = s.Customer(t.Context(), "a")
		require.NoError(t, err)
		require.ErrorIs(t, s.Apply(t.Context(), store.Change{Customer: "b"}), sqlstore.ErrReadOnly)
		_, err = s.Customer(t.Context(), "b")
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = ask(catalog.ShopIn("USD"))
		require.ErrorIs(t, err, sqlstore.ErrCatalogChanged)
	})
}
