package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// customers opens a store in a file, with a pool for writing and one for reading.
func customers(t testing.TB, path string, c *catalog.Catalog, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	reader, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { reader.Close() })
	opts.Reader = reader
	s, err := sqlstore.Open(t.Context(), open(t, path), sqlstore.SQLite, c, opts)
	require.NoError(t, err)
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		return customers(t, filepath.Join(t.TempDir(), "shop.db"), c, sqlstore.Options{Batch: 7})
	}, storetest.Worlds(20, 12, 1000))
}

// The slow path, which needs no statements.
func TestConformanceByEval(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		return customers(t, filepath.Join(t.TempDir(), "shop.db"), c, sqlstore.Options{Batch: 7, ByEval: true})
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
