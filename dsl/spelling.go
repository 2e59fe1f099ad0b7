package dsl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	if d := s.typographicQuotes(rest); d != nil {
		return d
	}
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

// typographicQuotes finds a whole text in quotes that a word processor made.
func (s *scanner) typographicQuotes(rest string) *source.Diagnostic {
	for _, pair := range [][2]string{{"“", "”"}, {"„", "“"}, {"‘", "’"}, {"«", "»"}, {"「", "」"}} {
		inside, ok := strings.CutPrefix(rest, pair[0])
		if !ok {
			continue
		}
		line, _, _ := strings.Cut(inside, "\n")
		text, _, closed := strings.Cut(line, pair[1])
		if !closed {
			continue
		}
		at := source.Span{Start: s.pos, End: s.pos + len(pair[0]) + len(text) + len(pair[1])}
		return &source.Diagnostic{Code: source.BadCharacter, Span: at,
			Message: "text stands in straight quotes",
			Hint:    "write " + Quote(text), Fix: &source.Fix{Span: at, New: Quote(text)}}
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
	if !unicode.IsPrint(r) {
		return hidden(r, at)
	}
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
