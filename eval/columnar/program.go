package columnar

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// program is what all shards of one Select share: the plans without quotients,
// which of their parts mean the same, windows as instants, choices.
type program struct {
	snapshot *Snapshot
	env      eval.Env
	asOf     int64
	lastDay  int64 // the last calendar day that has begun before as-of
	plans    []*prepared
	ranks    []*ranking
	class    map[plan.Node]int // nodes of equal meaning have equal numbers
	byKey    map[string]int
	keys     []string
	uses     []int // by class: how often the plans read it
	spans    map[plan.Node]span
	nests    map[int]*nest // by class of an aggregate that shares its scan
	order    map[*plan.And][]plan.Test
	dear     []*plan.Aggregate             // with windows that start or end at moments
	having   map[plan.Test]*plan.Aggregate // terms that want rows of a recent window: those rows
	keeps    map[plan.Test]bool
	few      map[*plan.Aggregate]fewValues
	whole    map[*plan.Aggregate]string // keys of the same over all time, of those that moments can answer
	counts   map[int]int                // by class of a ranked aggregate: the class of its number of rows
	ahead    ahead
	calendar *calendar
	stats    *stats

	mu     sync.Mutex
	tables map[tableKey][]uint8
	into   map[tableKey][]uint64
}

// prepared is one plan of a program.
type prepared struct {
	original *plan.Plan
	outline  *outline
	root     plan.Test
	scope    plan.Scope
	ranks    []planRank
	fallback string // why eval answers it customer by customer, "" when columns do
	err      error
}

// span is a window whose ends are the same for all customers.
type span struct{ from, to int64 }

// nest is additive aggregates that differ only in how far their windows reach
// back: one scan, from the shortest to the longest, answers all.
type nest struct {
	to      int64    // where the latest window ends, as far as as-of sees
	members []nested // the shortest first
}

// nested is the aggregates of a nest whose windows start at one instant. They may
// end at different ones, all of them after what as-of sees.
type nested struct {
	from      int64
	aggregate *plan.Aggregate // one of them
	classes   []int
}

type tableKey struct {
	node plan.Node
	dict *dictionary
}

func prepare(s *Snapshot, plans []*plan.Plan, env eval.Env) *program {
	p := &program{
		snapshot: s, env: env, asOf: env.AsOf.UnixMicro(),
		class: make(map[plan.Node]int, nodesOfPlan*len(plans)), byKey: make(map[string]int, nodesOfPlan*len(plans)), spans: map[plan.Node]span{}, nests: map[int]*nest{},
		order: map[*plan.And][]plan.Test{}, having: map[plan.Test]*plan.Aggregate{}, keeps: map[plan.Test]bool{}, few: map[*plan.Aggregate]fewValues{}, whole: map[*plan.Aggregate]string{}, counts: map[int]int{}, tables: map[tableKey][]uint8{}, into: map[tableKey][]uint64{},
	}
	p.calendar = newCalendar(env.Zone)
	p.lastDay = p.firstDayFrom(p.asOf) - 1
	for _, in := range plans {
		p.plans = append(p.plans, p.plan(in))
	}
	for _, pl := range p.plans {
		if pl.fallback == "" && pl.err == nil {
			p.resolve(pl)
		}
	}
	p.nest()
	choose(p)
	p.lookAhead()
	return p
}

// nodesOfPlan is about how many parts a plan has.
const nodesOfPlan = 16

func (p *program) plan(in *plan.Plan) *prepared {
	if in == nil || in.Scope != "" && in.Scope != plan.Members && in.Scope != plan.Guests && in.Scope != plan.Both {
		return &prepared{original: in, err: eval.ErrPlan}
	}
	o := p.snapshot.schema.outline(in)
	out := &prepared{original: in, outline: o, root: o.root, scope: cmp.Or(in.Scope, plan.Members), fallback: o.why}
	for _, n := range o.nodes {
		p.number(n)
	}
	return out
}

// number gives a node its class.
func (p *program) number(n keyed) {
	class, ok := p.byKey[n.key]
	if !ok {
		class = len(p.uses)
		p.byKey[n.key] = class
		p.keys = append(p.keys, n.key)
		p.uses = append(p.uses, 0)
	}
	p.class[n.node] = class
	p.uses[class]++
}

// resolve takes over what is known of the plan, turns its fixed windows into instants and
// finds its ranks.
func (p *program) resolve(pl *prepared) {
	maps.Copy(p.whole, pl.outline.whole)
	maps.Copy(p.order, pl.outline.order)
	maps.Copy(p.keeps, pl.outline.keeps)
	for _, k := range pl.outline.nodes {
		switch n := k.node.(type) {
		case *plan.During:
			p.window(n, n.Window)
		case *plan.Recurs:
			p.window(n, n.Window)
		case *plan.Aggregate:
			p.window(n, n.Window)
		case *plan.Rank:
			p.rank(n, pl)
		}
	}
}

