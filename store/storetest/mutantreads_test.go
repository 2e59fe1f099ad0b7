package storetest_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// reader is a store whose Customer goes wrong.
type reader struct {
	*memstore.Store
	read func(s *memstore.Store, ctx context.Context, id dangol.CustomerID) (*eval.Customer, error)
}

func (r *reader) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	return r.read(r.Store, ctx, id)
}

func reads(read func(s *memstore.Store, ctx context.Context, id dangol.CustomerID) (*eval.Customer, error)) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store { return &reader{memory(c), read} }
}

// changed is a store whose customers are read with a difference.
func changed(change func(c *eval.Customer)) func(*catalog.Catalog) store.Store {
	return reads(func(s *memstore.Store, ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
		c, err := s.Customer(ctx, id)
		if err != nil {
			return nil, err
		}
		c = copied(c)
		change(c)
		return c, nil
	})
}

func copied(c *eval.Customer) *eval.Customer {
	out := *c
	out.Attributes, out.Records = maps.Clone(c.Attributes), maps.Clone(c.Records)
	for kind, list := range out.Records {
		out.Records[kind] = slices.Clone(list)
	}
	return &out
}

type otherCatalog struct{ *memstore.Store }

func (otherCatalog) Catalog() *catalog.Catalog { return catalog.Shop() }

// live gives every reader of a customer the same object, and brings it up to date.
func live() func(*catalog.Catalog) store.Store {
	var mu sync.Mutex
	seen := map[dangol.CustomerID]*eval.Customer{}
	return func(c *catalog.Catalog) store.Store {
		s := memory(c)
		read := &reader{s, func(s *memstore.Store, ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
			now, err := s.Customer(ctx, id)
			if err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			seen[id] = copied(now)
			return seen[id], nil
		}}
		return &writer{Store: s, customer: read.Customer, apply: func(s *memstore.Store, ctx context.Context, changes []store.Change) error {
			err := s.Apply(ctx, changes...)
			mu.Lock()
			defer mu.Unlock()
			for id, was := range seen {
				if now, err := s.Customer(ctx, id); err == nil {
					*was = *copied(now)
				}
			}
			return err
		}}
	}
}

var readers = []mutant{
	{"the catalog is a copy", "the catalog is the one that the store was opened with", func(c *catalog.Catalog) store.Store { return otherCatalog{memory(c)} }},
	{"an unknown customer is an empty one", "an unknown customer is not found", reads(func(s *memstore.Store, ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
		c, err := s.Customer(ctx, id)
		if err != nil {
			return &eval.Customer{ID: id}, ctx.Err()
		}
		return c, nil
	})},
	{"customers are read though the context has ended", "an ended context ends the query", reads(func(s *memstore.Store, _ context.Context, id dangol.CustomerID) (*eval.Customer, error) {
		return s.Customer(context.Background(), id)
	})},
	{"who was read changes", "what was read does not change", live()},
	{"records newest first", "records are ordered by the bytes of their keys", changed(func(c *eval.Customer) {
		for _, list := range c.Records {
			slices.Reverse(list)
		}
	})},
	{"parents are copies", "children see their parent as it is now", changed(func(c *eval.Customer) {
		for _, list := range c.Records {
			for i, r := range list {
				if r.Parent != nil {
					parent := *r.Parent
					list[i] = &eval.Record{Key: r.Key, Fields: r.Fields, Parent: &parent}
				}
			}
		}
	})},
	{"empty text is missing", "values come back as they were put", changed(func(c *eval.Customer) {
		maps.DeleteFunc(c.Attributes, func(_ string, v catalog.Value) bool { return v.Equal(catalog.StringValue("")) })
	})},
	{"instants without microseconds", "values come back as they were put", changed(func(c *eval.Customer) {
		for name, v := range c.Attributes {
			if v.Sort() == catalog.Instant {
				c.Attributes[name] = catalog.TimeValue(time.UnixMicro(v.Int()).Truncate(time.Second))
			}
		}
	})},
	{"addresses with their case", "strings are normalised", changed(func(c *eval.Customer) {
		if v, ok := c.Attributes["email"]; ok {
			c.Attributes["email"] = catalog.StringValue(strings.ToUpper(v.Text()))
		}
	})},
}

