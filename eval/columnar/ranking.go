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
	bucket    int     // that of the cut
	k         int     // the cut is the k-th smallest in its bucket, 0 for no cut
	near      []int64 // the values of the bucket
}

// ranked is the part of a ranking in one shard, by local number.
type ranked struct {
	values [slots]int64
	in     [slots]uint8 // who is ranked
}

// spare keeps the parts of rankings from one Select to the next.
var spare = sync.Pool{New: func() any { return &ranked{} }}

// rank finds or makes the ranking of a rank in a population.
func (p *program) rank(n *plan.Rank, scope plan.Scope) {
	key := eval.RankKey(n)
	for _, r := range p.ranks {
		if r.key == key && r.scope == scope {
			return
		}
	}
	r := &ranking{rank: n, scope: scope, key: key, shards: make([]*ranked, len(p.snapshot.shards))}
	for _, a := range valueAggregates(n.X) {
		count := *a
		count.Fn, count.Of = plan.Count, nil
		p.number(&count)
		p.window(&count, count.Window)
		p.counts[p.class[a]] = p.class[&count]
		r.counts = append(r.counts, &count)
	}
	p.ranks = append(p.ranks, r)
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

// ranking is that of a rank in a population.
func (p *program) ranking(n *plan.Rank, scope plan.Scope) *ranking {
	key := eval.RankKey(n)
	i := slices.IndexFunc(p.ranks, func(r *ranking) bool { return r.key == key && r.scope == scope })
	return p.ranks[i]
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
	for k > r.histogram[r.bucket] {
		k -= r.histogram[r.bucket]
		r.bucket++
	}
	r.k = k
}

// gather collects the values of the cut's bucket in a shard.
func (r *ranking) gather(n, i int) {
	if r.k == 0 {
		return
	}
	shard := r.shards[i]
	var near []int64
	for local, v := range shard.values[:n] {
		if bucketOf(v) == r.bucket && shard.in[local] == 1 {
			near = append(near, v)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.near = append(r.near, near...)
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
