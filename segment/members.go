package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/internal/civil"
)

// State tells how far the members of a group can be relied on.
type State string

const (
	Ready  State = "ready"  // the last refresh succeeded
	Failed State = "failed" // it failed: the members are the last good ones
	Broken State = "broken" // the rule, or something it reads, cannot be evaluated: nobody may use the members
	Gone   State = "gone"   // archived or deleted
)

// Freshness comes with what is read of a group.
type Freshness struct {
	State     State
	Version   int64
	AsOf      time.Time // the instant the members were computed for
	ReadAt    time.Time // when the data for them was read
	Exact     bool      // no untimed value was read for a past as-of; else Current names them
	Current   []string
	LastError string   // of the last refresh, or why the group is broken
	Path      []string // of a broken group: names, from this one to the one at fault
}

// Listing is a group as operators see it.
type Listing struct {
	Group
	Freshness Freshness
}

func (reg *registry) freshness(g *Group) Freshness { return g.freshness(reg.broken(g)) }

func (g *Group) freshness(broken *BrokenError) Freshness {
	f := Freshness{State: Ready, Version: g.Version, AsOf: g.AsOf, ReadAt: g.ReadAt, Exact: g.Exact, Current: g.Current, LastError: g.Failure}
	if g.Failure != "" {
		f.State = Failed
	}
	if g.Status != Active {
		f.State = Gone
	} else if broken != nil {
		f.State, f.LastError, f.Path = Broken, broken.Error(), broken.Path
	}
	return f
}

// find is the group of an id, whatever became of it.
func (reg *registry) find(id string) (*Group, error) {
	if g, ok := reg.byID[id]; ok {
		return g, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNotFound, id)
}

// Get reads a group, also an archived or deleted one.
func (s *Service) Get(ctx context.Context, id string) (*Listing, error) {
	if err := s.allow(ctx, View, id); err != nil {
		return nil, err
	}
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	g, err := reg.find(id)
	if err != nil {
		return nil, err
	}
	return &Listing{*g, reg.freshness(g)}, nil
}

// List reads all groups that were not deleted, ordered by name.
func (s *Service) List(ctx context.Context) ([]*Listing, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return nil, err
	}
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Listing
	for _, g := range reg.byID {
		if g.Status != Deleted {
			out = append(out, &Listing{*g, reg.freshness(g)})
		}
	}
	slices.SortFunc(out, func(a, b *Listing) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Rules are the rules that a group ever had, in the order they were saved.
func (s *Service) Rules(ctx context.Context, id string) ([]Rule, error) {
	if err := s.allow(ctx, View, id); err != nil {
		return nil, err
	}
	var out []Rule
	err := s.state.View(ctx, func(r Reader) error {
		if _, err := r.Group(id); err != nil {
			return err
		}
		var err error
		out, err = r.Rules(id)
		return err
	})
	return out, err
}

// Snapshot names the group's present members. They stay readable under it, however
// the group goes on, as long as Config.Keep keeps the version. When the last
// refresh failed these are the last good members, as their AsOf tells; a broken
// group is a *BrokenError, never nobody.
func (s *Service) Snapshot(ctx context.Context, group string) (dangol.Snapshot, error) {
	if err := s.allow(ctx, Use, group); err != nil {
		return dangol.Snapshot{}, err
	}
	g, err := s.usable(ctx, group)
	if err != nil {
		return dangol.Snapshot{}, err
	}
	return dangol.Snapshot{Group: g.ID, Version: g.Version, AsOf: g.AsOf, Count: g.Count}, nil
}

// usable is an active group that is not broken. Only rules that read other groups
// need the registry to tell.
func (s *Service) usable(ctx context.Context, id string) (*Group, error) {
	var g *Group
	err := s.state.View(ctx, func(r Reader) (err error) {
		if g, err = r.Group(id); err != nil {
			return err
		}
		if err := live(g); err != nil {
			return err
		}
		var all *registry
		b, err := s.brokenness(r, g, &all)
		if err == nil && b != nil {
			err = b
		}
		return err
	})
	return g, err
}

// brokenness is why a group is broken, or nil. The registry is read into all when
// the group's rule reads others, once for many groups.
func (s *Service) brokenness(r Reader, g *Group, all **registry) (*BrokenError, error) {
	reg := newRegistry(s.rules, []*Group{g})
	if len(reg.reads(g)) > 0 {
		if *all == nil {
			var err error
			if *all, err = s.groups(r); err != nil {
				return nil, err
			}
		}
		reg = *all
	}
	return reg.broken(g), nil
}

// membersOf selects the members of a snapshot, whose version the state must have.
func membersOf(r Reader, snap dangol.Snapshot) (MembershipQuery, error) {
	g, err := r.Group(snap.Group)
	if err != nil {
		return MembershipQuery{}, err
	}
	if snap.Version < max(g.Kept, 1) || snap.Version > g.Version {
		return MembershipQuery{}, fmt.Errorf("%w: version %d of group %q", ErrNoHistory, snap.Version, snap.Group)
	}
	// That the present members' spans are open is said for the sake of indexes.
	return MembershipQuery{Group: snap.Group, Version: snap.Version, Open: snap.Version == g.Version}, nil
}

// Members is a page of a snapshot: at most limit ids behind after, in the order of
// their bytes. It is short only at the end. ErrNoHistory is returned when the
// version is not kept any more.
func (s *Service) Members(ctx context.Context, snap dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error) {
	if err := s.allow(ctx, Use, snap.Group); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, invalid("a page has at least one member")
	}
	var out []dangol.CustomerID
	err := s.state.View(ctx, func(r Reader) error {
		q, err := membersOf(r, snap)
		if err != nil {
			return err
		}
		q.After, q.Limit = after, limit
		page, err := r.Memberships(q)
		out = make([]dangol.CustomerID, len(page))
		for i, m := range page {
			out[i] = m.Customer
		}
		return err
	})
	return out, err
}

