package memstore_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// The store keeps its promises on the slow path too.
func TestConformanceByEval(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{ByEval: true})
		require.NoError(t, err)
		return s
	})
}

// Both paths give the same members, cuts and errors, change after change: the
// columns follow what the state has become.
func TestColumnsFollowTheState(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(30) {
		w := rulegen.New(seed)
		fast, err := memstore.New(w.Catalog, memstore.Options{})
		require.NoError(t, err)
		slow, err := memstore.New(w.Catalog, memstore.Options{ByEval: true})
		require.NoError(t, err)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		var plans []*plan.Plan
		for range 6 {
			rule := w.Rule(plan.Both)
			if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
				plans = append(plans, p)
			}
		}
		q := store.Query{Plans: plans, AsOf: w.AsOf, Zone: w.Zone, Groups: w.Groups}
		changes := w.Changes()
		for len(changes) > 0 {
			n := min(len(changes), 1+len(changes)/3)
			require.NoError(t, fast.Apply(ctx, changes[:n]...))
			require.NoError(t, slow.Apply(ctx, changes[:n]...))
			changes = changes[n:]
			requireSame(t, fast, slow, q)
		}
		for i, customer := range w.Customers {
			if i%3 == 0 {
				gone := store.Change{Op: store.Delete, Customer: customer.ID}
				require.NoError(t, fast.Apply(ctx, gone))
				require.NoError(t, slow.Apply(ctx, gone))
			}
		}
		requireSame(t, fast, slow, q)
	}
}

func requireSame(t *testing.T, fast, slow store.Store, q store.Query) {
	t.Helper()
	got, err := fast.Select(context.Background(), q)
	require.NoError(t, err)
	want, err := slow.Select(context.Background(), q)
	require.NoError(t, err)
	for i := range q.Plans {
		require.Equal(t, want[i].Err == nil, got[i].Err == nil)
		if want[i].Err != nil {
			continue
		}
		require.Equal(t, slices.Collect(want[i].Members.All()), slices.Collect(got[i].Members.All()), q.Plans[i].Text)
		require.Equal(t, want[i].Cuts, got[i].Cuts)
	}
}

// Pages split, empty and move while readers select: every answer is of one state.
func TestSelectDuringChanges(t *testing.T) {
	ctx := context.Background()
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	even, ds := c.Text(`points = 0`, compile.Options{})
	require.False(t, ds.HasErrors())
	odd, ds := c.Text(`points = 1`, compile.Options{})
	require.False(t, ds.HasErrors())
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	const n = 2000
	all := func(points int64) []store.Change {
		var out []store.Change
		for i := range n {
			out = append(out, store.Change{Customer: dangol.CustomerID(fmt.Sprint(i)), Fields: map[string]catalog.Value{"points": catalog.NumberValue(points)}})
		}
		return out
	}
	require.NoError(t, s.Apply(ctx, all(0)...))
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for range 20 {
				answers, err := s.Select(ctx, store.Query{Plans: []*plan.Plan{even, odd}, AsOf: now})
				if err != nil {
					t.Error(err)
					return
				}
				a, b := answers[0].Members.Len(), answers[1].Members.Len()
				if a+b != n || a != 0 && b != 0 {
					t.Errorf("%d and %d of %d: half of a change", a, b, n)
				}
			}
		})
	}
	for i := range int64(10) {
		require.NoError(t, s.Apply(ctx, all((i+1)%2)...))
	}
	readers.Wait()
}

// One customer at a time, change after change: as package eval.
func TestMatcherFollowsTheState(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(15) {
		w := rulegen.New(seed)
		s, err := memstore.New(w.Catalog, memstore.Options{})
		require.NoError(t, err)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		var plans []*plan.Plan
		for range 6 {
			rule := w.Rule(plan.Both)
			if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() && len(eval.Ranks(p)) == 0 {
				plans = append(plans, p)
			}
		}
		m, err := s.Matcher(ctx, plans, w.Env())
		require.NoError(t, err)
		in := make([]bool, len(plans))
		require.ErrorIs(t, m.Matches(ctx, "nobody at all", w.AsOf, in), store.ErrNotFound)
		changes := w.Changes()
		for len(changes) > 0 {
			n := min(len(changes), 1+len(changes)/3)
			require.NoError(t, s.Apply(ctx, changes[:n]...))
			changes = changes[n:]
			require.NoError(t, s.Each(ctx, func(c *eval.Customer) error {
				require.NoError(t, m.Matches(ctx, c.ID, w.AsOf, in))
				for i, p := range plans {
					want, err := eval.Eval(p, c, w.Env())
					require.NoError(t, err)
					require.Equal(t, want, in[i], "%s of %s", p.Text, c.ID)
				}
				return nil
			}))
		}
	}
}
