package storetest

import (
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

var valueCases = []contractCase{
	{
		name: "strings are normalised",
		why:  "the same name typed on a Mac and on Windows is the same name, and an e-mail address has no case",
		run: func(c *checker) {
			c.apply(put("a", fields{
				"city":  str("\u1109\u1165\u110b\u116e\u11af"), // 서울 in conjoining letters
				"email": str("Kim@Ｃorp.COM"),
				"tags":  catalog.SetValue("e\u0301", "é", "b"),
			}), record("logins", "a", "e\u0301", nil))
			c.want("a", `
				customer "a"
				  city = "서울"
				  email = "kim@corp.com"
				  tags = {b|é}
				  logins "é"
				`)
			c.apply(remove(record("logins", "", "é", nil)), remove(record("logins", "", "e\u0301", nil)))
			c.apply(product("e\u0301", fields{"brand": str("X")}), record("views", "a", "v", fields{"product": str("é")}))
			c.want("a", `
				customer "a"
				  city = "서울"
				  email = "kim@corp.com"
				  tags = {b|é}
				  views "v"
				    product = "é"
				    product.brand = "X"
				`)
		},
	},
	{
		name: "ids of customers are bytes",
		why:  "the shop's own keys are compared byte by byte: no case, no trailing space, no normal form is lost",
		run: func(c *checker) {
			ids := []dangol.CustomerID{"1", "10", "9", "A", "a", "a ", "b", "e\u0301", "é", "가", "'; DROP TABLE customers; --", `"`, `\`, "%", "_", dangol.CustomerID(strings.Repeat("x", 255))}
			for i, id := range ids {
				c.apply(put(id, fields{"points": num(int64(i))}))
			}
			for i, id := range ids {
				got, err := c.store.Customer(c.Context(), id)
				if err != nil || got.ID != id || got.Attributes["points"].Int() != int64(i) {
					c.Errorf("customer %q reads as %v, %v", id, got, err)
				}
			}
		},
	},
	{
		name: "values come back as they were put",
		why:  "no engine may round, trim, convert or lose what it holds",
		run: func(c *checker) {
			c.apply(put("a", fields{
				"joined": ins("0001-01-01T00:00:00Z"), "first_seen": ins("9999-12-31T23:59:59.999999Z"),
				"birthday": catalog.DayValue(1, 1, 1), "name": str(""), "city": str(" a  "), "country": str("null"),
				"phone": str("0012"), "store_credit": num(10_000_000_000), "points": num(-10_000_000_000), "cart_quantity": num(0),
				"newsletter": catalog.BoolValue(false), "consent": catalog.BoolValue(true),
				"tags": catalog.SetValue("a|b", "a,b", `"`, "'", `\`, "a\nb", "A", "a", ""),
			}), put("b", fields{
				"birthday": catalog.DayValue(9999, 12, 31), "first_seen": ins("1969-12-31T23:59:59.999999Z"),
				"name": str("🛍️\t\r\n" + strings.Repeat("가", 5000)), "referrer": str("1e5"), "city": str("2026-01-01"),
			}))
			c.want("a", `
				customer "a"
				  birthday = 0001-01-01
				  cart_quantity = 0
				  city = " a  "
				  consent = true
				  country = "null"
				  first_seen = 9999-12-31T23:59:59.999999Z
				  joined = 0001-01-01T00:00:00Z
				  name = ""
				  newsletter = false
				  phone = "0012"
				  points = -10000000000
				  store_credit = 10000000000
				  tags = {|"|'|A|\|a|a
				b|a,b|a|b}
				`)
			b, err := c.store.Customer(c.Context(), "b")
			if err != nil {
				c.Fatal(err)
			}
			if got := b.Attributes["name"].Text(); got != "🛍️\t\r\n"+strings.Repeat("가", 5000) {
				c.Errorf("a long name reads as %d bytes", len(got))
			}
			if got := b.Attributes["first_seen"]; !got.Equal(ins("1969-12-31T23:59:59.999999Z")) {
				c.Errorf("an instant before 1970 reads as %v", got)
			}
		},
	},
	{
		name: "values of the wrong type are refused",
		why:  "a rule that was checked cannot fail on data; so data that would make it fail stays out",
		run: func(c *checker) {
			c.apply(put("a", nil))
			for name, v := range map[string]catalog.Value{
				"points": str("5"), "store_credit": str("5"), "city": num(5), "joined": num(5), "birthday": ins("2026-01-01T00:00:00Z"),
				"newsletter": num(1), "tags": str("x"), "consent": str("true"),
			} {
				c.refuse(" is needed", put("a", fields{name: v}))
				c.refuse(" is needed", set(put("a", fields{name: v})))
			}
			c.refuse(" is needed", record("all_orders", "a", "o", fields{"total": str("5")}))
			c.refuse(" is needed", product("p", fields{"price": str("5")}))
		},
	},
	{
		name: "values beyond the bounds are refused",
		why:  "the checker proves from the bounds that no sum wraps and that SQL engines stay within integers",
		run: func(c *checker) {
			c.refuse("bound", put("a", fields{"points": num(10_000_000_001)}))
			c.refuse("bound", put("a", fields{"store_credit": num(-10_000_000_001)}))
			c.refuse("years", put("a", fields{"joined": catalog.InstantValue(at("0001-01-01T00:00:00Z").UnixMicro() - 1)}))
			c.refuse("years", put("a", fields{"joined": catalog.InstantValue(1 << 62)}))
			c.refuse("years", put("a", fields{"birthday": catalog.DateValue(1 << 40)}))
		},
	},
	{
		name: "text that no engine could hold is refused",
		why:  "one store takes it and the next one fails at night",
		run: func(c *checker) {
			c.refuse("UTF-8", put("a", fields{"name": str("\xff")}))
			c.refuse("NUL", put("a", fields{"name": str("a\x00b")}))
			c.refuse("UTF-8", put("a", fields{"tags": catalog.SetValue("\xff")}))
			c.refuse("UTF-8", put("\xff", nil))
			c.refuse("NUL", put("a\x00", nil))
			c.refuse("more than 255 bytes", put(dangol.CustomerID(strings.Repeat("x", 256)), nil))
			c.refuse("the customer is missing", put("", nil))
			c.refuse("more than 255 bytes", put("b", nil), record("logins", "b", strings.Repeat("x", 256), nil))
		},
	},
	{
		name: "names that the catalog does not hold are refused",
		why:  "a misspelt field would be missing for ever",
		run: func(c *checker) {
			c.refuse("no such attribute", put("a", fields{"pionts": num(1)}))
			c.refuse("no such attribute", put("a", fields{"last_login": ins("2026-01-01T00:00:00Z")}))
			c.refuse("no such field", put("a", nil), record("logins", "a", "l", fields{"page": str("/")}))
			c.refuse("no kind", put("a", nil), record("login", "a", "l", nil))
			c.refuse("rows of its own", put("a", nil), record("orders", "a", "o", nil))
			c.refuse("belongs to no customer", store.Change{Customer: "a", Kind: "products", Key: "p"})
			c.refuse("neither key nor parent", store.Change{Customer: "a", Key: "p"})
			c.refuse("unknown operation", store.Change{Op: 99, Customer: "a"})
			c.refuse("only a merge", store.Change{Customer: "a", From: "b"})
		},
	},
	{
		name: "what is given is copied",
		why:  "the caller may go on using its map",
		run: func(c *checker) {
			mine := fields{"points": num(1)}
			c.apply(put("a", mine), record("logins", "a", "l", nil))
			mine["points"] = num(2)
			mine["city"] = str("x")
			c.want("a", `
				customer "a"
				  points = 1
				  logins "l"
				`)
		},
	},
}
