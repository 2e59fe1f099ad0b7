package coupontest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

func storeCases() []Case {
	return []Case{
		{"store/all or nothing", "a crash in the middle would leave a use taken that no order has", allOrNothing},
		{"store/take is bounded", "the limit itself: one use too many is money lost", takeIsBounded},
		{"store/give is bounded", "giving back twice would let a coupon be used beyond its limit", giveIsBounded},
		{"store/grants are unique", "one code would stand for two coupons", grantsAreUnique},
		{"store/records are guarded", "two calls that read the same record would both change it", recordsAreGuarded},
		{"store/keys are unique", "one order would reserve twice", keysAreUnique},
		{"store/records are copies", "a caller who changes an answer would change the state", recordsAreCopies},
		{"store/a view does not write", "a quote would have effects", viewsDoNotWrite},
		{"store/grants are found", "wallets, reminders and exports would miss coupons", grantsAreFound},
		{"store/definitions are versioned", "a customer's coupon would change under them", definitionsAreVersioned},
		{"store/overdue reservations are found", "unpaid carts would hold a limit for ever", overdueAreFound},
		{"store/the ledger only grows", "counters could not be checked", ledgerGrows},
	}
}

func update(t testing.TB, s coupon.Store, f func(tx coupon.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(context.Background(), f))
}

func view(t testing.TB, s coupon.Store, f func(tx coupon.Tx) error) {
	t.Helper()
	require.NoError(t, s.View(context.Background(), f))
}

// define stores a plain definition without the service.
func define(t testing.TB, s coupon.Store, id string) coupon.Definition {
	t.Helper()
	d := coupon.Definition{ID: id, Version: 1, Name: id, Kind: coupon.KindCoupon, Currency: dangol.KRW, Zone: "Asia/Seoul",
		Discount: coupon.AmountOff(1000)}
	update(t, s, func(tx coupon.Tx) error { return tx.SaveDefinition(context.Background(), d) })
	return d
}

func sampleGrant(id string) coupon.Grant {
	return coupon.Grant{ID: id, Definition: "d", Version: 1, Code: "CODE" + id, Customer: "kim", Key: "key/" + id,
		Campaign: "c", Group: "g", Issued: Start, Starts: Start, Expires: Start.Add(time.Hour)}
}

func sampleRedemption(key string) coupon.Redemption {
	return coupon.Redemption{
		Key: key, State: coupon.StateReserved, Customer: "kim", Currency: dangol.KRW, Discount: 10,
		Lines: []coupon.PaidLine{{Line: "1", Quantity: 2, Before: 100, Discount: 10}},
		Uses:  []coupon.Use{{Definition: "d", Version: 1, Name: "d", Grant: "g1", Discount: 10, Shares: []coupon.Share{{Line: "1", Amount: 10}}}},
		At:    Start, Reserved: Start, Expires: Start.Add(time.Hour), Request: "print",
	}
}

