package memstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// orderly is a store by columns and one by eval with n customers of twenty orders each.
func orderly(t *testing.T, n int) (fast, slow *memstore.Store) {
	slow, err := memstore.New(catalog.Shop(), memstore.Options{ByEval: true})
	require.NoError(t, err)
	fast = open(t)
	t.Cleanup(fast.Close)
	var changes []store.Change
	for i := range n {
		id := dangol.CustomerID(fmt.Sprint("c", i))
		changes = append(changes, store.Change{Customer: id})
		for j := range 20 {
			changes = append(changes, store.Change{Customer: id, Kind: "all_orders", Key: fmt.Sprint(i*20 + j), Fields: map[string]catalog.Value{
				"placed": catalog.TimeValue(noon.AddDate(0, 0, -j)), "status": catalog.StringValue("placed"), "total": catalog.NumberValue(int64(j)),
			}})
		}
	}
	require.NoError(t, fast.Apply(t.Context(), changes...))
	require.NoError(t, slow.Apply(t.Context(), changes...))
	return fast, slow
}

func someRules(t *testing.T, texts ...string) (plans []*plan.Plan) {
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	for _, text := range texts {
		p, ds := rules.Text(text, compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		plans = append(plans, p)
	}
	return plans
}

// set is a change of an order of one of n customers from one on; it may name whose.
func set(rnd *rand.Rand, first, n int) store.Change {
	order := first*20 + rnd.IntN(n*20)
	c := store.Change{Op: store.Set, Kind: "all_orders", Key: fmt.Sprint(order), Fields: map[string]catalog.Value{}}
	if rnd.IntN(2) == 0 {
		c.Customer = dangol.CustomerID(fmt.Sprint("c", order/20))
	}
	switch rnd.IntN(10) {
	case 0:
		c.Fields["status"] = catalog.Missing
	case 1: // it moves in time
		c.Fields["placed"] = catalog.TimeValue(noon.AddDate(0, 0, -rnd.IntN(30)))
	case 2:
		c.Fields["total"] = catalog.NumberValue(rnd.Int64N(40))
		fallthrough
	default:
		c.Fields["status"] = catalog.StringValue([]string{"confirmed", "cancelled", "placed"}[rnd.IntN(3)])
	}
	return c
}

// Whoever holds a state keeps it while a thousand orders change their status, one by
// one and together.
func TestStatusChangesLeaveEarlierStates(t *testing.T) {
	const n = 40
	ctx := t.Context()
	rnd := rand.New(rand.NewPCG(4, 2))
	fast, slow := orderly(t, n)
	plans := someRules(t, `orders(7d where status = "confirmed") >= 2`, `sum(orders.total, 20d where status != "placed") >= 60`, `orders(30d) >= 15`)
	m, err := fast.Matcher(ctx, plans, eval.Env{})
	require.NoError(t, err)
	type held struct {
		reader *memstore.Reader
		places []memstore.Place
		want   [][]bool
	}
	var all []held
	ask := func(r *memstore.Reader, p memstore.Place) []bool {
		in := make([]bool, len(plans))
		require.NoError(t, r.Matches(p, in))
		return in
	}
	for i := range 1000 {
		batch := []store.Change{set(rnd, 0, n)}
		for rnd.IntN(10) == 0 {
			batch = append(batch, set(rnd, 0, n), batch[0])
		}
		require.NoError(t, fast.Apply(ctx, batch...))
		require.NoError(t, slow.Apply(ctx, batch...))
		if i%100 != 50 {
			continue
		}
		h := held{reader: m.Reader(noon)}
		require.NoError(t, slow.Each(ctx, func(c *eval.Customer) error {
			p, ok := h.reader.Find(c.ID)
			require.True(t, ok)
			got := ask(h.reader, p)
			for j, pl := range plans {
				want, err := eval.Eval(pl, c, eval.Env{AsOf: noon})
				require.NoError(t, err)
				require.Equal(t, want, got[j], "%s of %s", pl.Text, c.ID)
			}
			h.places, h.want = append(h.places, p), append(h.want, got)
			return nil
		}))
		all = append(all, h)
	}
	for _, h := range all {
		for i, p := range h.places {
			require.Equal(t, h.want[i], ask(h.reader, p))
		}
	}
	requireSameStores(t, fast, slow, cmp.Options{cmp.Comparer(catalog.Value.Equal)})
	requireSame(t, fast, slow, store.Query{Plans: plans, AsOf: noon})
}

// A batch whose last change is refused leaves everything as it was, however many good
// ones stand before it; without that one, it is made.
func TestBatchThatFailsAtItsEnd(t *testing.T) {
	const n = 30
	ctx := t.Context()
	same := cmp.Options{cmp.Comparer(catalog.Value.Equal)}
	fast, slow := orderly(t, n)
	rnd := rand.New(rand.NewPCG(7, 7))
	text := map[string]catalog.Value{"status": catalog.StringValue("placed")}
	bad := []store.Change{
		{Customer: "nobody", Kind: "visits", Key: "v"},
		{Op: store.Set, Customer: "nobody", Fields: map[string]catalog.Value{}},
		{Op: store.Set, Kind: "all_orders", Key: "no such", Fields: text},
		{Op: store.Set, Kind: "all_orders", Key: "599", Fields: map[string]catalog.Value{"total": catalog.StringValue("much")}},
		{Op: store.Set, Kind: "all_orders", Key: "599", Fields: map[string]catalog.Value{"colour": catalog.StringValue("red")}},
		{Op: store.Set, Customer: "c1", Kind: "all_orders", Key: "599", Fields: text},
		{Customer: "c1", Kind: "all_orders", Key: "599", Fields: text},
		{Customer: "c29", Kind: "items", Key: "i", Parent: "no such"},
		{Op: store.Merge, Customer: "nobody", From: "c29"},
	}
	for round, last := range bad {
		var batch []store.Change
		for range 300 {
			batch = append(batch, set(rnd, 10, 10))
		}
		from, to := dangol.CustomerID(fmt.Sprint("c", round)), dangol.CustomerID(fmt.Sprint("c", 20+round%5))
		order := fmt.Sprint(round * 20) // of from
		batch = append(batch,
			store.Change{Op: store.Set, Kind: "all_orders", Key: order, Fields: text},
			store.Change{Op: store.Merge, Customer: to, From: from},
			store.Change{Op: store.Set, Kind: "all_orders", Key: order, Fields: map[string]catalog.Value{"total": catalog.NumberValue(77)}},
			store.Change{Customer: from},
			store.Change{Customer: from, Kind: "all_orders", Key: fmt.Sprint("new ", round), Fields: text},
			store.Change{Op: store.Delete, Kind: "all_orders", Key: fmt.Sprint(round*20 + 1)},
		)
		before := dump(t, fast)
		got, want := fast.Apply(ctx, append(slices.Clone(batch), last)...), slow.Apply(ctx, append(slices.Clone(batch), last)...)
		require.Error(t, want)
		require.Equal(t, want, got)
		require.Empty(t, cmp.Diff(before, dump(t, fast), same))
		require.NoError(t, fast.Apply(ctx, batch...))
		require.NoError(t, slow.Apply(ctx, batch...))
		requireSameStores(t, fast, slow, same)
	}
}
