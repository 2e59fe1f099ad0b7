// Package corpus is the rules that every room tests itself with: what the source
// systems can say, each as one rule over catalog.Shop(). It imports nothing of
// the module, so that any test may read it.
package corpus

// Rule is one condition of a source system, as a rule over catalog.Shop().
type Rule struct {
	From      string // the system that has the condition
	Condition string // what its operators call it; unique together with From
	Text      string
}

// Headlines are the two lines that everything must serve, and the rule that the
// time limits of parsing and checking are measured on.
const (
	NewWithoutOrder = `joined within 7d and not orders(7d) >= 1`
	LapsedBigSpend  = `last(orders) not within 90d and spent(365d) in top 10%`
	Measured        = `joined within 30d and country in ("KR", "JP") and not orders(7d where status = "confirmed" and total >= 30000) >= 2 and (spent(365d) >= 1_000_000 or points between 100 and 900)`
)

// Rules is every row of the source systems' table, one rule each, in the order
// of the table. The slice is the caller's own.
func Rules() []Rule {
	return []Rule{
		{"Sixshop Pro", "joined in 7 days, no order in 7 days", NewWithoutOrder},

		{"Godomall", "signup date", `joined within 30d`},
		{"Godomall", "last access", `last_login not within 90d`},
		{"Godomall", "login count", `logins(30d) >= 5`},
		{"Godomall", "product in cart", `cart(where product = "A")`},
		{"Godomall", "product paid", `paid_items(30d where product in ("A","B"))`},
		{"Godomall", "product delivered", `delivered_items(30d where product in ("A","B"))`},
		{"Godomall", "product confirmed", `confirmed_items(30d where product in ("A","B"))`},
		{"Godomall", "order history", `orders(90d) = 0`},
		{"Godomall", "VIP by confirmed amount", `sum(confirmed_items.amount, 365d) >= 1_000_000`},
		{"Godomall", "VIP by confirmed count", `distinct(confirmed_items.order, 365d) >= 10`},
		{"Godomall", "usable coupon", `coupons(where usable)`},

		{"Adobe", "any address", `addresses(where city = "Seoul")`},
		{"Adobe", "default billing address", `billing.city = "Seoul"`},
		{"Adobe", "default shipping address", `city = "Seoul"`},
		{"Adobe", "group", `in group "Wholesale"`},
		{"Adobe", "name", `name starts with "Kim"`},
		{"Adobe", "e-mail", `email ends with "@corp.com"`},
		{"Adobe", "newsletter", `newsletter`},
		{"Adobe", "store credit", `store_credit >= 10_000`},
		{"Adobe", "cart lines", `cart_lines >= 3`},
		{"Adobe", "cart quantity", `cart_quantity >= 10`},
		{"Adobe", "cart total", `cart_total >= 100_000`},
		{"Adobe", "cart tax", `cart_tax > 0`},
		{"Adobe", "cart gift card", `cart_gift_card > 0`},
		{"Adobe", "products in cart by attribute", `cart(where category = "shoes")`},
		{"Adobe", "products in wishlist by attribute", `wishlist(where brand = "X")`},
		{"Adobe", "products viewed by attribute and date", `views(2026-01-01 .. 2026-01-31 where category = "shoes")`},
		{"Adobe", "products ordered by attribute and date", `items(180d where brand = "X")`},
		{"Adobe", "order address", `orders(where ship_to.country = "JP")`},
		{"Adobe", "average order amount", `avg(orders.total, 180d) > 50_000`},
		{"Adobe", "total order quantity", `sum(orders.quantity) >= 10`},
		{"Adobe", "number of orders by status", `all_orders(30d where status = "cancelled") >= 2`},

		{"Markettap prospect", "repeat or page visitors", `visits(30d where page = "/sale") >= 3 and orders = 0`},
		{"Markettap prospect", "ad clickers", `ad_clicks(30d)`},
		{"Markettap prospect", "subscribers", `newsletter and orders = 0`},
		{"Markettap prospect", "cart leavers", `cart_lines >= 1 and orders(since cart_updated) = 0`},
		{"Markettap prospect", "social", `social(30d)`},
		{"Markettap prospect", "free trial", `trials(where not converted)`},
		{"Markettap new", "first purchase", `first(orders) within 30d`},
		{"Markettap new", "through coupon or event", `first(orders.coupon) is known or participations(before first(orders))`},
		{"Markettap new", "social signup", `signup_source = "kakao" and joined within 30d`},
		{"Markettap active", "repeat", `orders(90d) >= 3`},
		{"Markettap active", "LTV by amount and frequency", `spent in top 20% and orders in top 20%`},
		{"Markettap active", "event takers", `participations(90d) or coupons(90d where used is known)`},
		{"Markettap active", "category focus", `share(items, 180d where category = "shoes") >= 60%`},
		{"Markettap loyal", "VIP by amount and frequency", `spent(365d) in top 5% and orders(365d) in top 5%`},
		{"Markettap loyal", "referrers", `referrals(365d)`},
		{"Markettap loyal", "long relation", `joined before 3y ago and orders(365d)`},
		{"Markettap loyal", "subscribers", `subscriptions(where active)`},
		{"Markettap loyal", "reviewers", `reviews(180d) >= 3`},
		{"Markettap churned", "stopped", `orders and last(orders) not within 180d`},
		{"Markettap churned", "cart abandoned", `cart_lines >= 1 and cart_updated before 1d ago and orders(since cart_updated) = 0`},
		{"Markettap churned", "subscription lapsed", `subscriptions(where ended) and not subscriptions(where active)`},
		{"Markettap churned", "repeated returns or refunds", `returns(365d) >= 3 or (refunded(365d) > 0 and returns(365d) / orders(365d) >= 30%)`},
		{"Markettap churned", "visited only", `visits(90d) and not orders(90d) and not cart(90d)`},
	}
}

