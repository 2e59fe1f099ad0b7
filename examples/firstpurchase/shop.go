package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/store"
)

var seoul = time.FixedZone("KST", 9*60*60) // replaced by the zone database's in init

func init() {
	if zone, err := time.LoadLocation("Asia/Seoul"); err == nil {
		seoul = zone
	}
}

// The shop opens the campaign on the evening of day 0 and lives days 1 to 3.
const days = 3

// clock is the local time h:m of a day of the story.
func clock(day, h, m int) time.Time { return time.Date(2026, 3, 2+day, h, m, 0, 0, seoul) }

// newcomer is one customer of the generated shop.
type newcomer struct {
	id      dangol.CustomerID
	name    string
	phone   string
	joined  time.Time
	consent bool
	orders  []order // before and during the story, without the coupon
}

type order struct {
	id     string
	placed time.Time
	total  int64 // won
}

var (
	families = []string{"김", "이", "박", "최", "정", "강", "조", "윤"}
	givens   = []string{"민서", "서준", "하은", "도윤", "지우", "예준", "수아", "시우", "지아", "현우"}
)

// generate makes the same shop every time: twenty-four customers who joined before
// the story and two or three more on each of its days. Some order by themselves,
// and some have not agreed to advertising.
func generate() []newcomer {
	r := rand.New(rand.NewPCG(20260302, 2))
	var all []newcomer
	join := func(at time.Time) {
		n := len(all) + 1
		c := newcomer{
			id:      dangol.CustomerID(fmt.Sprintf("m%03d", n)),
			name:    families[r.IntN(len(families))] + givens[r.IntN(len(givens))],
			phone:   fmt.Sprintf("010-0000-%04d", n), // a range that is given to nobody
			joined:  at,
			consent: r.IntN(8) > 0,
		}
		if r.IntN(3) == 0 {
			placed := at.Add(time.Duration(1+r.IntN(60)) * time.Hour)
			if placed.Before(clock(days, 23, 0)) {
				c.orders = []order{{id: fmt.Sprintf("o%03d", n), placed: placed, total: int64(10+r.IntN(90)) * 1000}}
			}
		}
		all = append(all, c)
	}
	for range 24 {
		join(clock(0, 18, 0).Add(-time.Duration(1+r.IntN(12*24*60)) * time.Minute))
	}
	for day := 1; day <= days; day++ {
		for range 2 + r.IntN(2) {
			join(clock(day, 11+r.IntN(11), r.IntN(60)))
		}
	}
	return all
}

// changes are what the shop's own tables take up between two instants: sign-ups
// and orders.
func changes(all []newcomer, from, to time.Time) []store.Change {
	within := func(t time.Time) bool { return !t.Before(from) && t.Before(to) }
	var out []store.Change
	for _, c := range all {
		if within(c.joined) {
			out = append(out, store.Change{Customer: c.id, Fields: map[string]catalog.Value{
				"joined":        catalog.TimeValue(c.joined),
				"name":          catalog.StringValue(c.name),
				"phone":         catalog.StringValue(c.phone),
				"consent":       catalog.BoolValue(c.consent),
				"consent_kakao": catalog.BoolValue(c.consent),
			}})
		}
		for _, o := range c.orders {
			if within(o.placed) {
				out = append(out, orderRow(c.id, o))
			}
		}
	}
	return out
}

func orderRow(customer dangol.CustomerID, o order) store.Change {
	return store.Change{Customer: customer, Kind: "all_orders", Key: o.id, Fields: map[string]catalog.Value{
		"placed": catalog.TimeValue(o.placed),
		"paid":   catalog.TimeValue(o.placed),
		"status": catalog.StringValue("paid"),
		"total":  catalog.NumberValue(o.total),
	}}
}

// consents are the lines that the sign-up form writes into the consent ledger.
func consents(all []newcomer, from, to time.Time) []message.Consent {
	var out []message.Consent
	for _, c := range all {
		if c.consent && !c.joined.Before(from) && c.joined.Before(to) {
			out = append(out, message.Consent{
				Customer: c.id, Channel: message.KakaoBrand, Granted: true, At: c.joined,
				Wording: "2026-01", Evidence: "signup/" + string(c.id), Source: "signup",
			})
		}
	}
	return out
}
