package coupon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Reserve takes the coupons that Quote would apply, for Config.Hold. The key names
// this attempt to pay for ever, such as "order-17/1": the same call again answers
// what the first one did and takes nothing more, also when the first was refused;
// another request under the key is ErrKeyReused.
//
// A *RefusedError means that a coupon which the request names cannot be used, and
// nothing was taken. A named coupon that only loses to a better one or would take
// nothing off is not taken and no error. What the customer pays stands in the
// answer; compare it with what they were shown.
func (s *Service) Reserve(ctx context.Context, key string, req Request) (Redemption, error) {
	if err := checkKey("the key", key); err != nil {
		return Redemption{}, err
	}
	bases, err := req.check()
	if err != nil {
		return Redemption{}, err
	}
	print, err := req.fingerprint()
	if err != nil {
		return Redemption{}, err
	}
	now := s.now()
	// Where the last request asked no group this one is reserved without a look before.
	// The lookup guard wants the look, which counts codes that do not exist.
	if s.config.Lookups == nil && !s.asks.Load() {
		r, err := s.reserveOnce(ctx, key, req, bases, print, nil, now)
		if !errors.Is(err, errUnasked) {
			return r, err
		}
	}
	if prior, err := s.Redemption(ctx, key); err == nil {
		return firstAnswer(prior, print)
	} else if !errors.Is(err, ErrNotFound) {
		return Redemption{}, err
	}
	_, groups, err := s.look(ctx, req, now)
	if err != nil {
		return Redemption{}, err
	}
	s.asks.Store(len(groups) > 0)
	return s.reserveOnce(ctx, key, req, bases, print, groups, now)
}

// errUnasked is returned when groups decide that were not asked.
var errUnasked = errors.New("coupon: groups are to be asked")

