package source

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// glyph is what a terminal shows at one place: a character with all that
// combines with it.
type glyph struct {
	at    Span
	shown string
	cells int
}

const tabCells = 4

// glyphs splits text[from:to].
func glyphs(text string, from, to int) []glyph {
	var out []glyph
	joined := false // the character before was a zero-width joiner
	for i := from; i < to; {
		r, n := utf8.DecodeRuneInString(text[i:to])
		g := glyph{Span{i, i + n}, text[i : i+n], cells(r)}
		switch {
		case r == '\t':
			g.shown, g.cells = "    ", tabCells
		case r == utf8.RuneError && n == 1, unicode.IsControl(r), Invisible(r):
			g.shown, g.cells = "\uFFFD", 1
		}
		i += n
		if len(out) > 0 && (g.cells == 0 || joined || skinTone(r)) {
			last := &out[len(out)-1]
			last.at.End = i
			last.shown += g.shown
			if r == emojiPresentation && last.cells == 1 {
				last.cells = 2
			}
		} else {
			out = append(out, g)
		}
		joined = r == zeroWidthJoiner
	}
	return out
}

const (
	zeroWidthJoiner   = '\u200D'
	emojiPresentation = '\uFE0F'
)

func skinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// Invisible tells of characters that take no room or change the direction of the
// text after them: they could hide, or make a line read as another. The joiners
// that emoji and some scripts need are not among them.
func Invisible(r rune) bool {
	switch r {
	case 0x200B, 0x2060, 0xFEFF, 0x200E, 0x200F, 0x061C, 0x2028, 0x2029:
		return true
	}
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// cells is the number of columns of a terminal that the character takes.
func cells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf),
		r >= 0x1160 && r <= 0x11FF, r >= 0xD7B0 && r <= 0xD7FF: // vowels and finals of decomposed Hangul
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
