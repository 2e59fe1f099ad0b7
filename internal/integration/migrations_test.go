package integration_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// states are the services' states: their migrations, and what opens them.
var states = map[string]struct {
	migrations func(prefix string) sqlstore.Migrations
	open       func(ctx context.Context, db *sql.DB, d sqlstore.Dialect, prefix string) error
}{
	"segment": {segmentsql.Migrations, func(ctx context.Context, db *sql.DB, d sqlstore.Dialect, p string) error {
		_, err := segmentsql.Open(ctx, db, d, segmentsql.Options{Prefix: p})
		return err
	}},
	"coupon": {couponsql.Migrations, func(ctx context.Context, db *sql.DB, d sqlstore.Dialect, p string) error {
		_, err := couponsql.Open(ctx, db, d, couponsql.Options{Prefix: p})
		return err
	}},
	"message": {messagesql.Migrations, func(ctx context.Context, db *sql.DB, d sqlstore.Dialect, p string) error {
		_, err := messagesql.Open(ctx, db, d, messagesql.Options{Prefix: p})
		return err
	}},
}

// A host runs the migrations with its own tool: Open then finds nothing to do. Open
// refuses tables that are newer than the program, and such as were migrated by
// something else than the library's files.
func TestMigrationsByTheHostsTool(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		for name, state := range states {
			t.Run(name, func(t *testing.T) {
				ctx, p := t.Context(), prefix()
				m := state.migrations(p)
				list, err := m.List(h.dialect)
				require.NoError(t, err)
				_, err = h.db.Exec("CREATE TABLE " + p + "migrations (service varchar(64) NOT NULL, version integer NOT NULL, " +
					"name varchar(128) NOT NULL, checksum varchar(64) NOT NULL, PRIMARY KEY (service, version))")
				require.NoError(t, err)
				pending, err := sqlstore.Pending(ctx, h.db, h.dialect, m)
				require.NoError(t, err)
				require.Equal(t, list, pending)
				for _, one := range pending {
					for _, statement := range one.Statements {
						require.Contains(t, statement, p, "every table has the prefix")
						_, err := h.db.Exec(statement)
						require.NoError(t, err)
					}
					_, err := h.db.Exec(h.dialect.Rebind("INSERT INTO "+p+"migrations (service, version, name, checksum) VALUES (?, ?, ?, ?)"),
						m.Service, one.Version, one.Name, one.Checksum)
					require.NoError(t, err)
				}
				pending, err = sqlstore.Pending(ctx, h.db, h.dialect, m)
				require.NoError(t, err)
				require.Empty(t, pending)
				require.NoError(t, state.open(ctx, h.db, h.dialect, p))
				require.NoError(t, state.open(ctx, h.db, h.dialect, prefix()), "beside another prefix")

				_, err = h.db.Exec(h.dialect.Rebind("INSERT INTO "+p+"migrations (service, version, name, checksum) VALUES (?, ?, 'x', 'x')"),
					m.Service, len(list)+1)
				require.NoError(t, err)
				require.ErrorIs(t, state.open(ctx, h.db, h.dialect, p), sqlstore.ErrNewerSchema)
				_, err = h.db.Exec("DELETE FROM " + p + "migrations WHERE checksum = 'x'")
				require.NoError(t, err)
				_, err = h.db.Exec("UPDATE " + p + "migrations SET checksum = 'other' WHERE version = 1")
				require.NoError(t, err)
				require.ErrorIs(t, state.open(ctx, h.db, h.dialect, p), sqlstore.ErrMigrationChanged)
			})
		}
	})
}
