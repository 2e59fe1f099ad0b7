package coupon_test

import (
	"testing"
	"time"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/stretchr/testify/require"
)

// Issue, use, restore, revoke or expire a coupon, and the group follows.
func TestRulesFollowCoupons(t *testing.T) {
	ctx := t.Context()
	s, clock, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Validity: coupon.Validity{Days: 1}})
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	compiled := func(text string) *plan.Plan {
		p, ds := rules.Text(text, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", text, ds)
		return p
	}
	plans := []*plan.Plan{
		compiled(`coupons(where usable)`),
		compiled(`coupons(90d where used is known)`),
		compiled(`sum(coupons.discount) >= 1000 and coupons(where definition = "d")`),
		compiled(`coupons(where expires within next 2d and usable)`),
	}
	customers, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	require.NoError(t, customers.Apply(ctx, store.Change{Customer: "kim", Fields: map[string]catalog.Value{
		"joined": catalog.TimeValue(coupontest.Start.Add(-time.Hour))}}))
	data, err := store.Join(customers, store.NewFeed("coupons", s.Records))
	require.NoError(t, err)
	in := func() (out [4]bool) {
		answers, err := data.Select(ctx, store.Query{Plans: plans, AsOf: clock.Now(), Zone: coupontest.Seoul})
		require.NoError(t, err)
		for i, a := range answers {
			for id := range a.Members.All() {
				out[i] = out[i] || id == "kim"
			}
		}
		return out
	}
	require.Equal(t, [4]bool{}, in())
	g := coupontest.Give(t, s, "d", "kim", 1)
	clock.Pass(time.Second)
	require.Equal(t, [4]bool{true, false, false, true}, in(), "issued")
	_, err = s.Reserve(ctx, "k", coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Grants: []string{g.ID}})
	require.NoError(t, err)
	_, err = s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	clock.Pass(time.Second)
	require.Equal(t, [4]bool{false, true, true, false}, in(), "used")
	_, err = s.Restore(ctx, "k", "o", coupon.FullCancel)
	require.NoError(t, err)
	require.Equal(t, [4]bool{true, false, false, true}, in(), "restored")
	clock.Pass(g.Expires.Sub(clock.Now()) - time.Second)
	require.Equal(t, [4]bool{true, false, false, true}, in(), "the last second")
	clock.Pass(time.Second)
	require.Equal(t, [4]bool{}, in(), "expired")
	h := coupontest.Give(t, s, "d", "kim", 2)
	clock.Pass(time.Second)
	require.Equal(t, [4]bool{true, false, false, true}, in())
	_, err = s.Revoke(ctx, h.ID)
	require.NoError(t, err)
	clock.Pass(time.Second)
	require.Equal(t, [4]bool{}, in(), "taken back")
}
