package columnar

import (
	"sync"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// outline is what a plan is for every Select of a table, whatever its rows and as-of.
// Plans never change, so it is worked out once.
type outline struct {
	root  plan.Test // without quotients
	why   string    // why package eval answers it, "" where columns do
	nodes []keyed   // of the root and all below, from the top
	ranks map[*plan.Rank]*rankOutline
	// Of the aggregates whose rows are in the order of their window's time: keys of the same
	// over all time, of all and of those that moments can answer.
	overall, whole map[*plan.Aggregate]string
	order          map[*plan.And][]plan.Test // of filters
	keeps          map[plan.Test]bool
}

// keyed is a node with its key: those of equal meaning have equal ones.
type keyed struct {
	node plan.Node
	key  string
}

// rankOutline is a rank's key by eval.RankKey, and for each aggregate of its value the
// number of rows that it selects.
type rankOutline struct {
	key    string
	of     []*plan.Aggregate
	counts []keyed
}

// outlines keeps what plans are, of those that were asked about lately.
type outlines struct {
	mu   sync.Mutex
	kept map[*plan.Plan]*outline
}

// outlinesKept is how many outlines are kept.
const outlinesKept = 1024

// outline is that of a plan.
func (s *schema) outline(p *plan.Plan) *outline {
	s.outlines.mu.Lock()
	defer s.outlines.mu.Unlock()
	if o, ok := s.outlines.kept[p]; ok {
		return o
	}
	if s.outlines.kept == nil || len(s.outlines.kept) >= outlinesKept {
		s.outlines.kept = map[*plan.Plan]*outline{}
	}
	o := s.outlined(p)
	s.outlines.kept[p] = o
	return o
}

func (s *schema) outlined(p *plan.Plan) *outline {
	o := &outline{
		root: plan.Lower(p).Root, ranks: map[*plan.Rank]*rankOutline{}, overall: map[*plan.Aggregate]string{}, whole: map[*plan.Aggregate]string{},
		order: map[*plan.And][]plan.Test{}, keeps: map[plan.Test]bool{},
	}
	if o.why = s.unsupported(o.root); o.why != "" {
		return o
	}
	plan.Walk(o.root, func(n plan.Node) bool {
		o.nodes = append(o.nodes, keyed{n, plan.Key(n)})
		switch n := n.(type) {
		case *plan.Aggregate:
			s.outlineRows(o, n)
		case *plan.Rank:
			r := &rankOutline{key: eval.RankKey(n), of: valueAggregates(n.X)}
			for _, a := range r.of {
				count := *a
				count.Fn, count.Of = plan.Count, nil
				r.counts = append(r.counts, keyed{&count, plan.Key(&count)})
				s.outlineRows(o, &count)
			}
			o.ranks[n] = r
		}
		return true
	})
	return o
}

// outlineRows notes what is known of how an aggregate reads its rows. Moments can answer
// it where what a row adds depends on nothing else, not even on whether as-of sees a
// field.
func (s *schema) outlineRows(o *outline, a *plan.Aggregate) {
	if (a.Fn == plan.Count || a.Fn == plan.Sum) && s.kinds[s.kind[a.Kind]].ordered(a.Stamp) {
		overall := *a
		overall.Window = plan.Window{}
		o.overall[a] = plan.Key(&overall)
		if steady(a, func(*plan.Field) bool { return false }) {
			o.whole[a] = o.overall[a]
		}
	}
	if a.Where == nil {
		return
	}
	// What costs a row little comes first, and of that what leaves few rows.
	plan.Walk(a.Where, func(n plan.Node) bool {
		if and, ok := n.(*plan.And); ok {
			o.order[and] = byCost(withoutImplied(and.Terms), rowCost)
		}
		return true
	})
	for _, t := range filterTerms(o.order, a.Where) {
		o.keeps[t] = keepable(t)
	}
}
