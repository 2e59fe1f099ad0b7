package dsl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/dangol-dev/dangol/dsl/source"
)

// explain words a syntax error: tokens[at] cannot stand where it does.
func explain(tokens []token, at int) source.Diagnostic {
	if d := knownMistake(tokens, at); d != nil {
		return *d
	}
	d := source.Diagnostic{Code: source.Unexpected, Span: spanOf(tokens[at])}
	found, end := shown(tokens[at]), at == len(tokens)-1
	if end && at > 0 {
		last := spanOf(tokens[at-1]).End
		d.Span = source.Span{Start: last, End: last}
	}
	switch {
	case end && at == 0:
		d.Span = source.Span{}
		d.Message = "the rule is empty"
		d.Hint = "write a condition such as joined within 7d"
		return d
	case end && at > maxProbed:
		d.Message = "the rule ends too early"
		return d
	case at > maxProbed:
		d.Message = found + " does not fit here"
		return d
	}
	can := expected(tokens, at)
	opener := openParen(tokens, at)
	switch {
	case opener >= 0 && can[")"] && (end || neverClosed(tokens, opener)):
		d.Code, d.Span = source.Unclosed, spanOf(tokens[opener])
		d.Message = `this "(" is never closed`
		d.Hint = `put ")" at the end`
		if !end {
			d.Hint = `put ")" before ` + found
		}
	case end:
		d.Message = fmt.Sprintf("the rule ends where %s is missing", can)
	default:
		d.Message = fmt.Sprintf("expected %s, found %s", can, found)
		if near, ok := respelt(tokens, at); ok {
			d.Hint, d.Fix = "did you mean "+near+"?", &source.Fix{Span: d.Span, New: near}
		} else if near, ok := respelt(tokens, at-1); ok {
			d.Span = spanOf(tokens[at-1])
			d.Message = fmt.Sprintf("%s is read as a name here", shown(tokens[at-1]))
			d.Hint, d.Fix = "did you mean "+near+"?", &source.Fix{Span: d.Span, New: near}
		}
	}
	return d
}

// respelt is the keyword that the name at the place was meant to be: one that is
// spelt nearly so, and with which the text reads on.
func respelt(tokens []token, at int) (string, bool) {
	if at < 0 || tokens[at].Type != nameToken {
		return "", false
	}
	near, ok := source.Closest(tokens[at].Value, keywords)
	if !ok {
		return "", false
	}
	trial := slices.Clone(tokens)
	trial[at].Value = near
	_, failed, err := match(trial)
	return near, err == nil || failed > at+1
}

// shown is the token for a message, cut when long.
func shown(t token) string {
	text := t.Value
	if len(text) > 40 {
		text = strings.ToValidUTF8(text[:37], "") + "..."
	}
	if t.Type == stringToken {
		return text
	}
	return `"` + text + `"`
}

// openParen is the index of the innermost parenthesis that is open before
// tokens[at], or -1.
func openParen(tokens []token, at int) int {
	depth := 0
	for i := at - 1; i >= 0; i-- {
		switch tokens[i].Value {
		case ")":
			depth++
		case "(":
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

func neverClosed(tokens []token, opener int) bool {
	depth := 0
	for _, t := range tokens[opener:] {
		switch t.Value {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return false
			}
		}
	}
	return true
}

// maxProbed is the number of tokens up to which it is found out what could stand
// in the place of the next: the time grows with it.
const maxProbed = 300

// choices are the sorts of things that could stand at a place, by the names of
// the probes.
type choices map[string]bool

// A probe finds out whether something could stand at a place by trying: the text
// before the place, then the probe.
type probe struct {
	name   string
	tokens []token
}

func word(s string) token { return token{Type: nameToken, Value: s} }
func mark(s string) token { return token{Type: markToken, Value: s} }

var probes = []probe{
	{"not", []token{word("not"), {Type: dateToken, Value: "2026-01-31"}}},
	{"span", []token{word("this"), {Type: unitToken, Value: "week"}}},
	{"name", []token{word("x")}},
	{"number", []token{{Type: numberToken, Value: "1"}}},
	{"string", []token{{Type: stringToken, Value: `"x"`}}},
	{"(", []token{mark("("), {Type: numberToken, Value: "1"}}},
	{"relation", []token{word("within"), {Type: dateToken, Value: "2026-01-31"}}},
	{"compare", []token{{Type: compareToken, Value: "="}}},
	{"and", []token{word("and")}},
	{"or", []token{word("or")}},
	{"where", []token{word("where"), word("x")}},
	{"unit", []token{{Type: unitToken, Value: "d"}}},
	{"known", []token{word("known")}},
	{"group", []token{word("group"), {Type: stringToken, Value: `"x"`}}},
	{"top", []token{word("top"), {Type: numberToken, Value: "1"}}},
	{"any", []token{word("any"), mark("(")}},
	{"with", []token{word("with"), {Type: stringToken, Value: `"x"`}}},
	{",", []token{mark(",")}},
	{")", []token{mark(")")}},
	{"end", nil},
}

// expected is what could stand in the place of tokens[at].
func expected(tokens []token, at int) choices {
	can := choices{}
	for _, p := range probes {
		trial := slices.Clone(tokens[:at])
		offset := tokens[at].Pos.Offset
		for _, t := range append(slices.Clone(p.tokens), token{Type: lexer.EOF}) {
			t.Pos.Offset = offset
			trial = append(trial, t)
			offset += len(t.Value)
		}
		_, failed, err := match(trial)
		can[p.name] = err == nil || failed >= at+max(1, len(p.tokens))
	}
	return can
}

// String is the choices in words: what starts a value is told by one word for
// all, what may go on after a whole value only by what is usual. A keyword is left
// out where it would be read as a name.
func (can choices) String() string {
	name, number, paren := can["name"], can["number"], can["("]
	whole := can["and"] && !name
	var out []string
	add := func(words string, when bool) {
		if when {
			out = append(out, words)
		}
	}
	add("a condition", can["not"])
	add("a span of time such as 30d", can["span"])
	value := name && number && !can["not"] && !can["span"]
	add("a value", value && paren)
	add("a day, a moment or a name", value && !paren)
	add("a name", name && !number)
	add("a number", number && !name)
	add("a list in parentheses", paren && can["top"])
	add(`"top"`, can["top"])
	add(`"bottom"`, can["top"])
	add("a text in quotes", can["string"] && !name)
	add(`"any"`, can["any"] && !name)
	add(`"all"`, can["any"] && !name)
	add("a unit of time", can["unit"] && !whole)
	add(`"known"`, can["known"] && !name)
	add(`"with"`, can["with"] && !name)
	add("a comparison", whole && can["compare"])
	add(`"within", "in", "between" or another relation`, can["relation"] && !whole && !name)
	add(`"where"`, can["where"])
	add(`"and"`, can["and"] && !name)
	add(`"or"`, can["or"] && !name)
	add(`","`, can[","])
	add(`")"`, can[")"])
	add("the end", can["end"] && whole)
	add(`"("`, paren && len(out) == 0)
	switch len(out) {
	case 0:
		return "something else"
	case 1:
		return out[0]
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}
