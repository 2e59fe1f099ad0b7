package memstore

import (
	"context"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// Matcher answers plans for one customer at a time, as the store is at that
// moment: at a checkout. It is safe for concurrent use.
type Matcher struct {
	store *Store
	plans []*plan.Plan
	env   eval.Env
	by    *columnar.Matcher
}

// Matcher compiles plans. env holds the zone, the memberships of groups and the
// cuts of ranks, such as those of an earlier Select; its AsOf is not read. The
// error is eval.ErrPlan or eval.ErrEnv.
func (s *Store) Matcher(ctx context.Context, plans []*plan.Plan, env eval.Env) (*Matcher, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := s.table
	if t == nil {
		var err error // of an empty table, which tells what is wrong with the plans
		if t, err = newTable(s.schema.Catalog, 0); err != nil {
			return nil, err
		}
	}
	by, err := t.Matcher(plans, env)
	if err != nil {
		return nil, err
	}
	return &Matcher{store: s, plans: plans, env: env, by: by}, nil
}

// Matches writes into in, plan by plan, whether the customer belongs to the plan's
// population and its test holds at asOf, or returns store.ErrNotFound. It takes no
// memory, but for the first questions after very many changes.
func (m *Matcher) Matches(ctx context.Context, id dangol.CustomerID, asOf time.Time, in []bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	found, err := m.matches(id, asOf, in)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return err
}

func (m *Matcher) matches(id dangol.CustomerID, asOf time.Time, in []bool) (found bool, err error) {
	if m.store.table != nil {
		return m.by.Matches(id, asOf, in)
	}
	c, ok := m.store.home.customer(id)
	if !ok {
		return false, nil
	}
	return true, m.eval(c, asOf, in)
}

// eval answers by package eval as many plans as in has room for.
func (m *Matcher) eval(c *eval.Customer, asOf time.Time, in []bool) error {
	env := m.env
	env.AsOf = asOf
	for i, p := range m.plans[:min(len(in), len(m.plans))] {
		var err error
		if in[i], err = eval.Eval(p, c, env); err != nil {
			return err
		}
	}
	return nil
}

// Reader answers a Matcher's plans for many customers at one instant, over one state
// of the store: that of the moment at which the Reader was made. Changes since then, and
// changes meanwhile, it does not see; as long as it is held, so is the memory of what
// they replaced. The plans are bound to the instant: their windows are worked out once
// for the eight thousand customers that stand together, which takes some microseconds
// and a few hundred bytes a test, and then a question takes neither memory nor locks.
//
// A Reader is not safe for concurrent use. Several goroutines that want one state make
// a Reader each and share the places that one of them found: a place is answered as the
// state was in which it was found.
type Reader struct {
	matcher  *Matcher
	asOf     time.Time
	by       *columnar.Reader
	snapshot *columnar.Snapshot
	state    *state // instead of by and snapshot, where package eval answers
}

// Place is where a Reader found a customer. It is of use to Readers of the same
// store.
type Place struct {
	at columnar.Place
	of *eval.Customer
}

// Reader binds the plans to an instant, over the state of this moment.
func (m *Matcher) Reader(asOf time.Time) *Reader {
	r := &Reader{matcher: m, asOf: asOf}
	if p, ok := m.store.home.(*pages); ok {
		r.state = p.now.Load()
		return r
	}
	r.by, r.snapshot = m.by.Reader(asOf), m.store.table.Snapshot()
	return r
}

// Find is the place of a customer or guest, not ok when there is none. It may wait for
// a change that is being made.
func (r *Reader) Find(id dangol.CustomerID) (Place, bool) {
	if r.state != nil {
		c := r.state.customer(id)
		return Place{of: c}, c != nil
	}
	p, ok := r.snapshot.Find(id)
	return Place{at: p}, ok
}

// All yields every customer and guest with the place, in no particular order.
func (r *Reader) All() iter.Seq2[dangol.CustomerID, Place] {
	return func(yield func(dangol.CustomerID, Place) bool) {
		if r.state != nil {
			for _, page := range r.state.pages {
				for _, c := range page {
					if !yield(c.ID, Place{of: c}) {
						return
					}
				}
			}
			return
		}
		for id, p := range r.snapshot.All() {
			if !yield(id, Place{at: p}) {
				return
			}
		}
	}
}

// Matches is Matcher.Matches for the customer of a place.
func (r *Reader) Matches(p Place, in []bool) error {
	if r.by == nil {
		return r.matcher.eval(p.of, r.asOf, in)
	}
	return r.by.Matches(p.at, in)
}

// Holds is Matches of the Matcher's first plan alone.
func (r *Reader) Holds(p Place) (bool, error) {
	if r.by == nil {
		var in [1]bool
		err := r.matcher.eval(p.of, r.asOf, in[:])
		return in[0], err
	}
	return r.by.Holds(p.at)
}
