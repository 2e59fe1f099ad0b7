package rulegen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
)

// Rules type-check against their world's catalog and have an answer.
func TestRulesCompileAndAnswer(t *testing.T) {
	in, all, refused := 0, 0, 0
	for seed := range uint64(150) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err, "seed %d", seed)
		for range 10 {
			rule := w.Rule(scope(seed))
			p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope})
			if p == nil {
				for _, d := range ds {
					require.True(t, d.Severity != source.Error || d.Code == source.NeverSelected, "seed %d: %s\n%v", seed, rule, ds)
				}
				refused++
				continue
			}
			env := w.Env()
			env.Cuts, err = w.Cuts(p)
			require.NoError(t, err)
			for _, customer := range w.Customers {
				is, err := eval.Eval(p, customer, env)
				require.NoError(t, err, "seed %d: %s", seed, rule)
				all++
				if is {
					in++
				}
			}
		}
	}
	require.Less(t, refused, 15, "of 1,500")
	require.Greater(t, in, all/8, "rules that hold for some")
	require.Less(t, in, all*7/8, "and not for all")
}

// Rules are made of every node, function and bound that a plan can have, and of
// every word of the grammar.
func TestRulesCoverTheLanguage(t *testing.T) {
	seen := map[string]bool{}
	var texts strings.Builder
	window := func(w plan.Window) {
		for _, b := range []plan.Bound{w.From, w.To} {
			seen[fmt.Sprintf("bound %d %s", b.Kind, b.Unit)] = true
			seen[fmt.Sprintf("exclusive %v", b.Exclusive)] = true
		}
	}
	for seed := range uint64(400) {
		w := rulegen.New(seed)
		c, err := compile.New(w.Catalog)
		require.NoError(t, err)
		for range 5 {
			rule := w.Rule(scope(seed))
			texts.WriteString(" " + rule.String() + " ")
			p, _ := c.Text(rule.String(), compile.Options{Scope: rule.Scope})
			if p == nil {
				continue
			}
			seen["scope "+string(p.Scope)] = true
			plan.Walk(p.Root, func(n plan.Node) bool {
				seen[fmt.Sprintf("%T", n)] = true
				switch n := n.(type) {
				case *plan.Aggregate:
					seen["aggregate "+string(n.Fn)] = true
					seen[fmt.Sprintf("timed %v", n.Stamp != nil)] = true
					window(n.Window)
				case *plan.During:
					window(n.Window)
				case *plan.Recurs:
					window(n.Window)
				case *plan.Like:
					seen["like "+string(n.Form)] = true
				case *plan.Has:
					seen[fmt.Sprintf("all %v", n.All)] = true
				case *plan.Rank:
					seen[fmt.Sprintf("rank %v %v", n.Bottom, n.Percent)] = true
				case *plan.Quotient:
					seen["quotient "+string(n.Form)] = true
				case *plan.Compare:
					seen["compare "+string(n.Op)] = true
				case *plan.Field:
					seen[fmt.Sprintf("up %d due %v", n.Up, n.Due)] = true
				case *plan.Attr:
					seen[fmt.Sprintf("due %v latest %v", n.Due, n.Latest)] = true
				}
				return true
			})
		}
	}
	for _, want := range []string{
		"*plan.And", "*plan.Or", "*plan.Not", "*plan.Compare", "*plan.Same", "*plan.OneOf", "*plan.Has", "*plan.Like", "*plan.Truth",
		"*plan.During", "*plan.Recurs", "*plan.Known", "*plan.Member", "*plan.Rank", "*plan.Sample", "*plan.Literal", "*plan.Attr",
		"*plan.Field", "*plan.Arith", "*plan.Times", "*plan.Quotient", "*plan.Aggregate",
		"aggregate count", "aggregate sum", "aggregate min", "aggregate max", "aggregate first", "aggregate last", "aggregate distinct",
		"aggregate active_days", "aggregate active_weeks", "aggregate active_months", "timed true", "timed false",
		"bound 0 ", "bound 1 ", "bound 2 min", "bound 2 h", "bound 2 d", "bound 2 w", "bound 2 mo", "bound 2 y",
		"bound 3 d", "bound 3 w", "bound 3 mo", "bound 3 quarter", "bound 3 y", "bound 4 ", "bound 6 ", "exclusive true",
		"like starts with", "like ends with", "like contains", "all true", "all false", "quotient /", "quotient avg", "quotient share",
		"rank true true", "rank true false", "rank false true", "rank false false", "compare =", "compare <", "compare <=", "compare >", "compare >=",
		"up 0 due false", "up 0 due true", "up 1 due false", "due true latest false", "due false latest true",
		"scope members", "scope guests", "scope both",
	} {
		require.True(t, seen[want], want)
	}
	for _, word := range strings.Fields(`and or not is known within between in top bottom contains any all starts ends with before after on
		today yesterday now true false ago full since next this last where group sample anniversary distinct share avg customer. .. * / - + %`) {
		require.Contains(t, texts.String(), word)
	}
}
