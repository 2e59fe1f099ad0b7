package sqlgen_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// What shares a statement, and what is better off alone.
func TestPartition(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	tests := []struct {
		name  string
		rules []string
		want  [][]int
	}{
		{"a kind's records are read once, also for ranks", []string{`orders >= 3`, `visits(90d) >= 2`, `sum(orders.total, 365d) in top 5%`, `orders(180d) in bottom 3`}, [][]int{{0, 2, 3}, {1}}},
		{"ranks of the same records need no other rule", []string{`orders(90d) in top 5%`, `sum(orders.total) in top 1`}, [][]int{{0, 1}}},
		{"a rank of an attribute is alone", []string{`points in top 5%`, `country = "KR"`, `points in bottom 5`}, [][]int{{0}, {1}, {2}}},
		{"a short window joins a pass that reads little more", []string{`visits(30d) >= 2`, `visits(60d) >= 2`}, [][]int{{0, 1}}},
		{"and none that reads much more", []string{`visits(7d) >= 2`, `visits(60d) >= 2`}, [][]int{{0}, {1}}},
		{"or everything", []string{`visits(30d) >= 2`, `visits >= 2`}, [][]int{{0}, {1}}},
		{"two short windows begin with their own records", []string{`visits(7d) >= 2`, `visits(8d) >= 2`}, [][]int{{0}, {1}}},
		{"a rank of a short window is not drawn into a long one", []string{`orders(7d) in top 5%`, `orders >= 1`}, [][]int{{0}, {1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
			for _, rule := range tt.rules {
				p, ds := c.Text(rule, compile.Options{})
				require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
				q.Plans = append(q.Plans, p)
			}
			for _, d := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres, sqlgen.MySQL} {
				var got [][]int
				for _, part := range sqlgen.Partition(d, plainSchema(catalog.Shop()), q, nil) {
					require.NotEmpty(t, part.Why)
					got = append(got, part.Plans)
				}
				require.Empty(t, cmp.Diff(tt.want, got), d)
			}
		})
	}
}

// On ClickHouse plans share a statement, but for those that join two short windows, and
// for ranks whose records no other plan reads, or of a short window.
func TestPartitionOnClickHouse(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	schema := plainSchema(catalog.Shop())
	for kind, table := range schema.Records {
		table.Owned = true
		schema.Records[kind] = table
	}
	q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	for _, rule := range []string{
		`orders >= 3`,
		`visits(3d) and orders(since last(visits)) = 0`,
		`visits(7d) >= 2`,
		`visits(90d) and orders(since last(visits)) = 0`,
		`visits and orders(since last(visits)) = 0`,
		`country = "KR" and visits(3d) and orders(since last(visits)) = 0`,
		`sum(orders.total, 365d) in top 5%`,
		`points in top 5%`,
		`orders(7d) in top 5%`,
		`orders(365d) + visits(365d) in top 5%`,
		`reviews(365d) in bottom 5%`,
	} {
		p, ds := c.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
		q.Plans = append(q.Plans, p)
	}
	cuts := map[string]sqlgen.Cut{} // some other rule of the query may want them
	for _, p := range q.Plans[6:] {
		cuts[plan.Key(p.Root)] = sqlgen.Cut{Value: 7}
	}
	for _, known := range []map[string]sqlgen.Cut{nil, cuts} {
		var got [][]int
		for _, part := range sqlgen.Partition(sqlgen.ClickHouse, schema, q, known) {
			require.NotEmpty(t, part.Why)
			got = append(got, part.Plans)
		}
		require.Empty(t, cmp.Diff([][]int{{0, 2, 3, 4, 5, 6}, {1}, {7}, {8}, {9}, {10}}, got))
	}

	many := q
	many.Plans = slices.Clone(q.Plans[:6])
	for len(many.Plans) <= sqlgen.MostPlans {
		many.Plans = append(many.Plans, q.Plans[0])
	}
	require.Len(t, sqlgen.Partition(sqlgen.ClickHouse, schema, many, nil), 2)
	for len(many.Plans) <= 2*sqlgen.MostPlans+1 {
		many.Plans = append(many.Plans, q.Plans[0])
	}
	require.Len(t, sqlgen.Partition(sqlgen.ClickHouse, schema, many, nil), 4)
}

