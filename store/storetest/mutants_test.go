package storetest_test

import (
	"context"
	"iter"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// mutant is a store that breaks one promise. The zero funcs keep theirs.
type mutant struct {
	*memstore.Store
	apply    func(s *memstore.Store, ctx context.Context, changes []store.Change) error
	customer func(c *eval.Customer) *eval.Customer
	query    func(q store.Query) store.Query
	answers  func(a []store.Answer) []store.Answer
}

func (m *mutant) Apply(ctx context.Context, changes ...store.Change) error {
	if m.apply != nil {
		return m.apply(m.Store, ctx, changes)
	}
	return m.Store.Apply(ctx, changes...)
}

func (m *mutant) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	c, err := m.Store.Customer(ctx, id)
	if err == nil && m.customer != nil {
		c = m.customer(c)
	}
	return c, err
}

func (m *mutant) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	if m.query != nil {
		q = m.query(q)
	}
	a, err := m.Store.Select(ctx, q)
	if err == nil && m.answers != nil {
		a = m.answers(a)
	}
	return a, err
}

func copied(c *eval.Customer) *eval.Customer {
	out := *c
	out.Attributes, out.Records = maps.Clone(c.Attributes), maps.Clone(c.Records)
	for kind, list := range out.Records {
		out.Records[kind] = slices.Clone(list)
	}
	return &out
}

type backwards struct{ store.Members }

func (b backwards) All() iter.Seq[dangol.CustomerID] {
	ids := slices.Collect(b.Members.All())
	slices.Reverse(ids)
	return slices.Values(ids)
}

// mutants by what they get wrong. The suite must find every one.
var mutants = map[string]mutant{
	"one change after the other is visible": {apply: func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		for i, c := range changes {
			if err := s.Apply(ctx, c); err != nil {
				if bad, ok := err.(*store.InvalidError); ok {
					bad.Index = i
				}
				return err
			}
		}
		return nil
	}},
	"an ended context is not looked at": {apply: func(s *memstore.Store, _ context.Context, changes []store.Change) error {
		return s.Apply(context.Background(), changes...)
	}},
	"the error blames the first change": {apply: func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		err := s.Apply(ctx, changes...)
		if bad, ok := err.(*store.InvalidError); ok {
			bad.Index = 0
		}
		return err
	}},
	"a set replaces the row": {apply: func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		changes = slices.Clone(changes)
		for i, c := range changes {
			if c.Op == store.Set && c.Kind == "" {
				changes[i].Op = store.Put
			}
		}
		return s.Apply(ctx, changes...)
	}},
	"ids without case": {apply: func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
		changes = slices.Clone(changes)
		for i := range changes {
			changes[i].Customer = dangol.CustomerID(strings.ToLower(string(changes[i].Customer)))
		}
		return s.Apply(ctx, changes...)
	}},
	"records newest first": {customer: func(c *eval.Customer) *eval.Customer {
		c = copied(c)
		for _, list := range c.Records {
			slices.Reverse(list)
		}
		return c
	}},
	"parents are copies": {customer: func(c *eval.Customer) *eval.Customer {
		c = copied(c)
		for _, list := range c.Records {
			for i, r := range list {
				if r.Parent != nil {
					parent := *r.Parent
					list[i] = &eval.Record{Key: r.Key, Fields: r.Fields, Parent: &parent}
				}
			}
		}
		return c
	}},
	"empty text is missing": {customer: func(c *eval.Customer) *eval.Customer {
		c = copied(c)
		maps.DeleteFunc(c.Attributes, func(_ string, v catalog.Value) bool { return v.Equal(catalog.StringValue("")) })
		return c
	}},
	"the fraction of as-of counts": {query: func(q store.Query) store.Query {
		q.AsOf = q.AsOf.Add(time.Second - 1)
		return q
	}},
	"the zone is forgotten":    {query: func(q store.Query) store.Query { q.Zone = nil; return q }},
	"the groups are forgotten": {query: func(q store.Query) store.Query { q.Groups = nil; return q }},
	"strict is forgotten":      {query: func(q store.Query) store.Query { q.Strict = false; return q }},
	"members in no order": {answers: func(list []store.Answer) []store.Answer {
		for i, a := range list {
			if a.Members != nil {
				list[i].Members = backwards{a.Members}
			}
		}
		return list
	}},
	"everything is exact": {answers: func(list []store.Answer) []store.Answer {
		for i := range list {
			list[i].Exact, list[i].Current = true, nil
		}
		return list
	}},
	"a broken group is empty": {answers: func(list []store.Answer) []store.Answer {
		for i, a := range list {
			if a.Err != nil {
				list[i].Err, list[i].Members = nil, store.IDs{}
			}
		}
		return list
	}},
	"cuts are lost": {answers: func(list []store.Answer) []store.Answer {
		for i := range list {
			list[i].Cuts = nil
		}
		return list
	}},
	"answers in another order": {answers: func(list []store.Answer) []store.Answer { slices.Reverse(list); return list }},
}

const mutantName = "DANGOL_TEST_MUTANT"

// The process in which a mutant is put to the test.
func TestMutant(t *testing.T) {
	m, ok := mutants[os.Getenv(mutantName)]
	if !ok {
		t.Skip("run by TestTheSuiteFindsMutants")
	}
	storetest.RunContract(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		one := m
		one.Store = s
		return &one
	})
}

func TestTheSuiteFindsMutants(t *testing.T) {
	for name := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := exec.Command(os.Args[0], "-test.run=^TestMutant$")
			suite.Env = append(os.Environ(), mutantName+"="+name)
			out, err := suite.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite passed")
			require.Contains(t, string(out), "--- FAIL: TestMutant/")
			require.NotContains(t, string(out), "panic:")
		})
	}
}
