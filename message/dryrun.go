package message

import (
	"context"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
)

// DryRun is what a campaign would do if it ran now, by the same gate and the same
// renderer as the run itself.
type DryRun struct {
	At       time.Time
	Audience int
	Sent     map[Channel]int   // by the channel they would go out on: an SMS too long for it counts as lms
	Held     map[string]int    // reasons, such as the night
	Until    time.Time         // when the last of those held would be asked for again
	Dropped  map[string]int    // reasons
	Credits  int64             // the least that the messages would cost, those held too
	Worst    int64             // the most, with every fallback and every coupon at its longest
	Examples map[string]string // for each reason one customer's checks
}

// DryRun runs a saved or unsaved campaign without sending, issuing or writing
// anything. Its counts are those of a run at the same instant on the same data.
func (s *Service) DryRun(ctx context.Context, c Campaign) (DryRun, error) {
	c = c.withDefaults(s.cfg)
	if err := c.validate(s.cfg); err != nil {
		return DryRun{}, err
	}
	audience, err := s.current(ctx, c)
	if err != nil {
		return DryRun{}, err
	}
	a := s.assessment(campaignRow{}, c, Occurrence{Campaign: c.ID, ID: "dry run", Active: s.now()})
	a.taken = map[string]bool{}
	for last := false; !last; {
		var page []dangol.CustomerID
		var cursor dangol.CustomerID
		if page, cursor, last, err = s.page(ctx, a.batch.occ, audience); err != nil {
			return DryRun{}, err
		}
		a.batch.occ.cursor = string(cursor)
		recipients := make([]Recipient, len(page))
		for i, id := range page {
			recipients[i] = Recipient{Campaign: c.ID, Customer: id, State: Pending, Due: a.out.At, life: waiting}
		}
		if err := a.add(ctx, recipients); err != nil {
			return DryRun{}, err
		}
	}
	a.out.Worst = a.worst
	return a.out, nil
}

// assessment judges and renders people without touching anything.
type assessment struct {
	s     *Service
	batch *batch
	out   DryRun
	worst int64
	taken map[string]bool // dry run: addresses that somebody before would be sent to
}

func (s *Service) assessment(row campaignRow, c Campaign, o Occurrence) *assessment {
	return &assessment{s: s, batch: &batch{row: row, campaign: c, occ: o},
		out: DryRun{At: s.now(), Sent: map[Channel]int{}, Held: map[string]int{}, Dropped: map[string]int{}, Examples: map[string]string{}}}
}

// add assesses a page of recipients.
func (a *assessment) add(ctx context.Context, page []Recipient) error {
	rows := make([]*claimed, 0, len(page))
	for _, r := range page {
		if r.life != ended {
			rows = append(rows, newClaimed(r))
		}
	}
	if err := a.s.judgeAll(ctx, a.batch, rows, a.out.At); err != nil {
		return err
	}
	for _, r := range rows {
		a.out.Audience++
		if r.verdict.Decision == Send && a.taken[r.msg.To] {
			r.verdict.Decision, r.verdict.Reason = Drop, ReasonSameAddress
		}
		if r.verdict.Decision != Drop {
			if err := a.price(r); err != nil && r.verdict.Decision == Send { // who is held is rendered later
				r.verdict.Decision, r.verdict.Reason = Drop, ReasonContent
				r.verdict.Checks = append(r.verdict.Checks, "content: "+err.Error())
			}
		}
		switch r.verdict.Decision {
		case Send:
			if a.taken != nil { // a reserve of too much is given back; it need not remember everybody
				a.taken[r.msg.To] = true
			}
			a.out.Sent[r.msg.Channel]++
		case Hold:
			a.out.Held[r.verdict.Reason]++
			a.out.Until = later(a.out.Until, r.verdict.Until)
		case Drop:
			a.out.Dropped[r.verdict.Reason]++
		}
		if _, seen := a.out.Examples[r.verdict.Reason]; !seen && r.verdict.Decision != Send {
			a.out.Examples[r.verdict.Reason] = fmt.Sprintf("%s: %s", r.Customer, r.verdict.detail())
		}
	}
	return nil
}

// price renders the message, with a stand-in for a coupon that is yet to be issued.
func (a *assessment) price(r *claimed) error {
	c := &a.batch.campaign
	var coupon *Coupon
	if b := r.content.Coupon; b != nil && b.Definition != "" {
		coupon = &Coupon{Code: "PREVIEW", URL: previewLink}
	}
	msg, err := a.s.render(c, r.content, r.contact, coupon, r.msg, a.out.At)
	if err != nil {
		return err
	}
	r.msg = msg
	_, contents := c.variant(drawn(c.ID, "variant", r.Customer))
	a.out.Credits += a.s.cfg.Prices.of(msg.Channel)
	a.worst += a.s.worst(c, contents, r.Step, msg.Channel)
	return nil
}

const previewLink = "https://preview.invalid/"
