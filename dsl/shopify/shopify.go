// Package shopify brings segments that were written in Shopify's segment query
// language into the rule language.
//
//	rule, notes, err := shopify.Import(`number_of_orders > 2 AND last_order_date < -90d`, shopify.Options{})
//	// orders > 2 and last(orders) before 90d ago
//
// Nothing is approximated in silence. What a rule cannot say is an error with its
// place in the query; where a rule says nearly the same, a note tells in what the
// meanings differ. Meanings lists all such differences.
package shopify

import (
	"errors"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
)

// Options name what only the host's catalog can tell. The zero value refuses
// queries about it.
type Options struct {
	// Attributes are the catalog's attributes that hold what Shopify calls
	// otherwise, such as "metafields.facts.size": "size" or "companies": "company".
	Attributes map[string]string
	// ProductTags is the set field of products that holds their tags.
	ProductTags string
	// Region is the field of addresses that holds a region such as US-NY.
	Region string
}

// The bounds of a query. Shopify itself takes ten clauses.
const (
	maxBytes   = 64 << 10
	maxNesting = 64
)

// Import is the rule that selects, over the shop's catalog, whom the query
// selects. The query is a WHERE condition, or a whole FROM customers query, in the
// current form, products_purchased MATCHES (id = 1), or the one before it,
// products_purchased(id: 1) = true.
//
// The notes are warnings with spans into the query, each meaning told once, where
// it first matters. The error is a source.Diagnostics with all that cannot be
// brought over; there is no rule then.
func Import(query string, o Options) (rule string, notes source.Diagnostics, err error) {
	tokens, d := scan(query)
	if d != nil {
		return "", nil, source.Diagnostics{*d}
	}
	p := parser{tokens: tokens}
	c, d := p.query()
	if d != nil {
		return "", nil, source.Diagnostics{*d}
	}
	t := translator{options: o, told: map[Meaning]bool{}}
	text := t.condition(c).text
	if len(t.errs) > 0 {
		t.errs.Sort()
		return "", nil, t.errs
	}
	tree, err := dsl.Parse(text)
	if ds := (source.Diagnostics)(nil); errors.As(err, &ds) {
		// Only a limit can be met here, or a name in Options that is none.
		return "", nil, source.Diagnostics{{Code: ds[0].Code, Message: ds[0].Message, Hint: ds[0].Hint}}
	}
	t.notes.Sort()
	return dsl.Format(tree), t.notes, nil
}
