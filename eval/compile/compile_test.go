package compile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/internal/corpus"
)

func shop(t testing.TB) *compile.Compiler {
	t.Helper()
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	return c
}

func TestEveryRowOfTheSourceSystemsCompiles(t *testing.T) {
	c := shop(t)
	for _, r := range append(corpus.Rules(), corpus.Forms()...) {
		t.Run(r.From+"/"+r.Condition, func(t *testing.T) {
			p, ds := c.Text(r.Text, compile.Options{})
			require.False(t, ds.HasErrors(), "%s", source.Render("rule", r.Text, ds))
			require.NotNil(t, p)
			if testing.Verbose() {
				t.Log("\n" + p.String() + source.Render("rule", r.Text, ds))
			}
		})
	}
}

func TestNoRule(t *testing.T) {
	for _, r := range []*dsl.Rule{nil, {}} {
		p, ds := shop(t).Compile(r, compile.Options{})
		require.Nil(t, p)
		require.True(t, ds.HasErrors())
	}
}
