package message

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Prices are the credits that a message costs, a channel. A channel without a price
// is free.
type Prices map[Channel]int64

func (p Prices) of(ch Channel) int64 { return p[ch] }

// worst is the most that one recipient can cost: contents are tried one after the
// other, and what definitely failed is given back. The first one's price is known
// once it is rendered.
func (s *Service) worst(c *Campaign, contents []Content, step int, rendered Channel) int64 {
	most := s.cfg.Prices.of(rendered)
	for i := step; i < len(contents); i++ {
		ct := contents[i]
		issued := ct.Coupon != nil && ct.Coupon.Definition != "" // its length is not known yet
		if i > step || issued {
			most = max(most, s.cfg.Prices.of(ct.Channel))
			if ct.Channel == SMS && c.AllowLMS {
				most = max(most, s.cfg.Prices.of(LMS))
			}
		}
	}
	return most
}

// priced tells whether sending the campaign can cost credits.
func (s *Service) priced(c *Campaign) bool {
	if s.worst(c, c.Contents, 0, c.Contents[0].Channel) > 0 || c.AllowLMS && s.cfg.Prices.of(LMS) > 0 {
		return true
	}
	for _, v := range c.Variants {
		if s.worst(c, v.Contents, 0, v.Contents[0].Channel) > 0 {
			return true
		}
	}
	return false
}

// Credits is where the credits are. Everything that was ever topped up is in one of
// the three places.
type Credits struct {
	Available int64
	Reserved  int64 // for the recipients of running occurrences
	Spent     int64 // on messages that were submitted and did not definitely fail
	Low       bool  // Available is below Config.LowCredits
}

// CreditKind is what a line of the credit ledger says.
type CreditKind string

const (
	CreditTopUp   CreditKind = "top-up"
	CreditReserve CreditKind = "reserve" // available to reserved, an occurrence
	CreditSpend   CreditKind = "spend"   // reserved to spent, a submit
	CreditRefund  CreditKind = "refund"  // spent back, a submit that definitely failed
	CreditRelease CreditKind = "release" // reserved to available, what an occurrence did not need
	CreditLow     CreditKind = "low"     // the available credits fell below Config.LowCredits
)

// CreditLine is one line of the append-only credit ledger.
type CreditLine struct {
	Seq    int64
	Kind   CreditKind
	Key    string // the host's key of a top-up, the occurrence, or the delivery
	Amount int64
	Left   int64 // available credits after it
	At     time.Time
}

func (*CreditLine) table() *Table { return creditTable }
func (l *CreditLine) fields() []any {
	return []any{&l.Seq, (*string)(&l.Kind), &l.Key, &l.Amount, &l.Left, &l.At}
}

const (
	creditAvailable = "credit/available"
	creditReserved  = "credit/reserved"
	creditSpent     = "credit/spent"
)

// ErrKeyReused is returned when a key that was used comes again with another request.
var ErrKeyReused = errors.New("message: the key was used for something else")

// TopUp adds credits. The same key counts once, however often it is repeated.
func (s *Service) TopUp(ctx context.Context, key string, amount int64) error {
	if key == "" || amount <= 0 {
		return fmt.Errorf("message: a top-up wants a key and a positive amount")
	}
	return s.store.Update(ctx, func(tx Tx) error {
		used, ok, err := get[counterRow](tx, "topup/"+key)
		switch {
		case err != nil:
			return err
		case ok && used.Value != amount:
			return fmt.Errorf("%w: top-up %s was %d", ErrKeyReused, key, used.Value)
		case ok:
			return nil
		}
		if err := put(tx, &counterRow{"topup/" + key, amount}); err != nil {
			return err
		}
		return s.book(tx, CreditTopUp, key, amount, "", creditAvailable)
	})
}

// Credits reads the balance.
func (s *Service) Credits(ctx context.Context) (c Credits, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		for name, v := range map[string]*int64{creditAvailable: &c.Available, creditReserved: &c.Reserved, creditSpent: &c.Spent} {
			row, _, err := get[counterRow](tx, name)
			if err != nil {
				return err
			}
			*v = row.Value
		}
		c.Low = c.Available < s.cfg.LowCredits
		return nil
	})
	return c, err
}

// CreditLedger walks the ledger from its beginning. An error of f ends the walk.
func (s *Service) CreditLedger(ctx context.Context, f func(CreditLine) error) error {
	return scanAll(s.view(ctx), Range{}, f)
}

// book moves credits from one place to another and writes the line.
func (s *Service) book(tx Tx, kind CreditKind, key string, amount int64, from, to string) error {
	if amount == 0 {
		return nil
	}
	was, err := move(tx, from, -amount)
	if err != nil {
		return err
	}
	if _, err := move(tx, to, amount); err != nil {
		return err
	}
	if err := s.creditLine(tx, kind, key, amount); err != nil {
		return err
	}
	if from == creditAvailable && was >= s.cfg.LowCredits && was-amount < s.cfg.LowCredits {
		return s.creditLine(tx, CreditLow, key, was-amount)
	}
	return nil
}

