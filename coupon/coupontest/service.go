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

func serviceCases() []Case {
	return []Case{
		{"service/life of a coupon", "the main job: issue, use once, refuse the second and the late use", life},
		{"service/keys mean one thing", "a retried request would reserve, commit or give back twice", keysMeanOneThing},
		{"service/refusals stand", "a retried request would succeed after its sender was told no", refusalsStand},
		{"service/replay changes nothing", "a queue that delivers late and twice would corrupt the ledger", replay},
		{"service/late commits", "a slow payment would exceed a limit, or lose a coupon that was still free", lateCommits},
		{"service/lapse", "an abandoned cart would hold the last coupon for ever", lapse},
		{"service/restore", "a cancelled order would keep or give back coupons against the shop's policy", restore},
		{"service/restore with grace", "a coupon would come back dead", restoreWithGrace},
		{"service/versions", "an edit would change coupons that customers hold", versions},
		{"service/late limits count the past", "a limit added today would forget yesterday's uses", lateLimits},
		{"service/issue limits", "more coupons would be given away than the shop has", issueLimits},
		{"service/stops", "a mistake could not be stopped", stops},
		{"service/claims", "two customers would own one coupon", claims},
		{"service/results", "nobody would know what coupons cost and earned", results},
		{"service/batches", "a batch would have a code too many or too few", batches},
		{"service/erasure", "a customer who asks to be forgotten would not be, or counts would break", erasure},
		{"service/pruning", "codes that somebody holds would vanish, or old ones pile up for ever", pruning},
		{"service/records", "rules such as coupons(where usable) would not follow", records},
		{"race/one limit", "more uses than the limit", raceOneLimit},
		{"race/one customer", "a customer would use a coupon twice on two codes", raceOneCustomer},
		{"race/budget", "more money than the shop set aside", raceBudget},
		{"race/period", "more uses in a day than allowed", racePeriod},
		{"race/one key", "one order would hold two uses", raceOneKey},
		{"race/issue", "more coupons than the issue limit", raceIssue},
		{"race/stale reads", "a limit that only holds while reads are fresh does not hold", raceStale},
	}
}

// shop is a service over a fresh store with a clock in hand.
type shop struct {
	*coupon.Service
	store coupon.Store
	clock *Clock
}

func newShop(t testing.TB, open Open) shop {
	store, clock := open(t), new(Clock)
	return shop{NewService(t, store, clock), store, clock}
}

func request(customer dangol.CustomerID, won int64, codes ...string) coupon.Request {
	return coupon.Request{Customer: customer, Cart: Cart(won), Codes: codes}
}

// refused asserts the reasons of the only refusal.
func refused(t testing.TB, err error, want ...coupon.Reason) {
	t.Helper()
	fs, ok := coupon.Refused(err)
	require.True(t, ok, "want a refusal, have %v", err)
	require.Len(t, fs, 1)
	require.Equal(t, want, fs[0].Reasons)
}

func life(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{
		ID: "welcome", Discount: coupon.Discount{Rate: 1000, Max: 5000, Unit: 100},
		Validity: coupon.Validity{Days: 3}, Limits: []coupon.Limit{{Uses: 1, Customer: true}},
	})
	g := Give(t, s.Service, "welcome", "kim", 1)
	require.Equal(t, time.Date(2026, 11, 25, 0, 0, 0, 0, Seoul).UTC(), g.Expires)
	q, err := s.Quote(ctx, request("kim", 12_345, g.Code))
	require.NoError(t, err)
	require.Equal(t, int64(1200), q.Discount)
	require.Equal(t, coupon.Applied, q.Decisions[0].Outcome)
	require.Equal(t, []coupon.Share{{Line: "1", Amount: 1200}}, q.Decisions[0].Shares)

	r, err := s.Reserve(ctx, "a", request("kim", 12_345, g.Code))
	require.NoError(t, err)
	require.Equal(t, int64(1200), r.Discount)
	require.Equal(t, int64(11_145), r.Paid())
	_, err = s.Reserve(ctx, "b", request("kim", 12_345, g.Code))
	refused(t, err, coupon.ReasonUsed, coupon.ReasonLimitCustomer)
	r, err = s.Commit(ctx, "a", "order-1")
	require.NoError(t, err)
	require.Equal(t, coupon.StateCommitted, r.State)
	_, err = s.Reserve(ctx, "c", request("kim", 12_345, g.Code))
	refused(t, err, coupon.ReasonUsed, coupon.ReasonLimitCustomer)
	other := Give(t, s.Service, "welcome", "kim", 2)
	_, err = s.Reserve(ctx, "d", request("kim", 12_345, other.Code))
	refused(t, err, coupon.ReasonLimitCustomer)

	lee := Give(t, s.Service, "welcome", "lee", 1)
	s.clock.Pass(lee.Expires.Sub(Start) - time.Microsecond)
	_, err = s.Reserve(ctx, "e", request("kim", 12_345, lee.Code))
	refused(t, err, coupon.ReasonNotYours, coupon.ReasonLimitCustomer)
	_, err = s.Reserve(ctx, "f", request("lee", 12_345, lee.Code))
	require.NoError(t, err, "the last moment")
	_, err = s.Release(ctx, "f")
	require.NoError(t, err)
	s.clock.Pass(time.Microsecond)
	_, err = s.Reserve(ctx, "g", request("lee", 12_345, lee.Code))
	refused(t, err, coupon.ReasonExpired)
	offline := request("lee", 12_345, lee.Code)
	offline.At = lee.Expires.Add(-time.Second)
	_, err = s.Reserve(ctx, "h", offline)
	require.NoError(t, err, "a till that was offline says when")
	CheckLedger(t, s.store, d)
}

