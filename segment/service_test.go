package segment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// What the other services ask for.
var (
	_ coupon.Audience  = (*segment.Service)(nil)
	_ message.Audience = (*segment.Service)(nil)
)

func shopData(t require.TestingT) store.Store {
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	return s
}

func TestServiceInMemory(t *testing.T) {
	segmenttest.Service(t, func(*testing.T) segment.Store { return segment.NewMemory() },
		func(t *testing.T) store.Store { return shopData(t) })
}

// In Sao Paulo the day of 4 November 2018 began at 01:00. The group is refreshed at
// that day's first instant, once, and is not due again before the next midnight.
func TestMidnightThatDoesNotExist(t *testing.T) {
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(t, err)
	clock := clockAt(time.Date(2018, 11, 3, 12, 0, 0, 0, zone))
	s, err := segment.New(segment.Config{Data: shopData(t), Clock: clock, Zone: zone})
	require.NoError(t, err)
	_, err = s.Create(t.Context(), segment.Definition{ID: "g", Name: "g", Rule: "orders"})
	require.NoError(t, err)
	first := time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC) // 01:00 local
	var asOf []time.Time
	for at := clock.Now(); at.Before(first.AddDate(0, 0, 2)); at = at.Add(30 * time.Minute) {
		clock.Set(at)
		done, err := s.RefreshDue(t.Context())
		require.NoError(t, err)
		for _, d := range done {
			asOf = append(asOf, d.AsOf)
		}
	}
	require.Equal(t, []time.Time{first, time.Date(2018, 11, 5, 2, 0, 0, 0, time.UTC), time.Date(2018, 11, 6, 2, 0, 0, 0, time.UTC)}, asOf)
}
