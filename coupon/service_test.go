package coupon_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// groups is an Audience in a map: members by group, stores where pricing is off.
type groups struct {
	members map[string][]dangol.CustomerID
	off     map[string]bool // "group/store"
	asked   int
}

var errBroken = errors.New("the group is broken")

func (g *groups) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	g.asked++
	if _, ok := g.members[group]; !ok {
		return dangol.Snapshot{}, errBroken
	}
	return dangol.Snapshot{Group: group}, nil
}

func (g *groups) Contains(_ context.Context, s dangol.Snapshot, id dangol.CustomerID) (bool, error) {
	for _, m := range g.members[s.Group] {
		if m == id {
			return true, nil
		}
	}
	return false, nil
}

func (g *groups) GroupPricing(_ context.Context, group, store string) (bool, error) {
	return !g.off[group+"/"+store], nil
}

// counter is a shop with groups and a clock.
func counter(t *testing.T, change ...func(*coupon.Config)) (*coupon.Service, *coupontest.Clock, *groups) {
	t.Helper()
	clock := new(coupontest.Clock)
	g := &groups{members: map[string][]dangol.CustomerID{"vip": {"kim"}, "staff": {"lee"}}, off: map[string]bool{"vip/busan": true}}
	c := coupon.Config{Clock: clock, Zone: coupontest.Seoul, Audience: g, LinkBase: "https://shop.example/c",
		LinkSecrets: [][]byte{[]byte(strings.Repeat("k", 32))}}
	for _, f := range change {
		f(&c)
	}
	s, err := coupon.New(coupon.NewMemory(), c)
	require.NoError(t, err)
	return s, clock, g
}

// holding is an Audience that is a Holder.
type holding struct {
	*groups
	held []string
}

func (h *holding) Hold(_ context.Context, group string, u dangol.Use) error {
	if _, ok := h.members[group]; !ok {
		return errBroken
	}
	h.held = append(h.held, "+"+group+"/"+u.By+"/"+u.ID)
	return nil
}

func (h *holding) Release(_ context.Context, group string, u dangol.Use) error {
	h.held = append(h.held, "-"+group+"/"+u.By+"/"+u.ID)
	return nil
}

func TestGroupsAreHeld(t *testing.T) {
	ctx := t.Context()
	h := &holding{}
	s, _, g := counter(t, func(c *coupon.Config) {
		h.groups = c.Audience.(*groups)
		c.Audience = h
	})
	d := coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1), Audience: []string{"vip", "nobody"}}
	_, err := s.Save(ctx, d)
	require.ErrorIs(t, err, errBroken)
	_, err = s.Definition(ctx, "d", 0)
	require.ErrorIs(t, err, coupon.ErrNotFound)
	h.held = nil
	d.Audience = []string{"vip"}
	first, err := s.Save(ctx, d)
	require.NoError(t, err)
	delete(g.members, "vip")
	_, err = s.Save(ctx, d)
	require.NoError(t, err, "what is saved already may be saved while its group is broken")
	first.Audience, first.Automatic.Group = nil, "staff"
	_, err = s.Save(ctx, first)
	require.NoError(t, err)
	require.Equal(t, []string{"+vip/coupon/d", "+staff/coupon/d", "-vip/coupon/d"}, h.held)
}

func only(t *testing.T, s *coupon.Service, req coupon.Request) coupon.Decision {
	t.Helper()
	q, err := s.Quote(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, q.Decisions, 1)
	return q.Decisions[0]
}

