package eval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
	"github.com/dangol-dev/dangol/internal/rulegen"
)

// consistent checks that Explain, NextChange and Eval tell the same of a customer.
func consistent(t testing.TB, w *rulegen.World, text string, p *plan.Plan) {
	env := w.Env()
	var err error
	env.Cuts, err = w.Cuts(p)
	require.NoError(t, err, text)
	for _, c := range w.Customers {
		is, err := eval.Eval(p, c, env)
		require.NoError(t, err, text)
		e, err := eval.Explain(p, c, env, eval.ExplainOptions{Mask: eval.Personal(w.Catalog)})
		require.NoError(t, err, text)
		next, err := eval.NextChange(p, c, env)
		require.NoError(t, err, text)
		require.Equal(t, is, e.Answer, text)
		require.Equal(t, is, e.Exists && e.Root.Answer, text)
		require.Equal(t, next, e.Next, text)
		require.Equal(t, eval.Exists(c, p.Scope, env), e.Exists)
		adds(t, e.Root, text)
		require.NotEmpty(t, e.Text(eval.English))
		require.NotEmpty(t, e.Text(eval.Korean))
		if !next.At.IsZero() {
			require.True(t, next.At.After(env.AsOf))
			require.Equal(t, next.At, next.At.Truncate(time.Second), "whole seconds")
			env := env
			env.AsOf = next.At
			later, err := eval.Eval(p, c, env)
			require.NoError(t, err)
			require.NotEqual(t, is, later, text)
		}
	}
}

// adds checks that the clauses add up to their whole.
func adds(t testing.TB, c *eval.Clause, text string) {
	all, some := true, false
	for _, term := range c.Terms {
		adds(t, term, text)
		all, some = all && term.Answer, some || term.Answer
	}
	switch c.Op {
	case "and":
		require.Equal(t, all, c.Answer, text)
	case "or":
		require.Equal(t, some, c.Answer, text)
	case "not":
		require.Equal(t, !some, c.Answer, text)
	}
}

func TestExplainIsConsistent(t *testing.T) {
	cases(t, 60, 4, func(t *testing.T, w *rulegen.World, text string, p *plan.Plan) {
		consistent(t, w, text, p)
		require.NotEmpty(t, eval.Sentence(p, eval.English))
		require.NotEmpty(t, eval.Sentence(p, eval.Korean))
	})
}

// Any rule that compiles can be explained, for any customer of any shop. Where the
// text is no rule over the world's catalog, a made-up one is taken.
func FuzzExplain(f *testing.F) {
	for i, text := range corpus.Texts() {
		if i%6 == 0 { // as seeds they are run by every go test
			f.Add(uint64(i), text)
		}
	}
	for seed := range uint64(50) {
		w := rulegen.New(seed)
		f.Add(seed, w.Rule(plan.Members).String())
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		if err != nil {
			t.Skip(err)
		}
		o := compile.Options{Scope: plan.Both}
		p, _ := c.Text(text, o)
		if p == nil {
			text = w.Rule(plan.Both).String()
			if p, _ = c.Text(text, o); p == nil {
				t.Skip("passed over")
			}
		}
		w.Customers = w.Customers[:min(4, len(w.Customers))]
		consistent(t, w, text, p)
	})
}
