package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// everyone asks for all customers.
func everyone(t testing.TB) store.Query {
	t.Helper()
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	p, ds := c.Text(`not country = "XX"`, compile.Options{})
	require.False(t, ds.HasErrors(), "%v", ds)
	return store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(bigAsOf, 0)}
}

// endless is a store over so many customers that no engine gets to the end of them.
func endless(t testing.TB, e engine, db *sql.DB, o sqlstore.MappedOptions) *sqlstore.Mapped {
	t.Helper()
	rows := map[sqlstore.Dialect]string{
		sqlstore.Postgres:   "SELECT n AS id, 'KR' AS country FROM generate_series(1, 100000) a(n) CROSS JOIN generate_series(1, 100000) b(m)",
		sqlstore.MySQL:      "SELECT seq AS id, 'KR' AS country FROM seq_1_to_10000000000",
		sqlstore.ClickHouse: "SELECT toString(number) AS id, 'KR' AS country FROM system.numbers",
		sqlstore.SQLite:     "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10000000000) SELECT n AS id, 'KR' AS country FROM s",
	}[e.dialect]
	s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, catalog.Shop(), sqlstore.Mapping{
		Customers: sqlstore.TableMap{SQL: rows, Key: "id", Columns: map[string]sqlstore.ColumnMap{"country": {Column: "country"}}},
	}, o)
	require.NoError(t, err)
	return s
}

// A statement is cut off by the store's time-out and by the caller's context, with an
// error that says which, and the pool goes on working.
func TestStatementsAreCutOff(t *testing.T) {
	for _, e := range engines() {
		if e.click != nil && e.name != "ClickHouse" {
			continue // one server is as good as another, and in process nothing is cut off
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			db.SetMaxOpenConns(2)
			q := everyone(t)

			_, err := endless(t, e, db, sqlstore.MappedOptions{Timeout: 50 * time.Millisecond}).Select(t.Context(), q)
			require.ErrorIs(t, err, context.DeadlineExceeded)

			s := endless(t, e, db, sqlstore.MappedOptions{})
			ctx, cancel := context.WithCancel(t.Context())
			// It ends in the midst of an answer, not before.
			n := 0
			_, err = s.SelectEach(ctx, q, func(int, dangol.CustomerID) error {
				if n++; n == 100 {
					cancel()
				}
				return nil
			})
			require.ErrorIs(t, err, context.Canceled)
			require.GreaterOrEqual(t, n, 100)

			enough := errors.New("enough")
			for range 100 { // drivers that do not yet listen when the first row is there differ by chance
				_, err = s.SelectEach(t.Context(), q, func(int, dangol.CustomerID) error { return enough })
				require.ErrorIs(t, err, enough)
			}

			var one int
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT 1").Scan(&one))
		})
	}
}

// Streamed answers are those of Select, and a pool that can only read is enough for
// everything but writing members.
func TestReadersThatOnlyRead(t *testing.T) {
	for name, start := range map[string]func(testing.TB) (write, read *sql.DB){
		"SQLite": func(t testing.TB) (*sql.DB, *sql.DB) {
			file := t.TempDir() + "/shop.db"
			return poolOf(t, "sqlite", sqlstore.SQLiteDSN(file)), poolOf(t, "sqlite", "file:"+file+"?mode=ro")
		},
		"PostgreSQL": func(t testing.TB) (*sql.DB, *sql.DB) {
			s := servers.Postgres(t)
			return s.Open(t), poolOf(t, s.Driver, s.DSN+"&default_transaction_read_only=on")
		},
		"MariaDB": func(t testing.TB) (*sql.DB, *sql.DB) {
			s := servers.MariaDB(t)
			return s.Open(t), poolOf(t, s.Driver, s.DSN+"&tx_read_only=1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			write, read := start(t)
			e := engines()[slices.IndexFunc(engines(), func(e engine) bool { return e.name == name })]
			bigShop(t, e, write)
			s := overBigShop(t, e, read)
			c, err := compile.New(catalog.Shop())
			require.NoError(t, err)
			q := everyone(t)
			for _, text := range []string{`orders(30d) >= 1`, `orders in top 5%`, `country = "KR" and sum(orders.total, 90d) in top 10%`} {
				p, ds := c.Text(text, compile.Options{})
				require.False(t, ds.HasErrors(), "%v", ds)
				q.Plans = append(q.Plans, p)
			}
			answers, err := s.Select(t.Context(), q)
			require.NoError(t, err)
			streamed := make([][]dangol.CustomerID, len(answers))
			again, err := s.SelectEach(t.Context(), q, func(plan int, id dangol.CustomerID) error {
				streamed[plan] = append(streamed[plan], id)
				return nil
			})
			require.NoError(t, err)
			for i, a := range answers {
				require.NoError(t, a.Err)
				require.NotZero(t, a.Members.Len(), q.Plans[i].Text)
				require.Equal(t, a.Cuts, again[i].Cuts)
				require.Equal(t, slices.Collect(a.Members.All()), slices.Collect(store.NewIDs(streamed[i]).All()), q.Plans[i].Text)
				require.Equal(t, len(streamed[i]), a.Members.Len(), "each member once")
			}
			_, err = s.Customer(t.Context(), "17")
			require.NoError(t, err)
			n, enough := 0, errors.New("enough")
			err = s.Each(t.Context(), func(*eval.Customer) error {
				if n++; n == 50 {
					return enough
				}
				return nil
			})
			require.ErrorIs(t, err, enough)

			_, err = write.Exec("CREATE TABLE big_members (group_id VARCHAR(20), customer VARCHAR(20), PRIMARY KEY (group_id, customer))")
			require.NoError(t, err)
			err = sqlstore.InTx(t.Context(), read, e.dialect, func(tx *sql.Tx) error {
				_, err := s.WriteMembers(t.Context(), tx, everyone(t), []string{"all"}, sqlstore.MemberTable{Name: "big_members"})
				return err
			})
			require.Error(t, err)
			require.Contains(t, strings.ToLower(strings.ReplaceAll(fmt.Sprint(err), "-", "")), "read")
			require.Zero(t, bigMembers(t, write))
		})
	}
}

func poolOf(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func bigMembers(t testing.TB, db *sql.DB) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM big_members").Scan(&n))
	return n
}
