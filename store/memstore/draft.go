package memstore

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

type fields = map[string]catalog.Value

// row is a record as it was put: without what dimensions give it.
type row struct {
	fields fields
	parent string
	part   bool // fields are what changes of the one in base; its kind has no parents
}

// draft is changes that are not visible yet: rows laid over a base, which stays as it
// is until the draft is written, so that a failed change leaves nothing behind.
type draft struct {
	schema    *store.Schema
	base      home
	origin    *origin
	known     map[string]map[string]fields   // rows of dimensions in base, by name and key
	customers map[dangol.CustomerID]*working // empty while they are few
	order     []*working                     // as they were first touched; each that is gone, and what came after
	records   map[recordID]*entry            // empty while they are few
	rows      [][]*entry                     // by kind, as they were first touched
	dims      map[string]map[string]fields   // nil where the row is removed
	bytes     int64                          // about what the changes take
	shown     bool                           // an error tells a change of it

	// What one draft after another uses, where the home keeps nothing of it.
	workings pool[working]
	entries  pool[entry] // all of them
	fields   []fields
	filled   int // of fields
}

// begin is an empty draft. It ends with end.
func (s *Store) begin() *draft {
	d := s.spare
	if d == nil {
		d = &draft{
			schema: s.schema, base: s.home, origin: &s.origin,
			customers: map[dangol.CustomerID]*working{},
			records:   map[recordID]*entry{},
			rows:      make([][]*entry, len(s.schema.Kinds)),
		}
	}
	s.spare, d.known = nil, s.dims
	return d
}

// end keeps the draft's memory for the next, if it is little and nobody else does.
func (s *Store) end(d *draft) {
	if s.table == nil || d.shown || d.entries.used > checkEvery || len(d.order) > checkEvery {
		return
	}
	clear(d.customers)
	clear(d.records)
	for i := range d.rows {
		d.rows[i] = d.rows[i][:0]
	}
	for _, f := range d.fields[:d.filled] {
		clear(f)
	}
	for _, w := range d.workings.all[:d.workings.used] {
		w.reset()
	}
	d.workings.used = 0
	d.entries.reset()
	d.order, d.dims, d.bytes, d.filled = d.order[:0], nil, 0, 0
	s.spare = d
}

// room is an empty map for the fields of a row, nil where the home keeps it or, of a
// dimension's, the store.
func (d *draft) room(t *store.Table) fields {
	if _, keeps := d.base.(*pages); keeps || t.Dimension {
		return nil
	}
	if d.filled == len(d.fields) {
		d.fields = append(d.fields, fields{})
	}
	d.filled++
	return d.fields[d.filled-1]
}

// apply makes one change.
func (d *draft) apply(given *store.Change) error {
	var into fields
	t, err := d.schema.Table(given.Kind)
	if err == nil {
		into = d.room(t)
	}
	c, err := d.schema.CheckInto(*given, into)
	if err != nil {
		return err
	}
	switch {
	case c.Op == store.Merge:
		to := d.customer(c.Customer)
		if to == nil {
			return invalid(&c, "no such customer")
		}
		if from := d.customer(c.From); from != nil {
			if kind := d.merge(from, to); kind != "" {
				return invalid(&c, "the two have more "+kind+" together than the catalog allows a customer")
			}
		}
		return nil
	case c.Kind == "":
		return d.applyCustomer(&c)
	}
	if t.Dimension {
		return d.applyDimension(&c)
	}
	return d.applyRecord(t, &c)
}

func invalid(c *store.Change, why string) error {
	return &store.InvalidError{Change: *c, Why: why}
}

