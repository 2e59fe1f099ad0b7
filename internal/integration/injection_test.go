package integration_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// hostileNames are names of columns, and with a prefix of tables.
var hostileNames = []string{
	`plain`, `a"b`, "a`b", `a'b`, `a\`, `a\'b`, `x"; DROP TABLE canary; --`, "x`; DROP TABLE canary; #", `x'; DROP TABLE canary; --`,
	`a/*b*/`, `a--b`, `a?b`, `$1`, `a;b`, `한글 이름`, `a b`, strings.Repeat("n", 60), `select`, `{x}`,
}

// hostileValues are what customers call themselves and what rules ask for.
var hostileValues = []string{
	`'; DROP TABLE canary; --`, `"; DROP TABLE canary; --`, `\'; DROP TABLE canary; -- `, `\\'; DROP TABLE canary; #`, `' OR '1'='1`, `\`, `\\`, `'`, `''`, `"`, "`",
	`?`, `? ?`, `$1`, `%`, `_`, `/* x */`, `-- x`, "\n", "\t'", "\x1a", "\x1f", `한'글`, `{t}`, `x\u0000`, `[1,"a"]`, `E'\''`, strings.Repeat("'", 250), strings.Repeat(`\`, 251),
}

// hostileServers are the engines, MariaDB in each way that text can reach it.
func hostileServers(t *testing.T) map[string]struct {
	dialect sqlstore.Dialect
	open    func(t *testing.T) *sql.DB
} {
	type server = struct {
		dialect sqlstore.Dialect
		open    func(t *testing.T) *sql.DB
	}
	out := map[string]server{}
	for _, e := range engines() {
		if e.dialect == sqlstore.SQLite || e.dialect == sqlstore.Postgres {
			out[e.name] = server{e.dialect, func(t *testing.T) *sql.DB { return e.start(t) }}
		}
	}
	for _, interpolate := range []bool{true, false} {
		for _, mode := range []string{"STRICT_ALL_TABLES", "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES", "STRICT_ALL_TABLES,ANSI_QUOTES"} {
			out[fmt.Sprintf("MariaDB, interpolated %v, %s", interpolate, mode)] = server{sqlstore.MySQL, func(t *testing.T) *sql.DB {
				cfg, err := mysql.ParseDSN(servers.MariaDB(t).DSN)
				require.NoError(t, err)
				cfg.InterpolateParams, cfg.Params["sql_mode"] = interpolate, "'"+mode+"'"
				db, err := sql.Open("mysql", cfg.FormatDSN())
				require.NoError(t, err)
				t.Cleanup(func() { db.Close() })
				return db
			}}
		}
	}
	return out
}

// Whatever names, values and words of a mapping say, they are names, values and
// words: rules find exactly who has the value, and nothing else happens.
func TestHostileNamesAndValues(t *testing.T) {
	cat := catalog.Shop()
	rules, err := compile.New(cat)
	require.NoError(t, err)
	for name, server := range hostileServers(t) {
		t.Run(name, func(t *testing.T) {
			db, d := server.open(t), server.dialect
			exec := func(query string, args ...any) {
				t.Helper()
				_, err := db.Exec(d.Rebind(query), args...)
				require.NoError(t, err, query)
			}
			exec("CREATE TABLE canary (id INTEGER)")
			exec("INSERT INTO canary (id) VALUES (7)")
			for i, column := range hostileNames {
				table, pairs := fmt.Sprintf("t%d%s", i, column), fmt.Sprintf("p%d%s", i, column)
				q := d.Quote(column)
				exec("CREATE TABLE " + d.Quote(table) + " (id VARCHAR(255), " + q + " VARCHAR(255), word VARCHAR(255))")
				exec("CREATE TABLE " + d.Quote(pairs) + " (id VARCHAR(255), name VARCHAR(255), " + d.Quote(column+"v") + " VARCHAR(255))")
				insert, pair := "INSERT INTO "+d.Quote(table)+" VALUES (?, ?, ?)", "INSERT INTO "+d.Quote(pairs)+" VALUES (?, ?, ?)"
				values := hostileValues
				if i > 0 {
					values = values[i%len(values):][:1]
				}
				words := map[string]string{}
				for k, v := range values {
					exec(insert, v, v, v)
					exec(pair, v, column, fmt.Sprint(100+k))
					if v != "{t}" { // which a mapping refuses as a word
						words[v] = "gold"
					}
				}
				exec(insert, "other", "other", "other")
				s, err := sqlstore.OpenMapped(t.Context(), db, d, cat, sqlstore.Mapping{Customers: sqlstore.TableMap{
					Table: table, Key: "id", Columns: map[string]sqlstore.ColumnMap{
						"name":   {Column: column},
						"grade":  {Column: "word", Values: words},
						"points": {Pairs: &sqlstore.Pairs{Table: pairs, Owner: "id", Name: "name", Is: column, Value: column + "v"}},
						"tags":   {Items: &sqlstore.Items{Table: table, Owner: "id", Item: column}},
					},
				}}, sqlstore.MappedOptions{})
				require.NoError(t, err, column)
				for k, v := range values {
					ask(t, s, rules, v, k)
				}
				all := store.Query{AsOf: time.Unix(1_790_000_000, 0), Groups: listed{slices.Concat([]string{"no\x00text", "no\xfftext"}, values)}}
				for _, text := range []string{`grade = "gold"`, `in group "everybody"`} {
					p, ds := rules.Text(text, compile.Options{})
					require.False(t, ds.HasErrors())
					all.Plans = append(all.Plans, p)
				}
				answers, err := s.Select(t.Context(), all)
				require.NoError(t, err)
				for i, want := range []int{len(words), len(values)} {
					require.NoError(t, answers[i].Err)
					require.Equal(t, want, answers[i].Members.Len())
				}
				for _, id := range []dangol.CustomerID{"no\x00text", "no\xfftext", "' OR ''='", ""} {
					_, err := s.Customer(t.Context(), id)
					require.ErrorIs(t, err, store.ErrNotFound)
				}
			}
			var id int
			require.NoError(t, db.QueryRow("SELECT id FROM canary").Scan(&id))
			require.Equal(t, 7, id)
		})
	}
}

// ask asks for a value in every way that a rule can.
func ask(t *testing.T, s *sqlstore.Mapped, rules *compile.Compiler, value string, k int) {
	t.Helper()
	q := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(value) + `"`
	query := store.Query{AsOf: time.Unix(1_790_000_000, 0)}
	for _, text := range []string{`name = ` + q, `name in (` + q + `, "nobody")`, `tags contains any (` + q + `)`, fmt.Sprintf("name starts with %s and points = %d", q, 100+k)} {
		p, ds := rules.Text(text, compile.Options{})
		if ds.HasErrors() {
			t.Logf("a rule cannot say %q: %v", value, ds)
			return
		}
		query.Plans = append(query.Plans, p)
	}
	for i, p := range query.Plans {
		one := query
		one.Plans = []*plan.Plan{p}
		answers, err := s.Select(t.Context(), one)
		require.NoError(t, err, "%q", value)
		require.NoError(t, answers[0].Err)
		require.Equal(t, []dangol.CustomerID{dangol.CustomerID(value)}, slices.Collect(answers[0].Members.All()), "question %d, %q", i, value)
	}
	c, err := s.Customer(t.Context(), dangol.CustomerID(value))
	require.NoError(t, err)
	require.Equal(t, value, c.Attributes["name"].Text())
}

// listed is one group of everybody.
type listed struct{ ids []string }

func (l listed) Contains(_ string, id dangol.CustomerID) (bool, error) {
	return slices.Contains(l.ids, string(id)), nil
}

func (l listed) Members(string) (store.Members, error) {
	var ids []dangol.CustomerID
	for _, id := range l.ids {
		ids = append(ids, dangol.CustomerID(id))
	}
	return store.NewIDs(ids), nil
}

// The library's own tables keep hostile values as they are.
func TestHostileValuesInOwnTables(t *testing.T) {
	for name, server := range hostileServers(t) {
		t.Run(name, func(t *testing.T) {
			db := server.open(t)
			_, err := db.Exec("CREATE TABLE canary (id INTEGER)")
			require.NoError(t, err)
			s, err := sqlstore.Open(t.Context(), db, server.dialect, catalog.Shop(), sqlstore.Options{})
			require.NoError(t, err)
			for _, v := range hostileValues {
				id := dangol.CustomerID(v)
				require.NoError(t, s.Apply(t.Context(),
					store.Change{Customer: id, Fields: values{"name": word(v), "tags": catalog.SetValue(v)}},
					store.Change{Customer: id, Kind: "logins", Key: "k" + v[:min(len(v), 200)]}), "%q", v)
				c, err := s.Customer(t.Context(), id)
				require.NoError(t, err, "%q", v)
				require.Equal(t, v, c.Attributes["name"].Text())
				require.Equal(t, []string{v}, c.Attributes["tags"].Items())
			}
			for _, bad := range []string{"a\x00b", "a\xffb"} {
				var wrong *store.InvalidError
				require.True(t, errors.As(s.Apply(t.Context(), store.Change{Customer: dangol.CustomerID(bad)}), &wrong))
			}
			var n int
			require.NoError(t, db.QueryRow("SELECT count(*) FROM canary").Scan(&n))
		})
	}
}
