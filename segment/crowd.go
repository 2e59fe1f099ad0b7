package segment

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/store"
)

// crowd is the effective members of a group at one moment:
// (rule or list) + pinned in - pinned out, nobody outside its dates.
type crowd struct {
	rule   store.Members                // whom the rule selects; nil for none
	hands  []Entry                      // by customer
	marks  map[dangol.CustomerID]*Entry // the same, to look up
	closed bool                         // the group is not in effect
}

func newCrowd(rule store.Members, hands []Entry, inEffect bool) *crowd {
	c := &crowd{rule: rule, hands: hands, marks: make(map[dangol.CustomerID]*Entry, len(hands)), closed: !inEffect}
	for i := range hands {
		c.marks[hands[i].Customer] = &hands[i]
	}
	return c
}

// Contains tells whether a customer is in.
func (c *crowd) Contains(id dangol.CustomerID) bool {
	if c.closed {
		return false
	}
	if e, ok := c.marks[id]; ok {
		return e.Mark != Out
	}
	return c.rule != nil && c.rule.Contains(id)
}

// all yields who is in, ordered by id, and why.
func (c *crowd) all() iter.Seq2[dangol.CustomerID, Cause] {
	return func(yield func(dangol.CustomerID, Cause) bool) {
		if c.closed {
			return
		}
		hands := c.hands
		// byHand yields the entries of customers up to and with id.
		byHand := func(id dangol.CustomerID, all bool) (own, more bool) {
			for len(hands) > 0 && (all || hands[0].Customer <= id) {
				e := hands[0]
				hands = hands[1:]
				if e.Mark != Out && !yield(e.Customer, e.cause()) {
					return false, false
				}
				if e.Customer == id && !all {
					return true, true
				}
			}
			return false, true
		}
		if c.rule != nil {
			for id := range c.rule.All() {
				own, more := byHand(id, false)
				if !more {
					return
				}
				if !own && !yield(id, Cause{Why: ByRule}) {
					return
				}
			}
		}
		byHand("", true)
	}
}

func (e *Entry) cause() Cause {
	if e.Mark == Listed {
		return Cause{Why: ByList, Note: e.Reason, By: e.By}
	}
	return Cause{Why: ByPin, Note: e.Reason, By: e.By}
}

// left says why a customer is not in any more.
func (c *crowd) left(g *Group, id dangol.CustomerID, hands map[dangol.CustomerID]Cause) Cause {
	if cause, ok := hands[id]; ok {
		return cause
	}
	e, ok := c.marks[id]
	switch {
	case c.closed:
		return Cause{Why: ByDates}
	case ok && e.Mark == Out:
		return e.cause()
	case g.Kind == Dynamic:
		return Cause{Why: ByRule}
	}
	return Cause{Why: ByList}
}

// pageSize is how many rows are read at once where all are walked.
const pageSize = 5000

// spans walks the memberships that a query selects, a page at a time. A page is
// read in a View of its own: what a version holds does not change, so pages fit
// together.
func spans(ctx context.Context, state Store, q MembershipQuery) iter.Seq2[Membership, error] {
	return func(yield func(Membership, error) bool) {
		q.Limit = pageSize
		for {
			var page []Membership
			err := state.View(ctx, func(r Reader) (err error) {
				page, err = r.Memberships(q)
				return err
			})
			if err != nil {
				yield(Membership{}, err)
				return
			}
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
			}
			if len(page) < q.Limit {
				return
			}
			q.After = page[len(page)-1].Customer
		}
	}
}

// diff compares the members of the group's present version with a crowd.
func (s *Service) diff(ctx context.Context, g *Group, c *crowd, hands map[dangol.CustomerID]Cause) (entered, left []Turn, err error) {
	pull, stop := iter.Pull2(c.all())
	defer stop()
	id, cause, more := pull()
	next := func() error {
		last := id
		if id, cause, more = pull(); more && id <= last {
			return fmt.Errorf("segment: read the data: members out of order, %q after %q", id, last)
		}
		return nil
	}
	// The open spans are the present members. Should another version come meanwhile,
	// the fence refuses what is made of this.
	for m, err := range spans(ctx, s.state, MembershipQuery{Group: g.ID, Open: true}) {
		if err != nil {
			return nil, nil, err
		}
		for more && id < m.Customer {
			entered = append(entered, Turn{id, cause})
			if err := next(); err != nil {
				return nil, nil, err
			}
		}
		if more && id == m.Customer {
			if err := next(); err != nil {
				return nil, nil, err
			}
			continue
		}
		left = append(left, Turn{m.Customer, c.left(g, m.Customer, hands)})
	}
	for more {
		entered = append(entered, Turn{id, cause})
		if err := next(); err != nil {
			return nil, nil, err
		}
	}
	return entered, left, nil
}

// hands reads all hand-made lines of a group.
func (s *Service) hands(ctx context.Context, group string) ([]Entry, error) {
	var out []Entry
	q := EntryQuery{Group: group, Limit: pageSize}
	for {
		var page []Entry
		err := s.state.View(ctx, func(r Reader) (err error) {
			page, err = r.Entries(q)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(page) < q.Limit {
			return out, nil
		}
		q.After = page[len(page)-1].Customer
	}
}

// replaceEntries lays changed lines over the present ones.
func replaceEntries(hands, changed []Entry) []Entry {
	set := map[dangol.CustomerID]bool{}
	for _, e := range changed {
		set[e.Customer] = true
	}
	out := slices.DeleteFunc(slices.Clone(hands), func(e Entry) bool { return set[e.Customer] })
	for _, e := range changed {
		if e.Mark != "" {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Customer, b.Customer) })
	return out
}
