package columnar

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Matcher answers plans for one customer of a Table as it is now: at a checkout.
// Plans are compiled to closures over the customer's rows, of which each part is
// read once for all plans; a question takes no memory. The first questions list the
// rows by customer and copy the fields that plans read in that order: four bytes a
// row, and as much as those columns, of the Table, for all its Matchers. A Matcher
// is safe for concurrent use.
type Matcher struct {
	table      *Table
	env        eval.Env
	plans      []compiled
	spans      []windowed
	lanes      []laneOf
	sieves     []sieveOf
	classes    int
	often      []int // kinds that plans read, where these are many
	attrs      []int // attributes that plans read
	selections []*selection
	bounds     atomic.Pointer[bounds] // of the last second asked about
	hints      atomic.Pointer[hints]
	cursors    sync.Pool
}

// compiled is one plan of a Matcher.
type compiled struct {
	original *plan.Plan
	scope    plan.Scope
	steps    []step
	fallback bool // package eval answers
}

// windowed is a node with a window of the same ends for all customers.
type windowed struct {
	window plan.Window
	dates  bool // X is a date: the window is of calendar days
	recurs bool
}

// bounds is what a Matcher knows of one instant.
type bounds struct {
	asked   time.Time
	asOf    int64
	at      time.Time
	lastDay int64
	spans   []span
	years   []*[13][32]uint8
}

// cursor is where an evaluation stands: the customer, and the row, at hand.
type cursor struct {
	*bounds
	matcher *Matcher
	shard   *shard
	local   int
	turn    uint64 // grows with every question: what is of another is out of date
	decks   []deck // by kind
	lanes   []lane
	sieves  []sieve
	kept    []keptValue
	row     int // of a deck
	goal    int // up to where the rows are being gone through
	got     findings
	seen    []uint64    // of distinct
	rows    [][2]uint32 // by the matcher's often: where the customer's rows were in the index
	stand   stand
	stands  []stand // of a Reader, by the matcher's selections: direct and fixed ones in the shard at hand; nil for none
	err     error
}

// keptValue is the value of an aggregate that several plans read.
type keptValue struct {
	turn  uint64
	value int64
	known bool
}

func (m *Matcher) cursor() *cursor {
	return &cursor{
		matcher: m, decks: make([]deck, len(m.table.schema.kinds)),
		lanes: make([]lane, len(m.lanes)), sieves: make([]sieve, len(m.sieves)), kept: make([]keptValue, m.classes),
		rows: make([][2]uint32, len(m.often)),
	}
}

// Matcher compiles plans. env holds the zone, the memberships of groups and the
// cuts of ranks; its AsOf is not read. The error is for plans that are none, and
// for ranks without a cut: eval.ErrPlan, eval.ErrEnv.
func (t *Table) Matcher(plans []*plan.Plan, env eval.Env) (*Matcher, error) {
	if env.Zone == nil {
		env.Zone = time.UTC
	}
	m := &Matcher{table: t, env: env}
	p := &program{snapshot: &Snapshot{schema: t.schema}, env: env, class: map[plan.Node]int{}, byKey: map[string]int{}}
	var all []*prepared
	for _, in := range plans {
		pl := p.plan(in)
		if pl.err != nil {
			return nil, pl.err
		}
		if err := answerable(pl.original, env); err != nil {
			return nil, err
		}
		all = append(all, pl)
	}
	c := &closures{schema: t.schema, matcher: m, program: p, calendar: newCalendar(env.Zone), sieves: map[string]int{}}
	c.guests = slices.ContainsFunc(all, func(pl *prepared) bool { return pl.scope != plan.Members })
	for _, pl := range all {
		out := compiled{original: pl.original, scope: pl.scope, fallback: pl.fallback != ""}
		if !out.fallback {
			out.steps = c.steps(pl.root, nil)
		}
		m.plans = append(m.plans, out)
	}
	m.classes = len(p.uses)
	m.often, m.attrs = readBy(all, t.schema)
	m.cursors.New = func() any { return m.cursor() }
	return m, nil
}

// manyPlans is from how many plans on a little of all that they read is read before
// they are asked.
const manyPlans = 2

// readBy are the kinds that the plans read, where they are many, and the attributes
// that any does.
func readBy(plans []*prepared, s *schema) (often, attrs []int) {
	for _, pl := range plans {
		plan.Walk(pl.root, func(n plan.Node) bool {
			switch n := n.(type) {
			case *plan.Aggregate:
				if i, ok := s.kind[n.Kind]; ok && len(plans) >= manyPlans && !slices.Contains(often, i) {
					often = append(often, i)
				}
			case *plan.Attr:
				if i, ok := s.attr[n.Name]; ok && !slices.Contains(attrs, i) {
					attrs = append(attrs, i)
				}
			}
			return true
		})
	}
	if s.joined >= 0 && !slices.Contains(attrs, s.joined) { // tells whether a member exists
		attrs = append(attrs, s.joined)
	}
	return often, attrs
}

