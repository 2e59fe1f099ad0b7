package rulegen

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

type fields = map[string]catalog.Value

// facts are a shop's rows as they were put, the plainest store there is: what the
// operations of store.Change do is told here in a few lines.
type facts struct {
	customers map[dangol.CustomerID]person
	records   map[string]map[string]record // by kind and key
	rows      map[string]map[string]fields // of dimensions, by name and key
}

type person struct {
	guest  bool
	fields fields
}

type record struct {
	customer dangol.CustomerID
	parent   string
	fields   fields
}

func newFacts() *facts {
	return &facts{map[dangol.CustomerID]person{}, map[string]map[string]record{}, map[string]map[string]fields{}}
}

// clone shares the fields of rows, which apply never changes in place.
func (f *facts) clone() *facts {
	out := newFacts()
	out.customers = maps.Clone(f.customers)
	for kind, list := range f.records {
		out.records[kind] = maps.Clone(list)
	}
	for name, list := range f.rows {
		out.rows[name] = maps.Clone(list)
	}
	return out
}

// apply makes changes that a store would take.
func (f *facts) apply(c *catalog.Catalog, changes ...store.Change) {
	for _, ch := range changes {
		_, dimension := c.Dimension(ch.Kind)
		switch {
		case ch.Op == store.Merge:
			for _, list := range f.records {
				for key, r := range list {
					if r.customer == ch.From {
						r.customer = ch.Customer
						list[key] = r
					}
				}
			}
			delete(f.customers, ch.From)
		case ch.Kind == "" && ch.Op == store.Delete:
			for _, list := range f.records {
				maps.DeleteFunc(list, func(_ string, r record) bool { return r.customer == ch.Customer })
			}
			delete(f.customers, ch.Customer)
		case ch.Kind == "":
			before := f.customers[ch.Customer]
			after := person{before.guest, laid(before.fields, ch)}
			if ch.Op == store.Put {
				after.guest = ch.Guest
			}
			f.customers[ch.Customer] = after
		case dimension && ch.Op == store.Delete:
			delete(f.rows[ch.Kind], ch.Key)
		case dimension:
			table(f.rows, ch.Kind)[ch.Key] = laid(f.rows[ch.Kind][ch.Key], ch)
		case ch.Op == store.Delete:
			f.remove(c, ch.Kind, ch.Key)
		default:
			r := f.records[ch.Kind][ch.Key]
			table(f.records, ch.Kind)[ch.Key] = record{cmp.Or(ch.Customer, r.customer), cmp.Or(ch.Parent, r.parent), laid(r.fields, ch)}
		}
	}
}

func table[T any](tables map[string]map[string]T, name string) map[string]T {
	if tables[name] == nil {
		tables[name] = map[string]T{}
	}
	return tables[name]
}

// laid are the fields of a row after a Put or Set. An empty set is as good as none.
func laid(before fields, ch store.Change) fields {
	out := fields{}
	if ch.Op == store.Set {
		maps.Copy(out, before)
	}
	maps.Copy(out, ch.Fields)
	maps.DeleteFunc(out, func(_ string, v catalog.Value) bool {
		return !v.Known() || v.Sort() == catalog.Set && len(v.Items()) == 0
	})
	return out
}

// remove takes a record away, and those that belong to it.
func (f *facts) remove(c *catalog.Catalog, kind, key string) {
	delete(f.records[kind], key)
	for i := range c.Kinds {
		child := &c.Kinds[i]
		owner, ok := c.Owner(child.Parent)
		if child.Base != "" || !ok || owner.Name != kind {
			continue
		}
		for _, below := range slices.Sorted(maps.Keys(f.records[child.Name])) {
			if f.records[child.Name][below].parent == key {
				f.remove(c, child.Name, below)
			}
		}
	}
}

// read are the customers as a store hands them over, ordered by id.
func (f *facts) read(c *catalog.Catalog) []*eval.Customer {
	byID := map[dangol.CustomerID]*eval.Customer{}
	var out []*eval.Customer
	for _, id := range slices.Sorted(maps.Keys(f.customers)) {
		p := f.customers[id]
		byID[id] = &eval.Customer{ID: id, Guest: p.guest, Attributes: p.fields, Records: map[string][]*eval.Record{}}
		out = append(out, byID[id])
	}
	made := map[string]map[string]*eval.Record{} // by kind and key
	for _, k := range owners(c) {
		parent, _ := c.Owner(k.Parent)
		for _, key := range slices.Sorted(maps.Keys(f.records[k.Name])) {
			r := f.records[k.Name][key]
			rec := &eval.Record{Key: key, Fields: f.resolve(c, k, r.fields)}
			if parent != nil {
				rec.Parent = made[parent.Name][r.parent]
			}
			table(made, k.Name)[key] = rec
			owner := byID[r.customer]
			owner.Records[k.Name] = append(owner.Records[k.Name], rec)
		}
	}
	return out
}

// resolve adds what a record reaches through dimensions and does not have itself.
func (f *facts) resolve(c *catalog.Catalog, k *catalog.Kind, own fields) fields {
	out := maps.Clone(own)
	for _, reach := range c.Reached(k) {
		by, ok := own[reach.By]
		if _, has := own[reach.Name]; has || !ok {
			continue
		}
		if v, known := f.rows[reach.Dimension][by.Text()][reach.Field.Name]; known {
			out[reach.Name] = v
		}
	}
	return out
}

// owners are the kinds that own rows, parents before their children.
func owners(c *catalog.Catalog) []*catalog.Kind {
	var out []*catalog.Kind
	added := map[string]bool{}
	for len(out) < len(c.Kinds) {
		before := len(out)
		for i := range c.Kinds {
			k := &c.Kinds[i]
			if k.Base != "" || added[k.Name] {
				continue
			}
			if parent, ok := c.Owner(k.Parent); ok && !added[parent.Name] {
				continue
			}
			added[k.Name] = true
			out = append(out, k)
		}
		if len(out) == before {
			break
		}
	}
	return out
}
