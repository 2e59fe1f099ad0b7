// Package coupon gives discounts to customers and keeps their promises: no limit
// is ever exceeded, no use is lost or counted twice, and the parts of a discount
// add up to the last won.
//
// A Definition says what a coupon is worth, for what, for whom, how long and how
// often. It is versioned. A Grant is one coupon: an entry in a customer's wallet,
// a single code or a shared one. A Redemption is what one order did with grants,
// kept for ever under the caller's key. A promotion is a definition without
// grants: Quote applies it by itself.
//
//	service, err := coupon.New(coupon.NewMemory(), coupon.Config{Zone: seoul})
//	_, err = service.Save(ctx, coupon.Definition{
//		ID: "welcome", Name: "First order", Discount: coupon.PercentOff(10),
//		Limits:   []coupon.Limit{{Uses: 1, Customer: true}},
//		Validity: coupon.Validity{Days: 7},
//	})
//	grant, err := service.Issue(ctx, coupon.Issue{Key: "welcome/kim", Definition: "welcome", Customer: "kim"})
//
// At the checkout, Quote shows what coupons do to a cart and explains each. Reserve
// takes their uses while the customer pays, Commit gives them to the order, Release
// gives them back, Restore follows a cancel or return:
//
//	quote, err := service.Quote(ctx, request)
//	redemption, err := service.Reserve(ctx, "order-17/1", request)
//	redemption, err = service.Commit(ctx, "order-17/1", "order-17")
//
// Every one of these calls may be repeated with the same key, at any time and by
// any process, and means what it meant the first time.
//
// # Money
//
// Amounts are int64 in minor units of the currency that the struct around them
// names: won for KRW, cents for USD. Nothing is a float and nothing wraps.
//
// # Stores
//
// NewMemory keeps state in memory, package couponsql in a database, where WithTx
// joins the host's own transaction. Package coupontest holds what a Store promises.
package coupon
