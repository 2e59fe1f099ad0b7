package segmenttest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
)

// Service runs the scenarios of segment.Service on a state and a store of customer
// data over catalog.Shop(), both new and empty each time.
func Service(t *testing.T, state func(t *testing.T) segment.Store, data func(t *testing.T) store.Store) {
	for _, s := range []struct {
		name string
		run  func(w *world)
		more func(*segment.Config)
	}{
		{"refreshed at midnight as of the day before", midnight, nil},
		{"an edit extracts at once", edits, nil},
		{"what an edit refuses", refusals, nil},
		{"sends refuse edits, uses refuse deletion", ledger, nil},
		{"rules that read groups", references, nil},
		{"brokenness tells its path", brokenness, nil},
		{"static groups and pins", byHand, nil},
		{"members by e-mail", emails, nil},
		{"snapshots stay", frozen, nil},
		{"dates", dates, nil},
		{"schedules", schedules, nil},
		{"the last good members", lastGood, nil},
		{"an edit during a refresh wins", editDuringRefresh, nil},
		{"leases", leases, nil},
		{"archived and deleted", retired, nil},
		{"the limit", limited, func(c *segment.Config) { c.Limit = 2 }},
		{"history and outbox", outbox, nil},
		{"retention", retention, func(c *segment.Config) { c.Keep = 48 * time.Hour }},
		{"erasure", erasure, nil},
		{"live matches, guests and login", shopping, nil},
		{"purposes and prices", purposes, nil},
		{"promotions", promotions, nil},
		{"export", export, nil},
		{"who may do what", rights, nil},
		{"reports", reports, nil},
		{"hold against edit", holdAgainstEdit, nil},
		{"readers during swaps", readersDuringSwaps, nil},
		{"schedulers at once", schedulersAtOnce, nil},
	} {
		t.Run(s.name, func(t *testing.T) {
			var more []func(*segment.Config)
			if s.more != nil {
				more = append(more, s.more)
			}
			s.run(newWorld(t, state(t), data(t), more...))
		})
	}
}

const newWithoutOrder = "joined within 7d and not orders(7d) >= 1"

func midnight(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.join(at(2, 8, 0), "today")
	r := w.create("new", newWithoutOrder)
	require.Equal(w.t, "a b", w.members("new"), "as of the last midnight: who joined today is not in yet")
	require.Equal(w.t, []int{0, 2, 2}, []int{r.Before, r.After, r.Entered})
	require.True(w.t, r.Group.AsOf.Equal(at(2, 0, 0)))
	first, err := w.Snapshot(w.ctx, "new")
	require.NoError(w.t, err)

	require.Empty(w.t, w.tick(at(2, 23, 59)), "not due before midnight")
	w.order("a", "o1", at(2, 12, 0), 10_000)
	done := w.tick(at(3, 0, 0))
	want := []segment.Refreshed{{Group: "new", Name: "new", AsOf: at(3, 0, 0).UTC(), Version: 2, Count: 2, Entered: 1, Left: 1}}
	require.Empty(w.t, cmp.Diff(want, done))
	require.Equal(w.t, "b today", w.members("new"))
	require.Empty(w.t, w.tick(at(3, 0, 0)), "once a day")

	done = w.tick(at(5, 7, 0))
	require.Len(w.t, done, 1, "missed days are made up once")
	require.True(w.t, done[0].AsOf.Equal(at(5, 0, 0)))
	require.Zero(w.t, done[0].Entered+done[0].Left)
	require.EqualValues(w.t, 2, done[0].Version, "nobody moved, so the version stays")
	g := w.get("new")
	require.Equal(w.t, segment.Ready, g.Freshness.State)
	require.True(w.t, g.Freshness.AsOf.Equal(at(5, 0, 0)), "but it is fresh")

	require.Equal(w.t, "a b", w.of(first), "a snapshot does not change")
	for day, want := range map[int]string{2: "a b", 3: "b today", 4: "b today", 5: "b today"} {
		snap, err := w.MembersAt(w.ctx, "new", at(day, 13, 0))
		require.NoError(w.t, err)
		require.Equal(w.t, want, w.of(snap), "on day %d", day)
	}
	_, err = w.MembersAt(w.ctx, "new", at(1, 13, 0))
	require.ErrorIs(w.t, err, segment.ErrNoHistory)
	in, err := w.Contains(w.ctx, first, "a")
	require.NoError(w.t, err)
	require.True(w.t, in)
	in, err = w.Contains(w.ctx, first, "today")
	require.NoError(w.t, err)
	require.False(w.t, in)
	first.Version = 9
	_, err = w.Members(w.ctx, first, "", 10)
	require.ErrorIs(w.t, err, segment.ErrNoHistory)
}

