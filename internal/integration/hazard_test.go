package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// atOnce runs n at the same time and returns their errors.
func atOnce(n int, f func(i int) error) []error {
	out := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			out[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return out
}

// Nobody can lock a row that is not there: PostgreSQL locks nothing, MariaDB a gap that
// others lock as well. Eight who all make the first row of something make one.
func TestFirstRowMadeOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, h home) {
		ctx := t.Context()
		s := openServices(t, h)
		d := coupontest.Save(t, s.coupons, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 3}}})
		g := coupontest.Save(t, s.coupons, coupon.Definition{ID: "once", Discount: coupon.AmountOff(1000)})
		_, err := s.coupons.AddSharedCode(ctx, coupon.SharedCode{Code: "PROMO", Definition: d.ID})
		require.NoError(t, err)
		req := coupon.Request{Customer: "kim", Cart: coupontest.Cart(5000), Codes: []string{"PROMO"}}

		// One key, the first of all: everybody gets the one answer.
		for _, err := range atOnce(8, func(int) error { _, err := s.coupons.Reserve(ctx, "key", req); return err }) {
			require.NoError(t, err)
		}
		// Eight keys for a limit whose counter is young: two are left.
		var full atomic.Int64
		for _, err := range atOnce(8, func(i int) error { _, err := s.coupons.Reserve(ctx, fmt.Sprint("key ", i), req); return err }) {
			if _, refused := coupon.Refused(err); refused {
				full.Add(1)
				continue
			}
			require.NoError(t, err)
		}
		require.Equal(t, int64(6), full.Load())
		// One issue, one group, one top-up, one consent.
		grants := map[string]bool{}
		var mu sync.Mutex
		for _, err := range atOnce(8, func(int) error {
			got, err := s.coupons.Issue(ctx, coupon.Issue{Key: "issue", Definition: g.ID, Customer: "kim"})
			mu.Lock()
			defer mu.Unlock()
			grants[got.ID] = true
			return err
		}) {
			require.NoError(t, err)
		}
		require.Len(t, grants, 1)
		made := 0
		for _, err := range atOnce(8, func(int) error {
			_, err := s.groups.Create(ctx, segment.Definition{ID: "g", Name: "g", Rule: "orders"})
			return err
		}) {
			if err == nil {
				made++
				continue
			}
			require.ErrorIs(t, err, segment.ErrExists)
		}
		require.Equal(t, 1, made)
		for _, err := range atOnce(8, func(int) error { return s.messages.TopUp(ctx, "first", 100) }) {
			require.NoError(t, err)
		}
		credits, err := s.messages.Credits(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(100), credits.Available)
		coupontest.CheckLedger(t, s.couponStore, d)
	})
}

// Two transactions that lock two rows in opposite order: the engine ends one of them,
// which runs again. Neither fails, and both have their effect once.
func TestDeadlockIsRunAgain(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		ctx := t.Context()
		table := prefix() + "two"
		_, err := h.db.Exec("CREATE TABLE " + table + " (id integer PRIMARY KEY, n integer NOT NULL)")
		require.NoError(t, err)
		_, err = h.db.Exec("INSERT INTO " + table + " VALUES (0, 0), (1, 0)")
		require.NoError(t, err)
		var met sync.WaitGroup // both hold their first row
		met.Add(2)
		var runs atomic.Int64
		for _, err := range atOnce(2, func(i int) error {
			first := true
			return sqlstore.InTx(ctx, h.db, h.dialect, func(tx *sql.Tx) error {
				runs.Add(1)
				if _, err := tx.Exec(fmt.Sprintf("UPDATE %s SET n = n + 1 WHERE id = %d", table, i)); err != nil {
					return err
				}
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				_, err := tx.Exec(fmt.Sprintf("UPDATE %s SET n = n + 1 WHERE id = %d", table, 1-i))
				return err
			})
		}) {
			require.NoError(t, err)
		}
		require.Greater(t, runs.Load(), int64(2), "one was run again")
		var sum int
		require.NoError(t, h.db.QueryRow("SELECT sum(n) FROM "+table).Scan(&sum))
		require.Equal(t, 4, sum)
	})
}

