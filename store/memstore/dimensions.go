package memstore

import (
	"maps"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/store"
)

// followDimensions puts again every record that a changed row of a dimension
// reaches, so that it takes over the new values.
func (d *draft) followDimensions() {
	for name, changed := range d.dims {
		texts := map[string]bool{}
		for key := range changed {
			texts[key] = true
		}
		for _, t := range d.schema.Kinds {
			seen := map[string]bool{}
			for _, c := range t.Reaches(name) {
				if by := c.Reach.By; !seen[by] {
					seen[by] = true
					for id, key := range d.base.having(t, by, texts) {
						d.touch(id, t, key)
					}
				}
			}
		}
	}
}

// touch puts a record of base again as it is, unless the draft has replaced or
// removed it.
func (d *draft) touch(id dangol.CustomerID, t *store.Table, key string) {
	e := d.entry(t, key)
	if w := d.customer(id); w != nil && !e.laid {
		d.put(w, e, d.record(w, e), false)
	}
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

// commit notes what the home does not keep. It cannot fail.
func (d *draft) commit() {
	for _, rows := range d.rows {
		for _, e := range rows {
			d.origin.note(e)
		}
	}
	for name, over := range d.dims {
		if d.known[name] == nil {
			d.known[name] = make(map[string]fields, len(over))
		}
		for key, f := range over {
			if f == nil {
				delete(d.known[name], key)
			} else {
				d.known[name][key] = f
			}
		}
	}
}
