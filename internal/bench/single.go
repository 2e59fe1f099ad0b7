package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"reflect"
	"runtime"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
)

// single is how long a question about one customer takes, in nanoseconds.
type single struct {
	P50    float64 `json:"p50_ns,omitempty"`
	P99    float64 `json:"p99_ns,omitempty"`
	Each   float64 `json:"each_ns,omitempty"` // of many in a row: too short for the clock
	Allocs float64 `json:"allocations,omitempty"`
}

// person is a customer as a Go programmer would hold one: what cel-go and expr
// evaluate over.
type person struct {
	Joined  int64
	Country string
	Consent bool
	Orders  []order
	Visits  []visit
}

type order struct {
	Placed int64
	Status string
	Total  int64
}

type visit struct{ At int64 }

// scripts are the rules that all three can say; cel-go and expr get the bounds of
// windows as numbers.
func scripts() []struct{ rule, cel, expr string } {
	a := func(days int) int64 { return since(days) }
	end := now.Unix()
	return []struct{ rule, cel, expr string }{
		{"R1",
			fmt.Sprintf(`c.Joined >= %d && c.Joined < %d && !(c.Orders.filter(o, o.Placed >= %d && o.Placed < %d && o.Status != "cancelled").size() >= 1)`, a(7), end, a(7), end),
			fmt.Sprintf(`Joined >= %d && Joined < %d && !(count(Orders, .Placed >= %d && .Placed < %d && .Status != "cancelled") >= 1)`, a(7), end, a(7), end)},
		{"R2",
			fmt.Sprintf(`c.Orders.filter(o, o.Placed >= %d && o.Placed < %d && o.Status == "confirmed" && o.Total >= 30000).size() >= 2`, a(90), end),
			fmt.Sprintf(`count(Orders, .Placed >= %d && .Placed < %d && .Status == "confirmed" && .Total >= 30000) >= 2`, a(90), end)},
		{"R9",
			fmt.Sprintf(`c.Country in ["KR", "JP", "US"] && c.Consent && c.Visits.filter(v, v.At >= %d && v.At < %d).size() >= 3 && c.Visits.filter(v, v.At >= %d && v.At < %d).size() <= 10`, a(30), end, a(30), end),
			fmt.Sprintf(`Country in ["KR", "JP", "US"] && Consent && count(Visits, .At >= %d && .At < %d) >= 3 && count(Visits, .At >= %d && .At < %d) <= 10`, a(30), end, a(30), end)},
	}
}

