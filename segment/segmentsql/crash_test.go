package segmentsql_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/segment/segmenttest"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

var soak = flag.Bool("soak", false, "run the tests of processes at their full sizes")

// The test binary runs itself as another process when this is set.
const child = "DANGOL_SEGMENT_CHILD"

func TestMain(m *testing.M) {
	flag.Parse()
	if job := os.Getenv(child); job != "" {
		if err := runChild(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// shopOf is the same customer data in every process: people join and buy over the days.
func shopOf(ctx context.Context) (store.Store, error) {
	data, err := newShop()
	if err != nil {
		return nil, err
	}
	var changes []store.Change
	for i := range 120 {
		id := dangol.CustomerID(fmt.Sprintf("c%03d", i))
		joined := start.Add(time.Duration(i-60) * 3 * time.Hour)
		changes = append(changes, store.Change{Customer: id, Fields: map[string]catalog.Value{"joined": catalog.TimeValue(joined)}})
		if i%3 == 0 {
			changes = append(changes, store.Change{Customer: id, Kind: "all_orders", Key: "o" + string(id), Fields: map[string]catalog.Value{
				"placed": catalog.TimeValue(joined.Add(30 * time.Hour)), "total": catalog.NumberValue(int64(i) * 1000),
			}})
		}
	}
	return data, data.Apply(ctx, changes...)
}

// dying is a state that kills its process at one durable step: just before the
// transaction commits, or just after.
type dying struct {
	segment.Store
	step, dieAt int
}

func (d *dying) Update(ctx context.Context, f func(segment.Tx) error) error {
	d.step++
	before, after := 2*d.step-1, 2*d.step
	err := d.Store.Update(ctx, func(tx segment.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if d.dieAt == before {
			die()
		}
		return nil
	})
	if d.dieAt == after {
		die()
	}
	return err
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// story is what a shop does over four days. Each step may have been done by a
// process that died after it, so it is written to be done again.
func story(ctx context.Context, s *segment.Service, clock *segmenttest.Clock) error {
	begun := func(at time.Time) bool { return !clock.Now().After(at) }
	create := func(d segment.Definition) error {
		if _, err := s.Get(ctx, d.ID); err == nil {
			return nil
		}
		_, err := s.Create(ctx, d)
		return err
	}
	send := dangol.Use{By: "message", Kind: dangol.UseSend, ID: "m1", Name: "campaign"}
	for _, step := range []struct {
		at time.Time
		do func() error
	}{
		{start, func() error {
			return create(segment.Definition{ID: "new", Name: "new", Rule: "joined within 3d and not orders(3d)"})
		}},
		{start, func() error { return create(segment.Definition{ID: "buyers", Name: "buyers", Rule: "orders"}) }},
		{start, func() error {
			return create(segment.Definition{ID: "rest", Name: "rest", Rule: `not in group "new" and not in group "buyers"`})
		}},
		{start, func() error {
			return create(segment.Definition{ID: "list", Name: "list", Kind: segment.Static})
		}},
		{start, func() error {
			_, err := s.Add(ctx, "list", []dangol.CustomerID{"c001", "c002"}, "by hand")
			if errors.Is(err, segment.ErrNotFound) { // deleted at the story's end
				return nil
			}
			return err
		}},
		{start, func() error { return s.Hold(ctx, "new", send) }},
		{start.Add(24 * time.Hour), nil},
		{start.Add(48 * time.Hour), func() error {
			_, err := s.Pin(ctx, "new", segment.In, []dangol.CustomerID{"c000"}, "a friend")
			return err
		}},
		{start.Add(48 * time.Hour), func() error { return s.Release(ctx, "new", send) }},
		{start.Add(48 * time.Hour), func() error {
			g, err := s.Get(ctx, "new")
			if err != nil || g.RuleVersion == 2 {
				return err
			}
			_, err = s.Edit(ctx, "new", func(d *segment.Definition) { d.Rule = "joined within 2d and not orders(2d)" })
			return err
		}},
		{start.Add(72 * time.Hour), func() error {
			g, err := s.Get(ctx, "list")
			if err != nil || g.Status == segment.Deleted {
				return err
			}
			return s.Delete(ctx, "list")
		}},
	} {
		if begun(step.at) {
			clock.Set(step.at)
		}
		if _, err := s.Tick(ctx); err != nil {
			return err
		}
		if step.do == nil {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
		if _, err := s.Tick(ctx); err != nil { // one that begins again would tick here, too
			return err
		}
	}
	return nil
}

func openChild(ctx context.Context, path string, clock dangol.Clock) (*segmentsql.State, error) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		return nil, err
	}
	return segmentsql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, segmentsql.Options{Readers: readers, Clock: clock})
}

func runChild(job string) error {
	ctx := context.Background()
	clock := &segmenttest.Clock{}
	state, err := openChild(ctx, os.Getenv("DANGOL_SEGMENT_DB"), clock)
	if err != nil {
		return err
	}
	if job == "refresh" {
		return refreshChild(ctx, state, clock)
	}
	dieAt, err := strconv.Atoi(job)
	if err != nil {
		return err
	}
	deaths := &dying{Store: state, dieAt: dieAt}
	data, err := shopOf(ctx)
	if err != nil {
		return err
	}
	s, err := segment.New(segment.Config{Data: data, State: deaths, Clock: clock, Owner: "story"})
	if err != nil {
		return err
	}
	if err := resume(ctx, s, clock); err != nil {
		return err
	}
	if err := story(ctx, s, clock); err != nil {
		return err
	}
	fmt.Println(deaths.step)
	return nil
}

// resume sets the clock to where a story that died had come.
func resume(ctx context.Context, s *segment.Service, clock *segmenttest.Clock) error {
	clock.Set(start)
	list, err := s.List(ctx)
	if err != nil {
		return err
	}
	for _, g := range list {
		for _, t := range []time.Time{g.Edited, g.RefreshedAt, g.Lease.Until.Add(-5 * time.Minute)} {
			if t.After(clock.Now()) {
				clock.Set(t)
			}
		}
	}
	return nil
}

func spawn(t *testing.T, path, job string) (out []byte, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), child+"="+job, "DANGOL_SEGMENT_DB="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v: %s", err, out)
		return nil, true
	}
	return out, false
}

