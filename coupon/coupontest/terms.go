package coupontest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func versions(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
	require.Equal(t, int64(1), d.Version)
	same, err := s.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1000), Stores: []string{}})
	require.NoError(t, err, "a program may save its definitions at every start")
	require.Equal(t, int64(1), same.Version)
	g, code := Give(t, s.Service, "d", "kim", 1), shared(t, s, "d", "SALE")
	_, err = s.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(2000)})
	require.ErrorIs(t, err, coupon.ErrStale)
	d.Discount = coupon.AmountOff(2000)
	d, err = s.Save(ctx, d)
	require.NoError(t, err)
	require.Equal(t, int64(2), d.Version)
	for typed, want := range map[string]int64{g.Code: 1000, code: 2000} {
		q, err := s.Quote(ctx, request("kim", 9000, typed))
		require.NoError(t, err)
		require.Equal(t, want, q.Discount, "a grant keeps its version, a shared code follows")
	}
	d.Limits = []coupon.Limit{{Uses: 1}}
	d, err = s.Save(ctx, d)
	require.NoError(t, err)
	_, err = s.Reserve(ctx, "a", request("kim", 9000, code))
	require.NoError(t, err)
	_, err = s.Reserve(ctx, "b", request("kim", 9000, g.Code))
	refused(t, err, coupon.ReasonLimitTotal) // limits bind old versions, too
	for _, change := range []func(*coupon.Definition){
		func(d *coupon.Definition) { d.Currency = "USD" },
		func(d *coupon.Definition) { d.Kind = coupon.KindPromotion },
		func(d *coupon.Definition) { d.Zone = "Asia/Tokyo" },
	} {
		e := d
		change(&e)
		_, err = s.Save(ctx, e)
		require.ErrorIs(t, err, coupon.ErrFinal)
	}
	old, err := s.Definition(ctx, "d", 1)
	require.NoError(t, err)
	require.Equal(t, int64(1000), old.Discount.Amount)
}

func lateLimits(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
	code := shared(t, s, "d", "SALE")
	use := func(key string, customer dangol.CustomerID, commit bool) error {
		_, err := s.Reserve(ctx, key, request(customer, 5000, code))
		if err == nil && commit {
			_, err = s.Commit(ctx, key, key)
		}
		return err
	}
	require.NoError(t, use("a", "kim", true))
	require.NoError(t, use("b", "lee", true))
	_, err := s.Restore(ctx, "b", "b", coupon.FullCancel)
	require.NoError(t, err)
	s.clock.Pass(24 * time.Hour)
	require.NoError(t, use("c", "kim", true))
	require.NoError(t, use("d", "park", false))

	d.Limits = []coupon.Limit{{Uses: 4}, {Uses: 2, Customer: true}, {Uses: 3, Period: coupon.Day}, {Amount: 3500}}
	d, err = s.Save(ctx, d)
	require.NoError(t, err)
	CheckLedger(t, s.store, d)
	refused(t, use("e", "kim", true), coupon.ReasonLimitCustomer)
	require.NoError(t, use("f", "lee", false)) // the budget has 500 left
	refused(t, use("g", "choi", true), coupon.ReasonLimitTotal, coupon.ReasonLimitPeriod, coupon.ReasonBudget)
	_, err = s.Release(ctx, "d")
	require.NoError(t, err, "what was taken before the limit came is given back to it")
	CheckLedger(t, s.store, d)
	require.NoError(t, use("h", "choi", true))

	d.Limits = nil
	d, err = s.Save(ctx, d)
	require.NoError(t, err)
	require.NoError(t, use("i", "kim", true))
	d.Limits = []coupon.Limit{{Uses: 6}} // five are held
	d, err = s.Save(ctx, d)
	require.NoError(t, err)
	require.NoError(t, use("j", "kim", true))
	refused(t, use("k", "kim", true), coupon.ReasonLimitTotal)
	CheckLedger(t, s.store, d)
}

