package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol"
)

// frozen is the audience of an occurrence, fixed when it started.
type frozen struct {
	In  []dangol.Snapshot `json:"in,omitempty"`
	Out []dangol.Snapshot `json:"out,omitempty"`
}

// FrozenFrom names the groups' states that the audience was taken from: those addressed,
// and those excluded. They are known once the occurrence has started.
func (o Occurrence) FrozenFrom() (in, out []dangol.Snapshot, err error) {
	if o.Snapshots == "" {
		return nil, nil, nil
	}
	var f frozen
	if err := json.Unmarshal([]byte(o.Snapshots), &f); err != nil {
		return nil, nil, fmt.Errorf("message: a stored audience cannot be read: %w", err)
	}
	return f.In, f.Out, nil
}

// audiencePage is how many customers one transaction adds.
const audiencePage = 1000

// freezeTries is how often the audience is asked for before an occurrence fails.
const freezeTries = 5

// freeze makes the recipients of an occurrence durable, in the order of their ids,
// page by page. The cursor lets it go on where it, or another process, stopped.
func (s *Service) freeze(ctx context.Context, campaign, id string) error {
	var o Occurrence
	var c Campaign
	var erased counterRow
	err := s.store.View(ctx, func(tx Tx) error {
		row, _, err := get[campaignRow](tx, campaign)
		if err != nil {
			return err
		}
		if c, err = row.campaign(); err != nil {
			return err
		}
		if erased, _, err = get[counterRow](tx, erasures); err != nil {
			return err
		}
		o, _, err = get[Occurrence](tx, campaign, id)
		return err
	})
	if err != nil || o.State != OccurrenceRunning || o.Frozen || c.State != Running {
		return err
	}
	if o.Snapshots == "" {
		if err := s.snapshot(ctx, c, &o); err != nil {
			return s.freezeFailed(ctx, o, err)
		}
	}
	var audience frozen
	if err := json.Unmarshal([]byte(o.Snapshots), &audience); err != nil {
		return fmt.Errorf("message: a stored audience cannot be read: %w", err)
	}
	for !o.Frozen {
		page, cursor, last, err := s.page(ctx, o, audience)
		if err != nil {
			return s.freezeFailed(ctx, o, err)
		}
		if o, erased, err = s.freezePage(ctx, o, page, cursor, last, erased); err != nil {
			return err
		}
		if o.State != OccurrenceRunning {
			return nil
		}
	}
	return s.close(ctx, campaign, id)
}

// snapshot fixes the groups' versions, once for all processes.
func (s *Service) snapshot(ctx context.Context, c Campaign, o *Occurrence) error {
	// Holding again heals a hold that was lost; it is one hold all the same.
	if err := s.hold(ctx, c, c.groups()); err != nil {
		return err
	}
	now, err := s.current(ctx, c)
	if err != nil {
		return err
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx Tx) error {
		cur, _, err := get[Occurrence](tx, o.Campaign, o.ID)
		if err != nil {
			return err
		}
		if cur.Snapshots == "" {
			cur.Snapshots = string(text)
			if err := put(tx, &cur); err != nil {
				return err
			}
		}
		*o = cur
		return nil
	})
}

// current names the present members of the campaign's groups.
func (s *Service) current(ctx context.Context, c Campaign) (f frozen, err error) {
	take := func(groups []string) (snaps []dangol.Snapshot, err error) {
		for _, g := range groups {
			snap, err := s.cfg.Audience.Snapshot(ctx, g)
			if err != nil {
				return nil, fmt.Errorf("group %s: %w", g, err)
			}
			snaps = append(snaps, snap)
		}
		return snaps, nil
	}
	if f.In, err = take(c.Groups); err != nil {
		return f, err
	}
	f.Out, err = take(c.Except)
	return f, err
}

// page is the next customers of the audience behind the cursor, without those of the
// excluded groups, the new cursor, and whether they are the last. The cursor is the
// last customer looked at: a page of excluded people ends nothing.
func (s *Service) page(ctx context.Context, o Occurrence, audience frozen) (page []dangol.CustomerID, cursor dangol.CustomerID, last bool, err error) {
	after := dangol.CustomerID(o.cursor)
	if o.Customer != "" {
		in, err := s.addressed(ctx, o.Customer, audience)
		if err != nil || !in {
			return nil, o.Customer, true, err
		}
		return []dangol.CustomerID{o.Customer}, o.Customer, true, nil
	}
	// Every group gives its next page; what lies behind the end of a full page may
	// have smaller ids still to come, so it waits for the next round.
	last = true
	for _, snap := range audience.In {
		ids, err := s.cfg.Audience.Members(ctx, snap, after, audiencePage)
		if err != nil {
			return nil, "", false, fmt.Errorf("group %s: %w", snap.Group, err)
		}
		if len(ids) >= audiencePage {
			if end := ids[len(ids)-1]; last || end < cursor {
				cursor = end
			}
			last = false
		}
		page = append(page, ids...)
	}
	slices.Sort(page)
	page = slices.Compact(page)
	if last {
		if len(page) == 0 {
			return nil, after, true, nil
		}
		cursor = page[len(page)-1]
	} else {
		n, _ := slices.BinarySearch(page, cursor)
		page = page[:n+1]
	}
	for _, snap := range audience.Out {
		for from := after; len(page) > 0; {
			ids, err := s.cfg.Audience.Members(ctx, snap, from, audiencePage)
			if err != nil {
				return nil, "", false, fmt.Errorf("group %s: %w", snap.Group, err)
			}
			page = slices.DeleteFunc(page, func(id dangol.CustomerID) bool {
				_, out := slices.BinarySearch(ids, id)
				return out
			})
			if len(ids) < audiencePage || ids[len(ids)-1] >= cursor {
				break
			}
			from = ids[len(ids)-1]
		}
	}
	return page, cursor, last, nil
}

