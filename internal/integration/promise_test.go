package integration_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/stretchr/testify/require"
)

// P7 on each engine: four services send, one cancels. Once Cancel has returned the
// provider hears of nobody any more, and everybody is accounted for.
func TestCancelIsHard(t *testing.T) {
	const n = 400
	onEngines(t, func(t *testing.T, h home) {
		ctx, everybody, g := t.Context(), crowdOf(n), &gateway{}
		store, err := messagesql.Open(ctx, h.db, h.dialect, messagesql.Options{Prefix: prefix()})
		require.NoError(t, err)
		process := func() *message.Service {
			svc, err := message.New(message.Config{
				Store: store, Audience: everybody, Contacts: everybody, Senders: map[message.Channel]message.Sender{message.SMS: g},
				Batch: 10, Prices: message.Prices{message.SMS: 1},
			})
			require.NoError(t, err)
			return svc
		}
		svc := process()
		require.NoError(t, svc.TopUp(ctx, "first", n))
		_, err = svc.Save(ctx, message.Campaign{ID: "all", Purpose: message.Informational, Groups: []string{"all"},
			Schedule: message.Schedule{Start: time.Now()}, Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
		require.NoError(t, err)
		require.NoError(t, svc.Start(ctx, "all"))
		var wg sync.WaitGroup
		for range 4 {
			worker := process()
			wg.Go(func() {
				if _, err := worker.Tick(ctx); err != nil {
					t.Errorf("Tick: %v", err)
				}
			})
		}
		for g.count() < 20 {
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, svc.Cancel(ctx, "all"))
		sent := g.count()
		wg.Wait()
		require.Equal(t, sent, g.count(), "submitted after Cancel had returned")
		_, err = svc.Tick(ctx)
		require.NoError(t, err)
		require.Equal(t, sent, g.count())
		res, err := svc.Results(ctx, "all")
		require.NoError(t, err)
		require.Equal(t, n, res.Audience)
		require.Equal(t, n, res.Outcomes[message.Submitted]+res.Outcomes[message.Dropped], "%v", res.Outcomes)
		require.Equal(t, sent, res.Outcomes[message.Submitted])
		credits, err := svc.Credits(ctx)
		require.NoError(t, err)
		require.Equal(t, message.Credits{Available: int64(n - sent), Spent: int64(sent)}, credits)
	})
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.took)
}

// P5 on each engine: a daily campaign over three weeks, across a change of
// the clocks, with days of downtime: every nominal time has its one line.
func TestLedgerHasNoGap(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		ctx := context.Background()
		zone, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		now := time.Date(2026, 3, 20, 0, 0, 0, 0, zone)
		clock := dangol.ClockFunc(func() time.Time { return now })
		store, err := messagesql.Open(ctx, h.db, h.dialect, messagesql.Options{Prefix: prefix(), Clock: clock})
		require.NoError(t, err)
		everybody := crowdOf(1)
		svc, err := message.New(message.Config{
			Store: store, Audience: everybody, Contacts: everybody, Senders: map[message.Channel]message.Sender{message.SMS: &gateway{}},
			Clock: clock, Zone: zone,
		})
		require.NoError(t, err)
		_, err = svc.Save(ctx, message.Campaign{ID: "often", Purpose: message.Informational, Groups: []string{"all"}, AllowDuplicates: true,
			Schedule: message.Schedule{Start: now, Unit: message.Days, Zone: "Europe/Berlin", Count: 21},
			Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
		require.NoError(t, err)
		require.NoError(t, svc.Start(ctx, "often"))
		for _, hours := range []int{1, 20, 3, 26, 100, 1, 48, 24, 24, 23, 25, 200, 24, 300} {
			_, err := svc.Tick(ctx)
			require.NoError(t, err)
			now = now.Add(time.Duration(hours) * time.Hour)
		}
		_, err = svc.Tick(ctx)
		require.NoError(t, err)
		gaps, err := svc.Check(ctx, "often")
		require.NoError(t, err)
		require.Empty(t, gaps)
		ledger, err := svc.Occurrences(ctx, "often")
		require.NoError(t, err)
		require.Len(t, ledger, 21)
		for _, o := range ledger {
			require.True(t, o.State.Final(), "%s is %s", o.ID, o.State)
		}
	})
}
