package rulegen

import (
	"maps"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// Shrink looks for a smaller world and rule that still fail, and gives up after
// that many tries. The ones given must fail.
func Shrink(w *World, r *Rule, tries int, fails func(*World, *Rule) bool) (*World, *Rule) {
	for progress := true; progress; {
		progress = false
		for _, less := range r.Smaller() {
			if tries--; tries < 0 {
				return w, r
			}
			if fails(w, less) {
				r, progress = less, true
				break
			}
		}
		for _, less := range w.Smaller() {
			if tries--; tries < 0 {
				return w, r
			}
			if fails(less, r) {
				w, progress = less, true
				break
			}
		}
	}
	return w, r
}

// Smaller are worlds like w with less data, the smallest first: half of the
// customers, all but one, and once there are few, without one record or one value.
// They share the source of w: nothing more is to be drawn from them.
func (w *World) Smaller() []*World {
	var out []*World
	ids := slices.Sorted(maps.Keys(w.facts.customers))
	n := len(ids)
	if n > 3 {
		out = append(out, w.without(removed(ids[n/2:])...), w.without(removed(ids[:n/2])...))
	}
	if n > 1 {
		for i := range ids {
			out = append(out, w.without(removed(ids[i:i+1])...))
		}
	}
	if n > 3 {
		return out
	}
	kinds := owners(w.Catalog)
	for _, k := range kinds {
		for _, key := range slices.Sorted(maps.Keys(w.facts.records[k.Name])) {
			out = append(out, w.without(store.Change{Op: store.Delete, Kind: k.Name, Key: key}))
		}
	}
	for _, id := range ids {
		for _, name := range slices.Sorted(maps.Keys(w.facts.customers[id].fields)) {
			if a, ok := w.Catalog.Attribute(name); ok && !a.Required {
				out = append(out, w.without(store.Change{Op: store.Set, Customer: id, Fields: missing(name)}))
			}
		}
	}
	for _, k := range kinds {
		for _, key := range slices.Sorted(maps.Keys(w.facts.records[k.Name])) {
			for _, name := range slices.Sorted(maps.Keys(w.facts.records[k.Name][key].fields)) {
				out = append(out, w.without(store.Change{Op: store.Set, Kind: k.Name, Key: key, Fields: missing(name)}))
			}
		}
	}
	return out
}

func removed(ids []dangol.CustomerID) []store.Change {
	out := make([]store.Change, len(ids))
	for i, id := range ids {
		out[i] = store.Change{Op: store.Delete, Customer: id}
	}
	return out
}

func missing(name string) fields { return fields{name: catalog.Missing} }

func (w *World) without(changes ...store.Change) *World {
	out := *w
	out.facts = w.facts.clone()
	out.facts.apply(w.Catalog, changes...)
	out.Customers = out.facts.read(w.Catalog)
	return &out
}
