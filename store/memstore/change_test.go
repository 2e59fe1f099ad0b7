package memstore_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// meddler changes a made-up shop: it takes the changes that made the shop for its
// material.
type meddler struct {
	*rand.Rand
	made []store.Change
	next int
}

func (m *meddler) any() store.Change { return m.made[m.IntN(len(m.made))] }

// like is a change of the same kind as c, or c.
func (m *meddler) like(c store.Change) store.Change {
	for range 20 {
		if o := m.any(); o.Kind == c.Kind {
			return o
		}
	}
	return c
}

// batch is changes of every sort: records that are new, late ones, others that
// change in some fields, move to another parent or another time, go; customers who
// come, change, go, come again, turn out to be one; rows of dimensions. Now and then
// one is not valid.
func (m *meddler) batch() (out []store.Change) {
	for range 1 + m.IntN(12) {
		c := m.any()
		if c.Op != store.Put {
			continue
		}
		other := m.like(c)
		switch op := m.IntN(16); {
		case op < 5 && c.Kind != "": // a record more, perhaps with its children
			c.Key, m.next = fmt.Sprint(c.Key, "-", m.next), m.next+1
			c.Fields = other.Fields
			if m.IntN(8) == 0 {
				c.Customer = other.Customer
			}
			if m.IntN(3) == 0 && c.Customer != "" {
				m.made = append(m.made, c)
			}
		case op < 8: // some fields change
			c.Op, c.Guest, c.Customer = store.Set, false, keep(c, m.IntN(2) == 0)
			c.Parent = ""
			c.Fields = map[string]catalog.Value{}
			for name, v := range other.Fields {
				switch m.IntN(4) {
				case 0:
					c.Fields[name] = v
				case 1:
					c.Fields[name] = catalog.Missing
				}
			}
		case op < 10: // all of it changes
			c.Fields = other.Fields
			if c.Parent != "" && m.IntN(2) == 0 {
				c.Parent = other.Parent
			}
		case op < 12 && (c.Kind != "" || m.IntN(3) == 0):
			c = store.Change{Op: store.Delete, Kind: c.Kind, Key: c.Key, Customer: keep(c, c.Kind == "")}
		case op == 12 && c.Kind == "":
			c = store.Change{Op: store.Merge, Customer: other.Customer, From: c.Customer}
		case op == 13 && c.Kind == "":
			c.Customer, m.next = dangol.CustomerID(fmt.Sprint("new-", m.next)), m.next+1
			m.made = append(m.made, c)
		}
		out = append(out, c)
	}
	return out
}

// keep is the customer of a change that may name none.
func keep(c store.Change, must bool) dangol.CustomerID {
	if c.Kind == "" || must {
		return c.Customer
	}
	return ""
}

// anew is a store that is filled with what another says.
func anew(t *testing.T, c *catalog.Catalog, customers []*eval.Customer) *memstore.Store {
	s, err := memstore.New(c, memstore.Options{})
	require.NoError(t, err)
	schema, err := store.NewSchema(c)
	require.NoError(t, err)
	for _, customer := range customers {
		changes := []store.Change{{Customer: customer.ID, Guest: customer.Guest, Fields: customer.Attributes}}
		for _, k := range schema.Kinds {
			for _, r := range customer.Records[k.Kind] {
				change := store.Change{Customer: customer.ID, Kind: k.Kind, Key: r.Key, Fields: r.Fields}
				if r.Parent != nil {
					change.Parent = r.Parent.Key
				}
				changes = append(changes, change)
			}
		}
		require.NoError(t, s.Apply(context.Background(), changes...))
	}
	return s
}

