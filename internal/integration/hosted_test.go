package integration_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// engine is a database that host tables are made in.
type engine struct {
	name    string
	dialect sqlstore.Dialect
	start   func(testing.TB) *sql.DB
	text    string // the type of keys and words
	integer string
	truth   string
	// times are ways to keep an instant: the mapping's word and the column's type.
	times [][2]string
	day   [2]string
	money func(digits int) string // the type of decimal amounts, nil for integers
}

func engines() []engine {
	server := func(start func(testing.TB) *servers.Server) func(testing.TB) *sql.DB {
		return func(t testing.TB) *sql.DB { return start(t).Open(t) }
	}
	decimal := func(digits int) string { return fmt.Sprintf("DECIMAL(20, %d)", digits) }
	return []engine{
		{
			name: "SQLite", dialect: sqlstore.SQLite, text: "TEXT", integer: "INTEGER", truth: "INTEGER",
			start: func(t testing.TB) *sql.DB {
				db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(t.TempDir()+"/shop.db")+"&_pragma=synchronous(0)")
				require.NoError(t, err)
				t.Cleanup(func() { db.Close() })
				return db
			},
			times: [][2]string{{"epoch_us", "INTEGER"}}, day: [2]string{"date", "TEXT"},
		},
		{
			name: "PostgreSQL", dialect: sqlstore.Postgres, text: "TEXT", integer: "BIGINT", truth: "BOOLEAN", money: decimal,
			start: server(servers.Postgres),
			times: [][2]string{{"timestamptz", "TIMESTAMPTZ"}, {"datetime", "TIMESTAMP"}, {"epoch_us", "BIGINT"}}, day: [2]string{"date", "DATE"},
		},
		{
			name: "MariaDB", dialect: sqlstore.MySQL, text: "VARCHAR(255)", integer: "BIGINT", truth: "BOOLEAN", money: decimal,
			start: server(servers.MariaDB),
			times: [][2]string{{"timestamptz", "DATETIME(6)"}, {"datetime", "DATETIME(6)"}, {"epoch_us", "BIGINT"}}, day: [2]string{"date", "DATE"},
		},
	}
}

// hostZone is what columns of clock readings are read in: a zone without clock
// changes, so that every instant has a reading.
const hostZone = "Asia/Seoul"

// host is a world in tables as a host would keep it.
type host struct {
	t       testing.TB
	e       engine
	db      *sql.DB
	prefix  string
	mapping sqlstore.Mapping
	n       int
	made    []string // tables
}

// create makes a table.
func (h *host) create(name string, columns ...string) {
	h.t.Helper()
	h.exec("CREATE TABLE " + h.q(name) + " (" + strings.Join(columns, ", ") + ")")
	h.made = append(h.made, name)
}

// drop takes the tables away, so that a long run does not fill the server.
func (h *host) drop() {
	for _, name := range h.made {
		h.exec("DROP TABLE " + h.q(name))
	}
}

func (h *host) q(name string) string { return h.e.dialect.Quote(name) }

func (h *host) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.db.Exec(h.e.dialect.Rebind(query), args...)
	require.NoError(h.t, err, query)
}

// build makes the tables of a world and their mapping.
func build(t testing.TB, e engine, db *sql.DB, w *rulegen.World, prefix string) *host {
	t.Helper()
	h := &host{t: t, e: e, db: db, prefix: prefix, mapping: sqlstore.Mapping{Zone: hostZone, Records: map[string]sqlstore.TableMap{}}}
	schema, err := store.NewSchema(w.Catalog)
	require.NoError(t, err)
	for _, table := range append([]*store.Table{schema.Customers}, schema.Kinds...) {
		h.table(w, table)
	}
	return h
}