// asker is a store whose Select goes wrong.
type asker struct {
	*memstore.Store
	ask   func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error)
	apply func(err error) error
}

func (a *asker) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	return a.ask(a.Store, ctx, q)
}

func (a *asker) Apply(ctx context.Context, changes ...store.Change) error {
	err := a.Store.Apply(ctx, changes...)
	if a.apply != nil {
		err = a.apply(err)
	}
	return err
}

func asks(ask func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error)) func(*catalog.Catalog) store.Store {
	return func(c *catalog.Catalog) store.Store { return &asker{Store: memory(c), ask: ask} }
}

// asked is a store that hears another question.
func asked(change func(q *store.Query)) func(*catalog.Catalog) store.Store {
	return asks(func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
		change(&q)
		return s.Select(ctx, q)
	})
}

// told is a store that changes each of its answers.
func told(change func(q store.Query, a *store.Answer)) func(*catalog.Catalog) store.Store {
	return asks(func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
		answers, err := s.Select(ctx, q)
		for i := range answers {
			change(q, &answers[i])
		}
		return answers, err
	})
}

// members are Members that go wrong where a func is set.
type members struct {
	store.Members
	all      func(ids []dangol.CustomerID) []dangol.CustomerID
	contains func(id dangol.CustomerID) bool
	more     int
}

func (m members) Len() int { return m.Members.Len() + m.more }

func (m members) Contains(id dangol.CustomerID) bool {
	if m.contains != nil {
		return m.contains(id)
	}
	return m.Members.Contains(id)
}

func (m members) All() iter.Seq[dangol.CustomerID] {
	ids := slices.Collect(m.Members.All())
	if m.all != nil {
		ids = m.all(ids)
	}
	return slices.Values(ids)
}

func listed(m members) func(*catalog.Catalog) store.Store {
	return told(func(_ store.Query, a *store.Answer) {
		if a.Members != nil {
			m := m
			m.Members = a.Members
			a.Members = m
		}
	})
}

// passing are members that are gone after the next change.
func passing() func(*catalog.Catalog) store.Store {
	var changes atomic.Int64
	return func(c *catalog.Catalog) store.Store {
		return &asker{
			Store: memory(c),
			apply: func(err error) error { changes.Add(1); return err },
			ask: func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
				answers, err := s.Select(ctx, q)
				for i := range answers {
					at := changes.Load()
					answers[i].Members = members{Members: answers[i].Members, all: func(ids []dangol.CustomerID) []dangol.CustomerID {
						if changes.Load() != at {
							return nil
						}
						return ids
					}}
				}
				return answers, err
			},
		}
	}
}

type nobody struct{}

func (nobody) Contains(string, dangol.CustomerID) (bool, error) { return false, nil }

const inOrder = "answers stand in the order of the plans, members in the order of their bytes"