func TestPromotionsFollowGroupsAndStores(t *testing.T) {
	ctx := t.Context()
	s, _, g := counter(t)
	d := coupon.Definition{ID: "p", Name: "VIP", Kind: coupon.KindPromotion, Discount: coupon.PercentOff(10), Audience: []string{"vip"}}
	_, err := s.Save(ctx, d)
	require.ErrorIs(t, err, coupon.ErrConfirm)
	d, err = s.Save(ctx, d, coupon.Confirm)
	require.NoError(t, err)
	at := func(customer dangol.CustomerID, store string) coupon.Decision {
		cart := coupontest.Cart(10_000)
		cart.Store = store
		return only(t, s, coupon.Request{Customer: customer, Cart: cart})
	}
	require.Equal(t, int64(1000), at("kim", "gangnam").Discount)
	require.Equal(t, []coupon.Reason{coupon.ReasonPricingOff}, at("kim", "busan").Reasons)
	require.Equal(t, []coupon.Reason{coupon.ReasonAudience}, at("lee", "gangnam").Reasons)
	require.Equal(t, []coupon.Reason{coupon.ReasonAudience}, at("", "gangnam").Reasons)

	r, err := s.Reserve(ctx, "k", coupon.Request{Customer: "lee", Cart: coupontest.Cart(10_000)})
	require.NoError(t, err, "a promotion that does not apply is nobody's refusal")
	require.Zero(t, r.Discount)

	d.Audience = []string{"vip", "staff"}
	d, err = s.Save(ctx, d)
	require.NoError(t, err, "it is restricted already")
	require.Equal(t, int64(1000), at("lee", "busan").Discount)
	delete(g.members, "staff")
	require.Equal(t, []coupon.Reason{coupon.ReasonAudienceError}, at("lee", "gangnam").Reasons, "a broken group is nobody's")
	require.Equal(t, int64(1000), at("kim", "gangnam").Discount, "another group is enough")
	d.Audience = nil
	_, err = s.Save(ctx, d)
	require.ErrorIs(t, err, coupon.ErrFinal)
	_, err = s.Issue(ctx, coupon.Issue{Key: "1", Definition: "p", Customer: "kim"})
	require.ErrorIs(t, err, coupon.ErrRequest)
	_, err = s.AddSharedCode(ctx, coupon.SharedCode{Code: "X", Definition: "p"})
	require.ErrorIs(t, err, coupon.ErrRequest)
}

func TestPromotionsHaveLimits(t *testing.T) {
	ctx := t.Context()
	s, clock, _ := counter(t)
	_, err := s.Save(ctx, coupon.Definition{ID: "p", Name: "Opening", Kind: coupon.KindPromotion, Discount: coupon.AmountOff(1000),
		Limits: []coupon.Limit{{Uses: 1, Customer: true}}, Validity: coupon.Validity{From: coupontest.Start, Until: coupontest.Start.Add(time.Hour)}})
	require.NoError(t, err)
	req := coupon.Request{Customer: "kim", Cart: coupontest.Cart(10_000)}
	for i, want := range []int64{1000, 0} {
		r, err := s.Reserve(ctx, string(rune('a'+i)), req)
		require.NoError(t, err)
		require.Equal(t, want, r.Discount)
		_, err = s.Commit(ctx, string(rune('a'+i)), "o")
		require.NoError(t, err)
	}
	require.Equal(t, []coupon.Reason{coupon.ReasonLimitCustomer}, only(t, s, req).Reasons)
	require.NoError(t, s.Stop(ctx, "p", coupon.Stops{Using: true}))
	clock.Pass(time.Hour)
	require.Equal(t, []coupon.Reason{coupon.ReasonStopped, coupon.ReasonExpired, coupon.ReasonLimitCustomer}, only(t, s, req).Reasons, "all that apply")
	require.Equal(t, []coupon.Reason{coupon.ReasonNoCustomer, coupon.ReasonStopped, coupon.ReasonExpired},
		only(t, s, coupon.Request{Cart: req.Cart}).Reasons)
}

func TestAudienceOfCoupons(t *testing.T) {
	ctx := t.Context()
	s, _, g := counter(t)
	_, err := s.Save(ctx, coupon.Definition{ID: "d", Name: "VIP", Discount: coupon.AmountOff(1000), Audience: []string{"vip"}})
	require.NoError(t, err)
	_, err = s.Issue(ctx, coupon.Issue{Key: "1", Definition: "d", Customer: "lee"})
	require.ErrorContains(t, err, "(audience)")
	mine, err := s.Issue(ctx, coupon.Issue{Key: "2", Definition: "d", Customer: "kim"})
	require.NoError(t, err)
	code, err := s.AddSharedCode(ctx, coupon.SharedCode{Code: "vip only", Definition: "d"})
	require.NoError(t, err)
	require.Equal(t, coupon.Applied, only(t, s, coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{"VIP-ONLY"}}).Outcome)
	require.Equal(t, []coupon.Reason{coupon.ReasonAudience},
		only(t, s, coupon.Request{Customer: "lee", Cart: coupontest.Cart(5000), Codes: []string{code.Code}}).Reasons)
	g.members["vip"] = nil
	require.Equal(t, coupon.Applied, only(t, s, coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Grants: []string{mine.ID}}).Outcome,
		"a coupon that is a customer's stays theirs when they leave the group")

	alone, err := coupon.New(coupon.NewMemory(), coupon.Config{})
	require.NoError(t, err)
	coupontest.Save(t, alone, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1), Audience: []string{"vip"}})
	_, err = alone.Issue(ctx, coupon.Issue{Key: "1", Definition: "d", Customer: "kim"})
	require.ErrorContains(t, err, "(audience-error)", "without an Audience a group is nobody")
}

