package segmenttest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
)

func byHand(w *world) {
	w.join(at(1, 10, 0), "a", "b", "c")
	w.create("list", "", static)
	h, err := w.Add(w.ctx, "list", ids("b", "a", "b", "nobody"), "opening")
	require.NoError(w.t, err)
	require.Equal(w.t, ids("b", "a"), h.Changed)
	require.Equal(w.t, ids("nobody"), h.Unknown)
	h, err = w.Add(w.ctx, "list", ids("a", "c"), "")
	require.NoError(w.t, err)
	require.Equal(w.t, ids("a"), h.Already)
	require.Equal(w.t, []int{2, 3}, []int{h.Result.Before, h.Result.After})
	_, err = w.Remove(w.ctx, "list", ids("b"), "asked to")
	require.NoError(w.t, err)
	require.Equal(w.t, "a c", w.members("list"))
	spans, err := w.GroupsOf(w.ctx, "b", true)
	require.NoError(w.t, err)
	require.Len(w.t, spans, 1)
	require.Equal(w.t, segment.Cause{Why: segment.ByList, Note: "opening", By: "kim"}, spans[0].Entered)
	require.Equal(w.t, segment.Cause{Why: segment.ByList, Note: "asked to", By: "kim"}, spans[0].Left)

	w.create("g", "joined within 7d")
	_, err = w.Add(w.ctx, "g", ids("a"), "")
	require.ErrorIs(w.t, err, segment.ErrInvalid)
	_, err = w.Pin(w.ctx, "g", segment.Out, ids("a"), " ")
	require.ErrorIs(w.t, err, segment.ErrReason)
	w.join(at(2, 10, 0), "late")
	_, err = w.Pin(w.ctx, "g", segment.In, ids("late"), "a friend")
	require.NoError(w.t, err)
	_, err = w.Pin(w.ctx, "g", segment.Out, ids("a"), "staff")
	require.NoError(w.t, err)
	require.Equal(w.t, "b c late", w.members("g"))
	w.tick(at(3, 0, 0))
	require.Equal(w.t, "b c late", w.members("g"), "a refresh keeps pins")
	w.edit("g", func(d *segment.Definition) { d.Rule = "orders >= 1" })
	require.Equal(w.t, "late", w.members("g"), "an edit, too")
	snap, err := w.MembersAt(w.ctx, "g", at(3, 0, 0))
	require.NoError(w.t, err)
	roll, err := w.Roll(w.ctx, snap, "", 10)
	require.NoError(w.t, err)
	require.Equal(w.t, segment.Ready, roll.Freshness.State)
	require.Len(w.t, roll.Members, 1)
	require.True(w.t, roll.Members[0].Since.Equal(at(2, 9, 0)))
	require.Equal(w.t, segment.Cause{Why: segment.ByPin, Note: "a friend", By: "kim"}, roll.Members[0].Cause)
	_, err = w.Unpin(w.ctx, "g", ids("late", "a"), "over")
	require.NoError(w.t, err)
	require.Equal(w.t, "", w.members("g"))
	spans, err = w.GroupsOf(w.ctx, "late", true)
	require.NoError(w.t, err)
	require.Equal(w.t, "over", spans[0].Left.Note)
	left, err := w.Entries(w.ctx, "g", "", 10)
	require.NoError(w.t, err)
	require.Empty(w.t, left)
}

func emails(w *world) {
	w.join(at(1, 10, 0), "a", "b", "c")
	w.apply(store.Change{Customer: "twin", Fields: map[string]catalog.Value{"email": catalog.StringValue("c@example.com")}})
	w.create("list", "", static)
	_, err := w.Add(w.ctx, "list", ids("b"), "")
	require.NoError(w.t, err)
	r, err := w.AddByEmail(w.ctx, "list", "A@Example.com, b@example.com;\n Kim <c@example.com>\r\nnobody@example.com ;; a@example.com\nnot an address, x@localhost", "pasted")
	require.NoError(w.t, err)
	r.Result = nil
	require.Empty(w.t, cmp.Diff(&segment.Emails{
		Added: []string{"a@example.com"}, Already: []string{"b@example.com"}, Unknown: []string{"nobody@example.com"},
		Ambiguous: []string{"c@example.com"}, Malformed: []string{"not an address", "x@localhost"},
	}, r))
	require.Equal(w.t, "a b", w.members("list"))
	r, err = w.AddByEmail(w.ctx, "list", `"quo\"ted"@example.com`, "")
	require.NoError(w.t, err)
	require.Len(w.t, r.Unknown, 1, "an address is never read as a rule")
}

