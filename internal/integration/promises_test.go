package integration_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/stretchr/testify/require"
)

// hands are several services on one state, as processes are: what one has in memory the
// others do not know.
type hands struct {
	services []*message.Service
	clock    *shared
	sender   *counting
}

// shared is a clock that all hands see.
type shared struct{ us atomic.Int64 }

func (c *shared) Now() time.Time      { return time.UnixMicro(c.us.Load()).UTC() }
func (c *shared) set(at time.Time)    { c.us.Store(at.UnixMicro()) }
func (c *shared) add(d time.Duration) { c.us.Add(d.Microseconds()) }

// counting is a gateway that says how many submits have begun.
type counting struct {
	gateway
	begun atomic.Int64
}

func (c *counting) Send(ctx context.Context, m message.Message) (message.Receipted, error) {
	c.begun.Add(1)
	if m.To[len(m.To)-1] == '3' {
		return message.Receipted{}, message.ErrRejected
	}
	return c.gateway.Send(ctx, m)
}

func newHands(t *testing.T, h home, n, people int) *hands {
	t.Helper()
	p := prefix()
	out := &hands{clock: &shared{}, sender: &counting{}}
	out.clock.set(opening)
	everybody := crowdOf(people)
	for range n {
		store, err := messagesql.Open(t.Context(), h.db, h.dialect, messagesql.Options{Prefix: p, Clock: out.clock})
		require.NoError(t, err)
		t.Cleanup(func() { store.Close() })
		s, err := message.New(message.Config{
			Store: store, Audience: everybody, Contacts: everybody, Senders: map[message.Channel]message.Sender{message.SMS: out.sender},
			Clock: out.clock, Batch: 7, Chunk: 3, Workers: 2, Prices: message.Prices{message.SMS: 1},
		})
		require.NoError(t, err)
		out.services = append(out.services, s)
	}
	return out
}

func (h *hands) start(t *testing.T, c message.Campaign) {
	t.Helper()
	c.Purpose, c.Groups, c.AllowDuplicates = message.Informational, []string{"all"}, true
	c.Contents = []message.Content{{Channel: message.SMS, Text: "{{.name}}"}}
	_, err := h.services[0].Save(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, h.services[0].Start(t.Context(), c.ID))
}

// all lets every hand do something at once.
func (h *hands) all(t *testing.T, do func(s *message.Service) error) {
	t.Helper()
	errs := make([]error, len(h.services))
	var wg sync.WaitGroup
	for i, s := range h.services {
		wg.Go(func() { errs[i] = do(s) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func (h *hands) tick(t *testing.T) {
	t.Helper()
	h.all(t, func(s *message.Service) error { _, err := s.Tick(t.Context()); return err })
}

// sums is P10: in every occurrence the audience is the sum of the outcomes, and nobody
// was handed over twice.
func (h *hands) sums(t *testing.T, campaign string) message.Results {
	t.Helper()
	res, err := h.services[0].Results(t.Context(), campaign)
	require.NoError(t, err)
	sum := 0
	for state, n := range res.Outcomes {
		require.True(t, state.Final(), "%d are %s", n, state)
		sum += n
	}
	require.Equal(t, res.Audience, sum)
	ledger, err := h.services[0].Occurrences(t.Context(), campaign)
	require.NoError(t, err)
	frozen := 0
	for _, o := range ledger {
		frozen += o.Audience
	}
	require.Equal(t, frozen, res.Audience)
	h.sender.mu.Lock()
	defer h.sender.mu.Unlock()
	for key, n := range h.sender.took {
		require.Equal(t, 1, n, key)
	}
	return res
}

// rounds is how often the tests of promises are repeated.
func rounds() int {
	if *soak {
		return 40
	}
	return 1
}

// P5: four hands plan over a clock change and days of downtime. Every nominal time has
// one line, which ended in one state.
func TestEveryOccurrenceIsAccountedFor(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		for round := range rounds() {
			hands := newHands(t, h, 4, 3)
			require.NoError(t, hands.services[0].TopUp(t.Context(), "first", 1_000_000))
			first := time.Date(2026, 3, 5, 7, 30, 0, 0, time.UTC) // 2:30 in New York, which 8 March does not have
			hands.clock.set(first)
			hands.start(t, message.Campaign{ID: "daily", Name: "Daily", CatchUp: []message.CatchUp{message.CatchUpLatest, message.CatchUpNone}[round%2],
				Schedule: message.Schedule{Start: first, Zone: "America/New_York", Unit: message.Days, Count: 14}})
			for _, pause := range []time.Duration{0, 24 * time.Hour, 30 * time.Hour, 90 * time.Hour, 24 * time.Hour, 400 * time.Hour} {
				hands.clock.add(pause)
				hands.tick(t)
			}
			gaps, err := hands.services[0].Check(t.Context(), "daily")
			require.NoError(t, err)
			require.Empty(t, gaps)
			ledger, err := hands.services[0].Occurrences(t.Context(), "daily")
			require.NoError(t, err)
			require.Len(t, ledger, 14)
			for _, o := range ledger {
				require.True(t, o.State.Final(), "%s is %s", o.ID, o.State)
			}
			hands.sums(t, "daily")
		}
	})
}

// P7: three hands send while the fourth cancels. Once it returned no submit begins.
func TestCancelIsHard(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		for round := range rounds() {
			hands := newHands(t, h, 4, 60)
			require.NoError(t, hands.services[0].TopUp(t.Context(), "first", 1000))
			hands.start(t, message.Campaign{ID: "c", Name: "C", Schedule: message.Schedule{Start: opening}})
			after := int64(5 + 11*(round%5))
			var wg sync.WaitGroup
			for _, s := range hands.services[1:] {
				wg.Go(func() { _, _ = s.Tick(t.Context()) })
			}
			for range 10_000 {
				if hands.sender.begun.Load() >= after {
					break
				}
				time.Sleep(time.Millisecond)
			}
			require.NoError(t, hands.services[0].Cancel(t.Context(), "c"))
			begun := hands.sender.begun.Load()
			wg.Wait()
			hands.clock.add(time.Hour)
			hands.tick(t)
			require.Equal(t, begun, hands.sender.begun.Load(), "a submit began after the cancel had returned")
			hands.sums(t, "c")
		}
	})
}

// P8: campaigns of four hands want more credits than there are. What is spent is what
// went out, and all of it is what was paid in.
func TestCreditsOfManyHands(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		for range rounds() {
			const paid = 70
			hands := newHands(t, h, 4, 20)
			require.NoError(t, hands.services[0].TopUp(t.Context(), "first", paid))
			for i := range 6 {
				c := message.Campaign{ID: fmt.Sprint("c", i), Name: "C", Schedule: message.Schedule{Start: opening}}
				if i%2 == 0 {
					c.Credit = message.CreditPartial
				}
				hands.start(t, c)
			}
			hands.tick(t)
			hands.clock.add(time.Hour)
			hands.tick(t)
			credits, err := hands.services[0].Credits(t.Context())
			require.NoError(t, err)
			require.Zero(t, credits.Reserved)
			require.GreaterOrEqual(t, credits.Available, int64(0))
			require.Equal(t, int64(paid), credits.Available+credits.Spent)
			out := 0
			for i := range 6 {
				out += hands.sums(t, fmt.Sprint("c", i)).Outcomes[message.Submitted]
			}
			require.Equal(t, int64(out), credits.Spent)
			require.LessOrEqual(t, out, paid)
			require.Positive(t, out)
		}
	})
}
