package columnar_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// watched is a group that tells who is asked about: a shard is worked on while
// its customers are.
type watched func(id dangol.CustomerID)

func (w watched) Contains(_ string, id dangol.CustomerID) (bool, error) {
	w(id)
	return true, nil
}

// shardOf is the shard of one of visitors' customers, by the number in the id.
func shardOf(id dangol.CustomerID) int {
	n := 0
	for _, c := range id {
		n = 10*n + int(c-'0')
	}
	return n / 8191
}

// Select looks at its context before every shard: the shards after the one in
// which it ends are not touched.
func TestSelectEndsBetweenShards(t *testing.T) {
	s := visitors(t, 5*8191).Snapshot()
	plans := newRules(t, catalog.Shop()).plans(t, `visits >= 0 and in group "VIP"`)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var shards []int
	groups := watched(func(id dangol.CustomerID) {
		if i := shardOf(id); !slices.Contains(shards, i) {
			shards = append(shards, i)
		}
		if shardOf(id) == 1 {
			cancel()
		}
	})
	_, err := s.Select(ctx, plans, eval.Env{AsOf: now, Groups: groups}, columnar.Run{Workers: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []int{0, 1}, shards)
}

// Within a shard it looks at it while a group is asked, which may take long, and
// before the next plan.
func TestSelectEndsWithinAShard(t *testing.T) {
	s := visitors(t, 8000).Snapshot()
	plans := newRules(t, catalog.Shop()).plans(t, `visits >= 0 and in group "VIP"`, `visits >= 1 and in group "NEWS"`)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked := 0
	groups := watched(func(dangol.CustomerID) {
		if asked++; asked == 1000 {
			cancel()
		}
	})
	_, err := s.Select(ctx, plans, eval.Env{AsOf: now, Groups: groups}, columnar.Run{Workers: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, asked, 1100)
}

// As many shards are worked on at a time as Run.Workers says, and no more.
func TestWorkers(t *testing.T) {
	s := visitors(t, 6*8191).Snapshot()
	plans := newRules(t, catalog.Shop()).plans(t, `visits >= 0 and in group "VIP"`)
	for _, workers := range []int{1, 2, 3} {
		var mu sync.Mutex
		met := sync.NewCond(&mu)
		asked := map[int]int{} // by shard: customers asked about
		most, together := 0, false
		groups := watched(func(id dangol.CustomerID) {
			mu.Lock()
			defer mu.Unlock()
			shard := shardOf(id)
			asked[shard]++
			busy := 0
			for i, n := range asked {
				if n < 8191 && i > 0 { // the first customer of all is asked about once more, beforehand
					busy++
				}
			}
			most = max(most, busy)
			if busy >= workers || workers == 1 {
				together = true
				met.Broadcast()
			}
			for !together && shard > 0 {
				met.Wait() // for the others: this does not return where they never come
			}
		})
		answers, err := s.Select(context.Background(), plans, eval.Env{AsOf: now, Groups: groups}, columnar.Run{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, 6*8191, answers[0].Members.Len())
		require.Equal(t, workers, most)
	}
}
