package message_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

// prunedShop has sent three days of a campaign with a holdout, a coupon and orders, to
// more customers than one page of Prune.
func prunedShop(t *testing.T, n int, change func(*message.Campaign)) *shop {
	s := newShop(t, func(c *message.Config) {
		c.Keep = 30 * 24 * time.Hour
		c.Prices = message.Prices{message.SMS: 1, message.LMS: 3}
	})
	s.groups.refresh("new", ids(n)...)
	s.consent(ids(n)[1:]...)
	require.NoError(t, s.TopUp(t.Context(), "initial", 10_000))
	c := daily()
	c.Schedule.Count, c.AllowDuplicates = 3, true
	change(&c)
	s.start(c)
	s.live(kst("2026-03-05 12:00"))
	for i, m := range s.gateway.sent() {
		if i%3 == 0 {
			require.NoError(t, s.Receive(t.Context(), message.Receipt{Key: m.Key, Kind: message.ReceiptClicked, At: kst("2026-03-04 12:00")}))
			require.NoError(t, s.RecordOrder(t.Context(), message.Order{ID: fmt.Sprint(i), Customer: m.Customer, At: kst("2026-03-04 13:00"),
				Amount: dangol.Money{Minor: 5000, Currency: dangol.KRW}}))
		}
	}
	return s
}

func prune(t *testing.T, s *shop) message.Pruned {
	t.Helper()
	n, err := s.Prune(t.Context())
	require.NoError(t, err)
	return n
}

func TestPruneKeepsResults(t *testing.T) {
	s := prunedShop(t, 150, func(c *message.Campaign) { c.Holdout = 2000 })
	want := s.sums("daily")
	require.Positive(t, want.Orders)
	require.Positive(t, want.Holdout.HeldOut.Of)
	require.Positive(t, want.Holdout.Sent.Of)
	require.Zero(t, prune(t, s), "nothing is old")
	credits, err := s.Credits(t.Context())
	require.NoError(t, err)

	s.clock.Set(kst("2026-04-10 12:00"))
	require.Equal(t, message.Pruned{Recipients: 450}, prune(t, s))
	require.Equal(t, want, s.sums("daily"))
	require.Zero(t, prune(t, s), "what is gone is not counted again")
	require.Equal(t, want, s.sums("daily"))
	why, err := s.Why(t.Context(), "daily", "c00003")
	require.NoError(t, err)
	require.Empty(t, why)
	require.Len(t, s.ledger("daily"), 3, "the ledger stays")
	still, err := s.Credits(t.Context())
	require.NoError(t, err)
	require.Equal(t, credits, still)

	m := s.gateway.sent()[0]
	require.ErrorIs(t, s.Receive(t.Context(), message.Receipt{Key: m.Key, Kind: message.ReceiptOpened}), message.ErrNotFound)
	require.NoError(t, s.RecordOrder(t.Context(), message.Order{ID: "0", Customer: m.Customer, At: kst("2026-03-04 13:00"), Cancelled: true}))
	require.Equal(t, want, s.sums("daily"), "an order is counted once, whatever becomes of it so much later")
	sent := len(s.gateway.sent())
	s.live(kst("2026-04-12 12:00"))
	require.Len(t, s.gateway.sent(), sent)
}

