package eval_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func compiler(t testing.TB) *compile.Compiler {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	return c
}

func compiled(t testing.TB, c *compile.Compiler, text string) *plan.Plan {
	p, ds := c.Text(text, compile.Options{})
	require.NotNil(t, p, "%s\n%v", text, ds)
	return p
}

func golden(t *testing.T, name, got string) {
	path := "testdata/" + name
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got), "rewrite with -update")
}

// Every rule of the corpus, read back in both languages.
func TestSentences(t *testing.T) {
	c := compiler(t)
	var b strings.Builder
	for _, r := range append(corpus.Rules(), corpus.Forms()...) {
		p := compiled(t, c, r.Text)
		b.WriteString(r.Text + "\n  " + eval.Sentence(p, eval.English) + "\n  " + eval.Sentence(p, eval.Korean) + "\n\n")
	}
	golden(t, "sentences.txt", b.String())
}
