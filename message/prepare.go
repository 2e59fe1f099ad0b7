package message

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/internal/sample"
)

// threshold is the sample positions below so many hundredths of a percent.
func threshold(share uint64) uint64 { return sample.Threshold(share, 10_000) }

// drawn is a customer's position among all under one of the campaign's keys.
func drawn(campaign, what string, id dangol.CustomerID) uint64 {
	a, b := sample.Key(what + "/" + campaign)
	return sample.At(sample.Bucket(string(id)), a, b)
}

// prepare does everything that must not happen inside a transaction: it asks the host
// for contacts and coupons and renders. The gate is asked first, so that nobody gets a
// coupon who gets no message; those that it refuses are settled here.
func (s *Service) prepare(ctx context.Context, b *batch, rows []*claimed) (ready []*claimed, p Progress, err error) {
	c := &b.campaign
	now := s.now()
	if err := s.judgeAll(ctx, b, rows, now); err != nil {
		return nil, p, err
	}
	var settled []*claimed
	for _, r := range rows {
		if r.verdict.Decision == Send {
			s.compose(ctx, b, r, now)
		}
		if r.verdict.Decision == Send {
			ready = append(ready, r)
		} else {
			settled = append(settled, r)
		}
	}
	if len(settled) == 0 {
		return ready, p, nil
	}
	err = s.updateAhead(ctx, func(tx *ahead) error {
		p = Progress{}
		if err := errors.Join(tx.readRecipients(b, settled), tx.readDeliveries(settled)); err != nil {
			return err
		}
		row, _, err := get[campaignRow](tx, c.ID)
		if err != nil {
			return err
		}
		if row.Revision != c.Revision || over(row.State) {
			return giveBack(tx, b, settled, now) // judged by what no longer counts
		}
		for _, r := range settled {
			cur, ok, err := mine(tx, b, r)
			if err != nil {
				return err
			}
			if !ok || cur.State != Pending && cur.State != Held {
				continue
			}
			cur.Step, cur.Attempts = r.Step, r.Attempts
			r.Recipient = cur
			if err := s.settle(tx, b, r, now, &p); err != nil {
				return err
			}
		}
		return nil
	})
	return ready, p, err
}

// judgeAll looks up the contacts and asks the gate.
func (s *Service) judgeAll(ctx context.Context, b *batch, rows []*claimed, now time.Time) error {
	c := &b.campaign
	ids := make([]dangol.CustomerID, len(rows))
	for i, r := range rows {
		ids[i] = r.Customer
	}
	contacts, err := s.cfg.Contacts.Contacts(ctx, ids)
	if err != nil {
		return fmt.Errorf("message: contacts: %w", err)
	}
	for _, r := range rows {
		r.contact, r.known = contacts[r.Customer]
		r.choose(c)
		r.msg = Message{
			Key: deliveryKey(c.ID, b.occ.ID, r.Customer, r.content.Channel), To: r.contact.address(r.content.Channel),
			Channel: r.content.Channel, Campaign: c.ID, Occurrence: b.occ.ID, Customer: r.Customer, Variant: r.Variant,
		}
	}
	if err := s.recheck(ctx, c, rows); err != nil {
		return err
	}
	return s.store.View(ctx, func(below Tx) error {
		tx := newAhead(below)
		if err := s.readFacts(tx, b, rows, now); err != nil {
			return err
		}
		for _, r := range rows {
			f, err := s.facts(tx, b, r, now)
			if err != nil {
				return err
			}
			r.verdict = judge(f)
			if r.verdict.Decision == Send && c.Holdout > 0 && drawn(c.ID, "holdout", r.Customer) < threshold(uint64(c.Holdout)) {
				r.verdict.Decision, r.verdict.Reason = Drop, ReasonHoldout
			}
		}
		return nil
	})
}

// choose picks what the recipient gets: the variant that is drawn, and of its
// contents the first from the current step on that can reach the contact.
func (r *claimed) choose(c *Campaign) {
	var contents []Content
	r.Variant, contents = c.variant(drawn(c.ID, "variant", r.Customer))
	r.Step = min(r.Step, len(contents)-1)
	for i := r.Step; i < len(contents); i++ {
		if r.contact.address(contents[i].Channel) != "" {
			r.Step, r.content = i, contents[i]
			return
		}
	}
	r.content = contents[r.Step]
}

