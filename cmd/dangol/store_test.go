package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

func TestLoadAndSelect(t *testing.T) {
	dir := folder(t, small+`-- catalog.yaml --
attributes:
  - {name: tier, type: string}
`)
	url := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	code, out, err := runLine(t, "load", "--data", dir, "--store", url, "--zone=Asia/Seoul")
	require.Zero(t, code, err)
	require.Empty(t, out)
	catalog := filepath.Join(dir, "catalog.yaml")
	for _, rule := range []string{`joined within 30d`, `orders(7d)`, `tier is known`, `points in top 1`, `joined within 30d and not orders(7d)`} {
		at := []string{"--as-of=2026-03-10", "--zone=Asia/Seoul", rule}
		_, want, _ := runLine(t, append([]string{"select", "--data", dir}, at...)...)
		code, out, err = runLine(t, append([]string{"select", "--store", url, "--catalog", catalog}, at...)...)
		require.Zero(t, code, err)
		require.Equal(t, want, out, rule)
	}
	code, out, err = runLine(t, "explain", "--store", url, "--as-of=2026-03-10", "--customer=b,c", `orders(7d)`)
	require.Zero(t, code, err)
	require.Contains(t, out, "o1")

	code, _, err = runLine(t, "load", "--data", folder(t, "-- customers.csv --\nid,points\nz,x\n"), "--store", url)
	require.Equal(t, 2, code)
	require.Contains(t, err, "customers.csv:2:3: ")
	code, out, _ = runLine(t, "select", "--store", url, "--count", "--as-of=2026-03-10", `visits = 0`)
	require.Zero(t, code)
	require.Equal(t, "3\n", out, "nothing of a wrong folder is loaded")
}

// Nobody is no answer where a load failed after it made the tables.
func TestNothingWasLoaded(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	code, _, _ := runLine(t, "load", "--data", folder(t, "-- customers.csv --\nid,points\nz,x\n"), "--store", url)
	require.Equal(t, 2, code)
	for _, command := range [][]string{{"select"}, {"explain", "--customer=z"}} {
		code, _, err := runLine(t, append(command, "--store", url, `points = 0`)...)
		require.Equal(t, 2, code)
		require.Contains(t, err, "no customer is in this database: no load was finished")
	}
}

// What is loaded is one file, and who asks makes none beside it: a folder that may only
// be read is enough.
func TestLoadedFileStandsAlone(t *testing.T) {
	dir := t.TempDir()
	url := "sqlite:" + filepath.Join(dir, "shop.db")
	alone := func() {
		t.Helper()
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, 1)
	}
	for range 2 {
		code, _, err := runLine(t, "load", "--data", folder(t, small), "--store", url)
		require.Zero(t, code, err)
		alone()
		code, _, err = runLine(t, "select", "--store", url, `visits = 0`)
		require.Zero(t, code, err)
		alone()
	}
	// While another has the file open, its log stays and nothing fails.
	other, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "shop.db")))
	require.NoError(t, err)
	tx, err := other.Begin()
	require.NoError(t, err)
	code, _, text := runLine(t, "select", "--store", url, `visits = 0`)
	require.Zero(t, code, text)
	require.NoError(t, tx.Rollback())
	code, _, text = runLine(t, "load", "--data", folder(t, small), "--store", url)
	require.Zero(t, code, text)
	require.NoError(t, other.Close())
}

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out, err strings.Builder
	require.Equal(t, 1, run(ctx, []string{"select", "--data", folder(t, small), `visits = 0`}, &out, &err))
	require.Equal(t, "dangol: interrupted\n", err.String())
	require.Empty(t, out.String())
}

// A folder that cannot be read is told of before a database is made for it.
func TestLoadOfNoFolderMakesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, data := range []string{filepath.Join(dir, "none"), file} {
		db := filepath.Join(dir, "shop.db")
		code, _, err := runLine(t, "load", "--data", data, "--store=sqlite:"+db)
		require.Equal(t, 1, code)
		require.Contains(t, err, "--data: open "+data)
		require.NoFileExists(t, db)
		code, _, err = runLine(t, "select", "--data", data, `visits = 0`)
		require.Equal(t, 1, code)
		require.Contains(t, err, "--data: open "+data)
	}
}

func TestStoreURLs(t *testing.T) {
	for url, want := range map[string]string{
		"redis://secret@host": `"redis:": want memory:`,
		"sqlite:":             `the file is missing`,
		"clickhouse:":         `want clickhouse://USER`,
		"clickhouse://u:secret@h:9000/db?secure=maybe": `want clickhouse://USER`,
		"clickhouse://u:se%zzcret@h":                   `want clickhouse://USER`,
		"shop.db":                                      `"shop.db": want memory:`,
		"mysql://%zz":                                  `it is not a URL`,
	} {
		code, _, err := runLine(t, "select", "--store", url, `points > 5`)
		require.Equal(t, 2, code, url)
		require.Contains(t, err, want)
		require.NotContains(t, err, "secret")
	}
	code, _, err := runLine(t, "select", `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, err, "--data")
	code, _, err = runLine(t, "select", "--data=x", "--store=memory:", `points > 5`)
	require.Equal(t, 2, code)
	require.NotEmpty(t, err)

	// A question makes no file, and no tables in another's.
	none := filepath.Join(t.TempDir(), "shop.db")
	url := "sqlite:" + none
	code, _, err = runLine(t, "select", "--store", url, `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, err, "shop.db: no such file")
	require.NoFileExists(t, none)
	require.NoError(t, os.WriteFile(none, nil, 0o600))
	code, _, err = runLine(t, "select", "--store", url, `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, err, "no finished load is in this database")
	left, failed := os.ReadFile(none)
	require.NoError(t, failed)
	require.Empty(t, left)

	code, _, err = runLine(t, "load", "--data", folder(t, "-- customers.csv --\nid,points\na,7\n"), "--store", url)
	require.Zero(t, code, err)
	code, out, err := runLine(t, "select", "--store", url, `points > 5`)
	require.Zero(t, code, err)
	require.Equal(t, "a\n", out)
	code, _, err = runLine(t, "select", "--store", url, "--currency=USD", `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, err, "is money KRW in the tables, money USD in the catalog")
}

