package message_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func priced(c *message.Config) {
	c.Prices = message.Prices{message.SMS: 1, message.LMS: 3, message.KakaoBrand: 2}
	c.LowCredits = 10
}

func (s *shop) balance() message.Credits {
	s.t.Helper()
	b, err := s.Credits(s.t.Context())
	require.NoError(s.t, err)
	return b
}

func TestCreditsAllOrNothing(t *testing.T) {
	s := newShop(t, priced)
	s.groups.refresh("new", ids(5)...)
	s.consent(ids(5)...)
	require.NoError(t, s.TopUp(t.Context(), "a", 14)) // five LMS are 15
	c := daily()
	c.Contents[0].Text = strings.Repeat("긴 글 ", 20)
	s.start(c)
	s.tick()
	require.Empty(t, s.gateway.sent(), "not one of them")
	require.Empty(t, s.coupons)
	require.Equal(t, 5, s.sums("daily").Reasons[message.ReasonCredit])
	require.Equal(t, message.Credits{Available: 14}, s.balance())

	require.NoError(t, s.TopUp(t.Context(), "b", 1))
	require.NoError(t, s.TopUp(t.Context(), "b", 1), "the same top-up once")
	require.ErrorIs(t, s.TopUp(t.Context(), "b", 2), message.ErrKeyReused)
	s.live(kst("2026-03-03 12:00"))
	require.Len(t, s.gateway.sent(), 5)
	require.Equal(t, message.Credits{Spent: 15, Low: true}, s.balance())
	var kinds []message.CreditKind
	require.NoError(t, s.CreditLedger(t.Context(), func(l message.CreditLine) error {
		if len(kinds) == 0 || kinds[len(kinds)-1] != l.Kind {
			kinds = append(kinds, l.Kind)
		}
		return nil
	}))
	require.Equal(t, []message.CreditKind{"top-up", "reserve", "low", "spend"}, kinds)
}

func TestCreditsPartial(t *testing.T) {
	s := newShop(t, priced)
	s.groups.refresh("new", ids(5)...)
	s.consent(ids(5)...)
	require.NoError(t, s.TopUp(t.Context(), "a", 10))
	c := daily()
	c.Credit = message.CreditPartial
	c.Contents[0].Text = strings.Repeat("긴 글 ", 20)
	s.start(c)
	s.tick()
	require.Equal(t, ids(3), s.gateway.to(), "in the order of ids, while they last")
	require.Equal(t, 2, s.sums("daily").Reasons[message.ReasonCredit])
	require.Equal(t, message.Credits{Available: 1, Spent: 9, Low: true}, s.balance())
}

func TestDefiniteFailuresAreRefunded(t *testing.T) {
	s := newShop(t, priced)
	s.groups.refresh("new", "ann", "bea")
	s.consent("ann", "bea")
	require.NoError(t, s.TopUp(t.Context(), "a", 100))
	c := daily()
	c.Contents = []message.Content{{Channel: message.KakaoBrand, Text: "카카오"}, {Channel: message.SMS, Text: "문자"}}
	s.gateway.before = func(m message.Message) error {
		if m.Channel == message.KakaoBrand {
			return fmt.Errorf("no friend: %w", message.ErrRejected)
		}
		if m.Customer == "bea" {
			return fmt.Errorf("no such number: %w", message.ErrRejected)
		}
		return nil
	}
	s.start(c)
	s.tick()
	s.sums("daily")
	require.Equal(t, message.Credits{Available: 99, Spent: 1}, s.balance())
}

// Whatever providers do, no credit is made or lost.
func TestCreditsAreConserved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		idem := &idempotentGateway{gateway{dedupe: true}}
		s := newShop(t, priced, func(c *message.Config) {
			c.Tries, c.Batch, c.Chunk = 2, rapid.IntRange(1, 4).Draw(rt, "batch"), rapid.IntRange(1, 3).Draw(rt, "chunk")
			if rapid.Bool().Draw(rt, "idempotent") {
				for ch := range c.Senders {
					c.Senders[ch] = idem
				}
			}
		})
		answers := func(message.Message) error {
			switch rapid.IntRange(0, 4).Draw(rt, "answer") {
			case 0:
				return message.ErrRejected
			case 1:
				return message.ErrRetry
			case 2:
				return fmt.Errorf("timeout")
			}
			return nil
		}
		s.gateway.before, idem.before = answers, answers
		people := ids(6)
		s.groups.refresh("new", people...)
		s.consent(people[:5]...)
		top := rapid.Int64Range(1, 30).Draw(rt, "credits")
		require.NoError(rt, s.TopUp(t.Context(), "a", top))
		c := daily()
		c.Schedule.Count = 2
		c.Credit = rapid.SampledFrom([]message.CreditPolicy{message.CreditAll, message.CreditPartial}).Draw(rt, "policy")
		c.Contents = append(c.Contents, message.Content{Channel: message.KakaoBrand, Text: "카카오"})
		s.start(c)
		s.live(kst("2026-03-05 00:00"))
		b := s.balance()
		require.Equal(rt, top, b.Available+b.Spent)
		require.Zero(rt, b.Reserved)
		require.GreaterOrEqual(rt, b.Available, int64(0))
		s.sums("daily")
	})
}

