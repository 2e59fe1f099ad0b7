// Package source locates and words what is wrong, or worth knowing, in a text
// that a person wrote: spans, diagnostics and the list of codes. It imports
// nothing of the module, so that every later stage may speak of positions.
package source

// Span is a half-open range [Start, End) of byte offsets into the text. The zero
// Span belongs to no place of the text.
type Span struct{ Start, End int }

// Join is the smallest span that covers both. A zero span adds nothing.
func (s Span) Join(t Span) Span {
	switch {
	case s == Span{}:
		return t
	case t == Span{}:
		return s
	}
	return Span{min(s.Start, t.Start), max(s.End, t.End)}
}

// Severity tells whether a text can be used in spite of a diagnostic.
type Severity int

const (
	Error   Severity = iota // the text cannot be used
	Warning                 // it can, but probably does not say what its author means
)

// Code is the stable name of one sort of diagnostic, such as "unknown-name".
type Code string

// Fix is an edit that would mend the text.
type Fix struct {
	Span Span   // what to replace
	New  string // by what
}

// Diagnostic is one thing to tell the author of a text.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Span     Span
	Message  string // one sentence without the code, in the author's words
	Hint     string // how to mend it, or ""
	Fix      *Fix   // the edit that does what Hint says, or nil
}
