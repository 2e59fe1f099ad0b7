package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// purchaseOf is a customer with an order of two lines, put at once.
func purchaseOf(id dangol.CustomerID, total int64) []store.Change {
	order := "o-" + string(id)
	out := []store.Change{someone(id, values{"points": amount(total)}), ordered(id, order, "2026-03-01T00:00:00Z", total)}
	for i := range 2 {
		out = append(out, store.Change{Customer: id, Kind: "items", Key: fmt.Sprint(order, "-", i), Parent: order, Fields: values{"product": word("p")}})
	}
	return out
}

var stream = store.Stream

// dump is a store's customers as text.
func dump(t *testing.T, s store.Streamer) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
		b.WriteString(storetest.Dump(c))
		return nil
	}))
	return b.String()
}

// A connection that is cut before any request: Apply says that it was lost, or that
// the outcome is unknown, has happened wholly or not at all, and done again ends as it
// should. Reads say that it was lost and answer the next time.
func TestConnectionLost(t *testing.T) {
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	rich, ds := rules.Text(`sum(orders.total) >= 100 and items`, compile.Options{})
	require.False(t, ds.HasErrors())
	query := store.Query{Plans: []*plan.Plan{rich}, AsOf: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)}
	onServer(t, func(t *testing.T, h home, server *servers.Server) {
		p, db := proxied(t, h, server)
		name := prefix()
		s, err := sqlstore.Open(t.Context(), db, h.dialect, catalog.Shop(), sqlstore.Options{Prefix: name})
		require.NoError(t, err)
		straight, err := sqlstore.Open(t.Context(), h.db, h.dialect, catalog.Shop(), sqlstore.Options{Prefix: name})
		require.NoError(t, err)
		mapped := func() (*sqlstore.Mapped, error) {
			return sqlstore.OpenMapped(t.Context(), db, h.dialect, catalog.Shop(), sqlstore.Mapping{
				Customers: sqlstore.TableMap{Table: name + "customers", Key: "id", Columns: map[string]sqlstore.ColumnMap{"points": {Column: "points"}}},
			}, sqlstore.MappedOptions{})
		}
		m, err := mapped()
		require.NoError(t, err)
		lost, cuts := 0, 0
		for n := int64(1); ; n++ {
			id := dangol.CustomerID(fmt.Sprintf("c%03d", n))
			before := dump(t, straight)
			p.cutRequest(n)
			err := s.Apply(t.Context(), purchaseOf(id, 100)...)
			p.requests.Store(0)
			if p.cuts.Load() == 0 {
				require.NoError(t, err)
				require.Greater(t, cuts, 5, "an Apply has so many requests")
				break
			}
			cuts++
			_, there := straight.Customer(t.Context(), id)
			switch {
			case errors.Is(err, sqlstore.ErrOutcomeUnknown):
			case err == nil:
				require.NoError(t, there, "request %d", n)
			default:
				lost++
				require.ErrorIs(t, err, sqlstore.ErrLost, "request %d", n)
				require.Equal(t, before, dump(t, straight), "request %d", n)
			}
			require.NoError(t, s.Apply(t.Context(), purchaseOf(id, 100)...), "again, request %d", n)
			c, err := straight.Customer(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, c.Records["items"], 2)
		}
		require.Positive(t, lost)
		reads := map[string]func() error{
			"Select": func() error {
				a, err := s.Select(t.Context(), query)
				if err == nil {
					require.NoError(t, a[0].Err)
					require.Positive(t, a[0].Members.Len())
				}
				return err
			},
			"Customer":        func() error { _, err := s.Customer(t.Context(), "c001"); return err },
			"Each":            func() error { return s.Each(t.Context(), func(*eval.Customer) error { return nil }) },
			"Mapped.Customer": func() error { _, err := m.Customer(t.Context(), "c001"); return err },
			"Mapped.Each":     func() error { return m.Each(t.Context(), func(*eval.Customer) error { return nil }) },
			"OpenMapped":      func() error { _, err := mapped(); return err },
			"Load":            func() error { return s.Load(t.Context(), stream(purchaseOf("load", 1)...)) },
		}
		for what, read := range reads {
			for n := int64(1); ; n++ {
				p.cutRequest(n)
				err := read()
				p.requests.Store(0)
				if err != nil && !errors.Is(err, sqlstore.ErrOutcomeUnknown) {
					require.ErrorIs(t, err, sqlstore.ErrLost, "%s, request %d", what, n)
				}
				if p.cuts.Load() == 0 {
					break
				}
				require.NoError(t, read(), "%s again, request %d", what, n)
			}
		}
	})
}

