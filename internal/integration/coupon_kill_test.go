package integration_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// The test binary runs itself as the processes that are killed.
const (
	couponDriver  = "DANGOL_COUPON_DRIVER"
	couponDSN     = "DANGOL_COUPON_DSN"
	couponDialect = "DANGOL_COUPON_DIALECT"
	couponName    = "DANGOL_COUPON_NAME"
)

func TestCouponChild(t *testing.T) {
	if os.Getenv(couponDriver) == "" {
		t.Skip("is run by TestCouponProcessesKilled")
	}
	db, err := sql.Open(os.Getenv(couponDriver), os.Getenv(couponDSN))
	require.NoError(t, err)
	dialect, err := strconv.Atoi(os.Getenv(couponDialect))
	require.NoError(t, err)
	store, err := couponsql.Open(t.Context(), db, sqlstore.Dialect(dialect), couponsql.Options{})
	require.NoError(t, err)
	require.NoError(t, coupontest.Fight(t.Context(), store, os.Getenv(couponName), 4))
}

// Four processes on one server fight for limits and a budget and are killed at
// random. Exactly the limits are committed.
func TestCouponProcessesKilled(t *testing.T) {
	const limit, kills = 300, 16
	for name, s := range map[string]struct {
		dialect sqlstore.Dialect
		start   func(testing.TB) *servers.Server
	}{
		"PostgreSQL": {sqlstore.Postgres, servers.Postgres},
		"MariaDB":    {sqlstore.MySQL, servers.MariaDB},
	} {
		t.Run(name, func(t *testing.T) {
			server := s.start(t)
			store, err := couponsql.Open(t.Context(), server.Open(t), s.dialect, couponsql.Options{})
			require.NoError(t, err)
			coupontest.Arena(t, store, limit)
			var mu sync.Mutex
			planned, died := 0, 0
			var wg sync.WaitGroup
			for p := range 4 {
				wg.Go(func() {
					for life := 0; ; life++ {
						cmd := exec.Command(os.Args[0], "-test.run", "^TestCouponChild$")
						cmd.Env = append(os.Environ(), couponDriver+"="+server.Driver, couponDSN+"="+server.DSN,
							couponDialect+"="+strconv.Itoa(int(s.dialect)), couponName+"="+strconv.Itoa(p*1000+life))
						out := new(strings.Builder)
						cmd.Stdout, cmd.Stderr = out, out
						if err := cmd.Start(); err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if planned < kills {
							planned++
							time.AfterFunc(time.Duration(100+rand.N(300))*time.Millisecond, func() { _ = cmd.Process.Kill() })
						}
						mu.Unlock()
						err := cmd.Wait()
						if err == nil {
							return // all is used up
						}
						var exit *exec.ExitError
						if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
							t.Errorf("a process failed: %v\n%s", err, out)
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
			coupontest.Settle(t, store, limit)
		})
	}
}