// MariaDB's own deadlock, without two rows: many insert one key while it is being
// inserted and rolled back, each gets a lock that the others are waiting to pass.
// PostgreSQL's: a serializable transaction that read what another changed.
func TestConflictIsRunAgain(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		ctx := t.Context()
		table := prefix() + "one"
		_, err := h.db.Exec("CREATE TABLE " + table + " (id integer PRIMARY KEY, n integer NOT NULL)")
		require.NoError(t, err)
		var runs atomic.Int64
		if h.dialect == sqlstore.Postgres {
			_, err = h.db.Exec("INSERT INTO " + table + " VALUES (0, 0)")
			require.NoError(t, err)
			var met sync.WaitGroup
			met.Add(4)
			for _, err := range atOnce(4, func(int) error {
				first := true
				return sqlstore.InTx(ctx, h.db, h.dialect, func(tx *sql.Tx) error {
					runs.Add(1)
					if _, err := tx.Exec("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
						return err
					}
					var n int
					if err := tx.QueryRow("SELECT n FROM " + table).Scan(&n); err != nil {
						return err
					}
					if first {
						first = false
						met.Done()
						met.Wait()
					}
					_, err := tx.Exec("UPDATE "+table+" SET n = $1", n+1)
					return err
				})
			}) {
				require.NoError(t, err)
			}
			var n int
			require.NoError(t, h.db.QueryRow("SELECT n FROM "+table).Scan(&n))
			require.Equal(t, 4, n)
			require.Greater(t, runs.Load(), int64(4))
			return
		}
		first, err := h.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		_, err = first.Exec("INSERT INTO " + table + " VALUES (1, 0)")
		require.NoError(t, err)
		waiting := make(chan []error)
		go func() {
			waiting <- atOnce(4, func(int) error {
				return sqlstore.InTx(ctx, h.db, h.dialect, func(tx *sql.Tx) error {
					runs.Add(1)
					_, err := tx.Exec("INSERT INTO " + table + " VALUES (1, 0)" + h.dialect.DoNothing("id"))
					return err
				})
			})
		}()
		for { // until all four wait for the lock
			var n int
			require.NoError(t, h.db.QueryRow("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'").Scan(&n))
			if n >= 4 {
				break
			}
			// MariaDB answers from a copy for as long as it is asked within a tenth of a second.
			time.Sleep(200 * time.Millisecond)
		}
		require.NoError(t, first.Rollback())
		for _, err := range <-waiting {
			require.NoError(t, err)
		}
		var n int
		require.NoError(t, h.db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
		require.Equal(t, 1, n)
		t.Logf("%d runs of 4 transactions", runs.Load())
	})
}

// Running again has an end: where a row stays locked, the caller is told that the
// database is busy, after a bounded number of tries, and nothing was written.
func TestConflictWithoutEnd(t *testing.T) {
	onServers(t, func(t *testing.T, h home) {
		ctx := t.Context()
		table := prefix() + "held"
		_, err := h.db.Exec("CREATE TABLE " + table + " (id integer PRIMARY KEY, n integer NOT NULL)")
		require.NoError(t, err)
		_, err = h.db.Exec("INSERT INTO " + table + " VALUES (0, 0)")
		require.NoError(t, err)
		holder, err := h.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		defer holder.Rollback()
		_, err = holder.Exec("UPDATE " + table + " SET n = 1")
		require.NoError(t, err)
		impatient := "SET LOCAL lock_timeout = '1ms'"
		if h.dialect == sqlstore.MySQL {
			impatient = "SET innodb_lock_wait_timeout = 0"
		}
		runs := 0
		err = sqlstore.InTx(ctx, h.db, h.dialect, func(tx *sql.Tx) error {
			runs++
			if _, err := tx.Exec(impatient); err != nil {
				return err
			}
			_, err := tx.Exec("UPDATE " + table + " SET n = n + 1")
			return err
		})
		require.ErrorIs(t, err, sqlstore.ErrBusy)
		require.Greater(t, runs, 5)
		require.Less(t, runs, 50)
		require.NoError(t, holder.Rollback())
		var n int
		require.NoError(t, h.db.QueryRow("SELECT n FROM "+table).Scan(&n))
		require.Zero(t, n)
	})
}

