package message_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Eight processes of eight workers each share a state: everybody gets the message
// once, and one fire is one line.
func TestManyWorkersSendOnceEach(t *testing.T) {
	if !*onSQLite { // a database has goroutines of its own
		defer goleak.VerifyNone(t)
	}
	s := newShop(t, func(c *message.Config) { c.Workers, c.Batch = 8, 7 })
	people := ids(600)
	s.groups.refresh("new", people...)
	s.consent(people...)
	s.start(daily())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			svc, err := message.New(s.cfg)
			assert.NoError(t, err)
			for range 3 {
				_, err := svc.Tick(t.Context())
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	s.tick()
	require.Equal(t, people, s.gateway.to())
	require.Equal(t, []string{"2026-03-02T10:00:00 completed"}, s.ledger("daily"))
	require.Equal(t, 600, s.sums("daily").Outcomes[message.Submitted])
}

// Once Cancel has returned, no call of Send begins, whatever the workers were doing.
func TestNothingIsSubmittedAfterCancel(t *testing.T) {
	cut := 0
	for round := range 20 {
		s := newShop(t, func(c *message.Config) { c.Workers, c.Batch, c.Chunk = 4, 5, 3 })
		people := ids(200)
		s.groups.refresh("new", people...)
		s.consent(people...)
		s.start(daily())
		var cancelled atomic.Bool
		var late atomic.Int64
		enough := make(chan struct{})
		var calls atomic.Int64
		s.gateway.before = func(message.Message) error {
			if cancelled.Load() {
				late.Add(1)
			}
			if calls.Add(1) == int64(10*round+1) {
				close(enough)
			}
			time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
			return nil
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_, err := s.Tick(t.Context())
				assert.NoError(t, err)
			})
		}
		<-enough
		require.NoError(t, s.Cancel(t.Context(), "daily"))
		cancelled.Store(true)
		wg.Wait()
		s.tick()
		require.Zero(t, late.Load())
		res := s.sums("daily")
		require.Equal(t, len(s.gateway.sent()), res.Outcomes[message.Submitted])
		require.Equal(t, 200-len(s.gateway.sent()), res.Reasons[message.ReasonCancelled])
		require.Equal(t, 0, s.groups.holders("new"))
		if len(s.gateway.sent()) == 200 {
			continue // the workers were done before the call of Cancel began
		}
		cut++
		require.Equal(t, []string{"2026-03-02T10:00:00 cancelled: cancelled"}, s.ledger("daily"))
	}
	require.Positive(t, cut, "no cancel came in the middle")
}

func TestPauseAndResume(t *testing.T) {
	s := newShop(t, func(c *message.Config) { c.Batch = 1 })
	s.groups.refresh("new", ids(4)...)
	s.consent(ids(4)...)
	s.start(daily())
	var paused sync.WaitGroup
	paused.Add(1)
	var once sync.Once
	s.gateway.after = func(message.Message) error {
		once.Do(func() {
			go func() {
				defer paused.Done()
				assert.NoError(t, s.Pause(t.Context(), "daily"))
			}()
			// The pause waits for this call; let it get into the way of the next one.
			for {
				c, err := s.Campaign(t.Context(), "daily")
				if err != nil || c.State == message.Paused {
					return
				}
			}
		})
		return nil
	}
	s.tick()
	paused.Wait()
	require.Len(t, s.gateway.sent(), 1)
	s.clock.Add(24*time.Hour + 10*time.Minute)
	require.True(t, s.tick().Next.IsZero(), "a paused campaign waits for nothing")
	require.Equal(t, 1, s.groups.holders("new"), "a paused campaign is still to run")
	require.NoError(t, s.Resume(t.Context(), "daily"))
	s.tick()
	require.Len(t, s.gateway.sent(), 4, "the pause is no lateness")
	gaps, err := s.Check(t.Context(), "daily")
	require.NoError(t, err)
	require.Empty(t, gaps)
}

