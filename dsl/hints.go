package dsl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
	"golang.org/x/text/unicode/norm"

	"github.com/dangol-dev/dangol/dsl/source"
)

// spellings of other languages and keyboards, and what is written here. Longer
// ones stand first.
var spellings = []struct{ theirs, ours, why string }{
	{"===", "=", ""}, {"==", "=", ""}, {"<>", "!=", ""}, {"=<", "<=", ""}, {"=>", ">=", ""}, {"!==", "!=", ""},
	{"≤", "<=", ""}, {"≥", ">=", ""}, {"≠", "!=", ""},
	{"&&", "and", ""}, {"||", "or", ""}, {"&", "and", ""}, {"|", "or", ""},
	{"...", "..", ""}, {"…", "..", ""}, {"~", "..", ""},
	{"//", "#", "a comment starts with #"}, {"/*", "#", "a comment starts with #"},
	{"−", "-", ""}, {"–", "-", ""}, {"—", "-", ""}, {"×", "*", ""}, {"÷", "/", ""},
	{"“", `"`, ""}, {"”", `"`, ""}, {"„", `"`, ""}, {"«", `"`, ""}, {"»", `"`, ""}, {"‘", "'", ""}, {"’", "'", ""}, {"`", `"`, ""},
	{"「", `"`, ""}, {"」", `"`, ""},
	{"[", "(", "a list stands in ( )"}, {"]", ")", "a list stands in ( )"},
	{"{", "(", "a list stands in ( )"}, {"}", ")", "a list stands in ( )"},
	{";", "", "a rule is one condition and needs no end mark"},
	{":", "=", ""},
}

// misspelt finds a sign of another language at the start of rest.
func (s *scanner) misspelt(rest string) *source.Diagnostic {
	if strings.HasPrefix(rest, "!") && !strings.HasPrefix(rest, "!=") {
		return s.instead("!", "not", "")
	}
	for _, sp := range spellings {
		if strings.HasPrefix(rest, sp.theirs) {
			return s.instead(sp.theirs, sp.ours, sp.why)
		}
	}
	return nil
}

func (s *scanner) instead(theirs, ours, why string) *source.Diagnostic {
	at := source.Span{Start: s.pos, End: s.pos + len(theirs)}
	hint := "write " + ours
	if why != "" {
		hint = why
	}
	edit := ours
	if ours == "and" || ours == "or" || ours == "not" {
		edit = s.apart(at, ours)
	}
	return &source.Diagnostic{Code: source.BadCharacter, Span: at,
		Message: fmt.Sprintf("%s is not written in rules", theirs),
		Hint:    hint, Fix: &source.Fix{Span: at, New: edit}}
}

// apart is the word with spaces where it would grow together with its neighbours.
func (s *scanner) apart(at source.Span, word string) string {
	if r, _ := utf8.DecodeLastRuneInString(s.text[:at.Start]); namePart(r) {
		word = " " + word
	}
	if r, _ := utf8.DecodeRuneInString(s.text[at.End:]); namePart(r) {
		word += " "
	}
	return word
}

// unknown words the error for a character that no token starts with.
func (s *scanner) unknown(r rune) *source.Diagnostic {
	at := source.Span{Start: s.pos, End: s.pos + utf8.RuneLen(r)}
	d := &source.Diagnostic{Code: source.BadCharacter, Span: at,
		Message: fmt.Sprintf("%c is not written in rules", r)}
	plain := norm.NFKC.String(string(r))
	switch {
	case plain != string(r) && len(plain) == 1 && plain[0] > ' ' && plain[0] < 0x7F:
		d.Hint, d.Fix = "write "+plain, &source.Fix{Span: at, New: plain}
	case unicode.Is(unicode.Sc, r):
		d.Hint = "write the currency after the number, such as 30_000 KRW, or leave it out"
	case unicode.IsMark(r):
		d.Message = "an accent stands alone here"
	default:
		d.Hint = `text stands in quotes, such as "VIP"`
	}
	return d
}

// groupedByComma finds 10,000: digits that are grouped by a comma. The three
// tokens must touch.
func groupedByComma(first, comma, rest token) *source.Diagnostic {
	whole, _, _ := strings.Cut(rest.Value, ".")
	touching := spanOf(first).End == comma.Pos.Offset && spanOf(comma).End == rest.Pos.Offset
	if !touching || first.Type != numberToken || comma.Value != "," || rest.Type != numberToken || len(whole) != 3 {
		return nil
	}
	at := source.Span{Start: first.Pos.Offset, End: spanOf(rest).End}
	joined := first.Value + "_" + rest.Value
	return &source.Diagnostic{Code: source.BadNumber, Span: at,
		Message: "digits are grouped with _ here, a comma separates items",
		Hint:    "write " + joined, Fix: &source.Fix{Span: at, New: joined}}
}

