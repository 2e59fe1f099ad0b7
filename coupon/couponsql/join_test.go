package couponsql_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// An order and its coupons are stored together or not at all.
func TestJoinsTheHostsTransaction(t *testing.T) {
	ctx := t.Context()
	store, db := openFile(t, filepath.Join(t.TempDir(), "shop.db"))
	s := coupontest.NewService(t, store, new(coupontest.Clock))
	d := coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1}}})
	g := coupontest.Give(t, s, "d", "kim", 1)
	_, err := db.Exec("CREATE TABLE orders (id text PRIMARY KEY, paid integer)")
	require.NoError(t, err)
	req := coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{g.Code}}

	order := func(id string, commit bool) error {
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		defer tx.Rollback()
		joined, err := s.WithTx(couponsql.WithTx(tx))
		require.NoError(t, err)
		r, err := joined.Reserve(ctx, id, req)
		if err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO orders VALUES (?, ?)", id, r.Paid())
		require.NoError(t, err)
		_, err = joined.Commit(ctx, id, id)
		require.NoError(t, err)
		if commit {
			return tx.Commit()
		}
		return nil
	}
	require.NoError(t, order("a", false))
	_, err = s.Redemption(ctx, "a")
	require.ErrorIs(t, err, coupon.ErrNotFound, "the host rolled back")
	coupontest.CheckLedger(t, store, d)
	require.NoError(t, order("b", true))
	_, refused := coupon.Refused(order("c", true))
	require.True(t, refused)
	var n, paid int
	require.NoError(t, db.QueryRow("SELECT count(*), sum(paid) FROM orders").Scan(&n, &paid))
	require.Equal(t, []int{1, 4000}, []int{n, paid})
	r, err := s.Redemption(ctx, "b")
	require.NoError(t, err)
	require.Equal(t, coupon.StateCommitted, r.State)
	coupontest.CheckLedger(t, store, d)

	// A definition that the host's transaction saved and rolled back was never there.
	tx, err := db.BeginTx(ctx, nil)
	require.NoError(t, err)
	joined, err := s.WithTx(couponsql.WithTx(tx))
	require.NoError(t, err)
	saved := coupontest.Save(t, joined, coupon.Definition{ID: "e", Name: "gone", Discount: coupon.AmountOff(1)})
	read, err := joined.Definition(ctx, "e", 0)
	require.NoError(t, err)
	require.Equal(t, saved, read)
	require.NoError(t, tx.Rollback())
	coupontest.Save(t, s, coupon.Definition{ID: "e", Name: "here", Discount: coupon.AmountOff(2)})
	read, err = s.Definition(ctx, "e", 0)
	require.NoError(t, err)
	require.Equal(t, "here", read.Name)

	_, err = s.WithTx(couponsql.WithTx(nil))
	require.ErrorIs(t, err, coupon.ErrRequest)
	m, err := coupon.New(coupon.NewMemory(), coupon.Config{})
	require.NoError(t, err)
	_, err = m.WithTx(couponsql.WithTx(nil))
	require.ErrorIs(t, err, coupon.ErrRequest)
}

func TestOpenAgainAndBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	store, db := openFile(t, path)
	s := coupontest.NewService(t, store, new(coupontest.Clock))
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
	again, err := couponsql.Open(t.Context(), db, sqlstore.SQLite, couponsql.Options{Readers: db})
	require.NoError(t, err)
	d, err := coupontest.NewService(t, again, new(coupontest.Clock)).Definition(t.Context(), "d", 0)
	require.NoError(t, err)
	require.Equal(t, int64(1), d.Version)
	other, err := couponsql.Open(t.Context(), db, sqlstore.SQLite, couponsql.Options{Prefix: "other_"})
	require.NoError(t, err)
	_, err = coupontest.NewService(t, other, new(coupontest.Clock)).Definition(t.Context(), "d", 0)
	require.ErrorIs(t, err, coupon.ErrNotFound, "two prefixes are two shops")
	require.NoError(t, again.Close())
	_, err = coupontest.NewService(t, again, new(coupontest.Clock)).Definition(t.Context(), "d", 0)
	require.NoError(t, err, "Close gives statements back, the pool is the host's")
	_, err = couponsql.Open(t.Context(), db, sqlstore.ClickHouse, couponsql.Options{})
	require.ErrorIs(t, err, sqlstore.ErrNoMigrations)
}

// Erasing a customer leaves their name in no column of any table.
func TestErasedFromEveryTable(t *testing.T) {
	ctx := t.Context()
	store, db := openFile(t, filepath.Join(t.TempDir(), "shop.db"))
	s := coupontest.NewService(t, store, new(coupontest.Clock))
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1, Customer: true}}})
	const secret = "kim@example.com"
	g, err := s.Issue(ctx, coupon.Issue{Key: "1", Definition: "d", Customer: secret})
	require.NoError(t, err)
	_, err = s.Reserve(ctx, "a", coupon.Request{Customer: secret, Cart: coupontest.Cart(5000), Codes: []string{g.Code}, Client: secret})
	require.NoError(t, err)
	_, err = s.Commit(ctx, "a", "order-1")
	require.NoError(t, err)
	found := func() (n int) {
		tables, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'table'")
		require.NoError(t, err)
		var names []string
		for tables.Next() {
			var name string
			require.NoError(t, tables.Scan(&name))
			names = append(names, name)
		}
		require.NoError(t, tables.Err())
		for _, name := range names {
			rows, err := db.Query("SELECT * FROM " + name)
			require.NoError(t, err)
			columns, err := rows.Columns()
			require.NoError(t, err)
			for rows.Next() {
				cells := make([]any, len(columns))
				for i := range cells {
					cells[i] = new(any)
				}
				require.NoError(t, rows.Scan(cells...))
				for _, c := range cells {
					if strings.Contains(fmt.Sprint(*c.(*any)), secret) {
						n++
					}
				}
			}
			require.NoError(t, rows.Err())
		}
		return n
	}
	require.Equal(t, 5, found(), "a grant, a redemption, a counter and two entries")
	_, err = s.Erase(ctx, secret)
	require.NoError(t, err)
	require.Zero(t, found())
}