// recheck marks those who have left the groups since the audience was frozen.
func (s *Service) recheck(ctx context.Context, c *Campaign, rows []*claimed) error {
	if !c.Recheck {
		return nil
	}
	now, err := s.current(ctx, *c)
	if err != nil {
		return err
	}
	for _, r := range rows {
		in, err := s.addressed(ctx, r.Customer, now)
		if err != nil {
			return err
		}
		r.left = !in
	}
	return nil
}

// compose issues the coupon and renders the message. What goes wrong becomes the
// recipient's verdict.
func (s *Service) compose(ctx context.Context, b *batch, r *claimed, now time.Time) {
	block := r.content.Coupon
	if block != nil && block.Definition != "" {
		// One coupon a recipient, whatever the channel and however often it is tried.
		key := deliveryKey(b.campaign.ID, b.occ.ID, r.Customer, "coupon")
		code, url, err := s.cfg.Coupons.Issue(ctx, block.Definition, r.Customer, key)
		if err != nil {
			r.verdict.Checks = append(r.verdict.Checks, "coupon: "+err.Error())
			r.verdict.Decision, r.verdict.Reason, r.verdict.Until = Hold, ReasonCoupon, now.Add(s.cfg.Backoff<<min(r.Attempts, 10))
			if r.Attempts++; r.Attempts >= s.cfg.Tries {
				r.verdict.Decision = Drop
			}
			return
		}
		r.coupon = &Coupon{Code: code, URL: url}
	}
	msg, err := s.render(&b.campaign, r.content, r.contact, r.coupon, r.msg, now)
	if err != nil {
		r.verdict.Decision, r.verdict.Reason = Drop, ReasonContent
		r.verdict.Checks = append(r.verdict.Checks, "content: "+err.Error())
		return
	}
	r.msg = msg
	r.cost = s.cfg.Prices.of(msg.Channel)
}

// facts gathers what the gate judges by.
func (s *Service) facts(tx Tx, b *batch, r *claimed, now time.Time) (facts, error) {
	f := facts{
		now: now, campaign: &b.campaign, channel: r.content.Channel, contact: r.contact, known: r.known,
		address: r.msg.To, left: r.left, broke: b.occ.Broke, since: later(r.wasDue, b.occ.Active), rules: s.cfg.Rules,
	}
	if !f.known || f.address == "" {
		return f, nil
	}
	var err error
	if f.undone, err = undone(tx, &b.campaign, b.occ, now); err != nil {
		return f, err
	}
	if f.consents, err = consents(tx, r.Customer); err != nil {
		return f, err
	}
	bar, ok, err := get[suppression](tx, string(consentChannel(f.channel)), f.address)
	if err != nil {
		return f, err
	}
	if ok && !bar.Lifted {
		f.suppressed = bar.Reason
	}
	if !b.campaign.AllowDuplicates {
		sent, err := scan[Delivery](tx, b.campaign.sentTo(r.Customer))
		if err != nil {
			return f, err
		}
		for _, d := range sent {
			if d.Occurrence != b.occ.ID && d.counts() {
				f.duplicate = d.Occurrence
			}
		}
	}
	same, err := scan[Delivery](tx, b.sentAt(f.address))
	if err != nil {
		return f, err
	}
	for _, d := range same {
		if d.Customer != r.Customer && d.counts() {
			f.twin = d.Customer
		}
	}
	f.caps, err = s.capStates(tx, b, r, now)
	return f, err
}

// sentTo is the campaign's submits to a customer.
func (c *Campaign) sentTo(id dangol.CustomerID) Range {
	return Range{Index: 2, Equal: []any{c.ID, string(id)}}
}

// sentAt is the occurrence's submits to an address.
func (b *batch) sentAt(address string) Range {
	return Range{Index: 3, Equal: []any{b.campaign.ID, b.occ.ID, address}}
}

// counts tells whether the customer got the message, as far as anybody knows.
func (d Delivery) counts() bool { return d.Status != StatusFailed && d.Status != StatusRetry }
