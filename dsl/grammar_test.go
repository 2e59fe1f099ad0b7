package dsl

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2/lexer"
	"github.com/stretchr/testify/require"
	"golang.org/x/exp/ebnf"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/internal/corpus"
)

// documented is the grammar of docs/grammar.ebnf.
func documented(t testing.TB) ebnf.Grammar {
	const file = "../docs/grammar.ebnf"
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	g, err := ebnf.Parse(file, f)
	require.NoError(t, err)
	return g
}

// unwritten are the words that the documented grammar explains in a comment.
var unwritten = map[string][]string{
	"letter": {"a", "Z", "_", "한", "é", "ß", "あ"},
	"mark":   {"\u0301", "\u0e31"},
	"digit":  {"0", "9", "٣"},
	"plain":  {"a", " ", "한", "#", "👍", "%", "("},
}

func TestDocumentedGrammarIsComplete(t *testing.T) {
	g := documented(t)
	require.NoError(t, ebnf.Verify(g, "Rule"))
	for name, p := range g {
		if p.Expr == nil {
			require.Contains(t, unwritten, name)
		}
	}
}

// sentence draws a sentence of the documented grammar, as words.
type sentence struct {
	g     ebnf.Grammar
	t     *rapid.T
	depth int
	words []string
}

// free tells whether there is room for what is optional. Without it productions
// take their last alternative, which is their shortest.
func (s *sentence) free() bool { return s.depth < 24 && len(s.words) < 60 }

func (s *sentence) of(e ebnf.Expression) {
	switch e := e.(type) {
	case ebnf.Alternative:
		i := 0
		if s.free() {
			i = rapid.IntRange(0, len(e)-1).Draw(s.t, "alternative")
		} else {
			i = len(e) - 1
		}
		s.of(e[i])
	case ebnf.Sequence:
		for _, x := range e {
			s.of(x)
		}
	case *ebnf.Group:
		s.of(e.Body)
	case *ebnf.Option:
		if s.free() && rapid.Bool().Draw(s.t, "option") {
			s.of(e.Body)
		}
	case *ebnf.Repetition:
		if s.free() {
			for range rapid.IntRange(0, 2).Draw(s.t, "repetition") {
				s.of(e.Body)
			}
		}
	case *ebnf.Token:
		s.words = append(s.words, e.String)
	case *ebnf.Name:
		s.name(e.String)
	default:
		panic(fmt.Sprintf("%T", e))
	}
}

// words that stand for lexical productions in sentences.
var lexical = map[string][]string{
	"name":     {"joined", "orders", "등급", "total", "x", "last", "group", "within", "min", "KRW"},
	"number":   {"0", "1", "7.5", "30_000", "999999999999999999"},
	"string":   {`"VIP"`, `'a "b"'`, `"\\\""`, `""`, `"한글 # (` + "`" + `"`},
	"date":     {"2026-01-31", "2024-02-29"},
	"currency": {"KRW", "USD"},
	"unit":     {"min", "minutes", "h", "d", "days", "w", "mo", "month", "y"},
}

func (s *sentence) name(name string) {
	if words, ok := lexical[name]; ok {
		s.words = append(s.words, rapid.SampledFrom(words).Draw(s.t, name))
		return
	}
	s.depth++
	s.of(s.g[name].Expr)
	s.depth--
}

func drawSentence(t *rapid.T, g ebnf.Grammar) []string {
	s := sentence{g: g, t: t}
	s.name("Rule")
	return s.words
}

// recogniser tells whether words are a sentence of the documented grammar, with
// no idea of how the parser works: ends gives every place where an expression
// that starts at a place may end.
type recogniser struct {
	g      ebnf.Grammar
	tokens []token
	memo   map[string][]int
}

func (r *recogniser) accepts() bool {
	return slices.Contains(r.ends(&ebnf.Name{String: "Rule"}, 0), len(r.tokens)-1)
}

