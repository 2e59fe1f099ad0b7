package segment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// Timeline is where each customer stood at each of some instants. It holds a byte
// a customer and instant. Timelines are immutable; the reports are their methods.
type Timeline struct {
	Points []time.Time
	Stages []string // the stages' names; the steps refer to them
	Steps  []Step   // what customers stand on; of a ladder all steps and Rest
	// Leaving is the stage of customers who left, "" for none.
	Leaving string

	ids   []dangol.CustomerID // ordered
	stand [][]uint8           // by point, then customer: a step, or nowhere
	stage []uint8             // by step
}

// nowhere stands for a customer who does not exist yet, or not any more.
const nowhere = 255

// Timeline sorts every customer of the data by a ladder at each of the instants,
// which must rise. It asks the data as of each of them and writes nothing: an
// untimed attribute counts as it is now.
func (s *Service) Timeline(ctx context.Context, l Ladder, points []time.Time) (*Timeline, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return nil, err
	}
	if err := rising(points); err != nil {
		return nil, err
	}
	if len(l.Steps) >= nowhere {
		return nil, invalid("a ladder has at most %d steps", nowhere-1)
	}
	scope := cmp.Or(l.Scope, plan.Members)
	plans, err := s.ladderPlans(l, scope)
	if err != nil {
		return nil, err
	}
	b := newTimeline(points, l.Stages(), append(slices.Clone(l.Steps), l.Rest), l.Leaving)
	for i, at := range points {
		answers, err := s.cfg.Data.Select(ctx, store.Query{Plans: plans, AsOf: at, Zone: s.cfg.Zone})
		if err != nil {
			return nil, fmt.Errorf("segment: read the data: %w", err)
		}
		// The last plan is everybody; a later step is overwritten by an earlier one.
		for step := len(answers) - 1; step >= 0; step-- {
			if answers[step].Err != nil {
				return nil, fmt.Errorf("segment: step %d: %w", step, answers[step].Err)
			}
			for id := range answers[step].Members.All() {
				b.set(i, id, uint8(step))
			}
		}
	}
	return b.done(), nil
}

// ladderPlans compiles the steps of a ladder, and everybody in the place of Rest.
func (s *Service) ladderPlans(l Ladder, scope plan.Scope) ([]*plan.Plan, error) {
	var plans []*plan.Plan
	for _, step := range append(slices.Clone(l.Steps), Step{Rule: "true"}) {
		p, wrong := s.rules.plan(step.Rule, scope)
		if p == nil {
			return nil, fmt.Errorf("segment: step %q of stage %q: %w", step.Name, step.Stage, wrong)
		}
		if len(p.Groups) > 0 {
			return nil, invalid("step %q of stage %q reads a group, which a ladder cannot", step.Name, step.Stage)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// TimelineOf tells from recorded history who was in which of some groups at each
// of the instants, which must rise: members as they were known then. The groups
// take the place of stages; a customer who is in several counts to the first. Group
// ids may be of deleted groups. Leaving is the group of those who left, or "".
func (s *Service) TimelineOf(ctx context.Context, groups []string, leaving string, points []time.Time) (*Timeline, error) {
	if err := s.allow(ctx, View, ""); err != nil {
		return nil, err
	}
	if err := rising(points); err != nil {
		return nil, err
	}
	if len(groups) == 0 || len(groups) >= nowhere {
		return nil, invalid("a timeline is of 1 to %d groups", nowhere-1)
	}
	var steps []Step
	for _, id := range groups {
		g, err := s.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		steps = append(steps, Step{Stage: id, Name: g.Name, Title: g.Name, Rule: g.Rule})
	}
	b := newTimeline(points, groups, steps, leaving)
	for step := len(groups) - 1; step >= 0; step-- {
		err := s.walk(ctx, groups[step], points, func(point int, id dangol.CustomerID) { b.set(point, id, uint8(step)) })
		if err != nil {
			return nil, err
		}
	}
	return b.done(), nil
}

// walk reads a group's whole history once and visits each member at each instant.
func (s *Service) walk(ctx context.Context, group string, points []time.Time, visit func(point int, id dangol.CustomerID)) error {
	// The version of each instant, 0 for none.
	versions := make([]int64, len(points))
	for i, at := range points {
		snap, err := s.MembersAsOf(ctx, group, at, at.Add(time.Microsecond))
		if err := ignore(err, ErrNoHistory); err != nil {
			return err
		}
		versions[i] = snap.Version
	}
	for m, err := range spans(ctx, s.state, MembershipQuery{Group: group}) {
		if err != nil {
			return err
		}
		for i, v := range versions {
			if v > 0 && m.in(v) {
				visit(i, m.Customer)
			}
		}
	}
	return nil
}

func rising(points []time.Time) error {
	for i, p := range points {
		if i > 0 && !p.After(points[i-1]) {
			return invalid("the instants of a timeline must rise")
		}
	}
	if len(points) == 0 {
		return invalid("a timeline needs an instant")
	}
	return nil
}

// builder collects a Timeline.
type builder struct {
	t     *Timeline
	index map[dangol.CustomerID]int
}

func newTimeline(points []time.Time, stages []string, steps []Step, leaving string) *builder {
	t := &Timeline{Points: slices.Clone(points), Stages: slices.Clone(stages), Steps: steps, Leaving: leaving, stand: make([][]uint8, len(points))}
	for _, s := range steps {
		t.stage = append(t.stage, uint8(slices.Index(t.Stages, s.Stage)))
	}
	return &builder{t: t, index: map[dangol.CustomerID]int{}}
}

func (b *builder) set(point int, id dangol.CustomerID, step uint8) {
	i, ok := b.index[id]
	if !ok {
		i = len(b.t.ids)
		b.index[id] = i
		b.t.ids = append(b.t.ids, id)
	}
	row := b.t.stand[point]
	for len(row) <= i {
		row = append(row, nowhere)
	}
	row[i] = step
	b.t.stand[point] = row
}

// done orders the customers and fills what was never set.
func (b *builder) done() *Timeline {
	t := b.t
	order := make([]int, len(t.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(t.ids[x], t.ids[y]) })
	ids := make([]dangol.CustomerID, len(order))
	for to, from := range order {
		ids[to] = t.ids[from]
	}
	for p, row := range t.stand {
		sorted := make([]uint8, len(order))
		for to, from := range order {
			sorted[to] = nowhere
			if from < len(row) {
				sorted[to] = row[from]
			}
		}
		t.stand[p] = sorted
	}
	t.ids = ids
	return t
}

// At is where a customer stood at a point: ok is false for one who did not exist.
func (t *Timeline) At(point int, id dangol.CustomerID) (s Step, ok bool) {
	i, found := slices.BinarySearch(t.ids, id)
	if !found || t.stand[point][i] == nowhere {
		return Step{}, false
	}
	return t.Steps[t.stand[point][i]], true
}

// Len is how many customers the timeline knows.
func (t *Timeline) Len() int { return len(t.ids) }

// stageAt is the stage of a customer's number at a point, -1 for none.
func (t *Timeline) stageAt(point, customer int) int {
	step := t.stand[point][customer]
	if step == nowhere {
		return -1
	}
	return int(t.stage[step])
}