// A campaign that runs keeps what says who got it, unless anybody may get it again.
func TestPruneLeavesWhatIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*message.Campaign)
		gone   int
	}{
		"duplicates are not allowed": {func(c *message.Campaign) { c.AllowDuplicates = false }, 0},
		"some are held out":          {func(c *message.Campaign) { c.Holdout = 1000 }, 0},
		"all may get it again":       {func(*message.Campaign) {}, 3 * 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := prunedShop(t, 3, func(d *message.Campaign) { d.Schedule.Count = 0; c.change(d) })
			require.NoError(t, s.Pause(t.Context(), "daily"))
			s.clock.Set(kst("2026-04-03 11:00")) // the first three days are old, the fourth is not
			before, err := s.Results(t.Context(), "daily")
			require.NoError(t, err)
			require.Equal(t, message.Pruned{Recipients: c.gone}, prune(t, s))
			after, err := s.Results(t.Context(), "daily")
			require.NoError(t, err)
			before.Holdout, after.Holdout = message.Comparison{}, message.Comparison{}
			require.Equal(t, before, after)
			require.NoError(t, s.Resume(t.Context(), "daily"))
			sent := len(s.gateway.sent())
			s.live(kst("2026-04-04 12:00"))
			if name == "duplicates are not allowed" {
				require.Len(t, s.gateway.sent(), sent, "everybody has it already")
			}
			s.sums("daily")
		})
	}
}

// The process dies at every step of a Prune; the results are the same at every moment.
func TestPruneKilledAnywhere(t *testing.T) {
	s := prunedShop(t, 150, func(c *message.Campaign) { c.Holdout = 2000 })
	want := s.sums("daily")
	s.clock.Set(kst("2026-04-10 12:00"))
	under := s.cfg.Store
	left := 450
	for died := true; died; {
		d := &doom{}
		d.left.Store(5) // dies in the third transaction
		s.cfg.Store = mortalStore{under, d}
		s.reopen()
		_, err := s.Prune(t.Context())
		if died = err != nil; died {
			require.ErrorIs(t, err, errDied)
		}
		s.cfg.Store = under
		s.reopen()
		require.Equal(t, want, s.sums("daily"))
		rows := len(rowsOf(t, under, "recipients"))
		require.LessOrEqual(t, rows, left)
		left = rows
	}
	require.Zero(t, left)
}

func rowsOf(t *testing.T, s message.Store, table string) (rows []message.Row) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(tx message.Tx) error {
		for _, tab := range message.Tables() {
			if tab.Name == table {
				var err error
				rows, err = tx.Scan(tab, message.Range{})
				return err
			}
		}
		return nil
	}))
	return rows
}

// Events go when nothing waits on them, and are not taken for new ones afterwards.
func TestPruneEvents(t *testing.T) {
	s := newShop(t, func(c *message.Config) { c.Keep = 30 * 24 * time.Hour })
	fire := func(key, kind string, who dangol.CustomerID, at string) error {
		return s.Fire(t.Context(), message.Event{Key: key, On: message.Recorded, Name: kind, Customer: who, At: kst(at)})
	}
	c := daily()
	c.Schedule, c.Groups, c.Purpose = message.Schedule{}, nil, message.Informational
	c.Trigger = &message.Trigger{On: message.Recorded, Record: "cart", Delay: 40 * 24 * time.Hour, Unless: []string{"orders"}}
	s.start(c)
	require.NoError(t, fire("1", "orders", "ann", "2026-03-02 09:00"))
	require.NoError(t, fire("2", "cart", "ann", "2026-03-02 09:30"))
	require.NoError(t, fire("3", "orders", "ann", "2026-03-02 10:00"))
	s.tick()
	s.clock.Set(kst("2026-04-10 09:00"))
	require.Equal(t, message.Pruned{Events: 1}, prune(t, s), "the trigger of an open occurrence stays, and what came after it")
	require.NoError(t, fire("2", "cart", "ann", "2026-03-02 09:30"), "a known event is told again")
	require.ErrorIs(t, fire("1", "orders", "ann", "2026-03-02 09:00"), message.ErrPruned)
	s.live(kst("2026-04-12 12:00"))
	require.Len(t, s.ledger("daily"), 1)
	require.Equal(t, []string{"record/cart/2 dropped: condition no longer holds"}, s.why("daily", "ann"))
	require.Equal(t, 2, prune(t, s).Events)
	require.ErrorIs(t, fire("2", "cart", "ann", "2026-03-02 09:30"), message.ErrPruned)
}
