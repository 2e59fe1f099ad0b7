package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/stretchr/testify/require"
)

// answers of a Reader, by customer.
func readAll(t testing.TB, m *columnar.Matcher, s *columnar.Snapshot, plans int, customers []*eval.Customer) [][]bool {
	r := m.Reader(now)
	var out [][]bool
	for _, c := range customers {
		p, ok := s.Find(c.ID)
		require.True(t, ok, c.ID)
		in := make([]bool, plans)
		require.NoError(t, r.Matches(p, in))
		out = append(out, in)
	}
	return out
}

// What is copied to lie together follows every change in place, and copies of older
// snapshots stay what they were.
func TestMatchesThroughChanges(t *testing.T) {
	cat := catalog.Shop()
	rules := newRules(t, cat)
	for i := range 12 {
		rnd := rand.New(rand.NewPCG(*seed, uint64(5000+i)))
		keeper := &shopkeeper{Rand: rnd, cat: cat, rows: 7}
		customers := keeper.customers(25)
		table := load(t, cat, customers)
		var plans []*plan.Plan
		for _, p := range rules.some(t, rnd, 14) {
			if len(eval.Ranks(p)) == 0 {
				plans = append(plans, p)
			}
		}
		env := eval.Env{AsOf: now, Groups: clubs{}}
		m, err := table.Matcher(plans, env)
		require.NoError(t, err)
		for range 6 {
			before, was := table.Snapshot(), customers
			answers := readAll(t, m, before, len(plans), was)
			customers = slices.Clone(customers)
			keeper.change(t, table, customers, 3)
			if rnd.IntN(2) == 0 {
				table.Delete(customers[0].ID)
				customers = append(customers[1:], keeper.customer())
				require.NoError(t, table.Put(customers[len(customers)-1]))
			}
			if rnd.IntN(3) == 0 {
				require.NoError(t, table.Compact(context.Background(), true))
			}
			requireAnswers(t, m, plans, customers, env)
			require.Equal(t, answers, readAll(t, m, before, len(plans), was))
			_, ok := before.Find("nobody at all")
			require.False(t, ok)
		}
	}
}

// Questions by id, questions about snapshots, changes and compaction, all at once.
func TestConcurrentQuestions(t *testing.T) {
	cat := catalog.Shop()
	keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(3, 3)), cat: cat, rows: 10}
	customers := keeper.customers(30)
	table := load(t, cat, customers)
	plans := newRules(t, cat).plans(t, `orders(90d where status = "confirmed" and total >= 300) >= 2`, `items(365d where category = "shoes") >= 1`,
		`visits(365d) >= 3 and orders(since last(logins)) = 0`, `share(items, 180d where category = "shoes") >= 60%`)
	m, err := table.Matcher(plans, eval.Env{})
	require.NoError(t, err)
	var readers, writers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			in := make([]bool, len(plans))
			for range 30 {
				for _, c := range customers {
					if _, err := m.Matches(c.ID, now, in); err != nil {
						t.Error(err)
					}
				}
			}
		})
		readers.Go(func() {
			for range 30 {
				s := table.Snapshot()
				if !slices.EqualFunc(readAll(t, m, s, len(plans), customers), readAll(t, m, s, len(plans), customers), slices.Equal) {
					t.Error("a snapshot changed")
				}
			}
		})
	}
	writers.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			at := i % len(customers)
			if err := table.Put(keeper.changed(customers[at])); err != nil {
				t.Error(err)
			}
			visit := &eval.Record{Key: fmt.Sprint("new", i), Fields: map[string]catalog.Value{"at": catalog.TimeValue(now)}}
			if err := table.Write(columnar.Change{Customer: customers[at].ID, Kind: "visits", Record: visit, New: true}); err != nil {
				t.Error(err)
			}
			if i%10 == 0 {
				if err := table.Compact(context.Background(), true); err != nil {
					t.Error(err)
				}
			}
		}
	})
	readers.Wait()
	close(done)
	writers.Wait()
}

// A question about a customer at hand takes no memory either.
func TestReaderTakesNoMemory(t *testing.T) {
	table := visitors(t, 100)
	m, err := table.Matcher(newRules(t, catalog.Shop()).plans(t, `visits(30d) >= 2`, `visits(365d) >= 10`, `last(visits) within 30d and points = 0`), eval.Env{})
	require.NoError(t, err)
	s, r, in := table.Snapshot(), m.Reader(now), make([]bool, 3)
	var places []columnar.Place
	for i := range 100 {
		p, ok := s.Find(dangol.CustomerID(fmt.Sprintf("%08d", i)))
		require.True(t, ok)
		places = append(places, p)
	}
	ask := func() {
		for _, p := range places {
			if err := r.Matches(p, in); err != nil {
				t.Error(err)
			}
			if first, err := r.Holds(p); err != nil || first != in[0] {
				t.Error(first, err)
			}
		}
	}
	ask()
	if underRace {
		t.Skip("the race detector allocates")
	}
	require.Zero(t, testing.AllocsPerRun(50, ask))
}
