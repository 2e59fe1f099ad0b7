package message

import (
	"context"
	"fmt"
	"time"
)

// Gap is a difference between a campaign's ledger and its schedule.
type Gap struct {
	Occurrence string
	At         time.Time
	Problem    string
}

// Check recomputes the schedule of every revision and compares it with the ledger:
// each nominal time must have its line, and each line a nominal time. An empty answer
// means that nothing was missed silently and nothing was invented.
func (s *Service) Check(ctx context.Context, campaign string) ([]Gap, error) {
	c, err := s.Campaign(ctx, campaign)
	if err != nil || c.Trigger != nil {
		return nil, err
	}
	var revisions []revisionRow
	var upto time.Time
	ledger := map[string]Occurrence{}
	if err := s.store.View(ctx, func(tx Tx) (err error) {
		row, _, err := get[campaignRow](tx, campaign)
		if err != nil {
			return err
		}
		upto = row.Upto
		if row.State == Draft {
			upto = time.Time{}
		}
		revisions, err = scan[revisionRow](tx, Range{Equal: []any{campaign}})
		return err
	}); err != nil {
		return nil, err
	}
	all, err := s.Occurrences(ctx, campaign)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		ledger[o.ID] = o
	}
	var gaps []Gap
	for i, rev := range revisions {
		// The schedule of a revision counts from where the ledger stood until the next
		// revision with another one took over.
		until := upto
		for _, later := range revisions[i+1:] {
			until = earlier(until, later.Since)
		}
		def, err := decodeCampaign(rev.Definition)
		if err != nil {
			return nil, err
		}
		for sl := range def.Schedule.slots(rev.Since) {
			if sl.at.After(until) {
				break
			}
			o, ok := ledger[sl.id]
			delete(ledger, sl.id)
			switch {
			case !ok:
				gaps = append(gaps, Gap{sl.id, sl.at, "the ledger has no line"})
			case !o.At.Equal(sl.at):
				gaps = append(gaps, Gap{sl.id, sl.at, fmt.Sprintf("the ledger has it at %s", o.At.Format(time.RFC3339))})
			}
		}
	}
	for _, o := range all {
		if _, extra := ledger[o.ID]; extra {
			gaps = append(gaps, Gap{o.ID, o.At, "the schedule has no such time"})
		}
	}
	return gaps, nil
}
