package sqlgen_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

var dialects = []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres, sqlgen.MySQL, sqlgen.ClickHouse}

// plainSchema has a table a kind and a column a field, under their own names.
func plainSchema(cat *catalog.Catalog) *sqlgen.Schema {
	name := func(s string) string { return strings.ReplaceAll(s, ".", "_") }
	column := func(s string) sqlgen.Column { return sqlgen.Column{SQL: "{t}." + name(s)} }
	s := &sqlgen.Schema{
		Customers: sqlgen.Table{Name: "customers", Key: "id", Columns: map[string]sqlgen.Column{}},
		Bucket:    "bucket", Records: map[string]sqlgen.Table{}, Sets: map[string]sqlgen.Set{},
		Groups: &sqlgen.Groups{Name: "memberships", Group: "name", Customer: "customer"},
	}
	for _, a := range cat.Attributes {
		switch {
		case a.Derived != "":
		case a.Type.Sort == catalog.Set:
			s.Sets[a.Name] = sqlgen.Set{Name: "customer_" + name(a.Name), Owner: "customer", Item: "item"}
		default:
			s.Customers.Columns[a.Name] = column(a.Name)
		}
	}
	for i := range cat.Kinds {
		k := &cat.Kinds[i]
		if k.Base != "" {
			continue
		}
		t := sqlgen.Table{Name: k.RowsName(), Key: "id", Customer: "customer", Columns: map[string]sqlgen.Column{}}
		for _, f := range k.Fields {
			t.Columns[f.Name] = column(f.Name)
		}
		for _, r := range cat.Reached(k) {
			t.Columns[r.Name] = column(r.Name)
		}
		if k.ParentField != "" {
			t.Parent = name(k.ParentField) + "_id"
			t.Columns[k.ParentField] = sqlgen.Column{SQL: "{t}." + t.Parent}
		}
		s.Records[k.Name] = t
	}
	return s
}

// eachGolden compares golden files with what they should be, or rewrites them with
// -update: their rules, a line each, and under the name of each dialect what the function
// says of it that of makes of the file's name and rules.
func eachGolden(t *testing.T, pattern string, of func(t *testing.T, name string, rules []string) func(sqlgen.Dialect) string) {
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			head, _, _ := strings.Cut(string(text), "\n-- ")
			rules := strings.Split(strings.TrimSpace(head), "\n")
			said := of(t, name, rules)
			var b strings.Builder
			b.WriteString(strings.Join(rules, "\n") + "\n")
			for _, d := range dialects {
				fmt.Fprintf(&b, "\n-- %s --\n%s", d, said(d))
			}
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
			}
			require.Empty(t, cmp.Diff(string(text), b.String()), "run the test with -update")
		})
	}
}

// Each file holds a rule and the statement that every dialect gets for it. In those
// called owned, every record's customer is a customer; in those of integers, customers'
// ids are integers; in those called filled, ClickHouse's columns are never NULL besides,
// those of numbers hold integers, and its rows lie on one server; in those called named,
// products are integers, whose names a rule lists; in those called picked, one
// customer in five passes what a rule asks of the customers themselves; in those called
// ranked, the values of ranks stand beside the other rules; in those called repeated, ids
// may be.
func TestStatements(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	eachGolden(t, "testdata/*.txtar", func(t *testing.T, name string, rules []string) func(sqlgen.Dialect) string {
		q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, zone), Zone: zone, Passing: map[*plan.Plan]float64{}, Repeats: strings.Contains(name, "repeated")}
		cuts := map[string]sqlgen.Cut{}
		for _, rule := range rules {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
			if rank, ok := p.Root.(*plan.Rank); ok && strings.Contains(name, "ranked") {
				q.Ranked = append(q.Ranked, rank)
				continue
			}
			q.Plans = append(q.Plans, p)
			if strings.Contains(name, "picked") {
				q.Passing[p] = 0.2
			}
			for _, r := range eval.Ranks(p) {
				cuts[plan.Key(r)] = sqlgen.Cut{Value: 250_000}
			}
		}
		schema := plainSchema(cat)
		for kind, table := range schema.Records {
			table.Owned = strings.HasPrefix(name, "owned")
			if strings.Contains(name, "integers") {
				table.Owner, schema.Customers.Owner = sqlgen.IntegerKey, sqlgen.IntegerKey
			}
			if column, ok := table.Columns["product"]; ok && strings.Contains(name, "named") {
				column.Raw = &sqlgen.Raw{SQL: column.SQL, Integer: true}
				table.Columns["product"] = column
			}
			if strings.Contains(name, "filled") {
				table.OwnerType, schema.Customers.OwnerType = "Int32", "Int32"
				fill(table.Columns)
			}
			schema.Records[kind] = table
		}
		if strings.Contains(name, "filled") {
			fill(schema.Customers.Columns)
			schema.Local = true
		}
		return func(d sqlgen.Dialect) string {
			s, err := sqlgen.Select(d, schema, q, cuts)
			var no *plan.Unsupported
			if errors.As(err, &no) {
				return fmt.Sprintf("%s, at %q\n", no, rules[0][no.Span.Start:no.Span.End])
			}
			require.NoError(t, err)
			return fmt.Sprintf("%s\n%v\n", lines(s.SQL), s.Args)
		}
	})
}

// fill says of columns that they are never NULL, and those of numbers integers.
func fill(columns map[string]sqlgen.Column) {
	for name, c := range columns {
		c.Filled, c.Whole = true, name == "total" || name == "points"
		columns[name] = c
	}
}

// lines breaks a statement where a reader would.
func lines(sql string) string {
	for _, word := range []string{"FROM", "LEFT JOIN", "JOIN", "WHERE", "GROUP BY", "ORDER BY"} {
		sql = strings.ReplaceAll(sql, " "+word+" ", "\n"+word+" ")
	}
	return strings.ReplaceAll(sql, "LEFT\nJOIN", "LEFT JOIN")
}

// Clock readings of a zone that changed its clocks a hundred times are a long expression:
// it stands where the column is read, once, and nowhere else.
func TestClockReadingsAreWorkedOutWhereTheyAreRead(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	schema := plainSchema(cat)
	read := func(columns map[string]sqlgen.Column, name string) {
		columns[name] = sqlgen.Column{SQL: "{t}." + name, Encoding: sqlgen.Local, Zone: zone}
	}
	read(schema.Customers.Columns, "joined")
	read(schema.Records["all_orders"].Columns, "placed")
	read(schema.Records["all_orders"].Columns, "paid")
	for _, d := range dialects {
		for rule, reads := range map[string]int{`grade = "vip"`: 0, `orders(30d) >= 1`: 0, `anniversary(joined) within next 7d`: 1} {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
			s, err := sqlgen.Select(d, schema, sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, zone), Plans: []*plan.Plan{p}}, nil)
			require.NoError(t, err)
			require.Equal(t, reads, strings.Count(s.SQL, " AS read_"), "%s, %s: %s", d, rule, s.SQL)
			require.Equal(t, reads == 0, !strings.Contains(s.SQL, " w)"), "%s, %s: %s", d, rule, s.SQL)
		}
	}
}
