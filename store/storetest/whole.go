package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

var wholeCases = []contractCase{
	{
		name: "the catalog is the one that the store was opened with",
		why:  "rules are checked against it",
		run: func(c *checker) {
			if c.store.Catalog() != c.catalog {
				c.Error("Catalog gives another one")
			}
		},
	},
	{
		name: "all changes or none",
		why:  "a feed that stops in the middle is fetched again from its start",
		run: func(c *checker) {
			c.apply(put("a", fields{"points": num(1)}), record("all_orders", "a", "o", nil), product("p", nil),
				record("views", "a", "v", fields{"product": str("p")}), put("b", nil))
			c.refuse("no such customer",
				put("a", fields{"points": num(2)}), remove(record("all_orders", "", "o", nil)), record("all_orders", "b", "o", nil),
				product("p", fields{"brand": str("X")}), remove(put("b", nil)), put("c", nil), merge("c", "a"),
				record("logins", "nobody", "l", nil))
			c.refuse("no such attribute", put("c", nil), put("c", fields{"x": num(1)}))
			c.apply(record("logins", "a", "l", nil), item("a", "i", "o", nil))
		},
	},
	{
		name: "no changes",
		why:  "a poll that found nothing is no error",
		run:  func(c *checker) { c.apply() },
	},
	{
		name: "what was read does not change",
		why:  "a caller that explains a decision must explain it from one state",
		run: func(c *checker) {
			c.apply(product("p", nil), put("a", fields{"points": num(1)}), record("all_orders", "a", "o", fields{"total": num(1)}),
				item("a", "i", "o", fields{"product": str("p")}))
			before, err := c.store.Customer(c.Context(), "a")
			if err != nil {
				c.Fatal(err)
			}
			members := c.ask(`points = 1`)[0]
			text := Dump(before)
			c.apply(put("a", nil), set(record("all_orders", "a", "o", fields{"total": num(2)})), product("p", fields{"brand": str("X")}),
				item("a", "j", "o", nil))
			c.apply(remove(put("a", nil)))
			if d := diff(text, Dump(before)); d != "" {
				c.Error(d)
			}
			c.members(members, "a")
		},
	},
	{
		name: "a reader sees the state before or after, never half of it",
		why:  "two groups that exclude each other must not share a customer because a job ran between two writes",
		run:  func(c *checker) { tear(c) },
	},
	{
		name: "writers do not lose each other's changes",
		why:  "events of one customer arrive by several processes at once",
		run: func(c *checker) {
			c.apply(put("a", nil))
			var all sync.WaitGroup
			for w := range 4 {
				all.Go(func() {
					for i := range 10 {
						key := fmt.Sprintf("%d-%d", w, i)
						if err := c.store.Apply(c.Context(), record("logins", "a", key, nil), put(dangol.CustomerID(key), nil)); err != nil {
							c.Errorf("Apply: %v", err)
						}
					}
				})
			}
			all.Wait()
			got, err := c.store.Customer(c.Context(), "a")
			if err != nil || len(got.Records["logins"]) != 40 {
				c.Errorf("of 40 logins %d are there, %v", len(got.Records["logins"]), err)
			}
		},
	},
	{
		name: "a load is all or nothing",
		why:  "a folder with one bad line must not leave half a shop",
		run: func(c *checker) {
			loader, ok := c.store.(store.Loader)
			if !ok {
				c.Skip("the store is no store.Loader")
			}
			broken := errors.New("the line is cut")
			stream := func(end error, changes ...store.Change) error {
				return loader.Load(c.Context(), func(yield func(store.Change, error) bool) {
					for _, one := range changes {
						if !yield(one, nil) {
							return
						}
					}
					if end != nil {
						yield(store.Change{}, end)
					}
				})
			}
			if err := stream(broken, put("a", nil), record("logins", "a", "l", nil)); !errors.Is(err, broken) {
				c.Errorf("want the stream's error, got %v", err)
			}
			c.want("a", "")
			var bad *store.InvalidError
			if err := stream(nil, put("a", nil), put("b", nil), record("logins", "c", "l", nil), put("c", nil)); !errors.As(err, &bad) || bad.Index != 2 {
				c.Errorf("want change 2 to be blamed, got %v", err)
			}
			c.want("a", "")
			ctx, cancel := context.WithCancel(c.Context())
			err := loader.Load(ctx, func(yield func(store.Change, error) bool) {
				for i := range 1 << 20 {
					if i == 100 {
						cancel()
					}
					if !yield(put(dangol.CustomerID(fmt.Sprint(i)), nil), nil) {
						return
					}
				}
			})
			if !errors.Is(err, context.Canceled) {
				c.Errorf("want context.Canceled, got %v", err)
			}
			c.want("0", "")
			if err := stream(nil, put("a", nil), record("logins", "a", "l", nil)); err != nil {
				c.Error(err)
			}
			c.want("a", `
				customer "a"
				  logins "l"
				`)
		},
	},
	{
		name: "a shop by columns",
		why:  "a folder of files is loaded so; whatever way the rows come, they are the same rows",
		run:  func(c *checker) { columns(c) },
	},
	{
		name: "each customer once, in order",
		why:  "exports and engines of the host's own read the store this way",
		run: func(c *checker) {
			streamer, ok := c.store.(store.Streamer)
			if !ok {
				c.Skip("the store is no store.Streamer")
			}
			for _, id := range []dangol.CustomerID{"b", "B", "é", "10", "9", "a"} {
				c.apply(put(id, fields{"city": str(string(id))}), record("all_orders", id, "o"+string(id), nil), item(id, "i"+string(id), "o"+string(id), nil))
			}
			c.apply(guest("g", nil))
			var seen []dangol.CustomerID
			err := streamer.Each(c.Context(), func(got *eval.Customer) error {
				seen = append(seen, got.ID)
				if d := diff(c.dump(got.ID), Dump(got)); d != "" {
					c.Errorf("Each and Customer differ: %s", d)
				}
				return tied(got, c.parents)
			})
			if err != nil || fmt.Sprint(seen) != "[10 9 B a b g é]" {
				c.Errorf("visited %v, %v", seen, err)
			}
			stop := errors.New("enough")
			visits := 0
			if err := streamer.Each(c.Context(), func(*eval.Customer) error { visits++; return stop }); !errors.Is(err, stop) || visits != 1 {
				c.Errorf("after %d visits: %v", visits, err)
			}
			ctx, cancel := context.WithCancel(c.Context())
			cancel()
			if err := streamer.Each(ctx, func(*eval.Customer) error { return nil }); !errors.Is(err, context.Canceled) {
				c.Errorf("want context.Canceled, got %v", err)
			}
		},
	},
}

