package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Progress is what one Tick did.
type Progress struct {
	Started   int       // occurrences whose audience began to be frozen
	Submitted int       // messages that providers took
	Decided   int       // recipients that were dropped, failed or are unknown
	Held      int       // recipients put off, such as until the morning
	Next      time.Time // when something is due next; zero when nothing is planned
}

func (p *Progress) add(q Progress) {
	p.Started += q.Started
	p.Submitted += q.Submitted
	p.Decided += q.Decided
	p.Held += q.Held
}

func (p Progress) any() bool { return p.Started+p.Submitted+p.Decided+p.Held > 0 }

// Tick does everything that is due at the clock's now, and returns when nothing is
// left to do: it writes the ledger's lines, freezes audiences, sends, asks providers
// about submits in doubt, and ends what is over. A host that lives in simulated time
// calls Tick itself, setting its clock to Progress.Next in between; others call Run.
//
// Any number of Ticks may run at once, in any number of processes. A trouble with one
// campaign does not keep the others from being served: the errors come joined, and
// what failed is tried again by later Ticks.
func (s *Service) Tick(ctx context.Context) (Progress, error) {
	if err := s.alone("tick"); err != nil {
		return Progress{}, err
	}
	var total Progress
	var errs []error
	for {
		now := s.now()
		var round Progress
		if err := s.wakeAll(ctx, now); err != nil {
			errs = append(errs, err)
		}
		if err := s.callDuties(ctx, now); err != nil {
			errs = append(errs, err)
		}
		n, err := s.openAll(ctx, now)
		round.Started = n
		if err != nil {
			errs = append(errs, err)
		}
		sent, err := s.dispatchAll(ctx, now)
		round.add(sent)
		if err != nil {
			errs = append(errs, err)
		}
		total.add(round)
		if len(errs) > 0 || ctx.Err() != nil || !round.any() {
			break
		}
	}
	next, err := s.next(ctx)
	total.Next = next
	return total, errors.Join(append(errs, err, ctx.Err())...)
}

