package segmentsql_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

func pool(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t testing.TB, path string) *segmentsql.State {
	t.Helper()
	s, err := segmentsql.Open(t.Context(), sqlstore.SQLiteWriter(pool(t, path)), sqlstore.SQLite, segmentsql.Options{Readers: pool(t, path)})
	require.NoError(t, err)
	return s
}

func TestConformance(t *testing.T) {
	segmenttest.Run(t, func(t *testing.T) segment.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) })
}

// What a service does inside the host's transaction is durable when the host
// commits, and gone when it rolls back.
func TestJoinsTheHostsTransaction(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "state.db")
	state, db := open(t, path), sqlstore.SQLiteWriter(pool(t, path))
	s, err := segment.New(segment.Config{Data: shopData(t), State: state})
	require.NoError(t, err)
	create := func(name string, end func(*sql.Tx) error) {
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		inside, err := s.WithTx(segmentsql.WithTx(tx))
		require.NoError(t, err)
		_, err = inside.Create(ctx, segment.Definition{ID: name, Name: name, Rule: "orders"})
		require.NoError(t, err)
		_, err = inside.Get(ctx, name)
		require.NoError(t, err, "the transaction reads its own writes")
		_, err = s.Get(ctx, name)
		require.ErrorIs(t, err, segment.ErrNotFound, "others do not")
		require.NoError(t, end(tx))
	}
	create("gone", (*sql.Tx).Rollback)
	create("kept", (*sql.Tx).Commit)
	_, err = s.Get(ctx, "gone")
	require.ErrorIs(t, err, segment.ErrNotFound)
	_, err = s.Get(ctx, "kept")
	require.NoError(t, err)
}

func TestPrefixesLiveBesideEachOther(t *testing.T) {
	db := sqlstore.SQLiteWriter(pool(t, filepath.Join(t.TempDir(), "state.db")))
	for _, prefix := range []string{"", "other_"} {
		state, err := segmentsql.Open(t.Context(), db, sqlstore.SQLite, segmentsql.Options{Prefix: prefix})
		require.NoError(t, err)
		s, err := segment.New(segment.Config{Data: shopData(t), State: state})
		require.NoError(t, err)
		_, err = s.Create(t.Context(), segment.Definition{ID: "g", Name: "g", Rule: "orders"})
		require.NoError(t, err)
	}
}
