package segmenttest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
)

// Clock is a clock that tests set. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements dangol.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock, forward or back.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Add moves the clock by d.
func (c *Clock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

// world is a small shop in Seoul, at 09:00 on Monday, 2 March 2026.
type world struct {
	t     *testing.T
	ctx   context.Context
	clock *Clock
	data  *faulty
	state segment.Store
	*segment.Service
}

var seoul = time.FixedZone("KST", 9*3600)

// at is a local time of March 2026.
func at(day, hour, min int) time.Time { return time.Date(2026, 3, day, hour, min, 0, 0, seoul) }

func newWorld(t *testing.T, state segment.Store, data store.Store, more ...func(*segment.Config)) *world {
	t.Helper()
	w := &world{t: t, ctx: segment.WithActor(t.Context(), "kim"), clock: &Clock{now: at(2, 9, 0)}, data: &faulty{Store: data}, state: state}
	w.Service = w.another("one", more...)
	return w
}

// another is one more process on the same state.
func (w *world) another(owner string, more ...func(*segment.Config)) *segment.Service {
	cfg := segment.Config{Data: w.data, State: simulated{w.state}, Clock: w.clock, Zone: seoul, Owner: owner}
	for _, f := range more {
		f(&cfg)
	}
	s, err := segment.New(cfg)
	require.NoError(w.t, err)
	return s
}

// simulated is a state in the world's time: its own clock, if it has one, is hidden, so
// that leases end when the world's clock says so.
type simulated struct{ segment.Store }

func (s simulated) Update(ctx context.Context, f func(segment.Tx) error) error {
	return s.Store.Update(ctx, func(tx segment.Tx) error { return f(struct{ segment.Tx }{tx}) })
}

// faulty is customer data that fails, or lets something happen, when it is asked.
type faulty struct {
	store.Store
	mu     sync.Mutex
	before func() error
}

func (f *faulty) set(before func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

func (f *faulty) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return nil, err
		}
	}
	return f.Store.Select(ctx, q)
}

// join adds members who joined at a time.
func (w *world) join(when time.Time, ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		w.apply(store.Change{Customer: dangol.CustomerID(id), Fields: map[string]catalog.Value{
			"joined": catalog.TimeValue(when), "email": catalog.StringValue(id + "@example.com"), "name": catalog.StringValue("=" + id),
		}})
	}
}

// order adds an order of a customer.
func (w *world) order(customer, key string, when time.Time, total int64) {
	w.t.Helper()
	w.apply(store.Change{Customer: dangol.CustomerID(customer), Kind: "all_orders", Key: key, Fields: map[string]catalog.Value{
		"placed": catalog.TimeValue(when), "status": catalog.StringValue("confirmed"), "total": catalog.NumberValue(total),
	}})
}

func (w *world) apply(changes ...store.Change) {
	w.t.Helper()
	require.NoError(w.t, w.data.Apply(w.ctx, changes...))
}

// create saves a group whose id is its name.
func (w *world) create(name, rule string, more ...func(*segment.Definition)) *segment.Result {
	w.t.Helper()
	d := segment.Definition{ID: name, Name: name, Rule: rule}
	for _, f := range more {
		f(&d)
	}
	r, err := w.Create(w.ctx, d)
	require.NoError(w.t, err)
	return r
}

func static(d *segment.Definition) { d.Kind = segment.Static }

// members are the ids of a group's present members, joined by spaces.
func (w *world) members(group string) string {
	w.t.Helper()
	snap, err := w.Snapshot(w.ctx, group)
	require.NoError(w.t, err)
	return w.of(snap)
}

func (w *world) of(snap dangol.Snapshot) string {
	w.t.Helper()
	out, n := "", 0
	for id, err := range w.All(w.ctx, snap) {
		require.NoError(w.t, err)
		if out != "" {
			out += " "
		}
		out += string(id)
		n++
	}
	require.Equal(w.t, snap.Count, n, "the snapshot's count")
	return out
}

// tick goes to a time and refreshes what is due.
func (w *world) tick(when time.Time) []segment.Refreshed {
	w.t.Helper()
	w.clock.Set(when)
	done, err := w.Tick(w.ctx)
	require.NoError(w.t, err)
	return done
}

func (w *world) get(group string) *segment.Listing {
	w.t.Helper()
	g, err := w.Get(w.ctx, group)
	require.NoError(w.t, err)
	return g
}

func (w *world) edit(group string, change func(*segment.Definition)) *segment.Result {
	w.t.Helper()
	r, err := w.Edit(w.ctx, group, change)
	require.NoError(w.t, err)
	return r
}

func ids(list ...string) []dangol.CustomerID {
	out := make([]dangol.CustomerID, len(list))
	for i, id := range list {
		out[i] = dangol.CustomerID(id)
	}
	return out
}