func (r *recogniser) ends(e ebnf.Expression, at int) []int {
	key := fmt.Sprintf("%p %T %d", e, e, at)
	if n, ok := e.(*ebnf.Name); ok {
		key = fmt.Sprintf("%s %d", n.String, at)
		if ends, ok := r.memo[key]; ok {
			return ends
		}
	}
	var out []int
	switch e := e.(type) {
	case ebnf.Alternative:
		for _, x := range e {
			out = append(out, r.ends(x, at)...)
		}
	case ebnf.Sequence:
		out = []int{at}
		for _, x := range e {
			var next []int
			for _, p := range out {
				next = append(next, r.ends(x, p)...)
			}
			out = unique(next)
		}
	case *ebnf.Group:
		out = r.ends(e.Body, at)
	case *ebnf.Option:
		out = append(r.ends(e.Body, at), at)
	case *ebnf.Repetition:
		out = []int{at}
		for i := 0; i < len(out); i++ {
			for _, p := range r.ends(e.Body, out[i]) {
				if !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		}
	case *ebnf.Token:
		if t := r.tokens[at]; t.Value == e.String && t.Type != stringToken {
			out = []int{at + 1}
		}
	case *ebnf.Name:
		if _, ok := lexical[e.String]; !ok {
			out = r.ends(r.keywordWins(e.String, r.g[e.String].Expr, at), at)
		} else if r.word(e.String, at) {
			out = []int{at + 1}
		}
	}
	out = unique(out)
	if _, ok := e.(*ebnf.Name); ok {
		r.memo[key] = out
	}
	return out
}

func unique(ends []int) []int {
	slices.Sort(ends)
	return slices.Compact(ends)
}

// word tells whether the token is of the lexical production.
func (r *recogniser) word(production string, at int) bool {
	t := r.tokens[at]
	sort := map[string]lexer.TokenType{
		"name": nameToken, "number": numberToken, "string": stringToken, "date": dateToken, "currency": currencyToken, "unit": unitToken,
	}[production]
	return t.Type == sort && t.Value != "quarter" || production == "name" && t.Value == "quarter" && t.Type == nameToken
}

// keywordWins narrows the alternatives of a production to those that start with
// the token as a keyword, as the comment of the grammar says.
func (r *recogniser) keywordWins(production string, e ebnf.Expression, at int) ebnf.Expression {
	alternatives, ok := e.(ebnf.Alternative)
	if !ok || r.tokens[at].Type != nameToken {
		return e
	}
	next := r.tokens[min(at+1, len(r.tokens)-1)]
	switch word := r.tokens[at].Value; {
	case production == "Not" && word == "not", production == "Arg" && word == "where",
		production == "Primary" && word == "in" && next.Value == "group" && next.Type == nameToken,
		production == "Span" && (word == "this" || word == "last") && next.Type == unitToken,
		production == "Span" && (word == "since" || word == "before" || word == "next") &&
			slices.Contains([]lexer.TokenType{nameToken, numberToken, stringToken, dateToken, constantToken}, next.Type):
		var out ebnf.Alternative
		for _, a := range alternatives {
			if startsWith(a, word) {
				out = append(out, a)
			}
		}
		return out
	}
	return e
}

func startsWith(e ebnf.Expression, word string) bool {
	switch e := e.(type) {
	case ebnf.Sequence:
		return startsWith(e[0], word)
	case *ebnf.Group:
		return startsWith(e.Body, word)
	case ebnf.Alternative:
		return slices.ContainsFunc(e, func(x ebnf.Expression) bool { return startsWith(x, word) })
	case *ebnf.Token:
		return e.String == word
	}
	return false
}

func scanAll(t require.TestingT, text string) []token {
	s := scanner{text: text, limits: Limits{}.withDefaults()}
	require.Nil(t, s.scan(), text)
	return s.tokens
}

// Every sentence of the documented grammar parses, and so does the corpus by it.
func TestParserAcceptsDocumentedGrammar(t *testing.T) {
	g := documented(t)
	rapid.Check(t, func(t *rapid.T) {
		words := drawSentence(t, g)
		text := strings.Join(words, " ")
		_, err := Parse(text, WithLimits(Limits{Nesting: 1000}))
		if err != nil {
			t.Fatalf("%s", source.Render("drawn", text, err.(source.Diagnostics)))
		}
	})
	for _, text := range corpus.Texts() {
		r := recogniser{g, scanAll(t, text), map[string][]int{}}
		require.True(t, r.accepts(), text)
	}
}

// Words in any order: the parser and the documented grammar agree on which are
// rules, and the parser's error stands at the first word that fits nothing.
func TestParserAgreesWithDocumentedGrammar(t *testing.T) {
	g := documented(t)
	extra := []string{"not", "and", "or", "(", ")", ",", "where", "in", "is", "known", "..", "since", "last", "x", "7", "d", "%", "=", "-", "."}
	rapid.Check(t, func(t *rapid.T) {
		words := drawSentence(t, g)
		for range rapid.IntRange(0, 3).Draw(t, "edits") {
			at := rapid.IntRange(0, len(words)-1).Draw(t, "at")
			switch word := rapid.SampledFrom(extra).Draw(t, "word"); rapid.IntRange(0, 3).Draw(t, "edit") {
			case 0:
				words = slices.Insert(words, at, word)
			case 1:
				words[at] = word
			case 2:
				words = slices.Delete(words, at, at+1)
			case 3:
				words[0], words[at] = words[at], words[0]
			}
			if len(words) == 0 {
				return
			}
		}
		text := strings.Join(words, " ")
		tokens := scanAll(t, text)
		r := recogniser{g, tokens, map[string][]int{}}
		_, at, err := match(tokens)
		if r.accepts() != (err == nil) {
			t.Fatalf("%s\ngrammar says %v, parser says %v at %v", text, r.accepts(), err, tokens[at].Value)
		}
		if err == nil {
			return
		}
		can := expected(tokens, at)
		if !slices.Contains(slices.Collect(maps.Values(can)), true) {
			t.Fatalf("%s\nnothing could stand at %d %q", text, at, tokens[at].Value)
		}
		if can.String() == "something else" {
			t.Fatalf("%s\nno words for what could stand at %d %q: %v", text, at, tokens[at].Value, can)
		}
	})
}
