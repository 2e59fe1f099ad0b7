package message_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

func abandonedCart() message.Campaign {
	return message.Campaign{
		ID: "cart", Trigger: &message.Trigger{On: message.Recorded, Record: "cart", Delay: time.Hour, Unless: []string{"orders"}, Restart: true},
		AllowDuplicates: true, AllowLMS: true,
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 장바구니가 기다려요."}},
	}
}

func event(key, kind string, id dangol.CustomerID, at string) message.Event {
	return message.Event{Key: key, On: message.Recorded, Name: kind, Customer: id, At: kst(at)}
}

func TestAbandonedCart(t *testing.T) {
	s := newShop(t)
	s.consent("ann", "bea", "cho", "dan", "eun")
	s.start(abandonedCart())
	fire := func(events ...message.Event) {
		t.Helper()
		require.NoError(t, s.Fire(t.Context(), events...))
		require.NoError(t, s.Fire(t.Context(), events...), "told twice, counted once")
	}
	fire(event("1", "cart", "ann", "2026-03-02 10:00"))
	fire(event("2", "cart", "bea", "2026-03-02 10:01"), event("3", "orders", "bea", "2026-03-02 10:30"))
	// cho's order is told before her cart.
	fire(event("4", "orders", "cho", "2026-03-02 10:45"))
	fire(event("5", "cart", "cho", "2026-03-02 10:02"))
	// dan goes on filling his cart.
	fire(event("6", "cart", "dan", "2026-03-02 10:03"), event("7", "cart", "dan", "2026-03-02 10:50"))
	// An order of yesterday undoes nothing.
	fire(event("8", "orders", "eun", "2026-03-01 10:00"), event("9", "cart", "eun", "2026-03-02 10:04"))

	s.live(kst("2026-03-02 10:59"))
	require.Empty(t, s.gateway.sent(), "an hour has to pass")
	s.live(kst("2026-03-02 11:05"))
	require.Equal(t, []dangol.CustomerID{"ann", "eun"}, s.gateway.to())
	require.Equal(t, []string{"record/cart/2 dropped: condition no longer holds"}, s.why("cart", "bea"))
	require.Equal(t, []string{"record/cart/5 dropped: condition no longer holds"}, s.why("cart", "cho"))
	s.live(kst("2026-03-02 12:00"))
	require.Equal(t, []dangol.CustomerID{"ann", "dan", "eun"}, s.gateway.to())
	require.Contains(t, s.ledger("cart"), "record/cart/6 coalesced: a later one runs for it")
	s.sums("cart")

	// The shop was down over the hour: too late is not sent.
	fire(event("10", "cart", "ann", "2026-03-02 12:30"))
	s.clock.Set(kst("2026-03-02 15:00"))
	s.tick()
	require.Contains(t, s.ledger("cart"), "record/cart/10 expired: missed")
}

// The order arrives between the freeze and the submit, even at night.
func TestCartIsBoughtWhileTheMessageIsHeld(t *testing.T) {
	s := newShop(t)
	s.consent("ann")
	s.start(abandonedCart())
	require.NoError(t, s.Fire(t.Context(), event("1", "cart", "ann", "2026-03-02 20:30")))
	s.live(kst("2026-03-02 23:00"))
	require.Equal(t, []string{"record/cart/1 held: quiet hours"}, s.why("cart", "ann"))
	require.NoError(t, s.Fire(t.Context(), event("2", "orders", "ann", "2026-03-02 23:30")))
	s.live(kst("2026-03-03 09:00"))
	require.Empty(t, s.gateway.sent())
	require.Equal(t, []string{"record/cart/1 dropped: condition no longer holds"}, s.why("cart", "ann"))
}

func TestEnteredAndLeft(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("vip", "ann")
	s.groups.refresh("staff", "bea")
	s.consent("ann", "bea", "cho")
	c := abandonedCart()
	c.Trigger = &message.Trigger{On: message.Entered, Group: "vip"}
	c.Except = []string{"staff"}
	s.start(c)
	require.Equal(t, 1, s.groups.holders("vip"))
	for i, id := range []dangol.CustomerID{"ann", "bea"} {
		require.NoError(t, s.Fire(t.Context(), message.Event{Key: fmt.Sprint(i), On: message.Entered, Name: "vip", Customer: id, At: s.clock.Now()}))
	}
	require.NoError(t, s.Fire(t.Context(), message.Event{Key: "x", On: message.Left, Name: "vip", Customer: "cho", At: s.clock.Now()}))
	s.tick()
	require.Equal(t, []dangol.CustomerID{"ann"}, s.gateway.to())
	require.NoError(t, s.Cancel(t.Context(), "cart"))
	require.NoError(t, s.Fire(t.Context(), message.Event{Key: "late", On: message.Entered, Name: "vip", Customer: "cho", At: s.clock.Now()}))
	s.tick()
	require.Len(t, s.gateway.sent(), 1)
	require.Equal(t, 0, s.groups.holders("vip"))
}

func TestRecheckDropsWhoLeft(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "bea")
	s.consent("ann", "bea")
	c := daily()
	c.Recheck, c.Schedule = true, message.Schedule{Start: kst("2026-03-02 22:00")}
	s.start(c)
	s.live(kst("2026-03-02 23:00"))
	s.groups.refresh("new", "bea") // ann bought at midnight
	s.live(kst("2026-03-03 09:00"))
	require.Equal(t, []dangol.CustomerID{"bea"}, s.gateway.to())
	require.Equal(t, []string{"2026-03-02T22:00:00 dropped: left the group"}, s.why("daily", "ann"))
}
