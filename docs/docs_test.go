package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/stretchr/testify/require"
)

// Every line of a rule block of every page is a rule that the shop's catalog
// accepts. Some warn, on purpose.
func TestRuleBlocks(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	rules := 0
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, rule := range blocks(string(text), "rule") {
			rules++
			_, ds := c.Text(rule, compile.Options{})
			var errs source.Diagnostics
			for _, d := range ds {
				if d.Severity == source.Error {
					errs = append(errs, d)
				}
			}
			require.Empty(t, errs, "%s: %s\n%s", page, rule, source.Render(page, rule, ds))
		}
	}
	require.Greater(t, rules, 50)
}

// blocks are the lines of the fenced blocks of one language.
func blocks(page, language string) []string {
	var out []string
	in := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "```"+language:
			in = true
		case line == "```":
			in = false
		case in && strings.TrimSpace(line) != "":
			out = append(out, line)
		}
	}
	return out
}
