package message

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
)

// Record is a message to a customer as rules read it, in kind `messages`: sent is the
// record's time, a zero field is missing. A rule such as messages(30d where
// was_clicked) follows when receipts and clicks come in.
type Record struct {
	Key       string // the delivery's
	Customer  dangol.CustomerID
	Sent      time.Time
	Delivered time.Time
	Opened    time.Time
	Clicked   time.Time
	Campaign  string
	Channel   Channel
}

// Of is whose message it is, and its key.
func (r Record) Of() (customer dangol.CustomerID, key string) { return r.Customer, r.Key }

// Fields are the record's fields under their names in the shop's catalog: a time.Time
// or a string. Missing ones are left out.
func (r Record) Fields() map[string]any {
	f := map[string]any{"campaign": r.Campaign, "channel": string(r.Channel)}
	for name, t := range map[string]time.Time{"sent": r.Sent, "delivered": r.Delivered, "opened": r.Opened, "clicked": r.Clicked} {
		if !t.IsZero() {
			f[name] = t
		}
	}
	return f
}

// errStopped ends a walk whose reader has seen enough.
var errStopped = errors.New("message: stopped")

// Records walks the messages that customers got, in pages of bounded memory, to fill
// or refresh the rules' data: those of one customer, or of all when it is empty.
// Messages that definitely failed are no records. The walk ends with the first error.
func (s *Service) Records(ctx context.Context, customer dangol.CustomerID) iter.Seq2[Record, error] {
	r := Range{Index: 1}
	if customer != "" {
		r.Equal = []any{string(customer)}
	}
	return func(yield func(Record, error) bool) {
		err := scanAll(s.view(ctx), r, func(d Delivery) error {
			if !d.counts() {
				return nil
			}
			if !yield(Record{Key: d.Key, Customer: d.Customer, Sent: d.Submitted, Delivered: d.Delivered, Opened: d.Opened,
				Clicked: d.Clicked, Campaign: d.Campaign, Channel: d.Channel}, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && err != errStopped {
			yield(Record{}, err)
		}
	}
}
