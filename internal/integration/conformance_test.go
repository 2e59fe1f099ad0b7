package integration_test

import (
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/message/messagetest"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// A server's databases for the library's own tables: every case gets tables of its
// own by their prefix.
type home struct {
	dialect sqlstore.Dialect
	db      *sql.DB
}

var opened atomic.Int64

func prefix() string { return fmt.Sprintf("t%d_", opened.Add(1)) }

// onServers runs a suite on every server that can hold the library's own tables.
func onServers(t *testing.T, suite func(t *testing.T, h home)) {
	for name, s := range map[string]struct {
		dialect sqlstore.Dialect
		start   func(testing.TB) *servers.Server
	}{
		"PostgreSQL":    {sqlstore.Postgres, servers.Postgres},
		"PostgreSQL 18": {sqlstore.Postgres, servers.Postgres18},
		"MariaDB":       {sqlstore.MySQL, servers.MariaDB},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, home{s.dialect, s.start(t).Open(t)})
		})
	}
}

// The library's own tables of customers pass the conformance suite on servers, as they
// do on SQLite, and in batches of few and of many.
func TestCustomers(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		for _, batch := range []int{7, 50} {
			storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
				s, err := sqlstore.Open(t.Context(), h.db, h.dialect, c, sqlstore.Options{Prefix: prefix(), Batch: batch})
				require.NoError(t, err)
				return s
			}, storetest.Worlds(3, 16, 1000*uint64(batch)))
		}
	})
}

func TestSegmentState(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		segmenttest.Run(t, func(t *testing.T) segment.Store {
			s, err := segmentsql.Open(t.Context(), h.db, h.dialect, segmentsql.Options{Prefix: prefix()})
			require.NoError(t, err)
			return s
		})
	})
}

func TestCouponState(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		coupontest.Run(t, func(t testing.TB) coupon.Store {
			s, err := couponsql.Open(t.Context(), h.db, h.dialect, couponsql.Options{Prefix: prefix()})
			require.NoError(t, err)
			return s
		})
	})
}

func TestMessageState(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		messagetest.Run(t, func(t *testing.T) message.Store {
			s, err := messagesql.Open(t.Context(), h.db, h.dialect, messagesql.Options{Prefix: prefix()})
			require.NoError(t, err)
			return s
		})
	})
}