func issueLimits(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
	give := func(customer dangol.CustomerID, n int) error {
		_, err := s.Issue(ctx, coupon.Issue{Key: fmt.Sprint(customer, n), Definition: "d", Customer: customer})
		return err
	}
	require.NoError(t, give("kim", 1))
	d.IssueLimits = []coupon.Limit{{Uses: 3}, {Uses: 2, Customer: true}, {Uses: 2, Period: coupon.Day}}
	_, err := s.Save(ctx, d)
	require.NoError(t, err)
	require.NoError(t, give("kim", 2), "the one before counts")
	refused(t, give("lee", 1), coupon.ReasonLimitPeriod)
	s.clock.Pass(24 * time.Hour)
	refused(t, give("kim", 3), coupon.ReasonLimitCustomer)
	require.NoError(t, give("lee", 1), "a refused key stays free")
	require.NoError(t, give("lee", 1), "and the same issue again takes nothing")
	refused(t, give("lee", 2), coupon.ReasonLimitTotal)
}

func stops(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Validity: coupon.Validity{Until: Start.Add(2 * time.Hour)}})
	g := Give(t, s.Service, "d", "kim", 1)
	_, err := s.Reserve(ctx, "a", request("kim", 5000, g.Code))
	require.NoError(t, err)
	require.NoError(t, s.Stop(ctx, "d", coupon.Stops{Issuing: true, Using: true}))
	_, err = s.Issue(ctx, coupon.Issue{Key: "2", Definition: "d", Customer: "kim"})
	refused(t, err, coupon.ReasonStopped)
	_, err = s.Commit(ctx, "a", "o")
	require.NoError(t, err, "who has reserved may finish")
	_, err = s.Reserve(ctx, "b", request("kim", 5000, g.Code))
	refused(t, err, coupon.ReasonStopped, coupon.ReasonUsed)
	require.NoError(t, s.Stop(ctx, "d", coupon.Stops{}))
	taken := Give(t, s.Service, "d", "kim", 3)
	for range 2 {
		_, err = s.Revoke(ctx, taken.ID)
		require.NoError(t, err)
	}
	_, err = s.Reserve(ctx, "c", request("kim", 5000, taken.Code))
	refused(t, err, coupon.ReasonRevoked)
	s.clock.Pass(3 * time.Hour)
	_, err = s.Issue(ctx, coupon.Issue{Key: "4", Definition: "d", Customer: "kim"})
	refused(t, err, coupon.ReasonExpired)
	require.ErrorIs(t, s.Stop(ctx, "x", coupon.Stops{}), coupon.ErrNotFound)
}

func claims(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Validity: coupon.Validity{Days: 1},
		IssueLimits: []coupon.Limit{{Uses: 1, Customer: true}}})
	_, err := s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 2})
	require.NoError(t, err)
	var codes []string
	for g, err := range s.Grants(ctx, coupon.GrantQuery{Batch: "b"}) {
		require.NoError(t, err)
		require.Empty(t, g.Customer)
		codes = append(codes, g.Code)
	}
	s.clock.Pass(48 * time.Hour)
	mine, err := s.Claim(ctx, coupon.FormatCode(codes[0]), "kim")
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 11, 25, 0, 0, 0, 0, Seoul).UTC(), mine.Expires, "days count from the claim")
	again, err := s.Claim(ctx, codes[0], "kim")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(mine, again))
	_, err = s.Claim(ctx, codes[0], "lee")
	refused(t, err, coupon.ReasonNotYours)
	_, err = s.Claim(ctx, codes[1], "kim")
	refused(t, err, coupon.ReasonLimitCustomer)
	_, err = s.Reserve(ctx, "k", request("lee", 5000, codes[0]))
	refused(t, err, coupon.ReasonNotYours)
	_, err = s.Reserve(ctx, "l", request("", 5000, codes[1]))
	require.NoError(t, err, "a code that nobody claimed is its holder's")
	_, err = s.Claim(ctx, "nonsense", "kim")
	refused(t, err, coupon.ReasonUnknown)
	wallet, err := s.Wallet(ctx, "kim")
	require.NoError(t, err)
	require.Len(t, wallet, 1)
}

