package message_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var errDied = errors.New("the process died")

// doom counts the durable steps of a process and lets it die at one of them: from
// then on nothing that it does has any effect.
type doom struct {
	left atomic.Int64 // steps to live
	dead atomic.Bool
}

// step tells whether the process dies now.
func (d *doom) step() bool {
	if d.left.Add(-1) < 0 {
		d.dead.Store(true)
	}
	return d.dead.Load()
}

// mortalStore dies before a transaction is committed, or after.
type mortalStore struct {
	message.Store
	doom *doom
}

func (s mortalStore) Update(ctx context.Context, f func(message.Tx) error) error {
	if s.doom.step() {
		return errDied
	}
	if err := s.Store.Update(ctx, f); err != nil {
		return err
	}
	if s.doom.step() {
		return errDied
	}
	return nil
}

func (s mortalStore) View(ctx context.Context, f func(message.Tx) error) error {
	if s.doom.dead.Load() {
		return errDied
	}
	return s.Store.View(ctx, f)
}

// mortal makes a gateway's calls steps at which the process may die: before the
// provider takes the message, and after, with the answer lost.
func mortal(g *gateway, d *doom) {
	die := func(message.Message) error {
		if d.step() {
			return errDied
		}
		return nil
	}
	g.before, g.after = die, die
}

// crashCampaign is a campaign with everything that leaves traces: a coupon, a night
// hold, an exclusion, somebody without consent.
func crashCampaign(s *shop, channel message.Channel) message.Campaign {
	s.groups.refresh("new", "ann", "bea", "cho", "dan")
	s.groups.refresh("staff", "dan")
	s.consent("ann", "bea", "dan")
	c := daily()
	c.Except = []string{"staff"}
	c.Schedule = message.Schedule{Start: kst("2026-03-02 10:00"), Unit: message.Days, Count: 2}
	c.Contents[0].Channel, c.Contents[0].Subject = channel, "소식"
	c.Contents[0].Coupon = &message.CouponBlock{Definition: "welcome", Name: "첫 구매 쿠폰"}
	return c
}

// The process is killed at every durable step, once each, and started again.
func TestKilledAtEveryStep(t *testing.T) {
	for name, senders := range map[string]func() (message.Sender, *gateway){
		"plain": func() (message.Sender, *gateway) { g := &gateway{}; return g, g },
		"idempotent": func() (message.Sender, *gateway) {
			g := &idempotentGateway{gateway{dedupe: true}}
			return g, &g.gateway
		},
		"askable": func() (message.Sender, *gateway) { g := &askableGateway{}; return g, &g.gateway },
	} {
		t.Run(name, func(t *testing.T) {
			run := func(dieAt int64) (*shop, *gateway, bool) {
				sender, g := senders()
				var under message.Store
				d := &doom{}
				s := newShop(t, func(c *message.Config) {
					under, c.Senders[message.SMS], c.Senders[message.LMS], c.Chunk, c.Batch = c.Store, sender, sender, 2, 3
					c.Prices = message.Prices{message.SMS: 1, message.LMS: 3}
				})
				require.NoError(t, s.TopUp(t.Context(), "initial", 100))
				c := crashCampaign(s, message.SMS)
				d.left.Store(dieAt)
				s.cfg.Store = mortalStore{under, d}
				mortal(g, d)
				s.reopen()
				for run := 0; ; run++ {
					err := s.untilDone(c)
					if err == nil {
						return s, g, d.dead.Load()
					}
					require.True(t, d.dead.Load(), "only a death is an excuse: %v", err)
					require.Zero(t, run, "the second life is not cut short: %v", err)
					g.before, g.after = nil, nil
					s.cfg.Store = under
					s.reopen()
				}
			}
			whole, g, _ := run(1 << 40)
			want := whole.sums("daily")
			require.Equal(t, []dangol.CustomerID{"ann", "bea"}, g.to())
			steps := int64(0)
			for ; ; steps++ {
				s, g, died := run(steps)
				if !died {
					break
				}
				res := s.sums("daily")
				got := map[dangol.CustomerID]int{}
				for _, id := range g.to() {
					got[id]++
					require.Equal(t, 1, got[id], "step %d: %s got it twice", steps, id)
				}
				require.Equal(t, 0, s.groups.holders("new"), "step %d", steps)
				balance, err := s.Credits(t.Context())
				require.NoError(t, err)
				require.Equal(t, message.Credits{Available: 94, Spent: 6}, balance, "step %d", steps)
				require.Empty(t, cmp.Diff(whole.ledgerStates("daily"), s.ledgerStates("daily")), "step %d", steps)
				if name != "plain" {
					require.Empty(t, cmp.Diff(want, res), "step %d", steps)
					require.Equal(t, map[dangol.CustomerID]int{"ann": 1, "bea": 1}, got, "step %d", steps)
					require.Empty(t, cmp.Diff(whole.coupons, s.coupons), "step %d: no coupon is issued twice", steps)
					continue
				}
				require.Equal(t, want.Audience, res.Audience)
				require.LessOrEqual(t, res.Outcomes[message.Unknown], 1, "step %d: one submit at a time can be in doubt", steps)
				for _, id := range []dangol.CustomerID{"ann", "bea"} {
					if got[id] == 0 {
						require.Contains(t, s.why("daily", id), "2026-03-02T10:00:00 unknown: the provider never said", "step %d", steps)
					}
				}
			}
			require.Greater(t, steps, int64(30))
		})
	}
}