// singles measures questions about one customer: all twenty rules at once, by ids
// that nobody asked about before and by the same ids again; and the rules that
// cel-go and expr can say too, one by one, over customers who are at hand.
func singles(s *shop, o *ours, n int) (map[string]single, error) {
	out := map[string]single{}
	r := rand.New(rand.NewPCG(7, 7))
	asked := make([]int, n)
	people := map[int]*person{}
	for i := range asked {
		asked[i] = r.IntN(s.customers)
		people[asked[i]] = &person{Joined: s.joined[asked[i]], Country: countries[s.country[asked[i]]], Consent: s.consent[asked[i]]}
	}
	for i, c := range s.orders.customer {
		if p := people[int(c)]; p != nil {
			p.Orders = append(p.Orders, order{s.orders.at[i], statuses[s.status[i]], int64(s.total[i])})
		}
	}
	for i, c := range s.visits.customer {
		if p := people[int(c)]; p != nil {
			p.Visits = append(p.Visits, visit{s.visits.at[i]})
		}
	}
	if err := o.checkouts(asked, r, out); err != nil {
		return nil, err
	}
	env, err := cel.NewEnv(ext.NativeTypes(reflect.TypeFor[person](), reflect.TypeFor[order](), reflect.TypeFor[visit]()), cel.Variable("c", cel.ObjectType(celName(reflect.TypeFor[person]()))))
	if err != nil {
		return nil, err
	}
	for _, script := range scripts() {
		if err := o.beside(script.rule, script.cel, script.expr, env, people, asked, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// celName is what cel-go calls a Go type.
func celName(t reflect.Type) string { return path.Base(t.PkgPath()) + "." + t.Name() }

func (o *ours) beside(name, celText, exprText string, env *cel.Env, people map[int]*person, asked []int, out map[string]single) error {
	rs := slices.DeleteFunc(rules(), func(r rule) bool { return r.name != name })
	m, err := o.matcher(rs)
	if err != nil {
		return err
	}
	ast, issues := env.Compile(celText)
	if issues != nil && issues.Err() != nil {
		return issues.Err()
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return err
	}
	compiled, err := expr.Compile(exprText, expr.Env(person{}), expr.AsBool())
	if err != nil {
		return err
	}
	in := make([]bool, 1)
	var machine vm.VM
	vars := map[string]any{}
	byCel := func(c int) (bool, error) {
		vars["c"] = people[c]
		v, _, err := program.Eval(vars)
		if err != nil {
			return false, err
		}
		return v.Value().(bool), nil
	}
	byExpr := func(c int) (bool, error) {
		v, err := machine.Run(compiled, people[c])
		if err != nil {
			return false, err
		}
		return v.(bool), nil
	}
	for _, c := range asked {
		if _, err := m.Matches(id(c), now, in); err != nil {
			return err
		}
		a, err := byCel(c)
		if err != nil {
			return err
		}
		b, err := byExpr(c)
		if err != nil {
			return err
		}
		if a != in[0] || b != in[0] {
			return fmt.Errorf("%s of customer %d: dangol %v, cel-go %v, expr %v", name, c, in[0], a, b)
		}
	}
	snapshot, reader := o.table.Snapshot(), m.Reader(now)
	places := make([]columnar.Place, len(people))
	at := map[int]int{}
	for _, c := range asked {
		if _, ok := at[c]; !ok {
			at[c] = len(at)
			places[at[c]], _ = snapshot.Find(id(c))
		}
	}
	order := make([]columnar.Place, len(asked))
	for i, c := range asked {
		order[i] = places[at[c]]
	}
	return timed(out, len(asked), map[string]func(i int) error{
		name + " dangol": func(i int) error { return reader.Matches(order[i], in) },
		name + " cel-go": func(i int) error { _, err := byCel(asked[i]); return err },
		name + " expr":   func(i int) error { _, err := byExpr(asked[i]); return err },
	})
}

// matcher is the rules for one customer at a time, with the cuts of today.
func (o *ours) matcher(rs []rule) (*columnar.Matcher, error) {
	plans, env, err := o.cut(rs)
	if err != nil {
		return nil, err
	}
	return o.table.Matcher(plans, env)
}

// cut is the rules' plans, and the environment with the cuts of their ranks.
func (o *ours) cut(rs []rule) ([]*plan.Plan, eval.Env, error) {
	env := o.env()
	env.Cuts = map[string]eval.Cut{}
	var plans []*plan.Plan
	for _, r := range rs {
		plans = append(plans, o.plans[r.name])
	}
	answers, err := o.table.Snapshot().Select(context.Background(), plans, env, columnar.Run{})
	if err != nil {
		return nil, env, err
	}
	for _, a := range answers {
		for key, cut := range a.Cuts {
			env.Cuts[key] = cut
		}
	}
	return plans, env, nil
}

// checkouts measures all rules for one customer after another, by id.
func (o *ours) checkouts(asked []int, r *rand.Rand, out map[string]single) error {
	m, err := o.matcher(rules())
	if err != nil {
		return err
	}
	in := make([]bool, len(rules()))
	ask := func(id dangol.CustomerID) error {
		_, err := m.Matches(id, now, in)
		return err
	}
	// What is worked out by the first questions is, and others' data is in the caches.
	for range 20 * len(asked) {
		if err := ask(id(r.IntN(o.table.Len()))); err != nil {
			return err
		}
	}
	ids := make([]dangol.CustomerID, len(asked))
	for i, c := range asked {
		ids[i] = id(c)
	}
	for _, name := range []string{"dangol, 20 rules, first time", "dangol, 20 rules, again"} {
		took := make([]time.Duration, len(ids))
		before := allocated()
		for i, id := range ids {
			began := time.Now()
			if err := ask(id); err != nil {
				return err
			}
			took[i] = time.Since(began)
		}
		allocs := float64(allocated()-before) / float64(len(ids))
		slices.Sort(took)
		out[name] = single{
			P50: float64(took[len(took)/2].Nanoseconds()), P99: float64(took[len(took)*99/100].Nanoseconds()), Allocs: allocs,
		}
	}
	return nil
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// rounds is how often many questions in a row are asked.
const rounds = 7

// timed asks everybody n questions in a row, in turns, and keeps the medians.
func timed(out map[string]single, n int, asks map[string]func(i int) error) error {
	took, allocs := map[string][]float64{}, map[string]float64{}
	for range rounds {
		for name, ask := range asks {
			before, began := allocated(), time.Now()
			for i := range n {
				if err := ask(i); err != nil {
					return err
				}
			}
			took[name] = append(took[name], float64(time.Since(began).Nanoseconds())/float64(n))
			allocs[name] = float64(allocated()-before) / float64(n)
		}
	}
	for name, each := range took {
		slices.Sort(each)
		out[name] = single{Each: each[len(each)/2], Allocs: allocs[name]}
	}
	return nil
}
