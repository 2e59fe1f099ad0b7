package message

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol"
)

// Why is what became of one customer in every occurrence of a campaign, in the order
// of the occurrences: the stored verdict, with every rule that was evaluated.
func (s *Service) Why(ctx context.Context, campaign string, id dangol.CustomerID) (why []Recipient, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		why, err = scan[Recipient](tx, Range{Index: 2, Equal: []any{campaign, string(id)}})
		return err
	})
	return why, err
}

// Occurrences is a campaign's ledger, in the order of its nominal times.
func (s *Service) Occurrences(ctx context.Context, campaign string) (ledger []Occurrence, err error) {
	err = scanAll(s.view(ctx), Range{Equal: []any{campaign}}, func(o Occurrence) error {
		ledger = append(ledger, o)
		return nil
	})
	return ledger, err
}

// Recipients walks an occurrence's target list in the order of customer ids. It is
// kept after the groups are gone. An error of f ends the walk.
func (s *Service) Recipients(ctx context.Context, campaign, occurrence string, f func(Recipient) error) error {
	return scanAll(s.view(ctx), Range{Equal: []any{campaign, occurrence}}, f)
}

// Deliveries walks every submit of a campaign, by customer: the records of kind
// "messages". An error of f ends the walk.
func (s *Service) Deliveries(ctx context.Context, campaign string, f func(Delivery) error) error {
	return scanAll(s.view(ctx), Range{Index: 2, Equal: []any{campaign}}, f)
}

// Preview renders a saved or unsaved campaign as one customer will see it, on the
// first channel that reaches the customer. No coupon is issued: a code reads PREVIEW.
func (s *Service) Preview(ctx context.Context, c Campaign, id dangol.CustomerID) (Message, error) {
	c = c.withDefaults(s.cfg)
	if err := c.validate(s.cfg); err != nil {
		return Message{}, err
	}
	contacts, err := s.cfg.Contacts.Contacts(ctx, []dangol.CustomerID{id})
	if err != nil {
		return Message{}, fmt.Errorf("message: contacts: %w", err)
	}
	contact, ok := contacts[id]
	if !ok {
		return Message{}, fmt.Errorf("%w: customer", ErrNotFound)
	}
	r := claimed{Recipient: Recipient{Customer: id}, contact: contact}
	r.choose(&c)
	var coupon *Coupon
	if b := r.content.Coupon; b != nil && b.Definition != "" {
		coupon = &Coupon{Code: "PREVIEW", URL: previewLink}
	}
	return s.render(&c, r.content, contact, coupon, Message{
		Key: strings.Repeat("0", 32), To: contact.address(r.content.Channel), Campaign: c.ID, Customer: id, Variant: r.Variant,
	}, s.now())
}

// ErrNoSender is returned when no Sender is configured for a channel.
var ErrNoSender = errors.New("message: no sender for the channel")

// TestSend sends a preview to an address of the shop's own. It counts for nothing,
// asks the gate nothing, and says [테스트] in the subject of an e-mail.
func (s *Service) TestSend(ctx context.Context, c Campaign, like dangol.CustomerID, to string) error {
	if err := s.alone("test send"); err != nil {
		return err
	}
	m, err := s.Preview(ctx, c, like)
	if err != nil {
		return err
	}
	sender := s.cfg.Senders[m.Channel]
	if sender == nil {
		return fmt.Errorf("%w: %s", ErrNoSender, m.Channel)
	}
	var n int64
	if err := s.store.Update(ctx, func(tx Tx) (err error) {
		n, err = next(tx, "test")
		return err
	}); err != nil {
		return err
	}
	m.To, m.Test, m.Customer = to, true, ""
	m.Key = deliveryKey(c.ID, fmt.Sprintf("test %d", n), "", m.Channel)
	if m.Channel == Email {
		m.Subject = "[테스트] " + m.Subject
	}
	_, err = sender.Send(ctx, m)
	return err
}
