package memstore

import (
	"iter"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
)

// pageSize is how many customers a page has at most. A change copies the pages it
// touches, so a page is small; the list of pages is copied too, so it is not tiny.
const pageSize = 512

// page is some customers ordered by id, at least one. It never changes.
type page []*eval.Customer

// state is all customers at one moment, in pages ordered by id. It never changes:
// a reader takes one and is done with locks.
type state struct {
	pages []page
	count int
}

// at is the index of the page in which the id stands or would stand.
func (s *state) at(id dangol.CustomerID) int {
	i, _ := slices.BinarySearchFunc(s.pages, id, func(p page, id dangol.CustomerID) int {
		if p[0].ID <= id {
			return -1 // so that the search ends behind the last page that starts before id
		}
		return 1
	})
	return max(i-1, 0)
}

func (s *state) customer(id dangol.CustomerID) (*eval.Customer, bool) {
	if len(s.pages) == 0 {
		return nil, false
	}
	p := s.pages[s.at(id)]
	i, ok := p.find(id)
	if !ok {
		return nil, false
	}
	return p[i], true
}

func (p page) find(id dangol.CustomerID) (int, bool) {
	return slices.BinarySearchFunc(p, id, func(c *eval.Customer, id dangol.CustomerID) int {
		switch {
		case c.ID < id:
			return -1
		case c.ID > id:
			return 1
		}
		return 0
	})
}

// all yields the customers in the order of their ids.
func (s *state) all() iter.Seq[*eval.Customer] {
	return func(yield func(*eval.Customer) bool) {
		for _, p := range s.pages {
			for _, c := range p {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// edit is a customer as it shall be, or gone where now is nil.
type edit struct {
	id  dangol.CustomerID
	now *eval.Customer
}

// with is the state after the edits, which are ordered by id, each id once.
func (s *state) with(edits []edit) *state {
	next := &state{pages: make([]page, 0, len(s.pages)+1), count: s.count}
	for i := range max(len(s.pages), 1) {
		var old page
		last := i >= len(s.pages)-1
		if i < len(s.pages) {
			old = s.pages[i]
		}
		n := len(edits)
		if !last {
			n, _ = slices.BinarySearchFunc(edits, s.pages[i+1][0].ID, func(e edit, id dangol.CustomerID) int {
				if e.id < id {
					return -1
				}
				return 1
			})
		}
		if n == 0 {
			if len(old) > 0 {
				next.pages = append(next.pages, old)
			}
			continue
		}
		merged := old.with(edits[:n])
		next.count += len(merged) - len(old)
		next.pages = append(next.pages, merged.split()...)
		edits = edits[n:]
	}
	return next
}

// with merges edits into a copy of the page, which may become empty or too long.
func (p page) with(edits []edit) page {
	out := make(page, 0, len(p)+len(edits))
	for _, e := range edits {
		i, found := p.find(e.id)
		out = append(out, p[:i]...)
		if p = p[i:]; found {
			p = p[1:]
		}
		if e.now != nil {
			out = append(out, e.now)
		}
	}
	return append(out, p...)
}

// split cuts a page that is too long into equal ones.
func (p page) split() []page {
	if len(p) == 0 {
		return nil
	}
	var out []page
	for n := (len(p) + pageSize - 1) / pageSize; n > 0; n-- {
		size := (len(p) + n - 1) / n
		out = append(out, slices.Clip(p[:size]))
		p = p[size:]
	}
	return out
}
