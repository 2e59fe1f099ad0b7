package segment_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
)

type set = map[dangol.CustomerID]bool

// model is groups without versions, spans, leases or pages: plain sets, kept by
// the letter of what the service promises.
type model struct {
	rules   map[string]string // by group: one of meanings
	pins    map[string]map[dangol.CustomerID]segment.Mark
	members map[string]set
	days    map[string]map[int]set // by group and day, as known at its end
	joined  map[dangol.CustomerID]time.Time
	orders  map[dangol.CustomerID][]time.Time
}

// meanings are rules with their meaning in Go.
func meanings() map[string]func(m *model, id dangol.CustomerID, asOf time.Time) bool {
	return map[string]func(m *model, id dangol.CustomerID, asOf time.Time) bool{
		"joined within 3d": func(m *model, id dangol.CustomerID, asOf time.Time) bool {
			return !m.joined[id].Before(asOf.AddDate(0, 0, -3))
		},
		"orders >= 2": func(m *model, id dangol.CustomerID, asOf time.Time) bool {
			return m.ordered(id, time.Time{}, asOf) >= 2
		},
		"not orders(2d)": func(m *model, id dangol.CustomerID, asOf time.Time) bool {
			return m.ordered(id, asOf.AddDate(0, 0, -2), asOf) == 0
		},
		`in group "a" and orders(5d)`: func(m *model, id dangol.CustomerID, asOf time.Time) bool {
			return m.in("a", id, asOf) && m.ordered(id, asOf.AddDate(0, 0, -5), asOf) > 0
		},
		`not in group "a"`: func(m *model, id dangol.CustomerID, asOf time.Time) bool { return !m.in("a", id, asOf) },
	}
}