func frozen(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("once", "joined within 7d", func(d *segment.Definition) { d.Kind = segment.Frozen })
	require.Equal(w.t, "a b", w.members("once"))
	w.join(at(2, 9, 30), "c")
	require.Empty(w.t, w.tick(at(9, 0, 0)), "nothing refreshes it")
	_, err := w.Refresh(w.ctx, "once")
	require.NoError(w.t, err)
	require.Equal(w.t, "a b", w.members("once"))
	_, err = w.Edit(w.ctx, "once", func(d *segment.Definition) { d.Rule = "orders" })
	require.ErrorIs(w.t, err, segment.ErrFixed)
	_, err = w.Pin(w.ctx, "once", segment.In, ids("c"), "late")
	require.NoError(w.t, err)
	_, err = w.Remove(w.ctx, "once", ids("a"), "")
	require.NoError(w.t, err)
	require.Equal(w.t, "b c", w.members("once"))
}

func dates(w *world) {
	w.join(at(1, 10, 0), "a")
	w.create("season", "", static, func(d *segment.Definition) { d.Starts, d.Ends, d.Pricing = at(3, 12, 0), at(4, 12, 0), true })
	_, err := w.Add(w.ctx, "season", ids("a"), "")
	require.NoError(w.t, err)
	require.Equal(w.t, "", w.members("season"), "not in effect yet")
	on, err := w.GroupPricing(w.ctx, "season", "seoul")
	require.NoError(w.t, err)
	require.False(w.t, on)
	require.Len(w.t, w.tick(at(3, 12, 0)), 1)
	require.Equal(w.t, "a", w.members("season"))
	on, err = w.GroupPricing(w.ctx, "season", "seoul")
	require.NoError(w.t, err)
	require.True(w.t, on)
	w.clock.Set(at(4, 12, 0))
	on, err = w.GroupPricing(w.ctx, "season", "seoul")
	require.NoError(w.t, err)
	require.False(w.t, on, "prices end on the minute, whenever the group is refreshed")
	w.tick(at(4, 12, 1))
	require.Equal(w.t, "", w.members("season"))
	spans, err := w.GroupsOf(w.ctx, "a", true)
	require.NoError(w.t, err)
	require.Equal(w.t, segment.ByDates, spans[0].Left.Why)
	w.edit("season", func(d *segment.Definition) { d.Ends = time.Time{} })
	require.Equal(w.t, "a", w.members("season"), "no end any more")
}

func schedules(w *world) {
	w.create("often", "joined within 7d", func(d *segment.Definition) { d.Schedule.Every = 5 * time.Minute })
	w.create("on change", "joined within 7d", func(d *segment.Definition) { d.Schedule.OnChange = true })
	w.create("daily", "joined within 7d")
	w.join(at(2, 9, 1), "a")
	done := w.tick(at(2, 9, 7))
	require.Len(w.t, done, 1)
	require.True(w.t, done[0].AsOf.Equal(at(2, 9, 5)))
	require.Equal(w.t, "a", w.members("often"))
	require.Empty(w.t, w.tick(at(2, 9, 9)))
	require.NoError(w.t, w.Changed(w.ctx))
	require.NoError(w.t, w.Changed(w.ctx))
	require.Len(w.t, w.tick(at(2, 9, 9)), 1)
	require.Equal(w.t, "a", w.members("on change"))
	require.Empty(w.t, w.tick(at(2, 9, 9)))
	require.Equal(w.t, "", w.members("daily"))

	// A change that comes while a refresh reads is not overlooked.
	require.NoError(w.t, w.Changed(w.ctx))
	w.data.set(func() error { w.data.set(nil); return w.Changed(w.ctx) })
	require.Len(w.t, w.tick(at(2, 9, 9)), 1)
	require.Len(w.t, w.tick(at(2, 9, 9)), 1)
	require.Empty(w.t, w.tick(at(2, 9, 9)))
	w.data.set(func() error { w.data.set(nil); return w.Changed(w.ctx) })
	_, err := w.Pin(w.ctx, "on change", segment.Out, ids("a"), "staff")
	require.NoError(w.t, err)
	require.Len(w.t, w.tick(at(2, 9, 9)), 1, "nor while a pin reads")
}

