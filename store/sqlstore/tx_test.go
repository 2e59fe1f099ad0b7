package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInTxCommitsRollsBackAndSurvivesPanic(t *testing.T) {
	ctx := t.Context()
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	_, err := db.Exec("CREATE TABLE a (n integer)")
	require.NoError(t, err)
	count := func() (n int) {
		require.NoError(t, db.QueryRow("SELECT count(*) FROM a").Scan(&n))
		return n
	}
	insert := func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO a VALUES (1)")
		return err
	}
	require.NoError(t, sqlstore.InTx(ctx, db, sqlstore.SQLite, insert))
	require.Equal(t, 1, count())

	stop := errors.New("stop")
	err = sqlstore.InTx(ctx, db, sqlstore.SQLite, func(tx *sql.Tx) error { return errors.Join(insert(tx), stop) })
	require.ErrorIs(t, err, stop)
	require.Equal(t, 1, count())

	require.Panics(t, func() {
		_ = sqlstore.InTx(ctx, db, sqlstore.SQLite, func(tx *sql.Tx) error { _ = insert(tx); panic("host bug") })
	})
	require.Equal(t, 1, count(), "the only connection is free again and the row gone")
}

// Eight pools write to one file with neither a busy wait nor immediate
// transactions, the worst case there is: nothing is lost and nothing fails but
// as busy.
func TestInTxRetriesBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := open(t, path)
	_, err := db.Exec("CREATE TABLE a (n integer)")
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO a VALUES (0)")
	require.NoError(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 8 {
		own, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
		require.NoError(t, err)
		defer own.Close()
		wg.Go(func() {
			for range 20 {
				err := sqlstore.InTx(context.Background(), own, sqlstore.SQLite, func(tx *sql.Tx) error {
					var n int
					if err := tx.QueryRow("SELECT n FROM a").Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec("UPDATE a SET n = ?", n+1)
					return err
				})
				mu.Lock()
				if err == nil {
					done++
				} else {
					assert.ErrorIs(t, err, sqlstore.ErrBusy)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, db.QueryRow("SELECT n FROM a").Scan(&n))
	require.Equal(t, done, n)
	require.Positive(t, done)
}

type stateErr string

func (e stateErr) Error() string    { return string(e) }
func (e stateErr) SQLState() string { return string(e) }

type codeErr int

func (e codeErr) Error() string { return "code" }
func (e codeErr) Code() int     { return int(e) }

type numberErr struct{ Number uint16 }

func (e *numberErr) Error() string { return "number" }

func TestRetryable(t *testing.T) {
	for _, c := range []struct {
		d    sqlstore.Dialect
		err  error
		want bool
	}{
		{sqlstore.SQLite, codeErr(5), true},
		{sqlstore.SQLite, codeErr(517), true}, // BUSY_SNAPSHOT
		{sqlstore.SQLite, codeErr(19), false}, // CONSTRAINT
		{sqlstore.Postgres, stateErr("40001"), true},
		{sqlstore.Postgres, stateErr("40P01"), true},
		{sqlstore.Postgres, stateErr("23505"), false},
		{sqlstore.MySQL, &numberErr{1213}, true},
		{sqlstore.MySQL, (*numberErr)(nil), false},
		{sqlstore.MySQL, &numberErr{1062}, false},
		{sqlstore.Postgres, errors.New("x"), false},
		{sqlstore.SQLite, nil, false},
		{sqlstore.MySQL, nil, false},
	} {
		require.Equal(t, c.want, c.d.Retryable(c.err), "%s %v", c.d, c.err)
		if c.err != nil {
			require.Equal(t, c.want, c.d.Retryable(fmt.Errorf("wrapped: %w", c.err)))
		}
	}
}

func TestDialectText(t *testing.T) {
	q := `SELECT '?', "a?" FROM t WHERE a = ? AND b = ?`
	require.Equal(t, `SELECT '?', "a?" FROM t WHERE a = $1 AND b = $2`, sqlstore.Postgres.Rebind(q))
	require.Equal(t, q, sqlstore.SQLite.Rebind(q))
	require.Equal(t, `"a""b"`, sqlstore.Postgres.Quote(`a"b`))
	require.Equal(t, "`a``b`", sqlstore.MySQL.Quote("a`b"))
	require.Equal(t, ` ON CONFLICT ("a", "b") DO NOTHING`, sqlstore.SQLite.DoNothing("a", "b"))
	require.Equal(t, " ON DUPLICATE KEY UPDATE `a` = `a`", sqlstore.MySQL.DoNothing("a", "b"))
	require.Equal(t, ` ON CONFLICT ("a") DO UPDATE SET "b" = excluded."b", "c" = excluded."c"`, sqlstore.SQLite.DoUpdate([]string{"a"}, "b", "c"))
	require.Equal(t, "unknown dialect 9", sqlstore.Dialect(9).String())
}
