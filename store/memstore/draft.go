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

// index is what writers need to find rows by key. It is guarded by Store.write.
type index struct {
	owners map[string]map[string]owner  // by kind and key; of nobody where one that was loaded is gone
	dims   map[string]map[string]fields // rows of dimensions, by name and key
	loaded *loaded                      // records that owners does not tell of
}

func (ix *index) empty() bool {
	for _, rows := range ix.owners {
		if len(rows) > 0 {
			return false
		}
	}
	for _, rows := range ix.dims {
		if len(rows) > 0 {
			return false
		}
	}
	return ix.loaded == nil
}

// owner tells whose a record is, not ok where there is none.
func (ix *index) owner(kind, key string) (owner, bool) {
	if o, ok := ix.owners[kind][key]; ok {
		return o, o.customer != ""
	}
	id, ok := ix.loaded.owner(kind, key)
	if !ok {
		return owner{}, false
	}
	return owner{customer: id, brought: ix.loaded.brought[kind]}, true
}

// owner tells whose a record is.
type owner struct {
	customer dangol.CustomerID
	// own are the dimension's fields that the row itself carries, mostly nil: in the
	// record they cannot be told from those that the dimension gave it.
	own fields
	// brought are such fields, by name, that rows of the kind bring themselves where
	// they have them: of a record that was loaded by columns.
	brought map[string]bool
}

// row is a record as it was put: without what dimensions give it.
type row struct {
	fields fields
	parent string
}

// draft is changes that are not visible yet: base stays as it is until commit,
// so that a failed change leaves nothing behind.
type draft struct {
	schema    *store.Schema
	base      *state
	index     *index
	customers map[dangol.CustomerID]*working
	owners    map[string]map[string]*owner // nil where the record is removed
	dims      map[string]map[string]fields // nil where the row is removed
	bytes     int64                        // about what the changes take
}

func newDraft(schema *store.Schema, base *state, ix *index) *draft {
	return &draft{
		schema: schema, base: base, index: ix,
		customers: map[dangol.CustomerID]*working{},
		owners:    map[string]map[string]*owner{},
		dims:      map[string]map[string]fields{},
	}
}

// working is a customer being changed: base with rows laid over it.
type working struct {
	base       *eval.Customer // nil for one that is new
	gone       bool
	guest      bool
	attributes fields
	over       map[string]map[string]*row // by kind and key; nil where removed
	count      map[string]int             // records by kind, known once asked for
}

// apply makes one checked change.
func (d *draft) apply(c store.Change) error {
	bad := func(why string) error { return &store.InvalidError{Change: c, Why: why} }
	switch {
	case c.Op == store.Merge:
		to := d.customer(c.Customer)
		if to == nil {
			return bad("no such customer")
		}
		if from := d.customer(c.From); from != nil {
			if kind := d.merge(c.From, from, c.Customer, to); kind != "" {
				return bad("the two have more " + kind + " together than the catalog allows a customer")
			}
		}
		return nil
	case c.Kind == "":
		return d.applyCustomer(c, bad)
	}
	t, err := d.schema.Table(c.Kind)
	if err != nil {
		return bad(err.Error())
	}
	if t.Dimension {
		return d.applyDimension(c, bad)
	}
	return d.applyRecord(t, c, bad)
}

func (d *draft) applyCustomer(c store.Change, bad func(string) error) error {
	w := d.customer(c.Customer)
	switch c.Op {
	case store.Put:
		if w == nil {
			w = &working{}
			d.customers[c.Customer] = w
		}
		w.guest, w.attributes = c.Guest, c.Fields
	case store.Set:
		if w == nil {
			return bad("no such customer")
		}
		w.attributes = overlay(w.attributes, c.Fields)
		if name := d.schema.Lacks(w.guest, w.attributes); name != "" {
			return &store.InvalidError{Change: c, Field: name, Why: "is required"}
		}
	case store.Delete:
		if w == nil {
			return nil
		}
		for _, t := range d.schema.Kinds {
			for key := range d.records(w, t.Kind) {
				d.own(t.Kind, key, nil)
			}
		}
		d.customers[c.Customer] = &working{gone: true}
	}
	return nil
}

func (d *draft) applyDimension(c store.Change, bad func(string) error) error {
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
			return bad("no such row")
		}
		rows[c.Key] = overlay(old, c.Fields)
	case store.Delete:
		rows[c.Key] = nil
	}
	return nil
}

func (d *draft) applyRecord(t *store.Table, c store.Change, bad func(string) error) error {
	before, exists := d.owner(c.Kind, c.Key)
	if exists && c.Customer != "" && c.Customer != before.customer {
		return bad(fmt.Sprintf("it belongs to customer %q", string(before.customer)))
	}
	if !exists {
		switch c.Op {
		case store.Set:
			return bad("no such record")
		case store.Delete:
			return nil
		}
		before.customer = c.Customer
	}
	w := d.customer(before.customer)
	if w == nil {
		return bad(fmt.Sprintf("no such customer: %q", string(before.customer)))
	}
	if c.Op == store.Delete {
		d.remove(w, t, c.Key)
		return nil
	}
	now := &row{fields: c.Fields, parent: c.Parent}
	if c.Op == store.Set {
		old := d.record(w, t, c.Key)
		now.fields = overlay(old.fields, c.Fields)
		if now.parent == "" {
			now.parent = old.parent
		}
	}
	if t.Parent != nil {
		if o, ok := d.owner(t.Parent.Kind, now.parent); !ok {
			return bad(fmt.Sprintf("no %s %q", t.ParentField, now.parent))
		} else if o.customer != before.customer {
			return bad(fmt.Sprintf("its %s %q belongs to customer %q", t.ParentField, now.parent, string(o.customer)))
		}
	}
	if !exists && d.counted(w, c.Kind) >= t.Limit {
		return bad(fmt.Sprintf("the customer has %d %s already, the most that the catalog allows", t.Limit, c.Kind))
	}
	d.put(before.customer, w, t, c.Key, now, !exists)
	return nil
}

