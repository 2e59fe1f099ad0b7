package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/stretchr/testify/require"
)

// cutsOf gives every rank a cut.
func cutsOf(p *plan.Plan) map[string]sqlgen.Cut {
	cuts := map[string]sqlgen.Cut{}
	for _, r := range eval.Ranks(p) {
		cuts[plan.Key(r)] = sqlgen.Cut{Value: 5}
	}
	return cuts
}

// Each file holds a rule and, by dialect, what of its statement stands for what of it.
func TestLinked(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	eachGolden(t, "testdata/linked/*.txtar", func(t *testing.T, _ string, rules []string) func(sqlgen.Dialect) string {
		rule := rules[0]
		p, ds := c.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
		q := sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		return func(d sqlgen.Dialect) string {
			var b strings.Builder
			st, links, err := sqlgen.Linked(d, plainSchema(cat), q, cutsOf(p))
			require.NoError(t, err)
			for _, l := range links {
				fmt.Fprintf(&b, "%s\n\t%s\n", rule[l.Rule.Start:l.Rule.End], st.SQL[l.Start:l.End])
			}
			return b.String()
		}
	})
}

// Links change no statement, lie within it in order, and there are some for whatever is
// asked of anything.
func TestLinksOfMadeUpRules(t *testing.T) {
	linked := 0
	for seed := range uint64(15) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		schema := plainSchema(w.Catalog)
		for range 12 {
			rule := w.Rule(plan.Both)
			p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope})
			if ds.HasErrors() {
				continue
			}
			q := sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: w.AsOf, Zone: w.Zone, Scope: rule.Scope}
			for _, d := range dialects {
				want, err := sqlgen.Select(d, schema, q, cutsOf(p))
				got, links, again := sqlgen.Linked(d, schema, q, cutsOf(p))
				require.Equal(t, err, again)
				if err != nil {
					continue
				}
				require.Equal(t, want, got)
				constant := true
				plan.Walk(p.Root, func(n plan.Node) bool {
					switch n.(type) {
					case *plan.Attr, *plan.Aggregate, *plan.Member, *plan.Sample:
						constant = false
					}
					return constant
				})
				if !constant && len(links) > 0 {
					linked++
				}
				require.True(t, constant || len(links) > 0, "%s: %s\n%s", d, p.Text, got.SQL)
				for i, l := range links {
					require.True(t, 0 <= l.Start && l.Start < l.End && l.End <= len(got.SQL), "%s: %v", p.Text, l)
					require.True(t, 0 <= l.Rule.Start && l.Rule.Start < l.Rule.End && l.Rule.End <= len(p.Text), "%s: %v", p.Text, l)
					for _, before := range links[:i] {
						require.True(t, l.Start >= before.End || l.End <= before.End && l.Start >= before.Start, "%s: %v and %v", p.Text, before, l)
					}
				}
			}
		}
	}
	require.Greater(t, linked, 300)
	_, _, err := sqlgen.Linked(sqlgen.SQLite, plainSchema(catalog.Shop()), sqlgen.Query{}, nil)
	require.ErrorIs(t, err, sqlgen.ErrTooManyPlans)
}
