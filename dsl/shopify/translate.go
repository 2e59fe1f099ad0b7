package shopify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
)

// piece is a part of the rule, and how tightly it holds together.
type piece struct {
	text  string
	level level
}

type level uint8

const (
	orLevel level = iota
	andLevel
	notLevel
	testLevel
)

// in is the text for a place that takes pieces of the level and tighter ones.
func (p piece) in(l level) string {
	if p.level < l {
		return "(" + p.text + ")"
	}
	return p.text
}

// says is one test.
func says(format string, args ...any) piece { return piece{fmt.Sprintf(format, args...), testLevel} }

func join(word string, l level, pieces ...piece) piece {
	if len(pieces) == 1 {
		return pieces[0]
	}
	texts := make([]string, len(pieces))
	for i, p := range pieces {
		texts[i] = p.in(l)
	}
	return piece{strings.Join(texts, " "+word+" "), l}
}

func all(pieces ...piece) piece  { return join("and", andLevel, pieces...) }
func some(pieces ...piece) piece { return join("or", orLevel, pieces...) }

func not(p piece) piece {
	if inner, ok := strings.CutPrefix(p.text, "not "); ok && p.level == notLevel {
		return piece{inner, notLevel}
	}
	return piece{"not " + p.in(notLevel), notLevel}
}

func notIf(negative bool, p piece) piece {
	if negative {
		return not(p)
	}
	return p
}

// nothing stands for a clause that could not be brought over: an error says why.
var nothing = piece{"true", testLevel}

// translator turns clauses into pieces of the rule, and collects what is to be
// told about them.
type translator struct {
	options Options
	told    map[Meaning]bool
	notes   source.Diagnostics
	errs    source.Diagnostics
}

func (t *translator) note(m Meaning, at source.Span) {
	if !t.told[m] {
		t.told[m] = true
		t.notes = append(t.notes, source.Diagnostic{Code: source.MeaningDiffers, Severity: source.Warning, Span: at, Message: meanings[m]})
	}
}

func (t *translator) fail(at source.Span, message, hint string) piece {
	t.errs = append(t.errs, source.Diagnostic{Code: source.NoCounterpart, Span: at, Message: message, Hint: hint})
	return nothing
}

func (t *translator) condition(c condition) piece {
	switch c.join {
	case "":
		return t.clause(c.clause)
	case "not":
		return not(t.condition(c.terms[0]))
	}
	pieces := make([]piece, len(c.terms))
	for i, term := range c.terms {
		pieces[i] = t.condition(term)
	}
	if c.join == "or" {
		return some(pieces...)
	}
	return all(pieces...)
}

// filters are the attributes of Shopify, by name.
var filters = map[string]func(*translator, clause) piece{
	"abandoned_checkout_date":     (*translator).abandoned,
	"amount_spent":                (*translator).amountSpent,
	"customer_account_status":     (*translator).accountStatus,
	"customer_added_date":         (*translator).added,
	"customer_cities":             (*translator).cities,
	"customer_countries":          (*translator).countries,
	"customer_email_domain":       (*translator).emailDomain,
	"customer_language":           (*translator).language,
	"customer_regions":            (*translator).regions,
	"customer_tags":               (*translator).tags,
	"email_subscription_status":   (*translator).emailStatus,
	"first_order_date":            (*translator).firstOrder,
	"last_order_date":             (*translator).lastOrder,
	"number_of_orders":            (*translator).numberOfOrders,
	"predicted_spend_tier":        (*translator).predicted,
	"product_subscription_status": (*translator).subscriptionStatus,
	"rfm_group":                   (*translator).predicted,
	"sms_subscription_status":     (*translator).smsStatus,
}

// functions are those that take parameters.
var functions = map[string]func(*translator, clause) piece{
	"anniversary":                     (*translator).anniversary,
	"orders_placed":                   (*translator).ordersPlaced,
	"products_purchased":              (*translator).productsPurchased,
	"shopify_email.clicked":           (*translator).emailEvent,
	"shopify_email.delivered":         (*translator).emailEvent,
	"shopify_email.opened":            (*translator).emailEvent,
	"store_credit_accounts":           (*translator).storeCredit,
	"storefront.product_viewed":       (*translator).productViewed,
	"storefront_event.product_viewed": (*translator).productViewed,
}

// unsaid are known names that no rule can stand for, and what to do instead.
var unsaid = map[string]string{
	"companies":                          "keep the company as an attribute and name it in Options.Attributes",
	"created_by_app_id":                  "keep the app as an attribute and name it in Options.Attributes",
	"customer_within_distance":           "select by city or postcode: addresses(where city = ...)",
	"shopify_email.bounced":              "failed messages are results of a campaign, not facts about a customer",
	"shopify_email.marked_as_spam":       "",
	"shopify_email.unsubscribed":         "ask for the consent: not consent_email",
	"storefront.collection_viewed":       "ask for a category: views(where category = ...)",
	"storefront_event.collection_viewed": "ask for a category: views(where category = ...)",
}

