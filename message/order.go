package message

import (
	"context"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
)

// Windows says how long after a message an order is credited to it, a channel.
type Windows map[Channel]time.Duration

func (w Windows) of(ch Channel) time.Duration {
	if d, ok := w[ch]; ok {
		return d
	}
	return 7 * 24 * time.Hour
}

// longest is the window in which those who got a campaign and those who were held out
// are compared.
func (w Windows) longest(c Campaign) (most time.Duration) {
	for _, ct := range c.Contents {
		most = max(most, w.of(ct.Channel))
	}
	return most
}

// Order is a purchase, as attribution needs it.
type Order struct {
	ID       string // the shop's own key, at most 128 bytes
	Customer dangol.CustomerID
	At       time.Time
	Amount   dangol.Money
	// Cancelled takes the order's credit back.
	Cancelled bool

	delivery string
}

func (*Order) table() *Table { return orderTable }
func (o *Order) fields() []any {
	return []any{&o.ID, (*string)(&o.Customer), (*string)(&o.Amount.Currency), &o.delivery, &o.At, &o.Amount.Minor, &o.Cancelled}
}

// RecordOrder tells the service of an order, or that it changed: a refund lowers the
// amount, Cancelled takes it back. It is credited to one message at most: the last
// touch before it, which is a message's click or else its submit, that lies within the
// channel's window. Telling the same twice changes nothing.
func (s *Service) RecordOrder(ctx context.Context, orders ...Order) error {
	for _, o := range orders {
		if o.ID == "" || len(o.ID) > 128 || o.Customer == "" || o.At.IsZero() {
			return fmt.Errorf("message: order %q wants an id of at most 128 bytes, a customer and a time", o.ID)
		}
	}
	return s.store.Update(ctx, func(tx Tx) error {
		for _, o := range orders {
			o.At = o.At.UTC().Truncate(time.Microsecond)
			was, found, err := get[Order](tx, o.ID)
			if err != nil {
				return err
			}
			if found && was.Customer != o.Customer {
				return fmt.Errorf("%w: order %s is another customer's", ErrKeyReused, o.ID)
			}
			if err := s.credit(tx, &o); err != nil {
				return err
			}
		}
		return nil
	})
}

// credit finds the message that an order is credited to.
func (s *Service) credit(tx Tx, o *Order) error {
	if was, found, err := get[Order](tx, o.ID); err != nil {
		return err
	} else if found && was.delivery != "" {
		if _, there, err := get[Delivery](tx, was.delivery); err != nil {
			return err
		} else if !there { // pruned: the totals have counted it
			o.delivery = was.delivery
			return put(tx, o)
		}
	}
	o.delivery = ""
	var last time.Time
	if !o.Cancelled {
		touches, err := scan[Delivery](tx, Range{Index: 1, Equal: []any{string(o.Customer)}, To: micros(o.At) + 1})
		if err != nil {
			return err
		}
		for _, d := range touches {
			at := d.Submitted
			if !d.Clicked.IsZero() && !d.Clicked.After(o.At) {
				at = d.Clicked
			}
			if d.counts() && o.At.Sub(at) <= s.cfg.Windows.of(d.Channel) && !at.Before(last) {
				o.delivery, last = d.Key, at
			}
		}
	}
	return put(tx, o)
}

// recredit looks again at a customer's orders when a late receipt changed a touch.
func (s *Service) recredit(tx Tx, id dangol.CustomerID) error {
	orders, err := scan[Order](tx, Range{Index: 1, Equal: []any{string(id)}})
	if err != nil {
		return err
	}
	for _, o := range orders {
		if err := s.credit(tx, &o); err != nil {
			return err
		}
	}
	return nil
}

// bought tells whether a customer ordered within [from, until).
func bought(tx Tx, id dangol.CustomerID, from, until time.Time) (bool, error) {
	orders, err := scan[Order](tx, Range{Index: 1, Equal: []any{string(id)}, From: micros(from), To: micros(until)})
	for _, o := range orders {
		if !o.Cancelled {
			return true, err
		}
	}
	return false, err
}
