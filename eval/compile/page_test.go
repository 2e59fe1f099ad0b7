package compile_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
)

// documented is a code of package source with what its comment says.
type documented struct{ group, code, text string }

// codes reads the list of codes, in its order.
func codes(t *testing.T) []documented {
	file, err := parser.ParseFile(token.NewFileSet(), "../../dsl/source/codes.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var out []documented
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		title, _, _ := strings.Cut(group.Doc.Text(), "\n")
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			name := value.Names[0].Name
			doc := strings.Join(strings.Fields(value.Doc.Text()), " ")
			require.True(t, strings.HasPrefix(doc, name+": "), "%s is documented", name)
			doc = strings.TrimPrefix(doc, name+": ")
			out = append(out, documented{title, strings.Trim(value.Values[0].(*ast.BasicLit).Value, `"`), strings.ToUpper(doc[:1]) + doc[1:]})
		}
	}
	return out
}

// unshown are the codes whose examples are not for a page; what they are tested by.
var unshown = map[source.Code]string{
	source.BadText:    "joined\x00",
	source.TooLong:    strings.Repeat("newsletter or ", 30_000) + "newsletter",
	source.TooDeep:    strings.Repeat("(", 100) + "newsletter" + strings.Repeat(")", 100),
	source.TooMany:    strings.Repeat("newsletter or ", 15_000) + "newsletter",
	source.Cycle:      "", // of catalogs: TestCatalogTexts
	source.TooComplex: "", // of catalogs: TestTextsThatUnfoldTooFar
}

func TestEveryCodeHasAnExample(t *testing.T) {
	shown := map[string]bool{}
	for _, file := range []string{"testdata/syntax.txtar", "testdata/messages.txtar"} {
		for _, e := range examples(t, file) {
			code, _, _ := strings.Cut(e.name, ":")
			shown[code] = true
		}
	}
	c := shop(t)
	for _, d := range codes(t) {
		text, apart := unshown[source.Code(d.code)]
		require.NotEqual(t, apart, shown[d.code], d.code)
		if text != "" {
			_, ds := c.Text(text, compile.Options{})
			require.Equal(t, source.Code(d.code), ds[0].Code)
		}
	}
}

const introduction = `# What the checker says

Reading a rule stops at the first mistake; checking it tells everything at once. Each message has a code, which never changes its
meaning, the line and column of the words that it is about, and where possible what to write instead. Errors must be mended before a
rule can be saved. Warnings need not: the rule can be used, but probably does not say what was meant.

This page is made from the list of codes and from the tests of the messages. Names that the shop's catalog does not have, such as
repairs, belong to the catalog of those tests.
`

// The page of all codes is what the list of codes and the first example of each say.
func TestPageOfCodes(t *testing.T) {
	first := map[string]example{}
	for _, file := range []string{"testdata/syntax.txtar", "testdata/messages.txtar"} {
		for _, e := range examples(t, file) {
			code, _, _ := strings.Cut(e.name, ":")
			if _, met := first[code]; !met {
				first[code] = e
			}
		}
	}
	var b strings.Builder
	b.WriteString(introduction)
	title := ""
	for _, d := range codes(t) {
		if d.group != title {
			title = d.group
			fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(strings.NewReplacer(
				", given by package dsl. Reading stops at the first.", "", ", given by package eval/compile.", "").Replace(title), "."))
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", d.code, d.text)
		if e, ok := first[d.code]; ok {
			told, _, _ := strings.Cut(e.told, "\nmended: ")
			fmt.Fprintf(&b, "\n```text\n%s\n```\n", told)
		}
	}
	const page = "../../docs/diagnostics.md"
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(b.String()), 0o644))
	}
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(written), b.String()), "run the test with -update")
}
