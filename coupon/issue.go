package coupon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
)

// Issue gives a coupon to one customer.
type Issue struct {
	// Key names this gift for ever, such as "campaign-7/2026-11-21/customer-5": the
	// same issue again is the same grant.
	Key        string
	Definition string
	Customer   dangol.CustomerID
	Campaign   string // for results. Defaults to the definition's
	Group      string // for results
}

// Issue puts a coupon into a customer's wallet and gives it a code. It returns a
// *RefusedError when the definition's stops, end, audience or IssueLimits say no;
// a refused key stays free. It returns ErrKeyReused, ErrNotFound, ErrCodeSpace, or
// ErrRequest for a promotion.
func (s *Service) Issue(ctx context.Context, i Issue) (Grant, error) {
	if err := errors.Join(checkKey("the key", i.Key), checkKey("the customer", string(i.Customer)), checkLabels(i.Campaign, i.Group)); err != nil {
		return Grant{}, err
	}
	groups, err := s.askFor(ctx, i.Definition, i.Customer)
	if err != nil {
		return Grant{}, err
	}
	now := s.now()
	var out Grant
	err = s.update(ctx, func(tx Tx) error {
		prior, err := tx.Grant(ctx, GrantRef{Key: i.Key})
		if err == nil {
			if prior.Definition != i.Definition || prior.Customer != i.Customer {
				return ErrKeyReused
			}
			out = prior
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		d, err := s.allowIssue(ctx, tx, i.Definition, i.Customer, groups, now, Refusal{Definition: i.Definition})
		if err != nil {
			return err
		}
		g := Grant{
			Definition: d.ID, Version: d.Version, Customer: i.Customer, Key: i.Key, Campaign: i.Campaign, Group: i.Group,
			Issued: now,
		}
		if g.Campaign == "" {
			g.Campaign = d.Campaign
		}
		if err := setSpan(&g, d); err != nil {
			return err
		}
		if err := s.name(ctx, tx, &g, 1); err != nil {
			return err
		}
		out = g
		return tx.InsertGrants(ctx, []Grant{g})
	})
	if err != nil {
		return Grant{}, err
	}
	out.Rev = 0
	return out, nil
}

// askFor asks the groups of a definition about a customer, in no transaction.
func (s *Service) askFor(ctx context.Context, definition string, customer dangol.CustomerID) (groupAnswers, error) {
	d, err := s.Definition(ctx, definition, 0)
	if err != nil {
		return nil, err
	}
	return s.askGroups(ctx, Request{Customer: customer}, []*candidate{{now: d}})
}

// allowIssue takes the issue limits for a customer, or refuses with every reason.
func (s *Service) allowIssue(ctx context.Context, tx Tx, definition string, customer dangol.CustomerID, groups groupAnswers, now time.Time, what Refusal) (Definition, error) {
	d, err := tx.Definition(ctx, definition, 0)
	if err != nil {
		return d, err
	}
	if d.Kind == KindPromotion {
		return d, requestError("%s is a promotion, which is not issued", d.ID)
	}
	if d.Stops.Issuing {
		what.Reasons = append(what.Reasons, ReasonStopped)
	}
	if !d.Validity.Until.IsZero() && !now.Before(d.Validity.Until) {
		what.Reasons = append(what.Reasons, ReasonExpired)
	}
	if len(d.Audience) > 0 {
		if r := groups.reason(d); r != "" {
			what.Reasons = append(what.Reasons, r)
		}
	}
	loc, err := d.location()
	if err != nil {
		return d, err
	}
	ts := takes(d.ID, ScopeIssue, d.IssueLimits, customer, now, loc, Count{Uses: 1})
	full, err := takeAll(ctx, tx, ts)
	if err != nil {
		return d, err
	}
	if full != nil {
		what.Reasons = append(what.Reasons, full.reason)
	} else if len(what.Reasons) > 0 {
		if err := giveAll(ctx, tx, ts); err != nil {
			return d, err
		}
	}
	if len(what.Reasons) > 0 {
		what.Reasons = sortReasons(what.Reasons)
		return d, &RefusedError{[]Refusal{what}}
	}
	return d, nil
}

// setSpan fixes when a grant that is its owner's from Issued on can be used.
func setSpan(g *Grant, d Definition) error {
	loc, err := d.location()
	if err != nil {
		return err
	}
	g.Starts, g.Expires = d.Validity.span(g.Issued, loc)
	g.Starts, g.Expires = instant(g.Starts), instant(g.Expires)
	return nil
}

// name gives a grant its ID and code, one of so many that are being made.
func (s *Service) name(ctx context.Context, tx Tx, g *Grant, making int64) error {
	// Beyond 2^32 codes nothing but a count could tell; below, only short ones can fail.
	if 5*s.config.CodeSymbols < guessBits+32 {
		live, err := tx.CountGrants(ctx)
		if err != nil {
			return err
		}
		if err := codeSpace(s.config.CodeSymbols, live+making); err != nil {
			return err
		}
	}
	return s.draw(g, g.Issued)
}

// draw names a grant; IDs sort by the given time.
func (s *Service) draw(g *Grant, made time.Time) (err error) {
	if g.ID, err = grantID(s.random, made); err != nil {
		return err
	}
	g.Code, err = newCode(s.random, s.config.CodeSymbols)
	return err
}

// Claim makes a single code the customer's. Claiming one's own is no error, so a
// repeated claim has the same answer. It returns a *RefusedError, or
// ErrTooManyLookups.
func (s *Service) Claim(ctx context.Context, code string, customer dangol.CustomerID) (Grant, error) {
	if err := checkKey("the customer", string(customer)); err != nil {
		return Grant{}, err
	}
	if err := s.allowLookup(ctx, string(customer)); err != nil {
		return Grant{}, err
	}
	by := GrantRef{Code: NormalizeCode(code)}
	refused := func(r ...Reason) error { return &RefusedError{[]Refusal{{Code: code, Reasons: r}}} }
	unknown := refused(ReasonUnknown)
	if mistyped(by.Code, s.config.CodeSymbols) {
		unknown = refused(ReasonUnknown, ReasonMistyped)
	}
	var g Grant
	err := s.store.View(ctx, func(tx Tx) (err error) {
		if by.Code == "" {
			return ErrNotFound
		}
		g, err = tx.Grant(ctx, by)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		if err := s.missed(ctx, string(customer), 1); err != nil {
			return Grant{}, err
		}
		return Grant{}, unknown
	}
	if err != nil {
		return Grant{}, err
	}
	groups, err := s.askFor(ctx, g.Definition, customer)
	if err != nil {
		return Grant{}, err
	}
	now := s.now()
	err = s.update(ctx, func(tx Tx) (err error) {
		if g, err = tx.Grant(ctx, by); err != nil {
			return err
		}
		switch {
		case g.Shared:
			return requestError("a shared code is used, not claimed")
		case g.Customer == customer:
			return nil
		case g.Customer != "":
			return &RefusedError{[]Refusal{{Code: code, Grant: g.ID, Definition: g.Definition, Reasons: []Reason{ReasonNotYours}}}}
		}
		what := Refusal{Code: code, Grant: g.ID, Definition: g.Definition}
		if !g.Used.IsZero() {
			what.Reasons = append(what.Reasons, ReasonUsed)
		}
		if !g.Revoked.IsZero() {
			what.Reasons = append(what.Reasons, ReasonRevoked)
		}
		if g.expired(now) {
			what.Reasons = append(what.Reasons, ReasonExpired)
		}
		if _, err := s.allowIssue(ctx, tx, g.Definition, customer, groups, now, what); err != nil {
			return err
		}
		d, err := tx.Definition(ctx, g.Definition, g.Version)
		if err != nil {
			return err
		}
		g.Customer, g.Issued = customer, now
		if err := setSpan(&g, d); err != nil {
			return err
		}
		return tx.ReplaceGrant(ctx, g)
	})
	if err != nil {
		return Grant{}, err
	}
	g.Rev = 0
	return g, nil
}

// Revoke takes a coupon or shared code back: nobody can reserve it any more. What
// is reserved may still be committed. Revoking again changes nothing.
func (s *Service) Revoke(ctx context.Context, grant string) (Grant, error) {
	now := s.now()
	var g Grant
	err := s.update(ctx, func(tx Tx) (err error) {
		if g, err = tx.Grant(ctx, GrantRef{ID: grant}); err != nil || !g.Revoked.IsZero() {
			return err
		}
		g.Revoked = now
		return tx.ReplaceGrant(ctx, g)
	})
	if err != nil {
		return Grant{}, err
	}
	g.Rev = 0
	return g, nil
}

// SharedCode is a code that the shop chooses and many use, such as SUMMER26.
type SharedCode struct {
	Code       string
	Definition string
	Campaign   string // for results. Defaults to the definition's
}

// AddSharedCode stores a shared code. Adding it again changes nothing; a code that
// already stands for something else is ErrKeyReused.
func (s *Service) AddSharedCode(ctx context.Context, c SharedCode) (Grant, error) {
	code := NormalizeCode(c.Code)
	if code == "" {
		return Grant{}, requestError("a code needs 1 to %d letters and digits", maxCodeRunes)
	}
	if err := checkLabels(c.Campaign); err != nil {
		return Grant{}, err
	}
	now := s.now()
	var out Grant
	err := s.update(ctx, func(tx Tx) error {
		g, err := tx.Grant(ctx, GrantRef{Code: code})
		if err == nil {
			if !g.Shared || g.Definition != c.Definition {
				return ErrKeyReused
			}
			out = g
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		d, err := tx.Definition(ctx, c.Definition, 0)
		if err != nil {
			return err
		}
		if d.Kind == KindPromotion {
			return requestError("%s is a promotion, which has no codes", d.ID)
		}
		g = Grant{Definition: d.ID, Version: d.Version, Shared: true, Campaign: c.Campaign, Issued: now}
		if g.Campaign == "" {
			g.Campaign = d.Campaign
		}
		if err := setSpan(&g, d); err != nil {
			return err
		}
		if g.ID, err = grantID(s.random, g.Issued); err != nil {
			return err
		}
		g.Code = code
		out = g
		return tx.InsertGrants(ctx, []Grant{g})
	})
	if err != nil {
		return Grant{}, err
	}
	out.Rev = 0
	return out, nil
}

// IssueEntered gives the coupons whose Automatic.Group is the group to customers
// who entered it with a membership version. The same call again gives nothing
// twice. Customers whom a definition refuses are passed over. It tells how many
// grants there are now.
func (s *Service) IssueEntered(ctx context.Context, group string, version int64, entered iter.Seq[dangol.CustomerID]) (int, error) {
	ds, err := s.Definitions(ctx, DefinitionQuery{Automatic: Automatic{Group: group}})
	if err != nil {
		return 0, err
	}
	n := 0
	for id := range entered {
		for _, d := range ds {
			ok, err := s.issueUnlessRefused(ctx, Issue{
				Key:        autoKey("entered", d.ID, group, fmt.Sprint(version), string(id)),
				Definition: d.ID, Customer: id, Group: group,
			})
			if err != nil {
				return n, err
			}
			if ok {
				n++
			}
		}
	}
	return n, nil
}

// IssueOn gives the coupons whose Automatic.Event is the event to a customer. The
// occurrence names what happened, such as a member's birthday "2026-11-21", so
// that it gives once. Definitions that refuse are passed over.
func (s *Service) IssueOn(ctx context.Context, event, occurrence string, customer dangol.CustomerID) (int, error) {
	ds, err := s.Definitions(ctx, DefinitionQuery{Automatic: Automatic{Event: event}})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, d := range ds {
		ok, err := s.issueUnlessRefused(ctx, Issue{
			Key:        autoKey("event", d.ID, event, occurrence, string(customer)),
			Definition: d.ID, Customer: customer,
		})
		if err != nil {
			return n, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

func (s *Service) issueUnlessRefused(ctx context.Context, i Issue) (bool, error) {
	_, err := s.Issue(ctx, i)
	if _, refused := Refused(err); refused {
		return false, nil
	}
	return err == nil, err
}

// Wallet lists a customer's coupons by ID.
func (s *Service) Wallet(ctx context.Context, customer dangol.CustomerID) ([]Grant, error) {
	if err := checkKey("the customer", string(customer)); err != nil {
		return nil, err
	}
	var out []Grant
	for g, err := range s.Grants(ctx, GrantQuery{Customer: customer}) {
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return slices.Clip(out), nil
}

// Expiring walks unused coupons of customers that expire within [from, to), for
// reminders.
func (s *Service) Expiring(ctx context.Context, from, to time.Time) iter.Seq2[Grant, error] {
	return s.Grants(ctx, GrantQuery{ExpiresFrom: instant(from), ExpiresBefore: instant(to), Unused: true, Owned: true})
}

// Grants walks grants by ID in pages of bounded memory; q.Limit bounds all of
// them. Grants made meanwhile may or may not be met. The walk ends with the first
// error.
func (s *Service) Grants(ctx context.Context, q GrantQuery) iter.Seq2[Grant, error] {
	return func(yield func(Grant, error) bool) {
		rest := q.Limit
		for {
			q.Limit = page
			if rest > 0 {
				q.Limit = min(page, rest)
			}
			var gs []Grant
			err := s.store.View(ctx, func(tx Tx) (err error) {
				gs, err = tx.FindGrants(ctx, q)
				return err
			})
			if err != nil {
				yield(Grant{}, err)
				return
			}
			for _, g := range gs {
				if !yield(g, nil) {
					return
				}
			}
			if len(gs) < q.Limit || rest > 0 && rest == len(gs) {
				return
			}
			if rest > 0 {
				rest -= len(gs)
			}
			q.After = gs[len(gs)-1].ID
		}
	}
}
