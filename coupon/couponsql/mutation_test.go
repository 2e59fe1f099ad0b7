package couponsql

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// TestEveryGuardInSQLIsTested takes each guard out of the statements in turn and
// sees a promise break.
func TestEveryGuardInSQLIsTested(t *testing.T) {
	type pick func(*statements) *string
	take := func(s *statements) *string { return &s.take }
	give := func(s *statements) *string { return &s.give }
	overdue := func(s *statements) *string { return &s.overdue }
	for _, m := range []struct {
		guard, without string
		in             pick
		by             string // the case that notices
	}{
		{"c.uses + excluded.uses <= ?", "(c.uses + excluded.uses <= ? OR 1 = 1)", take, "store/take is bounded"},
		{"c.uses + excluded.uses <= ?", "(c.uses + excluded.uses <= ? OR 1 = 1)", take, "race/stale reads"},
		{"c.amount + excluded.amount <= ?", "(c.amount + excluded.amount <= ? OR 1 = 1)", take, "store/take is bounded"},
		{"c.amount + excluded.amount <= ?", "(c.amount + excluded.amount <= ? OR 1 = 1)", take, "race/stale reads"},
		{"uses >= ?", "(uses >= ? OR 1 = 1)", give, "store/give is bounded"},
		{"amount >= ?", "(amount >= ? OR 1 = 1)", give, "store/give is bounded"},
		{"AND rev = ?", "AND (rev = ? OR 1 = 1)", func(s *statements) *string { return &s.replaceRedemption }, "store/records are guarded"},
		{"AND rev = ?", "AND (rev = ? OR 1 = 1)", func(s *statements) *string { return &s.replaceGrant }, "store/records are guarded"},
		{"AND rev = ?", "AND (rev = ? OR 1 = 1)", func(s *statements) *string { return &s.replaceBatch }, "store/records are guarded"},
		{"DO NOTHING", "(id) DO UPDATE SET done = 0", func(s *statements) *string { return &s.insertBatch }, "store/records are guarded"},
		{"DO NOTHING", "(redemption) DO UPDATE SET body = excluded.body", func(s *statements) *string { return &s.insertRedemption }, "store/keys are unique"},
		{"AND version = ?", "AND (version = ? OR 1 = 1)", func(s *statements) *string { return &s.saveHead }, "store/definitions are versioned"},
		{"state = 'reserved' AND", "", overdue, "store/overdue reservations are found"},
		{"ends <= ?", "(ends <= ? OR 1 = 1)", overdue, "store/overdue reservations are found"},
		{"instr(definitions, ?) > 0", "(instr(definitions, ?) > 0 OR 1 = 1)", overdue, "store/overdue reservations are found"},
	} {
		open := func(t testing.TB) coupon.Store {
			db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "coupons.db")))
			require.NoError(t, err)
			t.Cleanup(func() { db.Close() })
			s, err := Open(context.Background(), sqlstore.SQLiteWriter(db), sqlstore.SQLite, Options{})
			require.NoError(t, err)
			text := m.in(&s.sql)
			require.Contains(t, *text, m.guard)
			*text = strings.Replace(*text, m.guard, m.without, 1)
			return s
		}
		for _, c := range coupontest.Cases() {
			if c.Name == m.by {
				require.True(t, coupontest.Breaks(t, c, open), "without %q, %s notices nothing", m.guard, m.by)
			}
		}
	}
}
