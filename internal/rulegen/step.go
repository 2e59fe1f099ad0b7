package rulegen

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// Step makes up a few changes, which a store with the world's data takes, and makes
// them to the world: late records, other values, removals, merges, rows of dimensions.
// Every change stands on those before it. Customers and Changes then tell the new
// state.
func (w *World) Step() []store.Change {
	var out []store.Change
	for range 1 + w.src.IntN(6) {
		if ch, ok := w.change(); ok {
			out = append(out, w.do(ch))
		}
	}
	w.Customers = w.facts.read(w.Catalog)
	return out
}

// Pass moves the world's as-of on, by seconds, hours, days or a month.
func (w *World) Pass() {
	w.AsOf = pick(w.src, []time.Time{
		w.AsOf.Add(time.Second), w.AsOf.Add(time.Hour), w.AsOf.Add(36 * time.Hour),
		w.AsOf.AddDate(0, 0, 1), w.AsOf.AddDate(0, 0, 7), w.AsOf.AddDate(0, 1, 0),
	})
}

// Travel moves the world to another zone, perhaps the same.
func (w *World) Travel() {
	if zone, err := time.LoadLocation(pick(w.src, zones)); err == nil {
		w.Zone = zone
	}
}

// change draws one change, not ok where there is nothing for it to change.
func (w *World) change() (store.Change, bool) {
	ids := slices.Sorted(maps.Keys(w.facts.customers))
	if len(ids) == 0 || w.src.IntN(10) == 9 {
		return w.putCustomer(dangol.CustomerID(fmt.Sprintf("new%d", w.src.IntN(1000))), w.chance(4)), true
	}
	id := pick(w.src, ids)
	switch w.src.IntN(12) {
	case 0, 1, 2:
		k := pick(w.src, owners(w.Catalog))
		if w.facts.customers[id].guest && w.needsLogin(k) || k.Parent != "" && len(w.parentsOf(k, id)) == 0 {
			return store.Change{}, false
		}
		ch := w.putRecord(k, fmt.Sprintf("late-%d-%s", w.src.IntN(50), id), id)
		before, taken := w.facts.records[k.Name][ch.Key] // perhaps by whom its customer was merged into
		return ch, !taken || before.customer == id
	case 3, 4, 5, 6, 7:
		return w.changeRecord()
	case 8:
		return w.setCustomer(id), true
	case 9:
		return store.Change{Op: store.Delete, Customer: id}, len(ids) > 3
	case 10:
		from := pick(w.src, ids)
		return store.Change{Op: store.Merge, From: from, Customer: id}, from != id && !w.facts.customers[id].guest
	}
	if len(w.Catalog.Dimensions) == 0 {
		return store.Change{}, false
	}
	d := &w.Catalog.Dimensions[w.src.IntN(len(w.Catalog.Dimensions))]
	ch := w.putRow(d, pick(w.src, words[:6]))
	if w.chance(4) {
		return store.Change{Op: store.Delete, Kind: d.Name, Key: ch.Key}, true
	}
	return ch, ch.Key != ""
}

// changeRecord puts, sets or deletes a record that there is.
func (w *World) changeRecord() (store.Change, bool) {
	k := pick(w.src, owners(w.Catalog))
	keys := slices.Sorted(maps.Keys(w.facts.records[k.Name]))
	if len(keys) == 0 {
		return store.Change{}, false
	}
	key := pick(w.src, keys)
	put := w.putRecord(k, key, w.facts.records[k.Name][key].customer)
	switch w.src.IntN(4) {
	case 0:
		return put, true
	case 1:
		return store.Change{Op: store.Delete, Kind: k.Name, Key: key}, true
	}
	set := store.Change{Op: store.Set, Kind: k.Name, Key: key, Fields: fields{}}
	for _, name := range slices.Sorted(maps.Keys(put.Fields)) {
		switch w.src.IntN(4) {
		case 0:
			set.Fields[name] = put.Fields[name]
		case 1:
			set.Fields[name] = catalog.Missing
		}
	}
	return set, true
}

func (w *World) setCustomer(id dangol.CustomerID) store.Change {
	put := w.putCustomer(id, w.facts.customers[id].guest)
	set := store.Change{Op: store.Set, Customer: id, Fields: fields{}}
	for _, name := range slices.Sorted(maps.Keys(put.Fields)) {
		a, _ := w.Catalog.Attribute(name)
		switch w.src.IntN(4) {
		case 0:
			set.Fields[name] = put.Fields[name]
		case 1:
			if !a.Required {
				set.Fields[name] = catalog.Missing
			}
		}
	}
	return set
}
