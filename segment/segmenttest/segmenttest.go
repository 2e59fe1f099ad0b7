// Package segmenttest is the conformance suite of a segment.Store. The memory
// state and the SQL state pass it; so must a host's own:
//
//	func TestStore(t *testing.T) {
//		segmenttest.Run(t, func(t *testing.T) segment.Store { return mystore.New(t) })
//	}
package segmenttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/segment"
)

// Case is one promise of segment.Store with the test that tries to break it.
type Case struct {
	Name string
	Why  string // what goes wrong in a store that fails
	Test func(t *testing.T, s segment.Store)
}

// Run runs all cases, each on a new empty store.
func Run(t *testing.T, open func(t *testing.T) segment.Store) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("why this matters: " + c.Why)
				}
			}()
			c.Test(t, open(t))
		})
	}
}

// Cases are the cases that Run runs.
func Cases() []Case {
	return []Case{
		{"groups", "a field that is lost is a group that behaves otherwise after a restart", groups},
		{"rollback", "half of a refused edit would stay", rollback},
		{"rules", "past results could not be explained by the rule of their day", rules},
		{"entries", "pins would be lost or seen twice", entries},
		{"history", "past days would change", history},
		{"turns", "a customer could be in a group twice, or leave one without being in", turns},
		{"pages", "a campaign would skip or repeat customers", pages},
		{"versions", "consumers of the outbox would miss changes", versions},
		{"prune", "frozen audiences would lose members", prune},
		{"rename", "a customer who asked to be forgotten would stay in history", rename},
		{"trail", "acts could not be accounted for", trail},
		{"one after the other", "two uses would overwrite each other", oneAfterTheOther},
		{"one state", "a reader would see half of a swap", oneState},
		{"readers do not wait", "a till would stand still while a night's refresh is saved", readersDoNotWait},
		{"copies", "callers would change the state behind its back", copies},
		{"cancel", "a call that was given up would still act", cancel},
	}
}

var day = time.Date(2026, 3, 1, 15, 0, 0, 0, time.UTC)

func full(id string) *segment.Group {
	return &segment.Group{
		Definition: segment.Definition{
			ID: id, Name: "단골 " + id, Description: "regulars", Kind: segment.Dynamic, Scope: "both", Rule: "orders >= 3",
			Schedule: segment.Schedule{Every: 5 * time.Minute}, Starts: day, Ends: day.AddDate(1, 0, 0),
			Contact: segment.Contact{Name: "Kim", Info: "kim@example.com"}, Pricing: true,
			PricingIn: map[string]bool{"busan": false}, Purposes: []segment.Purpose{segment.CartPriceRule},
		},
		RuleVersion: 1, Status: segment.Active, Created: day, Edited: day.Add(time.Microsecond),
		Version: 3, Count: 2, AsOf: day, ReadAt: day, RefreshedAt: day, Exact: true, Current: []string{"grade"},
		Cuts: map[string]eval.Cut{"a": {Value: 1 << 60, AsOf: day}}, Kept: 1,
		Due: day, FailedAt: day, Failure: "the store failed", Lease: segment.Lease{Owner: "p", Until: day}, Fence: 1 << 60, Asked: 4,
		Promotions: []segment.Attachment{{Promotion: "spring", Restricted: true}},
		Uses: []dangol.Use{
			{By: "coupon", Kind: dangol.UseReference, ID: "c", Name: "a coupon"},
			{By: "message", Kind: dangol.UseSend, ID: "m", Name: "a campaign"},
		},
	}
}

func put(t *testing.T, s segment.Store, g *segment.Group) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error { return tx.Put(g, "kim") }))
}

func read[T any](t *testing.T, s segment.Store, f func(segment.Reader) (T, error)) T {
	t.Helper()
	var out T
	require.NoError(t, s.View(t.Context(), func(r segment.Reader) (err error) {
		out, err = f(r)
		return err
	}))
	return out
}

func groups(t *testing.T, s segment.Store) {
	err := s.View(t.Context(), func(r segment.Reader) error {
		_, err := r.Group("none")
		return err
	})
	require.ErrorIs(t, err, segment.ErrNotFound)

	bare := &segment.Group{Definition: segment.Definition{ID: "a", Name: "a"}, Status: segment.Active}
	put(t, s, full("b"))
	put(t, s, bare)
	all := read(t, s, func(r segment.Reader) ([]*segment.Group, error) { return r.Groups() })
	require.Empty(t, cmp.Diff([]*segment.Group{bare, full("b")}, all))

	changed := full("b")
	changed.Uses, changed.Status, changed.PricingIn = changed.Uses[:1], segment.Deleted, nil
	put(t, s, changed)
	got := read(t, s, func(r segment.Reader) (*segment.Group, error) { return r.Group("b") })
	require.Empty(t, cmp.Diff(changed, got))
}

