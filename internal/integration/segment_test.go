package integration_test

import (
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/stretchr/testify/require"
)

// Every promise of groups holds with their state on a server.
func TestSegmentService(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		segmenttest.Service(t, func(t *testing.T) segment.Store {
			s, err := segmentsql.Open(t.Context(), h.db, h.dialect, segmentsql.Options{Prefix: prefix()})
			require.NoError(t, err)
			return s
		}, func(t *testing.T) store.Store {
			s, err := memstore.New(catalog.Shop(), memstore.Options{})
			require.NoError(t, err)
			return s
		})
	})
}
