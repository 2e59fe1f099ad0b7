package coupontest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
)

// BenchReserveCommit measures a reservation and its commit, two transactions: all
// on one limit ("hot") or on a thousand definitions ("many"), by one caller or by
// eight.
func BenchReserveCommit(b *testing.B, open Open) {
	for _, c := range []struct {
		name        string
		definitions int
	}{{"hot", 1}, {"many", 1000}} {
		for _, workers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/workers=%d", c.name, workers), func(b *testing.B) {
				s := NewService(b, open(b), new(Clock))
				codes := make([]string, c.definitions)
				for i := range codes {
					id := fmt.Sprint("d", i)
					Save(b, s, coupon.Definition{ID: id, Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1 << 40}}})
					g, err := s.AddSharedCode(b.Context(), coupon.SharedCode{Code: fmt.Sprint("CODE", i), Definition: id})
					if err != nil {
						b.Fatal(err)
					}
					codes[i] = g.Code
				}
				var next atomic.Int64
				b.SetParallelism(workers)
				b.ResetTimer()
				run := func(i int) {
					key := fmt.Sprint("order-", i)
					req := coupon.Request{Customer: dangol.CustomerID(fmt.Sprint("c", i)), Cart: Cart(5000), Codes: []string{codes[i%len(codes)]}}
					if _, err := s.Reserve(b.Context(), key, req); err != nil {
						b.Error(err)
					}
					if _, err := s.Commit(b.Context(), key, key); err != nil {
						b.Error(err)
					}
				}
				if workers == 1 {
					for i := range b.N {
						run(i)
					}
				} else {
					b.RunParallel(func(p *testing.PB) {
						for p.Next() {
							run(int(next.Add(1)))
						}
					})
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "redemptions/s")
			})
		}
	}
}
