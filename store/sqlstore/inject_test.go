package sqlstore

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// token is a part of a statement as a server reads it. Names and texts have their
// sort only: what stands in them must not matter.
type token string

const (
	aName token = "name"
	aText token = "text"
)

// tokens reads a statement as a server of the dialect does. bare is MariaDB with
// NO_BACKSLASH_ESCAPES.
func tokens(d Dialect, bare bool, sql string) []token {
	var out []token
	escapes := d == ClickHouse || d == MySQL && !bare
	for i := 0; i < len(sql); {
		c := sql[i]
		rest := sql[i:]
		quoted := func(open int, backslash bool) int {
			q := sql[i+open-1]
			for k := i + open; k < len(sql); k++ {
				switch {
				case backslash && sql[k] == '\\':
					k++
				case sql[k] == q && k+1 < len(sql) && sql[k+1] == q:
					k++
				case sql[k] == q:
					return k + 1
				}
			}
			return -1
		}
		end, sort := i+1, token(c)
		switch {
		case c == ' ' || c == '\n':
			i++
			continue
		case (strings.HasPrefix(rest, "E'") || strings.HasPrefix(rest, "e'")) && d == Postgres:
			end, sort = quoted(2, true), aText
		case c == '\'' || c == '"' && d == MySQL:
			end, sort = quoted(1, escapes), aText
		case c == '"' || c == '`' && d != Postgres:
			end, sort = quoted(1, d == ClickHouse), aName
		case c == '[' && d == SQLite:
			if end = strings.IndexByte(rest, ']'); end >= 0 {
				end += i + 1
			}
			sort = aName
		case c == '$' && d != MySQL:
			return append(out, "an argument or a text: "+token(rest))
		case strings.HasPrefix(rest, "_utf8mb4 0x") && d == MySQL:
			for end = i + len("_utf8mb4 0x"); end < len(sql) && strings.IndexByte("0123456789ABCDEF", sql[end]) >= 0; end++ {
			}
			sort = aText
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"), c == '#' && d == MySQL, c == ';':
			return append(out, "a comment or an end: "+token(rest))
		case word(c):
			for end < len(sql) && (word(sql[end]) || sql[end] == '$') {
				end++
			}
			if sort = token(sql[i:end]); c >= '0' && c <= '9' {
				sort = "number" // such as the length of a text
			}
		}
		if end < 0 {
			return append(out, "not closed: "+token(rest))
		}
		if strings.HasPrefix(string(sort), "read_") {
			sort = "read" // named after the column's text
		}
		out = append(out, sort)
		i = end
	}
	return out
}

func word(c byte) bool {
	return c == '_' || c >= utf8.RuneSelf || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// hostile is what strangers and odd schemas bring.
type hostile struct {
	name  string // of tables and columns
	value string // of rules, customers and groups
	host  string // the host's word in a mapping
	cond  string // its expressions and conditions
}

// held is a function of this name around a condition of a mapping, to find it by.
const held = "wj8h"

// mapping uses the name and the host's word wherever a mapping takes one.
func (h hostile) mapping() Mapping {
	cond := held + "(" + h.cond + ")"
	record := func(columns map[string]ColumnMap) TableMap {
		return TableMap{Table: h.name, Key: h.name, Customer: h.name, Where: cond, Columns: columns}
	}
	column := ColumnMap{Column: h.name}
	items := record(map[string]ColumnMap{"product": column, "quantity": {Pairs: &Pairs{Table: h.name, Owner: h.name, Name: h.name, Is: h.host, Value: h.name, Where: cond}}})
	items.Parent = h.name
	return Mapping{
		Zone: "Etc/GMT-9", Tenant: cond,
		Customers: TableMap{Table: h.name, Key: h.name, Bucket: h.name, Where: cond, Guest: cond, Columns: map[string]ColumnMap{
			"email":  {SQL: cond},
			"joined": {Column: h.name, Time: "datetime"}, "name": column, "grade": {Column: h.name, Values: map[string]string{h.host: "gold"}},
			"newsletter": {Column: h.name, Values: map[string]string{h.host: "true"}},
			"tags":       {Items: &Items{Table: h.name, Owner: h.name, Item: h.name, Where: cond}}, "points": {Column: h.name, JSON: []string{"points"}},
		}},
		Records: map[string]TableMap{
			"all_orders": record(map[string]ColumnMap{"placed": {Column: h.name, Time: "timestamptz"}, "status": column, "total": {Column: h.name, Amount: "decimal"}, "coupon": column}),
			"items":      items,
		},
	}
}

// questions are the rules that read a value, nil where it cannot stand in one.
func (h hostile) questions(rules *compile.Compiler) []sqlgen.Query {
	q := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(h.value) + `"`
	var out []sqlgen.Query
	for _, text := range []string{
		`name in (` + q + `, "x") or name starts with ` + q + ` or tags contains any (` + q + `) or grade = ` + q + ` or in group ` + q + ` or sample(10%, ` + q + `) or email is known`,
		`distinct(items.product, where order.coupon != ` + q + `) > 1 and last(orders.coupon) = ` + q + ` and joined within 7d and newsletter and points > 3 and sum(items.quantity) > 1`,
	} {
		p, ds := rules.Text(text, compile.Options{})
		if ds.HasErrors() {
			return nil
		}
		query := sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(1_790_000_000, 0), Groups: map[string][]dangol.CustomerID{}}
		for _, g := range p.Groups {
			query.Groups[g] = []dangol.CustomerID{dangol.CustomerID(h.value)}
		}
		out = append(out, query)
	}
	return out
}

