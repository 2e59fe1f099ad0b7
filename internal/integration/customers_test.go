package integration_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// The library's own tables of customers pass the conformance suite on servers, as
// they do on SQLite.
func TestOwnTables(t *testing.T) {
	for _, server := range []struct {
		name    string
		dialect sqlstore.Dialect
		start   func(testing.TB) *servers.Server
	}{
		{"PostgreSQL", sqlstore.Postgres, servers.Postgres},
		{"MariaDB", sqlstore.MySQL, servers.MariaDB},
	} {
		t.Run(server.name, func(t *testing.T) {
			db := server.start(t).Open(t)
			var shops atomic.Int64
			storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
				s, err := sqlstore.Open(t.Context(), db, server.dialect, c, sqlstore.Options{
					Prefix: fmt.Sprintf("shop%d_", shops.Add(1)), Batch: 50,
				})
				require.NoError(t, err)
				return s
			}, storetest.Worlds(3, 20, 5000))
		})
	}
}