// impatient are the engines with a short patience for locks, and a way to hold one.
func impatient(t *testing.T) map[string]struct {
	dialect  sqlstore.Dialect
	db, rude *sql.DB
} {
	type engine = struct {
		dialect  sqlstore.Dialect
		db, rude *sql.DB
	}
	file := "file:" + filepath.Join(t.TempDir(), "shop.db") + "?_txlock=immediate&_pragma=busy_timeout(20)&_pragma=journal_mode(WAL)"
	out := map[string]engine{}
	lite := engine{dialect: sqlstore.SQLite}
	for _, db := range []**sql.DB{&lite.db, &lite.rude} {
		var err error
		*db, err = sql.Open("sqlite", file)
		require.NoError(t, err)
		t.Cleanup(func() { (*db).Close() })
	}
	out["SQLite"] = lite
	pg := servers.Postgres(t)
	out["PostgreSQL"] = engine{sqlstore.Postgres, poolOf(t, pg.Driver, pg.DSN+"&lock_timeout=20"), pg.Open(t)}
	maria := servers.MariaDB(t)
	out["MariaDB"] = engine{sqlstore.MySQL, poolOf(t, maria.Driver, maria.DSN+"&innodb_lock_wait_timeout=1"), maria.Open(t)}
	return out
}

// Somebody holds a lock and does not let go: Apply gives up and says that the
// database stayed busy, or that its time was up; nothing is written, readers are not
// kept, and once the lock is gone the same Apply works.
func TestLockTimeout(t *testing.T) {
	for name, e := range impatient(t) {
		t.Run(name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), e.db, e.dialect, catalog.Shop(), sqlstore.Options{})
			require.NoError(t, err)
			require.NoError(t, s.Apply(t.Context(), purchaseOf("a", 1)...))
			tx, err := e.rude.Begin()
			require.NoError(t, err)
			defer tx.Rollback()
			_, err = tx.Exec("UPDATE dangol_customers SET points = 5")
			require.NoError(t, err)
			before := dump(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			if e.dialect == sqlstore.MySQL { // whose shortest patience is a second
				ctx, cancel = context.WithTimeout(t.Context(), 1500*time.Millisecond)
			}
			defer cancel()
			err = s.Apply(ctx, purchaseOf("a", 7)...)
			if e.dialect == sqlstore.MySQL {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.ErrorIs(t, err, sqlstore.ErrBusy)
			}
			err = s.Load(t.Context(), stream(purchaseOf("a", 7)...))
			require.ErrorIs(t, err, sqlstore.ErrBusy, "a load is not tried again")
			require.Equal(t, before, dump(t, s), "readers go on, and see what was")
			require.NoError(t, tx.Rollback())
			require.NoError(t, s.Apply(t.Context(), purchaseOf("a", 7)...))
			c, err := s.Customer(t.Context(), "a")
			require.NoError(t, err)
			require.EqualValues(t, 7, c.Attributes["points"].Int())
		})
	}
}

// Two loads lock each other out: one is done, the other says so and has left nothing.
// Applies are tried again by themselves; TestOwnTablesUnderManyWriters does that.
func TestDeadlock(t *testing.T) {
	onServer(t, func(t *testing.T, h home, _ *servers.Server) {
		s, err := sqlstore.Open(t.Context(), h.db, h.dialect, catalog.Shop(), sqlstore.Options{Prefix: prefix()})
		require.NoError(t, err)
		require.NoError(t, s.Apply(t.Context(), slices.Concat(purchaseOf("a", 1), purchaseOf("b", 1))...))
		var ready [2]chan struct{}
		for i := range ready {
			ready[i] = make(chan struct{})
		}
		points := func(id dangol.CustomerID, n int64) store.Change {
			return store.Change{Op: store.Set, Customer: id, Fields: values{"points": amount(n)}}
		}
		errs := make(chan error, 2)
		for i, order := range [][2]dangol.CustomerID{{"a", "b"}, {"b", "a"}} {
			go func() {
				errs <- s.Load(t.Context(), func(yield func(store.Change, error) bool) {
					if yield(points(order[0], int64(10+i)), nil) {
						close(ready[i])
						<-ready[1-i]
						yield(points(order[1], int64(10+i)), nil)
					}
				})
			}()
		}
		first, second := <-errs, <-errs
		if first == nil {
			first, second = second, first
		}
		require.ErrorIs(t, first, sqlstore.ErrBusy)
		require.NoError(t, second)
		a, err := s.Customer(t.Context(), "a")
		require.NoError(t, err)
		b, err := s.Customer(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, a.Attributes["points"], b.Attributes["points"], "one load, whole")
		require.NoError(t, s.Load(t.Context(), stream(points("a", 3), points("b", 3))))
	})
}

