package segment_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// odd is customer data that breaks its contract.
type odd struct {
	store.Store
	answer func([]store.Answer) []store.Answer
}

func (o *odd) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	answers, err := o.Store.Select(ctx, q)
	return o.answer(answers), err
}

type list []dangol.CustomerID

func (l list) Len() int                           { return len(l) }
func (l list) All() iter.Seq[dangol.CustomerID]   { return slices.Values(l) }
func (l list) Contains(id dangol.CustomerID) bool { return slices.Contains(l, id) }

// A host's own store that answers wrongly changes no members: never a crash, never
// an empty group.
func TestDataThatBreaksItsContract(t *testing.T) {
	for name, answer := range map[string]func([]store.Answer) []store.Answer{
		"no answers":   func([]store.Answer) []store.Answer { return nil },
		"no members":   func([]store.Answer) []store.Answer { return make([]store.Answer, 1) },
		"out of order": func([]store.Answer) []store.Answer { return []store.Answer{{Members: list{"b", "a"}}} },
		"twice":        func([]store.Answer) []store.Answer { return []store.Answer{{Members: list{"a", "a"}}} },
	} {
		t.Run(name, func(t *testing.T) {
			data := &odd{Store: shopData(t), answer: func([]store.Answer) []store.Answer { return []store.Answer{{Members: list{"a", "b"}}} }}
			s, err := segment.New(segment.Config{Data: data})
			require.NoError(t, err)
			_, err = s.Create(t.Context(), segment.Definition{ID: "g", Name: "g", Rule: "orders"})
			require.NoError(t, err)
			data.answer = answer
			done, err := s.Refresh(t.Context(), "g")
			if err == nil {
				require.Error(t, done[0].Err)
			}
			snap, err := s.Snapshot(t.Context(), "g")
			require.NoError(t, err)
			require.Equal(t, 2, snap.Count)
		})
	}
}

// A host that takes a name out of its catalog breaks the rules that read it, and
// what reads those; putting it back mends them.
func TestACatalogThatShrinks(t *testing.T) {
	ctx := t.Context()
	state := segment.NewMemory()
	open := func(c *catalog.Catalog) *segment.Service {
		data, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		s, err := segment.New(segment.Config{Data: data, State: state})
		require.NoError(t, err)
		return s
	}
	wide := catalog.Shop()
	wide.Attributes = append(wide.Attributes, catalog.Attribute{Name: "shoe_size", Type: catalog.Type{Sort: catalog.Number}})
	s := open(wide)
	_, err := s.Create(ctx, segment.Definition{ID: "feet", Name: "feet", Rule: "shoe_size > 270"})
	require.NoError(t, err)
	_, err = s.Create(ctx, segment.Definition{ID: "others", Name: "others", Rule: `not in group "feet"`})
	require.NoError(t, err)

	narrow := open(catalog.Shop())
	_, err = narrow.Snapshot(ctx, "others")
	var broken *segment.BrokenError
	require.ErrorAs(t, err, &broken)
	require.Equal(t, []string{"others", "feet"}, broken.Path)
	require.Contains(t, broken.Why, "shoe_size")
	_, err = open(wide).Snapshot(ctx, "others")
	require.NoError(t, err)
}
