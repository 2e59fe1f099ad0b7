package rulegen_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/internal/rulegen"
)

// Rules type-check against their world's catalog and have an answer.
func TestRulesCompileAndAnswer(t *testing.T) {
	in, all, refused := 0, 0, 0
	for seed := range uint64(400) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err, "seed %d", seed)
		for range 10 {
			rule := w.Rule(scope(seed))
			p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope})
			if p == nil {
				for _, d := range ds {
					require.True(t, d.Severity != source.Error || d.Code == source.NeverSelected, "seed %d: %s\n%v", seed, rule, ds)
				}
				refused++
				continue
			}
			env := w.Env()
			env.Cuts, err = w.Cuts(p)
			require.NoError(t, err)
			for _, customer := range w.Customers {
				is, err := eval.Eval(p, customer, env)
				require.NoError(t, err, "seed %d: %s", seed, rule)
				all++
				if is {
					in++
				}
			}
		}
	}
	require.Less(t, refused, 40, "of 4,000")
	require.Greater(t, in, all/8, "rules that hold for some")
	require.Less(t, in, all*7/8, "and not for all")
}
