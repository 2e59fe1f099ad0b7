package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// The explanation names members, clauses from cheap to dear, forms and rows.
func TestExplainPlan(t *testing.T) {
	cat := catalog.Shop()
	keeper := &shopkeeper{Rand: rand.New(rand.NewPCG(5, 5)), cat: cat, rows: 12}
	customers := keeper.customers(200)
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

// The planner takes each form where it pays: a scan of a window, one for several
// windows, the rows of few values, those of few customers, and what is known
// already.
func TestForms(t *testing.T) {
	const n = 10_000
	cat := catalog.Shop()
	table, err := columnar.New(cat, columnar.Options{})
	require.NoError(t, err)
	rnd := rand.New(rand.NewPCG(3, 3))
	in := columnar.Columns{Attributes: map[string]columnar.Column{}}
	at, page, points := columnar.Column{}, columnar.Column{}, columnar.Column{}
	visits := columnar.Rows{Kind: "visits"}
	for i := range n {
		in.IDs = append(in.IDs, dangol.CustomerID(fmt.Sprint(i)))
		points.Ints = append(points.Ints, int64(i))
		for range 20 {
			visits.Customer = append(visits.Customer, uint32(i))
			at.Ints = append(at.Ints, now.Unix()*1e6-rnd.Int64N(730*86400)*1e6)
			page.Strings = append(page.Strings, fmt.Sprint("/", rnd.IntN(5000)))
		}
	}
	in.Attributes["points"] = points
	visits.Fields = map[string]columnar.Column{"at": at, "page": page}
	in.Rows = []columnar.Rows{visits}
	require.NoError(t, table.LoadColumns(in))
	s := table.Snapshot()
	rules := newRules(t, cat)
	for _, c := range []struct {
		form  string
		texts []string
	}{
		{"scan of 2 shards", []string{`visits(365d) >= 12`}},
		{"shared scan of 2 shards", []string{`visits(365d) >= 12`, `visits(30d) >= 2`}},
		{"postings of 2 shards", []string{`visits(365d where page = "/7") >= 1`}},
		{"probe of 1 shards", []string{`points < 3 and visits(365d) >= 5`}},
		{"scan of 2 shards", []string{`visits(600d where page != "/8") >= 16`}}, // the first time
		{"summary of 2 shards", []string{`visits >= 20`}},
	} {
		got, err := s.ExplainPlan(context.Background(), rules.plans(t, c.texts...), eval.Env{AsOf: now}, columnar.Run{})
		require.NoError(t, err)
		require.Contains(t, got, ": "+c.form+", estimated ", "%s", c.texts)
	}
	// Where a window is long, it soon pays to know what rows come to at some moments.
	for _, text := range []string{`visits(600d) >= 16`, `visits(600d where page != "/7") >= 16`} {
		plans := rules.plans(t, text)
		first, err := s.Select(context.Background(), plans, eval.Env{AsOf: now}, columnar.Run{})
		require.NoError(t, err)
		for range 4 {
			answers, err := s.Select(context.Background(), plans, eval.Env{AsOf: now}, columnar.Run{})
			require.NoError(t, err)
			require.Equal(t, slices.Collect(first[0].Members.All()), slices.Collect(answers[0].Members.All()))
		}
		got, err := s.ExplainPlan(context.Background(), plans, eval.Env{AsOf: now}, columnar.Run{})
		require.NoError(t, err)
		require.Contains(t, got, ": between kept moments of 2 shards, estimated ")
	}
}
