package integration_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// The command loads a folder into PostgreSQL and MariaDB and answers over it as over the
// folder; what goes wrong is told, and leaves nothing to ask.
func TestCommandOnServers(t *testing.T) {
	tool := command(t)
	for _, e := range []struct {
		dialect string
		start   func(testing.TB) *servers.Server
		url     func(t *testing.T, s *servers.Server) string
		nobody  string // a server that is not there
		shown   string // what is said of it
	}{
		{"postgres", servers.Postgres, func(_ *testing.T, s *servers.Server) string { return s.DSN }, "postgres://u:s3cret@127.0.0.1:1/x", "refused"},
		{"mysql", servers.MariaDB, func(t *testing.T, s *servers.Server) string {
			cfg, err := mysql.ParseDSN(s.DSN)
			require.NoError(t, err)
			return fmt.Sprintf("mysql://%s@/%s?socket=%s", cfg.User, cfg.DBName, cfg.Addr)
		}, "mysql://u:s3cret@127.0.0.1:1/x", "refused"},
	} {
		t.Run(e.dialect, func(t *testing.T) {
			server := e.start(t)
			db, to, run, dir := server.Open(t), e.url(t, server), run(t, tool), shopFolder(t)
			fails := func(want int, said string, args ...string) {
				t.Helper()
				code, out, errs := run(args...)
				require.Equal(t, want, code, "%s", errs)
				require.Empty(t, out)
				require.Contains(t, errs, said)
				require.NotContains(t, errs, "s3cret")
			}
			made := func() (n int) {
				t.Helper()
				require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'dangol_customers'").Scan(&n))
				return n
			}

			fails(1, e.shown, "load", "--data", dir, "--store", e.nobody)
			fails(1, e.shown, "select", "--store", e.nobody, `points > 5`)
			fails(2, "no finished load", "select", "--store", to, `points > 5`)
			require.Zero(t, made())

			killedLoad(t, tool, to, 300_000, func() bool {
				// The tables are described after they were made, and then filled.
				n := 0
				return db.QueryRow("SELECT COUNT(*) FROM dangol_columns").Scan(&n) == nil && n > 0
			})
			fails(2, "dangol: --store: ", "select", "--store", to, `points > 5`)

			bad := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(bad, "customers.csv"), []byte("id,points\na,1\nb,x\n"), 0o600))
			fails(2, "customers.csv:3:3: ", "load", "--data", bad, "--store", to)
			fails(2, "no customer is in this database", "select", "--store", to, `points > 5`)

			for range 2 {
				code, out, errs := run("load", "--data", dir, "--store", to, "--zone=Asia/Seoul")
				require.Zero(t, code, errs)
				require.Empty(t, out+errs)
				sameAsFolder(t, run, dir, to)
			}
			fails(2, "--replace: it is of clickhouse", "load", "--data", dir, "--store", to, "--replace")
			fails(2, "money KRW in the tables, money USD in the catalog", "select", "--store", to, "--currency=USD", `points > 5`)

			_, out, errs := run("sql", "--dialect", e.dialect, "--format=json", "--as-of=2026-03-10", "--zone=Asia/Seoul", `items(where category = "hats")`)
			require.Equal(t, `o'hara, \ "x"`, printed(t, db, out), errs)

			for _, query := range []string{"CREATE TABLE people (no INTEGER PRIMARY KEY, since BIGINT)", "INSERT INTO people VALUES (7, 1772755200), (8, 1769904000)"} {
				_, err := db.Exec(query)
				require.NoError(t, err)
			}
			mapping := filepath.Join(t.TempDir(), "shop.yaml")
			require.NoError(t, os.WriteFile(mapping, []byte("customers: {table: people, key: no, columns: {joined: {column: since, time: epoch}}}\n"), 0o600))
			code, out, errs := run("select", "--store", to, "--mapping", mapping, "--as-of=2026-03-10", `joined within 7d`)
			require.Zero(t, code, errs)
			require.Equal(t, "7\n", out)
			require.NoError(t, os.WriteFile(mapping, []byte("customers: {table: people, key: no, columns: {joined: {column: sinse, time: epoch}}}\n"), 0o600))
			fails(2, "--mapping: mapping: customers.columns.joined: ", "select", "--store", to, "--mapping", mapping, `joined within 7d`)
		})
	}
}

// printed is the one member whom a statement that dangol sql printed finds.
func printed(t *testing.T, db *sql.DB, text string) (id string) {
	t.Helper()
	var list []struct {
		SQL  string
		Args []any
	}
	read := json.NewDecoder(strings.NewReader(text))
	read.UseNumber()
	require.NoError(t, read.Decode(&list))
	for i, arg := range list[0].Args {
		if n, ok := arg.(json.Number); ok {
			whole, err := n.Int64()
			require.NoError(t, err)
			list[0].Args[i] = whole
		}
	}
	require.NoError(t, db.QueryRow(list[0].SQL, list[0].Args...).Scan(&id), list[0].SQL)
	return id
}