func keysMeanOneThing(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 2}}})
	g := Give(t, s.Service, "d", "kim", 1)
	again := Give(t, s.Service, "d", "kim", 1)
	require.Empty(t, cmp.Diff(g, again))
	_, err := s.Issue(ctx, coupon.Issue{Key: g.Key, Definition: "d", Customer: "lee"})
	require.ErrorIs(t, err, coupon.ErrKeyReused)

	first, err := s.Reserve(ctx, "k", request("kim", 5000, g.Code))
	require.NoError(t, err)
	s.clock.Pass(time.Minute)
	typed := request("kim", 5000, " "+coupon.FormatCode(g.Code))
	typed.Client = "another"
	second, err := s.Reserve(ctx, "k", typed)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(first, second))
	_, err = s.Reserve(ctx, "k", request("kim", 5001, g.Code))
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	_, err = s.Reserve(ctx, "", request("kim", 5000, g.Code))
	require.ErrorIs(t, err, coupon.ErrRequest)

	_, err = s.Commit(ctx, "nothing", "o")
	require.ErrorIs(t, err, coupon.ErrNotFound)
	c1, err := s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	s.clock.Pass(time.Minute)
	c2, err := s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(c1, c2))
	_, err = s.Commit(ctx, "k", "p")
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	_, err = s.Release(ctx, "k")
	require.ErrorIs(t, err, coupon.ErrCommitted)
	second, err = s.Reserve(ctx, "k", request("kim", 5000, g.Code))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(first, second), "the first answer, whatever became of it")

	_, err = s.Restore(ctx, "k", "p", coupon.FullCancel)
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	r1, err := s.Restore(ctx, "k", "o", coupon.FullCancel)
	require.NoError(t, err)
	r2, err := s.Restore(ctx, "k", "o", coupon.FullCancel)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(r1, r2))
	c2, err = s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(c1, c2))

	_, err = s.Reserve(ctx, "l", request("kim", 5000, g.Code))
	require.NoError(t, err)
	l1, err := s.Release(ctx, "l")
	require.NoError(t, err)
	s.clock.Pass(time.Minute)
	l2, err := s.Release(ctx, "l")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(l1, l2))
	_, err = s.Commit(ctx, "l", "o")
	require.ErrorIs(t, err, coupon.ErrReleased)
	_, err = s.Restore(ctx, "l", "o", coupon.FullCancel)
	require.ErrorIs(t, err, coupon.ErrRequest)
	uses, _ := committed(t, s.store, "d")
	require.Zero(t, uses)
	CheckLedger(t, s.store, d)
}

func refusalsStand(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1}}})
	g, h := Give(t, s.Service, "d", "kim", 1), Give(t, s.Service, "d", "lee", 1)
	_, err := s.Reserve(ctx, "kim", request("kim", 5000, g.Code))
	require.NoError(t, err)
	_, err = s.Reserve(ctx, "lee", request("lee", 5000, h.Code))
	refused(t, err, coupon.ReasonLimitTotal)
	_, err = s.Release(ctx, "kim")
	require.NoError(t, err)
	_, err = s.Reserve(ctx, "lee", request("lee", 5000, h.Code))
	refused(t, err, coupon.ReasonLimitTotal)
	_, err = s.Commit(ctx, "lee", "o")
	refused(t, err, coupon.ReasonLimitTotal)
	_, err = s.Release(ctx, "lee")
	require.NoError(t, err)
	_, err = s.Reserve(ctx, "lee/2", request("lee", 5000, h.Code))
	require.NoError(t, err, "a new attempt has a new key")
}

