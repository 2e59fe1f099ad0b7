package integration_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// MariaDB runs a statement that is the only one outside of a transaction. However its
// connections are set up, it sees what was committed before, nothing that was not, and
// leaves no transaction behind.
func TestLoneStatementSeesWhatIsCommitted(t *testing.T) {
	m := servers.MariaDB(t)
	write := m.Open(t)
	for _, query := range []string{
		"CREATE TABLE few (id BIGINT NOT NULL PRIMARY KEY, country VARCHAR(2) NOT NULL)",
		"INSERT INTO few SELECT seq, 'KR' FROM seq_1_to_100",
	} {
		_, err := write.Exec(query)
		require.NoError(t, err, query)
	}
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	p, ds := c.Text(`country = "JP"`, compile.Options{})
	require.False(t, ds.HasErrors(), "%v", ds)
	q := store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(bigAsOf, 0)}
	over := func(set string) (*sql.DB, *sqlstore.Mapped) {
		read := poolOf(t, m.Driver, m.DSN+set)
		read.SetMaxOpenConns(1)
		s, err := sqlstore.OpenMapped(t.Context(), read, sqlstore.MySQL, catalog.Shop(), sqlstore.Mapping{
			Customers: sqlstore.TableMap{Table: "few", Key: "id", Columns: map[string]sqlstore.ColumnMap{"country": {Column: "country"}}},
		}, sqlstore.MappedOptions{})
		require.NoError(t, err)
		return read, s
	}
	for name, set := range map[string]string{
		"as it comes":     "",
		"serializable":    "&tx_isolation=%27SERIALIZABLE%27",
		"committed reads": "&tx_isolation=%27READ-COMMITTED%27",
		"dirty reads":     "&tx_isolation=%27READ-UNCOMMITTED%27",
	} {
		read, s := over(set)
		members := func() int {
			answers, err := s.Select(t.Context(), q)
			require.NoError(t, err, name)
			require.NoError(t, answers[0].Err, name)
			return answers[0].Members.Len()
		}
		require.Zero(t, members(), name)
		tx, err := write.Begin()
		require.NoError(t, err)
		_, err = tx.Exec("UPDATE few SET country = 'JP' WHERE id <= 30")
		require.NoError(t, err)
		require.Zero(t, members(), name)
		require.NoError(t, tx.Commit())
		require.Equal(t, 30, members(), name)
		_, err = write.Exec("UPDATE few SET country = 'KR'")
		require.NoError(t, err, name)
		require.Zero(t, members(), name)
		open := 0
		require.NoError(t, write.QueryRow("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> CONNECTION_ID() AND trx_mysql_thread_id IN (SELECT id FROM information_schema.processlist WHERE db = DATABASE())").Scan(&open))
		require.Zero(t, open, name)
		require.NoError(t, read.Close())
	}
	// A connection that is within a transaction from its first statement on would answer
	// from an old state. It is refused.
	_, s := over("&autocommit=0")
	_, err = s.Select(t.Context(), q)
	require.ErrorContains(t, err, "1568")
}