func erasure(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000),
		Limits: []coupon.Limit{{Uses: 3, Customer: true}, {Uses: 9}}, IssueLimits: []coupon.Limit{{Uses: 9, Customer: true}}})
	const secret = dangol.CustomerID("kim@example.com")
	g, h := give(t, s, secret, "1"), give(t, s, secret, "2")
	give(t, s, "lee", "3")
	for key, grant := range map[string]coupon.Grant{"a": g, "b": h} {
		_, err := s.Reserve(ctx, key, coupon.Request{Customer: secret, Cart: Cart(5000), Grants: []string{grant.ID}})
		require.NoError(t, err)
	}
	_, err := s.Commit(ctx, "a", "order-a")
	require.NoError(t, err)
	before, err := s.Results(ctx, coupon.ByDefinition, coupon.ResultQuery{})
	require.NoError(t, err)

	name, err := s.Erase(ctx, secret)
	require.NoError(t, err)
	after, err := s.Results(ctx, coupon.ByDefinition, coupon.ResultQuery{})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(before, after), "kept as counts")
	left := fmt.Sprint(state(t, s.store))
	require.NotContains(t, left, string(secret))
	require.Contains(t, left, string(name))
	require.Contains(t, left, "lee")
	view(t, s.store, func(tx coupon.Tx) error {
		for _, key := range []string{"a", "b"} {
			r, err := tx.Redemption(ctx, key)
			require.NoError(t, err)
			require.Equal(t, name, r.Customer)
		}
		for _, kind := range []coupon.ScopeKind{coupon.ScopeUse, coupon.ScopeIssue} {
			n, err := tx.Counts(ctx, []coupon.Scope{{Definition: "d", Kind: kind, Subject: string(secret)}, {Definition: "d", Kind: kind, Subject: string(name)}})
			require.NoError(t, err)
			require.Zero(t, n[0])
			require.Equal(t, int64(2), n[1].Uses)
		}
		return nil
	})
	CheckLedger(t, s.store, d)
	_, err = s.Commit(ctx, "b", "order-b")
	require.NoError(t, err, "what is under way goes on by its key")
	_, err = s.Restore(ctx, "a", "order-a", coupon.FullCancel)
	require.NoError(t, err)
	CheckLedger(t, s.store, d)
	_, err = s.Reserve(ctx, "c", coupon.Request{Customer: secret, Cart: Cart(5000), Grants: []string{g.ID}})
	refused(t, err, coupon.ReasonNotYours)

	stop := fmt.Errorf("stop")
	err = s.store.Update(ctx, func(tx coupon.Tx) error {
		require.NoError(t, tx.Rename(ctx, "lee", "nobody"))
		return stop
	})
	require.ErrorIs(t, err, stop)
	wallet, err := s.Wallet(ctx, "lee")
	require.NoError(t, err)
	require.Len(t, wallet, 1, "all or nothing")
}

func pruning(t testing.TB, open Open) {
	ctx := t.Context()
	clock := new(Clock)
	store := open(t)
	s, err := coupon.New(store, coupon.Config{Clock: clock, Keep: 30 * 24 * time.Hour})
	require.NoError(t, err)
	d := Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 100}}, Validity: coupon.Validity{Until: clock.Now().Add(7 * 24 * time.Hour)}})
	_, err = s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 700})
	require.NoError(t, err)
	var codes []coupon.Grant
	view(t, store, func(tx coupon.Tx) (err error) {
		codes, err = tx.FindGrants(ctx, coupon.GrantQuery{Batch: "b"})
		return err
	})
	owned, err := s.Claim(ctx, codes[0].Code, "kim")
	require.NoError(t, err)
	held := coupon.Request{Customer: "lee", Cart: Cart(5000), Codes: []string{codes[1].Code}}
	_, err = s.Reserve(ctx, "held", held)
	require.NoError(t, err)
	n, err := s.Prune(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "nothing is old")
	clock.Pass(36 * 24 * time.Hour)
	n, err = s.Prune(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "nothing ended so long ago")
	clock.Pass(2 * 24 * time.Hour)
	n, err = s.Prune(ctx)
	require.NoError(t, err)
	require.Equal(t, 698, n)
	view(t, store, func(tx coupon.Tx) (err error) {
		left, err := tx.FindGrants(ctx, coupon.GrantQuery{Batch: "b"})
		require.Len(t, left, 2)
		for _, g := range left {
			require.Contains(t, []string{owned.ID, codes[1].ID}, g.ID)
		}
		return err
	})
	_, err = s.Commit(ctx, "held", "order")
	require.NoError(t, err, "what is reserved is committed by its key, however late")
	CheckLedger(t, store, d)
	_, err = s.Reserve(ctx, "late", coupon.Request{Customer: "lee", Cart: Cart(5000), Codes: []string{codes[2].Code}})
	refused(t, err, coupon.ReasonUnknown)
}

// give issues under a key without the customer's name.
func give(t testing.TB, s shop, customer dangol.CustomerID, key string) coupon.Grant {
	t.Helper()
	g, err := s.Issue(t.Context(), coupon.Issue{Key: key, Definition: "d", Customer: customer})
	require.NoError(t, err)
	return g
}