// A provider that takes the message and then times out: without keys nobody is sent
// to twice, and the unsure ones are on the list; with keys, or when it can be asked,
// everybody is served.
func TestTimeoutAfterAccepting(t *testing.T) {
	lose := func() func(message.Message) error {
		var n atomic.Int64
		return func(message.Message) error {
			if n.Add(1)%2 == 1 {
				return context.DeadlineExceeded
			}
			return nil
		}
	}
	people := ids(10)
	run := func(sender message.Sender, g *gateway) *shop {
		s := newShop(t, func(c *message.Config) { c.Senders[message.SMS], c.Senders[message.LMS] = sender, sender })
		s.groups.refresh("new", people...)
		s.consent(people...)
		c := daily()
		c.Schedule.Count = 1
		s.start(c)
		g.after = lose()
		s.live(kst("2026-03-02 20:00"))
		return s
	}
	plain := &gateway{}
	res := run(plain, plain).sums("daily")
	require.Equal(t, people, plain.to())
	require.Equal(t, map[message.RecipientState]int{message.Submitted: 5, message.Unknown: 5}, res.Outcomes)

	idem := &idempotentGateway{gateway{dedupe: true}}
	res = run(idem, &idem.gateway).sums("daily")
	require.Equal(t, people, idem.to())
	require.Greater(t, len(idem.calls), 10, "repeated under the same key")
	require.Equal(t, map[message.RecipientState]int{message.Submitted: 10}, res.Outcomes)

	ask := &askableGateway{}
	res = run(ask, &ask.gateway).sums("daily")
	require.Equal(t, people, ask.to())
	require.Len(t, ask.calls, 10, "asked, not repeated")
	require.Equal(t, map[message.RecipientState]int{message.Submitted: 10}, res.Outcomes)

	mute := &askableGateway{silent: errors.New("no answer")}
	res = run(mute, &mute.gateway).sums("daily")
	require.Len(t, mute.calls, 10)
	require.Equal(t, map[message.RecipientState]int{message.Submitted: 5, message.Unknown: 5}, res.Outcomes)
}

// A provider forgets keys after a day: what is in doubt longer is not sent again.
func TestDoubtOutlivesTheProvidersMemory(t *testing.T) {
	idem := &idempotentGateway{gateway{dedupe: true}}
	s := newShop(t, func(c *message.Config) { c.Senders[message.SMS], c.Senders[message.LMS] = idem, idem })
	s.groups.refresh("new", "ann")
	s.consent("ann")
	s.start(daily())
	idem.after = func(message.Message) error { return errors.New("connection reset") }
	s.tick()
	require.Equal(t, []string{"2026-03-02T10:00:00 in doubt: connection reset"}, s.why("daily", "ann"))
	s.clock.Add(25 * time.Hour)
	s.tick()
	require.Len(t, idem.calls, 1)
	require.Equal(t, "2026-03-02T10:00:00 unknown: the provider never said", s.why("daily", "ann")[0])
}

// A worker is stopped in the middle of a call, for longer than its lease, while
// another one works: one submit each, and when it wakes up it submits nothing more.
func TestWorkerStoppedPastItsLease(t *testing.T) {
	s := newShop(t, func(c *message.Config) { c.Batch = 3 })
	people := ids(6)
	s.groups.refresh("new", people...)
	s.consent(people...)
	s.start(daily())
	stopped, wake := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.gateway.before = func(message.Message) error {
		first := false
		once.Do(func() { first = true })
		if first {
			close(stopped)
			<-wake
		}
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := s.Tick(t.Context())
		assert.NoError(t, err)
	}()
	<-stopped
	s.clock.Add(2 * time.Minute) // its lease is over
	other, err := message.New(s.cfg)
	require.NoError(t, err)
	_, err = other.Tick(t.Context())
	require.NoError(t, err)
	require.Len(t, s.gateway.sent(), 5, "all but the one whose fate is not known")
	close(wake)
	<-done
	s.tick()
	require.Equal(t, people, s.gateway.to(), "nobody twice")
	require.Equal(t, []string{"2026-03-02T10:00:00 submitted"}, s.why("daily", people[0]), "that it was taken after all is recorded")
	s.sums("daily")
}

// Clocks that jump, also backwards over a lease, break no promise.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Second, time.Hour, 24 * time.Hour, -time.Second, -5 * time.Minute, -time.Hour, -24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			s := newShop(t, func(c *message.Config) { c.Batch, c.Chunk = 3, 2 })
			people := ids(10)
			s.groups.refresh("new", people...)
			s.consent(people...)
			c := daily()
			c.Lateness = -1
			c.Schedule = message.Schedule{Start: kst("2026-03-02 10:00")}
			s.start(c)
			n := 0
			s.gateway.before = func(message.Message) error {
				if n++; n == 4 {
					s.clock.Add(jump)
				}
				return nil
			}
			s.tick()
			s.live(kst("2026-03-05 10:00"))
			res := s.sums("daily")
			require.Equal(t, people, s.gateway.to())
			require.Equal(t, 10, res.Outcomes[message.Submitted])
			require.Len(t, s.ledger("daily"), 1)
		})
	}
}

