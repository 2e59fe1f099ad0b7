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

func pool(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t *testing.T, path string) *segmentsql.State {
	t.Helper()
	s, err := segmentsql.Open(t.Context(), sqlstore.SQLiteWriter(pool(t, path)), sqlstore.SQLite, segmentsql.Options{Readers: pool(t, path)})
	require.NoError(t, err)
	return s
}

func TestConformance(t *testing.T) {
	segmenttest.Run(t, func(t *testing.T) segment.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) })
}
