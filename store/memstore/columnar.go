package memstore

import (
	"context"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// columns is the store's data once more, as columns: what Select reads. It is
// made by the first Select and brought up to date by each one after a change, so
// that writers do not pay for it. Both sides hold immutable customers: what
// differs is found by comparing pointers, page by page.
type columns struct {
	mu      sync.Mutex
	table   *columnar.Table
	of      *state              // what the table says
	halfway []dangol.CustomerID // whom a follow reached that was broken off
	changed int                 // customers since the last compaction
	tidy    tidier
}

// tidier compacts a table in the background, one compaction at a time.
type tidier struct {
	mu     sync.Mutex
	closed bool
	stop   context.CancelFunc // of the compaction under way, nil for none
	done   sync.WaitGroup
}

// start compacts a table unless a compaction is under way.
func (t *tidier) start(table *columnar.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.done.Go(func() {
		_ = table.Compact(ctx, false) // it ends early with ctx alone, and can
		stop()
		t.mu.Lock()
		t.stop = nil
		t.mu.Unlock()
	})
}

// close ends the compaction under way and lets no other start.
func (t *tidier) close() {
	t.mu.Lock()
	t.closed = true
	if t.stop != nil {
		t.stop()
	}
	t.mu.Unlock()
	t.done.Wait()
}

// compactAfter is how many changed customers make it worthwhile to look for logs
// that have become untidy.
const compactAfter = 1024

// snapshot is the store's state as columns.
func (s *Store) snapshot(ctx context.Context) (*columnar.Snapshot, error) {
	c := &s.columns
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.follow(ctx); err != nil {
		return nil, err
	}
	return c.table.Snapshot(), nil
}

// follow brings the columns to the store's state. The caller holds their lock, so
// that they never go back to an older one.
func (s *Store) follow(ctx context.Context) error {
	c, now := &s.columns, s.now.Load()
	if c.table != nil && c.of == now {
		return nil
	}
	if c.table == nil {
		table, err := columnar.New(s.schema.Catalog, columnar.Options{})
		if err != nil {
			return err
		}
		c.table, c.of = table, &state{}
	}
	if err := c.again(now); err != nil {
		return err
	}
	touched, err := c.become(ctx, now)
	if err != nil {
		c.halfway = append(c.halfway, touched...)
		return err
	}
	c.of, c.halfway = now, nil
	if c.changed += len(touched); c.changed > compactAfter {
		c.changed = 0
		c.tidy.start(c.table)
	}
	return nil
}

// again writes those anew whom a follow reached that was broken off.
func (c *columns) again(now *state) error {
	for _, id := range c.halfway {
		customer, ok := now.customer(id)
		if !ok {
			c.table.Delete(id)
		} else if err := c.table.Put(customer); err != nil {
			return err
		}
	}
	return nil
}

// become makes the table say what now says and tells who differed, as far as it
// came.
func (c *columns) become(ctx context.Context, now *state) (touched []dangol.CustomerID, err error) {
	old, next := cursor{pages: c.of.pages}, cursor{pages: now.pages}
	var changed []*eval.Customer
	for {
		if old.i == 0 && next.i == 0 {
			if err := ctx.Err(); err != nil {
				return touched, err
			}
			if old.samePage(next) {
				old.pages, next.pages = old.pages[1:], next.pages[1:]
				continue
			}
			if err := c.table.Put(changed...); err != nil {
				return touched, err
			}
			changed = changed[:0]
		}
		was, is := old.edit(), next.edit()
		if was == nil && is == nil {
			return touched, c.table.Put(changed...)
		}
		if is == nil || was != nil && was.id < is.id {
			c.table.Delete(was.id)
			touched = append(touched, was.id)
			old.step()
			continue
		}
		next.step()
		if was != nil && was.id == is.id {
			old.step()
			if was.now == is.now {
				continue
			}
		}
		touched = append(touched, is.id)
		if is.now == nil {
			c.table.Delete(is.id)
		} else {
			changed = append(changed, is.now)
		}
	}
}

// byColumns answers a query by the columnar engine.
func (s *Store) byColumns(ctx context.Context, q store.Query) ([]store.Answer, error) {
	readAt := s.opts.Clock.Now()
	snapshot, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	answers := make([]store.Answer, len(q.Plans))
	var plans []*plan.Plan
	var asked []int
	for i, p := range q.Plans {
		if answers[i] = q.Frame(p, readAt); answers[i].Err == nil {
			plans, asked = append(plans, p), append(asked, i)
		}
	}
	got, err := snapshot.Select(ctx, plans, q.Env(), columnar.Run{Workers: s.opts.Parallel})
	if err != nil {
		return nil, err
	}
	for i, a := range got {
		to := &answers[asked[i]]
		to.Cuts, to.Err = a.Cuts, a.Err
		if a.Err == nil {
			to.Members = a.Members
		}
	}
	return answers, nil
}

// Matcher answers plans for one customer at a time, as the store is at that
// moment: at a checkout. It is safe for concurrent use.
type Matcher struct {
	store *Store
	plans []*plan.Plan
	env   eval.Env

	mu    sync.Mutex
	table *columnar.Table
	by    *columnar.Matcher
}

// Matcher compiles plans. env holds the zone, the memberships of groups and the
// cuts of ranks, such as those of an earlier Select; its AsOf is not read. The
// error is eval.ErrPlan or eval.ErrEnv.
func (s *Store) Matcher(ctx context.Context, plans []*plan.Plan, env eval.Env) (*Matcher, error) {
	m := &Matcher{store: s, plans: plans, env: env}
	if _, err := m.current(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Matches writes into in, plan by plan, whether the customer belongs to the plan's
// population and its test holds at asOf, or returns store.ErrNotFound. The first
// question after a change brings the columns up to date; others take no memory.
func (m *Matcher) Matches(ctx context.Context, id dangol.CustomerID, asOf time.Time, in []bool) error {
	by, err := m.current(ctx)
	if err != nil {
		return err
	}
	found, err := by.Matches(id, asOf, in)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return err
}

// current is the matcher over the store's columns, which are brought to the
// store's state.
func (m *Matcher) current(ctx context.Context) (*columnar.Matcher, error) {
	c := &m.store.columns
	c.mu.Lock()
	err := m.store.follow(ctx)
	table := c.table
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table != table {
		by, err := table.Matcher(m.plans, m.env)
		if err != nil {
			return nil, err
		}
		m.table, m.by = table, by
	}
	return m.by, nil
}
