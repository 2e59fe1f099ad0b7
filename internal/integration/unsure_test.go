package integration_test

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

var soak = flag.Bool("soak", false, "run the tests of processes and connections at their full sizes")

// stride is how many steps lie between two that are tried.
func stride() int64 {
	if *soak {
		return 1
	}
	return 6
}

// onServer runs a test on each server that can hold the library's own tables, with
// the server itself at hand.
func onServer(t *testing.T, test func(t *testing.T, h home, s *servers.Server)) {
	for name, e := range map[string]struct {
		dialect sqlstore.Dialect
		start   func(testing.TB) *servers.Server
	}{
		"PostgreSQL": {sqlstore.Postgres, servers.Postgres},
		"MariaDB":    {sqlstore.MySQL, servers.MariaDB},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := e.start(t)
			test(t, home{e.dialect, s.Open(t)}, s)
		})
	}
}

// A connection that is cut at any COMMIT of a day of coupons changes nothing about its
// end, whether or not the server got the COMMIT: the keys tell.
func TestCouponCommitCut(t *testing.T) {
	onServer(t, func(t *testing.T, h home, s *servers.Server) {
		p, db := proxied(t, h, s)
		open := func() coupon.Store {
			store, err := couponsql.Open(t.Context(), db, h.dialect, couponsql.Options{Prefix: prefix()})
			require.NoError(t, err)
			t.Cleanup(func() { store.Close() })
			return store
		}
		whole := open()
		require.NoError(t, coupontest.Day(whole))
		want := coupontest.OutcomeOf(t, whole)
		for _, arrives := range []bool{true, false} {
			for n := int64(1); ; n += stride() {
				store := open()
				p.cut(n, arrives)
				require.NoError(t, coupontest.Day(store), "cut at commit %d", n)
				p.left.Store(0)
				require.Equal(t, want, coupontest.OutcomeOf(t, store), "cut at commit %d, arrived %v", n, arrives)
				d, err := coupontest.NewService(t, store, new(coupontest.Clock)).Definition(t.Context(), "d", 0)
				require.NoError(t, err)
				coupontest.CheckLedger(t, store, d)
				if p.cuts.Load() == 0 {
					require.Greater(t, n, int64(10), "the day has so many commits")
					break
				}
			}
		}
	})
}

// crowd is an audience of one group, and everybody's addresses.
type crowd []dangol.CustomerID

func crowdOf(n int) (c crowd) {
	for i := range n {
		c = append(c, dangol.CustomerID(fmt.Sprintf("c%05d", i)))
	}
	return c
}

func (c crowd) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	return dangol.Snapshot{Group: group, Version: 1, Count: len(c)}, nil
}

func (c crowd) Members(_ context.Context, _ dangol.Snapshot, after dangol.CustomerID, limit int) (out []dangol.CustomerID, err error) {
	for _, id := range c {
		if id > after && len(out) < limit {
			out = append(out, id)
		}
	}
	return out, nil
}

func (c crowd) Contains(_ context.Context, _ dangol.Snapshot, _ dangol.CustomerID) (bool, error) {
	return true, nil
}
func (c crowd) Hold(context.Context, string, dangol.Use) error    { return nil }
func (c crowd) Release(context.Context, string, dangol.Use) error { return nil }

func (c crowd) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := map[dangol.CustomerID]message.Contact{}
	for _, id := range ids {
		out[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010" + string(id)}, Vars: map[string]any{"name": string(id)}}
	}
	return out, nil
}

// gateway is a provider without keys: it counts what it took.
type gateway struct {
	mu   sync.Mutex
	took map[string]int
}

func (g *gateway) Send(_ context.Context, m message.Message) (message.Receipted, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.took == nil {
		g.took = map[string]int{}
	}
	g.took[m.Key]++
	return message.Receipted{ID: m.Key}, nil
}

// keyed is a provider that takes a key once, however often it is sent.
type keyed struct{ gateway }

func (k *keyed) Remembers() time.Duration { return 24 * time.Hour }

var opening = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)

// mailing is a service with a campaign for everybody, which costs credits.
func mailing(t *testing.T, store message.Store, everybody crowd, sender message.Sender) *message.Service {
	t.Helper()
	svc, err := message.New(message.Config{
		Store: store, Audience: everybody, Contacts: everybody, Senders: map[message.Channel]message.Sender{message.SMS: sender},
		Clock: dangol.ClockFunc(func() time.Time { return opening }), Batch: 5, Chunk: 2, Lease: time.Second,
		Prices: message.Prices{message.SMS: 1},
	})
	require.NoError(t, err)
	return svc
}

