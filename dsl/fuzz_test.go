package dsl

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/internal/corpus"
)

// seeds start the fuzzers: all known rules, and texts that are no rules.
func seeds() []string {
	out := corpus.Texts()
	for _, m := range mistakes {
		out = append(out, m.text)
	}
	return append(out,
		"# only a comment", "a # b\nand c", "", " ", "\ufeffa", "(((((((", "))))", "not not not x", "- - -1 = x",
		"a = 'x", "a = \"\\", "\xff", "x = 1_", "2026-02-30", "2026-01-31T10:00", "last(last) within last week", "in in in (in)",
		"orders(where where where)", "x = 999999999999999999 or y = 0.000000000000000001", "a..b", "1..2", "1...2", "7d", "7 full days",
	)
}

// leaks are words of the parser's own making, which must never reach an author.
var leaks = []string{
	"Rule", "token", "Token", "Ident", "EOF", "<nil", "participle", "lexer", "dsl.", "%!", "sub-expression", "Mark", "Arith", "reflect",
}

func checkParse(t require.TestingT, text string) {
	r, err := Parse(text)
	if err == nil {
		require.NotNil(t, r.Expr)
		checkSpans(t, r)
		return
	}
	ds, ok := err.(source.Diagnostics)
	require.True(t, ok)
	require.Len(t, ds, 1)
	d := ds[0]
	require.NotEmpty(t, d.Code)
	require.NotEmpty(t, d.Message)
	require.LessOrEqual(t, d.Span.Start, d.Span.End)
	require.LessOrEqual(t, d.Span.End, len(text))
	rendered := source.Render("rule", text, ds)
	require.True(t, utf8.ValidString(rendered))
	// What the author wrote may well hold such a word; what is left must not.
	own := d.Message + d.Hint
	for _, word := range strings.Fields(text) {
		own = strings.ReplaceAll(own, word, "")
	}
	for _, leak := range leaks {
		if !strings.Contains(text, leak) {
			require.NotContains(t, own, leak, text)
		}
	}
	checkFixes(t, text)
}

// checkFixes proves that mending a text, one fix after the other, comes to an end:
// each fix leaves the first mistake behind, and none undoes another.
func checkFixes(t require.TestingT, text string) {
	if len(text) > 500 {
		return // a parse for each fix of a long text is quadratic, which a fuzzer takes for a hang
	}
	now := text
	for range 3*len(text) + 10 {
		_, err := Parse(now)
		if err == nil {
			return
		}
		fix := err.(source.Diagnostics)[0].Fix
		if fix == nil {
			return
		}
		require.LessOrEqual(t, fix.Span.End, len(now))
		next := fix.Apply(now)
		require.NotEqual(t, now, next)
		now = next
	}
	require.Fail(t, "fixes do not end", "%q became %q", text, now)
}

// checkSpans proves that every node covers its parts, and that its span is text.
func checkSpans(t require.TestingT, r *Rule) {
	var walk func(e Expr)
	walk = func(e Expr) {
		s := e.Span()
		require.Less(t, s.Start, s.End)
		require.LessOrEqual(t, s.End, len(r.Text))
		require.NotEqual(t, byte(' '), r.Text[s.Start])
		require.NotEqual(t, byte(' '), r.Text[s.End-1])
		for _, child := range children(e) {
			c := child.Span()
			require.GreaterOrEqual(t, c.Start, s.Start)
			require.LessOrEqual(t, c.End, s.End)
			walk(child)
		}
	}
	walk(r.Expr)
}

func FuzzParse(f *testing.F) {
	for _, text := range seeds() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkParse(t, text) })
}
