package segment

import (
	"context"
	"fmt"
	"slices"
)

// Action is what an Authorizer is asked about.
type Action string

// The actions. Each is a right of its own: who may edit groups may not by that
// manage their members or carry them out of the house.
const (
	View    Action = "view"    // read groups, members, history and reports
	Edit    Action = "edit"    // create, edit, preview, archive and delete, with pricing and promotions
	Manage  Action = "members" // add, remove and pin customers
	Export  Action = "export"  // write members to a file
	Use     Action = "use"     // hold a group, read its members for a campaign or a price
	Operate Action = "operate" // refresh, prune and sign in guests: the host's own machinery
)

// Authorizer is the host's own rule of who may do what. group is an id, or ""
// where an act is about no single group. An error other than ErrNotAllowed is a
// failure to find out, which also refuses.
//
// The actor is who WithActor named, "" for nobody: the host's own machinery, such
// as its scheduler or its checkout, which an Authorizer has to allow like any other.
type Authorizer interface {
	Allow(ctx context.Context, actor string, action Action, group string) error
}

// Roles is an Authorizer that allows each actor the listed actions, and refuses
// everything else.
type Roles map[string][]Action

// Allow implements Authorizer.
func (r Roles) Allow(_ context.Context, actor string, action Action, _ string) error {
	if slices.Contains(r[actor], action) {
		return nil
	}
	return fmt.Errorf("%w: %q may not %s", ErrNotAllowed, actor, action)
}

type actorKey struct{}

// WithActor says on whose behalf the calls with this context act: the Authorizer
// is asked about them and the audit trail names them.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// Actor is who WithActor named, or "".
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

func (s *Service) allow(ctx context.Context, action Action, group string) error {
	if s.cfg.Authorizer == nil {
		return nil
	}
	if err := s.cfg.Authorizer.Allow(ctx, Actor(ctx), action, group); err != nil {
		return fmt.Errorf("segment: %s: %w", action, err)
	}
	return nil
}

// act makes a line of the audit trail.
func (s *Service) act(ctx context.Context, action Action, group, what, detail string) Act {
	return Act{At: s.now(), Actor: Actor(ctx), Action: action, Group: group, What: what, Detail: detail}
}

// Trail is the audit trail: who did what to which group, in order, behind the line
// numbered after. Call it again with the last Seq for the next page.
func (s *Service) Trail(ctx context.Context, after int64, limit int) ([]Act, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return nil, err
	}
	var out []Act
	err := s.state.View(ctx, func(r Reader) (err error) {
		out, err = r.Trail(after, limit)
		return err
	})
	return out, err
}