func allOrNothing(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	define(t, s, "d")
	scope := coupon.Scope{Definition: "d", Kind: coupon.ScopeUse}
	write := func(tx coupon.Tx) error {
		d := coupon.Definition{ID: "e", Version: 1, Name: "e", Kind: coupon.KindCoupon}
		ok, takeErr := tx.Take(ctx, scope, coupon.Count{Uses: 1}, coupon.Count{})
		require.True(t, ok)
		fresh, insertErr := tx.InsertRedemption(ctx, sampleRedemption("k"))
		require.True(t, fresh)
		return errors.Join(takeErr, insertErr,
			tx.SaveDefinition(ctx, d),
			tx.SetStops(ctx, "d", coupon.Stops{Using: true}),
			tx.InsertGrants(ctx, []coupon.Grant{sampleGrant("g1")}),
			tx.SetUsed(ctx, "g1", Start, "o", 7),
			tx.SaveBatch(ctx, coupon.Batch{ID: "b", Definition: "d", Version: 1, Count: 5, Created: Start}),
			tx.AppendLedger(ctx, []coupon.Entry{{Key: "k", Event: coupon.EventReserve, At: Start, Counted: Start, Definition: "d", Version: 1}}))
	}
	stop := errors.New("stop")
	err := s.Update(ctx, func(tx coupon.Tx) error { return errors.Join(write(tx), stop) })
	require.ErrorIs(t, err, stop)
	nothing := func() {
		t.Helper()
		view(t, s, func(tx coupon.Tx) error {
			_, err := tx.Definition(ctx, "e", 0)
			require.ErrorIs(t, err, coupon.ErrNotFound)
			d, err := tx.Definition(ctx, "d", 0)
			require.NoError(t, err)
			require.Zero(t, d.Stops)
			_, err = tx.Grant(ctx, coupon.GrantRef{ID: "g1"})
			require.ErrorIs(t, err, coupon.ErrNotFound)
			_, err = tx.Grant(ctx, coupon.GrantRef{Code: "CODEg1"})
			require.ErrorIs(t, err, coupon.ErrNotFound)
			_, err = tx.Redemption(ctx, "k")
			require.ErrorIs(t, err, coupon.ErrNotFound)
			_, err = tx.Batch(ctx, "b")
			require.ErrorIs(t, err, coupon.ErrNotFound)
			counts, err := tx.Counts(ctx, []coupon.Scope{scope})
			require.NoError(t, err)
			require.Zero(t, counts[0])
			es, err := tx.Ledger(ctx, "", 0, 10)
			require.NoError(t, err)
			require.Empty(t, es)
			return nil
		})
	}
	nothing()
	require.Panics(t, func() {
		_ = s.Update(ctx, func(tx coupon.Tx) error {
			_ = write(tx)
			panic("host bug")
		})
	})
	nothing()
	update(t, s, write)
	view(t, s, func(tx coupon.Tx) error {
		g, err := tx.Grant(ctx, coupon.GrantRef{Key: "key/g1"})
		require.NoError(t, err)
		want := sampleGrant("g1")
		want.Used, want.Order, want.Discount = Start, "o", 7
		require.Empty(t, cmp.Diff(want, g))
		r, err := tx.Redemption(ctx, "k")
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(sampleRedemption("k"), r, cmpopts.EquateEmpty()))
		return nil
	})
}

func takeIsBounded(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	scope := coupon.Scope{Definition: "d", Kind: coupon.ScopeUse, Subject: "kim", Period: "2026-11"}
	for _, c := range []struct {
		n, max coupon.Count
		ok     bool
		have   coupon.Count
	}{
		{coupon.Count{Uses: 3}, coupon.Count{Uses: 2}, false, coupon.Count{}},
		{coupon.Count{Uses: 1, Amount: 11}, coupon.Count{Amount: 10}, false, coupon.Count{}},
		{coupon.Count{Uses: 1, Amount: 6}, coupon.Count{Uses: 2, Amount: 10}, true, coupon.Count{Uses: 1, Amount: 6}},
		{coupon.Count{Uses: 1, Amount: 5}, coupon.Count{Uses: 2, Amount: 10}, false, coupon.Count{Uses: 1, Amount: 6}},
		{coupon.Count{Uses: 1, Amount: 4}, coupon.Count{Uses: 2, Amount: 10}, true, coupon.Count{Uses: 2, Amount: 10}},
		{coupon.Count{Uses: 1}, coupon.Count{Uses: 2, Amount: 10}, false, coupon.Count{Uses: 2, Amount: 10}},
		{coupon.Count{Uses: 1}, coupon.Count{Amount: 10}, true, coupon.Count{Uses: 3, Amount: 10}},
		{coupon.Count{Uses: 1, Amount: 1}, coupon.Count{}, true, coupon.Count{Uses: 4, Amount: 11}},
	} {
		update(t, s, func(tx coupon.Tx) error {
			ok, err := tx.Take(ctx, scope, c.n, c.max)
			require.Equal(t, c.ok, ok, "take %v of %v", c.n, c.max)
			return err
		})
		view(t, s, func(tx coupon.Tx) error {
			counts, err := tx.Counts(ctx, []coupon.Scope{{Definition: "other"}, scope})
			require.Equal(t, []coupon.Count{{}, c.have}, counts)
			return err
		})
	}
	update(t, s, func(tx coupon.Tx) error { return tx.ResetCounters(ctx, "d", coupon.ScopeIssue) })
	view(t, s, func(tx coupon.Tx) error {
		counts, err := tx.Counts(ctx, []coupon.Scope{scope})
		require.Equal(t, int64(4), counts[0].Uses)
		return err
	})
	update(t, s, func(tx coupon.Tx) error { return tx.ResetCounters(ctx, "d", coupon.ScopeUse) })
	view(t, s, func(tx coupon.Tx) error {
		counts, err := tx.Counts(ctx, []coupon.Scope{scope})
		require.Zero(t, counts[0])
		return err
	})
}