func edits(w *world) {
	w.join(at(1, 10, 0), "a", "b", "c")
	w.order("a", "o1", at(1, 11, 0), 10_000)
	w.create("g", "joined within 7d")
	change := func(d *segment.Definition) { d.Rule, d.Description = "orders >= 1", "buyers" }
	preview, err := w.Preview(w.ctx, "g", change)
	require.NoError(w.t, err)
	require.Equal(w.t, "a b c", w.members("g"), "a preview does nothing")
	w.clock.Set(at(2, 15, 0))
	saved := w.edit("g", change)
	require.Equal(w.t, []int{3, 1, 0, 2}, []int{saved.Before, saved.After, saved.Entered, saved.Left})
	require.Equal(w.t, ids("b", "c"), saved.SampleLeft)
	preview.Group, saved.Group = nil, nil
	require.Empty(w.t, cmp.Diff(preview, saved))
	require.Equal(w.t, "a", w.members("g"))

	w.edit("g", func(d *segment.Definition) { d.Description = "words only" })
	list, err := w.Rules(w.ctx, "g")
	require.NoError(w.t, err)
	require.Len(w.t, list, 2)
	require.Equal(w.t, "joined within 7d", list[0].Text)
	require.Equal(w.t, "kim", list[1].By)
	history, err := w.History(w.ctx, "g", 0, 0)
	require.NoError(w.t, err)
	require.Len(w.t, history, 2)
	require.True(w.t, history[1].From.Equal(at(2, 15, 0)), "the new rule speaks from the edit on")
	require.True(w.t, history[1].AsOf.Equal(at(2, 0, 0)), "of the same data")
	require.Equal(w.t, 2, history[1].Rule)
	snap, err := w.MembersAsOf(w.ctx, "g", at(2, 14, 0), at(3, 0, 0))
	require.NoError(w.t, err)
	require.Equal(w.t, "a b c", w.of(snap))

	// The clock goes back: history does not.
	w.clock.Set(at(2, 14, 0))
	w.edit("g", func(d *segment.Definition) { d.Rule = "joined within 7d" })
	history, err = w.History(w.ctx, "g", 0, 0)
	require.NoError(w.t, err)
	require.False(w.t, history[2].From.Before(history[1].From))
	require.False(w.t, history[2].Recorded.Before(history[1].Recorded))
}

func refusals(w *world) {
	w.create("g", "joined within 7d")
	for name, tc := range map[string]struct {
		d    segment.Definition
		want error
	}{
		"no name":              {segment.Definition{ID: "x", Rule: "newsletter"}, segment.ErrInvalid},
		"no rule":              {segment.Definition{Name: "x"}, segment.ErrInvalid},
		"a rule for a list":    {segment.Definition{Name: "x", Rule: "newsletter", Kind: segment.Static}, segment.ErrInvalid},
		"a taken name":         {segment.Definition{Name: "g", Rule: "newsletter"}, segment.ErrExists},
		"a taken id":           {segment.Definition{ID: "g", Name: "x", Rule: "newsletter"}, segment.ErrExists},
		"ends before it start": {segment.Definition{Name: "x", Rule: "newsletter", Starts: at(3, 0, 0), Ends: at(3, 0, 0)}, segment.ErrInvalid},
		"half a minute":        {segment.Definition{Name: "x", Rule: "newsletter", Schedule: segment.Schedule{Every: 30 * time.Second}}, segment.ErrInvalid},
		"a wrong purpose":      {segment.Definition{Name: "x", Rule: "newsletter", Purposes: []segment.Purpose{segment.TierPrice}}, segment.ErrPurpose},
		"no such purpose":      {segment.Definition{Name: "x", Rule: "newsletter", Purposes: []segment.Purpose{"fun"}}, segment.ErrInvalid},
		"broken text":          {segment.Definition{Name: "x\xff", Rule: "newsletter"}, segment.ErrInvalid},
	} {
		_, err := w.Create(w.ctx, tc.d)
		require.ErrorIs(w.t, err, tc.want, name)
	}
	_, err := w.Create(w.ctx, segment.Definition{Name: "x", Rule: "joined within 7d and not order(7d) >= 1"})
	require.ErrorContains(w.t, err, "orders", "the rule's author is told what was meant")
	_, err = w.Create(w.ctx, segment.Definition{Name: "x", Rule: "email is known", Scope: "guests"})
	require.Error(w.t, err, "guests have no e-mail")

	for name, change := range map[string]func(*segment.Definition){
		"kind":  func(d *segment.Definition) { d.Kind, d.Rule = segment.Static, "" },
		"scope": func(d *segment.Definition) { d.Scope = "both" },
		"id":    func(d *segment.Definition) { d.ID = "other" },
	} {
		_, err := w.Edit(w.ctx, "g", change)
		require.ErrorIs(w.t, err, segment.ErrFixed, name)
	}
	_, err = w.Edit(w.ctx, "g", func(d *segment.Definition) { d.Rule = "nonsense" })
	require.Error(w.t, err)
	_, err = w.Edit(w.ctx, "none", func(*segment.Definition) {})
	require.ErrorIs(w.t, err, segment.ErrNotFound)
	list, err := w.List(w.ctx)
	require.NoError(w.t, err)
	require.Len(w.t, list, 1)
	require.Equal(w.t, "joined within 7d", list[0].Rule)
}

