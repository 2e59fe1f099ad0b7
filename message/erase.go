package message

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol"
)

// erasures is the counter of Erase: a page of an audience that was read before is read
// again.
const erasures = "erasures"

// Erase forgets a customer in one transaction, and returns the random name that takes
// their place, so that audiences, results, credits and orders add up as before.
// Addresses, texts, verdicts' details, evidence of consents and coupon codes are
// emptied; what was still to be sent to them is dropped as ReasonErased; a submit that
// is under way is recorded under the new name. Bars are lifted from the addresses that
// messages went to, and from the given ones.
//
// Erase the customer where the audience comes from first, else a campaign that freezes
// its audience takes them in again. Texts that the host chose stay as they are:
// campaigns, orders' ids, keys of events that do not hold the customer's id.
func (s *Service) Erase(ctx context.Context, customer dangol.CustomerID, addresses ...string) (dangol.CustomerID, error) {
	if customer == "" || len(customer) > 255 {
		return "", fmt.Errorf("message: erase wants a customer")
	}
	to := dangol.CustomerID("erased_" + rand.Text())
	err := s.store.Update(ctx, func(tx Tx) error {
		e := eraser{s: s, tx: tx, from: customer, to: to, addresses: slices.Clone(addresses)}
		if _, err := next(tx, erasures); err != nil {
			return err
		}
		for _, step := range []func() error{e.consents, e.events, e.orders, e.campaigns, e.deliveries, e.freezing, e.bars} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return to, nil
}

// eraser renames one customer in one transaction. Its steps read what others have not
// renamed yet.
type eraser struct {
	s         *Service
	tx        Tx
	from, to  dangol.CustomerID
	addresses []string
	ledger    []Consent
	fired     []Event
}

// consents renames the ledger's lines and ends the duties that they brought.
func (e *eraser) consents() (err error) {
	if e.ledger, err = consents(e.tx, e.from); err != nil {
		return err
	}
	for _, c := range e.ledger {
		if err := e.tx.Delete(consentTable, string(e.from), int64(c.seq)); err != nil {
			return err
		}
		c.Customer, c.Evidence = e.to, ""
		if err := put(e.tx, &c); err != nil {
			return err
		}
		for _, key := range e.duties(c) {
			d, ok, err := get[Duty](e.tx, key)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			d.Customer = e.to
			if d.stage != dutyDone {
				d.stage, d.Done, d.How = dutyDone, e.s.now(), ReasonErased
			}
			if err := put(e.tx, &d); err != nil {
				return err
			}
		}
	}
	return nil
}

// duties are the keys of those that a line may have brought.
func (e *eraser) duties(c Consent) []string {
	return []string{dutyKey(RuleNotice, e.from, c.seq), dutyKey(RuleReconfirm, e.from, c.seq)}
}

func (e *eraser) events() (err error) {
	if e.fired, err = scan[Event](e.tx, Range{Index: 1, Equal: []any{string(e.from)}}); err != nil {
		return err
	}
	for _, f := range e.fired {
		f.Customer = e.to
		if err := put(e.tx, &f); err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) orders() error {
	orders, err := scan[Order](e.tx, Range{Index: 1, Equal: []any{string(e.from)}})
	if err != nil {
		return err
	}
	for _, o := range orders {
		o.Customer = e.to
		if err := put(e.tx, &o); err != nil {
			return err
		}
	}
	return nil
}

// campaigns renames the recipients of every campaign, and the occurrences that began
// for the customer alone.
func (e *eraser) campaigns() error {
	rows, err := scan[campaignRow](e.tx, Range{})
	if err != nil {
		return err
	}
	for _, row := range rows {
		var own []string // occurrences
		for _, f := range e.fired {
			own = append(own, f.topic+"/"+f.Key)
		}
		for _, c := range e.ledger {
			own = append(own, e.duties(c)...)
		}
		got, err := scan[Recipient](e.tx, Range{Index: 2, Equal: []any{row.ID, string(e.from)}})
		if err != nil {
			return err
		}
		for _, r := range got {
			own = append(own, r.Occurrence)
			if err := e.recipient(r); err != nil {
				return err
			}
		}
		for _, id := range own {
			if err := e.occurrence(row.ID, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *eraser) recipient(r Recipient) error {
	if err := e.tx.Delete(recipientTable, r.Campaign, r.Occurrence, string(e.from)); err != nil {
		return err
	}
	r.Customer, r.Detail = e.to, ""
	switch {
	case r.State == Pending || r.State == Held:
		r.end(Dropped, ReasonErased)
		r.fence, r.Updated = 0, e.s.now()
	case !r.State.Final(): // a reason of the provider's, while nobody knows; it may quote an address
		r.Reason = ""
	}
	return put(e.tx, &r)
}

func (e *eraser) occurrence(campaign, id string) error {
	o, ok, err := get[Occurrence](e.tx, campaign, id)
	if err != nil || !ok || o.Customer != e.from {
		return err
	}
	o.Customer = e.to
	return put(e.tx, &o)
}

func (e *eraser) deliveries() error {
	sent, err := scan[Delivery](e.tx, Range{Index: 1, Equal: []any{string(e.from)}})
	if err != nil {
		return err
	}
	for _, d := range sent {
		e.addresses = append(e.addresses, d.Address)
		d.Customer, d.Address, d.Subject, d.Text, d.Coupon, d.Failure = e.to, "", "", "", "", ""
		if err := put(e.tx, &d); err != nil {
			return err
		}
	}
	return nil
}

// freezing sets the cursors back that stand on the customer: those who came before
// are found to be there already.
func (e *eraser) freezing() error {
	running, err := scan[Occurrence](e.tx, Range{Index: 1, Equal: []any{string(OccurrenceRunning)}})
	if err != nil {
		return err
	}
	for _, o := range running {
		if o.cursor != string(e.from) {
			continue
		}
		before, err := scan[Recipient](e.tx, Range{Equal: []any{o.Campaign, o.ID}, To: string(e.from), Desc: true, Limit: 1})
		if err != nil {
			return err
		}
		o.cursor = ""
		if len(before) > 0 {
			o.cursor = string(before[0].Customer)
		}
		if err := put(e.tx, &o); err != nil {
			return err
		}
	}
	return nil
}

// bars lifts those from the customer's addresses, for the address is all that they say.
func (e *eraser) bars() error {
	slices.Sort(e.addresses)
	for _, address := range slices.Compact(e.addresses) {
		for _, ch := range []Channel{SMS, Email, KakaoBrand, Alimtalk, Push, Webhook} {
			if err := e.tx.Delete(suppressionTable, string(ch), address); err != nil {
				return err
			}
		}
		for ch := range e.s.cfg.Senders {
			if err := e.tx.Delete(suppressionTable, string(consentChannel(ch)), address); err != nil {
				return err
			}
		}
	}
	return nil
}
