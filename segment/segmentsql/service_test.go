package segmentsql_test

import (
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
