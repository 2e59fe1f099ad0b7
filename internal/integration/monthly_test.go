package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// A ledger with rows is partitioned by month; the service goes on, its ledger stays in
// order, and a month that is put aside changes no counter, key or coupon.
func TestLedgerByMonth(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		ctx := t.Context()
		prefix := prefix()
		e := openEstate(t, h, prefix)
		e.fill(t, "ann", "bob", "cho")
		run := func(statements []string, err error) {
			t.Helper()
			require.NoError(t, err)
			for _, s := range statements {
				_, err := h.db.Exec(s)
				require.NoError(t, err, s)
			}
		}
		count := func(table string) (n int) {
			t.Helper()
			require.NoError(t, h.db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
			return n
		}
		ledger, trail := couponsql.Ledger(prefix), segmentsql.Trail(prefix)
		rows, acts := count(ledger.Table), count(trail.Table)
		run(ledger.Partition(h.dialect, opening.AddDate(0, -1, 0), 3)) // February to April
		run(trail.Partition(h.dialect, opening, 1))
		require.Equal(t, rows, count(ledger.Table))
		require.Equal(t, acts, count(trail.Table))

		redeem := func(key string, who dangol.CustomerID) {
			t.Helper()
			g, err := e.coupons.Issue(ctx, coupon.Issue{Key: key, Definition: "welcome", Customer: who})
			require.NoError(t, err)
			_, err = e.coupons.Reserve(ctx, key, coupon.Request{Customer: who, Grants: []string{g.ID},
				Cart: coupon.Cart{Currency: dangol.KRW, Lines: []coupon.Line{{ID: "1", Product: "tea", Quantity: 1, Price: 5000}}}})
			require.NoError(t, err)
			_, err = e.coupons.Commit(ctx, key, key)
			require.NoError(t, err)
		}
		e.clock.at = opening.AddDate(0, 1, 0)
		redeem("april", "ann")
		run(ledger.Add(h.dialect, opening.AddDate(0, 2, 0)))
		e.clock.at = opening.AddDate(0, 2, 0)
		redeem("may", "bob")
		require.Equal(t, rows+4, count(ledger.Table))
		query := "SELECT seq FROM " + ledger.Table + " ORDER BY at, seq"
		var seqs []int64
		r, err := h.db.Query(query)
		require.NoError(t, err)
		defer r.Close()
		for r.Next() {
			var n int64
			require.NoError(t, r.Scan(&n))
			require.True(t, len(seqs) == 0 || n > seqs[len(seqs)-1], "numbers grow with time: %d after %v", n, seqs)
			seqs = append(seqs, n)
		}

		run(ledger.Detach(h.dialect, opening))
		require.Equal(t, 4, count(ledger.Table))
		require.Equal(t, rows, count(fmt.Sprintf("%s_202603", ledger.Table)), "March is a table of its own")
		used, err := e.coupons.Results(ctx, coupon.ByDefinition, coupon.ResultQuery{})
		require.NoError(t, err)
		require.Equal(t, int64(2), used[0].Used, "Results count what is there")
		_, err = e.coupons.Commit(ctx, "order-0", "order-0")
		require.NoError(t, err)
		_, err = e.coupons.Commit(ctx, "order-0", "another")
		require.ErrorIs(t, err, coupon.ErrKeyReused, "keys are for ever")
		_, err = e.coupons.Restore(ctx, "order-0", "order-0", coupon.FullCancel)
		require.NoError(t, err)
		e.clock.at = opening.AddDate(0, 2, 1)
		redeem("more of bob", "bob2")
		g, err := e.coupons.Issue(ctx, coupon.Issue{Key: "third", Definition: "welcome", Customer: "bob"})
		require.NoError(t, err)
		_, err = e.coupons.Reserve(ctx, "third", coupon.Request{Customer: "bob", Grants: []string{g.ID},
			Cart: coupon.Cart{Currency: dangol.KRW, Lines: []coupon.Line{{ID: "1", Product: "tea", Quantity: 1, Price: 5000}}}})
		var refused *coupon.RefusedError
		require.ErrorAs(t, err, &refused, "two a customer, of which one is in March")
	})
}

func TestLedgerByMonthIsChecked(t *testing.T) {
	_, err := couponsql.Ledger("").Partition(sqlstore.SQLite, time.Now(), 3)
	require.ErrorIs(t, err, sqlstore.ErrDialect)
	_, err = couponsql.Ledger("x; DROP TABLE y --").Add(sqlstore.Postgres, time.Now())
	require.ErrorContains(t, err, "no name of a table")
	_, err = couponsql.Ledger("").Partition(sqlstore.Postgres, time.Now(), 0)
	require.Error(t, err)
	list, err := couponsql.Ledger("").Detach(sqlstore.Postgres, time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(list[0], "dangol_coupon_ledger_202603"))
}
