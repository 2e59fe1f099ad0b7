package columnar

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Everything that the planner chooses is chosen in this file: the order of the
// terms of an And, and the form in which an aggregate reads its rows.

// Form is how an aggregate of a shard is answered.
type Form string

// The forms.
const (
	// Scan reads the rows of the window.
	Scan Form = "scan"
	// Shared is a Scan that also answers longer windows of the same rows.
	Shared Form = "shared scan"
	// Postings reads the rows that have one of few values.
	Postings Form = "postings"
	// Probe reads the rows of the customers that cheaper clauses left over.
	Probe Form = "probe"
	// Summary reads what an earlier Select worked out from the same rows.
	Summary Form = "summary"
	// Moments subtracts what an earlier Select worked out at two moments, and reads the
	// rows between them and the window's ends.
	Moments Form = "between kept moments"
	// Recent reads the rows of the window that the moments of the candidates lie in,
	// and those since that window's start.
	Recent Form = "since the newest of a window"
	// Sweep reads all rows: their order is not that of the time asked for.
	Sweep Form = "sweep"
)

// Costs of a row, in the cost of a scanned one.
const (
	probeCost    = 24 // a miss of the cache or two
	postingCost  = 6
	postingsMany = 64 // postings are worth their memory for a 64th of the rows
)

// form chooses how the aggregate reads the rows of a shard: those of one window, or each
// customer's since a moment of his own.
func (b *batch) form(a *plan.Aggregate, l *log, in span, since bool) Form {
	switch {
	case !l.kind.ordered(a.Stamp) && a.Stamp != nil:
		return Sweep
	case since && b.sinceRecent(a):
		return Recent
	case since:
		return Scan
	case b.summarised(a, l, in):
		return Summary
	}
	if _, shared := b.nests[b.class[a]]; shared {
		return Shared
	}
	form, rows := Scan, b.estimate(l, in)
	if few, ok := b.few[a]; ok && b.fewRows(l, few, rows) {
		return Postings
	}
	if saved := b.saved(a, l, in); saved > 0 {
		form, rows = Moments, rows-saved
	}
	if b.candidates != nil && countMask(b.candidates)*(1+l.n/max(1, b.shard.n))*probeCost < rows {
		return Probe
	}
	return form
}

// recent notes a term that wants at least one row of a window that ends with as-of.
func (p *program) recent(t plan.Test) {
	n, ok := t.(*plan.Compare)
	if !ok {
		return
	}
	a, isCount := n.L.(*plan.Aggregate)
	lit, isLit := n.R.(*plan.Literal)
	if !isCount || !isLit || a.Fn != plan.Count || !p.kind(a.Kind).ordered(a.Stamp) {
		return
	}
	in, fixed := p.spans[a]
	if least, _, some := interval(n.Op, lit.Value.Int()); some && least >= 1 && fixed && in.to >= p.asOf {
		p.having[t] = a
	}
}

// sinceRecent tells whether the aggregate's windows start at the candidates' last
// rows of a kind, which all are known to have in a window of not many more rows.
func (b *batch) sinceRecent(a *plan.Aggregate) bool {
	m, ok := a.Window.From.Moment.(*plan.Aggregate)
	if !ok || a.Window.To.Kind == plan.Moment || b.recent == nil || b.candidates == nil || !lastStamp(m) {
		return false
	}
	if m.Kind != b.recent.Kind || (m.Where == nil) != (b.recent.Where == nil) || m.Where != nil && b.class[m.Where] != b.class[b.recent.Where] {
		return false
	}
	l := b.shard.logs[b.snapshot.schema.kind[m.Kind]]
	return l.kind.ordered(m.Stamp) && b.estimate(l, b.spans[b.recent]) <= 4*countMask(b.candidates)
}

// lastStamp tells whether an aggregate is when a customer's last row was.
func lastStamp(m *plan.Aggregate) bool {
	of, ok := m.Of.(*plan.Field)
	return ok && m.Fn == plan.Last && m.Stamp != nil && m.Window == plan.Window{} &&
		of.Name == m.Stamp.Name && of.Up == m.Stamp.Up && !of.Due && of.Of.Sort == catalog.Instant
}

// saved is how many rows less than a scan's are read between the moments at which the
// aggregate is kept; 0 where that is not worth keeping it.
func (b *batch) saved(a *plan.Aggregate, l *log, in span) int {
	rows := b.estimate(l, in)
	saved := rows - b.besideMoments(a, l, in)
	if saved <= rows/8 || !b.worthKnowing(a, l, saved) {
		return 0
	}
	return saved
}

