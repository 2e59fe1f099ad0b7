package message_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

// traces lists where a text stands in the whole state.
func traces(t *testing.T, s message.Store, text string) (found []string) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(tx message.Tx) error {
		for _, table := range message.Tables() {
			rows, err := tx.Scan(table, message.Range{})
			if err != nil {
				return err
			}
			for _, row := range rows {
				for i, v := range row {
					if got, ok := v.(string); ok && strings.Contains(got, text) {
						found = append(found, fmt.Sprintf("%s.%s: %s", table.Name, table.Columns[i].Name, got))
					}
				}
			}
		}
		return nil
	}))
	return found
}

// erase takes a customer out of every version of every group, as segment does.
func (g *groups) erase(id dangol.CustomerID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, lists := range []map[string][]dangol.CustomerID{g.members, g.frozen} {
		for name, list := range lists {
			lists[name] = slices.DeleteFunc(slices.Clone(list), func(other dangol.CustomerID) bool { return other == id })
		}
	}
}

// hookStep is a store that does something before one of its transactions.
type hookStep struct {
	message.Store
	left *int
	do   func()
}

func (s hookStep) Update(ctx context.Context, f func(message.Tx) error) error {
	if *s.left--; *s.left == 0 {
		s.do()
	}
	return s.Store.Update(ctx, f)
}

// A customer is erased between any two durable steps of a campaign and its receipts:
// nothing of them is left, nobody gets a message twice, and the counts add up.
func TestErasedAtEveryStep(t *testing.T) {
	for name, sender := range map[string]func() (message.Sender, *gateway){
		"plain":   func() (message.Sender, *gateway) { g := &gateway{}; return g, g },
		"askable": func() (message.Sender, *gateway) { g := &askableGateway{}; return g, &g.gateway },
	} {
		t.Run(name, func(t *testing.T) {
			erased, steps := false, 0
			for step := 1; erased || step == 1; step++ {
				erased = eraseAt(t, step, sender)
				steps++
			}
			require.Greater(t, steps, 12)
		})
	}
}

func eraseAt(t *testing.T, step int, sender func() (message.Sender, *gateway)) bool {
	left, erased := -1, false
	provider, g := sender()
	var under message.Store
	s := newShop(t, func(c *message.Config) {
		under, c.Chunk, c.Batch = c.Store, 2, 3
		c.Senders[message.SMS], c.Senders[message.LMS] = provider, provider
		c.Prices = message.Prices{message.SMS: 1, message.LMS: 3}
	})
	lost := 0
	g.after = func(m message.Message) error {
		if lost++; lost == 2 {
			return fmt.Errorf("no answer for %s", m.To)
		}
		return nil
	}
	s.groups.refresh("new", "ann", "kim", "cho")
	plain := s.Service
	erase := func() {
		erased = true
		s.groups.erase("kim")
		s.book.mu.Lock()
		s.book.gone["kim"] = true
		s.book.mu.Unlock()
		_, err := plain.Erase(t.Context(), "kim", "010-kim", "kim@shop.example")
		require.NoError(t, err)
	}
	s.cfg.Store = hookStep{under, &left, erase}
	s.reopen()
	require.NoError(t, s.TopUp(t.Context(), "initial", 100))
	s.consent("ann", "kim", "cho")
	require.NoError(t, s.Suppress(t.Context(), message.Email, "kim@shop.example", "bounced"))
	c := daily()
	c.Schedule = message.Schedule{Start: kst("2026-03-02 10:00"), Unit: message.Days, Count: 2}
	c.AllowDuplicates = true
	s.start(c)
	trigger := daily()
	trigger.ID, trigger.Schedule, trigger.Groups = "cart", message.Schedule{}, nil
	trigger.Trigger = &message.Trigger{On: message.Recorded, Record: "cart", Delay: time.Hour}
	s.start(trigger)
	require.NoError(t, s.Fire(t.Context(), message.Event{Key: "cart of kim", On: message.Recorded, Name: "cart", Customer: "kim", At: s.clock.Now()}))
	left = step
	s.live(kst("2026-03-04 12:00"))
	for _, m := range g.sent() {
		err := s.Receive(t.Context(), message.Receipt{Key: m.Key, Kind: message.ReceiptDelivered})
		require.NoError(t, err, "a receipt finds the message under whatever name")
	}
	before := len(g.calls)
	if !erased {
		return false
	}
	require.Empty(t, traces(t, under, "kim"), "step %d", step)
	s.live(kst("2026-03-05 12:00"))
	require.Len(t, g.calls, before)
	keys := map[string]bool{}
	for _, m := range g.calls {
		require.False(t, keys[m.Key], "step %d: two submits of one key", step)
		keys[m.Key] = true
	}
	require.LessOrEqual(t, s.sums("daily").Audience, 6)
	s.sums("cart")
	credits, err := s.Credits(t.Context())
	require.NoError(t, err)
	require.Zero(t, credits.Reserved)
	return true
}

// What was counted before a customer was forgotten is counted after.
func TestEraseKeepsCounts(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "kim", "cho")
	s.consent("ann", "kim", "cho")
	c := daily()
	c.Schedule = message.Schedule{Start: kst("2026-03-02 10:00")}
	c.Contents[0].Coupon = &message.CouponBlock{Definition: "welcome", Name: "첫 구매 쿠폰"}
	s.start(c)
	s.tick()
	for i, who := range []dangol.CustomerID{"ann", "kim"} {
		require.NoError(t, s.RecordOrder(t.Context(), message.Order{ID: fmt.Sprint(i), Customer: who, At: s.clock.Now(), Amount: dangol.Money{Minor: 5000, Currency: dangol.KRW}}))
	}
	for _, m := range s.gateway.sent() {
		require.NoError(t, s.Receive(t.Context(), message.Receipt{Key: m.Key, Kind: message.ReceiptClicked}))
	}
	before := s.sums("daily")
	require.Equal(t, 2, before.Orders)
	require.NotEmpty(t, traces(t, s.cfg.Store, "kim"))
	name, err := s.Erase(t.Context(), "kim")
	require.NoError(t, err)
	require.Empty(t, traces(t, s.cfg.Store, "kim"))
	require.Equal(t, before, s.sums("daily"))
	ledger, err := s.Consents(t.Context(), name)
	require.NoError(t, err)
	require.Len(t, ledger, 1)
	again, err := s.Erase(t.Context(), "kim")
	require.NoError(t, err, "who is not there is erased too")
	require.NotEqual(t, name, again)
}
