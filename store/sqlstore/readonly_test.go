package sqlstore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// Who only asks makes no tables, needs no right to write, and changes nothing.
func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	ask := func(c *catalog.Catalog) (*sqlstore.Store, error) {
		return sqlstore.Open(t.Context(), db, sqlstore.SQLite, c, sqlstore.Options{ReadOnly: true})
	}
	_, err = ask(catalog.Shop())
	require.ErrorIs(t, err, sqlstore.ErrNotLoaded)
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, left)

	w := customers(t, path, catalog.Shop(), sqlstore.Options{})
	require.NoError(t, w.Apply(t.Context(), store.Change{Customer: "a"}))
	s, err := ask(catalog.Shop())
	require.NoError(t, err)
	c, err := s.Customer(t.Context(), "a")
	require.NoError(t, err)
	require.EqualValues(t, "a", c.ID)
	require.ErrorIs(t, s.Apply(t.Context(), store.Change{Customer: "b"}), sqlstore.ErrReadOnly)
	require.ErrorIs(t, s.Load(t.Context(), store.Stream(store.Change{Customer: "b"})), sqlstore.ErrReadOnly)
	_, err = s.Customer(t.Context(), "b")
	require.ErrorIs(t, err, store.ErrNotFound)

	_, err = ask(catalog.ShopIn("USD"))
	require.ErrorIs(t, err, sqlstore.ErrCatalogChanged)
}
