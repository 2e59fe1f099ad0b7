package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Refreshed is what a refresh did to one group.
type Refreshed struct {
	Group   string // id
	Name    string
	AsOf    time.Time
	Version int64 // of the members, now
	Count   int
	Entered int
	Left    int
	// Err is why the group was not refreshed: its members are the last good ones.
	// It is a *LeaseError when another process does it, or an edit overruled this
	// refresh; a *BrokenError when the group is broken.
	Err error
}

// retryAfter is when a refresh that failed is due again, unless its schedule says
// earlier.
const retryAfter = 5 * time.Minute

// Tick is RefreshDue, and then forgets history beyond Config.Keep. A host calls it
// from its scheduler, say once a minute, from as many processes as it likes.
func (s *Service) Tick(ctx context.Context) ([]Refreshed, error) {
	out, err := s.RefreshDue(ctx)
	if err != nil || s.cfg.Keep == 0 {
		return out, err
	}
	return out, s.Prune(ctx)
}

// RefreshDue refreshes every group whose schedule says so: a daily group that
// missed days once, as of the last local midnight. All are evaluated together and
// each is saved in a transaction of its own: who entered and left, the new version
// and the outbox, all or nothing. A group that fails keeps its last good members
// and is due again in five minutes; it does not disturb others. The result is
// ordered so that a group stands behind those that it reads.
func (s *Service) RefreshDue(ctx context.Context) ([]Refreshed, error) {
	return s.refresh(ctx, func(g *Group, now time.Time) bool { return !g.Due.IsZero() && !g.Due.After(now) })
}

// Refresh refreshes the named groups now, due or not: a daily group still as of
// the last local midnight. ErrNotFound and ErrArchived are returned before
// anything is done.
func (s *Service) Refresh(ctx context.Context, ids ...string) ([]Refreshed, error) {
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, err := reg.active(id); err != nil {
			return nil, err
		}
	}
	return s.refresh(ctx, func(g *Group, _ time.Time) bool { return slices.Contains(ids, g.ID) })
}

