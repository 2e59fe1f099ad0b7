// Checkout: groups at the till of two stores. A regular and a guest shop on the
// same evening; what they get depends on who they are, what is in their cart at
// this second, and which store they stand in.
//
//	go run ./examples/checkout
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

// evening is the shop and its clock.
type evening struct {
	ctx    context.Context
	say    io.Writer
	now    time.Time
	data   *memstore.Store
	groups *segment.Service
}

func run(ctx context.Context, say io.Writer) error {
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return err
	}
	e := &evening{ctx: ctx, say: say, now: time.Date(2026, 3, 6, 18, 0, 0, 0, seoul)}
	if e.data, err = memstore.New(catalog.Shop(), memstore.Options{}); err != nil {
		return err
	}
	e.groups, err = segment.New(segment.Config{
		Data: e.data, Zone: seoul, Clock: dangol.ClockFunc(func() time.Time { return e.now }),
	})
	if err != nil {
		return err
	}
	for _, step := range []func() error{e.open, e.shop, e.login, e.close} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// open sets up the customers and two groups: a list with prices of its own in Seoul
// but not in Busan, and a segment that follows the cart.
func (e *evening) open() error {
	year := e.now.AddDate(-1, 0, 0)
	err := e.data.Apply(e.ctx,
		store.Change{Customer: "kim", Fields: map[string]catalog.Value{
			"joined": catalog.TimeValue(year), "email": catalog.StringValue("kim@example.com"),
		}},
		store.Change{Customer: "guest-71", Guest: true, Fields: map[string]catalog.Value{
			"first_seen": catalog.TimeValue(e.now.Add(-time.Minute)),
		}},
	)
	if err != nil {
		return err
	}
	_, err = e.groups.Create(e.ctx, segment.Definition{
		ID: "wholesale", Name: "도매 회원 wholesale", Kind: segment.Static,
		Pricing: true, PricingIn: map[string]bool{"busan": false},
	})
	if err != nil {
		return err
	}
	added, err := e.groups.AddByEmail(e.ctx, "wholesale", "kim@example.com; lee@example.com, not-an-address", "signed contracts")
	if err != nil {
		return err
	}
	fmt.Fprintf(e.say, "pasted e-mails: added %v, unknown %v, malformed %v\n", added.Added, added.Unknown, added.Malformed)
	_, err = e.groups.Create(e.ctx, segment.Definition{
		ID: "big-cart", Name: "큰 장바구니 big cart", Rule: "cart_total >= 50_000 KRW", Scope: "both",
		Schedule: segment.Schedule{Every: time.Minute},
	})
	return err
}

// shop lets both put things into their carts.
func (e *evening) shop() error {
	fmt.Fprintln(e.say, "\n18:00, carts are empty")
	if err := e.tills("kim", "guest-71"); err != nil {
		return err
	}
	e.now = e.now.Add(30 * time.Second)
	for id, won := range map[dangol.CustomerID]int64{"kim": 20_000, "guest-71": 64_000} {
		if err := e.cart(id, id == "guest-71", won); err != nil {
			return err
		}
	}
	fmt.Fprintln(e.say, "\n18:00:30, kim has 20,000 won in the cart, the guest 64,000")
	return e.tills("kim", "guest-71")
}

func (e *evening) cart(id dangol.CustomerID, guest bool, won int64) error {
	return e.data.Apply(e.ctx, store.Change{Op: store.Set, Customer: id, Guest: guest, Fields: map[string]catalog.Value{
		"cart_total": catalog.NumberValue(won), "cart_updated": catalog.TimeValue(e.now),
	}})
}

// login turns the guest into kim: what the guest was a member of ends at once.
func (e *evening) login() error {
	e.now = e.now.Add(time.Minute)
	if _, err := e.groups.RefreshDue(e.ctx); err != nil {
		return err
	}
	before, err := e.groups.Snapshot(e.ctx, "big-cart")
	if err != nil {
		return err
	}
	if err := e.groups.Login(e.ctx, "guest-71", "kim"); err != nil {
		return err
	}
	if err := e.data.Apply(e.ctx, store.Change{Op: store.Merge, Customer: "kim", From: "guest-71"}); err != nil {
		return err
	}
	if err := e.cart("kim", false, 84_000); err != nil {
		return err
	}
	spans, err := e.groups.GroupsOf(e.ctx, "guest-71", true)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.say, "\n18:01:30, the guest signs in as kim, who now has 84,000 won in the cart\n")
	fmt.Fprintf(e.say, "  big-cart had %d member; the guest's membership ended by %s\n", before.Count, spans[0].Left.Why)
	return e.tills("kim")
}

// close prints what was written down about the evening.
func (e *evening) close() error {
	fmt.Fprintln(e.say, "\nwho moved")
	events, err := e.groups.Events(e.ctx, segment.Cursor{}, 100)
	if err != nil {
		return err
	}
	for _, event := range events {
		verb := "left"
		if event.Entered {
			verb = "entered"
		}
		fmt.Fprintf(e.say, "  %s %s %s by %s\n", event.Customer, verb, event.Group, event.Cause.Why)
	}
	return nil
}

// tills prints what customers get in both stores at this moment.
func (e *evening) tills(ids ...dangol.CustomerID) error {
	for _, id := range ids {
		for _, shop := range []string{"seoul", "busan"} {
			prices, err := e.named(id, segment.TierPrice, shop)
			if err != nil {
				return err
			}
			rules, err := e.named(id, segment.CartPriceRule, shop)
			if err != nil {
				return err
			}
			fmt.Fprintf(e.say, "  %-9s %-6s group prices of: %-10s cart rules for: %s\n", id, shop, prices, rules)
		}
	}
	return nil
}

func (e *evening) named(id dangol.CustomerID, purpose segment.Purpose, shop string) (string, error) {
	list, err := e.groups.GroupsFor(e.ctx, id, purpose, shop)
	if err != nil || len(list) == 0 {
		return "-", err
	}
	var out []string
	for _, g := range list {
		out = append(out, g.Group)
	}
	return strings.Join(out, ", "), nil
}
