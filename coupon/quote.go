package coupon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
)

// Request asks what coupons do to a cart.
type Request struct {
	Customer dangol.CustomerID // empty: a guest
	Cart     Cart
	Codes    []string // as the customer typed them; at most 100 with Grants
	Grants   []string // IDs from the customer's wallet

	// At is the moment by which validity and periods are judged, for tills that
	// were offline. Defaults to now.
	At time.Time
	// Client names who is asking, such as an address or a session, to limit
	// failed look-ups of codes. It does not belong to the request that a key
	// names, neither does At.
	Client string
}

// maxNamed is how many coupons one request names: more than any wallet shows.
const maxNamed = 100

// check validates the request and returns the bases of its cart.
func (r Request) check() ([]int64, error) {
	if len(r.Customer) > maxKeyBytes {
		return nil, requestError("the customer must have at most %d bytes", maxKeyBytes)
	}
	if len(r.Codes)+len(r.Grants) > maxNamed {
		return nil, requestError("a request names at most %d coupons", maxNamed)
	}
	return r.Cart.bases()
}

// fingerprint tells requests apart. The order of codes and grants is no difference.
func (r Request) fingerprint() (string, error) {
	codes := make([]string, len(r.Codes))
	for i, c := range r.Codes {
		codes[i] = NormalizeCode(c)
	}
	slices.Sort(codes)
	r.Codes, r.Grants = codes, slices.Sorted(slices.Values(r.Grants))
	r.At, r.Client = time.Time{}, ""
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("coupon: fingerprint: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// Quote is what coupons do to a cart, and why.
type Quote struct {
	Currency  dangol.Currency
	Discount  int64      // of all that applies
	Lines     []PaidLine // the cart's lines in order, then shipping
	Decisions []Decision // every coupon and promotion considered: those named first, in their order
}

// Paid is what remains to pay.
func (q Quote) Paid() (sum int64) {
	for _, l := range q.Lines {
		sum += l.After()
	}
	return sum
}

// Outcome is what became of a coupon in a quote.
type Outcome string

const (
	Applied   Outcome = "applied"
	LostTo    Outcome = "lost-to"    // By is the better one of the same group or definition
	BlockedBy Outcome = "blocked-by" // By stands alone, or takes the last place
	NoEffect  Outcome = "no-effect"  // it would take nothing off, so it is not consumed
	NotUsable Outcome = "refused"    // for Reasons
)

// Decision explains one coupon or promotion.
type Decision struct {
	Definition string // empty when the code is unknown
	Version    int64
	Name       string
	Promotion  bool
	Grant      string
	Code       string // as the caller wrote it
	Outcome    Outcome
	By         string   // the definition it lost to or is blocked by
	Reasons    []Reason // why it is refused: all that apply
	Discount   int64
	Shares     []Share
}

// candidate is a coupon or promotion that a request brings, with what is known of
// it before the cart's money is looked at.
type candidate struct {
	terms  Definition // what it takes off
	now    Definition // the newest version: limits and audience
	grant  Grant      // zero for a promotion
	code   string     // as typed
	reason []Reason
	room   int64 // how much more its budgets give
}

func (c *candidate) refuse(r Reason) { c.reason = append(c.reason, r) }

// Quote tells what the named coupons and all promotions do to a cart. It changes
// nothing and promises nothing: a limit may be used up before Reserve.
//
// It returns ErrCart for a cart that makes no sense, ErrRequest and
// ErrTooManyLookups; a coupon that cannot be used is no error but a Decision.
func (s *Service) Quote(ctx context.Context, req Request) (Quote, error) {
	bases, err := req.check()
	if err != nil {
		return Quote{}, err
	}
	now := s.now()
	found, groups, err := s.look(ctx, req, now)
	if err != nil {
		return Quote{}, err
	}
	judge(found, req, groups)
	err = s.store.View(ctx, func(tx Tx) error { return s.fillRoom(ctx, tx, found, req, now, true) })
	if err != nil {
		return Quote{}, err
	}
	return evaluate(req.Cart, bases, found, s.config.MaxCoupons), nil
}

// look finds the candidates and asks the groups they need, in no transaction of
// the service's own.
func (s *Service) look(ctx context.Context, req Request, now time.Time) ([]*candidate, groupAnswers, error) {
	if len(req.Codes) > 0 {
		if err := s.allowLookup(ctx, req.Client); err != nil {
			return nil, nil, err
		}
	}
	var found []*candidate
	err := s.store.View(ctx, func(tx Tx) (err error) {
		found, err = s.gather(ctx, tx, req, at(req, now))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := s.missed(ctx, req.Client, misses(found)); err != nil {
		return nil, nil, err
	}
	groups, err := s.askGroups(ctx, req, found)
	return found, groups, err
}

func at(req Request, now time.Time) time.Time {
	if req.At.IsZero() {
		return now
	}
	return instant(req.At)
}

// gather reads the coupons that the request names and all promotions, and judges
// what needs no group and no counter.
func (s *Service) gather(ctx context.Context, tx Tx, req Request, at time.Time) ([]*candidate, error) {
	var out []*candidate
	seen := map[string]bool{}
	named := func(c *candidate, by GrantRef) error {
		if by == (GrantRef{}) {
			c.refuse(ReasonUnknown)
			out = append(out, c)
			return nil
		}
		g, err := tx.Grant(ctx, by)
		switch {
		case errors.Is(err, ErrNotFound):
			c.refuse(ReasonUnknown)
			if mistyped(by.Code, s.config.CodeSymbols) {
				c.refuse(ReasonMistyped)
			}
		case err != nil:
			return err
		case seen[g.ID]:
			return nil
		default:
			seen[g.ID] = true
			c.grant = g
			if err := s.terms(ctx, tx, c, at); err != nil {
				return err
			}
		}
		out = append(out, c)
		return nil
	}
	for _, code := range req.Codes {
		if err := named(&candidate{code: code}, GrantRef{Code: NormalizeCode(code)}); err != nil {
			return nil, err
		}
	}
	for _, id := range req.Grants {
		if err := named(&candidate{grant: Grant{ID: id}}, GrantRef{ID: id}); err != nil {
			return nil, err
		}
	}
	promotions, err := tx.FindDefinitions(ctx, DefinitionQuery{Kind: KindPromotion})
	if err != nil {
		return nil, err
	}
	for _, now := range promotions {
		c := &candidate{terms: now, now: now}
		if now.Stops.Using {
			c.refuse(ReasonStopped)
		}
		if at.Before(now.Validity.From) {
			c.refuse(ReasonNotStarted)
		}
		if !now.Validity.Until.IsZero() && !at.Before(now.Validity.Until) {
			c.refuse(ReasonExpired)
		}
		out = append(out, c)
	}
	return out, nil
}

// terms reads a grant's definition and judges the grant's time and stops.
func (s *Service) terms(ctx context.Context, tx Tx, c *candidate, at time.Time) error {
	now, err := tx.Definition(ctx, c.grant.Definition, 0)
	if err != nil {
		return err
	}
	c.now, c.terms = now, now
	if !c.grant.Shared && c.grant.Version != now.Version {
		if c.terms, err = tx.Definition(ctx, c.grant.Definition, c.grant.Version); err != nil {
			return err
		}
	}
	if now.Stops.Using {
		c.refuse(ReasonStopped)
	}
	if !c.grant.Used.IsZero() {
		c.refuse(ReasonUsed)
	}
	if !c.grant.Revoked.IsZero() {
		c.refuse(ReasonRevoked)
	}
	start, end := c.grant.Starts, c.grant.Expires
	if c.grant.Shared {
		loc, err := now.location()
		if err != nil {
			return err
		}
		start, end = now.Validity.span(c.grant.Issued, loc)
	}
	if at.Before(start) {
		c.refuse(ReasonNotStarted)
	}
	if !end.IsZero() && !at.Before(end) {
		c.refuse(ReasonExpired)
	}
	return nil
}

// judge adds the reasons that come from the customer, the place and the groups.
func judge(found []*candidate, req Request, groups groupAnswers) {
	for _, c := range found {
		if c.now.ID == "" {
			continue // unknown
		}
		if c.grant.Customer != "" && c.grant.Customer != req.Customer {
			c.refuse(ReasonNotYours)
		}
		if req.Customer == "" && slices.ContainsFunc(c.now.Limits, func(l Limit) bool { return l.Customer }) {
			c.refuse(ReasonNoCustomer)
		}
		if c.terms.Currency != req.Cart.Currency {
			c.refuse(ReasonCurrency)
		}
		if len(c.terms.Channels) > 0 && !slices.Contains(c.terms.Channels, req.Cart.Channel) {
			c.refuse(ReasonChannel)
		}
		if len(c.terms.Stores) > 0 && !slices.Contains(c.terms.Stores, req.Cart.Store) {
			c.refuse(ReasonStore)
		}
		if c.needsAudience() {
			if r := groups.reason(c.now); r != "" {
				c.refuse(r)
			}
		}
	}
}

// needsAudience: a grant that has an owner was checked when it became theirs.
func (c *candidate) needsAudience() bool { return len(c.now.Audience) > 0 && c.grant.Customer == "" }

// fillRoom reads how much the limits leave. A quote counts reservations whose time
// is over as given back, which Reserve then does.
func (s *Service) fillRoom(ctx context.Context, tx Tx, found []*candidate, req Request, now time.Time, forgiving bool) error {
	type mark struct{ c, from, to int }
	var scopes []Scope
	var all []take
	var marks []mark
	for i, c := range found {
		c.room = maxMoney
		if c.now.ID == "" {
			continue
		}
		ts, err := useTakes(c.now, c.grant.ID, c.grant.Shared, req.Customer, at(req, now), 0)
		if err != nil {
			return err
		}
		marks = append(marks, mark{i, len(all), len(all) + len(ts)})
		all = append(all, ts...)
	}
	for _, t := range all {
		scopes = append(scopes, t.scope)
	}
	if len(scopes) == 0 {
		return nil
	}
	counts, err := tx.Counts(ctx, scopes)
	if err != nil {
		return err
	}
	for _, m := range marks {
		c := found[m.c]
		full := func() (rs []Reason) {
			c.room = maxMoney
			for i := m.from; i < m.to; i++ {
				use, money := all[i].left(counts[i])
				if !use {
					rs = append(rs, all[i].reason)
				}
				if c.room = min(c.room, money); money == 0 {
					rs = append(rs, ReasonBudget)
				}
			}
			return rs
		}
		rs := full()
		if len(rs) > 0 && forgiving {
			overdue, err := s.overdueCounts(ctx, tx, c.now, now)
			if err != nil {
				return err
			}
			for i := m.from; i < m.to; i++ {
				back := overdue[all[i].scope]
				counts[i].Uses -= back.Uses
				counts[i].Amount -= back.Amount
			}
			rs = full()
		}
		c.reason = append(c.reason, rs...)
	}
	return nil
}

// overdueCounts is what reservations that are past their time still hold of a
// definition's counters.
func (s *Service) overdueCounts(ctx context.Context, tx Tx, d Definition, now time.Time) (map[Scope]Count, error) {
	keys, err := tx.Overdue(ctx, d.ID, now, page)
	if err != nil {
		return nil, err
	}
	counts := map[Scope]Count{}
	for _, key := range keys {
		r, err := tx.Redemption(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, u := range r.Uses {
			if u.Definition == d.ID {
				ts, err := useTakes(d, u.Grant, u.Shared, r.Customer, r.At, u.Discount)
				if err != nil {
					return nil, err
				}
				add(counts, ts)
			}
		}
	}
	return counts, nil
}
