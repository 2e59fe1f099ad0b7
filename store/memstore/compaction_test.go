package memstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// churn makes changes of every sort: late rows, orders whose status changes, rows
// and customers that go, guests who turn out to be somebody.
type churn struct {
	*rand.Rand
	next int
	all  map[dangol.CustomerID][]string // whose orders
}

func (c *churn) changes(n int) []store.Change {
	var out []store.Change
	at := func() catalog.Value { return catalog.TimeValue(noon.Add(-time.Duration(c.IntN(1000)) * time.Hour)) }
	for range n {
		c.next++
		id := dangol.CustomerID(fmt.Sprint("c", c.IntN(400)))
		key := fmt.Sprint(c.next)
		orders, there := c.all[id]
		switch op := c.IntN(20); {
		case !there:
			c.all[id] = nil
			out = append(out, store.Change{Customer: id, Guest: c.IntN(5) == 0})
		case op == 0:
			delete(c.all, id)
			out = append(out, store.Change{Op: store.Delete, Customer: id})
		case op == 1:
			for other, more := range c.all {
				if other != id {
					c.all[id] = append(orders, more...)
					delete(c.all, other)
					out = append(out, store.Change{Op: store.Merge, Customer: id, From: other})
					break
				}
			}
		case op < 4 && len(orders) > 0:
			out = append(out, store.Change{Op: store.Set, Kind: "all_orders", Key: orders[c.IntN(len(orders))],
				Fields: map[string]catalog.Value{"status": catalog.StringValue([]string{"confirmed", "cancelled"}[c.IntN(2)])}})
		case op < 5 && len(orders) > 0:
			out = append(out, store.Change{Op: store.Delete, Kind: "all_orders", Key: orders[0]})
			c.all[id] = orders[1:]
		case op < 12:
			c.all[id] = append(orders, key)
			out = append(out, store.Change{Customer: id, Kind: "all_orders", Key: key,
				Fields: map[string]catalog.Value{"placed": at(), "total": catalog.NumberValue(int64(c.IntN(50_000))), "status": catalog.StringValue("placed")}},
				store.Change{Customer: id, Kind: "items", Key: key, Parent: key, Fields: map[string]catalog.Value{"product": catalog.StringValue(fmt.Sprint("p", c.IntN(9)))}})
		default:
			out = append(out, store.Change{Customer: id, Kind: "visits", Key: key, Fields: map[string]catalog.Value{"at": at()}})
		}
	}
	return out
}

// While customers come, change and go, and columns are compacted in the background,
// every answer is of one state; at the end the columns say what the changes said,
// and nothing is left running.
func TestCompactionInTheBackground(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx := context.Background()
	fast, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	slow, err := memstore.New(catalog.Shop(), memstore.Options{ByEval: true})
	require.NoError(t, err)
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	var plans []*plan.Plan
	for _, text := range []string{
		`visits(7d) >= 2`, `not (visits(7d) >= 2)`, `orders(20d where status = "confirmed") >= 1`, `items(30d where product = "p1")`,
		`sum(orders.total, 30d) in top 20%`, `last(visits) within 10d`,
	} {
		p, ds := rules.Text(text, compile.Options{Scope: plan.Both})
		require.False(t, ds.HasErrors(), "%v", ds)
		plans = append(plans, p)
	}
	q := store.Query{Plans: plans, AsOf: noon}
	m, err := fast.Matcher(ctx, plans[:4], eval.Env{})
	require.NoError(t, err)

	c := &churn{Rand: rand.New(rand.NewPCG(1, 1)), all: map[dangol.CustomerID][]string{}}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			in := make([]bool, 4)
			for {
				select {
				case <-done:
					return
				default:
				}
				answers, err := fast.Select(ctx, q)
				if err != nil {
					t.Error(err)
					return
				}
				for id := range answers[0].Members.All() {
					if answers[1].Members.Contains(id) {
						t.Error("in and out at once")
					}
					if err := m.Matches(ctx, id, noon, in); err == nil && in[0] == in[1] {
						t.Error("one customer in and out at once")
					}
					break
				}
			}
		})
	}
	for range 60 {
		changes := c.changes(100)
		require.NoError(t, fast.Apply(ctx, changes...))
		require.NoError(t, slow.Apply(ctx, changes...))
	}
	close(done)
	readers.Wait()
	requireSame(t, fast, slow, q)
	fast.Close()
	require.NoError(t, fast.Apply(ctx, store.Change{Customer: "after"}))
	require.NoError(t, slow.Apply(ctx, store.Change{Customer: "after"}))
	requireSame(t, fast, slow, q)
	fast.Close() // again, which does nothing
}
