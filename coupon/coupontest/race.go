package coupontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// racers is how many goroutines fight for a limit.
const racers = 64

// attempt is one reservation that may be committed, released or left alone.
type attempt struct {
	key string
	req coupon.Request
}

// fight runs attempts on all goroutines at once: those that get a reservation
// commit it, except that some give it back first and come again. It returns how
// many were committed.
func fight(t testing.TB, s *coupon.Service, attempts []attempt) int64 {
	t.Helper()
	ctx := context.Background()
	var won atomic.Int64
	work := make(chan attempt)
	var wg sync.WaitGroup
	for range racers {
		wg.Go(func() {
			for a := range work {
				if try(ctx, t, s, a) {
					won.Add(1)
				}
			}
		})
	}
	for _, a := range attempts {
		work <- a
	}
	close(work)
	wg.Wait()
	return won.Load()
}

func try(ctx context.Context, t testing.TB, s *coupon.Service, a attempt) bool {
	for n := range 3 {
		key := fmt.Sprint(a.key, "/", n)
		_, err := s.Reserve(ctx, key, a.req)
		if _, no := coupon.Refused(err); no {
			return false
		}
		if !assert.NoError(t, err) {
			return false
		}
		if n == 0 && rand.N(4) == 0 { // changed their mind
			_, err := s.Release(ctx, key)
			assert.NoError(t, err)
			continue
		}
		_, err = s.Commit(ctx, key, key)
		return assert.NoError(t, err)
	}
	return false
}

// drain uses up what released reservations left over, so that the end is exact.
func drain(t testing.TB, s *coupon.Service, req func(i int) coupon.Request) (won int64) {
	t.Helper()
	for i := range 300 {
		key := fmt.Sprint("drain/", i)
		_, err := s.Reserve(context.Background(), key, req(i))
		if _, no := coupon.Refused(err); no {
			return won
		}
		require.NoError(t, err)
		_, err = s.Commit(context.Background(), key, key)
		require.NoError(t, err)
		won++
	}
	t.Fatal("the limit never fills")
	return won
}

func raceOneLimit(t testing.TB, open Open) {
	const k = 17
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(100), Limits: []coupon.Limit{{Uses: k}}})
	code := shared(t, s, "d", "SALE")
	var as []attempt
	for i := range 3 * racers {
		c := dangol.CustomerID(fmt.Sprint("c", i))
		typed := code
		if i%3 == 0 { // different codes under the same limit
			typed = Give(t, s.Service, "d", c, 1).Code
		}
		as = append(as, attempt{fmt.Sprint("a", i), request(c, 5000, typed)})
	}
	won := fight(t, s.Service, as)
	won += drain(t, s.Service, func(int) coupon.Request { return request("last", 5000, code) })
	require.Equal(t, int64(k), won)
	uses, _ := committed(t, s.store, "d")
	require.Equal(t, int64(k), uses)
	CheckLedger(t, s.store, d)
}

func raceOneCustomer(t testing.TB, open Open) {
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(100), Limits: []coupon.Limit{{Uses: 2, Customer: true}}})
	var as []attempt
	for i := range 40 {
		for _, c := range []dangol.CustomerID{"kim", "lee"} {
			as = append(as, attempt{fmt.Sprint(c, i), request(c, 5000, Give(t, s.Service, "d", c, i).Code)})
		}
	}
	won := fight(t, s.Service, as)
	for _, c := range []dangol.CustomerID{"kim", "lee"} {
		won += drain(t, shop{Service: s.Service}.Service, func(i int) coupon.Request {
			return request(c, 5000, Give(t, s.Service, "d", c, 1000+i).Code)
		})
		break
	}
	require.LessOrEqual(t, won, int64(4))
	uses, _ := committed(t, s.store, "d")
	require.Equal(t, won, uses)
	CheckLedger(t, s.store, d)
}

func raceBudget(t testing.TB, open Open) {
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(700), Limits: []coupon.Limit{{Amount: 10_000}}})
	code := shared(t, s, "d", "SALE")
	var as []attempt
	for i := range 2 * racers {
		as = append(as, attempt{fmt.Sprint("a", i), request("kim", 5000, code)})
	}
	fight(t, s.Service, as)
	drain(t, s.Service, func(int) coupon.Request { return request("last", 5000, code) })
	_, discount := committed(t, s.store, "d")
	require.Equal(t, int64(10_000), discount, "to the last won: the last coupon gives what is left")
	CheckLedger(t, s.store, d)
}

func racePeriod(t testing.TB, open Open) {
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(100),
		Limits: []coupon.Limit{{Uses: 5, Period: coupon.Day}, {Uses: 7, Period: coupon.Month}}})
	code := shared(t, s, "d", "SALE")
	for day, want := range []int64{5, 7} {
		var as []attempt
		for i := range racers {
			as = append(as, attempt{fmt.Sprint(day, "/", i), request("kim", 5000, code)})
		}
		fight(t, s.Service, as)
		for i := range 10 {
			key := fmt.Sprint("drain", day, i)
			if _, err := s.Reserve(t.Context(), key, request("kim", 5000, code)); err == nil {
				_, err = s.Commit(t.Context(), key, key)
				require.NoError(t, err)
			}
		}
		uses, _ := committed(t, s.store, "d")
		require.Equal(t, want, uses)
		CheckLedger(t, s.store, d)
		s.clock.Pass(9 * time.Hour) // 15:00 to midnight in Seoul
	}
}