// Batches of changes of every sort leave in the columns what they leave in a store
// by eval, and fail where they fail there, having done nothing. The answers are
// eval's, and those of a store that is filled anew; earlier answers stay what they
// were.
func TestChanges(t *testing.T) {
	ctx := context.Background()
	same := cmp.Options{cmp.Comparer(catalog.Value.Equal)}
	worlds := uint64(30)
	if *soak {
		worlds = 3000
	}
	failed, made, took := 0, 0, 0
	for seed := range worlds {
		w := rulegen.New(seed)
		fast, err := memstore.New(w.Catalog, memstore.Options{})
		require.NoError(t, err)
		slow, err := memstore.New(w.Catalog, memstore.Options{ByEval: true})
		require.NoError(t, err)
		changes := w.Changes()
		if seed%2 == 0 {
			require.NoError(t, byColumns{fast, &took}.Apply(ctx, changes...))
		} else {
			require.NoError(t, fast.Apply(ctx, changes...))
		}
		require.NoError(t, slow.Apply(ctx, changes...))
		rules, err := compile.New(w.Catalog)
		require.NoError(t, err)
		q := store.Query{AsOf: w.AsOf, Zone: w.Zone, Groups: w.Groups}
		var alone []*plan.Plan
		for range 5 {
			rule := w.Rule(plan.Both)
			if p, ds := rules.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
				q.Plans = append(q.Plans, p)
				if len(eval.Ranks(p)) == 0 {
					alone = append(alone, p)
				}
			}
		}
		matcher, err := fast.Matcher(ctx, alone, w.Env())
		require.NoError(t, err)
		in := make([]bool, len(alone))
		type held struct {
			members store.Members
			ids     []dangol.CustomerID
		}
		var answers []held
		m := &meddler{Rand: rand.New(rand.NewPCG(seed, 9)), made: slices.Clone(changes)}
		for round := range 12 {
			batch := m.batch()
			got, want := fast.Apply(ctx, batch...), slow.Apply(ctx, batch...)
			require.Equal(t, want, got)
			if made++; got != nil {
				failed++
			}
			if m.IntN(4) == 0 {
				require.NoError(t, fast.Compact())
			}
			if round%3 == 0 {
				requireSameStores(t, fast, slow, same)
			}
			requireSame(t, fast, slow, q)
			selected, err := fast.Select(ctx, q)
			require.NoError(t, err)
			for _, a := range selected {
				if a.Err == nil {
					answers = append(answers, held{a.Members, slices.Collect(a.Members.All())})
				}
			}
			require.NoError(t, slow.Each(ctx, func(c *eval.Customer) error {
				require.NoError(t, matcher.Matches(ctx, c.ID, w.AsOf, in))
				for i, p := range alone {
					want, err := eval.Eval(p, c, w.Env())
					require.NoError(t, err)
					require.Equal(t, want, in[i], "%s of %s", p.Text, c.ID)
				}
				return nil
			}))
		}
		requireSameStores(t, fast, slow, same)
		requireSame(t, anew(t, w.Catalog, dump(t, fast)), slow, q)
		for _, a := range answers {
			require.Equal(t, a.ids, slices.Collect(a.members.All()))
			require.Equal(t, len(a.ids), a.members.Len())
		}
	}
	require.Greater(t, took, 5)
	require.Greater(t, failed, made/20)
	require.Less(t, failed, made*9/10)
}

// What is visited is one state, though the visitor changes the store.
func TestEachIsOfOneState(t *testing.T) {
	ctx := t.Context()
	s := open(t)
	c := &churn{Rand: rand.New(rand.NewPCG(8, 8)), all: map[dangol.CustomerID][]string{}}
	for range 20 {
		require.NoError(t, s.Apply(ctx, c.changes(100)...))
	}
	want := dump(t, s)
	var got []*eval.Customer
	require.NoError(t, s.Each(ctx, func(customer *eval.Customer) error {
		got = append(got, customer)
		if len(got)%10 == 0 {
			require.NoError(t, s.Apply(ctx, c.changes(20)...))
		}
		if len(got)%50 == 0 {
			require.NoError(t, s.Compact())
		}
		return nil
	}))
	require.Empty(t, cmp.Diff(want, got, cmp.Comparer(catalog.Value.Equal)))
	require.NotEmpty(t, cmp.Diff(want, dump(t, s), cmp.Comparer(catalog.Value.Equal)))
	require.NotEmpty(t, slices.Collect(maps.Keys(c.all)))
}