// cramped are databases with little room, and how to give them more.
var cramped = map[string]func(t *testing.T) (db *sql.DB, d sqlstore.Dialect, more func()){
	"SQLite": func(t *testing.T) (*sql.DB, sqlstore.Dialect, func()) {
		db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")))
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		return sqlstore.SQLiteWriter(db), sqlstore.SQLite, func() {
			_, err := db.Exec("PRAGMA max_page_count = 100000")
			require.NoError(t, err)
		}
	},
	"PostgreSQL": func(t *testing.T) (*sql.DB, sqlstore.Dialect, func()) {
		db := servers.OwnPostgres(t).Open(t)
		dir, err := os.MkdirTemp("", "dgfull")
		require.NoError(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", dir).CombinedOutput(); err != nil {
			t.Skipf("no small disk can be mounted here: %s", out)
		}
		t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
		var home string
		require.NoError(t, db.QueryRow("SHOW data_directory").Scan(&home))
		owner, err := os.Stat(home)
		require.NoError(t, err)
		space := filepath.Join(dir, "space")
		require.NoError(t, os.Mkdir(space, 0o700))
		if like, ok := owner.Sys().(*syscall.Stat_t); ok {
			require.NoError(t, os.Chown(space, int(like.Uid), int(like.Gid)))
		}
		_, err = db.Exec("CREATE TABLESPACE small LOCATION '" + space + "'")
		require.NoError(t, err)
		_, err = db.Exec("ALTER ROLE dangol SET default_tablespace = small")
		require.NoError(t, err)
		db.SetMaxIdleConns(0) // so that new connections have the setting
		return db, sqlstore.Postgres, func() {
			out, err := exec.Command("mount", "-o", "remount,size=200m", dir).CombinedOutput()
			require.NoError(t, err, string(out))
		}
	},
	"MariaDB": func(t *testing.T) (*sql.DB, sqlstore.Dialect, func()) {
		s := servers.OwnMariaDB(t, "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M", "--innodb-file-per-table=0")
		return s.Open(t), sqlstore.MySQL, func() {} // what was rolled back is room again
	},
}

// A database without room left says so, has kept what it had and nothing of what did
// not fit, answers rules as before, and takes the same changes once there is room.
func TestDiskFull(t *testing.T) {
	for name, open := range cramped {
		t.Run(name, func(t *testing.T) {
			db, d, more := open(t)
			s, err := sqlstore.Open(t.Context(), db, d, catalog.Shop(), sqlstore.Options{})
			require.NoError(t, err)
			require.NoError(t, s.Apply(t.Context(), purchaseOf("a", 1)...))
			if d == sqlstore.SQLite {
				var pages int
				require.NoError(t, db.QueryRow("PRAGMA page_count").Scan(&pages))
				_, err := db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+20))
				require.NoError(t, err)
			}
			before := dump(t, s)
			var big []store.Change
			r := rand.New(rand.NewPCG(1, 2)) // engines would press anything plainer together
			for i := range 12_000 {
				text := make([]byte, 2000)
				for k := range text {
					text[k] = byte('!' + r.IntN(90))
				}
				big = append(big, someone(dangol.CustomerID(fmt.Sprintf("big%05d", i)), values{"name": word(string(text))}))
			}
			require.ErrorIs(t, s.Apply(t.Context(), big...), sqlstore.ErrFull)
			require.Equal(t, before, dump(t, s))
			require.ErrorIs(t, s.Load(t.Context(), stream(big...)), sqlstore.ErrFull)
			require.Equal(t, before, dump(t, s))
			more()
			require.NoError(t, s.Apply(t.Context(), big[:500]...))
			c, err := s.Customer(t.Context(), "big00499")
			require.NoError(t, err)
			require.Len(t, c.Attributes["name"].Text(), 2000)
		})
	}
}