func raceOneKey(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(100), Limits: []coupon.Limit{{Uses: 100}}})
	code := shared(t, s, "d", "SALE")
	all := func(f func() error) {
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() { assert.NoError(t, f()) })
		}
		wg.Wait()
	}
	held := func(want int64) {
		view(t, s.store, func(tx coupon.Tx) error {
			n, err := tx.Counts(ctx, []coupon.Scope{{Definition: "d", Kind: coupon.ScopeUse}})
			require.Equal(t, want, n[0].Uses)
			return err
		})
		CheckLedger(t, s.store, d)
	}
	all(func() error { _, err := s.Reserve(ctx, "k", request("kim", 5000, code)); return err })
	held(1)
	all(func() error { _, err := s.Commit(ctx, "k", "o"); return err })
	held(1)
	all(func() error { _, err := s.Restore(ctx, "k", "o", coupon.FullCancel); return err })
	held(0)
	all(func() error { _, err := s.Reserve(ctx, "l", request("kim", 5000, code)); return err })
	all(func() error { _, err := s.Release(ctx, "l"); return err })
	held(0)
	all(func() error { _, err := s.Reserve(ctx, "m", request("kim", 5000, code)); return err })
	s.clock.Pass(time.Hour)
	all(func() error { _, err := s.Lapse(ctx); return err })
	held(0)
	all(func() error { _, err := s.Commit(ctx, "m", "p"); return err })
	held(1)
}

func raceIssue(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(100), IssueLimits: []coupon.Limit{{Uses: 10}}})
	_, err := s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 1})
	require.NoError(t, err)
	var single coupon.Grant
	for g := range s.Grants(ctx, coupon.GrantQuery{Batch: "b"}) {
		single = g
	}
	var claimed, issued atomic.Int64
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			c := dangol.CustomerID(fmt.Sprint("c", i))
			if _, err := s.Claim(ctx, single.Code, c); err == nil {
				claimed.Add(1)
			} else {
				_, no := coupon.Refused(err)
				assert.True(t, no, "%v", err)
			}
			if _, err := s.Issue(ctx, coupon.Issue{Key: string(c), Definition: "d", Customer: c}); err == nil {
				issued.Add(1)
			} else {
				_, no := coupon.Refused(err)
				assert.True(t, no, "%v", err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, claimed.Load(), int64(1), "a single code has one owner")
	require.Equal(t, int64(10), claimed.Load()+issued.Load())
	owned := 0
	for _, err := range s.Grants(ctx, coupon.GrantQuery{Definition: "d", Owned: true}) {
		require.NoError(t, err)
		owned++
	}
	require.Equal(t, 10, owned)
}

// raceStale runs the races on a store whose counts are always read as zero, the
// worst that an engine without locks can do to a reader. Only the guards are left.
func raceStale(t testing.TB, open Open) {
	stale := func(t testing.TB) coupon.Store { return staleStore{open(t)} }
	raceOneLimit(t, stale)
	raceOneCustomer(t, stale)
	racePeriod(t, stale)
	s := newShop(t, stale)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(700), Limits: []coupon.Limit{{Amount: 10_000}}})
	g := Give(t, s.Service, "d", "kim", 1)
	code := shared(t, s, "d", "SALE")
	var as []attempt
	for i := range racers {
		as = append(as, attempt{fmt.Sprint("a", i), request("kim", 5000, code)}, attempt{fmt.Sprint("b", i), request("kim", 5000, g.Code)})
	}
	fight(t, s.Service, as)
	uses, discount := committed(t, s.store, "d")
	require.LessOrEqual(t, discount, int64(10_000))
	require.Positive(t, uses)
	CheckLedger(t, s.store.(staleStore).Store, d)
	view(t, s.store.(staleStore).Store, func(tx coupon.Tx) error {
		n, err := tx.Counts(t.Context(), []coupon.Scope{{Definition: "d", Kind: coupon.ScopeGrant, Subject: g.ID}})
		require.LessOrEqual(t, n[0].Uses, int64(1), "one grant is one use")
		return err
	})
}

type staleStore struct{ coupon.Store }

func (s staleStore) Update(ctx context.Context, f func(coupon.Tx) error) error {
	return s.Store.Update(ctx, func(tx coupon.Tx) error { return f(staleTx{tx}) })
}

type staleTx struct{ coupon.Tx }

func (staleTx) Counts(_ context.Context, ss []coupon.Scope) ([]coupon.Count, error) {
	return make([]coupon.Count, len(ss)), nil
}

var errDied = errors.New("died")
