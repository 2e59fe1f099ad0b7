package segment

import (
	"context"
	"fmt"
	"time"
)

// Archive puts a group away: it has no members, is not refreshed, does not count
// to the limit, and rules that read it are broken until it is restored. It is
// refused with a *HeldError while anything uses the group.
func (s *Service) Archive(ctx context.Context, id string) error {
	return s.retire(ctx, id, Archived, "archived")
}

// Delete ends a group for good. Its history, and what others keep about it, stays
// readable under its id, which is never used again. It is refused with a
// *HeldError while anything uses the group.
func (s *Service) Delete(ctx context.Context, id string) error {
	return s.retire(ctx, id, Deleted, "deleted")
}

func (s *Service) retire(ctx context.Context, id string, status Status, what string) error {
	if err := s.allow(ctx, Edit, id); err != nil {
		return err
	}
	return retried(ctx, func() error {
		now := s.now()
		reg, err := s.registry(ctx)
		if err != nil {
			return err
		}
		old, ok := reg.byID[id]
		switch {
		case !ok || old.Status == Deleted:
			return fmt.Errorf("%w: %q", ErrNotFound, id)
		case old.Status == status:
			return nil
		}
		_, left, err := s.diff(ctx, old, newCrowd(nil, nil, false), nil)
		if err != nil {
			return err
		}
		for i := range left {
			left[i].Cause = Cause{Why: ByDeletion, By: Actor(ctx)}
		}
		return s.state.Update(ctx, func(tx Tx) error {
			reg, err := s.groups(tx)
			if err != nil {
				return err
			}
			g := reg.byID[id]
			if err := held(g, what); err != nil {
				return err
			}
			if g.Fence != old.Fence {
				return ErrConflict
			}
			g.Status, g.Edited = status, now
			g.Due, g.Failure, g.FailedAt = time.Time{}, "", time.Time{}
			if err := s.turn(tx, g, nil, left, causeStatus, now, ""); err != nil {
				return err
			}
			if err := s.wakeReaders(tx, reg, g.Name, now); err != nil {
				return err
			}
			return tx.Append(s.act(ctx, Edit, id, what, fmt.Sprintf("%d members", old.Count)))
		})
	})
}

// Restore brings an archived group back and extracts its members at once.
func (s *Service) Restore(ctx context.Context, id string) (*Result, error) {
	if err := s.allow(ctx, Edit, id); err != nil {
		return nil, err
	}
	var result *Result
	err := retried(ctx, func() error {
		now := s.now()
		reg, err := s.registry(ctx)
		if err != nil {
			return err
		}
		restored := func(reg *registry) (*Group, error) {
			g, ok := reg.byID[id]
			switch {
			case !ok || g.Status == Deleted:
				return nil, fmt.Errorf("%w: %q", ErrNotFound, id)
			case g.Status == Active:
				return nil, invalid("group %q is not archived", id)
			}
			if err := s.underLimit(reg); err != nil {
				return nil, err
			}
			g = g.Clone()
			g.Status, g.Edited = Active, now
			_, err := reg.admit(g)
			return g, err
		}
		g, err := restored(reg)
		if err != nil {
			return err
		}
		d, err := s.draft(ctx, reg.with(g), request{group: g, asOf: s.asOfNow(&g.Definition, now)}, now, causeStatus, nil)
		if err != nil {
			return err
		}
		return s.state.Update(ctx, func(tx Tx) error {
			reg, err := s.groups(tx)
			if err != nil {
				return err
			}
			next, err := restored(reg)
			if err != nil {
				return err
			}
			if next.Fence != g.Fence {
				return ErrConflict
			}
			if err := d.save(s, tx, next, now, Actor(ctx)); err != nil {
				return err
			}
			if err := s.wakeReaders(tx, reg, next.Name, now); err != nil {
				return err
			}
			result = d.result(next, g.Count, nil)
			return tx.Append(s.act(ctx, Edit, id, "restored", fmt.Sprintf("%d members", next.Count)))
		})
	})
	return result, err
}
