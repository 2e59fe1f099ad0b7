package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

var selectCases = []contractCase{
	{
		name: "an empty store, an empty query",
		why:  "a shop opens with neither customers nor groups",
		run: func(c *checker) {
			c.members(c.ask(`orders = 0`)[0], "")
			c.query(c.Context(), store.Query{AsOf: noon})
		},
	},
	{
		name: "answers stand in the order of the plans, members in the order of their bytes",
		why:  "callers match answers by index, and diffs of groups need one order",
		run: func(c *checker) {
			for i, id := range []dangol.CustomerID{"b", "B", "a", "10", "9", "é", "가"} {
				c.apply(put(id, fields{"points": num(int64(i))}))
			}
			answers := c.ask(`points >= 3`, `points < 3`, `points >= 0`, `points >= 3`, `points > 100`)
			c.members(answers[0], "10 9 é 가")
			c.members(answers[1], "B a b")
			c.members(answers[2], "10 9 B a b é 가")
			c.members(answers[3], "10 9 é 가")
			c.members(answers[4], "")
		},
	},
	{
		name: "the scope is the population",
		why:  "members, guests or both; whoever has not joined yet is nobody",
		run: func(c *checker) {
			c.apply(put("a", fields{"joined": ins("2026-03-10T11:59:59Z")}), put("b", fields{"joined": ins("2026-03-10T12:00:00Z")}),
				put("c", nil), guest("g", nil), guest("h", fields{"first_seen": ins("2026-03-10T12:00:00Z")}))
			q := store.Query{AsOf: noon}
			for _, scope := range []plan.Scope{plan.Members, plan.Guests, plan.Both} {
				q.Plans = append(q.Plans, c.plan(`not visits`, scope))
			}
			answers := c.query(c.Context(), q)
			c.members(answers[0], "a c")
			c.members(answers[1], "g")
			c.members(answers[2], "a c g")
		},
	},
	{
		name: "as-of is a whole second, the zone is UTC unless given",
		why:  "answers must not depend on the fraction of a second at which a job starts",
		run: func(c *checker) {
			c.apply(put("a", fields{"joined": ins("2026-03-10T12:00:00Z")}), put("b", fields{"joined": ins("2026-03-09T15:30:00Z")}))
			q := store.Query{AsOf: noon.Add(999 * time.Millisecond), Plans: []*plan.Plan{c.plan(`orders = 0`, ""), c.plan(`joined on today`, "")}}
			answers := c.query(c.Context(), q)
			c.members(answers[0], "b")
			c.members(answers[1], "")
			if !answers[0].AsOf.Equal(noon) {
				c.Errorf("AsOf is %v, want %v", answers[0].AsOf, noon)
			}
			q.Zone = time.FixedZone("nine hours east", 9*3600)
			c.members(c.query(c.Context(), q)[1], "b")
		},
	},
	{
		name: "an answer says what it read as of now",
		why:  "a grade has no history: an answer for last week that reads it is not exact, and may be refused",
		run: func(c *checker) {
			c.apply(put("a", fields{"grade": str("gold"), "joined": ins("2026-01-01T00:00:00Z")}))
			q := store.Query{AsOf: noon, Plans: []*plan.Plan{c.plan(`grade = "gold" and points is not known`, ""), c.plan(`joined within 1y`, "")}}
			check := func(answers []store.Answer, exact bool) {
				c.Helper()
				if a := answers[0]; a.Exact != exact || exact != (len(a.Current) == 0) || !exact && strings.Join(a.Current, " ") != "grade points" {
					c.Errorf("as of %v, read at %v: exact %v, current %q", a.AsOf, a.ReadAt, a.Exact, a.Current)
				}
				if a := answers[1]; !a.Exact || len(a.Current) > 0 {
					c.Errorf("a rule over timed values is not exact: %q", a.Current)
				}
			}
			past := c.query(c.Context(), q)
			c.members(past[0], "a")
			check(past, false)
			if past[0].ReadAt.IsZero() {
				return // a store without a clock takes every as-of as past
			}
			q.AsOf = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			check(c.query(c.Context(), q), true)
			q.Strict = true
			check(c.query(c.Context(), q), true)
		},
	},
	{
		name: "strict refuses what is not exact, plan by plan",
		why:  "an audit wants no answer rather than one that history may contradict",
		run: func(c *checker) {
			c.apply(put("a", fields{"grade": str("gold")}))
			answers := c.query(c.Context(), store.Query{AsOf: noon, Strict: true,
				Plans: []*plan.Plan{c.plan(`grade = "gold"`, ""), c.plan(`visits = 0`, "")}})
			if a := answers[0]; !errors.Is(a.Err, store.ErrNotExact) || a.Members != nil {
				c.Errorf("want store.ErrNotExact without members, got %v", a.Err)
			}
			c.members(answers[1], "a")
		},
	},
	{
		name: "ranks say where the cut is",
		why:  "one customer is later tested against the last cut",
		run: func(c *checker) {
			for i, id := range []dangol.CustomerID{"a", "b", "c", "d"} {
				c.apply(put(id, fields{"points": num(int64(10 * (i / 2)))}))
			}
			c.apply(put("e", nil), guest("g", fields{"points": num(1000)}))
			p := c.plan(`points in top 1`, "")
			a := c.query(c.Context(), store.Query{AsOf: noon, Plans: []*plan.Plan{p}})[0]
			c.members(a, "c d")
			want := eval.Cut{Value: 10, AsOf: noon}
			got, ok := a.Cuts[eval.RankKey(eval.Ranks(p)[0])]
			if !ok || got.Value != want.Value || got.Empty || !got.AsOf.Equal(want.AsOf) {
				c.Errorf("the cuts are %v, want %v under the rank's key", a.Cuts, want)
			}
			c.members(c.ask(`not points in top 1`)[0], "a b e")
		},
	},
	{
		name: "one plan's trouble is its own",
		why:  "a broken group must not empty the others, nor be taken for an empty set under not",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1)}))
			trouble := errors.New("the group is broken")
			answers := c.query(c.Context(), store.Query{AsOf: noon, Groups: brokenGroups{trouble}, Plans: []*plan.Plan{
				c.plan(`not in group "VIP" and points = 1`, ""), c.plan(`points = 1`, ""), c.plan(`points = 2 and in group "VIP"`, ""),
				c.plan(`points = 1 or in group "VIP"`, ""), nil,
			}})
			for _, i := range []int{0, 2, 3} {
				if a := answers[i]; !errors.Is(a.Err, trouble) || a.Members != nil {
					c.Errorf("plan %d: want the group's error without members, got %v", i, a.Err)
				}
			}
			c.members(answers[1], "a")
			if answers[4].Err == nil {
				c.Error("no plan at all has an answer")
			}
			answers = c.query(c.Context(), store.Query{AsOf: noon, Plans: []*plan.Plan{c.plan(`in group "VIP"`, "")}})
			if answers[0].Err == nil {
				c.Error("a plan that reads groups has an answer without any")
			}
		},
	},
	{
		name: "groups are asked",
		why:  "a rule may build on another group's members",
		run: func(c *checker) {
			c.apply(put("a", nil), put("b", nil), put("c", nil))
			answers := c.query(c.Context(), store.Query{AsOf: noon, Groups: oneGroup{"VIP": {"b", "x"}}, Plans: []*plan.Plan{
				c.plan(`in group "VIP"`, ""), c.plan(`not in group "VIP"`, ""),
			}})
			c.members(answers[0], "b")
			c.members(answers[1], "a c")
		},
	},
	{
		name: "an ended context ends the query",
		why:  "a web request that is gone must not go on scanning",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1)}))
			ctx, cancel := context.WithCancel(c.Context())
			cancel()
			if _, err := c.store.Select(ctx, store.Query{AsOf: noon, Plans: []*plan.Plan{c.plan(`points = 1`, "")}}); !errors.Is(err, context.Canceled) {
				c.Errorf("Select: want context.Canceled, got %v", err)
			}
			if _, err := c.store.Customer(ctx, "a"); !errors.Is(err, context.Canceled) {
				c.Errorf("Customer: want context.Canceled, got %v", err)
			}
			if err := c.store.Apply(ctx, put("b", nil)); !errors.Is(err, context.Canceled) {
				c.Errorf("Apply: want context.Canceled, got %v", err)
			}
			c.want("b", "")
		},
	},
	{
		name: "many customers",
		why:  "pages, batches and cursors meet at their seams",
		run: func(c *checker) {
			const n = 2500
			var changes []store.Change
			logins := map[int]int{} // by points, which are the number in the id
			for i := range n {
				points := i * 7919 % n
				id := dangol.CustomerID(fmt.Sprintf("c%04d", points))
				logins[points] = i % 3
				changes = append(changes, put(id, fields{"points": num(int64(points))}))
				for k := range i % 3 {
					changes = append(changes, record("logins", id, fmt.Sprintf("%s-%d", id, k), fields{"at": ins("2026-03-01T00:00:00Z")}))
				}
			}
			c.apply(changes...)
			in := []func(points int) bool{
				func(points int) bool { return points >= 1000 && points < 2000 },
				func(points int) bool { return logins[points] == 2 },
				func(points int) bool { return points < 500 },
				func(points int) bool { return points > 0 },
				func(int) bool { return false },
			}
			answers := c.ask(`points >= 1000 and points < 2000`, `logins = 2`, `points in bottom 500`, `points > 0`, `not logins and points < 0`)
			for i, a := range answers {
				var want []string
				for points := range n {
					if in[i](points) {
						want = append(want, fmt.Sprintf("c%04d", points))
					}
				}
				c.members(a, strings.Join(want, " "))
			}
		},
	},
}

// oneGroup is groups by name, each with its members.
type oneGroup map[string][]dangol.CustomerID

func (g oneGroup) Contains(group string, id dangol.CustomerID) (bool, error) {
	ids, ok := g[group]
	if !ok {
		return false, fmt.Errorf("no group is called %q", group)
	}
	for _, one := range ids {
		if one == id {
			return true, nil
		}
	}
	return false, nil
}