func (s *Service) creditLine(tx Tx, kind CreditKind, key string, amount int64) error {
	seq, err := next(tx, "credit/lines")
	if err != nil {
		return err
	}
	left, _, err := get[counterRow](tx, creditAvailable)
	if err != nil {
		return err
	}
	return put(tx, &CreditLine{seq, kind, key, amount, left.Value, s.now()})
}

func move(tx Tx, place string, amount int64) (was int64, err error) {
	if place == "" {
		return 0, nil
	}
	row, _, err := get[counterRow](tx, place)
	if err != nil {
		return 0, err
	}
	was, row.Name, row.Value = row.Value, place, row.Value+amount
	return was, put(tx, &row)
}

// reserve sets credits aside for an occurrence before its first message: the worst
// case of everybody whom the gate lets through now or later. It is a step of its own,
// after the audience is frozen; until it is done nobody is claimed.
func (s *Service) reserve(ctx context.Context, campaign, id string) error {
	var o Occurrence
	var row campaignRow
	if err := s.store.View(ctx, func(tx Tx) (err error) {
		if row, _, err = get[campaignRow](tx, campaign); err != nil {
			return err
		}
		o, _, err = get[Occurrence](tx, campaign, id)
		return err
	}); err != nil {
		return err
	}
	if row.State != Running || o.State != OccurrenceRunning || !o.Frozen || o.Priced {
		return nil
	}
	c, err := row.campaign()
	if err != nil {
		return err
	}
	total := int64(0)
	if s.priced(&c) {
		a := s.assessment(row, c, o)
		err := scanPages(s.view(ctx), Range{Equal: []any{campaign, id}}, func(page []Recipient) error {
			return a.add(ctx, page)
		})
		if err != nil {
			return err
		}
		total = a.worst
	}
	return s.store.Update(ctx, func(tx Tx) error {
		cur, _, err := get[Occurrence](tx, campaign, id)
		if err != nil || cur.State != OccurrenceRunning || cur.Priced {
			return err
		}
		now, _, err := get[campaignRow](tx, campaign)
		if err != nil || now.Revision != row.Revision {
			return err // edited meanwhile: the next round prices it anew
		}
		available, _, err := get[counterRow](tx, creditAvailable)
		if err != nil {
			return err
		}
		cur.Priced = true
		switch {
		case total <= available.Value:
			cur.Reserved = total
		case c.Credit == CreditPartial:
			cur.Reserved = max(available.Value, 0)
		default:
			cur.Broke = true // the gate drops everybody
		}
		if err := s.book(tx, CreditReserve, campaign+"/"+id, cur.Reserved, creditAvailable, creditReserved); err != nil {
			return err
		}
		return put(tx, &cur)
	})
}

// spend pays for a submit from what its occurrence has reserved, and from what is
// available when that falls short, as after an edit. Without credits the verdict
// becomes a Drop.
func (s *Service) spend(tx Tx, b *batch, r *claimed) error {
	if r.cost == 0 {
		return nil
	}
	// A submit in doubt that is repeated under its key is paid already.
	if d, found, err := get[Delivery](tx, r.msg.Key); err != nil || found && d.Cost > 0 && !d.Refunded {
		r.cost = d.Cost
		return err
	}
	o, _, err := get[Occurrence](tx, b.campaign.ID, b.occ.ID)
	if err != nil {
		return err
	}
	if short := r.cost - o.Reserved; short > 0 {
		available, _, err := get[counterRow](tx, creditAvailable)
		if err != nil {
			return err
		}
		if available.Value < short {
			r.verdict.Decision, r.verdict.Reason = Drop, ReasonCredit
			r.verdict.Checks = append(r.verdict.Checks, fmt.Sprintf("credits: %d needed, %d left", r.cost, o.Reserved+available.Value))
			return nil
		}
		if err := s.book(tx, CreditReserve, b.campaign.ID+"/"+b.occ.ID, short, creditAvailable, creditReserved); err != nil {
			return err
		}
		o.Reserved += short
	}
	o.Reserved -= r.cost
	if err := put(tx, &o); err != nil {
		return err
	}
	return s.book(tx, CreditSpend, r.msg.Key, r.cost, creditReserved, creditSpent)
}

// refund gives back what a submit cost that definitely failed: to its occurrence
// while that runs, so that the next content can be paid, else to the shop.
func (s *Service) refund(tx Tx, d *Delivery) error {
	if d.Cost == 0 || d.Refunded {
		return nil
	}
	amount := d.Cost
	d.Refunded = true
	o, _, err := get[Occurrence](tx, d.Campaign, d.Occurrence)
	if err != nil {
		return err
	}
	to := creditAvailable
	if o.State == OccurrenceRunning {
		to = creditReserved
		o.Reserved += amount
		if err := put(tx, &o); err != nil {
			return err
		}
	}
	return s.book(tx, CreditRefund, d.Key, amount, creditSpent, to)
}

// free gives back what an occurrence that ends did not need.
func (s *Service) free(tx Tx, o *Occurrence) error {
	amount := o.Reserved
	o.Reserved = 0
	return s.book(tx, CreditRelease, o.Campaign+"/"+o.ID, amount, creditReserved, creditAvailable)
}
