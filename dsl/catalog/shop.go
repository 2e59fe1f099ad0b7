package catalog

import "github.com/dangol-dev/dangol"

// Shop is the vocabulary of a shop that counts in won. Every call returns a
// fresh Catalog that the caller may extend before use.
func Shop() *Catalog { return ShopIn(dangol.KRW) }

// ShopIn is Shop with another currency.
func ShopIn(currency dangol.Currency) *Catalog {
	b := builder{money: Type{Sort: Money, Currency: currency}}
	return &Catalog{
		Currency:   currency,
		Attributes: b.attributes(),
		Kinds:      append(append(b.orders(), b.behaviour()...), b.services()...),
		Dimensions: []Dimension{{
			Name: "products",
			Doc:  "The shop's products, reached from items, cart, wishlist, views and reviews.",
			Fields: []Field{
				{Name: "category", Type: text, Timing: Timed, Doc: "The product's category."},
				{Name: "brand", Type: text, Timing: Timed, Doc: "The product's brand."},
				{Name: "price", Type: b.money, Timing: Current, Doc: "The product's price today."},
			},
		}},
		Measures: []Measure{
			{Name: "spent", Text: "sum(orders.total) - sum(orders.refunded)", Doc: "Money spent on counted orders, less what was refunded."},
			{Name: "average_order", Text: "avg(orders.total)", Doc: "The average total of counted orders."},
			{Name: "refunded", Text: "sum(orders.refunded)", Doc: "Money given back on counted orders."},
		},
	}
}

var (
	truth   = Type{Sort: Bool}
	number  = Type{Sort: Number}
	text    = Type{Sort: String}
	folded  = Type{Sort: String, Folded: true}
	instant = Type{Sort: Instant}
	set     = Type{Sort: Set}
)

func enum(values ...string) Type { return Type{Sort: Enum, Values: values} }

// builder holds what the parts of the shop's catalog share.
type builder struct{ money Type }

func (b builder) attributes() []Attribute {
	member := func(name string, t Type, timing Timing, doc string) Attribute {
		return Attribute{Name: name, Type: t, Timing: timing, Login: true, Doc: doc}
	}
	personal := func(name string, t Type, timing Timing, doc string) Attribute {
		a := member(name, t, timing, doc)
		a.Personal = true
		return a
	}
	guest := func(name string, t Type, timing Timing, doc string) Attribute {
		return Attribute{Name: name, Type: t, Timing: timing, Doc: doc}
	}
	return []Attribute{
		member("joined", instant, Timed, "When the customer signed up."),
		guest("first_seen", instant, Timed, "When the customer or guest was first seen."),
		personal("birthday", Type{Sort: Date}, Timed, "The day of birth."),
		personal("gender", enum("female", "male", "other"), Current, "The gender, where told."),
		personal("name", text, Current, "The full name."),
		personal("email", folded, Current, "The e-mail address, compared without case."),
		personal("phone", text, Current, "The phone number."),
		guest("language", text, Current, "The language, such as ko."),
		member("signup_source", text, Timed, "Where the sign-up came from, such as kakao."),
		member("country", text, Current, "Country of the default shipping address, such as KR."),
		member("city", text, Current, "City of the default shipping address."),
		member("postcode", text, Current, "Postcode of the default shipping address."),
		member("billing.country", text, Current, "Country of the default billing address."),
		member("billing.city", text, Current, "City of the default billing address."),
		member("billing.postcode", text, Current, "Postcode of the default billing address."),
		member("grade", text, Current, "The membership grade."),
		member("tags", set, Current, "The tags that the shop's people gave."),
		member("consent", truth, Current, "Agrees to advertising on some channel."),
		member("consent_email", truth, Current, "Agrees to advertising by e-mail."),
		member("consent_sms", truth, Current, "Agrees to advertising by SMS."),
		member("consent_kakao", truth, Current, "Agrees to advertising by Kakao message."),
		member("consent_push", truth, Current, "Agrees to advertising by push message."),
		member("consent_night", truth, Current, "Agrees to advertising at night."),
		member("newsletter", truth, Current, "Takes the newsletter."),
		member("store_credit", b.money, Current, "Store credit left."),
		member("points", number, Current, "Points left."),
		guest("referrer", text, Current, "The site that first brought the customer or guest."),
		guest("cart_total", b.money, Current, "Total of the cart."),
		guest("cart_tax", b.money, Current, "Tax in the cart."),
		guest("cart_gift_card", b.money, Current, "Gift card amount used in the cart."),
		guest("cart_quantity", number, Current, "Pieces in the cart."),
		guest("cart_lines", number, Current, "Lines in the cart."),
		guest("cart_updated", instant, Latest, "When the cart was last changed."),
		{Name: "last_login", Type: instant, Timing: Timed, Login: true, Derived: "last(logins)", Doc: "The latest login."},
		{Name: "login_count", Type: number, Timing: Timed, Login: true, Derived: "logins", Doc: "How many logins."},
	}
}

