package couponsql_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// openFile opens the state in a SQLite file as the docs advise.
func openFile(t testing.TB, path string) (*couponsql.Store, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	sqlstore.SQLiteWriter(db)
	s, err := couponsql.Open(t.Context(), db, sqlstore.SQLite, couponsql.Options{})
	require.NoError(t, err)
	return s, db
}

func TestSQLite(t *testing.T) {
	coupontest.Run(t, func(t testing.TB) coupon.Store {
		s, _ := openFile(t, filepath.Join(t.TempDir(), "coupons.db"))
		return s
	})
}
