package couponsql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// cut is a driver whose connection breaks at COMMIT now and then: before the
// database has it, or after, when only the answer is lost.
type cut struct {
	driver.Connector
	at atomic.Int64 // the number of the next commit that breaks; counted down
	// arrives tells whether the broken commit reaches the database.
	arrives bool
}

var errCut = errors.New("connection reset by peer")

func (c *cut) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return cutConn{conn, c}, nil
}

type cutConn struct {
	driver.Conn
	c *cut
}

func (c cutConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return cutTx{tx, c.c}, err
}

func (c cutConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
}

func (c cutConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

func (c cutConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

type cutTx struct {
	driver.Tx
	c *cut
}

func (t cutTx) Commit() error {
	if t.c.at.Add(-1) != 0 {
		return t.Tx.Commit()
	}
	if t.c.arrives {
		return errors.Join(t.Tx.Commit(), errCut)
	}
	return errors.Join(t.Tx.Rollback(), errCut)
}

// A connection that breaks at any COMMIT of a day changes nothing about its end,
// whether or not the commit arrived: the keys tell.
func TestCommitOfUnknownOutcome(t *testing.T) {
	store, _ := openFile(t, filepath.Join(t.TempDir(), "uncut.db"))
	require.NoError(t, coupontest.Day(store))
	want := coupontest.OutcomeOf(t, store)

	for _, arrives := range []bool{true, false} {
		for n := int64(1); ; n++ {
			connector, err := sqlite.NewConnector(sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "cut.db")))
			require.NoError(t, err)
			c := &cut{Connector: connector, arrives: arrives}
			db := sqlstore.SQLiteWriter(sql.OpenDB(c))
			store, err := couponsql.Open(t.Context(), db, sqlstore.SQLite, couponsql.Options{})
			require.NoError(t, err)
			c.at.Store(n)
			require.NoError(t, coupontest.Day(store), "cut at commit %d", n)
			require.Equal(t, want, coupontest.OutcomeOf(t, store), "cut at commit %d, arrived %v", n, arrives)
			d, err := coupontest.NewService(t, store, new(coupontest.Clock)).Definition(t.Context(), "d", 0)
			require.NoError(t, err)
			coupontest.CheckLedger(t, store, d)
			require.NoError(t, db.Close())
			if c.at.Load() > 0 {
				require.Greater(t, n, int64(10), "the day has so many commits")
				break
			}
		}
	}

	// In the host's transaction nothing is run again: the host has to find out.
	require.ErrorIs(t, func() error {
		connector, err := sqlite.NewConnector(sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "host.db")))
		require.NoError(t, err)
		c := &cut{Connector: connector, arrives: true}
		db := sqlstore.SQLiteWriter(sql.OpenDB(c))
		defer db.Close()
		store, err := couponsql.Open(t.Context(), db, sqlstore.SQLite, couponsql.Options{})
		require.NoError(t, err)
		s := coupontest.NewService(t, store, new(coupontest.Clock))
		coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
		c.at.Store(1)
		return sqlstore.InTx(t.Context(), db, sqlstore.SQLite, func(tx *sql.Tx) error {
			joined, err := s.WithTx(couponsql.WithTx(tx))
			require.NoError(t, err)
			_, err = joined.Issue(t.Context(), coupon.Issue{Key: "1", Definition: "d", Customer: "kim"})
			return err
		})
	}(), sqlstore.ErrOutcomeUnknown)
}
