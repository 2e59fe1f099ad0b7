package storetest

import (
	"github.com/dangol-dev/dangol/dsl/catalog"
)

var recordCases = []contractCase{
	{
		name: "put, set and delete of a record",
		why:  "an order is written again as it moves through its stages",
		run: func(c *checker) {
			c.apply(put("a", nil), record("all_orders", "a", "o", fields{"total": num(5), "status": str("placed")}))
			c.apply(set(record("all_orders", "a", "o", fields{"status": str("paid"), "refunded": num(1)})),
				set(record("all_orders", "", "o", fields{"total": catalog.Missing})))
			c.want("a", `
				customer "a"
				  all_orders "o"
				    refunded = 1
				    status = "paid"
				`)
			c.apply(record("all_orders", "a", "o", fields{"total": num(7)}))
			c.want("a", `
				customer "a"
				  all_orders "o"
				    total = 7
				`)
			c.apply(remove(record("all_orders", "", "o", nil)), remove(record("all_orders", "a", "o", nil)))
			c.want("a", "customer \"a\"\n")
			c.refuse("no such record", set(record("all_orders", "a", "o", nil)))
		},
	},
	{
		name: "a record needs its customer",
		why:  "a record without an owner would be in no answer, silently",
		run: func(c *checker) {
			c.refuse("no such customer", record("logins", "a", "l", nil))
			c.refuse("the customer is missing", record("logins", "", "l", nil))
			c.refuse("the key is missing", put("a", nil), record("logins", "a", "", nil))
			c.apply(put("a", nil), record("logins", "a", "l", nil))
		},
	},
	{
		name: "a key is one record of its kind",
		why:  "two customers who share an order key would share its revenue",
		run: func(c *checker) {
			c.apply(put("a", nil), put("b", nil), record("logins", "a", "x", nil), record("visits", "b", "x", nil))
			c.refuse(`it belongs to customer "a"`, record("logins", "b", "x", nil))
			c.refuse(`it belongs to customer "a"`, set(record("logins", "b", "x", nil)))
			c.refuse(`it belongs to customer "a"`, remove(record("logins", "b", "x", nil)))
			c.apply(remove(record("logins", "a", "x", nil)), record("logins", "b", "x", nil))
			c.want("a", "customer \"a\"\n")
		},
	},
	{
		name: "a child belongs to its parent and to the same customer",
		why:  "items of an order that is not there, or of somebody else's, are a broken feed",
		run: func(c *checker) {
			c.apply(put("a", nil), put("b", nil), record("all_orders", "a", "o", nil), record("all_orders", "a", "p", nil),
				record("all_orders", "b", "q", nil))
			c.refuse("the key of its order is missing", item("a", "i", "", nil))
			c.refuse(`no order "z"`, item("a", "i", "z", nil))
			c.refuse(`its order "q" belongs to customer "b"`, item("a", "i", "q", nil))
			login := record("logins", "a", "l", nil)
			login.Parent = "o"
			c.refuse("have no parent", login)
			c.apply(item("a", "i", "o", fields{"quantity": num(1)}))
			moved := set(item("a", "i", "p", nil))
			c.apply(moved)
			c.want("a", `
				customer "a"
				  all_orders "o"
				  all_orders "p"
				  items "i" of "p"
				    quantity = 1
				`)
			moved.Parent = "q"
			c.refuse(`its order "q" belongs to customer "b"`, moved)
		},
	},
	{
		name: "a parent takes its children along",
		why:  "an order that is erased must not leave its lines behind, to count in shares and sums",
		run: func(c *checker) {
			c.apply(put("a", nil), record("all_orders", "a", "o", nil), record("all_orders", "a", "p", nil),
				item("a", "i1", "o", nil), item("a", "i2", "p", nil), item("a", "i3", "o", nil))
			c.apply(remove(record("all_orders", "", "o", nil)))
			c.want("a", `
				customer "a"
				  all_orders "p"
				  items "i2" of "p"
				`)
			c.apply(record("all_orders", "a", "o", nil), item("a", "i1", "o", nil))
		},
	},
	{
		name: "children see their parent as it is now",
		why:  "items are timed and filtered by their order's fields",
		run: func(c *checker) {
			c.apply(put("a", nil), record("all_orders", "a", "o", fields{"channel": str("web")}), item("a", "i", "o", nil))
			c.apply(set(record("all_orders", "a", "o", fields{"channel": str("pos")})))
			got, err := c.store.Customer(c.Context(), "a")
			if err != nil {
				c.Fatal(err)
			}
			if v := got.Records["items"][0].Parent.Fields["channel"]; v.Text() != "pos" {
				c.Errorf("the item's order has the channel %v", v)
			}
			c.dump("a")
		},
	},
	{
		name: "records are ordered by the bytes of their keys",
		why:  "first and last are decided by (time, key); a collation would decide otherwise",
		run: func(c *checker) {
			c.apply(put("a", nil))
			for _, key := range []string{"b", "B", "a", "é", "10", "9", "a ", "ａ", "가", "z"} {
				c.apply(record("logins", "a", key, nil))
			}
			c.want("a", `
				customer "a"
				  logins "10"
				  logins "9"
				  logins "B"
				  logins "a"
				  logins "a "
				  logins "b"
				  logins "z"
				  logins "é"
				  logins "가"
				  logins "ａ"
				`)
		},
	},
	{
		name:  "no more records than the catalog allows",
		why:   "the checker proves that sums cannot wrap from how many records a customer may have",
		shape: func(c *catalog.Catalog) { kind(c, "logins").Max = 2 },
		run: func(c *checker) {
			c.apply(put("a", nil), record("logins", "a", "1", nil), record("logins", "a", "2", nil), record("visits", "a", "3", nil))
			c.apply(record("logins", "a", "2", nil)) // replacing one is not one more
			c.refuse("the most that the catalog allows", record("logins", "a", "3", nil))
			c.refuse("the most that the catalog allows", remove(record("logins", "a", "1", nil)),
				record("logins", "a", "3", nil), record("logins", "a", "4", nil))
			c.apply(remove(record("logins", "a", "1", nil)), record("logins", "a", "3", nil))
		},
	},
}

