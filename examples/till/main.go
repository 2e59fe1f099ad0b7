// Till: a coupon and a group's promotion on one cart, in two stores. In Gangnam the
// group's pricing is on, in Busan it is switched off. Then one of two shirts comes
// back, and later the other order is cancelled.
//
//	go run ./examples/till
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// till is the shop's two services and its clock.
type till struct {
	ctx     context.Context
	say     io.Writer
	groups  *segment.Service
	coupons *coupon.Service
	code    string // of kim's coupon
}

func run(ctx context.Context, say io.Writer) error {
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return err
	}
	now := time.Date(2026, 3, 6, 18, 0, 0, 0, seoul)
	clock := dangol.ClockFunc(func() time.Time { return now })
	customers, err := memstore.New(catalog.Shop(), memstore.Options{})
	if err != nil {
		return err
	}
	err = customers.Apply(ctx, store.Change{Customer: "kim", Fields: map[string]catalog.Value{
		"joined": catalog.TimeValue(now.AddDate(-1, 0, 0)), "email": catalog.StringValue("kim@example.com"),
	}})
	if err != nil {
		return err
	}
	t := &till{ctx: ctx, say: say}
	if t.groups, err = segment.New(segment.Config{Data: customers, Zone: seoul, Clock: clock}); err != nil {
		return err
	}
	// The coupons ask the groups who is in and where their pricing is on.
	if t.coupons, err = coupon.New(coupon.NewMemory(), coupon.Config{Clock: clock, Zone: seoul, Audience: t.groups}); err != nil {
		return err
	}
	for _, step := range []func() error{t.setUp, t.compare, t.buy, t.partialRefund, t.cancel, t.report} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// setUp makes the group, its promotion and kim's coupon.
func (t *till) setUp() error {
	_, err := t.groups.Create(t.ctx, segment.Definition{
		ID: "vip", Name: "VIP 단골", Kind: segment.Static, Pricing: true, PricingIn: map[string]bool{"busan": false},
	})
	if err != nil {
		return err
	}
	if _, err := t.groups.AddByEmail(t.ctx, "vip", "kim@example.com", "a year of custom"); err != nil {
		return err
	}
	// A promotion needs no coupon: it applies by itself. Restricting it to a group
	// is final, so it must be confirmed.
	_, err = t.coupons.Save(t.ctx, coupon.Definition{
		ID: "vip-price", Name: "VIP 10% 할인", Kind: coupon.KindPromotion, Audience: []string{"vip"},
		Discount: coupon.Discount{Rate: 1000, Unit: 100},
		Targets:  coupon.Targets{NotCategories: []string{"sale"}},
	}, coupon.Confirm)
	if err != nil {
		return err
	}
	_, err = t.coupons.Save(t.ctx, coupon.Definition{
		ID: "spring", Name: "봄맞이 5,000원 쿠폰", Discount: coupon.AmountOff(5000),
		Minimum: coupon.Minimum{Amount: 30_000}, Validity: coupon.Validity{Days: 14},
		Limits: []coupon.Limit{{Uses: 1, Customer: true}, {Uses: 100}},
	})
	if err != nil {
		return err
	}
	grant, err := t.coupons.Issue(t.ctx, coupon.Issue{Key: "spring/kim", Definition: "spring", Customer: "kim"})
	t.code = grant.Code
	return err
}

// request is the same cart in any store.
func (t *till) request(store string) coupon.Request {
	return coupon.Request{
		Customer: "kim", Codes: []string{strings.ToLower(t.code)},
		Cart: coupon.Cart{Currency: dangol.KRW, Store: store, Channel: "till", Lines: []coupon.Line{
			{ID: "shirt", Product: "shirt", Quantity: 2, Price: 19_900},
			{ID: "socks", Product: "socks", Quantity: 1, Price: 3_000, Categories: []string{"sale"}},
		}},
	}
}

