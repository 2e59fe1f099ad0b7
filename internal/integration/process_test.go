package integration_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// The test binary runs itself as the processes that are killed.
const (
	childJob     = "DANGOL_CHILD_JOB"
	childDriver  = "DANGOL_CHILD_DRIVER"
	childDSN     = "DANGOL_CHILD_DSN"
	childDialect = "DANGOL_CHILD_DIALECT"
	childArg     = "DANGOL_CHILD_ARG"
)

func TestChild(t *testing.T) {
	job := map[string]func(context.Context, home, string) error{"dispatch": dispatchChild, "refresh": refreshChild}[os.Getenv(childJob)]
	if job == nil {
		t.Skip("is run by the tests of processes")
	}
	db, err := sql.Open(os.Getenv(childDriver), os.Getenv(childDSN))
	require.NoError(t, err)
	dialect, err := strconv.Atoi(os.Getenv(childDialect))
	require.NoError(t, err)
	require.NoError(t, job(t.Context(), home{sqlstore.Dialect(dialect), db}, os.Getenv(childArg)))
}

// massacre runs four processes until each of them has ended by itself, and kills some
// at random, as often as said, to be started again. One is stopped for longer than the
// leases of a second and goes on.
func massacre(t *testing.T, h home, s *servers.Server, job, arg string, kills int) int {
	t.Helper()
	var mu sync.Mutex
	planned, died := 0, 0
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for life := 0; ; life++ {
				cmd := exec.Command(os.Args[0], "-test.run", "^TestChild$")
				cmd.Env = append(os.Environ(), childJob+"="+job, childDriver+"="+s.Driver, childDSN+"="+s.DSN,
					childDialect+"="+strconv.Itoa(int(h.dialect)), childArg+"="+arg)
				out := new(strings.Builder)
				cmd.Stdout, cmd.Stderr = out, out
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				switch {
				case p == 0 && life == 0:
					time.AfterFunc(400*time.Millisecond, func() { _ = cmd.Process.Signal(syscall.SIGSTOP) })
					time.AfterFunc(2*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGCONT) })
				case planned < kills:
					planned++
					time.AfterFunc(10*time.Millisecond<<rand.N(6), // from 10 to 320 ms: fast and slow machines are hit at work
						func() { _ = cmd.Process.Kill() })
				}
				mu.Unlock()
				err := cmd.Wait()
				if err == nil {
					return
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
	return died
}

// fileGateway is a provider without keys: every message is a line of a file.
type fileGateway struct{ path string }

func (g fileGateway) Send(_ context.Context, m message.Message) (message.Receipted, error) {
	f, err := os.OpenFile(g.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return message.Receipted{}, fmt.Errorf("%w: %w", message.ErrRetry, err)
	}
	defer f.Close()
	if _, err := f.WriteString(m.Key + "\n"); err != nil {
		return message.Receipted{}, err
	}
	time.Sleep(time.Millisecond) // a provider takes its time
	return message.Receipted{ID: m.Key}, nil
}

// dispatchService is the service of one process, by the machine's clock.
func dispatchService(ctx context.Context, h home, arg string) (*message.Service, error) {
	dir, size, _ := strings.Cut(arg, " ")
	n, err := strconv.Atoi(size)
	if err != nil {
		return nil, err
	}
	store, err := messagesql.Open(ctx, h.db, h.dialect, messagesql.Options{})
	if err != nil {
		return nil, err
	}
	everybody := crowdOf(n)
	return message.New(message.Config{
		Store: store, Audience: everybody, Contacts: everybody, Lease: time.Second, Batch: 20, Workers: 2,
		Senders: map[message.Channel]message.Sender{message.SMS: fileGateway{filepath.Join(dir, "sent")}},
		Prices:  message.Prices{message.SMS: 1},
	})
}

