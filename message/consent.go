package message

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
)

// PurposeNight is the separate consent to advertising between 21:00 and 08:00.
const PurposeNight = "night"

// Consent is one line of the append-only consent ledger: a customer agreed to
// something, or took it back.
type Consent struct {
	Customer dangol.CustomerID
	Channel  Channel   // Defaults to every channel
	Purpose  string    // "advertising", "night" or the host's own. Defaults to "advertising"
	Granted  bool      // false is a refusal or a withdrawal
	At       time.Time // when the customer said it. Defaults to now
	Wording  string    // which version of the text the customer saw
	Evidence string    // what proves it, such as a form's or a request's id
	Source   string    // where it came from, such as "signup" or "unsubscribe link"

	seq      int
	recorded time.Time
}

func (*Consent) table() *Table { return consentTable }
func (c *Consent) fields() []any {
	return []any{(*string)(&c.Customer), &c.seq, (*string)(&c.Channel), &c.Purpose, &c.Granted, &c.At, &c.recorded,
		&c.Wording, &c.Evidence, &c.Source}
}

// Recorded is when the ledger took the line.
func (c Consent) Recorded() time.Time { return c.recorded }

// RecordConsent appends to the ledger. A line that is there already is taken once, so
// a host may repeat the call; a line without At is there when the last one for its
// channel and purpose says the same. Once it returned, no message whose submit begins
// later ignores it.
func (s *Service) RecordConsent(ctx context.Context, lines ...Consent) error {
	now := s.now()
	return s.store.Update(ctx, func(tx Tx) error {
		for _, line := range lines {
			if line.Customer == "" || len(line.Customer) > 255 {
				return fmt.Errorf("message: a consent without customer")
			}
			if line.Purpose == "" {
				line.Purpose = string(Advertising)
			}
			undated := line.At.IsZero()
			if undated {
				line.At = now
			}
			line.At = line.At.UTC().Truncate(time.Microsecond)
			ledger, err := consents(tx, line.Customer)
			if err != nil {
				return err
			}
			line.seq, line.recorded = len(ledger)+1, now
			if known(ledger, line, undated) {
				continue
			}
			if err := s.appendConsent(tx, line); err != nil {
				return err
			}
		}
		return nil
	})
}

// known tells whether the ledger holds the line already.
func known(ledger []Consent, line Consent, undated bool) bool {
	for _, old := range slices.Backward(ledger) {
		if old.Channel != line.Channel || old.Purpose != line.Purpose {
			continue
		}
		old.seq, old.recorded = line.seq, line.recorded
		if undated {
			old.At = line.At
		}
		if old == line || undated { // what was said before the last line counts no more
			return old == line
		}
	}
	return false
}

func (s *Service) appendConsent(tx Tx, line Consent) error {
	if _, err := insert(tx, &line); err != nil {
		return err
	}
	return s.dutiesOf(tx, line)
}

// Consents is a customer's part of the ledger, in the order it was written.
func (s *Service) Consents(ctx context.Context, id dangol.CustomerID) (ledger []Consent, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		ledger, err = consents(tx, id)
		return err
	})
	return ledger, err
}

func consents(tx Tx, id dangol.CustomerID) ([]Consent, error) {
	return scan[Consent](tx, consentRange(id))
}

func consentRange(id dangol.CustomerID) Range { return Range{Equal: []any{string(id)}} }

// standing is the line that decides for a channel and purpose as of an instant: the
// latest one that was said for the channel or for all of them.
func standing(ledger []Consent, ch Channel, purpose string, at time.Time) (line Consent, ok bool) {
	for _, c := range ledger {
		if c.Purpose != purpose || c.Channel != "" && c.Channel != consentChannel(ch) && c.Channel != ch || c.At.After(at) {
			continue
		}
		if !ok || cmp.Or(c.At.Compare(line.At), cmp.Compare(c.seq, line.seq)) > 0 {
			line, ok = c, true
		}
	}
	return line, ok
}

// consentChannel is the channel that people consent to: a long text message is a
// text message.
func consentChannel(ch Channel) Channel {
	if ch == LMS {
		return SMS
	}
	return ch
}

// suppression bars an address of a channel, whoever it belongs to.
type suppression struct {
	Channel Channel
	Address string
	Lifted  bool
	At      time.Time
	Reason  string
}

func (*suppression) table() *Table { return suppressionTable }
func (r *suppression) fields() []any {
	return []any{(*string)(&r.Channel), &r.Address, &r.Lifted, &r.At, &r.Reason}
}

// Suppress bars an address from every message, for reasons such as a hard bounce or a
// number that changed hands. LMS shares the bar of SMS. Who only wants no advertising
// is a line of the consent ledger instead.
func (s *Service) Suppress(ctx context.Context, ch Channel, address, reason string) error {
	return s.store.Update(ctx, func(tx Tx) error {
		return put(tx, &suppression{consentChannel(ch), address, false, s.now(), reason})
	})
}

// Unsuppress lifts the bar.
func (s *Service) Unsuppress(ctx context.Context, ch Channel, address, reason string) error {
	return s.store.Update(ctx, func(tx Tx) error {
		return put(tx, &suppression{consentChannel(ch), address, true, s.now(), reason})
	})
}
