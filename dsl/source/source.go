// Package source locates and words what is wrong, or worth knowing, in a text
// that a person wrote: spans, diagnostics and the list of codes. It imports
// nothing of the module, so that every later stage may speak of positions.
package source

import (
	"slices"
	"strings"
)

// Span is a half-open range [Start, End) of byte offsets into the text. The zero
// Span belongs to no place of the text.
type Span struct{ Start, End int }

// Len is the number of bytes.
func (s Span) Len() int { return s.End - s.Start }

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

// String is "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText writes what String gives.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Code is the stable name of one sort of diagnostic, such as "unknown-name".
type Code string

// Fix is an edit that would mend the text.
type Fix struct {
	Span Span   // what to replace
	New  string // by what
}

// Apply is the text after the edit. Spans of other diagnostics do not fit it any
// more.
func (f Fix) Apply(text string) string {
	return text[:f.Span.Start] + f.New + text[f.Span.End:]
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

// Diagnostics is what a stage has to tell about one text. As an error it is
// never empty; a stage that found nothing returns nil.
type Diagnostics []Diagnostic

// Error is the codes and messages without positions, one diagnostic a line: an
// error value does not hold the text. Render shows the places.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = string(d.Code) + ": " + d.Message
		if d.Hint != "" {
			lines[i] += " (" + d.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// HasErrors tells whether the text cannot be used.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sort orders by place, errors before warnings of the same place. The order of
// equals is kept.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		if c := a.Span.Start - b.Span.Start; c != 0 {
			return c
		}
		if c := a.Span.End - b.Span.End; c != 0 {
			return c
		}
		return int(a.Severity) - int(b.Severity)
	})
}
