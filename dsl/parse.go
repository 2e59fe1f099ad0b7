// Package dsl reads and writes the rule language: Parse makes a tree of a text,
// Format writes the tree in the one house style. What names mean, and whether a
// test fits its types, is decided later by package eval/compile; docs/language.md
// explains the language to those who write rules, docs/grammar.ebnf is its
// grammar.
package dsl

import (
	"errors"

	"golang.org/x/text/unicode/norm"

	"github.com/dangol-dev/dangol/dsl/source"
)

// Parse reads a rule. Its error is always a source.Diagnostics: one diagnostic,
// since reading stops at the first place that cannot be understood, with a span
// into text. No text makes Parse panic or take more than its limits allow.
func Parse(text string, opts ...Option) (*Rule, error) {
	var limits Limits
	for _, o := range opts {
		o(&limits)
	}
	s := scanner{text: text, limits: limits.withDefaults()}
	unread := s.scan()
	if unread != nil && len(s.tokens) == 1 {
		return nil, source.Diagnostics{*unread}
	}
	if d := s.limits.check(s.tokens); d != nil {
		return nil, source.Diagnostics{*d}
	}
	rule, at, err := match(s.tokens)
	switch {
	case errors.Is(err, errSyntax):
		if unread != nil && (at == len(s.tokens)-1 || unread.Span.Start <= s.tokens[at].Pos.Offset) {
			return nil, source.Diagnostics{*unread}
		}
		return nil, source.Diagnostics{explain(s.tokens, at)}
	case err != nil:
		return nil, source.Diagnostics{{Code: source.Unexpected, Message: "this text cannot be read"}}
	case unread != nil:
		return nil, source.Diagnostics{*unread}
	}
	return &Rule{Text: text, Expr: rule.expr(), Comments: s.comments}, nil
}

// normal is the text in NFC, as all names and strings of a tree are.
func normal(text string) string { return norm.NFC.String(text) }
