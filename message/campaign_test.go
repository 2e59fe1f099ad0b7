package message_test

import (
	"strings"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// The main job: every day at ten, to new members without an order, once each.
func TestDailyCampaignSendsOnceEach(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "bea", "cho")
	s.consent("ann", "bea", "dan")
	c := daily()
	c.Contents[0].Coupon = &message.CouponBlock{Definition: "welcome", Type: "10%", Name: "첫 구매 쿠폰", Description: "3일 안에 쓰세요."}
	s.start(c)
	require.Equal(t, 1, s.groups.holders("new"))
	require.ErrorIs(t, s.groups.edit("new"), errHeld, "the group is held while the campaign runs")

	p := s.tick()
	require.Equal(t, 2, p.Submitted)
	require.Equal(t, kst("2026-03-03 10:00").UTC(), p.Next)
	require.Equal(t, []dangol.CustomerID{"ann", "bea"}, s.gateway.to())
	require.Equal(t, `(광고) 손님 ann님, 쿠폰을 드려요.
[쿠폰] 10% 첫 구매 쿠폰
C1
3일 안에 쓰세요.
https://shop.example/c/C1

단골상점 02-123-4567
무료수신거부 080-123-4567`, s.gateway.sent()[0].Text)
	require.Len(t, s.coupons, 2, "who gets no message gets no coupon")

	s.groups.refresh("new", "ann", "cho", "dan") // bea bought, dan joined
	s.live(kst("2026-03-04 09:00"))
	require.Equal(t, []dangol.CustomerID{"ann", "bea", "dan"}, s.gateway.to())
	require.Empty(t, cmp.Diff([]string{
		"2026-03-02T10:00:00 submitted",
		"2026-03-03T10:00:00 dropped: duplicate",
	}, s.why("daily", "ann")))
	require.Empty(t, cmp.Diff([]string{
		"2026-03-02T10:00:00 dropped: no consent",
		"2026-03-03T10:00:00 dropped: no consent",
	}, s.why("daily", "cho")))
	require.Empty(t, cmp.Diff([]string{"2026-03-02T10:00:00 completed", "2026-03-03T10:00:00 completed"}, s.ledger("daily")))
	s.sums("daily")

	require.NoError(t, s.Cancel(t.Context(), "daily"))
	require.Equal(t, 0, s.groups.holders("new"))
	s.live(kst("2026-03-06 12:00"))
	require.Len(t, s.gateway.sent(), 3)
}

func TestDuplicatesAllowed(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	c := daily()
	c.AllowDuplicates = true
	c.Schedule.Count = 3
	s.start(c)
	s.live(kst("2026-03-10 00:00"))
	require.Equal(t, []dangol.CustomerID{"ann", "ann", "ann"}, s.gateway.to())
	got, err := s.Campaign(t.Context(), "daily")
	require.NoError(t, err)
	require.Equal(t, message.Done, got.State)
	require.Equal(t, 0, s.groups.holders("new"), "a finished campaign frees its groups")
}

func TestNightHoldsUntilMorning(t *testing.T) {
	for _, tc := range []struct {
		channel message.Channel
		at      string
		sentAt  string
	}{
		{message.SMS, "2026-03-02 20:59:59", "2026-03-02 20:59:59"},
		{message.SMS, "2026-03-02 21:00:00", "2026-03-03 08:00"},
		{message.SMS, "2026-03-02 23:59:59", "2026-03-03 08:00"},
		{message.SMS, "2026-03-03 07:59:59", "2026-03-03 08:00"},
		{message.SMS, "2026-03-03 08:00:00", "2026-03-03 08:00"},
		{message.KakaoBrand, "2026-03-02 20:49:59", "2026-03-02 20:49:59"},
		{message.KakaoBrand, "2026-03-02 20:50:00", "2026-03-03 08:00"},
		{message.KakaoBrand, "2026-03-03 07:59:59", "2026-03-03 08:00"},
		{message.Email, "2026-03-02 23:00:00", "2026-03-02 23:00:00"},
	} {
		t.Run(string(tc.channel)+" "+tc.at, func(t *testing.T) {
			s := newShop(t)
			s.groups.refresh("new", "ann")
			s.consent("ann")
			c := daily()
			c.Schedule = message.Schedule{Start: kst(tc.at)}
			c.Contents[0].Channel = tc.channel
			c.Contents[0].Subject = "소식"
			s.start(c)
			s.live(kst("2026-03-04 12:00"))
			require.Len(t, s.gateway.sent(), 1)
			var at string
			require.NoError(t, s.Deliveries(t.Context(), "daily", func(d message.Delivery) error {
				at = d.Submitted.In(seoul).Format("2006-01-02 15:04:05")
				return nil
			}))
			require.Equal(t, kst(tc.sentAt).Format("2006-01-02 15:04:05"), at)
			require.Equal(t, 1, s.sums("daily").Outcomes[message.Submitted])
		})
	}
}