func giveIsBounded(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	scope := coupon.Scope{Definition: "d", Kind: coupon.ScopeGrant, Subject: "g1"}
	update(t, s, func(tx coupon.Tx) error {
		ok, err := tx.Give(ctx, scope, coupon.Count{Uses: 1})
		require.False(t, ok, "an absent counter is zero")
		return err
	})
	update(t, s, func(tx coupon.Tx) error {
		_, err := tx.Take(ctx, scope, coupon.Count{Uses: 2, Amount: 5}, coupon.Count{})
		return err
	})
	for _, c := range []struct {
		n  coupon.Count
		ok bool
	}{
		{coupon.Count{Uses: 1, Amount: 6}, false},
		{coupon.Count{Uses: 3}, false},
		{coupon.Count{Uses: 1, Amount: 5}, true},
		{coupon.Count{Uses: 1}, true},
		{coupon.Count{Uses: 1}, false},
	} {
		update(t, s, func(tx coupon.Tx) error {
			ok, err := tx.Give(ctx, scope, c.n)
			require.Equal(t, c.ok, ok, "give %v", c.n)
			return err
		})
	}
}

func grantsAreUnique(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	define(t, s, "d")
	insert := func(gs ...coupon.Grant) error {
		return s.Update(ctx, func(tx coupon.Tx) error { return tx.InsertGrants(ctx, gs) })
	}
	require.NoError(t, insert(sampleGrant("g1")))
	for name, change := range map[string]func(*coupon.Grant){
		"id":   func(g *coupon.Grant) { g.ID = "g1" },
		"code": func(g *coupon.Grant) { g.Code = "CODEg1" },
		"key":  func(g *coupon.Grant) { g.Key = "key/g1" },
	} {
		g := sampleGrant("g2")
		change(&g)
		require.ErrorIs(t, insert(sampleGrant("g3"), g), coupon.ErrConflict, name)
	}
	view(t, s, func(tx coupon.Tx) error {
		n, err := tx.CountGrants(ctx)
		require.Equal(t, int64(1), n, "none of a refused set is in")
		return err
	})
	a, b := sampleGrant("g4"), sampleGrant("g5")
	a.Key, b.Key = "", ""
	require.NoError(t, insert(a, b), "grants without a key are many")
	require.NoError(t, insert(), "none is fine")
}

