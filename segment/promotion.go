package segment

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol"
)

// Promotion is a sales promotion as groups see it.
type Promotion struct {
	ID         string
	Restricted bool     // it is for members of its groups alone
	Groups     []string // ids, ordered; of a restricted promotion deleted groups too
}

// Attach gives a promotion to a group. Attaching twice is attaching once.
func (s *Service) Attach(ctx context.Context, group, promotion string) error {
	if promotion == "" {
		return invalid("a promotion needs an id")
	}
	return s.attachments(ctx, group, "attach", promotion, func(g *Group, all Promotion) error {
		if !slices.ContainsFunc(g.Promotions, func(a Attachment) bool { return a.Promotion == promotion }) {
			g.Promotions = append(g.Promotions, Attachment{promotion, all.Restricted})
		}
		return nil
	})
}

// Detach takes a promotion from a group. The last group of a restricted promotion
// keeps it, ErrFixed: without a group it would be for everybody again.
func (s *Service) Detach(ctx context.Context, group, promotion string) error {
	return s.attachments(ctx, group, "detach", promotion, func(g *Group, all Promotion) error {
		if all.Restricted && len(all.Groups) == 1 && all.Groups[0] == g.ID {
			return fmt.Errorf("%w: promotion %q is restricted to its groups, and this is the last", ErrFixed, promotion)
		}
		g.Promotions = slices.DeleteFunc(g.Promotions, func(a Attachment) bool { return a.Promotion == promotion })
		return nil
	})
}

// Restrict makes a promotion one for members of its groups alone. That cannot be
// undone: confirmation must repeat the promotion's id, or ErrUnconfirmed is returned.
func (s *Service) Restrict(ctx context.Context, promotion, confirmation string) error {
	if err := s.allow(ctx, Edit, ""); err != nil {
		return err
	}
	if confirmation != promotion {
		return fmt.Errorf("%w: promotion %q", ErrUnconfirmed, promotion)
	}
	return s.state.Update(ctx, func(tx Tx) error {
		groups, err := tx.Groups()
		if err != nil {
			return err
		}
		if len(promotionOf(groups, promotion).Groups) == 0 {
			return invalid("promotion %q has no group to be restricted to", promotion)
		}
		for _, g := range groups {
			for i := range g.Promotions {
				if g.Promotions[i].Promotion == promotion && !g.Promotions[i].Restricted {
					g.Promotions[i].Restricted = true
					if err := tx.Put(g, ""); err != nil {
						return err
					}
				}
			}
		}
		return tx.Append(s.act(ctx, Edit, "", "restrict", promotion))
	})
}

// Promotion tells which groups a promotion is attached to and whether it is
// restricted to them.
func (s *Service) Promotion(ctx context.Context, id string) (Promotion, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return Promotion{}, err
	}
	var p Promotion
	err := s.state.View(ctx, func(r Reader) error {
		groups, err := r.Groups()
		p = promotionOf(groups, id)
		return err
	})
	return p, err
}

// PromotionApplies tells whether a promotion is for a customer in a store now: to
// everybody while it is not restricted, else to members of an attached group whose
// pricing is on in that store.
func (s *Service) PromotionApplies(ctx context.Context, promotion string, id dangol.CustomerID, store string) (bool, error) {
	if err := s.allow(ctx, Use, ""); err != nil {
		return false, err
	}
	live, err := s.live(ctx, id)
	if err != nil {
		return false, err
	}
	var groups []*Group
	for _, g := range live.reg.byID {
		groups = append(groups, g)
	}
	p := promotionOf(groups, promotion)
	if !p.Restricted {
		return true, nil
	}
	for _, group := range p.Groups {
		g := live.reg.byID[group]
		if g.Status != Active || !g.pricedIn(store) {
			continue
		}
		if m, err := live.match(g); err != nil || m.In {
			return err == nil, err
		}
	}
	return false, nil
}

func promotionOf(groups []*Group, id string) Promotion {
	p := Promotion{ID: id}
	for _, g := range groups {
		for _, a := range g.Promotions {
			if a.Promotion == id && (g.Status == Active || a.Restricted) {
				p.Groups = append(p.Groups, g.ID)
				p.Restricted = p.Restricted || a.Restricted
			}
		}
	}
	slices.SortFunc(p.Groups, cmp.Compare[string])
	return p
}

func (s *Service) attachments(ctx context.Context, group, what, promotion string, change func(*Group, Promotion) error) error {
	if err := s.allow(ctx, Edit, group); err != nil {
		return err
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
		var all []*Group
		for _, other := range reg.byID {
			all = append(all, other)
		}
		if err := change(g, promotionOf(all, promotion)); err != nil {
			return err
		}
		if err := tx.Put(g, ""); err != nil {
			return err
		}
		return tx.Append(s.act(ctx, Edit, group, what, promotion))
	})
}
