package integration_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var writeFirst = flag.Bool("first", false, "write testdata/first where a dialect has none: databases as the first migrations made them, never to be written again")

// kept are the tables' migrations by service.
func kept() []sqlstore.Migrations {
	return []sqlstore.Migrations{segmentsql.Migrations(""), couponsql.Migrations(""), messagesql.Migrations("")}
}

// upgraded are engines that start a database each; a second process reaches it by driver and name.
var upgraded = map[string]struct {
	dialect sqlstore.Dialect
	start   func(testing.TB) *servers.Server
}{
	"SQLite": {sqlstore.SQLite, func(t testing.TB) *servers.Server {
		return &servers.Server{Driver: "sqlite", DSN: sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db"))}
	}},
	"PostgreSQL": {sqlstore.Postgres, servers.Postgres},
	"MariaDB":    {sqlstore.MySQL, servers.MariaDB},
}

// A database of the first migration of each service, with data in it, comes to the
// newest with nothing lost, though several processes upgrade it at once.
func TestUpgradeFromTheFirst(t *testing.T) {
	for name, e := range upgraded {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", "first", e.dialect.String()+".sql")
			if _, err := os.Stat(path); err != nil && *writeFirst {
				writeFixture(t, e.dialect, e.start(t).Open(t), path)
			}
			server := e.start(t)
			db := server.Open(t)
			h := home{e.dialect, db}
			load(t, db, path)
			before := h.rows(t)
			require.Greater(t, len(before), 60)

			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					cmd := exec.Command(os.Args[0], "-test.run", "^TestUpgradeChild$")
					cmd.Env = append(os.Environ(), upgradeDriver+"="+server.Driver, upgradeDSN+"="+server.DSN, upgradeDialect+"="+strconv.Itoa(int(e.dialect)))
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("a process did not upgrade: %v\n%s", err, out)
					}
				})
			}
			wg.Wait()
			require.False(t, t.Failed())

			for _, m := range kept() {
				pending, err := sqlstore.Pending(t.Context(), db, e.dialect, m)
				require.NoError(t, err)
				require.Empty(t, pending)
			}
			after := h.rows(t)
			require.Empty(t, cmp.Diff(before, slices.DeleteFunc(after, func(row string) bool {
				return strings.HasPrefix(row, "dangol_migrations") && !slices.Contains(before, row)
			})))
			worksOn(t, h)
		})
	}
}

const (
	upgradeDriver  = "DANGOL_UPGRADE_DRIVER"
	upgradeDSN     = "DANGOL_UPGRADE_DSN"
	upgradeDialect = "DANGOL_UPGRADE_DIALECT"
)

func TestUpgradeChild(t *testing.T) {
	if os.Getenv(upgradeDriver) == "" {
		t.Skip("is run by TestUpgradeFromTheFirst")
	}
	db, err := sql.Open(os.Getenv(upgradeDriver), os.Getenv(upgradeDSN))
	require.NoError(t, err)
	defer db.Close()
	dialect, err := strconv.Atoi(os.Getenv(upgradeDialect))
	require.NoError(t, err)
	for _, m := range kept() {
		require.NoError(t, sqlstore.Migrate(t.Context(), db, sqlstore.Dialect(dialect), m))
	}
}

// worksOn asks the upgraded services about what happened before, and goes on with it.
func worksOn(t *testing.T, h home) {
	ctx := t.Context()
	e := openEstate(t, h, "")
	for i, id := range estateCustomers {
		key := fmt.Sprint("order-", i)
		r, err := e.coupons.Commit(ctx, key, key)
		require.NoError(t, err, "a key means for ever what it meant")
		require.Equal(t, id, r.Customer)
		_, err = e.coupons.Commit(ctx, key, "another")
		require.ErrorIs(t, err, coupon.ErrKeyReused)
		ledger, err := e.messages.Consents(ctx, id)
		require.NoError(t, err)
		require.Len(t, ledger, 1)
	}
	_, err := e.coupons.Reserve(ctx, "order-new", coupon.Request{Customer: "ann", Cart: coupon.Cart{Currency: dangol.KRW, Lines: []coupon.Line{{ID: "1", Product: "tea", Quantity: 1, Price: 5000}}}})
	require.NoError(t, err)
	used, err := e.coupons.Results(ctx, coupon.ByDefinition, coupon.ResultQuery{})
	require.NoError(t, err)
	require.Equal(t, int64(len(estateCustomers)), used[0].Used)
	res, err := e.messages.Results(ctx, "hello")
	require.NoError(t, err)
	require.Equal(t, len(estateCustomers), res.Audience)
	snap, err := e.segments.MembersAt(ctx, "new", opening)
	require.NoError(t, err)
	require.Equal(t, len(estateCustomers), snap.Count)
	_, err = e.messages.Tick(ctx)
	require.NoError(t, err)
	require.Empty(t, e.sent, "what went out before the upgrade does not go out again")
	require.NoError(t, e.messages.RecordConsent(ctx, message.Consent{Customer: "ann"}))
	name, err := e.messages.Erase(ctx, "ann")
	require.NoError(t, err)
	require.NotEmpty(t, name)
}

