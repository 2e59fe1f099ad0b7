package dsl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/dangol-dev/dangol/dsl/source"
)

// keywords are the words with a meaning between others.
var keywords = []string{
	"and", "or", "not", "is", "known", "within", "between", "in", "contains", "any", "all", "starts", "ends", "with",
	"before", "after", "on", "top", "bottom", "group", "where", "since", "next", "this", "last", "full", "ago",
	"true", "false", "today", "yesterday", "now",
}

func isKeyword(word string) bool { return slices.Contains(keywords, word) }

// spot is the place of a syntax error: the first token that fits nothing.
type spot struct {
	tokens []token
	at     int
}

// near is the token so many places after the error, before it when negative.
func (s spot) near(n int) token {
	if i := s.at + n; i >= 0 && i < len(s.tokens) {
		return s.tokens[i]
	}
	return token{Type: lexer.EOF}
}

// word is a name or keyword at a place near the error, "" when another token
// stands there.
func (s spot) word(n int) string {
	if t := s.near(n); t.Type == nameToken {
		return t.Value
	}
	return ""
}

// span covers the tokens of two places near the error.
func (s spot) span(from, to int) source.Span { return spanOf(s.near(from)).Join(spanOf(s.near(to))) }

// counted tells whether a number with a unit of time stands at the place.
func (s spot) counted(n int) bool {
	return s.near(n).Type == numberToken && s.near(n+1).Type == unitToken
}

// mistake is the diagnostic for a place, mended by writing text there.
func mistake(at source.Span, message, text string) *source.Diagnostic {
	return &source.Diagnostic{Code: source.Unexpected, Span: at, Message: message,
		Hint: "write " + text, Fix: &source.Fix{Span: at, New: text}}
}

// commonMistakes find what authors often write, by the tokens around the error.
// The first that knows the place words it.
var commonMistakes = []func(spot) *source.Diagnostic{
	wrongUnit, lookingBack, commaInNumber, shouting, signedSpan, twoSigns, chain, inWords, groupOfValue,
	windowAfterTest, otherWords, bareList, isValue, affixWithout, rankOfNothing, containsList, likePattern, strayConnective,
}

func knownMistake(tokens []token, at int) *source.Diagnostic {
	for _, find := range commonMistakes {
		if d := find(spot{tokens, at}); d != nil {
			return d
		}
	}
	return nil
}

// wrongUnit: 7m, 30 days, 7 full x.
func wrongUnit(s spot) *source.Diagnostic {
	switch {
	case s.word(0) == "" || isKeyword(strings.ToLower(s.word(0))):
		return nil
	case s.near(-1).Type == numberToken:
		return badUnit(s.near(-1), s.near(0))
	case s.word(-1) == "full" && s.near(-2).Type == numberToken:
		return badUnit(s.near(-2), s.near(0))
	}
	return nil
}

// lookingBack: within last 7d, in the last 7d, orders(past 7d), in this month.
func lookingBack(s spot) *source.Diagnostic {
	for start := 0; start >= -3; start-- {
		opener := s.near(start)
		if opener.Value != "in" && opener.Value != "within" && opener.Value != "(" {
			continue
		}
		n := start + 1
		for ; s.word(n) == "the" || s.word(n) == "last" || s.word(n) == "past" || s.word(n) == "previous"; n++ {
		}
		replaced, with := source.Span{Start: s.near(start + 1).Pos.Offset, End: s.near(n).Pos.Offset}, ""
		if opener.Value == "in" {
			replaced.Start, with = opener.Pos.Offset, "within "
		}
		local := s.near(start+2).Type == unitToken // this month
		switch {
		case s.counted(n) && n > start+1:
			d := mistake(s.span(start+1, n-1), "a span of time looks back by itself", with+s.near(n).Value+s.near(n+1).Value)
			d.Fix = &source.Fix{Span: replaced, New: with}
			return d
		case opener.Value == "in" && (s.counted(start+1) || local):
			return mistake(spanOf(opener), "a moment is within a span of time", "within")
		}
		return nil
	}
	return nil
}

