package integration_test

import (
	"database/sql"
	"testing"
	"time"

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
