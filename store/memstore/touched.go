package memstore

import (
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store"
)

type recordID struct {
	kind *store.Table
	key  string
}

// entry is a record that was asked for; once laid, it is put or goes.
type entry struct {
	table *store.Table
	key   string
	was   dangol.CustomerID // whose it is in base, "" for nobody's
	hint  uint32            // of base
	laid  bool
	gone  bool
	of    *working // whose it is, or was
	row   row
}

// working is a customer being changed.
type working struct {
	id      dangol.CustomerID
	at      columnar.Spot // of base
	based   bool          // base has one of the id, whose records these are but for the entries
	gone    bool
	put     bool // guest and attributes are others than in base
	known   bool // guest and attributes are read
	guest   bool
	attrs   fields
	entries []*entry
	more    []int        // by kind: records more than in base
	seen    *store.Table // of which it is known that base has this many records, at most
	most    int
	whole   *eval.Customer // of base, once it is read
}

// reset makes it empty, with room for what it had.
func (w *working) reset() {
	clear(w.entries)
	*w = working{entries: w.entries[:0], more: w.more[:0]}
}

// pool is things that are used again together.
type pool[T any] struct {
	all  []*T
	used int
}

func (p *pool[T]) take() *T {
	if p.used == len(p.all) {
		p.all = append(p.all, new(T))
	}
	p.used++
	return p.all[p.used-1]
}

func (p *pool[T]) reset() {
	for _, x := range p.all[:p.used] {
		*x = *new(T)
	}
	p.used = 0
}

// entry is what is known and shall become of a record.
func (d *draft) entry(t *store.Table, key string) *entry { return d.entryOf("", t, key) }

// entryOf is entry where the record is perhaps a customer's, who is thereby found.
func (d *draft) entryOf(id dangol.CustomerID, t *store.Table, key string) *entry {
	if e := d.laid(t, key); e != nil {
		return e
	}
	seen := d.base.look(id, t.Kind, key)
	if seen.At != 0 && d.touched(id) == nil {
		w := d.work(id, seen.At)
		w.seen, w.most = t, seen.Most
	}
	e := d.entries.take()
	e.table, e.key, e.was, e.hint = t, key, seen.Owner, seen.Hint
	if e.was != "" && d.touched(e.was) == nil {
		d.work(e.was, seen.Spot)
	}
	if len(d.records) > 0 {
		d.records[recordID{t, key}] = e
	}
	return e
}

// few is up to how many customers, or records, are looked through one by one.
const few = 8

// laid is the entry of a record that was asked for, nil for none.
func (d *draft) laid(t *store.Table, key string) *entry {
	all := d.entries.all[:d.entries.used]
	if len(all) <= few {
		for _, e := range all {
			if e.table == t && e.key == key {
				return e
			}
		}
		return nil
	}
	if len(d.records) == 0 {
		for _, e := range all {
			d.records[recordID{e.table, e.key}] = e
		}
	}
	return d.records[recordID{t, key}]
}

// owner tells whose the record is.
func (e *entry) owner() (dangol.CustomerID, bool) {
	switch {
	case !e.laid:
		return e.was, e.was != ""
	case e.gone:
		return "", false
	}
	return e.of.id, true
}

// lay notes that something becomes of a record of the customer.
func (d *draft) lay(w *working, e *entry) *entry {
	if !e.laid {
		e.laid = true
		i := d.kind(e.table)
		d.rows[i] = append(d.rows[i], e)
	}
	if e.of != w {
		e.of = w
		w.entries = append(w.entries, e)
	}
	return e
}

// kind is the place of a kind in the schema.
func (d *draft) kind(t *store.Table) int { return slices.Index(d.schema.Kinds, t) }

// customer finds one to work on, nil for none.
func (d *draft) customer(id dangol.CustomerID) *working {
	w := d.touched(id)
	if w == nil {
		if at, ok := d.base.find(id); ok {
			return d.work(id, at)
		}
		return nil
	}
	if w.gone {
		return nil
	}
	return w
}

// touched is what is known and shall become of a customer, nil where nobody asked.
func (d *draft) touched(id dangol.CustomerID) *working {
	if len(d.order) <= few {
		for i := len(d.order) - 1; i >= 0; i-- {
			if d.order[i].id == id {
				return d.order[i]
			}
		}
		return nil
	}
	if len(d.customers) == 0 {
		for _, w := range d.order {
			d.customers[w.id] = w
		}
	}
	return d.customers[id]
}

// work is a customer of base to work on.
func (d *draft) work(id dangol.CustomerID, at columnar.Spot) *working {
	w := d.anew(id)
	w.at, w.based = at, true
	return w
}

// anew is a customer whom base does not have, or whose records there go.
func (d *draft) anew(id dangol.CustomerID) *working {
	w := d.workings.take()
	w.id = id
	if d.order = append(d.order, w); len(d.customers) > 0 {
		d.customers[id] = w
	}
	return w
}
