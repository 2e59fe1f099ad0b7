package dsl

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/source"
)

// Limits bound what Parse accepts. They are checked before the text is parsed, so
// that no text, however made, costs more than they allow. The zero value is safe
// for texts of strangers.
type Limits struct {
	// Bytes is the largest length of a text. Defaults to 256 KiB.
	Bytes int
	// Nesting is how deep parentheses, "not" and minus signs may stand inside
	// each other. Defaults to 64, and is never more than 1,000: deeper texts could
	// exhaust the stack of later stages.
	Nesting int
	// Nodes is the largest number of words, numbers, strings and signs.
	// Defaults to 20,000.
	Nodes int
	// ListItems is the largest number of items between two parentheses.
	// Defaults to 5,000.
	ListItems int
}

const maxNesting = 1000

func (l Limits) withDefaults() Limits {
	fill := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	fill(&l.Bytes, 256<<10)
	fill(&l.Nesting, 64)
	fill(&l.Nodes, 20_000)
	fill(&l.ListItems, 5_000)
	l.Nesting = min(l.Nesting, maxNesting)
	return l
}

// An Option changes how Parse reads.
type Option func(*Limits)

// WithLimits sets the limits; fields that are zero keep their defaults.
func WithLimits(l Limits) Option {
	return func(to *Limits) { *to = l }
}

// check finds the first token that is beyond a limit, or closes what was never
// opened.
func (l Limits) check(tokens []token) *source.Diagnostic {
	if len(tokens)-1 > l.Nodes { // the end of the text is a token too
		return &source.Diagnostic{
			Code: source.TooMany, Span: spanOf(tokens[l.Nodes]),
			Message: fmt.Sprintf("a rule has at most %d words, values and signs", l.Nodes),
			Hint:    "split it into groups and combine them with in group",
		}
	}
	type paren struct{ items int }
	var open []paren
	prefixes := 0 // not and - standing right before this token
	for _, t := range tokens {
		switch t.Value {
		case "not", "-":
			prefixes++
		case "(":
			open = append(open, paren{items: 1})
			prefixes = 0
		case ")":
			if len(open) == 0 {
				return &source.Diagnostic{
					Code: source.Unexpected, Span: spanOf(t),
					Message: `this ")" closes nothing`,
					Hint:    "leave it out",
					Fix:     &source.Fix{Span: spanOf(t)},
				}
			}
			open = open[:len(open)-1]
			prefixes = 0
		case ",":
			prefixes = 0
			if len(open) == 0 {
				break
			}
			if open[len(open)-1].items++; open[len(open)-1].items > l.ListItems {
				return &source.Diagnostic{
					Code: source.TooMany, Span: spanOf(t),
					Message: fmt.Sprintf("a list has at most %d items", l.ListItems),
				}
			}
		default:
			prefixes = 0
		}
		if len(open)+prefixes > l.Nesting {
			return &source.Diagnostic{
				Code: source.TooDeep, Span: spanOf(t),
				Message: fmt.Sprintf("parentheses, not and - may be nested at most %d deep", l.Nesting),
				Hint:    "give the inner condition a group of its own and use in group",
			}
		}
	}
	return nil
}