// put lays a row over the customer.
func (d *draft) put(id dangol.CustomerID, w *working, t *store.Table, key string, r *row, isNew bool) {
	if w.over[t.Kind] == nil {
		if w.over == nil {
			w.over = map[string]map[string]*row{}
		}
		w.over[t.Kind] = map[string]*row{}
	}
	if isNew {
		d.counted(w, t.Kind)
		w.count[t.Kind]++
	}
	w.over[t.Kind][key] = r
	d.own(t.Kind, key, &owner{customer: id, own: ownReached(t, r.fields)})
}

// remove takes a record away, with those that belong to it.
func (d *draft) remove(w *working, t *store.Table, key string) {
	if w.over[t.Kind] == nil {
		if w.over == nil {
			w.over = map[string]map[string]*row{}
		}
		w.over[t.Kind] = map[string]*row{}
	}
	d.counted(w, t.Kind)
	w.count[t.Kind]--
	w.over[t.Kind][key] = nil
	d.own(t.Kind, key, nil)
	for _, child := range d.schema.Kinds {
		if child.Parent != t {
			continue
		}
		for k, parent := range d.records(w, child.Kind) {
			if parent == key {
				d.remove(w, child, k)
			}
		}
	}
}

// merge moves the records of one customer to another, who must stay within the
// catalog's limits: otherwise it names the kind at fault.
func (d *draft) merge(fromID dangol.CustomerID, from *working, toID dangol.CustomerID, to *working) string {
	for _, t := range d.schema.Kinds {
		if d.counted(from, t.Kind)+d.counted(to, t.Kind) > t.Limit {
			return t.Kind
		}
		for key := range d.records(from, t.Kind) {
			d.put(toID, to, t, key, d.record(from, t, key), true)
		}
	}
	d.customers[fromID] = &working{gone: true}
	return ""
}

// customer finds one to work on, nil for none.
func (d *draft) customer(id dangol.CustomerID) *working {
	if w, ok := d.customers[id]; ok {
		if w.gone {
			return nil
		}
		return w
	}
	c, ok := d.base.customer(id)
	if !ok {
		return nil
	}
	w := &working{base: c, guest: c.Guest, attributes: c.Attributes}
	d.customers[id] = w
	return w
}

func (d *draft) owner(kind, key string) (owner, bool) {
	if o, ok := d.owners[kind][key]; ok {
		if o == nil {
			return owner{}, false
		}
		return *o, true
	}
	return d.index.owner(kind, key)
}

func (d *draft) own(kind, key string, o *owner) {
	if d.owners[kind] == nil {
		d.owners[kind] = map[string]*owner{}
	}
	d.owners[kind][key] = o
}

func (d *draft) dimension(name, key string) (fields, bool) {
	if f, ok := d.dims[name][key]; ok {
		return f, f != nil
	}
	f, ok := d.index.dims[name][key]
	return f, ok
}

// records are the keys of the customer's records of a kind, each with its
// parent's. The map is the caller's.
func (d *draft) records(w *working, kind string) map[string]string {
	out := map[string]string{}
	if w.base != nil {
		for _, r := range w.base.Records[kind] {
			out[r.Key] = parentKey(r)
		}
	}
	for key, r := range w.over[kind] {
		if r == nil {
			delete(out, key)
		} else {
			out[key] = r.parent
		}
	}
	return out
}

func (d *draft) counted(w *working, kind string) int {
	n, ok := w.count[kind]
	if !ok {
		if w.count == nil {
			w.count = map[string]int{}
		}
		if w.base != nil {
			n = len(w.base.Records[kind])
		}
		w.count[kind] = n
	}
	return n
}

// record is a record that exists, as it was put.
func (d *draft) record(w *working, t *store.Table, key string) *row {
	if r, ok := w.over[t.Kind][key]; ok {
		return r
	}
	list := w.base.Records[t.Kind]
	i, _ := findRecord(list, key)
	o, _ := d.owner(t.Kind, key)
	return rowOf(t, list[i], o)
}

// rowOf takes off a record what dimensions gave it.
func rowOf(t *store.Table, r *eval.Record, o owner) *row {
	out := &row{fields: r.Fields, parent: parentKey(r)}
	if reaches(t) {
		out.fields = maps.Clone(r.Fields)
		for _, c := range t.Columns {
			if c.Reach != nil && !o.brought[c.Name] {
				delete(out.fields, c.Name)
			}
		}
		maps.Copy(out.fields, o.own)
	}
	return out
}

func parentKey(r *eval.Record) string {
	if r.Parent == nil {
		return ""
	}
	return r.Parent.Key
}

func reaches(t *store.Table) bool {
	return slices.ContainsFunc(t.Columns, func(c store.Column) bool { return c.Reach != nil })
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

func findRecord(list []*eval.Record, key string) (int, bool) {
	return slices.BinarySearchFunc(list, key, func(r *eval.Record, key string) int {
		switch {
		case r.Key < key:
			return -1
		case r.Key > key:
			return 1
		}
		return 0
	})
}