// The dry run says what the run then does.
func TestDryRunEqualsTheRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.SampledFrom([]string{"2026-03-02 10:00", "2026-03-02 22:00"}).Draw(rt, "at")
		s := newShop(t, priced, func(c *message.Config) {
			c.Caps = []message.Cap{{Name: "daily", Max: 1, Calendar: message.Days}}
		})
		s.clock.Set(kst(at))
		people := ids(30)
		s.groups.refresh("new", people...)
		s.groups.refresh("staff", people[rapid.IntRange(0, 29).Draw(rt, "staff"):]...)
		require.NoError(t, s.TopUp(t.Context(), "a", 1000))
		for _, id := range people {
			switch rapid.IntRange(0, 6).Draw(rt, "kind") {
			case 0: // nobody asked
			case 1:
				s.consent(id)
				require.NoError(rt, s.RecordConsent(t.Context(), message.Consent{Customer: id, Granted: false}))
			case 2:
				s.consent(id)
				s.book.other[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010-same"}, Vars: map[string]any{"name": "x"}}
			case 3:
				s.consent(id)
				s.book.other[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010" + string(id)}, Vars: map[string]any{"name": strings.Repeat("긴", 30)}}
			case 4:
				s.consent(id)
				s.book.other[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010" + string(id)}, Vars: map[string]any{"name": "🎁"}}
			default:
				s.consent(id)
			}
		}
		s.cfg.Sender = message.Identity{Name: "단골", OptOut: "무료거부 0801234567"}
		s.reopen()
		c := daily()
		c.Except, c.Holdout = []string{"staff"}, 2000
		c.Schedule = message.Schedule{Start: s.clock.Now()}
		dry, err := s.DryRun(t.Context(), c)
		require.NoError(rt, err)
		require.Empty(rt, s.gateway.sent())
		s.start(c)
		p := s.tick()
		res, err := s.Results(t.Context(), "daily")
		require.NoError(rt, err)
		held := 0
		for reason, n := range dry.Held {
			require.Equal(rt, n, res.Reasons[reason])
			delete(res.Reasons, reason)
			held += n
		}
		require.Equal(rt, dry.Audience, res.Audience)
		require.Empty(rt, cmp.Diff(dry.Dropped, res.Reasons))
		require.Empty(rt, cmp.Diff(dry.Sent, res.Submits))
		require.Equal(rt, held, p.Held)
		if held == 0 {
			require.Equal(rt, dry.Credits, s.balance().Spent)
		} else {
			require.Equal(rt, dry.Until, p.Next)
			require.Equal(rt, dry.Worst, s.balance().Reserved)
		}
	})
}

func TestCaps(t *testing.T) {
	for _, tc := range []struct {
		why  string
		cap  message.Cap
		sent []string // the days on which ann gets the daily campaign
	}{
		{"two in any seven days", message.Cap{Max: 2, Rolling: 7 * 24 * time.Hour}, []string{"02", "03", "09", "10", "16"}},
		{"two a calendar week, from Monday", message.Cap{Max: 2, Calendar: message.Weeks}, []string{"02", "03", "09", "10", "16"}},
		{"one a month", message.Cap{Max: 1, Calendar: message.Months}, []string{"02"}},
		{"none by e-mail, which this is not", message.Cap{Max: 0, Calendar: message.Days, Channels: []message.Channel{message.Email}}, nil},
		{"none at all", message.Cap{Max: 0, Calendar: message.Days}, []string{}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			tc.cap.Name = "cap"
			s := newShop(t, func(c *message.Config) { c.Caps = []message.Cap{tc.cap} })
			s.groups.refresh("new", "ann")
			s.consent("ann")
			c := daily()
			c.AllowDuplicates, c.Schedule.Count = true, 15
			s.start(c)
			s.live(kst("2026-03-16 23:00"))
			days := []string{}
			require.NoError(t, s.Deliveries(t.Context(), "daily", func(d message.Delivery) error {
				days = append(days, d.Submitted.In(seoul).Format("02"))
				return nil
			}))
			if tc.sent == nil {
				require.Len(t, days, 15)
				return
			}
			require.ElementsMatch(t, tc.sent, days)
		})
	}
}

func TestCapThatWaits(t *testing.T) {
	s := newShop(t, func(c *message.Config) {
		c.Caps = []message.Cap{{Name: "one a day", Max: 1, Rolling: 24 * time.Hour, Wait: true}}
	})
	s.groups.refresh("new", "ann")
	s.consent("ann")
	for _, id := range []string{"first", "second"} {
		c := daily()
		c.ID, c.Schedule = id, message.Schedule{Start: kst("2026-03-02 10:00")}
		s.start(c)
	}
	s.live(kst("2026-03-04 10:00"))
	var at []string
	for _, id := range []string{"first", "second"} {
		require.NoError(t, s.Deliveries(t.Context(), id, func(d message.Delivery) error {
			at = append(at, d.Submitted.In(seoul).Format("02 15:04"))
			return nil
		}))
	}
	require.Equal(t, []string{"02 10:00", "03 10:00"}, at)
}

// Two customers with one telephone get one message.
func TestSameAddress(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "bea")
	s.consent("ann", "bea")
	for _, id := range []dangol.CustomerID{"ann", "bea"} {
		s.book.other[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010-1"}, Vars: map[string]any{"name": "x"}}
	}
	s.start(daily())
	s.tick()
	require.Len(t, s.gateway.sent(), 1)
	require.Equal(t, []string{"2026-03-02T10:00:00 dropped: same address"}, s.why("daily", "bea"))
}

func TestHoldoutAndVariants(t *testing.T) {
	s := newShop(t)
	people := ids(2000)
	s.groups.refresh("new", people...)
	s.consent(people...)
	c := daily()
	c.Holdout = 1000
	c.Variants = []message.Variant{{Name: "B", Share: 5000, Contents: []message.Content{{Channel: message.SMS, Text: "다른 글"}}}}
	s.start(c)
	s.tick()
	res := s.sums("daily")
	require.InDelta(t, 200, res.Reasons[message.ReasonHoldout], 70)
	other := 0
	for _, m := range s.gateway.sent() {
		if m.Variant == "B" {
			require.Contains(t, m.Text, "다른 글")
			other++
		}
	}
	require.InDelta(t, 900, other, 120)
}