func (d *draft) applyCustomer(c *store.Change) error {
	w := d.customer(c.Customer)
	switch c.Op {
	case store.Put:
		if w == nil {
			w = d.anew(c.Customer)
		}
		w.known, w.put, w.guest, w.attrs = true, true, c.Guest, c.Fields
	case store.Set:
		if w == nil {
			return invalid(c, "no such customer")
		}
		d.read(w)
		w.put, w.attrs = true, overlay(w.attrs, c.Fields)
		if name := d.schema.Lacks(w.guest, w.attrs); name != "" {
			return &store.InvalidError{Change: *c, Field: name, Why: "is required"}
		}
	case store.Delete:
		if w == nil {
			return nil
		}
		for _, t := range d.schema.Kinds {
			for key := range d.recordsOf(w, t) {
				d.lay(w, d.entry(t, key)).gone = true
			}
		}
		d.anew(c.Customer).gone = true
	}
	return nil
}

func (d *draft) applyDimension(c *store.Change) error {
	if d.dims == nil {
		d.dims = map[string]map[string]fields{}
	}
	rows := d.dims[c.Kind]
	if rows == nil {
		rows = map[string]fields{}
		d.dims[c.Kind] = rows
	}
	switch c.Op {
	case store.Put:
		rows[c.Key] = c.Fields
	case store.Set:
		old, ok := d.dimension(c.Kind, c.Key)
		if !ok {
			return invalid(c, "no such row")
		}
		rows[c.Key] = overlay(old, c.Fields)
	case store.Delete:
		rows[c.Key] = nil
	}
	return nil
}

func (d *draft) applyRecord(t *store.Table, c *store.Change) error {
	e := d.entryOf(c.Customer, t, c.Key)
	id, exists := e.owner()
	if exists && c.Customer != "" && c.Customer != id {
		return invalid(c, fmt.Sprintf("it belongs to customer %q", string(id)))
	}
	if !exists {
		switch c.Op {
		case store.Set:
			return invalid(c, "no such record")
		case store.Delete:
			return nil
		}
		id = c.Customer
	}
	w := d.customer(id)
	if w == nil {
		return invalid(c, fmt.Sprintf("no such customer: %q", string(id)))
	}
	if c.Op == store.Delete {
		d.remove(w, e)
		return nil
	}
	now := row{fields: c.Fields, parent: c.Parent}
	if c.Op == store.Set {
		now = d.changed(w, e, now)
	}
	if t.Parent != nil {
		if owner, ok := d.entry(t.Parent, now.parent).owner(); !ok {
			return invalid(c, fmt.Sprintf("no %s %q", t.ParentField, now.parent))
		} else if owner != id {
			return invalid(c, fmt.Sprintf("its %s %q belongs to customer %q", t.ParentField, now.parent, string(owner)))
		}
	}
	if !exists && !d.fits(w, t, 1) {
		return invalid(c, fmt.Sprintf("the customer has %d %s already, the most that the catalog allows", t.Limit, c.Kind))
	}
	d.put(w, e, now, !exists)
	return nil
}

// put lays a row over the customer.
func (d *draft) put(w *working, e *entry, r row, isNew bool) {
	if isNew {
		w.count(d.kind(e.table), 1)
	}
	e = d.lay(w, e)
	e.row, e.gone = r, false
}

// remove takes a record away, with those that belong to it.
func (d *draft) remove(w *working, e *entry) {
	w.count(d.kind(e.table), -1)
	d.lay(w, e).gone = true
	for _, child := range d.schema.Kinds {
		if child.Parent != e.table {
			continue
		}
		for k, parent := range d.recordsOf(w, child) {
			if parent == e.key {
				d.remove(w, d.entry(child, k))
			}
		}
	}
}

// merge moves the records of one customer to another, who must stay within the
// catalog's limits: otherwise it names the kind at fault.
func (d *draft) merge(from, to *working) string {
	for _, t := range d.schema.Kinds {
		records := d.recordsOf(from, t)
		if !d.fits(to, t, len(records)) {
			return t.Kind
		}
		for _, key := range slices.Sorted(maps.Keys(records)) {
			e := d.entry(t, key)
			d.put(to, e, d.record(from, e), true)
		}
	}
	d.anew(from.id).gone = true
	return ""
}

