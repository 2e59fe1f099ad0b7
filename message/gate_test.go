package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Who gets a campaign that starts at ten, by what is known about them.
func TestGate(t *testing.T) {
	now := kst("2026-03-02 10:00")
	sms := func(number string) map[message.Channel]string {
		return map[message.Channel]string{message.SMS: number}
	}
	vars := map[string]any{"name": "x"}
	for _, tc := range []struct {
		why     string
		contact message.Contact
		prepare func(*shop)
		change  func(*message.Campaign)
		want    string
	}{
		{"agreed", message.Contact{Addresses: sms("1"), Vars: vars}, nil, nil, "submitted"},
		{"no address", message.Contact{Vars: vars}, nil, nil, "dropped: no address"},
		{"another country without rules", message.Contact{Addresses: sms("1"), Vars: vars, Country: "US"}, nil, nil, "dropped: no rules for the country"},
		{"an unknown zone", message.Contact{Addresses: sms("1"), Vars: vars, Zone: "Mars/Olympus"}, nil, nil, "dropped: unknown time zone"},
		{"the machine's own zone is nobody's", message.Contact{Addresses: sms("1"), Vars: vars, Zone: "Local"}, nil, nil, "dropped: unknown time zone"},
		{"where the customer is it is night", message.Contact{Addresses: sms("1"), Vars: vars, Zone: "Europe/Paris"}, nil, nil, "held: quiet hours"},
		{"information needs no rules of the country", message.Contact{Addresses: sms("1"), Vars: vars, Country: "US"}, nil,
			func(c *message.Campaign) { c.Purpose = message.Informational }, "submitted"},
		{"information goes out at night", message.Contact{Addresses: sms("1"), Vars: vars, Zone: "Europe/Paris"}, nil,
			func(c *message.Campaign) { c.Purpose = message.Informational }, "submitted"},
		{"information to who never agreed", message.Contact{Addresses: sms("1"), Vars: vars},
			func(s *shop) {
				require.NoError(s.t, s.RecordConsent(s.t.Context(), message.Consent{Customer: "ann", Granted: false}))
			}, func(c *message.Campaign) { c.Purpose = message.Informational }, "submitted"},
		{"suppressed", message.Contact{Addresses: sms("1"), Vars: vars},
			func(s *shop) {
				require.NoError(s.t, s.Suppress(s.t.Context(), message.SMS, "1", "hard bounce"))
			}, nil, "dropped: address suppressed"},
		{"suppressed and lifted", message.Contact{Addresses: sms("1"), Vars: vars},
			func(s *shop) {
				require.NoError(s.t, s.Suppress(s.t.Context(), message.LMS, "1", "hard bounce"))
				require.NoError(s.t, s.Unsuppress(s.t.Context(), message.SMS, "1", "a new owner"))
			}, nil, "submitted"},
		{"refused this channel", message.Contact{Addresses: sms("1"), Vars: vars},
			func(s *shop) {
				require.NoError(s.t, s.RecordConsent(s.t.Context(), message.Consent{Customer: "ann", Channel: message.SMS, Granted: false}))
			}, nil, "dropped: consent withdrawn"},
		{"refused another channel", message.Contact{Addresses: sms("1"), Vars: vars},
			func(s *shop) {
				require.NoError(s.t, s.RecordConsent(s.t.Context(), message.Consent{Customer: "ann", Channel: message.Email, Granted: false}))
			}, nil, "submitted"},
		{"a consent that begins tomorrow", message.Contact{Addresses: sms("1"), Vars: vars},
			func(s *shop) {
				require.NoError(s.t, s.RecordConsent(s.t.Context(),
					message.Consent{Customer: "ann", Granted: false},
					message.Consent{Customer: "ann", Granted: true, At: now.Add(24 * time.Hour)}))
			}, nil, "dropped: consent withdrawn"},
		{"a missing variable", message.Contact{Addresses: sms("1")}, nil, nil, "dropped: content"},
		{"a control character in a variable", message.Contact{Addresses: sms("1"), Vars: map[string]any{"name": "a\x1bb"}}, nil, nil, "dropped: content"},
		{"a direction mark in a variable", message.Contact{Addresses: sms("1"), Vars: map[string]any{"name": "a\u202eb"}}, nil, nil, "dropped: content"},
		{"a variable that SMS cannot show", message.Contact{Addresses: sms("1"), Vars: map[string]any{"name": "🎁"}}, nil, nil, "dropped: content"},
		{"a variable that is no data", message.Contact{Addresses: sms("1"), Vars: map[string]any{"name": func() {}}}, nil, nil, "dropped: content"},
		{"a loop as long as a number", message.Contact{Addresses: sms("1"), Vars: map[string]any{"name": "x", "points": 300_000_000}}, nil,
			func(c *message.Campaign) { c.Contents[0].Text = "{{range .points}}{{end}}" }, "dropped: content"},
		{"too long with its variable", message.Contact{Addresses: sms("1"), Vars: map[string]any{"name": strings.Repeat("긴", 40)}}, nil,
			func(c *message.Campaign) { c.AllowLMS = false }, "dropped: content"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			s := newShop(t)
			s.groups.refresh("new", "ann")
			s.consent("ann")
			s.book.other["ann"] = tc.contact
			if tc.prepare != nil {
				tc.prepare(s)
			}
			c := daily()
			c.Schedule = message.Schedule{Start: now}
			if tc.change != nil {
				tc.change(&c)
			}
			s.start(c)
			s.tick()
			require.Equal(t, []string{"2026-03-02T10:00:00 " + tc.want}, s.why("daily", "ann"))
		})
	}
}