func recordsAreGuarded(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	define(t, s, "d")
	update(t, s, func(tx coupon.Tx) error {
		_, err := tx.InsertRedemption(ctx, sampleRedemption("k"))
		return errors.Join(err, tx.InsertGrants(ctx, []coupon.Grant{sampleGrant("g1")}),
			tx.SaveBatch(ctx, coupon.Batch{ID: "b", Definition: "d", Version: 1, Count: 5, Created: Start}))
	})
	var g coupon.Grant
	var r coupon.Redemption
	var b coupon.Batch
	view(t, s, func(tx coupon.Tx) (err error) {
		g, err = tx.Grant(ctx, coupon.GrantRef{ID: "g1"})
		require.NoError(t, err)
		r, err = tx.Redemption(ctx, "k")
		require.NoError(t, err)
		b, err = tx.Batch(ctx, "b")
		return err
	})
	g.Customer, r.State, b.Done = "lee", coupon.StateReleased, 3
	changes := map[string]func(tx coupon.Tx) error{
		"grant":      func(tx coupon.Tx) error { return tx.ReplaceGrant(ctx, g) },
		"redemption": func(tx coupon.Tx) error { return tx.ReplaceRedemption(ctx, r) },
		"batch":      func(tx coupon.Tx) error { return tx.SaveBatch(ctx, b) },
	}
	for name, change := range changes {
		require.NoError(t, s.Update(ctx, change), name)
		require.ErrorIs(t, s.Update(ctx, change), coupon.ErrConflict, "%s: the same change again reads the old record", name)
	}
	require.ErrorIs(t, s.Update(ctx, func(tx coupon.Tx) error {
		return tx.SaveBatch(ctx, coupon.Batch{ID: "b", Definition: "d", Version: 1, Count: 9, Created: Start})
	}), coupon.ErrConflict)
	view(t, s, func(tx coupon.Tx) error {
		now, err := tx.Grant(ctx, coupon.GrantRef{ID: "g1"})
		require.NoError(t, err)
		require.Equal(t, dangol.CustomerID("lee"), now.Customer)
		require.Equal(t, g.Rev+1, now.Rev)
		left, err := tx.Batch(ctx, "b")
		require.NoError(t, err)
		require.Equal(t, int64(3), left.Done)
		require.Equal(t, int64(5), left.Count)
		return nil
	})
}

func keysAreUnique(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	for i, want := range []bool{true, false} {
		update(t, s, func(tx coupon.Tx) error {
			r := sampleRedemption("k")
			r.Discount = int64(i)
			fresh, err := tx.InsertRedemption(ctx, r)
			require.Equal(t, want, fresh)
			return err
		})
	}
	view(t, s, func(tx coupon.Tx) error {
		r, err := tx.Redemption(ctx, "k")
		require.Zero(t, r.Discount, "the first stands")
		_, missing := tx.Redemption(ctx, "K")
		require.ErrorIs(t, missing, coupon.ErrNotFound, "keys are compared byte by byte")
		_, missing = tx.Redemption(ctx, "k ")
		require.ErrorIs(t, missing, coupon.ErrNotFound, "keys are compared byte by byte")
		return err
	})
}

func recordsAreCopies(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	d := define(t, s, "d")
	d.Version, d.Stores = 2, []string{"a"}
	r := sampleRedemption("k")
	update(t, s, func(tx coupon.Tx) error {
		_, err := tx.InsertRedemption(ctx, r)
		return errors.Join(err, tx.SaveDefinition(ctx, d))
	})
	d.Stores[0], r.Uses[0].Discount = "changed", 99
	for range 2 {
		view(t, s, func(tx coupon.Tx) error {
			d, err := tx.Definition(ctx, "d", 0)
			require.NoError(t, err)
			require.Equal(t, []string{"a"}, d.Stores)
			d.Stores[0] = "changed"
			r, err := tx.Redemption(ctx, "k")
			require.Equal(t, int64(10), r.Uses[0].Discount)
			r.Uses[0].Discount = 99
			return err
		})
	}
}

func viewsDoNotWrite(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	define(t, s, "d")
	err := s.View(ctx, func(tx coupon.Tx) error { return tx.InsertGrants(ctx, []coupon.Grant{sampleGrant("g1")}) })
	require.Error(t, err)
	view(t, s, func(tx coupon.Tx) error {
		n, err := tx.CountGrants(ctx)
		require.Zero(t, n)
		return err
	})
}

