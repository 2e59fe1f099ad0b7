// Package coupontest proves that a coupon.Store keeps what the interface promises,
// and that the service over it keeps its own: limits hold under races, keys mean
// one thing, money adds up. A host with a store of its own runs
//
//	func TestCoupons(t *testing.T) {
//		coupontest.Run(t, func(t testing.TB) coupon.Store { return mystore.New(t) })
//	}
package coupontest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/stretchr/testify/require"
)

// Open makes an empty store; it is closed with t.Cleanup.
type Open func(t testing.TB) coupon.Store

// Case is one promise.
type Case struct {
	Name string
	// Why says what goes wrong in a shop when the promise breaks.
	Why string
	Run func(t testing.TB, open Open)
}

// Run runs every case on stores of its own.
func Run(t *testing.T, open Open) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the promise: %s", c.Why)
				}
			})
			c.Run(t, open)
		})
	}
}

// Cases are all promises: of the store first, then of the service over it.
func Cases() []Case {
	return append(storeCases(), serviceCases()...)
}

// Clock is a clock that tests set. The zero value stands at Start.
type Clock struct {
	mu  sync.Mutex
	add time.Duration
}

// Start is where clocks begin: Saturday, 21 November 2026, 15:00 in Seoul.
var Start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Start.Add(c.add)
}

// Pass moves the clock on.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add += d
}

// Seoul is the zone of the tests.
var Seoul = func() *time.Location {
	loc, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return time.FixedZone("Asia/Seoul", 9*60*60)
	}
	return loc
}()

// NewService is a service over a store as tests want it.
func NewService(t testing.TB, store coupon.Store, clock dangol.Clock) *coupon.Service {
	t.Helper()
	s, err := coupon.New(store, coupon.Config{Clock: clock, Zone: Seoul, LinkSecrets: [][]byte{make([]byte, 32)}})
	require.NoError(t, err)
	return s
}

// Save stores a definition in won.
func Save(t testing.TB, s *coupon.Service, d coupon.Definition) coupon.Definition {
	t.Helper()
	if d.Name == "" {
		d.Name = d.ID
	}
	d, err := s.Save(context.Background(), d)
	require.NoError(t, err)
	return d
}

// Give issues a coupon under a key made of definition, customer and number.
func Give(t testing.TB, s *coupon.Service, definition string, customer dangol.CustomerID, n int) coupon.Grant {
	t.Helper()
	g, err := s.Issue(context.Background(), coupon.Issue{
		Key: fmt.Sprintf("%s/%s/%d", definition, customer, n), Definition: definition, Customer: customer,
	})
	require.NoError(t, err)
	return g
}

// Cart is a cart of one line of so much.
func Cart(won int64) coupon.Cart {
	return coupon.Cart{Currency: dangol.KRW, Lines: []coupon.Line{{ID: "1", Product: "shirt", Quantity: 1, Price: won}}}
}

// CheckLedger recounts the ledger of a definition by hand and compares it with
// every counter: the two must never differ.
func CheckLedger(t testing.TB, store coupon.Store, d coupon.Definition) {
	t.Helper()
	ctx := context.Background()
	want := map[coupon.Scope]coupon.Count{}
	zone, err := time.LoadLocation(d.Zone)
	require.NoError(t, err)
	err = store.View(ctx, func(tx coupon.Tx) error {
		clear(want)
		for after := int64(0); ; {
			es, err := tx.Ledger(ctx, d.ID, after, 1000)
			if err != nil || len(es) == 0 {
				return err
			}
			for _, e := range es {
				require.Greater(t, e.Seq, after)
				after = e.Seq
				recount(want, d, e, zone)
			}
		}
	})
	require.NoError(t, err)
	got := map[coupon.Scope]coupon.Count{}
	err = store.View(ctx, func(tx coupon.Tx) error {
		for s := range want {
			counts, err := tx.Counts(ctx, []coupon.Scope{s})
			if err != nil {
				return err
			}
			got[s] = counts[0]
		}
		return nil
	})
	require.NoError(t, err)
	if !maps.Equal(got, want) {
		for s := range want {
			if got[s] != want[s] {
				t.Errorf("counter %v holds %v, the ledger says %v", s, got[s], want[s])
			}
		}
	}
	for s, n := range want {
		if n.Uses < 0 || n.Amount < 0 {
			t.Errorf("ledger of %v sums to %v", s, n)
		}
	}
}

// recount is written apart from the service's own, to check it. An entry that moves
// no counter, as a commit, still names those that must hold what the others say: a
// commit whose reservation is not in the ledger is found by that.
func recount(want map[coupon.Scope]coupon.Count, d coupon.Definition, e coupon.Entry, zone *time.Location) {
	sign := map[coupon.Event]int64{
		coupon.EventReserve: 1, coupon.EventRetake: 1,
		coupon.EventRelease: -1, coupon.EventLapse: -1, coupon.EventRestore: -1,
	}[e.Event]
	counted := map[coupon.Scope]bool{}
	count := func(s coupon.Scope, amount int64) {
		if counted[s] {
			return
		}
		counted[s] = true
		n := want[s]
		want[s] = coupon.Count{Uses: n.Uses + sign, Amount: n.Amount + sign*amount}
	}
	if e.Grant != "" && !e.Shared {
		count(coupon.Scope{Definition: d.ID, Kind: coupon.ScopeGrant, Subject: e.Grant}, 0)
	}
	local := e.Counted.In(zone)
	for _, l := range d.Limits {
		s := coupon.Scope{Definition: d.ID, Kind: coupon.ScopeUse}
		switch l.Period {
		case coupon.Day:
			s.Period = local.Format("2006-01-02")
		case coupon.Week:
			y, w := local.ISOWeek()
			s.Period = fmt.Sprintf("%04d-W%02d", y, w)
		case coupon.Month:
			s.Period = local.Format("2006-01")
		case coupon.Year:
			s.Period = local.Format("2006")
		}
		if l.Customer {
			if s.Subject = string(e.Customer); s.Subject == "" {
				continue
			}
		}
		count(s, e.Discount)
	}
}

// committed counts the uses of a definition that belong to an order: committed
// and not restored.
func committed(t testing.TB, store coupon.Store, definition string) (uses, discount int64) {
	t.Helper()
	ctx := context.Background()
	err := store.View(ctx, func(tx coupon.Tx) error {
		uses, discount = 0, 0
		for after := int64(0); ; {
			es, err := tx.Ledger(ctx, definition, after, 1000)
			if err != nil || len(es) == 0 {
				return err
			}
			for _, e := range es {
				after = e.Seq
				switch e.Event {
				case coupon.EventCommit:
					uses, discount = uses+1, discount+e.Discount
				case coupon.EventRestore:
					uses, discount = uses-1, discount-e.Discount
				}
			}
		}
	})
	require.NoError(t, err)
	return uses, discount
}
