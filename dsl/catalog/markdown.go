package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Markdown is the catalog as a page for authors of rules. It is stable: the same
// catalog gives the same text.
func (c *Catalog) Markdown() string {
	var b strings.Builder
	b.WriteString("# What rules may speak of\n\n")
	if c.Currency != "" {
		fmt.Fprintf(&b, "Amounts of money are in %s, major units.\n\n", c.Currency)
	}
	b.WriteString("## Attributes of a customer\n\n| name | type | what it is |\n|---|---|---|\n")
	for _, a := range c.Attributes {
		if a.Hidden {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.Name, a.Type, notes(a.Doc, a.Derived,
			note(a.Due, "may lie in the future"), note(a.Login, "members only"), note(a.Personal, "personal"), a.Timing.note()))
	}
	b.WriteString("\n## Kinds of records\n")
	for i := range c.Kinds {
		c.kindMarkdown(&b, &c.Kinds[i])
	}
	if len(c.Dimensions) > 0 {
		b.WriteString("\n## Things that records point at\n")
	}
	for _, d := range c.Dimensions {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", d.Name, d.Doc)
		fieldTable(&b, d.Fields)
	}
	if len(c.Measures) > 0 {
		b.WriteString("\n## Measures\n\nThey take a window and a `where` like the aggregates they stand for.\n\n| name | stands for | what it is |\n|---|---|---|\n")
	}
	for _, m := range c.Measures {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", m.Name, m.Text, m.Doc)
	}
	if len(c.Conditions) > 0 {
		b.WriteString("\n## Conditions\n\n| name | stands for | what it is |\n|---|---|---|\n")
	}
	for _, m := range c.Conditions {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", m.Name, m.Text, m.Doc)
	}
	return b.String()
}

func (c *Catalog) kindMarkdown(b *strings.Builder, k *Kind) {
	fmt.Fprintf(b, "\n### %s\n\n%s", k.Name, k.Doc)
	stamp := k.Time
	for _, view := range c.Views(k.Name) {
		if stamp == "" {
			stamp = view.Time
		}
	}
	if stamp == "" {
		b.WriteString(" Takes no window: nothing stamps it.")
	} else {
		fmt.Fprintf(b, " Windows look at `%s`.", stamp)
	}
	if k.Base != "" {
		fmt.Fprintf(b, " It has the fields and conditions of `%s`", k.Base)
		if k.Where != "" {
			fmt.Fprintf(b, " and counts those where `%s`", k.Where)
		}
		b.WriteString(".")
	}
	if k.Parent != "" {
		fmt.Fprintf(b, " A record belongs to one of `%s`, whose fields stand as `%s.…`.", k.Parent, k.ParentField)
	}
	for _, by := range slices.Sorted(keys(k.Dimensions)) {
		fmt.Fprintf(b, " Through `%s` it has the fields of %s.", by, k.Dimensions[by])
	}
	if k.Login {
		b.WriteString(" Members only.")
	}
	b.WriteString("\n")
	if len(k.Fields) > 0 {
		b.WriteString("\n")
		fieldTable(b, k.Fields)
	}
	for _, cond := range k.Conditions {
		fmt.Fprintf(b, "\nCondition `%s`: %s It is `%s`.\n", cond.Name, cond.Doc, cond.Text)
	}
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func fieldTable(b *strings.Builder, fields []Field) {
	b.WriteString("| field | type | what it is |\n|---|---|---|\n")
	for _, f := range fields {
		if f.Hidden {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Name, f.Type, notes(f.Doc, f.Derived, note(f.Due, "may lie in the future"), f.Timing.note()))
	}
}

func note(on bool, text string) string {
	if on {
		return text
	}
	return ""
}

func (t Timing) note() string {
	switch t {
	case Current:
		return "as it is today"
	case Latest:
		return "the latest only"
	}
	return ""
}

func notes(doc, derived string, more ...string) string {
	if derived != "" {
		more = append([]string{"computed as `" + derived + "`"}, more...)
	}
	more = slices.DeleteFunc(more, func(s string) bool { return s == "" })
	if len(more) > 0 {
		doc = strings.TrimSpace(doc + " (" + strings.Join(more, "; ") + ")")
	}
	return doc
}

// String is the type in an author's words.
func (t Type) String() string {
	switch t.Sort {
	case Bool:
		return "yes or no"
	case Number:
		if t.Scale > 0 {
			return fmt.Sprintf("number with %d digits after the point", t.Scale)
		}
		return "whole number"
	case Money:
		return "money in " + string(t.Currency)
	case String:
		if t.Folded {
			return "text, case ignored"
		}
		return "text"
	case Enum:
		return "one of " + strings.Join(t.Values, ", ")
	case Instant:
		return "moment"
	case Date:
		return "day"
	case Set:
		return "set of texts"
	}
	return "nothing"
}
