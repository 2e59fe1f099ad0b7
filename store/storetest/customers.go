package storetest

import (
	"errors"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

var customerCases = []contractCase{
	{
		name: "an unknown customer is not found",
		why:  "a caller must be able to tell a customer without data from none at all",
		run: func(c *checker) {
			if _, err := c.store.Customer(c.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
				c.Errorf("want store.ErrNotFound, got %v", err)
			}
			c.apply(put("a", nil))
			c.want("a", "customer \"a\"\n")
		},
	},
	{
		name: "put replaces the whole customer and leaves the records",
		why:  "a host that syncs customer rows must neither keep stale attributes nor lose orders",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1), "city": str("Seoul")}), record("logins", "a", "l", nil))
			c.apply(put("a", fields{"points": num(2)}))
			c.want("a", `
				customer "a"
				  points = 2
				  logins "l"
				`)
		},
	},
	{
		name: "set changes the given attributes only",
		why:  "an event that carries one attribute must not wipe the others; Missing takes one away",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1), "city": str("Seoul"), "tags": catalog.SetValue("x")}))
			c.apply(set(put("a", fields{"city": str("Busan"), "points": catalog.Missing, "tags": catalog.SetValue()})))
			c.want("a", `
				customer "a"
				  city = "Busan"
				`)
			c.apply(set(put("a", nil)), set(put("a", fields{"points": catalog.Missing})))
			c.want("a", `
				customer "a"
				  city = "Busan"
				`)
			c.refuse("no such customer", set(put("b", fields{"points": num(1)})))
		},
	},
	{
		name: "a guest can become a member",
		why:  "the flag belongs to the row and goes with it",
		run: func(c *checker) {
			c.apply(guest("a", fields{"referrer": str("x")}), record("visits", "a", "v", nil))
			c.want("a", `
				guest "a"
				  referrer = "x"
				  visits "v"
				`)
			c.apply(set(guest("a", fields{"language": str("ko")})), put("a", nil))
			c.want("a", `
				customer "a"
				  visits "v"
				`)
		},
	},
	{
		name: "delete takes the customer's records along",
		why:  "a person who asks to be forgotten must be, and the keys are free again",
		run: func(c *checker) {
			c.apply(put("a", nil), put("b", nil),
				record("all_orders", "a", "o", nil), item("a", "i", "o", nil), record("logins", "b", "l", nil))
			c.apply(remove(put("a", nil)), remove(put("nobody", nil)))
			c.want("a", "")
			c.want("b", `
				customer "b"
				  logins "l"
				`)
			c.apply(record("all_orders", "b", "o", nil), item("b", "i", "o", nil), put("a", nil))
			c.want("a", "customer \"a\"\n")
		},
	},
	{
		name: "delete and put in one call",
		why:  "changes are made in their order, so a row can be made anew",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1)}), record("logins", "a", "l", nil))
			c.apply(remove(put("a", nil)), put("a", fields{"city": str("x")}), record("logins", "a", "m", nil), record("visits", "a", "l", nil))
			c.want("a", `
				customer "a"
				  city = "x"
				  logins "m"
				  visits "l"
				`)
		},
	},
	{
		name: "required attributes",
		why:  "rules rely on what the catalog says every member has; guests have nothing to rely on",
		shape: func(c *catalog.Catalog) {
			for i := range c.Attributes {
				if c.Attributes[i].Name == "joined" {
					c.Attributes[i].Required = true
				}
			}
		},
		run: func(c *checker) {
			joined := fields{"joined": ins("2026-01-01T00:00:00Z")}
			c.refuse("is required", put("a", nil))
			c.apply(put("a", joined), guest("g", nil))
			c.refuse("is required", set(put("a", fields{"joined": catalog.Missing})))
			c.apply(set(put("a", fields{"points": num(1)})), set(guest("g", fields{"referrer": str("x")})))
		},
	},
	{
		name: "merge moves what a guest did",
		why:  "at login the guest's events and cart join the customer's, and the guest is gone",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1)}), record("visits", "a", "v2", fields{"page": str("/")}),
				guest("g", fields{"referrer": str("x")}),
				record("visits", "g", "v1", fields{"page": str("/sale")}), record("visits", "g", "v3", nil),
				record("all_orders", "g", "o", fields{"total": num(5)}), item("g", "i", "o", fields{"product": str("p")}))
			c.apply(merge("g", "a"))
			c.want("g", "")
			c.want("a", `
				customer "a"
				  points = 1
				  all_orders "o"
				    total = 5
				  items "i" of "o"
				    product = "p"
				  visits "v1"
				    page = "/sale"
				  visits "v2"
				    page = "/"
				  visits "v3"
				`)
			c.apply(merge("g", "a"), set(record("visits", "a", "v1", fields{"page": str("/new")})))
			c.refuse("belongs to customer", put("b", nil), record("visits", "b", "v1", nil))
		},
	},
	{
		name: "what cannot be merged",
		why:  "a login of an unknown customer is a mistake; a guest without a row has simply done nothing",
		run: func(c *checker) {
			c.apply(put("a", nil), guest("g", nil), record("visits", "g", "v", nil))
			c.refuse("no such customer", merge("g", "b"))
			c.refuse("merged into itself", merge("a", "a"))
			c.refuse("missing", merge("", "a"))
			c.apply(merge("nobody", "a"))
			c.want("a", "customer \"a\"\n")
		},
	},
	{
		name:  "merge keeps within the limit of records",
		why:   "the checker proves that sums cannot wrap from how many records a customer may have",
		shape: func(c *catalog.Catalog) { kind(c, "visits").Max = 2 },
		run: func(c *checker) {
			c.apply(put("a", nil), record("visits", "a", "v1", nil), guest("g", nil),
				record("visits", "g", "v2", nil), record("visits", "g", "v3", nil))
			c.refuse("than the catalog allows", merge("g", "a"))
			c.apply(remove(record("visits", "", "v2", nil)), merge("g", "a"))
		},
	},
}
