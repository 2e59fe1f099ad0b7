package main

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var (
	update = flag.Bool("update", false, "rewrite golden files")
	soak   = flag.Bool("soak", false, "kill before and after every durable step, not on one side of each")
)

// The test binary is the program too, when it is asked to be: that is what gets killed.
func TestMain(m *testing.M) {
	if file := os.Getenv("FIRSTPURCHASE_DB"); file != "" {
		at, err := strconv.ParseInt(os.Getenv("FIRSTPURCHASE_KILL_AT"), 10, 64)
		if err == nil {
			killAt.Store(at)
			err = run(context.Background(), os.Stdout, options{file: file, driver: "sqlite-counted", sender: countedSender})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if name := os.Getenv("FIRSTPURCHASE_POINTS"); name != "" {
			if err := os.WriteFile(name, []byte(strconv.FormatInt(points.Load(), 10)), 0o600); err != nil {
				os.Exit(1)
			}
		}
		return
	}
	os.Exit(m.Run())
}

// Codes and links are random and signed: what is left of a run is the same each time.
var (
	codes = regexp.MustCompile(`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b`)
	links = regexp.MustCompile(`\?t=\S+`)
)

func story(t *testing.T, file string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, options{file: file}))
	return normal(out.String())
}

func normal(text string) string {
	return links.ReplaceAllString(codes.ReplaceAllString(text, "CODE"), "?t=LINK")
}

func TestThreeDays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	got := story(t, file)
	if *update {
		require.NoError(t, os.WriteFile("testdata/story.txt", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/story.txt")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got))

	sent, err := os.ReadFile(file + ".messages.jsonl")
	require.NoError(t, err)
	require.Equal(t, got, story(t, file), "three days is the end: a second run tells the same")
	again, err := os.ReadFile(file + ".messages.jsonl")
	require.NoError(t, err)
	require.Equal(t, string(sent), string(again), "and sends nothing")
}

// Killed at any durable step and run again, the program ends as if it had not been.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.db")
	count := filepath.Join(dir, "points")
	out := process(t, whole, 0, count)
	text, err := os.ReadFile(count)
	require.NoError(t, err)
	n, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	require.Greater(t, n, 100, "points at which the program can be killed")
	want := normal(out) + state(t, whole)

	t.Logf("%d durable steps", n/2)
	for at := 1; at <= n; at++ {
		// Points come in pairs, before a step and after it.
		pair, after := (at-1)/2, (at-1)%2
		if !*soak && pair%2 != after {
			continue // one side of each step, the other side of the next
		}
		if underRace && pair%8 != 0 {
			continue // every step is killed without the race detector, which is slow here
		}
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "shop.db")
			killed(t, file, at)
			require.Empty(t, cmp.Diff(want, normal(process(t, file, 0, ""))+state(t, file)))
		})
	}
}

func command(file string, at int, points string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FIRSTPURCHASE_DB="+file, "FIRSTPURCHASE_KILL_AT="+strconv.Itoa(at), "FIRSTPURCHASE_POINTS="+points)
	return cmd
}

func process(t *testing.T, file string, at int, points string) string {
	t.Helper()
	cmd := command(file, at, points)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	return string(out)
}

func killed(t *testing.T, file string, at int) {
	t.Helper()
	err := command(file, at, "").Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
}

// state is what is durable beyond what the story tells: everybody's outcome,
// everybody's coupons, every message.
func state(t *testing.T, file string) string {
	t.Helper()
	ctx := t.Context()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(file))
	require.NoError(t, err)
	defer db.Close()
	s, err := open(ctx, sqlstore.SQLiteWriter(db), nil, file+".messages.jsonl")
	require.NoError(t, err)
	var b strings.Builder
	occurrences, err := s.messages.Occurrences(ctx, campaign)
	require.NoError(t, err)
	for _, o := range occurrences {
		fmt.Fprintln(&b, o.ID, o.State, o.Reason, o.Audience)
		require.NoError(t, s.messages.Recipients(ctx, campaign, o.ID, func(r message.Recipient) error {
			fmt.Fprintln(&b, " ", r.Customer, r.State, r.Reason, r.Attempts)
			return nil
		}))
	}
	require.NoError(t, s.messages.Deliveries(ctx, campaign, func(d message.Delivery) error {
		fmt.Fprintln(&b, "delivery", d.Customer, d.Channel, !d.Accepted.IsZero())
		return nil
	}))
	for _, c := range s.all {
		wallet, err := s.coupons.Wallet(ctx, c.id)
		require.NoError(t, err)
		for _, g := range wallet {
			fmt.Fprintln(&b, "coupon", c.id, g.Definition, !g.Used.IsZero(), g.Expires.In(seoul))
		}
		stored, err := s.data.Customer(ctx, c.id)
		require.NoError(t, err)
		fmt.Fprintln(&b, "customer", c.id, len(stored.Attributes), len(stored.Records["all_orders"]))
	}
	versions, err := s.groups.History(ctx, group, 0, 1000)
	require.NoError(t, err)
	for _, v := range versions {
		fmt.Fprintln(&b, "version", v.Version, v.AsOf, v.Count, v.Entered, v.Left, v.Cause)
	}
	uses, _, err := s.groups.UsedBy(ctx, group)
	require.NoError(t, err)
	fmt.Fprintln(&b, "uses", uses)
	lines, err := os.ReadFile(s.outbox)
	require.NoError(t, err)
	fmt.Fprintln(&b, "messages", bytes.Count(lines, []byte("\n")))
	return b.String()
}

// points counts the moments just before and just after something became durable;
// the process kills itself at the one that killAt names.
var points, killAt atomic.Int64

func point() {
	if points.Add(1) == killAt.Load() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		select {}
	}
}

func durable[T any](do func() (T, error)) (T, error) {
	point()
	v, err := do()
	point()
	return v, err
}

// countedSender counts what the provider takes as durable.
func countedSender(s message.Sender) message.Sender { return sender{s.(*message.FileSender)} }

type sender struct{ *message.FileSender }

func (s sender) Send(ctx context.Context, m message.Message) (message.Receipted, error) {
	return durable(func() (message.Receipted, error) { return s.FileSender.Send(ctx, m) })
}

// The counted driver is SQLite's, with a point around every commit and around
// every statement outside of a transaction.
func init() {
	plain, err := sql.Open("sqlite", "")
	if err != nil {
		panic(err)
	}
	sql.Register("sqlite-counted", countedDriver{plain.Driver()})
}

type countedDriver struct{ driver.Driver }

func (d countedDriver) Open(name string) (driver.Conn, error) {
	c, err := d.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: c}, nil
}

type countedConn struct {
	driver.Conn
	inTx bool
}

func (c *countedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.inTx = true
	return countedTx{tx, c, o.ReadOnly}, nil
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	exec := func() (driver.Result, error) {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	}
	if c.inTx {
		return exec()
	}
	return durable(exec)
}

type countedTx struct {
	driver.Tx
	conn     *countedConn
	readOnly bool
}

func (t countedTx) Commit() error {
	t.conn.inTx = false
	if t.readOnly {
		return t.Tx.Commit()
	}
	_, err := durable(func() (struct{}, error) { return struct{}{}, t.Tx.Commit() })
	return err
}

func (t countedTx) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}
