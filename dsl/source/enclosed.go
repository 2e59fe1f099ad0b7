package source

import (
	"sort"
	"strings"
)

// Map tells where the pieces of a text stand in a text that encloses it, such as
// a rule inside a YAML file. Pieces are added in order. The zero Map is empty.
type Map struct {
	// Whole is the place of the entire inner text: what belongs to no piece is
	// shown there.
	Whole  Span
	pieces []piece
}

type piece struct{ inner, outer Span }

// Add says that the inner span is written as the outer one. When both are
// equally long, they are taken as equal byte for byte, otherwise as one
// indivisible piece, such as an escaped character. Pieces must be added in the
// order of the inner text.
func (m *Map) Add(inner, outer Span) {
	if n := len(m.pieces); n > 0 && inner.Len() == outer.Len() {
		last := &m.pieces[n-1]
		if last.verbatim() && last.inner.End == inner.Start && last.outer.End == outer.Start {
			last.inner.End, last.outer.End = inner.End, outer.End
			return
		}
	}
	m.pieces = append(m.pieces, piece{inner, outer})
}

func (p piece) verbatim() bool { return p.inner.Len() == p.outer.Len() }

// Span is where the span of the inner text stands in the enclosing one.
func (m *Map) Span(s Span) Span {
	if len(m.pieces) == 0 || s == (Span{}) {
		return m.Whole
	}
	first, last := m.at(s.Start), m.at(max(s.Start, s.End-1))
	out := first.outer
	if first.verbatim() {
		out.Start += min(s.Start-first.inner.Start, first.outer.Len())
	}
	out.End = last.outer.End
	if last.verbatim() {
		out.End = last.outer.Start + min(s.End-last.inner.Start, last.outer.Len())
	}
	out.End = max(out.End, out.Start)
	return out
}

// at is the piece that holds the offset, or the last one.
func (m *Map) at(offset int) piece {
	i := sort.Search(len(m.pieces), func(i int) bool { return m.pieces[i].inner.End > offset })
	return m.pieces[min(i, len(m.pieces)-1)]
}

// Diagnostics moves the diagnostics of the inner text into the enclosing one. A
// fix is dropped where the enclosing text could read the edit otherwise.
func (m *Map) Diagnostics(ds Diagnostics) Diagnostics {
	out := make(Diagnostics, len(ds))
	for i, d := range ds {
		if d.Fix != nil {
			d.Fix = m.fix(*d.Fix)
		}
		d.Span = m.Span(d.Span)
		out[i] = d
	}
	return out
}

func (m *Map) fix(f Fix) *Fix {
	if len(m.pieces) == 0 || strings.ContainsAny(f.New, "\"'\\\n#:") {
		return nil
	}
	outer := m.Span(f.Span)
	if outer.Len() != f.Span.Len() {
		return nil
	}
	return &Fix{Span: outer, New: f.New}
}