func launch(ctx context.Context, svc *message.Service) error {
	if err := svc.TopUp(ctx, "first", 1000); err != nil {
		return err
	}
	if _, err := svc.Save(ctx, message.Campaign{ID: "all", Purpose: message.Informational, Groups: []string{"all"},
		Schedule: message.Schedule{Start: opening}, Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}}); err != nil {
		return err
	}
	return svc.Start(ctx, "all")
}

// A connection that is cut at any COMMIT of a campaign's life changes nothing about its
// end: what the process made durable it finds again by its key, everybody is sent to
// once, nobody is unknown.
func TestSendCommitCut(t *testing.T) {
	const n = 7
	onServer(t, func(t *testing.T, h home, s *servers.Server) {
		p, db := proxied(t, h, s)
		for _, arrives := range []bool{true, false} {
			for at := int64(1); ; at += stride() {
				store, err := messagesql.Open(t.Context(), db, h.dialect, messagesql.Options{Prefix: prefix()})
				require.NoError(t, err)
				g := &gateway{}
				svc := mailing(t, store, crowdOf(n), g)
				what := fmt.Sprintf("cut at commit %d, arrived %v", at, arrives)
				p.cut(at, arrives)
				require.NoError(t, launch(t.Context(), svc), what)
				for range 3 { // a cut may leave for the next tick what this one began
					_, err = svc.Tick(t.Context())
					require.NoError(t, err, what)
				}
				p.left.Store(0)
				require.Len(t, g.took, n, what)
				for key, times := range g.took {
					require.Equal(t, 1, times, "%s: %s", what, key)
				}
				res, err := svc.Results(t.Context(), "all")
				require.NoError(t, err)
				require.Equal(t, map[message.RecipientState]int{message.Submitted: n}, res.Outcomes, what)
				credits, err := svc.Credits(t.Context())
				require.NoError(t, err)
				require.Equal(t, message.Credits{Available: 1000 - n, Spent: n}, credits, what)
				c, err := svc.Campaign(t.Context(), "all")
				require.NoError(t, err)
				require.Equal(t, message.Done, c.State, what)
				require.NoError(t, store.Close())
				if p.cuts.Load() == 0 {
					require.Greater(t, at, int64(15), "the campaign has so many commits")
					break
				}
			}
		}
	})
}

// The connection is cut at a COMMIT and the server is gone for this process, which so
// never learns what became of it. Another one takes over: with a provider that knows
// keys everybody gets the message; without, nobody gets it twice, and the few that may
// or may not have it are listed as unknown.
func TestSendCommitCutForGood(t *testing.T) {
	const n = 12
	onServer(t, func(t *testing.T, h home, s *servers.Server) {
		for _, arrives := range []bool{true, false} {
			p, db := proxied(t, h, s)
			p.stays.Store(true)
			for at := int64(9); at < 20; at += 5 {
				for _, sender := range []message.Sender{&gateway{}, &keyed{}} {
					p.down.Store(false)
					name := prefix()
					store, err := messagesql.Open(t.Context(), db, h.dialect, messagesql.Options{Prefix: name})
					require.NoError(t, err)
					everybody := crowdOf(n)
					p.cut(at, arrives)
					svc := mailing(t, store, everybody, sender)
					err = launch(t.Context(), svc)
					require.NoError(t, err)
					_, err = svc.Tick(t.Context())
					require.Error(t, err)
					require.NotZero(t, p.cuts.Load())
					require.ErrorIs(t, err, sqlstore.ErrOutcomeUnknown)

					direct, err := messagesql.Open(t.Context(), h.db, h.dialect, messagesql.Options{Prefix: name})
					require.NoError(t, err)
					heir := mailing(t, direct, everybody, sender)
					require.Eventually(t, func() bool {
						_, err := heir.Tick(t.Context())
						require.NoError(t, err)
						c, err := heir.Campaign(t.Context(), "all")
						require.NoError(t, err)
						return c.State == message.Done
					}, 20*time.Second, 50*time.Millisecond)
					res, err := heir.Results(t.Context(), "all")
					require.NoError(t, err)
					what := fmt.Sprintf("cut at commit %d, arrived %v: %v", at, arrives, res.Outcomes)
					require.Equal(t, n, res.Audience, what)
					if k, ok := sender.(*keyed); ok {
						require.Equal(t, n, res.Outcomes[message.Submitted], what)
						require.Len(t, k.took, n, what)
					} else {
						g := sender.(*gateway)
						require.Equal(t, n, res.Outcomes[message.Submitted]+res.Outcomes[message.Unknown], what)
						require.LessOrEqual(t, res.Outcomes[message.Unknown], 1, what)
						require.GreaterOrEqual(t, len(g.took), n-res.Outcomes[message.Unknown], what)
						for _, times := range g.took {
							require.Equal(t, 1, times, what)
						}
					}
				}
			}
			p.down.Store(false)
		}
	})
}
