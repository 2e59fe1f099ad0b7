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
	// pasted e-mails: added [kim@example.com], unknown [lee@example.com], malformed [not-an-address]
	//
	// 18:00, carts are empty
	//   kim       seoul  group prices of: wholesale  cart rules for: wholesale
	//   kim       busan  group prices of: -          cart rules for: wholesale
	//   guest-71  seoul  group prices of: -          cart rules for: -
	//   guest-71  busan  group prices of: -          cart rules for: -
	//
	// 18:00:30, kim has 20,000 won in the cart, the guest 64,000
	//   kim       seoul  group prices of: wholesale  cart rules for: wholesale
	//   kim       busan  group prices of: -          cart rules for: wholesale
	//   guest-71  seoul  group prices of: -          cart rules for: big-cart
	//   guest-71  busan  group prices of: -          cart rules for: big-cart
	//
	// 18:01:30, the guest signs in as kim, who now has 84,000 won in the cart
	//   big-cart had 1 member; the guest's membership ended by login
	//   kim       seoul  group prices of: wholesale  cart rules for: big-cart, wholesale
	//   kim       busan  group prices of: -          cart rules for: big-cart, wholesale
	//
	// who moved
	//   kim entered wholesale by list
	//   guest-71 entered big-cart by rule
	//   guest-71 left big-cart by login
}