// unitSpellings are words that stand after numbers elsewhere.
var unitSpellings = map[string]string{
	"s": "", "sec": "", "second": "", "seconds": "",
	"mins": "min", "hr": "h", "hrs": "h", "dy": "d", "wk": "w", "wks": "w", "mon": "mo", "mos": "mo", "mth": "mo", "yr": "y", "yrs": "y",
	"분": "min", "시간": "h", "일": "d", "주": "w", "주일": "w", "개월": "mo", "달": "mo", "년": "y",
	"원": "KRW", "won": "KRW", "dollars": "USD", "dollar": "USD", "percent": "%", "pct": "%", "프로": "%", "퍼센트": "%",
}

// keywords are the words with a meaning between others.
var keywords = []string{
	"and", "or", "not", "is", "known", "within", "between", "in", "contains", "any", "all", "starts", "ends", "with",
	"before", "after", "on", "top", "bottom", "group", "where", "since", "next", "this", "last", "full", "ago",
	"true", "false", "today", "yesterday", "now",
}

// knownMistake finds what authors often write at tokens[at], and how to mend it.
func knownMistake(tokens []token, at int) *source.Diagnostic {
	none := token{Type: lexer.EOF}
	back := func(n int) token {
		if at < n {
			return none
		}
		return tokens[at-n]
	}
	cur, prev, earlier, next := tokens[at], back(1), back(2), none
	if at+1 < len(tokens) {
		next = tokens[at+1]
	}
	d := &source.Diagnostic{Code: source.Unexpected, Span: spanOf(cur)}
	fix := func(span source.Span, text string) *source.Diagnostic {
		d.Fix = &source.Fix{Span: span, New: text}
		if d.Hint == "" {
			d.Hint = "write " + strings.TrimSpace(text)
		}
		return d
	}
	lower := strings.ToLower(cur.Value)

	switch {
	case cur.Type == nameToken && prev.Type == numberToken && !isKeyword(lower):
		return badUnit(prev, cur)

	case cur.Type == nameToken && prev.Value == "full" && earlier.Type == numberToken:
		return badUnit(earlier, cur)

	// within last 7d, orders(last 7d), within the last 7d
	case cur.Type == numberToken && next.Type == unitToken && (prev.Value == "last" || prev.Value == "past" || prev.Value == "this"):
		d.Span = spanOf(prev).Join(spanOf(cur))
		d.Message = fmt.Sprintf("a span such as %s%s already looks back, without %q", cur.Value, next.Value, prev.Value)
		d.Hint = fmt.Sprintf("write %s%s", cur.Value, next.Value)
		return fix(spanOf(prev).Join(spanOf(cur)), cur.Value)

	// 10,000 outside a list
	case cur.Value == "," && groupedByComma(prev, cur, next) != nil:
		return groupedByComma(prev, cur, next)

	// AND, Or, WITHIN: the word is right, the case is not
	case (cur.Type == nameToken || cur.Type == currencyToken) && cur.Value != lower && isKeyword(lower):
		d.Message = fmt.Sprintf("words of the language are written in lower case, found %q", cur.Value)
		return fix(spanOf(cur), lower)
	case (prev.Type == nameToken || prev.Type == currencyToken) && prev.Value != strings.ToLower(prev.Value) && isKeyword(strings.ToLower(prev.Value)):
		return knownMistake(tokens, at-1)

	// within -7d
	case cur.Value == "-" && next.Type == numberToken && at+2 < len(tokens) && tokens[at+2].Type == unitToken:
		span := source.Span{Start: spanOf(cur).Start, End: spanOf(tokens[at+2]).End}
		d.Span = span
		d.Message = "a span of time has no sign: it looks back from the day of the answer"
		d.Hint = "write " + next.Value + tokens[at+2].Value
		return fix(spanOf(cur), "")

	// > = and = =
	case cur.Type == compareToken && prev.Type == compareToken:
		d.Span = spanOf(prev).Join(spanOf(cur))
		d.Message = "two signs of comparison follow each other"
		if both := prev.Value + cur.Value; both == "<=" || both == ">=" || both == "!=" {
			return fix(d.Span, both)
		}
		return fix(d.Span, prev.Value)

	// a < b < c
	case cur.Type == compareToken && comparedBefore(tokens, at):
		d.Message = "two comparisons cannot follow each other"
		d.Hint = "write x between 1 and 5, or two comparisons with and"
		return d

	// x in group, x in this month
	case prev.Value == "in" && cur.Value == "group":
		d.Span = spanOf(prev).Join(spanOf(cur))
		d.Message = "in group stands alone, it is about the customer"
		d.Hint = "leave out the value before it"
		return d
	case prev.Value == "in" && (cur.Type == numberToken && next.Type == unitToken || cur.Value == "last" || cur.Value == "this" || cur.Value == "next"):
		d.Span = spanOf(prev)
		d.Message = "a moment is within a span of time"
		return fix(spanOf(prev), "within")
	case prev.Value == "in" && (cur.Type == stringToken || cur.Type == numberToken || cur.Type == nameToken):
		d.Message = "a list stands in parentheses"
		d.Hint = fmt.Sprintf("write in (%s)", cur.Value)
		return d

	// is "x", is not "x", is null
	case prev.Value == "is" || prev.Value == "not" && earlier.Value == "is":
		not := prev.Value == "not"
		switch {
		case lower == "null" || lower == "empty" || lower == "missing" || lower == "unknown" || lower == "blank":
			from := spanOf(prev)
			if not {
				from = spanOf(earlier)
			}
			d.Message = "whether a value is there is asked with is known"
			return fix(from.Join(spanOf(cur)), map[bool]string{true: "is known", false: "is not known"}[not])
		case cur.Type != lexer.EOF:
			from := spanOf(prev)
			if not {
				from = spanOf(earlier).Join(from)
			}
			d.Span = from
			d.Message = "is stands only before known"
			return fix(from, map[bool]string{true: "!=", false: "="}[not])
		}

	// starts "x"
	case (prev.Value == "starts" || prev.Value == "ends") && cur.Type == stringToken:
		d.Message = fmt.Sprintf("%q needs %q", prev.Value, "with")
		d.Hint = "write " + prev.Value + " with " + shown(cur)
		return fix(source.Span{Start: cur.Pos.Offset, End: cur.Pos.Offset}, "with ")

	// top 5% of spent
	case (prev.Value == "top" || prev.Value == "bottom") && cur.Type == numberToken:
		d.Span = spanOf(prev)
		d.Message = "a rank starts with what is ranked"
		d.Hint = fmt.Sprintf("write spent(365d) in %s %s", prev.Value, cur.Value)
		return d

	// contains ("a", "b")
	case prev.Value == "contains" && cur.Value == "(":
		d.Message = "a list after contains needs any or all"
		d.Hint = "write contains any or contains all before it"
		return fix(source.Span{Start: cur.Pos.Offset, End: cur.Pos.Offset}, "any ")

	// a like "x%"
	case lower == "like" || lower == "matches" || lower == "startswith" || lower == "endswith" || lower == "includes":
		d.Message = fmt.Sprintf("there is no %q", cur.Value)
		d.Hint = `write starts with "x", ends with "x" or contains "x"`
		return d

	// a and and b: the second one was read as a name
	case at > 0 && cur.Type != lexer.EOF && connective(prev) && (at == 1 || connective(earlier) || earlier.Value == "("):
		d.Span = spanOf(prev)
		d.Message = fmt.Sprintf("%q stands where a condition is expected", prev.Value)
		d.Hint = "leave it out, or put a condition before it"
		return d
	}
	return nil
}

