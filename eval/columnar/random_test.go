package columnar_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
	"github.com/stretchr/testify/require"
)

var (
	soak = flag.Int("soak", 0, "random cases of each differential test, instead of the usual few; a case is one rule over one made-up shop")
	seed = flag.Uint64("seed", 1, "where random cases start")
)

// checked adds up cases; a soak tells how far it is.
func checked(t *testing.T, done, more int) int {
	if *soak > 0 && done/10_000 != (done+more)/10_000 {
		t.Logf("%d cases so far", done+more)
	}
	return done + more
}

// now is the instant that random shops live around: a Sunday on which New York
// repeats an hour.
var now = time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC)

// shopkeeper makes random customers of a catalog: few values, so that ties,
// equal stamps and matches are many; many missing ones.
type shopkeeper struct {
	*rand.Rand
	cat  *catalog.Catalog
	rows int // at most, of a kind a customer
	next int
}

var words = []string{"A", "B", "X", "KR", "JP", "Seoul", "web", "shoes", "confirmed", "cancelled", "/sale", "/x", "vip", "press",
	"Kim", "kim@corp.com", "kakao", "", "paid", "10", "9"}

func (s *shopkeeper) value(t catalog.Type) catalog.Value {
	if s.IntN(4) == 0 {
		return catalog.Missing
	}
	switch t.Sort {
	case catalog.Bool:
		return catalog.BoolValue(s.IntN(2) == 0)
	case catalog.Number:
		return catalog.NumberValue([]int64{0, 1, 2, 3, 5, 10, 100, 300, 900, -2}[s.IntN(10)])
	case catalog.Money:
		return catalog.NumberValue([]int64{0, 500, 4000, 5000, 10_000, 30_000, 50_000, 1_000_000, 3_000_000_000, -100}[s.IntN(10)])
	case catalog.String, catalog.Enum:
		return catalog.StringValue(words[s.IntN(len(words))])
	case catalog.Set:
		var items []string
		for range s.IntN(3) {
			items = append(items, words[s.IntN(len(words))])
		}
		return catalog.SetValue(items...)
	case catalog.Date:
		if s.IntN(3) == 0 {
			return catalog.DayValue(2000, 2, 29)
		}
		return catalog.DayValue(1950+s.IntN(80), time.Month(1+s.IntN(12)), 1+s.IntN(28))
	default:
		return catalog.TimeValue(s.instant())
	}
}

func (s *shopkeeper) instant() time.Time {
	switch s.IntN(8) {
	case 0: // on the edge of a window
		return now.AddDate(0, 0, -[]int{0, 1, 7, 30, 90, 180, 365}[s.IntN(7)])
	case 1:
		return now.Add(time.Duration(s.IntN(3)-1) * time.Microsecond)
	case 2: // in the future
		return now.Add(time.Duration(s.IntN(1000)) * time.Hour)
	case 3:
		return now.Add(-time.Duration(s.IntN(5000)) * time.Hour / 7)
	default:
		return now.AddDate(0, 0, -s.IntN(700)).Add(time.Duration(s.IntN(48)) * 30 * time.Minute)
	}
}

func (s *shopkeeper) customers(n int) (out []*eval.Customer) {
	for range n {
		out = append(out, s.customer())
	}
	return out
}

func (s *shopkeeper) customer() *eval.Customer {
	s.next++
	c := &eval.Customer{
		ID: dangol.CustomerID(fmt.Sprintf("c%d", s.next*7919%100_003)), Guest: s.IntN(8) == 0,
		Attributes: map[string]catalog.Value{}, Records: map[string][]*eval.Record{},
	}
	for _, a := range s.cat.Attributes {
		if v := s.value(a.Type); a.Derived == "" && v.Known() {
			c.Attributes[a.Name] = v
		}
	}
	for i := range s.cat.Kinds {
		if k := &s.cat.Kinds[i]; k.Base == "" && s.IntN(3) > 0 {
			s.records(c, k)
		}
	}
	return c
}

func (s *shopkeeper) records(c *eval.Customer, k *catalog.Kind) {
	var records []*eval.Record
	for range s.IntN(s.rows + 1) {
		records = append(records, s.record(c, k))
	}
	slices.SortFunc(records, func(a, b *eval.Record) int { return strings.Compare(a.Key, b.Key) })
	if records != nil {
		c.Records[k.Name] = records
	}
}

func (s *shopkeeper) record(c *eval.Customer, k *catalog.Kind) *eval.Record {
	s.next++
	r := &eval.Record{Key: fmt.Sprint(s.next), Fields: map[string]catalog.Value{}}
	switch k.Name {
	case "visits":
		r.Key = "v" + r.Key
	case "logins":
		r.Key = fmt.Sprintf("%010d", s.next)
	}
	for _, f := range k.Fields {
		if v := s.value(f.Type); f.Derived == "" && v.Known() {
			r.Fields[f.Name] = v
		}
	}
	for _, f := range s.cat.Reached(k) {
		if v := s.value(f.Field.Type); v.Known() {
			r.Fields[f.Name] = v
		}
	}
	if k.Parent != "" {
		owner, _ := s.cat.Owner(k.Parent)
		if parents := c.Records[owner.Name]; len(parents) > 0 {
			r.Parent = parents[s.IntN(len(parents))]
		}
	}
	return r
}

// rules are the corpus and combinations of it.
type rules struct {
	compiler *compile.Compiler
	texts    []string
}

func newRules(t testing.TB, cat *catalog.Catalog) *rules {
	t.Helper()
	c, err := compile.New(cat)
	require.NoError(t, err)
	r := &rules{compiler: c}
	for _, list := range [][]corpus.Rule{corpus.Rules(), corpus.Forms()} {
		for _, rule := range list {
			r.texts = append(r.texts, rule.Text)
		}
	}
	return r
}

func (r *rules) plan(t testing.TB, text string, scope plan.Scope) *plan.Plan {
	t.Helper()
	p, ds := r.compiler.Text(text, compile.Options{Scope: scope})
	if ds.HasErrors() {
		return nil
	}
	return p
}

// some are random combinations of the corpus.
func (r *rules) some(t testing.TB, rnd *rand.Rand, n int) []*plan.Plan {
	var out []*plan.Plan
	for len(out) < n {
		text := r.texts[rnd.IntN(len(r.texts))]
		for range rnd.IntN(3) {
			next := "(" + r.texts[rnd.IntN(len(r.texts))] + ")"
			if rnd.IntN(2) == 0 {
				next = "not " + next
			}
			text = "(" + text + ") " + []string{"and", "or"}[rnd.IntN(2)] + " " + next
		}
		scope := []plan.Scope{plan.Members, plan.Members, plan.Both, plan.Guests}[rnd.IntN(4)]
		if p := r.plan(t, text, scope); p != nil {
			out = append(out, p)
		}
	}
	return out
}

// clubs are groups by a letter of the id.
type clubs struct{}

func (clubs) Contains(group string, id dangol.CustomerID) (bool, error) {
	return strings.Contains(string(id), fmt.Sprint(len(group)%10)), nil
}

func (r *rules) plans(t testing.TB, texts ...string) []*plan.Plan {
	t.Helper()
	var out []*plan.Plan
	for _, text := range texts {
		p := r.plan(t, text, plan.Members)
		require.NotNil(t, p, text)
		out = append(out, p)
	}
	return out
}
