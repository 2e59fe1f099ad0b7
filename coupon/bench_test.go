package coupon_test

import (
	"fmt"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/stretchr/testify/require"
)

// BenchmarkQuote is a cart of 20 lines with 10 coupons of a wallet.
func BenchmarkQuote(b *testing.B) {
	s := coupontest.NewService(b, coupon.NewMemory(), new(coupontest.Clock))
	cart := coupon.Cart{Currency: dangol.KRW, Shipping: 3000}
	for i := range 20 {
		cart.Lines = append(cart.Lines, coupon.Line{ID: fmt.Sprint(i), Product: fmt.Sprint("p", i), Categories: []string{fmt.Sprint("c", i%4)},
			Quantity: int64(1 + i%3), Price: int64(1000 + 777*i)})
	}
	req := coupon.Request{Customer: "kim", Cart: cart}
	for i := range 10 {
		d := coupon.Definition{ID: fmt.Sprint("d", i), Discount: coupon.Discount{Rate: int64(300 + 50*i), Unit: 10},
			Limits: []coupon.Limit{{Uses: 1000}, {Uses: 1, Customer: true}}, Validity: coupon.Validity{Days: 7}}
		if i%2 == 0 {
			d.Targets.Categories = []string{fmt.Sprint("c", i%4)}
		}
		coupontest.Save(b, s, d)
		req.Grants = append(req.Grants, coupontest.Give(b, s, d.ID, "kim", 1).ID)
	}
	for b.Loop() {
		q, err := s.Quote(b.Context(), req)
		if err != nil || q.Discount == 0 {
			b.Fatal(q, err)
		}
	}
}

func BenchmarkReserveCommit(b *testing.B) {
	coupontest.BenchReserveCommit(b, func(testing.TB) coupon.Store { return coupon.NewMemory() })
}

// BenchmarkGenerate makes batches of codes; ns/op is of one code.
func BenchmarkGenerate(b *testing.B) {
	s := coupontest.NewService(b, coupon.NewMemory(), new(coupontest.Clock))
	coupontest.Save(b, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
	_, err := s.Generate(b.Context(), coupon.Batch{ID: "b", Definition: "d", Count: int64(b.N)})
	require.NoError(b, err)
}