// A group that is edited, refreshed and sent to at once, by the real services on one
// database: an edit and the start of a campaign never both pass each other, and
// whoever is sent to was a member of the very version that was frozen.
func TestGroupsAndCampaignsTogether(t *testing.T) {
	rounds := 6
	if *soak {
		rounds = 200
	}
	onEngines(t, func(t *testing.T, h home) {
		ctx := t.Context()
		s := openServices(t, h)
		_, err := s.groups.Create(ctx, segment.Definition{ID: "g", Name: "g", Rule: "not orders"})
		require.NoError(t, err)
		for round := range rounds {
			id := fmt.Sprint("round-", round)
			g := &gateway{}
			m := s.mailer(t, g)
			require.NoError(t, prepareRound(ctx, m, id))
			rule := []string{"orders", "not orders"}[round%2]
			errs := atOnce(4, func(i int) error {
				switch i {
				case 0:
					return m.Start(ctx, id)
				case 1:
					_, err := s.groups.Edit(ctx, "g", func(d *segment.Definition) { d.Rule = rule })
					return err
				case 2:
					_, err := s.groups.Refresh(ctx, "g")
					return err
				}
				_, err := m.Tick(ctx)
				return err
			})
			require.NoError(t, errs[0], "Start")
			if errs[1] != nil {
				var held *segment.HeldError
				require.True(t, errors.As(errs[1], &held) || errors.Is(errs[1], segment.ErrConflict), "Edit: %v", errs[1])
				if held != nil {
					require.Equal(t, id, held.Uses[0].ID, "the error lists the campaign")
				}
			}
			require.NoError(t, errs[2], "Refresh")
			require.NoError(t, errs[3], "Tick")
			_, err := m.Tick(ctx)
			require.NoError(t, err)

			ledger, err := m.Occurrences(ctx, id)
			require.NoError(t, err)
			require.Len(t, ledger, 1)
			from, _, err := ledger[0].FrozenFrom()
			require.NoError(t, err)
			require.Len(t, from, 1)
			members := 0
			for customer, err := range s.groups.All(ctx, from[0]) {
				require.NoError(t, err)
				why, err := m.Why(ctx, id, customer)
				require.NoError(t, err)
				require.Len(t, why, 1, "%s is a member of what was frozen", customer)
				members++
			}
			require.Equal(t, from[0].Count, members)
			require.Equal(t, members, ledger[0].Audience, "nobody else")
			require.Len(t, g.took, members)
			_, err = s.groups.Edit(ctx, "g", func(d *segment.Definition) { d.Rule = rule })
			require.NoError(t, err, "the campaign is over and holds nothing")
		}
	})
}

// mailer is a service over the shop's groups that sends by a gateway.
func (s services) mailer(t *testing.T, g *gateway) *message.Service {
	t.Helper()
	m, err := message.New(message.Config{
		Store: s.messageStore, Audience: s.groups, Contacts: crowd{}, Senders: map[message.Channel]message.Sender{message.SMS: g},
	})
	require.NoError(t, err)
	return m
}

func prepareRound(ctx context.Context, m *message.Service, id string) error {
	_, err := m.Save(ctx, message.Campaign{ID: id, Purpose: message.Informational, Groups: []string{"g"},
		Schedule: message.Schedule{Start: time.Now()}, Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
	return err
}
