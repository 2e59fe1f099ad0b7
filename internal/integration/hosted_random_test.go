package integration_test

import (
	"cmp"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var (
	cases   = flag.Int("cases", 2000, "random cases an engine; a case is one rule over one made-up shop")
	moments = flag.Int("moments", 1, "the instants and zones at which a shop is asked; more than one for long runs, since making the tables takes as long as many rules")
	seed    = flag.Uint64("seed", 1, "the first world's seed")
)

// Every engine answers rules over a host's tables as eval does.
func TestHostTablesAgreeWithEval(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			e.prepare(t, db)
			done, worlds, unsupported := 0, 0, map[string]int{}
			for ; done < *cases/max(1, e.share); worlds++ {
				before := done
				done += differ(t, e, db, *seed+uint64(worlds), unsupported)
				if t.Failed() {
					return
				}
				if before/10_000 != done/10_000 {
					t.Logf("%d cases so far", done)
				}
			}
			t.Logf("%d cases over %d worlds from seed %d, not supported: %v", done, worlds, *seed, unsupported)
			require.Less(t, total(unsupported)*50, done, "rules that are not answered show nothing")
		})
	}
}

func total(counts map[string]int) int {
	n := 0
	for k := range maps.Values(counts) {
		n += k
	}
	return n
}

// together are how many rules one Select answers, again and again: a statement is
// another one beside others. At later moments they are fewer, for statements of many
// rules take an engine more time a rule.
var together, later = []int{1, 2, 5, 12}, []int{1, 2, 2, 3, 3, 4, 5}

// differ compares rules of one world and gives their number.
func differ(t *testing.T, e engine, db *sql.DB, seed uint64, unsupported map[string]int) int {
	w := rulegen.New(seed)
	if e.click != nil {
		e.click.settle(w)
	}
	scopes := []plan.Scope{plan.Members, plan.Guests, plan.Both}
	h := &host{n: len(w.Customers), owned: seed%4 == 0, memory: seed%3 != 0}
	if h.owned {
		// Every fourth shop has no guests: there, statements may leave the customers out.
		w.Customers = slices.DeleteFunc(w.Customers, func(c *eval.Customer) bool { return c.Guest })
		scopes = []plan.Scope{plan.Members, plan.Both}
	}
	if seed%3 == 0 {
		number(w)
		h.numbers = true
	}
	h.build(t, e, db, w, fmt.Sprintf("w%d_", seed))
	defer h.drop()
	s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, w.Catalog, h.mapping, sqlstore.MappedOptions{})
	require.NoError(t, err, "world %d", seed)
	c, err := compile.New(w.Catalog)
	require.NoError(t, err)
	done := 0
	for moment := range *moments {
		sizes := together
		if moment > 0 {
			sizes = later
			w.Pass()
			w.Travel()
		}
		for _, scope := range scopes {
			for _, n := range sizes {
				plans, texts := draw(w, c, scope, n)
				done += len(plans)
				if !agree(t, s, w, plans, texts, unsupported) {
					t.Logf("world %d, moment %d, %s, %d rules", seed, moment, w.Zone, n)
					return done
				}
			}
		}
	}
	for _, c := range w.Customers {
		one, err := s.Customer(t.Context(), c.ID)
		require.NoError(t, err, "world %d: %q", seed, c.ID)
		require.Empty(t, gocmp.Diff(storetest.Dump(c), storetest.Dump(one)), "world %d", seed)
	}
	return done
}

// number gives customers integers for ids: short and long ones, that end in zeros, and
// below zero.
func number(w *rulegen.World) {
	ids := map[dangol.CustomerID]dangol.CustomerID{}
	for i, c := range w.Customers {
		n := int64(i + 1)
		n = []int64{n, n * 1000, -n, n << 40}[i%4]
		ids[c.ID] = dangol.CustomerID(strconv.FormatInt(n, 10))
		c.ID = ids[c.ID]
	}
	slices.SortFunc(w.Customers, func(a, b *eval.Customer) int { return cmp.Compare(a.ID, b.ID) })
	for name, members := range w.Groups {
		renamed := map[dangol.CustomerID]bool{}
		for id, in := range members {
			renamed[ids[id]] = in
		}
		w.Groups[name] = renamed
	}
}

// draw makes up n rules, without those that the compiler refuses.
func draw(w *rulegen.World, c *compile.Compiler, scope plan.Scope, n int) (plans []*plan.Plan, texts []string) {
	for range n {
		rule := w.Rule(scope)
		if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
			plans, texts = append(plans, p), append(texts, rule.String())
		}
	}
	return plans, texts
}

// agree compares the members of plans that are asked at once.
func agree(t *testing.T, s store.Store, w *rulegen.World, plans []*plan.Plan, texts []string, unsupported map[string]int) bool {
	answers, err := s.Select(t.Context(), store.Query{Plans: plans, AsOf: w.AsOf, Zone: w.Zone, Groups: lister{w.Groups}})
	if err != nil {
		t.Errorf("Select: %v\n%s", err, texts)
		return false
	}
	for i, p := range plans {
		if answers[i].Err != nil {
			unsupported[answers[i].Err.Error()]++
			continue
		}
		want := members(t, w, p)
		if got := slices.Collect(answers[i].Members.All()); !slices.Equal(want, got) {
			t.Errorf("as of %s: %s\neval %v\nSQL  %v\n%s", w.AsOf, texts[i], want, got, p)
			return false
		}
	}
	return true
}

// members are those that eval selects.
func members(t *testing.T, w *rulegen.World, p *plan.Plan) []dangol.CustomerID {
	env := w.Env()
	cuts, err := w.Cuts(p)
	require.NoError(t, err)
	env.Cuts = cuts
	var out []dangol.CustomerID
	for _, c := range w.Customers {
		in, err := eval.Eval(p, c, env)
		require.NoError(t, err)
		if in {
			out = append(out, c.ID)
		}
	}
	return out
}

// lister makes a world's groups listable.
type lister struct{ rulegen.Groups }

func (l lister) Members(group string) (store.Members, error) {
	var ids []dangol.CustomerID
	for id, in := range l.Groups[group] {
		if in {
			ids = append(ids, id)
		}
	}
	return store.NewIDs(ids), nil
}

// streamed are the members of each plan as SelectEach hands them over, in order and as often
// as it does.
func streamed(t *testing.T, s *sqlstore.Mapped, q store.Query) [][]dangol.CustomerID {
	t.Helper()
	out := make([][]dangol.CustomerID, len(q.Plans))
	answers, err := s.SelectEach(t.Context(), q, func(plan int, id dangol.CustomerID) error {
		out[plan] = append(out[plan], id)
		return nil
	})
	require.NoError(t, err)
	for i, a := range answers {
		require.NoError(t, a.Err)
		slices.Sort(out[i])
	}
	return out
}
