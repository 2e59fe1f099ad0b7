package rulegen

import (
	"maps"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
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
// customers, all but one, and once there are few, without one kind of records, one
// record, one value. They share the source of w: rules are not to be drawn from them.
func (w *World) Smaller() []*World {
	var out []*World
	n := len(w.Customers)
	if n > 3 {
		out = append(out, w.keeping(w.Customers[:n/2]), w.keeping(w.Customers[n/2:]))
	}
	for i := range w.Customers {
		if n > 1 {
			out = append(out, w.keeping(slices.Delete(slices.Clone(w.Customers), i, i+1)))
		}
	}
	if n > 3 {
		return out
	}
	for i, c := range w.Customers {
		for _, less := range w.smallerCustomers(c) {
			list := slices.Clone(w.Customers)
			list[i] = less
			out = append(out, w.keeping(list))
		}
	}
	return out
}

func (w *World) keeping(list []*eval.Customer) *World {
	out := *w
	out.Customers = list
	return &out
}

func (w *World) smallerCustomers(c *eval.Customer) []*eval.Customer {
	var out []*eval.Customer
	with := func(change func(*eval.Customer)) {
		less := *c
		less.Attributes, less.Records = maps.Clone(c.Attributes), maps.Clone(c.Records)
		change(&less)
		out = append(out, &less)
	}
	for _, kind := range slices.Sorted(maps.Keys(c.Records)) {
		with(func(c *eval.Customer) { w.drop(c, kind, nil) })
		for _, r := range c.Records[kind] {
			with(func(c *eval.Customer) { w.drop(c, kind, r) })
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		if a, ok := w.Catalog.Attribute(name); ok && !a.Required {
			with(func(c *eval.Customer) { delete(c.Attributes, name) })
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(c.Records)) {
		for i, r := range c.Records[kind] {
			if w.isParent(c, r) {
				continue
			}
			for _, field := range slices.Sorted(maps.Keys(w.own[r])) {
				with(func(c *eval.Customer) { w.without(c, kind, i, r, field) })
			}
		}
	}
	return out
}

func (w *World) isParent(c *eval.Customer, r *eval.Record) bool {
	for _, list := range c.Records {
		for _, child := range list {
			if child.Parent == r {
				return true
			}
		}
	}
	return false
}

// drop removes a record, or all of a kind, with those that belong to them.
func (w *World) drop(c *eval.Customer, kind string, r *eval.Record) {
	gone := map[*eval.Record]bool{}
	for _, each := range c.Records[kind] {
		gone[each] = r == nil || each == r
	}
	for _, k := range w.owners() { // parents first
		kept := slices.DeleteFunc(slices.Clone(c.Records[k.Name]), func(each *eval.Record) bool {
			if each.Parent != nil && gone[each.Parent] {
				gone[each] = true
			}
			return gone[each]
		})
		if len(kept) == 0 {
			delete(c.Records, k.Name)
		} else {
			c.Records[k.Name] = kept
		}
	}
}

// without replaces a record by one that lacks a field.
func (w *World) without(c *eval.Customer, kind string, i int, r *eval.Record, field string) {
	k, ok := w.Catalog.Kind(kind)
	if !ok {
		return
	}
	less := *r
	own := map[string]catalog.Value(maps.Clone(w.own[r]))
	delete(own, field)
	less.Fields = w.resolve(k, own)
	w.own[&less], w.parents[&less] = own, w.parents[r]
	list := slices.Clone(c.Records[kind])
	list[i] = &less
	c.Records[kind] = list
}
