package memstore_test

import (
	"flag"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

var soak = flag.Bool("soak", false, "a million made-up rules instead of two thousand, from a seed of the day")

// worlds is how many made-up shops the store is compared over.
func worlds(t *testing.T) storetest.Option {
	if !*soak {
		return storetest.Worlds(170, 12, 1)
	}
	seed := uint64(time.Now().Unix() / 86400 * 1_000_000)
	t.Logf("from seed %d", seed)
	return storetest.Worlds(84_000, 12, seed)
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		return s
	}, worlds(t))
}
