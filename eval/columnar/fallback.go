package columnar

import (
	"context"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/bitmap"
)

// byCustomer answers a plan by package eval, over customers put together again
// one by one. It is slow, right, and named in the explanation.
func (s *Snapshot) byCustomer(ctx context.Context, p *plan.Plan, env eval.Env) (bitmap.Dense, map[string]eval.Cut, error) {
	env.Cuts = nil
	for _, r := range eval.Ranks(p) {
		var values []int64
		err := s.all(ctx, func(_ int, c *eval.Customer) error {
			if !eval.Exists(c, p.Scope, env) {
				return nil
			}
			v, ok, err := eval.RankValue(r, c, env)
			if ok {
				values = append(values, v)
			}
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		if env.Cuts == nil {
			env.Cuts = map[string]eval.Cut{}
		}
		env.Cuts[eval.RankKey(r)] = eval.CutOf(r, values, env.AsOf)
	}
	out := make(bitmap.Dense, len(s.shards)*slots/64)
	err := s.all(ctx, func(place int, c *eval.Customer) error {
		in, err := eval.Eval(p, c, env)
		if in {
			out.Add(place)
		}
		return err
	})
	return out, env.Cuts, err
}

// all visits every customer, by shard. ctx is looked at before each.
func (s *Snapshot) all(ctx context.Context, visit func(place int, c *eval.Customer) error) error {
	for i, sh := range s.shards {
		for local := range sh.n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sh.state[local] == gone {
				continue
			}
			if err := visit(i<<shardBits|local, s.schema.customer(sh, local)); err != nil {
				return err
			}
		}
	}
	return nil
}
