package source

import (
	"fmt"
	"strings"
)

// Render shows the diagnostics to the author of the text:
//
//	rules.txt:1:26: unknown-name: no attribute or record is called "order"
//	  joined within 7d and not order(7d) >= 1
//	                           ^^^^^
//	  did you mean orders?
//
// Carets stand exactly below the span in a terminal, wide characters such as
// Hangul counted as two cells. Of a span over several lines the first line is
// shown, of a very long line the part around the span. Characters that would
// disturb a terminal are shown as U+FFFD. A diagnostic without a span has no
// source line.
func Render(name, text string, ds Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(name + ":")
		placed := d.Span != Span{}
		if placed {
			at := Locate(text, d.Span.Start)
			fmt.Fprintf(&b, "%d:%d:", at.Line, at.Column)
		}
		if d.Severity == Warning {
			b.WriteString(" warning:")
		}
		fmt.Fprintf(&b, " %s: %s\n", d.Code, d.Message)
		if placed {
			excerpt, carets := quote(text, d.Span)
			b.WriteString("  " + excerpt + "\n  " + carets + "\n")
		}
		if d.Hint != "" {
			b.WriteString("  " + d.Hint + "\n")
		}
	}
	return b.String()
}

// What is shown of a long line, in cells.
const (
	shownCells  = 100 // of the line
	beforeCells = 40  // of them before the span, when the line is cut on the left
)

// quote is the line on which the span starts, and the line of carets below it.
func quote(text string, s Span) (excerpt, carets string) {
	s.Start = min(max(s.Start, 0), len(text))
	s.End = min(max(s.End, s.Start), len(text))
	from := strings.LastIndexByte(text[:s.Start], '\n') + 1
	to := len(text)
	if i := strings.IndexByte(text[s.Start:], '\n'); i >= 0 {
		to = s.Start + i
	}
	line := glyphs(text, from, max(s.Start, to-trailing(text[from:to])))
	for len(line) > 0 && strings.TrimSpace(line[0].shown) == "" && line[0].at.End <= s.Start {
		line = line[1:]
	}

	before, all := 0, 0
	for _, g := range line {
		all += g.cells
		if g.at.End <= s.Start {
			before += g.cells
		}
	}
	var cut bool
	if all > shownCells {
		for skip := before - beforeCells; skip > 0 && all > shownCells; cut = true {
			skip -= line[0].cells
			all -= line[0].cells
			line = line[1:]
		}
	}

	var shown, below strings.Builder
	if cut {
		shown.WriteString("...")
		below.WriteString("   ")
	}
	width, marked := 0, 0
	for _, g := range line {
		if width+g.cells > shownCells {
			shown.WriteString("...")
			break
		}
		width += g.cells
		shown.WriteString(g.shown)
		switch {
		case g.at.End <= s.Start:
			below.WriteString(strings.Repeat(" ", g.cells))
		case g.at.Start < s.End:
			below.WriteString(strings.Repeat("^", g.cells))
			marked += g.cells
		}
	}
	if marked == 0 {
		below.WriteByte('^')
	}
	return shown.String(), below.String()
}

// trailing is the number of bytes of white space at the end of the line.
func trailing(line string) int { return len(line) - len(strings.TrimRight(line, " \t\r")) }