// stamped starts a kind whose records carry a time field of their own.
func stamped(name, field, doc string, more ...Field) Kind {
	fields := append([]Field{{Name: field, Type: instant, Timing: Timed, Doc: "When it happened."}}, more...)
	return Kind{Name: name, Time: field, Fields: fields, Doc: doc}
}

func (b builder) orders() []Kind {
	all := stamped("all_orders", "placed", "Every order, whatever its status.",
		Field{Name: "paid", Type: instant, Timing: Timed, Doc: "When it was paid."},
		Field{Name: "delivered", Type: instant, Timing: Timed, Doc: "When it was delivered."},
		Field{Name: "confirmed", Type: instant, Timing: Timed, Doc: "When the purchase was confirmed."},
		Field{Name: "cancelled", Type: instant, Timing: Timed, Doc: "When it was cancelled."},
		Field{Name: "status", Type: enum("placed", "paid", "preparing", "shipped", "delivered", "confirmed", "cancelled", "failed", "returned"), Timing: Current, Doc: "The status today."},
		Field{Name: "total", Type: b.money, Timing: Timed, Doc: "What the customer paid in all."},
		Field{Name: "discount", Type: b.money, Timing: Timed, Doc: "The discount within."},
		Field{Name: "refunded", Type: b.money, Timing: Current, Doc: "What was given back so far."},
		Field{Name: "tax", Type: b.money, Timing: Timed, Doc: "The tax within."},
		Field{Name: "shipping_fee", Type: b.money, Timing: Timed, Doc: "The shipping fee within."},
		Field{Name: "quantity", Type: number, Timing: Timed, Doc: "Pieces ordered."},
		Field{Name: "channel", Type: text, Timing: Timed, Doc: "The sales channel, such as web or pos."},
		Field{Name: "store", Type: text, Timing: Timed, Doc: "The store that sold it."},
		Field{Name: "coupon", Type: folded, Timing: Timed, Doc: "The coupon that was used."},
		Field{Name: "bill_to.country", Type: text, Timing: Timed, Doc: "Country of the billing address."},
		Field{Name: "bill_to.city", Type: text, Timing: Timed, Doc: "City of the billing address."},
		Field{Name: "bill_to.postcode", Type: text, Timing: Timed, Doc: "Postcode of the billing address."},
		Field{Name: "ship_to.country", Type: text, Timing: Timed, Doc: "Country of the shipping address."},
		Field{Name: "ship_to.city", Type: text, Timing: Timed, Doc: "City of the shipping address."},
		Field{Name: "ship_to.postcode", Type: text, Timing: Timed, Doc: "Postcode of the shipping address."},
	)
	all.Rows, all.Login = "orders", true
	stage := func(name, field, doc string) Kind {
		return Kind{Name: name, Base: "items", Time: "order." + field, Login: true, Doc: doc}
	}
	return []Kind{
		all,
		{
			Name: "orders", Base: "all_orders", Login: true,
			Where:     `status not in ("cancelled", "failed", "returned")`,
			WhereHint: "orders leaves out cancelled, failed and returned ones; all_orders has every status",
			Doc:       "Orders that count: not cancelled, failed or returned. One without a status counts.",
		},
		{
			Name: "items", Parent: "orders", ParentField: "order", Time: "order.placed", Login: true,
			Dimensions: map[string]string{"product": "products"},
			Fields: []Field{
				{Name: "product", Type: text, Timing: Timed, Doc: "The product."},
				{Name: "sku", Type: text, Timing: Timed, Doc: "The stock keeping unit."},
				{Name: "quantity", Type: number, Timing: Timed, Doc: "Pieces."},
				{Name: "price", Type: b.money, Timing: Timed, Doc: "Price of a piece."},
				{Name: "amount", Type: b.money, Timing: Timed, Doc: "Amount of the line."},
			},
			Doc: "Lines of orders that count.",
		},
		stage("paid_items", "paid", "Lines of orders that were paid, at the time of payment."),
		stage("delivered_items", "delivered", "Lines of orders that were delivered, at that time."),
		stage("confirmed_items", "confirmed", "Lines of orders whose purchase was confirmed, at that time."),
	}
}