func TestCustomerThatTheHostForgot(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.book.gone["ann"] = true
	s.start(daily())
	s.tick()
	require.Equal(t, []string{"2026-03-02T10:00:00 dropped: no such customer"}, s.why("daily", "ann"))
}

// The verdict says which rules were asked, on what.
func TestWhyTellsTheRules(t *testing.T) {
	s := newShop(t, func(c *message.Config) {
		c.Caps = []message.Cap{{Name: "two a week", Max: 2, Rolling: 7 * 24 * time.Hour}}
	})
	s.groups.refresh("new", "ann")
	s.consent("ann")
	s.start(daily())
	s.tick()
	why, err := s.Why(t.Context(), "daily", "ann")
	require.NoError(t, err)
	require.Equal(t, `kr.consent: granted 2026-01-01 12:00:00 +09:00, wording "v1"
kr.night: 2026-03-02 10:00:00 +09:00 is allowed
cap two a week: 0 of 2 used`, why[0].Detail)
}

// Rules are data: another country's, and one that ends.
func TestRulesOfOtherCountries(t *testing.T) {
	rules := message.KoreaRules()
	rules.Zones["XX"] = "Europe/Paris"
	rules.Rules = append(rules.Rules,
		message.Rule{ID: "xx.label", Country: "XX", Kind: message.RuleLabel, Purpose: message.Advertising, Text: "[AD]", Before: "2026-03-03"},
		message.Rule{ID: "xx.sunday", Country: "XX", Kind: message.RuleQuiet, Purpose: message.Advertising, From: "00:00", To: "09:00"})
	s := newShop(t, func(c *message.Config) { c.Rules = rules })
	s.groups.refresh("new", "ann")
	s.book.other["ann"] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "1"}, Country: "XX", Vars: map[string]any{"name": "x"}}
	c := daily()
	c.Schedule.Start, c.AllowDuplicates, c.Schedule.Count = kst("2026-03-02 10:00"), true, 2
	s.start(c)
	s.live(kst("2026-03-04 10:00"))
	sent := s.gateway.sent()
	require.Len(t, sent, 2, "no consent is asked for by these rules")
	require.True(t, strings.HasPrefix(sent[0].Text, "[AD] "), sent[0].Text)
	require.False(t, strings.HasPrefix(sent[1].Text, "[AD] "), "a rule that is no longer in force")
	for _, d := range s.deliveries("daily") {
		require.Equal(t, "09:00", d.Submitted.In(zone(t, "Europe/Paris")).Format("15:04"))
	}
}

