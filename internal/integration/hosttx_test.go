package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// onEngines runs a suite on every engine that can hold the library's own tables.
func onEngines(t *testing.T, suite func(t *testing.T, h home)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")))
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		suite(t, home{sqlstore.SQLite, sqlstore.SQLiteWriter(db)})
	})
	onServers(t, suite)
}

// services are the three on one database.
type services struct {
	groups   *segment.Service
	coupons  *coupon.Service
	messages *message.Service

	couponStore  coupon.Store
	messageStore message.Store
}

type nobody struct{}

func (nobody) Contacts(context.Context, []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	return nil, nil
}

func openServices(t *testing.T, h home) services {
	t.Helper()
	p := prefix()
	groups, err := segmentsql.Open(t.Context(), h.db, h.dialect, segmentsql.Options{Prefix: p})
	require.NoError(t, err)
	coupons, err := couponsql.Open(t.Context(), h.db, h.dialect, couponsql.Options{Prefix: p})
	require.NoError(t, err)
	messages, err := messagesql.Open(t.Context(), h.db, h.dialect, messagesql.Options{Prefix: p})
	require.NoError(t, err)
	data, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	for _, id := range []dangol.CustomerID{"kim", "gone", "kept"} {
		require.NoError(t, data.Apply(t.Context(), store.Change{Customer: id}))
	}
	s := services{couponStore: coupons, messageStore: messages}
	s.groups, err = segment.New(segment.Config{Data: data, State: groups})
	require.NoError(t, err)
	s.coupons, err = coupon.New(coupons, coupon.Config{})
	require.NoError(t, err)
	s.messages, err = message.New(message.Config{Store: messages, Contacts: nobody{}})
	require.NoError(t, err)
	return s
}

// in is the services inside a transaction of the host's.
func (s services) in(t *testing.T, tx *sql.Tx) services {
	t.Helper()
	groups, err := s.groups.WithTx(segmentsql.WithTx(tx))
	require.NoError(t, err)
	coupons, err := s.coupons.WithTx(couponsql.WithTx(tx))
	require.NoError(t, err)
	messages, err := s.messages.WithTx(messagesql.WithTx(tx))
	require.NoError(t, err)
	return services{groups: groups, coupons: coupons, messages: messages}
}

// The host's own row and what all three services wrote are stored together or not at
// all.
func TestHostsTransaction(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		ctx := t.Context()
		s := openServices(t, h)
		coupontest.Save(t, s.coupons, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
		_, err := s.groups.Create(ctx, segment.Definition{ID: "list", Name: "list", Kind: segment.Static})
		require.NoError(t, err)
		_, err = h.db.Exec("CREATE TABLE host_orders (id varchar(20) PRIMARY KEY)")
		require.NoError(t, err)

		checkout := func(id string, end func(*sql.Tx) error) {
			tx, err := h.db.BeginTx(ctx, nil)
			require.NoError(t, err)
			defer tx.Rollback()
			inside := s.in(t, tx)
			customer := dangol.CustomerID(id)
			_, err = tx.Exec("INSERT INTO host_orders (id) VALUES ('" + id + "')")
			require.NoError(t, err)
			_, err = inside.coupons.Issue(ctx, coupon.Issue{Key: id, Definition: "d", Customer: customer})
			require.NoError(t, err)
			_, err = inside.groups.Add(ctx, "list", []dangol.CustomerID{customer}, "bought")
			require.NoError(t, err)
			require.NoError(t, inside.messages.RecordConsent(ctx, message.Consent{Customer: customer, Granted: true}))
			consents, err := inside.messages.Consents(ctx, customer)
			require.NoError(t, err)
			require.Len(t, consents, 1, "the transaction reads its own writes")
			require.NoError(t, end(tx))
		}
		found := func(id string) (rows []int) {
			var orders int
			require.NoError(t, h.db.QueryRow("SELECT count(*) FROM host_orders WHERE id = '"+id+"'").Scan(&orders))
			grants, err := s.coupons.Wallet(ctx, dangol.CustomerID(id))
			require.NoError(t, err)
			groups, err := s.groups.GroupsOf(ctx, dangol.CustomerID(id), false)
			require.NoError(t, err)
			consents, err := s.messages.Consents(ctx, dangol.CustomerID(id))
			require.NoError(t, err)
			return []int{orders, len(grants), len(groups), len(consents)}
		}
		checkout("gone", (*sql.Tx).Rollback)
		require.Equal(t, []int{0, 0, 0, 0}, found("gone"))
		checkout("kept", (*sql.Tx).Commit)
		require.Equal(t, []int{1, 1, 1, 1}, found("kept"))
	})
}

