package sqlstore_test

import (
	"database/sql"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
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

// nobody is memberships that can only be asked, not listed.
type nobody struct{}

func (nobody) Contains(string, dangol.CustomerID) (bool, error) { return false, nil }

// What no statement can do is answered all the same, and ExplainSelect says so.
func TestWhatNoStatementCanDo(t *testing.T) {
	s := scratch(t, catalog.Shop(), sqlstore.Options{})
	require.NoError(t, s.Apply(t.Context(), store.Change{Customer: "a"}))
	rules, err := compile.New(s.Catalog())
	require.NoError(t, err)
	q := store.Query{AsOf: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), Groups: nobody{}}
	for _, text := range []string{`points is not known`, `not in group "VIP"`, `visits in top 5%`} {
		p, found := rules.Text(text, compile.Options{})
		require.NotNil(t, p, found)
		q.Plans = append(q.Plans, p)
	}
	answers, err := s.Select(t.Context(), q)
	require.NoError(t, err)
	for i, want := range []int{1, 1, 0} {
		require.NoError(t, answers[i].Err)
		require.Equal(t, want, answers[i].Members.Len())
	}
	how, err := s.ExplainSelect(t.Context(), q)
	require.NoError(t, err)
	require.Contains(t, how, "plan 1: no statement: ")
	require.Contains(t, how, "one statement for plan 2: the rule is a rank")
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