func ledger(w *world) {
	w.create("g", "joined within 7d")
	send := dangol.Use{By: "message", Kind: dangol.UseSend, ID: "m1", Name: "spring campaign"}
	reference := dangol.Use{By: "coupon", Kind: dangol.UseReference, ID: "c1", Name: "spring coupon"}
	for range 2 {
		require.NoError(w.t, w.Hold(w.ctx, "g", send))
		require.NoError(w.t, w.Hold(w.ctx, "g", reference))
	}
	uses, _, err := w.UsedBy(w.ctx, "g")
	require.NoError(w.t, err)
	require.Empty(w.t, cmp.Diff([]dangol.Use{reference, send}, uses))

	_, err = w.Edit(w.ctx, "g", func(d *segment.Definition) { d.Description = "x" })
	var held *segment.HeldError
	require.ErrorAs(w.t, err, &held)
	require.Equal(w.t, []dangol.Use{send}, held.Uses, "only sends refuse an edit")
	require.EqualError(w.t, err, `segment: group "g" cannot be edited while it is used by message "spring campaign"`)
	_, err = w.Preview(w.ctx, "g", func(d *segment.Definition) { d.Description = "x" })
	require.ErrorIs(w.t, err, segment.ErrHeld)
	require.Len(w.t, w.tick(at(3, 0, 0)), 1, "a held group is refreshed all the same")

	require.NoError(w.t, w.Release(w.ctx, "g", send))
	require.NoError(w.t, w.Release(w.ctx, "g", send))
	w.edit("g", func(d *segment.Definition) { d.Description = "x" })
	require.ErrorIs(w.t, w.Delete(w.ctx, "g"), segment.ErrHeld)
	require.ErrorIs(w.t, w.Archive(w.ctx, "g"), segment.ErrHeld)
	require.NoError(w.t, w.Release(w.ctx, "g", reference))
	require.NoError(w.t, w.Delete(w.ctx, "g"))
	require.ErrorIs(w.t, w.Hold(w.ctx, "g", send), segment.ErrNotFound)
	require.NoError(w.t, w.Release(w.ctx, "g", send))
	require.ErrorIs(w.t, w.Hold(w.ctx, "g", dangol.Use{By: "x", ID: "y"}), segment.ErrInvalid)
}