// Contains tells whether a customer is a member of a snapshot.
func (s *Service) Contains(ctx context.Context, snap dangol.Snapshot, id dangol.CustomerID) (bool, error) {
	if err := s.allow(ctx, Use, snap.Group); err != nil {
		return false, err
	}
	var found bool
	err := s.state.View(ctx, func(r Reader) error {
		q, err := membersOf(r, snap)
		if err != nil {
			return err
		}
		q.Customer, q.Limit = id, 1
		page, err := r.Memberships(q)
		found = len(page) == 1
		return err
	})
	return found, err
}

// Roll is a page of a group's members as operators read it.
type Roll struct {
	Freshness Freshness
	Members   []Member
}

// Member is one member, since when and why.
type Member struct {
	Customer dangol.CustomerID
	Since    time.Time
	Cause    Cause // of entering; a pin that came later stands in Service.Entries
}

// Roll reads a page of the members that a snapshot names, at most limit behind
// after, with what is known of the group now. It also reads broken, archived and
// deleted groups, whose State says so: to look at, not to act on.
func (s *Service) Roll(ctx context.Context, snap dangol.Snapshot, after dangol.CustomerID, limit int) (*Roll, error) {
	if err := s.allow(ctx, View, snap.Group); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, invalid("a page has at least one member")
	}
	out := &Roll{}
	err := s.state.View(ctx, func(r Reader) error {
		q, err := membersOf(r, snap)
		if err != nil {
			return err
		}
		reg, err := s.groups(r)
		if err != nil {
			return err
		}
		out.Freshness = reg.freshness(reg.byID[snap.Group])
		q.After, q.Limit = after, limit
		page, err := r.Memberships(q)
		if err != nil {
			return err
		}
		since := map[int64]time.Time{}
		for _, m := range page {
			if _, ok := since[m.From]; !ok {
				v, err := versionOf(r, m.Group, m.From)
				if err != nil {
					return err
				}
				since[m.From] = v.From
			}
			out.Members = append(out.Members, Member{m.Customer, since[m.From], m.Entered})
		}
		return nil
	})
	return out, err
}

