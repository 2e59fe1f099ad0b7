package integration_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// Processes that make the same tables at the same moment, and then add the same columns,
// all end with a store; each has a pool of its own, of one connection.
func TestOpenersAtOnce(t *testing.T) {
	const openers = 4
	small := *catalog.Shop()
	large := small
	large.Attributes = append(small.Attributes[:len(small.Attributes):len(small.Attributes)],
		catalog.Attribute{Name: "tier", Type: catalog.Type{Sort: catalog.String}}, catalog.Attribute{Name: "hobbies", Type: catalog.Type{Sort: catalog.Set}})
	together := func(t *testing.T, d sqlstore.Dialect, connect func(*testing.T) *sql.DB) {
		var pools [openers]*sql.DB
		for i := range pools {
			pools[i] = connect(t)
			pools[i].SetMaxOpenConns(1)
		}
		for range 10 {
			name := prefix()
			for _, c := range []*catalog.Catalog{&small, &large, &large} {
				start, errs := make(chan struct{}), make(chan error, openers)
				for i, db := range pools {
					go func() {
						<-start
						s, err := sqlstore.Open(t.Context(), db, d, c, sqlstore.Options{Prefix: name})
						if err == nil {
							err = s.Apply(t.Context(), purchaseOf(dangol.CustomerID(fmt.Sprint("c", i)), 100)...)
						}
						errs <- err
					}()
				}
				close(start)
				for range pools {
					require.NoError(t, <-errs)
				}
			}
			s, err := sqlstore.Open(t.Context(), pools[0], d, &large, sqlstore.Options{Prefix: name, ReadOnly: true})
			require.NoError(t, err)
			for i := range pools {
				c, err := s.Customer(t.Context(), dangol.CustomerID(fmt.Sprint("c", i)))
				require.NoError(t, err)
				require.Len(t, c.Records["items"], 2)
			}
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		file := sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db"))
		together(t, sqlstore.SQLite, func(t *testing.T) *sql.DB { return poolOf(t, "sqlite", file) })
	})
	onServer(t, func(t *testing.T, h home, server *servers.Server) {
		together(t, h.dialect, func(t *testing.T) *sql.DB { return server.Open(t) })
	})
}
