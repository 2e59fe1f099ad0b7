package columnar

import (
	"slices"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is searched in several shards at once is where each of them has it alone,
// whatever their sizes, with repeated stamps, rows without any, and shards without
// rows.
func TestSearchesTogether(t *testing.T) {
	s, err := newSchema(catalog.Shop())
	require.NoError(t, err)
	k := s.kind["visits"]
	rapid.Check(t, func(t *rapid.T) {
		var shards []*shard
		for range rapid.IntRange(1, aheadShards).Draw(t, "shards") {
			sh := newShard(s, 1)
			stamps := rapid.SliceOfN(rapid.Int64Range(1, 50), 0, 80).Draw(t, "stamps")
			slices.Sort(stamps)
			for _, at := range append(stamps, slices.Repeat([]int64{-1}, rapid.IntRange(0, 2).Draw(t, "undated"))...) {
				l := sh.log(k, 1)
				code := uint64(0)
				if at > 0 {
					code = newCodes(instantType).encode(at*microsPerSecond, 1)
				}
				l.append(0, "", code, 0, 1)
			}
			shards = append(shards, sh)
		}
		at := rapid.Int64Range(-1, 52).Draw(t, "at")*microsPerSecond + rapid.Int64Range(-1, 1).Draw(t, "beside")
		w := worker{program: &program{snapshot: &Snapshot{schema: s}, asOf: 1 << 60}}
		w.searchAll(shards, edge{k, at})
		require.LessOrEqual(t, w.finds, len(shards))
		for _, f := range w.found[:w.finds] {
			require.Equal(t, f.log.stamped().search(f.log.sorted, f.code), f.row)
		}
		for _, sh := range shards {
			l := sh.logs[k]
			want := 0
			for want < l.sorted && l.stamped().value(l.stamped().at(want)) < at {
				want++
			}
			got, ok := w.reach(l, span{at, 1 << 60})
			if require.Equal(t, l.stamped() != nil, ok); ok {
				require.Equal(t, want, got.lo)
			}
		}
	})
}