func lateCommits(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1}}})
	g, h := Give(t, s.Service, "d", "kim", 1), Give(t, s.Service, "d", "lee", 1)

	_, err := s.Reserve(ctx, "a", request("kim", 5000, g.Code))
	require.NoError(t, err)
	s.clock.Pass(time.Hour)
	n, err := s.Lapse(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	q, err := s.Quote(ctx, request("kim", 5000, g.Code))
	require.NoError(t, err)
	require.Equal(t, int64(1000), q.Discount, "it is free again")
	r, err := s.Commit(ctx, "a", "o1")
	require.NoError(t, err, "and nobody took it, so a late commit has it")
	require.Equal(t, coupon.StateCommitted, r.State)
	CheckLedger(t, s.store, d)
	_, err = s.Restore(ctx, "a", "o1", coupon.FullCancel)
	require.NoError(t, err)

	_, err = s.Reserve(ctx, "b", request("kim", 5000, g.Code))
	require.NoError(t, err)
	s.clock.Pass(time.Hour)
	_, err = s.Reserve(ctx, "c", request("lee", 5000, h.Code))
	require.NoError(t, err, "a full limit looks for what is past its time")
	_, err = s.Commit(ctx, "b", "o2")
	refused(t, err, coupon.ReasonLimitTotal)
	_, err = s.Commit(ctx, "c", "o3")
	require.NoError(t, err)
	_, err = s.Restore(ctx, "c", "o3", coupon.FullCancel)
	require.NoError(t, err)
	_, err = s.Commit(ctx, "b", "o2")
	refused(t, err, coupon.ReasonLimitTotal) // the answer it got before
	uses, _ := committed(t, s.store, "d")
	require.Zero(t, uses)

	_, err = s.Reserve(ctx, "e", request("kim", 5000, g.Code))
	require.NoError(t, err)
	s.clock.Pass(time.Hour)
	_, err = s.Commit(ctx, "e", "o4")
	require.NoError(t, err, "past its time, but not given back yet")
	CheckLedger(t, s.store, d)
	_, err = s.Restore(ctx, "e", "o4", coupon.FullCancel)
	require.NoError(t, err)

	_, err = s.Reserve(ctx, "f", request("kim", 5000, g.Code))
	require.NoError(t, err)
	s.clock.Pass(time.Hour)
	_, err = s.Reserve(ctx, "g", request("lee", 5000, h.Code))
	require.NoError(t, err)
	s.clock.Pass(time.Hour)
	_, err = s.Commit(ctx, "f", "o5")
	require.NoError(t, err, "who took it is past their time, too")
	_, err = s.Commit(ctx, "g", "o6")
	refused(t, err, coupon.ReasonLimitTotal)
	CheckLedger(t, s.store, d)
}

func lapse(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 3}, {Amount: 3000}}})
	code := shared(t, s, "d", "SALE")
	for i := range 3 {
		_, err := s.Reserve(ctx, fmt.Sprint("a", i), request("kim", 5000, code))
		require.NoError(t, err)
	}
	_, err := s.Reserve(ctx, "b", request("kim", 5000, code))
	refused(t, err, coupon.ReasonLimitTotal, coupon.ReasonBudget)
	s.clock.Pass(30*time.Minute - time.Microsecond)
	n, err := s.Lapse(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	s.clock.Pass(time.Microsecond)
	q, err := s.Quote(ctx, request("kim", 5000, code))
	require.NoError(t, err)
	require.Equal(t, int64(1000), q.Discount, "a quote counts them as free before anybody gave them back")
	_, err = s.Reserve(ctx, "c", request("kim", 5000, code))
	require.NoError(t, err)
	n, err = s.Lapse(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "Reserve gave all of them back")
	_, err = s.Release(ctx, "a0")
	require.NoError(t, err, "releasing what lapsed gives nothing back twice")
	_, err = s.Commit(ctx, "a0", "o")
	require.ErrorIs(t, err, coupon.ErrReleased)
	CheckLedger(t, s.store, d)
}

