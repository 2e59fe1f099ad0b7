package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// What a Matcher fetches before it asks is only a hint: it is out of date once
// customers came, rows were listed anew, or most of both went, and answers do not
// depend on it. Customers are asked about between all of these, often enough for hints
// to be looked at again in the middle.
func TestHintsMayBeOutOfDate(t *testing.T) {
	cat := catalog.Shop()
	keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(*seed, 7001)), cat: cat, rows: 6}
	customers := keeper.customers(10)
	table := load(t, cat, customers)
	plans := newRules(t, cat).plans(t, `orders(365d where status = "confirmed") >= 1`, `items(365d where category = "shoes") >= 1`,
		`visits(365d) >= 3 and orders(since last(logins)) = 0`, `sum(orders.total, 365d where status = "confirmed") >= 1000`)
	env := eval.Env{AsOf: now, Groups: clubs{}}
	m, err := table.Matcher(plans, env)
	require.NoError(t, err)
	ask := func() { requireAnswers(t, m, plans, customers, env) }
	ask()
	for range 120 { // customers beyond those whose columns are known
		customers = append(customers, keeper.customer())
		require.NoError(t, table.Put(customers[len(customers)-1]))
	}
	ask()
	table.Snapshot() // from here on, what changes is copied
	old := customers[0]
	for i := range 5000 { // so many rows that they are listed anew
		visit := &eval.Record{Key: fmt.Sprint("new", i), Fields: map[string]catalog.Value{"at": catalog.TimeValue(now.AddDate(0, 0, -i%100))}}
		old.Records["visits"] = append(old.Records["visits"], visit)
		require.NoError(t, table.Write(columnar.Change{Customer: old.ID, Kind: "visits", Record: visit, New: true}))
	}
	ask()
	ask()
	for _, c := range customers[:100] {
		table.Delete(c.ID)
	}
	customers = customers[100:]
	require.NoError(t, table.Compact(context.Background(), true))
	for range 5 {
		ask()
	}
}
