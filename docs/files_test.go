package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/dsl/shopify"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

// The blocks of files.md are files that are read and whose rules compile.
func TestFileBlocks(t *testing.T) {
	page, err := os.ReadFile("files.md")
	require.NoError(t, err)
	text := fenced(t, string(page), "yaml catalog")
	cat, err := rulefile.ReadCatalog("catalog.yaml", []byte(text), catalog.Shop())
	require.NoError(t, err)
	text = fenced(t, string(page), "yaml rules")
	file, err := rulefile.Read("groups.yaml", []byte(text))
	require.NoError(t, err)
	cat, err = file.Catalog(cat)
	require.NoError(t, err)
	rules, err := compile.New(cat)
	require.NoError(t, err)
	for _, g := range file.Groups {
		_, ds := rules.Compile(g.Rule.Tree, compile.Options{Scope: plan.Scope(g.Scope)})
		require.False(t, ds.HasErrors(), source.Render(file.Name, file.Text, g.Rule.At.Diagnostics(ds)))
	}
	formatted, err := rulefile.Format("groups.yaml", []byte(text))
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(text, "      spent(365d) in top 5%\n      and", "      spent(365d) in top 5% and"), string(formatted))
}

// The codes that only files and queries meet stand on their pages.
func TestCodesOfFiles(t *testing.T) {
	for source, page := range map[string]string{"filecodes.go": "files.md", "importcodes.go": "shopify.md"} {
		codes, err := os.ReadFile("../dsl/source/" + source)
		require.NoError(t, err)
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		found := regexp.MustCompile(`Code = "(.+)"`).FindAllStringSubmatch(string(codes), -1)
		require.NotEmpty(t, found)
		for _, code := range found {
			require.Contains(t, string(text), "`"+code[1]+"`")
		}
	}
}

func fenced(t *testing.T, page, language string) string {
	_, after, ok := strings.Cut(page, "```"+language+"\n")
	require.True(t, ok, language)
	block, _, ok := strings.Cut(after, "```\n")
	require.True(t, ok, language)
	return block
}

// Each row of shopify.md's table is what the importer does, and its list of
// meanings is the importer's.
func TestShopifyPage(t *testing.T) {
	data, err := os.ReadFile("shopify.md")
	require.NoError(t, err)
	page := string(data)
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `(.+)` \\| `(.+)` \\|$").FindAllStringSubmatch(page, -1)
	require.Greater(t, len(rows), 15)
	for _, row := range rows {
		rule, _, err := shopify.Import(row[1], shopify.Options{})
		require.NoError(t, err, row[1])
		require.Equal(t, row[2], rule)
		_, ds := rules.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), source.Render("rule", rule, ds))
	}

	var want, got []string
	for name, text := range shopify.Meanings() {
		want = append(want, "- **"+string(name)+"**: "+text)
	}
	slices.Sort(want)
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "- **") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	require.Empty(t, cmp.Diff(want, got))
}
