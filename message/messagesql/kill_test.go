package messagesql_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var soak = flag.Bool("soak", false, "every step and the big sizes")

// The environment of a process that TestSIGKILL starts.
const (
	envDir  = "DANGOL_MESSAGE_DIR"
	envStep = "DANGOL_MESSAGE_STEP"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envDir); dir != "" {
		if n, err := strconv.Atoi(os.Getenv(envWorker)); err == nil {
			if err := workerProcess(dir, n); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
		step, _ := strconv.ParseInt(os.Getenv(envStep), 10, 64)
		if err := shopProcess(dir, step); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fatal is what kills: SIGKILL to oneself at the n-th durable step.
type fatal struct {
	mu   sync.Mutex
	left int64
}

func (f *fatal) step() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

type fatalStore struct {
	message.Store
	*fatal
}

func (s fatalStore) Update(ctx context.Context, f func(message.Tx) error) error {
	s.step()
	defer s.step()
	return s.Store.Update(ctx, f)
}

type fatalSender struct {
	*message.FileSender
	*fatal
}

func (s fatalSender) Send(ctx context.Context, m message.Message) (message.Receipted, error) {
	s.step()
	defer s.step()
	return s.FileSender.Send(ctx, m)
}

// customers is an Audience of one group, and Contacts.
type customers []dangol.CustomerID

func (c customers) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	return dangol.Snapshot{Group: group, Version: 1, Count: len(c)}, nil
}

func (c customers) Members(_ context.Context, _ dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error) {
	i, found := slices.BinarySearch(c, after)
	if found {
		i++
	}
	return slices.Clone(c[i:min(len(c), i+limit)]), nil
}

func (c customers) Contains(_ context.Context, _ dangol.Snapshot, id dangol.CustomerID) (bool, error) {
	_, ok := slices.BinarySearch(c, id)
	return ok, nil
}
func (c customers) Hold(context.Context, string, dangol.Use) error    { return nil }
func (c customers) Release(context.Context, string, dangol.Use) error { return nil }

func (c customers) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := map[dangol.CustomerID]message.Contact{}
	for _, id := range ids {
		out[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010" + string(id)}, Vars: map[string]any{"name": string(id)}}
	}
	return out, nil
}

// shopProcess lives through two simulated days on the state in a folder, and dies at
// the given durable step, if there is one.
func shopProcess(dir string, dieAt int64) error {
	ctx := context.Background()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "state.db")))
	if err != nil {
		return err
	}
	defer db.Close()
	death := &fatal{left: dieAt}
	start := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	now := start
	if text, err := os.ReadFile(filepath.Join(dir, "clock")); err == nil {
		n, _ := strconv.ParseInt(string(text), 10, 64)
		now = time.UnixMicro(n)
	}
	clock := dangol.ClockFunc(func() time.Time { return now })
	state, err := messagesql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, messagesql.Options{Clock: clock})
	if err != nil {
		return err
	}
	people := customers{"ann", "bea", "cho", "dan", "eun"}
	sender := fatalSender{&message.FileSender{Path: filepath.Join(dir, "sent.jsonl")}, death}
	svc, err := message.New(message.Config{
		Store: fatalStore{state, death}, Audience: people, Contacts: people,
		Senders: map[message.Channel]message.Sender{message.SMS: sender, message.LMS: sender},
		Clock:   clock,
		Sender:  message.Identity{Name: "단골상점", OptOut: "무료수신거부 080-123-4567"},
		Coupons: message.CouponsFunc(func(_ context.Context, definition string, to dangol.CustomerID, key string) (string, string, error) {
			sum := sha256.Sum256([]byte(definition + string(to) + key))
			code := hex.EncodeToString(sum[:4])
			return code, "https://shop.example/c/" + code, nil
		}),
		Batch: 3, Chunk: 2,
	})
	if err != nil {
		return err
	}
	for _, id := range people[:4] {
		if err := svc.RecordConsent(ctx, message.Consent{Customer: id, Granted: true, At: start}); err != nil {
			return err
		}
	}
	if _, err := svc.Save(ctx, message.Campaign{
		ID: "daily", Groups: []string{"new"}, AllowLMS: true, AllowDuplicates: true, Holdout: 2500,
		Schedule: message.Schedule{Start: start, Unit: message.Days, Count: 2},
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께", Coupon: &message.CouponBlock{Definition: "welcome", Name: "쿠폰"}}},
	}); err != nil {
		return err
	}
	if err := svc.Start(ctx, "daily"); err != nil && !errors.Is(err, message.ErrFinished) {
		return err
	}
	for {
		p, err := svc.Tick(ctx)
		if err != nil {
			return err
		}
		if p.Next.IsZero() {
			return nil
		}
		if p.Next.After(now) {
			now = p.Next
			tmp := filepath.Join(dir, "clock.tmp")
			if err := os.WriteFile(tmp, []byte(strconv.FormatInt(now.UnixMicro(), 10)), 0o600); err != nil {
				return err
			}
			if err := os.Rename(tmp, filepath.Join(dir, "clock")); err != nil {
				return err
			}
		}
	}
}

// final is everything that the folder says in the end, but for the instants of
// retries.
func final(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	lines, err := (&message.FileSender{Path: filepath.Join(dir, "sent.jsonl")}).Lines()
	require.NoError(t, err)
	for _, l := range lines {
		out = append(out, fmt.Sprintln("sent", l.Key, l.To, l.Text))
	}
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "state.db")))
	require.NoError(t, err)
	defer db.Close()
	for _, query := range []string{
		"SELECT 'campaign', campaign, state, holds, wake FROM dangol_message_campaigns",
		"SELECT 'occurrence', occurrence, state, reason, audience FROM dangol_message_occurrences",
		"SELECT 'recipient', occurrence || ' ' || customer, state, reason, live FROM dangol_message_recipients",
		"SELECT 'delivery', delivery, status, coupon, body FROM dangol_message_deliveries",
		"SELECT 'consent', customer, seq, channel, granted FROM dangol_message_consents",
	} {
		rows, err := db.Query(query)
		require.NoError(t, err)
		for rows.Next() {
			var v [5]string
			require.NoError(t, rows.Scan(&v[0], &v[1], &v[2], &v[3], &v[4]))
			out = append(out, strings.Join(v[:], " | "))
		}
		require.NoError(t, rows.Close())
	}
	slices.Sort(out)
	return out
}

// kill -9 between any two durable steps, then a run to the end: the state, the file
// of messages and every text are those of a run that was never killed.
func TestSIGKILL(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	run := func(dir string, dieAt int64) (killed bool) {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), envDir+"="+dir, envStep+"="+strconv.FormatInt(dieAt, 10))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			return true
		}
		require.NoError(t, err, "%s", out)
		return false
	}
	base := t.TempDir()
	require.False(t, run(base, 0))
	want := final(t, base)
	require.Greater(t, len(want), 20)

	stride := int64(6)
	if *soak {
		stride = 1
	}
	for step := int64(1); ; step += stride {
		dir := t.TempDir()
		if !run(dir, step) {
			require.Greater(t, step, int64(50))
			break
		}
		require.False(t, run(dir, 0))
		require.Empty(t, cmp.Diff(want, final(t, dir)), "killed at step %d", step)
	}
}
