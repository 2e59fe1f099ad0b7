package columnar

import (
	"math"
	"math/big"
	"math/bits"
	"slices"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ranking is one rank over one population: the values of all shards, then the cut.
type ranking struct {
	rank   *plan.Rank
	scope  plan.Scope
	key    string            // eval.RankKey
	counts []*plan.Aggregate // rows that each aggregate of the value selects
	shards []ranked
	cut    eval.Cut
}

// ranked is the part of a ranking in one shard.
type ranked struct {
	values []int64 // by local number
	in     []uint8 // who is ranked
	dense  []int64 // the values of those alone
	lo, hi int64   // the smallest and largest of them
}

// rank finds or makes the ranking of a rank in a population.
func (p *program) rank(n *plan.Rank, scope plan.Scope) {
	key := eval.RankKey(n)
	for _, r := range p.ranks {
		if r.key == key && r.scope == scope {
			return
		}
	}
	r := &ranking{rank: n, scope: scope, key: key, shards: make([]ranked, len(p.snapshot.shards))}
	for _, a := range valueAggregates(n.X) {
		count := *a
		count.Fn, count.Of = plan.Count, nil
		p.number(&count)
		p.window(&count, count.Window)
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

// collect works out the ranked values of a shard.
func (r *ranking) collect(b *batch, i int) {
	v := b.value(r.rank.X)
	ints, known := v.integers(&b.scratch)
	in := make([]uint8, b.n)
	fillMask(in, 1)
	in = b.where(in, b.exist(r.scope), known)
	if len(r.counts) > 0 {
		touched := b.bytes.take(b.n)
		clear(touched)
		for _, a := range r.counts {
			n := b.value(a)
			or(touched, touched, n.between(&b.scratch, 1, math.MaxInt64))
		}
		and(in, in, touched)
	}
	out := ranked{values: slices.Clone(ints[:b.n]), in: in, dense: make([]int64, countMask(in)), lo: math.MaxInt64, hi: math.MinInt64}
	n := 0
	for i, v := range out.values {
		if in[i] == 1 {
			out.dense[n] = v
			out.lo, out.hi = min(out.lo, v), max(out.hi, v)
			n++
		}
	}
	r.shards[i] = out
}

// settle finds the cut: the value of the k-th of all ranked.
func (r *ranking) settle(env eval.Env) {
	n := 0
	for _, s := range r.shards {
		n += len(s.dense)
	}
	k := inRank(r.rank, n)
	r.cut = eval.Cut{AsOf: env.AsOf, Empty: k == 0}
	if k == 0 {
		return
	}
	if !r.rank.Bottom {
		k = n + 1 - k // the k-th largest, counted from the smallest
	}
	r.cut.Value = kth(r.shards, k)
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

// kth is the k-th smallest of the ranked values, k from 1. The range is split into
// equal buckets; the values of the one that holds it are looked at again.
func kth(shards []ranked, k int) int64 {
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	lists := make([][]int64, len(shards))
	for i, s := range shards {
		lo, hi, lists[i] = min(lo, s.lo), max(hi, s.hi), s.dense
	}
	var histogram [4096]int
	for lo < hi {
		shift := max(0, bits.Len64(uint64(hi)-uint64(lo))-12)
		clear(histogram[:])
		for _, list := range lists {
			for _, v := range list {
				histogram[(uint64(v)-uint64(lo))>>shift&4095]++
			}
		}
		bucket := uint64(0)
		for k > histogram[bucket] {
			k -= histogram[bucket]
			bucket++
		}
		rest := make([]int64, 0, histogram[bucket])
		for _, list := range lists {
			for _, v := range list {
				if (uint64(v)-uint64(lo))>>shift == bucket {
					rest = append(rest, v)
				}
			}
		}
		lo, hi = int64(uint64(lo)+bucket<<shift), int64(uint64(lo)+bucket<<shift+1<<shift-1)
		lists = [][]int64{rest}
	}
	return lo
}

// mask marks who is inside the cut, in one shard.
func (r *ranking) mask(s *scratch, i int) []uint8 {
	in := r.shards[i]
	dst := s.bytes.take(len(in.in))
	switch {
	case r.cut.Empty:
		clear(dst)
	case r.rank.Bottom:
		insideInts(dst, in.values, math.MinInt64, r.cut.Value)
	default:
		insideInts(dst, in.values, r.cut.Value, math.MaxInt64)
	}
	and(dst, dst, in.in)
	return dst
}
