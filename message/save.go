package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// Save creates a campaign as a draft, or edits one: the edit is a new revision, and
// counts for every recipient that was not submitted yet. Saving what is saved already
// changes nothing. It returns ErrInvalid with everything that is wrong, ErrFinished
// when the campaign is over, and ErrConflict when c.Revision is not 0 and not the
// current one.
func (s *Service) Save(ctx context.Context, c Campaign) (Campaign, error) {
	if err := s.alone("save"); err != nil {
		return Campaign{}, err
	}
	expected := c.Revision
	c = c.withDefaults(s.cfg)
	if err := c.validate(s.cfg); err != nil {
		return Campaign{}, err
	}
	definition, err := c.encode()
	if err != nil {
		return Campaign{}, err
	}
	// A campaign that is on its way holds its groups, so the new ones are held
	// before the edit counts.
	added, err := s.holdAdded(ctx, c)
	if err != nil {
		return Campaign{}, err
	}
	now := s.now()
	var dropped []string
	err = s.store.Update(ctx, func(tx Tx) error {
		row, ok, err := get[campaignRow](tx, c.ID)
		switch {
		case err != nil:
			return err
		case ok && row.Definition == definition: // also when this call wrote it and lost the answer
			c.State, c.Reason, c.Revision = row.State, row.Reason, row.Revision
			return nil
		case expected != 0 && expected != row.Revision:
			return fmt.Errorf("%w: revision %d", ErrConflict, row.Revision)
		case ok && over(row.State):
			return fmt.Errorf("%w: %s is %s", ErrFinished, c.ID, row.State)
		case row.Holds != "" && len(without(c.groups(), row.holds())) > 0:
			return fmt.Errorf("%w: it began to hold its groups", ErrConflict)
		}
		var old Campaign
		if ok {
			if old, err = row.campaign(); err != nil {
				return err
			}
		}
		if row.Holds != "" {
			dropped = without(row.holds(), c.groups())
		}
		row.ID, row.Definition, row.Topic, row.Revision = c.ID, definition, c.topic(), row.Revision+1
		if !ok {
			row.State = Draft
		}
		if !ok || !c.Schedule.same(old.Schedule) {
			// An edited schedule counts from here on: what is in the ledger stays.
			since := c.Schedule.Start.Add(-time.Microsecond)
			if ok && row.State != Draft {
				if err := catchUp(tx, old, row.Upto, now); err != nil {
					return err
				}
				since = later(later(row.Upto, since), now)
			}
			row.Upto = since
			if row.State == Scheduled || row.State == Running {
				row.Wake = now
			}
		}
		if err := put(tx, &row); err != nil {
			return err
		}
		c.State, c.Reason, c.Revision = row.State, row.Reason, row.Revision
		return put(tx, &revisionRow{c.ID, row.Revision, now, row.Upto, definition})
	})
	if err != nil {
		return Campaign{}, errors.Join(err, s.dropUnused(ctx, c.ID, added))
	}
	return c, s.drop(ctx, c.ID, dropped)
}

// catchUp writes the lines of the schedule that an edit replaces, for the times that
// came while nobody was planning.
func catchUp(tx Tx, old Campaign, upto, now time.Time) error {
	if old.Trigger != nil {
		return nil
	}
	var slots []slot
	for sl := range old.Schedule.slots(upto) {
		if sl.at.After(now) {
			break
		}
		slots = append(slots, sl)
	}
	return enter(tx, old, slots, false, now)
}

func over(st State) bool { return st == Cancelled || st == Done }

func without(all, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(g string) bool { return slices.Contains(gone, g) })
}

// same tells whether two schedules give the same times.
func (s Schedule) same(o Schedule) bool {
	return s.Start.Equal(o.Start) && s.End.Equal(o.End) && s.Zone == o.Zone && s.Every == o.Every && s.Unit == o.Unit &&
		slices.Equal(s.Weekdays, o.Weekdays) && slices.Equal(s.MonthDays, o.MonthDays) && slices.Equal(s.Except, o.Except) &&
		s.Count == o.Count && s.Gap == o.Gap && s.Twice == o.Twice
}

func (r campaignRow) holds() []string {
	if r.Holds == "" {
		return nil
	}
	return strings.Split(r.Holds, "\n")
}

func (r *campaignRow) setHolds(groups []string) {
	slices.Sort(groups)
	r.Holds = strings.Join(slices.Compact(groups), "\n")
}

