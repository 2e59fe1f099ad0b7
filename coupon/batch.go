package coupon

import (
	"context"
	"errors"
	"time"
)

// Batch is a number of single codes that are made together, to be printed or
// handed to a partner.
type Batch struct {
	ID         string // the caller's key
	Definition string
	Version    int64 // of the definition; its codes keep it
	Count      int64 // how many codes it has when complete
	Done       int64 // how many are made
	Campaign   string
	Created    time.Time

	Rev int64 // counts changes of the record, for stores
}

// maxBatch is the largest batch: more codes than people.
const maxBatch = 10_000_000_000

// batchStep is how many codes one transaction makes.
const batchStep = 1000

// Generate makes a batch of codes, or goes on with it after a crash: each step
// stores codes and progress together, so there is never one too many or too few.
// Of ID, Definition, Count and Campaign, the same again is the same batch; another
// one under the ID is ErrKeyReused. Memory stays bounded; Grants with the batch's
// ID walks the codes. It may be called by many at once. On an error the returned
// batch tells how far it came.
func (s *Service) Generate(ctx context.Context, b Batch) (Batch, error) {
	if err := errors.Join(checkKey("the batch's ID", b.ID), checkLabels(b.Campaign)); err != nil {
		return Batch{}, err
	}
	if b.Count < 1 || b.Count > maxBatch {
		return Batch{}, requestError("a batch has 1 to %d codes", int64(maxBatch))
	}
	now := s.now()
	var state Batch
	step := func(tx Tx) error {
		was, err := tx.Batch(ctx, b.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			if was, err = s.startBatch(ctx, tx, b, now); err != nil {
				return err
			}
		case err != nil:
			return err
		case was.Definition != b.Definition || was.Count != b.Count || b.Campaign != "" && was.Campaign != b.Campaign:
			return ErrKeyReused
		}
		state = was
		if was.Done == was.Count {
			return nil
		}
		if state, err = s.extend(ctx, tx, was); err != nil {
			return err
		}
		return nil
	}
	for {
		before := state
		if err := s.update(ctx, step); err != nil {
			return before, err
		}
		if state.Done == state.Count {
			state.Rev = 0
			return state, nil
		}
	}
}

func (s *Service) startBatch(ctx context.Context, tx Tx, b Batch, now time.Time) (Batch, error) {
	d, err := tx.Definition(ctx, b.Definition, 0)
	if err != nil {
		return b, err
	}
	if d.Kind == KindPromotion {
		return b, requestError("%s is a promotion, which has no codes", d.ID)
	}
	if d.Stops.Issuing {
		return b, &RefusedError{[]Refusal{{Definition: d.ID, Reasons: []Reason{ReasonStopped}}}}
	}
	live, err := tx.CountGrants(ctx)
	if err != nil {
		return b, err
	}
	if err := codeSpace(s.config.CodeSymbols, live+b.Count); err != nil {
		return b, err
	}
	b.Version, b.Done, b.Created, b.Rev = d.Version, 0, now, 0
	if b.Campaign == "" {
		b.Campaign = d.Campaign
	}
	if err := tx.SaveBatch(ctx, b); err != nil {
		return b, err
	}
	b.Rev = 1
	return b, nil
}

// extend makes the next codes of a batch.
func (s *Service) extend(ctx context.Context, tx Tx, b Batch) (Batch, error) {
	d, err := tx.Definition(ctx, b.Definition, b.Version)
	if err != nil {
		return b, err
	}
	// The record goes first: its revision lets only one transaction make this step.
	first := b.Done
	n := min(batchStep, b.Count-b.Done)
	b.Done += n
	if err := tx.SaveBatch(ctx, b); err != nil {
		return b, err
	}
	b.Rev++
	gs := make([]Grant, n)
	for i := range gs {
		gs[i] = Grant{Definition: d.ID, Version: d.Version, Batch: b.ID, Campaign: b.Campaign, Issued: b.Created}
		// Days and month ends count from the claim; until then only the fixed period holds.
		gs[i].Starts, gs[i].Expires = b.Created, d.Validity.Until
		if d.Validity.From.After(b.Created) {
			gs[i].Starts = d.Validity.From
		}
		// As if one was made each microsecond, so that the batch lies in order.
		if err := s.draw(&gs[i], b.Created.Add(time.Duration(first+int64(i))*time.Microsecond)); err != nil {
			return b, err
		}
	}
	return b, tx.InsertGrants(ctx, gs)
}