func rollback(t *testing.T, s segment.Store) {
	refused := errors.New("refused")
	err := s.Update(t.Context(), func(tx segment.Tx) error {
		if err := tx.Put(full("a"), ""); err != nil {
			return err
		}
		if err := tx.Append(segment.Act{What: "create", At: day}); err != nil {
			return err
		}
		if err := tx.Apply(change("a", 1, "x", "")); err != nil {
			return err
		}
		if g, err := tx.Group("a"); err != nil || g.Name != "단골 a" {
			return fmt.Errorf("a transaction reads its own writes: %v %w", g, err)
		}
		return refused
	})
	require.ErrorIs(t, err, refused)
	require.Empty(t, read(t, s, func(r segment.Reader) ([]*segment.Group, error) { return r.Groups() }))
	require.Empty(t, read(t, s, func(r segment.Reader) ([]segment.Act, error) { return r.Trail(0, 0) }))
	require.Empty(t, read(t, s, func(r segment.Reader) ([]segment.Version, error) { return r.Versions(segment.VersionQuery{}) }))
}

func rules(t *testing.T, s segment.Store) {
	g := full("a")
	put(t, s, g)
	g.Rule, g.RuleVersion, g.Edited = "orders >= 4", 2, day.Add(time.Hour)
	put(t, s, g)
	g.Rule = "another text under an old number"
	put(t, s, g)
	got := read(t, s, func(r segment.Reader) ([]segment.Rule, error) { return r.Rules("a") })
	require.Empty(t, cmp.Diff([]segment.Rule{
		{Version: 1, Text: "orders >= 3", Saved: day.Add(time.Microsecond), By: "kim"},
		{Version: 2, Text: "orders >= 4", Saved: day.Add(time.Hour), By: "kim"},
	}, got))
}

func entries(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	set := func(list ...segment.Entry) {
		require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error { return tx.SetEntries("a", list) }))
	}
	one := segment.Entry{Group: "a", Customer: "c1", Mark: segment.In, Reason: "a friend", By: "kim", At: day}
	two := segment.Entry{Group: "a", Customer: "c2", Mark: segment.Listed, At: day}
	set(two, one, segment.Entry{Customer: "c3", Mark: segment.Out, At: day})
	one.Mark = segment.Out
	set(one, segment.Entry{Customer: "c3"}, segment.Entry{Customer: "never"})

	get := func(q segment.EntryQuery) []segment.Entry {
		q.Group = "a"
		return read(t, s, func(r segment.Reader) ([]segment.Entry, error) { return r.Entries(q) })
	}
	require.Empty(t, cmp.Diff([]segment.Entry{one, two}, get(segment.EntryQuery{})))
	require.Empty(t, cmp.Diff([]segment.Entry{one}, get(segment.EntryQuery{Limit: 1})))
	require.Empty(t, cmp.Diff([]segment.Entry{two}, get(segment.EntryQuery{After: "c1", Limit: 9})))
	require.Empty(t, cmp.Diff([]segment.Entry{two}, get(segment.EntryQuery{Customer: "c2"})))
	require.Empty(t, get(segment.EntryQuery{Customer: "c3"}))

	put(t, s, full("b"))
	other := segment.Entry{Customer: "c2", Mark: segment.In, Reason: "too", By: "lee", At: day}
	require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error { return tx.SetEntries("b", []segment.Entry{other}) }))
	other.Group = "b"
	got := read(t, s, func(r segment.Reader) ([]segment.Entry, error) { return r.Entries(segment.EntryQuery{Customer: "c2"}) })
	require.Empty(t, cmp.Diff([]segment.Entry{two, other}, got))
}