// reserveOnce reserves in one transaction. Without answers of groups it returns
// errUnasked, having written nothing, when a coupon needs one.
func (s *Service) reserveOnce(ctx context.Context, key string, req Request, bases []int64, print string, groups groupAnswers, now time.Time) (Redemption, error) {
	var out Redemption
	var refused error
	err := s.update(ctx, func(tx Tx) error {
		prior, err := tx.Redemption(ctx, key)
		if err == nil {
			out, refused = firstAnswer(prior, print)
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		r := Redemption{
			Key: key, State: StateReserved, Customer: req.Customer, Currency: req.Cart.Currency,
			At: at(req, now), Reserved: now, Expires: now.Add(s.config.Hold), Request: print,
		}
		out, refused = Redemption{}, nil
		if r, err = s.reserve(ctx, tx, r, req, bases, groups, now); err != nil {
			return err
		}
		out, refused = firstAnswer(r, print)
		return nil
	})
	if err != nil {
		return Redemption{}, err
	}
	return out, refused
}

// firstAnswer repeats what Reserve said when the key was new.
func firstAnswer(r Redemption, print string) (Redemption, error) {
	if r.Request != print {
		return Redemption{}, ErrKeyReused
	}
	if r.State == StateRefused {
		return Redemption{}, &RefusedError{r.Refusals}
	}
	return r.asReserved(), nil
}

// reserve takes the counters of the uses that apply, all or none, and stores the
// redemption, reserved or refused. When a limit is full it first gives back, once,
// what is past its time. Counters may fill between reading and taking, so it looks
// again before it believes that one is full.
func (s *Service) reserve(ctx context.Context, tx Tx, r Redemption, req Request, bases []int64, groups groupAnswers, now time.Time) (Redemption, error) {
	const tries = 3
	swept := false
	full := map[string]Reason{} // definitions with a counter that could not be taken
	for n := 1; n <= tries; n++ {
		found, err := s.gather(ctx, tx, req, r.At)
		if err != nil {
			return r, err
		}
		if groups == nil && slices.ContainsFunc(found, (*candidate).needsAudience) {
			return r, errUnasked
		}
		judge(found, req, groups)
		if err := s.fillRoom(ctx, tx, found, req, now, false); err != nil {
			return r, err
		}
		if limited := limitedDefinitions(found, full); len(limited) > 0 && !swept {
			swept = true
			lapsed, err := s.lapseOf(ctx, tx, limited, now)
			if err != nil {
				return r, err
			}
			if lapsed > 0 {
				n, full = 0, map[string]Reason{} // all may have changed
				continue
			}
		}
		if n == tries {
			believe(found, full)
		}
		ts, err := r.fill(evaluate(req.Cart, bases, found, s.config.MaxCoupons), found)
		if err != nil {
			return r, err
		}
		if r.State == StateRefused {
			return r, insert(ctx, tx, r)
		}
		blocked, err := takeAll(ctx, tx, ts)
		if err != nil {
			return r, err
		}
		if blocked == nil {
			if err := insert(ctx, tx, r); err != nil {
				return r, err
			}
			return r, tx.AppendLedger(ctx, r.entries(EventReserve, now))
		}
		if full[blocked.scope.Definition], err = blocked.why(ctx, tx); err != nil {
			return r, err
		}
	}
	return r, ErrConflict // one limit after the other filled meanwhile; start again
}

// fill makes the redemption what the quote says, and lists the counters to take.
func (r *Redemption) fill(q Quote, found []*candidate) (ts []take, err error) {
	r.Discount, r.Lines, r.Uses, r.Refusals = q.Discount, q.Lines, nil, nil
	for i, d := range q.Decisions {
		c := found[i]
		switch {
		case d.Outcome == NotUsable && !d.Promotion:
			r.Refusals = append(r.Refusals, Refusal{d.Code, d.Grant, d.Definition, d.Reasons})
		case d.Outcome == Applied:
			r.Uses = append(r.Uses, Use{
				Definition: d.Definition, Version: d.Version, Name: d.Name, Grant: d.Grant, Shared: c.grant.Shared,
				Campaign: c.campaign(), Group: c.grant.Group, Discount: d.Discount, Shares: d.Shares,
			})
			more, err := useTakes(c.now, d.Grant, c.grant.Shared, r.Customer, r.At, d.Discount)
			if err != nil {
				return nil, err
			}
			ts = append(ts, more...)
		}
	}
	if len(r.Refusals) > 0 {
		r.State, r.Uses, r.Discount, r.Lines, r.Expires = StateRefused, nil, 0, nil, time.Time{}
	}
	sortTakes(ts)
	return ts, nil
}

// insert stores a new redemption. A key that somebody else has just taken is a
// conflict: the transaction runs again and finds their answer.
func insert(ctx context.Context, tx Tx, r Redemption) error {
	fresh, err := tx.InsertRedemption(ctx, r)
	if err == nil && !fresh {
		return ErrConflict
	}
	return err
}

func (c *candidate) campaign() string {
	if c.grant.Campaign != "" {
		return c.grant.Campaign
	}
	return c.terms.Campaign
}

// limitedDefinitions are those that a limit keeps from being used, in order.
func limitedDefinitions(found []*candidate, full map[string]Reason) []string {
	ids := slices.Collect(maps.Keys(full))
	for _, c := range found {
		if slices.ContainsFunc(c.reason, func(r Reason) bool {
			return r == ReasonLimitTotal || r == ReasonLimitCustomer || r == ReasonLimitPeriod || r == ReasonBudget || r == ReasonUsed
		}) {
			ids = append(ids, c.now.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// believe refuses what could not be taken.
func believe(found []*candidate, full map[string]Reason) {
	for _, c := range found {
		if r, ok := full[c.now.ID]; ok {
			c.refuse(r)
		}
	}
}

// entries are what an event does to all uses.
func (r Redemption) entries(e Event, at time.Time) (es []Entry) {
	for _, u := range r.Uses {
		es = append(es, r.entry(u, e, at))
	}
	return es
}

func (r Redemption) entry(u Use, e Event, at time.Time) Entry {
	return Entry{
		Key: r.Key, Event: e, At: at, Counted: r.At, Definition: u.Definition, Version: u.Version, Grant: u.Grant,
		Shared: u.Shared, Customer: r.Customer, Campaign: u.Campaign, Group: u.Group, Order: r.Order, Discount: u.Discount,
	}
}

// Redemption reads what a key stands for and what became of it.
func (s *Service) Redemption(ctx context.Context, key string) (r Redemption, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		r, err = tx.Redemption(ctx, key)
		return err
	})
	return r, err
}

// Commit gives the reserved uses to an order. The same call again has the same
// answer; another order is ErrKeyReused. A reservation whose time is over is
// committed if nobody has taken its uses since; else the answer is a
// *RefusedError, for good. It returns ErrNotFound, or ErrReleased.
func (s *Service) Commit(ctx context.Context, key, order string) (Redemption, error) {
	if err := checkKey("the order", order); err != nil {
		return Redemption{}, err
	}
	now := s.now()
	var out Redemption
	var refused error
	err := s.update(ctx, func(tx Tx) error {
		refused = nil
		r, err := tx.Redemption(ctx, key)
		if err != nil {
			return err
		}
		var entries []Entry
		switch r.State {
		case StateCommitted:
			if r.Order != order {
				return ErrKeyReused
			}
			out = r.asCommitted()
			return nil
		case StateReleased:
			return ErrReleased
		case StateRefused:
			out, refused = Redemption{}, &RefusedError{r.Refusals}
			return nil
		case StateLapsed:
			if len(r.Refusals) == 0 {
				if r.Refusals, err = s.retake(ctx, tx, r, now); err != nil {
					return err
				}
				if len(r.Refusals) > 0 {
					if err := tx.ReplaceRedemption(ctx, r); err != nil {
						return err
					}
				}
			}
			if len(r.Refusals) > 0 {
				out, refused = Redemption{}, &RefusedError{r.Refusals}
				return nil
			}
			entries = r.entries(EventRetake, now)
		}
		r.State, r.Order, r.Committed, r.Ended = StateCommitted, order, now, time.Time{}
		if err := tx.ReplaceRedemption(ctx, r); err != nil {
			return err
		}
		for _, u := range r.Uses {
			e := r.entry(u, EventCommit, now)
			e.Paid = r.Paid()
			entries = append(entries, e)
			if u.Grant != "" && !u.Shared {
				if err := tx.SetUsed(ctx, u.Grant, now, order, u.Discount); err != nil {
					return err
				}
			}
		}
		out = r.asCommitted()
		return tx.AppendLedger(ctx, entries)
	})
	if err != nil {
		return Redemption{}, err
	}
	return out, refused
}

// retake takes the counters of a lapsed redemption again, or says what is full.
func (s *Service) retake(ctx context.Context, tx Tx, r Redemption, now time.Time) ([]Refusal, error) {
	var ids []string
	for _, u := range r.Uses {
		ids = append(ids, u.Definition)
	}
	slices.Sort(ids)
	for n := 1; ; n++ {
		ts, err := s.takesOf(ctx, tx, r)
		if err != nil {
			return nil, err
		}
		blocked, err := takeAll(ctx, tx, ts)
		if err != nil || blocked == nil {
			return nil, err
		}
		lapsed := 0
		if n == 1 {
			if lapsed, err = s.lapseOf(ctx, tx, slices.Compact(ids), now); err != nil {
				return nil, err
			}
		}
		if lapsed == 0 {
			why, err := blocked.why(ctx, tx)
			return []Refusal{{Definition: blocked.scope.Definition, Reasons: []Reason{why}}}, err
		}
	}
}

// takesOf are the counters that a redemption's uses hold, by the newest limits.
func (s *Service) takesOf(ctx context.Context, tx Tx, r Redemption) ([]take, error) {
	var ts []take
	for _, u := range r.Uses {
		if !u.Restored.IsZero() {
			continue
		}
		d, err := tx.Definition(ctx, u.Definition, 0)
		if err != nil {
			return nil, err
		}
		more, err := useTakes(d, u.Grant, u.Shared, r.Customer, r.At, u.Discount)
		if err != nil {
			return nil, err
		}
		ts = append(ts, more...)
	}
	sortTakes(ts)
	return ts, nil
}

// Release gives a reservation back. Releasing twice, or what lapsed or was
// refused, is no error and gives nothing back twice. It returns ErrNotFound, or
// ErrCommitted.
func (s *Service) Release(ctx context.Context, key string) (Redemption, error) {
	now := s.now()
	var out Redemption
	err := s.update(ctx, func(tx Tx) error {
		r, err := tx.Redemption(ctx, key)
		if err != nil {
			return err
		}
		switch r.State {
		case StateCommitted:
			return ErrCommitted
		case StateReserved:
			if r, err = s.end(ctx, tx, r, StateReleased, EventRelease, now); err != nil {
				return err
			}
		case StateLapsed:
			// Its uses are given back already. From now on a late commit is not
			// welcome, unless one was refused before: that answer stands.
			if len(r.Refusals) > 0 {
				break
			}
			r.State = StateReleased
			if err := tx.ReplaceRedemption(ctx, r); err != nil {
				return err
			}
		}
		out = r.asReleased()
		return nil
	})
	if err != nil {
		return Redemption{}, err
	}
	return out, nil
}

// end gives a reservation's uses back.
func (s *Service) end(ctx context.Context, tx Tx, r Redemption, state State, e Event, now time.Time) (Redemption, error) {
	ts, err := s.takesOf(ctx, tx, r)
	if err != nil {
		return r, err
	}
	r.State, r.Ended = state, now
	// The record goes first: its revision lets only one transaction pass.
	if err := tx.ReplaceRedemption(ctx, r); err != nil {
		return r, err
	}
	if err := giveAll(ctx, tx, ts); err != nil {
		return r, err
	}
	return r, tx.AppendLedger(ctx, r.entries(e, now))
}