func (h *host) table(w *rulegen.World, t *store.Table) {
	name := h.prefix + t.Rows
	tm := sqlstore.TableMap{Table: name, Key: "id", Columns: map[string]sqlstore.ColumnMap{}}
	names, columns := []string{"id"}, []string{h.q("id") + " " + h.e.text}
	var write []func(id string, key string, parent string, fields map[string]catalog.Value, guest bool) any
	add := func(column, typ string, value func(id, key, parent string, fields map[string]catalog.Value, guest bool) any) {
		names, columns = append(names, column), append(columns, h.q(column)+" "+typ)
		write = append(write, value)
	}
	if t.Kind == "" {
		tm.Guest, tm.Bucket = "{t}."+h.q("guest"), "bucket"
		add("guest", h.e.truth, func(_, _, _ string, _ map[string]catalog.Value, guest bool) any { return h.flag(guest) })
		add("bucket", h.e.integer, func(id, _, _ string, _ map[string]catalog.Value, _ bool) any { return int64(sample.Bucket(id)) })
	} else {
		tm.Customer = "owner"
		add("owner", h.e.text, func(id, _, _ string, _ map[string]catalog.Value, _ bool) any { return id })
		if t.Parent != nil {
			tm.Parent = "belongs_to"
			add("belongs_to", h.e.text, func(_, _, parent string, _ map[string]catalog.Value, _ bool) any { return parent })
		}
	}
	for _, c := range t.Columns {
		if c.Type.Sort == catalog.Set {
			set := h.prefix + t.Rows + "_" + strings.ReplaceAll(c.Name, ".", "_")
			h.create(set, h.q("owner")+" "+h.e.text, h.q("item")+" "+h.e.text)
			tm.Columns[c.Name] = sqlstore.ColumnMap{Items: &sqlstore.Items{Table: set, Owner: "owner", Item: "item"}}
			h.items(w, t, c, set)
			continue
		}
		h.n++
		column := fmt.Sprintf("c%d", h.n)
		spec := sqlstore.ColumnMap{Column: column}
		typ, value := h.column(c.Type, &spec)
		tm.Columns[c.Name] = spec
		add(column, typ, func(_, _, _ string, fields map[string]catalog.Value, _ bool) any {
			if v := fields[c.Name]; v.Known() {
				return value(v)
			}
			return nil
		})
	}
	h.create(name, columns...)
	insert := h.insert(name, names)
	tx, err := h.db.Begin()
	require.NoError(h.t, err)
	defer tx.Rollback()
	stmt, err := tx.Prepare(h.e.dialect.Rebind(insert))
	require.NoError(h.t, err, insert)
	put := func(id, key, parent string, fields map[string]catalog.Value, guest bool) {
		args := []any{key}
		for _, f := range write {
			args = append(args, f(id, key, parent, fields, guest))
		}
		_, err := stmt.Exec(args...)
		require.NoError(h.t, err, "%s %v", insert, args)
	}
	for _, c := range w.Customers {
		if t.Kind == "" {
			put(string(c.ID), string(c.ID), "", c.Attributes, c.Guest)
			continue
		}
		for _, r := range c.Records[t.Kind] {
			parent := ""
			if r.Parent != nil {
				parent = r.Parent.Key
			}
			put(string(c.ID), r.Key, parent, r.Fields, false)
		}
	}
	require.NoError(h.t, tx.Commit())
	if t.Kind == "" {
		h.mapping.Customers = tm
	} else {
		h.mapping.Records[t.Kind] = tm
	}
}

func (h *host) items(w *rulegen.World, t *store.Table, c store.Column, table string) {
	tx, err := h.db.Begin()
	require.NoError(h.t, err)
	defer tx.Rollback()
	stmt, err := tx.Prepare(h.e.dialect.Rebind(h.insert(table, []string{"owner", "item"})))
	require.NoError(h.t, err)
	put := func(owner string, v catalog.Value) {
		for _, item := range v.Items() {
			_, err := stmt.Exec(owner, item)
			require.NoError(h.t, err)
		}
	}
	for _, cu := range w.Customers {
		if t.Kind == "" {
			put(string(cu.ID), cu.Attributes[c.Name])
		}
		for _, r := range cu.Records[t.Kind] {
			put(r.Key, r.Fields[c.Name])
		}
	}
	require.NoError(h.t, tx.Commit())
}

func (h *host) insert(table string, columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = h.q(c)
	}
	return "INSERT INTO " + h.q(table) + " (" + strings.Join(quoted, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
}

func (h *host) flag(b bool) any {
	if h.e.truth == "BOOLEAN" && h.e.dialect == sqlstore.Postgres {
		return b
	}
	if b {
		return 1
	}
	return 0
}

// column picks how a value of the type is kept.
func (h *host) column(t catalog.Type, spec *sqlstore.ColumnMap) (typ string, value func(catalog.Value) any) {
	seoul, err := time.LoadLocation(hostZone)
	require.NoError(h.t, err)
	switch t.Sort {
	case catalog.Bool:
		return h.e.truth, func(v catalog.Value) any { return h.flag(v.Bool()) }
	case catalog.Number, catalog.Money:
		if h.e.money != nil && h.n%2 == 0 {
			spec.Amount = "decimal"
			return h.e.money(t.Digits()), func(v catalog.Value) any { return decimalText(v.Int(), t.Digits()) }
		}
		if t.Sort == catalog.Money {
			spec.Amount = "minor"
		}
		return h.e.integer, func(v catalog.Value) any { return v.Int() }
	case catalog.Instant:
		way := h.e.times[h.n%len(h.e.times)]
		spec.Time = way[0]
		return way[1], func(v catalog.Value) any {
			at := time.UnixMicro(v.Int())
			switch way[0] {
			case "timestamptz":
				return at.UTC()
			case "datetime":
				c := at.In(seoul)
				return time.Date(c.Year(), c.Month(), c.Day(), c.Hour(), c.Minute(), c.Second(), c.Nanosecond(), time.UTC)
			}
			return v.Int()
		}
	case catalog.Date:
		spec.Time = h.e.day[0]
		return h.e.day[1], func(v catalog.Value) any { return v.String() }
	}
	return h.e.text, func(v catalog.Value) any { return v.Text() }
}

func decimalText(n int64, digits int) string {
	if digits == 0 {
		return fmt.Sprint(n)
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%0*d", digits+1, n)
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}
