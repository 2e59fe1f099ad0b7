package sqlstore_test

import (
	"database/sql"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// customers opens a store in a file, with a pool for writing and one for reading.
func customers(t testing.TB, path string, c *catalog.Catalog, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	return pools(t, sqlstore.SQLiteDSN(path), c, opts)
}

// scratch opens a store that need not survive a power cut, so that thousands of
// tests do not wait for the disk.
func scratch(t testing.TB, c *catalog.Catalog, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	return pools(t, sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db"))+"&_pragma=synchronous(0)", c, opts)
}

func pools(t testing.TB, dsn string, c *catalog.Catalog, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	var both [2]*sql.DB
	for i := range both {
		db, err := sql.Open("sqlite", dsn)
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		both[i] = db
	}
	opts.Reader = both[1]
	s, err := sqlstore.Open(t.Context(), sqlstore.SQLiteWriter(both[0]), sqlstore.SQLite, c, opts)
	require.NoError(t, err)
	return s
}

var soak = flag.Bool("soak", false, "a hundred thousand made-up rules instead of a few hundred, from a seed of the day")

// worlds is how many made-up shops the store is compared over. Tables for each one
// take most of the time.
func worlds(t *testing.T) storetest.Option {
	if !*soak {
		return storetest.Worlds(20, 12, 1000)
	}
	seed := uint64(time.Now().Unix() / 86400 * 1_000_000)
	t.Logf("from seed %d", seed)
	return storetest.Worlds(2_000, 50, seed)
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		return scratch(t, c, sqlstore.Options{Batch: 7})
	}, worlds(t))
}

// The slow path, which needs no statements.
func TestConformanceByEval(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		return scratch(t, c, sqlstore.Options{Batch: 7, ByEval: true})
	}, storetest.Worlds(5, 12, 2000))
}

func BenchmarkStore(b *testing.B) {
	for name, opts := range map[string]sqlstore.Options{"statements": {}, "eval": {ByEval: true}} {
		b.Run(name, func(b *testing.B) {
			storetest.Benchmark(b, func(b *testing.B, c *catalog.Catalog) store.Store {
				return customers(b, filepath.Join(b.TempDir(), "shop.db"), c, opts)
			}, 2_000)
		})
	}
}
