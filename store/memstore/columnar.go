package memstore

import (
	"context"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
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
	of      *state // what the table says
	changed int    // customers since the last compaction
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

// snapshot is the state as columns.
func (c *columns) snapshot(ctx context.Context, cat *catalog.Catalog, now *state) (*columnar.Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.become(ctx, cat, now); err != nil {
		return nil, err
	}
	return c.table.Snapshot(), nil
}

// become brings the table to a state. The caller holds the lock.
func (c *columns) become(ctx context.Context, cat *catalog.Catalog, now *state) error {
	if c.table != nil && c.of == now {
		return nil
	}
	if c.table == nil {
		table, err := columnar.New(cat, columnar.Options{})
		if err != nil {
			return err
		}
		c.table, c.of = table, &state{}
	}
	n, err := c.follow(ctx, now)
	if err != nil {
		c.table, c.of = nil, nil // half-way: whoever is next starts again
		return err
	}
	c.of = now
	if c.changed += n; c.changed > compactAfter {
		c.changed = 0
		c.tidy.start(c.table)
	}
	return nil
}

// follow makes the table say what now says and tells how many customers differed.
func (c *columns) follow(ctx context.Context, now *state) (int, error) {
	old, next := cursor{pages: c.of.pages}, cursor{pages: now.pages}
	var changed []*eval.Customer
	n := 0
	for {
		if old.i == 0 && next.i == 0 {
			if err := ctx.Err(); err != nil {
				return n, err
			}
			if old.samePage(next) {
				old.pages, next.pages = old.pages[1:], next.pages[1:]
				continue
			}
			n += len(changed)
			if err := c.table.Put(changed...); err != nil {
				return n, err
			}
			changed = changed[:0]
		}
		was, is := old.customer(), next.customer()
		switch {
		case was == nil && is == nil:
			return n, nil
		case is == nil || was != nil && was.ID < is.ID:
			c.table.Delete(was.ID)
			n++
			old.step()
		case was == nil || is.ID < was.ID:
			changed = append(changed, is)
			next.step()
		default:
			if was != is {
				changed = append(changed, is)
			}
			old.step()
			next.step()
		}
	}
}

// cursor walks the customers of a state in the order of their ids.
type cursor struct {
	pages []page
	i     int // in the first page
}

func (c *cursor) customer() *eval.Customer {
	if len(c.pages) == 0 {
		return nil
	}
	return c.pages[0][c.i]
}

func (c *cursor) step() {
	if c.i++; c.i == len(c.pages[0]) {
		c.pages, c.i = c.pages[1:], 0
	}
}

// samePage tells whether both stand at the start of one and the same page.
func (c *cursor) samePage(d cursor) bool {
	return len(c.pages) > 0 && len(d.pages) > 0 && len(c.pages[0]) == len(d.pages[0]) && &c.pages[0][0] == &d.pages[0][0]
}

// byColumns answers a query over a state by the columnar engine.
func (s *Store) byColumns(ctx context.Context, q store.Query, now *state) ([]store.Answer, error) {
	readAt := s.opts.Clock.Now()
	snapshot, err := s.columns.snapshot(ctx, s.schema.Catalog, now)
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
	err := c.become(ctx, m.store.schema.Catalog, m.store.now.Load())
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
