package segmentsql_test

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// newShop is empty data that says it was read at the start, whenever it is.
func newShop() (store.Store, error) {
	return memstore.New(catalog.Shop(), memstore.Options{Clock: dangol.ClockFunc(func() time.Time { return start })})
}

func shopData(t testing.TB) store.Store {
	s, err := newShop()
	require.NoError(t, err)
	return s
}

func TestServiceOnSQLite(t *testing.T) {
	segmenttest.Service(t,
		func(t *testing.T) segment.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) },
		func(t *testing.T) store.Store { return shopData(t) })
}

// The sizes of the promise are
//
//	go test ./segment/segmentsql -run '^$' -bench State -groups 1000 -customers 100000 -days 365 -benchtime 3x
var (
	benchGroups    = flag.Int("groups", 5, "benchmarks: how many groups")
	benchCustomers = flag.Int("customers", 5000, "benchmarks: how many customers")
	benchDays      = flag.Int("days", 5, "benchmarks: how many days of history")
)

func BenchmarkState(b *testing.B) {
	state := open(b, filepath.Join(b.TempDir(), "state.db"))
	segmenttest.Bench(b, state, shopData(b), segmenttest.Sizes{Groups: *benchGroups, Customers: *benchCustomers, Days: *benchDays})
}
