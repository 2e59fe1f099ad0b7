package sqlgen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/stretchr/testify/require"
)

// integerSchema is a ClickHouse server whose customers have integers for ids.
func integerSchema(cat *catalog.Catalog, change func(*sqlgen.Schema)) *sqlgen.Schema {
	schema := plainSchema(cat)
	schema.Local, schema.Customers.Owner, schema.Customers.OwnerType = true, sqlgen.IntegerKey, "Int32"
	fill(schema.Customers.Columns)
	for kind, table := range schema.Records {
		table.Owned, table.Owner, table.OwnerType = true, sqlgen.IntegerKey, "Int32"
		fill(table.Columns)
		schema.Records[kind] = table
	}
	change(schema)
	return schema
}

// On ClickHouse the ids of one plan's members are an array where they are integers. Who
// joined late is left out where the array is made, if nothing else asks when they joined.
func TestMembersInOneRow(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	statement := func(change func(*sqlgen.Schema), rules ...string) sqlgen.Statement {
		q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		for _, rule := range rules {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors())
			q.Plans = append(q.Plans, p)
		}
		s, err := sqlgen.Select(sqlgen.ClickHouse, integerSchema(cat, change), q, nil)
		require.NoError(t, err)
		for _, form := range []struct {
			sql  string
			args []any
		}{{s.SQL, s.Args}, {s.Packed, s.Args}, {s.InOne.SQL, s.InOne.Args}, {s.Unsifted.SQL, s.Unsifted.Args}} {
			require.True(t, form.sql == "" || strings.Count(form.sql, "?") == len(form.args), form.sql)
		}
		return s
	}
	same := func(*sqlgen.Schema) {}
	const array, arrayIf = "SELECT toString(groupArray(8388608)(", "SELECT toString(groupArrayIf(8388608)("
	s := statement(same, "points >= 10 and visits(3d) >= 3")
	require.Equal(t, "SELECT toString(groupArrayIf(8388608)(c.id, c.joined < ?)) FROM customers c WHERE c.points >= 10 AND c.id IN ("+
		"SELECT r4.customer FROM visits r4 WHERE r4.at >= ? AND r4.at < ? GROUP BY r4.customer HAVING count() >= 3)", s.InOne.SQL)
	require.Equal(t, 1<<23, s.InOne.Most)
	require.True(t, strings.HasSuffix(s.SQL, "HAVING count() >= 3) AND c.joined < ?"), s.SQL)
	require.NotEqual(t, s.Args, s.InOne.Args)

	require.Contains(t, statement(same, "points >= 10").InOne.SQL, arrayIf)
	require.Contains(t, statement(same, "not visits(3d)").InOne.SQL, arrayIf)
	require.Contains(t, statement(same, "joined within 3d").InOne.SQL, array, "the rule reads joined itself")
	require.Contains(t, statement(func(s *sqlgen.Schema) {
		joined := s.Customers.Columns["joined"]
		joined.Filled = false
		s.Customers.Columns["joined"] = joined
	}, "points >= 10").InOne.SQL, array, "joined may be NULL")
	require.Contains(t, statement(func(s *sqlgen.Schema) { delete(s.Customers.Columns, "joined") }, "points >= 10").InOne.SQL, array)
	require.Contains(t, statement(func(s *sqlgen.Schema) { s.Customers.Filter = "{t}.kept = 1" }, "points >= 10").InOne.SQL, array)
	require.Contains(t, statement(func(s *sqlgen.Schema) { s.Guest = "{t}.guest = 1" }, "points >= 10").InOne.SQL, array)

	s = statement(same, "visits(3d)")
	require.Contains(t, s.InOne.SQL, array)
	require.True(t, strings.HasPrefix(s.Unsifted.SQL, "SELECT toString(groupUniqArray(r5.customer)) FROM visits r5 WHERE r5.at >= ? AND r5.at < ? UNION ALL "), s.Unsifted.SQL)
	require.Equal(t, 1<<23, s.Unsifted.Most)
	require.Contains(t, statement(same, "visits(90d)").Unsifted.SQL, array, "of many records, groups take less time")
	require.Contains(t, statement(same, "visits(3d) >= 2").Unsifted.SQL, array)

	require.Empty(t, statement(func(s *sqlgen.Schema) { s.Customers.Owner, s.Customers.OwnerType = sqlgen.TextKey, "" }, "points >= 10").InOne, "ids are text")
}

// On ClickHouse a rank that is the whole rule is answered in one row where ids are
// integers. The groups of the one scan that it reads are those who are ranked.
func TestRanksInOneRow(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	rank := func(d sqlgen.Dialect, rule string, change func(*sqlgen.Schema)) sqlgen.Statement {
		p, ds := c.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors())
		q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		s, err := sqlgen.InRank(d, integerSchema(cat, change), q, p.Root.(*plan.Rank))
		require.NoError(t, err)
		require.Equal(t, strings.Count(s.SQL, "?"), len(s.Args))
		require.Equal(t, strings.Count(s.InOne.SQL, "?"), len(s.InOne.Args))
		require.Empty(t, s.Packed)
		return s
	}
	same := func(*sqlgen.Schema) {}
	const rule = "sum(orders.total, 365d) in top 5%"
	one := rank(sqlgen.ClickHouse, rule, same).InOne
	require.Equal(t, 1<<23, one.Most)
	require.Equal(t, "SELECT toString(arrayFilter((dg_i, dg_w) -> dg_w >= dg_cut, dg_cs, dg_vs)), toString(arrayFilter(dg_w -> dg_w >= dg_cut, dg_vs)) FROM ("+
		"SELECT groupArray(8388608)(dg_c) AS dg_cs, groupArray(8388608)(dg_v) AS dg_vs, count() AS dg_n, quantileExact(0.9500000000000071)(dg_v) AS dg_cut FROM ("+
		"SELECT dg_o AS dg_c, toInt64(dg_k1_a1) AS dg_v FROM ("+
		"SELECT r2.customer AS dg_o, toInt64(sum(r2.total)) AS dg_k1_a1 FROM orders r2 WHERE r2.placed >= ? AND r2.placed < ? AND NOT (toString(r2.status) IN (?, ?, ?)) GROUP BY r2.customer) "+
		"WHERE ((SELECT 1 FROM customers n WHERE n.joined >= ? LIMIT 1) IS NULL OR dg_o NOT IN (SELECT n.id FROM customers n WHERE n.joined >= ?)))) "+
		"WHERE dg_n <= 8388608 AND dg_cut IS NOT NULL", one.SQL)

	require.Contains(t, rank(sqlgen.ClickHouse, "orders(365d) in bottom 5%", same).InOne.SQL, "arrayFilter(dg_w -> dg_w <= dg_cut, dg_vs)")
	require.Contains(t, rank(sqlgen.ClickHouse, "max(orders.total, 365d) in top 5%", same).InOne.SQL, "IS NOT NULL", "the value may be missing")
	require.Contains(t, rank(sqlgen.ClickHouse, "points in top 5%", same).InOne.SQL, "FROM customers c WHERE")

	require.Empty(t, rank(sqlgen.ClickHouse, rule, func(s *sqlgen.Schema) { s.Customers.Owner, s.Customers.OwnerType = sqlgen.TextKey, "" }).InOne, "ids are text")
	for _, d := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres, sqlgen.MySQL} {
		require.Empty(t, rank(d, rule, same).InOne)
	}
}
