// Package rulefile reads YAML files of groups, of named conditions and of
// catalogs. Whatever is wrong in one is told with the line and column of the
// file, inside the rules too:
//
//	groups:
//	  - name: VIP
//	    description: the best of the last year
//	    scope: members      # members, guests or both. Defaults to members
//	    schedule: daily     # daily, every 15min, on change. Defaults to daily
//	    rule: |
//	      spent(365d) in top 5%
//	      and orders(365d) in top 5%
//	conditions:
//	  - name: regular
//	    rule: orders(90d) >= 3
//
// A rule may be written plain, in quotes or as a block; comments of a block are
// comments of the rule.
package rulefile

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
)

// Error is returned when a file cannot be used. Its diagnostics, the first hundred
// of them, point into Text, the text of the whole file.
type Error struct {
	Name, Text  string
	Diagnostics source.Diagnostics
}

// Error is everything that is wrong, as it is shown to the author.
func (e *Error) Error() string { return source.Render(e.Name, e.Text, e.Diagnostics) }

// File is a file of groups and conditions.
type File struct {
	Name, Text string
	Groups     []Group
	Conditions []Condition
}

// Rule is a rule in a file. Diagnostics that the checker finds in Tree are moved
// into the file by At.Diagnostics.
type Rule struct {
	Text string
	Tree *dsl.Rule
	At   source.Map
	node *yaml.Node
}

// Group is a group as declared in a file.
type Group struct {
	Name        string
	NameAt      source.Span // where the file says it
	Description string
	Scope       string // members, guests or both
	Schedule    Schedule
	Rule        Rule
}

// Schedule tells when a group is refreshed. The zero Schedule is daily.
type Schedule struct {
	Every    time.Duration // every so often: whole minutes
	OnChange bool          // when data changed
}

// Condition is a named test over a customer that may stand in any rule.
type Condition struct {
	Name        string
	NameAt      source.Span
	Description string
	Rule        Rule
}

// Read reads a file of groups and conditions. Its error is an *Error that tells
// everything that can be told without a catalog.
func Read(name string, data []byte) (*File, error) {
	d, root := open(name, data)
	f := &File{Name: name, Text: d.text}
	if root != nil {
		groups, conditions := d.names(), d.names()
		d.mapping(root, "a file of rules", []field{
			{name: "groups", read: func(n *yaml.Node) {
				d.each(n, "groups", func(item *yaml.Node) { f.group(d, item, groups) })
			}},
			{name: "conditions", read: func(n *yaml.Node) {
				d.each(n, "conditions", func(item *yaml.Node) { f.condition(d, item, conditions) })
			}},
		})
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) group(d *document, n *yaml.Node, seen *names) {
	g := Group{Scope: "members"}
	ok := d.mapping(n, "a group", []field{
		{name: "name", required: true, read: func(n *yaml.Node) { d.str(&g.Name)(n); g.NameAt = d.span(n) }},
		{name: "rule", required: true, read: d.rule(&g.Rule)},
		{name: "scope", read: d.one([]string{"members", "guests", "both"}, &g.Scope)},
		{name: "schedule", read: d.schedule(&g.Schedule)},
		{name: "description", read: d.str(&g.Description)},
	})
	if ok {
		seen.add("group", g.Name, g.NameAt)
		f.Groups = append(f.Groups, g)
	}
}

func (f *File) condition(d *document, n *yaml.Node, seen *names) {
	var c Condition
	ok := d.mapping(n, "a condition", []field{
		{name: "name", required: true, read: func(n *yaml.Node) { d.str(&c.Name)(n); c.NameAt = d.span(n) }},
		{name: "rule", required: true, read: d.rule(&c.Rule)},
		{name: "description", read: d.str(&c.Description)},
	})
	if ok {
		seen.add("condition", c.Name, c.NameAt)
		f.Conditions = append(f.Conditions, c)
	}
}

var everySoOften = regexp.MustCompile(`^every ([1-9][0-9]{0,4}) ?(min|h)$`)

func (d *document) schedule(to *Schedule) func(*yaml.Node) {
	return func(n *yaml.Node) {
		every := everySoOften.FindStringSubmatch(n.Value)
		switch {
		case n.Kind != yaml.ScalarNode || every == nil && n.Value != "daily" && n.Value != "on change":
			d.fail(source.BadField, d.span(n), "a schedule is daily, on change, or every so many minutes or hours", "write every 15min")
		case every != nil:
			unit := time.Minute
			if every[2] == "h" {
				unit = time.Hour
			}
			count, _ := strconv.Atoi(every[1]) // digits, by the pattern
			to.Every = time.Duration(count) * unit
		default:
			to.OnChange = n.Value == "on change"
		}
	}
}

// Catalog is the base with the file's conditions. The base is not changed. It
// returns an *Error when a condition bears a name that the base has given.
func (f *File) Catalog(base *catalog.Catalog) (*catalog.Catalog, error) {
	out := clone(base)
	var ds source.Diagnostics
	for _, c := range f.Conditions {
		out.Conditions = append(out.Conditions, catalog.Condition{Name: c.Name, Text: c.Rule.Text, Doc: c.Description})
		if what := declared(base, c.Name); what != "" {
			ds = append(ds, source.Diagnostic{Code: source.Duplicate, Span: c.NameAt,
				Message: fmt.Sprintf("the condition %q bears the name of a %s", c.Name, what)})
		}
	}
	if len(ds) > 0 {
		return nil, &Error{Name: f.Name, Text: f.Text, Diagnostics: ds}
	}
	return out, nil
}

// declared is what the catalog calls by the name, "" for nothing.
func declared(c *catalog.Catalog, name string) string {
	if _, ok := c.Attribute(name); ok {
		return "attribute"
	}
	if _, ok := c.Kind(name); ok {
		return "kind of records"
	}
	for _, m := range c.Measures {
		if m.Name == name {
			return "measure"
		}
	}
	for _, m := range c.Conditions {
		if m.Name == name {
			return "condition"
		}
	}
	return ""
}
