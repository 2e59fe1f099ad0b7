package segment

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

// rules compiles rule texts and remembers the plans: groups are read far more
// often than edited.
type rules struct {
	compiler *compile.Compiler
	mu       sync.Mutex
	plans    map[ruleKey]compiled
}

type ruleKey struct {
	text  string
	scope plan.Scope
}

type compiled struct {
	plan  *plan.Plan
	wrong source.Diagnostics // errors, when plan is nil
}

// remembered bounds the cache. A shop has tens of groups; a host with more than
// this compiles some anew, at a hundred microseconds each.
const remembered = 4096

func newRules(cat *catalog.Catalog) (*rules, error) {
	c, err := compile.New(cat)
	if err != nil {
		return nil, err
	}
	return &rules{compiler: c, plans: map[ruleKey]compiled{}}, nil
}

// plan is the plan of a rule that was saved. Groups it reads are not looked for.
func (r *rules) plan(text string, scope plan.Scope) (*plan.Plan, source.Diagnostics) {
	key := ruleKey{text, scope}
	r.mu.Lock()
	c, ok := r.plans[key]
	r.mu.Unlock()
	if !ok {
		c.plan, c.wrong = r.compiler.Text(text, compile.Options{Scope: scope})
		r.mu.Lock()
		if len(r.plans) >= remembered {
			clear(r.plans)
		}
		r.plans[key] = c
		r.mu.Unlock()
	}
	return c.plan, c.wrong
}

// check compiles a rule that is about to be saved, with all that its author
// should hear.
func (r *rules) check(d *Definition, groups func(string) bool) (*plan.Plan, source.Diagnostics) {
	return r.compiler.Text(d.Rule, compile.Options{
		Scope:    d.Scope,
		Groups:   groups,
		Midnight: d.Kind == Dynamic && d.Schedule == Schedule{},
	})
}

// registry is all groups at one moment, with what they read.
type registry struct {
	rules  *rules
	byID   map[string]*Group
	byName map[string]*Group // live ones; else the last deleted of the name
	health map[string]*BrokenError
	depths map[string]int
}

func newRegistry(r *rules, groups []*Group) *registry {
	reg := &registry{rules: r, byID: map[string]*Group{}, byName: map[string]*Group{}, health: map[string]*BrokenError{}, depths: map[string]int{}}
	for _, g := range groups {
		reg.add(g)
	}
	return reg
}

// with is the registry as it would be with this group in place of its old self.
func (reg *registry) with(g *Group) *registry {
	var groups []*Group
	for _, other := range reg.byID {
		if other.ID != g.ID {
			groups = append(groups, other)
		}
	}
	return newRegistry(reg.rules, append(groups, g))
}

func (reg *registry) add(g *Group) {
	reg.byID[g.ID] = g
	other, taken := reg.byName[g.Name]
	if !taken || other.Status == Deleted && (g.Status != Deleted || g.Edited.After(other.Edited)) {
		reg.byName[g.Name] = g
	}
}

// live tells whether rules may read the name.
func (reg *registry) live(name string) bool {
	g, ok := reg.byName[name]
	return ok && g.Status == Active
}

// reads are the names that the rule of a group reads now. Static and frozen
// groups read nothing: their members are data.
func (reg *registry) reads(g *Group) []string {
	if g.Kind != Dynamic {
		return nil
	}
	if p, _ := reg.rules.plan(g.Rule, g.Scope); p != nil {
		return p.Groups
	}
	return nil
}

// readers are the live groups whose rule reads the name, ordered by name.
func (reg *registry) readers(name string) []*Group {
	var out []*Group
	for _, g := range reg.byID {
		if g.Status == Active && slices.Contains(reg.reads(g), name) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// broken is nil, or why the group has no members to speak of: itself or anything
// that it reads is broken.
func (reg *registry) broken(g *Group) *BrokenError {
	if known, ok := reg.health[g.ID]; ok {
		return known
	}
	reg.health[g.ID] = &BrokenError{Path: []string{g.Name}, Why: "it reads itself"} // met again below
	b := reg.examine(g)
	reg.health[g.ID] = b
	return b
}

func (reg *registry) examine(g *Group) *BrokenError {
	switch {
	case g.Status == Deleted:
		return &BrokenError{[]string{g.Name}, "it was deleted"}
	case g.Status == Archived:
		return &BrokenError{[]string{g.Name}, "it is archived"}
	case g.Kind != Dynamic:
		return nil
	}
	p, wrong := reg.rules.plan(g.Rule, g.Scope)
	if p == nil {
		return &BrokenError{[]string{g.Name}, "its rule cannot be read: " + wrong.Error()}
	}
	for _, name := range p.Groups {
		next, ok := reg.byName[name]
		if !ok {
			return &BrokenError{[]string{g.Name, name}, "it does not exist"}
		}
		if b := reg.broken(next); b != nil {
			return &BrokenError{append([]string{g.Name}, b.Path...), b.Why}
		}
	}
	return nil
}

// cycle is the circle of names that starts at g, or nil.
func (reg *registry) cycle(g *Group) *CycleError {
	seen := map[string]bool{}
	var walk func(at *Group, path []string) *CycleError
	walk = func(at *Group, path []string) *CycleError {
		for _, name := range reg.reads(at) {
			if name == g.Name {
				return &CycleError{append(path, name)}
			}
			next, ok := reg.byName[name]
			if !ok || seen[name] {
				continue
			}
			seen[name] = true
			if c := walk(next, append(slices.Clone(path), name)); c != nil {
				return c
			}
		}
		return nil
	}
	return walk(g, []string{g.Name})
}

// depth is 0 for a group that reads none, else one more than the deepest it
// reads. It is asked of groups that are not broken.
func (reg *registry) depth(g *Group) int {
	if d, ok := reg.depths[g.ID]; ok {
		return d
	}
	d := 0
	for _, name := range reg.reads(g) {
		d = max(d, 1+reg.depth(reg.byName[name]))
	}
	reg.depths[g.ID] = d
	return d
}

// admit checks a group against all others: its name, its rule and what it reads.
// The diagnostics are warnings; errors of the rule are returned as the error.
func (reg *registry) admit(g *Group) (source.Diagnostics, error) {
	if err := g.validate(); err != nil {
		return nil, err
	}
	for _, other := range reg.byID {
		if other.ID != g.ID && other.Name == g.Name && other.Status != Deleted {
			return nil, ErrExists
		}
	}
	if !g.hasRule() {
		return nil, nil
	}
	with := reg.with(g)
	p, ds := reg.rules.check(&g.Definition, with.live)
	if p == nil {
		return nil, ds
	}
	if c := with.cycle(g); c != nil {
		return nil, c
	}
	if b := with.broken(g); b != nil {
		return nil, b
	}
	return ds, nil
}

// names joins the names of groups for people.
func names(groups []*Group) string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = `"` + g.Name + `"`
	}
	return strings.Join(out, ", ")
}

// serving are the active groups for a purpose, ordered by id.
func (reg *registry) serving(p Purpose) []*Group {
	var out []*Group
	for _, g := range reg.byID {
		if g.Status == Active && slices.Contains(g.Purposes, p) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b *Group) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