func (p *program) window(n plan.Node, w plan.Window) {
	if from, to, ok := w.Fixed(p.env.AsOf, p.env.Zone); ok {
		p.spans[n] = span{from, to}
	}
}

// nest finds the aggregates that can share a scan.
func (p *program) nest() {
	groups := map[string]*nest{}
	for _, pl := range p.plans {
		if pl.outline == nil {
			continue
		}
		for a, key := range pl.outline.overall {
			w, fixed := p.spans[a]
			if !fixed || w.to < p.asOf || w.from == plan.MinInstant {
				continue
			}
			g := groups[key]
			if g == nil {
				g = &nest{}
				groups[key] = g
			}
			g.to = max(g.to, w.to)
			g.add(w.from, a, p.class[a])
			p.nests[p.class[a]] = g
		}
	}
	for class, g := range p.nests {
		if len(g.members) < 2 {
			delete(p.nests, class)
			continue
		}
		slices.SortFunc(g.members, func(a, b nested) int { return cmp.Compare(b.from, a.from) })
	}
}

func (g *nest) add(from int64, a *plan.Aggregate, class int) {
	for i := range g.members {
		if m := &g.members[i]; m.from == from {
			if !slices.Contains(m.classes, class) {
				m.classes = append(m.classes, class)
			}
			return
		}
	}
	g.members = append(g.members, nested{from, a, []int{class}})
}

func (p *program) kind(name string) *kind {
	return p.snapshot.schema.kinds[p.snapshot.schema.kind[name]]
}

// ordered tells whether the field is what the kind's rows are ordered by.
func (k *kind) ordered(f *plan.Field) bool {
	if f == nil || !k.stamped || f.Up != k.stampUp {
		return false
	}
	at := k
	for range f.Up {
		at = at.parent
	}
	return at.fields[k.stamp].name == f.Name
}

// cap is the largest value of a type that as-of sees.
func (p *program) cap(t catalog.Type, due bool) int64 {
	switch {
	case due:
	case t.Sort == catalog.Instant:
		return p.asOf - 1
	case t.Sort == catalog.Date:
		return p.lastDay
	}
	return uncapped
}

// firstDayFrom is the first calendar day that starts at or after an instant.
func (p *program) firstDayFrom(us int64) int64 {
	day := plan.LocalDay(us, p.env.Zone)
	for plan.StartOfDay(day, p.env.Zone) < us {
		day++
	}
	for plan.StartOfDay(day-1, p.env.Zone) >= us {
		day--
	}
	return day
}

// days are the calendar days that start in a span.
func (p *program) days(w span) span {
	out := w
	if w.from != plan.MinInstant {
		out.from = p.firstDayFrom(w.from)
	}
	if w.to != plan.MaxInstant {
		out.to = p.firstDayFrom(w.to)
	}
	return out
}

// table tells, by the codes of a dictionary, which values pass a test.
func (p *program) table(n plan.Node, d *dictionary, passes func(catalog.Value) bool) []uint8 {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := tableKey{n, d}
	if t, ok := p.tables[key]; ok {
		return t
	}
	values := d.all()
	t := make([]uint8, len(values))
	for i, v := range values {
		t[i] = bit(passes(v))
	}
	p.tables[key] = t
	return t
}

// calendar tells local days quickly: a zone is a list of stretches with one
// offset each.
type calendar struct {
	zone *time.Location

	mu     sync.RWMutex
	starts []int64 // microseconds, ascending; a stretch ends where the next starts
	ends   []int64
	offset []int64
}

func newCalendar(zone *time.Location) *calendar { return &calendar{zone: zone} }

const dayMicros = 24 * 60 * 60 * microsPerSecond

// stretch is the offset in force at us, in [from, to).
func (c *calendar) stretch(us int64) (from, to, offset int64) {
	c.mu.RLock()
	i, ok := slices.BinarySearch(c.starts, us)
	if !ok {
		i--
	}
	if i >= 0 && us < c.ends[i] {
		defer c.mu.RUnlock()
		return c.starts[i], c.ends[i], c.offset[i]
	}
	c.mu.RUnlock()
	t := time.UnixMicro(us).In(c.zone)
	_, seconds := t.Zone()
	start, end := t.ZoneBounds()
	from, to, offset = plan.MinInstant, plan.MaxInstant, int64(seconds)*microsPerSecond
	if !start.IsZero() {
		from = start.UnixMicro()
	}
	if !end.IsZero() {
		to = end.UnixMicro()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok = slices.BinarySearch(c.starts, from)
	if !ok {
		c.starts = slices.Insert(c.starts, i, from)
		c.ends = slices.Insert(c.ends, i, to)
		c.offset = slices.Insert(c.offset, i, offset)
	}
	return from, to, offset
}

// days turns instants into local calendar days, in place.
func (c *calendar) days(ints []int64) {
	from, to, offset := int64(0), int64(0), int64(0)
	for i, us := range ints {
		if us < from || us >= to {
			from, to, offset = c.stretch(us)
		}
		ints[i] = floorDiv(us+offset, dayMicros)
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