func retired(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("g", "joined within 7d")
	before, err := w.Snapshot(w.ctx, "g")
	require.NoError(w.t, err)
	w.clock.Set(at(2, 12, 0))
	require.NoError(w.t, w.Archive(w.ctx, "g"))
	require.NoError(w.t, w.Archive(w.ctx, "g"), "twice is once")
	_, err = w.Snapshot(w.ctx, "g")
	require.ErrorIs(w.t, err, segment.ErrArchived)
	require.Empty(w.t, w.tick(at(3, 0, 0)))
	r, err := w.Restore(w.ctx, "g")
	require.NoError(w.t, err)
	require.Equal(w.t, 2, r.Entered)
	require.NoError(w.t, w.Delete(w.ctx, "g"))
	require.ErrorIs(w.t, w.Delete(w.ctx, "g"), segment.ErrNotFound)
	_, err = w.Restore(w.ctx, "g")
	require.ErrorIs(w.t, err, segment.ErrNotFound)

	require.Equal(w.t, "a b", w.of(before), "what was frozen stays readable")
	snap, err := w.MembersAsOf(w.ctx, "g", at(2, 11, 0), at(9, 0, 0))
	require.NoError(w.t, err)
	require.Equal(w.t, "a b", w.of(snap))
	require.Equal(w.t, segment.Gone, w.get("g").Freshness.State)
	_, err = w.Create(w.ctx, segment.Definition{ID: "g", Name: "g", Rule: "newsletter"})
	require.ErrorIs(w.t, err, segment.ErrExists, "an id is never used again")
	_, err = w.Create(w.ctx, segment.Definition{ID: "g2", Name: "g", Rule: "newsletter"})
	require.NoError(w.t, err, "a name is")
	list, err := w.List(w.ctx)
	require.NoError(w.t, err)
	require.Len(w.t, list, 1)
}

func limited(w *world) {
	w.create("one", "newsletter")
	w.create("two", "newsletter")
	_, err := w.Create(w.ctx, segment.Definition{Name: "three", Rule: "newsletter"})
	require.ErrorIs(w.t, err, segment.ErrLimit)
	require.NoError(w.t, w.Archive(w.ctx, "one"))
	w.create("three", "newsletter")
	_, err = w.Restore(w.ctx, "one")
	require.ErrorIs(w.t, err, segment.ErrLimit)
	require.NoError(w.t, w.Delete(w.ctx, "two"))
	_, err = w.Restore(w.ctx, "one")
	require.NoError(w.t, err)
}

func outbox(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("g", "joined within 7d and orders = 0")
	w.order("a", "o", at(2, 12, 0), 1)
	w.join(at(2, 12, 0), "c", "d")
	w.create("h", "newsletter")
	w.tick(at(3, 0, 0))
	var all []segment.Event
	for after := (segment.Cursor{}); ; {
		page, err := w.Events(w.ctx, after, 2)
		require.NoError(w.t, err)
		all = append(all, page...)
		if len(page) < 2 {
			break
		}
		after = page[1].Cursor
	}
	text := ""
	for _, e := range all {
		text += fmt.Sprintf("%s %v %s, ", e.Customer, e.Entered, e.At.In(seoul).Format("02 15:04"))
	}
	require.Equal(w.t, "a true 02 09:00, b true 02 09:00, a false 03 00:00, c true 03 00:00, d true 03 00:00, ", text)
	for i, e := range all {
		rest, err := w.Events(w.ctx, e.Cursor, 100)
		require.NoError(w.t, err)
		require.Len(w.t, rest, len(all)-i-1)
	}
}

