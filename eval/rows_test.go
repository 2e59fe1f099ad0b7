package eval_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
)

// said is one condition of a source system with the customers of its script.
type said struct {
	rule      string
	answer    []string // ids
	plan      *plan.Plan
	customers []*eval.Customer
	env       eval.Env
}

func (s said) customer(id string) *eval.Customer {
	i := slices.IndexFunc(s.customers, func(c *eval.Customer) bool { return string(c.ID) == id })
	return s.customers[i]
}

// name is what the customers of the row are called: name-in, name-edge, ...
func (s said) own() string {
	for _, id := range s.answer {
		if name, ok := strings.CutSuffix(id, "-edge"); ok && s.only(name) {
			return name
		}
	}
	return ""
}

// only tells whether a row of the script is the one whose answer this is: both in
// and edge are in the answer, past and out are not.
func (s said) only(name string) bool {
	in := func(suffix string) bool { return slices.Contains(s.answer, name+suffix) }
	return in("-in") && in("-edge") && !in("-past") && !in("-out")
}

type list map[dangol.CustomerID]bool

func (l list) Contains(_ string, id dangol.CustomerID) (bool, error) { return l[id], nil }

// rows reads the scripts of store/storetest on what the source systems can say.
func rows(t testing.TB) []said {
	names, err := filepath.Glob("../store/storetest/scripts/says-*.txt")
	require.NoError(t, err)
	zone, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	c := compiler(t)
	var out []said
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		files, at := fstest.MapFS{}, &fstest.MapFile{}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "-- ") {
				at = &fstest.MapFile{}
				files[strings.Fields(line)[1]] = at
				continue
			}
			at.Data = append(at.Data, line...)
		}
		questions := string(files["questions"].Data)
		delete(files, "questions")
		store, err := memstore.New(catalog.Shop(), memstore.Options{})
		require.NoError(t, err)
		require.NoError(t, csvdir.LoadFS(t.Context(), files, store, csvdir.Options{Zone: zone}))
		var customers []*eval.Customer
		require.NoError(t, store.Each(t.Context(), func(c *eval.Customer) error {
			customers = append(customers, c)
			return nil
		}))
		members := list{}
		for line := range strings.Lines(questions) {
			if group, ok := strings.CutPrefix(line, "group "); ok {
				_, ids, _ := strings.Cut(group, ":")
				for id := range strings.FieldsSeq(ids) {
					members[dangol.CustomerID(id)] = true
				}
			}
			rule, answer, ok := strings.Cut(line, "->")
			if !ok {
				continue
			}
			s := said{rule: strings.TrimSpace(rule), answer: strings.Fields(answer), customers: customers}
			s.plan = compiled(t, c, s.rule)
			s.env = eval.Env{AsOf: time.Date(2026, 3, 10, 0, 0, 0, 0, zone), Zone: zone, Groups: members}
			s.env.Cuts = cuts(t, s.plan, customers, s.env)
			out = append(out, s)
		}
	}
	return out
}

func cuts(t testing.TB, p *plan.Plan, customers []*eval.Customer, env eval.Env) map[string]eval.Cut {
	out := map[string]eval.Cut{}
	for _, r := range eval.Ranks(p) {
		var values []int64
		for _, c := range customers {
			v, ok, err := eval.RankValue(r, c, env)
			require.NoError(t, err)
			if ok && eval.Exists(c, p.Scope, env) {
				values = append(values, v)
			}
		}
		out[eval.RankKey(r)] = eval.CutOf(r, values, env.AsOf)
	}
	return out
}

// Every row of the table of what the source systems can say stands in a script,
// and has a customer well in, one at the edge, one past it and one out.
func TestEveryRowHasItsCustomers(t *testing.T) {
	var scripted, table []string
	for _, s := range rows(t) {
		scripted = append(scripted, s.rule)
		require.NotEmpty(t, s.own(), s.rule)
	}
	for _, r := range corpus.Rules() {
		table = append(table, r.Text)
	}
	require.ElementsMatch(t, table, scripted)
}

// Every customer of every script is answered as the script says, explained
// without contradiction, and changes at the reported second and not before.
func TestRows(t *testing.T) {
	for _, s := range rows(t) {
		for _, c := range s.customers {
			e, err := eval.Explain(s.plan, c, s.env, eval.ExplainOptions{})
			require.NoError(t, err)
			require.Equal(t, slices.Contains(s.answer, string(c.ID)), e.Answer, "%s\n%s", s.rule, e.Text(eval.English))
			require.Equal(t, e.Answer, e.Root.Answer, "everybody of the scripts is in the population")
			if e.Next.At.IsZero() {
				continue
			}
			for _, ask := range []struct {
				at   time.Time
				want bool
			}{{e.Next.At.Add(-time.Second), e.Answer}, {e.Next.At, !e.Answer}} {
				later := s.env
				later.AsOf = ask.at
				is, err := eval.Eval(s.plan, c, later)
				require.NoError(t, err)
				require.Equal(t, ask.want, is, "%s at %s\n%s", s.rule, ask.at, e.Text(eval.English))
			}
		}
	}
}

// The explanation of the customer at the edge of every row, in both languages.
func TestExplainGolden(t *testing.T) {
	var b strings.Builder
	for _, s := range rows(t) {
		e, err := eval.Explain(s.plan, s.customer(s.own()+"-edge"), s.env, eval.ExplainOptions{Keys: 3})
		require.NoError(t, err)
		b.WriteString("# " + s.rule + "\n" + e.Text(eval.English) + e.Text(eval.Korean) + "\n")
	}
	golden(t, "explanations.txt", b.String())
}
