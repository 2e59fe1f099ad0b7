package segment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/corpus"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
)

func clockAt(at time.Time) *segmenttest.Clock {
	c := &segmenttest.Clock{}
	c.Set(at)
	return c
}

// The ready rules are those of the source, five stages with 6, 3, 4, 5 and 5
// sub-types; churned ones but the first are asked of buyers only.
func TestLifeStagesAreTheSources(t *testing.T) {
	count := map[string]int{}
	var rules []string
	for _, s := range segment.LifeStages().Steps {
		count[s.Stage]++
		rules = append(rules, s.Rule)
	}
	require.Empty(t, cmp.Diff(map[string]int{"prospect": 6, "new": 3, "active": 4, "loyal": 5, "churned": 5}, count))
	n := 0
	for _, r := range corpus.Rules() {
		if len(r.From) > 9 && r.From[:9] == "Markettap" {
			n++
			require.True(t, contains(rules, r.Text), "%s", r.Text)
		}
	}
	require.Equal(t, 23, n)
}

func contains(rules []string, text string) bool {
	for _, r := range rules {
		if r == text || r == "orders and ("+text+")" {
			return true
		}
	}
	return false
}

// stageShop has one customer for each of some sub-types, and some who meet several.
func stageShop(t *testing.T, now time.Time) store.Store {
	data := shopData(t)
	ago := func(days int) catalog.Value { return catalog.TimeValue(now.AddDate(0, 0, -days)) }
	person := func(id string, joined int, more map[string]catalog.Value) {
		fields := map[string]catalog.Value{"joined": ago(joined)}
		for k, v := range more {
			fields[k] = v
		}
		require.NoError(t, data.Apply(t.Context(), store.Change{Customer: dangol.CustomerID(id), Fields: fields}))
	}
	n := 0
	record := func(id, kind, stamp string, days int, more map[string]catalog.Value) {
		n++
		fields := map[string]catalog.Value{stamp: ago(days)}
		for k, v := range more {
			fields[k] = v
		}
		require.NoError(t, data.Apply(t.Context(), store.Change{Customer: dangol.CustomerID(id), Kind: kind, Key: fmt.Sprint(kind, n), Fields: fields}))
	}
	order := func(id string, days int, total int64) {
		record(id, "all_orders", "placed", days, map[string]catalog.Value{"total": catalog.NumberValue(total)})
	}
	lines := map[string]catalog.Value{"cart_lines": catalog.NumberValue(1), "cart_updated": ago(3)}

	person("nothing", 100, nil)
	person("visits", 100, nil)
	for range 3 {
		record("visits", "visits", "at", 2, map[string]catalog.Value{"page": catalog.StringValue("/sale")})
	}
	person("clicks", 100, nil)
	record("clicks", "ad_clicks", "at", 2, nil)
	person("cart", 100, lines)
	person("first", 10, nil)
	order("first", 5, 1000)
	person("kakao", 10, map[string]catalog.Value{"signup_source": catalog.StringValue("kakao")})
	person("repeat", 100, nil)
	for _, d := range []int{80, 50, 20} {
		order("repeat", d, 1000)
	}
	person("repeat with cart", 100, lines)
	for _, d := range []int{80, 50, 20} {
		order("repeat with cart", d, 1000)
	}
	person("old friend", 1200, nil)
	order("old friend", 170, 1000)
	person("lapsed friend", 1200, nil)
	order("lapsed friend", 200, 1000)
	person("vip", 300, nil)
	for d := 10; d < 100; d += 10 {
		order("vip", d, 100_000)
	}
	person("buyer with cart", 200, lines)
	order("buyer with cart", 120, 1000)
	for i := range 40 { // so that a top fifth is not everybody
		person(fmt.Sprintf("plain%02d", i), 500, nil)
		order(fmt.Sprintf("plain%02d", i), 120, 5000)
	}
	return data
}

func TestLifeStagesSortEverybodyOnce(t *testing.T) {
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	data := stageShop(t, now)
	s, err := segment.New(segment.Config{Data: data, Clock: clockAt(now)})
	require.NoError(t, err)
	ladder := segment.LifeStages()
	line, err := s.Timeline(t.Context(), ladder, []time.Time{now})
	require.NoError(t, err)
	require.Equal(t, 52, line.Len())
	for id, want := range map[string]string{
		"nothing": "prospect, dormant", "visits": "prospect, visitors", "clicks": "prospect, ad clickers", "cart": "prospect, cart leavers",
		"first": "new, first purchase", "kakao": "new, social signup", "repeat": "active, repeat", "repeat with cart": "active, repeat",
		"old friend": "loyal, long relation", "lapsed friend": "churned, stopped", "vip": "loyal, vip", "buyer with cart": "churned, cart abandoned",
	} {
		step, ok := line.At(0, dangol.CustomerID(id))
		require.True(t, ok, id)
		require.Equal(t, want, step.Stage+", "+step.Name, id)
	}
	_, ok := line.At(0, "nobody")
	require.False(t, ok)

	// The stages as groups hold exactly the same customers.
	counts := map[string]int{}
	for i, stage := range line.Stages {
		counts[stage] = line.Shares()[0].Stages[i]
	}
	total := 0
	for _, d := range ladder.Definitions() {
		r, err := s.Create(t.Context(), d)
		require.NoError(t, err, d.Name)
		require.Equal(t, counts[d.Name], r.After, d.Name)
		total += r.After
		snap, err := s.Snapshot(t.Context(), d.ID)
		require.NoError(t, err)
		for id, err := range s.All(t.Context(), snap) {
			require.NoError(t, err)
			step, _ := line.At(0, id)
			require.Equal(t, d.Name, step.Stage, id)
		}
	}
	require.Equal(t, line.Len(), total, "exclusive and exhaustive")

	advice := line.Advise(segment.Thresholds{Prospect: 90, Churned: -1, New: 3, Loyal: 50})
	require.Len(t, advice, 2)
	require.Equal(t, "2 of 52 customers are new: too many bought once only lately; win their second order before they forget the shop", advice[0].Text)
	require.Equal(t, []any{"loyal", 50}, []any{advice[1].Stage, advice[1].Threshold})
}