// All yields the members of a snapshot in the order of their ids, a page at a time.
func (s *Service) All(ctx context.Context, snap dangol.Snapshot) iter.Seq2[dangol.CustomerID, error] {
	return func(yield func(dangol.CustomerID, error) bool) {
		var after dangol.CustomerID
		for {
			page, err := s.Members(ctx, snap, after, pageSize)
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range page {
				if !yield(id, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1]
		}
	}
}

// MembersAt names the members of a group on a local day, as the shop knew them at
// the end of that day: what was computed or corrected later does not change the
// answer. Today's are the present ones. Deleted groups answer for the days they
// lived. ErrNoHistory is returned for days before the group, or beyond Config.Keep.
func (s *Service) MembersAt(ctx context.Context, group string, day time.Time) (dangol.Snapshot, error) {
	c := civil.Of(day, s.cfg.Zone).StartOfDay().AddDays(1)
	end := instant(c.In(s.cfg.Zone))
	return s.MembersAsOf(ctx, group, end.Add(-time.Microsecond), end)
}

// MembersAsOf names the members that a group had at one instant according to what
// was recorded before another.
func (s *Service) MembersAsOf(ctx context.Context, group string, at, known time.Time) (dangol.Snapshot, error) {
	if err := s.allow(ctx, View, group); err != nil {
		return dangol.Snapshot{}, err
	}
	var snap dangol.Snapshot
	err := s.state.View(ctx, func(r Reader) error {
		g, err := r.Group(group)
		if err != nil {
			return err
		}
		list, err := r.Versions(VersionQuery{Group: group, From: instant(at), Known: instant(known), Latest: true, Limit: 1})
		if err != nil {
			return err
		}
		if len(list) == 0 || list[0].Version < g.Kept {
			return fmt.Errorf("%w: group %q at %s", ErrNoHistory, group, at.Format(time.RFC3339))
		}
		v := list[0]
		snap = dangol.Snapshot{Group: group, Version: v.Version, AsOf: v.AsOf, Count: v.Count}
		return nil
	})
	return snap, err
}

// Span is one stretch of a customer's membership, with its dates: valid from and
// to, and when each was recorded. A zero To is the present.
type Span struct {
	Group        string // id
	Name         string // of the group
	From, To     time.Time
	Recorded     time.Time // of From
	LeftRecorded time.Time // of To
	Entered      Cause
	Left         Cause
	Freshness    Freshness // of the group, now
}

// GroupsOf lists the groups that a customer is a member of now, by their last
// refresh, ordered by id; broken groups are left out. With past, it lists all
// stretches of membership that are kept, of deleted groups too.
func (s *Service) GroupsOf(ctx context.Context, id dangol.CustomerID, past bool) ([]Span, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return nil, err
	}
	var out []Span
	err := s.state.View(ctx, func(r Reader) error {
		list, err := r.Memberships(MembershipQuery{Customer: id, Open: !past})
		if err != nil {
			return err
		}
		out = make([]Span, 0, len(list))
		var all *registry // read when the first group that reads others turns up
		for _, m := range list {
			g, err := r.Group(m.Group)
			if err != nil {
				return err
			}
			broken, err := s.brokenness(r, g, &all)
			if err != nil {
				return err
			}
			if !past && (g.Status != Active || broken != nil) {
				continue
			}
			from, err := versionOf(r, m.Group, m.From)
			if err != nil {
				return err
			}
			to, err := versionOf(r, m.Group, m.To)
			if err != nil {
				return err
			}
			out = append(out, Span{
				Group: m.Group, Name: g.Name, From: from.From, To: to.From,
				Recorded: from.Recorded, LeftRecorded: to.Recorded, Entered: m.Entered, Left: m.Left,
				Freshness: g.freshness(broken),
			})
		}
		return nil
	})
	return out, err
}

// versionOf is one version of a group, a zero one for version 0.
func versionOf(r Reader, group string, version int64) (Version, error) {
	if version == 0 {
		return Version{}, nil
	}
	list, err := r.Versions(VersionQuery{Group: group, Version: version})
	if err != nil || len(list) == 0 {
		return Version{}, err
	}
	return list[0], nil
}

// History is the changes of a group's members, in their order, behind the Seq after.
func (s *Service) History(ctx context.Context, group string, after int64, limit int) ([]Version, error) {
	if err := s.allow(ctx, View, group); err != nil {
		return nil, err
	}
	var out []Version
	err := s.state.View(ctx, func(r Reader) (err error) {
		if _, err = r.Group(group); err != nil {
			return err
		}
		out, err = r.Versions(VersionQuery{Group: group, AfterSeq: after, Limit: limit})
		return err
	})
	return out, err
}

// ignore turns one sentinel into no error.
func ignore(err, sentinel error) error {
	if errors.Is(err, sentinel) {
		return nil
	}
	return err
}
