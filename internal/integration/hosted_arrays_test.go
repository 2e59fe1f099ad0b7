package integration_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// Where more customers are members, or ranked, than ClickHouse is asked to put into one
// array, nobody is missing and nobody is there twice.
func TestMoreCustomersThanAnArrayHolds(t *testing.T) {
	const customers, end = 1<<23 + 2, 1_795_000_000
	list := clickHouses()
	for _, e := range []engine{list[0], list[3]} {
		t.Run(e.name, func(t *testing.T) {
			db := e.start(t)
			n := strconv.Itoa(customers)
			for _, view := range []string{
				"many AS SELECT toInt64(number) AS id, toUInt32(number) AS points, toInt64(1) AS joined FROM numbers(" + n + ")",
				"once AS SELECT toInt64(number) AS customer, toInt64(" + strconv.Itoa(end-9) + ") AS at FROM numbers(" + n + ")",
			} {
				_, err := db.ExecContext(t.Context(), "CREATE VIEW "+view)
				require.NoError(t, err)
			}
			s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, catalog.Shop(), sqlstore.Mapping{
				Customers: sqlstore.TableMap{Table: "many", Key: "id", Columns: map[string]sqlstore.ColumnMap{"joined": {Column: "joined", Time: "epoch"}, "points": {Column: "points"}}},
				Records: map[string]sqlstore.TableMap{"visits": {Table: "once", Key: "at", Customer: "customer", Owned: true,
					Columns: map[string]sqlstore.ColumnMap{"at": {Column: "at", Time: "epoch"}}}},
			}, sqlstore.MappedOptions{})
			require.NoError(t, err)
			c, err := compile.New(catalog.Shop())
			require.NoError(t, err)
			for _, one := range []struct {
				rule string
				want int
			}{
				{"visits(90d) >= 1", customers}, // the late are told beside the array
				{"points < 8388608", 1 << 23},   // the array leaves them out, and is full
				{"points in top 0.0001%", 9},    // more are ranked than an array holds
			} {
				p, ds := c.Text(one.rule, compile.Options{})
				require.False(t, ds.HasErrors(), "%v", ds)
				answers, err := s.Select(t.Context(), store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(end, 0), Zone: time.UTC})
				require.NoError(t, err)
				require.NoError(t, answers[0].Err)
				members := answers[0].Members
				require.Equal(t, one.want, members.Len(), one.rule)
				last := dangol.CustomerID("")
				for id := range members.All() {
					if id <= last {
						t.Fatalf("%s: %s after %s", one.rule, id, last)
					}
					last = id
				}
			}
		})
	}
}
