package segment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// Match is the live answer about one customer and one group.
type Match struct {
	In    bool
	Cause Cause // why, when In; else the pin, list or dates that keep the customer out
	AsOf  time.Time
	// CutsAsOf is the instant of the rank cuts that the rule was tested against:
	// those of the last refresh. Zero when the rule has no rank.
	CutsAsOf time.Time
	// Freshness is of the group's last refresh, which the live answer does not wait for.
	Freshness Freshness
}

// Matches tells, from live data, whether a customer or guest belongs to a group at
// this moment: what the till and the shop's pages ask while somebody is shopping.
// Rules that the rule reads are asked live too; ranks are tested against the cuts
// of the last refresh. Nothing is written. store.ErrNotFound is returned when the
// data does not know the customer.
func (s *Service) Matches(ctx context.Context, id dangol.CustomerID, group string) (Match, error) {
	if err := s.allow(ctx, Use, group); err != nil {
		return Match{}, err
	}
	live, err := s.live(ctx, id)
	if err != nil {
		return Match{}, err
	}
	g, err := live.reg.active(group)
	if err != nil {
		return Match{}, err
	}
	return live.match(g)
}

// liveAsOf is the instant that sees everything stamped up to now: as-of is a
// whole second and sees only what lies before it.
func (s *Service) liveAsOf(now time.Time) time.Time {
	if t := now.Truncate(time.Second); t.Before(now) {
		return t.Add(time.Second)
	}
	return now
}

// shopper is one customer against all groups, at one moment.
type shopper struct {
	s        *Service
	reg      *registry
	customer *eval.Customer
	hands    map[string]Entry // by group
	now      time.Time
	asked    map[string]Match
}

func (s *Service) live(ctx context.Context, id dangol.CustomerID) (*shopper, error) {
	c, err := s.cfg.Data.Customer(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("segment: read the data: %w", err)
	}
	l := &shopper{s: s, customer: c, hands: map[string]Entry{}, now: s.now(), asked: map[string]Match{}}
	err = s.state.View(ctx, func(r Reader) (err error) {
		if l.reg, err = s.groups(r); err != nil {
			return err
		}
		hands, err := r.Entries(EntryQuery{Customer: id})
		for _, e := range hands {
			l.hands[e.Group] = e
		}
		return err
	})
	return l, err
}

// match answers about one active group; answers are remembered.
func (l *shopper) match(g *Group) (Match, error) {
	if m, ok := l.asked[g.ID]; ok {
		return m, nil
	}
	if b := l.reg.broken(g); b != nil {
		return Match{}, b
	}
	m, err := l.ask(g)
	if err == nil {
		l.asked[g.ID] = m
	}
	return m, err
}

func (l *shopper) ask(g *Group) (Match, error) {
	m := Match{AsOf: l.s.liveAsOf(l.now), Freshness: g.freshness(nil)}
	if !g.inEffect(l.now) {
		m.Cause = Cause{Why: ByDates}
		return m, nil
	}
	if hand, ok := l.hands[g.ID]; ok {
		m.In, m.Cause = hand.Mark != Out, hand.cause()
		return m, nil
	}
	if g.Kind != Dynamic {
		return m, nil
	}
	p, wrong := l.s.rules.plan(g.Rule, g.Scope)
	if p == nil {
		return m, wrong
	}
	env := eval.Env{AsOf: m.AsOf, Zone: l.s.cfg.Zone, Groups: l, Cuts: g.Cuts}
	if !eval.Exists(l.customer, p.Scope, env) {
		return m, nil
	}
	var err error
	if m.In, err = eval.Eval(p, l.customer, env); err != nil {
		return m, fmt.Errorf("segment: group %q: %w", g.Name, err)
	}
	if m.In {
		m.Cause = Cause{Why: ByRule}
	}
	if len(g.Cuts) > 0 {
		m.CutsAsOf = g.AsOf
	}
	return m, nil
}

// Contains implements eval.Memberships for the rules that are asked.
func (l *shopper) Contains(name string, _ dangol.CustomerID) (bool, error) {
	g, ok := l.reg.byName[name]
	if !ok {
		return false, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	if err := live(g); err != nil {
		return false, err
	}
	m, err := l.match(g)
	return m.In, err
}

// For is one group that a customer belongs to for some purpose.
type For struct {
	Group string // id
	Cause Cause
}

// GroupsFor lists the groups that a customer or guest belongs to right now and
// that may serve a purpose in a store, ordered by id. For prices (catalog price
// rule, tier price) only groups whose pricing is on in that store count. Groups
// that cannot be asked, such as broken ones, are left out and told by the error,
// which comes with the list of the others: a till can go on selling.
func (s *Service) GroupsFor(ctx context.Context, id dangol.CustomerID, purpose Purpose, store string) ([]For, error) {
	if err := s.allow(ctx, Use, ""); err != nil {
		return nil, err
	}
	if purpose.allowedTo(Dynamic) != nil && purpose.allowedTo(Static) != nil {
		return nil, invalid("no purpose is called %q", purpose)
	}
	live, err := s.live(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []For
	var wrong []error
	for _, g := range live.reg.serving(purpose) {
		if purpose.priced() && !g.pricedIn(store) {
			continue
		}
		m, err := live.match(g)
		if err != nil {
			wrong = append(wrong, err)
		} else if m.In {
			out = append(out, For{g.ID, m.Cause})
		}
	}
	return out, errors.Join(wrong...)
}

// GroupPricing tells whether members of a group get its prices in a store now: the
// group is in effect, and its pricing flag is on or switched on for that store.
func (s *Service) GroupPricing(ctx context.Context, group, store string) (bool, error) {
	if err := s.allow(ctx, Use, group); err != nil {
		return false, err
	}
	g, err := s.usable(ctx, group)
	if err != nil {
		return false, err
	}
	return g.pricedIn(store) && g.inEffect(s.now()), nil
}

func (g *Group) pricedIn(store string) bool {
	if own, ok := g.PricingIn[store]; ok {
		return own
	}
	return g.Pricing
}

// Login ends the memberships of a guest who signed in, with that reason, in every
// group and at once; pins and list entries of the guest end too. The host lets the
// guest's events and cart join the member's by a store.Merge of the data. Calling
// it again does nothing.
func (s *Service) Login(ctx context.Context, guest, member dangol.CustomerID) error {
	if err := s.allow(ctx, Operate, ""); err != nil {
		return err
	}
	if guest == member || guest == "" || member == "" {
		return invalid("a login joins a guest and a member")
	}
	now := s.now()
	return s.state.Update(ctx, func(tx Tx) error {
		open, err := tx.Memberships(MembershipQuery{Customer: guest, Open: true})
		if err != nil {
			return err
		}
		for _, m := range open {
			g, err := tx.Group(m.Group)
			if err != nil {
				return err
			}
			if err := tx.SetEntries(g.ID, []Entry{{Customer: guest}}); err != nil {
				return err
			}
			left := []Turn{{guest, Cause{Why: ByLogin, Note: string(member)}}}
			if err := s.turn(tx, g, nil, left, causeLogin, now, ""); err != nil {
				return err
			}
		}
		if len(open) == 0 {
			return nil
		}
		return tx.Append(s.act(ctx, Operate, "", "login", fmt.Sprintf("a guest became a member, %d groups left", len(open))))
	})
}
