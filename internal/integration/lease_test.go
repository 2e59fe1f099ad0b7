package integration_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/stretchr/testify/require"
)

// wrong is a clock that is off by a time.
func wrong(by time.Duration) dangol.Clock {
	return dangol.ClockFunc(func() time.Time { return time.Now().Add(by) })
}

// busy is a provider whose first message takes until it is let go.
type busy struct {
	gateway
	began, goOn chan struct{}
}

func newBusy() *busy { return &busy{began: make(chan struct{}), goOn: make(chan struct{})} }

func (b *busy) Send(ctx context.Context, m message.Message) (message.Receipted, error) {
	select {
	case <-b.began:
	default:
		close(b.began)
		<-b.goOn
	}
	return b.gateway.Send(ctx, m)
}

// A process with a wrong clock, hours ahead or behind, takes nobody from the one that
// has claimed them, and the right one takes nobody from it.
func TestMessageLeaseByTheDatabasesClock(t *testing.T) {
	const n = 6
	onEngines(t, func(t *testing.T, h home) {
		for _, off := range []time.Duration{5 * time.Hour, -5 * time.Hour} {
			for _, wrongHolds := range []bool{true, false} {
				ctx, name, everybody := t.Context(), prefix(), crowdOf(n)
				slow, fast := newBusy(), &gateway{}
				process := func(clock dangol.Clock, sender message.Sender) *message.Service {
					store, err := messagesql.Open(ctx, h.db, h.dialect, messagesql.Options{Prefix: name})
					require.NoError(t, err)
					svc, err := message.New(message.Config{
						Store: store, Audience: everybody, Contacts: everybody, Clock: clock,
						Senders: map[message.Channel]message.Sender{message.SMS: sender},
					})
					require.NoError(t, err)
					return svc
				}
				holds, comes := wrong(0), wrong(off)
				if wrongHolds {
					holds, comes = comes, holds
				}
				holder, other := process(holds, slow), process(comes, fast)
				start := time.Now().Add(-6 * time.Hour) // due by every clock
				_, err := holder.Save(ctx, message.Campaign{ID: "all", Purpose: message.Informational, Groups: []string{"all"}, Lateness: 48 * time.Hour,
					Schedule: message.Schedule{Start: start}, Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
				require.NoError(t, err)
				require.NoError(t, holder.Start(ctx, "all"))
				done := make(chan error)
				go func() {
					_, err := holder.Tick(ctx)
					done <- err
				}()
				<-slow.began // it has claimed everybody
				p, err := other.Tick(ctx)
				require.NoError(t, err)
				require.Zero(t, p.Submitted+p.Decided, "off by %v, held by the wrong clock: %v", off, wrongHolds)
				close(slow.goOn)
				require.NoError(t, <-done)
				require.Empty(t, fast.took)
				require.Len(t, slow.took, n)
				res, err := holder.Results(ctx, "all")
				require.NoError(t, err)
				require.Equal(t, map[message.RecipientState]int{message.Submitted: n}, res.Outcomes)
			}
		}
	})
}

// A process whose clock stands still is not kept from losing its claim: when the lease
// is over by the database's clock others take over, and it hands over nothing more.
func TestMessageLeaseEndsForAClockThatStands(t *testing.T) {
	const n = 6
	onEngines(t, func(t *testing.T, h home) {
		ctx, name, everybody := t.Context(), prefix(), crowdOf(n)
		stands := time.Now().Add(-5 * time.Hour)
		slow, fast := newBusy(), &gateway{}
		process := func(clock dangol.Clock, sender message.Sender) *message.Service {
			store, err := messagesql.Open(ctx, h.db, h.dialect, messagesql.Options{Prefix: name})
			require.NoError(t, err)
			svc, err := message.New(message.Config{
				Store: store, Audience: everybody, Contacts: everybody, Clock: clock, Lease: time.Second,
				Senders: map[message.Channel]message.Sender{message.SMS: sender},
			})
			require.NoError(t, err)
			return svc
		}
		holder := process(dangol.ClockFunc(func() time.Time { return stands }), slow)
		other := process(wrong(0), fast)
		_, err := holder.Save(ctx, message.Campaign{ID: "all", Purpose: message.Informational, Groups: []string{"all"}, Lateness: 48 * time.Hour,
			Schedule: message.Schedule{Start: stands.Add(-time.Hour)}, Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
		require.NoError(t, err)
		require.NoError(t, holder.Start(ctx, "all"))
		done := make(chan error)
		go func() {
			_, err := holder.Tick(ctx)
			done <- err
		}()
		<-slow.began
		require.Eventually(t, func() bool {
			_, err := other.Tick(ctx)
			require.NoError(t, err)
			c, err := other.Campaign(ctx, "all")
			require.NoError(t, err)
			return c.State == message.Done
		}, 20*time.Second, 50*time.Millisecond)
		close(slow.goOn)
		require.NoError(t, <-done)
		require.Len(t, slow.took, 1, "only what was in flight when the lease ended")
		require.Len(t, fast.took, n-1)
		for key := range slow.took {
			require.NotContains(t, fast.took, key)
		}
		res, err := other.Results(ctx, "all")
		require.NoError(t, err)
		require.Equal(t, n, res.Outcomes[message.Submitted], "what the first one sent came to be known: %v", res.Outcomes)
	})
}

// waiting is customer data that answers when it is let go.
type waiting struct {
	store.Store
	asked, goOn chan struct{}
}

func (w *waiting) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	close(w.asked)
	<-w.goOn
	return w.Store.Select(ctx, q)
}

// dead is a state that nothing reaches any more once the process has died.
type dead struct {
	segment.Store
	now atomic.Bool
}

func (d *dead) Update(ctx context.Context, f func(segment.Tx) error) error {
	if d.now.Load() {
		return errors.New("the process died")
	}
	return d.Store.Update(ctx, f)
}

// The same for a refresh: a wrong clock neither steals its lease nor loses its own, and
// the lease of one that died ends in time, however far ahead its clock was.
func TestSegmentLeaseByTheDatabasesClock(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		ctx := t.Context()
		data, err := memstore.New(catalog.Shop(), memstore.Options{})
		require.NoError(t, err)
		for _, off := range []time.Duration{5 * time.Hour, -5 * time.Hour} {
			for _, wrongHolds := range []bool{true, false} {
				name := prefix()
				process := func(clock dangol.Clock, data store.Store, wrap func(segment.Store) segment.Store) *segment.Service {
					var state segment.Store
					state, err := segmentsql.Open(ctx, h.db, h.dialect, segmentsql.Options{Prefix: name})
					require.NoError(t, err)
					if wrap != nil {
						state = wrap(state)
					}
					s, err := segment.New(segment.Config{Data: data, State: state, Clock: clock, Lease: time.Second})
					require.NoError(t, err)
					return s
				}
				_, err = process(wrong(0), data, nil).Create(ctx, segment.Definition{ID: "g", Name: "g", Rule: "orders"})
				require.NoError(t, err)

				holds, comes := wrong(0), wrong(off)
				if wrongHolds {
					holds, comes = comes, holds
				}
				slow := &waiting{data, make(chan struct{}), make(chan struct{})}
				holder, other := process(holds, slow, nil), process(comes, data, nil)
				type answer struct {
					done []segment.Refreshed
					err  error
				}
				first := make(chan answer)
				go func() {
					done, err := holder.Refresh(ctx, "g")
					first <- answer{done, err}
				}()
				<-slow.asked // it has the lease
				refused, err := other.Refresh(ctx, "g")
				require.NoError(t, err)
				var lease *segment.LeaseError
				require.ErrorAs(t, refused[0].Err, &lease, "off by %v, held by the wrong clock: %v", off, wrongHolds)
				close(slow.goOn)
				got := <-first
				require.NoError(t, got.err)
				require.NoError(t, got.done[0].Err)

				// One that dies with the lease in its hand.
				var state *dead
				slow = &waiting{data, make(chan struct{}), make(chan struct{})}
				doomed := process(holds, slow, func(s segment.Store) segment.Store {
					state = &dead{Store: s}
					return state
				})
				gone := make(chan error)
				go func() {
					_, err := doomed.Refresh(ctx, "g")
					gone <- err
				}()
				<-slow.asked
				state.now.Store(true)
				close(slow.goOn)
				require.Error(t, <-gone)
				require.Eventually(t, func() bool {
					done, err := other.Refresh(ctx, "g")
					require.NoError(t, err)
					return done[0].Err == nil
				}, 20*time.Second, 100*time.Millisecond)
			}
		}
	})
}
