package columnar

import (
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A shard that is never left alone is merged while writers wait. Snapshots from
// before stay what they were, also when it is written again.
func TestCompactWhileWritersWait(t *testing.T) {
	table, err := New(catalog.Shop(), Options{})
	require.NoError(t, err)
	customer := func(i, rows int) *eval.Customer {
		c := &eval.Customer{ID: dangol.CustomerID(fmt.Sprint(i)), Attributes: map[string]catalog.Value{}, Records: map[string][]*eval.Record{}}
		for r := range rows {
			at := time.Date(2026, 1, 1, 0, i*r%97, 0, 0, time.UTC)
			c.Records["visits"] = append(c.Records["visits"], &eval.Record{Key: fmt.Sprint(i*10 + r), Fields: map[string]catalog.Value{"at": catalog.TimeValue(at)}})
			order := &eval.Record{Key: fmt.Sprint(i*10 + r), Fields: map[string]catalog.Value{"placed": catalog.TimeValue(at), "total": catalog.NumberValue(int64(i))}}
			c.Records["all_orders"] = append(c.Records["all_orders"], order)
			c.Records["items"] = append(c.Records["items"], &eval.Record{Key: order.Key, Parent: order, Fields: map[string]catalog.Value{}})
		}
		return c
	}
	now := func(s *Snapshot) (out []*eval.Customer) {
		require.NoError(t, s.Each(func(c *eval.Customer) error {
			out = append(out, c)
			return nil
		}))
		return out
	}
	same := cmp.Comparer(catalog.Value.Equal)
	for i := range 60 {
		require.NoError(t, table.Put(customer(i+1, 3)))
	}
	for round := range 5 {
		before := table.Snapshot()
		was := now(before)
		require.True(t, table.compact(0, true, true))
		require.Equal(t, 0, table.shards[0].logs[table.schema.kind["visits"]].gone)
		require.Empty(t, cmp.Diff(was, now(table.Snapshot()), same))
		for i := range 20 {
			require.NoError(t, table.Put(customer(i+1, (round+i)%4+1)))
		}
		table.Delete(dangol.CustomerID(fmt.Sprint(30 + round)))
		require.NoError(t, table.Put(customer(70+round, 2)))
		require.Empty(t, cmp.Diff(was, now(before), same))
	}
}
