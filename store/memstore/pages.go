package memstore

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store"
)

// pages is the home of customers as package eval reads them: the definition, and
// what columns are compared with. Customers are immutable: a change makes new ones
// and swaps one pointer, so that readers take no locks.
type pages struct {
	limit  int64 // bytes, 0 for no limit
	now    atomic.Pointer[state]
	owners map[string]map[string]dangol.CustomerID // by kind and key; of who writes
}

func newPages(maxBytes int64) *pages {
	p := &pages{limit: maxBytes, owners: map[string]map[string]dangol.CustomerID{}}
	p.now.Store(&state{})
	return p
}

// pageSize is how many customers a page has at most. A change copies the pages it
// touches, so a page is small; the list of pages is copied too, so it is not tiny.
const pageSize = 512

// page is some customers ordered by id, at least one. It never changes.
type page []*eval.Customer

// state is all customers at one moment. It never changes.
type state struct {
	pages []page
	count int
	bytes int64 // about what all take
}

// edit is a customer as it shall be, or gone where now is nil.
type edit struct {
	id  dangol.CustomerID
	now *eval.Customer
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

// customer is nil for none.
func (s *state) customer(id dangol.CustomerID) *eval.Customer {
	if len(s.pages) == 0 {
		return nil
	}
	p := s.pages[s.at(id)]
	if i, found := p.find(id); found {
		return p[i]
	}
	return nil
}

func (p page) find(id dangol.CustomerID) (int, bool) {
	return slices.BinarySearchFunc(p, id, func(c *eval.Customer, id dangol.CustomerID) int { return strings.Compare(string(c.ID), string(id)) })
}

// with is the state after the edits, which are ordered by id, each id once.
func (s *state) with(edits []edit) *state {
	next := &state{pages: make([]page, 0, len(s.pages)+1), count: s.count, bytes: s.bytes}
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
		merged := old.merged(edits[:n])
		next.count += len(merged) - len(old)
		for _, e := range edits[:n] {
			next.bytes += customerBytes(e.now) - customerBytes(s.customer(e.id))
		}
		next.pages = append(next.pages, merged.split()...)
		edits = edits[n:]
	}
	return next
}