var dimensionCases = []contractCase{
	{
		name: "records carry the fields of the dimension they reach",
		why:  "rules ask for items of a category, which stands with the product",
		run: func(c *checker) {
			c.apply(product("p", fields{"category": str("shoes"), "brand": str("X")}),
				put("a", nil), record("views", "a", "v", fields{"product": str("p")}),
				record("views", "a", "w", fields{"product": str("q")}))
			c.want("a", `
				customer "a"
				  views "v"
				    product = "p"
				    product.brand = "X"
				    product.category = "shoes"
				  views "w"
				    product = "q"
				`)
		},
	},
	{
		name: "a changed dimension is seen by the records that are there",
		why:  "a product moves to another category, and yesterday's items with it",
		run: func(c *checker) {
			c.apply(put("a", nil), put("b", nil), record("all_orders", "a", "o", nil), item("a", "i", "o", fields{"product": str("p")}),
				record("views", "b", "v", fields{"product": str("p")}))
			c.apply(product("p", fields{"category": str("shoes"), "brand": str("X")}), record("views", "b", "w", fields{"product": str("p")}))
			c.apply(set(product("p", fields{"category": str("hats")})))
			c.want("a", `
				customer "a"
				  all_orders "o"
				  items "i" of "o"
				    product = "p"
				    product.brand = "X"
				    product.category = "hats"
				`)
			c.want("b", `
				customer "b"
				  views "v"
				    product = "p"
				    product.brand = "X"
				    product.category = "hats"
				  views "w"
				    product = "p"
				    product.brand = "X"
				    product.category = "hats"
				`)
			c.apply(product("p", fields{"price": num(5)}), set(record("views", "b", "v", fields{"product": str("q")})), remove(record("views", "", "w", nil)))
			c.want("b", `
				customer "b"
				  views "v"
				    product = "q"
				`)
			c.apply(remove(product("p", nil)), remove(product("nothing", nil)))
			c.want("a", `
				customer "a"
				  all_orders "o"
				  items "i" of "o"
				    product = "p"
				`)
			c.refuse("no such row", set(product("p", fields{"brand": str("X")})))
		},
	},
	{
		name: "a record's own field goes before the dimension's",
		why:  "the category at the time of the order may stand with the order; it must survive later changes of the product",
		run: func(c *checker) {
			c.apply(product("p", fields{"category": str("shoes"), "brand": str("X")}), put("a", nil),
				record("views", "a", "v", fields{"product": str("p"), "product.category": str("own")}),
				record("views", "a", "w", fields{"product": str("p"), "category": str("short")}))
			c.apply(product("p", fields{"category": str("hats")}))
			c.want("a", `
				customer "a"
				  views "v"
				    product = "p"
				    product.category = "own"
				  views "w"
				    product = "p"
				    product.category = "short"
				`)
			c.apply(set(record("views", "a", "v", fields{"product": str("q")})),
				set(record("views", "a", "w", fields{"category": catalog.Missing})))
			c.want("a", `
				customer "a"
				  views "v"
				    product = "q"
				    product.category = "own"
				  views "w"
				    product = "p"
				    product.category = "hats"
				`)
			c.refuse("given twice", record("views", "a", "x", fields{"category": str("1"), "product.category": str("2")}))
		},
	},
	{
		name: "dimensions survive a merge",
		why:  "a guest's cart keeps its categories when it becomes the customer's",
		run: func(c *checker) {
			c.apply(product("p", fields{"category": str("shoes")}), put("a", nil), guest("g", nil),
				record("cart", "g", "1", fields{"product": str("p")}), record("cart", "g", "2", fields{"product": str("p"), "category": str("own")}))
			c.apply(merge("g", "a"))
			c.apply(set(product("p", fields{"category": str("hats")})))
			c.want("a", `
				customer "a"
				  cart "1"
				    product = "p"
				    product.category = "hats"
				  cart "2"
				    product = "p"
				    product.category = "own"
				`)
		},
	},
}