func connective(t token) bool {
	return t.Type == nameToken && (t.Value == "and" || t.Value == "or" || t.Value == "not" || t.Value == "where")
}

func isKeyword(word string) bool {
	return slices.Contains(keywords, word)
}

// comparedBefore tells whether the test that tokens[at] stands in has a
// comparison already.
func comparedBefore(tokens []token, at int) bool {
	depth := 0
	for i := at - 1; i >= 0 && depth >= 0; i-- {
		switch t := tokens[i]; {
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

// badUnit words the error for a word after a number that is no unit.
func badUnit(n, unit token) *source.Diagnostic {
	d := &source.Diagnostic{Code: source.BadUnit, Span: spanOf(unit),
		Message: fmt.Sprintf("%q is no unit of time and no currency", unit.Value),
		Hint:    "units are min, h, d, w, mo and y"}
	lower := strings.ToLower(unit.Value)
	ours, known := unitSpellings[lower]
	switch {
	case unit.Value == "m" || unit.Value == "M":
		d.Message = "m could be minutes or months"
		d.Hint = fmt.Sprintf("write %[1]smin or %[1]smo", n.Value)
	case lower == "quarter" || lower == "quarters":
		d.Message = "quarters are not counted"
		d.Hint = "write three months for each, such as 3mo, or last quarter"
	case known && ours == "":
		d.Message = "the smallest unit of time is the minute"
		d.Hint = "write min"
	case known:
		d.Hint, d.Fix = "write "+ours, &source.Fix{Span: spanOf(unit), New: ours}
	case countedUnit(lower):
		d.Message = "units are written in lower case"
		d.Hint, d.Fix = "write "+lower, &source.Fix{Span: spanOf(unit), New: lower}
	case len(lower) == 3 && currencyCode(strings.ToUpper(unit.Value)):
		upper := strings.ToUpper(unit.Value)
		d.Hint = fmt.Sprintf("units are min, h, d, w, mo and y; a currency is written %s", upper)
	default:
		if near, ok := source.Closest(lower, slices.Sorted(maps.Keys(units))); ok {
			d.Hint, d.Fix = "did you mean "+near+"?", &source.Fix{Span: spanOf(unit), New: near}
		}
	}
	return d
}
