package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// benchmarked are the rules of Benchmark: an attribute's window with a count, a
// filter, a sum, a moment, a rank.
var benchmarked = []string{
	`joined within 7d and not orders(7d) >= 1`,
	`orders(90d where status = "confirmed" and total >= 30000) >= 2`,
	`sum(orders.total, 365d where status = "confirmed") >= 1_000_000`,
	`last(logins) not within 90d and orders >= 1`,
	`sum(orders.total, 365d) in top 5%`,
}

// Benchmark measures a store that open gives, filled with a made-up shop of that
// many customers: Apply (an order and its item), Customer, Select of one plan, and
// Select of five at once. The shop is the same for every store.
func Benchmark(b *testing.B, open func(b *testing.B, c *catalog.Catalog) store.Store, customers int) {
	cat := catalog.Shop()
	s := open(b, cat)
	asOf := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	if err := fill(b.Context(), s, customers, asOf); err != nil {
		b.Fatal(err)
	}
	rules, err := compile.New(cat)
	if err != nil {
		b.Fatal(err)
	}
	q := store.Query{AsOf: asOf}
	for _, text := range benchmarked {
		p, found := rules.Text(text, compile.Options{})
		if p == nil {
			b.Fatal(found)
		}
		q.Plans = append(q.Plans, p)
	}
	some := rand.New(rand.NewPCG(1, 2))
	n := 0
	b.Run("Apply", func(b *testing.B) {
		for b.Loop() {
			n++
			id, key := shopper(some.IntN(customers)), fmt.Sprintf("more-%d", n)
			order := fields{"placed": catalog.TimeValue(asOf), "total": num(50_000), "status": str("placed")}
			if err := s.Apply(b.Context(), record("all_orders", id, key, order), item(id, key, key, fields{"product": str("p1"), "amount": num(50_000)})); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Customer", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Customer(b.Context(), shopper(some.IntN(customers))); err != nil {
				b.Fatal(err)
			}
		}
	})
	ask := func(plans []*plan.Plan) func(b *testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				answers, err := s.Select(b.Context(), store.Query{Plans: plans, AsOf: q.AsOf})
				if err != nil {
					b.Fatal(err)
				}
				for _, a := range answers {
					if a.Err != nil {
						b.Fatal(a.Err)
					}
				}
			}
		}
	}
	b.Run("Select1", ask(q.Plans[:1]))
	b.Run("Select5", ask(q.Plans))
}

func shopper(i int) dangol.CustomerID { return dangol.CustomerID(fmt.Sprintf("c%07d", i)) }

// fill makes a shop: joined over three years, as many orders and logins each as a
// long tail has, two items an order.
func fill(ctx context.Context, s store.Store, customers int, asOf time.Time) error {
	r := rand.New(rand.NewPCG(3, 4))
	ago := func(days int) catalog.Value {
		return catalog.TimeValue(asOf.Add(-time.Duration(r.IntN(days*24*3600)+1) * time.Second))
	}
	statuses := []string{"placed", "paid", "delivered", "confirmed", "confirmed", "confirmed", "cancelled"}
	var changes []store.Change
	flush := func() error {
		err := s.Apply(ctx, changes...)
		changes = changes[:0]
		return err
	}
	for i := range customers {
		id := shopper(i)
		changes = append(changes, put(id, fields{"joined": ago(1095), "country": str([]string{"KR", "JP", "US"}[r.IntN(3)]), "points": num(int64(r.IntN(1000)))}))
		for k := range min(int(1/(0.05+r.Float64())), 20) {
			order := fmt.Sprintf("%s-%d", id, k)
			changes = append(changes, record("all_orders", id, order, fields{
				"placed": ago(1095), "total": num(int64(r.IntN(200)) * 1000), "status": str(statuses[r.IntN(len(statuses))]),
			}))
			for line := range 2 {
				changes = append(changes, item(id, fmt.Sprintf("%s-%d", order, line), order, fields{"product": str(fmt.Sprintf("p%d", r.IntN(1000))), "amount": num(1000)}))
			}
			changes = append(changes, record("logins", id, order, fields{"at": ago(365)}))
		}
		if len(changes) > 5000 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