// Changed tells that customer data changed: groups that are refreshed on change
// are due.
func (s *Service) Changed(ctx context.Context) error {
	if err := s.allow(ctx, Operate, ""); err != nil {
		return err
	}
	return s.state.Update(ctx, func(tx Tx) error {
		groups, err := tx.Groups()
		if err != nil {
			return err
		}
		now := s.now()
		for _, g := range groups {
			if g.Status != Active || !g.Schedule.OnChange {
				continue
			}
			// A refresh or edit under way may have read the data before this change;
			// the fence stays, so it is saved, and Asked makes the group due again.
			g.Due = now
			g.Asked++
			if err := tx.Put(g, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) refresh(ctx context.Context, wanted func(*Group, time.Time) bool) ([]Refreshed, error) {
	if err := s.allow(ctx, Operate, ""); err != nil {
		return nil, err
	}
	select {
	case s.refreshing <- struct{}{}:
		defer func() { <-s.refreshing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := s.now()
	reg, claimed, out, err := s.claim(ctx, wanted, now)
	if err != nil || len(claimed) == 0 {
		return out, err
	}
	defer s.renewing(ctx, claimed)()
	requests := make([]request, len(claimed))
	for i, g := range claimed {
		requests[i] = request{group: g, asOf: s.asOfNow(&g.Definition, now)}
	}
	outcomes, err := s.evaluate(ctx, reg, requests, now)
	if err != nil {
		return out, err
	}
	for _, r := range requests {
		done, err := s.finish(ctx, r, outcomes[r.group.ID], now)
		if err != nil {
			return out, err
		}
		out = append(out, done)
		delete(outcomes, r.group.ID)
	}
	return out, nil
}

// claim leases the wanted groups, in one transaction, ordered so that a group
// stands behind those it reads. Those that others lease are reported.
func (s *Service) claim(ctx context.Context, wanted func(*Group, time.Time) bool, now time.Time) (reg *registry, claimed []*Group, out []Refreshed, err error) {
	due := func(reg *registry) (due []*Group) {
		for _, g := range reg.byID {
			if g.Status == Active && wanted(g, now) {
				due = append(due, g)
			}
		}
		return due
	}
	if reg, err = s.registry(ctx); err != nil || len(due(reg)) == 0 {
		return nil, nil, nil, err // the common case writes nothing
	}
	err = s.state.Update(ctx, func(tx Tx) error {
		claimed, out = nil, nil
		if reg, err = s.groups(tx); err != nil {
			return err
		}
		at, err := s.leaseNow(tx)
		if err != nil {
			return err
		}
		for _, g := range due(reg) {
			if g.Lease.Owner != "" && g.Lease.Owner != s.cfg.Owner && g.Lease.Until.After(at) {
				out = append(out, g.refreshed(&LeaseError{g.Lease.Owner, g.Lease.Until}))
				continue
			}
			g.Lease = Lease{Owner: s.cfg.Owner, Until: at.Add(s.cfg.Lease)}
			g.Fence++
			if err := tx.Put(g, ""); err != nil {
				return err
			}
			claimed = append(claimed, g)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Refreshed) int { return cmp.Compare(a.Group, b.Group) })
	level := func(g *Group) int {
		if reg.broken(g) != nil {
			return 0
		}
		return reg.depth(g)
	}
	slices.SortFunc(claimed, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(level(a), level(b)), cmp.Compare(a.ID, b.ID))
	})
	return reg, claimed, out, err
}

// renewing extends the leases of claimed groups in the background, until the
// returned function is called: a refresh that takes long is not taken over, one
// whose process died is. Failing to extend is no harm, the fence holds.
func (s *Service) renewing(ctx context.Context, claimed []*Group) (stop func()) {
	if s.joined {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		every := time.NewTicker(s.cfg.Lease / 3)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
			_ = s.state.Update(ctx, func(tx Tx) error { return s.renew(tx, claimed) })
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// renew extends the leases that still stand. Fences stay as they are.
func (s *Service) renew(tx Tx, claimed []*Group) error {
	at, err := s.leaseNow(tx)
	if err != nil {
		return err
	}
	until := at.Add(s.cfg.Lease)
	for _, c := range claimed {
		g, err := tx.Group(c.ID)
		if err != nil {
			return err
		}
		if g.Fence != c.Fence || !g.Lease.Until.Before(until) {
			continue
		}
		g.Lease.Until = until
		if err := tx.Put(g, ""); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) refreshed(err error) Refreshed {
	return Refreshed{Group: g.ID, Name: g.Name, AsOf: g.AsOf, Version: g.Version, Count: g.Count, Err: err}
}

// finish saves what a refresh found of one group. The error is of the state; what
// only this group meets is in the result.
func (s *Service) finish(ctx context.Context, r request, o *outcome, now time.Time) (Refreshed, error) {
	claimed := r.group
	d := &draft{group: claimed, outcome: o, cause: causeRefresh}
	failure := o.err
	if failure == nil {
		var err error
		if d.entered, d.left, err = s.diff(ctx, claimed, o.crowd, nil); err != nil {
			return Refreshed{}, err
		}
	}
	var done Refreshed
	err := s.state.Update(ctx, func(tx Tx) error {
		g, err := tx.Group(claimed.ID)
		if err != nil {
			return err
		}
		if g.Fence != claimed.Fence {
			done = g.refreshed(&LeaseError{cmp.Or(g.Lease.Owner, "an edit"), g.Lease.Until})
			return nil
		}
		if failure != nil {
			err = s.fail(tx, g, failure, now)
		} else {
			err = d.save(s, tx, g, now, "")
		}
		if err != nil {
			return err
		}
		done = g.refreshed(failure)
		done.Entered, done.Left = len(d.entered), len(d.left)
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return claimed.refreshed(err), nil
	}
	return done, err
}

// fail marks a group whose refresh failed. Its members stay.
func (s *Service) fail(tx Tx, g *Group, failure error, now time.Time) error {
	g.Failure, g.FailedAt, g.Lease = failure.Error(), now, Lease{}
	g.Fence++
	g.Due = s.nextDue(&g.Definition, now)
	if retry := now.Add(retryAfter); !errors.Is(failure, ErrBroken) && (g.Due.IsZero() || retry.Before(g.Due)) {
		g.Due = retry
	}
	return tx.Put(g, "")
}

// prunedAtOnce is how many spans of membership one transaction forgets.
const prunedAtOnce = 1000

// Prune forgets history beyond Config.Keep: versions that ceased to be the present
// one longer ago than that. It works in short transactions; one that dies leaves the
// rest to the next Prune that has something to forget. Without a Keep it does nothing.
func (s *Service) Prune(ctx context.Context) error {
	if err := s.allow(ctx, Operate, ""); err != nil {
		return err
	}
	if s.cfg.Keep == 0 {
		return nil
	}
	reg, err := s.registry(ctx)
	if err != nil {
		return err
	}
	limit := s.now().Add(-s.cfg.Keep)
	for id := range reg.byID {
		var before int64
		err := s.state.Update(ctx, func(tx Tx) error {
			before = 0
			g, err := tx.Group(id)
			if err != nil {
				return err
			}
			// The version that was the present one at the limit is the first kept.
			list, err := tx.Versions(VersionQuery{Group: id, Known: limit.Add(time.Microsecond), Latest: true, Limit: 1})
			if err != nil || len(list) == 0 || list[0].Version <= g.Kept {
				return err
			}
			g.Kept, before = list[0].Version, list[0].Version
			return tx.Put(g, "") // from here on nobody reads what goes now
		})
		for more := before > 0; err == nil && more; {
			err = s.state.Update(ctx, func(tx Tx) (err error) {
				more, err = tx.Prune(id, before, prunedAtOnce)
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("segment: prune %q: %w", id, err)
		}
	}
	return nil
}