func references(w *world) {
	w.join(at(1, 10, 0), "a", "b", "c", "d")
	w.order("a", "o1", at(1, 11, 0), 10_000)
	w.order("b", "o2", at(1, 11, 0), 10_000)
	w.create("buyers", "orders >= 1")
	w.create("left", `in group "buyers"`)
	w.create("right", `not in group "buyers"`)
	w.create("both", `in group "left" or in group "right"`)
	require.Equal(w.t, "a b c d", w.members("both"), "a diamond is fine")

	_, err := w.Edit(w.ctx, "buyers", func(d *segment.Definition) { d.Rule = `in group "both"` })
	var cycle *segment.CycleError
	require.ErrorAs(w.t, err, &cycle)
	require.Equal(w.t, []string{"buyers", "both", "left", "buyers"}, cycle.Path)
	_, err = w.Create(w.ctx, segment.Definition{Name: "self", Rule: `in group "self"`})
	require.ErrorIs(w.t, err, segment.ErrCycle)
	_, err = w.Create(w.ctx, segment.Definition{Name: "x", Rule: `in group "nobody"`})
	require.Error(w.t, err)
	_, err = w.Edit(w.ctx, "buyers", func(d *segment.Definition) { d.Name = "customers" })
	require.ErrorIs(w.t, err, segment.ErrReferenced)
	_, readers, err := w.UsedBy(w.ctx, "buyers")
	require.NoError(w.t, err)
	require.Equal(w.t, []string{"left", "right"}, readers)

	// Pins of what is read count, and all that is due is answered as of one moment.
	_, err = w.Pin(w.ctx, "buyers", segment.Out, ids("b"), "staff")
	require.NoError(w.t, err)
	w.order("c", "o3", at(2, 11, 0), 10_000)
	done := w.tick(at(3, 0, 0))
	require.Len(w.t, done, 4)
	require.Equal(w.t, []string{"buyers", "left", "right", "both"}, []string{done[0].Group, done[1].Group, done[2].Group, done[3].Group})
	require.Equal(w.t, "a c", w.members("left"))
	require.Equal(w.t, "b d", w.members("right"))

	// An edit of what is read makes the readers due.
	w.edit("buyers", func(d *segment.Definition) { d.Rule = "orders >= 2" })
	require.Len(w.t, w.tick(at(3, 1, 0)), 2)
	require.Equal(w.t, "", w.members("left"))
	require.Equal(w.t, "a b c d", w.members("right"))
}

func brokenness(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("base", "joined within 7d")
	w.create("middle", `in group "base"`)
	w.create("top", `joined within 7d and not in group "middle"`)
	w.create("apart", "joined within 7d")
	require.NoError(w.t, w.Delete(w.ctx, "base"))

	done := w.tick(at(2, 10, 0))
	require.Len(w.t, done, 1, "readers are told at once")
	require.ErrorIs(w.t, done[0].Err, segment.ErrBroken)
	w.tick(at(3, 0, 0))
	_, err := w.Snapshot(w.ctx, "top")
	var broken *segment.BrokenError
	require.ErrorAs(w.t, err, &broken, "under not, too: it never reads as everybody")
	require.Equal(w.t, []string{"top", "middle", "base"}, broken.Path)
	require.EqualError(w.t, err, `segment: group "top" is broken: top reads middle reads base: it was deleted`)
	g := w.get("top")
	require.Equal(w.t, segment.Broken, g.Freshness.State)
	require.Equal(w.t, []string{"top", "middle", "base"}, g.Freshness.Path)
	require.ErrorIs(w.t, w.Hold(w.ctx, "top", dangol.Use{By: "m", Kind: dangol.UseSend, ID: "1"}), segment.ErrBroken)
	_, err = w.Matches(w.ctx, "a", "top")
	require.ErrorIs(w.t, err, segment.ErrBroken)
	require.Equal(w.t, "a b", w.members("apart"), "others go on")
	spans, err := w.GroupsOf(w.ctx, "a", false)
	require.NoError(w.t, err)
	require.Len(w.t, spans, 1)
	_, err = w.Edit(w.ctx, "top", func(d *segment.Definition) { d.Rule = `in group "middle"` })
	require.Error(w.t, err, "what is broken cannot be read anew")

	w.create("base again", "orders >= 1")
	w.edit("base again", func(d *segment.Definition) { d.Name = "base" })
	require.Len(w.t, w.tick(at(3, 1, 0)), 1, "who reads the name is told at once")
	w.tick(at(4, 0, 0))
	require.Equal(w.t, "a b", w.members("middle")+w.members("top"), "a group of the name mends them")
}

