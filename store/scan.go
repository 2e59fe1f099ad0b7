package store

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Part is some customers of one state of a store, ordered by the bytes of their
// ids. It is ranged over twice when a plan has ranks and must give the same both
// times. An error ends the scan.
type Part = iter.Seq2[*eval.Customer, error]

// ScanOptions are how Scan works.
type ScanOptions struct {
	// ReadAt is when the data was read, for Answer. Defaults to unknown: then every
	// as-of counts as past.
	ReadAt time.Time
	// Parallel is how many parts are read at the same time. Defaults to GOMAXPROCS.
	Parallel int
}

// batch is after how many customers a scan looks whether its context has ended.
const batch = 1024

// Scan answers a query by package eval over all customers: a store that has no
// engine of its own implements Select by it, and every engine is compared with
// it. The parts follow each other in the order of ids and are read concurrently.
//
// The error is ctx's or that of a part. What only one plan meets, such as a broken
// group, stands in its Answer.
func Scan(ctx context.Context, q Query, o ScanOptions, parts ...Part) ([]Answer, error) {
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	s := &scan{parts: parts, parallel: o.Parallel}
	base := q.Env()
	answers := make([]Answer, len(q.Plans))
	for i, p := range q.Plans {
		answers[i] = q.Frame(p, o.ReadAt)
		if answers[i].Err == nil {
			s.jobs = append(s.jobs, &job{plan: p, env: base, answer: &answers[i]})
		}
	}
	if err := s.rank(ctx); err != nil {
		return nil, err
	}
	if err := s.members(ctx); err != nil {
		return nil, err
	}
	return answers, nil
}

// Env is what the query's plans are evaluated in, without the cuts of ranks:
// as-of cut to the second, and a zone.
func (q Query) Env() eval.Env {
	env := eval.Env{AsOf: q.AsOf.Truncate(time.Second), Zone: q.Zone, Groups: q.Groups}
	if env.Zone == nil {
		env.Zone = time.UTC
	}
	return env
}

// Frame is the answer to a plan before it has members: when it was asked and
// read, and whether it is exact. Err is set where it will never have any.
func (q Query) Frame(p *plan.Plan, readAt time.Time) Answer {
	a := Answer{AsOf: q.AsOf.Truncate(time.Second), ReadAt: readAt, Exact: true}
	if p == nil {
		a.Err = eval.ErrPlan
		return a
	}
	past := readAt.IsZero() || a.AsOf.Before(readAt.Truncate(time.Second))
	if past && len(p.Current) > 0 {
		a.Exact, a.Current = false, p.Current
		if q.Strict {
			a.Err = fmt.Errorf("%w: %s", ErrNotExact, strings.Join(p.Current, ", "))
		}
	}
	return a
}

// scan is one run over the parts.
type scan struct {
	jobs     []*job
	parts    []Part
	parallel int
}

// job is one plan that is being answered.
type job struct {
	plan   *plan.Plan
	env    eval.Env
	answer *Answer
}

// ranking is one cut that is being found: of a rank over a population, shared by
// the plans that ask for it.
type ranking struct {
	rank  *plan.Rank
	scope plan.Scope
	jobs  []*job
}

// rank finds the cuts that the plans need and puts them into their Env.
func (s *scan) rank(ctx context.Context) error {
	type key struct {
		scope plan.Scope
		rank  string
	}
	found := map[key]*ranking{}
	var list []*ranking
	for _, j := range s.jobs {
		scope := j.plan.Scope
		if scope == "" {
			scope = plan.Members
		}
		for _, r := range eval.Ranks(j.plan) {
			k := key{scope, eval.RankKey(r)}
			if found[k] == nil {
				found[k] = &ranking{rank: r, scope: scope}
				list = append(list, found[k])
			}
			found[k].jobs = append(found[k].jobs, j)
		}
	}
	if len(list) == 0 {
		return nil
	}
	env := s.jobs[0].env
	values, errs, err := perPart(ctx, s, len(list), func(i int, c *eval.Customer, out []int64) ([]int64, error) {
		if !eval.Exists(c, list[i].scope, env) {
			return out, nil
		}
		v, ok, err := eval.RankValue(list[i].rank, c, env)
		if err != nil || !ok {
			return out, err
		}
		return append(out, v), nil
	})
	if err != nil {
		return err
	}
	for i, r := range list {
		cut := eval.Cut{}
		if errs[i] == nil {
			cut = eval.CutOf(r.rank, values[i], env.AsOf)
		}
		for _, j := range r.jobs {
			if errs[i] != nil {
				j.answer.Err = errs[i]
				continue
			}
			if j.answer.Cuts == nil {
				j.answer.Cuts = map[string]eval.Cut{}
			}
			j.answer.Cuts[eval.RankKey(r.rank)] = cut
		}
	}
	for _, j := range s.jobs {
		j.env.Cuts = maps.Clone(j.answer.Cuts)
	}
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool { return j.answer.Err != nil })
	return nil
}

// members finds the members of every plan.
func (s *scan) members(ctx context.Context) error {
	ids, errs, err := perPart(ctx, s, len(s.jobs), func(i int, c *eval.Customer, out []dangol.CustomerID) ([]dangol.CustomerID, error) {
		in, err := eval.Eval(s.jobs[i].plan, c, s.jobs[i].env)
		if in {
			out = append(out, c.ID)
		}
		return out, err
	})
	if err != nil {
		return err
	}
	for i, j := range s.jobs {
		if errs[i] != nil {
			j.answer.Err, j.answer.Cuts = errs[i], nil
			continue
		}
		j.answer.Members = IDs(ids[i])
	}
	return nil
}

// perPart asks n questions about every customer and gives, for each question, what
// was gathered in the order of the customers, or the error of the first customer
// of whom it has none.
func perPart[T any](ctx context.Context, s *scan, n int, ask func(i int, c *eval.Customer, out []T) ([]T, error)) ([][]T, []error, error) {
	type result struct {
		out  [][]T
		errs []error
	}
	results := make([]result, len(s.parts))
	err := inParallel(ctx, s.parallel, len(s.parts), func(ctx context.Context, part int) error {
		r := result{make([][]T, n), make([]error, n)}
		seen := 0
		for c, err := range s.parts[part] {
			if err != nil {
				return err
			}
			if seen++; seen%batch == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			for i := range n {
				if r.errs[i] == nil {
					r.out[i], r.errs[i] = ask(i, c, r.out[i])
				}
			}
		}
		results[part] = r
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	out, errs := make([][]T, n), make([]error, n)
	for _, r := range results {
		for i := range n {
			out[i] = append(out[i], r.out[i]...)
			if errs[i] == nil {
				errs[i] = r.errs[i]
			}
		}
	}
	return out, errs, nil
}

// inParallel calls do for 0 to n-1, that many at the same time, and returns the
// first error after all calls have ended; the context of the others ends with it.
func inParallel(ctx context.Context, parallel, n int, do func(ctx context.Context, i int) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		next    atomic.Int64
		workers sync.WaitGroup
		once    sync.Once
		first   error
	)
	for range min(parallel, n) {
		workers.Go(func() {
			for inner.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(inner, i); err != nil {
					once.Do(func() { first = err })
					cancel()
				}
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return first
}
