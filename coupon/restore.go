package coupon

import (
	"context"
	"time"
)

// Restoration is what a cancel or return gave back.
type Restoration struct {
	Key  string
	Uses []RestoredUse // in the redemption's order
}

// RestoredUse is what became of one use.
type RestoredUse struct {
	Definition string
	Grant      string
	Restored   bool        // the use is given back, now or before
	Policy     RestoreWhen // why not, when it is not
}

// Restore tells that an order with coupons was cancelled or returned. Each coupon
// comes back when its own policy says so, once, whatever is called how often. The
// order must be the one of Commit, else it is ErrKeyReused. It returns ErrNotFound,
// or ErrRequest when the redemption was never committed.
func (s *Service) Restore(ctx context.Context, key, order string, cause Cause) (Restoration, error) {
	if !cause.known() {
		return Restoration{}, requestError("cause %q is unknown", cause)
	}
	now := s.now()
	var out Restoration
	err := s.update(ctx, func(tx Tx) error {
		out = Restoration{Key: key}
		r, err := tx.Redemption(ctx, key)
		if err != nil {
			return err
		}
		if r.State != StateCommitted {
			return requestError("the redemption is %s, not committed", r.State)
		}
		if r.Order != order {
			return ErrKeyReused
		}
		held := r
		held.Uses = nil // those to give back
		var entries []Entry
		changed := false
		for i, u := range r.Uses {
			terms, err := tx.Definition(ctx, u.Definition, u.Version)
			if err != nil {
				return err
			}
			use := RestoredUse{Definition: u.Definition, Grant: u.Grant, Restored: !u.Restored.IsZero(), Policy: terms.Restore.When}
			if !use.Restored && terms.Restore.When.restores(cause) {
				use.Restored, changed = true, true
				held.Uses = append(held.Uses, u)
				entries = append(entries, r.entry(u, EventRestore, now))
				r.Uses[i].Restored, r.Uses[i].RestoredFor = now, cause
				if err := s.restoreGrant(ctx, tx, u, terms, now); err != nil {
					return err
				}
			}
			out.Uses = append(out.Uses, use)
		}
		ts, err := s.takesOf(ctx, tx, held)
		if err != nil {
			return err
		}
		if cause.full() && r.Cancelled.IsZero() {
			r.Cancelled, changed = now, true
			for _, u := range r.Uses {
				e := r.entry(u, EventCancel, now)
				e.Paid = r.Paid()
				entries = append(entries, e)
			}
		}
		if !changed {
			return nil
		}
		if err := tx.ReplaceRedemption(ctx, r); err != nil {
			return err
		}
		if err := giveAll(ctx, tx, ts); err != nil {
			return err
		}
		return tx.AppendLedger(ctx, entries)
	})
	if err != nil {
		return Restoration{}, err
	}
	return out, nil
}

// restoreGrant makes a wallet's coupon usable again, with its days of grace when
// it has expired meanwhile.
func (s *Service) restoreGrant(ctx context.Context, tx Tx, u Use, terms Definition, now time.Time) error {
	if u.Grant == "" || u.Shared {
		return nil
	}
	g, err := tx.Grant(ctx, GrantRef{ID: u.Grant})
	if err != nil {
		return err
	}
	if g.expired(now) && terms.Restore.GraceDays > 0 {
		loc, err := terms.location()
		if err != nil {
			return err
		}
		g.Expires = instant(graceEnd(now, terms.Restore.GraceDays, loc))
		if err := tx.ReplaceGrant(ctx, g); err != nil {
			return err
		}
	}
	return tx.SetUsed(ctx, g.ID, time.Time{}, "", 0)
}
