package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// year makes up a shop's customers and what they did from a year and a half before
// the start until a year after it. It is the same on every run.
func year(start time.Time, customers int) []store.Change {
	s := &shop{
		random: rand.New(rand.NewPCG(7, 11)),
		opened: start.AddDate(-1, -6, 0), end: start.AddDate(1, 0, 0),
	}
	for i := range customers {
		s.customer(dangol.CustomerID(fmt.Sprintf("c%05d", i)))
	}
	return s.changes
}

type shop struct {
	random      *rand.Rand
	opened, end time.Time
	changes     []store.Change
	records     int
}

func (s *shop) record(id dangol.CustomerID, kind, stamp string, at time.Time, fields map[string]catalog.Value) {
	if at.After(s.end) {
		return
	}
	s.records++
	all := map[string]catalog.Value{stamp: catalog.TimeValue(at)}
	for name, v := range fields {
		all[name] = v
	}
	s.changes = append(s.changes, store.Change{Customer: id, Kind: kind, Key: fmt.Sprintf("%s-%d", kind, s.records), Fields: all})
}

func (s *shop) days(mean float64) time.Duration {
	return time.Duration(s.random.ExpFloat64() * mean * 24 * float64(time.Hour))
}

func (s *shop) chance(p float64) bool { return s.random.Float64() < p }

// customer is one life: joining, looking around, buying for a while, leaving.
func (s *shop) customer(id dangol.CustomerID) {
	joined := s.opened.Add(time.Duration(s.random.Float64() * float64(s.end.Sub(s.opened))))
	source := "web"
	if s.chance(0.3) {
		source = "kakao"
	}
	s.changes = append(s.changes, store.Change{Customer: id, Fields: map[string]catalog.Value{
		"joined": catalog.TimeValue(joined), "signup_source": catalog.StringValue(source), "newsletter": catalog.BoolValue(s.chance(0.15)),
	}})
	for range s.random.IntN(5) {
		s.record(id, "visits", "at", joined.Add(s.days(30)), map[string]catalog.Value{"page": catalog.StringValue("/sale")})
	}
	if s.chance(0.2) {
		s.record(id, "ad_clicks", "at", joined.Add(s.days(20)), nil)
	}
	if s.chance(0.3) {
		return // never buys
	}
	pace := 12 + s.random.ExpFloat64()*70                     // days between orders
	leaves := joined.Add(s.days(80 + 500*s.random.Float64())) // stops to buy
	amount := 8_000 + s.random.ExpFloat64()*40_000
	for at := joined.Add(s.days(9)); at.Before(leaves) && at.Before(s.end); at = at.Add(s.days(pace)) {
		total := int64(amount*(0.5+s.random.Float64())) / 100 * 100
		s.record(id, "all_orders", "placed", at, map[string]catalog.Value{
			"status": catalog.StringValue("confirmed"), "total": catalog.NumberValue(total), "quantity": catalog.NumberValue(1 + s.random.Int64N(3)),
		})
		if s.chance(0.12) {
			s.record(id, "reviews", "at", at.Add(s.days(4)), nil)
		}
		if s.chance(0.02) {
			s.record(id, "returns", "at", at.Add(s.days(6)), nil)
		}
		if s.chance(0.01) {
			s.record(id, "referrals", "at", at.Add(s.days(3)), nil)
		}
	}
}
