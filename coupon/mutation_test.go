package coupon_test

import (
	"context"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/stretchr/testify/require"
)

// mutant is a store with some of its guards removed.
type mutant struct {
	coupon.Store
	change func(coupon.Tx) coupon.Tx
}

func (m mutant) Update(ctx context.Context, f func(coupon.Tx) error) error {
	return m.Store.Update(ctx, func(tx coupon.Tx) error { return f(m.change(tx)) })
}

// loose is a transaction that skips what its fields say.
type loose struct {
	coupon.Tx
	take   func(coupon.Scope) bool // takes of the scope are not counted
	bound  func(*coupon.Count)     // changes what a take must not exceed
	give   bool                    // nothing is given back
	key    bool                    // a taken key is free
	ledger func(coupon.Event) bool // events are not recorded
	used   bool                    // grants are not marked
	stops  bool                    // stops are not seen
}

func (l loose) Take(ctx context.Context, s coupon.Scope, n, max coupon.Count) (bool, error) {
	if l.take != nil && l.take(s) {
		return true, nil
	}
	if l.bound != nil {
		l.bound(&max)
	}
	return l.Tx.Take(ctx, s, n, max)
}

func (l loose) Counts(_ context.Context, ss []coupon.Scope) ([]coupon.Count, error) {
	return make([]coupon.Count, len(ss)), nil // reads decide nothing
}

func (l loose) Give(ctx context.Context, s coupon.Scope, n coupon.Count) (bool, error) {
	if l.give {
		return true, nil
	}
	return l.Tx.Give(ctx, s, n)
}

func (l loose) Redemption(ctx context.Context, key string) (coupon.Redemption, error) {
	if l.key {
		return coupon.Redemption{}, coupon.ErrNotFound
	}
	return l.Tx.Redemption(ctx, key)
}

func (l loose) InsertRedemption(ctx context.Context, r coupon.Redemption) (bool, error) {
	fresh, err := l.Tx.InsertRedemption(ctx, r)
	return fresh || l.key, err
}

func (l loose) AppendLedger(ctx context.Context, es []coupon.Entry) error {
	var kept []coupon.Entry
	for _, e := range es {
		if l.ledger == nil || !l.ledger(e.Event) {
			kept = append(kept, e)
		}
	}
	return l.Tx.AppendLedger(ctx, kept)
}

func (l loose) SetUsed(ctx context.Context, id string, used time.Time, order string, discount int64) error {
	if l.used {
		return nil
	}
	return l.Tx.SetUsed(ctx, id, used, order, discount)
}

func (l loose) Definition(ctx context.Context, id string, version int64) (coupon.Definition, error) {
	d, err := l.Tx.Definition(ctx, id, version)
	if l.stops {
		d.Stops = coupon.Stops{}
	}
	return d, err
}

// TestEveryGuardIsTested removes each guard in turn and sees a promise break. Reads
// of counters are stale in all of them, so that nothing but the guard is left.
func TestEveryGuardIsTested(t *testing.T) {
	kind := func(k coupon.ScopeKind) func(coupon.Scope) bool {
		return func(s coupon.Scope) bool { return s.Kind == k }
	}
	event := func(want coupon.Event) func(coupon.Event) bool {
		return func(e coupon.Event) bool { return e == want }
	}
	for name, m := range map[string]struct {
		loose loose
		by    string // the case that notices
	}{
		"nothing at all":           {loose{}, ""},
		"count of uses":            {loose{bound: func(c *coupon.Count) { c.Uses = 0 }}, "race/one limit"},
		"budget":                   {loose{bound: func(c *coupon.Count) { c.Amount = 0 }}, "race/stale reads"},
		"uses of all":              {loose{take: func(s coupon.Scope) bool { return s.Kind == coupon.ScopeUse && s.Subject == "" && s.Period == "" }}, "race/one limit"},
		"uses of a customer":       {loose{take: func(s coupon.Scope) bool { return s.Kind == coupon.ScopeUse && s.Subject != "" }}, "race/one customer"},
		"uses of a period":         {loose{take: func(s coupon.Scope) bool { return s.Period != "" }}, "race/period"},
		"use of a grant":           {loose{take: kind(coupon.ScopeGrant)}, "race/stale reads"},
		"issues":                   {loose{take: kind(coupon.ScopeIssue)}, "race/issue"},
		"giving back":              {loose{give: true}, "race/one key"},
		"key":                      {loose{key: true}, "race/one key"},
		"ledger of a reservation":  {loose{ledger: event(coupon.EventReserve)}, "race/one limit"},
		"ledger of a release":      {loose{ledger: event(coupon.EventRelease)}, "race/one key"},
		"ledger of a lapse":        {loose{ledger: event(coupon.EventLapse)}, "race/one key"},
		"ledger of a late commit":  {loose{ledger: event(coupon.EventRetake)}, "race/one key"},
		"ledger of a restoration":  {loose{ledger: event(coupon.EventRestore)}, "race/one key"},
		"ledger of a cancellation": {loose{ledger: event(coupon.EventCancel)}, "service/results"},
		"mark of use":              {loose{used: true}, "service/records"},
		"stops":                    {loose{stops: true}, "service/stops"},
	} {
		open := func(testing.TB) coupon.Store {
			return mutant{coupon.NewMemory(), func(tx coupon.Tx) coupon.Tx {
				l := m.loose
				l.Tx = tx
				return l
			}}
		}
		for _, c := range coupontest.Cases() {
			if c.Name == m.by {
				require.True(t, coupontest.Breaks(t, c, open), "without %s, %s notices nothing", name, m.by)
			}
			if m.by == "" && c.Name == "race/one limit" {
				require.False(t, coupontest.Breaks(t, c, open), "stale reads alone break nothing")
			}
		}
	}
}