// untilDone is a process: it saves, starts and lives until the campaign is done.
func (s *shop) untilDone(c message.Campaign) error {
	ctx := s.t.Context()
	if _, err := s.Save(ctx, c); err != nil {
		return err
	}
	if err := s.Start(ctx, c.ID); err != nil && !errors.Is(err, message.ErrFinished) {
		return err
	}
	for range 10_000 {
		p, err := s.Tick(ctx)
		if err != nil {
			return err
		}
		if p.Next.IsZero() {
			return nil
		}
		if p.Next.After(s.clock.Now()) {
			s.clock.Set(p.Next)
		}
	}
	return fmt.Errorf("it does not end")
}

// ledgerStates is the ledger without whether something failed.
func (s *shop) ledgerStates(campaign string) (out []string) {
	all, err := s.Occurrences(s.t.Context(), campaign)
	require.NoError(s.t, err)
	for _, o := range all {
		state := o.State
		if state == message.OccurrenceFailures {
			state = message.OccurrenceCompleted
		}
		out = append(out, o.ID+" "+string(state))
	}
	return out
}

// The same for what is triggered, with a fallback that has to be paid: carts and an
// order are told, and the process dies at every step of telling and serving.
func TestTriggersKilledAtEveryStep(t *testing.T) {
	run := func(dieAt int64) (*shop, *idempotentGateway, bool) {
		g := &idempotentGateway{gateway{dedupe: true}}
		s := newShop(t, func(c *message.Config) {
			for ch := range c.Senders {
				c.Senders[ch] = g
			}
			c.Prices = message.Prices{message.SMS: 1, message.LMS: 3, message.KakaoBrand: 2}
		})
		under := s.cfg.Store
		s.consent("ann", "bea", "cho")
		require.NoError(t, s.TopUp(t.Context(), "initial", 100))
		c := abandonedCart()
		c.Contents = append([]message.Content{{Channel: message.KakaoBrand, Text: "장바구니"}}, c.Contents...)
		s.start(c)
		d := &doom{}
		d.left.Store(dieAt)
		live := func() error {
			for _, e := range []message.Event{event("1", "cart", "ann", "2026-03-02 10:00"), event("2", "cart", "bea", "2026-03-02 10:01"),
				event("3", "orders", "bea", "2026-03-02 10:30"), event("4", "cart", "cho", "2026-03-02 10:02"), event("5", "cart", "cho", "2026-03-02 10:30")} {
				if err := s.Fire(t.Context(), e); err != nil {
					return err
				}
			}
			for range 1000 {
				p, err := s.Tick(t.Context())
				if err != nil || p.Next.IsZero() {
					return err
				}
				if p.Next.After(s.clock.Now()) {
					s.clock.Set(p.Next)
				}
			}
			return fmt.Errorf("it does not end")
		}
		noKakao := func(m message.Message) error {
			if m.Channel == message.KakaoBrand && m.Customer == "ann" {
				return message.ErrRejected
			}
			return nil
		}
		g.before = func(m message.Message) error {
			if d.step() {
				return errDied
			}
			return noKakao(m)
		}
		g.after = func(message.Message) error {
			if d.step() {
				return errDied
			}
			return nil
		}
		s.cfg.Store = mortalStore{under, d}
		s.reopen()
		err := live()
		died := d.dead.Load()
		if err != nil {
			require.True(t, died, "%v", err)
			g.before, g.after = noKakao, nil
			s.cfg.Store = under
			s.reopen()
			require.NoError(t, live())
		}
		return s, g, died
	}
	whole, g, _ := run(1 << 40)
	require.Equal(t, []dangol.CustomerID{"ann", "cho"}, g.to())
	want, balance, ledger := whole.sums("cart"), whole.balance(), whole.ledger("cart")
	require.Equal(t, message.Credits{Available: 97, Spent: 3}, balance)
	steps := int64(0)
	for ; ; steps++ {
		s, g, died := run(steps)
		if !died {
			break
		}
		require.Equal(t, []dangol.CustomerID{"ann", "cho"}, g.to(), "step %d", steps)
		require.Empty(t, cmp.Diff(want, s.sums("cart")), "step %d", steps)
		require.Equal(t, balance, s.balance(), "step %d", steps)
		require.Equal(t, ledger, s.ledger("cart"), "step %d", steps)
	}
	require.Greater(t, steps, int64(40))
}
