package source

import (
	"strings"
	"unicode/utf8"
)

// Position is a place for people: line and column count from 1. A column is one
// character (Unicode code point), however wide it is shown, as editors count.
type Position struct{ Line, Column int }

// Locate is the position of the offset in the text. An offset outside the text
// is taken as the nearest inside.
func Locate(text string, offset int) Position {
	before := text[:min(max(offset, 0), len(text))]
	line := strings.LastIndexByte(before, '\n') + 1
	return Position{
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[line:]) + 1,
	}
}