// columns loads a shop by columns, where the store can.
func columns(c *checker) {
	loader, ok := c.store.(store.ColumnLoader)
	if !ok {
		c.Skip("the store is no store.ColumnLoader")
	}
	ctx := c.Context()
	if err := loader.LoadColumns(ctx, store.Columns{}); errors.Is(err, store.ErrColumns) {
		c.Skip("the store takes no columns")
	} else if err != nil {
		c.Fatal(err)
	}
	shop := func(parent uint32) store.Columns {
		text := func(s ...string) catalog.Column { return catalog.Column{Strings: s} }
		return store.Columns{
			IDs: []dangol.CustomerID{"b", "a", "g"}, Guests: []bool{false, false, true},
			Attributes: map[string]catalog.Column{
				"points": {Ints: []int64{1, 2, 0}, Missing: []bool{false, false, true}}, "email": text("Kim@Corp.com", "lee@corp.com", ""),
			},
			Rows: []store.Rows{
				{Kind: "products", Keys: []string{"p"}, Fields: map[string]catalog.Column{"category": text("shoes")}},
				{Kind: "all_orders", Customer: []uint32{1, 0}, Keys: []string{"q", "o"}, Fields: map[string]catalog.Column{"total": {Ints: []int64{7, 5}}}},
				{Kind: "items", Customer: []uint32{0}, Numbers: []int64{7}, Digits: 3, Parent: []uint32{parent},
					Fields: map[string]catalog.Column{"product": text("p")}},
			},
		}
	}
	if err := loader.LoadColumns(ctx, shop(1)); !errors.Is(err, store.ErrColumns) {
		c.Errorf("an item of somebody else's order: want store.ErrColumns, got %v", err)
	}
	c.want("b", "")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := loader.LoadColumns(ended, shop(2)); !errors.Is(err, context.Canceled) {
		c.Errorf("want context.Canceled, got %v", err)
	}
	c.want("b", "")
	if err := loader.LoadColumns(ctx, shop(2)); err != nil {
		c.Fatal(err)
	}
	b := `
		customer "b"
		  email = "kim@corp.com"
		  points = 1
		  all_orders "o"
		    total = 5
		  items "007" of "o"
		    product = "p"
		    product.category = "shoes"
		`
	c.want("b", b)
	c.want("g", `
		guest "g"
		  email = ""
		`)
	c.members(c.ask(`points >= 1`)[0], "a b")
	for _, more := range []store.Columns{{}, {IDs: []dangol.CustomerID{"c"}}} {
		if err := loader.LoadColumns(ctx, more); !errors.Is(err, store.ErrColumns) {
			c.Errorf("a store that is not empty: want store.ErrColumns, got %v", err)
		}
	}
	c.want("c", "")
	c.want("b", b)
	c.refuse(`it belongs to customer "a"`, record("all_orders", "b", "q", nil))
	c.apply(set(product("p", fields{"category": str("hats")})), remove(record("all_orders", "", "q", nil)), merge("g", "a"))
	c.want("b", strings.Replace(b, "shoes", "hats", 1))
	c.want("a", `
		customer "a"
		  email = "lee@corp.com"
		  points = 2
		`)
}

