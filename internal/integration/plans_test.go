package integration_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// bigShop is large enough for an engine to prefer an index: 20,000 customers who
// joined over two years, 60,000 orders, 60,000 items of 5,000 products.
const (
	bigCustomers, bigOrders = 20_000, 60_000
	bigAsOf                 = 1_790_000_000
	bigSpan                 = 2 * 365 * 24 * 60 * 60
)

func bigShop(t testing.TB, e engine, db *sql.DB) *sqlstore.Mapped {
	t.Helper()
	exec := func(query string) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), query)
		require.NoError(t, err, query)
	}
	numbers := func(n int) string {
		switch e.dialect {
		case sqlstore.Postgres:
			return fmt.Sprintf("generate_series(1, %d) AS s(n)", n)
		case sqlstore.MySQL:
			return fmt.Sprintf("(SELECT seq AS n FROM seq_1_to_%d) s", n)
		}
		return fmt.Sprintf("(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s) s", n)
	}
	at := func(salt int) string { return fmt.Sprintf("%d - 1 - (n * %d) %% %d", bigAsOf, salt, bigSpan) }
	exec("CREATE TABLE big_customers (id BIGINT NOT NULL PRIMARY KEY, joined BIGINT NOT NULL, country VARCHAR(2) NOT NULL)")
	exec("CREATE TABLE big_orders (id BIGINT NOT NULL PRIMARY KEY, customer_id BIGINT NOT NULL, placed BIGINT NOT NULL, status VARCHAR(20) NOT NULL, total BIGINT NOT NULL)")
	exec("CREATE TABLE big_items (id BIGINT NOT NULL PRIMARY KEY, order_id BIGINT NOT NULL, customer_id BIGINT NOT NULL, placed BIGINT NOT NULL, product_id BIGINT NOT NULL)")
	exec("INSERT INTO big_customers SELECT n, " + at(3163) + ", CASE WHEN n % 3 = 0 THEN 'KR' ELSE 'JP' END FROM " + numbers(bigCustomers))
	exec("INSERT INTO big_orders SELECT n, 1 + n % " + fmt.Sprint(bigCustomers) + ", " + at(1049) + ", CASE WHEN n % 9 = 0 THEN 'void' ELSE 'done' END, n % 1000 FROM " + numbers(bigOrders))
	exec("INSERT INTO big_items SELECT n, n, 1 + n % " + fmt.Sprint(bigCustomers) + ", " + at(1049) + ", n % 5000 FROM " + numbers(bigOrders))
	exec("CREATE INDEX big_joined ON big_customers (joined)")
	exec("CREATE INDEX big_placed ON big_orders (placed)")
	exec("CREATE INDEX big_product ON big_items (product_id, placed)")
	switch e.dialect {
	case sqlstore.MySQL:
		exec("ANALYZE TABLE big_customers, big_orders, big_items")
	default:
		exec("ANALYZE")
	}
	return overBigShop(t, e, db)
}

// overBigShop is a store over the tables that are there.
func overBigShop(t testing.TB, e engine, db *sql.DB) *sqlstore.Mapped {
	t.Helper()
	epoch := func(column string) sqlstore.ColumnMap { return sqlstore.ColumnMap{Column: column, Time: "epoch"} }
	s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, catalog.Shop(), sqlstore.Mapping{
		Customers: sqlstore.TableMap{Table: "big_customers", Key: "id", Columns: map[string]sqlstore.ColumnMap{
			"joined": epoch("joined"), "country": {Column: "country"},
		}},
		Records: map[string]sqlstore.TableMap{
			"all_orders": {Table: "big_orders", Key: "id", Customer: "customer_id", Owned: true, Columns: map[string]sqlstore.ColumnMap{
				"placed": epoch("placed"), "total": {Column: "total", Amount: "minor"},
				"status": {Column: "status", Values: map[string]string{"done": "confirmed", "void": "cancelled"}},
			}},
			"items": {Table: "big_items", Key: "id", Customer: "customer_id", Parent: "order_id", Owned: true, Columns: map[string]sqlstore.ColumnMap{
				"product": {Column: "product_id"}, "order.placed": epoch("placed"),
			}},
		},
	}, sqlstore.MappedOptions{})
	require.NoError(t, err)
	return s
}

