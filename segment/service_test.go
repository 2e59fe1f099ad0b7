package segment_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
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