func retention(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("g", "joined within 7d and orders = 0")
	old, err := w.Snapshot(w.ctx, "g")
	require.NoError(w.t, err)
	w.order("a", "o", at(2, 12, 0), 1)
	w.tick(at(3, 0, 0))
	w.join(at(3, 12, 0), "c")
	w.tick(at(4, 0, 0))
	w.tick(at(5, 0, 0))
	_, err = w.Members(w.ctx, old, "", 10)
	require.ErrorIs(w.t, err, segment.ErrNoHistory)
	_, err = w.MembersAt(w.ctx, "g", at(2, 12, 0))
	require.ErrorIs(w.t, err, segment.ErrNoHistory)
	snap, err := w.MembersAt(w.ctx, "g", at(3, 12, 0))
	require.NoError(w.t, err)
	require.Equal(w.t, "b", w.of(snap), "the version that was the present one two days ago is kept")
	require.Equal(w.t, "b c", w.members("g"))
	spans, err := w.GroupsOf(w.ctx, "b", false)
	require.NoError(w.t, err)
	require.True(w.t, spans[0].From.Equal(at(2, 9, 0)), "a membership keeps its date for as long as it lasts")
	events, err := w.Events(w.ctx, segment.Cursor{}, 100)
	require.NoError(w.t, err)
	require.Equal(w.t, "a", string(events[0].Customer))
	require.False(w.t, events[0].Entered)
}

// A customer who is erased is in no group and no list, and past days count as before.
func erasure(w *world) {
	w.join(at(1, 10, 0), "a", "b", "kim")
	w.create("g", "joined within 7d")
	w.create("hand", "", static)
	_, err := w.Add(w.ctx, "hand", []dangol.CustomerID{"a", "kim"}, "asked kim")
	require.NoError(w.t, err)
	_, err = w.Pin(w.ctx, "g", segment.Out, []dangol.CustomerID{"b"}, "a friend of theirs")
	require.NoError(w.t, err)
	old, err := w.Snapshot(w.ctx, "g")
	require.NoError(w.t, err)
	w.apply(store.Change{Op: store.Delete, Customer: "kim"})

	name, err := w.Erase(w.ctx, "kim")
	require.NoError(w.t, err)
	require.Equal(w.t, "a", w.members("g"))
	require.Equal(w.t, "a", w.members("hand"))
	frozen, err := w.Members(w.ctx, old, "", 10)
	require.NoError(w.t, err)
	require.Equal(w.t, []dangol.CustomerID{"a", name}, frozen, "an audience that was frozen has as many people as before")
	spans, err := w.GroupsOf(w.ctx, "kim", true)
	require.NoError(w.t, err)
	require.Empty(w.t, spans)
	lines, err := w.Entries(w.ctx, "hand", "", 10)
	require.NoError(w.t, err)
	require.Len(w.t, lines, 1)
	w.tick(at(3, 0, 0))
	require.Equal(w.t, "a", w.members("g"))
	again, err := w.Erase(w.ctx, "kim")
	require.NoError(w.t, err)
	require.NotEqual(w.t, name, again)
}

func shopping(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	guest := store.Change{Customer: "guest", Guest: true, Fields: map[string]catalog.Value{"first_seen": catalog.TimeValue(at(2, 8, 0))}}
	w.apply(guest)
	full := func(d *segment.Definition) { d.Scope = "both"; d.Schedule.Every = time.Minute }
	w.create("cart", "cart_total >= 50_000", full)
	w.create("vip cart", `in group "cart"`, full)
	w.create("spenders", "spent in top 50%")
	in := func(id, group string) bool {
		w.t.Helper()
		m, err := w.Matches(w.ctx, dangol.CustomerID(id), group)
		require.NoError(w.t, err)
		return m.In
	}
	cart := func(id string, total int64) {
		w.apply(store.Change{Op: store.Set, Customer: dangol.CustomerID(id), Guest: id == "guest", Fields: map[string]catalog.Value{"cart_total": catalog.NumberValue(total)}})
	}
	require.False(w.t, in("guest", "cart"))
	cart("guest", 60_000)
	require.True(w.t, in("guest", "cart"), "a guest joins while shopping, before any refresh")
	require.True(w.t, in("guest", "vip cart"), "what the rule reads is asked live, too")
	require.Equal(w.t, "", w.members("cart"))
	cart("guest", 10_000)
	require.False(w.t, in("guest", "cart"))
	cart("guest", 60_000)
	_, err := w.Matches(w.ctx, "nobody", "cart")
	require.ErrorIs(w.t, err, store.ErrNotFound)

	w.order("a", "o", at(2, 9, 0), 10_000)
	w.tick(at(3, 0, 0))
	m, err := w.Matches(w.ctx, "a", "spenders")
	require.NoError(w.t, err)
	require.True(w.t, m.In)
	require.True(w.t, m.CutsAsOf.Equal(at(3, 0, 0)), "a rank is tested against the last cut")
	require.Equal(w.t, "guest", w.members("cart"))

	require.NoError(w.t, w.Login(w.ctx, "guest", "b"))
	require.NoError(w.t, w.Login(w.ctx, "guest", "b"))
	require.Equal(w.t, "", w.members("cart"), "at once")
	spans, err := w.GroupsOf(w.ctx, "guest", true)
	require.NoError(w.t, err)
	for _, s := range spans {
		require.Equal(w.t, segment.Cause{Why: segment.ByLogin, Note: "b"}, s.Left)
	}
	w.apply(store.Change{Op: store.Merge, Customer: "b", From: "guest"})
	w.tick(at(3, 0, 1))
	require.Equal(w.t, "", w.members("cart"))
}

