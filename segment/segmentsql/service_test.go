package segmentsql_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

func shopData(t testing.TB) store.Store {
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	return s
}

func TestServiceOnSQLite(t *testing.T) {
	segmenttest.Service(t,
		func(t *testing.T) segment.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) },
		func(t *testing.T) store.Store { return shopData(t) })
}
