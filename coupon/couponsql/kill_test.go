package couponsql_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var soak = flag.Bool("soak", false, "run the large sizes")

// The test binary runs itself as the process that is killed.
const (
	childMode = "DANGOL_COUPON_CHILD"
	childFile = "DANGOL_COUPON_FILE"
	childArg  = "DANGOL_COUPON_ARG"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childMode) {
	case "":
		os.Exit(m.Run())
	case "day":
		err = scriptChild(day)
	case "batch":
		err = scriptChild(batch)
	case "fight":
		err = fightChild()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, mode, file string, arg int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+mode, childFile+"="+file, childArg+"="+strconv.Itoa(arg))
	cmd.Stderr = os.Stderr
	return cmd
}

func killed(err error) bool {
	var e *exec.ExitError
	return errors.As(err, &e) && e.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

func openChild() (*couponsql.Store, error) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(os.Getenv(childFile)))
	if err != nil {
		return nil, err
	}
	return couponsql.Open(context.Background(), sqlstore.SQLiteWriter(db), sqlstore.SQLite, couponsql.Options{})
}

// batch makes codes in two transactions.
func batch(store coupon.Store) error {
	ctx := context.Background()
	s, err := coupon.New(store, coupon.Config{Clock: new(coupontest.Clock), Zone: coupontest.Seoul})
	if err != nil {
		return err
	}
	if _, err := s.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1000)}); err != nil {
		return err
	}
	_, err = s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 1001})
	return err
}

// day is a day of a shop in which everything happens once. It may be started
// again from the top at any time: all its keys are fixed.
func day(store coupon.Store) error {
	ctx := context.Background()
	clock := new(coupontest.Clock)
	s, err := coupon.New(store, coupon.Config{Clock: clock, Zone: coupontest.Seoul})
	if err != nil {
		return err
	}
	d, err := s.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1000), Restore: coupon.Restore{GraceDays: 3},
		Validity: coupon.Validity{Days: 1}, Limits: []coupon.Limit{{Uses: 3, Amount: 2500}, {Uses: 2, Customer: true}, {Uses: 3, Period: coupon.Day}},
		IssueLimits: []coupon.Limit{{Uses: 4}}})
	if err != nil {
		return err
	}
	issue := func(key string, customer dangol.CustomerID) (g coupon.Grant) {
		if err == nil {
			g, err = s.Issue(ctx, coupon.Issue{Key: key, Definition: d.ID, Customer: customer})
		}
		return g
	}
	a, b, c := issue("a", "kim"), issue("b", "kim"), issue("c", "lee")
	do := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	reserve := func(key string, g coupon.Grant) {
		do(func() error {
			_, err := s.Reserve(ctx, key, coupon.Request{Customer: g.Customer, Cart: coupontest.Cart(5000), Grants: []string{g.ID}})
			if _, no := coupon.Refused(err); no {
				return nil
			}
			return err
		})
	}
	commit := func(key string) {
		do(func() error {
			_, err := s.Commit(ctx, key, "order-"+key)
			if _, no := coupon.Refused(err); no {
				return nil
			}
			return err
		})
	}
	reserve("1", a)
	commit("1")
	reserve("2", b)
	do(func() error { _, err := s.Release(ctx, "2"); return err })
	reserve("3", c)
	clock.Pass(time.Hour)
	do(func() error { _, err := s.Lapse(ctx); return err })
	commit("3") // late
	reserve("4", b)
	commit("4")
	reserve("5", a) // refused
	clock.Pass(72 * time.Hour)
	do(func() error { _, err := s.Restore(ctx, "1", "order-1", coupon.FullCancel); return err })
	do(func() error { _, err := s.Revoke(ctx, c.ID); return err })
	return err
}