// change is a version in which the letters of entered and left enter and leave.
func change(group string, version int64, entered, left string) segment.Change {
	c := segment.Change{Version: segment.Version{
		Group: group, Version: version, AsOf: day, ReadAt: day, From: day.Add(time.Duration(version) * time.Hour),
		Recorded: day.Add(time.Duration(version) * time.Hour), Count: len(entered), Entered: len(entered), Left: len(left),
		Rule: 1, Cause: "refresh",
	}}
	for _, r := range entered {
		c.Entered = append(c.Entered, segment.Turn{Customer: dangol.CustomerID(r), Cause: segment.Cause{Why: segment.ByRule}})
	}
	for _, r := range left {
		c.Left = append(c.Left, segment.Turn{Customer: dangol.CustomerID(r), Cause: segment.Cause{Why: segment.ByPin, Note: "note " + string(r), By: "kim"}})
	}
	return c
}

func apply(t *testing.T, s segment.Store, changes ...segment.Change) {
	t.Helper()
	for _, c := range changes {
		require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error { return tx.Apply(c) }))
	}
}

// who is the letters of the customers that a query selects.
func who(t *testing.T, s segment.Store, q segment.MembershipQuery) string {
	t.Helper()
	out := ""
	for _, m := range read(t, s, func(r segment.Reader) ([]segment.Membership, error) { return r.Memberships(q) }) {
		out += string(m.Customer)
	}
	return out
}

func history(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	put(t, s, full("b"))
	apply(t, s, change("a", 1, "bdf", ""), change("b", 1, "d", ""), change("a", 2, "ac", "bd"), change("a", 3, "b", "c"))
	for version, want := range map[int64]string{1: "bdf", 2: "acf", 3: "abf"} {
		require.Equal(t, want, who(t, s, segment.MembershipQuery{Group: "a", Version: version}), "version %d", version)
	}
	require.Equal(t, "abf", who(t, s, segment.MembershipQuery{Group: "a", Open: true}))
	require.Equal(t, "ac", who(t, s, segment.MembershipQuery{Group: "a", Began: 2}))
	require.Equal(t, "bd", who(t, s, segment.MembershipQuery{Group: "a", Ended: 2}))
	require.Equal(t, "b", who(t, s, segment.MembershipQuery{Group: "a", Version: 3, Customer: "b"}))
	require.Equal(t, "", who(t, s, segment.MembershipQuery{Group: "a", Version: 2, Customer: "b"}))

	left := segment.Cause{Why: segment.ByPin, Note: "note d", By: "kim"}
	rule := segment.Cause{Why: segment.ByRule}
	got := read(t, s, func(r segment.Reader) ([]segment.Membership, error) {
		return r.Memberships(segment.MembershipQuery{Customer: "d"})
	})
	require.Empty(t, cmp.Diff([]segment.Membership{
		{Group: "a", Customer: "d", From: 1, To: 2, Entered: rule, Left: left},
		{Group: "b", Customer: "d", From: 1, Entered: rule},
	}, got))
	require.Equal(t, "bb", who(t, s, segment.MembershipQuery{Customer: "b"}), "both spans of one customer")
}

func turns(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	apply(t, s, change("a", 1, "bd", ""))
	for why, c := range map[string]segment.Change{
		"enters twice":            change("a", 2, "abc", ""),
		"leaves without being in": change("a", 2, "", "bc"),
		"leaves, nobody behind":   change("a", 2, "", "z"),
		"the version exists":      change("a", 1, "x", ""),
	} {
		err := s.Update(t.Context(), func(tx segment.Tx) error { return tx.Apply(c) })
		require.Error(t, err, why)
	}
	require.Equal(t, "bd", who(t, s, segment.MembershipQuery{Group: "a"}), "nothing of a refused version stays")
}

func pages(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	// Ids are ordered by their bytes: neither by length, nor by case, nor by locale.
	ids := []dangol.CustomerID{"", "10", "9", "B", "a", "a ", "aa", "é", "나", "\U0001F600"}[1:]
	c := change("a", 1, "", "")
	for _, id := range ids {
		c.Entered = append(c.Entered, segment.Turn{Customer: id, Cause: segment.Cause{Why: segment.ByRule}})
	}
	apply(t, s, c)
	var got []dangol.CustomerID
	for after := dangol.CustomerID(""); ; {
		page := read(t, s, func(r segment.Reader) ([]segment.Membership, error) {
			return r.Memberships(segment.MembershipQuery{Group: "a", Version: 1, After: after, Limit: 2})
		})
		for _, m := range page {
			got = append(got, m.Customer)
		}
		if len(page) < 2 {
			break
		}
		after = page[1].Customer
	}
	require.Empty(t, cmp.Diff(ids, got))
}

