package coupontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/stretchr/testify/require"
)

// TwoSteps makes a batch of codes, which takes two transactions. Like Day it may be
// started again at any time.
func TwoSteps(store coupon.Store) error {
	ctx := context.Background()
	s, err := coupon.New(store, coupon.Config{Clock: new(Clock), Zone: Seoul})
	if err != nil {
		return err
	}
	if _, err := s.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1000)}); err != nil {
		return err
	}
	_, err = s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 1001})
	return err
}

// Day is a day of a shop in which everything happens once. It may be started again
// from the top at any time, by another process too: all its keys are fixed, and the
// end is the same.
func Day(store coupon.Store) error {
	ctx := context.Background()
	clock := new(Clock)
	s, err := coupon.New(store, coupon.Config{Clock: clock, Zone: Seoul})
	if err != nil {
		return err
	}
	d, err := s.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1000), Restore: coupon.Restore{GraceDays: 3},
		Validity: coupon.Validity{Days: 1}, Limits: []coupon.Limit{{Uses: 3, Amount: 2500}, {Uses: 2, Customer: true}, {Uses: 3, Period: coupon.Day}},
		IssueLimits: []coupon.Limit{{Uses: 4}}})
	if err != nil {
		return err
	}
	issue := func(key string, customer dangol.CustomerID) (g coupon.Grant) {
		if err == nil {
			g, err = s.Issue(ctx, coupon.Issue{Key: key, Definition: d.ID, Customer: customer})
		}
		return g
	}
	a, b, c := issue("a", "kim"), issue("b", "kim"), issue("c", "lee")
	do := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	reserve := func(key string, g coupon.Grant) {
		do(func() error {
			_, err := s.Reserve(ctx, key, coupon.Request{Customer: g.Customer, Cart: Cart(5000), Grants: []string{g.ID}})
			if _, no := coupon.Refused(err); no {
				return nil
			}
			return err
		})
	}
	commit := func(key string) {
		do(func() error {
			_, err := s.Commit(ctx, key, "order-"+key)
			if _, no := coupon.Refused(err); no {
				return nil
			}
			return err
		})
	}
	reserve("1", a)
	commit("1")
	reserve("2", b)
	do(func() error { _, err := s.Release(ctx, "2"); return err })
	reserve("3", c)
	clock.Pass(time.Hour)
	do(func() error { _, err := s.Lapse(ctx); return err })
	commit("3") // late
	reserve("4", b)
	commit("4")
	reserve("5", a) // refused
	clock.Pass(72 * time.Hour)
	do(func() error { _, err := s.Restore(ctx, "1", "order-1", coupon.FullCancel); return err })
	do(func() error { _, err := s.Revoke(ctx, c.ID); return err })
	return err
}

// Fact is a ledger entry without what differs between runs.
type Fact struct {
	Key      string
	Event    coupon.Event
	At       time.Time
	Customer dangol.CustomerID
	Order    string
	Discount int64
	Paid     int64
}

// Outcome is what a Day leaves in a store, without what differs between runs.
type Outcome struct {
	Facts  []Fact
	Grants map[string]string // by issue key: used, order, expiry, revoked
	Codes  int
	Total  coupon.Count
}

// OutcomeOf reads the outcome.
func OutcomeOf(t testing.TB, store coupon.Store) Outcome {
	t.Helper()
	ctx := t.Context()
	out := Outcome{Grants: map[string]string{}}
	err := store.View(ctx, func(tx coupon.Tx) error {
		es, err := tx.Ledger(ctx, "", 0, 1000)
		require.NoError(t, err)
		for _, e := range es {
			out.Facts = append(out.Facts, Fact{e.Key, e.Event, e.At, e.Customer, e.Order, e.Discount, e.Paid})
		}
		gs, err := tx.FindGrants(ctx, coupon.GrantQuery{})
		require.NoError(t, err)
		for _, g := range gs {
			if g.Key != "" {
				out.Grants[g.Key] = fmt.Sprint(g.Used, g.Order, g.Discount, g.Expires, g.Revoked)
			} else {
				out.Codes++
			}
		}
		counts, err := tx.Counts(ctx, []coupon.Scope{{Definition: "d", Kind: coupon.ScopeUse}})
		out.Total = counts[0]
		return err
	})
	require.NoError(t, err)
	return out
}

// What processes fight for: "arena" has so many uses, on several codes, a few a
// customer; "purse" has so much money.
const (
	arenaCodes = 3
	arenaOff   = 100
	purseOff   = 70
)

