package memstore_test

import (
	"context"
	"fmt"
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
	"github.com/stretchr/testify/require"
)

// A Reader answers as package eval over the state in which it was made, of everybody
// who was there then, whatever is applied afterwards.
func TestReaderStaysWithItsState(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(24) {
		w := rulegen.New(500 + seed)
		s, err := memstore.New(w.Catalog, memstore.Options{ByEval: seed%4 == 3})
		require.NoError(t, err)
		defer s.Close()
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		var plans []*plan.Plan
		for range 8 {
			rule := w.Rule(plan.Both)
			if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() && len(eval.Ranks(p)) == 0 {
				plans = append(plans, p)
			}
		}
		if len(plans) == 0 {
			continue
		}
		m, err := s.Matcher(ctx, plans, w.Env())
		require.NoError(t, err)
		changes := w.Changes()
		for _, customer := range w.Customers[:len(w.Customers)/2] {
			changes = append(changes, store.Change{Op: store.Delete, Customer: customer.ID})
		}
		for len(changes) > 0 {
			reader := m.Reader(w.AsOf)
			was := map[dangol.CustomerID]*eval.Customer{}
			require.NoError(t, s.Each(ctx, func(c *eval.Customer) error { was[c.ID] = c; return nil }))
			n := min(len(changes), 1+len(changes)/3)
			require.NoError(t, s.Apply(ctx, changes[:n]...))
			changes = changes[n:]
			in, seen := make([]bool, len(plans)), 0
			for id, place := range reader.All() {
				seen++
				require.Contains(t, was, id)
				require.NoError(t, reader.Matches(place, in))
				first, err := reader.Holds(place)
				require.NoError(t, err)
				require.Equal(t, in[0], first)
				for i, p := range plans {
					want, err := eval.Eval(p, was[id], w.Env())
					require.NoError(t, err)
					require.Equal(t, want, in[i], "%s of %s", p.Text, id)
				}
			}
			require.Len(t, was, seen)
			for id := range was {
				_, ok := reader.Find(id)
				require.True(t, ok, id)
			}
			require.NoError(t, s.Each(ctx, func(c *eval.Customer) error {
				_, ok := reader.Find(c.ID)
				require.Equal(t, was[c.ID] != nil, ok, c.ID)
				return nil
			}))
		}
	}
}

// Readers of several goroutines answer places of one state, which nobody's changes
// reach.
func TestReadersWhileOthersWrite(t *testing.T) {
	ctx := context.Background()
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	defer s.Close()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	visit := func(i, n int) store.Change {
		return store.Change{Customer: dangol.CustomerID(fmt.Sprint(i)), Kind: "visits", Key: fmt.Sprint(i, " ", n),
			Fields: map[string]catalog.Value{"at": catalog.TimeValue(at.Add(-time.Duration(n+1) * time.Minute))}}
	}
	const n = 100
	for i := range n {
		require.NoError(t, s.Apply(ctx, store.Change{Customer: dangol.CustomerID(fmt.Sprint(i))}))
	}
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	var plans []*plan.Plan
	for _, text := range []string{`visits(30d) = 0`, `visits(30d) >= 1`, `visits(30d where page = "/sale") = 0`} {
		p, ds := c.Text(text, compile.Options{})
		require.False(t, ds.HasErrors())
		plans = append(plans, p)
	}
	m, err := s.Matcher(ctx, plans, eval.Env{})
	require.NoError(t, err)
	first := m.Reader(at)
	var places []memstore.Place
	for _, p := range first.All() {
		places = append(places, p)
	}
	var readers, writer sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			r, in := m.Reader(at), make([]bool, len(plans))
			for range 100 {
				for _, p := range places {
					if err := r.Matches(p, in); err != nil || !in[0] || in[1] || !in[2] {
						t.Error("a place is answered by another state", in, err)
						return
					}
				}
			}
		})
	}
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if err := s.Apply(ctx, visit(i%n, i/n)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	readers.Wait()
	close(done)
	writer.Wait()
}

// A window that starts after the instant asked about is empty, though there are records
// between the two.
func TestWindowsThatStartLater(t *testing.T) {
	ctx := t.Context()
	s := open(t)
	changes := []store.Change{{Customer: "a"}, {Customer: "a", Kind: "all_orders", Key: "undated"}}
	for i := range 20 {
		changes = append(changes, store.Change{Customer: "a", Kind: "all_orders", Key: fmt.Sprint(i), Fields: map[string]catalog.Value{
			"placed": catalog.TimeValue(noon.AddDate(0, 0, i-10)), "total": catalog.NumberValue(7),
		}})
	}
	require.NoError(t, s.Apply(ctx, changes...))
	plans := someRules(t, `orders(since 2026-11-06) = 0`, `orders(since 2026-11-06 where total = 8) = 0`, `sum(orders.total, since 2026-11-06) = 0`)
	m, err := s.Matcher(ctx, plans, eval.Env{})
	require.NoError(t, err)
	c, err := s.Customer(ctx, "a")
	require.NoError(t, err)
	for _, p := range plans {
		want, err := eval.Eval(p, c, eval.Env{AsOf: noon})
		require.NoError(t, err)
		require.True(t, want, p.Text)
	}
	in, r := make([]bool, len(plans)), m.Reader(noon)
	require.NoError(t, m.Matches(ctx, "a", noon, in))
	require.Equal(t, []bool{true, true, true}, in)
	place, ok := r.Find("a")
	require.True(t, ok)
	require.NoError(t, r.Matches(place, in))
	require.Equal(t, []bool{true, true, true}, in)
}

// A loop over everybody at one moment, and a look at one of them.
func ExampleMatcher_Reader() {
	ctx := context.Background()
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	err = s.Apply(ctx,
		store.Change{Customer: "kim", Fields: map[string]catalog.Value{"joined": catalog.TimeValue(now.AddDate(0, 0, -2))}},
		store.Change{Customer: "lee", Fields: map[string]catalog.Value{"joined": catalog.TimeValue(now.AddDate(0, -2, 0))}})
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := compile.New(s.Catalog())
	if err != nil {
		fmt.Println(err)
		return
	}
	p, found := rules.Text(`joined within 7d and not orders(7d) >= 1`, compile.Options{Scope: plan.Members})
	if p == nil {
		fmt.Println(found)
		return
	}
	m, err := s.Matcher(ctx, []*plan.Plan{p}, eval.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	reader := m.Reader(now)
	for id, place := range reader.All() {
		if in, err := reader.Holds(place); err == nil && in {
			fmt.Println(id)
		}
	}
	lee, _ := reader.Find("lee")
	fmt.Println(reader.Holds(lee))
	// Output:
	// kim
	// false <nil>
}
