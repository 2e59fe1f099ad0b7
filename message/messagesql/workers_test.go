package messagesql_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

const envWorker = "DANGOL_MESSAGE_WORKER"

// plainSender is a provider without keys: every call is a line of the file, so a
// second submit would be a second line.
type plainSender struct{ path string }

func (s plainSender) Send(_ context.Context, m message.Message) (message.Receipted, error) {
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return message.Receipted{}, fmt.Errorf("%w: %w", message.ErrRetry, err)
	}
	defer f.Close()
	line, err := json.Marshal(message.FileLine{Key: m.Key, Customer: string(m.Customer)})
	if err != nil {
		return message.Receipted{}, fmt.Errorf("%w: %w", message.ErrRejected, err)
	}
	_, err = f.Write(append(line, '\n'))
	time.Sleep(2 * time.Millisecond) // a provider takes its time
	return message.Receipted{}, err
}

func everybody(n int) customers {
	people := make(customers, n)
	for i := range people {
		people[i] = dangol.CustomerID(fmt.Sprintf("c%05d", i))
	}
	return people
}

// workers and lease are of each worker process.
const (
	workers = 2
	lease   = 3 * time.Second
)

// workerShop is the service of one worker process, by the machine's clock.
func workerShop(ctx context.Context, dir string, n int) (*message.Service, func(), error) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "state.db")))
	if err != nil {
		return nil, nil, err
	}
	store, err := messagesql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, messagesql.Options{})
	if err != nil {
		return nil, nil, err
	}
	people := everybody(n)
	sender := plainSender{filepath.Join(dir, "sent.jsonl")}
	svc, err := message.New(message.Config{
		Store: diary{store, filepath.Join(dir, "diary.jsonl")}, Audience: people, Contacts: people,
		Lease: lease, Batch: 10, Workers: workers, Poll: 50 * time.Millisecond,
		Senders: map[message.Channel]message.Sender{message.SMS: sender},
	})
	return svc, func() { _ = db.Close() }, err
}