// Forms is every form of the language's section on grammar, one rule each, with
// the shape it shows.
func Forms() []Rule {
	return []Rule{
		{"form", "count with window and filter", `orders(90d where status = "confirmed" and total >= 30000)`},
		{"form", "sum with filter", `sum(orders.total, 365d where channel = "web") > 0`},
		{"form", "avg", `avg(orders.total) >= 1_000`},
		{"form", "min", `min(orders.total) >= 1_000`},
		{"form", "max", `max(orders.total, 1y) >= 1_000`},
		{"form", "first, the instant", `first(orders) within 30d`},
		{"form", "last, a field", `last(orders.total) >= 10_000`},
		{"form", "filter after the kind", `first(visits where page = "/x") within 7d`},
		{"form", "filter as an argument", `first(visits, where page = "/x") within 7d`},
		{"form", "distinct", `distinct(items.product, 90d) >= 3`},
		{"form", "active_days", `active_days(visits, 30d) >= 5`},
		{"form", "active_weeks", `active_weeks(visits, 30d) >= 3`},
		{"form", "active_months", `active_months(visits, 1y) >= 6`},
		{"form", "share of records", `share(items, 180d where category = "shoes") >= 60%`},
		{"form", "share of an amount", `share(items.amount, 180d where category = "shoes") >= 60%`},
		{"form", "measure with window", `spent(365d) > 0`},
		{"form", "measure with filter", `spent(365d where channel = "web") > 0`},
		{"form", "measure alone", `spent >= 100_000`},
		{"form", "measure that is a quotient", `average_order(365d) >= 50_000`},
		{"form", "since a moment", `orders(since last(logins)) = 0`},
		{"form", "between two moments", `orders(60d ago .. 30d ago)`},
		{"form", "rank, percent", `spent(365d) in top 5%`},
		{"form", "rank, number", `spent(365d) in top 100`},
		{"form", "rank, bottom", `points in bottom 2.5%`},
		{"form", "rank, not", `orders not in top 10%`},
		{"form", "anniversary", `anniversary(birthday) within next 7d`},
		{"form", "anniversary, this month", `anniversary(birthday) within this month`},
		{"form", "anniversary of a moment", `anniversary(first(orders)) within next 3d`},
		{"form", "group", `in group "VIP"`},
		{"form", "not in group", `not in group "VIP"`},
		{"form", "sample", `sample(10%, "spring")`},
		{"form", "set any", `tags contains any ("vip", "press")`},
		{"form", "set all", `tags contains all ("vip", "press")`},
		{"form", "set one", `tags contains "vip"`},
		{"form", "set not", `tags not contains "vip"`},
		{"form", "substring", `name contains "Kim"`},
		{"form", "quotient with percent", `returns(365d) / orders(365d) >= 30%`},
		{"form", "quotient with number", `spent / orders > 50_000`},
		{"form", "inequality", `country != "KR"`},
		{"form", "not in a list", `country not in ("KR", "JP")`},
		{"form", "numbers in a list", `points in (100, 200, 300)`},
		{"form", "not between", `points not between 100 and 900`},
		{"form", "between days", `joined between 2026-01-01 and 2026-01-31`},
		{"form", "known", `birthday is known`},
		{"form", "not known", `birthday is not known`},
		{"form", "on a day", `joined on 2026-01-01`},
		{"form", "after a day", `joined after 2026-01-01`},
		{"form", "before a day", `joined before 2026-01-01`},
		{"form", "on yesterday", `joined on yesterday`},
		{"form", "before a moment", `first(visits) before first(orders)`},
		{"form", "full days", `orders(7 full days)`},
		{"form", "full weeks", `orders(2 full weeks) >= 1`},
		{"form", "this month", `orders(this month) >= 2`},
		{"form", "last quarter", `orders(last quarter) >= 2`},
		{"form", "last week", `joined within last week`},
		{"form", "today", `logins(today)`},
		{"form", "yesterday", `logins(yesterday)`},
		{"form", "day literal", `logins(2026-02-28)`},
		{"form", "window before", `orders(before 2026-01-01) >= 1`},
		{"form", "window since a day", `orders(since 2026-01-01) >= 1`},
		{"form", "hours and minutes", `visits(36h) >= 1 and not visits(30 min)`},
		{"form", "due field, next", `coupons(where expires within next 7d)`},
		{"form", "customer inside a record", `orders(where ship_to.city != customer.city)`},
		{"form", "parent's field", `items(where order.channel = "web") >= 1`},
		{"form", "dimension's field", `items(where product.brand = "X")`},
		{"form", "arithmetic", `sum(orders.total) - first(orders.total) > 4000`},
		{"form", "constant times", `2 * orders(30d) > orders(60d ago .. 30d ago)`},
		{"form", "unary minus", `points > -1`},
		{"form", "money with a currency", `spent > 50_000 KRW`},
		{"form", "boolean compared", `newsletter = true`},
		{"form", "boolean unequal", `newsletter != true`},
		{"form", "date equality", `birthday = 1990-02-28`},
		{"form", "strings of two attributes", `city = billing.city`},
		{"form", "instant alone", `last_login`},
		{"form", "nesting", `((joined within 7d or (newsletter)) and not (orders or visits))`},
		{"form", "ends with, not", `email not ends with "@corp.com"`},
		{"form", "wide letters", `city = "서울" or name starts with '김'`},
	}
}
