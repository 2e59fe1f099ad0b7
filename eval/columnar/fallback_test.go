package columnar

import (
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/stretchr/testify/require"
)

// No rule of the corpus is left to package eval.
func TestColumnsAnswerTheCorpus(t *testing.T) {
	table, err := New(catalog.Shop(), Options{})
	require.NoError(t, err)
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	for _, rule := range append(corpus.Rules(), corpus.Forms()...) {
		p, ds := c.Text(rule.Text, compile.Options{})
		if ds.HasErrors() {
			continue
		}
		got := prepare(table.Snapshot(), []*plan.Plan{p}, eval.Env{AsOf: time.Unix(0, 0), Zone: time.UTC}).plans[0]
		require.Empty(t, got.fallback, rule.Text)
	}
}

// Nearly every rule at all is answered by columns.
func TestColumnsAnswerMostRules(t *testing.T) {
	total, left := 0, map[string]int{}
	for seed := range uint64(100) {
		w := rulegen.New(seed)
		table, err := New(w.Catalog, Options{})
		require.NoError(t, err)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		for range 5 {
			rule := w.Rule(plan.Members)
			p, ds := c.Text(rule.String(), compile.Options{})
			if ds.HasErrors() {
				continue
			}
			total++
			if why := prepare(table.Snapshot(), []*plan.Plan{p}, eval.Env{AsOf: w.AsOf, Zone: w.Zone}).plans[0].fallback; why != "" {
				left[why]++
			}
		}
	}
	require.Less(t, len(left), total/50, "%v", left)
}
