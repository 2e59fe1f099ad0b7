package coupontest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// replay logs a day of random calls with their answers, then makes every call
// again in random order, three times: each has its first answer and the state
// stays as it is.
func replay(t testing.TB, open Open) {
	ctx := t.Context()
	s := newShop(t, open)
	d := Save(t, s.Service, coupon.Definition{ID: "d", Discount: coupon.PercentOff(10), Restore: coupon.Restore{When: coupon.OnAnyReturn},
		Limits: []coupon.Limit{{Uses: 12, Amount: 9000}, {Uses: 3, Customer: true}}})
	code := shared(t, s, "d", "SALE")
	random := rand.New(rand.NewPCG(1, 2))

	type call struct {
		name string
		run  func() any
		want any
	}
	answer := func(v any, err error) any {
		if err != nil {
			return err.Error()
		}
		return v
	}
	var log []call
	do := func(name string, run func() any) any {
		got := run()
		log = append(log, call{name, run, got})
		return got
	}
	var open1, committed1 []string
	pick := func(list *[]string) string {
		i := random.IntN(len(*list))
		key := (*list)[i]
		*list = slices.Delete(*list, i, i+1)
		return key
	}
	for i := range 150 {
		s.clock.Pass(time.Duration(random.IntN(10)) * time.Minute)
		switch n := random.IntN(10); {
		case n < 5:
			key := fmt.Sprint("k", i)
			req := request(dangol.CustomerID(fmt.Sprint("c", random.IntN(8))), 1000+random.Int64N(9000), code)
			if random.IntN(2) == 0 {
				g := Give(t, s.Service, "d", req.Customer, i)
				req.Codes = []string{g.Code}
			}
			if _, ok := do("reserve "+key, func() any { return answer(s.Reserve(ctx, key, req)) }).(coupon.Redemption); ok {
				open1 = append(open1, key)
			}
		case n < 8 && len(open1) > 0:
			key := pick(&open1)
			if _, ok := do("commit "+key, func() any { return answer(s.Commit(ctx, key, key)) }).(coupon.Redemption); ok {
				committed1 = append(committed1, key)
			}
		case n == 8 && len(open1) > 0:
			key := pick(&open1)
			do("release "+key, func() any { return answer(s.Release(ctx, key)) })
		case len(committed1) > 0:
			key := pick(&committed1)
			cause := []coupon.Cause{coupon.FullCancel, coupon.PartialReturn}[random.IntN(2)]
			do("restore "+key, func() any { return answer(s.Restore(ctx, key, key, cause)) })
		}
	}
	CheckLedger(t, s.store, d)
	before := state(t, s.store)
	var again []call
	for range 3 {
		again = append(again, log...)
	}
	random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	for _, c := range again {
		require.Empty(t, cmp.Diff(c.want, c.run()), "%s: the answer to a repeated call is the first answer", c.name)
	}
	require.Empty(t, cmp.Diff(before, state(t, s.store)))
	require.Greater(t, len(log), 60)
}

// everything is all that a definition's redemptions left in a store.
type everything struct {
	Ledger []coupon.Entry
	Grants []coupon.Grant
}

func state(t testing.TB, store coupon.Store) (out everything) {
	t.Helper()
	view(t, store, func(tx coupon.Tx) (err error) {
		if out.Ledger, err = tx.Ledger(t.Context(), "", 0, 1_000_000); err != nil {
			return err
		}
		out.Grants, err = tx.FindGrants(t.Context(), coupon.GrantQuery{})
		return err
	})
	return out
}