// Consent is withdrawn at every step of a running send: from then on, nothing.
func TestConsentWithdrawnAtEveryStep(t *testing.T) {
	people := ids(6)
	for step := range 40 {
		s := newShop(t, func(c *message.Config) { c.Batch = 4 })
		s.groups.refresh("new", people...)
		s.consent(people...)
		c := daily()
		c.Schedule.Count = 1
		s.start(c)
		left := step
		under := s.cfg.Store
		withdrawn := false
		var began []dangol.CustomerID
		withdraw := func() {
			if left--; left != -1 {
				return
			}
			svc, err := message.New(func() message.Config { c := s.cfg; c.Store = under; return c }())
			require.NoError(t, err)
			for _, m := range s.gateway.sent() {
				began = append(began, m.Customer)
			}
			for _, id := range people {
				require.NoError(t, svc.RecordConsent(t.Context(), message.Consent{Customer: id, Granted: false}))
			}
			withdrawn = true
		}
		s.cfg.Store = hookedStore{under, withdraw}
		s.reopen()
		s.tick()
		if !withdrawn {
			require.Greater(t, step, 10)
			return
		}
		require.LessOrEqual(t, len(s.gateway.sent()), len(began)+1, "step %d: only a submit that was on record goes on", step)
		require.Equal(t, 6-len(s.gateway.sent()), s.sums("daily").Reasons[message.ReasonWithdrawn], "step %d", step)
	}
}

// hookedStore calls a function before each transaction that writes.
type hookedStore struct {
	message.Store
	before func()
}

func (s hookedStore) Update(ctx context.Context, f func(message.Tx) error) error {
	s.before()
	return s.Store.Update(ctx, f)
}

// A group is edited while a campaign on it is started: one of the two is refused.
func TestStartAndGroupEditNeverBothSucceed(t *testing.T) {
	for i := range 200 {
		s := newShop(t)
		s.groups.refresh("new", "ann")
		_, err := s.Save(t.Context(), daily())
		require.NoError(t, err)
		var startErr, editErr error
		var editedAfterStart bool
		var started atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			startErr = s.Start(t.Context(), "daily")
			started.Store(true)
		})
		wg.Go(func() {
			for range i % 7 {
				_ = s.groups.holders("new")
			}
			was := started.Load()
			editErr = s.groups.edit("new")
			editedAfterStart = was && editErr == nil
		})
		wg.Wait()
		require.NoError(t, startErr)
		require.False(t, editedAfterStart, "an edit after Start returned")
		require.ErrorIs(t, s.groups.edit("new"), errHeld)
	}
}

func TestStartOfUnknownGroupLeavesTheDraft(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	c := daily()
	c.Except = []string{"nowhere"}
	_, err := s.Save(t.Context(), c)
	require.NoError(t, err)
	require.ErrorIs(t, s.Start(t.Context(), "daily"), errNoGroup)
	got, err := s.Campaign(t.Context(), "daily")
	require.NoError(t, err)
	require.Equal(t, message.Draft, got.State)
	require.Equal(t, 0, s.groups.holders("new"))
	require.True(t, s.tick().Next.After(s.clock.Now()))
	s.live(kst("2026-03-03 12:00"))
	require.Empty(t, s.ledger("daily"))
}

// A page full of people who get nothing, in the middle of the audience, ends nothing.
func TestPageOfSuppressedPeople(t *testing.T) {
	s := newShop(t)
	people := ids(3500)
	s.groups.refresh("new", people...)
	s.groups.refresh("staff", people[1000:2100]...)
	s.consent(people[:500]...)
	s.consent(people[3000:]...)
	c := daily()
	c.Except = []string{"staff"}
	s.start(c)
	s.tick()
	res := s.sums("daily")
	require.Equal(t, 2400, res.Audience)
	require.Equal(t, 1000, res.Outcomes[message.Submitted])
	require.Equal(t, append(append([]dangol.CustomerID{}, people[:500]...), people[3000:]...), s.gateway.to())
}