func TestEveryReasonAtOnce(t *testing.T) {
	ctx := t.Context()
	s, clock, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{
		ID: "d", Discount: coupon.AmountOff(1000), Currency: "USD", Channels: []string{"web"}, Stores: []string{"gangnam"},
		Targets: coupon.Targets{Products: []string{"hat"}}, Minimum: coupon.Minimum{Amount: 1_000_000},
		Validity: coupon.Validity{Days: 1}, Limits: []coupon.Limit{{Uses: 1}, {Uses: 1, Customer: true}, {Uses: 1, Period: coupon.Year}, {Amount: 1000}},
	})
	g := coupontest.Give(t, s, "d", "kim", 1)
	paid := coupon.Request{Customer: "kim", Grants: []string{g.ID}, Cart: coupon.Cart{Currency: "USD", Store: "gangnam", Channel: "web",
		Lines: []coupon.Line{{ID: "1", Product: "hat", Quantity: 1, Price: 2_000_000}}}}
	_, err := s.Reserve(ctx, "k", paid)
	require.NoError(t, err)
	_, err = s.Commit(ctx, "k", "o")
	require.NoError(t, err)
	_, err = s.Revoke(ctx, g.ID)
	require.NoError(t, err)
	require.NoError(t, s.Stop(ctx, "d", coupon.Stops{Using: true}))
	clock.Pass(72 * time.Hour)
	d := only(t, s, coupon.Request{Customer: "kim", Grants: []string{g.ID}, Cart: coupontest.Cart(5000)})
	require.Empty(t, cmp.Diff([]coupon.Reason{
		coupon.ReasonStopped, coupon.ReasonUsed, coupon.ReasonRevoked, coupon.ReasonExpired, coupon.ReasonCurrency, coupon.ReasonChannel,
		coupon.ReasonStore, coupon.ReasonTarget, coupon.ReasonMinimum, coupon.ReasonLimitTotal, coupon.ReasonLimitCustomer,
		coupon.ReasonLimitPeriod, coupon.ReasonBudget,
	}, d.Reasons))
	err = &coupon.RefusedError{Refusals: []coupon.Refusal{{Code: "X", Reasons: []coupon.Reason{"a", "b"}}, {Grant: "g", Reasons: []coupon.Reason{"c"}}}}
	require.EqualError(t, err, "coupon: refused: X (a, b); g (c)")
	require.True(t, err.(*coupon.RefusedError).Has("b"))
	require.False(t, err.(*coupon.RefusedError).Has("d"))
}

func TestPromoInEveryDress(t *testing.T) {
	ctx := t.Context()
	s, _, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1, Customer: true}}})
	_, err := s.AddSharedCode(ctx, coupon.SharedCode{Code: "PROMO ", Definition: "d"})
	require.NoError(t, err)
	dresses := []string{"PROMO ", "promo", "ＰＲＯＭＯ", "PR0M0", "pro-mo"}
	for _, typed := range dresses {
		require.Equal(t, coupon.Applied, only(t, s, coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{typed}}).Outcome, typed)
	}
	require.Equal(t, int64(1000), only(t, s, coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: dresses}).Discount, "all of them are one coupon")
	_, err = s.Reserve(ctx, "k", coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{"promo"}})
	require.NoError(t, err)
	for _, typed := range dresses {
		require.Equal(t, []coupon.Reason{coupon.ReasonLimitCustomer},
			only(t, s, coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{typed}}).Reasons, typed)
	}
	_, err = s.AddSharedCode(ctx, coupon.SharedCode{Code: "promo", Definition: "d"})
	require.NoError(t, err, "the same code again")
	coupontest.Save(t, s, coupon.Definition{ID: "e", Discount: coupon.AmountOff(1000)})
	_, err = s.AddSharedCode(ctx, coupon.SharedCode{Code: "pr0mo", Definition: "e"})
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	_, err = s.AddSharedCode(ctx, coupon.SharedCode{Code: " - ", Definition: "e"})
	require.ErrorIs(t, err, coupon.ErrRequest)
	_, err = s.Claim(ctx, "promo", "kim")
	require.ErrorIs(t, err, coupon.ErrRequest)
}

