package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return sqlstore.SQLiteWriter(db)
}

func migrations(files ...string) sqlstore.Migrations {
	m := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		m["sqlite/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return sqlstore.Migrations{Service: "demo", Files: m}
}

const (
	first  = "-- the first table\nCREATE TABLE {prefix}a (\n  id integer PRIMARY KEY\n);\nINSERT INTO {prefix}a VALUES (1);\n"
	second = "ALTER TABLE {prefix}a ADD COLUMN name text;\r\n"
)

func TestMigrateAppliesWhatIsMissingOnce(t *testing.T) {
	ctx := t.Context()
	db := open(t, filepath.Join(t.TempDir(), "odd name?#.db"))
	old := migrations("0001_first.sql", first)
	require.NoError(t, sqlstore.Migrate(ctx, db, sqlstore.SQLite, old))
	require.NoError(t, sqlstore.Migrate(ctx, db, sqlstore.SQLite, old), "nothing is left to do")

	now := migrations("0001_first.sql", first, "0002_name.sql", second)
	pending, err := sqlstore.Pending(ctx, db, sqlstore.SQLite, now)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Empty(t, cmp.Diff([]string{"ALTER TABLE dangol_a ADD COLUMN name text"}, pending[0].Statements))
	require.NoError(t, sqlstore.Migrate(ctx, db, sqlstore.SQLite, now))
	_, err = db.Exec("UPDATE dangol_a SET name = 'x' WHERE id = 1")
	require.NoError(t, err)

	require.ErrorIs(t, sqlstore.Migrate(ctx, db, sqlstore.SQLite, old), sqlstore.ErrNewerSchema)
	edited := migrations("0001_first.sql", first+"-- edited\n", "0002_name.sql", second)
	require.ErrorIs(t, sqlstore.Migrate(ctx, db, sqlstore.SQLite, edited), sqlstore.ErrMigrationChanged)
	require.ErrorIs(t, sqlstore.Migrate(ctx, db, sqlstore.ClickHouse, now), sqlstore.ErrNoMigrations)
}

func TestMigrateIsAllOrNothing(t *testing.T) {
	ctx := t.Context()
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	err := sqlstore.Migrate(ctx, db, sqlstore.SQLite, migrations("0001_first.sql", first, "0002_bad.sql", "CREATE TABLE (;\n"))
	require.ErrorContains(t, err, "demo 0002_bad")
	var n int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM sqlite_master").Scan(&n))
	require.Zero(t, n)
}

func TestMigrateRefusesBadSets(t *testing.T) {
	for _, m := range []sqlstore.Migrations{
		migrations("1_first.sql", first),
		migrations("0002_second.sql", first),
		{Service: "demo", Prefix: `x"; DROP`, Files: fstest.MapFS{}},
	} {
		require.Error(t, sqlstore.Migrate(t.Context(), nil, sqlstore.SQLite, m))
	}
}

func TestMigrateByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	m := migrations("0001_first.sql", first, "0002_name.sql", second)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		db := open(t, path) // a pool of its own, as another process has
		wg.Go(func() { errs[i] = sqlstore.Migrate(context.Background(), db, sqlstore.SQLite, m) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