func dispatchChild(ctx context.Context, h home, arg string) error {
	svc, err := dispatchService(ctx, h, arg)
	if err != nil {
		return err
	}
	for {
		if _, err := svc.Tick(ctx); err != nil {
			return err
		}
		c, err := svc.Campaign(ctx, "all")
		if err != nil || c.State == message.Done {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Four processes on one server send a campaign through a provider without keys and are
// killed at random; one is stopped for longer than its lease and goes on. Nobody is
// submitted twice, everybody ends in one state, no credit is lost or spent twice.
func TestMessageProcessesKilled(t *testing.T) {
	n, kills := 600, 10
	if *soak {
		n, kills = 20_000, 400
	}
	onServer(t, func(t *testing.T, h home, s *servers.Server) {
		dir := t.TempDir()
		arg := fmt.Sprint(dir, " ", n)
		svc, err := dispatchService(t.Context(), h, arg)
		require.NoError(t, err)
		require.NoError(t, svc.TopUp(t.Context(), "first", int64(n)))
		_, err = svc.Save(t.Context(), message.Campaign{ID: "all", Purpose: message.Informational, Groups: []string{"all"},
			Schedule: message.Schedule{Start: time.Now()}, Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
		require.NoError(t, err)
		require.NoError(t, svc.Start(t.Context(), "all"))
		require.Positive(t, massacre(t, h, s, "dispatch", arg, kills))

		seen := map[string]bool{}
		f, err := os.Open(filepath.Join(dir, "sent"))
		require.NoError(t, err)
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			require.False(t, seen[in.Text()], "submitted twice")
			seen[in.Text()] = true
		}
		res, err := svc.Results(t.Context(), "all")
		require.NoError(t, err)
		unknown := res.Outcomes[message.Unknown]
		t.Logf("%v", res.Outcomes)
		require.Equal(t, n, res.Audience)
		require.Equal(t, n, res.Outcomes[message.Submitted]+unknown, "%v", res.Outcomes)
		require.LessOrEqual(t, unknown, 2*(kills+1), "two workers a death with one submit each in flight")
		require.GreaterOrEqual(t, len(seen), n-unknown)
		credits, err := svc.Credits(t.Context())
		require.NoError(t, err)
		require.Equal(t, message.Credits{Spent: int64(n)}, credits)
	})
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// groupsOf is a shop's groups: the same customer data in every process, of whom some
// join and buy over the days.
func groupsOf(ctx context.Context, h home, name string, clock *segmenttest.Clock) (*segment.Service, segment.Store, error) {
	data, err := memstore.New(catalog.Shop(), memstore.Options{Clock: dangol.ClockFunc(func() time.Time { return monday })})
	if err != nil {
		return nil, nil, err
	}
	var changes []store.Change
	for i := range 300 {
		id := dangol.CustomerID(fmt.Sprintf("c%03d", i))
		joined := monday.Add(time.Duration(i-150) * time.Hour)
		changes = append(changes, store.Change{Customer: id, Fields: map[string]catalog.Value{"joined": catalog.TimeValue(joined)}})
		if i%3 == 0 {
			changes = append(changes, store.Change{Customer: id, Kind: "all_orders", Key: "o" + string(id), Fields: map[string]catalog.Value{
				"placed": catalog.TimeValue(joined.Add(30 * time.Hour)), "total": catalog.NumberValue(int64(i) * 1000),
			}})
		}
	}
	if err := data.Apply(ctx, changes...); err != nil {
		return nil, nil, err
	}
	state, err := segmentsql.Open(ctx, h.db, h.dialect, segmentsql.Options{Prefix: name})
	if err != nil {
		return nil, nil, err
	}
	s, err := segment.New(segment.Config{Data: data, State: state, Clock: clock, Lease: time.Second})
	return s, state, err
}

const days = 8

// refreshChild refreshes day after day, each until nothing is due any more.
func refreshChild(ctx context.Context, h home, name string) error {
	clock := &segmenttest.Clock{}
	s, _, err := groupsOf(ctx, h, name, clock)
	if err != nil {
		return err
	}
	for day := 1; day <= days; {
		clock.Set(monday.AddDate(0, 0, day))
		if _, err := s.RefreshDue(ctx); err != nil {
			return err
		}
		groups, err := s.List(ctx)
		if err != nil {
			return err
		}
		due := false
		for _, g := range groups {
			due = due || !g.Due.After(clock.Now())
		}
		if !due {
			day++
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// Four processes on one server refresh the same groups for days and are killed at
// random. The members and the history are those of one process that lived; whoever
// reads meanwhile sees whole versions.
func TestSegmentProcessesKilled(t *testing.T) {
	kills := 10
	if *soak {
		kills = 200
	}
	onServer(t, func(t *testing.T, h home, s *servers.Server) {
		ctx := t.Context()
		begin := func(name string) segment.Store {
			clock := &segmenttest.Clock{}
			clock.Set(monday)
			svc, state, err := groupsOf(ctx, h, name, clock)
			require.NoError(t, err)
			for _, d := range []segment.Definition{
				{ID: "new", Name: "new", Rule: "joined within 3d and not orders(3d)"},
				{ID: "buyers", Name: "buyers", Rule: "orders"},
				{ID: "rest", Name: "rest", Rule: `not in group "buyers"`},
			} {
				_, err = svc.Create(ctx, d)
				require.NoError(t, err)
			}
			return state
		}
		alone := prefix()
		whole := begin(alone)
		require.NoError(t, refreshChild(ctx, h, alone))

		for died, tries := 0, 0; died == 0; tries++ { // a fast machine may be done before anybody is killed
			require.Less(t, tries, 20, "nobody was ever killed")
			many := prefix()
			state := begin(many)
			reading, stop := context.WithCancel(ctx)
			var wg sync.WaitGroup
			wg.Go(func() {
				for reading.Err() == nil {
					if err := wholeVersions(reading, state); err != nil && reading.Err() == nil {
						t.Errorf("a reader: %v", err)
						return
					}
				}
			})
			died = massacre(t, h, s, "refresh", many, kills)
			stop()
			wg.Wait()
			require.Empty(t, cmp.Diff(history(t, whole), history(t, state)))
		}
	})
}

// wholeVersions checks in one view that every group has as many members as its version
// says.
func wholeVersions(ctx context.Context, state segment.Store) error {
	return state.View(ctx, func(r segment.Reader) error {
		groups, err := r.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			in, err := r.Memberships(segment.MembershipQuery{Group: g.ID, Version: g.Version})
			if err != nil {
				return err
			}
			if len(in) != g.Count {
				return fmt.Errorf("group %s version %d has %d members and says %d", g.ID, g.Version, len(in), g.Count)
			}
		}
		return nil
	})
}

// history is all that a state says about members, without what counts how often a
// process had to begin again.
func history(t *testing.T, state segment.Store) string {
	t.Helper()
	var all []any
	require.NoError(t, state.View(t.Context(), func(r segment.Reader) error {
		groups, err := r.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			g.Fence = 0
			members, err := r.Memberships(segment.MembershipQuery{Group: g.ID})
			if err != nil {
				return err
			}
			versions, err := r.Versions(segment.VersionQuery{Group: g.ID})
			if err != nil {
				return err
			}
			for i := range versions {
				versions[i].Seq = 0
			}
			all = append(all, g, members, versions)
		}
		return nil
	}))
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	return string(text)
}