// commaInNumber: 10,500 outside a list.
func commaInNumber(s spot) *source.Diagnostic {
	if s.near(0).Value != "," {
		return nil
	}
	return groupedByComma(s.near(-1), s.near(0), s.near(1))
}

// shouting: AND, Or, WITHIN.
func shouting(s spot) *source.Diagnostic {
	for n := 0; n >= -1; n-- {
		t := s.near(n)
		lower := strings.ToLower(t.Value)
		if (t.Type == nameToken || t.Type == currencyToken) && t.Value != lower && isKeyword(lower) {
			return mistake(spanOf(t), fmt.Sprintf("words of the language are written in lower case, found %q", t.Value), lower)
		}
	}
	return nil
}

// signedSpan: within -7d.
func signedSpan(s spot) *source.Diagnostic {
	if s.near(0).Value != "-" || !s.counted(1) {
		return nil
	}
	return mistake(s.span(0, 2), "a span of time has no sign: it looks back from the day of the answer", s.near(1).Value+s.near(2).Value)
}

// twoSigns: > = and = =.
func twoSigns(s spot) *source.Diagnostic {
	before, t := s.near(-1), s.near(0)
	if before.Type != compareToken || t.Type != compareToken {
		return nil
	}
	one := before.Value
	if both := one + t.Value; both == "<=" || both == ">=" {
		one = both
	}
	return mistake(s.span(-1, 0), "two signs of comparison follow each other", one)
}

// chain: 1 < x < 5.
func chain(s spot) *source.Diagnostic {
	if s.near(0).Type != compareToken || !s.compared() {
		return nil
	}
	return &source.Diagnostic{Code: source.Unexpected, Span: spanOf(s.near(0)),
		Message: "two comparisons cannot follow each other",
		Hint:    "write x between 1 and 5, or two comparisons with and"}
}

// compared tells whether the test that the error stands in has a comparison
// already.
func (s spot) compared() bool {
	depth := 0
	for i := s.at - 1; i >= 0 && depth >= 0; i-- {
		switch t := s.tokens[i]; {
		case t.Value == ")":
			depth++
		case t.Value == "(":
			depth--
		case depth > 0:
		case t.Type == compareToken:
			return true
		case t.Value == "and" || t.Value == "or" || t.Value == "where" || t.Value == ",":
			return false
		}
	}
	return false
}

// inWords: orders at least 3, spent over 1000.
func inWords(s spot) *source.Diagnostic {
	two := map[string]string{
		"at least": ">=", "at most": "<=", "more than": ">", "greater than": ">", "less than": "<", "equal to": "=", "equals to": "=",
	}
	one := map[string]string{
		"equals": "=", "equal": "=", "over": ">", "above": ">", "exceeds": ">", "under": "<", "below": "<", "gt": ">", "lt": "<", "gte": ">=", "lte": "<=",
	}
	if sign, ok := two[s.word(0)+" "+s.word(1)]; ok {
		return mistake(s.span(0, 1), "comparisons are written as signs", sign)
	}
	if sign, ok := one[s.word(0)]; ok {
		return mistake(spanOf(s.near(0)), "comparisons are written as signs", sign)
	}
	return nil
}

// otherWords: and, or and not in words that mean the same.
func otherWords(s spot) *source.Diagnostic {
	word := map[string]string{
		"그리고": "and", "및": "and", "이고": "and", "이면서": "and", "but": "and", "also": "and", "plus": "and",
		"또는": "or", "혹은": "or", "이거나": "or",
		"except": "and not", "without": "and not", "unless": "and not",
	}[s.word(0)]
	if word == "" {
		return nil
	}
	return mistake(spanOf(s.near(0)), fmt.Sprintf("%q is not a word of the language", s.word(0)), word)
}

// groupOfValue: country in group "VIP".
func groupOfValue(s spot) *source.Diagnostic {
	if s.word(-1) != "in" || s.word(0) != "group" {
		return nil
	}
	return &source.Diagnostic{Code: source.Unexpected, Span: s.span(-1, 0),
		Message: "in group stands alone, it is about the customer", Hint: "leave out the value before it"}
}

