package message

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// EventKind is what kind of thing happened.
type EventKind string

const (
	Entered  EventKind = "entered" // a customer became a member of a group
	Left     EventKind = "left"    // a customer is a member no more
	Recorded EventKind = "record"  // a record arrived, such as an order or a cart
)

// Trigger starts a campaign for one customer when something happens.
type Trigger struct {
	On     EventKind     `json:"on"`
	Group  string        `json:"group,omitempty"`  // Entered and Left: which group; it is held
	Record string        `json:"record,omitempty"` // Recorded: which kind, such as "cart"
	Delay  time.Duration `json:"delay,omitempty"`  // how long after. Defaults to at once
	// Unless names kinds of records that undo the trigger when one of the customer
	// arrives after it and before the submit: an abandoned cart is undone by "orders".
	Unless []string `json:"unless,omitempty"`
	// Restart begins the delay anew when the same thing happens again to the customer.
	// Defaults to a message for each time.
	Restart bool `json:"restart,omitempty"`
}

func (t Trigger) validate() error {
	switch {
	case t.On == ConsentDue:
		if t.Record != string(RuleNotice) && t.Record != string(RuleReconfirm) || t.Group != "" || t.Delay != 0 {
			return fmt.Errorf("a trigger on consents wants the record %q or %q, and no group or delay", RuleNotice, RuleReconfirm)
		}
	case t.On != Entered && t.On != Left && t.On != Recorded:
		return fmt.Errorf("the trigger is %q; want entered, left, record or consent", t.On)
	case t.On == Recorded && (t.Record == "" || t.Group != ""):
		return fmt.Errorf("a trigger on records wants a kind of record and no group")
	case t.On != Recorded && (t.Group == "" || t.Record != ""):
		return fmt.Errorf("a trigger on membership wants a group and no kind of record")
	case t.Delay < 0:
		return fmt.Errorf("the trigger's delay is negative")
	case slices.Contains(t.Unless, ""):
		return fmt.Errorf("the trigger names an empty kind of record")
	}
	return nil
}

// topic is what an event and a trigger have in common.
func topic(on EventKind, name string) string { return string(on) + "/" + name }

func (c Campaign) topic() string {
	if c.Trigger == nil {
		return ""
	}
	return topic(c.Trigger.On, c.Trigger.Group+c.Trigger.Record)
}

// Event is something that happened to a customer: a line of segment's outbox, or a
// record that arrived.
type Event struct {
	Key      string // the host's own, unique over all events; at most 128 bytes. One that holds the customer's id is stored as a digest
	On       EventKind
	Name     string // the group's id, or the kind of record
	Customer dangol.CustomerID
	At       time.Time // when it happened

	topic string
}

func (*Event) table() *Table { return eventTable }
func (e *Event) fields() []any {
	return []any{&e.Key, &e.topic, (*string)(&e.Customer), &e.At}
}

// Fire tells the service what happened. Each event counts once, whatever its order
// and however often it is told, so a host repeats a call whose answer it lost. Every
// campaign that was started and is triggered by it gets a line in its ledger.
func (s *Service) Fire(ctx context.Context, events ...Event) error {
	for _, e := range events {
		if e.Key == "" || len(e.Key) > 128 || e.Customer == "" || e.Name == "" || e.At.IsZero() {
			return fmt.Errorf("message: event %q wants a key of at most 128 bytes, a customer, a name and a time", e.Key)
		}
	}
	return s.store.Update(ctx, func(tx Tx) error {
		pruned, _, err := get[counterRow](tx, prunedEvents)
		if err != nil {
			return err
		}
		for _, e := range events {
			e.topic, e.At = topic(e.On, e.Name), e.At.UTC().Truncate(time.Microsecond)
			if strings.Contains(e.Key, string(e.Customer)) {
				e.Key = digest(e.Key) // it names a line of the ledger, which outlives the customer
			}
			if micros(e.At) < pruned.Value {
				_, known, err := get[Event](tx, e.Key)
				if err != nil {
					return err
				}
				if known {
					continue
				}
				return fmt.Errorf("%w: event %q of %s", ErrPruned, e.Key, e.At.Format(time.RFC3339))
			}
			added, err := insert(tx, &e)
			if err != nil {
				return err
			}
			if !added {
				continue
			}
			rows, err := scan[campaignRow](tx, Range{Index: 2, Equal: []any{e.topic}})
			if err != nil {
				return err
			}
			for _, row := range rows {
				if over(row.State) || row.State == Draft {
					continue
				}
				c, err := row.campaign()
				if err != nil {
					return err
				}
				at := e.At.Add(c.Trigger.Delay)
				if _, err := insert(tx, &Occurrence{Campaign: c.ID, ID: e.topic + "/" + e.Key, State: OccurrencePlanned,
					At: at, Due: at, Fired: e.At, Customer: e.Customer}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// happened is the last event of a topic for a customer within (after, until].
func happened(tx Tx, topic string, id dangol.CustomerID, after, until time.Time) (bool, error) {
	rows, err := tx.Scan(eventTable, Range{Index: 1, Equal: []any{string(id), topic},
		From: micros(after) + 1, To: micros(until) + 1, Limit: 1})
	return len(rows) > 0, err
}

// undone names the kind of record that undid a trigger, if one did.
func undone(tx Tx, c *Campaign, o Occurrence, now time.Time) (string, error) {
	if c.Trigger == nil {
		return "", nil
	}
	for _, kind := range c.Trigger.Unless {
		// A record of the very instant of the trigger came with it or after it.
		yes, err := happened(tx, topic(Recorded, kind), o.Customer, o.Fired.Add(-time.Microsecond), now)
		if err != nil || yes {
			return kind, err
		}
	}
	return "", nil
}