// addressed tells whether one customer belongs to a frozen audience. A campaign
// without groups addresses everybody that triggers it.
func (s *Service) addressed(ctx context.Context, id dangol.CustomerID, audience frozen) (bool, error) {
	in := len(audience.In) == 0
	for _, snap := range audience.In {
		ok, err := s.cfg.Audience.Contains(ctx, snap, id)
		if err != nil {
			return false, fmt.Errorf("group %s: %w", snap.Group, err)
		}
		in = in || ok
	}
	for _, snap := range audience.Out {
		ok, err := s.cfg.Audience.Contains(ctx, snap, id)
		if err != nil {
			return false, fmt.Errorf("group %s: %w", snap.Group, err)
		}
		in = in && !ok
	}
	return in, nil
}

// freezePage makes a page durable together with the cursor. Another process that was
// faster wins: the page is then read again from its cursor. So it is when a customer
// was erased since it was read, who may be on it.
func (s *Service) freezePage(ctx context.Context, o Occurrence, page []dangol.CustomerID, cursor dangol.CustomerID, last bool, seen counterRow) (cur Occurrence, erased counterRow, err error) {
	now := s.now()
	err = s.updateAhead(ctx, func(tx *ahead) (err error) {
		if erased, _, err = get[counterRow](tx, erasures); err != nil {
			return err
		}
		cur, _, err = get[Occurrence](tx, o.Campaign, o.ID)
		if err != nil || cur.State != OccurrenceRunning || cur.Frozen || cur.cursor != o.cursor || erased != seen {
			return err
		}
		keys := make([][]any, len(page))
		for i, id := range page {
			keys[i] = []any{o.Campaign, o.ID, string(id)}
		}
		if err := tx.readRows(recipientTable, keys); err != nil {
			return err
		}
		for _, id := range page {
			added, err := insert(tx, &Recipient{Campaign: o.Campaign, Occurrence: o.ID, Customer: id,
				State: Pending, Due: cur.Started, Since: cur.At, Updated: now, life: waiting})
			if err != nil {
				return err
			}
			if added {
				cur.Audience++
			}
		}
		cur.cursor, cur.Frozen = string(cursor), last
		if last {
			cur.cursor = "" // nobody needs it, and it names a customer
		}
		cur.Active = now
		return put(tx, &cur)
	})
	return cur, erased, err
}

// freezeFailed puts an occurrence off whose audience cannot be had, and fails it when
// it was tried often enough.
func (s *Service) freezeFailed(ctx context.Context, o Occurrence, why error) error {
	now := s.now()
	err := s.store.Update(ctx, func(tx Tx) error {
		cur, ok, err := get[Occurrence](tx, o.Campaign, o.ID)
		if err != nil || !ok || cur.State != OccurrenceRunning || cur.Frozen {
			return err
		}
		cur.Attempts++
		cur.Due = now.Add(s.cfg.Backoff << min(cur.Attempts-1, 10))
		if cur.Attempts < freezeTries || cur.Audience > 0 {
			return put(tx, &cur) // once customers are frozen the rest has to come
		}
		cur.end(OccurrenceFailed, why.Error(), now)
		if err := put(tx, &cur); err != nil {
			return err
		}
		row, _, err := get[campaignRow](tx, o.Campaign)
		if err != nil {
			return err
		}
		if err := s.finish(tx, &row); err != nil {
			return err
		}
		return put(tx, &row)
	})
	return errors.Join(why, err)
}

// close ends an occurrence whose recipients are all done with.
func (s *Service) close(ctx context.Context, campaign, id string) error {
	return s.store.Update(ctx, func(tx Tx) error {
		o, ok, err := get[Occurrence](tx, campaign, id)
		if err != nil || !ok || o.State != OccurrenceRunning || !o.Frozen {
			return err
		}
		live, err := tx.Scan(recipientTable, Range{Index: 1, Equal: []any{campaign, id}, From: int64(waiting), Limit: 1})
		if err != nil || len(live) > 0 {
			return err
		}
		row, _, err := get[campaignRow](tx, campaign)
		if err != nil {
			return err
		}
		state, reason := OccurrenceCompleted, ""
		if o.Failures > 0 {
			state = OccurrenceFailures
		}
		if row.State == Cancelled {
			state, reason = OccurrenceCancelled, ReasonCancelled
		}
		if err := s.free(tx, &o); err != nil {
			return err
		}
		o.end(state, reason, s.now())
		if err := put(tx, &o); err != nil {
			return err
		}
		if err := s.finish(tx, &row); err != nil {
			return err
		}
		return put(tx, &row)
	})
}
