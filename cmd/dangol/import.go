package main

import (
	"errors"
	"fmt"

	"github.com/dangol-dev/dangol/dsl/shopify"
	"github.com/dangol-dev/dangol/dsl/source"
)

type importCmd struct {
	Attribute   map[string]string `placeholder:"THEIRS=OURS" help:"An attribute of the catalog that holds what Shopify calls otherwise, such as metafields.facts.size=size. May be repeated."`
	ProductTags string            `placeholder:"FIELD" help:"The field of products that holds their tags."`
	Region      string            `placeholder:"FIELD" help:"The field of addresses that holds a region such as US-NY."`
	Query       string            `arg:"" help:"A segment in Shopify's query language."`
}

// Run is the command: the rule goes to standard output, what it means otherwise
// than the query to standard error.
func (c *importCmd) Run(s *streams) error {
	rule, notes, err := shopify.Import(c.Query, shopify.Options{Attributes: c.Attribute, ProductTags: c.ProductTags, Region: c.Region})
	if bad := (source.Diagnostics)(nil); errors.As(err, &bad) {
		return wrong{render("query", c.Query, bad)}
	}
	if err != nil {
		return err
	}
	if len(notes) > 0 {
		fmt.Fprintln(s.err, render("query", c.Query, notes))
	}
	_, err = fmt.Fprintln(s.out, rule)
	return err
}
