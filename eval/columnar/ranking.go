package columnar

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"sync"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ranking is one rank over one population. The values of all shards are counted
// into buckets as they are worked out; the bucket that holds the cut is looked at
// again.
type ranking struct {
	rank   *plan.Rank
	scope  plan.Scope
	key    string            // eval.RankKey
	counts []*plan.Aggregate // rows that each aggregate of the value selects
	shards []*ranked
	cut    eval.Cut

	mu        sync.Mutex
	histogram [buckets]int
	k         int     // the cut is the k-th smallest in its bucket, 0 for no cut
	lo, hi    int64   // the values that the bucket holds
	near      []int64 // those that there are
}

// ranked is the part of a ranking in one shard, by local number.
type ranked struct {
	values [slots]int64
	in     [slots]uint8 // who is ranked
}

// spare keeps the parts of rankings from one Select to the next.
var spare = sync.Pool{New: func() any { return &ranked{} }}

// rank finds or makes the ranking of a plan's rank in the plan's population.
func (p *program) rank(n *plan.Rank, pl *prepared) {
	o := pl.outline.ranks[n]
	i := slices.IndexFunc(p.ranks, func(r *ranking) bool { return r.key == o.key && r.scope == pl.scope })
	if i >= 0 {
		pl.ranks = append(pl.ranks, planRank{n, p.ranks[i]})
		return
	}
	r := &ranking{rank: n, scope: pl.scope, key: o.key, shards: make([]*ranked, len(p.snapshot.shards))}
	for i, count := range o.counts {
		a := count.node.(*plan.Aggregate)
		p.number(count)
		p.window(a, a.Window)
		p.counts[p.class[o.of[i]]] = p.class[a]
		r.counts = append(r.counts, a)
	}
	p.ranks = append(p.ranks, r)
	pl.ranks = append(pl.ranks, planRank{n, r})
}

// valueAggregates are the aggregates that a value is computed from; those that
// find the ends of windows are not among them.
func valueAggregates(x plan.Expr) []*plan.Aggregate {
	switch n := x.(type) {
	case *plan.Aggregate:
		return []*plan.Aggregate{n}
	case *plan.Arith:
		return append(valueAggregates(n.L), valueAggregates(n.R)...)
	case *plan.Times:
		return valueAggregates(n.X)
	case *plan.Product:
		return append(valueAggregates(n.X), valueAggregates(n.Y)...)
	}
	return nil
}

// planRank is a rank of a plan.
type planRank struct {
	rank    *plan.Rank
	ranking *ranking
}

// ranking is that of one of the plan's ranks.
func (pl *prepared) ranking(n *plan.Rank) *ranking {
	i := slices.IndexFunc(pl.ranks, func(r planRank) bool { return r.rank == n })
	return pl.ranks[i].ranking
}

// collect works out the ranked values of a shard, and counts them into buckets.
func (r *ranking) collect(b *batch, i int) {
	v := b.value(r.rank.X)
	ints, known := v.integers(&b.scratch)
	out := spare.Get().(*ranked)
	in := out.in[:b.n]
	fillMask(in, 1)
	b.where(in, b.exist(r.scope), known)
	if len(r.counts) > 0 { // any row of any aggregate will do
		touched := b.bytes.take(b.n)
		clear(touched)
		for _, a := range r.counts {
			n, ok := b.values[b.class[a]]
			if !ok {
				n = b.value(a)
			}
			or(touched, touched, n.between(&b.scratch, 1, math.MaxInt64))
		}
		and(in, in, touched)
	}
	copy(out.values[:], ints[:b.n])
	r.shards[i] = out
	histogram := (*[buckets]uint32)(b.words.take(buckets))
	clear(histogram[:])
	countBuckets(histogram, out.values[:b.n], in)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range histogram {
		r.histogram[i] += int(n)
	}
}

// settle finds the bucket of the cut: of the k-th of all ranked.
func (r *ranking) settle(env eval.Env) {
	n := 0
	for _, in := range r.histogram {
		n += in
	}
	k := inRank(r.rank, n)
	r.cut = eval.Cut{AsOf: env.AsOf, Empty: k == 0}
	if k == 0 {
		return
	}
	if !r.rank.Bottom {
		k = n + 1 - k // the k-th largest, counted from the smallest
	}
	bucket := 0
	for k > r.histogram[bucket] {
		k -= r.histogram[bucket]
		bucket++
	}
	r.k = k
	r.lo, r.hi = bucketHolds(bucket)
}

// gather collects the values of the cut's bucket in a shard.
func (r *ranking) gather(s *scratch, n, i int) {
	if r.k == 0 {
		return
	}
	shard, mask := r.shards[i], s.bytes.take(n)
	insideInts(mask, shard.values[:n], r.lo, r.hi)
	and(mask, mask, shard.in[:n])
	near := list(s.halves.take(n)[:0], mask, 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, local := range near {
		r.near = append(r.near, shard.values[local])
	}
}

// finish finds the cut in its bucket.
func (r *ranking) finish() {
	if r.k > 0 {
		r.cut.Value = kth(r.near, r.k)
	}
}

// free gives the buffers back.
func (r *ranking) free() {
	for _, s := range r.shards {
		if s != nil {
			spare.Put(s)
		}
	}
}

// inRank is how many of n are inside a rank, as eval.CutOf counts them: at most
// n, of a percentage the ceiling.
func inRank(r *plan.Rank, n int) int {
	if !r.Percent {
		return int(min(max(r.N, 0), int64(n)))
	}
	whole := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.Scale)+2), nil)
	k := new(big.Int).Mul(big.NewInt(r.N), big.NewInt(int64(n)))
	k.Add(k, new(big.Int).Sub(whole, big.NewInt(1)))
	k.Div(k, whole)
	if k.Sign() <= 0 {
		return 0
	}
	if k.Cmp(big.NewInt(int64(n))) >= 0 {
		return n
	}
	return int(k.Int64())
}

// kth is the k-th smallest of the values, k from 1. The range is split into equal
// parts; the values of the one that holds it are looked at again.
func kth(values []int64, k int) int64 {
	var histogram [4096]int
	for {
		lo, hi := slices.Min(values), slices.Max(values)
		if lo == hi {
			return lo
		}
		shift := max(0, bits.Len64(uint64(hi)-uint64(lo))-12)
		clear(histogram[:])
		for _, v := range values {
			histogram[(uint64(v)-uint64(lo))>>shift&4095]++
		}
		part := uint64(0)
		for k > histogram[part] {
			k -= histogram[part]
			part++
		}
		rest := make([]int64, 0, histogram[part])
		for _, v := range values {
			if (uint64(v)-uint64(lo))>>shift == part {
				rest = append(rest, v)
			}
		}
		values = rest
	}
}

// mask marks who is inside the cut, in one shard.
func (r *ranking) mask(s *scratch, n, i int) []uint8 {
	in := r.shards[i]
	dst := s.bytes.take(n)
	switch {
	case r.cut.Empty:
		clear(dst)
	case r.rank.Bottom:
		insideInts(dst, in.values[:n], math.MinInt64, r.cut.Value)
	default:
		insideInts(dst, in.values[:n], r.cut.Value, math.MaxInt64)
	}
	and(dst, dst, in.in[:n])
	return dst
}