func (t *translator) clause(c clause) piece {
	name := strings.ToLower(c.name.text)
	if own, ok := t.options.Attributes[c.name.text]; ok && !c.call {
		return t.attribute(own, c)
	}
	if f, ok := filters[name]; ok {
		if c.call {
			return t.fail(c.at, fmt.Sprintf("%s takes no parameters", name), "")
		}
		return f(t, c)
	}
	if f, ok := functions[name]; ok {
		if !c.call {
			return t.fail(c.at, fmt.Sprintf("%s needs MATCHES and its parameters", name), fmt.Sprintf("write %s MATCHES ()", name))
		}
		return f(t, c)
	}
	if hint, ok := unsaid[name]; ok {
		return t.fail(c.name.at, fmt.Sprintf("rules cannot ask for %s", name), hint)
	}
	if strings.Contains(name, "metafield") {
		return t.fail(c.name.at, "a metafield has no name in rules", "declare an attribute in the catalog and name it in Options.Attributes")
	}
	var known []string
	for n := range filters {
		known = append(known, n)
	}
	for n := range functions {
		known = append(known, n)
	}
	slices.Sort(known)
	hint := ""
	if near, ok := source.Closest(name, known); ok {
		hint = "did you mean " + near + "?"
	}
	return t.fail(c.name.at, fmt.Sprintf("Shopify has no filter called %q", c.name.text), hint)
}

// attribute tests one of the host's own attributes.
func (t *translator) attribute(name string, c clause) piece {
	switch values := c.test.values; {
	case c.test.op == "null":
		return t.null(name, c.test)
	case c.test.op == "contains":
		return t.contains(name, c)
	case values[0].kind == text:
		return t.texts(name, c)
	case values[0].kind == number:
		return t.numbers(name, c.at, c.test)
	case values[0].kind == word:
		return t.wanted(c, "true", says("%s = true", name), "false", says("%s = false", name))
	}
	return t.dates(name, c)
}

func (t *translator) null(expr string, x test) piece {
	if x.not {
		return says("%s is known", expr)
	}
	return says("%s is not known", expr)
}

func (t *translator) contains(expr string, c clause) piece {
	v := c.test.values[0]
	if v.kind != text {
		return t.fail(v.at, "CONTAINS asks for a text in quotes", "")
	}
	return notIf(c.test.not, says("%s contains %s", expr, dsl.Quote(v.text)))
}

// texts compares with one or more texts.
func (t *translator) texts(expr string, c clause) piece {
	quoted := make([]string, len(c.test.values))
	for i, v := range c.test.values {
		if v.kind != text && v.kind != number {
			return t.fail(v.at, "a text in quotes is asked for", "")
		}
		quoted[i] = dsl.Quote(v.text)
	}
	switch c.test.op {
	case "=", "!=":
		return says("%s %s %s", expr, c.test.op, quoted[0])
	case "in":
		return says("%s %sin (%s)", expr, notWord(c.test.not), strings.Join(quoted, ", "))
	}
	return t.fail(c.at, "a text is compared with = and != only", "")
}

func notWord(negative bool) string {
	if negative {
		return "not "
	}
	return ""
}

var decimal = regexp.MustCompile(`^(-?)0*([0-9]+)(\.[0-9]+)?$`)

// figure is a number as rules write it, "" when it is none.
func (t *translator) figure(v token) string {
	m := decimal.FindStringSubmatch(v.text)
	if v.kind != number || m == nil || len(v.text) > 18 {
		t.fail(v.at, "a number is asked for", "write it without separators, such as 1000.50")
		return ""
	}
	return m[1] + m[2] + m[3]
}

// numbers compares with numbers.
func (t *translator) numbers(expr string, at source.Span, x test) piece {
	var figures []string
	for _, v := range x.values {
		figures = append(figures, t.figure(v))
	}
	switch {
	case slices.Contains(figures, ""):
		return nothing
	case x.op == "between":
		return says("%s %sbetween %s and %s", expr, notWord(x.not), figures[0], figures[1])
	case x.op == "in":
		return says("%s %sin (%s)", expr, notWord(x.not), strings.Join(figures, ", "))
	case x.op == "contains" || x.op == "null":
		return t.fail(at, "a number is compared with = != < <= > >= and BETWEEN only", "")
	}
	return says("%s %s %s", expr, x.op, figures[0])
}

// wanted picks the piece for the value that is asked for with = or !=, or with
// IN: pairs of a value and its piece.
func (t *translator) wanted(c clause, pairs ...any) piece {
	var found []piece
	for _, v := range c.test.values {
		i := 0
		for ; i < len(pairs) && !strings.EqualFold(pairs[i].(string), v.text); i += 2 {
		}
		if i == len(pairs) {
			return t.fail(v.at, fmt.Sprintf("rules cannot ask for %s", v.text), "")
		}
		found = append(found, pairs[i+1].(piece))
	}
	switch c.test.op {
	case "=", "!=":
		return notIf(c.test.op == "!=", found[0])
	case "in":
		return notIf(c.test.not, some(found...))
	}
	return t.fail(c.at, "this is compared with = and != only", "")
}
