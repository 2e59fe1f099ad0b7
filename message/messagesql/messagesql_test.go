package messagesql_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/message/messagetest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

func open(t *testing.T, path string) message.Store {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	reader, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reader.Close()) })
	s, err := messagesql.Open(t.Context(), messagesql.Config{DB: sqlstore.SQLiteWriter(db), Reader: reader, Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	return s
}

func TestSQLite(t *testing.T) {
	messagetest.Run(t, func(t *testing.T) message.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) })
}
