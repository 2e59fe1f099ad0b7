package message

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// ReceiptKind is what a provider, or a customer's click, tells about a message.
type ReceiptKind string

const (
	ReceiptDelivered    ReceiptKind = "delivered"
	ReceiptFailed       ReceiptKind = "failed" // definitely not delivered: the next content is tried
	ReceiptOpened       ReceiptKind = "opened"
	ReceiptClicked      ReceiptKind = "clicked"
	ReceiptUnsubscribed ReceiptKind = "unsubscribed" // withdraws the consent for the channel
	ReceiptComplained   ReceiptKind = "complained"   // withdraws it and bars the address
)

// Receipt is news about a message. It names the message by Key or, where a provider
// only knows its own id, by Provider.
type Receipt struct {
	Key      string
	Provider string
	Kind     ReceiptKind
	At       time.Time // when it happened. Defaults to now
	Reason   string    // why it failed
}

// Receive takes receipts, in any order, days late, as often as they come: the state
// they lead to is the same. Of several receipts of a kind the earliest counts, and a
// delivery outweighs a failure. It returns ErrNotFound for a message that the service
// did not submit, or whose provider's id it does not know yet.
func (s *Service) Receive(ctx context.Context, receipts ...Receipt) error {
	return s.store.Update(ctx, func(tx Tx) error {
		for _, r := range receipts {
			if err := s.receive(tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) receive(tx Tx, r Receipt) error {
	now := s.now()
	if r.At.IsZero() {
		r.At = now
	}
	r.At = r.At.UTC().Truncate(time.Microsecond)
	d, err := findDelivery(tx, r)
	if err != nil {
		return err
	}
	switch r.Kind {
	case ReceiptDelivered:
		d.Delivered = earlier(d.Delivered, r.At)
	case ReceiptFailed:
		if d.Address == "" { // erased: what a provider says may quote it
			r.Reason = ""
		}
		if d.Failed.IsZero() || r.At.Before(d.Failed) {
			d.Failed, d.Failure = r.At, r.Reason
		}
	case ReceiptOpened:
		d.Opened = earlier(d.Opened, r.At)
	case ReceiptClicked:
		d.Clicked = earlier(d.Clicked, r.At)
	case ReceiptUnsubscribed, ReceiptComplained:
		if d.Unsubscribed.IsZero() {
			if err := s.withdraw(tx, d, r, now); err != nil {
				return err
			}
		}
		d.Unsubscribed = earlier(d.Unsubscribed, r.At)
	default:
		return fmt.Errorf("message: there is no receipt %q", r.Kind)
	}
	if err := s.conclude(tx, &d, now); err != nil {
		return err
	}
	if err := put(tx, &d); err != nil {
		return err
	}
	if r.Kind == ReceiptClicked || r.Kind == ReceiptFailed || r.Kind == ReceiptDelivered {
		return s.recredit(tx, d.Customer)
	}
	return nil
}

func findDelivery(tx Tx, r Receipt) (Delivery, error) {
	if r.Key != "" {
		d, ok, err := get[Delivery](tx, r.Key)
		if err == nil && !ok {
			err = fmt.Errorf("%w: message %s", ErrNotFound, r.Key)
		}
		return d, err
	}
	found, err := scan[Delivery](tx, Range{Index: 4, Equal: []any{r.Provider}, Limit: 2})
	if err == nil && (len(found) != 1 || r.Provider == "") {
		err = fmt.Errorf("%w: the provider's message %q", ErrNotFound, r.Provider)
	}
	if err != nil {
		return Delivery{}, err
	}
	return found[0], nil
}

// conclude brings status, recipient and credits in line with what receipts said.
func (s *Service) conclude(tx Tx, d *Delivery, now time.Time) error {
	r, ok, err := get[Recipient](tx, d.Campaign, d.Occurrence, string(d.Customer))
	if err != nil || !ok {
		return err
	}
	onIt := r.Channel == d.Channel || consentChannel(r.Channel) == consentChannel(d.Channel)
	switch {
	case !d.Delivered.IsZero() || !d.Opened.IsZero() || !d.Clicked.IsZero():
		if d.Status == StatusDelivered {
			return nil
		}
		if d.Refunded { // it was given back too early
			d.Refunded = false
			if err := s.book(tx, CreditSpend, d.Key, d.Cost, creditAvailable, creditSpent); err != nil {
				return err
			}
		}
		d.Status = StatusDelivered
		if onIt && (r.State == Unknown || r.State == InDoubt || r.State == Failed || r.State == Pending && r.Step > 0 && r.Attempts == 0) {
			r.end(Submitted, "")
			r.fence, r.Updated, r.Channel = 0, now, d.Channel
			return put(tx, &r)
		}
	case !d.Failed.IsZero() && d.Status != StatusFailed && d.Status != StatusRetry:
		d.Status = StatusFailed
		if err := s.refund(tx, d); err != nil {
			return err
		}
		if onIt && (r.State == Submitted || r.State == Unknown || r.State == InDoubt) {
			return s.undelivered(tx, r, d, now)
		}
	}
	return nil
}

// undelivered goes on with the next content after a failure that came by receipt, or
// ends the recipient. An occurrence that was over runs again for it.
func (s *Service) undelivered(tx Tx, r Recipient, d *Delivery, now time.Time) error {
	row, _, err := get[campaignRow](tx, d.Campaign)
	if err != nil {
		return err
	}
	c, err := row.campaign()
	if err != nil {
		return err
	}
	o, _, err := get[Occurrence](tx, d.Campaign, d.Occurrence)
	if err != nil {
		return err
	}
	r.Updated, r.fence = now, 0
	r.Detail += "\nreceipt on " + string(d.Channel) + ": " + d.Failure
	_, contents := c.variant(drawn(c.ID, "variant", r.Customer))
	if r.Step+1 >= len(contents) || over(row.State) && row.State != Done {
		r.end(Failed, ReasonFailedCast)
		o.Failures++
		if o.State == OccurrenceCompleted {
			o.State = OccurrenceFailures
		}
	} else {
		r.Step, r.Attempts, r.Since = r.Step+1, 0, now
		r.wait(Pending, "", now)
		if o.State.Final() {
			o.State, o.Reason, o.Ended = OccurrenceRunning, "", time.Time{}
			if row.State == Done {
				row.State = Running
				if err := put(tx, &row); err != nil {
					return err
				}
			}
		}
		o.Active, o.Due = now, now
	}
	if err := put(tx, &o); err != nil {
		return err
	}
	return put(tx, &r)
}

// withdraw records that the customer wants no more of the channel.
func (s *Service) withdraw(tx Tx, d Delivery, r Receipt, now time.Time) error {
	ledger, err := consents(tx, d.Customer)
	if err != nil {
		return err
	}
	evidence := "message " + d.Key
	if !slices.ContainsFunc(ledger, func(c Consent) bool { return c.Evidence == evidence }) {
		line := Consent{Customer: d.Customer, Channel: consentChannel(d.Channel), Purpose: string(Advertising), At: r.At,
			Evidence: evidence, Source: string(r.Kind), seq: len(ledger) + 1, recorded: now}
		if err := s.appendConsent(tx, line); err != nil {
			return err
		}
	}
	if r.Kind == ReceiptComplained && d.Address != "" {
		return put(tx, &suppression{consentChannel(d.Channel), d.Address, false, now, "complaint"})
	}
	return nil
}