func TestGuessingIsSlowedDown(t *testing.T) {
	ctx := t.Context()
	s, clock, _ := counter(t, func(c *coupon.Config) { c.Lookups = coupon.NewLookupGuard(c.Clock, 3, time.Minute) })
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
	g := coupontest.Give(t, s, "d", "kim", 1)
	ask := func(client string, codes ...string) error {
		_, err := s.Quote(ctx, coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: codes, Client: client})
		return err
	}
	require.NoError(t, ask("a", g.Code, "X0"))
	require.NoError(t, ask("a", "X1", "X2"))
	require.ErrorIs(t, ask("a", g.Code), coupon.ErrTooManyLookups)
	_, err := s.Reserve(ctx, "k", coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{g.Code}, Client: "a"})
	require.ErrorIs(t, err, coupon.ErrTooManyLookups)
	require.NoError(t, ask("a"), "a cart without codes asks nothing")
	require.NoError(t, ask("b", g.Code))
	clock.Pass(time.Minute)
	require.NoError(t, ask("a", g.Code))
	require.NoError(t, ask("a", "X1"))
	require.NoError(t, ask("a", g.Code), "a new window")
	for range 3 {
		_, err := s.Claim(ctx, "nonsense", "lee")
		require.ErrorContains(t, err, "unknown")
	}
	_, err = s.Claim(ctx, g.Code, "lee")
	require.ErrorIs(t, err, coupon.ErrTooManyLookups)
	_, err = s.Claim(ctx, g.Code, "kim")
	require.NoError(t, err)
}

func TestAutomaticIssue(t *testing.T) {
	ctx := t.Context()
	s, _, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1), Automatic: coupon.Automatic{Group: "vip"}, Audience: []string{"vip"}})
	coupontest.Save(t, s, coupon.Definition{ID: "e", Discount: coupon.AmountOff(1), Automatic: coupon.Automatic{Event: "birthday"}})
	coupontest.Save(t, s, coupon.Definition{ID: "f", Discount: coupon.AmountOff(1)})
	entered := func(yield func(dangol.CustomerID) bool) { _ = yield("kim") && yield("lee") }
	for range 2 {
		n, err := s.IssueEntered(ctx, "vip", 7, entered)
		require.NoError(t, err)
		require.Equal(t, 1, n, "lee is not in the group any more")
		n, err = s.IssueOn(ctx, "birthday", "2026", "kim")
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	n, err := s.IssueEntered(ctx, "vip", 8, entered)
	require.NoError(t, err)
	require.Equal(t, 1, n, "who enters again gets again")
	wallet, err := s.Wallet(ctx, "kim")
	require.NoError(t, err)
	require.Len(t, wallet, 3)
	_, err = s.Wallet(ctx, "")
	require.ErrorIs(t, err, coupon.ErrRequest)
}