// answerable tells whether the environment has what the plan reads.
func answerable(p *plan.Plan, env eval.Env) error {
	lacks := *p
	for _, r := range eval.Ranks(p) {
		if _, ok := env.Cuts[eval.RankKey(r)]; !ok {
			lacks.Root = r
			_, err := eval.Eval(&lacks, &eval.Customer{}, env)
			return err
		}
	}
	return nil
}

// Matches writes into in, plan by plan, whether the customer belongs to the
// plan's population and its test holds at asOf. found is false, and in untouched,
// where there is no such customer. The error is what Memberships return.
func (m *Matcher) Matches(id dangol.CustomerID, asOf time.Time, in []bool) (found bool, err error) {
	now := m.at(asOf)
	t := m.table
	t.mu.RLock()
	defer t.mu.RUnlock()
	x := m.cursors.Get().(*cursor)
	x.bounds = now
	hash := t.where.hash(id)
	if guess, ok := t.where.guess(hash); ok {
		x.begin(t.shards[guess>>shardBits], int(guess&slotMask))
		if len(m.often) > 0 {
			x.hint(int(guess>>shardBits)).fetch(x.local, x.rows)
			fetchID(x.shard.ids[x.local])
		}
	}
	place, ok := t.where.hashed(id, hash, t.id)
	if ok {
		if sh, local := t.shards[place>>shardBits], int(place&slotMask); x.shard != sh || x.local != local {
			x.begin(sh, local)
		}
		err = x.ask(in)
	}
	x.shard, x.bounds = nil, nil
	m.cursors.Put(x)
	return ok, err
}

// begin puts a customer at hand.
func (x *cursor) begin(sh *shard, local int) {
	x.shard, x.local, x.err = sh, local, nil
	x.turn++
}

// ask answers all plans for the customer at hand.
func (x *cursor) ask(in []bool) error {
	m := x.matcher
	for i := range m.plans {
		p := &m.plans[i]
		if p.fallback {
			var err error
			if in[i], err = m.slow(p, x); err != nil {
				return err
			}
			continue
		}
		in[i] = p.test(x) && m.table.schema.exists(x.shard, x.local, p.scope, x.bounds)
	}
	return x.err
}

func (p *compiled) test(x *cursor) bool {
	for i := range p.steps {
		if !p.steps[i].test(x) {
			return false
		}
	}
	return true
}

// slow answers by package eval.
func (m *Matcher) slow(p *compiled, x *cursor) (bool, error) {
	env := m.env
	env.AsOf = x.at
	return eval.Eval(p.original, m.table.schema.customer(x.shard, x.local), env)
}

// exists tells whether the customer belongs to a population.
func (s *schema) exists(sh *shard, local int, scope plan.Scope, now *bounds) bool {
	since := s.joined
	switch sh.state[local] {
	case member:
		if scope == plan.Guests {
			return false
		}
	case guest:
		if scope == plan.Members {
			return false
		}
		since = s.seen
	default:
		return false
	}
	if since < 0 {
		return true
	}
	v, ok := integer(sh.attrs[since], local)
	switch s.attrs[since].of.Sort {
	case catalog.Instant:
		return !ok || v < now.asOf
	case catalog.Date:
		return !ok || v <= now.lastDay
	}
	return true
}

// integer is the value of a column at i.
func integer(c *codes, i int) (int64, bool) {
	if c == nil || i >= c.n {
		return 0, false
	}
	code := c.at(i)
	return c.value(code), code != 0
}

// at is the bounds of an instant: those of the last question, when they are of
// the same second.
func (m *Matcher) at(asOf time.Time) *bounds {
	asked := asOf
	if b := m.bounds.Load(); b != nil && b.asked == asked {
		return b
	}
	asOf = asOf.Truncate(time.Second)
	us := asOf.UnixMicro()
	if b := m.bounds.Load(); b != nil && b.asOf == us {
		return b
	}
	p := &program{env: m.env, asOf: us}
	b := &bounds{asked: asked, asOf: us, at: asOf, lastDay: p.firstDayFrom(us) - 1, spans: make([]span, len(m.spans)), years: make([]*[13][32]uint8, len(m.spans))}
	for i, w := range m.spans {
		from, to, _ := w.window.Fixed(asOf, m.env.Zone)
		b.spans[i] = span{from, to}
		switch {
		case w.recurs && from < to && from != plan.MinInstant && to != plan.MaxInstant:
			year := yearTable(plan.LocalDay(from, m.env.Zone), plan.LocalDay(to-1, m.env.Zone))
			b.years[i] = &year
		case w.dates:
			b.spans[i] = p.days(b.spans[i])
		}
	}
	m.bounds.Store(b)
	return b
}

// window makes room for a window of the same ends for all, and says where.
func (m *Matcher) window(w windowed) int {
	m.spans = append(m.spans, w)
	return len(m.spans) - 1
}

// different sorts the cursor's list and counts its different values.
func (x *cursor) different() int64 {
	slices.Sort(x.seen)
	n := int64(0)
	for i, v := range x.seen {
		if i == 0 || v != x.seen[i-1] {
			n++
		}
	}
	return n
}