// statements are what the engine would be asked, nil where a name or a word cannot
// stand in a mapping.
func (h hostile) statements(t testing.TB, d Dialect, schema *store.Schema, questions []sqlgen.Query) []sqlgen.Statement {
	m := h.mapping()
	if d == ClickHouse {
		delete(m.Records["items"].Columns, "quantity") // it has no pairs
	}
	ready, err := m.ready(d, schema)
	if err != nil {
		return nil
	}
	dialect := sqlgen.Dialect(d.String())
	var out []sqlgen.Statement
	for _, q := range questions {
		st, err := sqlgen.Select(dialect, ready.schema, q, nil)
		if err != nil {
			require.Equal(t, ClickHouse, d, "%v", err)
		}
		out = append(out, st)
	}
	for _, kind := range []string{"", "all_orders"} {
		id := dangol.CustomerID(h.value)
		st, err := sqlgen.Read(dialect, ready.schema, kind, nil, &id)
		require.NoError(t, err)
		out = append(out, st)
	}
	return out
}

// conditions tells of tokens that every condition in them reads as it does by itself, and
// leaves them out.
func conditions(all, cond []token) (rest []token, same bool) {
	for i := 0; i < len(all); i++ {
		rest = append(rest, all[i])
		if all[i] == held {
			if i += len(cond); i >= len(all) || !slices.Equal(all[i-len(cond)+1:i+1], cond) {
				return nil, false
			}
		}
	}
	return rest, true
}

// like is a name of as many parts, as long once they are quoted, without anything
// odd in them.
func like(d Dialect, name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = strings.Repeat("n", len(d.Quote(p))-2)
	}
	return strings.Join(parts, ".")
}

var hostileTexts = []string{
	`a"b`, "a`b", `a'b`, `\`, `\'`, `'; DROP TABLE canary; --`, `"; DROP TABLE canary; --`, "`; DROP TABLE canary; #", `a/*b*/`, `--`, `?`, `$1`, `{t}`,
	"한글", " a ", "a\nb", "a\rb", "\x1a", `\\'`, `\"`, `'' OR ''=''`, `%_`, "a.b", `E'`, `"."`, strings.Repeat("n", 300),
	"a\x00b", "a\xffb",
}

var hostileConditions = []string{
	`gone IS NULL`, `a = 'it''s' AND (b > 1 OR "c" = 2)`, `a = 'what?'`, `nick = '`, `a'`, `'\'`, `'\' OR '`, `'\\'`, "`'`", "`\\`", `"\"`, `[']']`, `[a]`, `a[1] = 2`,
	`1 = 1 # x`, `a #>> '{b}' = 'c'`, `1 = 1 -- x`, `1 /* x */`, `1 = 1) OR (1 = 1`, `(`, `)`, `;`, `$1`, `$$'$$`, `a$b = 1`, `E'\''`, `e'\'`, `E'a\\'`, `''''`, `"a""b"`, `?`,
}

// No name, value or word of a mapping changes what a statement is: it reads as the
// one with plain names does, and the value stands in the arguments alone. A condition of a
// mapping that is not refused reads within a statement as it does by itself.
func FuzzNoTextEntersStatements(f *testing.F) {
	for i, text := range hostileTexts {
		for d := SQLite; d <= ClickHouse; d++ {
			f.Add(uint8(d), text, hostileTexts[(i+1)%len(hostileTexts)], hostileTexts[(i+2)%len(hostileTexts)], "gone IS NULL")
		}
	}
	for _, cond := range hostileConditions {
		for d := SQLite; d <= ClickHouse; d++ {
			f.Add(uint8(d), "name", "value", "host", cond)
		}
	}
	rules, err := compile.New(catalog.Shop())
	if err != nil {
		f.Fatal(err)
	}
	schema, err := store.NewSchema(catalog.Shop())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, dialect uint8, name, value, host, cond string) {
		const mark = "wj7q" // what names have by chance is no value
		d := SQLite + Dialect(dialect)%4
		odd, plain := hostile{name, mark + value + mark, host, cond}, hostile{like(d, name), "plain", "host", "n = 1"}
		questions := odd.questions(rules)
		if questions == nil || strings.Contains(name+host+cond, mark) || strings.Contains(cond, held) || strings.Contains(cond, "{t}") {
			return
		}
		got := odd.statements(t, d, schema, questions)
		if got == nil {
			return
		}
		want := plain.statements(t, d, schema, plain.questions(rules))
		for i := range got {
			if strings.Contains(got[i].SQL, mark) {
				t.Fatalf("%s: a value is in the text: %s", d, got[i].SQL)
			}
			for _, bare := range []bool{false, true} {
				read := func(sql, cond string) []token {
					rest, same := conditions(tokens(d, bare, sql), tokens(d, bare, "("+cond+")"))
					require.True(t, same, "%s, bare %v: %q changes with what is around it: %s", d, bare, cond, sql)
					return rest
				}
				a, b := read(got[i].SQL, cond), read(want[i].SQL, "n = 1")
				if !slices.Equal(a, b) {
					t.Fatalf("%s, bare %v: %s\n%s", d, bare, got[i].SQL, cmp.Diff(b, a))
				}
				if d == ClickHouse { // where arguments are written into the text
					odd, err := withLiterals(got[i].SQL, got[i].Args)
					require.NoError(t, err)
					plain, err := withLiterals(want[i].SQL, want[i].Args)
					require.NoError(t, err)
					if o, p := read(odd, cond), read(plain, "n = 1"); !slices.Equal(o, p) {
						t.Fatalf("%s with its arguments: %s\n%s", d, odd, cmp.Diff(p, o))
					}
				}
				n := len(slices.DeleteFunc(a, func(t token) bool { return t != "?" }))
				if n != len(got[i].Args) {
					t.Fatalf("%s: %d placeholders, %d arguments: %s", d, n, len(got[i].Args), got[i].SQL)
				}
				if d != MySQL {
					break
				}
			}
		}
	})
}
