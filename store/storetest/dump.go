package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
)

// Dump writes a customer as text: what two stores must agree on.
func Dump(c *eval.Customer) string {
	var b strings.Builder
	who := "customer"
	if c.Guest {
		who = "guest"
	}
	fmt.Fprintf(&b, "%s %q\n", who, string(c.ID))
	dumpFields(&b, "  ", c.Attributes)
	for _, kind := range slices.Sorted(maps.Keys(c.Records)) {
		for _, r := range c.Records[kind] {
			fmt.Fprintf(&b, "  %s %q", kind, r.Key)
			if r.Parent != nil {
				fmt.Fprintf(&b, " of %q", r.Parent.Key)
			}
			b.WriteByte('\n')
			dumpFields(&b, "    ", r.Fields)
		}
	}
	return b.String()
}

func dumpFields(b *strings.Builder, indent string, fields map[string]catalog.Value) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if v := fields[name]; v.Sort() == catalog.Set && len(v.Items()) == 0 {
			continue // as good as none
		}
		fmt.Fprintf(b, "%s%s = %v\n", indent, name, fields[name])
	}
}

// diff shows where two texts part, "" for equal ones.
func diff(want, got string) string {
	if want == got {
		return ""
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	from := 0
	for from < min(len(w), len(g)) && w[from] == g[from] {
		from++
	}
	to := 0
	for to < min(len(w), len(g))-from && w[len(w)-1-to] == g[len(g)-1-to] {
		to++
	}
	var b strings.Builder
	write := func(mark string, lines []string) {
		for _, line := range lines {
			b.WriteString(mark + line + "\n")
		}
	}
	write("  ", w[:from])
	write("- ", w[from:len(w)-to])
	write("+ ", g[from:len(g)-to])
	write("  ", w[len(w)-to:])
	return "want -, got +\n" + b.String()
}

// tied checks what Dump does not show: that records are ordered by key and that a
// record's parent is the very record that stands among the customer's. parents
// names the kind of each kind's parent.
func tied(c *eval.Customer, parents map[string]string) error {
	for kind, list := range c.Records {
		for i, r := range list {
			if i > 0 && list[i-1].Key >= r.Key {
				return fmt.Errorf("%s %q stands before %q: records are ordered by the bytes of their keys", kind, list[i-1].Key, r.Key)
			}
			parent := parents[kind]
			if (r.Parent != nil) != (parent != "") {
				return fmt.Errorf("%s %q: has a parent: %v", kind, r.Key, r.Parent != nil)
			}
			if r.Parent != nil && !slices.Contains(c.Records[parent], r.Parent) {
				return fmt.Errorf("%s %q: its parent is not the customer's own record", kind, r.Key)
			}
		}
	}
	return nil
}
