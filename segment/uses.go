package segment

import (
	"cmp"
	"context"
	"slices"

	"github.com/dangol-dev/dangol"
)

// Hold enters a use of a group into the ledger, durably: from then on, until
// Release, a send refuses edits and any use refuses archiving and deleting. Holding
// the same use again changes nothing but its name. Groups that are broken, archived
// or deleted cannot be held.
func (s *Service) Hold(ctx context.Context, group string, use dangol.Use) error {
	if err := s.allow(ctx, Use, group); err != nil {
		return err
	}
	if use.By == "" || use.ID == "" || use.Kind != dangol.UseSend && use.Kind != dangol.UseReference {
		return invalid("a use needs who uses the group, a kind and an id")
	}
	return s.state.Update(ctx, func(tx Tx) error {
		reg, err := s.groups(tx)
		if err != nil {
			return err
		}
		g, err := reg.active(group)
		if err != nil {
			return err
		}
		if b := reg.broken(g); b != nil {
			return b
		}
		i, found := slices.BinarySearchFunc(g.Uses, use, compareUses)
		switch {
		case found && g.Uses[i] == use:
			return nil
		case found:
			g.Uses[i] = use
		default:
			g.Uses = slices.Insert(g.Uses, i, use)
		}
		return tx.Put(g, "")
	})
}

// Release takes a use out of the ledger. Releasing what is not held, or the use of
// a group that is gone, does nothing.
func (s *Service) Release(ctx context.Context, group string, use dangol.Use) error {
	if err := s.allow(ctx, Use, group); err != nil {
		return err
	}
	return s.state.Update(ctx, func(tx Tx) error {
		g, err := tx.Group(group)
		if err != nil {
			return ignore(err, ErrNotFound)
		}
		i, found := slices.BinarySearchFunc(g.Uses, use, compareUses)
		if !found {
			return nil
		}
		g.Uses = slices.Delete(g.Uses, i, i+1)
		return tx.Put(g, "")
	})
}

// UsedBy lists the uses of a group that the ledger holds, and the names of the
// groups whose rules read it.
func (s *Service) UsedBy(ctx context.Context, group string) ([]dangol.Use, []string, error) {
	if err := s.allow(ctx, View, group); err != nil {
		return nil, nil, err
	}
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, nil, err
	}
	g, err := reg.find(group)
	if err != nil {
		return nil, nil, err
	}
	var readers []string
	for _, r := range reg.readers(g.Name) {
		readers = append(readers, r.Name)
	}
	return g.Uses, readers, nil
}

func compareUses(a, b dangol.Use) int {
	return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}
