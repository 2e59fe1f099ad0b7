package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
)

// ErrPruned is returned when the host tells of an event older than what Prune keeps:
// nobody knows any more whether it was told before.
var ErrPruned = errors.New("message: older than what is kept")

// Pruned is what Prune deleted.
type Pruned struct {
	Recipients int // with their messages
	Events     int
}

// prunePage is how many recipients or events one transaction deletes.
const prunePage = 200

// prunedEvents is the counter of the instant before which events are gone.
const prunedEvents = "pruned events"

// Prune deletes the details of what ended longer ago than Config.Keep, in short
// transactions: target lists, verdicts and messages of campaigns that are done or
// cancelled and, where a campaign allows duplicates and holds nobody out, of its past
// occurrences; and events that no open occurrence waits on. What it deletes it adds to
// the campaign's totals in the same transaction, so Results stay the same but for
// Comparison, which then leaves the pruned occurrences of running campaigns out.
//
// Never pruned are campaigns, their revisions and occurrences, consents and duties,
// bars, credits and orders. Keep must be longer than caps, attribution windows and the
// time in which receipts come; a later receipt is ErrNotFound, a later event ErrPruned.
// Without a Keep it does nothing.
//
// A host calls it daily. It may be stopped at any time, and run by several processes.
func (s *Service) Prune(ctx context.Context) (total Pruned, err error) {
	if s.cfg.Keep == 0 {
		return total, nil
	}
	limit := s.now().Add(-s.cfg.Keep)
	err = scanAll(s.view(ctx), Range{}, func(row campaignRow) error {
		n, err := s.pruneCampaign(ctx, row, limit)
		total.Recipients += n
		return err
	})
	if err != nil {
		return total, err
	}
	total.Events, err = s.pruneEvents(ctx, limit)
	return total, err
}

func (s *Service) pruneCampaign(ctx context.Context, row campaignRow, limit time.Time) (total int, err error) {
	c, err := row.campaign()
	if err != nil {
		return 0, err
	}
	p := pruner{Service: s, campaign: &c, limit: limit, whole: over(row.State), rows: Range{Equal: []any{c.ID}, Limit: prunePage}}
	if p.whole {
		p.rows.Index = 2 // by customer
		if old, err := p.allOld(ctx); err != nil || !old {
			return 0, err
		}
	} else if !c.AllowDuplicates || c.Holdout > 0 {
		return 0, nil // who got it must be known as long as it runs
	}
	for more := true; more && err == nil; {
		var n int
		n, more, err = p.page(ctx)
		total += n
	}
	return total, err
}

// pruner walks the recipients of one campaign and deletes the old ones.
type pruner struct {
	*Service
	campaign *Campaign
	limit    time.Time
	whole    bool // the campaign is over, and all of it is old
	rows     Range
}

// allOld tells whether there is something to prune of a campaign that is over, all of
// which is old.
func (p *pruner) allOld(ctx context.Context) (bool, error) {
	var any bool
	err := p.store.View(ctx, func(tx Tx) error {
		rows, err := tx.Scan(recipientTable, Range{Index: 2, Equal: p.rows.Equal, Limit: 1})
		any = len(rows) > 0
		return err
	})
	if err != nil || !any {
		return false, err
	}
	err = scanAll(p.view(ctx), Range{Equal: p.rows.Equal}, func(o Occurrence) error {
		if !p.old(o) {
			return errStopped
		}
		return nil
	})
	if err == errStopped {
		return false, nil
	}
	return err == nil, err
}

func (p *pruner) old(o Occurrence) bool { return o.State.Final() && o.Ended.Before(p.limit) }

// page deletes what is old of the next recipients. Of a campaign that is over they
// come by customer, and a page ends with a customer, since a customer is compared once.
func (p *pruner) page(ctx context.Context) (n int, more bool, err error) {
	var last *Recipient
	err = p.store.Update(ctx, func(tx Tx) error {
		n, last = 0, nil
		page, err := scan[Recipient](tx, p.rows)
		if err != nil || len(page) == 0 {
			more = false
			return err
		}
		more = len(page) == p.rows.Limit
		if p.whole && more {
			end := page[len(page)-1].Customer
			for len(page) > 0 && page[len(page)-1].Customer == end {
				page = page[:len(page)-1]
			}
			if len(page) == 0 {
				return nil
			}
		}
		last = &page[len(page)-1]
		if !p.whole {
			if page, err = p.oldOf(tx, page); err != nil || len(page) == 0 {
				return err
			}
		}
		n = len(page)
		return p.delete(tx, page)
	})
	if err == nil && more && last == nil {
		p.rows.Limit *= 2 // one customer fills the page
	}
	if err == nil && last != nil {
		p.rows.After, p.rows.Limit = encodeRow(last), prunePage
	}
	return n, more, err
}

