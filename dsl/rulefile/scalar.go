package rulefile

import (
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/dangol-dev/dangol/dsl/source"
)

// scalar tells where each piece of a scalar's value is written. The value is laid
// beside the text and both are walked together; where they cannot be matched, all
// of it is shown as one place, so that a position is never wrong.
func (d *document) scalar(n *yaml.Node) source.Map {
	s := scalarWalk{text: d.text, value: n.Value, at: d.offset(n.Line, n.Column)}
	s.skipProperties()
	start := s.at
	s.end = start
	ok := false
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		ok = s.block(d)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		ok = s.quoted()
	default:
		ok = s.flow(0)
	}
	if !ok {
		end := len(d.text)
		if i := strings.IndexByte(d.text[start:], '\n'); i >= 0 {
			end = start + len(strings.TrimRight(d.text[start:start+i], " \t\r"))
		}
		return source.Map{Whole: source.Span{Start: start, End: end}}
	}
	s.pieces.Whole = source.Span{Start: start, End: s.end}
	return s.pieces
}

// scalarWalk goes through the text of a scalar and its value at once.
type scalarWalk struct {
	text, value string
	at, done    int // bytes of text and value that are behind
	end         int // of the scalar: line breaks after a block are not counted
	checked     int // up to here no line is known to end in white space
	pieces      source.Map
}

// take matches the next bytes of the value with the next bytes of the text.
func (s *scalarWalk) take(value, text int) {
	s.pieces.Add(source.Span{Start: s.done, End: s.done + value}, source.Span{Start: s.at, End: s.at + text})
	s.done += value
	s.at += text
	s.end = s.at
}

// skipProperties passes a tag or an anchor before the scalar.
func (s *scalarWalk) skipProperties() {
	for s.at < len(s.text) && (s.text[s.at] == '!' || s.text[s.at] == '&') {
		rest := s.text[s.at:]
		word := strings.IndexAny(rest, " \t\n")
		if word < 0 {
			return
		}
		s.at += len(rest) - len(strings.TrimLeft(rest[word:], " \t\r\n"))
	}
}

func (s *scalarWalk) finished() bool { return s.done == len(s.value) }

// rune takes a character that is written as itself.
func (s *scalarWalk) rune() bool {
	_, n := utf8.DecodeRuneInString(s.value[s.done:])
	if !strings.HasPrefix(s.text[s.at:], s.value[s.done:s.done+n]) {
		return false
	}
	s.take(n, n)
	return true
}

// fold takes a line break with the white space around it, which stands for one
// space, or for one newline less than it has; keep is how many columns of the
// next line belong to the indentation, or -1 for all white space.
func (s *scalarWalk) fold(keep int) bool {
	end, breaks := s.at, 0
	for end < len(s.text) && strings.IndexByte(" \t\r\n", s.text[end]) >= 0 {
		if s.text[end] == '\n' {
			breaks++
			if keep >= 0 && !s.blankAfter(end+1) {
				end++
				for i := 0; i < keep && end < len(s.text) && s.text[end] == ' '; i++ {
					end++
				}
				break
			}
		}
		end++
	}
	if breaks == 0 {
		return false
	}
	taken := 0
	if !s.finished() && s.value[s.done] == ' ' {
		taken = 1
	}
	for taken < breaks && s.done+taken < len(s.value) && s.value[s.done+taken] == '\n' {
		taken++
	}
	content := s.end
	s.take(taken, end-s.at)
	if keep >= 0 {
		s.end = content
	}
	return true
}

// blankAfter tells whether the line that starts at the offset has only spaces.
func (s *scalarWalk) blankAfter(at int) bool {
	for ; at < len(s.text); at++ {
		switch s.text[at] {
		case '\n':
			return true
		case ' ', '\t', '\r':
		default:
			return false
		}
	}
	return false
}

// lineEnds tells whether only white space is left of the line. A run of it is
// looked through once.
func (s *scalarWalk) lineEnds() bool {
	if s.at < s.checked || s.at >= len(s.text) {
		return false
	}
	ends := s.blankAfter(s.at)
	if !ends {
		rest := s.text[s.at:]
		s.checked = s.at + len(rest) - len(strings.TrimLeft(rest, " \t\r"))
	}
	return ends
}

// flow walks a plain scalar, or the inside of a quoted one up to its quote.
func (s *scalarWalk) flow(quote byte) bool {
	for !s.finished() || quote != 0 && s.at < len(s.text) && s.text[s.at] != quote {
		switch {
		case s.at >= len(s.text):
			return false
		case s.lineEnds():
			if !s.fold(-1) {
				return false
			}
		case quote == '"' && s.text[s.at] == '\\':
			if !s.escape() {
				return false
			}
		case quote == '\'' && strings.HasPrefix(s.text[s.at:], "''"):
			if s.finished() || s.value[s.done] != '\'' {
				return false
			}
			s.take(1, 2)
		case s.finished() || !s.rune():
			return false
		}
	}
	return true
}

// escape takes an escaped character of a double-quoted scalar.
func (s *scalarWalk) escape() bool {
	if s.at+1 >= len(s.text) {
		return false
	}
	length := 2
	switch s.text[s.at+1] {
	case 'x':
		length = 4
	case 'u':
		length = 6
	case 'U':
		length = 10
	case '\n', '\r': // the line goes on
		rest := s.text[s.at+1:]
		s.take(0, 1+len(rest)-len(strings.TrimLeft(rest, " \t\r\n")))
		return true
	}
	if s.finished() || s.at+length > len(s.text) {
		return false
	}
	_, n := utf8.DecodeRuneInString(s.value[s.done:])
	s.take(n, length)
	return true
}

func (s *scalarWalk) quoted() bool {
	if s.at >= len(s.text) {
		return false
	}
	quote := s.text[s.at]
	if quote != '"' && quote != '\'' {
		return false
	}
	s.at++
	if !s.flow(quote) || s.at >= len(s.text) || s.text[s.at] != quote {
		return false
	}
	s.at++
	s.end = s.at
	return true
}

// block walks a literal or folded scalar, which starts at its | or >.
func (s *scalarWalk) block(d *document) bool {
	first := strings.IndexByte(s.text[s.at:], '\n')
	if first < 0 {
		return s.finished()
	}
	s.at += first + 1
	indent := blockIndent(s.text[s.at:])
	for i := 0; i < indent && s.at < len(s.text) && s.text[s.at] == ' '; i++ {
		s.at++
	}
	for !s.finished() {
		switch {
		case s.at >= len(s.text):
			return false
		case s.text[s.at] == '\n' || strings.HasPrefix(s.text[s.at:], "\r\n"):
			if !s.fold(indent) {
				return false
			}
		case !s.rune():
			return false
		}
	}
	return true
}

// blockIndent is the indentation of the first line that is not blank.
func blockIndent(body string) int {
	for line := range strings.SplitSeq(body, "\n") {
		if text := strings.TrimLeft(line, " "); strings.TrimRight(text, "\r") != "" {
			return len(line) - len(text)
		}
	}
	return 0
}