// tear writes two customers and their records together, again and again, while
// readers look for a state in which they differ, each often enough.
func tear(c *checker) {
	order := func(n int64) fields { return fields{"placed": ins("2026-03-01T00:00:00Z"), "total": num(n)} }
	write := func(n int64) error {
		return c.store.Apply(c.Context(), put("a", fields{"points": num(n)}), record("all_orders", "a", "o", order(n)),
			put("b", fields{"points": num(n)}), record("all_orders", "b", "p", order(n)))
	}
	if err := write(0); err != nil {
		c.Fatal(err)
	}
	half := []*plan.Plan{c.plan(`points > 5`, ""), c.plan(`sum(all_orders.total) > 5`, "")}
	var all sync.WaitGroup
	done := make(chan struct{})
	var looks atomic.Int64
	for range 2 {
		all.Go(func() {
			for ; ; looks.Add(1) {
				select {
				case <-done:
					return
				default:
				}
				answers, err := c.store.Select(c.Context(), store.Query{AsOf: noon, Plans: half})
				if err != nil {
					c.Errorf("Select: %v", err)
					return
				}
				for _, a := range answers {
					if a.Err != nil || a.Members.Len() == 1 || a.Members.Len() != answers[0].Members.Len() {
						c.Errorf("an answer saw half of a write: %v %v", a.Members, a.Err)
						return
					}
				}
				got, err := c.store.Customer(c.Context(), "a")
				if err != nil || got.Attributes["points"].Int() != got.Records["all_orders"][0].Fields["total"].Int() {
					c.Errorf("a customer was read in the middle of a write: %v", err)
					return
				}
				if streamer, ok := c.store.(store.Streamer); ok {
					var points []int64
					err := streamer.Each(c.Context(), func(got *eval.Customer) error {
						points = append(points, got.Attributes["points"].Int())
						return nil
					})
					if err != nil || len(points) != 2 || points[0] != points[1] {
						c.Errorf("a stream saw half of a write: %d, %v", points, err)
						return
					}
				}
			}
		})
	}
	for n := int64(0); !c.Failed() && (n < 60 || looks.Load() < 60); n++ {
		if err := write(n % 11); err != nil {
			c.Errorf("Apply: %v", err)
			break
		}
	}
	close(done)
	all.Wait()
}