// compare shows the cart at the tills of both stores.
func (t *till) compare() error {
	if err := t.show("gangnam"); err != nil {
		return err
	}
	return t.show("busan")
}

// buy pays in Gangnam. The till loses an answer and asks again: it is the same
// reservation.
func (t *till) buy() error {
	for range 2 {
		if _, err := t.coupons.Reserve(t.ctx, "order-1/1", t.request("gangnam")); err != nil {
			return err
		}
	}
	r, err := t.coupons.Commit(t.ctx, "order-1/1", "order-1")
	if err != nil {
		return err
	}
	fmt.Fprintf(t.say, "kim pays %s in gangnam\n", won(r.Paid()))
	_, err = t.coupons.Reserve(t.ctx, "order-2/1", t.request("gangnam"))
	refusals, refused := coupon.Refused(err)
	if !refused {
		return fmt.Errorf("a coupon was used twice: %w", err)
	}
	fmt.Fprintf(t.say, "  and again with the same coupon: %v\n", refusals[0].Reasons)
	return nil
}

// show quotes the cart in a store and explains every coupon and promotion.
func (t *till) show(store string) error {
	q, err := t.coupons.Quote(t.ctx, t.request(store))
	if err != nil {
		return err
	}
	fmt.Fprintf(t.say, "%s\n", store)
	for _, l := range q.Lines {
		if l.Before > 0 {
			fmt.Fprintf(t.say, "  %-8s %10s - %9s = %10s\n", l.Line, won(l.Before), won(l.Discount), won(l.After()))
		}
	}
	fmt.Fprintf(t.say, "  to pay %38s\n", won(q.Paid()))
	for _, d := range q.Decisions {
		switch d.Outcome {
		case coupon.Applied:
			fmt.Fprintf(t.say, "  %s: %s off\n", d.Name, won(d.Discount))
		case coupon.NotUsable:
			fmt.Fprintf(t.say, "  %s: not usable, %v\n", d.Name, d.Reasons)
		default:
			fmt.Fprintf(t.say, "  %s: %s %s\n", d.Name, d.Outcome, d.By)
		}
	}
	return nil
}

// partialRefund takes the shirts back one by one: together they give back what was
// paid for them, to the won.
func (t *till) partialRefund() error {
	r, err := t.coupons.Redemption(t.ctx, "order-1/1")
	if err != nil {
		return err
	}
	fmt.Fprintln(t.say, "a shirt comes back")
	for before := range int64(2) {
		back, err := r.Refund("shirt", before, 1)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.say, "  shirt %d: %s to give back, %s of its discounts go with it\n", before+1, won(back.Paid), won(back.Discount))
	}
	got, err := t.coupons.Restore(t.ctx, "order-1/1", "order-1", coupon.PartialReturn)
	if err != nil {
		return err
	}
	for _, u := range got.Uses {
		fmt.Fprintf(t.say, "  %s: comes back %v (policy %s)\n", u.Definition, u.Restored, u.Policy)
	}
	return nil
}

// cancel undoes the whole order: the coupon can be used again.
func (t *till) cancel() error {
	if _, err := t.coupons.Restore(t.ctx, "order-1/1", "order-1", coupon.FullCancel); err != nil {
		return err
	}
	fmt.Fprintln(t.say, "the order is cancelled; the next visit")
	return t.show("busan")
}

func (t *till) report() error {
	results, err := t.coupons.Results(t.ctx, coupon.ByDefinition, coupon.ResultQuery{})
	if err != nil {
		return err
	}
	fmt.Fprintln(t.say, "results")
	for _, r := range results {
		fmt.Fprintf(t.say, "  %-9s issued %d, used %d, came back %d, discount %s\n", r.Definition, r.Issued, r.Used, r.Restored, won(r.Discount))
	}
	return nil
}

func won(n int64) string { return dangol.Money{Minor: n, Currency: dangol.KRW}.String() }
