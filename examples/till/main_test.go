package main

import (
	"context"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// gangnam
	//   shirt    39,800 KRW - 8,514 KRW = 31,286 KRW
	//   socks     3,000 KRW -   386 KRW =  2,614 KRW
	//   to pay                             33,900 KRW
	//   봄맞이 5,000원 쿠폰: 5,000 KRW off
	//   VIP 10% 할인: 3,900 KRW off
	// busan
	//   shirt    39,800 KRW - 4,650 KRW = 35,150 KRW
	//   socks     3,000 KRW -   350 KRW =  2,650 KRW
	//   to pay                             37,800 KRW
	//   봄맞이 5,000원 쿠폰: 5,000 KRW off
	//   VIP 10% 할인: not usable, [pricing-off]
	// kim pays 33,900 KRW in gangnam
	//   and again with the same coupon: [used limit-customer]
	// a shirt comes back
	//   shirt 1: 15,643 KRW to give back, 4,257 KRW of its discounts go with it
	//   shirt 2: 15,643 KRW to give back, 4,257 KRW of its discounts go with it
	//   spring: comes back false (policy full-cancel)
	//   vip-price: comes back false (policy full-cancel)
	// the order is cancelled; the next visit
	// busan
	//   shirt    39,800 KRW - 4,650 KRW = 35,150 KRW
	//   socks     3,000 KRW -   350 KRW =  2,650 KRW
	//   to pay                             37,800 KRW
	//   봄맞이 5,000원 쿠폰: 5,000 KRW off
	//   VIP 10% 할인: not usable, [pricing-off]
	// results
	//   spring    issued 1, used 1, came back 1, discount 0 KRW
	//   vip-price issued 0, used 1, came back 1, discount 0 KRW
}