// No advertising leaves between 21:00 and 08:00 without consent for the night,
// whenever the campaign, the worker and the customer are.
func TestNeverAtNight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newShop(t)
		people := ids(3)
		s.groups.refresh("new", people...)
		s.consent(people...)
		night := map[dangol.CustomerID]bool{}
		for _, id := range people {
			if rapid.Bool().Draw(rt, "night consent") {
				night[id] = true
				require.NoError(rt, s.RecordConsent(t.Context(), message.Consent{Customer: id, Purpose: message.PurposeNight, Granted: true}))
			}
		}
		start := kst("2026-03-02 10:00").Add(time.Duration(rapid.IntRange(0, 24*3600).Draw(rt, "seconds")) * time.Second)
		c := daily()
		c.Lateness = -1
		c.Schedule = message.Schedule{Start: start, Every: rapid.IntRange(1, 9).Draw(rt, "hours"), Unit: message.Hours, Count: 5}
		c.AllowDuplicates = true
		slow := time.Duration(rapid.IntRange(0, 40).Draw(rt, "slow")) * time.Minute
		s.gateway.before = func(m message.Message) error {
			hour := s.clock.Now().In(seoul).Hour()
			if !night[m.Customer] && (hour >= 21 || hour < 8) {
				rt.Fatalf("%s at %s", m.Customer, s.clock.Now().In(seoul))
			}
			s.clock.Add(slow)
			return nil
		}
		s.start(c)
		for range 200 {
			p := s.tick()
			if p.Next.IsZero() {
				break
			}
			if p.Next.After(s.clock.Now()) {
				s.clock.Set(p.Next)
			}
		}
		s.sums("daily")
	})
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "한글": 4, "똠방각하": 8, "가a나b": 6, "①㈜€": 6, "\n": 1} {
		n, err := message.Bytes(text)
		require.NoError(t, err, text)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{"🎁", "—🇰🇷", "e\u0301", "ᄒᆞᆫ"} {
		_, err := message.Bytes(text)
		require.ErrorContains(t, err, "cannot show", text)
	}
}

func TestSMSLimits(t *testing.T) {
	s := newShop(t)
	save := func(ch message.Channel, text, subject string, lms bool) error {
		c := daily()
		c.Purpose, c.AllowLMS = message.Informational, lms
		c.Contents = []message.Content{{Channel: ch, Text: text, Subject: subject}}
		_, err := s.Save(t.Context(), c)
		return err
	}
	require.NoError(t, save(message.SMS, strings.Repeat("가", 45), "", false))
	require.ErrorContains(t, save(message.SMS, strings.Repeat("가", 45)+"a", "", false), "91 bytes")
	require.NoError(t, save(message.SMS, strings.Repeat("가", 46), "", true))
	require.NoError(t, save(message.LMS, strings.Repeat("가", 1000), "", false))
	require.ErrorContains(t, save(message.LMS, strings.Repeat("가", 1001), "", false), "2002 bytes")
}

func TestPreviewAndTestSend(t *testing.T) {
	s := newShop(t)
	c := daily()
	c.Contents[0].Coupon = &message.CouponBlock{Definition: "welcome", Type: "10%", Name: "쿠폰"}
	m, err := s.Preview(t.Context(), c, "ann")
	require.NoError(t, err)
	require.Contains(t, m.Text, "(광고) 손님 ann님")
	require.Contains(t, m.Text, "PREVIEW")
	require.Empty(t, s.coupons)
	for range 2 {
		require.NoError(t, s.TestSend(t.Context(), c, "ann", "010-shop"))
	}
	sent := s.gateway.sent()
	require.Len(t, sent, 2)
	require.NotEqual(t, sent[0].Key, sent[1].Key, "each test goes out")
	require.True(t, sent[0].Test)
	require.Equal(t, "010-shop", sent[0].To)
	require.Empty(t, s.coupons)
	_, err = s.Campaign(t.Context(), c.ID)
	require.ErrorIs(t, err, message.ErrNotFound, "nothing is kept of it")
}