// merged is a copy of a page with edits, which may become empty or too long.
func (p page) merged(edits []edit) page {
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

func (p *pages) len() int { return p.now.Load().count }

func (p *pages) customer(id dangol.CustomerID) (*eval.Customer, bool) {
	c := p.now.Load().customer(id)
	return c, c != nil
}

func (p *pages) each(visit func(*eval.Customer) error) error {
	for _, page := range p.now.Load().pages {
		for _, c := range page {
			if err := visit(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// somewhere is where all customers of pages stand.
const somewhere columnar.Spot = 1

func (p *pages) find(id dangol.CustomerID) (columnar.Spot, bool) { return somewhere, p.head(id) != nil }

func (p *pages) head(id dangol.CustomerID) *eval.Customer { return p.now.Load().customer(id) }

func (p *pages) count(id dangol.CustomerID, kind string) int {
	return len(p.now.Load().customer(id).Records[kind])
}

func (p *pages) most(id dangol.CustomerID, kind string) int { return p.count(id, kind) }

func (p *pages) record(id dangol.CustomerID, kind, key string, _ uint32) *eval.Record {
	list := p.now.Load().customer(id).Records[kind]
	if i, ok := findRecord(list, key); ok {
		return list[i]
	}
	return nil
}

func (p *pages) look(id dangol.CustomerID, kind, key string) columnar.Sight {
	s := columnar.Sight{Owner: p.owners[kind][key], Spot: somewhere}
	if p.head(id) != nil {
		s.At, s.Most = somewhere, p.count(id, kind)
	}
	return s
}

func (p *pages) patches(*store.Table) bool { return false }

func (p *pages) having(t *store.Table, field string, texts map[string]bool) iter.Seq2[dangol.CustomerID, string] {
	return func(yield func(dangol.CustomerID, string) bool) {
		for _, page := range p.now.Load().pages {
			for _, c := range page {
				for _, r := range c.Records[t.Kind] {
					if texts[r.Fields[field].Text()] && !yield(c.ID, r.Key) {
						return
					}
				}
			}
		}
	}
}

func (p *pages) write(ctx context.Context, d *draft) error {
	var edits []edit
	for _, w := range d.order {
		if d.touched(w.id) != w {
			continue
		}
		e := edit{id: w.id}
		if !w.gone {
			e.now = d.freeze(w)
		}
		edits = append(edits, e)
	}
	slices.SortFunc(edits, func(a, b edit) int { return strings.Compare(string(a.id), string(b.id)) })
	was := p.now.Load()
	next := was.with(edits)
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.limit > 0 && next.bytes > p.limit && next.bytes > was.bytes {
		return ErrFull
	}
	for _, rows := range d.rows {
		for _, e := range rows {
			kind := e.table.Kind
			if p.owners[kind] == nil {
				p.owners[kind] = map[string]dangol.CustomerID{}
			}
			if e.gone {
				delete(p.owners[kind], e.key)
			} else {
				p.owners[kind][e.key] = e.of.id
			}
		}
	}
	p.now.Store(next)
	return nil
}

// freeze is the customer that a draft describes.
func (d *draft) freeze(w *working) *eval.Customer {
	d.read(w)
	c := &eval.Customer{ID: w.id, Guest: w.guest, Attributes: w.attrs}
	base := map[string][]*eval.Record{}
	if w.based {
		base = d.base.head(w.id).Records
	}
	if len(w.entries) == 0 {
		c.Records = base
		return c
	}
	over := map[string]map[string]*row{}
	for _, e := range w.entries {
		kind := e.table.Kind
		if over[kind] == nil {
			over[kind] = map[string]*row{}
		}
		if over[kind][e.key] = &e.row; e.gone || e.of != w {
			over[kind][e.key] = nil
		}
	}
	c.Records = map[string][]*eval.Record{}
	for _, t := range d.schema.Kinds { // parents before children
		var parents []*eval.Record
		if t.Parent != nil {
			parents = c.Records[t.Parent.Kind]
		}
		if list := d.freezeRecords(t, base[t.Kind], over[t.Kind], parents); len(list) > 0 {
			c.Records[t.Kind] = list
		}
	}
	return c
}

// freezeRecords lays rows over the records of a kind and ties both to the parents
// as they are now. Where nothing changes it returns base itself.
func (d *draft) freezeRecords(t *store.Table, base []*eval.Record, over map[string]*row, parents []*eval.Record) []*eval.Record {
	parent := func(key string) *eval.Record {
		if i, ok := findRecord(parents, key); ok {
			return parents[i]
		}
		return nil
	}
	changed := len(over) > 0
	if t.Parent != nil && !changed {
		changed = slices.ContainsFunc(base, func(r *eval.Record) bool { return parent(parentKey(r)) != r.Parent })
	}
	if !changed {
		return base
	}
	out := make([]*eval.Record, 0, len(base)+len(over))
	for _, r := range base {
		if _, replaced := over[r.Key]; replaced {
			continue
		}
		if p := parent(parentKey(r)); p != r.Parent {
			r = &eval.Record{Key: r.Key, Fields: r.Fields, Parent: p}
		}
		out = append(out, r)
	}
	for key, r := range over {
		if r != nil {
			out = append(out, &eval.Record{Key: key, Fields: d.resolve(t, r.fields), Parent: parent(r.parent)})
		}
	}
	slices.SortFunc(out, func(a, b *eval.Record) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func findRecord(list []*eval.Record, key string) (int, bool) {
	return slices.BinarySearchFunc(list, key, func(r *eval.Record, key string) int { return strings.Compare(r.Key, key) })
}