func workerProcess(dir string, n int) error {
	ctx := context.Background()
	svc, done, err := workerShop(ctx, dir, n)
	if err != nil {
		return err
	}
	defer done()
	for {
		if _, err := svc.Tick(ctx); err != nil {
			return err
		}
		c, err := svc.Campaign(ctx, "all")
		if err != nil || c.State == message.Done {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Four worker processes share a campaign over a provider without keys. One is killed,
// one is stopped for longer than its lease and goes on: nobody is submitted twice, and
// everybody ends in one state. What became of a message is unknown only where its process
// was killed, or came back to it after its claim was over and had not handed it over:
// since it was stopped, or since the machine kept it waiting.
func TestProcessesKilledAndStopped(t *testing.T) {
	n := 300
	if *soak {
		n = 5000
	}
	dir := t.TempDir()
	svc, done, err := workerShop(t.Context(), dir, n)
	require.NoError(t, err)
	defer done()
	_, err = svc.Save(t.Context(), message.Campaign{ID: "all", Purpose: message.Informational, Groups: []string{"all"},
		Schedule: message.Schedule{Start: time.Now()},
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님께"}}})
	require.NoError(t, err)
	require.NoError(t, svc.Start(t.Context(), "all"))

	self, err := os.Executable()
	require.NoError(t, err)
	start := func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), envDir+"="+dir, envWorker+"="+strconv.Itoa(n))
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Start())
		return cmd
	}
	lines := func() (sent []message.FileLine) {
		f, err := os.Open(filepath.Join(dir, "sent.jsonl"))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		require.NoError(t, err)
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			var l message.FileLine
			require.NoError(t, json.Unmarshal(in.Bytes(), &l))
			sent = append(sent, l)
		}
		return sent
	}
	until := func(sent int) {
		for range 600 {
			if len(lines()) >= sent {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	var processes []*exec.Cmd
	for range 4 {
		processes = append(processes, start())
	}
	stopped, killed := processes[0].Process, processes[1].Process
	until(n / 10)
	// A worker that is stopped with SQLite's only lock in its hand would hold up the others
	// longer than their own leases.
	for {
		require.NoError(t, stopped.Signal(syscall.SIGSTOP))
		if writable(t, filepath.Join(dir, "state.db")) {
			break
		}
		require.NoError(t, stopped.Signal(syscall.SIGCONT))
		time.Sleep(5 * time.Millisecond)
	}
	until(n / 5)
	require.NoError(t, killed.Kill())
	_ = processes[1].Wait()
	processes[1] = start()
	time.Sleep(lease + time.Second)
	goesOn := time.Now()
	require.NoError(t, stopped.Signal(syscall.SIGCONT))
	for _, p := range processes {
		require.NoError(t, p.Wait())
	}

	_, err = svc.Tick(t.Context())
	require.NoError(t, err)
	sent := map[string]bool{}
	for _, l := range lines() {
		require.False(t, sent[l.Customer], "submitted twice")
		sent[l.Customer] = true
	}
	res, err := svc.Results(t.Context(), "all")
	require.NoError(t, err)
	require.Equal(t, n, res.Audience)
	require.Equal(t, n, res.Outcomes[message.Submitted]+res.Outcomes[message.Unknown], "%v", res.Outcomes)

	of, claimed := claims(t, filepath.Join(dir, "diary.jsonl"))
	lost, held, late := 0, 0, 0
	ledger, err := svc.Occurrences(t.Context(), "all")
	require.NoError(t, err)
	require.Len(t, ledger, 1)
	require.NoError(t, svc.Recipients(t.Context(), "all", ledger[0].ID, func(r message.Recipient) error {
		customer := string(r.Customer)
		if r.State == message.Submitted {
			require.True(t, sent[customer], "%s", customer)
			return nil
		}
		submit, next := lastSubmit(of[customer])
		require.NotNil(t, submit, "%s", customer)
		require.Contains(t, claimed, submit.Wrote.Fence, "%s", customer)
		over := claimed[submit.Wrote.Fence].Add(lease)
		if submit.process == killed.Pid && (next == nil || next.at.Before(over)) {
			lost++ // perhaps at the commit of what it came back for
			return nil
		}
		require.NotNil(t, next, "%s: the process never came back to it", customer)
		require.False(t, next.at.Before(over), "%s: the process was there %s before its claim was over", customer, over.Sub(next.at))
		if submit.process != killed.Pid {
			require.False(t, sent[customer], "%s: the process knows that the provider took it", customer)
		}
		if submit.process == stopped.Pid && submit.at.Before(goesOn) && !next.at.Before(goesOn) {
			held++
		} else {
			late++
		}
		return nil
	}))
	t.Logf("unknown: %d of the killed process, %d of the stopped one, %d whose processes were late", lost, held, late)
	require.LessOrEqual(t, lost, workers, "a worker has one submit in flight")
	require.LessOrEqual(t, held, workers, "a worker has one submit in flight")
}

// writable tells whether a SQLite file's lock comes free within a tenth of a lease.
func writable(t *testing.T, file string) bool {
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 300")
	require.NoError(t, err)
	if _, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		require.ErrorContains(t, err, "locked")
		return false
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	return true
}

var recipients = flag.Int("recipients", 1_000_000, "the audience of TestMillionRecipients")

// A million recipients go through in bounded memory: beyond what the test's own list
// of customers takes, the heap stays below 64 MB.
func TestMillionRecipients(t *testing.T) {
	if !*soak {
		t.Skip("by -soak")
	}
	var most atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-t.Context().Done():
				tick.Stop()
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
	}()
	t.Cleanup(func() { <-done })
	rate := send(t, open(t, filepath.Join(t.TempDir(), "state.db")), *recipients)
	t.Logf("%.0f messages a second, at most %d MB of heap", rate, most.Load()>>20)
	require.Less(t, most.Load(), uint64(64<<20+64**recipients))
}
