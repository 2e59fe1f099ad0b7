package store_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/stretchr/testify/require"
)

type gift struct {
	to     dangol.CustomerID
	key    string
	fields map[string]any
}

func (g gift) Of() (dangol.CustomerID, string) { return g.to, g.key }
func (g gift) Fields() map[string]any          { return g.fields }

// gifts is a service that keeps records.
type gifts struct {
	list  []gift
	asked int
	err   error
}

func (g *gifts) Records(_ context.Context, id dangol.CustomerID) iter.Seq2[gift, error] {
	return func(yield func(gift, error) bool) {
		g.asked++
		for _, one := range g.list {
			if (id == "" || one.to == id) && !yield(one, nil) {
				return
			}
		}
		if g.err != nil {
			yield(gift{}, g.err)
		}
	}
}

func TestJoin(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	data, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	for _, id := range []dangol.CustomerID{"kim", "lee"} {
		require.NoError(t, data.Apply(t.Context(), store.Change{Customer: id}))
	}
	service := &gifts{list: []gift{
		{"kim", "b", map[string]any{"issued": now.Add(-time.Hour), "discount": int64(500), "code": "Ａbc"}},
		{"kim", "a", map[string]any{"issued": now.Add(-2 * time.Hour)}},
		{"stranger", "c", map[string]any{"issued": now.Add(-time.Hour)}},
	}}
	j, err := store.Join(data, store.NewFeed("coupons", service.Records))
	require.NoError(t, err)
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	ask := func(rule string) ([]dangol.CustomerID, error) {
		p, ds := rules.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		answers, err := j.Select(t.Context(), store.Query{Plans: []*plan.Plan{p}, AsOf: now})
		if err != nil {
			return nil, err
		}
		return slices.Collect(answers[0].Members.All()), answers[0].Err
	}
	got, err := ask(`orders = 0`)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Zero(t, service.asked, "rules that read no fed kind do not ask the service")
	got, err = ask(`coupons(7d) = 2 and coupons(where code = "abc")`)
	require.NoError(t, err)
	require.Equal(t, []dangol.CustomerID{"kim"}, got, "text is folded as the catalog says")
	c, err := j.Customer(t.Context(), "kim")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, []string{c.Records["coupons"][0].Key, c.Records["coupons"][1].Key}, "ordered by key")
	var wrong *store.InvalidError
	require.ErrorAs(t, j.Apply(t.Context(), store.Change{Customer: "kim", Kind: "coupons", Key: "x"}), &wrong)
	require.NoError(t, j.Apply(t.Context(), store.Change{Customer: "park"}))

	service.err = errors.New("the service is down")
	_, err = ask(`coupons`)
	require.ErrorIs(t, err, service.err)
	_, err = ask(`orders = 0`)
	require.NoError(t, err)
	service.err, service.list = nil, []gift{{"kim", "b", map[string]any{"issued": 7.5}}}
	_, err = ask(`coupons`)
	require.ErrorContains(t, err, `coupons "b", issued: a value of the type float64`)
	service.list = []gift{{"kim", "b", map[string]any{"isued": now}}}
	_, err = ask(`coupons`)
	require.ErrorAs(t, err, &wrong)

	for kind, want := range map[string]string{"items": "cannot be fed", "orders": "no rows of its own", "gifts": "no kind", "products": "cannot be fed"} {
		_, err := store.Join(data, store.NewFeed(kind, service.Records))
		require.ErrorContains(t, err, want, kind)
	}
	_, err = store.Join(data, store.NewFeed("coupons", service.Records), store.NewFeed("coupons", service.Records))
	require.ErrorContains(t, err, "fed twice")
}
