package csvdir

import (
	"bytes"
	"errors"
	"io"
)

// scanner reads the rows of a file as reader does, several times as fast, as long
// as there is nothing to explain: it does not know where anything stands.
type scanner struct {
	in    io.Reader
	buf   []byte
	pos   int // where the next row starts in buf
	end   int // of what has been read into buf
	eof   bool
	cells [][]byte
	text  []byte // what cells say that do not stand so in the file
}

var (
	// errOdd tells that reader must have a look: the row is no CSV, or very long.
	errOdd = errors.New("csvdir: a row that is not plain")
	// errCut tells that the row goes on beyond what has been read.
	errCut = errors.New("csvdir: a row that is cut")
)

// scanSize is how much of a file is looked at together.
const scanSize = 256 << 10

func newScanner(in io.Reader, size int) *scanner {
	return &scanner{in: in, buf: make([]byte, size)}
}

// row is the cells of the next row, good until the next call. The error is io.EOF
// after the last row, errOdd, or that of the file.
func (s *scanner) row() ([][]byte, error) {
	for {
		next, err := s.parse()
		if err == nil {
			s.pos = next
			return s.cells, nil
		}
		if err == errCut {
			err = s.more()
		}
		if err != nil {
			return nil, err
		}
	}
}

// more reads on, behind what is left of buf.
func (s *scanner) more() error {
	if s.pos == 0 && s.end == len(s.buf) {
		return errOdd
	}
	s.end = copy(s.buf, s.buf[s.pos:s.end])
	s.pos = 0
	n, err := io.ReadAtLeast(s.in, s.buf[s.end:], 1)
	s.end += n
	if err == io.EOF {
		s.eof, err = true, nil
	}
	return err
}

// parse reads the cells of the row at pos and tells where the next one starts. The
// error is errCut, errOdd or io.EOF.
func (s *scanner) parse() (next int, err error) {
	buf := s.buf[:s.end]
	p, err := s.skip()
	if err != nil {
		return 0, err
	}
	s.cells, s.text = s.cells[:0], s.text[:0]
	for {
		if p < len(buf) && buf[p] == '"' {
			if p, err = s.quoted(p); err != nil {
				return 0, err
			}
		} else {
			from := p
			for p < len(buf) && !special[buf[p]] {
				p++
			}
			cell := buf[from:p]
			switch {
			case p == len(buf) && !s.eof:
				return 0, errCut
			case p < len(buf) && buf[p] == '"':
				return 0, errOdd
			case (p == len(buf) || buf[p] == '\n') && len(cell) > 0 && cell[len(cell)-1] == '\r':
				cell = cell[:len(cell)-1]
			}
			s.cells = append(s.cells, cell)
		}
		if p == len(buf) {
			return p, nil
		}
		p++
		if buf[p-1] == '\n' {
			return p, nil
		}
	}
}

// special are the bytes that end a cell, and the quote that must not be in it.
var special = [256]bool{',': true, '\n': true, '"': true}

// skip passes over empty lines.
func (s *scanner) skip() (p int, err error) {
	buf := s.buf[:s.end]
	for p = s.pos; p < len(buf); p++ {
		switch {
		case buf[p] == '\n':
		case buf[p] != '\r':
			return p, nil
		case p+1 == len(buf) && s.eof: // the file ends in the middle of \r\n
		case p+1 == len(buf):
			return 0, errCut
		case buf[p+1] == '\n':
			p++
		default:
			return p, nil
		}
	}
	if s.eof {
		return 0, io.EOF
	}
	return 0, errCut
}

// quoted reads the cell in quotes at p and tells where its comma or line end is.
func (s *scanner) quoted(p int) (end int, err error) {
	buf := s.buf[:s.end]
	from, whole := p+1, true
	q := from
	for {
		i := bytes.IndexByte(buf[q:], '"')
		switch {
		case i < 0 && s.eof:
			return 0, errOdd
		case i < 0:
			return 0, errCut
		}
		q += i
		if q+1 < len(buf) && buf[q+1] == '"' {
			whole = false
			q += 2
			continue
		}
		break
	}
	end = q + 1
	switch {
	case end == len(buf) && !s.eof:
		return 0, errCut
	case end == len(buf), buf[end] == ',', buf[end] == '\n':
	case buf[end] != '\r':
		return 0, errOdd
	case end+1 == len(buf) && !s.eof:
		return 0, errCut
	case end+1 == len(buf), buf[end+1] == '\n':
		end++
	default:
		return 0, errOdd
	}
	cell := buf[from:q]
	if !whole || bytes.IndexByte(cell, '\r') >= 0 {
		at := len(s.text)
		for i := 0; i < len(cell); i++ {
			switch {
			case cell[i] == '"':
				i++
			case cell[i] == '\r' && i+1 < len(cell) && cell[i+1] == '\n':
				continue
			}
			s.text = append(s.text, cell[i])
		}
		cell = s.text[at:len(s.text):len(s.text)]
	}
	s.cells = append(s.cells, cell)
	return end, nil
}