func grantsAreFound(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	define(t, s, "d")
	define(t, s, "e")
	mine, other, single, used, endless := sampleGrant("g1"), sampleGrant("g2"), sampleGrant("g3"), sampleGrant("g4"), sampleGrant("g5")
	other.Definition, other.Customer = "e", "lee"
	single.Customer, single.Batch = "", "b"
	used.Expires = Start.Add(2 * time.Hour)
	endless.Expires = time.Time{}
	update(t, s, func(tx coupon.Tx) error {
		return errors.Join(tx.InsertGrants(ctx, []coupon.Grant{endless, mine, other, single, used}), tx.SetUsed(ctx, "g4", Start, "o", 7))
	})
	for _, c := range []struct {
		name string
		q    coupon.GrantQuery
		want []string
	}{
		{"all", coupon.GrantQuery{}, []string{"g1", "g2", "g3", "g4", "g5"}},
		{"page", coupon.GrantQuery{After: "g1", Limit: 2}, []string{"g2", "g3"}},
		{"customer", coupon.GrantQuery{Customer: "kim"}, []string{"g1", "g4", "g5"}},
		{"customer's page", coupon.GrantQuery{Customer: "kim", After: "g1", Limit: 1}, []string{"g4"}},
		{"definition", coupon.GrantQuery{Definition: "e"}, []string{"g2"}},
		{"batch", coupon.GrantQuery{Batch: "b"}, []string{"g3"}},
		{"owned", coupon.GrantQuery{Owned: true}, []string{"g1", "g2", "g4", "g5"}},
		{"unused", coupon.GrantQuery{Unused: true, Customer: "kim"}, []string{"g1", "g5"}},
		{"expiring, ends are half-open", coupon.GrantQuery{ExpiresFrom: Start.Add(time.Hour), ExpiresBefore: Start.Add(2 * time.Hour)}, []string{"g1", "g2", "g3"}},
		{"nobody", coupon.GrantQuery{Customer: "KIM"}, nil},
	} {
		view(t, s, func(tx coupon.Tx) error {
			gs, err := tx.FindGrants(ctx, c.q)
			var ids []string
			for _, g := range gs {
				ids = append(ids, g.ID)
			}
			require.Equal(t, c.want, ids, c.name)
			return err
		})
	}
}

func definitionsAreVersioned(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	d := define(t, s, "d")
	promo := coupon.Definition{ID: "p", Version: 1, Name: "p", Kind: coupon.KindPromotion}
	auto := coupon.Definition{ID: "a", Version: 1, Name: "a", Kind: coupon.KindCoupon, Automatic: coupon.Automatic{Group: "vip", Event: "joined"}}
	d.Version, d.Name = 2, "second"
	update(t, s, func(tx coupon.Tx) error {
		return errors.Join(tx.SaveDefinition(ctx, promo), tx.SaveDefinition(ctx, auto), tx.SaveDefinition(ctx, d),
			tx.SetStops(ctx, "d", coupon.Stops{Issuing: true}))
	})
	require.ErrorIs(t, s.Update(ctx, func(tx coupon.Tx) error { return tx.SaveDefinition(ctx, d) }), coupon.ErrConflict)
	require.ErrorIs(t, s.Update(ctx, func(tx coupon.Tx) error { return tx.SetStops(ctx, "x", coupon.Stops{}) }), coupon.ErrNotFound)
	view(t, s, func(tx coupon.Tx) error {
		for version, name := range map[int64]string{0: "second", 1: "d", 2: "second"} {
			got, err := tx.Definition(ctx, "d", version)
			require.NoError(t, err)
			require.Equal(t, name, got.Name)
			require.Equal(t, coupon.Stops{Issuing: true}, got.Stops)
		}
		_, err := tx.Definition(ctx, "d", 3)
		require.ErrorIs(t, err, coupon.ErrNotFound)
		return nil
	})
	for _, c := range []struct {
		q    coupon.DefinitionQuery
		want []string
	}{
		{coupon.DefinitionQuery{}, []string{"a", "d", "p"}},
		{coupon.DefinitionQuery{Kind: coupon.KindPromotion}, []string{"p"}},
		{coupon.DefinitionQuery{Automatic: coupon.Automatic{Group: "vip"}}, []string{"a"}},
		{coupon.DefinitionQuery{Automatic: coupon.Automatic{Event: "joined"}}, []string{"a"}},
		{coupon.DefinitionQuery{Automatic: coupon.Automatic{Group: "vip", Event: "birthday"}}, nil},
		{coupon.DefinitionQuery{After: "a", Limit: 1}, []string{"d"}},
	} {
		view(t, s, func(tx coupon.Tx) error {
			ds, err := tx.FindDefinitions(ctx, c.q)
			var ids []string
			for _, d := range ds {
				ids = append(ids, d.ID)
			}
			require.Equal(t, c.want, ids)
			return err
		})
	}
}

