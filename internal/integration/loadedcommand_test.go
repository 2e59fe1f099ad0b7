package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// runner runs a program, and gives what it says.
type runner func(args ...string) (code int, out, errs string)

func run(t *testing.T, program string) runner {
	return func(args ...string) (code int, out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			code = exit.ExitCode()
		}
		return code, stdout.String(), stderr.String()
	}
}

// command is the command line tool, built.
func command(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dangol")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Dir = "../../cmd/dangol"
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// killedLoad loads many customers and is killed at work, once that has begun. It gives
// their folder, and what the load said.
func killedLoad(t *testing.T, tool, to string, rows int, begun func() bool) (folder, said string) {
	t.Helper()
	folder = t.TempDir()
	var many strings.Builder
	many.WriteString("id,points\n")
	for i := range rows {
		fmt.Fprintf(&many, "c%06d,%d\n", i, i%1000)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "customers.csv"), []byte(many.String()), 0o600))
	var stderr bytes.Buffer
	load := exec.CommandContext(t.Context(), tool, "load", "--data", folder, "--store", to)
	load.Stderr = &stderr
	require.NoError(t, load.Start())
	for range 6000 {
		if begun() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.NoError(t, load.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, load.Wait(), &exit)
	require.Equal(t, -1, exit.ExitCode(), "it was killed at work: %s", &stderr)
	return folder, stderr.String()
}

// shopFolder is a folder of CSV files with what is awkward in them.
func shopFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"catalog.yaml": "attributes:\n  - {name: 등급, type: string}\n  - {name: score, type: number, scale: 2}\n",
		"customers.csv": "id,joined,email,tags,store_credit,guest,등급,score,birthday,newsletter,points\n" +
			"kim,2026-03-05,Kim@Corp.com,vip|press,12000,,금,1.25,1954-02-28,true,-5\n" +
			"lee,2026-03-06T09:30:00.123456+09:00,lee@corp.com,,,,은 ,-0.01,2000-02-29,false,0\n" +
			"\"o'hara, \\ \"\"x\"\"\",2026-01-02,,vip,9000000000,,금,,1969-12-31,,7\n" +
			"visitor-1,,,,,true,,,,,\n",
		"orders.csv": "id,customer,placed,status,total\n" +
			"o-1,lee,2026-03-07T09:30:00+09:00,confirmed,30000\n" +
			"o-2,\"o'hara, \\ \"\"x\"\"\",2026-02-01,confirmed,52000\n" +
			"o-3,\"o'hara, \\ \"\"x\"\"\",2026-03-01,cancelled,9000\n" +
			"o-4,kim,,confirmed,1\n" +
			"o-5,kim,1969-12-31T23:59:59.999999Z,confirmed,2\n",
		"items.csv":    "order,product,amount,category\no-1,sneaker,30000,\no-2,hat,52000,\no-3,hat,9000,own\no-4,gone,1,\n",
		"products.csv": "id,category\nsneaker,shoes\nhat,hats\n",
		"visits.csv":   "customer,at,page\nvisitor-1,2026-03-09,/sale\nkim,2026-03-09T14:59:59.999999Z,/sale\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

var folderRules = []string{
	`joined within 7d and not orders(7d)`,
	`tags contains "vip"`,
	`orders >= 1`,
	`sum(orders.total) > 30000`,
	`items(where category = "hats")`,
	`items(where category = "own")`,
	`items(where category is not known)`,
	`등급 = "금"`,
	`등급 = "은"`,
	`score < 0`,
	`score >= 1.25`,
	`birthday < 1960-01-01`,
	`birthday anniversary within next 365d`,
	`newsletter is known`,
	`not newsletter`,
	`points in top 1`,
	`store_credit > 8000000000`,
	`email ends with "corp.com"`,
	`all_orders(where status = "cancelled")`,
	`last(orders.placed) before 2026-03-01`,
	`visits(1d)`,
	`orders(since birthday)`,
	`sample(1 of 2)`,
	`in group "VIP"`,
	`no such thing`,
}

// sameAsFolder asks what was loaded: every rule has the members that it has over the
// folder, in the same words.
func sameAsFolder(t *testing.T, run runner, dir, to string) {
	t.Helper()
	same := func(args ...string) (out string) {
		t.Helper()
		args = append(args[:1:1], append([]string{"--as-of=2026-03-10", "--zone=Asia/Seoul"}, args[1:]...)...)
		wantCode, want, wantErrs := run(append(args[:1:1], append([]string{"--data", dir}, args[1:]...)...)...)
		code, out, errs := run(append(args[:1:1], append([]string{"--store", to, "--catalog", filepath.Join(dir, "catalog.yaml")}, args[1:]...)...)...)
		require.Equal(t, wantCode, code, "%s: %s", args, errs)
		require.Empty(t, cmp.Diff(want, out), "%s", args)
		require.Empty(t, cmp.Diff(wantErrs, errs), "%s", args)
		return out
	}
	answered := 0
	for i, rule := range folderRules {
		if out := same("select", "--scope="+[]string{"members", "guests", "both"}[i%3], rule); out != "" {
			answered++
		}
	}
	require.Greater(t, answered, len(folderRules)/3)
	for _, id := range []string{"kim", `o'hara, \ "x"`, "nobody"} {
		same("explain", "--personal", "--customer", id, `points in top 2 or tags contains "vip" and items(where category = "hats")`)
	}
	same("select", "--format=json", `store_credit > 100`)
}

