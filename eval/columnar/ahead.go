package columnar

import (
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// A short question spends most of its time waiting for memory: for the headers of
// a shard, for the search of a window's start, for the first rows there, each of
// them a miss of the caches that waits for the one before. So a worker takes some
// shards at a time and goes through that for all of them, step by step: the misses
// of different shards are under way together.

// aheadShards is how many shards a worker takes at most.
const aheadShards = 8

// ahead is what the plans read of every shard.
type ahead struct {
	attrs  []int
	kinds  []int
	edges  []edge
	fields [][2]int // by kind and field
}

// edge is where a window of a kind's own stamps starts, or ends.
type edge struct {
	kind int
	at   int64
}

// lookAhead finds what the plans read.
func (p *program) lookAhead() {
	look := func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Attr:
			if i, ok := p.snapshot.schema.attr[n.Name]; ok {
				p.ahead.attrs = append(p.ahead.attrs, i)
			}
		case *plan.Aggregate:
			p.lookAtRows(n)
		}
	}
	for _, pl := range p.plans {
		if pl.fallback == "" && pl.err == nil {
			for _, k := range pl.outline.nodes {
				look(k.node)
			}
		}
	}
	if i := p.snapshot.schema.joined; i >= 0 {
		p.ahead.attrs = append(p.ahead.attrs, i)
	}
	a := &p.ahead
	slices.Sort(a.attrs)
	slices.Sort(a.kinds)
	a.attrs, a.kinds = slices.Compact(a.attrs), slices.Compact(a.kinds)
}

func (p *program) lookAtRows(a *plan.Aggregate) {
	k := p.snapshot.schema.kind[a.Kind]
	p.ahead.kinds = append(p.ahead.kinds, k)
	in, fixed := p.spans[a]
	if !fixed || !p.kind(a.Kind).ordered(a.Stamp) {
		return
	}
	for _, at := range []int64{in.from, in.to} {
		e := edge{k, at}
		if at > plan.MinInstant && at < p.asOf && len(p.ahead.edges) < searches/aheadShards && !slices.Contains(p.ahead.edges, e) {
			p.ahead.edges = append(p.ahead.edges, e)
		}
	}
	column := func(n plan.Node) bool {
		f, ok := n.(*plan.Field)
		if !ok || f.Up > 0 {
			return true
		}
		if i, ok := p.kind(a.Kind).field[f.Name]; ok && !slices.Contains(p.ahead.fields, [2]int{k, i}) {
			p.ahead.fields = append(p.ahead.fields, [2]int{k, i})
		}
		return true
	}
	if a.Where != nil {
		plan.Walk(a.Where, column)
	}
	if a.Of != nil {
		plan.Walk(a.Of, column)
	}
}

// ready reads what the worker is about to need of some shards.
func (w *worker) ready(shards []*shard) {
	read := uint64(0)
	for _, sh := range shards {
		read += uint64(sh.n)
	}
	for _, a := range w.ahead.attrs {
		for _, sh := range shards {
			if c := sh.attrs[a]; c != nil {
				read += c.max
			}
		}
	}
	for _, k := range w.ahead.kinds {
		for _, sh := range shards {
			read += uint64(sh.logs[k].n)
		}
		for _, sh := range shards {
			if at := sh.logs[k].stamped(); at != nil {
				read += at.max
			}
		}
	}
	for _, f := range w.ahead.fields {
		for _, sh := range shards {
			if c := sh.logs[f[0]].fields[f[1]]; c != nil {
				read += c.max
			}
		}
	}
	for _, e := range w.ahead.edges {
		read += w.searchAll(shards, e)
	}
	w.read += read // so that it is read
}

// search is one of several that go on together: the first row, of n from lo on, whose
// stamp is at least code.
type search struct {
	log    *log
	stamps *codes
	code   uint64
	lo, n  int
}

// searchAll finds an edge in all of the shards, in steps of one probe each.
func (w *worker) searchAll(shards []*shard, e edge) (read uint64) {
	var room [aheadShards]search
	all, most := room[:0], 0
	for _, sh := range shards {
		l := sh.logs[e.kind]
		at := l.stamped()
		if at == nil || l.sorted == 0 {
			continue
		}
		stamps := vector{codes: at.narrow}
		if code, _, ok := stamps.span(e.at, plan.MaxInstant); ok && code > 1 {
			all, most = append(all, search{l, at, code, 0, l.sorted}), max(most, l.sorted)
		}
	}
	for ; most > 0; most /= 2 {
		for i := range all {
			if s := &all[i]; s.n > 0 {
				half := s.n - s.n/2
				s.lo += half * int(bit(s.stamps.at(s.lo+half-1) < s.code))
				s.n /= 2
			}
		}
	}
	for _, s := range all {
		w.remember(s.log, s.code, s.lo)
		if s.lo == s.log.n {
			continue
		}
		read += uint64(s.log.local[s.lo])
		for _, f := range w.ahead.fields {
			if f[0] != e.kind {
				continue
			}
			if c := s.log.fields[f[1]]; c != nil && s.lo < c.n {
				read += c.at(s.lo)
			}
		}
	}
	return read
}