// Run ticks until ctx is done, and then finishes the submits in flight before it
// returns nil. Errors of single ticks go to onError, which may be nil, and the work
// is tried again.
func (s *Service) Run(ctx context.Context, onError func(error)) error {
	if err := s.alone("run"); err != nil {
		return err
	}
	for {
		progress, err := s.Tick(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && onError != nil {
			onError(err)
		}
		wait := s.cfg.Poll
		if now := s.now(); err == nil && !progress.Next.IsZero() && progress.Next.Sub(now) < wait {
			wait = max(progress.Next.Sub(now), 0)
		}
		pause := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// wakeAll looks at every campaign whose time has come.
func (s *Service) wakeAll(ctx context.Context, now time.Time) error {
	var due []campaignRow
	err := s.store.View(ctx, func(tx Tx) (err error) {
		due, err = scan[campaignRow](tx, Range{Index: 1, From: int64(1), To: micros(now) + 1})
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, row := range due {
		if err := s.wake(ctx, row.ID); err != nil {
			errs = append(errs, fmt.Errorf("campaign %s: %w", row.ID, err))
		}
	}
	return errors.Join(errs...)
}

// wake does for one campaign what its state asks for.
func (s *Service) wake(ctx context.Context, id string) error {
	var row campaignRow
	err := s.store.View(ctx, func(tx Tx) (err error) {
		row, _, err = get[campaignRow](tx, id)
		return err
	})
	if err != nil {
		return err
	}
	if row.Wake.IsZero() || row.Wake.After(s.now()) {
		return nil // paused, or served by somebody else meanwhile
	}
	switch row.State {
	case Paused:
		return nil
	case Scheduled, Running:
		return s.plan(ctx, id)
	case Cancelled:
		if err := s.sweep(ctx, id); err != nil {
			return err
		}
	}
	// Draft: a Start that died. Done and Cancelled: over.
	if err := s.drop(ctx, id, row.holds()); err != nil {
		return err
	}
	return s.change(ctx, id, func(tx Tx, now *campaignRow) error {
		if now.State == row.State {
			now.Wake = time.Time{}
			if open, err := s.unfinished(tx, id); err != nil || open {
				now.Wake = s.now().Add(s.cfg.Backoff) // submits in doubt are still being asked about
				return err
			}
		}
		return nil
	})
}

// planPage bounds the lines that one transaction writes.
const planPage = 500

// grace is how late an occurrence may be planned under CatchUpNone.
const grace = time.Minute

// plan writes the ledger: every nominal time until now gets its line, once, whoever
// else is planning. It ends the campaign when there are no further times.
func (s *Service) plan(ctx context.Context, id string) error {
	for more := true; more; {
		err := s.change(ctx, id, func(tx Tx, row *campaignRow) error {
			more = false
			if row.State != Scheduled && row.State != Running {
				return nil
			}
			c, err := row.campaign()
			if err != nil {
				return err
			}
			if c.Trigger != nil {
				row.Wake = time.Time{}
				return nil
			}
			now := s.now()
			var slots []slot
			row.Wake = time.Time{}
			for sl := range c.Schedule.slots(row.Upto) {
				if sl.at.After(now) {
					row.Wake = sl.at
					break
				}
				if len(slots) == planPage {
					more = true
					break
				}
				slots = append(slots, sl)
			}
			if err := enter(tx, c, slots, more, now); err != nil {
				return err
			}
			if len(slots) > 0 {
				row.Upto = slots[len(slots)-1].at
			}
			if row.Wake.IsZero() && !more {
				return s.finish(tx, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// enter writes the lines of nominal times that have come; more says that there are
// further ones.
func enter(tx Tx, c Campaign, slots []slot, more bool, now time.Time) error {
	runs := more // whether a later time will run
	for _, sl := range slices.Backward(slots) {
		o := Occurrence{Campaign: c.ID, ID: sl.id, State: OccurrencePlanned, At: sl.at, Due: sl.at}
		switch {
		case sl.skip != "":
			o.end(OccurrenceSkipped, sl.skip, now)
		case c.CatchUp == CatchUpLatest && runs:
			o.end(OccurrenceCoalesced, ReasonCoalesced, now)
		case c.CatchUp == CatchUpNone && now.Sub(sl.at) > grace:
			o.end(OccurrenceExpired, ReasonExpired, now)
		}
		runs = runs || sl.skip == ""
		if _, err := insert(tx, &o); err != nil {
			return err
		}
	}
	return nil
}

func (o *Occurrence) end(state OccurrenceState, reason string, now time.Time) {
	o.State, o.Reason, o.Ended = state, reason, now
}

// unfinished tells whether any occurrence of the campaign is still on its way.
func (s *Service) unfinished(tx Tx, id string) (bool, error) {
	for _, st := range []OccurrenceState{OccurrencePlanned, OccurrenceRunning} {
		rows, err := tx.Scan(occurrenceTable, Range{Index: 2, Equal: []any{id, string(st)}, Limit: 1})
		if err != nil || len(rows) > 0 {
			return true, err
		}
	}
	return false, nil
}

// finish ends a campaign whose schedule has no further times, once all of its
// occurrences are over.
func (s *Service) finish(tx Tx, row *campaignRow) error {
	c, err := row.campaign()
	if err != nil || c.Trigger != nil || row.State != Scheduled && row.State != Running || !row.Wake.IsZero() {
		return err
	}
	open, err := s.unfinished(tx, row.ID)
	if err == nil && !open {
		row.State, row.Wake = Done, s.now() // Wake: its groups are to be released
	}
	return err
}

// openAll starts the occurrences that are due, and freezes their audiences.
func (s *Service) openAll(ctx context.Context, now time.Time) (started int, err error) {
	var due, running []Occurrence
	err = s.store.View(ctx, func(tx Tx) (err error) {
		if due, err = scan[Occurrence](tx, Range{Index: 1, Equal: []any{string(OccurrencePlanned)}, To: micros(now) + 1}); err != nil {
			return err
		}
		running, err = scan[Occurrence](tx, Range{Index: 1, Equal: []any{string(OccurrenceRunning)}, To: micros(now) + 1})
		return err
	})
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, o := range due {
		ok, err := s.open(ctx, o)
		if err != nil {
			errs = append(errs, fmt.Errorf("campaign %s, %s: %w", o.Campaign, o.ID, err))
		}
		if ok {
			started++
			running = append(running, o)
		}
	}
	for _, o := range running {
		err := s.freeze(ctx, o.Campaign, o.ID)
		if err == nil {
			err = s.reserve(ctx, o.Campaign, o.ID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("campaign %s, %s: %w", o.Campaign, o.ID, err))
		}
	}
	return started, errors.Join(errs...)
}

// open decides whether an occurrence runs, by lateness, catch-up and overlap.
func (s *Service) open(ctx context.Context, o Occurrence) (started bool, err error) {
	err = s.store.Update(ctx, func(tx Tx) error {
		started = false
		row, _, err := get[campaignRow](tx, o.Campaign)
		if err != nil || row.State != Scheduled && row.State != Running {
			return err
		}
		c, err := row.campaign()
		if err != nil {
			return err
		}
		cur, ok, err := get[Occurrence](tx, o.Campaign, o.ID)
		now := s.now()
		if err != nil || !ok || cur.State != OccurrencePlanned || cur.Due.After(now) {
			return err
		}
		superseded := false
		if c.Trigger == nil {
			others, err := scan[Occurrence](tx, Range{Index: 2, Equal: []any{o.Campaign, string(OccurrencePlanned)}})
			if err != nil {
				return err
			}
			for _, other := range others {
				superseded = superseded || other.At.After(cur.At) && !other.At.After(now)
			}
		}
		running, err := tx.Scan(occurrenceTable, Range{Index: 2, Equal: []any{o.Campaign, string(OccurrenceRunning)}, Limit: 1})
		if err != nil {
			return err
		}
		scheduled, restarted := c.Trigger == nil, false
		if !scheduled && c.Trigger.Restart {
			if restarted, err = happened(tx, row.Topic, cur.Customer, cur.Fired, now); err != nil {
				return err
			}
		}
		switch {
		case restarted:
			cur.end(OccurrenceCoalesced, ReasonCoalesced, now)
		case c.Lateness > 0 && now.Sub(cur.At) > c.Lateness:
			cur.end(OccurrenceExpired, ReasonExpired, now)
		case scheduled && c.CatchUp == CatchUpLatest && superseded:
			cur.end(OccurrenceCoalesced, ReasonCoalesced, now)
		case scheduled && len(running) > 0 && c.Overlap == OverlapSkip:
			cur.end(OccurrenceSkipped, ReasonRunning, now)
		case scheduled && len(running) > 0 && c.Overlap == OverlapQueue:
			return nil
		default:
			cur.State, cur.Started, cur.Active, cur.Due = OccurrenceRunning, now, now, now
			row.State, started = Running, true
		}
		if err := put(tx, &cur); err != nil {
			return err
		}
		if !started {
			if err := s.finish(tx, &row); err != nil {
				return err
			}
		}
		return put(tx, &row)
	})
	return started, err
}

// next is the earliest instant at which something is due.
func (s *Service) next(ctx context.Context) (at time.Time, err error) {
	now := s.now()
	err = s.store.View(ctx, func(tx Tx) error {
		at = time.Time{}
		rows, err := scan[campaignRow](tx, Range{Index: 1, From: int64(1), Limit: 1})
		if err != nil {
			return err
		}
		for _, r := range rows {
			at = earlier(at, r.Wake)
		}
		for _, st := range []OccurrenceState{OccurrencePlanned, OccurrenceRunning} {
			r := Range{Index: 1, Equal: []any{string(st)}}
			if st == OccurrencePlanned {
				r.Limit = planPage // they come in the order of their time
			}
			open, err := scan[Occurrence](tx, r)
			if err != nil {
				return err
			}
			for _, o := range open {
				row, _, err := get[campaignRow](tx, o.Campaign)
				switch {
				case err != nil:
					return err
				case row.State == Paused:
					continue
				case st == OccurrencePlanned && !o.Due.After(now):
					continue // it waits for the one before, not for a time
				case st == OccurrencePlanned || !o.Frozen:
					at = earlier(at, o.Due)
					continue
				}
				due, err := s.nextRecipient(tx, o, now)
				if err != nil {
					return err
				}
				at = earlier(at, due)
			}
		}
		return nil
	})
	return at, err
}

// nextRecipient is when a recipient of a running occurrence is due next: one that
// waits, or one whose claim was abandoned.
func (s *Service) nextRecipient(tx Tx, o Occurrence, now time.Time) (at time.Time, err error) {
	first := func(l life) ([]Recipient, error) {
		return scan[Recipient](tx, Range{Index: 1, Equal: []any{o.Campaign, o.ID, int64(l)}, Limit: 1})
	}
	rows, err := first(waiting)
	for _, r := range rows {
		at = later(r.Due, o.Due)
	}
	if err != nil {
		return at, err
	}
	rows, err = first(leased)
	if err != nil || len(rows) == 0 {
		return at, err
	}
	clock, err := s.leaseNow(tx)
	return earlier(at, later(now.Add(rows[0].Due.Sub(clock)), o.Due)), err
}
