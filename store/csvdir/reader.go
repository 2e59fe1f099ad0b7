package csvdir

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxRow is how many bytes a row may have: a quote that is never closed must not
// take the rest of a large file for one cell.
const maxRow = 1 << 20

// reader reads rows as RFC 4180 writes them. Lines may end with \r\n, also inside
// quotes, where it counts as \n; empty lines are skipped; a byte order mark at the
// start is too. It knows where in the file every cell stands.
type reader struct {
	in    *bufio.Reader
	raw   []byte // the row at hand, line ends as \n
	first int    // the line on which it starts, from 1
	next  int    // the line that is read next
	cells []cell
	text  []byte // what quoted cells say
}

// cell is one cell of the row at hand.
type cell struct {
	text []byte
	at   int // where it starts in raw
}

// position is a place in a file: line and column from 1, in characters.
type position struct{ line, column int }

// badRow is a row that is not CSV.
type badRow struct {
	at   position
	why  string
	hint string
}

func (e *badRow) Error() string { return fmt.Sprintf("%d:%d: %s", e.at.line, e.at.column, e.why) }

func newReader(r io.Reader) *reader {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		_, _ = in.Discard(3) // it was peeked, so it is there
	}
	return &reader{in: in, next: 1}
}

// read reads the next row. Its cells are good until the next call. The error is
// io.EOF after the last row, a *badRow, or that of the file.
func (r *reader) read() ([]cell, error) {
	for {
		r.raw, r.text, r.cells, r.first = r.raw[:0], r.text[:0], r.cells[:0], r.next
		if err := r.line(); err != nil {
			return nil, err
		}
		if len(bytes.TrimSuffix(r.raw, []byte("\n"))) > 0 {
			break
		}
	}
	for at := 0; ; {
		end, err := r.cell(at)
		if err != nil {
			return nil, err
		}
		if end >= len(r.raw) || r.raw[end] == '\n' {
			return r.cells, nil
		}
		at = end + 1 // behind the comma
	}
}

// line adds the next line to raw. It is io.EOF only where nothing is left.
func (r *reader) line() error {
	start := len(r.raw)
	for {
		piece, err := r.in.ReadSlice('\n')
		r.raw = append(r.raw, piece...)
		if len(r.raw) > maxRow {
			return r.bad(0, fmt.Sprintf("the row is longer than %d bytes", maxRow), "is a quote never closed?")
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (err != io.EOF || len(r.raw) == start) {
			return err
		}
		break
	}
	r.next++
	if n := len(r.raw); n-start >= 2 && r.raw[n-2] == '\r' && r.raw[n-1] == '\n' {
		r.raw = append(r.raw[:n-2], '\n')
	} else if n > start && r.raw[n-1] == '\r' {
		r.raw = r.raw[:n-1] // the file ends in the middle of \r\n
	}
	return nil
}

// cell reads the cell that starts at an offset of raw, and tells where it ends.
func (r *reader) cell(at int) (end int, err error) {
	if at < len(r.raw) && r.raw[at] == '"' {
		return r.quoted(at)
	}
	end = len(r.raw)
	if i := bytes.IndexAny(r.raw[at:], ",\n"); i >= 0 {
		end = at + i
	}
	text := r.raw[at:end]
	if i := bytes.IndexByte(text, '"'); i >= 0 {
		return 0, r.bad(at+i, "a quote inside a cell that does not start with one",
			`put the whole cell in quotes and write "" for a quote`)
	}
	r.cells = append(r.cells, cell{text, at})
	return end, nil
}

func (r *reader) quoted(at int) (end int, err error) {
	from := len(r.text)
	for i := at + 1; ; {
		stop := bytes.IndexByte(r.raw[i:], '"')
		if stop < 0 {
			r.text = append(r.text, r.raw[i:]...)
			i = len(r.raw)
			switch err := r.line(); err {
			case nil:
				continue
			case io.EOF:
				return 0, r.bad(at, "a quote that is never closed", "")
			default:
				return 0, err
			}
		}
		r.text = append(r.text, r.raw[i:i+stop]...)
		i += stop + 1
		if i < len(r.raw) && r.raw[i] == '"' {
			r.text = append(r.text, '"')
			i++
			continue
		}
		if i < len(r.raw) && r.raw[i] != ',' && r.raw[i] != '\n' {
			return 0, r.bad(i, "text after the closing quote of a cell", `write "" for a quote inside quotes`)
		}
		r.cells = append(r.cells, cell{r.text[from:len(r.text):len(r.text)], at})
		return i, nil
	}
}

func (r *reader) bad(at int, why, hint string) error {
	return &badRow{r.place(at), why, hint}
}

// place is where an offset of raw stands in the file.
func (r *reader) place(at int) position {
	before := r.raw[:min(at, len(r.raw))]
	line := bytes.LastIndexByte(before, '\n') + 1
	return position{
		line:   r.first + bytes.Count(before, []byte("\n")),
		column: utf8.RuneCount(before[line:]) + 1,
	}
}
