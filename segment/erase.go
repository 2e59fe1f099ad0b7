package segment

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// Erase forgets a customer, or a guest, in one transaction: they leave the groups that
// they are in, by ByErasure, their hand-made lines go, and a random name takes their
// place in all history, which it returns. Counts of past versions and days stay as they
// were; what people noted about the customer does not. Refreshes that are under way are
// done again.
//
// Erase the customer from the data first, else the next refresh takes them in again.
// Texts that people wrote about groups stay: names, descriptions, rules.
func (s *Service) Erase(ctx context.Context, customer dangol.CustomerID) (dangol.CustomerID, error) {
	if err := s.allow(ctx, Operate, ""); err != nil {
		return "", err
	}
	if customer == "" {
		return "", invalid("nobody to erase")
	}
	to := dangol.CustomerID("erased_" + rand.Text())
	now := s.now()
	err := s.state.Update(ctx, func(tx Tx) error {
		groups, err := tx.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := s.eraseFrom(tx, g, customer, now); err != nil {
				return err
			}
		}
		return tx.Rename(customer, to)
	})
	if err != nil {
		return "", err
	}
	return to, nil
}

// eraseFrom ends what binds a customer to one group.
func (s *Service) eraseFrom(tx Tx, g *Group, customer dangol.CustomerID, now time.Time) error {
	spans, err := tx.Memberships(MembershipQuery{Group: g.ID, Customer: customer})
	if err != nil {
		return err
	}
	lines, err := tx.Entries(EntryQuery{Group: g.ID, Customer: customer})
	if err != nil {
		return err
	}
	quoted := strings.Contains(g.Failure, string(customer))
	// A refresh that was claimed may be about to take them in, history or not.
	if g.Version == 0 || len(spans)+len(lines) == 0 && !quoted && g.Lease.Owner == "" {
		return nil
	}
	if quoted {
		g.Failure = "about a customer who was erased"
	}
	if len(lines) > 0 {
		if err := tx.SetEntries(g.ID, []Entry{{Customer: customer}}); err != nil {
			return err
		}
	}
	var left []Turn
	for _, m := range spans {
		if m.To == 0 {
			left = append(left, Turn{customer, Cause{Why: ByErasure}})
		}
	}
	return s.turn(tx, g, nil, left, causeErasure, now, "")
}
