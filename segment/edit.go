package segment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/source"
)

// Result tells what an act did, or would do, to a group's members.
type Result struct {
	Group         *Group
	Before, After int // members
	Entered, Left int
	// SampleEntered and SampleLeft are the first of those who entered and left,
	// ordered by id, at most 20 each.
	SampleEntered, SampleLeft []dangol.CustomerID
	// Warnings are what the rule's author should know.
	Warnings source.Diagnostics
}

const sampleSize = 20

func (d *draft) result(g *Group, before int, warnings source.Diagnostics) *Result {
	sample := func(turns []Turn) []dangol.CustomerID {
		var out []dangol.CustomerID
		for _, t := range turns[:min(len(turns), sampleSize)] {
			out = append(out, t.Customer)
		}
		return out
	}
	return &Result{
		Group: g, Before: before, After: before + len(d.entered) - len(d.left),
		Entered: len(d.entered), Left: len(d.left),
		SampleEntered: sample(d.entered), SampleLeft: sample(d.left),
		Warnings: warnings,
	}
}

// Create saves a new group and extracts its members at once: of a daily group as
// of the last local midnight. A rule that cannot be read is returned as
// source.Diagnostics. Other errors are ErrInvalid, ErrExists, ErrLimit, ErrPurpose,
// ErrBroken (it reads a broken group) and those of the data; then nothing is saved.
func (s *Service) Create(ctx context.Context, d Definition) (*Result, error) {
	return s.create(ctx, d, true)
}

// PreviewNew tells what Create would do, and does nothing.
func (s *Service) PreviewNew(ctx context.Context, d Definition) (*Result, error) {
	return s.create(ctx, d, false)
}

func (s *Service) create(ctx context.Context, d Definition, save bool) (*Result, error) {
	now := s.now()
	if d.ID == "" {
		d.ID = randomID()
	}
	d.Name, d.Rule = norm.NFC.String(d.Name), strings.TrimSpace(d.Rule)
	d = d.withDefaults(s.midnight(now))
	if err := s.allow(ctx, Edit, d.ID); err != nil {
		return nil, err
	}
	g := &Group{Definition: d, Status: Active, Created: now, Edited: now}
	if g.hasRule() {
		g.RuleVersion = 1
	}
	admit := func(reg *registry) (source.Diagnostics, error) {
		if _, taken := reg.byID[g.ID]; taken {
			return nil, fmt.Errorf("%w: id %q", ErrExists, g.ID)
		}
		if err := s.underLimit(reg); err != nil {
			return nil, err
		}
		return reg.admit(g)
	}
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	warnings, err := admit(reg)
	if err != nil {
		return nil, err
	}
	r := request{group: g, asOf: s.asOfNow(&g.Definition, now), extract: g.hasRule()}
	draft, err := s.draft(ctx, reg.with(g), r, now, causeCreate, nil)
	if err != nil {
		return nil, err
	}
	if !save {
		return draft.result(g, 0, warnings), nil
	}
	err = s.state.Update(ctx, func(tx Tx) error {
		reg, err := s.groups(tx)
		if err != nil {
			return err
		}
		if _, err := admit(reg); err != nil { // others may have been saved meanwhile
			return err
		}
		g := g.Clone()
		if g.Kind == Frozen {
			if err := draft.freeze(tx, g, now); err != nil {
				return err
			}
		}
		if err := draft.save(s, tx, g, now, Actor(ctx)); err != nil {
			return err
		}
		if err := s.wakeReaders(tx, reg, g.Name, now); err != nil {
			return err
		}
		draft.group = g
		return tx.Append(s.act(ctx, Edit, g.ID, "create", fmt.Sprintf("%d members", g.Count)))
	})
	if err != nil {
		return nil, err
	}
	return draft.result(draft.group, 0, warnings), nil
}

// freeze makes the members that the rule selected the list of a frozen group.
func (d *draft) freeze(tx Tx, g *Group, now time.Time) error {
	if err := tx.Put(g, ""); err != nil {
		return err
	}
	entries := make([]Entry, len(d.entered))
	for i, t := range d.entered {
		entries[i] = Entry{Customer: t.Customer, Mark: Listed, At: now}
	}
	return tx.SetEntries(g.ID, entries)
}

func (s *Service) underLimit(reg *registry) error {
	n := 0
	for _, g := range reg.byID {
		if g.Status == Active {
			n++
		}
	}
	if s.cfg.Limit > 0 && n >= s.cfg.Limit {
		return fmt.Errorf("%w: %d", ErrLimit, s.cfg.Limit)
	}
	return nil
}

// wakeReaders makes the groups that read a name due now, since what they read
// came, went or changed.
func (s *Service) wakeReaders(tx Tx, reg *registry, name string, now time.Time) error {
	for _, g := range reg.readers(name) {
		g.Due, g.Lease = now, Lease{}
		g.Fence++ // a refresh under way has read the old members
		if err := tx.Put(g, ""); err != nil {
			return err
		}
	}
	return nil
}

