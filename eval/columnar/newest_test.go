package columnar_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/stretchr/testify/require"
)

// What came since the last row of a kind is what eval says where the same rule
// wants that row to lie in a window: also with late rows, equal stamps, windows
// that reach too far or end too early, another filter, other answers that are
// shared, and whoever stands outside.
func TestSinceTheNewestOfAWindow(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	plans := rules.plans(t,
		`logins(30d) and orders(since last(logins)) = 0`,
		`logins(30d) >= 2 and orders(since last(logins)) >= 1`,
		`logins(400d) and not orders(since last(logins) where status = "confirmed") >= 1`,
		`visits(365d where page = "/sale") and orders(since last(visits where page = "/sale")) = 0`,
		`visits(365d where page = "/sale") and orders(since last(visits)) = 0`,
		`visits(365d) and orders(since last(visits where page = "/sale")) = 0`,
		`logins(400d ago .. 3d ago) and orders(since last(logins)) = 0`,
		`logins(30d) = 0 and orders(since last(logins)) = 0`,
		`logins(30d) <= 3 and orders(since last(logins)) = 0`,
		`logins(90d) and orders(90d) and (visits(since last(logins)) >= 1 or logins(since last(orders)) = 0)`,
		`orders(365d) and orders(since last(orders)) = 1 and visits(since last(orders)) = 0`,
		`visits(365d) and sum(orders.total, since last(visits)) >= 5_000`,
		`visits(365d) and last(orders.total, since last(visits)) >= 5_000`,
		`(logins(30d) and orders(since last(logins)) = 0) or orders(since last(logins)) >= 2`,
	)
	var seen string
	for i := range 60 {
		keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(*seed, uint64(i))), cat: cat, rows: 1 + i%9}
		customers := keeper.customers(40)
		table := load(t, cat, customers)
		env := eval.Env{AsOf: now.Add(time.Duration(keeper.IntN(3)-1) * time.Hour), Zone: zone(t, zones[i%len(zones)]), Groups: clubs{}}
		for _, s := range []*columnar.Snapshot{table.Snapshot(), compacted(t, table)} {
			requireSame(t, s, plans, customers, env, columnar.Run{})
			for _, p := range plans {
				requireSame(t, s, []*plan.Plan{p}, customers, env, columnar.Run{Workers: 1})
			}
		}
		text, err := table.Snapshot().ExplainPlan(context.Background(), plans[:1], env, columnar.Run{})
		require.NoError(t, err)
		seen += text
	}
	require.Contains(t, seen, ": since the newest of a window of 1 shards, estimated ")
}