func lastGood(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("g", "joined within 7d")
	w.create("list", "", static)
	failure := errors.New("the data is away")
	w.data.set(func() error { return failure })
	w.join(at(2, 10, 0), "c")
	done := w.tick(at(3, 0, 0))
	require.Len(w.t, done, 1)
	require.ErrorIs(w.t, done[0].Err, failure)
	g := w.get("g")
	require.Equal(w.t, segment.Failed, g.Freshness.State)
	require.Contains(w.t, g.Freshness.LastError, "the data is away")
	require.True(w.t, g.Freshness.AsOf.Equal(at(2, 0, 0)))
	require.Equal(w.t, "a b", w.members("g"), "the last good members stay readable")
	_, err := w.Edit(w.ctx, "g", func(d *segment.Definition) { d.Rule = "newsletter" })
	require.ErrorIs(w.t, err, failure)
	require.Equal(w.t, "joined within 7d", w.get("g").Rule, "an edit is saved with its members or not at all")

	require.Empty(w.t, w.tick(at(3, 0, 1)), "not at once again")
	w.data.set(nil)
	require.Len(w.t, w.tick(at(3, 0, 5)), 1)
	require.Equal(w.t, "a b c", w.members("g"))
	require.Equal(w.t, segment.Ready, w.get("g").Freshness.State)
}

func editDuringRefresh(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.order("a", "o", at(1, 12, 0), 1)
	w.create("g", "joined within 7d")
	other := w.another("two")
	w.data.set(func() error {
		w.data.set(nil)
		_, err := other.Edit(w.ctx, "g", func(d *segment.Definition) { d.Rule = "orders >= 1" })
		return err
	})
	done := w.tick(at(3, 0, 0))
	require.Len(w.t, done, 1)
	var lease *segment.LeaseError
	require.ErrorAs(w.t, done[0].Err, &lease, "the refresh is overruled")
	require.Equal(w.t, "a", w.members("g"))
	require.Equal(w.t, "orders >= 1", w.get("g").Rule)
	require.Empty(w.t, w.tick(at(3, 0, 1)), "the edit has extracted already")

	// The same with a pin, which must not be lost either.
	w.data.set(func() error {
		w.data.set(nil)
		_, err := other.Pin(w.ctx, "g", segment.In, ids("b"), "a friend")
		return err
	})
	w.tick(at(4, 0, 0))
	require.Equal(w.t, "a b", w.members("g"))

	// And a pin, or a send, that comes while an edit is prepared.
	w.data.set(func() error {
		w.data.set(nil)
		_, err := other.Pin(w.ctx, "g", segment.Out, ids("a"), "staff")
		return err
	})
	w.edit("g", func(d *segment.Definition) { d.Rule = "joined within 30d" })
	require.Equal(w.t, "b", w.members("g"))
	w.data.set(func() error {
		w.data.set(nil)
		return other.Hold(w.ctx, "g", dangol.Use{By: "message", Kind: dangol.UseSend, ID: "m", Name: "campaign"})
	})
	_, err := w.Edit(w.ctx, "g", func(d *segment.Definition) { d.Rule = "joined within 60d" })
	require.ErrorIs(w.t, err, segment.ErrHeld)
	require.Equal(w.t, "joined within 30d", w.get("g").Rule)
}

func leases(w *world) {
	w.join(at(1, 10, 0), "a")
	w.create("g", "joined within 7d")
	w.join(at(2, 10, 0), "b")
	other := w.another("two")
	w.clock.Set(at(3, 0, 0))
	// While one refreshes, two finds the lease, and refreshes once it has expired;
	// then one comes back from its long pause.
	w.data.set(func() error {
		w.data.set(nil)
		done, err := other.RefreshDue(w.ctx)
		require.NoError(w.t, err)
		var lease *segment.LeaseError
		require.ErrorAs(w.t, done[0].Err, &lease)
		require.Equal(w.t, "one", lease.Owner)
		w.clock.Add(6 * time.Minute)
		done, err = other.RefreshDue(w.ctx)
		require.NoError(w.t, err)
		require.NoError(w.t, done[0].Err)
		require.Equal(w.t, 1, done[0].Entered)
		return nil
	})
	done, err := w.RefreshDue(w.ctx)
	require.NoError(w.t, err)
	require.Error(w.t, done[0].Err, "the fence holds")
	history, err := w.History(w.ctx, "g", 0, 0)
	require.NoError(w.t, err)
	require.Len(w.t, history, 2, "applied once")

	// A process that died is taken over by its successor of the same name at once.
	w.clock.Set(at(4, 0, 0))
	crash := errors.New("killed")
	w.data.set(func() error { panic(crash) })
	require.PanicsWithValue(w.t, crash, func() { w.RefreshDue(w.ctx) })
	w.data.set(nil)
	done, err = w.another("one").RefreshDue(w.ctx)
	require.NoError(w.t, err)
	require.NoError(w.t, done[0].Err)
}