func shared(t testing.TB, s shop, definition, code string) string {
	t.Helper()
	g, err := s.AddSharedCode(t.Context(), coupon.SharedCode{Code: code, Definition: definition})
	require.NoError(t, err)
	return g.Code
}

func restore(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	causes := []coupon.Cause{coupon.FullCancel, coupon.FullReturn, coupon.PartialCancel, coupon.PartialReturn}
	for when, back := range map[coupon.RestoreWhen][]bool{
		coupon.OnNothing:            {false, false, false, false},
		coupon.OnFullCancel:         {true, false, false, false},
		"":                          {true, false, false, false},
		coupon.OnFullCancelOrReturn: {true, true, false, false},
		coupon.OnAnyReturn:          {true, true, true, true},
	} {
		id := "d-" + string(when)
		d := Save(t, s.Service, coupon.Definition{ID: id, Discount: coupon.AmountOff(1000), Restore: coupon.Restore{When: when},
			Limits: []coupon.Limit{{Uses: 9, Amount: 9000}, {Uses: 9, Customer: true}, {Uses: 9, Period: coupon.Month}}})
		for i, cause := range causes {
			g := Give(t, s.Service, id, "kim", i)
			key := fmt.Sprint(id, i)
			_, err := s.Reserve(ctx, key, coupon.Request{Customer: "kim", Cart: Cart(5000), Grants: []string{g.ID}})
			require.NoError(t, err)
			_, err = s.Commit(ctx, key, key)
			require.NoError(t, err)
			got, err := s.Restore(ctx, key, key, cause)
			require.NoError(t, err)
			require.Equal(t, back[i], got.Uses[0].Restored, "%q after %s", when, cause)
			q, err := s.Quote(ctx, request("kim", 5000, g.Code))
			require.NoError(t, err)
			require.Equal(t, back[i], q.Decisions[0].Outcome == coupon.Applied)
			CheckLedger(t, s.store, d)
		}
	}
}

func restoreWithGrace(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "stay", Discount: coupon.AmountOff(1000), Validity: coupon.Validity{Days: 1}})
	Save(t, s.Service, coupon.Definition{ID: "grace", Discount: coupon.AmountOff(1000), Validity: coupon.Validity{Days: 1},
		Restore: coupon.Restore{GraceDays: 2}})
	a, b := Give(t, s.Service, "stay", "kim", 1), Give(t, s.Service, "grace", "kim", 1)
	_, err := s.Reserve(ctx, "k", request("kim", 5000, a.Code, b.Code))
	require.NoError(t, err)
	_, err = s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	s.clock.Pass(10 * 24 * time.Hour)
	for range 2 {
		_, err = s.Restore(ctx, "k", "o", coupon.FullCancel)
		require.NoError(t, err)
	}
	_, err = s.Reserve(ctx, "a", request("kim", 5000, a.Code))
	refused(t, err, coupon.ReasonExpired)
	wallet, err := s.Wallet(ctx, "kim")
	require.NoError(t, err)
	for _, g := range wallet {
		require.True(t, g.Used.IsZero())
		if g.ID == b.ID {
			require.Equal(t, time.Date(2026, 12, 4, 0, 0, 0, 0, Seoul).UTC(), g.Expires, "two days after the day of the cancel")
		}
	}
	_, err = s.Reserve(ctx, "b", request("kim", 5000, b.Code))
	require.NoError(t, err)
}

