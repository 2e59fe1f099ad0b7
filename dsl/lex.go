package dsl

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/dangol-dev/dangol/dsl/source"
)

// token is one word, value or sign. Its Value is the text exactly as written and
// of its position only the offset is set.
type token = lexer.Token

// The sorts of tokens, as the grammar names them.
const (
	nameToken lexer.TokenType = iota + 1
	constantToken
	unitToken
	currencyToken
	numberToken
	stringToken
	dateToken
	compareToken
	arithToken
	markToken
)

// tokenSource is the lexer as participle wants it.
type tokenSource struct{}

// Symbols are the sorts of tokens by the names that the grammar uses.
func (tokenSource) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF":      lexer.EOF,
		"Name":     nameToken,     // any word that is none of the following
		"Constant": constantToken, // true false today yesterday now, unless after a point
		"Unit":     unitToken,     // only after a number, "full", "this" or "last"
		"Currency": currencyToken, // three capitals, only after a number
		"Number":   numberToken,
		"String":   stringToken,
		"Date":     dateToken,
		"Compare":  compareToken,
		"Arith":    arithToken,
		"Mark":     markToken, // ( ) , . .. %
	}
}

// Lex reads everything with the default limits.
func (tokenSource) Lex(_ string, r io.Reader) (lexer.Lexer, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s := scanner{text: string(text), limits: Limits{}.withDefaults()}
	if d := s.scan(); d != nil {
		return nil, source.Diagnostics{*d}
	}
	return &replay{s.tokens}, nil
}

// replay gives tokens that were read before. The last one is the end.
type replay struct{ tokens []token }

func (r *replay) Next() (token, error) {
	t := r.tokens[0]
	if len(r.tokens) > 1 {
		r.tokens = r.tokens[1:]
	}
	return t, nil
}

// scanner splits a text into tokens and comments.
type scanner struct {
	text     string
	limits   Limits
	pos      int // of the next byte
	tokens   []token
	comments []Comment
}

// scan reads the whole text. After an error tokens holds what was read before
// it. The last token is always the end of the text.
func (s *scanner) scan() *source.Diagnostic {
	d := s.all()
	end := lexer.EOFToken(lexer.Position{Offset: s.pos})
	s.tokens = append(s.tokens, end)
	return d
}

func (s *scanner) all() *source.Diagnostic {
	if len(s.text) > s.limits.Bytes {
		return &source.Diagnostic{
			Code: source.TooLong, Span: source.Span{Start: s.limits.Bytes, End: s.limits.Bytes + 1},
			Message: fmt.Sprintf("a rule has at most %d bytes, this one has %d", s.limits.Bytes, len(s.text)),
		}
	}
	if d := s.readable(); d != nil {
		return d
	}
	s.tokens = make([]token, 0, len(s.text)/4+2)
	for s.pos < len(s.text) {
		if d := s.next(); d != nil {
			return d
		}
		if len(s.tokens) > s.limits.Nodes {
			break // limits.check says it
		}
	}
	return nil
}

// readable refuses a text that is not UTF-8 or holds what no one can see.
func (s *scanner) readable() *source.Diagnostic {
	for i, r := range s.text {
		if r >= ' ' && r < 0x7F || r == '\n' || r == '\t' {
			continue
		}
		_, n := utf8.DecodeRuneInString(s.text[i:])
		at := source.Span{Start: i, End: i + n}
		switch {
		case r == utf8.RuneError && n == 1:
			return &source.Diagnostic{Code: source.BadText, Span: at,
				Message: fmt.Sprintf("the byte 0x%02X is not UTF-8 text", s.text[i]),
				Hint:    "save the file as UTF-8"}
		case r == '\r' && strings.HasPrefix(s.text[i+1:], "\n"), r == byteOrderMark && i == 0:
		case unicode.IsControl(r), source.Invisible(r):
			return hidden(r, at)
		}
	}
	return nil
}

func hidden(r rune, at source.Span) *source.Diagnostic {
	return &source.Diagnostic{Code: source.BadText, Span: at,
		Message: fmt.Sprintf("the invisible character U+%04X may not stand in a rule", r),
		Hint:    "delete it",
		Fix:     &source.Fix{Span: at}}
}

const byteOrderMark = '\uFEFF'

// next reads one token, comment or white space.
func (s *scanner) next() *source.Diagnostic {
	r, n := utf8.DecodeRuneInString(s.text[s.pos:])
	switch {
	case unicode.IsSpace(r), r == byteOrderMark:
		s.pos += n
		return nil
	case r == '#':
		s.comment()
		return nil
	case nameStart(r):
		s.word()
		return nil
	case r >= '0' && r <= '9':
		return s.number()
	case r == '"' || r == '\'':
		return s.string()
	}
	return s.sign(r)
}

