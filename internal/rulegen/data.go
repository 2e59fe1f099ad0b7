package rulegen

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// words are what strings are made of: shared with rules, so that tests meet them.
var words = []string{"A", "B", "web", "shoes", "서울", "Seoul", "a", "", "A ", "/sale", "é", "KR", "JP", "%", "'", "vip"}

// amounts are numbers in stored units that rules compare with, and their neighbours.
var amounts = []int64{0, 1, 2, 3, 5, 10, 99, 100, 101, 29_999, 30_000, 30_001, 1_000_000, -1, 9_999_999}

// value is one of the type, or missing.
func (w *World) value(t catalog.Type, required bool) catalog.Value {
	if !required && w.src.IntN(4) == 0 {
		return catalog.Missing
	}
	switch t.Sort {
	case catalog.Bool:
		return catalog.BoolValue(w.chance(2))
	case catalog.Number, catalog.Money:
		return catalog.NumberValue(pick(w.src, amounts))
	case catalog.Enum:
		return catalog.StringValue(t.Normal(pick(w.src, t.Values)))
	case catalog.Instant:
		return catalog.InstantValue(w.clock.moment())
	case catalog.Date:
		return catalog.DateValue(w.clock.day())
	case catalog.Set:
		var items []string
		for range w.src.IntN(4) {
			items = append(items, t.Normal(pick(w.src, w.listed(t))))
		}
		return catalog.SetValue(items...)
	}
	return catalog.StringValue(t.Normal(pick(w.src, words)))
}

func (w *World) listed(t catalog.Type) []string {
	if len(t.Values) > 0 {
		return t.Values
	}
	return words
}

// populate draws all data.
func (w *World) populate() {
	w.facts = newFacts()
	for i := range w.Catalog.Dimensions {
		for _, key := range words[:5] {
			w.do(w.putRow(&w.Catalog.Dimensions[i], key))
		}
	}
	for i := range 4 + w.src.IntN(12) {
		w.drawCustomer(i)
	}
	w.Customers = w.facts.read(w.Catalog)
	w.Groups = Groups{}
	for _, name := range []string{"VIP", "Staff"} {
		w.Groups[name] = map[dangol.CustomerID]bool{}
		for _, c := range w.Customers {
			if w.chance(3) {
				w.Groups[name][c.ID] = true
			}
		}
	}
}

func (w *World) do(ch store.Change) store.Change {
	w.facts.apply(w.Catalog, ch)
	return ch
}

// draw adds a value of a field, if there is to be one.
func (w *World) draw(to fields, name string, t catalog.Type, derived string) {
	if derived != "" {
		return
	}
	if v := w.value(t, false); v.Known() {
		to[name] = v
	}
}

func (w *World) putRow(d *catalog.Dimension, key string) store.Change {
	ch := store.Change{Kind: d.Name, Key: key, Fields: fields{}}
	for _, f := range d.Fields {
		w.draw(ch.Fields, f.Name, f.Type, f.Derived)
	}
	return ch
}

func (w *World) drawCustomer(i int) {
	put := w.putCustomer(dangol.CustomerID(fmt.Sprintf("%s%d", w.pick("c", "C", "고객"), i)), w.src.IntN(4) == 3)
	w.do(put)
	for _, k := range owners(w.Catalog) {
		if put.Guest && w.needsLogin(k) {
			continue
		}
		parents := w.parentsOf(k, put.Customer)
		n := pick(w.src, []int{0, 1, 2, 3, 0, 5, 9})
		switch {
		case k.Parent != "" && len(parents) == 0:
			n = 0
		case k.Parent != "":
			n = 1 + w.src.IntN(2*len(parents))
		}
		for i := range n {
			w.do(w.putRecord(k, fmt.Sprintf("%s-%d-%s", k.Name, i, put.Customer), put.Customer))
		}
	}
}

func (w *World) putCustomer(id dangol.CustomerID, guest bool) store.Change {
	ch := store.Change{Customer: id, Guest: guest, Fields: fields{}}
	for _, a := range w.Catalog.Attributes {
		switch {
		case a.Derived != "", guest && a.Login:
		case a.Required:
			ch.Fields[a.Name] = w.value(a.Type, true)
		default:
			w.draw(ch.Fields, a.Name, a.Type, "")
		}
	}
	return ch
}

func (w *World) needsLogin(k *catalog.Kind) bool {
	return slices.ContainsFunc(w.Catalog.Views(k.Name), func(v *catalog.Kind) bool { return v.Login })
}

// parentsOf are the keys of the customer's records that one of the kind may belong to.
func (w *World) parentsOf(k *catalog.Kind, id dangol.CustomerID) []string {
	owner, ok := w.Catalog.Owner(k.Parent)
	if !ok {
		return nil
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(w.facts.records[owner.Name])) {
		if w.facts.records[owner.Name][key].customer == id {
			out = append(out, key)
		}
	}
	return out
}

// putRecord needs a parent of the customer where the kind has one.
func (w *World) putRecord(k *catalog.Kind, key string, id dangol.CustomerID) store.Change {
	ch := store.Change{Kind: k.Name, Key: key, Customer: id, Fields: fields{}}
	for _, f := range k.Fields {
		w.draw(ch.Fields, f.Name, f.Type, f.Derived)
	}
	for _, reach := range w.Catalog.Reached(k) {
		if w.src.IntN(6) == 5 {
			w.draw(ch.Fields, reach.Name, reach.Field.Type, reach.Field.Derived)
		}
	}
	if parents := w.parentsOf(k, id); len(parents) > 0 {
		ch.Parent = pick(w.src, parents)
	}
	return ch
}

// Changes load the world as it is now into an empty store with its catalog: rows of
// dimensions, then every customer, then records, parents first.
func (w *World) Changes() []store.Change {
	var out []store.Change
	for _, d := range w.Catalog.Dimensions {
		for _, key := range slices.Sorted(maps.Keys(w.facts.rows[d.Name])) {
			out = append(out, store.Change{Kind: d.Name, Key: key, Fields: maps.Clone(w.facts.rows[d.Name][key])})
		}
	}
	for _, c := range w.Customers {
		out = append(out, store.Change{Customer: c.ID, Guest: c.Guest, Fields: maps.Clone(c.Attributes)})
	}
	for _, k := range owners(w.Catalog) {
		for _, key := range slices.Sorted(maps.Keys(w.facts.records[k.Name])) {
			r := w.facts.records[k.Name][key]
			out = append(out, store.Change{Customer: r.customer, Kind: k.Name, Key: key, Parent: r.parent, Fields: maps.Clone(r.fields)})
		}
	}
	return out
}