// What sends or waits refuses to be part of a transaction that others cannot see.
func TestHostsTransactionSendsNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		ctx := t.Context()
		s := openServices(t, h)
		tx, err := h.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		defer tx.Rollback()
		m := s.in(t, tx).messages
		for name, f := range map[string]func() error{
			"Save":     func() error { _, err := m.Save(ctx, message.Campaign{}); return err },
			"Start":    func() error { return m.Start(ctx, "c") },
			"Pause":    func() error { return m.Pause(ctx, "c") },
			"Cancel":   func() error { return m.Cancel(ctx, "c") },
			"Tick":     func() error { _, err := m.Tick(ctx); return err },
			"Run":      func() error { return m.Run(ctx, nil) },
			"TestSend": func() error { return m.TestSend(ctx, message.Campaign{}, "c", "x") },
		} {
			require.ErrorIs(t, f(), message.ErrHostTx, name)
		}
	})
}

// A transaction of another kind of store is refused by name.
func TestHostsTransactionOfAnotherStore(t *testing.T) {
	_, err := segment.NewMemory().WithTx(segmentsql.WithTx(nil))
	require.ErrorIs(t, err, segment.ErrInvalid)
	_, err = new(message.MemoryStore).WithTx(messagesql.WithTx(nil))
	require.ErrorIs(t, err, message.ErrHostTx)
	onEngines(t, func(t *testing.T, h home) {
		s := openServices(t, h)
		_, err := s.groups.WithTx(segmentsql.WithTx(nil))
		require.ErrorIs(t, err, segment.ErrInvalid)
		_, err = s.coupons.WithTx(couponsql.WithTx(nil))
		require.ErrorIs(t, err, coupon.ErrRequest)
		_, err = s.messages.WithTx(messagesql.WithTx(nil))
		require.ErrorIs(t, err, message.ErrHostTx)
	})
}

// A host's transaction may have begun to read long before its turn comes, and may be
// REPEATABLE READ, which on MariaDB it is unless told otherwise. It must not decide by
// what it saw then: it sees the newest state, or is told to begin anew.
func TestHostsTransactionWithAnOldSnapshot(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		ctx := t.Context()
		s := openServices(t, h)
		coupontest.Save(t, s.coupons, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000)})
		_, err := s.groups.Create(ctx, segment.Definition{ID: "list", Name: "list", Kind: segment.Static})
		require.NoError(t, err)
		require.NoError(t, s.messages.RecordConsent(ctx, message.Consent{Customer: "kim", Granted: true}))

		begin := func() *sql.Tx {
			tx, err := h.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
			require.NoError(t, err)
			t.Cleanup(func() { _ = tx.Rollback() })
			_, err = s.in(t, tx).messages.Consents(ctx, "kim") // from here on it sees this moment
			require.NoError(t, err)
			return tx
		}
		old := [3]*sql.Tx{begin(), begin(), begin()}
		_, err = s.coupons.Save(ctx, coupon.Definition{ID: "d", Version: 1, Name: "newer", Discount: coupon.AmountOff(2000)})
		require.NoError(t, err)
		_, err = s.groups.Add(ctx, "list", []dangol.CustomerID{"kim"}, "")
		require.NoError(t, err)
		require.NoError(t, s.messages.RecordConsent(ctx, message.Consent{Customer: "kim", Granted: false}))

		again := func(err error) bool { // what tells the host to begin anew
			return h.dialect.Retryable(err) || errors.Is(err, segment.ErrConflict) || errors.Is(err, message.ErrHostTx)
		}
		if r, err := s.in(t, old[0]).coupons.Reserve(ctx, "order", coupon.Request{Cart: coupontest.Cart(5000), Customer: "kim"}); !again(err) {
			require.NoError(t, err)
			_ = r
		}
		g, err := s.in(t, old[0]).coupons.Issue(ctx, coupon.Issue{Key: "k", Definition: "d", Customer: "kim"})
		if !again(err) {
			require.NoError(t, err)
			require.Equal(t, int64(2), g.Version)
		}
		if added, err := s.in(t, old[1]).groups.Add(ctx, "list", []dangol.CustomerID{"kim"}, ""); !again(err) {
			require.NoError(t, err)
			require.Empty(t, added.Changed, "kim is in already")
			require.NoError(t, old[1].Commit())
		}
		// The same consent as the first one: it is a third line, since the second took the
		// first back. By the old snapshot it would be no line at all.
		if err := s.in(t, old[2]).messages.RecordConsent(ctx, message.Consent{Customer: "kim", Granted: true}); !again(err) {
			require.NoError(t, err)
			require.NoError(t, old[2].Commit())
			lines, err := s.messages.Consents(ctx, "kim")
			require.NoError(t, err)
			require.Len(t, lines, 3)
		}
	})
}
