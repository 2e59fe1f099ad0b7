package integration_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
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
	share   int // it gets one of so many random cases; 0 is all
	dialect sqlstore.Dialect
	start   func(testing.TB) *sql.DB
	text    string // the type of keys
	// words are types of words, also with collations that take different words for
	// the same. before is what has to be there for them.
	words  []string
	before string
	// json is the type of columns with JSON, "" where the mapping has none.
	json    string
	integer string
	truth   string
	// times are ways to keep an instant: the mapping's word and the column's type.
	times [][2]string
	day   [2]string
	money func(digits int) string // the type of decimal amounts, nil for integers
	click *clickHost              // of ClickHouse, which takes rows in a way of its own
}

// planned sets up PostgreSQL's connections as docs/mapping.md recommends.
const planned = "&jit=off&plan_cache_mode=force_custom_plan"

func engines() []engine {
	server := func(start func(testing.TB) *servers.Server) func(testing.TB) *sql.DB {
		return func(t testing.TB) *sql.DB { return start(t).Open(t) }
	}
	decimal := func(digits int) string { return fmt.Sprintf("DECIMAL(20, %d)", digits) }
	postgres := engine{
		name: "PostgreSQL", dialect: sqlstore.Postgres, text: "TEXT", json: "JSONB", integer: "BIGINT", truth: "BOOLEAN", money: decimal,
		words:  []string{"TEXT", `TEXT COLLATE folding`, "VARCHAR(255)"},
		before: "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
		start:  server(servers.Postgres),
		times:  [][2]string{{"timestamptz", "TIMESTAMPTZ"}, {"datetime", "TIMESTAMP"}, {"epoch_us", "BIGINT"}}, day: [2]string{"date", "DATE"},
	}
	newer := postgres
	newer.name = "PostgreSQL 18"
	newer.start = func(t testing.TB) *sql.DB { // where lone statements need no transaction
		s := servers.Postgres18(t)
		return poolOf(t, s.Driver, s.DSN+planned)
	}
	return append([]engine{
		postgres, newer,
		{
			name: "SQLite", dialect: sqlstore.SQLite, text: "TEXT", words: []string{"TEXT", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM"}, json: "TEXT", integer: "INTEGER", truth: "INTEGER",
			start: func(t testing.TB) *sql.DB {
				db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(t.TempDir()+"/shop.db")+"&_pragma=synchronous(0)")
				require.NoError(t, err)
				t.Cleanup(func() { db.Close() })
				return db
			},
			times: [][2]string{{"epoch_us", "INTEGER"}, {"timestamptz", "TEXT"}, {"datetime", "TEXT"}}, day: [2]string{"date", "TEXT"},
		},
		{
			name: "MariaDB", dialect: sqlstore.MySQL, text: "VARCHAR(255)", json: "JSON", integer: "BIGINT", truth: "BOOLEAN", money: decimal,
			words: []string{"VARCHAR(255)", "VARCHAR(255) COLLATE utf8mb4_unicode_ci", "TEXT CHARACTER SET utf16", "TEXT CHARACTER SET utf8mb3", "VARCHAR(255) COLLATE utf8mb4_bin"},
			start: server(servers.MariaDB),
			times: [][2]string{{"timestamptz", "DATETIME(6)"}, {"datetime", "DATETIME(6)"}, {"epoch_us", "BIGINT"}}, day: [2]string{"date", "DATE"},
		},
	}, clickHouses()...)
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
	only    []string // the kinds that get tables. Defaults to all
	owned   bool     // there are no guests, and records say whose they are
	numbers bool     // customers' ids are integers
	made    []string // tables
	memory  bool     // of ClickHouse: the tables lie in no files, which take most of a small world's time
}

// create makes a table.
func (h *host) create(name string, columns ...string) {
	h.t.Helper()
	h.made = append(h.made, name)
	if h.e.click != nil {
		h.e.click.create(h, name, columns)
		return
	}
	h.exec("CREATE TABLE " + h.q(name) + " (" + strings.Join(columns, ", ") + ")")
}

// drop takes the tables away, so that a long run does not fill the server.
func (h *host) drop() {
	for _, name := range h.made {
		if h.e.click != nil {
			h.e.click.drop(h, name)
			continue
		}
		h.exec("DROP TABLE " + h.q(name))
	}
}

func (h *host) q(name string) string { return h.e.dialect.Quote(name) }

func (h *host) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.db.Exec(h.e.dialect.Rebind(query), args...)
	require.NoError(h.t, err, query)
}

// prepare makes what the engine's tables need.
func (e engine) prepare(t testing.TB, db *sql.DB) {
	t.Helper()
	if e.before != "" {
		_, err := db.Exec(e.before)
		require.NoError(t, err)
	}
}

// build makes the tables of a world and their mapping.
func build(t testing.TB, e engine, db *sql.DB, w *rulegen.World, prefix string) *host {
	h := &host{n: len(w.Customers)}
	h.build(t, e, db, w, prefix)
	return h
}