func TestDefinitionsAreChecked(t *testing.T) {
	good := coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1)}
	for name, spoil := range map[string]func(*coupon.Definition){
		"ID must":                     func(d *coupon.Definition) { d.ID = "" },
		"no /":                        func(d *coupon.Definition) { d.ID = "a/b" },
		"Name":                        func(d *coupon.Definition) { d.Name = "" },
		"Kind":                        func(d *coupon.Definition) { d.Kind = "gift" },
		"Currency":                    func(d *coupon.Definition) { d.Currency = "WON" },
		"Zone":                        func(d *coupon.Definition) { d.Zone = "Seoul" },
		"an Amount or a Rate":         func(d *coupon.Definition) { d.Discount.Rate = 1 },
		"Discount.Amount":             func(d *coupon.Definition) { d.Discount.Amount = -1 },
		"Discount.Rate":               func(d *coupon.Definition) { d.Discount = coupon.PercentOff(101) },
		"Max and Unit":                func(d *coupon.Definition) { d.Discount.Max = 1 },
		"Unit must":                   func(d *coupon.Definition) { d.Discount.Unit = -1 },
		"Minimum":                     func(d *coupon.Definition) { d.Minimum.Amount = -1 },
		"Days":                        func(d *coupon.Definition) { d.Validity.Days = -1 },
		"Convention":                  func(d *coupon.Definition) { d.Validity.Convention = "x" },
		"before Until":                func(d *coupon.Definition) { d.Validity.From, d.Validity.Until = coupontest.Start, coupontest.Start },
		"needs Uses or Amount":        func(d *coupon.Definition) { d.Limits = []coupon.Limit{{}} },
		"Uses must not be negative":   func(d *coupon.Definition) { d.Limits = []coupon.Limit{{Uses: -1, Amount: 1}} },
		"Period":                      func(d *coupon.Definition) { d.Limits = []coupon.Limit{{Uses: 1, Period: "hour"}} },
		"count grants, not money":     func(d *coupon.Definition) { d.IssueLimits = []coupon.Limit{{Amount: 1}} },
		"Restore.When":                func(d *coupon.Definition) { d.Restore.When = "x" },
		"GraceDays":                   func(d *coupon.Definition) { d.Restore.GraceDays = -1 },
		"Automatic must be empty":     func(d *coupon.Definition) { d.Kind, d.Automatic.Event = coupon.KindPromotion, "x" },
		"IssueLimits must be empty":   func(d *coupon.Definition) { d.Kind, d.IssueLimits = coupon.KindPromotion, []coupon.Limit{{Uses: 1}} },
		"cannot count from the issue": func(d *coupon.Definition) { d.Kind, d.Validity.Days = coupon.KindPromotion, 1 },
	} {
		s, _, _ := counter(t)
		d := good
		spoil(&d)
		_, err := s.Save(t.Context(), d)
		require.ErrorIs(t, err, coupon.ErrDefinition, name)
		require.ErrorContains(t, err, name)
	}
	for _, c := range []coupon.Config{
		{Currency: "WON"}, {Zone: time.Local}, {Hold: -1}, {MaxCoupons: -1}, {CodeSymbols: 9}, {CodeSymbols: 31}, {LinkSecrets: [][]byte{{1}}}, {LinkLife: -1},
	} {
		_, err := coupon.New(coupon.NewMemory(), c)
		require.ErrorContains(t, err, "invalid config")
	}
}

func TestRequestsAreBounded(t *testing.T) {
	s, _, _ := counter(t)
	for _, req := range []coupon.Request{
		{Cart: coupontest.Cart(1), Codes: make([]string, 101)},
		{Cart: coupontest.Cart(1), Customer: dangol.CustomerID(strings.Repeat("x", 256))},
	} {
		_, err := s.Quote(t.Context(), req)
		require.ErrorIs(t, err, coupon.ErrRequest)
		_, err = s.Reserve(t.Context(), "k", req)
		require.ErrorIs(t, err, coupon.ErrRequest)
	}
}

func TestShortCodesAreRefusedWhenTooMany(t *testing.T) {
	ctx := t.Context()
	s, _, _ := counter(t, func(c *coupon.Config) { c.CodeSymbols = 10 })
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
	_, err := s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 1025})
	require.ErrorIs(t, err, coupon.ErrCodeSpace)
	_, err = s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 1024})
	require.NoError(t, err)
	_, err = s.Issue(ctx, coupon.Issue{Key: "1", Definition: "d", Customer: "kim"})
	require.ErrorIs(t, err, coupon.ErrCodeSpace)
	for _, bad := range []coupon.Batch{{Definition: "d", Count: 1}, {ID: "c", Definition: "d"}, {ID: "c", Definition: "d", Count: 1 << 40}} {
		_, err = s.Generate(ctx, bad)
		require.ErrorIs(t, err, coupon.ErrRequest)
	}
}