// oldOf are the recipients whose occurrence ended long ago.
func (p *pruner) oldOf(tx Tx, page []Recipient) (out []Recipient, err error) {
	var o Occurrence
	for i, r := range page {
		if i == 0 || o.ID != r.Occurrence {
			if o, _, err = get[Occurrence](tx, r.Campaign, r.Occurrence); err != nil {
				return nil, err
			}
		}
		if p.old(o) {
			out = append(out, r)
		}
	}
	return out, nil
}

// delete adds recipients to the campaign's totals and deletes them.
func (p *pruner) delete(tx Tx, page []Recipient) error {
	sum := newResults()
	if _, err := sum.addTotals(tx, p.campaign.ID); err != nil {
		return err
	}
	window := p.cfg.Windows.longest(*p.campaign)
	var last dangol.CustomerID
	done := false
	for _, r := range page {
		sum.count(r)
		if done = done && r.Customer == last; p.whole && !done {
			last = r.Customer
			var err error
			if done, err = sum.Holdout.add(tx, r, window); err != nil {
				return err
			}
		}
		if err := pruneDeliveries(tx, r, &sum); err != nil {
			return err
		}
		if err := tx.Delete(recipientTable, r.Campaign, r.Occurrence, string(r.Customer)); err != nil {
			return err
		}
	}
	return sum.saveTotals(tx, p.campaign.ID, p.now())
}

func pruneDeliveries(tx Tx, r Recipient, sum *Results) error {
	sent, err := scan[Delivery](tx, Range{Index: 2, Equal: []any{r.Campaign, string(r.Customer)}})
	if err != nil {
		return err
	}
	for _, d := range sent {
		if d.Occurrence != r.Occurrence {
			continue
		}
		if err := sum.add(tx, d); err != nil {
			return err
		}
		if err := tx.Delete(deliveryTable, d.Key); err != nil {
			return err
		}
	}
	return nil
}

// pruneEvents deletes events that nothing can ask about any more. Older ones that it
// does not know are refused from then on: whether they were told before is forgotten.
func (s *Service) pruneEvents(ctx context.Context, limit time.Time) (total int, err error) {
	var until counterRow
	err = s.store.Update(ctx, func(tx Tx) error {
		at := limit
		for _, state := range []OccurrenceState{OccurrencePlanned, OccurrenceRunning} {
			open, err := scan[Occurrence](tx, Range{Index: 1, Equal: []any{string(state)}})
			if err != nil {
				return err
			}
			for _, o := range open {
				if !o.Fired.IsZero() && o.Fired.Before(at) {
					at = o.Fired
				}
			}
		}
		if until, _, err = get[counterRow](tx, prunedEvents); err != nil || until.Value >= micros(at) {
			return err
		}
		until.Name, until.Value = prunedEvents, micros(at)
		return put(tx, &until)
	})
	for n := prunePage; err == nil && n == prunePage; total += n {
		err = s.store.Update(ctx, func(tx Tx) error {
			n = 0
			page, err := scan[Event](tx, Range{Index: 2, To: until.Value, Limit: prunePage})
			for _, e := range page {
				if err := tx.Delete(eventTable, e.Key); err != nil {
					return err
				}
			}
			n = len(page)
			return err
		})
		if err != nil {
			n = 0
		}
	}
	return total, err
}

// totalRow is what was pruned of a campaign, added up.
type totalRow struct {
	Campaign string
	Results  string // JSON of Results
	At       time.Time
}

func (*totalRow) table() *Table   { return totalTable }
func (r *totalRow) fields() []any { return []any{&r.Campaign, &r.Results, &r.At} }

// addTotals adds what was pruned of a campaign, and gives the text of it.
func (r *Results) addTotals(tx Tx, campaign string) (string, error) {
	row, ok, err := get[totalRow](tx, campaign)
	if err != nil || !ok {
		return "", err
	}
	if err := json.Unmarshal([]byte(row.Results), r); err != nil {
		return "", fmt.Errorf("message: stored totals cannot be read: %w", err)
	}
	return row.Results, nil
}

func (r *Results) saveTotals(tx Tx, campaign string, now time.Time) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return put(tx, &totalRow{campaign, string(text), now})
}