// behaviour is what members and guests do in the shop.
func (b builder) behaviour() []Kind {
	product := Field{Name: "product", Type: text, Timing: Timed, Doc: "The product."}
	reaching := func(k Kind) Kind {
		k.Dimensions = map[string]string{"product": "products"}
		return k
	}
	added := Field{Name: "added", Type: instant, Timing: Timed, Doc: "When it was put there."}
	pieces := Field{Name: "quantity", Type: number, Timing: Current, Doc: "Pieces."}
	logins := stamped("logins", "at", "Logins.")
	logins.Login = true
	return []Kind{
		logins,
		stamped("visits", "at", "Visits to the shop's pages.",
			Field{Name: "page", Type: text, Timing: Timed, Doc: "The page, such as /sale."},
			Field{Name: "source", Type: text, Timing: Timed, Doc: "Where the visit came from."}),
		reaching(stamped("views", "at", "Views of products.", product)),
		reaching(Kind{Name: "cart", Dated: "added", Fields: []Field{product, pieces, added}, Doc: "Lines of the cart as it is now."}),
		reaching(Kind{Name: "wishlist", Dated: "added", Fields: []Field{product, added}, Doc: "The wish list as it is now."}),
		stamped("ad_clicks", "at", "Clicks on advertisements.",
			Field{Name: "campaign", Type: text, Timing: Timed, Doc: "The advertisement's campaign."},
			Field{Name: "source", Type: text, Timing: Timed, Doc: "Where it was shown."}),
		stamped("social", "at", "Likes, comments and shares on social media.",
			Field{Name: "network", Type: text, Timing: Timed, Doc: "The network."},
			Field{Name: "action", Type: text, Timing: Timed, Doc: "like, comment or share."}),
		stamped("events", "at", "Free events; a host declares their further properties.",
			Field{Name: "name", Type: text, Timing: Timed, Doc: "The event's name."}),
	}
}

// services is what only members have.
func (b builder) services() []Kind {
	due := func(name string, timing Timing, doc string) Field {
		return Field{Name: name, Type: instant, Due: true, Timing: timing, Doc: doc}
	}
	at := func(name, doc string) Field { return Field{Name: name, Type: instant, Timing: Timed, Doc: doc} }
	str := func(name, doc string) Field { return Field{Name: name, Type: text, Timing: Timed, Doc: doc} }
	product := str("product", "The product.")

	coupons := stamped("coupons", "issued", "Coupons given to the customer.",
		at("used", "When it was used."),
		due("expires", Timed, "When it can no longer be used; missing when never."),
		at("revoked", "When the shop took it back."),
		str("definition", "The id of the coupon's definition."),
		Field{Name: "code", Type: folded, Timing: Timed, Doc: "Its code."},
		str("campaign", "The campaign that gave it."),
		str("order", "The order that used it."),
		Field{Name: "discount", Type: b.money, Timing: Timed, Doc: "The discount it gave."})
	coupons.Conditions = []Condition{{
		Name: "usable", Text: "used is not known and revoked is not known and (expires is not known or expires after now)",
		Doc: "Neither used nor expired nor taken back.",
	}}
	messages := stamped("messages", "sent", "Messages sent to the customer.",
		str("campaign", "The campaign."), str("channel", "The channel."),
		at("delivered", "When it arrived."), at("opened", "When it was first opened."), at("clicked", "When a link in it was first clicked."))
	messages.Conditions = []Condition{{Name: "was_clicked", Text: "clicked is known", Doc: "A link in it was clicked."}}
	trials := stamped("trials", "started", "Free trials.", product, due("ends", Current, "When the trial ends."), at("converted_at", "When it became a purchase."))
	trials.Conditions = []Condition{{Name: "converted", Text: "converted_at is known", Doc: "It became a purchase."}}
	subscriptions := stamped("subscriptions", "started", "Subscriptions.", product, str("plan", "The plan."),
		due("ends", Current, "When it ends or ended; missing while open-ended."))
	subscriptions.Conditions = []Condition{
		{Name: "active", Text: "ends is not known or ends after now", Doc: "Still running."},
		{Name: "ended", Text: "ends is known and not ends after now", Doc: "Over."},
	}
	reviews := stamped("reviews", "at", "Reviews written.", product, Field{Name: "rating", Type: number, Timing: Timed, Doc: "Stars given."})
	reviews.Dimensions = map[string]string{"product": "products"}
	out := []Kind{
		{
			Name: "addresses", Doc: "The address book.",
			Fields: []Field{
				{Name: "country", Type: text}, {Name: "city", Type: text}, {Name: "postcode", Type: text},
				{Name: "default", Type: enum("billing", "shipping"), Doc: "What it is the default for, if anything."},
			},
		},
		coupons, messages, trials, subscriptions, reviews,
		stamped("referrals", "at", "People whom the customer brought.", str("referred", "The customer who was brought.")),
		stamped("returns", "at", "Returns of goods.", str("order", "The order."), str("reason", "The reason given."),
			Field{Name: "amount", Type: b.money, Timing: Timed, Doc: "The goods' amount."}),
		stamped("participations", "at", "Events and promotions taken part in.", str("event", "The event or promotion.")),
	}
	for i := range out {
		out[i].Login = true
	}
	return out
}