func overdueAreFound(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	late, later, other, ended := sampleRedemption("late"), sampleRedemption("later"), sampleRedemption("other"), sampleRedemption("ended")
	later.Expires = Start.Add(2 * time.Hour)
	other.Uses[0].Definition = "dd"
	other.Expires = Start
	ended.State = coupon.StateReleased
	update(t, s, func(tx coupon.Tx) error {
		for _, r := range []coupon.Redemption{later, late, other, ended} {
			if _, err := tx.InsertRedemption(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []struct {
		definition string
		at         time.Time
		limit      int
		want       []string
	}{
		{"", Start.Add(time.Hour), 9, []string{"other", "late"}},
		{"", Start.Add(time.Hour - time.Microsecond), 9, []string{"other"}},
		{"", Start.Add(3 * time.Hour), 2, []string{"other", "late"}},
		{"d", Start.Add(3 * time.Hour), 9, []string{"late", "later"}},
	} {
		view(t, s, func(tx coupon.Tx) error {
			keys, err := tx.Overdue(ctx, c.definition, c.at, c.limit)
			require.Empty(t, cmp.Diff(c.want, keys, cmpopts.EquateEmpty()))
			return err
		})
	}
}

func ledgerGrows(t testing.TB, open Open) {
	ctx := t.Context()
	s := open(t)
	for _, key := range []string{"a", "b"} {
		update(t, s, func(tx coupon.Tx) error {
			return tx.AppendLedger(ctx, []coupon.Entry{
				{Key: key, Event: coupon.EventCommit, At: Start, Counted: Start, Definition: "d", Version: 1, Grant: "g", Shared: true,
					Customer: "kim", Campaign: "c", Group: "v", Order: "o", Discount: 3, Paid: 9},
				{Key: key, Event: coupon.EventReserve, At: Start, Counted: Start, Definition: "e"},
			})
		})
	}
	view(t, s, func(tx coupon.Tx) error {
		all, err := tx.Ledger(ctx, "", 0, 10)
		require.NoError(t, err)
		require.Len(t, all, 4)
		require.Empty(t, cmp.Diff(coupon.Entry{Seq: all[0].Seq, Key: "a", Event: coupon.EventCommit, At: Start, Counted: Start, Definition: "d",
			Version: 1, Grant: "g", Shared: true, Customer: "kim", Campaign: "c", Group: "v", Order: "o", Discount: 3, Paid: 9}, all[0]))
		rest, err := tx.Ledger(ctx, "d", all[0].Seq, 10)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(all[2:3], rest))
		page, err := tx.Ledger(ctx, "", all[1].Seq, 1)
		require.Empty(t, cmp.Diff(all[2:3], page))
		return err
	})
}