func TestMySQLDSN(t *testing.T) {
	for url, want := range map[string]string{
		"mysql://u:p%40@db/shop":                 "u:p@@tcp(db:3306)/shop?",
		"mysql://u@db:3307/shop":                 "u@tcp(db:3307)/shop?",
		"mysql://root@/shop?socket=/run/my.sock": "root@unix(/run/my.sock)/shop?",
	} {
		got, err := mysqlDSN(url)
		require.NoError(t, err)
		require.Contains(t, got, want)
		require.Contains(t, got, "interpolateParams=true")
	}
}

func TestClickHouseOptions(t *testing.T) {
	for url, want := range map[string][]string{
		"clickhouse://u:p%40@db/shop":                    {"db:9000"},
		"clickhouse://u:p%40@db:9001/shop":               {"db:9001"},
		"clickhouse://u:p%40@a,b:1/shop?secure=true":     {"a:9440", "b:1"},
		"clickhouse://u:p%40@[::1]/shop?dial_timeout=3s": {"[::1]:9000"},
	} {
		o, err := clickHouseOptions(url)
		require.NoError(t, err)
		require.Equal(t, want, o.Addr)
		require.Equal(t, clickhouse.Auth{Database: "shop", Username: "u", Password: "p@"}, o.Auth)
	}
}

// A shop's own tables are asked by its mapping, and only read.
func TestMapping(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "its own shop.db")
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE people (no INTEGER PRIMARY KEY, since INTEGER, mail TEXT); INSERT INTO people VALUES (7, 1772323200, 'kim@x'), (12, NULL, 'lee@x')")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	mapping := filepath.Join(dir, "shop.yaml")
	write(t, dir, "-- shop.yaml --\ncustomers:\n  table: people\n  key: no\n  columns:\n    joined: {column: since, time: epoch}\n    email: {column: mail}\n")
	at := []string{"--store=sqlite:" + file, "--mapping", mapping, "--as-of=2026-03-10"}
	code, out, errs := runLine(t, append([]string{"select"}, append(at, `joined within 30d`)...)...)
	require.Zero(t, code, errs)
	require.Equal(t, "7\n", out)
	code, out, errs = runLine(t, append([]string{"explain", "--customer=12"}, append(at, `email = "lee@x"`)...)...)
	require.Zero(t, code, errs)
	require.Contains(t, out, "12 is in as of")
	code, _, errs = runLine(t, append([]string{"select"}, append(at, `orders(7d)`)...)...)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "orders")
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "no file beside it")

	write(t, dir, "-- shop.yaml --\ncustomers:\n  table: people\n  key: id\n")
	for why, line := range map[string][]string{
		"mapping: customers.key: the column cannot be read": {"--store=sqlite:" + file, "--mapping", mapping},
		"it is of a database":                               {"--store=memory:", "--mapping", mapping},
		"give --store":                                      {"--data", dir, "--mapping", mapping},
	} {
		code, _, errs := runLine(t, append(append([]string{"select"}, line...), `points > 5`)...)
		require.Equal(t, 2, code, errs)
		require.Contains(t, errs, why)
	}
	code, _, errs = runLine(t, "select", "--store=sqlite:"+file, "--mapping", filepath.Join(dir, "none.yaml"), `points > 5`)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "none.yaml")
	code, _, errs = runLine(t, "load", "--replace", "--data", folder(t, small), "--store=sqlite:"+filepath.Join(dir, "new.db"))
	require.Equal(t, 2, code)
	require.Contains(t, errs, "clickhouse://")
}

func TestSQL(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres", "mysql", "clickhouse"} {
		code, out, err := runLine(t, "sql", "--dialect", dialect, "--format=json", "--as-of=2026-03-10", `country = "K'R" and orders(7d) >= 2 and points in top 5%`)
		require.Zero(t, code, err)
		var list []statement
		require.NoError(t, json.Unmarshal([]byte(out), &list))
		require.Len(t, list, 3, "two for the cut of the rank")
		require.NotContains(t, out, "= 'K")
		require.Contains(t, list[2].Args, "K'R", "values are arguments")
		var rule []string
		for _, p := range list[2].Parts {
			require.True(t, strings.HasPrefix(list[2].SQL[p.From:], p.SQL))
			rule = append(rule, p.Rule)
		}
		require.Subset(t, rule, []string{`country = "K'R"`, `orders(7d)`, `orders(7d) >= 2`, `points in top 5%`}, dialect)
	}
	code, out, err := runLine(t, "sql", "--dialect=sqlite", "--as-of=2026-03-10", `points > 5`)
	require.Zero(t, code, err)
	require.Contains(t, out, "-- the members\nSELECT ")
	code, _, err = runLine(t, "sql", "--dialect=oracle", `points > 5`)
	require.Equal(t, 2, code)
	require.NotEmpty(t, err)
}
