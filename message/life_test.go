package message_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// batchGateway takes many messages in one call.
type batchGateway struct {
	gateway
	batches []int
	lose    bool
}

func (g *batchGateway) SendBatch(ctx context.Context, ms []message.Message) ([]message.Sent, error) {
	g.batches = append(g.batches, len(ms))
	var out []message.Sent
	for _, m := range ms {
		got, err := g.Send(ctx, m)
		out = append(out, message.Sent{Receipted: got, Err: err})
	}
	if g.lose {
		return nil, errors.New("connection reset")
	}
	return out, nil
}

func TestBatches(t *testing.T) {
	for _, lose := range []bool{false, true} {
		g := &batchGateway{lose: lose}
		g.before = func(m message.Message) error {
			if m.Customer == "c00003" {
				return message.ErrRejected
			}
			return nil
		}
		s := newShop(t, func(c *message.Config) { c.Senders[message.SMS], c.Senders[message.LMS], c.Chunk = g, g, 4 })
		s.groups.refresh("new", ids(10)...)
		s.consent(ids(10)...)
		s.start(daily())
		s.tick()
		require.Equal(t, []int{4, 4, 2}, g.batches)
		want := map[message.RecipientState]int{message.Submitted: 9, message.Failed: 1}
		if lose {
			want = map[message.RecipientState]int{message.Unknown: 10}
		}
		require.Equal(t, want, s.sums("daily").Outcomes)
	}
}

// Run ends when its context does, after the submit in flight was recorded; what was
// claimed and not submitted is free for others at once.
func TestShutdown(t *testing.T) {
	if !*onSQLite {
		defer goleak.VerifyNone(t)
	}
	s := newShop(t)
	people := ids(20)
	s.groups.refresh("new", people...)
	s.consent(people...)
	s.start(daily())
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	s.gateway.before = func(message.Message) error {
		if n++; n == 5 {
			stop()
		}
		return nil
	}
	require.NoError(t, s.Run(ctx, func(err error) { assert.NoError(t, err) }))
	require.Len(t, s.gateway.sent(), 5)
	res, err := s.Results(t.Context(), "daily")
	require.NoError(t, err)
	require.Equal(t, map[message.RecipientState]int{message.Submitted: 5, message.Pending: 15}, res.Outcomes)
	s.reopen()
	s.tick() // no lease has to run out
	require.Equal(t, people, s.gateway.to())
}

// Killed at every step of a cancel: the campaign is cancelled or it is not, nothing
// goes out after it is, and in the end the groups are free and everybody has an outcome.
func TestKilledWhileCancelling(t *testing.T) {
	for step := int64(0); ; step++ {
		s := newShop(t, func(c *message.Config) { c.Batch = 2 })
		s.groups.refresh("new", ids(5)...)
		s.consent(ids(5)...)
		c := daily()
		c.Schedule = message.Schedule{Start: kst("2026-03-02 22:00")}
		s.start(c)
		s.live(kst("2026-03-02 23:00"))
		under := s.cfg.Store
		d := &doom{}
		d.left.Store(step)
		s.cfg.Store = mortalStore{under, d}
		s.reopen()
		err := s.Cancel(t.Context(), "daily")
		s.cfg.Store = under
		s.reopen()
		got, err2 := s.Campaign(t.Context(), "daily")
		require.NoError(t, err2)
		if err == nil {
			require.Equal(t, message.Cancelled, got.State)
		}
		s.live(kst("2026-03-03 12:00"))
		if got.State == message.Cancelled {
			require.Empty(t, s.gateway.sent(), "step %d", step)
			require.Equal(t, 5, s.sums("daily").Reasons[message.ReasonCancelled], "step %d", step)
		} else {
			require.Len(t, s.gateway.sent(), 5, "step %d", step)
			s.sums("daily")
		}
		require.Equal(t, 0, s.groups.holders("new"), "step %d", step)
		if err == nil {
			require.Greater(t, step, int64(3))
			return
		}
	}
}

// Killed at every step of an edit that changes the groups: when the campaign is over,
// no group is left held.
func TestKilledWhileEditing(t *testing.T) {
	for step := int64(0); ; step++ {
		s := newShop(t)
		s.groups.refresh("new", "ann")
		s.groups.refresh("vip", "ann", "bea")
		s.consent("ann", "bea")
		c := daily()
		c.Schedule.Count = 2
		s.start(c)
		s.tick()
		under := s.cfg.Store
		d := &doom{}
		d.left.Store(step)
		s.cfg.Store = mortalStore{under, d}
		s.reopen()
		c.Groups = []string{"vip"}
		_, err := s.Save(t.Context(), c)
		s.cfg.Store = under
		s.reopen()
		got, err2 := s.Campaign(t.Context(), "daily")
		require.NoError(t, err2)
		if got.Groups[0] == "vip" {
			require.Equal(t, 1, s.groups.holders("vip"), "step %d: an edit counts only when its groups are held", step)
		}
		s.live(kst("2026-03-04 12:00"))
		for _, g := range []string{"new", "vip"} {
			require.Equal(t, 0, s.groups.holders(g), "step %d: %s", step, g)
		}
		want := []dangol.CustomerID{"ann"}
		if got.Groups[0] == "vip" {
			want = append(want, "bea")
		}
		require.Equal(t, want, s.gateway.to(), "step %d", step)
		if err == nil {
			require.Greater(t, step, int64(3))
			return
		}
	}
}

// A Start that died after holding its groups is taken back.
func TestStartThatDied(t *testing.T) {
	for step := int64(0); ; step++ {
		s := newShop(t)
		s.groups.refresh("new", "ann")
		s.consent("ann")
		_, err := s.Save(t.Context(), daily())
		require.NoError(t, err)
		under := s.cfg.Store
		d := &doom{}
		d.left.Store(step)
		s.cfg.Store = mortalStore{under, d}
		s.reopen()
		err = s.Start(t.Context(), "daily")
		s.cfg.Store = under
		s.reopen()
		if err == nil {
			require.Greater(t, step, int64(3))
			return
		}
		s.clock.Add(2 * time.Minute)
		s.tick()
		got, err := s.Campaign(t.Context(), "daily")
		require.NoError(t, err)
		if got.State == message.Draft {
			require.Equal(t, 0, s.groups.holders("new"), "step %d", step)
			require.NoError(t, s.Start(t.Context(), "daily"))
		}
		s.tick()
		require.Equal(t, 1, s.groups.holders("new"), "step %d", step)
	}
}

// Overlapping occurrences, by each policy.
func TestOverlap(t *testing.T) {
	for policy, want := range map[message.Overlap]string{
		message.OverlapSkip:     "skipped: the one before is running",
		message.OverlapQueue:    "completed",
		message.OverlapParallel: "completed",
	} {
		t.Run(string(policy), func(t *testing.T) {
			s := newShop(t)
			s.groups.refresh("new", "ann")
			s.consent("ann")
			c := daily()
			c.AllowDuplicates, c.Overlap, c.CatchUp = true, policy, message.CatchUpAll
			// At ten and at eleven in the evening: the first waits for the morning.
			c.Schedule = message.Schedule{Start: kst("2026-03-02 22:00"), Unit: message.Hours, Count: 2}
			c.Lateness = -1
			s.start(c)
			s.live(kst("2026-03-03 12:00"))
			require.Contains(t, fmt.Sprint(s.ledger("daily")), "2026-03-02T14:00:00Z "+want)
			s.sums("daily")
		})
	}
}
