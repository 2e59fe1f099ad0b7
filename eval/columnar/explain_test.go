package columnar_test

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// The explanation names members, clauses from cheap to dear, forms and rows.
func TestExplainPlan(t *testing.T) {
	cat := catalog.Shop()
	keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(5, 5)), cat: cat, rows: 12}
	var customers []*eval.Customer
	for range 200 {
		customers = append(customers, keeper.customer())
	}
	s := compacted(t, load(t, cat, customers))
	plans := newRules(t, cat).plans(t,
		`orders(7d) >= 1 and country = "KR"`,
		`sum(orders.total, 365d) > 0 and orders(30d) = 0`,
		`country = "nowhere" and distinct(visits.page, 90d) >= 2`)
	got, err := s.ExplainPlan(context.Background(), plans, eval.Env{AsOf: now}, columnar.Run{})
	require.NoError(t, err)
	text := regexp.MustCompile(`[0-9.]+(µs|ms|s)\b`).ReplaceAllString(got, "TIME")
	require.Contains(t, text, "plan 1: orders(7d) >= 1 and country = \"KR\"\n")
	require.Regexp(t, `all of, in this order\n\s+one of \("KR"\)\n\s+compare`, text)
	require.Regexp(t, `count all_orders \[7d before, .*: shared scan of 1 shards, estimated \d+ rows, \d+ read, TIME`, text)
	require.Contains(t, text, "not asked, for nobody was left")
	require.Equal(t, 1, strings.Count(text, "3 plans over 200 customers in 1 shards: TIME"), text)
}
