package memstore_test

import (
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(b, err)
		return s
	}, 10_000)
}
