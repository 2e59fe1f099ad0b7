package message_test

import (
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

func (s *shop) duties(until string) (out []string) {
	s.t.Helper()
	require.NoError(s.t, s.Duties(s.t.Context(), kst(until), func(d message.Duty) error {
		out = append(out, string(d.Customer)+" "+string(d.Kind)+" by "+d.Due.In(seoul).Format("2006-01-02"))
		return nil
	}))
	return out
}

func TestConsentDuties(t *testing.T) {
	s := newShop(t)
	agree := func(id dangol.CustomerID, granted bool, at string) {
		require.NoError(t, s.RecordConsent(t.Context(), message.Consent{Customer: id, Granted: granted, At: kst(at)}))
	}
	agree("ann", true, "2026-03-01 12:00")
	agree("ann", true, "2026-03-01 12:00") // told twice
	agree("bea", false, "2026-03-02 09:00")
	require.Equal(t, []string{"ann result notice by 2026-03-15", "bea result notice by 2026-03-16"}, s.duties("2026-03-02 10:00"))

	notice := message.Recipes(s.clock.Now())["consent-notice"].Campaign
	s.start(notice)
	s.tick()
	require.Equal(t, []dangol.CustomerID{"ann", "bea"}, s.gateway.to(), "a result notice is no advertising: a refusal is told too")
	require.NotContains(t, s.gateway.sent()[0].Text, "(광고)")
	require.Empty(t, s.duties("2026-03-02 10:00"), "done when it was submitted")
	s.tick()
	require.Len(t, s.gateway.sent(), 2)

	// Two years later, less a month, the consent can be confirmed again; bea never agreed.
	s.clock.Set(kst("2028-01-29 11:59:59"))
	s.tick()
	require.Empty(t, s.duties("2028-01-29 11:59:59"))
	require.Equal(t, []string{"ann re-confirmation by 2028-02-29"}, s.duties("2028-01-30 12:00:00"))
	s.start(message.Recipes(s.clock.Now())["consent-reconfirmation"].Campaign)
	agree("ann", true, "2028-01-30 10:00") // she did it on her own
	s.clock.Set(kst("2028-01-31 12:00"))
	s.tick()
	for _, m := range s.gateway.sent()[2:] {
		require.Equal(t, "consent-notice", m.Campaign)
	}
	require.Empty(t, s.duties("2028-02-01 00:00"))
	s.clock.Set(kst("2030-01-05 12:00"))
	s.tick()
	last := s.gateway.sent()[len(s.gateway.sent())-1]
	require.Equal(t, "consent-reconfirmation", last.Campaign)
	require.NotContains(t, last.Text, "(광고)")
}

func TestRecipesAreValid(t *testing.T) {
	s := newShop(t)
	for id, r := range message.Recipes(s.clock.Now()) {
		_, err := s.Save(t.Context(), r.Campaign)
		require.NoError(t, err, id)
		require.Equal(t, r.Rule != "", r.Group != "", id)
	}
}

// A host repeats calls; the ledger keeps what was said, not how often it was told.
func TestConsentToldTwice(t *testing.T) {
	s := newShop(t)
	say := func(granted bool, evidence string) {
		s.clock.Add(time.Minute)
		require.NoError(t, s.RecordConsent(t.Context(), message.Consent{Customer: "ann", Granted: granted, Evidence: evidence}))
	}
	for range 2 {
		say(true, "form 1")
	}
	for range 2 {
		say(false, "call")
	}
	for range 2 {
		say(true, "form 1") // agreed again after the refusal
	}
	ledger, err := s.Consents(t.Context(), "ann")
	require.NoError(t, err)
	var said []bool
	for _, c := range ledger {
		said = append(said, c.Granted)
	}
	require.Equal(t, []bool{true, false, true}, said)
}
