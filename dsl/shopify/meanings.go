package shopify

import "maps"

// Meaning names one difference between what a query asks and what its rule does.
type Meaning string

// The differences.
const (
	Days          Meaning = "days"
	Spent         Meaning = "spent"
	OrderStatus   Meaning = "order-status"
	Signup        Meaning = "sign-up"
	AbandonedCart Meaning = "abandoned-cart"
	Cities        Meaning = "cities"
	TagCase       Meaning = "tag-case"
	Consent       Meaning = "consent"
	Account       Meaning = "account"
	Subscriptions Meaning = "subscriptions"
	Credit        Meaning = "store-credit"
	IDs           Meaning = "ids"
	Email         Meaning = "email"
	ProductTags   Meaning = "product-tags"
	Anniversary   Meaning = "anniversary"
)

var meanings = map[Meaning]string{
	Days:          "Shopify's -7d is the whole day seven days ago in the shop's time; a span such as 7d ends at the moment of the answer and starts at the same time of day",
	Spent:         "spent is what counted orders came to less what was refunded; Shopify's amount_spent follows its own rules for refunds and cancelled orders",
	OrderStatus:   "orders that failed or were cancelled are not counted here; ask all_orders to count every status",
	Signup:        "joined is when the customer signed up; Shopify's date is when the customer's record was made, which a purchase as a guest does too",
	AbandonedCart: "checkouts are not kept here: a cart with something in it and no order since stands in for an abandoned checkout",
	Cities:        "a city is compared by its written name, not by Shopify's key, and its region is not compared; check the spelling",
	TagCase:       "Shopify compares tags without case; here tags are compared exactly",
	Consent:       "here a customer agrees to advertising or not; Shopify's pending, unsubscribed and never subscribed are all not agreeing",
	Account:       "an enabled account is taken as one that has signed up",
	Subscriptions: "here a subscription is active or ended; Shopify also knows paused, failed, cancelled and expired ones",
	Credit:        "store credit is one amount in the shop's currency here; Shopify keeps an account a currency",
	IDs:           "ids are compared as texts: they must be Shopify's own in your data",
	Email:         "only messages that were sent by this shop's own campaigns are known, and of each its first opening and click",
	ProductTags:   "product tags are those of today, and compared exactly",
	Anniversary:   "days are counted from the moment of the answer: asked at midnight, the last day of the span is left out",
}

// Meanings is every way in which the rule of a query may mean something else than
// the query, in words for the author.
func Meanings() map[Meaning]string { return maps.Clone(meanings) }