func results(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Campaign: "autumn"})
	Save(t, s.Service, coupon.Definition{ID: "e", Discount: coupon.PercentOff(50)})
	for i, customer := range []dangol.CustomerID{"kim", "lee", "park"} {
		g, err := s.Issue(ctx, coupon.Issue{Key: "d" + string(customer), Definition: "d", Customer: customer, Group: "vip"})
		require.NoError(t, err)
		h, err := s.Issue(ctx, coupon.Issue{Key: "e" + string(customer), Definition: "e", Customer: customer, Campaign: "launch"})
		require.NoError(t, err)
		_, err = s.Reserve(ctx, string(customer), request(customer, 10_000, g.Code, h.Code))
		require.NoError(t, err)
		if i < 2 {
			_, err = s.Commit(ctx, string(customer), string(customer))
			require.NoError(t, err)
		}
	}
	s.clock.Pass(time.Hour)
	_, err := s.Restore(ctx, "lee", "lee", coupon.FullCancel)
	require.NoError(t, err)
	by := func(by coupon.By, q coupon.ResultQuery) []coupon.Result {
		rs, err := s.Results(ctx, by, q)
		require.NoError(t, err)
		return rs
	}
	d := coupon.Result{Currency: dangol.KRW, Issued: 3, Used: 2, Restored: 1, Cancelled: 1, Discount: 1000, Revenue: 4000}
	e := d
	e.Discount = 5000
	named := func(r coupon.Result, definition, group, campaign string) coupon.Result {
		r.Definition, r.Group, r.Campaign = definition, group, campaign
		return r
	}
	require.Empty(t, cmp.Diff([]coupon.Result{named(d, "d", "", ""), named(e, "e", "", "")}, by(coupon.ByDefinition, coupon.ResultQuery{})))
	require.Empty(t, cmp.Diff([]coupon.Result{named(e, "", "", ""), named(d, "", "vip", "")}, by(coupon.ByGroup, coupon.ResultQuery{})))
	require.Empty(t, cmp.Diff([]coupon.Result{named(d, "", "", "autumn"), named(e, "", "", "launch")}, by(coupon.ByCampaign, coupon.ResultQuery{})))
	require.Empty(t, cmp.Diff([]coupon.Result{{Definition: "d", Currency: dangol.KRW, Restored: 1, Cancelled: 1, Discount: -1000, Revenue: -4000}},
		by(coupon.ByDefinition, coupon.ResultQuery{Definition: "d", From: Start.Add(time.Minute)})), "what happened within the time")
	require.Empty(t, by(coupon.ByDefinition, coupon.ResultQuery{To: Start}))
}

func batches(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
	const count = 2500
	// The process dies after the first step of the work, the next after two, and so on.
	want := coupon.Batch{ID: "b", Definition: "d", Count: count}
	deaths := 0
	for after := 1; ; after++ {
		left := after
		dying := Steps(s.store, func() error {
			if left--; left < 0 {
				return errDied
			}
			return nil
		})
		b, err := NewService(t, dying, s.clock).Generate(ctx, want)
		if err == nil {
			require.Equal(t, int64(count), b.Done)
			break
		}
		require.ErrorIs(t, err, errDied)
		deaths++
	}
	require.Greater(t, deaths, 3)
	again, err := s.Generate(ctx, want)
	require.NoError(t, err)
	require.Equal(t, int64(count), again.Done)
	_, err = s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: count + 1})
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	seen := map[string]bool{}
	for g, err := range s.Grants(ctx, coupon.GrantQuery{Batch: "b"}) {
		require.NoError(t, err)
		seen[g.Code] = true
	}
	require.Len(t, seen, count)
}

func records(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Validity: coupon.Validity{Days: 2}})
	g := Give(t, s.Service, "d", "kim", 1)
	Give(t, s.Service, "d", "lee", 1)
	_, err := s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 3})
	require.NoError(t, err)
	one := func() coupon.Record {
		var out []coupon.Record
		for r, err := range s.Records(ctx, "kim") {
			require.NoError(t, err)
			out = append(out, r)
		}
		require.Len(t, out, 1)
		return out[0]
	}
	want := coupon.Record{Key: g.ID, Customer: "kim", Issued: Start, Starts: Start, Expires: g.Expires, Definition: "d", Name: "d",
		Code: g.Code, Currency: dangol.KRW}
	require.Empty(t, cmp.Diff(want, one()))
	_, err = s.Reserve(ctx, "k", request("kim", 5000, g.Code))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, one()), "reserved is not used")
	s.clock.Pass(time.Minute)
	_, err = s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	want.Used, want.Order, want.Discount = Start.Add(time.Minute), "o", 1000
	require.Empty(t, cmp.Diff(want, one()))
	_, err = s.Restore(ctx, "k", "o", coupon.FullCancel)
	require.NoError(t, err)
	want.Used, want.Order, want.Discount = time.Time{}, "", 0
	require.Empty(t, cmp.Diff(want, one()))
	n := 0
	for r, err := range s.Records(ctx, "") {
		require.NoError(t, err)
		require.NotEmpty(t, r.Customer, "codes that are nobody's are no customer's records")
		n++
	}
	require.Equal(t, 2, n)
	n = 0
	for range s.Expiring(ctx, g.Expires, g.Expires.Add(time.Second)) {
		n++
	}
	require.Equal(t, 2, n)
}