// build goes on from n in the order of ways to keep a value.
func (h *host) build(t testing.TB, e engine, db *sql.DB, w *rulegen.World, prefix string) {
	t.Helper()
	h.t, h.e, h.db, h.prefix = t, e, db, prefix
	h.mapping = sqlstore.Mapping{Zone: hostZone, Records: map[string]sqlstore.TableMap{}}
	schema, err := store.NewSchema(w.Catalog)
	require.NoError(t, err)
	for _, table := range append([]*store.Table{schema.Customers}, schema.Kinds...) {
		if table.Kind == "" || h.only == nil || slices.Contains(h.only, table.Kind) {
			h.table(w, table)
		}
	}
}

// cell is one value of a row on its way into the tables.
type cell struct {
	field string
	value func(catalog.Value) any
	json  string // the name within the column doc, else ""
	pair  string // the name within the table of pairs, else ""
}

// entity is a customer or a record.
type entity struct {
	id, key, parent string
	guest           bool
	fields          map[string]catalog.Value
}

func entities(w *rulegen.World, kind string) []entity {
	var out []entity
	for _, c := range w.Customers {
		if kind == "" {
			out = append(out, entity{string(c.ID), string(c.ID), "", c.Guest, c.Attributes})
			continue
		}
		for _, r := range c.Records[kind] {
			e := entity{string(c.ID), r.Key, "", false, r.Fields}
			if r.Parent != nil {
				e.parent = r.Parent.Key
			}
			out = append(out, e)
		}
	}
	return out
}

// ids is the type of customers' ids.
func (h *host) ids() string {
	if h.numbers {
		return h.e.integer
	}
	return h.e.text
}

// ownerOf is the type of columns that tell whose an item or a pair is.
func (h *host) ownerOf(t *store.Table) string {
	if t.Kind == "" {
		return h.ids()
	}
	return h.e.text
}

func (h *host) table(w *rulegen.World, t *store.Table) {
	name, pairs := h.prefix+t.Rows, h.prefix+t.Rows+"_pairs"
	tm := sqlstore.TableMap{Table: name, Key: "id", Columns: map[string]sqlstore.ColumnMap{}}
	names, types := []string{"id"}, []string{h.ownerOf(t)}
	fixed := []func(entity) any{func(e entity) any { return e.key }}
	add := func(column, typ string, value func(entity) any) {
		names, types, fixed = append(names, column), append(types, typ), append(fixed, value)
	}
	if t.Kind == "" {
		tm.Bucket = "bucket"
		if !h.owned {
			tm.Guest = "{t}." + h.q("guest")
		}
		add("guest", h.e.truth, func(e entity) any { return h.flag(e.guest) })
		add("bucket", h.e.integer, func(e entity) any { return int64(sample.Bucket(e.id)) })
	} else {
		tm.Customer, tm.Owned = "owner", h.owned
		add("owner", h.ids(), func(e entity) any { return e.id })
		if t.Parent != nil {
			tm.Parent = "belongs_to"
			add("belongs_to", h.e.text, func(e entity) any { return e.parent })
		}
	}
	var cells []cell
	doc, paired := false, false
	for _, c := range t.Columns {
		h.n++
		if c.Type.Sort == catalog.Set {
			h.items(w, t, c, &tm)
			continue
		}
		at := cell{field: c.Name}
		column := fmt.Sprintf("c%d", h.n)
		spec := sqlstore.ColumnMap{Column: column}
		typ := ""
		switch {
		case h.e.json != "" && h.n%5 == 3:
			spec = sqlstore.ColumnMap{Column: "doc", JSON: []string{column}}
			at.json, doc = column, true
		case h.e.json != "" && h.e.click == nil && h.n%7 == 4: // pairs are where JSON is
			spec = sqlstore.ColumnMap{Pairs: &sqlstore.Pairs{Table: pairs, Owner: "owner", Name: "name", Is: column, Value: "value"}}
			at.pair, paired = column, true
		case h.n%6 == 0:
			spec = sqlstore.ColumnMap{SQL: "{t}." + h.q(column)}
		}
		typ, at.value = h.column(c.Type, &spec)
		tm.Columns[c.Name] = spec
		cells = append(cells, at)
		if at.json == "" && at.pair == "" {
			add(column, typ, func(e entity) any {
				if v := e.fields[c.Name]; v.Known() {
					return at.value(v)
				}
				return nil
			})
		}
	}
	if doc {
		add("doc", h.e.json, func(e entity) any { return h.doc(cells, e) })
	}
	columns := make([]string, len(names))
	for i := range names {
		columns[i] = h.q(names[i]) + " " + types[i]
	}
	h.create(name, columns...)
	rows := make([][]any, 0)
	for _, e := range entities(w, t.Kind) {
		row := make([]any, len(fixed))
		for i, value := range fixed {
			row[i] = value(e)
		}
		rows = append(rows, row)
	}
	h.insert(name, names, rows)
	if paired {
		h.create(pairs, h.q("owner")+" "+h.ownerOf(t), h.q("name")+" "+h.e.text, h.q("value")+" "+h.e.text)
		h.insert(pairs, []string{"owner", "name", "value"}, h.pairs(cells, entities(w, t.Kind)))
	}
	if t.Kind == "" {
		h.mapping.Customers = tm
	} else {
		h.mapping.Records[t.Kind] = tm
	}
}

