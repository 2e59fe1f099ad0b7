package integration_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// faults makes the nth thing that is asked of a server fail.
type faults struct {
	driver.Connector
	left    atomic.Int64
	arrives bool  // the server does it, and only the answer is lost
	stays   bool  // all that follows fails, too
	err     error // what the driver says
}

func (f *faults) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := f.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyConn{conn, f}, nil
}

func faulty[T any](f *faults, do func() (T, error)) (out T, err error) {
	left := f.left.Add(-1)
	if left > 0 || left < 0 && !f.stays {
		return do()
	}
	if left == 0 && f.arrives {
		if _, err := do(); err != nil {
			return out, err
		}
	}
	return out, f.err
}

type faultyConn struct {
	driver.Conn
	f *faults
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return faulty(c.f, func() (driver.Result, error) { return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args) })
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return faulty(c.f, func() (driver.Rows, error) { return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args) })
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return faulty(c.f, func() (driver.Stmt, error) { return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query) })
}

func (c *faultyConn) CheckNamedValue(v *driver.NamedValue) error {
	return c.Conn.(driver.NamedValueChecker).CheckNamedValue(v)
}

func (c *faultyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return faultyTx{tx, c.f}, err
}

type faultyTx struct {
	driver.Tx
	f *faults
}

func (t faultyTx) Commit() error {
	_, err := faulty(t.f, func() (any, error) { return nil, t.Tx.Commit() })
	return err
}

// Whatever a load asks of the server may fail, or be done without an answer, or be
// done twice by the pool for want of one: then all is loaded or nothing is, and doing
// it again loads it.
func TestLoadedMayFailAnywhere(t *testing.T) {
	server := servers.ClickHouse(t)
	db := server.Open(t)
	cat := &catalog.Catalog{
		Attributes: []catalog.Attribute{{Name: "tags", Type: catalog.Type{Sort: catalog.Set}}},
		Kinds:      []catalog.Kind{catalogKind(t, "all_orders")},
	}
	opts, err := clickhouse.ParseDSN(server.DSN)
	require.NoError(t, err)
	shop := shopOf(2)
	shop = append(shop[1:3:3], shop[4:6]...) // without items and products
	for i := range shop {
		delete(shop[i].Fields, "points")
	}
	reader := openLoaded(t, db, cat, sqlstore.LoadedOptions{})
	require.NoError(t, reader.Load(t.Context(), stream(shop...)))
	whole := dump(t, reader)
	dropTables(t, db, "dangol_")
	step := int64(6)
	if *soak {
		step = 1
	}
	for i, way := range []struct {
		why            string
		arrives, stays bool
		err            error
	}{
		{"it does not arrive", false, false, io.ErrUnexpectedEOF},
		{"the answer is lost", true, false, io.ErrUnexpectedEOF},
		{"it is done again for want of an answer", true, false, driver.ErrBadConn},
		{"nothing arrives any more", false, true, io.ErrUnexpectedEOF},
		{"the answer is lost, and nothing arrives any more", true, true, io.ErrUnexpectedEOF},
	} {
		asked, failed, unknown := 1+int64(i)%step, 0, 0
		for ; ; asked += step {
			f := &faults{Connector: clickhouse.Connector(opts), arrives: way.arrives, stays: way.stays, err: way.err}
			f.left.Store(1 << 30)
			pool := sql.OpenDB(f)
			s, err := sqlstore.OpenLoaded(t.Context(), pool, cat, sqlstore.LoadedOptions{})
			require.NoError(t, err)
			f.left.Store(asked)
			err = s.Load(t.Context(), stream(shop...))
			hit := f.left.Load() <= 0
			require.NoError(t, pool.Close())
			switch now := reader.Check(t.Context()); {
			case now == nil: // whatever Load said, all of it is there
				require.Empty(t, cmp.Diff(whole, dump(t, reader)), "%s: %d", way.why, asked)
			default:
				require.ErrorIs(t, now, sqlstore.ErrNotLoaded)
				require.Error(t, err, "%s: %d", way.why, asked)
			}
			if err != nil {
				failed++
				if errors.Is(err, sqlstore.ErrOutcomeUnknown) {
					unknown++
				}
				require.NoError(t, reader.Load(t.Context(), stream(shop...)), "%s: %d: after %v", way.why, asked, err)
				require.Empty(t, cmp.Diff(whole, dump(t, reader)))
			}
			list := tables(t, db)
			require.Len(t, list, 7, "three tables and their views and the ledger: %s: %d: %v", way.why, asked, list)
			dropTables(t, db, "dangol_")
			if !hit {
				break
			}
		}
		t.Logf("%s: at least %d things are asked, %d loads failed, of %d nobody knew", way.why, asked-step, failed, unknown)
		require.Positive(t, failed)
	}
}

// catalogKind is a kind of the shop's catalog.
func catalogKind(t *testing.T, name string) catalog.Kind {
	k, ok := catalog.Shop().Kind(name)
	require.True(t, ok)
	return *k
}