func versions(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	put(t, s, full("b"))
	apply(t, s, change("a", 1, "x", ""), change("b", 1, "x", ""), change("a", 2, "y", ""), change("b", 2, "", "x"))
	get := func(q segment.VersionQuery) string {
		out := ""
		for _, v := range read(t, s, func(r segment.Reader) ([]segment.Version, error) { return r.Versions(q) }) {
			out += fmt.Sprintf("%s%d:%d ", v.Group, v.Version, v.Seq)
		}
		return out
	}
	require.Equal(t, "a1:1 b1:2 a2:3 b2:4 ", get(segment.VersionQuery{}))
	require.Equal(t, "a2:3 ", get(segment.VersionQuery{AfterSeq: 2, Limit: 1}))
	require.Equal(t, "b1:2 b2:4 ", get(segment.VersionQuery{Group: "b"}))
	require.Equal(t, "b2:4 b1:2 ", get(segment.VersionQuery{Group: "b", Latest: true}))
	require.Equal(t, "b1:2 ", get(segment.VersionQuery{Group: "b", Version: 1}))
	require.Equal(t, "b1:2 ", get(segment.VersionQuery{Group: "b", Latest: true, Limit: 1, From: day.Add(2*time.Hour - time.Microsecond)}))
	require.Equal(t, "b2:4 ", get(segment.VersionQuery{Group: "b", Latest: true, Limit: 1, From: day.Add(2 * time.Hour)}))
	require.Equal(t, "b1:2 ", get(segment.VersionQuery{Group: "b", Latest: true, Limit: 1, Known: day.Add(2 * time.Hour)}))

	want := change("a", 2, "y", "").Version
	want.Seq = 3
	got := read(t, s, func(r segment.Reader) ([]segment.Version, error) {
		return r.Versions(segment.VersionQuery{Group: "a", Version: 2})
	})
	require.Empty(t, cmp.Diff([]segment.Version{want}, got))
}

func prune(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	put(t, s, full("b"))
	apply(t, s, change("a", 1, "bd", ""), change("b", 1, "x", ""), change("a", 2, "f", "b"), change("a", 3, "g", "f"), change("a", 4, "h", ""))
	forget := func(before int64, limit int, want bool) {
		t.Helper()
		require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error {
			more, err := tx.Prune("a", before, limit)
			require.Equal(t, want, more)
			return err
		}))
	}
	forget(3, 0, true)
	require.Equal(t, "bdfgh", who(t, s, segment.MembershipQuery{Group: "a"}), "none at a time")
	forget(3, 1, false)
	require.Equal(t, "dg", who(t, s, segment.MembershipQuery{Group: "a", Version: 3}))
	require.Equal(t, "f", who(t, s, segment.MembershipQuery{Group: "a", Ended: 3}), "who left with a kept version")
	require.Equal(t, "dfgh", who(t, s, segment.MembershipQuery{Group: "a"}))
	require.Equal(t, "x", who(t, s, segment.MembershipQuery{Group: "b"}), "other groups keep theirs")
	got := read(t, s, func(r segment.Reader) ([]segment.Version, error) { return r.Versions(segment.VersionQuery{Group: "a"}) })
	require.Len(t, got, 4, "each of them begins a span that is kept")
	forget(4, 9, false)
	got = read(t, s, func(r segment.Reader) ([]segment.Version, error) { return r.Versions(segment.VersionQuery{Group: "a"}) })
	require.Len(t, got, 3, "version 2 only had who left with version 3")
}

func rename(t *testing.T, s segment.Store) {
	put(t, s, full("a"))
	put(t, s, full("b"))
	apply(t, s, change("a", 1, "bd", ""), change("a", 2, "f", "d"), change("a", 3, "d", ""), change("b", 1, "x", ""))
	guest := change("b", 2, "", "x")
	guest.Left[0].Cause = segment.Cause{Why: segment.ByLogin, Note: "d"}
	noted := change("a", 4, "z", "d")
	noted.Left[0].Cause = segment.Cause{Why: segment.ByPin, Note: "d wrote to us", By: "kim"}
	apply(t, s, guest, noted)
	require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error { return tx.Rename("d", "q") }))
	for version, want := range map[int64]string{1: "bq", 2: "bf", 3: "bfq", 4: "bfz"} {
		require.Equal(t, want, who(t, s, segment.MembershipQuery{Group: "a", Version: version}))
	}
	require.Empty(t, who(t, s, segment.MembershipQuery{Customer: "d"}))
	spans := read(t, s, func(r segment.Reader) ([]segment.Membership, error) {
		return r.Memberships(segment.MembershipQuery{Customer: "q"})
	})
	require.Len(t, spans, 2)
	require.Equal(t, segment.Cause{Why: segment.ByPin, By: "kim"}, spans[1].Left)
	spans = read(t, s, func(r segment.Reader) ([]segment.Membership, error) {
		return r.Memberships(segment.MembershipQuery{Customer: "x"})
	})
	require.Equal(t, "q", spans[0].Left.Note, "the guest who became the customer")
}

