package columnar_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// A record is found by its key among hundreds of the customer's, whatever keys look
// like, before and after rows are listed, go, come back and are merged; and no other is.
func TestKeysAmongManyRecords(t *testing.T) {
	ctx := context.Background()
	for name, spell := range map[string]func(n int) string{
		"numbers": func(n int) string { return fmt.Sprint(n) },
		"digits":  func(n int) string { return fmt.Sprintf("%06d", n) },
		"texts":   func(n int) string { return fmt.Sprintf("k-%x", n*2654435761) },
		"both":    func(n int) string { return []string{fmt.Sprint(n), fmt.Sprint("0", n)}[n%2] },
	} {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(*seed, 31))
			table, err := columnar.New(catalog.Shop(), columnar.Options{})
			require.NoError(t, err)
			ids := []dangol.CustomerID{"a", "b", "c"}
			points := map[string]int64{} // by key
			owner := map[string]dangol.CustomerID{}
			for _, id := range ids {
				require.NoError(t, table.Write(columnar.Change{Customer: id}))
			}
			for i := range 6000 {
				key := spell(rnd.IntN(1500))
				id, known := owner[key]
				total := rnd.Int64N(1000)
				fields := map[string]catalog.Value{"total": catalog.NumberValue(total)}
				sight := table.Look(ids[i%3], "all_orders", key)
				require.Equal(t, id, sight.Owner)
				require.NotZero(t, sight.At)
				if !known {
					id = ids[i%3]
					fields["placed"] = catalog.TimeValue(now.AddDate(0, 0, -rnd.IntN(50)))
				}
				change := columnar.Change{Customer: id, Kind: "all_orders", Record: &eval.Record{Key: key, Fields: fields}, New: !known, Part: known}
				switch rnd.IntN(3) {
				case 0:
					change.At, change.Hint = sight.Spot, sight.Hint
				case 1: // a wrong hint does no harm
					change.At, change.Hint = columnar.Spot(rnd.IntN(5)), uint32(rnd.IntN(2000))
				}
				if known && rnd.IntN(4) == 0 {
					change.Part, change.Gone = false, true
					delete(points, key)
					delete(owner, key)
				} else {
					points[key], owner[key] = total, id
				}
				require.NoError(t, table.Write(change))
				if i%1999 == 1998 {
					require.NoError(t, table.Compact(ctx, true))
				}
			}
			count := map[dangol.CustomerID]int{}
			for key, id := range owner {
				count[id]++
				r := table.Record(id, "all_orders", key, 0)
				require.NotNil(t, r, key)
				require.Equal(t, points[key], r.Fields["total"].Int(), key)
				require.Nil(t, table.Record(ids[(slices.Index(ids, id)+1)%3], "all_orders", key, 0))
			}
			for _, id := range slices.Sorted(maps.Keys(count)) {
				require.Greater(t, count[id], 100)
				require.Equal(t, count[id], table.Count(id, "all_orders"))
			}
		})
	}
}