func purposes(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("wholesale", "", static, func(d *segment.Definition) {
		d.Pricing, d.PricingIn = true, map[string]bool{"busan": false}
	})
	w.create("regulars", "", static)
	w.create("new", "joined within 7d")
	for _, g := range []string{"wholesale", "regulars"} {
		_, err := w.Add(w.ctx, g, ids("a"), "")
		require.NoError(w.t, err)
	}
	for _, tc := range []struct {
		id      string
		purpose segment.Purpose
		store   string
		want    string
	}{
		{"a", segment.CartPriceRule, "seoul", "new regulars wholesale"},
		{"b", segment.CartPriceRule, "seoul", "new"},
		{"a", segment.RelatedProducts, "seoul", "new"},
		{"a", segment.DynamicBlock, "seoul", "new"},
		{"a", segment.CatalogPriceRule, "seoul", "wholesale"},
		{"a", segment.TierPrice, "seoul", "wholesale"},
		{"a", segment.TierPrice, "busan", ""},
		{"a", segment.RewardRate, "busan", "regulars wholesale"},
		{"a", segment.CategoryPermission, "seoul", "regulars wholesale"},
		{"a", segment.Invitation, "seoul", "regulars wholesale"},
	} {
		list, err := w.GroupsFor(w.ctx, dangol.CustomerID(tc.id), tc.purpose, tc.store)
		require.NoError(w.t, err)
		var got []string
		for _, f := range list {
			got = append(got, f.Group)
		}
		require.Equal(w.t, tc.want, strings.Join(got, " "), "%s %s %s", tc.id, tc.purpose, tc.store)
	}
	_, err := w.GroupsFor(w.ctx, "a", "fun", "")
	require.ErrorIs(w.t, err, segment.ErrInvalid)
	_, err = w.Edit(w.ctx, "wholesale", func(d *segment.Definition) { d.Purposes = []segment.Purpose{segment.DynamicBlock} })
	require.ErrorIs(w.t, err, segment.ErrPurpose)
	w.edit("wholesale", func(d *segment.Definition) { d.Purposes = []segment.Purpose{segment.Invitation} })
	list, err := w.GroupsFor(w.ctx, "a", segment.TierPrice, "seoul")
	require.NoError(w.t, err)
	require.Empty(w.t, list)
}