// besideMoments is what a window costs that is answered from moments, in rows: those
// between its ends and the nearest moments, and what subtracting takes.
func (b *batch) besideMoments(a *plan.Aggregate, l *log, in span) int {
	r, ok := b.reach(l, in)
	if b.whole[a] == "" || !ok {
		return math.MaxInt
	}
	beside := func(row int) int {
		at := l.momentRow(l.nearest(row))
		return max(row-at, at-row)
	}
	return beside(r.lo) + beside(r.hi) + l.n - l.sorted + b.shard.n
}

// scanned is how many of the nest's members, the shortest first, are scanned; the
// others are answered from moments. The cut between them is where the fewest rows are
// read.
func (b *batch) scanned(l *log, g *nest) int {
	all := len(g.members)
	longest := &g.members[all-1]
	if b.whole[longest.aggregate] == "" {
		return all
	}
	scan := func(n int) int { // each window's scan looks at the late rows
		if n == 0 {
			return 0
		}
		return b.estimate(l, span{g.members[n-1].from, g.to}) + (n-1)*(l.n-l.sorted)
	}
	rows := scan(all)
	cut, least, beside := all, rows, 0
	for i := all - 1; i >= 0; i-- {
		in := span{g.members[i].from, g.to}
		if beside += min(b.besideMoments(longest.aggregate, l, in), l.n+b.shard.n); beside > least {
			break
		}
		if read := beside + scan(i); read < least {
			cut, least = i, read
		}
	}
	if saved := rows - least; cut == all || saved <= rows/8 || !b.worthKnowing(longest.aggregate, l, saved) {
		return all
	}
	return cut
}

// fewRows tells whether postings read less than a scan of the window's rows.
// Where values are many and rows of each few, postings are built to find out.
func (w *worker) fewRows(l *log, few fewValues, window int) bool {
	if l.fields[few.field] == nil || l.n*len(few.codes)/few.values*postingsMany > l.n {
		return false
	}
	part := float64(window) / float64(max(1, l.n))
	return float64(l.posted(few.field).count(few.codes))*part*postingCost < float64(window)
}

// fewValues is a term of a filter that names few values of a field of the row
// itself, which postings can answer.
type fewValues struct {
	field  int
	codes  []uint64    // of the values, as far as any row has them
	values int         // how many different ones there are
	rest   []plan.Test // the other terms
}

// selective finds such a term.
func (w *worker) selective(a *plan.Aggregate) (few fewValues, ok bool) {
	k, terms := w.kind(a.Kind), w.terms(a.Where)
	for i, t := range terms {
		one, is := t.(*plan.OneOf)
		if !is {
			continue
		}
		at, is := one.X.(*plan.Field)
		if !is || at.Up > 0 || at.Name == "" {
			continue
		}
		f, known := k.field[at.Name]
		if !known || k.fields[f].dict == nil {
			continue
		}
		few = fewValues{field: f, values: len(k.fields[f].dict.all()), rest: slices.Delete(slices.Clone(terms), i, i+1)}
		for _, v := range one.Values {
			if c, in := k.fields[f].dict.find(v); in && !slices.Contains(few.codes, c) {
				few.codes = append(few.codes, c)
			}
		}
		return few, true
	}
	return few, false
}

// terms are the terms of a filter, in the order in which they are asked.
func (w *worker) terms(where plan.Test) []plan.Test { return filterTerms(w.order, where) }

func filterTerms(order map[*plan.And][]plan.Test, where plan.Test) []plan.Test {
	if where == nil {
		return nil
	}
	n, ok := where.(*plan.And)
	if !ok {
		return []plan.Test{where}
	}
	if terms, ok := order[n]; ok {
		return terms
	}
	return n.Terms
}

// estimate is how many rows of the log lie in the span.
func (w *worker) estimate(l *log, in span) int {
	r, ok := w.reach(l, in)
	if !ok {
		return l.n - l.sorted
	}
	return r.hi - r.lo + l.n - l.sorted
}

// summarised tells whether the aggregate reads every row and depends on nothing
// but the rows, so that what it gives holds until they change.
func (w *worker) summarised(a *plan.Aggregate, l *log, in span) bool {
	switch a.Fn {
	case plan.Count, plan.Sum, plan.First, plan.Last:
	default:
		return false
	}
	if in.from != plan.MinInstant {
		return false
	}
	if at := l.stamped(); at != nil && (in.to <= at.value(at.max) || w.asOf <= at.value(at.max)) {
		return false
	}
	return steady(a, l.kind.ordered)
}

