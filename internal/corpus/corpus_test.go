package corpus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/internal/corpus"
)

func TestEveryRuleIsNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append(corpus.Rules(), corpus.Forms()...) {
		require.NotEmpty(t, r.Text)
		name := r.From + ": " + r.Condition
		require.False(t, seen[name], name)
		seen[name] = true
	}
}

// The five life stages have 6, 3, 4, 5 and 5 sub-types.
func TestLifeStages(t *testing.T) {
	count := map[string]int{}
	for _, r := range corpus.Rules() {
		count[r.From]++
	}
	require.Equal(t, []int{6, 3, 4, 5, 5}, []int{
		count["Markettap prospect"], count["Markettap new"], count["Markettap active"],
		count["Markettap loyal"], count["Markettap churned"],
	})
}

// The corpus that tests and fuzzers start from stays large.
func TestAThousandRules(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	meanings := map[string]bool{}
	for _, text := range corpus.Texts() {
		p, found := c.Text(text, compile.Options{})
		require.NotNil(t, p, "%s\n%v", text, found)
		meanings[p.Fingerprint()] = true
	}
	require.GreaterOrEqual(t, len(corpus.Texts()), 1_000)
	require.GreaterOrEqual(t, len(meanings), 1_000, "of different meaning")
}