// Edit changes a group's definition. An edit of what selects members is a new
// version of the rule, extracts at once, and is saved together with the new
// members or not at all; a refresh under way is overruled. It is refused with a
// *HeldError while sends are still to run, with ErrFixed when it changes id, kind
// or scope, with ErrReferenced when it renames what rules read, and with the
// errors of Create. change may be called several times.
func (s *Service) Edit(ctx context.Context, id string, change func(*Definition)) (*Result, error) {
	return s.edit(ctx, id, change, true)
}

// Preview tells what Edit would do, by the same code, and does nothing.
func (s *Service) Preview(ctx context.Context, id string, change func(*Definition)) (*Result, error) {
	return s.edit(ctx, id, change, false)
}

func (s *Service) edit(ctx context.Context, id string, change func(*Definition), save bool) (result *Result, err error) {
	if err := s.allow(ctx, Edit, id); err != nil {
		return nil, err
	}
	err = retried(ctx, func() error {
		result, err = s.editOnce(ctx, id, change, save)
		return err
	})
	return result, err
}

func (s *Service) editOnce(ctx context.Context, id string, change func(*Definition), save bool) (*Result, error) {
	now := s.now()
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	old, err := reg.active(id)
	if err != nil {
		return nil, err
	}
	g, warnings, err := s.edited(reg, old, change, now)
	if err != nil {
		return nil, err
	}
	var d *draft
	if selects(old, g) {
		r := request{group: g, asOf: s.asOfNow(&g.Definition, now)}
		if d, err = s.draft(ctx, reg.with(g), r, now, causeEdit, nil); err != nil {
			return nil, err
		}
	} else {
		d = &draft{} // only words changed
	}
	if !save {
		return d.result(g, old.Count, warnings), nil
	}
	err = s.state.Update(ctx, func(tx Tx) error {
		reg, err := s.groups(tx)
		if err != nil {
			return err
		}
		present, err := reg.active(id)
		if err != nil {
			return err
		}
		next, _, err := s.edited(reg, present, change, now)
		if err != nil {
			return err
		}
		if d.outcome != nil && present.Fence != old.Fence || d.outcome == nil && selects(present, next) {
			return ErrConflict // the draft was made for another state
		}
		if d.outcome == nil {
			err = tx.Put(next, Actor(ctx)) // words disturb no refresh
		} else {
			err = d.save(s, tx, next, now, Actor(ctx))
		}
		if err != nil {
			return err
		}
		if d.outcome != nil || next.Name != present.Name { // a new name may mend who reads it
			if err := s.wakeReaders(tx, reg, next.Name, now); err != nil {
				return err
			}
		}
		g = next
		return tx.Append(s.act(ctx, Edit, id, "edit", fmt.Sprintf("%d members before, %d after", present.Count, next.Count)))
	})
	if err != nil {
		return nil, err
	}
	return d.result(g, old.Count, warnings), nil
}

// edited is the group with a change of its definition, checked.
func (s *Service) edited(reg *registry, old *Group, change func(*Definition), now time.Time) (*Group, source.Diagnostics, error) {
	if err := held(old, "edited"); err != nil {
		return nil, nil, err
	}
	g := old.Clone()
	change(&g.Definition)
	g.Name, g.Rule = norm.NFC.String(g.Name), strings.TrimSpace(g.Rule)
	g.Definition = g.Definition.withDefaults(old.Starts)
	switch {
	case g.ID != old.ID || g.Kind != old.Kind || g.Scope != old.Scope:
		return nil, nil, fmt.Errorf("%w: id, kind and scope", ErrFixed)
	case g.Kind == Frozen && g.Rule != old.Rule:
		return nil, nil, fmt.Errorf("%w: the rule of a snapshot, which selected its members once", ErrFixed)
	}
	if g.Name != old.Name {
		if readers := reg.readers(old.Name); len(readers) > 0 {
			return nil, nil, fmt.Errorf("%w: %s", ErrReferenced, names(readers))
		}
	}
	if g.Rule != old.Rule {
		g.RuleVersion++
	}
	g.Edited = now
	warnings, err := reg.admit(g)
	return g, warnings, err
}

// selects tells whether an edit can change who is a member.
func selects(old, g *Group) bool {
	return g.Rule != old.Rule || g.Schedule != old.Schedule || !g.Starts.Equal(old.Starts) || !g.Ends.Equal(old.Ends)
}

// active finds a group that is neither archived nor deleted.
func (reg *registry) active(id string) (*Group, error) {
	g, ok := reg.byID[id]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	return g, live(g)
}

// live returns the error of using a group that is not active.
func live(g *Group) error {
	switch g.Status {
	case Deleted:
		return fmt.Errorf("%w: %q was deleted", ErrNotFound, g.ID)
	case Archived:
		return fmt.Errorf("%w: %q", ErrArchived, g.ID)
	}
	return nil
}

// held refuses an edit while sends are to run, and anything else while the group
// is used at all.
func held(g *Group, what string) error {
	uses := slices.DeleteFunc(slices.Clone(g.Uses), func(u dangol.Use) bool {
		return what == "edited" && u.Kind != dangol.UseSend
	})
	if len(uses) == 0 {
		return nil
	}
	return &HeldError{Group: g.Name, What: what, Uses: uses}
}