// The audience is unreachable for a while: the occurrence waits, then fails with the
// reason, and the next one runs.
func TestAudienceFails(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	s.start(daily())
	s.groups.fail = errors.New("database is down")
	for range 10 {
		p, err := s.Tick(t.Context())
		if err == nil {
			break
		}
		require.ErrorContains(t, err, "database is down")
		s.clock.Set(p.Next)
	}
	require.Contains(t, s.ledger("daily")[0], "failed: group new: database is down")
	s.groups.fail = nil
	s.live(kst("2026-03-03 12:00"))
	require.Equal(t, []dangol.CustomerID{"ann"}, s.gateway.to())
}

func TestRetriesFallbackAndFailure(t *testing.T) {
	people := []dangol.CustomerID{"again", "never", "refused", "nosms"}
	s := newShop(t, func(c *message.Config) { c.Tries = 3 })
	s.groups.refresh("new", people...)
	s.consent(people...)
	s.book.other["nosms"] = message.Contact{Addresses: map[message.Channel]string{message.Email: "nosms@shop.example"}, Vars: map[string]any{"name": "x"}}
	c := daily()
	c.Contents = append(c.Contents, message.Content{Channel: message.Email, Subject: "쿠폰", Text: "{{.name}}님"})
	tries := map[dangol.CustomerID]int{}
	s.gateway.before = func(m message.Message) error {
		if m.Channel == message.Email {
			if m.Customer == "never" {
				return fmt.Errorf("mailbox full: %w", message.ErrRejected)
			}
			return nil
		}
		tries[m.Customer]++
		switch {
		case m.Customer == "again" && tries["again"] < 3, m.Customer == "never":
			return message.RetryAfter(time.Minute, "busy")
		case m.Customer == "refused":
			return fmt.Errorf("no such number: %w", message.ErrRejected)
		}
		return nil
	}
	s.start(c)
	s.live(kst("2026-03-02 20:00"))
	require.Equal(t, map[dangol.CustomerID]int{"again": 3, "never": 3, "refused": 1}, tries)
	got := map[dangol.CustomerID]message.Channel{}
	for _, m := range s.gateway.sent() {
		got[m.Customer] = m.Channel
	}
	require.Equal(t, map[dangol.CustomerID]message.Channel{"again": message.SMS, "refused": message.Email, "nosms": message.Email}, got)
	require.Equal(t, []string{"2026-03-02T10:00:00 failed: rejected by the provider"}, s.why("daily", "never"))
	require.Equal(t, []string{"2026-03-02T10:00:00 completed with failures"}, s.ledger("daily"))
	s.sums("daily")
}

func TestEditCountsForTheUnsubmitted(t *testing.T) {
	s := newShop(t, func(c *message.Config) { c.Batch = 1 })
	s.groups.refresh("new", "ann", "bea")
	s.groups.refresh("vip", "ann", "bea", "cho")
	s.consent("ann", "bea", "cho")
	c := daily()
	s.start(c)
	edited := false
	s.gateway.after = func(message.Message) error {
		if !edited {
			edited = true
			c.Contents = []message.Content{{Channel: message.SMS, Text: "고친 글"}}
			c.Groups = []string{"vip"}
			got, err := s.Save(t.Context(), c)
			assert.NoError(t, err)
			assert.Equal(t, 2, got.Revision)
		}
		return nil
	}
	s.tick()
	require.Len(t, s.gateway.sent(), 2)
	require.Contains(t, s.gateway.sent()[0].Text, "쿠폰을 드려요")
	require.Contains(t, s.gateway.sent()[1].Text, "고친 글")
	require.Equal(t, 0, s.groups.holders("new"), "what the edit dropped is free")
	require.Equal(t, 1, s.groups.holders("vip"), "what it added is held")
	s.live(kst("2026-03-03 12:00"))
	require.Equal(t, []dangol.CustomerID{"ann", "bea", "cho"}, s.gateway.to(), "and nobody is sent to twice after the edit")
}

