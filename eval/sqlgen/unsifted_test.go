package sqlgen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/stretchr/testify/require"
)

// Late customers are told beside the answer of one plan that does not read the customers,
// where ids are integers and all rows lie on one server. The answer comes first: see
// Unsifted.
func TestWhoIsLateIsToldBesideTheAnswer(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	statement := func(change func(*sqlgen.Schema), rules ...string) sqlgen.Statement {
		schema := plainSchema(cat)
		schema.Local, schema.Customers.Owner = true, sqlgen.IntegerKey
		for kind, table := range schema.Records {
			table.Owned, table.Owner = true, sqlgen.IntegerKey
			schema.Records[kind] = table
		}
		change(schema)
		q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		for _, rule := range rules {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors())
			q.Plans = append(q.Plans, p)
		}
		s, err := sqlgen.Select(sqlgen.ClickHouse, schema, q, nil)
		require.NoError(t, err)
		return s
	}
	same := func(*sqlgen.Schema) {}
	for _, rule := range []string{"visits(3d)", "visits(30d) >= 3", "visits(3d) and orders(since last(visits)) = 0", `visits(3d) and not orders(where total >= 5)`} {
		s := statement(same, rule)
		main, late, ok := strings.Cut(s.Unsifted.SQL, " UNION ALL SELECT toString(n.id) FROM customers n WHERE ")
		require.True(t, ok, s.Unsifted.SQL)
		require.NotContains(t, main, "joined", rule)
		require.Contains(t, late, "n.joined >= ? LIMIT 1001")
		require.Contains(t, s.SQL, "joined", "the statement is whole by itself")
		require.Contains(t, s.Packed, "joined")
		require.Contains(t, s.InOne.SQL, "joined")
		require.Equal(t, strings.Count(s.Unsifted.SQL, "?"), len(s.Unsifted.Args))
		require.Equal(t, strings.Count(s.SQL, "?"), len(s.Args))
	}
	none := map[string]sqlgen.Statement{
		"several rules":                statement(same, "visits(3d)", "visits(30d)"),
		"a rule that reads customers":  statement(same, `visits(3d) and country = "KR"`),
		"tables on several nodes":      statement(func(s *sqlgen.Schema) { s.Local = false }, "visits(3d)"),
		"ids that are text":            statement(func(s *sqlgen.Schema) { s.Customers.Owner = sqlgen.TextKey }, "visits(3d)"),
		"customers who always existed": statement(func(s *sqlgen.Schema) { delete(s.Customers.Columns, "joined") }, "visits(3d)"),
	}
	for why, s := range none {
		require.Empty(t, s.Unsifted.SQL, why)
	}
}
