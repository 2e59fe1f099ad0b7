package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
)

// RunWorlds fills stores with made-up shops, asks made-up rules, many at once, and
// compares members, cuts and customers with package eval. What differs is shrunk to
// a small shop and rule before it is shown. Everything follows from the seed.
func RunWorlds(t *testing.T, open Opener, opts ...Option) {
	o := settle(opts)
	scopes := []plan.Scope{plan.Members, plan.Both, plan.Guests}
	for i := range o.worlds {
		seed := o.seed + uint64(i)
		name := fmt.Sprintf("seed %d", seed)
		o.run(t, name, func(t *testing.T) {
			w := rulegen.New(seed)
			rules := make([]*rulegen.Rule, o.rules)
			for k := range rules {
				rules[k] = w.Rule(scopes[(int(seed)+k)%len(scopes)])
			}
			if why, culprit := disagrees(t, open, w, rules); why != "" {
				report(t, open, w, culprit, why)
			}
		})
	}
}

// RunSteps fills stores with made-up shops and then changes them step by step while
// as-of moves on: late records, other values, removals, merges. After every step
// the store is compared as RunWorlds does.
func RunSteps(t *testing.T, open Opener, opts ...Option) {
	o := settle(opts)
	scopes := []plan.Scope{plan.Members, plan.Both, plan.Guests}
	for i := range max(1, o.worlds/4) {
		seed := o.seed + 1_000_000 + uint64(i)
		o.run(t, fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := rulegen.New(seed)
			s := open(t, w.Catalog)
			changes := w.Changes()
			for step := range 6 {
				if err := s.Apply(t.Context(), changes...); err != nil {
					t.Fatalf("step %d: Apply: %v", step, err)
				}
				rules := make([]*rulegen.Rule, o.rules)
				for k := range rules {
					rules[k] = w.Rule(scopes[(step+k)%len(scopes)])
				}
				if why, culprit := differs(t, s, w, rules); why != "" {
					t.Logf("after step %d", step)
					report(t, open, w, culprit, why)
					return
				}
				w.Pass()
				changes = w.Step()
			}
		})
	}
}

// disagrees loads the world into a fresh store and asks the rules. It says where
// the store and package eval differ, and over which rule, nil for the data itself.
func disagrees(t *testing.T, open Opener, w *rulegen.World, rules []*rulegen.Rule) (why string, culprit *rulegen.Rule) {
	t.Helper()
	s := open(t, w.Catalog)
	if err := s.Apply(t.Context(), w.Changes()...); err != nil {
		return fmt.Sprintf("Apply: %v", err), nil
	}
	return differs(t, s, w, rules)
}

// differs asks the rules of a store that holds the world.
func differs(t *testing.T, s store.Store, w *rulegen.World, rules []*rulegen.Rule) (why string, culprit *rulegen.Rule) {
	t.Helper()
	for _, c := range w.Customers {
		got, err := s.Customer(t.Context(), c.ID)
		if err != nil {
			return fmt.Sprintf("Customer(%q): %v", c.ID, err), nil
		}
		if d := diff(Dump(c), Dump(got)); d != "" {
			return d, nil
		}
	}
	compiler, err := compile.New(w.Catalog)
	if err != nil {
		return err.Error(), nil
	}
	q := store.Query{AsOf: w.AsOf, Zone: w.Zone, Groups: worldGroups{w.Groups}}
	var asked []*rulegen.Rule
	for _, r := range rules {
		p, found := compiler.Text(r.String(), compile.Options{Scope: r.Scope})
		switch {
		case p != nil:
			q.Plans, asked = append(q.Plans, p), append(asked, r)
		case slices.ContainsFunc(found, func(d source.Diagnostic) bool {
			return d.Severity == source.Error && d.Code != source.NeverSelected
		}):
			return source.Render("rule", r.String(), found), r
		}
	}
	want, err := store.Scan(t.Context(), q, store.ScanOptions{}, func(yield func(*eval.Customer, error) bool) {
		for _, c := range w.Customers {
			if !yield(c, nil) {
				return
			}
		}
	})
	if err != nil {
		return err.Error(), nil
	}
	got, err := s.Select(t.Context(), q)
	if err != nil || len(got) != len(want) {
		return fmt.Sprintf("Select gave %d answers to %d plans, %v", len(got), len(want), err), nil
	}
	for i := range want {
		if d := diff(dumpAnswer(want[i]), dumpAnswer(got[i])); d != "" {
			return d, asked[i]
		}
	}
	return "", nil
}

// worldGroups can also list a group, which stores that hand rules to a database
// make use of.
type worldGroups struct{ rulegen.Groups }

func (g worldGroups) Members(group string) (store.Members, error) {
	var ids []dangol.CustomerID
	for id, in := range g.Groups[group] {
		if in {
			ids = append(ids, id)
		}
	}
	return store.NewIDs(ids), nil
}

var _ store.Lister = worldGroups{}

// dumpAnswer writes an answer as text, without what depends on the store's clock.
func dumpAnswer(a store.Answer) string {
	if a.Err != nil {
		return "error: " + a.Err.Error()
	}
	out := "as of " + a.AsOf.UTC().Format("2006-01-02T15:04:05.999999Z") + "\n"
	for id := range a.Members.All() {
		out += fmt.Sprintf("%q\n", string(id))
	}
	for _, key := range slices.Sorted(maps.Keys(a.Cuts)) {
		cut := a.Cuts[key]
		if cut.Empty {
			cut.Value = 0 // means nothing
		}
		out += fmt.Sprintf("cut %d, empty: %v, of rank %s\n", cut.Value, cut.Empty, key)
	}
	return out
}

// report shrinks what fails and shows it.
func report(t *testing.T, open Opener, w *rulegen.World, r *rulegen.Rule, why string) {
	t.Helper()
	if r == nil {
		t.Fatalf("the data differs: %s", why)
	}
	const tries = 300
	fails := func(w *rulegen.World, r *rulegen.Rule) bool {
		d, _ := disagrees(t, open, w, []*rulegen.Rule{r})
		return d != ""
	}
	if fails(w, r) { // otherwise it takes the other rules beside it
		w, r = rulegen.Shrink(w, r, tries, fails)
		why, _ = disagrees(t, open, w, []*rulegen.Rule{r})
	}
	t.Errorf("as of %s in %s, scope %s:\n  %s\n%s", w.AsOf.UTC().Format("2006-01-02T15:04:05.999999Z"), w.Zone, r.Scope, r, why)
	for _, c := range w.Customers {
		t.Log(Dump(c))
	}
}
