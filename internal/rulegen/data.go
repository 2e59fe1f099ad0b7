package rulegen

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
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
	w.rows = map[string][]row{}
	w.own = map[*eval.Record]map[string]catalog.Value{}
	w.parents = map[*eval.Record]string{}
	for _, d := range w.Catalog.Dimensions {
		for _, key := range words[:5] {
			r := row{key: key, fields: map[string]catalog.Value{}}
			for _, f := range d.Fields {
				w.set(r.fields, f.Name, f.Type, f.Derived)
			}
			w.rows[d.Name] = append(w.rows[d.Name], r)
		}
	}
	for i := range 4 + w.src.IntN(12) {
		w.Customers = append(w.Customers, w.customer(i))
	}
	slices.SortFunc(w.Customers, func(a, b *eval.Customer) int { return strings.Compare(string(a.ID), string(b.ID)) })
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

func (w *World) set(fields map[string]catalog.Value, name string, t catalog.Type, derived string) {
	if derived != "" {
		return
	}
	if v := w.value(t, false); v.Known() {
		fields[name] = v
	}
}

func (w *World) customer(i int) *eval.Customer {
	c := &eval.Customer{
		ID:         dangol.CustomerID(fmt.Sprintf("%s%d", w.pick("c", "C", "고객"), i)),
		Guest:      w.src.IntN(4) == 3,
		Attributes: map[string]catalog.Value{},
		Records:    map[string][]*eval.Record{},
	}
	for _, a := range w.Catalog.Attributes {
		switch {
		case a.Derived != "", c.Guest && a.Login:
		case a.Required:
			c.Attributes[a.Name] = w.value(a.Type, true)
		default:
			w.set(c.Attributes, a.Name, a.Type, "")
		}
	}
	for _, k := range w.owners() {
		if c.Guest && w.needsLogin(k) {
			continue
		}
		w.records(c, k)
	}
	return c
}

// owners are the kinds that own rows, parents before their children.
func (w *World) owners() []*catalog.Kind {
	var out []*catalog.Kind
	added := map[string]bool{}
	for len(out) < len(w.Catalog.Kinds) {
		before := len(out)
		for i := range w.Catalog.Kinds {
			k := &w.Catalog.Kinds[i]
			if k.Base != "" || added[k.Name] {
				continue
			}
			if parent, ok := w.Catalog.Owner(k.Parent); ok && !added[parent.Name] {
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

func (w *World) needsLogin(k *catalog.Kind) bool {
	return slices.ContainsFunc(w.Catalog.Views(k.Name), func(v *catalog.Kind) bool { return v.Login })
}

func (w *World) records(c *eval.Customer, k *catalog.Kind) {
	var parents []*eval.Record
	if owner, ok := w.Catalog.Owner(k.Parent); ok {
		parents = c.Records[owner.Name]
		if len(parents) == 0 {
			return
		}
	}
	n := pick(w.src, []int{0, 1, 2, 3, 0, 5, 9})
	if parents != nil {
		n = 1 + w.src.IntN(2*len(parents))
	}
	var list []*eval.Record
	for i := range n {
		r := &eval.Record{Key: fmt.Sprintf("%s-%d-%s", k.Name, i, c.ID)}
		own := map[string]catalog.Value{}
		for _, f := range k.Fields {
			w.set(own, f.Name, f.Type, f.Derived)
		}
		for _, reach := range w.Catalog.Reached(k) {
			if w.src.IntN(6) == 5 {
				w.set(own, reach.Name, reach.Field.Type, reach.Field.Derived)
			}
		}
		if parents != nil {
			r.Parent = pick(w.src, parents)
			w.parents[r] = r.Parent.Key
		}
		w.own[r] = own
		r.Fields = w.resolve(k, own)
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *eval.Record) int { return strings.Compare(a.Key, b.Key) })
	if len(list) > 0 {
		c.Records[k.Name] = list
	}
}

// resolve adds what the record reaches through dimensions and does not have itself.
func (w *World) resolve(k *catalog.Kind, own map[string]catalog.Value) map[string]catalog.Value {
	fields := maps.Clone(own)
	for _, reach := range w.Catalog.Reached(k) {
		by, ok := own[reach.By]
		if _, has := own[reach.Name]; has || !ok {
			continue
		}
		for _, r := range w.rows[reach.Dimension] {
			if v, known := r.fields[reach.Field.Name]; known && r.key == by.Text() {
				fields[reach.Name] = v
			}
		}
	}
	return fields
}

// Changes load the world into an empty store with its catalog: rows of dimensions,
// then every customer with records, parents first.
func (w *World) Changes() []store.Change {
	var out []store.Change
	for _, d := range w.Catalog.Dimensions {
		for _, r := range w.rows[d.Name] {
			out = append(out, store.Change{Kind: d.Name, Key: r.key, Fields: maps.Clone(r.fields)})
		}
	}
	owners := w.owners()
	for _, c := range w.Customers {
		out = append(out, store.Change{Customer: c.ID, Guest: c.Guest, Fields: maps.Clone(c.Attributes)})
		for _, k := range owners {
			for _, r := range c.Records[k.Name] {
				out = append(out, store.Change{Customer: c.ID, Kind: k.Name, Key: r.Key, Parent: w.parents[r], Fields: maps.Clone(w.own[r])})
			}
		}
	}
	return out
}