// how asks the engine how it would run a statement.
func how(t testing.TB, d sqlstore.Dialect, tx *sql.Tx, p sqlstore.Planned) string {
	t.Helper()
	explain := map[sqlstore.Dialect]string{sqlstore.Postgres: "EXPLAIN ", sqlstore.MySQL: "EXPLAIN ", sqlstore.SQLite: "EXPLAIN QUERY PLAN "}[d]
	rows, err := tx.QueryContext(t.Context(), explain+p.Statement.SQL, p.Statement.Args...)
	require.NoError(t, err, p.Statement.SQL)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var b strings.Builder
	for rows.Next() {
		cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(into...))
		for _, c := range cells {
			b.WriteString(c.String + " ")
		}
		b.WriteString("\n")
	}
	require.NoError(t, rows.Err())
	return b.String()
}

// On analysed tables, a rule that few records decide is answered by their index, and
// the records' table is not read whole.
func TestSelectiveRulesUseTheirIndex(t *testing.T) {
	rules := []struct {
		text    string
		indexes []string
		whole   []string // what a plan that reads a table whole would say
	}{
		{`joined within 7d and not orders(7d) >= 1`, []string{"big_joined", "big_placed"}, []string{"Seq Scan on big_customers", "Seq Scan on big_orders", "SCAN big_orders"}},
		{`orders(7d where status = "confirmed" and total >= 100) >= 1`, []string{"big_placed"}, []string{"Seq Scan on big_orders", "Seq Scan on big_customers", "SCAN big_orders"}},
		{`items(30d where product in ("17", "4711"))`, []string{"big_product"}, []string{"Seq Scan", "SCAN big_items"}},
		{`country = "KR" and last(orders) within 3d`, []string{"big_placed"}, []string{"Seq Scan on big_orders", "SCAN big_orders"}},
	}
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	for _, e := range engines() {
		if e.click != nil {
			continue // it has no indexes beside the order of a table
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			s := bigShop(t, e, db)
			for _, r := range rules {
				p, ds := c.Text(r.text, compile.Options{})
				require.False(t, ds.HasErrors(), "%v", ds)
				q := store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(bigAsOf, 0)}
				list, answers, err := s.Statements(t.Context(), q)
				require.NoError(t, err)
				require.NoError(t, answers[0].Err)
				require.Len(t, list, 1)
				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				defer tx.Rollback()
				text := how(t, e.dialect, tx, list[0])
				require.NoError(t, tx.Rollback())
				for _, index := range r.indexes {
					require.Contains(t, text, index, "%s\n%s", r.text, list[0].Statement.SQL)
				}
				for _, whole := range r.whole {
					require.NotContains(t, text, whole, "%s\n%s", r.text, list[0].Statement.SQL)
				}
				found, err := s.Select(t.Context(), q)
				require.NoError(t, err)
				require.NotZero(t, found[0].Members.Len(), r.text)
			}
			ranksAmongRules(t, s)
		})
	}
}

