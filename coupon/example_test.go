package coupon_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
)

func Example() {
	ctx := context.Background()
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 21, 15, 0, 0, 0, seoul)
	clock := dangol.ClockFunc(func() time.Time { return now })
	service, err := coupon.New(coupon.NewMemory(), coupon.Config{
		Clock: clock, Zone: seoul,
		LinkBase: "https://shop.example/coupons", LinkSecrets: [][]byte{make([]byte, 32)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// A coupon of 10 percent, three days from issue, one use a member.
	_, err = service.Save(ctx, coupon.Definition{
		ID: "welcome", Name: "신규 회원 첫 구매 쿠폰",
		Discount: coupon.Discount{Rate: 1000, Max: 5000, Unit: 100},
		Validity: coupon.Validity{Days: 3},
		Limits:   []coupon.Limit{{Uses: 1, Customer: true}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := service.Issue(ctx, coupon.Issue{Key: "welcome/kim", Definition: "welcome", Customer: "kim"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("until", grant.Expires.In(seoul).Format(time.DateTime))

	request := coupon.Request{
		Customer: "kim",
		Codes:    []string{coupon.FormatCode(grant.Code)},
		Cart: coupon.Cart{Currency: dangol.KRW, Shipping: 3000, Lines: []coupon.Line{
			{ID: "1", Product: "shirt", Quantity: 2, Price: 12_345},
			{ID: "2", Product: "socks", Quantity: 1, Price: 3_000},
		}},
	}
	redemption, err := service.Reserve(ctx, "order-17/1", request)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range redemption.Lines {
		fmt.Println(l.Line, l.Before, "-", l.Discount, "=", l.After())
	}
	if _, err := service.Commit(ctx, "order-17/1", "order-17"); err != nil {
		fmt.Println(err)
		return
	}

	_, err = service.Reserve(ctx, "order-18/1", request)
	refusals, _ := coupon.Refused(err)
	fmt.Println(refusals[0].Reasons)
	// Output:
	// until 2026-11-25 00:00:00
	// 1 24690 - 2407 = 22283
	// 2 3000 - 293 = 2707
	// shipping 3000 - 0 = 3000
	// [used limit-customer]
}
