package rulefile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/rulefile"
)

// Files that are made to exhaust the reader end in an error, and soon: the
// test's own time limit is the judge.
func TestHostileFiles(t *testing.T) {
	const mb = 1 << 20
	for name, text := range map[string]string{
		"nested lists":        strings.Repeat("[", mb),
		"nested mappings":     strings.Repeat("{a: ", mb/4),
		"nested dashes":       strings.Repeat("- ", mb/2),
		"aliases of aliases":  "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\ngroups: [*c,*c]\n",
		"spaces in a text":    "groups: [{name: \"a" + strings.Repeat(" ", mb) + "b\", rule: x y}]",
		"lines in a text":     "groups: [{name: \"a" + strings.Repeat("\n", mb) + "b\", rule: x y}]",
		"spaces in a rule":    "groups:\n- name: a\n  rule: x" + strings.Repeat(" ", mb) + "y\n",
		"a rule of many bars": "groups:\n- name: a\n  rule: |\n" + strings.Repeat("    or\n", mb/8),
		"many bad groups":     "groups:\n" + strings.Repeat("- {nme: x}\n", 50_000),
		"a very big file":     "# " + strings.Repeat("x", 9*mb),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rulefile.Read("f", []byte(text))
			require.Error(t, err)
			_, err = rulefile.ReadCatalog("f", []byte(text), catalog.Shop())
			require.Error(t, err)
		})
	}
}
