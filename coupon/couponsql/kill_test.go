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
		err = scriptChild(coupontest.Day)
	case "batch":
		err = scriptChild(coupontest.TwoSteps)
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

// A process dies by kill -9 after each write and each commit in turn. Started
// again, the end is that of a run without a death.
func TestKilledAtEveryStep(t *testing.T) {
	for _, c := range []struct {
		mode   string
		script func(coupon.Store) error
		codes  int
		grants int
		steps  int // it has at least so many
	}{{"day", coupontest.Day, 0, 3, 60}, {"batch", coupontest.TwoSteps, 1001, 0, 7}} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			store, _ := openFile(t, filepath.Join(dir, "unkilled.db"))
			require.NoError(t, c.script(store))
			want := coupontest.OutcomeOf(t, store)
			require.Equal(t, c.codes, want.Codes)
			require.Len(t, want.Grants, c.grants)
			// Empty tables to begin with, so that children do not spend their time on them.
			empty := filepath.Join(dir, "empty.db")
			_, db := openFile(t, empty)
			_, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
			require.NoError(t, err)
			require.NoError(t, db.Close())

			for step := 0; ; step += stride {
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
				require.Empty(t, cmp.Diff(want, coupontest.OutcomeOf(t, store)), "killed after step %d", step)
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
	store, err := openChild()
	if err != nil {
		return err
	}
	return coupontest.Fight(context.Background(), store, os.Getenv(childArg), 4)
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
	coupontest.Arena(t, store, limit)

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

	coupontest.Settle(t, store, limit)
}
