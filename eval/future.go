package eval

import (
	"slices"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// future follows the answers of one customer's plan as as-of moves on while the
// data stays.
//
// It knows only *when* something may change: when a stored moment comes to be
// seen, and when a moving bound passes one. What then holds is asked of the
// machine, so that the language has one definition. Bounds never move back, so
// each passes each moment once and the seconds to ask at are few.
type future struct {
	now   *machine
	start int64 // as-of, in seconds
	lines map[*plan.Aggregate]line[outcome]
}

func newFuture(m *machine) *future {
	return &future{now: m, start: m.env.AsOf.Unix(), lines: map[*plan.Aggregate]line[outcome]{}}
}

// at is the machine of a later instant, with the aggregates that were followed.
func (f *future) at(t int64) *machine {
	m := *f.now
	m.env.AsOf = time.Unix(t, 0)
	m.asOf = t * second
	m.known = func(a *plan.Aggregate) outcome { return f.aggregate(a).at(t) }
	return &m
}

// clause is a test of the customer with its answers from as-of on.
type clause struct {
	test    plan.Test
	answers line[bool]
	terms   []*clause // of and, or, not
}

// follow follows a test of the customer and all clauses that it is made of.
func (f *future) follow(t plan.Test) *clause {
	switch n := t.(type) {
	case *plan.And:
		return f.join(t, n.Terms, true, func(a, b bool) bool { return a && b })
	case *plan.Or:
		return f.join(t, n.Terms, false, func(a, b bool) bool { return a || b })
	case *plan.Not:
		return f.join(t, []plan.Test{n.Term}, true, func(_, b bool) bool { return !b })
	}
	c := &clause{test: t}
	for _, s := range f.sorted(f.changes(t, nil)) {
		c.answers = append(c.answers, step[bool]{s, f.at(s).test(t, nil)})
	}
	c.answers = flat(c.answers)
	return c
}

func (f *future) join(t plan.Test, terms []plan.Test, neutral bool, by func(a, b bool) bool) *clause {
	c := &clause{test: t, answers: line[bool]{{f.start, neutral}}}
	for _, term := range terms {
		below := f.follow(term)
		c.terms = append(c.terms, below)
		c.answers = both(c.answers, below.answers, by)
	}
	return c
}

// exists follows whether the customer is in the population: from the first second
// after the moment on, or always.
func (f *future) exists(scope plan.Scope) line[bool] {
	var out line[bool]
	for _, s := range f.sorted(f.seen(since(f.now.c), false)) {
		env := f.now.env
		env.AsOf = time.Unix(s, 0)
		out = append(out, step[bool]{s, Exists(f.now.c, scope, env)})
	}
	return flat(out)
}

// sorted are as-of and the later ones of the seconds, each once.
func (f *future) sorted(seconds []int64) []int64 {
	seconds = append(seconds, f.start)
	seconds = slices.DeleteFunc(seconds, func(s int64) bool { return s < f.start || s == never })
	slices.Sort(seconds)
	return slices.Compact(seconds)
}

// aggregate follows an aggregate's value. There is a step wherever the selected
// records change, also where the value then happens to be the same.
func (f *future) aggregate(a *plan.Aggregate) line[outcome] {
	if l, ok := f.lines[a]; ok {
		return l
	}
	l := f.sweep(a)
	f.lines[a] = l
	return l
}

// event is a record that is, from a second on, selected or not.
type event struct {
	at     int64
	record int
	in     bool
	hit    hit
}

func (f *future) sweep(a *plan.Aggregate) line[outcome] {
	if a.Stamp == nil && a.Window != (plan.Window{}) {
		f.now.selected(a, nil) // reports it
		return line[outcome]{{f.start, outcome{}}}
	}
	records := f.now.c.Records[a.Kind]
	moments := f.momentChanges(a.Window, nil)
	events := make([]event, 0, 2*len(records))
	for i, r := range records {
		events = f.selects(events, a, i, r, moments)
	}
	slices.SortStableFunc(events, func(x, y event) int { return compareInts(x.at, y.at) })
	steps := moments
	for _, e := range events {
		steps = append(steps, e.at)
	}
	sel := newSelection(f.now, a, len(records))
	var out line[outcome]
	for _, t := range f.sorted(steps) {
		for len(events) > 0 && events[0].at <= t {
			sel.apply(events[0])
			events = events[1:]
		}
		var v outcome
		if _, _, ok := f.at(t).window(a, a.Window, nil); ok {
			v = outcome{sel.value(), sel.n > 0}
		}
		out = append(out, step[outcome]{t, v})
	}
	return out
}

// selects adds when the aggregate comes to select one record and when it ceases to.
func (f *future) selects(events []event, a *plan.Aggregate, i int, r *Record, moments []int64) []event {
	var steps []int64
	if a.Stamp != nil {
		stamp := storedField(a.Stamp, r)
		us, ok := moment(stamp, f.now.env.Zone)
		if !ok || f.gone(a.Window.From, us) {
			return events
		}
		steps = append(steps, f.seen(stamp, false)...)
		steps = append(steps, f.passes(a.Window, []int64{us}, 0, nil)...)
	}
	steps = append(steps, moments...)
	if a.Where != nil {
		steps = append(steps, f.changes(a.Where, r)...)
	}
	if a.Of != nil {
		steps = append(steps, f.changes(a.Of, r)...)
	}
	was := false
	for _, t := range f.sorted(steps) {
		m := f.at(t)
		from, to, ok := m.window(a, a.Window, nil)
		var h hit
		in := false
		if ok {
			h, in = m.pick(a, r, from, to)
		}
		if in || was {
			events = append(events, event{t, i, in, h})
		}
		was = in
	}
	return events
}

// gone tells whether a record's stamp lies before the window for good.
func (f *future) gone(from plan.Bound, us int64) bool {
	if from.Kind == plan.Open || from.Kind == plan.Moment {
		return false
	}
	b, ok := from.Instant(f.now.env.AsOf, f.now.env.Zone)
	return ok && us < b
}

// seen are the seconds at which a stored moment that lies ahead comes to be seen.
func (f *future) seen(v catalog.Value, due bool) []int64 {
	us, ok := moment(v, f.now.env.Zone)
	if !ok || due || us < f.now.asOf {
		return nil
	}
	return []int64{firstAfter(us)}
}

// firstAfter is the first whole second after a microsecond.
func firstAfter(us int64) int64 { return floorDiv(us, second) + 1 }