// PostgreSQL runs such a statement outside of a transaction where the pool's connections
// are set up for it, and within one where they are not, or where the statement wants more
// settings. Either way it sees what is committed and leaves no transaction behind.
func TestLoneStatementOnPostgreSQL(t *testing.T) {
	server := servers.Postgres(t)
	write := server.Open(t)
	for _, query := range []string{
		"CREATE TABLE few (id BIGINT NOT NULL PRIMARY KEY, country TEXT NOT NULL)",
		"CREATE TABLE bought (customer BIGINT NOT NULL, at BIGINT NOT NULL, status TEXT NOT NULL)",
		"INSERT INTO few SELECT n, 'KR' FROM generate_series(0, 99) n",
		"INSERT INTO bought SELECT n % 40, 1000000, 'paid' FROM generate_series(1, 80) n",
	} {
		_, err := write.Exec(query)
		require.NoError(t, err, query)
	}
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	ask := func(rules ...string) (q store.Query) {
		q.AsOf = time.Unix(bigAsOf, 0)
		for _, rule := range rules {
			p, ds := c.Text(rule, compile.Options{})
			require.False(t, ds.HasErrors(), "%v", ds)
			q.Plans = append(q.Plans, p)
		}
		return q
	}
	const isolation = "current_setting('transaction_isolation')" // REPEATABLE READ in a transaction of the library's
	for name, of := range map[string]struct {
		set   string
		alone bool
	}{
		"as it comes":  {"", false},
		"one of two":   {"&jit=off", false},
		"set up":       {planned, true},
		"serializable": {planned + "&default_transaction_isolation=serializable", false},
	} {
		t.Run(name, func(t *testing.T) {
			read := poolOf(t, server.Driver, server.DSN+of.set)
			read.SetMaxOpenConns(1)
			s, err := sqlstore.OpenMapped(t.Context(), read, sqlstore.Postgres, catalog.Shop(), sqlstore.Mapping{
				Customers: sqlstore.TableMap{Table: "few", Key: "id", Columns: map[string]sqlstore.ColumnMap{
					"country": {Column: "country"},
					"grade":   {SQL: "(CASE WHEN {t}.id >= 0 THEN " + isolation + " END)"},
				}},
				Records: map[string]sqlstore.TableMap{"all_orders": {Table: "bought", Key: "customer", Customer: "customer", Owned: true, Columns: map[string]sqlstore.ColumnMap{
					"placed": {Column: "at", Time: "epoch"}, "status": {Column: "status"},
					"channel": {SQL: "(CASE WHEN {t}.customer >= 0 THEN " + isolation + " END)"},
				}}},
			}, sqlstore.MappedOptions{})
			require.NoError(t, err)
			count := func(rules ...string) (out []int) {
				answers, err := s.Select(t.Context(), ask(rules...))
				require.NoError(t, err)
				for _, a := range answers {
					require.NoError(t, a.Err)
					out = append(out, a.Members.Len())
				}
				for i, members := range streamed(t, s, ask(rules...)) {
					require.Len(t, members, out[i])
				}
				return out
			}
			repeatable := `grade = "repeatable read"`
			require.Equal(t, map[bool]int{true: 0, false: 100}[of.alone], count(repeatable)[0])
			require.Equal(t, []int{100, 0}, count(repeatable, `country = "JP"`), "two rules read one state")
			require.Equal(t, 40, count(`orders(where channel = "repeatable read") >= 2`)[0], "all orders are grouped, for which the planner is asked")
			tx, err := write.Begin()
			require.NoError(t, err)
			_, err = tx.Exec("UPDATE few SET country = 'JP' WHERE id < 30")
			require.NoError(t, err)
			require.Zero(t, count(`country = "JP"`)[0])
			require.NoError(t, tx.Commit())
			require.Equal(t, 30, count(`country = "JP"`)[0])
			_, err = write.Exec("UPDATE few SET country = 'KR'")
			require.NoError(t, err)
			open := 0
			require.NoError(t, write.QueryRow("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'").Scan(&open))
			require.Zero(t, open)
			var hashes string
			require.NoError(t, read.QueryRow("SHOW enable_hashagg").Scan(&hashes))
			require.Equal(t, "on", hashes)
		})
	}
}

// Where a statement repeats customers whose ids are integers, each is a member once.
func TestCustomersOfSeveralRecordsAreMembersOnce(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	for _, e := range engines() {
		if e.click != nil {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			db := e.start(t)
			for _, query := range []string{
				"CREATE TABLE whom (id BIGINT NOT NULL PRIMARY KEY)",
				"CREATE TABLE bought (customer BIGINT NOT NULL, placed BIGINT NOT NULL, product VARCHAR(20) NOT NULL)",
				"INSERT INTO whom VALUES (7), (70), (71), (-3)",
				fmt.Sprintf("INSERT INTO bought VALUES (70, %[1]d, 'A'), (7, %[1]d, 'A'), (70, %[1]d, 'B'), (-3, %[1]d, 'A'), (70, %[1]d, 'A'), (71, %[1]d, 'C'), (7, %[1]d, 'B')", bigAsOf-86400),
			} {
				_, err := db.Exec(query)
				require.NoError(t, err, query)
			}
			s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, catalog.Shop(), sqlstore.Mapping{
				Customers: sqlstore.TableMap{Table: "whom", Key: "id"},
				Records: map[string]sqlstore.TableMap{"items": {Table: "bought", Key: "customer", Customer: "customer", Parent: "customer", Owned: true, Columns: map[string]sqlstore.ColumnMap{
					"order.placed": {Column: "placed", Time: "epoch"}, "order.status": {SQL: "'paid'"}, "product": {Column: "product"},
				}}},
			}, sqlstore.MappedOptions{})
			require.NoError(t, err)
			for _, rule := range []string{`items(90d where product in ("A", "B"))`, `items(where product in ("A", "B"))`, `items(90d) >= 1 and items(90d where product in ("A", "B"))`} {
				p, ds := c.Text(rule, compile.Options{})
				require.False(t, ds.HasErrors(), "%v", ds)
				q := store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(bigAsOf, 0)}
				answers, err := s.Select(t.Context(), q)
				require.NoError(t, err)
				require.NoError(t, answers[0].Err)
				want := []dangol.CustomerID{"-3", "7", "70"}
				require.Equal(t, want, slices.Collect(answers[0].Members.All()), rule)
				require.Equal(t, want, streamed(t, s, q)[0], rule)
			}
		})
	}
}