// told is all that a state says, but for the random and the accidental: leases and
// fences count how often a process had to begin again.
func told(t *testing.T, state segment.Store) string {
	t.Helper()
	var all []any
	require.NoError(t, state.View(t.Context(), func(r segment.Reader) error {
		groups, err := r.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			g.Fence = 0
			rules, err := r.Rules(g.ID)
			if err != nil {
				return err
			}
			entries, err := r.Entries(segment.EntryQuery{Group: g.ID})
			if err != nil {
				return err
			}
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
			all = append(all, g, rules, entries, members, versions)
		}
		acts, err := r.Trail(0, 0)
		all = append(all, acts)
		return err
	}))
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	return string(text)
}

// Killed before or after the commit of any transaction of its life, and run again,
// a shop has the members, history, outbox and audit trail of one that lived.
func TestKilledAnywhere(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole.db")
	out, _ := spawn(t, whole, "0")
	steps, err := strconv.Atoi(string(out[:len(out)-1]))
	require.NoError(t, err)
	require.Greater(t, steps, 15)
	want := told(t, open(t, whole))
	stride := 5
	if *soak {
		stride = 1
	}
	for at := 1; at <= 2*steps; at += stride {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", at))
		_, killed := spawn(t, path, strconv.Itoa(at))
		require.True(t, killed, "step %d", at)
		_, killed = spawn(t, path, "0")
		require.False(t, killed)
		require.Empty(t, cmp.Diff(want, told(t, open(t, path))), "killed at step %d of %d", at, 2*steps)
	}
}

// refreshChild refreshes what is due, as often as it is told a time.
func refreshChild(ctx context.Context, state segment.Store, clock *segmenttest.Clock) error {
	data, err := shopOf(ctx)
	if err != nil {
		return err
	}
	s, err := segment.New(segment.Config{Data: data, State: state, Clock: clock, Owner: fmt.Sprint(os.Getpid())})
	if err != nil {
		return err
	}
	for {
		var us int64
		if _, err := fmt.Scan(&us); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		clock.Set(time.UnixMicro(us))
		if _, err := s.RefreshDue(ctx); err != nil {
			return err
		}
		fmt.Println("done")
	}
}

// Two processes refresh the same groups at the same moments: each diff is applied
// once, and the history is that of one process alone.
func TestTwoProcessesRefresh(t *testing.T) {
	ctx := t.Context()
	run := func(processes int) string {
		path := filepath.Join(t.TempDir(), "state.db")
		state := open(t, path)
		data, err := shopOf(ctx)
		require.NoError(t, err)
		clock := &segmenttest.Clock{}
		clock.Set(start)
		s, err := segment.New(segment.Config{Data: data, State: state, Clock: clock, Owner: "setup"})
		require.NoError(t, err)
		for _, d := range []segment.Definition{
			{ID: "new", Name: "new", Rule: "joined within 3d and not orders(3d)"},
			{ID: "buyers", Name: "buyers", Rule: "orders"},
			{ID: "rest", Name: "rest", Rule: `not in group "buyers"`},
		} {
			_, err = s.Create(ctx, d)
			require.NoError(t, err)
		}
		type process struct {
			in  io.WriteCloser
			out io.Reader
			cmd *exec.Cmd
		}
		var all []process
		for range processes {
			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), child+"=refresh", "DANGOL_SEGMENT_DB="+path)
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			all = append(all, process{in, out, cmd})
		}
		for day := 1; day <= 8; day++ {
			for _, p := range all {
				fmt.Fprintln(p.in, start.AddDate(0, 0, day).UnixMicro())
			}
			for _, p := range all {
				var word string
				_, err := fmt.Fscan(p.out, &word)
				require.NoError(t, err)
			}
		}
		for _, p := range all {
			p.in.Close()
			require.NoError(t, p.cmd.Wait())
		}
		return told(t, state)
	}
	require.Empty(t, cmp.Diff(run(1), run(3)))
}
