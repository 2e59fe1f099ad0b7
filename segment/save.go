package segment

import (
	"context"
	"time"

	"github.com/dangol-dev/dangol"
)

// draft is a change of a group that is ready to be saved: evaluated, but nothing
// of it durable. Previews stop here; Create, Edit, pins and refreshes save it.
type draft struct {
	group   *Group
	outcome *outcome
	entered []Turn
	left    []Turn
	cause   string
}

// draft evaluates a group and compares the answer with its present members.
func (s *Service) draft(ctx context.Context, reg *registry, r request, now time.Time, cause string, hands map[dangol.CustomerID]Cause) (*draft, error) {
	outcomes, err := s.evaluate(ctx, reg, []request{r}, now)
	if err != nil {
		return nil, err
	}
	d := &draft{group: r.group, outcome: outcomes[r.group.ID], cause: cause}
	if d.outcome.err != nil {
		return nil, d.outcome.err
	}
	d.entered, d.left, err = s.diff(ctx, r.group, d.outcome.crowd, hands)
	return d, err
}

// save writes the members of a draft: g is the group as the transaction reads it,
// already with what else the draft changes.
func (d *draft) save(s *Service, tx Tx, g *Group, now time.Time, by string) error {
	o := d.outcome
	g.Failure, g.FailedAt = "", time.Time{}
	if g.Due = s.nextDue(&g.Definition, now); g.Asked != d.group.Asked {
		g.Due = now // the data changed after it was read
	}
	g.AsOf, g.ReadAt, g.RefreshedAt = instant(o.asOf), o.readAt, s.now()
	g.Exact, g.Current, g.Cuts = o.exact, o.current, o.cuts
	return s.turn(tx, g, d.entered, d.left, d.cause, now, by)
}

// turn writes the group and, when somebody enters or leaves, the next version of
// its members. It ends any lease, and overrules refreshes under way. now is when
// the act began; it is recorded as of the present, which may be much later.
func (s *Service) turn(tx Tx, g *Group, entered, left []Turn, cause string, now time.Time, by string) error {
	g.Lease = Lease{}
	g.Fence++
	if g.Version > 0 && len(entered)+len(left) == 0 {
		return tx.Put(g, by)
	}
	last, err := versionOf(tx, g.ID, g.Version)
	if err != nil {
		return err
	}
	v := Version{
		Group: g.ID, Version: g.Version + 1, AsOf: g.AsOf, ReadAt: g.ReadAt,
		From: now, Recorded: later(s.now(), last.Recorded),
		Count: g.Count + len(entered) - len(left), Entered: len(entered), Left: len(left),
		Rule: g.RuleVersion, Cause: cause,
	}
	if cause == causeRefresh {
		v.From = later(g.AsOf, g.Edited) // an edited rule speaks from the edit on
	}
	v.From = later(v.From, last.From)
	g.Version, g.Count = v.Version, v.Count
	if g.Kept == 0 {
		g.Kept = v.Version
	}
	if err := tx.Put(g, by); err != nil {
		return err
	}
	return tx.Apply(Change{v, entered, left})
}

// The causes of versions.
const (
	causeCreate  = "created"
	causeEdit    = "edit"
	causeRefresh = "refresh"
	causeHand    = "by hand"
	causeLogin   = "login"
	causeStatus  = "status"
	causeErasure = "erasure"
)

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// groups reads the registry.
func (s *Service) groups(r Reader) (*registry, error) {
	all, err := r.Groups()
	if err != nil {
		return nil, err
	}
	return newRegistry(s.rules, all), nil
}

func (s *Service) registry(ctx context.Context) (*registry, error) {
	var reg *registry
	err := s.state.View(ctx, func(r Reader) (err error) {
		reg, err = s.groups(r)
		return err
	})
	return reg, err
}