// read reads what the customer is besides the records.
func (d *draft) read(w *working) {
	if !w.known {
		head := d.base.head(w.id)
		w.known, w.guest, w.attrs = true, head.Guest, head.Attributes
	}
}

func (d *draft) dimension(name, key string) (fields, bool) {
	if f, ok := d.dims[name][key]; ok {
		return f, f != nil
	}
	f, ok := d.known[name][key]
	return f, ok
}

// recordsOf are the keys of the customer's records of a kind, each with its
// parent's. The map is the caller's.
func (d *draft) recordsOf(w *working, t *store.Table) map[string]string {
	out := map[string]string{}
	if w.based {
		if w.whole == nil {
			w.whole, _ = d.base.customer(w.id)
		}
		for _, r := range w.whole.Records[t.Kind] {
			out[r.Key] = parentKey(r)
		}
	}
	for _, e := range w.entries {
		switch {
		case e.table != t:
		case e.gone || e.of != w:
			delete(out, e.key)
		default:
			out[e.key] = e.row.parent
		}
	}
	return out
}

// fits tells whether the catalog allows the customer so many records more.
func (d *draft) fits(w *working, t *store.Table, more int) bool {
	if i := d.kind(t); i < len(w.more) {
		more += w.more[i]
	}
	switch {
	case !w.based:
		return more <= t.Limit
	case w.seen == t && w.most+more <= t.Limit:
		return true
	}
	return d.base.most(w.id, t.Kind)+more <= t.Limit || d.base.count(w.id, t.Kind)+more <= t.Limit
}

func (w *working) count(kind, more int) {
	for len(w.more) <= kind {
		w.more = append(w.more, 0)
	}
	w.more[kind] += more
}

// changed is a record with some fields changed, those that are missing taken away.
func (d *draft) changed(w *working, e *entry, to row) row {
	if part := !e.laid && w.based && d.base.patches(e.table); part || e.laid && e.row.part {
		to.part = true
		if e.laid {
			to.fields = both(e.row.fields, to.fields)
		}
		return to
	}
	old := d.record(w, e)
	to.fields = overlay(old.fields, to.fields)
	if to.parent == "" {
		to.parent = old.parent
	}
	return to
}

// record is a record that exists, as it was put.
func (d *draft) record(w *working, e *entry) row {
	if e.laid && !e.row.part {
		return e.row
	}
	t := e.table
	r := d.base.record(w.id, t.Kind, e.key, e.hint)
	out := row{fields: r.Fields, parent: parentKey(r)}
	if e.laid {
		out.fields = overlay(out.fields, e.row.fields)
		return out
	}
	if t.Reaching {
		out.fields = maps.Clone(r.Fields)
		for _, c := range t.Columns {
			if c.Reach != nil {
				delete(out.fields, c.Name)
			}
		}
		maps.Copy(out.fields, d.origin.of(t, r))
	}
	return out
}

func parentKey(r *eval.Record) string {
	if r.Parent == nil {
		return ""
	}
	return r.Parent.Key
}

// ownReached are the dimension's fields among those of a row, nil for none.
func ownReached(t *store.Table, f fields) fields {
	var out fields
	for _, c := range t.Columns {
		if v, ok := f[c.Name]; ok && c.Reach != nil {
			if out == nil {
				out = fields{}
			}
			out[c.Name] = v
		}
	}
	return out
}

// both is the fields of f and of set, those of set where they have the same.
func both(f, set fields) fields {
	out := make(fields, len(f)+len(set))
	maps.Copy(out, f)
	maps.Copy(out, set)
	return out
}

// overlay is f with the values of set; those that are missing are taken away.
func overlay(f, set fields) fields {
	out := make(fields, len(f)+len(set))
	maps.Copy(out, f)
	for name, v := range set {
		if v.Known() {
			out[name] = v
		} else {
			delete(out, name)
		}
	}
	return out
}