// The command loads a folder into ClickHouse and answers over it as over the folder.
func TestCommandOnClickHouse(t *testing.T) {
	server := servers.ClickHouse(t)
	db := server.Open(t)
	at, err := url.Parse(server.DSN)
	require.NoError(t, err)
	to := "clickhouse://" + at.Host + at.Path
	tool := command(t)
	run := run(t, tool)
	dir := shopFolder(t)
	load := []string{"load", "--data", dir, "--store", to, "--zone=Asia/Seoul"}

	code, _, errs := run("select", "--store", to, `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "no finished load")

	// What is wrong ends it, and nothing is there.
	bad := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bad, "customers.csv"), []byte("id,points\na,1\nb,x\n"), 0o600))
	code, _, errs = run("load", "--data", bad, "--store", to)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "customers.csv:3:3: ")
	for why, store := range map[string]string{
		"Wrong password":    "clickhouse://default:s3cret@" + at.Host + "/default",
		"Unknown user":      "clickhouse://nobody:s3cret@" + at.Host + "/default",
		"doesn't exist":     "clickhouse://" + at.Host + "/none?password=",
		"refused":           "clickhouse://default:s3cret@127.0.0.1:1/default",
		"no such host":      "clickhouse://default:s3cret@nowhere.invalid:9000/default",
		"want clickhouse:/": "clickhouse:///default",
	} {
		for _, args := range [][]string{{"load", "--data", dir, "--store", store}, {"select", "--store", store, `points > 5`}} {
			code, out, errs := run(args...)
			require.Positive(t, code, "%s: %s", store, out)
			require.NotContains(t, errs, "s3cret")
			if why != "no such host" { // networks answer for it in their own ways
				require.Contains(t, errs, why)
			}
		}
	}
	require.Empty(t, tables(t, db))

	// A killed load is not seen, and the next one clears it away.
	big, said := killedLoad(t, tool, to, 400_000, func() bool {
		n := 0
		return db.QueryRow("SELECT toInt64(count()) FROM system.parts WHERE active AND database = currentDatabase()").Scan(&n) == nil && n > 0
	})
	left := tables(t, db)
	require.NotEmpty(t, left, "%s", said)
	code, _, errs = run("select", "--store", to, `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "no finished load")

	code, out, errs := run(load...)
	require.Zero(t, code, errs)
	require.Empty(t, out+errs)
	for _, name := range tables(t, db) {
		require.NotContains(t, left, name)
	}
	code, _, errs = run(load...)
	require.Zero(t, code, "the same again: %s", errs)
	code, _, errs = run("load", "--data", big, "--store", to)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "--replace")
	code, _, errs = run("select", "--store", to, "--currency=USD", `points > 5`)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "money KRW in the tables, money USD in the catalog")

	sameAsFolder(t, run, dir, to)

	// What dangol sql prints runs over the views.
	_, out, errs = run("sql", "--dialect=clickhouse", "--format=json", "--as-of=2026-03-10", "--zone=Asia/Seoul", `items(where category = "hats")`)
	var printed []struct {
		SQL  string
		Args []any
	}
	require.NoError(t, json.Unmarshal([]byte(out), &printed), errs)
	text := printed[0].SQL
	for _, arg := range printed[0].Args {
		value := fmt.Sprintf("%.0f", arg)
		if s, ok := arg.(string); ok {
			value = "'" + s + "'"
		}
		text = strings.Replace(text, "?", value, 1)
	}
	var id string
	require.NoError(t, db.QueryRow(text).Scan(&id), text)
	require.Equal(t, `o'hara, \ "x"`, id)

	// A shop's own tables, by its mapping.
	for _, query := range []string{
		"CREATE TABLE people (no UInt32, since DateTime) ENGINE = MergeTree ORDER BY no",
		"INSERT INTO people SELECT 7, toDateTime('2026-03-06 00:00:00')", "INSERT INTO people SELECT 8, toDateTime('2026-02-01 00:00:00')",
	} {
		_, err := db.Exec(query)
		require.NoError(t, err)
	}
	mapping := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(mapping, []byte("customers: {table: people, key: no, columns: {joined: {column: since, time: timestamptz}}}\n"), 0o600))
	code, out, errs = run("select", "--store", to, "--mapping", mapping, "--as-of=2026-03-10", `joined within 7d`)
	require.Zero(t, code, errs)
	require.Equal(t, "7\n", out)
}
