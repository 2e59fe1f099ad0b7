package columnar

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/bitmap"
)

// Run says how a Select runs. The zero Run works.
type Run struct {
	// Workers is how many shards are worked on at a time. Defaults to
	// runtime.GOMAXPROCS(0).
	Workers int
}

// Answer is the answer to one plan.
type Answer struct {
	Members *Members            // nil with Err
	Cuts    map[string]eval.Cut // of the plan's ranks, by eval.RankKey
	Err     error
}

// Select answers every plan over the snapshot at env.AsOf. env.Cuts is not read:
// ranks are cut over the snapshot. The error is ctx's; what only one plan meets
// stands in its Answer. ctx is looked at before every plan of every shard, and while
// groups are asked.
func (s *Snapshot) Select(ctx context.Context, plans []*plan.Plan, env eval.Env, run Run) ([]Answer, error) {
	answers, _, err := s.run(ctx, plans, env, run, nil)
	return answers, err
}

func (s *Snapshot) run(ctx context.Context, plans []*plan.Plan, env eval.Env, run Run, stats *stats) ([]Answer, *program, error) {
	env.AsOf = env.AsOf.Truncate(time.Second)
	if env.Zone == nil {
		env.Zone = time.UTC
	}
	p := prepare(s, plans, env)
	p.stats = stats
	p.refuse()
	g := &gathering{program: p, answers: make([]bitmap.Dense, len(plans)), kept: map[int][]bitmap.Dense{}, errs: make([]error, len(plans))}
	for i, pl := range p.plans {
		if pl.err == nil && pl.fallback == "" {
			g.answers[i] = make(bitmap.Dense, len(s.shards)*slots/64)
			if len(pl.ranks) > 0 {
				g.keep(pl.root)
			}
		}
	}
	defer func() {
		for _, r := range p.ranks {
			r.free()
		}
	}()
	if err := g.each(ctx, run.Workers, (*worker).ready, g.first); err != nil {
		return nil, p, err
	}
	for i, pl := range p.plans {
		pl.err = cmp.Or(pl.err, g.errs[i])
	}
	if len(p.ranks) > 0 {
		if err := g.rank(ctx, run.Workers); err != nil {
			return nil, p, err
		}
	}
	out := make([]Answer, len(plans))
	for i, pl := range p.plans {
		if pl.err == nil && pl.fallback != "" {
			g.answers[i], out[i].Cuts, pl.err = s.byCustomer(ctx, pl.original, env)
			if ctx.Err() != nil {
				return nil, p, ctx.Err()
			}
		}
		if pl.err != nil {
			out[i] = Answer{Err: pl.err}
			continue
		}
		out[i].Members = newMembers(s, g.answers[i])
		for _, r := range pl.ranks {
			if out[i].Cuts == nil {
				out[i].Cuts = map[string]eval.Cut{}
			}
			out[i].Cuts[r.ranking.key] = r.ranking.cut
		}
	}
	return out, p, nil
}

// rank finds the cuts, from what first collected, and answers the plans that wait
// for them.
func (g *gathering) rank(ctx context.Context, workers int) error {
	for _, r := range g.ranks {
		r.settle(g.env)
	}
	err := g.each(ctx, workers, nil, func(w *worker, i int) {
		for _, r := range g.ranks {
			r.gather(&w.scratch, w.shard.n, i)
		}
	})
	if err != nil {
		return err
	}
	for _, r := range g.ranks {
		r.finish()
	}
	return g.each(ctx, workers, nil, g.second)
}

// refuse gives plans that read groups their error, where there are no groups or
// a group is broken, before anything is computed.
func (p *program) refuse() {
	for _, pl := range p.plans {
		if pl.err != nil {
			continue
		}
		plan.Walk(pl.root, func(n plan.Node) bool {
			if m, ok := n.(*plan.Member); ok && pl.err == nil {
				pl.err = p.askable(m)
			}
			return true
		})
	}
}