// Arena sets up a fight for so many uses, and for fifty won a use.
func Arena(t testing.TB, store coupon.Store, limit int64) {
	t.Helper()
	s := NewService(t, store, dangol.SystemClock)
	Save(t, s, coupon.Definition{ID: "arena", Discount: coupon.AmountOff(arenaOff),
		Limits: []coupon.Limit{{Uses: limit}, {Uses: arenaEach(limit), Customer: true}}})
	Save(t, s, coupon.Definition{ID: "purse", Discount: coupon.AmountOff(purseOff), Limits: []coupon.Limit{{Amount: limit * 50}}})
	codes := map[string]string{"purse": "purse"}
	for i := range arenaCodes {
		codes[fmt.Sprint("arena", i)] = "arena"
	}
	for code, definition := range codes {
		_, err := s.AddSharedCode(t.Context(), coupon.SharedCode{Code: code, Definition: definition})
		require.NoError(t, err)
	}
}

func arenaEach(limit int64) int64 { return limit/10 + 3 }

// Fight uses up the arena and the purse until both are refused, in a process that
// may be killed at any moment. The name tells processes and their lives apart.
func Fight(ctx context.Context, store coupon.Store, name string, workers int) error {
	s, err := coupon.New(store, coupon.Config{Hold: time.Hour})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range errs {
		wg.Go(func() {
			for _, definition := range []string{"arena", "purse"} {
				if errs[w] = fightFor(ctx, s, fmt.Sprint(name, "/", w), definition); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func fightFor(ctx context.Context, s *coupon.Service, name, definition string) error {
	for n := 0; ; n++ {
		code := definition
		if definition == "arena" {
			code = fmt.Sprint(definition, rand.N(arenaCodes))
		}
		key := fmt.Sprint(name, "/", definition, "/", n)
		customer := dangol.CustomerID(fmt.Sprint("c", rand.N(50)))
		_, err := s.Reserve(ctx, key, coupon.Request{Customer: customer, Cart: Cart(5000), Codes: []string{code}})
		var no *coupon.RefusedError
		if errors.As(err, &no) {
			if no.Has(coupon.ReasonLimitTotal) || no.Has(coupon.ReasonBudget) {
				return nil
			}
			continue // this customer had enough
		}
		if err == nil && n%5 == 4 {
			_, err = s.Release(ctx, key)
		} else if err == nil {
			_, err = s.Commit(ctx, key, key)
		}
		if err != nil {
			return err
		}
	}
}

// Settle ends a fight: what killed processes had reserved lapses, others take it,
// and exactly the limits are committed, not one more and not one less.
func Settle(t testing.TB, store coupon.Store, limit int64) {
	t.Helper()
	ctx := t.Context()
	s := NewService(t, store, dangol.ClockFunc(func() time.Time { return time.Now().Add(2 * time.Hour) }))
	_, err := s.Lapse(ctx)
	require.NoError(t, err)
	for _, code := range []string{"arena0", "purse"} {
		for i := 0; ; i++ {
			key := fmt.Sprint("last/", code, i)
			req := coupon.Request{Customer: dangol.CustomerID(fmt.Sprint("last", i)), Cart: Cart(5000), Codes: []string{code}}
			if _, err := s.Reserve(ctx, key, req); err != nil {
				_, refused := coupon.Refused(err)
				require.True(t, refused, "%v", err)
				break
			}
			_, err := s.Commit(ctx, key, key)
			require.NoError(t, err)
		}
	}
	got, err := s.Results(ctx, coupon.ByDefinition, coupon.ResultQuery{})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, limit, got[0].Used)
	require.Equal(t, limit*arenaOff, got[0].Discount)
	require.Equal(t, limit*50, got[1].Discount, "to the last won")
	for _, id := range []string{"arena", "purse"} {
		d, err := s.Definition(ctx, id, 0)
		require.NoError(t, err)
		CheckLedger(t, store, d)
	}
	var scopes []coupon.Scope
	for i := range 50 {
		scopes = append(scopes, coupon.Scope{Definition: "arena", Kind: coupon.ScopeUse, Subject: fmt.Sprint("c", i)})
	}
	view(t, store, func(tx coupon.Tx) error {
		counts, err := tx.Counts(ctx, scopes)
		for i, c := range counts {
			require.LessOrEqual(t, c.Uses, arenaEach(limit), "customer %d", i)
		}
		return err
	})
}