// emit adds the text up to end as a token.
func (s *scanner) emit(sort lexer.TokenType, end int) {
	s.tokens = append(s.tokens, token{Type: sort, Value: s.text[s.pos:end], Pos: lexer.Position{Offset: s.pos}})
	s.pos = end
}

// before is the n-th last token, an empty one when there are fewer.
func (s *scanner) before(n int) token {
	if len(s.tokens) < n {
		return token{}
	}
	return s.tokens[len(s.tokens)-n]
}

func (s *scanner) comment() {
	end := len(s.text)
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		end = s.pos + i
	}
	text := strings.TrimRight(s.text[s.pos:end], " \t\r")
	at := source.Span{Start: s.pos, End: s.pos + len(text)}
	s.comments = append(s.comments, Comment{At: at, Text: text})
	s.pos = end
}

func nameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func namePart(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' ||
		unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// wordEnd is where the word that starts at the offset ends.
func (s *scanner) wordEnd(from int) int {
	for i, r := range s.text[from:] {
		if !namePart(r) {
			return from + i
		}
	}
	return len(s.text)
}

// word reads a name. What words mean is decided by the grammar; only what a
// number or "this" is followed by, and the five constants, are told apart here.
func (s *scanner) word() {
	end := s.wordEnd(s.pos)
	word := s.text[s.pos:end]
	sort := nameToken
	last, earlier := s.before(1), s.before(2)
	afterNumber := last.Type == numberToken
	afterFull := last.Value == "full" && last.Type == nameToken && earlier.Type == numberToken
	afterLocal := (last.Value == "this" || last.Value == "last") && last.Type == nameToken && earlier.Value != "."
	switch {
	case (afterNumber || afterFull) && countedUnit(word), afterLocal && localUnit(word):
		sort = unitToken
	case afterNumber && currencyCode(word):
		sort = currencyToken
	case last.Value != "." && constant(word):
		sort = constantToken
	}
	s.emit(sort, end)
}

func constant(word string) bool {
	switch word {
	case "true", "false", "today", "yesterday", "now":
		return true
	}
	return false
}

// currencyCode tells of three capitals, except shouted keywords.
func currencyCode(word string) bool {
	if len(word) != 3 || word == "AND" || word == "NOT" {
		return false
	}
	for _, r := range word {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return true
}

// units are the spellings of the units of time.
var units = map[string]Unit{
	"min": Minute, "minute": Minute, "minutes": Minute,
	"h": Hour, "hour": Hour, "hours": Hour,
	"d": Day, "day": Day, "days": Day,
	"w": Week, "week": Week, "weeks": Week,
	"mo": Month, "month": Month, "months": Month,
	"quarter": Quarter,
	"y":       Year, "year": Year, "years": Year,
}

func countedUnit(word string) bool { return units[word] != "" && units[word] != Quarter }
func localUnit(word string) bool   { return units[word] != "" }

// string reads a quoted text. Its value is unescaped later.
func (s *scanner) string() *source.Diagnostic {
	quote := s.text[s.pos]
	for i := s.pos + 1; i < len(s.text) && s.text[i] != '\n'; i++ {
		switch s.text[i] {
		case quote:
			s.emit(stringToken, i+1)
			return nil
		case '\\':
			if i++; i == len(s.text) || !strings.ContainsRune(`\"'nt`, rune(s.text[i])) {
				_, n := utf8.DecodeRuneInString(s.text[i:])
				return &source.Diagnostic{Code: source.BadString, Span: source.Span{Start: i - 1, End: i + n},
					Message: `in quotes, \ stands only before \, ", ', n (a new line) and t (a tab)`,
					Hint:    `write \\ for the character itself`,
					Fix:     &source.Fix{Span: source.Span{Start: i - 1, End: i}, New: `\\`}}
			}
		}
	}
	end := len(s.text)
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		end = s.pos + len(strings.TrimRight(s.text[s.pos:s.pos+i], " \t\r"))
	}
	return &source.Diagnostic{Code: source.BadString, Span: source.Span{Start: s.pos, End: end},
		Message: fmt.Sprintf("this text is opened by %c and not closed on its line", quote),
		Hint:    fmt.Sprintf("put %c at its end", quote)}
}

// unquote is the value of a string token.
func unquote(quoted string) string {
	body := quoted[1 : len(quoted)-1]
	if !strings.ContainsRune(body, '\\') {
		return normal(body)
	}
	return normal(unescape.Replace(body))
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\'`, `'`, `\n`, "\n", `\t`, "\t")

// number reads a number or a date.
func (s *scanner) number() *source.Diagnostic {
	if found, d := s.date(); found || d != nil {
		return d
	}
	end := s.pos
	for end < len(s.text) && (digit(s.text[end]) || s.text[end] == '_') {
		end++
	}
	whole := s.text[s.pos:end]
	if end+1 < len(s.text) && s.text[end] == '.' && digit(s.text[end+1]) {
		for end++; end < len(s.text) && digit(s.text[end]); end++ {
		}
	}
	all := s.text[s.pos:end]
	at := source.Span{Start: s.pos, End: end}
	switch {
	case strings.Contains(whole, "__") || strings.HasSuffix(whole, "_"):
		return &source.Diagnostic{Code: source.BadNumber, Span: at,
			Message: "_ stands between two digits of a number", Hint: "write 10_000 or 10000"}
	case len(whole) > 1 && whole[0] == '0':
		return s.leadingZero(at, all)
	case len(all)-strings.Count(all, "_")-strings.Count(all, ".") > maxDigits:
		return &source.Diagnostic{Code: source.BadNumber, Span: at,
			Message: fmt.Sprintf("a number has at most %d digits", maxDigits)}
	}
	s.emit(numberToken, end)
	return nil
}

// maxDigits always fit into an int64.
const maxDigits = 18

func digit(b byte) bool { return b >= '0' && b <= '9' }

// leadingZero words the error for 007, and for 10,000 whose second part it is.
func (s *scanner) leadingZero(at source.Span, number string) *source.Diagnostic {
	if d := groupedByComma(s.before(2), s.before(1), token{Value: number, Type: numberToken, Pos: lexer.Position{Offset: at.Start}}); d != nil {
		return d
	}
	plain := strings.TrimLeft(number, "0_")
	if plain == "" || plain[0] == '.' {
		plain = "0" + plain
	}
	return &source.Diagnostic{Code: source.BadNumber, Span: at,
		Message: fmt.Sprintf("the number %s starts with a zero", number),
		Hint:    fmt.Sprintf("write %s, or %q if it is a code and no number", plain, number),
		Fix:     &source.Fix{Span: at, New: plain}}
}

// date reads a date. Dates in other spellings than 2026-01-31 are errors, as long
// as they look like a day of our centuries.
func (s *scanner) date() (bool, *source.Diagnostic) {
	var y, m, d int
	end := s.pos
	number := func(most int) (n, width int) {
		for ; width < most && end < len(s.text) && digit(s.text[end]); width, end = width+1, end+1 {
			n = n*10 + int(s.text[end]-'0')
		}
		return n, width
	}
	y, width := number(4)
	if width != 4 || end == len(s.text) || !strings.ContainsRune("-./", rune(s.text[end])) {
		return false, nil
	}
	separator := s.text[end]
	end++
	m, monthWidth := number(2)
	if monthWidth == 0 || end == len(s.text) || s.text[end] != separator {
		return false, nil
	}
	end++
	d, dayWidth := number(2)
	if dayWidth == 0 {
		return false, nil
	}
	proper := separator == '-' && monthWidth == 2 && dayWidth == 2
	if !proper && (y < 1900 || y > 2199) {
		return false, nil
	}
	if !proper {
		at := source.Span{Start: s.pos, End: s.wordEnd(end)}
		iso := fmt.Sprintf("%04d-%02d-%02d", y, m, d)
		return false, &source.Diagnostic{Code: source.BadDate, Span: at,
			Message: "a date is written year-month-day, with two digits for month and day",
			Hint:    "write " + iso, Fix: &source.Fix{Span: at, New: iso}}
	}
	if rest := s.wordEnd(end); rest > end {
		at := source.Span{Start: s.pos, End: rest}
		return false, &source.Diagnostic{Code: source.BadDate, Span: at,
			Message: "a date is a whole day, nothing may follow it directly",
			Hint:    "write " + s.text[s.pos:end]}
	}
	if first := time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC); y == 0 || m < 1 || m > 12 || d < 1 || d > first.AddDate(0, 1, -1).Day() {
		return false, &source.Diagnostic{Code: source.BadDate, Span: source.Span{Start: s.pos, End: end},
			Message: s.text[s.pos:end] + " is not in the calendar", Hint: dayHint(y, m)}
	}
	s.emit(dateToken, end)
	return true, nil
}

func dayHint(y, m int) string {
	if y == 0 || m < 1 || m > 12 {
		return "a year has the months 01 to 12"
	}
	last := time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("%s has %d days", last.Format("January 2006"), last.Day())
}

// sign reads everything else.
func (s *scanner) sign(r rune) *source.Diagnostic {
	rest := s.text[s.pos:]
	if d := s.misspelt(rest); d != nil {
		return d
	}
	pair := ""
	if len(rest) >= 2 {
		pair = rest[:2]
	}
	switch {
	case pair == "!=" || pair == "<=" || pair == ">=":
		s.emit(compareToken, s.pos+2)
	case pair == "..":
		s.emit(markToken, s.pos+2)
	case strings.ContainsRune("=<>", r):
		s.emit(compareToken, s.pos+1)
	case strings.ContainsRune("+-*/", r):
		s.emit(arithToken, s.pos+1)
	case strings.ContainsRune("(),.%", r):
		s.emit(markToken, s.pos+1)
	default:
		return s.unknown(r)
	}
	return nil
}