// holdAdded holds the groups that an edit adds to a campaign on its way.
func (s *Service) holdAdded(ctx context.Context, c Campaign) (added []string, err error) {
	err = s.store.Update(ctx, func(tx Tx) error {
		added = nil
		row, ok, err := get[campaignRow](tx, c.ID)
		if err != nil || !ok || row.Holds == "" || over(row.State) {
			return err
		}
		if added = without(c.groups(), row.holds()); len(added) == 0 {
			return nil
		}
		row.setHolds(append(row.holds(), added...))
		return put(tx, &row)
	})
	if err != nil {
		return nil, err
	}
	if err := s.hold(ctx, c, added); err != nil {
		return nil, errors.Join(err, s.dropUnused(ctx, c.ID, added))
	}
	return added, nil
}

// dropUnused releases groups after a change that failed, unless the campaign uses
// them after all: an error of the store need not mean that nothing was written. What
// it cannot find out stays held until the campaign is over.
func (s *Service) dropUnused(ctx context.Context, id string, groups []string) error {
	var used []string
	err := s.store.View(ctx, func(tx Tx) error {
		row, _, err := get[campaignRow](tx, id)
		if err != nil || row.State == Draft || over(row.State) {
			return err
		}
		c, err := row.campaign()
		used = c.groups()
		return err
	})
	if err != nil {
		return err
	}
	return s.drop(ctx, id, without(groups, used))
}

// drop releases groups that the campaign needs no more, and forgets that it held
// them. Forgetting comes last: a hold that is on record is released at the end.
func (s *Service) drop(ctx context.Context, id string, groups []string) error {
	if len(groups) == 0 {
		return nil
	}
	if err := s.release(ctx, id, groups); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx Tx) error {
		row, ok, err := get[campaignRow](tx, id)
		if err != nil || !ok {
			return err
		}
		row.setHolds(without(row.holds(), groups))
		return put(tx, &row)
	})
}

// Start schedules a draft: its groups are held, and from then on the schedule runs.
// Starting what is started already does nothing. An error of the audience, such as
// that of a group that does not exist, leaves the draft.
func (s *Service) Start(ctx context.Context, id string) error {
	if err := s.alone("start"); err != nil {
		return err
	}
	var c Campaign
	started := false
	now := s.now()
	err := s.change(ctx, id, func(tx Tx, row *campaignRow) (err error) {
		if c, err = row.campaign(); err != nil {
			return err
		}
		if started = row.State != Draft; started {
			if over(row.State) {
				return fmt.Errorf("%w: %s is %s", ErrFinished, id, row.State)
			}
			return nil
		}
		// On record before the hold: a Start that dies here is cleaned up by Tick.
		row.setHolds(append(row.holds(), c.groups()...))
		row.Wake = now.Add(startTime)
		return nil
	})
	if err != nil || started {
		return err
	}
	if err := s.hold(ctx, c, c.groups()); err != nil {
		return errors.Join(err, s.dropUnused(ctx, id, c.groups()))
	}
	scheduled := false
	return s.change(ctx, id, func(tx Tx, row *campaignRow) error {
		if scheduled && row.State != Draft {
			return nil // by this call, which lost the answer of its commit
		}
		scheduled = true
		if row.State != Draft || row.Revision != c.Revision || len(without(c.groups(), row.holds())) > 0 {
			return fmt.Errorf("%w: while it was being started", ErrConflict)
		}
		row.State, row.Wake = Scheduled, now
		return nil
	})
}

// startTime is how long a Start may take before Tick takes its holds back.
const startTime = time.Minute

// change updates a campaign's row.
func (s *Service) change(ctx context.Context, id string, f func(tx Tx, row *campaignRow) error) error {
	return s.store.Update(ctx, func(tx Tx) error {
		row, ok, err := get[campaignRow](tx, id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: campaign %s", ErrNotFound, id)
		}
		if err := f(tx, &row); err != nil {
			return err
		}
		return put(tx, &row)
	})
}

// Pause stops a campaign: once it returned, nothing is submitted until Resume.
// Occurrences that come due meanwhile are caught up with by the campaign's policy.
// It waits for submits in flight, at most for their leases.
func (s *Service) Pause(ctx context.Context, id string) error {
	if err := s.alone("pause"); err != nil {
		return err
	}
	err := s.change(ctx, id, func(_ Tx, row *campaignRow) error {
		switch {
		case over(row.State):
			return fmt.Errorf("%w: %s is %s", ErrFinished, id, row.State)
		case row.State == Draft:
			return fmt.Errorf("%w: %s was not started", ErrConflict, id)
		}
		row.State, row.Wake = Paused, time.Time{}
		return nil
	})
	if err != nil {
		return err
	}
	return s.await(ctx, id)
}