func TestNightConsentLiftsTheNightButNotKakaosHours(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	require.NoError(t, s.RecordConsent(t.Context(), message.Consent{Customer: "ann", Purpose: message.PurposeNight, Granted: true}))
	for _, ch := range []message.Channel{message.SMS, message.KakaoBrand} {
		c := daily()
		c.ID, c.Schedule, c.Contents[0].Channel = "night-"+string(ch), message.Schedule{Start: kst("2026-03-02 22:00")}, ch
		s.start(c)
	}
	s.live(kst("2026-03-02 23:00"))
	require.Len(t, s.gateway.sent(), 1)
	require.Equal(t, message.SMS, s.gateway.sent()[0].Channel)
}

func TestWithdrawnConsentAtNight(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "bea")
	s.consent("ann", "bea")
	c := daily()
	c.Schedule = message.Schedule{Start: kst("2026-03-02 22:00")}
	s.start(c)
	s.live(kst("2026-03-02 23:00"))
	require.Equal(t, []string{"2026-03-02T22:00:00 held: quiet hours"}, s.why("daily", "ann"))
	require.NoError(t, s.RecordConsent(t.Context(), message.Consent{Customer: "ann", Granted: false, Source: "call"}))
	s.live(kst("2026-03-03 09:00"))
	require.Equal(t, []dangol.CustomerID{"bea"}, s.gateway.to())
	require.Equal(t, []string{"2026-03-02T22:00:00 dropped: consent withdrawn"}, s.why("daily", "ann"))
}