func scriptChild(script func(coupon.Store) error) error {
	store, err := openChild()
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(os.Getenv(childArg))
	if err != nil {
		return err
	}
	return script(coupontest.Steps(store, func() error {
		if left--; left < 0 {
			// The end of all: nothing is flushed, closed or rolled back.
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	}))
}

// fact is a ledger entry without what differs between runs.
type fact struct {
	Key      string
	Event    coupon.Event
	At       time.Time
	Customer dangol.CustomerID
	Order    string
	Discount int64
	Paid     int64
}

type outcome struct {
	Facts  []fact
	Grants map[string]string // by issue key: used, order, expiry, revoked
	Codes  int
	Total  coupon.Count
}

func outcomeOf(t *testing.T, store coupon.Store) outcome {
	t.Helper()
	ctx := t.Context()
	out := outcome{Grants: map[string]string{}}
	err := store.View(ctx, func(tx coupon.Tx) error {
		es, err := tx.Ledger(ctx, "", 0, 1000)
		require.NoError(t, err)
		for _, e := range es {
			out.Facts = append(out.Facts, fact{e.Key, e.Event, e.At, e.Customer, e.Order, e.Discount, e.Paid})
		}
		gs, err := tx.FindGrants(ctx, coupon.GrantQuery{})
		require.NoError(t, err)
		for _, g := range gs {
			if g.Key != "" {
				out.Grants[g.Key] = fmt.Sprint(g.Used, g.Order, g.Discount, g.Expires, g.Revoked)
			} else {
				out.Codes++
			}
		}
		counts, err := tx.Counts(ctx, []coupon.Scope{{Definition: "d", Kind: coupon.ScopeUse}})
		out.Total = counts[0]
		return err
	})
	require.NoError(t, err)
	return out
}

// A process dies by kill -9 after each write and each commit in turn. Started
// again, the end is that of a run without a death.
func TestKilledAtEveryStep(t *testing.T) {
	for _, c := range []struct {
		mode   string
		script func(coupon.Store) error
		codes  int
		grants int
		steps  int // it has at least so many
	}{{"day", day, 0, 3, 60}, {"batch", batch, 1001, 0, 7}} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			store, _ := openFile(t, filepath.Join(dir, "unkilled.db"))
			require.NoError(t, c.script(store))
			want := outcomeOf(t, store)
			require.Equal(t, c.codes, want.Codes)
			require.Len(t, want.Grants, c.grants)
			// Empty tables to begin with, so that children do not spend their time on them.
			empty := filepath.Join(dir, "empty.db")
			_, db := openFile(t, empty)
			_, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
			require.NoError(t, err)
			require.NoError(t, db.Close())

			for step := 0; ; step++ {
				file := filepath.Join(dir, fmt.Sprintf("killed-%d.db", step))
				copyFile(t, empty, file)
				err := child(t, c.mode, file, step).Run()
				dead := killed(err)
				if !dead {
					require.NoError(t, err)
				}
				store, db := openFile(t, file)
				if dead {
					require.NoError(t, c.script(store), "step %d", step)
				}
				require.Empty(t, cmp.Diff(want, outcomeOf(t, store)), "killed after step %d", step)
				d, err := coupontest.NewService(t, store, new(coupontest.Clock)).Definition(t.Context(), "d", 0)
				require.NoError(t, err)
				coupontest.CheckLedger(t, store, d)
				require.NoError(t, db.Close())
				require.NoError(t, os.Remove(file))
				if !dead {
					t.Logf("died at %d steps", step)
					require.GreaterOrEqual(t, step, c.steps)
					return
				}
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, errors.Join(err, out.Close()))
}

// fightChild uses a coupon until it is refused.
func fightChild() error {
	ctx := context.Background()
	store, err := openChild()
	if err != nil {
		return err
	}
	s, err := coupon.New(store, coupon.Config{Hold: time.Hour})
	if err != nil {
		return err
	}
	me := os.Getenv(childArg)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for w := range errs {
		wg.Go(func() {
			for n := 0; ; n++ {
				customer := dangol.CustomerID(fmt.Sprint("c", rand.N(50)))
				key := fmt.Sprintf("%s/%d/%d", me, w, n)
				_, err := s.Reserve(ctx, key, coupon.Request{Customer: customer, Cart: coupontest.Cart(5000), Codes: []string{"sale"}})
				var no *coupon.RefusedError
				if errors.As(err, &no) {
					if no.Has(coupon.ReasonLimitTotal) {
						return
					}
					continue
				}
				if err == nil && n%5 == 4 {
					_, err = s.Release(ctx, key)
				} else if err == nil {
					_, err = s.Commit(ctx, key, key)
				}
				if err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Four processes fight for one limit and are killed at random, again and again. In
// the end exactly the limit is committed, and the counters are the ledger's sum.
func TestProcessesKilledAtRandom(t *testing.T) {
	limit, kills := int64(600), 25
	if *soak {
		limit, kills = 5000, 1000
	}
	file := filepath.Join(t.TempDir(), "shop.db")
	store, _ := openFile(t, file)
	s := coupontest.NewService(t, store, dangol.SystemClock)
	d := coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(100),
		Limits: []coupon.Limit{{Uses: limit}, {Uses: limit/10 + 3, Customer: true}}})
	_, err := s.AddSharedCode(t.Context(), coupon.SharedCode{Code: "sale", Definition: "d"})
	require.NoError(t, err)

	var mu sync.Mutex
	dead, died := 0, 0
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for life := 0; ; life++ {
				cmd := child(t, "fight", file, p*100_000+life)
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if dead < kills {
					dead++
					time.AfterFunc(time.Duration(20+rand.N(60))*time.Millisecond, func() { _ = cmd.Process.Kill() })
				}
				mu.Unlock()
				err := cmd.Wait()
				if err == nil {
					return // refused: the limit is full
				}
				if !killed(err) {
					t.Errorf("a child failed: %v", err)
					return
				}
				mu.Lock()
				died++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
	t.Logf("killed %d processes", died)
	require.Positive(t, died)

	// What killed processes had reserved lapses, and others take it.
	later := dangol.ClockFunc(func() time.Time { return time.Now().Add(2 * time.Hour) })
	last := coupontest.NewService(t, store, later)
	for i := 0; ; i++ {
		key := fmt.Sprint("last/", i)
		req := coupon.Request{Customer: dangol.CustomerID(fmt.Sprint("last", i)), Cart: coupontest.Cart(5000), Codes: []string{"sale"}}
		if _, err := last.Reserve(t.Context(), key, req); err != nil {
			_, refused := coupon.Refused(err)
			require.True(t, refused, "%v", err)
			break
		}
		_, err := last.Commit(t.Context(), key, key)
		require.NoError(t, err)
	}
	used, err := last.Results(t.Context(), coupon.ByDefinition, coupon.ResultQuery{})
	require.NoError(t, err)
	require.Equal(t, limit, used[0].Used, "exactly the limit, not one more and not one less")
	require.Equal(t, limit*100, used[0].Discount)
	coupontest.CheckLedger(t, store, d)
}
