package segment

import (
	"context"
	"time"

	"github.com/dangol-dev/dangol"
)

// Event is one customer entering or leaving one group. Events are history read
// forward: they are durable in the same transaction as the members themselves.
type Event struct {
	Cursor   Cursor
	Group    string
	Customer dangol.CustomerID
	Entered  bool // else left
	Cause    Cause
	Version  int64
	AsOf     time.Time // of the data
	At       time.Time // from when on the membership counts
	Recorded time.Time
}

// Cursor is a place in the order of events: by Seq, those who left before those
// who entered, by id. The zero Cursor is the beginning. A reader keeps the Cursor
// of the last event it dealt with, in the same transaction as what it did.
type Cursor struct {
	Seq      int64
	Entered  bool
	Customer dangol.CustomerID
}

// Events is a page of what happened behind a cursor, at most limit events, in
// order and without gaps. It is short only when nothing more has happened yet.
// Events beyond Config.Keep are gone.
func (s *Service) Events(ctx context.Context, after Cursor, limit int) ([]Event, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, invalid("a page has at least one event")
	}
	var out []Event
	err := s.state.View(ctx, func(r Reader) error {
		out = nil
		first := map[string]int64{} // by group, the first version that is whole
		for seq := max(after.Seq-1, 0); ; {
			versions, err := r.Versions(VersionQuery{AfterSeq: seq, Limit: 100})
			if err != nil || len(versions) == 0 {
				return err
			}
			for _, v := range versions {
				seq = v.Seq
				if _, ok := first[v.Group]; !ok {
					g, err := r.Group(v.Group)
					if err != nil {
						return err
					}
					first[v.Group] = g.Kept
				}
				if v.Version < first[v.Group] {
					continue
				}
				if out, err = eventsOf(r, v, after, out, limit); err != nil || len(out) == limit {
					return err
				}
			}
		}
	})
	return out, err
}

// eventsOf appends the events of one version behind the cursor.
func eventsOf(r Reader, v Version, after Cursor, out []Event, limit int) ([]Event, error) {
	for _, entered := range []bool{false, true} {
		q := MembershipQuery{Group: v.Group, Limit: limit - len(out)}
		count := v.Left
		if q.Ended = v.Version; entered {
			q.Ended, q.Began, count = 0, v.Version, v.Entered
		}
		if after.Seq == v.Seq {
			if after.Entered && !entered {
				continue
			}
			if after.Entered == entered {
				q.After = after.Customer
			}
		}
		if count == 0 || q.Limit == 0 {
			continue
		}
		page, err := r.Memberships(q)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			e := Event{
				Cursor: Cursor{v.Seq, entered, m.Customer}, Group: v.Group, Customer: m.Customer, Entered: entered,
				Cause: m.Left, Version: v.Version, AsOf: v.AsOf, At: v.From, Recorded: v.Recorded,
			}
			if entered {
				e.Cause = m.Entered
			}
			out = append(out, e)
		}
	}
	return out, nil
}
