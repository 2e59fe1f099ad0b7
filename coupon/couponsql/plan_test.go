package couponsql

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// Every statement that a shop runs often finds its rows by an index.
func TestStatementsUseIndexes(t *testing.T) {
	ctx := context.Background()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "coupons.db")))
	require.NoError(t, err)
	defer db.Close()
	s, err := Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, Options{})
	require.NoError(t, err)
	plan := func(query string, args ...any) string {
		rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
		require.NoError(t, err)
		defer rows.Close()
		var steps []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
			steps = append(steps, step)
		}
		require.NoError(t, rows.Err())
		return strings.Join(steps, "; ")
	}
	now := time.Now()
	for index, q := range map[string]coupon.GrantQuery{
		"coupon_grants_customer":   {Customer: "kim", After: "g", Limit: 9},
		"coupon_grants_batch":      {Batch: "b", After: "g", Limit: 9},
		"coupon_grants_definition": {Definition: "d", After: "g", Limit: 9},
		"coupon_grants_expires":    {ExpiresFrom: now, ExpiresBefore: now.Add(time.Hour), Unused: true, Owned: true, After: "g", Limit: 9},
	} {
		query, args := s.findGrants(q)
		require.Contains(t, plan(query, args...), index)
	}
	for index, p := range map[string]string{
		"coupon_redemptions_ends":               plan(s.sql.overdue, 1, "", "//", 100),
		"PRIMARY KEY":                           plan("SELECT body FROM dangol_coupon_redemptions WHERE redemption = ?", "k"),
		"coupon_ledger_definition":              plan("SELECT seq FROM dangol_coupon_ledger WHERE definition = ? AND seq > ? ORDER BY seq LIMIT ?", "d", 1, 9),
		"sqlite_autoindex_dangol_coupon_grants": plan("SELECT id FROM dangol_coupon_grants WHERE code = ?", "X"),
	} {
		require.Contains(t, p, index)
		require.NotContains(t, p, "SCAN")
	}
}