// windowAfterTest: orders >= 3 within 30d.
func windowAfterTest(s spot) *source.Diagnostic {
	switch s.word(0) {
	case "in", "within", "since", "last", "during", "between", "before", "after":
	default:
		return nil
	}
	if !s.compared() {
		return nil
	}
	return &source.Diagnostic{Code: source.Unexpected, Span: spanOf(s.near(0)),
		Message: "a span of time stands in parentheses behind what it is about", Hint: "write orders(30d) >= 3"}
}

// bareList: country in "KR".
func bareList(s spot) *source.Diagnostic {
	t, next := s.near(0), s.near(1)
	value := t.Type == stringToken || t.Type == numberToken ||
		t.Type == nameToken && next.Type != stringToken && next.Type != numberToken
	if s.word(-1) != "in" || !value {
		return nil
	}
	return mistake(spanOf(t), "a list stands in parentheses", "("+t.Value+")")
}

// isValue: birthday is null, country is not "KR".
func isValue(s spot) *source.Diagnostic {
	is, not := -1, s.word(-1) == "not" && s.word(-2) == "is"
	if not {
		is = -2
	}
	if s.word(is) != "is" || s.near(0).Type == lexer.EOF {
		return nil
	}
	switch strings.ToLower(s.word(0)) {
	case "null", "empty", "missing", "unknown", "blank", "set":
		known := not
		if s.word(0) == "set" {
			known = !not
		}
		return mistake(s.span(is, 0), "whether a value is there is asked with is known", map[bool]string{true: "is known", false: "is not known"}[known])
	}
	if _, ok := source.Closest(s.word(0), []string{"known"}); ok {
		return mistake(spanOf(s.near(0)), "is stands only before known", "known")
	}
	return mistake(s.span(is, -1), "is stands only before known", map[bool]string{true: "!=", false: "="}[not])
}

// affixWithout: name starts "Kim".
func affixWithout(s spot) *source.Diagnostic {
	word := s.word(-1)
	if word != "starts" && word != "ends" || s.near(0).Type != stringToken {
		return nil
	}
	return mistake(spanOf(s.near(-1)), fmt.Sprintf("%q needs %q", word, "with"), word+" with")
}

// rankOfNothing: top 5%.
func rankOfNothing(s spot) *source.Diagnostic {
	if word := s.word(-1); word != "top" && word != "bottom" || s.near(0).Type != numberToken {
		return nil
	}
	rank := s.word(-1) + " " + s.near(0).Value
	if s.near(1).Value == "%" {
		rank += "%"
	}
	return &source.Diagnostic{Code: source.Unexpected, Span: spanOf(s.near(-1)),
		Message: "a rank starts with what is ranked", Hint: "write spent(365d) in " + rank}
}

// containsList: tags contains ("vip", "press").
func containsList(s spot) *source.Diagnostic {
	if s.word(-1) != "contains" || s.near(0).Value != "(" {
		return nil
	}
	d := mistake(spanOf(s.near(-1)), "a list after contains needs any or all", "contains any")
	d.Hint = "write contains any or contains all"
	return d
}

// likePattern: name like "Kim%".
func likePattern(s spot) *source.Diagnostic {
	switch strings.ToLower(s.word(0)) {
	case "like", "ilike", "matches", "startswith", "endswith", "includes", "has":
	default:
		return nil
	}
	return &source.Diagnostic{Code: source.Unexpected, Span: spanOf(s.near(0)),
		Message: fmt.Sprintf("there is no %q", s.word(0)),
		Hint:    `write starts with "x", ends with "x" or contains "x"`}
}

// strayConnective: newsletter and and orders. The second one was read as a name.
func strayConnective(s spot) *source.Diagnostic {
	if s.near(0).Type == lexer.EOF || !connective(s.word(-1)) {
		return nil
	}
	if before := s.near(-2); s.at != 1 && !connective(s.word(-2)) && before.Value != "(" {
		return nil
	}
	return &source.Diagnostic{Code: source.Unexpected, Span: spanOf(s.near(-1)),
		Message: fmt.Sprintf("%q stands where a condition is expected", s.word(-1)),
		Hint:    "leave it out, or put a condition before it"}
}

func connective(word string) bool {
	return word == "and" || word == "or" || word == "not" || word == "where"
}