// A database that a newer program has migrated is refused, and so is one whose
// migrations are others under the same numbers.
func TestUnknownMigrationsAreRefused(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		for _, m := range kept() {
			m.Prefix = prefix()
			require.NoError(t, sqlstore.Migrate(t.Context(), h.db, h.dialect, m))
			list, err := m.List(h.dialect)
			require.NoError(t, err)
			_, err = h.db.Exec("INSERT INTO " + m.Prefix + "migrations (service, version, name, checksum) VALUES ('" + m.Service + "', " + strconv.Itoa(len(list)+1) + ", 'tomorrow', 'x')")
			require.NoError(t, err)
			for range 2 {
				err = sqlstore.Migrate(t.Context(), h.db, h.dialect, m)
				require.ErrorIs(t, err, sqlstore.ErrNewerSchema)
				require.ErrorContains(t, err, fmt.Sprintf("%s has version %d, the program knows %d", m.Service, len(list)+1, len(list)))
				_, err = sqlstore.Pending(t.Context(), h.db, h.dialect, m)
				require.ErrorIs(t, err, sqlstore.ErrNewerSchema)
			}
			_, err = h.db.Exec("UPDATE " + m.Prefix + "migrations SET checksum = 'other' WHERE version = 1")
			require.NoError(t, err)
			require.ErrorIs(t, sqlstore.Migrate(t.Context(), h.db, h.dialect, m), sqlstore.ErrMigrationChanged)
		}
	})
}

// rows are all rows of the library's tables in a fixed order: the table, its old
// columns by their names, and their values.
func (h home) rows(t *testing.T) (out []string) {
	t.Helper()
	for _, name := range h.tables(t, "dangol_") {
		rows, err := h.db.Query("SELECT * FROM " + name)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			var cells []string
			for i, v := range scanned(t, rows, len(columns)) {
				cells = append(cells, fmt.Sprintf("%s=%v", columns[i], v))
			}
			slices.Sort(cells)
			out = append(out, name+" "+strings.Join(cells, " "))
		}
		require.NoError(t, rows.Err())
		rows.Close()
	}
	slices.Sort(out)
	return out
}

// scanned are a row's values, texts as strings.
func scanned(t *testing.T, rows *sql.Rows, n int) []any {
	t.Helper()
	cells := make([]any, n)
	for i := range cells {
		cells[i] = new(any)
	}
	require.NoError(t, rows.Scan(cells...))
	for i, c := range cells {
		cells[i] = *c.(*any)
		if text, ok := cells[i].([]byte); ok {
			cells[i] = string(text)
		}
	}
	return cells
}

// load runs a file of statements, each ending with a semicolon at the end of a line.
func load(t *testing.T, db *sql.DB, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, statement := range strings.Split(string(text), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
}

var estateCustomers = []dangol.CustomerID{"ann", "bob", "cho"}

// writeFixture makes a database by the first migrations alone, lets the services live
// in it, and writes it down as text. Later migrations only add to what is written.
func writeFixture(t *testing.T, d sqlstore.Dialect, db *sql.DB, path string) {
	h := home{d, db}
	openEstate(t, h, "").fill(t, estateCustomers...)
	var b strings.Builder
	fmt.Fprintln(&b, "CREATE TABLE dangol_migrations (service varchar(64) NOT NULL, version integer NOT NULL, name varchar(128) NOT NULL, checksum varchar(64) NOT NULL, PRIMARY KEY (service, version));")
	var tables []string
	for _, m := range kept() {
		list, err := m.List(d)
		require.NoError(t, err)
		for _, statement := range list[0].Statements {
			fmt.Fprintf(&b, "%s;\n", statement)
			if _, rest, ok := strings.Cut(statement, "CREATE TABLE "); ok {
				tables = append(tables, strings.Fields(strings.TrimPrefix(rest, "IF NOT EXISTS "))[0])
			}
		}
		fmt.Fprintf(&b, "INSERT INTO dangol_migrations VALUES ('%s', 1, '%s', '%s');\n", m.Service, list[0].Name, list[0].Checksum)
	}
	for _, table := range tables {
		if strings.HasSuffix(table, "_counters") && !strings.HasPrefix(table, "dangol_coupon") {
			fmt.Fprintf(&b, "DELETE FROM %s;\n", table) // the migrations put rows into it
		}
		rows, err := db.QueryContext(context.Background(), "SELECT * FROM "+table)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			var values []string
			for _, v := range scanned(t, rows, len(columns)) {
				values = append(values, literal(d, v))
			}
			overriding := ""
			if d == sqlstore.Postgres && table == "dangol_coupon_ledger" {
				overriding = " OVERRIDING SYSTEM VALUE"
			}
			fmt.Fprintf(&b, "INSERT INTO %s (%s)%s VALUES (%s);\n", table, strings.Join(columns, ", "), overriding, strings.Join(values, ", "))
		}
		require.NoError(t, rows.Err())
		rows.Close()
	}
	if d == sqlstore.Postgres {
		fmt.Fprintln(&b, "ALTER TABLE dangol_coupon_ledger ALTER COLUMN seq RESTART WITH 1000;")
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
}

func literal(d sqlstore.Dialect, v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		if d == sqlstore.MySQL {
			v = strings.ReplaceAll(v, `\`, `\\`)
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return fmt.Sprint(v)
}
