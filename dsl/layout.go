package dsl

import (
	"strings"
	"unicode/utf8"
)

// layout arranges tokens on lines. The formatter appends tokens, spaces, places
// where a line may break, and groups; then text decides group by group: one that
// fits on the rest of the line, up to the next place to break after it, is
// written flat, otherwise its own breaks are taken.
type layout struct {
	ops    []layoutOp
	tokens int
}

type layoutOp struct {
	kind  layoutKind
	text  string // of a token
	width int    // of a token, in characters
	token int    // of a token and of a group: number of tokens before
	close int    // of a group: the op that closes it
}

type layoutKind uint8

const (
	opToken layoutKind = iota
	opSpace            // never broken
	opLine             // a space, or a line break
	opSoft             // nothing, or a line break
	opOpen
	opClose
	opIndent
	opDedent
)

// A rule longer than this is broken over lines.
const (
	lineWidth  = 100
	indentStep = 2
)

func (l *layout) token(text string) {
	l.ops = append(l.ops, layoutOp{kind: opToken, text: text, width: utf8.RuneCountInString(text), token: l.tokens})
	l.tokens++
}

func (l *layout) tokenSpace(text string) { l.token(text); l.add(opSpace) }

func (l *layout) spaceToken(text string) { l.add(opSpace); l.token(text) }

func (l *layout) add(kind layoutKind) { l.ops = append(l.ops, layoutOp{kind: kind}) }

// group runs the calls of f in a group of their own.
func (l *layout) group(f func()) {
	at := len(l.ops)
	l.ops = append(l.ops, layoutOp{kind: opOpen, token: l.tokens})
	f()
	l.ops[at].close = len(l.ops)
	l.add(opClose)
}

// indented runs the calls of f with lines moved to the right.
func (l *layout) indented(f func()) {
	l.add(opIndent)
	f()
	l.add(opDedent)
}

// note is a comment on its way into the text.
type note struct {
	text  string
	after bool // stands behind a token on its line, not on a line of its own
}

// text writes everything. notes[k] stand before the token k, after the last token
// for k = number of tokens; a comment breaks every group that it stands in.
func (l *layout) text(notes map[int][]note) string {
	w := layoutWriter{notes: notes}
	flat := 0 // up to this op everything is written flat
	for i, op := range l.ops {
		switch op.kind {
		case opToken:
			w.token(op)
		case opSpace:
			w.space()
		case opLine, opSoft:
			if i >= flat {
				w.newline()
			} else if op.kind == opLine {
				w.space()
			}
		case opOpen:
			if i >= flat && l.fits(i, w.column()) && !l.noted(i, notes) {
				flat = op.close
			}
		case opIndent:
			w.indent += indentStep
		case opDedent:
			w.indent -= indentStep
		}
	}
	w.comments(l.tokens)
	return w.out.String()
}

// fits tells whether the group fits flat on a line that is filled up to column.
func (l *layout) fits(open, column int) bool {
	for i := open; i < len(l.ops) && column <= lineWidth; i++ {
		switch op := l.ops[i]; op.kind {
		case opToken:
			column += op.width
		case opSpace:
			column++
		case opLine, opSoft:
			if i > l.ops[open].close {
				return true
			}
			if op.kind == opLine {
				column++
			}
		}
	}
	return column <= lineWidth
}

// noted tells whether a comment stands between the tokens of the group.
func (l *layout) noted(open int, notes map[int][]note) bool {
	if len(notes) == 0 {
		return false
	}
	last := l.tokens
	for i := l.ops[open].close; i < len(l.ops); i++ {
		if l.ops[i].kind == opToken {
			last = l.ops[i].token
			break
		}
	}
	for k := l.ops[open].token + 1; k < last; k++ {
		if len(notes[k]) > 0 {
			return true
		}
	}
	return false
}

type layoutWriter struct {
	out     strings.Builder
	notes   map[int][]note
	indent  int
	line    int // characters on the line so far
	pending gap // what separates the next token from the last
}

type gap uint8

const (
	noGap gap = iota
	spaceGap
	lineGap
)

func (w *layoutWriter) space()   { w.pending = max(w.pending, spaceGap) }
func (w *layoutWriter) newline() { w.pending = lineGap }

// column is where the next token will start.
func (w *layoutWriter) column() int {
	switch w.pending {
	case lineGap:
		return w.indent
	case spaceGap:
		return w.line + 1
	}
	return w.line
}

func (w *layoutWriter) separate() {
	column := w.column()
	switch {
	case w.out.Len() == 0:
		column = 0
	case w.pending == lineGap:
		w.out.WriteString("\n" + strings.Repeat(" ", w.indent))
	case w.pending == spaceGap:
		w.out.WriteByte(' ')
	}
	w.line, w.pending = column, noGap
}

func (w *layoutWriter) token(op layoutOp) {
	w.comments(op.token)
	w.separate()
	w.out.WriteString(op.text)
	w.line += op.width
}

func (w *layoutWriter) comments(before int) {
	for _, n := range w.notes[before] {
		if n.after {
			w.pending = spaceGap
		} else {
			w.pending = lineGap
		}
		w.separate()
		w.out.WriteString(n.text)
		w.pending = lineGap
	}
}
