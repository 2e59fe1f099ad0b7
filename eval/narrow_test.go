package eval_test

import (
	"fmt"
	"testing"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/stretchr/testify/require"
)

// A narrowed plan answers as the plan itself, for rules of every shape that is
// narrowed, over all pairs of kinds of many worlds.
func TestNarrowKeepsTheMeaning(t *testing.T) {
	narrowed, both := 0, [2]int{}
	for seed := range uint64(60) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		var kinds []string
		for _, k := range w.Catalog.Kinds {
			kinds = append(kinds, k.Name)
		}
		for i, a := range kinds {
			b := kinds[(i+int(seed))%len(kinds)]
			for j, form := range []string{
				"last(%[1]s) within %[3]s", "last(%[1]s) not within %[3]s and %[2]s", "%[2]s(since last(%[1]s)) = 0",
				"%[2]s(since first(%[1]s)) >= 1", "not (%[2]s(since last(%[1]s)) > 0)", "%[1]s(%[3]s) and %[2]s(since last(%[1]s)) = 0",
				"%[1]s(%[3]s) >= 2 and (%[2]s(since last(%[1]s)) or not last(%[1]s) within 2d)", "%[1]s(%[3]s) and last(%[1]s) is known and not last(%[1]s) within last month",
				"%[1]s(40d ago .. %[3]s ago) and %[2]s(since last(%[1]s)) = 0", "%[2]s(since first(%[1]s, %[3]s)) < 1",
			} {
				window := []string{"3d", "30d", "365d", "1mo"}[(i+j)%4]
				text := fmt.Sprintf(form, a, b, window)
				p, ds := c.Text(text, compile.Options{})
				if ds.HasErrors() {
					continue
				}
				short := plan.Narrow(p)
				if short.String() != p.String() {
					narrowed++
				}
				for _, customer := range w.Customers {
					want, err := eval.Eval(p, customer, w.Env())
					require.NoError(t, err)
					got, err := eval.Eval(short, customer, w.Env())
					require.NoError(t, err)
					require.Equal(t, want, got, "world %d, customer %s: %s\n%s\n%s", seed, customer.ID, text, p, short)
					if want {
						both[1]++
					} else {
						both[0]++
					}
				}
			}
		}
		for range 20 {
			p, ds := c.Text(w.Rule(plan.Both).String(), compile.Options{Scope: plan.Both})
			if ds.HasErrors() {
				continue
			}
			env := w.Env()
			if env.Cuts, err = w.Cuts(p); err != nil {
				continue
			}
			for _, customer := range w.Customers {
				want, err := eval.Eval(p, customer, env)
				require.NoError(t, err)
				got, err := eval.Eval(plan.Narrow(p), customer, env)
				require.NoError(t, err)
				require.Equal(t, want, got, "world %d, customer %s: %s", seed, customer.ID, p)
			}
		}
	}
	require.Greater(t, narrowed, 500)
	require.Greater(t, min(both[0], both[1]), 500)
}