func (m *model) ordered(id dangol.CustomerID, from, to time.Time) int {
	n := 0
	for _, at := range m.orders[id] {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// in is effective membership by rule and pins at an instant.
func (m *model) in(group string, id dangol.CustomerID, asOf time.Time) bool {
	switch m.pins[group][id] {
	case segment.In:
		return true
	case segment.Out:
		return false
	}
	joined, ok := m.joined[id]
	return ok && joined.Before(asOf) && meanings()[m.rules[group]](m, id, asOf)
}

func (m *model) extract(group string, asOf time.Time) {
	out := set{}
	for id := range m.joined {
		if m.in(group, id, asOf) {
			out[id] = true
		}
	}
	m.members[group] = out
}

// Any order of joining, buying, editing, pinning and nights gives the members and the
// history of plain sets; the outbox, read by itself, gives the members too.
func TestAgainstPlainSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		first := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		clock := clockAt(first.Add(9 * time.Hour))
		data := shopData(t)
		s, err := segment.New(segment.Config{Data: data, Clock: clock})
		require.NoError(t, err)
		m := &model{
			rules: map[string]string{}, pins: map[string]map[dangol.CustomerID]segment.Mark{}, members: map[string]set{},
			days: map[string]map[int]set{}, joined: map[dangol.CustomerID]time.Time{}, orders: map[dangol.CustomerID][]time.Time{},
		}
		day := func() int { return int(clock.Now().Sub(first).Hours()) / 24 }
		midnight := func() time.Time { return first.AddDate(0, 0, day()) }
		for _, g := range []string{"a", "b"} {
			m.rules[g], m.pins[g], m.days[g] = "joined within 3d", map[dangol.CustomerID]segment.Mark{}, map[int]set{}
			_, err := s.Create(ctx, segment.Definition{ID: g, Name: g, Rule: m.rules[g]})
			require.NoError(t, err)
			m.extract(g, midnight())
		}
		woken := false // b reads a, and a was edited
		customer := rapid.Map(rapid.IntRange(0, 7), func(i int) dangol.CustomerID { return dangol.CustomerID(fmt.Sprint("c", i)) })
		group := rapid.SampledFrom([]string{"a", "b"})
		tick := func(t *rapid.T) {
			done, err := s.RefreshDue(ctx)
			require.NoError(t, err)
			for _, d := range done {
				require.NoError(t, d.Err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				id := customer.Draw(t, "customer")
				if _, ok := m.joined[id]; ok {
					t.Skip("joined before")
				}
				m.joined[id] = clock.Now()
				require.NoError(t, data.Apply(ctx, store.Change{Customer: id, Fields: map[string]catalog.Value{"joined": catalog.TimeValue(clock.Now())}}))
			},
			"order": func(t *rapid.T) {
				id := customer.Draw(t, "customer")
				if _, ok := m.joined[id]; !ok {
					t.Skip("not joined yet")
				}
				m.orders[id] = append(m.orders[id], clock.Now())
				require.NoError(t, data.Apply(ctx, store.Change{Customer: id, Kind: "all_orders", Key: fmt.Sprint(id, len(m.orders[id])),
					Fields: map[string]catalog.Value{"placed": catalog.TimeValue(clock.Now())}}))
			},
			"hour": func(t *rapid.T) {
				before := day()
				clock.Add(time.Duration(rapid.IntRange(1, 14).Draw(t, "hours")) * time.Hour)
				for d := before; d < day(); d++ {
					for g, members := range m.members {
						m.days[g][d] = maps.Clone(members)
					}
				}
				tick(t)
				if day() > before {
					m.extract("a", midnight())
				}
				if day() > before || woken {
					m.extract("b", midnight())
					woken = false
				}
			},
			"edit": func(t *rapid.T) {
				g := group.Draw(t, "group")
				rule := rapid.SampledFrom(slices.Sorted(maps.Keys(meanings()))).Draw(t, "rule")
				_, err := s.Edit(ctx, g, func(d *segment.Definition) { d.Rule = rule })
				if g == "a" && readsA(rule) {
					require.ErrorIs(t, err, segment.ErrCycle)
					return
				}
				require.NoError(t, err)
				same := m.rules[g] == rule
				m.rules[g] = rule
				if !same {
					m.extract(g, midnight())
					woken = g == "a" && readsA(m.rules["b"])
				}
			},
			"pin": func(t *rapid.T) {
				g, id := group.Draw(t, "group"), customer.Draw(t, "customer")
				mark := rapid.SampledFrom([]segment.Mark{segment.In, segment.Out, ""}).Draw(t, "mark")
				var done *segment.Handled
				var err error
				if mark == "" {
					done, err = s.Unpin(ctx, g, []dangol.CustomerID{id}, "over")
				} else {
					done, err = s.Pin(ctx, g, mark, []dangol.CustomerID{id}, "because")
				}
				require.NoError(t, err)
				if _, ok := m.joined[id]; !ok {
					require.Equal(t, []dangol.CustomerID{id}, done.Unknown)
					return
				}
				if m.pins[g][id] == mark {
					require.Equal(t, []dangol.CustomerID{id}, done.Already)
					return
				}
				m.pins[g][id] = mark
				m.extract(g, midnight())
				woken = woken && g != "b"
			},
			"": func(t *rapid.T) {
				replayed := map[string]set{"a": {}, "b": {}}
				var after segment.Cursor
				for {
					page, err := s.Events(ctx, after, 3)
					require.NoError(t, err)
					for _, e := range page {
						require.NotEqual(t, e.Entered, replayed[e.Group][e.Customer], "entered twice, or left without being in")
						if e.Entered {
							replayed[e.Group][e.Customer] = true
						} else {
							delete(replayed[e.Group], e.Customer)
						}
						after = e.Cursor
					}
					if len(page) < 3 {
						break
					}
				}
				for g, want := range m.members {
					snap, err := s.Snapshot(ctx, g)
					require.NoError(t, err)
					require.Empty(t, cmp.Diff(want, read(t, s, snap)), "members of %s by %q", g, m.rules[g])
					require.Empty(t, cmp.Diff(want, replayed[g]), "the outbox of %s", g)
					for d, want := range m.days[g] {
						snap, err := s.MembersAt(ctx, g, first.AddDate(0, 0, d))
						require.NoError(t, err)
						require.Empty(t, cmp.Diff(want, read(t, s, snap)), "%s on day %d", g, d)
					}
				}
			},
		})
	})
}

func readsA(rule string) bool { return strings.Contains(rule, `in group "a"`) }

func read(t *rapid.T, s *segment.Service, snap dangol.Snapshot) set {
	out := set{}
	for id, err := range s.All(context.Background(), snap) {
		require.NoError(t, err)
		out[id] = true
	}
	require.Len(t, out, snap.Count)
	return out
}
