package segment

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Declared is what Declare did with one group of a file.
type Declared struct {
	Name   string
	What   string // "created", "edited", "unchanged", or "refused"
	Result *Result
	Err    error // why it was refused, such as a *HeldError
}

// Declare makes the shop's groups what a rule file says: it creates groups of new
// names and edits those whose scope, description, schedule or rule differ. Groups
// that the file does not name stay as they are. Declaring a file again does nothing.
//
// All rules are checked before anything is saved; a *rulefile.Error tells what is
// wrong, with the place in the file. Then each group is saved on its own, one that
// reads others behind them, and what refuses one is in its Declared.
func (s *Service) Declare(ctx context.Context, f *rulefile.File) ([]Declared, error) {
	if err := s.allow(ctx, Edit, ""); err != nil {
		return nil, err
	}
	reg, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	order, err := s.declarable(reg, f)
	if err != nil {
		return nil, err
	}
	var out []Declared
	for _, g := range order {
		d := s.declare(ctx, reg, declaration(g))
		if d.Err != nil {
			d.What = "refused"
		}
		out = append(out, d)
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
	}
	return out, nil
}

func declaration(g *rulefile.Group) Definition {
	return Definition{
		Name: norm.NFC.String(g.Name), Description: g.Description, Scope: plan.Scope(g.Scope),
		Schedule: Schedule{Every: g.Schedule.Every, OnChange: g.Schedule.OnChange}, Rule: strings.TrimSpace(g.Rule.Text),
	}
}

// declarable checks the rules of a file and orders its groups so that each stands
// behind those of the file that it reads.
func (s *Service) declarable(reg *registry, f *rulefile.File) ([]*rulefile.Group, error) {
	groups := map[string]*rulefile.Group{}
	for i := range f.Groups {
		groups[norm.NFC.String(f.Groups[i].Name)] = &f.Groups[i]
	}
	known := func(name string) bool { return groups[name] != nil || reg.live(name) }
	reads := map[string][]string{}
	var wrong source.Diagnostics
	for i := range f.Groups {
		g := &f.Groups[i]
		d := declaration(g)
		p, ds := s.rules.compiler.Compile(g.Rule.Tree, compile.Options{
			Scope: d.Scope, Groups: known, Midnight: d.Schedule == Schedule{},
		})
		if p == nil {
			wrong = append(wrong, g.Rule.At.Diagnostics(ds)...)
			continue
		}
		reads[d.Name] = p.Groups
	}
	if len(wrong) > 0 {
		return nil, &rulefile.Error{Name: f.Name, Text: f.Text, Diagnostics: wrong}
	}
	var order []*rulefile.Group
	done := map[string]bool{}
	var visit func(name string, path []string) error
	visit = func(name string, path []string) error {
		if i := slices.Index(path, name); i >= 0 {
			return &CycleError{append(slices.Clone(path[i:]), name)}
		}
		if groups[name] == nil || done[name] {
			return nil
		}
		for _, read := range reads[name] {
			if err := visit(read, append(slices.Clone(path), name)); err != nil {
				return err
			}
		}
		done[name] = true
		order = append(order, groups[name])
		return nil
	}
	for i := range f.Groups {
		if err := visit(norm.NFC.String(f.Groups[i].Name), nil); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// declare creates or edits one group.
func (s *Service) declare(ctx context.Context, reg *registry, want Definition) Declared {
	old, exists := reg.byName[want.Name]
	if !exists || old.Status == Deleted {
		r, err := s.Create(ctx, want)
		return Declared{Name: want.Name, What: "created", Result: r, Err: err}
	}
	change := func(d *Definition) {
		d.Description, d.Scope, d.Schedule, d.Rule = want.Description, want.Scope, want.Schedule, want.Rule
	}
	next := old.Definition
	change(&next)
	if old.Status == Active && next.Description == old.Description && next.Scope == old.Scope &&
		next.Schedule == old.Schedule && next.Rule == old.Rule {
		return Declared{Name: want.Name, What: "unchanged"}
	}
	r, err := s.Edit(ctx, old.ID, change)
	return Declared{Name: want.Name, What: "edited", Result: r, Err: err}
}