func promotions(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("one", "", static, func(d *segment.Definition) { d.Pricing = true; d.PricingIn = map[string]bool{"busan": false} })
	w.create("two", "", static)
	_, err := w.Add(w.ctx, "one", ids("a"), "")
	require.NoError(w.t, err)
	applies := func(id, store string) bool {
		w.t.Helper()
		ok, err := w.PromotionApplies(w.ctx, "spring", dangol.CustomerID(id), store)
		require.NoError(w.t, err)
		return ok
	}
	require.ErrorIs(w.t, w.Restrict(w.ctx, "spring", "spring"), segment.ErrInvalid, "to no group at all")
	require.NoError(w.t, w.Attach(w.ctx, "one", "spring"))
	require.NoError(w.t, w.Attach(w.ctx, "one", "spring"))
	require.True(w.t, applies("b", "seoul"), "for everybody until it is restricted")
	require.ErrorIs(w.t, w.Restrict(w.ctx, "spring", "yes"), segment.ErrUnconfirmed)
	require.NoError(w.t, w.Restrict(w.ctx, "spring", "spring"))
	require.True(w.t, applies("a", "seoul"))
	require.False(w.t, applies("b", "seoul"))
	require.False(w.t, applies("a", "busan"), "group pricing is off in that store")

	require.ErrorIs(w.t, w.Detach(w.ctx, "one", "spring"), segment.ErrFixed, "it would be for everybody again")
	require.NoError(w.t, w.Attach(w.ctx, "two", "spring"))
	require.NoError(w.t, w.Detach(w.ctx, "one", "spring"))
	require.False(w.t, applies("a", "seoul"))
	require.NoError(w.t, w.Delete(w.ctx, "two"))
	require.False(w.t, applies("a", "seoul"), "nor by deleting its last group")
	p, err := w.Promotion(w.ctx, "spring")
	require.NoError(w.t, err)
	require.Empty(w.t, cmp.Diff(segment.Promotion{ID: "spring", Restricted: true, Groups: []string{"two"}}, p))
}

func export(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("g", "joined within 7d")
	_, err := w.Pin(w.ctx, "g", segment.In, ids("a"), "@SUM(1)")
	require.NoError(w.t, err)
	snap, err := w.Snapshot(w.ctx, "g")
	require.NoError(w.t, err)
	var out bytes.Buffer
	require.ErrorIs(w.t, w.Export(w.ctx, snap, &out, segment.ExportOptions{}), segment.ErrReason)
	require.Zero(w.t, out.Len())
	err = w.Export(w.ctx, snap, &out, segment.ExportOptions{Reason: "x", Attributes: []string{"shoe size"}})
	require.ErrorIs(w.t, err, segment.ErrInvalid)
	require.NoError(w.t, w.Export(w.ctx, snap, &out, segment.ExportOptions{Reason: "audit", BOM: true, Attributes: []string{"name", "joined"}}))
	require.Equal(w.t, "\uFEFFcustomer,since,why,note,by,name,joined\n"+
		"a,2026-03-02T09:00:00+09:00,rule,,,'=a,2026-03-01T10:00:00+09:00\n"+
		"b,2026-03-02T09:00:00+09:00,rule,,,'=b,2026-03-01T10:00:00+09:00\n", out.String())
	acts, err := w.Trail(w.ctx, 0, 0)
	require.NoError(w.t, err)
	last := acts[len(acts)-1]
	require.Equal(w.t, "kim", last.Actor)
	require.Equal(w.t, segment.Export, last.Action)
	require.Contains(w.t, last.Detail, "audit")
}

func rights(w *world) {
	w.join(at(1, 10, 0), "a")
	w.create("g", "", static)
	roles := segment.Roles{"lee": {segment.View, segment.Manage}, "": {segment.Use}}
	s := w.another("two", func(c *segment.Config) { c.Authorizer = roles })
	lee := segment.WithActor(w.t.Context(), "lee")
	_, err := s.Add(lee, "g", ids("a"), "")
	require.NoError(w.t, err)
	_, err = s.Get(lee, "g")
	require.NoError(w.t, err)
	snap, err := s.Snapshot(w.t.Context(), "g")
	require.NoError(w.t, err)
	for name, err := range map[string]error{
		"edit":    second(s.Edit(lee, "g", func(*segment.Definition) {})),
		"create":  second(s.Create(lee, segment.Definition{Name: "x", Rule: "newsletter"})),
		"preview": second(s.PreviewNew(lee, segment.Definition{Name: "x", Rule: "newsletter"})),
		"delete":  s.Delete(lee, "g"),
		"export":  s.Export(lee, snap, &bytes.Buffer{}, segment.ExportOptions{Reason: "x"}),
		"use":     second(s.Snapshot(lee, "g")),
		"refresh": second(s.RefreshDue(lee)),
		"nobody":  second(s.List(w.t.Context())),
		"others":  second(s.Get(w.ctx, "g")),
	} {
		require.ErrorIs(w.t, err, segment.ErrNotAllowed, name)
	}
	acts, err := s.Trail(lee, 0, 0)
	require.NoError(w.t, err)
	require.Equal(w.t, "lee", acts[len(acts)-1].Actor)
}

func second[T any](_ T, err error) error { return err }