// doc is a row's JSON: what is missing is absent or null, turn by turn.
func (h *host) doc(cells []cell, e entity) any {
	doc := map[string]any{"other": "x"}
	for i, c := range cells {
		switch v := e.fields[c.field]; {
		case c.json == "":
		case v.Known():
			doc[c.json] = c.value(v)
		case i%2 == 0:
			doc[c.json] = nil
		}
	}
	text, err := json.Marshal(doc)
	require.NoError(h.t, err)
	return string(text)
}

// pairs are the rows of names and values, among those of other names.
func (h *host) pairs(cells []cell, of []entity) [][]any {
	var rows [][]any
	for _, e := range of {
		rows = append(rows, []any{e.key, "other", "x"})
		for _, c := range cells {
			if v := e.fields[c.field]; c.pair != "" && v.Known() {
				rows = append(rows, []any{e.key, c.pair, fmt.Sprint(c.value(v))})
			}
		}
	}
	return rows
}

func (h *host) items(w *rulegen.World, t *store.Table, c store.Column, tm *sqlstore.TableMap) {
	set := h.prefix + t.Rows + "_" + strings.ReplaceAll(c.Name, ".", "_")
	typ := h.e.text
	if h.e.words != nil && !strings.Contains(h.word(), "utf16") {
		typ = h.word()
	}
	h.create(set, h.q("owner")+" "+h.ownerOf(t), h.q("item")+" "+typ)
	tm.Columns[c.Name] = sqlstore.ColumnMap{Items: &sqlstore.Items{Table: set, Owner: "owner", Item: "item"}}
	var rows [][]any
	for _, e := range entities(w, t.Kind) {
		for _, item := range e.fields[c.Name].Items() {
			rows = append(rows, []any{e.key, item})
		}
	}
	h.insert(set, []string{"owner", "item"}, rows)
}

func (h *host) insert(table string, columns []string, rows [][]any) {
	if h.e.click != nil {
		h.e.click.insert(h, table, rows)
		return
	}
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = h.q(c)
	}
	query := "INSERT INTO " + h.q(table) + " (" + strings.Join(quoted, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	tx, err := h.db.Begin()
	require.NoError(h.t, err)
	defer tx.Rollback()
	stmt, err := tx.Prepare(h.e.dialect.Rebind(query))
	require.NoError(h.t, err, query)
	for _, row := range rows {
		_, err := stmt.Exec(row...)
		require.NoError(h.t, err, "%s %v", query, row)
	}
	require.NoError(h.t, tx.Commit())
}

func (h *host) word() string {
	if h.e.words == nil {
		return h.e.text
	}
	return h.e.words[h.n%len(h.e.words)]
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

// column picks how a value of the type is kept, as a column or as text within JSON
// or pairs.
func (h *host) column(t catalog.Type, spec *sqlstore.ColumnMap) (typ string, value func(catalog.Value) any) {
	seoul, err := time.LoadLocation(hostZone)
	require.NoError(h.t, err)
	written := len(spec.JSON) > 0 || spec.Pairs != nil
	switch t.Sort {
	case catalog.Bool:
		switch {
		case h.n%3 == 0 && (h.e.json != "" || h.e.click != nil): // words for yes and no
			spec.Values = map[string]string{"Y": "true", "N": "false"}
			return h.word(), func(v catalog.Value) any { return map[bool]string{true: "Y", false: "N"}[v.Bool()] }
		case written:
			return "", func(v catalog.Value) any { return v.Bool() }
		}
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
		if written {
			way = [2]string{"epoch_us", h.e.integer}
		}
		spec.Time = way[0]
		return way[1], func(v catalog.Value) any {
			at := time.UnixMicro(v.Int()).UTC()
			switch way[0] {
			case "epoch":
				return at.Unix()
			case "epoch_ms":
				return at.UnixMilli()
			case "epoch_us":
				return v.Int()
			case "datetime":
				c := at.In(seoul)
				at = time.Date(c.Year(), c.Month(), c.Day(), c.Hour(), c.Minute(), c.Second(), c.Nanosecond(), time.UTC)
			}
			if way[1] == "TEXT" {
				return at.Format("2006-01-02 15:04:05.999999")
			}
			return at
		}
	case catalog.Date:
		spec.Time = h.e.day[0]
		return h.e.day[1], func(v catalog.Value) any { return v.String() }
	case catalog.Enum:
		if h.n%2 == 0 && (h.e.json != "" || h.e.click != nil) { // the host's own words
			spec.Values = map[string]string{}
			for _, v := range t.Values {
				spec.Values["it's "+v] = v
			}
			return h.word(), func(v catalog.Value) any { return "it's " + v.Text() }
		}
	}
	return h.word(), func(v catalog.Value) any { return v.Text() }
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
