package coupon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
)

// take is one counter that a use moves, and its bound.
type take struct {
	scope  Scope
	n, max Count
	reason Reason // when the use count is what is full
}

// shape is a limit without its bounds: which counters there are.
type shape struct {
	customer bool
	period   Period
}

// shapes merges limits that share counters; the tightest bound of each holds.
func shapes(limits []Limit) map[shape]Count {
	out := map[shape]Count{}
	tighter := func(a, b int64) int64 {
		if a == 0 || b != 0 && b < a {
			return b
		}
		return a
	}
	for _, l := range limits {
		k := shape{l.Customer, l.Period}
		was := out[k]
		out[k] = Count{tighter(was.Uses, l.Uses), tighter(was.Amount, l.Amount)}
	}
	return out
}

// takes lists the counters of limits that one count at an instant for a customer
// moves, in the one order in which all transactions take counters. A guest moves
// no customer's counter.
func takes(def string, kind ScopeKind, limits []Limit, customer dangol.CustomerID, at time.Time, loc *time.Location, n Count) []take {
	var out []take
	for k, max := range shapes(limits) {
		s := Scope{Definition: def, Kind: kind, Period: k.period.of(at, loc)}
		reason := ReasonLimitTotal
		if k.period != "" {
			reason = ReasonLimitPeriod
		}
		if k.customer {
			if customer == "" {
				continue
			}
			s.Subject, reason = string(customer), ReasonLimitCustomer
		}
		out = append(out, take{s, n, max, reason})
	}
	sortTakes(out)
	return out
}

// useTakes are the counters of one use: its definition's limits and its grant.
func useTakes(now Definition, grant string, shared bool, customer dangol.CustomerID, at time.Time, discount int64) ([]take, error) {
	loc, err := now.location()
	if err != nil {
		return nil, err
	}
	out := takes(now.ID, ScopeUse, now.Limits, customer, at, loc, Count{1, discount})
	if grant != "" && !shared {
		out = append(out, take{Scope{Definition: now.ID, Kind: ScopeGrant, Subject: grant}, Count{Uses: 1}, Count{Uses: 1}, ReasonUsed})
		sortTakes(out)
	}
	return out, nil
}

func sortTakes(ts []take) {
	slices.SortFunc(ts, func(a, b take) int {
		return cmp.Or(cmp.Compare(a.scope.Definition, b.scope.Definition), cmp.Compare(a.scope.Kind, b.scope.Kind),
			cmp.Compare(a.scope.Subject, b.scope.Subject), cmp.Compare(a.scope.Period, b.scope.Period))
	})
}

// left is how much more a counter takes: whether one more use, and how much money.
func (t take) left(have Count) (use bool, money int64) {
	use = t.max.Uses == 0 || have.Uses < t.max.Uses
	if t.max.Amount == 0 {
		return use, maxMoney
	}
	return use, max(t.max.Amount-have.Amount, 0)
}

// takeAll takes every counter or none, and returns the one that was full.
func takeAll(ctx context.Context, tx Tx, ts []take) (full *take, err error) {
	for i, t := range ts {
		ok, err := tx.Take(ctx, t.scope, t.n, t.max)
		if err != nil {
			return nil, err
		}
		if !ok {
			return &ts[i], giveAll(ctx, tx, ts[:i])
		}
	}
	return nil, nil
}

func giveAll(ctx context.Context, tx Tx, ts []take) error {
	for _, t := range ts {
		ok, err := tx.Give(ctx, t.scope, t.n)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("coupon: counter %v holds less than is given back", t.scope)
		}
	}
	return nil
}

// why is the reason that a full counter gives.
func (t take) why(ctx context.Context, tx Tx) (Reason, error) {
	have, err := tx.Counts(ctx, []Scope{t.scope})
	if err != nil {
		return "", err
	}
	if use, _ := t.left(have[0]); !use {
		return t.reason, nil
	}
	if t.max.Amount > 0 {
		return ReasonBudget, nil
	}
	return t.reason, nil // it was full a moment ago
}

// rebuild makes the counters of a definition's limits anew from what happened, so
// that a limit that is added late has counted from the start. Nothing can be
// reserved or issued meanwhile: the definition is being saved.
func rebuild(ctx context.Context, tx Tx, d Definition, kind ScopeKind) error {
	if err := tx.ResetCounters(ctx, d.ID, kind); err != nil {
		return err
	}
	counts := map[Scope]Count{}
	count := recountUses
	if kind == ScopeIssue {
		count = recountIssues
	}
	if err := count(ctx, tx, d, counts); err != nil {
		return err
	}
	for s, n := range counts {
		if _, err := tx.Take(ctx, s, n, Count{}); err != nil {
			return err
		}
	}
	return nil
}

const page = 500

// recountUses sums the ledger into the counters that the definition's limits have.
func recountUses(ctx context.Context, tx Tx, d Definition, counts map[Scope]Count) error {
	loc, err := d.location()
	if err != nil || len(d.Limits) == 0 {
		return err
	}
	for after := int64(0); ; {
		es, err := tx.Ledger(ctx, d.ID, after, page)
		if err != nil || len(es) == 0 {
			return err
		}
		for _, e := range es {
			after = e.Seq
			if sign := e.Event.sign(); sign != 0 {
				add(counts, takes(d.ID, ScopeUse, d.Limits, e.Customer, e.Counted, loc, Count{sign, sign * e.Discount}))
			}
		}
	}
}

func recountIssues(ctx context.Context, tx Tx, d Definition, counts map[Scope]Count) error {
	loc, err := d.location()
	if err != nil || len(d.IssueLimits) == 0 {
		return err
	}
	for after := ""; ; {
		gs, err := tx.FindGrants(ctx, GrantQuery{Definition: d.ID, Owned: true, After: after, Limit: page})
		if err != nil || len(gs) == 0 {
			return err
		}
		for _, g := range gs {
			after = g.ID
			add(counts, takes(d.ID, ScopeIssue, d.IssueLimits, g.Customer, g.Issued, loc, Count{Uses: 1}))
		}
	}
}

func add(counts map[Scope]Count, ts []take) {
	for _, t := range ts {
		c := counts[t.scope]
		c.Uses += t.n.Uses
		c.Amount += t.n.Amount
		counts[t.scope] = c
	}
}

// sameCounters tells whether two sets of limits have the same counters.
func sameCounters(a, b []Limit) bool {
	x, y := shapes(a), shapes(b)
	if len(x) != len(y) {
		return false
	}
	for k := range x {
		if _, ok := y[k]; !ok {
			return false
		}
	}
	return true
}
