package integration_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// Rows a second that dangol load brings into an engine's empty tables: 5,000 customers
// with tags, 20,000 orders, 40,000 items that reach 200 products.
//
//	go test -run - -bench Load -benchtime 1x ./internal/integration
func BenchmarkLoad(b *testing.B) {
	const customers, orders, items, products = 5_000, 20_000, 40_000, 200
	files := map[string]*strings.Builder{}
	line := func(file, format string, args ...any) {
		if files[file] == nil {
			files[file] = &strings.Builder{}
		}
		fmt.Fprintf(files[file], format+"\n", args...)
	}
	line("customers.csv", "id,joined,email,tags")
	line("orders.csv", "id,customer,placed,status,total")
	line("items.csv", "id,order,product,quantity,amount")
	line("products.csv", "id,category")
	for i := range customers {
		line("customers.csv", "c%05d,2025-01-02,someone%d@shop.example,vip|press", i, i)
	}
	for i := range products {
		line("products.csv", "p%03d,category %d", i, i%9)
	}
	for i := range orders {
		line("orders.csv", "o%06d,c%05d,2026-01-02T10:20:30+09:00,confirmed,%d", i, i*7%customers, i)
	}
	for i := range items {
		line("items.csv", "i%06d,o%06d,p%03d,1,%d", i, i/2, i*13%products, i)
	}
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text.String())}
	}
	own := func(d sqlstore.Dialect, open func(b *testing.B) *sql.DB) func(b *testing.B) func() store.Store {
		return func(b *testing.B) func() store.Store {
			db := open(b)
			return func() store.Store {
				s, err := sqlstore.Open(b.Context(), db, d, catalog.Shop(), sqlstore.Options{Prefix: prefix()})
				require.NoError(b, err)
				return s
			}
		}
	}
	for _, e := range []struct {
		name string
		open func(b *testing.B) func() store.Store
	}{
		{"SQLite", own(sqlstore.SQLite, func(b *testing.B) *sql.DB {
			db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(b.TempDir(), "shop.db")))
			require.NoError(b, err)
			b.Cleanup(func() { db.Close() })
			return sqlstore.SQLiteWriter(db)
		})},
		{"PostgreSQL", own(sqlstore.Postgres, func(b *testing.B) *sql.DB { return servers.Postgres(b).Open(b) })},
		{"MariaDB", own(sqlstore.MySQL, func(b *testing.B) *sql.DB { return servers.MariaDB(b).Open(b) })},
		{"ClickHouse", func(b *testing.B) func() store.Store {
			db := servers.ClickHouse(b).Open(b)
			return func() store.Store {
				s, err := sqlstore.OpenLoaded(b.Context(), db, catalog.Shop(), sqlstore.LoadedOptions{Prefix: prefix()})
				require.NoError(b, err)
				return s
			}
		}},
	} {
		b.Run(e.name, func(b *testing.B) {
			open := e.open(b)
			for b.Loop() {
				b.StopTimer()
				s := open()
				b.StartTimer()
				require.NoError(b, csvdir.LoadFS(b.Context(), folder, s, csvdir.Options{}))
			}
			b.ReportMetric(float64(customers+orders+items+products)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
