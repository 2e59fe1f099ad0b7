package main

import (
	"cmp"
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

// engine is somebody who answers the twenty rules.
type engine interface {
	// one answers a rule, all answers all of them in the best way it has.
	one(r rule) (sums, time.Duration, error)
	all(rs []rule) ([]sums, time.Duration, error)
	close()
}

// ours is the columnar engine.
type ours struct {
	table   *columnar.Table
	plans   map[string]*plan.Plan
	workers int
	loaded  time.Duration
}

func newOurs(s *shop, workers int) (*ours, error) {
	c, err := compile.New(shopCatalog())
	if err != nil {
		return nil, err
	}
	o := &ours{plans: map[string]*plan.Plan{}, workers: workers}
	for _, r := range rules() {
		p, ds := c.Text(r.text, compile.Options{})
		if ds.HasErrors() {
			return nil, ds
		}
		o.plans[r.name] = p
	}
	if o.table, err = columnar.New(shopCatalog(), columnar.Options{}); err != nil {
		return nil, err
	}
	in := s.columns()
	runtime.GC()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
	began := time.Now()
	err = o.table.LoadColumns(in)
	o.loaded = time.Since(began)
	return o, err
}

func (o *ours) env() eval.Env { return eval.Env{AsOf: now, Zone: zone} }

// run selects by some rules, and takes the time of it.
func (o *ours) run(rs []rule) (*columnar.Snapshot, []columnar.Answer, time.Duration, error) {
	var plans []*plan.Plan
	for _, r := range rs {
		plans = append(plans, o.plans[r.name])
	}
	s := o.table.Snapshot()
	began := time.Now()
	answers, err := s.Select(context.Background(), plans, o.env(), columnar.Run{Workers: o.workers})
	return s, answers, time.Since(began), err
}

// answer is run without a look at the members.
func (o *ours) answer(rs []rule) (time.Duration, error) {
	_, answers, took, err := o.run(rs)
	for _, a := range answers {
		err = cmp.Or(err, a.Err)
	}
	return took, err
}

func (o *ours) all(rs []rule) ([]sums, time.Duration, error) {
	s, answers, took, err := o.run(rs)
	if err != nil {
		return nil, 0, err
	}
	out := make([]sums, len(rs))
	for i, a := range answers {
		if a.Err != nil {
			return nil, 0, a.Err
		}
		for ordinal := range a.Members.Ordinals().All() {
			n, _ := strconv.ParseInt(string(s.ID(ordinal)), 10, 64)
			out[i].add(n)
		}
	}
	return out, took, nil
}

func (o *ours) one(r rule) (sums, time.Duration, error) {
	out, took, err := o.all([]rule{r})
	if err != nil {
		return sums{}, 0, err
	}
	return out[0], took, nil
}

func (o *ours) close() {}
