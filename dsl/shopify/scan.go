package shopify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dangol-dev/dangol/dsl/source"
)

type kind uint8

const (
	end      kind = iota
	word          // a name or keyword; names may have dots
	text          // 'quoted'
	number        // 12, 999.99
	day           // 2024-01-31
	moment        // 2024-01-31T16:00:00
	offset        // -7d
	sign          // = != < <= > >= ( ) , :
	namedDay      // today, yesterday
)

type token struct {
	kind  kind
	text  string // of a quoted text its value
	at    source.Span
	count int  // of an offset, with its sign
	unit  byte // of an offset: d w m y
}

// is tells whether the token is the keyword or sign.
func (t token) is(s string) bool {
	return t.kind == word && strings.EqualFold(t.text, s) || t.kind == sign && t.text == s
}

// scan splits a query into tokens. The last is the end.
func scan(query string) ([]token, *source.Diagnostic) {
	fail := func(code source.Code, at source.Span, message string) ([]token, *source.Diagnostic) {
		return nil, &source.Diagnostic{Code: code, Span: at, Message: message}
	}
	if len(query) > maxBytes {
		return fail(source.TooLong, source.Span{Start: maxBytes, End: maxBytes + 1}, fmt.Sprintf("a query has at most %d bytes", maxBytes))
	}
	for i, r := range query {
		if _, n := utf8.DecodeRuneInString(query[i:]); r == utf8.RuneError && n == 1 {
			return fail(source.BadText, source.Span{Start: i, End: i + 1}, fmt.Sprintf("the byte 0x%02X is not UTF-8 text", query[i]))
		}
	}
	var out []token
	for i := 0; i < len(query); {
		r, n := utf8.DecodeRuneInString(query[i:])
		rest := query[i:]
		switch {
		case unicode.IsSpace(r):
			i += n
		case strings.HasPrefix(rest, "--"):
			line, _, _ := strings.Cut(rest, "\n")
			i += len(line)
		case r == '\'' || r == '"':
			t, ok := quoted(query, i)
			if !ok {
				return fail(source.BadString, source.Span{Start: i, End: len(query)}, "this text is never closed")
			}
			out = append(out, t)
			i = t.at.End
		case r >= '0' && r <= '9', (r == '-' || r == '+') && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			t := numeric(query, i)
			out = append(out, t)
			i = t.at.End
		case r == '_' || unicode.IsLetter(r):
			length := strings.IndexFunc(rest, func(r rune) bool {
				return r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			})
			if length < 0 {
				length = len(rest)
			}
			t := token{kind: word, text: rest[:length], at: source.Span{Start: i, End: i + length}}
			if t.is("today") || t.is("yesterday") {
				t.kind, t.text = namedDay, strings.ToLower(t.text)
			}
			out = append(out, t)
			i += length
		default:
			length := n
			if len(rest) >= 2 && (rest[:2] == "!=" || rest[:2] == "<=" || rest[:2] == ">=") {
				length = 2
			} else if !strings.ContainsRune("=<>(),:", r) {
				return fail(source.BadCharacter, source.Span{Start: i, End: i + n}, fmt.Sprintf("%c has no meaning in a segment query", r))
			}
			out = append(out, token{kind: sign, text: rest[:length], at: source.Span{Start: i, End: i + length}})
			i += length
		}
	}
	return append(out, token{kind: end, at: source.Span{Start: len(query), End: len(query)}}), nil
}

// quoted reads a text, in which \ escapes the next character.
func quoted(query string, start int) (token, bool) {
	var b strings.Builder
	for i := start + 1; i < len(query); i++ {
		switch query[i] {
		case query[start]:
			return token{kind: text, text: b.String(), at: source.Span{Start: start, End: i + 1}}, true
		case '\\':
			if i++; i == len(query) {
				return token{}, false
			}
		}
		b.WriteByte(query[i])
	}
	return token{}, false
}

// numeric reads what starts with a digit or a sign before one: a date, an
// offset, one of the old named dates such as 30_days_ago, or a number.
func numeric(query string, start int) token {
	length := strings.IndexFunc(query[start+1:], func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.:", r)
	})
	if length < 0 {
		length = len(query) - start - 1
	}
	whole := query[start : start+1+length]
	t := token{kind: number, text: whole, at: source.Span{Start: start, End: start + len(whole)}}
	if _, err := time.Parse(time.DateOnly, whole); err == nil {
		t.kind = day
		return t
	}
	if _, err := time.Parse("2006-01-02T15:04:05", whole); err == nil {
		t.kind = moment
		return t
	}
	var count int
	var unit string
	if n, _ := fmt.Sscanf(whole, "%d%s", &count, &unit); n == 2 && count > -10_000 && count < 10_000 {
		switch strings.ToLower(unit) {
		case "d", "w", "m", "y":
			t.kind, t.count, t.unit = offset, count, strings.ToLower(unit)[0]
		case "_days_ago":
			t.kind, t.count, t.unit = offset, -count, 'd'
		case "_months_ago":
			t.kind, t.count, t.unit = offset, -count, 'm'
		}
	}
	return t
}