// Resume goes on with a paused campaign.
func (s *Service) Resume(ctx context.Context, id string) error {
	now := s.now()
	return s.change(ctx, id, func(tx Tx, row *campaignRow) error {
		switch {
		case over(row.State):
			return fmt.Errorf("%w: %s is %s", ErrFinished, id, row.State)
		case row.State != Paused:
			return nil
		}
		row.State, row.Wake = Scheduled, now
		running, err := scan[Occurrence](tx, Range{Index: 2, Equal: []any{id, string(OccurrenceRunning)}})
		if err != nil {
			return err
		}
		for _, o := range running {
			row.State = Running
			o.Active = now // the pause is no lateness
			if err := put(tx, &o); err != nil {
				return err
			}
		}
		return nil
	})
}

// Cancel ends a campaign for good: once it returned, nothing new is submitted, its
// groups are free, and every recipient that was not submitted is dropped with that
// reason. It waits for submits in flight, at most for their leases; when ctx ends
// first the campaign is cancelled nevertheless, and the next Tick finishes the rest.
// It must not be called from within a Sender.
func (s *Service) Cancel(ctx context.Context, id string) error {
	if err := s.alone("cancel"); err != nil {
		return err
	}
	now := s.now()
	err := s.change(ctx, id, func(_ Tx, row *campaignRow) error {
		switch row.State {
		case Done:
			return fmt.Errorf("%w: %s is done", ErrFinished, id)
		case Cancelled:
			return nil // by a call that may have died before it kept its promise: keep it now
		}
		row.State, row.Wake = Cancelled, now
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.await(ctx, id); err != nil {
		return err
	}
	return s.wake(ctx, id)
}

// ErrInFlight is returned when a pause or cancel is in force, but ctx ended before
// the submits in flight did.
var ErrInFlight = errors.New("message: submits are still in flight")

// await waits until no claim that could still submit is alive.
func (s *Service) await(ctx context.Context, id string) error {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		flying, err := s.flying(ctx, id)
		if err != nil || flying == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %d: %w", ErrInFlight, flying, ctx.Err())
		case <-pause.C:
		}
	}
}

// flying counts the submits whose lease is alive.
func (s *Service) flying(ctx context.Context, id string) (n int, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		n = 0
		at, err := s.leaseNow(tx)
		if err != nil {
			return err
		}
		running, err := scan[Occurrence](tx, Range{Index: 2, Equal: []any{id, string(OccurrenceRunning)}})
		if err != nil {
			return err
		}
		for _, o := range running {
			rows, err := scan[Recipient](tx, Range{Index: 1, Equal: []any{id, o.ID, int64(leased)}, From: micros(at) + 1})
			if err != nil {
				return err
			}
			for _, r := range rows {
				if r.State == Submitting {
					n++
				}
			}
		}
		return nil
	})
	return n, err
}

// Campaign reads a campaign. It returns ErrNotFound when there is none with the id.
func (s *Service) Campaign(ctx context.Context, id string) (c Campaign, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		row, ok, err := get[campaignRow](tx, id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: campaign %s", ErrNotFound, id)
		}
		c, err = row.campaign()
		return err
	})
	return c, err
}

// Campaigns lists all campaigns by id, those that are over too.
func (s *Service) Campaigns(ctx context.Context) ([]Campaign, error) {
	var out []Campaign
	err := scanAll(s.view(ctx), Range{}, func(row campaignRow) error {
		c, err := row.campaign()
		out = append(out, c)
		return err
	})
	return out, err
}

func (s *Service) view(ctx context.Context) func(func(Tx) error) error {
	return func(f func(Tx) error) error { return s.store.View(ctx, f) }
}

func (r campaignRow) campaign() (Campaign, error) {
	c, err := decodeCampaign(r.Definition)
	c.State, c.Reason, c.Revision = r.State, r.Reason, r.Revision
	return c, err
}

// use is the campaign's line in the groups' use ledger.
func use(id, name string) dangol.Use {
	return dangol.Use{By: "message", Kind: dangol.UseSend, ID: id, Name: name}
}

func (s *Service) hold(ctx context.Context, c Campaign, groups []string) error {
	if len(groups) > 0 && s.cfg.Audience == nil {
		return errors.New("message: the campaign addresses groups, but no Audience is configured")
	}
	for _, g := range groups {
		if err := s.cfg.Audience.Hold(ctx, g, use(c.ID, c.Name)); err != nil {
			return fmt.Errorf("message: hold group %s: %w", g, err)
		}
	}
	return nil
}

func (s *Service) release(ctx context.Context, id string, groups []string) error {
	for _, g := range groups {
		if err := s.cfg.Audience.Release(ctx, g, use(id, "")); err != nil {
			return fmt.Errorf("message: release group %s: %w", g, err)
		}
	}
	return nil
}