// The values of ranks stand beside the plans' bits, on ClickHouse those of aggregates.
func TestSelectGivesTheValuesOfRanks(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	p, ds := c.Text(`sum(orders.total, 365d) in top 5%`, compile.Options{})
	require.False(t, ds.HasErrors(), "%v", ds)
	q := sqlgen.Query{Ranked: []*plan.Rank{p.Root.(*plan.Rank)}, AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	s, err := sqlgen.Select(sqlgen.SQLite, plainSchema(catalog.Shop()), q, nil)
	require.NoError(t, err)
	require.Contains(t, s.SQL, "SELECT id, mask, v1 FROM (")
	require.Contains(t, s.SQL, "WHERE mask <> 0 OR v1 IS NOT NULL")
	s, err = sqlgen.Select(sqlgen.ClickHouse, plainSchema(catalog.Shop()), q, nil)
	require.NoError(t, err)
	require.Contains(t, s.SQL, "SELECT toString(dg_c), dg_mask, ydg_")
	require.Contains(t, s.SQL, "bitShiftRight(bitAnd(dg_2, 2), 1)", "the first bit of the mask is who is ranked")

	p, ds = c.Text(`points in top 5%`, compile.Options{})
	require.False(t, ds.HasErrors(), "%v", ds)
	q.Ranked = []*plan.Rank{p.Root.(*plan.Rank)}
	_, err = sqlgen.Select(sqlgen.ClickHouse, plainSchema(catalog.Shop()), q, nil)
	var no *plan.Unsupported
	require.True(t, errors.As(err, &no), "%v", err)
}

// As many plans as there may be have bits of their own, and the customer's beside them.
func TestTheBitsOfManyPlans(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	for i := range sqlgen.MostPlans {
		p, ds := c.Text(fmt.Sprintf("orders(90d) >= %d", i+2), compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		q.Plans = append(q.Plans, p)
	}
	s, err := sqlgen.Select(sqlgen.ClickHouse, plainSchema(catalog.Shop()), q, nil)
	require.NoError(t, err)
	require.Contains(t, s.SQL, fmt.Sprintf("bitShiftRight(bitAnd(dg_2, %d), 1) + ", int64(1<<62-2)), "all but the last, whose place is beyond a column's")
	require.Contains(t, s.SQL, fmt.Sprintf("= 2, %d, 0)", int64(1<<61)))
}

// The reasons tell where customers are left out before a scan is grouped: on SQLite alone,
// and only where no rule that shares the scan needs them.
func TestPartitionTellsWhoIsLeftOut(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	share := `share(items, 180d where category = "17") >= 60%`
	tests := []struct {
		rules []string
		on    sqlgen.Dialect
		want  bool
	}{
		{[]string{share}, sqlgen.SQLite, true},
		{[]string{share, `share(items, 365d where category = "3") > 5%`}, sqlgen.SQLite, true},
		{[]string{share, `items(365d) >= 3`}, sqlgen.SQLite, false},
		{[]string{`share(items, 180d where category = "17") <= 60%`}, sqlgen.SQLite, false},
		{[]string{`share(items, 180d where category = "17") >= 0%`}, sqlgen.SQLite, false},
		{[]string{`share(items, where category = "17") >= 60%`}, sqlgen.SQLite, false},
		{[]string{share}, sqlgen.Postgres, false},
		{[]string{share}, sqlgen.MySQL, false},
	}
	for _, tt := range tests {
		q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		for _, rule := range tt.rules {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
			q.Plans = append(q.Plans, p)
		}
		parts := sqlgen.Partition(tt.on, plainSchema(catalog.Shop()), q, nil)
		require.Len(t, parts, 1)
		require.Equal(t, tt.want, strings.Contains(parts[0].Why, "left out"), "%s %s: %s", tt.on, tt.rules, parts[0].Why)
	}
}

// Rules that ask for some customers are answered one by one on SQLite, which groups the
// records of these alone, where no other rule reads all or they are very few.
func TestPartitionTellsWhichRulesPickTheirCustomers(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	picks := func(country string) string {
		return `country = "` + country + `" and visits(60d) between 5 and 20`
	}
	tests := []struct {
		passing float64 // of the rules that ask for a country
		rules   []string
		on      sqlgen.Dialect
		want    [][]int
	}{
		{0.2, []string{picks("KR"), picks("JP")}, sqlgen.SQLite, [][]int{{0}, {1}}},
		{0.2, []string{picks("KR"), `visits(90d) >= 4`, picks("JP")}, sqlgen.SQLite, [][]int{{0, 1, 2}}},
		{0.03, []string{picks("KR"), `visits(90d) >= 4`, picks("JP")}, sqlgen.SQLite, [][]int{{0}, {1}, {2}}},
		{0.2, []string{picks("KR"), picks("JP"), picks("US"), picks("TW")}, sqlgen.SQLite, [][]int{{0, 1, 2, 3}}},
		{0.7, []string{picks("KR"), picks("JP")}, sqlgen.SQLite, [][]int{{0, 1}}},
		{0.03, []string{picks("KR"), picks("JP")}, sqlgen.Postgres, [][]int{{0, 1}}},
		{0.03, []string{picks("KR"), picks("JP")}, sqlgen.MySQL, [][]int{{0, 1}}},
	}
	for _, tt := range tests {
		q := sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Passing: map[*plan.Plan]float64{}}
		for _, rule := range tt.rules {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
			q.Plans = append(q.Plans, p)
			if strings.HasPrefix(rule, "country") {
				q.Passing[p] = tt.passing
			}
		}
		var got [][]int
		for _, part := range sqlgen.Partition(tt.on, plainSchema(catalog.Shop()), q, nil) {
			got = append(got, part.Plans)
			if len(part.Plans) == 1 && strings.HasPrefix(tt.rules[part.Plans[0]], "country") {
				require.Contains(t, part.Why, "it groups only theirs")
			}
		}
		require.Empty(t, cmp.Diff(tt.want, got), "%s %v %s", tt.on, tt.passing, tt.rules)
	}
}

// What a plan asks of the customers themselves is sampled on SQLite alone, and only where
// the answer matters: beside records, and not where an index finds the customers.
func TestSample(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	tests := []struct {
		rule string
		on   sqlgen.Dialect
		want bool
	}{
		{`country = "KR" and newsletter and visits(60d) >= 5`, sqlgen.SQLite, true},
		{`country = "KR" and newsletter and visits(60d) >= 5`, sqlgen.Postgres, false},
		{`country = "KR"`, sqlgen.SQLite, false},
		{`visits(60d) >= 5`, sqlgen.SQLite, false},
		{`country = "KR" or visits(60d) >= 5`, sqlgen.SQLite, false},
		{`country = "KR" and joined within 30d and visits(60d) >= 5`, sqlgen.SQLite, false},
	}
	for _, tt := range tests {
		p, ds := c.Text(tt.rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", tt.rule, ds)
		q := sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		st, ok := sqlgen.Sample(tt.on, plainSchema(catalog.Shop()), q, p)
		require.Equal(t, tt.want, ok, "%s %s", tt.on, tt.rule)
		if ok {
			require.Equal(t, "SELECT COUNT(*), COALESCE(SUM(CASE WHEN (n.country COLLATE BINARY IN (?) AND (n.newsletter) <> 0) THEN 1 ELSE 0 END), 0) "+
				"FROM (SELECT * FROM customers LIMIT 2000) n", st.SQL)
		}
	}
}
