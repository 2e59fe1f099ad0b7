package segmenttest

import (
	"context"
	"fmt"
	"iter"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
)

// Sizes are how large a Bench is.
type Sizes struct{ Groups, Customers, Days int }

// readyData answers every rule at once: the benchmarks are about what comes after.
// Each group holds a twentieth of the customers, of whom one in fifty moves a day.
type readyData struct {
	store.Store
	ids []dangol.CustomerID
}

func (d *readyData) Select(_ context.Context, q store.Query) ([]store.Answer, error) {
	day := int(q.AsOf.Unix() / 86400)
	out := make([]store.Answer, len(q.Plans))
	for g := range q.Plans {
		out[g] = store.Answer{Members: &band{ids: d.ids, seed: uint32(g), day: day}, AsOf: q.AsOf, Exact: true}
	}
	return out, nil
}

// band is a twentieth of the customers: those whose slot lies in a window that
// moves on by a fiftieth of its width a day.
type band struct {
	ids  []dangol.CustomerID
	seed uint32
	day  int
}

func (b *band) in(i int) bool {
	slot := (uint32(i)*2654435761 + b.seed*40503) % 50_000
	return (slot+uint32(b.day)*50)%50_000 < 2_500
}

func (b *band) All() iter.Seq[dangol.CustomerID] {
	return func(yield func(dangol.CustomerID) bool) {
		for i, id := range b.ids {
			if b.in(i) && !yield(id) {
				return
			}
		}
	}
}

func (b *band) Len() int {
	n := 0
	for range b.All() {
		n++
	}
	return n
}

func (b *band) Contains(id dangol.CustomerID) bool {
	i := sort.Search(len(b.ids), func(i int) bool { return b.ids[i] >= id })
	return i < len(b.ids) && b.ids[i] == id && b.in(i)
}

// lived is a shop with groups and history.
func lived(b *testing.B, state segment.Store, shop store.Store, size Sizes) (*segment.Service, *readyData, func(day int)) {
	data := &readyData{Store: shop}
	for i := range size.Customers {
		data.ids = append(data.ids, dangol.CustomerID(fmt.Sprintf("customer-%07d", i)))
	}
	first := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := &Clock{now: first}
	s, err := segment.New(segment.Config{Data: data, State: state, Clock: clock, Limit: -1})
	require.NoError(b, err)
	for g := range size.Groups {
		id := fmt.Sprintf("g%04d", g)
		_, err := s.Create(b.Context(), segment.Definition{ID: id, Name: id, Rule: "orders(" + fmt.Sprint(g+1) + "d)"})
		require.NoError(b, err)
	}
	next := func(day int) {
		clock.Set(first.AddDate(0, 0, day))
		done, err := s.RefreshDue(b.Context())
		require.NoError(b, err)
		require.Len(b, done, size.Groups)
	}
	for day := 1; day <= size.Days; day++ {
		next(day)
	}
	return s, data, next
}

// Bench measures a state under a shop of some size, after days of history: a night's
// refresh of all groups, the members of a past day, the groups of a customer, and
// one membership. shop gives the catalog; its customers are not asked.
func Bench(b *testing.B, state segment.Store, shop store.Store, size Sizes) {
	ctx := b.Context()
	s, data, next := lived(b, state, shop, size)
	day := size.Days
	b.Run("refresh", func(b *testing.B) {
		for b.Loop() {
			day++
			next(day)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size.Groups), "ns/group")
	})
	past := time.Date(2025, 1, 1+size.Days/2, 12, 0, 0, 0, time.UTC)
	b.Run("members at", func(b *testing.B) {
		n := 0
		for b.Loop() {
			snap, err := s.MembersAt(ctx, "g0000", past)
			require.NoError(b, err)
			for range s.All(ctx, snap) {
				n++
			}
			require.NotZero(b, n)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/member")
	})
	b.Run("groups of", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			_, err := s.GroupsOf(ctx, data.ids[i*7919%len(data.ids)], false)
			require.NoError(b, err)
		}
	})
	b.Run("contains", func(b *testing.B) {
		snap, err := s.Snapshot(ctx, "g0000")
		require.NoError(b, err)
		i := 0
		for b.Loop() {
			i++
			_, err := s.Contains(ctx, snap, data.ids[i*7919%len(data.ids)])
			require.NoError(b, err)
		}
	})
}