// PostgreSQL groups all records of a kind in the order of an index where it has one, and
// by hashing where it would sort them first; a host's transaction goes on as it was. The
// mapping itself tells what was set when a statement ran.
func TestGroupsOfAllRecordsInTheOrderOfAnIndex(t *testing.T) {
	for _, e := range engines() {
		if e.dialect != sqlstore.Postgres {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			bigShop(t, e, db)
			epoch := sqlstore.ColumnMap{Column: "placed", Time: "epoch"}
			s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, catalog.Shop(), sqlstore.Mapping{
				Customers: sqlstore.TableMap{Table: "big_customers", Key: "id", Columns: map[string]sqlstore.ColumnMap{"joined": {Column: "joined", Time: "epoch"}}},
				Records: map[string]sqlstore.TableMap{
					"all_orders": {Table: "big_orders", Key: "id", Customer: "customer_id", Owned: true, Columns: map[string]sqlstore.ColumnMap{
						"placed": epoch, "status": {SQL: "'confirmed'"}, "total": {SQL: "CASE current_setting('enable_hashagg') WHEN 'off' THEN 1 ELSE 0 END", Amount: "minor"},
					}},
				},
			}, sqlstore.MappedOptions{})
			require.NoError(t, err)
			c, err := compile.New(catalog.Shop())
			require.NoError(t, err)
			members := func(rule string) int {
				t.Helper()
				p, ds := c.Text(rule, compile.Options{})
				require.False(t, ds.HasErrors(), "%v", ds)
				answers, err := s.Select(t.Context(), store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(bigAsOf, 0)})
				require.NoError(t, err)
				require.NoError(t, answers[0].Err)
				return answers[0].Members.Len()
			}
			const all, lately = `sum(orders.total) >= 1`, `sum(orders.total, 7d) >= 1`
			require.Zero(t, members(all), "it would sort")
			for _, query := range []string{"CREATE INDEX ON big_orders (customer_id, placed)", "VACUUM ANALYZE big_orders"} {
				_, err := db.ExecContext(t.Context(), query)
				require.NoError(t, err)
			}
			require.Equal(t, bigCustomers, members(all))
			require.Zero(t, members(lately), "a short window needs no such order")

			_, err = db.ExecContext(t.Context(), "CREATE TABLE big_members (group_id TEXT, customer TEXT, PRIMARY KEY (group_id, customer))")
			require.NoError(t, err)
			p, ds := c.Text(all, compile.Options{})
			require.False(t, ds.HasErrors(), "%v", ds)
			require.NoError(t, sqlstore.InTx(t.Context(), db, e.dialect, func(tx *sql.Tx) error {
				written, err := s.WriteMembers(t.Context(), tx, store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(bigAsOf, 0)}, []string{"all"}, sqlstore.MemberTable{Name: "big_members"})
				require.NoError(t, err)
				require.EqualValues(t, bigCustomers, written[0].Count)
				var after string
				require.NoError(t, tx.QueryRowContext(t.Context(), "SHOW enable_hashagg").Scan(&after))
				require.Equal(t, "on", after)
				return nil
			}))
		})
	}
}

// ranksAmongRules compares rules that share a pass over the records they need with the
// same rules asked one by one, where each rank has a statement of its own.
func ranksAmongRules(t *testing.T, s *sqlstore.Mapped) {
	t.Helper()
	rules := []string{
		`sum(orders.total, 365d where status = "confirmed") in top 5%`,
		`orders >= 3`,
		`sum(orders.total, 365d where status = "confirmed") >= 500`,
		`orders(90d) in bottom 10%`, // nearly all of them are ties
		`orders(200d where total >= 999) in top 3`,
		`max(orders.total) in bottom 1%`,
		`orders(60d where total > 5000) in top 50%`, // nobody is ranked
		`country = "KR" and orders(100d)`,
		`distinct(orders.status) in top 1`,
		`sum(orders.total) in top 20% and country = "JP"`,
	}
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	q := store.Query{AsOf: time.Unix(bigAsOf, 0)}
	for _, rule := range rules {
		p, ds := c.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		q.Plans = append(q.Plans, p)
	}
	list, _, err := s.Statements(t.Context(), q)
	require.NoError(t, err)
	require.Len(t, list, 1, "they share a pass over the orders")
	together, err := s.Select(t.Context(), q)
	require.NoError(t, err)
	for i, rule := range rules {
		alone, err := s.Select(t.Context(), store.Query{Plans: q.Plans[i : i+1], AsOf: q.AsOf})
		require.NoError(t, err)
		require.NoError(t, together[i].Err)
		require.Equal(t, slices.Collect(alone[0].Members.All()), slices.Collect(together[i].Members.All()), rule)
		require.Equal(t, alone[0].Cuts, together[i].Cuts, rule)
	}
}
