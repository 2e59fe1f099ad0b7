package rulegen

import (
	"fmt"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// lexicon is what a catalog's texts come to, which its declarations do not say.
type lexicon struct{ measures []measure }

type measure struct {
	name     string
	typ      catalog.Type
	quotient bool
	login    bool
}

func shop() (*catalog.Catalog, lexicon) {
	money := catalog.Type{Sort: catalog.Money, Currency: dangol.KRW}
	return catalog.Shop(), lexicon{measures: []measure{
		{"spent", money, false, true}, {"average_order", money, true, true}, {"refunded", money, false, true},
	}}
}

// names that attributes and fields bear, among them words that the grammar uses.
var names = []string{
	"alpha", "last", "known", "등급", "top", "between", "a1", "week", "_x", "since", "any", "full",
	"geo.city", "geo.ago", "contains", "d", "min1", "next", "with", "기간",
}

// maker makes up a catalog. Names are taken once.
type maker struct {
	*World
	left     []string
	currency dangol.Currency
}

func (m *maker) name() string {
	i := m.src.IntN(len(m.left))
	name := m.left[i]
	m.left = append(m.left[:i:i], m.left[i+1:]...)
	return name
}

func (m *maker) typ() catalog.Type {
	switch m.src.IntN(9) {
	case 0, 1:
		return catalog.Type{Sort: catalog.Number, Scale: pick(m.src, []int{0, 0, 1, 3})}
	case 2:
		return catalog.Type{Sort: catalog.Money, Currency: m.currency}
	case 3:
		return catalog.Type{Sort: catalog.Bool}
	case 4:
		return catalog.Type{Sort: catalog.Enum, Values: []string{"x", "y", "서울"}}
	case 5:
		return catalog.Type{Sort: catalog.Instant}
	case 6:
		return catalog.Type{Sort: catalog.Date}
	case 7:
		return catalog.Type{Sort: catalog.Set}
	}
	return catalog.Type{Sort: catalog.String, Folded: m.chance(3)}
}

// madeUp is a catalog with what the shop's has, under other names and types.
func (w *World) madeUp() (*catalog.Catalog, lexicon) {
	m := &maker{World: w, currency: dangol.Currency(w.pick("KRW", "USD", "BHD"))}
	c := &catalog.Catalog{Currency: m.currency}
	c.Attributes = append(c.Attributes,
		catalog.Attribute{Name: "joined", Type: catalog.Type{Sort: catalog.Instant}, Timing: catalog.Timed, Login: true},
		catalog.Attribute{Name: "first_seen", Type: catalog.Type{Sort: catalog.Instant}, Timing: catalog.Timed})
	m.left = append([]string(nil), names...)
	for range 3 + w.src.IntN(8) {
		a := catalog.Attribute{Name: m.name(), Type: m.typ(), Login: m.chance(3), Personal: m.chance(4)}
		a.Due, a.Timing = m.timing(a.Type)
		a.Required = m.chance(6)
		c.Attributes = append(c.Attributes, a)
	}
	c.Dimensions = []catalog.Dimension{{Name: "things", Fields: m.fields(2)}}
	main := catalog.Kind{Name: "deeds", Time: "at", Login: m.chance(2), Fields: append([]catalog.Field{
		{Name: "at", Type: catalog.Type{Sort: catalog.Instant}, Timing: catalog.Timed},
		{Name: "done", Type: catalog.Type{Sort: catalog.Instant}, Timing: catalog.Timed},
		{Name: "size", Type: catalog.Type{Sort: catalog.Money, Currency: m.currency}},
		{Name: "ok", Type: catalog.Type{Sort: catalog.Bool}},
		{Name: "ends", Type: catalog.Type{Sort: catalog.Instant}, Due: true},
	}, m.fields(3)...)}
	main.Conditions = []catalog.Condition{{Name: "open", Text: "ends is not known or ends after now"}}
	good := catalog.Kind{Name: "good_deeds", Base: "deeds", Where: w.pick("ok", "not ok", "ok != true", "size >= 100 or done is known")}
	parts := catalog.Kind{Name: "parts", Parent: w.pick("good_deeds", "deeds"), ParentField: "deed", Time: "deed.at",
		Dimensions: map[string]string{"thing": "things"},
		Fields:     append([]catalog.Field{{Name: "thing", Type: catalog.Type{Sort: catalog.String}}, {Name: "n", Type: catalog.Type{Sort: catalog.Number}}}, m.fields(1)...)}
	finished := catalog.Kind{Name: "done_parts", Base: "parts", Time: "deed.done"}
	loose := catalog.Kind{Name: "notes", Fields: append([]catalog.Field{{Name: "label", Type: catalog.Type{Sort: catalog.String}}}, m.fields(2)...)}
	c.Kinds = []catalog.Kind{main, good, parts, finished, loose}
	c.Measures = []catalog.Measure{
		{Name: "total", Text: "sum(good_deeds.size)"},
		{Name: "mean", Text: "avg(deeds.size)"},
		{Name: "balance", Text: w.pick("sum(deeds.size) - sum(good_deeds.size)", "2 * sum(deeds.size) - max(deeds.size)")},
		{Name: "tally", Text: "deeds + parts"},
	}
	c.Conditions = []catalog.Condition{{Name: "busy", Text: "deeds(30d) >= 2"}}
	c.Attributes = append(c.Attributes,
		catalog.Attribute{Name: "latest_deed", Type: catalog.Type{Sort: catalog.Instant}, Timing: catalog.Timed, Derived: "last(deeds)", Login: main.Login},
		catalog.Attribute{Name: "deed_count", Type: catalog.Type{Sort: catalog.Number}, Timing: catalog.Timed, Derived: "deeds", Login: main.Login})
	money := catalog.Type{Sort: catalog.Money, Currency: m.currency}
	return c, lexicon{measures: []measure{
		{"total", money, false, main.Login}, {"mean", money, true, main.Login},
		{"balance", money, false, main.Login}, {"tally", catalog.Type{Sort: catalog.Number}, false, main.Login},
	}}
}

func (m *maker) timing(t catalog.Type) (due bool, timing catalog.Timing) {
	switch {
	case t.Sort == catalog.Instant && m.chance(4):
		return false, catalog.Latest
	case t.Sort == catalog.Instant || t.Sort == catalog.Date:
		due = m.chance(3)
	}
	return due, pick(m.src, []catalog.Timing{catalog.Current, catalog.Timed})
}

// fields have names of their own, so that short names stay unambiguous.
func (m *maker) fields(n int) []catalog.Field {
	var out []catalog.Field
	for range n {
		f := catalog.Field{Name: fmt.Sprintf("f_%s", m.pick("a", "b", "c", "d", "e", "f")), Type: m.typ()}
		for taken(out, f.Name) {
			f.Name += "_"
		}
		f.Due, f.Timing = m.timing(f.Type)
		if f.Timing == catalog.Latest {
			f.Timing = catalog.Timed
		}
		out = append(out, f)
	}
	return out
}

func taken(list []catalog.Field, name string) bool {
	for _, f := range list {
		if f.Name == name {
			return true
		}
	}
	return false
}