// steady tells whether what a row adds to the aggregate depends on nothing but the rows.
// Of their fields that are moments it may read those that seen tells of.
func steady(a *plan.Aggregate, seen func(*plan.Field) bool) bool {
	steady := true
	look := func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Attr, *plan.During, *plan.Recurs:
			steady = false
		case *plan.Field:
			timed := n.Of.Sort == catalog.Instant || n.Of.Sort == catalog.Date
			steady = steady && (!timed || seen(n))
		}
		return steady
	}
	if a.Where != nil {
		plan.Walk(a.Where, look)
	}
	if a.Of != nil && a.Fn == plan.Sum {
		plan.Walk(a.Of, look)
	}
	return steady
}

// choose orders the terms of every And from cheap to dear. A shard says what is
// left to each; what nobody is left for is not computed.
func choose(p *program) {
	w := worker{program: p}
	for _, pl := range p.plans {
		if pl.fallback != "" || pl.err != nil {
			continue
		}
		plan.Walk(pl.root, func(n plan.Node) bool {
			switch n := n.(type) {
			case *plan.And:
				p.order[n] = byCost(n.Terms, w.cost)
				for _, t := range n.Terms {
					p.recent(t)
				}
			case *plan.Aggregate:
				if n.Window.From.Kind == plan.Moment || n.Window.To.Kind == plan.Moment {
					p.dear = append(p.dear, n)
				}
				w.chooseRows(n)
				return n.Window.From.Kind == plan.Moment || n.Window.To.Kind == plan.Moment
			}
			return true
		})
	}
	for _, r := range p.ranks {
		for _, a := range r.counts {
			w.chooseRows(a)
		}
	}
}

// chooseRows finds the term of a filter that postings can answer.
func (w *worker) chooseRows(a *plan.Aggregate) {
	if few, ok := w.selective(a); ok && a.Stamp != nil {
		w.few[a] = few
	}
}

func byCost(terms []plan.Test, cost func(plan.Node) int) []plan.Test {
	out := slices.Clone(terms)
	costs := map[plan.Test]int{}
	for _, t := range out {
		costs[t] = cost(t)
	}
	slices.SortStableFunc(out, func(a, b plan.Test) int { return costs[a] - costs[b] })
	return out
}

// withoutImplied leaves out that a value is none of some where it must be one of
// others.
func withoutImplied(terms []plan.Test) []plan.Test {
	return slices.DeleteFunc(slices.Clone(terms), func(t plan.Test) bool {
		not, ok := t.(*plan.Not)
		if !ok {
			return false
		}
		none, ok := not.Term.(*plan.OneOf)
		return ok && slices.ContainsFunc(terms, func(t plan.Test) bool {
			one, ok := t.(*plan.OneOf)
			return ok && plan.Key(one.X) == plan.Key(none.X) &&
				!slices.ContainsFunc(one.Values, func(v catalog.Value) bool { return slices.ContainsFunc(none.Values, v.Equal) })
		})
	})
}

// rowCost ranks the terms of a filter.
func rowCost(t plan.Node) int {
	cost := 8
	switch t.(type) {
	case *plan.OneOf, *plan.Same, *plan.Has:
		cost = 0 // equality leaves few rows
	case *plan.Not:
		cost = 12
	}
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Field:
			cost += 1 + 4*n.Up
		case *plan.Attr:
			cost += 4
		}
		return true
	})
	return cost
}

// alone tells whether a test that others ask too is better answered for the
// candidates alone: it reads rows since moments of the customer, and those of
// few customers are few.
func (b *batch) alone(n plan.Node) bool {
	if b.candidates == nil || len(b.dear) == 0 || countMask(b.candidates)*sparse > b.n {
		return false
	}
	dear := false
	plan.Walk(n, func(n plan.Node) bool {
		a, ok := n.(*plan.Aggregate)
		dear = dear || ok && slices.Contains(b.dear, a)
		return !dear
	})
	return dear
}

// cost is about how many rows of a typical shard a test reads.
func (w *worker) cost(t plan.Node) int {
	if len(w.snapshot.shards) == 0 {
		return 0
	}
	sh := w.snapshot.shards[len(w.snapshot.shards)/2]
	total := 0
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Like, *plan.Sample:
			total += 8
		case *plan.Member:
			total += 64
		case *plan.Aggregate:
			l := sh.logs[w.snapshot.schema.kind[n.Kind]]
			in, fixed := w.spans[n]
			switch {
			case !fixed:
				total += l.n
			case w.summarised(n, l, in):
				total += 16
			case w.uses[w.class[n]] > 1:
				total += w.estimate(l, in) / 4
			default:
				total += w.estimate(l, in)
			}
			return n.Window.From.Kind == plan.Moment || n.Window.To.Kind == plan.Moment
		}
		return true
	})
	return total
}
