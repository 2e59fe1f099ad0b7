package integration_test

import (
	"errors"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// A process that is cut off while it makes the tables, or adds to them, leaves what the
// next one finishes, also where the database keeps each such statement at once.
func TestOpenIsFinishedByTheNext(t *testing.T) {
	small := *catalog.Shop()
	large := small
	large.Attributes = append(small.Attributes[:len(small.Attributes):len(small.Attributes)],
		catalog.Attribute{Name: "tier", Type: catalog.Type{Sort: catalog.String}}, catalog.Attribute{Name: "hobbies", Type: catalog.Type{Sort: catalog.Set}})
	onServer(t, func(t *testing.T, h home, server *servers.Server) {
		p, db := proxied(t, h, server)
		open := func(name string, c *catalog.Catalog, of sqlstore.Options) error {
			of.Prefix = name
			s, err := sqlstore.Open(t.Context(), h.db, h.dialect, c, of)
			if err == nil && !of.ReadOnly {
				err = s.Apply(t.Context(), purchaseOf("a", 100)...)
			}
			return err
		}
		broken := 0
		for n := int64(1); ; n += 11 {
			name := prefix()
			p.cutRequest(n)
			_, err := sqlstore.Open(t.Context(), db, h.dialect, &small, sqlstore.Options{Prefix: name})
			p.requests.Store(0)
			if p.cuts.Load() == 0 {
				require.NoError(t, err)
				break
			}
			if err != nil {
				require.ErrorIs(t, err, sqlstore.ErrLost)
				if err := open(name, &small, sqlstore.Options{ReadOnly: true}); err != nil {
					broken++
					require.True(t, errors.Is(err, sqlstore.ErrNotLoaded) || errors.Is(err, sqlstore.ErrCatalogChanged), "%v", err)
				}
			}
			// By turns with the same catalog and with one that asks for more.
			require.NoError(t, open(name, []*catalog.Catalog{&small, &large}[n%2], sqlstore.Options{}), "request %d", n)
			require.NoError(t, open(name, &large, sqlstore.Options{}), "request %d", n)
		}
		require.Greater(t, broken, 5)

		name := prefix()
		require.NoError(t, open(name, &small, sqlstore.Options{}))
		for n := int64(1); ; n++ {
			p.cutRequest(n)
			_, err := sqlstore.Open(t.Context(), db, h.dialect, &large, sqlstore.Options{Prefix: name})
			p.requests.Store(0)
			require.NoError(t, open(name, &large, sqlstore.Options{}), "request %d: %v", n, err)
			if p.cuts.Load() == 0 {
				require.NoError(t, err)
				break
			}
			name = prefix()
			require.NoError(t, open(name, &small, sqlstore.Options{}))
		}

		// A table of the host's that bears the name is left alone, however often one tries.
		name = prefix()
		_, err := h.db.Exec("CREATE TABLE " + h.dialect.Quote(name+"customers") + " (id INTEGER)")
		require.NoError(t, err)
		for range 2 {
			require.Error(t, open(name, &small, sqlstore.Options{}))
		}
		rows, err := h.db.Query("SELECT * FROM " + h.dialect.Quote(name+"customers"))
		require.NoError(t, err)
		defer rows.Close()
		columns, err := rows.Columns()
		require.NoError(t, err)
		require.Equal(t, []string{"id"}, columns)
	})
}
