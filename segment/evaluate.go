package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// outcome is what evaluating a group gave.
type outcome struct {
	crowd *crowd
	// Of the rule's answer; of a group without one all but asOf are zero.
	asOf, readAt time.Time
	exact        bool
	current      []string
	cuts         map[string]eval.Cut
	err          error
}

// request asks for the members of a group as of an instant.
type request struct {
	group *Group
	asOf  time.Time
	// hands are changed lines that are not saved yet.
	hands []Entry
	// extract evaluates the rule of a frozen group, which is done once.
	extract bool
}

// evaluate finds the effective members that each request asks for, all requests
// of one as-of together: with everything they read, level by level, one Select a
// level. What a rule reads by `in group` is evaluated at the same as-of, whether
// or not it was asked for, so an answer never depends on when another group was
// refreshed last. The error is for all of them; what one meets is in its outcome.
func (s *Service) evaluate(ctx context.Context, reg *registry, requests []request, at time.Time) (map[string]*outcome, error) {
	byTime := map[time.Time][]request{}
	for _, r := range requests {
		byTime[r.asOf] = append(byTime[r.asOf], r)
	}
	out := map[string]*outcome{}
	for asOf, same := range byTime {
		p := &pass{Service: s, reg: reg, asOf: asOf, at: at, done: map[string]*outcome{}}
		if err := p.run(ctx, same); err != nil {
			return nil, err
		}
		for _, r := range same {
			out[r.group.ID] = p.done[r.group.ID]
		}
	}
	return out, nil
}

// pass evaluates groups as of one instant.
type pass struct {
	*Service
	reg  *registry
	asOf time.Time
	at   time.Time // now, for the dates of groups
	done map[string]*outcome
}

func (p *pass) run(ctx context.Context, requests []request) error {
	need := map[string]request{}
	var add func(r request)
	add = func(r request) {
		if _, ok := need[r.group.ID]; ok {
			return
		}
		need[r.group.ID] = r
		if p.reg.broken(r.group) == nil {
			for _, name := range p.reg.reads(r.group) {
				add(request{group: p.reg.byName[name]})
			}
		}
	}
	for _, r := range requests {
		add(r)
	}
	levels := map[int][]request{}
	for id, r := range need {
		if b := p.reg.broken(r.group); b != nil {
			p.done[id] = &outcome{err: b}
			continue
		}
		d := p.reg.depth(r.group)
		levels[d] = append(levels[d], r)
	}
	for d := range len(need) {
		level := levels[d]
		slices.SortFunc(level, func(a, b request) int { return cmp.Compare(a.group.ID, b.group.ID) })
		if err := p.level(ctx, level); err != nil {
			return err
		}
	}
	return nil
}

// level evaluates groups that read only what is done.
func (p *pass) level(ctx context.Context, level []request) error {
	var asked []request
	var plans []*plan.Plan
	for _, r := range level {
		g := r.group
		if g.Kind != Dynamic && !r.extract {
			p.settle(ctx, r, store.Answer{})
			continue
		}
		q, wrong := p.rules.plan(g.Rule, g.Scope)
		if q == nil {
			p.done[g.ID] = &outcome{err: wrong}
			continue
		}
		if err := p.failedReads(q); err != nil {
			p.done[g.ID] = &outcome{err: err}
			continue
		}
		asked, plans = append(asked, r), append(plans, q)
	}
	if len(plans) == 0 {
		return ctx.Err()
	}
	answers, err := p.cfg.Data.Select(ctx, store.Query{Plans: plans, AsOf: p.asOf, Zone: p.cfg.Zone, Groups: p})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil && len(answers) != len(plans) {
		err = fmt.Errorf("%d answers to %d plans", len(answers), len(plans))
	}
	for i, r := range asked {
		switch {
		case err != nil:
			p.done[r.group.ID] = &outcome{err: fmt.Errorf("segment: read the data: %w", err)}
		case answers[i].Members == nil && answers[i].Err == nil: // never read as nobody
			p.done[r.group.ID] = &outcome{err: errors.New("segment: read the data: an answer without members")}
		default:
			p.settle(ctx, r, answers[i])
		}
	}
	return nil
}

// failedReads is an error when something that the plan reads has no members.
func (p *pass) failedReads(q *plan.Plan) error {
	for _, name := range q.Groups {
		if o := p.done[p.reg.byName[name].ID]; o.err != nil {
			return fmt.Errorf("segment: group %q, which the rule reads, failed: %w", name, o.err)
		}
	}
	return nil
}

// settle notes the members that an answer and the hand-made lines give.
func (p *pass) settle(ctx context.Context, r request, a store.Answer) {
	g := r.group
	if a.Err != nil {
		p.done[g.ID] = &outcome{err: a.Err}
		return
	}
	hands, err := p.hands(ctx, g.ID)
	if err != nil {
		p.done[g.ID] = &outcome{err: err}
		return
	}
	p.done[g.ID] = &outcome{
		crowd:   newCrowd(a.Members, replaceEntries(hands, r.hands), g.inEffect(p.at)),
		asOf:    p.asOf,
		readAt:  instant(cmp.Or(a.ReadAt, p.at)),
		exact:   a.Exact || a.Members == nil,
		current: a.Current,
		cuts:    a.Cuts,
	}
}

// Contains implements eval.Memberships for the rules of the pass.
func (p *pass) Contains(name string, id dangol.CustomerID) (bool, error) {
	g, ok := p.reg.byName[name]
	if !ok {
		return false, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	o, ok := p.done[g.ID]
	switch {
	case !ok:
		return false, errors.New("segment: group " + name + " is not evaluated yet")
	case o.err != nil:
		return false, o.err
	}
	return o.crowd.Contains(id), nil
}

// asOfNow is the instant whose data a group shows at a time: of a daily group the
// last local midnight, of one refreshed every so often the last such instant.
func (s *Service) asOfNow(d *Definition, now time.Time) time.Time {
	switch {
	case d.Kind == Dynamic && d.Schedule.Every > 0:
		return floor(now, d.Schedule.Every)
	case d.Kind == Dynamic && !d.Schedule.OnChange:
		return s.midnight(now)
	}
	return now.Truncate(time.Second)
}

// nextDue is when a group that was refreshed at a time is due again.
func (s *Service) nextDue(d *Definition, now time.Time) time.Time {
	var due time.Time
	switch {
	case d.Kind != Dynamic || d.Schedule.OnChange:
	case d.Schedule.Every > 0:
		due = floor(now, d.Schedule.Every).Add(d.Schedule.Every)
	default:
		due = s.nextMidnight(now)
	}
	for _, edge := range []time.Time{d.Starts, d.Ends} {
		if edge.After(now) && (due.IsZero() || edge.Before(due)) {
			due = edge
		}
	}
	return due
}

// floor is the last whole multiple of a duration since 1970.
func floor(t time.Time, every time.Duration) time.Time {
	return instant(time.Unix(0, 0).Add(t.Sub(time.Unix(0, 0)) / every * every))
}