// askable tells whether the group can be asked about. A snapshot without
// customers asks nothing.
func (p *program) askable(m *plan.Member) error {
	for _, sh := range p.snapshot.shards {
		if i := slices.IndexFunc(sh.state, func(s uint8) bool { return s != gone }); i >= 0 {
			if p.env.Groups == nil {
				_, err := eval.Eval(&plan.Plan{Root: m}, &eval.Customer{}, p.env)
				return err
			}
			_, err := p.env.Groups.Contains(m.Group, sh.ids[i])
			return err
		}
	}
	return nil
}

// gathering collects the answers of all shards.
type gathering struct {
	*program
	answers []bitmap.Dense // by plan
	kept    map[int][]bitmap.Dense
	mu      sync.Mutex
	errs    []error // by plan
}

// keep marks the parts of a plan with ranks that do not depend on the cuts: they
// are computed with everything else and wait for the cuts.
func (g *gathering) keep(t plan.Test) {
	if !late(t) {
		g.kept[g.class[t]] = make([]bitmap.Dense, len(g.snapshot.shards))
		return
	}
	switch n := t.(type) {
	case *plan.And:
		for _, term := range n.Terms {
			g.keep(term)
		}
	case *plan.Or:
		for _, term := range n.Terms {
			g.keep(term)
		}
	case *plan.Not:
		g.keep(n.Term)
	}
}

// late tells whether a test depends on a cut.
func late(t plan.Test) bool {
	found := false
	plan.Walk(t, func(n plan.Node) bool {
		_, is := n.(*plan.Rank)
		found = found || is
		return !found
	})
	return found
}