func TestSaveRefuses(t *testing.T) {
	s := newShop(t)
	for name, tc := range map[string]struct {
		change func(*message.Campaign)
		want   string
	}{
		"no group":            {func(c *message.Campaign) { c.Groups = nil }, "no group is addressed"},
		"no content":          {func(c *message.Campaign) { c.Contents = nil }, "there is no content"},
		"no sender":           {func(c *message.Campaign) { c.Contents[0].Channel = "pigeon" }, "no sender is configured"},
		"unknown variable":    {func(c *message.Campaign) { c.Contents[0].Text = "{{.nmae}}" }, "there is no variable nmae; there are name, points, items"},
		"korean variable":     {func(c *message.Campaign) { c.Contents[0].Text = "#{이름}님" }, "there is no variable 이름"},
		"group name":          {func(c *message.Campaign) { c.Contents[0].Text = "{{.group}}" }, "for operators only"},
		"a loop over numbers": {func(c *message.Campaign) { c.Contents[0].Text = "{{range 300000000}}x{{end}}" }, "a loop runs over 300000000"},
		"nested loops": {func(c *message.Campaign) {
			c.Contents[0].Text = strings.Repeat("{{range .items}}", 3) + strings.Repeat("{{end}}", 3)
		}, "nested deeper"},
		"a computed loop":    {func(c *message.Campaign) { c.Contents[0].Text = "{{range (len .name)}}x{{end}}" }, "a list variable only"},
		"a variable's loop":  {func(c *message.Campaign) { c.Contents[0].Text = "{{$n := .points}}{{range $n}}x{{end}}" }, "a list variable only"},
		"printf":             {func(c *message.Campaign) { c.Contents[0].Text = `{{printf "%0999999d" 1}}` }, "printf is not allowed"},
		"call":               {func(c *message.Campaign) { c.Contents[0].Text = `{{call .name}}` }, "call is not allowed"},
		"define":             {func(c *message.Campaign) { c.Contents[0].Text = `{{define "a"}}{{end}}x` }, "may not define"},
		"control character":  {func(c *message.Campaign) { c.Contents[0].Text = "a\x07b" }, "control character U+0007"},
		"bidi":               {func(c *message.Campaign) { c.Contents[0].Text = "a\u202Eb" }, "direction mark U+202E"},
		"emoji by SMS":       {func(c *message.Campaign) { c.Contents[0].Text = "🎁" }, `cannot show '🎁' (U+1F381)`},
		"too long":           {func(c *message.Campaign) { c.AllowLMS, c.Contents[0].Text = false, strings.Repeat("가", 46) }, "has 92 bytes"},
		"coupon without URL": {func(c *message.Campaign) { c.Contents[0].Coupon = &message.CouponBlock{Name: "x"} }, "wants a definition or a URL"},
		"id":                 {func(c *message.Campaign) { c.ID = "a b" }, "the id"},
		"holdout":            {func(c *message.Campaign) { c.Holdout = 10_000 }, "the holdout"},
		"zone":               {func(c *message.Campaign) { c.Schedule.Zone = "Mars/Olympus" }, "is unknown"},
		"ends before":        {func(c *message.Campaign) { c.Schedule.End = kst("2020-01-01 00:00") }, "ends before it starts"},
	} {
		t.Run(name, func(t *testing.T) {
			c := daily()
			c.Contents = []message.Content{c.Contents[0]}
			tc.change(&c)
			_, err := s.Save(t.Context(), c)
			require.ErrorIs(t, err, message.ErrInvalid)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestFriendtalkIsKakaoBrand(t *testing.T) {
	s := newShop(t)
	for _, alias := range []message.Channel{"friendtalk", "친구톡"} {
		c := daily()
		c.Contents[0].Channel = alias
		got, err := s.Save(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, message.KakaoBrand, got.Contents[0].Channel)
	}
}

// What was sent, to whom, of which version of the group, outlives the group.
func TestHistoryOutlivesTheGroup(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "bea")
	s.groups.refresh("staff", "zoe")
	s.consent("ann", "bea")
	c := daily()
	c.Except, c.Schedule = []string{"staff"}, message.Schedule{Start: kst("2026-03-02 10:00")}
	s.start(c)
	version := s.groups.version
	s.tick()
	s.tick()
	require.Equal(t, 0, s.groups.holders("new"))
	delete(s.groups.members, "new")
	clear(s.groups.frozen)
	require.Equal(t, 2, s.sums("daily").Outcomes[message.Submitted])
	all, err := s.Occurrences(t.Context(), "daily")
	require.NoError(t, err)
	in, out, err := all[0].FrozenFrom()
	require.NoError(t, err)
	require.Equal(t, []dangol.Snapshot{{Group: "new", Version: version, Count: 2}}, in)
	require.Equal(t, []dangol.Snapshot{{Group: "staff", Version: version, Count: 1}}, out)
	require.Equal(t, []string{"2026-03-02T10:00:00 submitted"}, s.why("daily", "ann"))
}

func TestSaveIsIdempotentAndGuarded(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	first, err := s.Save(t.Context(), daily())
	require.NoError(t, err)
	require.Equal(t, []any{1, message.Draft}, []any{first.Revision, first.State})
	same, err := s.Save(t.Context(), daily())
	require.NoError(t, err)
	require.Equal(t, 1, same.Revision, "saving what is saved is no edit")

	mine, theirs := first, first
	theirs.Name = "their edit"
	_, err = s.Save(t.Context(), theirs)
	require.NoError(t, err)
	mine.Name = "my edit"
	_, err = s.Save(t.Context(), mine)
	require.ErrorIs(t, err, message.ErrConflict, "it was changed since it was read")
	mine.Revision = 0
	last, err := s.Save(t.Context(), mine)
	require.NoError(t, err, "who names no revision overwrites")
	require.Equal(t, 3, last.Revision)

	require.NoError(t, s.Start(t.Context(), "daily"))
	require.NoError(t, s.Start(t.Context(), "daily"), "starting twice is starting once")
	require.NoError(t, s.Cancel(t.Context(), "daily"))
	require.NoError(t, s.Cancel(t.Context(), "daily"))
	require.ErrorIs(t, s.Start(t.Context(), "daily"), message.ErrFinished)
	require.ErrorIs(t, s.Pause(t.Context(), "daily"), message.ErrFinished)
	require.ErrorIs(t, s.Resume(t.Context(), "daily"), message.ErrFinished)
	_, err = s.Save(t.Context(), daily())
	require.ErrorIs(t, err, message.ErrFinished)
	for _, err := range []error{s.Start(t.Context(), "nowhere"), s.Cancel(t.Context(), "nowhere")} {
		require.ErrorIs(t, err, message.ErrNotFound)
	}
	all, err := s.Campaigns(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "my edit", all[0].Name)
}

func TestAdvertisingNeedsASender(t *testing.T) {
	s := newShop(t, func(c *message.Config) { c.Sender = message.Identity{Name: "단골상점"} })
	_, err := s.Save(t.Context(), daily())
	require.ErrorContains(t, err, "rule kr.footer asks for the sender's name and a way to opt out")
	c := daily()
	c.Purpose = message.Informational
	_, err = s.Save(t.Context(), c)
	require.NoError(t, err)
}

func TestConfigIsChecked(t *testing.T) {
	good := newShop(t).cfg
	for name, spoil := range map[string]func(*message.Config){
		"no store":    func(c *message.Config) { c.Store = nil },
		"no contacts": func(c *message.Config) { c.Contacts = nil },
		"short lease": func(c *message.Config) { c.Lease = 1 },
		"negative":    func(c *message.Config) { c.Batch = -1 },
		"rate":        func(c *message.Config) { c.Rates = map[message.Channel]message.Rate{message.SMS: {}} },
		"cap":         func(c *message.Config) { c.Caps = []message.Cap{{Name: "x", Max: 1}} },
		"rule": func(c *message.Config) {
			c.Rules = message.Rules{Rules: []message.Rule{{ID: "x", Country: "KR", Kind: message.RuleQuiet, From: "25:00"}}}
		},
		"links' base": func(c *message.Config) {
			c.Links = &message.Links{Base: "http://shop.example", Secret: make([]byte, 32)}
		},
		"links' secret": func(c *message.Config) {
			c.Links = &message.Links{Base: "https://shop.example", Secret: make([]byte, 8)}
		},
	} {
		c := good
		spoil(&c)
		_, err := message.New(c)
		require.Error(t, err, name)
	}
}
