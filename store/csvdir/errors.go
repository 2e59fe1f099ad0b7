package csvdir

import (
	"fmt"
	"strings"
)

// Error is one thing that is wrong in a folder.
type Error struct {
	File    string // the name in the folder, with the folder's own where it is known
	Line    int    // from 1; 0 when the file as a whole is meant
	Column  int    // in characters, from 1; 0 when the line as a whole is meant
	Message string
	Hint    string // how to mend it, or ""
}

// Error is file:line:column: message, and the hint on a line of its own.
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": " + e.Message)
	if e.Hint != "" {
		b.WriteString("\n  " + e.Hint)
	}
	return b.String()
}

// Errors is returned when the data is at fault: at least one error, by file in
// the order of reading, then by place. After mostErrors of them reading stops.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// mostErrors is after how many errors a folder is given up.
const mostErrors = 20
