package memstore

import (
	"iter"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
)

// pageSize is how many customers a page has at most. A change copies the pages it
// touches, so a page is small; the list of pages is copied too, so it is not tiny.
const pageSize = 512

// edit is a customer as it shall be, or gone where now is nil.
type edit struct {
	id  dangol.CustomerID
	now *eval.Customer
}

// page is some customers ordered by id, at least one. It never changes. One who is
// gone stands in it to hide who was loaded by columns.
type page []edit

// state is all customers at one moment. It never changes: a reader takes one and is
// done with locks. Who was loaded by columns stands there until a change: then in
// pages, which are ordered by id and go before.
type state struct {
	loaded *columnar.Snapshot // nil for none
	pages  []page
	count  int
	bytes  int64 // about what all take
}

// at is the index of the page in which the id stands or would stand.
func (s *state) at(id dangol.CustomerID) int {
	i, _ := slices.BinarySearchFunc(s.pages, id, func(p page, id dangol.CustomerID) int {
		if p[0].id <= id {
			return -1 // so that the search ends behind the last page that starts before id
		}
		return 1
	})
	return max(i-1, 0)
}

// edited finds a customer in the pages; nil is one who is gone.
func (s *state) edited(id dangol.CustomerID) (now *eval.Customer, found bool) {
	if len(s.pages) == 0 {
		return nil, false
	}
	p := s.pages[s.at(id)]
	i, found := p.find(id)
	if !found {
		return nil, false
	}
	return p[i].now, true
}

func (s *state) customer(id dangol.CustomerID) (*eval.Customer, bool) {
	if c, found := s.edited(id); found {
		return c, c != nil
	}
	if s.loaded == nil {
		return nil, false
	}
	return s.loaded.Customer(id)
}

// wasLoaded tells whether the customer was loaded by columns.
func (s *state) wasLoaded(id dangol.CustomerID) bool { return s.loaded != nil && s.loaded.Has(id) }

func (p page) find(id dangol.CustomerID) (int, bool) {
	return slices.BinarySearchFunc(p, id, func(e edit, id dangol.CustomerID) int {
		switch {
		case e.id < id:
			return -1
		case e.id > id:
			return 1
		}
		return 0
	})
}

// all yields the customers in the order of their ids.
func (s *state) all() iter.Seq[*eval.Customer] {
	return func(yield func(*eval.Customer) bool) {
		edits := cursor{pages: s.pages}
		// upTo yields the edited ones before an id, or all; over tells whether id is one.
		upTo := func(id dangol.CustomerID, last bool) (over, more bool) {
			for e := edits.edit(); e != nil && (last || e.id <= id); e = edits.edit() {
				if e.now != nil && !yield(e.now) {
					return false, false
				}
				edits.step()
				if e.id == id && !last {
					return true, true
				}
			}
			return false, true
		}
		if s.loaded != nil {
			for id := range s.loaded.IDs() {
				over, more := upTo(id, false)
				if !more {
					return
				}
				if over {
					continue
				}
				if c, ok := s.loaded.Customer(id); ok && !yield(c) {
					return
				}
			}
		}
		upTo("", true)
	}
}

// cursor walks the edits of a state in the order of their ids.
type cursor struct {
	pages []page
	i     int // in the first page
}

func (c *cursor) edit() *edit {
	if len(c.pages) == 0 {
		return nil
	}
	return &c.pages[0][c.i]
}

func (c *cursor) step() {
	if c.i++; c.i == len(c.pages[0]) {
		c.pages, c.i = c.pages[1:], 0
	}
}

// samePage tells whether both stand at the start of one and the same page.
func (c *cursor) samePage(d cursor) bool {
	return len(c.pages) > 0 && len(d.pages) > 0 && len(c.pages[0]) == len(d.pages[0]) && &c.pages[0][0] == &d.pages[0][0]
}

// with is the state after the edits, which are ordered by id, each id once.
func (s *state) with(edits []edit) *state {
	next := &state{loaded: s.loaded, pages: make([]page, 0, len(s.pages)+1), count: s.count, bytes: s.bytes}
	for i := range max(len(s.pages), 1) {
		var old page
		last := i >= len(s.pages)-1
		if i < len(s.pages) {
			old = s.pages[i]
		}
		n := len(edits)
		if !last {
			n, _ = slices.BinarySearchFunc(edits, s.pages[i+1][0].id, func(e edit, id dangol.CustomerID) int {
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
		merged, more := s.merged(old, edits[:n])
		next.count += more
		for _, e := range edits[:n] {
			next.bytes += customerBytes(e.now)
			if was, found := s.edited(e.id); found {
				next.bytes -= customerBytes(was)
			}
		}
		next.pages = append(next.pages, merged.split()...)
		edits = edits[n:]
	}
	return next
}

// merged is a copy of a page with edits, which may become empty or too long, and
// how many customers more there are.
func (s *state) merged(p page, edits []edit) (out page, more int) {
	out = make(page, 0, len(p)+len(edits))
	for _, e := range edits {
		i, found := p.find(e.id)
		out = append(out, p[:i]...)
		loaded := s.wasLoaded(e.id)
		was := loaded
		if p = p[i:]; found {
			was = p[0].now != nil
			p = p[1:]
		}
		if e.now != nil || loaded {
			out = append(out, e)
		}
		more += count(e.now != nil) - count(was)
	}
	return append(out, p...), more
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
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
