package coupon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/dangol-dev/dangol"
)

// SaveOption changes what Save allows.
type SaveOption int

// Confirm agrees to restrict a promotion to groups, which cannot be undone.
const Confirm SaveOption = 1

// Save stores a new definition (Version 0) or a new version of one (Version as it
// was read) and returns it as stored. Saving what is already the newest version
// changes nothing, so a program may save its definitions at every start.
//
// It returns ErrDefinition, ErrStale, ErrConfirm or ErrFinal, and the error of an
// Audience that is a Holder and cannot hold a group.
func (s *Service) Save(ctx context.Context, d Definition, opts ...SaveOption) (Definition, error) {
	read := d.Version
	d = d.withDefaults(s.config)
	d.Validity.From, d.Validity.Until = instant(d.Validity.From), instant(d.Validity.Until)
	if err := d.validate(); err != nil {
		return Definition{}, err
	}
	confirmed := false
	for _, o := range opts {
		confirmed = confirmed || o == Confirm
	}
	// New groups are held before anything rests on them and dropped ones released
	// after, outside of the transaction: their state may live in the same database.
	known, err := s.Definition(ctx, d.ID, 0)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Definition{}, err
	}
	if err := s.hold(ctx, known, d); err != nil {
		return Definition{}, err
	}
	var was Definition
	err = s.update(ctx, func(tx Tx) (err error) {
		was, err = tx.Definition(ctx, d.ID, 0)
		switch {
		case errors.Is(err, ErrNotFound):
			was = Definition{}
		case err != nil:
			return err
		}
		d.Version, d.Stops = was.Version, was.Stops
		if was.Version > 0 && same(was, d) {
			return nil
		}
		if read != was.Version {
			return fmt.Errorf("%w: version %d was read, the newest is %d", ErrStale, read, was.Version)
		}
		if err := final(was, d); err != nil {
			return err
		}
		if d.Kind == KindPromotion && len(d.Audience) > 0 && len(was.Audience) == 0 && !confirmed {
			return ErrConfirm
		}
		d.Version = was.Version + 1
		if err := tx.SaveDefinition(ctx, d); err != nil {
			return err
		}
		if was.Version == 0 {
			return nil
		}
		if !sameCounters(was.Limits, d.Limits) {
			if err := rebuild(ctx, tx, d, ScopeUse); err != nil {
				return err
			}
		}
		if !sameCounters(was.IssueLimits, d.IssueLimits) {
			return rebuild(ctx, tx, d, ScopeIssue)
		}
		return nil
	})
	if err != nil {
		return Definition{}, err
	}
	return d, s.release(ctx, was, d)
}

// groups are all that a definition rests on.
func (d Definition) groups() []string {
	out := slices.Clone(d.Audience)
	if d.Automatic.Group != "" {
		out = append(out, d.Automatic.Group)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (d Definition) use() dangol.Use {
	return dangol.Use{By: "coupon", Kind: dangol.UseReference, ID: d.ID, Name: d.Name}
}

func (s *Service) hold(ctx context.Context, was, d Definition) error {
	h, ok := s.config.Audience.(Holder)
	if !ok {
		return nil
	}
	held := was.groups()
	for _, g := range d.groups() {
		if slices.Contains(held, g) {
			continue
		}
		if err := h.Hold(ctx, g, d.use()); err != nil {
			return fmt.Errorf("coupon: hold group %q: %w", g, err)
		}
	}
	return nil
}

func (s *Service) release(ctx context.Context, was, d Definition) error {
	h, ok := s.config.Audience.(Holder)
	if !ok {
		return nil
	}
	still := d.groups()
	for _, g := range was.groups() {
		if slices.Contains(still, g) {
			continue
		}
		if err := h.Release(ctx, g, was.use()); err != nil {
			return fmt.Errorf("coupon: release group %q: %w", g, err)
		}
	}
	return nil
}

// same compares definitions; an empty list is no list.
func same(a, b Definition) bool { return reflect.DeepEqual(tidy(a), tidy(b)) }

func tidy(d Definition) Definition {
	for _, l := range []*[]string{&d.Channels, &d.Stores, &d.Audience, &d.Targets.Products, &d.Targets.Categories,
		&d.Targets.NotProducts, &d.Targets.NotCategories} {
		if len(*l) == 0 {
			*l = nil
		}
	}
	for _, l := range []*[]Limit{&d.Limits, &d.IssueLimits} {
		if len(*l) == 0 {
			*l = nil
		}
	}
	return d
}

// final refuses what a new version can never change.
func final(was, d Definition) error {
	if was.Version == 0 {
		return nil
	}
	for _, f := range []struct {
		name    string
		changed bool
	}{
		{"the kind", was.Kind != d.Kind},
		{"the currency", was.Currency != d.Currency},
		{"the zone", was.Zone != d.Zone},
		{"a promotion's restriction to groups", d.Kind == KindPromotion && len(was.Audience) > 0 && len(d.Audience) == 0},
	} {
		if f.changed {
			return fmt.Errorf("%w: %s of %s stays", ErrFinal, f.name, d.ID)
		}
	}
	return nil
}

// Definition reads a version, 0 the newest, with the stops as they are now.
func (s *Service) Definition(ctx context.Context, id string, version int64) (d Definition, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		d, err = tx.Definition(ctx, id, version)
		return err
	})
	return d, err
}

// Definitions lists the newest versions by ID.
func (s *Service) Definitions(ctx context.Context, q DefinitionQuery) (ds []Definition, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		ds, err = tx.FindDefinitions(ctx, q)
		return err
	})
	return ds, err
}

// Stop sets both brakes of a definition; the zero Stops releases them. It acts on
// the next call of anybody.
func (s *Service) Stop(ctx context.Context, id string, stops Stops) error {
	return s.update(ctx, func(tx Tx) error { return tx.SetStops(ctx, id, stops) })
}
