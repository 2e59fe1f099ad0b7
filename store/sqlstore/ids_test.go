package sqlstore_test

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// Ids of a column of integers are their texts, and so is what else SQLite takes there:
// selected, streamed, ranked and written inside the database.
func TestIDsOfAColumnOfIntegers(t *testing.T) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(t.TempDir()+"/shop.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, query := range []string{
		"CREATE TABLE customers (id INTEGER, country TEXT)",
		"CREATE TABLE orders (id INTEGER, customer INTEGER, placed INTEGER)",
		"CREATE TABLE members (group_id TEXT, customer TEXT, PRIMARY KEY (group_id, customer))",
		"INSERT INTO customers VALUES (7, 'KR'), (70, 'KR'), (-7, 'KR'), (6, 'JP'), ('x7', 'KR'), (1.5, 'KR'), (9223372036854775807, 'KR'), (-9223372036854775808.0, 'KR'), (1e19, 'KR'), ('7x', 'KR'), (x'3738', 'KR'), ('', 'KR')",
		"INSERT INTO orders SELECT 1, id, 1790000000 FROM customers",
	} {
		_, err := db.Exec(query)
		require.NoError(t, err, query)
	}
	s, err := sqlstore.OpenMapped(t.Context(), db, sqlstore.SQLite, catalog.Shop(), sqlstore.Mapping{
		Customers: sqlstore.TableMap{Table: "customers", Key: "id", Columns: map[string]sqlstore.ColumnMap{"country": {Column: "country"}}},
		Records: map[string]sqlstore.TableMap{
			"all_orders": {Table: "orders", Key: "id", Customer: "customer", Owned: true, Columns: map[string]sqlstore.ColumnMap{
				"placed": {Column: "placed", Time: "epoch"}, "status": {SQL: "'confirmed'"},
			}},
		},
	}, sqlstore.MappedOptions{})
	require.NoError(t, err)
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	all := []dangol.CustomerID{"", "-7", "-9.2233720368547758e+18", "1.0e+19", "1.5", "6", "7", "70", "78", "7x", "9223372036854775807", "x7"}
	korean := slices.DeleteFunc(slices.Clone(all), func(id dangol.CustomerID) bool { return id == "6" })
	for text, want := range map[string][]dangol.CustomerID{
		`country = "KR"`:                korean,
		`orders(30d) >= 1`:              all,
		`orders in top 1`:               all,
		`country = "KR" and orders(7d)`: korean,
	} {
		p, ds := c.Text(text, compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		q := store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(1790000001, 0)}
		for n := range 3 { // alone, and beside itself
			answers, err := s.Select(t.Context(), q)
			require.NoError(t, err)
			streamed := make([][]dangol.CustomerID, len(answers))
			_, err = s.SelectEach(t.Context(), q, func(plan int, id dangol.CustomerID) error {
				streamed[plan] = append(streamed[plan], id)
				return nil
			})
			require.NoError(t, err)
			for i, a := range answers {
				require.NoError(t, a.Err)
				require.Empty(t, cmp.Diff(want, slices.Collect(a.Members.All())), text)
				require.Empty(t, cmp.Diff(want, slices.Sorted(slices.Values(streamed[i]))), text)
			}
			q.Plans = append(q.Plans, q.Plans[n])
		}
		q.Plans = q.Plans[:1]
		err := sqlstore.InTx(t.Context(), db, sqlstore.SQLite, func(tx *sql.Tx) error {
			written, err := s.WriteMembers(t.Context(), tx, q, []string{text}, sqlstore.MemberTable{Name: "members"})
			if err == nil {
				require.EqualValues(t, len(want), written[0].Count)
			}
			return err
		})
		require.NoError(t, err)
		rows, err := db.Query("SELECT customer FROM members WHERE group_id = ? ORDER BY customer", text)
		require.NoError(t, err)
		var got []dangol.CustomerID
		for rows.Next() {
			var id string
			require.NoError(t, rows.Scan(&id))
			got = append(got, dangol.CustomerID(id))
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		require.Empty(t, cmp.Diff(want, got), text)
	}
}
