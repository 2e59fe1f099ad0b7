package memstore

import (
	"maps"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// freeze makes the state that the draft describes. Base is not touched.
func (d *draft) freeze() *state {
	d.followDimensions()
	ids := slices.Sorted(maps.Keys(d.customers))
	edits := make([]edit, len(ids))
	for i, id := range ids {
		edits[i] = edit{id: id}
		if w := d.customers[id]; !w.gone {
			edits[i].now = d.freezeCustomer(id, w)
		}
	}
	return d.base.with(edits)
}

// followDimensions puts again every record that a changed row of a dimension
// reaches, so that it takes over the new values. It reads all customers, of those
// who are as they were loaded by columns one column.
func (d *draft) followDimensions() {
	for name, changed := range d.dims {
		for _, t := range d.schema.Kinds {
			by := map[string]bool{}
			for _, c := range t.Reaches(name) {
				by[c.Reach.By] = true
			}
			if len(by) == 0 {
				continue
			}
			for _, p := range d.base.pages {
				for _, e := range p {
					if e.now == nil {
						continue
					}
					for _, r := range e.now.Records[t.Kind] {
						if reached(r, by, changed) {
							d.touch(e.id, t, r.Key)
						}
					}
				}
			}
			d.touchLoaded(t, by, changed)
		}
	}
}

// touchLoaded touches the records of customers who are as they were loaded.
func (d *draft) touchLoaded(t *store.Table, by map[string]bool, changed map[string]fields) {
	if d.base.loaded == nil {
		return
	}
	names := map[string]bool{}
	for name := range changed {
		names[name] = true
	}
	for field := range by {
		for id, key := range d.base.loaded.Having(t.Kind, field, names) {
			if _, edited := d.base.edited(id); !edited {
				d.touch(id, t, key)
			}
		}
	}
}

func reached(r *eval.Record, by map[string]bool, changed map[string]fields) bool {
	for field := range by {
		if _, ok := changed[r.Fields[field].Text()]; ok {
			return true
		}
	}
	return false
}

// touch puts a record of base again as it is, unless the draft has replaced or
// removed it.
func (d *draft) touch(id dangol.CustomerID, t *store.Table, key string) {
	o, ok := d.owner(t.Kind, key)
	if !ok || o.customer != id {
		return
	}
	w := d.customer(id)
	if _, over := w.over[t.Kind][key]; !over {
		d.put(id, w, t, key, d.record(w, t, key), false)
	}
}

func (d *draft) freezeCustomer(id dangol.CustomerID, w *working) *eval.Customer {
	c := &eval.Customer{ID: id, Guest: w.guest, Attributes: w.attributes}
	if w.base != nil && len(w.over) == 0 {
		c.Records = w.base.Records
		return c
	}
	c.Records = map[string][]*eval.Record{}
	for _, t := range d.schema.Kinds { // parents before children
		var base []*eval.Record
		if w.base != nil {
			base = w.base.Records[t.Kind]
		}
		var parents []*eval.Record
		if t.Parent != nil {
			parents = c.Records[t.Parent.Kind]
		}
		list := d.freezeRecords(t, base, w.over[t.Kind], parents)
		if len(list) > 0 {
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

// resolve adds to a row's fields those of the dimensions that it reaches.
func (d *draft) resolve(t *store.Table, own fields) fields {
	out := own
	for _, c := range t.Columns {
		if c.Reach == nil {
			continue
		}
		if _, ok := own[c.Name]; ok {
			continue
		}
		dim, _ := d.dimension(c.Reach.Dimension, own[c.Reach.By].Text())
		v, ok := dim[c.Reach.Field.Name]
		if !ok {
			continue
		}
		if len(out) == len(own) {
			out = maps.Clone(own)
		}
		out[c.Name] = v
	}
	return out
}

// commit writes the draft into the index. It cannot fail.
func (d *draft) commit() {
	for kind, over := range d.owners {
		if d.index.owners[kind] == nil {
			d.index.owners[kind] = make(map[string]owner, len(over))
		}
		for key, o := range over {
			if o != nil {
				d.index.owners[kind][key] = *o
			} else if _, was := d.index.loaded.owner(kind, key); was {
				d.index.owners[kind][key] = owner{}
			} else {
				delete(d.index.owners[kind], key)
			}
		}
	}
	for name, over := range d.dims {
		if d.index.dims[name] == nil {
			d.index.dims[name] = make(map[string]fields, len(over))
		}
		for key, f := range over {
			if f == nil {
				delete(d.index.dims[name], key)
			} else {
				d.index.dims[name][key] = f
			}
		}
	}
}