func trail(t *testing.T, s segment.Store) {
	var want []segment.Act
	for i := range 3 {
		a := segment.Act{At: day, Actor: "kim", Action: segment.Export, Group: "g", What: "export", Detail: fmt.Sprintf("reason %d", i)}
		require.NoError(t, s.Update(t.Context(), func(tx segment.Tx) error { return tx.Append(a) }))
		a.Seq = int64(i + 1)
		want = append(want, a)
	}
	get := func(after int64, limit int) []segment.Act {
		return read(t, s, func(r segment.Reader) ([]segment.Act, error) { return r.Trail(after, limit) })
	}
	require.Empty(t, cmp.Diff(want, get(0, 0)))
	require.Empty(t, cmp.Diff(want[1:2], get(1, 1)))
	require.Empty(t, get(9, 0))
}

func oneAfterTheOther(t *testing.T, s segment.Store) {
	put(t, s, &segment.Group{Definition: segment.Definition{ID: "a"}, Status: segment.Active})
	const workers, each = 4, 10
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				err := s.Update(context.Background(), func(tx segment.Tx) error {
					g, err := tx.Group("a")
					if err != nil {
						return err
					}
					g.Fence++
					return tx.Put(g, "")
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	g := read(t, s, func(r segment.Reader) (*segment.Group, error) { return r.Group("a") })
	require.EqualValues(t, workers*each, g.Fence)
}

func oneState(t *testing.T, s segment.Store) {
	put(t, s, &segment.Group{Definition: segment.Definition{ID: "a"}, Status: segment.Active})
	done := make(chan struct{})
	go func() {
		defer close(done)
		members := ""
		for v := int64(1); v <= 20; v++ {
			c := change("a", v, "abc", "")
			if members != "" {
				c = change("a", v, "", "abc")
			}
			members = map[string]string{"": "abc", "abc": ""}[members]
			err := s.Update(context.Background(), func(tx segment.Tx) error {
				g, err := tx.Group("a")
				if err != nil {
					return err
				}
				g.Version, g.Count = v, len(members)
				if err := tx.Put(g, ""); err != nil {
					return err
				}
				return tx.Apply(c)
			})
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		require.NoError(t, s.View(t.Context(), func(r segment.Reader) error {
			g, err := r.Group("a")
			if err != nil || g.Version == 0 {
				return err
			}
			list, err := r.Memberships(segment.MembershipQuery{Group: "a", Version: g.Version})
			require.Len(t, list, g.Count)
			return err
		}))
	}
}

func readersDoNotWait(t *testing.T, s segment.Store) {
	g := full("a")
	put(t, s, g)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	require.NoError(t, s.Update(ctx, func(tx segment.Tx) error {
		changed := full("a")
		changed.Name = "changed"
		if err := tx.Put(changed, ""); err != nil {
			return err
		}
		read := make(chan error)
		go func() {
			read <- s.View(ctx, func(r segment.Reader) error {
				old, err := r.Group("a")
				if err == nil && old.Name != g.Name {
					err = errors.New("a reader saw what was not committed")
				}
				return err
			})
		}()
		return <-read
	}))
}

func copies(t *testing.T, s segment.Store) {
	g := full("a")
	put(t, s, g)
	g.PricingIn["busan"], g.Uses[0].Name = true, "changed"
	got := read(t, s, func(r segment.Reader) (*segment.Group, error) { return r.Group("a") })
	require.Empty(t, cmp.Diff(full("a"), got))
	got.Current[0], got.Promotions[0].Promotion = "changed", "changed"
	again := read(t, s, func(r segment.Reader) (*segment.Group, error) { return r.Group("a") })
	require.Empty(t, cmp.Diff(full("a"), again))
}

func cancel(t *testing.T, s segment.Store) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := s.Update(ctx, func(tx segment.Tx) error { return tx.Put(full("a"), "") })
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, read(t, s, func(r segment.Reader) ([]*segment.Group, error) { return r.Groups() }))
}