var askers = []mutant{
	{"the fraction of as-of counts", "as-of is a whole second, the zone is UTC unless given", asked(func(q *store.Query) { q.AsOf = q.AsOf.Add(time.Second - 1) })},
	{"as-of is told as it was asked", "as-of is a whole second, the zone is UTC unless given", told(func(q store.Query, a *store.Answer) { a.AsOf = q.AsOf })},
	{"the zone is forgotten", "as-of is a whole second, the zone is UTC unless given", asked(func(q *store.Query) { q.Zone = nil })},
	{"the zone is the shop's town unless given", "as-of is a whole second, the zone is UTC unless given", asked(func(q *store.Query) {
		if q.Zone == nil {
			q.Zone = time.FixedZone("KST", 9*3600)
		}
	})},
	{"the groups are forgotten", "groups are asked", asked(func(q *store.Query) { q.Groups = nil })},
	{"without groups nobody is in one", "one plan's trouble is its own", asked(func(q *store.Query) {
		if q.Groups == nil {
			q.Groups = nobody{}
		}
	})},
	{"strict is forgotten", "strict refuses what is not exact, plan by plan", asked(func(q *store.Query) { q.Strict = false })},
	{"strict refuses the whole query", "strict refuses what is not exact, plan by plan", asks(func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
		answers, err := s.Select(ctx, q)
		for _, a := range answers {
			if q.Strict && a.Err != nil {
				return nil, a.Err
			}
		}
		return answers, err
	})},
	{"everybody is the population", "the scope is the population", asked(func(q *store.Query) {
		q.Plans = slices.Clone(q.Plans)
		for i, p := range q.Plans {
			if p != nil {
				p := *p
				p.Scope = plan.Both
				q.Plans[i] = &p
			}
		}
	})},
	{"nobody to ask is an error", "an empty store, an empty query", asks(func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
		if s.Len() == 0 {
			return nil, fmt.Errorf("the shop is empty")
		}
		return s.Select(ctx, q)
	})},
	{"members in no order", inOrder, listed(members{all: func(ids []dangol.CustomerID) []dangol.CustomerID { slices.Reverse(ids); return ids }})},
	{"members counted wrong", inOrder, listed(members{more: 1})},
	{"everybody is contained", inOrder, listed(members{contains: func(dangol.CustomerID) bool { return true }})},
	{"answers in another order", inOrder, asks(func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
		answers, err := s.Select(ctx, q)
		slices.Reverse(answers)
		return answers, err
	})},
	{"a page's last member is left out", "many customers", listed(members{all: func(ids []dangol.CustomerID) []dangol.CustomerID {
		if len(ids) > 1023 {
			ids[1023] = ids[1022]
		}
		return ids
	}})},
	{"pages of a thousand members", "many customers", told(func(_ store.Query, a *store.Answer) {
		if a.Members != nil {
			ids := slices.Collect(a.Members.All())
			a.Members = store.IDs(ids[:min(len(ids), 800)])
		}
	})},
	{"members are gone after a change", "what was read does not change", passing()},
	{"everything is exact", "an answer says what it read as of now", told(func(_ store.Query, a *store.Answer) { a.Exact, a.Current = true, nil })},
	{"nothing is exact", "an answer says what it read as of now", told(func(_ store.Query, a *store.Answer) { a.Exact = false })},
	{"a broken group is empty", "one plan's trouble is its own", told(func(_ store.Query, a *store.Answer) {
		if a.Err != nil {
			a.Err, a.Members = nil, store.IDs{}
		}
	})},
	{"members stand beside an error", "one plan's trouble is its own", told(func(_ store.Query, a *store.Answer) {
		if a.Err != nil {
			a.Members = store.IDs{}
		}
	})},
	{"one plan's error is everybody's", "one plan's trouble is its own", asks(func(s *memstore.Store, ctx context.Context, q store.Query) ([]store.Answer, error) {
		answers, err := s.Select(ctx, q)
		for _, a := range answers {
			if a.Err != nil {
				return nil, a.Err
			}
		}
		return answers, err
	})},
	{"cuts are lost", "ranks say where the cut is", told(func(_ store.Query, a *store.Answer) { a.Cuts = nil })},
	{"cuts as of another time", "ranks say where the cut is", told(func(_ store.Query, a *store.Answer) {
		a.Cuts = maps.Clone(a.Cuts)
		for key, cut := range a.Cuts {
			cut.AsOf = cut.AsOf.Add(time.Second)
			a.Cuts[key] = cut
		}
	})},
	{"a tie at the cut is decided", "ranks say where the cut is", told(func(_ store.Query, a *store.Answer) {
		if ids := []dangol.CustomerID{}; len(a.Cuts) > 0 {
			ids = slices.Collect(a.Members.All())
			a.Members = store.IDs(ids[1:])
		}
	})},
	{"a query goes on though its context has ended", "an ended context ends the query", asks(func(s *memstore.Store, _ context.Context, q store.Query) ([]store.Answer, error) {
		return s.Select(context.Background(), q)
	})},
}