// each lets workers loose on the shards. A worker takes some at a time, and fewer
// towards the end, so that all end together; ready, which may be nil, is told of
// those before.
func (g *gathering) each(ctx context.Context, workers int, ready func(w *worker, shards []*shard), do func(w *worker, i int)) error {
	n := len(g.snapshot.shards)
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	take := func() (from, to int) {
		for {
			at := next.Load()
			left := max(0, n-int(at))
			some := min(aheadShards, (left+2*workers-1)/(2*workers))
			if next.CompareAndSwap(at, at+int64(some)) {
				return int(at), int(at) + some
			}
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, max(1, min(workers, n)))
	work := func(i int) {
		w := idle.Get().(*worker)
		*w = worker{program: g.program, ctx: ctx, scratch: w.scratch}
		defer func() { idle.Put(&worker{scratch: w.scratch}) }()
		for from, to := take(); from < to; from, to = take() {
			if ready != nil {
				ready(w, g.snapshot.shards[from:to])
			}
			for at := from; at < to; at++ {
				w.begin(g.snapshot.shards[at])
				if !w.over() {
					do(w, at)
				}
				if errs[i] = w.ended; errs[i] != nil {
					return
				}
			}
		}
	}
	for i := range errs[1:] {
		wg.Go(func() { work(i + 1) })
	}
	work(0)
	wg.Wait()
	return cmp.Or(errs...)
}

// idle keeps the buffers of workers from one Select to the next.
var idle = sync.Pool{New: func() any { return &worker{} }}

// begin turns the worker to a shard.
func (w *worker) begin(sh *shard) {
	w.shard = sh
	w.release(mark{})
	if w.tests == nil {
		w.tests, w.values = map[int][]uint8{}, map[int]vector{}
	}
	clear(w.tests)
	clear(w.values)
	w.err = nil
}

// first answers everything in a shard that does not wait for a cut.
func (g *gathering) first(w *worker, i int) {
	b := &batch{worker: w, n: w.shard.n}
	for at, pl := range g.plans {
		if w.over() {
			return
		}
		if pl.err != nil || pl.fallback != "" {
			continue
		}
		w.err = nil
		if len(pl.ranks) == 0 {
			g.pack(at, i, b.both(b.test(pl.root), b.exist(pl.scope)))
		} else {
			g.fill(b, pl.root, i)
		}
		if w.err != nil {
			g.mu.Lock()
			g.errs[at] = cmp.Or(g.errs[at], w.err)
			g.mu.Unlock()
		}
	}
	for _, r := range g.ranks {
		if !w.over() {
			r.collect(b, i)
		}
	}
}

// fill computes what keep marked.
func (g *gathering) fill(b *batch, t plan.Test, i int) {
	if kept, ok := g.kept[g.class[t]]; ok {
		if kept[i] == nil {
			kept[i] = bitmap.Make(b.n)
			kept[i].Pack(b.test(t))
		}
		return
	}
	switch n := t.(type) {
	case *plan.And:
		for _, term := range n.Terms {
			g.fill(b, term, i)
		}
	case *plan.Or:
		for _, term := range n.Terms {
			g.fill(b, term, i)
		}
	case *plan.Not:
		g.fill(b, n.Term, i)
	}
}

// second answers the plans with ranks, now that the cuts are known.
func (g *gathering) second(w *worker, i int) {
	b := &batch{worker: w, n: w.shard.n}
	for at, pl := range g.plans {
		if pl.err != nil || pl.fallback != "" || len(pl.ranks) == 0 {
			continue
		}
		g.pack(at, i, b.both(g.late(b, pl.root, pl, i), b.exist(pl.scope)))
	}
}

// pack writes the answer of a plan in a shard.
func (g *gathering) pack(plan, shard int, mask []uint8) {
	g.answers[plan][shard*slots/64 : (shard+1)*slots/64].Pack(mask)
}

func (g *gathering) late(b *batch, t plan.Test, pl *prepared, i int) []uint8 {
	if kept, ok := g.kept[g.class[t]]; ok {
		mask := b.bytes.take(b.n)
		kept[i].Unpack(mask)
		return mask
	}
	dst := b.bytes.take(b.n)
	switch n := t.(type) {
	case *plan.And:
		fillMask(dst, 1)
		for _, term := range n.Terms {
			and(dst, dst, g.late(b, term, pl, i))
		}
	case *plan.Or:
		clear(dst)
		for _, term := range n.Terms {
			or(dst, dst, g.late(b, term, pl, i))
		}
	case *plan.Not:
		not(dst, g.late(b, n.Term, pl, i))
	case *plan.Rank:
		return pl.ranking(n).mask(&b.scratch, b.n, i)
	}
	return dst
}

// exist marks who belongs to a population as of the question, nil where all do.
func (b *batch) exist(scope plan.Scope) []uint8 {
	if b.allMembers() && scope != plan.Guests {
		return nil
	}
	key := -1 - slices.Index([]plan.Scope{plan.Members, plan.Guests, plan.Both}, scope)
	if m, ok := b.tests[key]; ok {
		return m
	}
	dst := b.bytes.take(b.n)
	clear(dst)
	for _, who := range []struct {
		state uint8
		since int
		in    bool
	}{{member, b.snapshot.schema.joined, scope != plan.Guests}, {guest, b.snapshot.schema.seen, scope != plan.Members}} {
		if !who.in || who.state == guest && b.shard.guests == 0 {
			continue
		}
		m := b.bytes.take(b.n)
		insideBytes(m, b.shard.state[:b.n], who.state, 0)
		if who.since >= 0 && b.shard.attrs[who.since] != nil {
			and(m, m, b.begun(who.since))
		}
		or(dst, dst, m)
	}
	b.tests[key] = dst
	return dst
}

// allMembers tells whether the shard holds nobody but members who have joined.
func (b *batch) allMembers() bool {
	if b.shard.members != b.n {
		return false
	}
	since := b.snapshot.schema.joined
	if since < 0 || b.shard.attrs[since] == nil {
		return true
	}
	c := b.shard.attrs[since]
	return c.value(c.max) <= b.cap(b.snapshot.schema.attrs[since].of, false)
}

// begun marks those for whom an attribute is missing or before as-of.
func (b *batch) begun(attr int) []uint8 {
	c := b.shard.attrs[attr]
	v := vector{form: coded, n: b.n, codes: c.slice(0, b.n), cap: b.cap(b.snapshot.schema.attrs[attr].of, false)}
	if b.snapshot.schema.attrs[attr].of.Sort != catalog.Instant && b.snapshot.schema.attrs[attr].of.Sort != catalog.Date {
		m := b.bytes.take(b.n)
		fillMask(m, 1)
		return m
	}
	seen := v.isKnown(&b.scratch)
	if !c.gaps {
		return seen
	}
	missing := b.bytes.take(b.n)
	run := c.slice(0, b.n)
	run.inside(missing, 0, 0)
	or(missing, missing, seen)
	return missing
}
