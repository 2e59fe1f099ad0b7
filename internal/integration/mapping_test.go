package integration_test

import (
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
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// featureTables are a shop that keeps its data in every way a mapping knows. Types
// that engines call differently stand in braces.
const featureTables = `
CREATE TABLE people (no {int}, shop {int}, nick VARCHAR(50), level {int}, agrees VARCHAR(1), credit DECIMAL(12, 2), cents {int}, born {date},
	joined_tz {ts}, joined_clock {dt}, joined_s {int}, joined_ms {int}, gone_at {dt}, doc {json}, bucket {int}, touched {dt});
CREATE TABLE sales (id {int}, shop {int}, person {int}, sold {dt}, state VARCHAR(20), total DECIMAL(12, 2), approx {float}, void {int}, touched {int});
CREATE TABLE facts (person {int}, shop {int}, name VARCHAR(20), value VARCHAR(50), live {int});
CREATE TABLE labels (person {int}, shop {int}, label VARCHAR(20), live {int});
CREATE TABLE bare_labels (person {int}, label VARCHAR(20));
INSERT INTO people VALUES
	(1, 7, 'Kim', 2, 'Y', 12.50, 1250, '1990-02-28', '2026-03-01 00:00:00', '2026-03-01 09:00:00', 1772323200, 1772323200000, NULL,
		'{"points": 30, "vip": true, "born": "1990-02-28", "deep": {"credit": "12.50"}, "seen": 1772323200, "odd": "x"}', 1, '2026-03-05 00:00:00'),
	(2, 7, '', 1, 'N', 0.29, 29, NULL, '2026-02-28 23:59:59.999999', '2026-03-01 08:59:59.999999', 1772323199, 1772323199999, NULL,
		'{"points": null, "vip": "0", "born": "1990-02-30", "deep": {"credit": 0.29}, "seen": null, "odd": 5}', 2, '2026-03-08 00:00:00'),
	(3, 7, NULL, 9, 'x', NULL, NULL, '2000-12-31', NULL, NULL, NULL, NULL, NULL, NULL, 3, '2026-03-01 00:00:00'),
	(4, 7, 'gone', 1, 'Y', 99.00, 9900, NULL, '2026-03-01 00:00:00', '2026-03-01 09:00:00', 0, 0, '2026-03-07 00:00:00', '{}', 4, '2026-03-09 00:00:00'),
	(5, 8, 'theirs', 1, 'Y', 99.00, 9900, NULL, '2026-03-01 00:00:00', '2026-03-01 09:00:00', 0, 0, NULL, '{}', 5, '2026-03-09 00:00:00');
INSERT INTO sales VALUES
	(10, 7, 1, '2026-03-02 09:00:00', 'Done', 10.10, 10.1, 0, 1772900000), (11, 7, 1, '2026-03-03 09:00:00', 'done', 5.05, 5.05, 0, 0),
	(12, 7, 2, '2026-03-03 09:00:00', 'VOID', 7.00, 7, 0, 0), (13, 7, 2, '2026-03-04 09:00:00', 'Done', 9.00, 9, 1, 0),
	(14, 8, 1, '2026-03-04 09:00:00', 'Done', 9.00, 9, 0, 0), (15, 7, NULL, '2026-03-04 09:00:00', 'Done', 9.00, 9, 0, 1772999999);
INSERT INTO facts VALUES
	(1, 7, 'points', '30', 1), (1, 7, 'vip', 'Y', 1), (2, 7, 'points', 'many', 1), (2, 7, 'other', '77', 1), (3, 7, 'points', '-5', 1), (3, 7, 'points', '7', 0), (2, 8, 'points', '44', 1), (2, 7, 'vip', 'N', 1);
INSERT INTO labels VALUES (1, 7, 'Red', 1), (1, 7, 'blue', 0), (2, 7, 'red', 1), (2, 8, 'Red', 1);
INSERT INTO bare_labels VALUES (1, 'Red'), (2, 'red');`

const featureMapping = `
zone: Asia/Seoul
tenant: "{t}.shop = 7"
customers:
  table: people
  key: no
  where: "{t}.gone_at IS NULL"
  changed: {column: touched, time: timestamptz}
  columns:
    name: {column: nick}
    store_credit: {column: credit, amount: decimal}
records:
  all_orders:
    table: sales
    key: id
    customer: person
    where: "{t}.void = 0"
    changed: {column: touched, time: epoch}
    columns:
      placed: {column: sold, time: datetime}
      status: {column: state, values: {Done: confirmed, VOID: cancelled}}
      total: {column: total, amount: decimal}
`

// featureTypes are what engines call the types.
func featureTypes(e engine) *strings.Replacer {
	switch e.dialect {
	case sqlstore.ClickHouse:
		instant := "Nullable(" + e.times[0][1] + ")"
		if e.json == "" { // a server of 2018
			instant = "Nullable(DateTime)"
		}
		return strings.NewReplacer("no {int}", "no Int64", "(id {int}", "(id Int64", "{int}", "Nullable(Int64)", "{ts}", instant, "{dt}", instant, "{date}", "Nullable(Date)",
			"{json}", "Nullable(String)", "{float}", "Nullable(Float64)", "VARCHAR(50)", "Nullable(String)", "VARCHAR(20)", "Nullable(String)", "VARCHAR(1)", "Nullable(String)",
			"DECIMAL(12, 2)", "Nullable(Decimal(12, 2))")
	case sqlstore.Postgres:
		return strings.NewReplacer("{int}", "BIGINT", "{ts}", "TIMESTAMPTZ", "{dt}", "TIMESTAMP", "{date}", "DATE", "{json}", "JSONB", "{float}", "DOUBLE PRECISION")
	case sqlstore.MySQL:
		return strings.NewReplacer("{int}", "BIGINT", "{ts}", "TIMESTAMP(6) NULL", "{dt}", "DATETIME(6)", "{date}", "DATE", "{json}", "JSON", "{float}", "DOUBLE")
	}
	return strings.NewReplacer("{int}", "INTEGER", "{ts}", "TEXT", "{dt}", "TEXT", "{date}", "TEXT", "{json}", "TEXT", "{float}", "REAL")
}

// lacks tells what an engine says of an entry that it cannot have, "" where it can.
func (e engine) lacks(entry string) string {
	switch {
	case e.click != nil && strings.Contains(entry, "pairs:"):
		return "clickhouse has no subqueries of a row; map an expression or a view"
	case e.click != nil && e.json == "" && strings.Contains(entry, "json:"):
		return "cannot be read"
	}
	return ""
}

// features are entries of a mapping, one at a time, with who answers the rules then.
var features = []struct {
	attribute, entry string // of customers
	want             map[string]string
}{
	{"name", `{column: nick, empty_is_missing: true}`, map[string]string{`name is known`: "1", `name = ""`: ""}},
	{"name", `{sql: "UPPER({t}.nick)"}`, map[string]string{`name = "KIM"`: "1", `name is known`: "1 2"}},
	{"grade", `{column: level, values: {1: silver, 2: gold}}`, map[string]string{`grade = "gold"`: "1", `grade in ("silver", "9")`: "2 3"}},
	{"newsletter", `{column: agrees, values: {Y: "true", N: "false"}}`, map[string]string{`newsletter`: "1", `not newsletter`: "2 3", `newsletter is known`: "1 2"}},
	{"store_credit", `{column: credit, amount: decimal}`, map[string]string{`store_credit = 0.29`: "2", `store_credit > 12.49`: "1"}},
	{"store_credit", `{column: cents, amount: minor}`, map[string]string{`store_credit = 0.29`: "2", `store_credit > 12.49`: "1"}},
	{"store_credit", `{sql: "{t}.cents * 2", amount: minor}`, map[string]string{`store_credit = 25`: "1"}},
	{"store_credit", `{column: doc, json: [deep, credit], amount: decimal}`, map[string]string{`store_credit = 0.29`: "2", `store_credit > 12.49`: "1"}},
	{"birthday", `{column: born, time: date}`, map[string]string{`birthday on 1990-02-28`: "1", `birthday after 1999-12-31`: "3"}},
	{"birthday", `{column: doc, json: [born], time: date}`, map[string]string{`birthday is known`: "1", `birthday on 1990-02-28`: "1"}},
	{"joined", `{column: joined_tz, time: timestamptz}`, map[string]string{`joined within 9d`: "1", `joined before 2026-03-01`: "2", `joined is not known`: "3"}},
	{"joined", `{column: joined_clock, time: datetime}`, map[string]string{`joined within 9d`: "1", `joined before 2026-03-01`: "2", `joined is not known`: "3"}},
	{"joined", `{column: joined_s, time: epoch}`, map[string]string{`joined within 9d`: "1", `joined before 2026-03-01`: "2"}},
	{"joined", `{column: joined_ms, time: epoch_ms}`, map[string]string{`joined within 9d`: "1", `joined before 2026-03-01`: "2"}},
	{"joined", `{sql: "{t}.joined_ms * 1000", time: epoch_us}`, map[string]string{`joined within 9d`: "1", `joined before 2026-03-01`: "2"}},
	{"joined", `{column: doc, json: [seen], time: epoch}`, map[string]string{`joined within 9d`: "1", `joined is not known`: "2 3"}},
	{"joined", `{column: joined_s, time: epoch, empty_is_missing: true}`, map[string]string{`joined is not known`: "3"}},
	{"points", `{column: doc, json: [points]}`, map[string]string{`points = 30`: "1", `points is known`: "1"}},
	{"points", `{column: doc, json: [odd]}`, map[string]string{`points = 5`: "2", `points is known`: "2"}},
	{"newsletter", `{column: doc, json: [vip]}`, map[string]string{`newsletter`: "1", `newsletter is known`: "1 2"}},
	{"points", `{pairs: {table: facts, owner: person, name: name, is: points, value: value}}`, map[string]string{`points = 30`: "1", `points = -5`: "3", `points is known`: "1 3"}},
	{"points", `{pairs: {table: facts, owner: person, name: name, is: points, value: value, where: "{t}.live = 0"}}`, map[string]string{`points = 7`: "3", `points is known`: "3"}},
	{"points", `{pairs: {table: facts, owner: person, name: name, is: points, value: value, any_tenant: true}}`, map[string]string{`points = 44`: "2"}},
	{"newsletter", `{pairs: {table: facts, owner: person, name: name, is: vip, value: value}, values: {Y: "true", N: "false"}}`, map[string]string{`newsletter`: "1", `newsletter is known`: "1 2"}},
	{"tags", `{items: {table: labels, owner: person, item: label}}`, map[string]string{`tags contains "Red"`: "1", `tags contains any ("red", "blue")`: "1 2"}},
	{"tags", `{items: {table: labels, owner: person, item: label, where: "{t}.live = 1"}}`, map[string]string{`tags contains "blue"`: "", `tags contains "red"`: "2"}},
	{"tags", `{items: {table: bare_labels, owner: person, item: label, any_tenant: true}}`, map[string]string{`tags contains "Red"`: "1"}},
}

// mistakes are wrong mappings, and the entry that the error names. Each is the good
// one with a text in place of another.
var mistakes = []struct{ old, new, entry, why string }{
	{"Asia/Seoul", "Asia/Soul", "zone", "no time zone"},
	{"{t}.shop = 7", "{t}.shp = 7", "customers.tenant", "cannot be read"},
	{"{t}.shop = 7", "{t}.shop = ?", "tenant", "stands for an argument"},
	{"table: people", "table: peple", "customers.table", "cannot be read"},
	{"table: people", "table: people\n  sql: SELECT 1", "customers.table", "either"},
	{"key: no", "key: number", "customers.key", "cannot be read"},
	{"gone_at IS NULL", "gone_at IS", "customers.where", "cannot be read"},
	{"gone_at IS NULL", "gone_at IS NULL) OR (1 = 1", "customers.where", "closes what was not opened"},
	{"gone_at IS NULL", "gone_at IS NULL -- live", "customers.where", "comment"},
	{"gone_at IS NULL", "gone_at IS NULL; SELECT 1", "customers.where", "ends a statement"},
	{"gone_at IS NULL", "nick = 'x", "customers.where", "not closed"},
	{"{column: nick}", "{column: nik}", "customers.columns.name", "cannot be read"},
	{"{column: nick}", "{column: nick, sql: '{t}.nick'}", "customers.columns.name", "one of column"},
	{"{column: nick}", "{column: nick, amount: decimal}", "customers.columns.name", "amount is for"},
	{"{column: nick}", "{column: nick, time: epoch}", "customers.columns.name", "time is for"},
	{"{column: nick}", "{sql: '{t}.nick', json: [a]}", "customers.columns.name", "path within a column"},
	{"{column: nick}", "{column: doc, json: [\"a'b\"]}", "customers.columns.name", "cannot stand in a path"},
	{"    name:", "    nam:", "customers.columns.nam", "no such attribute"},
	{"column: credit, amount: decimal", "column: credit", "customers.columns.store_credit", "floats are refused"},
	{"column: credit, amount: decimal", "sql: '{t}.nope', amount: decimal", "customers.columns.store_credit", "cannot be read"},
	{"{column: touched, time: epoch}", "{column: tuched, time: epoch}", "records.all_orders.changed", "cannot be read"},
	{"{column: touched, time: epoch}", "{column: touched}", "records.all_orders.changed", "a moment is"},
	{"customer: person", "customer: persn", "records.all_orders.customer", "cannot be read"},
	{"  all_orders:", "  orders:", "records.orders", "no rows of its own"},
	{"    customer: person\n", "    customer: person\n    parent: id\n", "records.all_orders.parent", "has no parent"},
	{"{column: sold, time: datetime}", "{column: sold, time: epoch_ms}", "records.all_orders.columns.placed", ""},
	{"{column: sold, time: datetime}", "{column: sold, time: date}", "records.all_orders.columns.placed", "a moment is"},
	{"column: total, amount: decimal", "column: approx, amount: decimal", "records.all_orders.columns.total", "cannot hold every amount"},
	{"column: total, amount: decimal", "column: total, amount: won", "records.all_orders.columns.total", "floats are refused"},
	{"{t}.void = 0", "{t}.vod = 0", "records.all_orders.where", "cannot be read"},
	{"column: nick", "column: '{t}'", "customers.columns.name", "not in names"},
	{"name: {column: nick}", "tags: {items: {table: bare_labels, owner: person, item: label}}", "customers.columns.tags.items", "tenant"},
	{"name: {column: nick}", "tags: {items: {table: labels, owner: persn, item: label}}", "customers.columns.tags.items", "cannot be read"},
	{"name: {column: nick}", "tags: {column: nick}", "customers.columns.tags", "sets lie in items"},
	{"name: {column: nick}", "points: {pairs: {table: facts, owner: person, name: nme, is: points, value: value}}", "customers.columns.points", "cannot be read"},
	{"name: {column: nick}", "points: {pairs: {table: facts, owner: person, name: name, value: value}}", "customers.columns.points", "pairs need"},
	{"name: {column: nick}", "newsletter: {column: agrees, values: {Y: maybe}}", "customers.columns.newsletter", "neither true nor false"},
	{"name: {column: nick}", "joined: {column: doc, json: [seen], time: datetime}", "customers.columns.joined", "within JSON"},
}

// Every way to keep a value answers rules exactly, and every mistake is refused by
// the name of its entry, on each engine.
func TestMappingFeatures(t *testing.T) {
	cat := catalog.ShopIn("USD")
	rules, err := compile.New(cat)
	require.NoError(t, err)
	for _, e := range engines() {
		if e.click != nil && e.click.again {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			types := featureTypes(e)
			for statement := range strings.SplitSeq(strings.TrimSuffix(types.Replace(featureTables), ";"), ";\n") {
				if e.click != nil {
					e.click.feature(&host{t: t, e: e, db: db}, strings.TrimSpace(statement))
					continue
				}
				_, err := db.Exec(statement)
				require.NoError(t, err, statement)
			}
			open := func(text string) (*sqlstore.Mapped, error) {
				m, err := sqlstore.ReadMapping("shop.yaml", []byte(text))
				require.NoError(t, err, text)
				written, err := yaml.Marshal(m)
				require.NoError(t, err)
				again, err := sqlstore.ReadMapping("shop.yaml", written)
				require.NoError(t, err, string(written))
				require.Equal(t, m, again, "a mapping survives being written and read")
				return sqlstore.OpenMapped(t.Context(), db, e.dialect, cat, m, sqlstore.MappedOptions{})
			}
			answers := func(s *sqlstore.Mapped, want map[string]string) {
				t.Helper()
				for rule, members := range want {
					p, ds := rules.Text(rule, compile.Options{})
					require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
					a, err := s.Select(t.Context(), store.Query{Plans: []*plan.Plan{p}, AsOf: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)})
					require.NoError(t, err, rule)
					require.NoError(t, a[0].Err, rule)
					require.Equal(t, members, strings.Trim(fmt.Sprint(slices.Collect(a[0].Members.All())), "[]"), rule)
				}
			}
			for _, f := range features {
				lines := slices.DeleteFunc(strings.Split(featureMapping, "\n"), func(line string) bool {
					return strings.HasPrefix(line, "    "+f.attribute+":")
				})
				text := strings.Replace(strings.Join(lines, "\n"), "  columns:\n", "  columns:\n    "+f.attribute+": "+f.entry+"\n", 1)
				s, err := open(text)
				t.Log(f.attribute, f.entry)
				if why := e.lacks(f.entry); why != "" {
					var wrong *sqlstore.MappingError
					require.True(t, errors.As(err, &wrong), "%s: %v", f.entry, err)
					require.Equal(t, "customers.columns."+f.attribute, wrong.Entry)
					require.ErrorContains(t, err, why)
					continue
				}
				require.NoError(t, err, f.entry)
				answers(s, f.want)
			}
			s, err := open(featureMapping)
			require.NoError(t, err)
			answers(s, map[string]string{
				`sum(orders.total, where status = "confirmed") = 10.10`: "1", // 'done' in small letters is another word, the other shop's row is not ours
				`all_orders(where status = "cancelled")`:                "2",
				`all_orders = 2`:                                        "1",
				`orders(where placed within 8d)`:                        "1",
				`name = "gone" or name = "theirs"`:                      "",
				`orders(2026-03-02 .. 2026-03-02)`:                      "1",
			})
			for _, id := range []dangol.CustomerID{"4", "5", "01", "1 ", "x", "", "1e0"} {
				_, err := s.Customer(t.Context(), id)
				require.ErrorIs(t, err, store.ErrNotFound, "%q", id)
			}
			for since, want := range map[string]string{
				"2026-03-08T00:00:00Z": "2 4", // a soft delete is a change; the neighbour's rows are none of ours
				"2026-03-05T00:00:01Z": "1 2 4",
				"2026-03-09T00:00:01Z": "",
			} {
				at, err := time.Parse(time.RFC3339, since)
				require.NoError(t, err)
				ids, err := s.ChangedSince(t.Context(), at)
				require.NoError(t, err)
				require.Equal(t, want, strings.Trim(fmt.Sprint(slices.Collect(ids.All())), "[]"), since)
			}
			for _, m := range mistakes {
				text := strings.Replace(featureMapping, m.old, m.new, 1)
				require.NotEqual(t, featureMapping, text, m.old)
				_, err := open(text)
				var wrong *sqlstore.MappingError
				require.True(t, errors.As(err, &wrong), "%s: %v", m.new, err)
				require.Equal(t, m.entry, wrong.Entry, "%s: %v", m.new, err)
				why := m.why
				if lacks := e.lacks(m.new); lacks != "" && why == "cannot be read" {
					why = lacks // whatever else is wrong with it
				}
				require.ErrorContains(t, err, why, m.new)
			}
			_, err = open(strings.Replace(featureMapping, "    changed: {column: touched, time: epoch}\n", "", 1))
			require.NoError(t, err)
			without, err := open(strings.Replace(featureMapping, "    changed: {column: touched, time: epoch}\n", "", 1))
			require.NoError(t, err)
			_, err = without.ChangedSince(t.Context(), time.Now())
			require.ErrorIs(t, err, sqlstore.ErrNoChanged)
			require.ErrorContains(t, err, "records.all_orders")
		})
	}
}
