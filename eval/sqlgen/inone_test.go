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
