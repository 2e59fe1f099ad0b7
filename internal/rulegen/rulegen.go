// Package rulegen makes up shops: a catalog, customers with their records, an
// instant and a zone, and rules in the language that the catalog gives a meaning.
// Engines are compared on them.
//
//	w := rulegen.New(seed)
//	store.Apply(ctx, w.Changes()...)
//	rule := w.Rule(plan.Members)
//	p, ds := compiler.Text(rule.String(), compile.Options{Scope: rule.Scope})
//	... the store's members against eval.Eval(p, c, w.Env()) of every w.Customers
//	store.Apply(ctx, w.Step()...)
//	... and again
//
// Values lie where mistakes are made: on the first and last microsecond of the
// windows that rules use, at both ends of clock changes, in ties, on missing and
// empty values, one off the constants that rules compare with.
//
// Everything follows from the source of choices, so a seed names a world and its
// rules. Choice 0 is always the plainest one: a source that shrinks towards 0
// shrinks towards plain worlds. Rule.Smaller and World.Smaller shrink without one.
//
// A World is not safe for concurrent use while rules are drawn from it.
package rulegen

import (
	"math/rand/v2"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Source makes choices: IntN gives a number in [0, n), n at least 1. It is met by
// *rand.Rand of math/rand/v2.
type Source interface {
	IntN(n int) int
}

// World is a made-up shop at an instant. Its fields must not be changed but by Step,
// Pass and Travel.
type World struct {
	Catalog *catalog.Catalog
	AsOf    time.Time // often with a fraction of a second, which engines cut off
	Zone    *time.Location
	// Customers and guests, ordered by the bytes of their ids, as a store that
	// applied Changes hands them over.
	Customers []*eval.Customer
	// Groups are the members that `in group` finds.
	Groups Groups

	src     Source
	clock   *clock
	lexicon lexicon
	facts   *facts
}

// New makes the world of a seed: over catalog.Shop() or a catalog of its own.
func New(seed uint64) *World { return From(rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))) }

// From makes a world by the choices of a source, which later rules go on using.
func From(src Source) *World {
	w := &World{src: src}
	if w.chance(2) {
		w.Catalog, w.lexicon = w.madeUp()
	} else {
		w.Catalog, w.lexicon = shop()
	}
	w.clock = newClock(src)
	w.AsOf, w.Zone = w.clock.asOf, w.clock.zone
	w.populate()
	return w
}

// Env is what the world's rules are answered in, without cuts of ranks.
func (w *World) Env() eval.Env {
	return eval.Env{AsOf: w.AsOf, Zone: w.Zone, Groups: w.Groups}
}

// Groups is the members of each group by its name. It implements eval.Memberships.
type Groups map[string]map[dangol.CustomerID]bool

// Contains tells whether the customer is in the group; there is no error.
func (g Groups) Contains(group string, id dangol.CustomerID) (bool, error) {
	return g[group][id], nil
}

// chance is true once in n times.
func (w *World) chance(n int) bool { return w.src.IntN(n) == n-1 }

func (w *World) pick(list ...string) string { return pick(w.src, list) }

func pick[T any](src Source, list []T) T { return list[src.IntN(len(list))] }

// Cuts are the cuts of the plan's ranks over the world's customers, computed by
// package eval.
func (w *World) Cuts(p *plan.Plan) (map[string]eval.Cut, error) {
	cuts := map[string]eval.Cut{}
	for _, r := range eval.Ranks(p) {
		var values []int64
		for _, c := range w.Customers {
			if !eval.Exists(c, p.Scope, w.Env()) {
				continue
			}
			v, ok, err := eval.RankValue(r, c, w.Env())
			if err != nil {
				return nil, err
			}
			if ok {
				values = append(values, v)
			}
		}
		cuts[eval.RankKey(r)] = eval.CutOf(r, values, w.AsOf)
	}
	return cuts, nil
}