// The schedule of a running campaign is edited: what ran stays in the ledger, the new
// times count from the edit, nobody gets it twice, and the checker finds no gap.
func TestScheduleIsEdited(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	c := daily()
	s.start(c)
	s.live(kst("2026-03-03 10:30"))
	c.Schedule.Start = kst("2026-03-03 11:00") // from now on at eleven, today too
	_, err := s.Save(t.Context(), c)
	require.NoError(t, err)
	s.groups.refresh("new", "ann", "bea")
	s.consent("bea")
	s.live(kst("2026-03-04 12:00"))
	c.Schedule.Start = kst("2026-03-01 08:00") // a start in the past is no catch-up
	_, err = s.Save(t.Context(), c)
	require.NoError(t, err)
	s.live(kst("2026-03-05 12:00"))
	require.Equal(t, []string{
		"2026-03-02T10:00:00 completed", "2026-03-03T10:00:00 completed", "2026-03-03T11:00:00 completed",
		"2026-03-04T11:00:00 completed", "2026-03-05T08:00:00 completed",
	}, s.ledger("daily"))
	require.Equal(t, []dangol.CustomerID{"ann", "bea"}, s.gateway.to())
	gaps, err := s.Check(t.Context(), "daily")
	require.NoError(t, err)
	require.Empty(t, gaps)
}

// What came due while the campaign was paused, or nothing ran, is in the ledger though
// the schedule was edited in between.
func TestScheduleIsEditedWhilePaused(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	c := daily()
	s.start(c)
	s.tick()
	require.NoError(t, s.Pause(t.Context(), "daily"))
	s.clock.Set(kst("2026-03-05 10:30"))
	c.Schedule.Start = kst("2026-03-01 10:15")
	_, err := s.Save(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, s.Resume(t.Context(), "daily"))
	s.live(kst("2026-03-06 12:00"))
	require.Equal(t, []string{
		"2026-03-02T10:00:00 completed", "2026-03-03T10:00:00 coalesced: a later one runs for it",
		"2026-03-04T10:00:00 coalesced: a later one runs for it", "2026-03-05T10:00:00 completed", "2026-03-06T10:15:00 completed",
	}, s.ledger("daily"))
	gaps, err := s.Check(t.Context(), "daily")
	require.NoError(t, err)
	require.Empty(t, gaps)
}

// A delivery that was late one day does not cost the next day's: what counts is the
// nominal time, not when the last message went out.
func TestLateDeliveryDoesNotEatTheNextDay(t *testing.T) {
	s := newShop(t)
	s.clock.Set(kst("2026-03-02 08:00"))
	s.groups.refresh("new", "ann")
	s.consent("ann")
	c := daily()
	c.AllowDuplicates = true
	c.Schedule.Start = kst("2026-03-02 08:00")
	s.start(c)
	s.clock.Set(kst("2026-03-02 08:30")) // half an hour late
	s.tick()
	s.live(kst("2026-03-04 07:00"))
	require.Len(t, s.gateway.sent(), 2)
	require.Equal(t, []string{"2026-03-02T08:00:00 completed", "2026-03-03T08:00:00 completed"}, s.ledger("daily"))
}

// The checker tells of a line that is missing and of one that nobody planned.
func TestCheckerFindsWhatIsWrong(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new")
	s.start(daily())
	s.live(kst("2026-03-04 12:00"))
	table := message.Tables()[slices.IndexFunc(message.Tables(), func(t *message.Table) bool { return t.Name == "occurrences" })]
	require.NoError(t, s.cfg.Store.Update(t.Context(), func(tx message.Tx) error {
		row, err := tx.Get(table, "daily", "2026-03-03T10:00:00")
		if err != nil {
			return err
		}
		row[1] = "2026-03-03T10:00:01"
		return tx.Put(table, row)
	}))
	gaps, err := s.Check(t.Context(), "daily")
	require.NoError(t, err)
	require.Len(t, gaps, 1)
	require.Equal(t, "the schedule has no such time", gaps[0].Problem)
}

func TestRateIsKeptOverProcesses(t *testing.T) {
	s := newShop(t, func(c *message.Config) {
		c.Rates = map[message.Channel]message.Rate{message.SMS: {Messages: 10}}
	})
	people := ids(35)
	s.groups.refresh("new", people...)
	s.consent(people...)
	c := daily()
	c.Contents[0].Text = "짧은 글"
	s.cfg.Sender = message.Identity{Name: "단골", OptOut: "무료거부 0801234567"}
	s.reopen()
	s.start(c)
	var at []time.Time
	s.gateway.before = func(message.Message) error { at = append(at, s.clock.Now()); return nil }
	s.live(kst("2026-03-02 11:00"))
	require.Equal(t, people, s.gateway.to())
	for i := range at[:25] {
		require.GreaterOrEqual(t, at[i+10].Sub(at[i]), time.Second, "eleven messages within a second")
	}
	require.Less(t, at[34].Sub(at[0]), 5*time.Second, "and the rate is used")
}
