package shopify

import (
	"strings"
	"unicode"

	"github.com/dangol-dev/dangol/dsl"
)

// The attributes, in the order of Shopify's reference.

func (t *translator) abandoned(c clause) piece {
	t.note(AbandonedCart, c.at)
	cart := all(says("cart_lines >= 1"), says("orders(since cart_updated) = 0"))
	if c.test.op == "null" {
		return notIf(!c.test.not, cart)
	}
	if c.test.op == "!=" {
		c.test.op = "="
		return not(all(cart, t.dates("cart_updated", c)))
	}
	return all(cart, t.dates("cart_updated", c))
}

func (t *translator) amountSpent(c clause) piece {
	t.note(Spent, c.at)
	return t.numbers("spent", c.at, c.test)
}

func (t *translator) accountStatus(c clause) piece {
	t.note(Account, c.at)
	return t.wanted(c, "ENABLED", says("joined is known"))
}

func (t *translator) added(c clause) piece {
	t.note(Signup, c.at)
	return t.dates("joined", c)
}

// address tests the book of addresses: any address will do, as in Shopify.
func (t *translator) address(c clause, where func(value string) []string) piece {
	switch c.test.op {
	case "null":
		return notIf(!c.test.not, piece{"addresses", testLevel})
	case "contains", "=", "!=", "in":
	default:
		return t.fail(c.at, "places are asked for with CONTAINS", "")
	}
	var found []piece
	for _, v := range c.test.values {
		if v.kind != text {
			return t.fail(v.at, "a text in quotes is asked for", "")
		}
		found = append(found, piece{call("addresses", "", where(v.text)), testLevel})
	}
	return notIf(c.test.not || c.test.op == "!=", some(found...))
}

func (t *translator) countries(c clause) piece {
	return t.address(c, func(code string) []string { return []string{"country = " + dsl.Quote(code)} })
}

// cities are keys such as US-NY-NewYorkCity.
func (t *translator) cities(c clause) piece {
	t.note(Cities, c.at)
	return t.address(c, func(key string) []string {
		parts := strings.SplitN(key, "-", 3)
		city := `city = ` + dsl.Quote(spaced(parts[len(parts)-1]))
		if len(parts) == 1 {
			return []string{city}
		}
		return []string{"country = " + dsl.Quote(parts[0]), city}
	})
}

// spaced puts the spaces back into NewYorkCity.
func spaced(key string) string {
	var b strings.Builder
	last := ' '
	for _, r := range key {
		if unicode.IsUpper(r) && unicode.IsLower(last) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

func (t *translator) regions(c clause) piece {
	if t.options.Region == "" {
		return t.fail(c.name.at, "addresses have no region", "add a field to addresses in the catalog and name it in Options.Region")
	}
	return t.address(c, func(code string) []string { return []string{t.options.Region + " = " + dsl.Quote(code)} })
}

func (t *translator) emailDomain(c clause) piece {
	if c.test.op == "null" {
		return t.null("email", c.test)
	}
	var found []piece
	for _, v := range c.test.values {
		if v.kind != text || c.test.op != "=" && c.test.op != "!=" && c.test.op != "in" {
			return t.fail(c.at, "a domain is asked for with = and != only", "")
		}
		found = append(found, says("email ends with %s", dsl.Quote("@"+v.text)))
	}
	return notIf(c.test.not || c.test.op == "!=", some(found...))
}

func (t *translator) language(c clause) piece {
	if c.test.op == "null" {
		return t.null("language", c.test)
	}
	return t.texts("language", c)
}

func (t *translator) tags(c clause) piece {
	if c.test.op != "contains" {
		return t.fail(c.at, "tags are asked for with CONTAINS", "")
	}
	t.note(TagCase, c.at)
	return t.contains("tags", c)
}

func (t *translator) emailStatus(c clause) piece { return t.consent("consent_email", c) }
func (t *translator) smsStatus(c clause) piece   { return t.consent("consent_sms", c) }

func (t *translator) consent(attribute string, c clause) piece {
	if c.test.op == "null" {
		return t.null(attribute, c.test)
	}
	t.note(Consent, c.at)
	yes := piece{attribute, testLevel}
	return t.wanted(c, "SUBSCRIBED", yes, "NOT_SUBSCRIBED", not(yes), "UNSUBSCRIBED", not(yes))
}

func (t *translator) firstOrder(c clause) piece {
	t.note(OrderStatus, c.at)
	return t.dates("first(orders)", c)
}

func (t *translator) lastOrder(c clause) piece {
	t.note(OrderStatus, c.at)
	return t.dates("last(orders)", c)
}

func (t *translator) numberOfOrders(c clause) piece {
	t.note(OrderStatus, c.at)
	return t.numbers("orders", c.at, c.test)
}

// predicted refuses what Shopify computes by rules of its own.
func (t *translator) predicted(c clause) piece {
	return t.fail(c.name.at, "the groups that Shopify computes are not known here",
		"say it by rank: spent(365d) in top 20% and orders(365d) in top 20%")
}

func (t *translator) subscriptionStatus(c clause) piece {
	t.note(Subscriptions, c.at)
	active := piece{"subscriptions(where active)", testLevel}
	ended := all(piece{"subscriptions(where ended)", testLevel}, not(active))
	return t.wanted(c, "ACTIVE", active, "CANCELLED", ended, "EXPIRED", ended, "NEVER_SUBSCRIBED", says("subscriptions = 0"))
}
