package rulegen_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
)

func scope(seed uint64) plan.Scope {
	return []plan.Scope{plan.Members, plan.Both, plan.Guests, ""}[seed%4]
}

func TestCatalogsAreValid(t *testing.T) {
	for seed := range uint64(150) {
		require.NoError(t, rulegen.New(seed).Catalog.Validate(), "seed %d", seed)
	}
}

func TestRulesParse(t *testing.T) {
	for seed := range uint64(150) {
		w := rulegen.New(seed)
		for range 10 {
			text := w.Rule(scope(seed)).String()
			_, err := dsl.Parse(text)
			require.NoError(t, err, "seed %d: %s", seed, text)
		}
	}
}

// A seed names a world: the same one, every time.
func TestSeeds(t *testing.T) {
	for seed := range uint64(20) {
		a, b := rulegen.New(seed), rulegen.New(seed)
		require.Empty(t, cmp.Diff(a.Changes(), b.Changes(), cmp.Comparer(catalog.Value.Equal)))
		require.Equal(t, a.AsOf, b.AsOf)
		for range 5 {
			require.Equal(t, a.Rule(plan.Both).String(), b.Rule(plan.Both).String())
		}
	}
}

type draws struct{ t *rapid.T }

func (d draws) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "choice") }

// Rapid's choices make worlds too, and shrink to a plain one.
func TestFromRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rulegen.From(draws{t})
		_, err := dsl.Parse(w.Rule(plan.Members).String())
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestSmallerRulesAreRulesAndEnd(t *testing.T) {
	for seed := range uint64(50) {
		w := rulegen.New(seed)
		r := w.Rule(plan.Both)
		for steps := 0; ; steps++ {
			require.Less(t, steps, 200, "shrinking ends")
			less := r.Smaller()
			if len(less) == 0 {
				break
			}
			r = less[int(seed)%len(less)]
			_, err := dsl.Parse(r.String())
			require.NoError(t, err, r.String())
		}
	}
}

func TestShrinkFindsTheOneThatMatters(t *testing.T) {
	w := rulegen.New(7)
	fails := func(w *rulegen.World, r *rulegen.Rule) bool {
		for _, c := range w.Customers {
			if len(c.Records) > 0 && c.Attributes["first_seen"].Known() {
				return true
			}
		}
		return false
	}
	r := w.Rule(plan.Both)
	require.True(t, fails(w, r))
	small, rule := rulegen.Shrink(w, r, 2000, fails)
	require.Len(t, small.Customers, 1)
	require.Len(t, small.Customers[0].Records, 1)
	require.LessOrEqual(t, len(small.Customers[0].Attributes), 2, "the required ones")
	require.Empty(t, rule.Smaller())
	require.NotEmpty(t, small.Changes())
}
