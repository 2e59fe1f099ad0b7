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
// evaluate over. An item says when and in what status its order is, so that nothing
// has to be looked up for it.
type person struct {
	Joined   int64
	Country  string
	Consent  bool
	Orders   []order
	Items    []item
	Visits   []event
	CartAdds []event
}

type order struct {
	Placed int64
	Status string
	Total  int64
}

type item struct {
	Placed  int64
	Status  string
	Product string
}

type event struct{ At int64 }

// script is a rule as cel-go and expr can say it, each in its shortest way, with the
// bounds of windows as numbers; "" where it cannot, as cel-go has no sum.
type script struct{ rule, cel, expr string }

func scripts() []script {
	end := now.Unix()
	celIn := func(of string, days int) string { return fmt.Sprintf("%s >= %d && %s < %d", of, since(days), of, end) }
	exprIn := func(of string, days int) string { return celIn("."+of, days) }
	products, _ := list(3)
	return []script{
		{"R1",
			fmt.Sprintf(`%s && !c.Orders.exists(o, %s && o.Status != "cancelled")`, celIn("c.Joined", 7), celIn("o.Placed", 7)),
			fmt.Sprintf(`%s && !any(Orders, %s && .Status != "cancelled")`, celIn("Joined", 7), exprIn("Placed", 7))},
		{"R2",
			fmt.Sprintf(`c.Orders.filter(o, %s && o.Status == "confirmed" && o.Total >= 30000).size() >= 2`, celIn("o.Placed", 90)),
			fmt.Sprintf(`count(Orders, %s && .Status == "confirmed" && .Total >= 30000) >= 2`, exprIn("Placed", 90))},
		{"R3",
			"",
			fmt.Sprintf(`sum(Orders, %s && .Status == "confirmed" ? .Total : 0) >= 1000000`, exprIn("Placed", 365))},
		{"R5",
			fmt.Sprintf(`c.Items.exists(i, %s && i.Status != "cancelled" && i.Product in [%s])`, celIn("i.Placed", 180), products),
			fmt.Sprintf(`any(Items, %s && .Status != "cancelled" && .Product in [%s])`, exprIn("Placed", 180), products)},
		{"R8",
			fmt.Sprintf(`c.CartAdds.exists(a, %s) && !c.Orders.exists(o, o.Placed < %d && o.Status != "cancelled" && c.CartAdds.all(a, a.At <= o.Placed))`, celIn("a.At", 3), end),
			fmt.Sprintf(`any(CartAdds, %s) && (let latest = max(map(CartAdds, .At)); !any(Orders, .Placed >= latest && .Placed < %d && .Status != "cancelled"))`, exprIn("At", 3), end)},
		{"R9",
			fmt.Sprintf(`c.Country in ["KR", "JP", "US"] && c.Consent && cel.bind(n, c.Visits.filter(v, %s).size(), n >= 3 && n <= 10)`, celIn("v.At", 30)),
			fmt.Sprintf(`Country in ["KR", "JP", "US"] && Consent && count(Visits, %s) in 3..10`, exprIn("At", 30))},
	}
}

// singles measures questions about one customer: all twenty rules at once, by ids
// that nobody asked about before and by the same ids again; and the rules that
// cel-go and expr can say too, one by one, over customers who are at hand: once each,
// and few of them time and again.
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
			p.Visits = append(p.Visits, event{s.visits.at[i]})
		}
	}
	for i, c := range s.add.customer {
		if p := people[int(c)]; p != nil {
			p.CartAdds = append(p.CartAdds, event{s.add.at[i]})
		}
	}
	for i, c := range s.items.customer {
		if p := people[int(c)]; p != nil {
			p.Items = append(p.Items, item{s.items.at[i], statuses[s.status[s.order[i]]], fmt.Sprint(s.product[i])})
		}
	}
	if err := o.checkouts(asked, r, out); err != nil {
		return nil, err
	}
	at := make([]*person, n)
	for i, c := range asked {
		at[i] = people[c]
	}
	env, err := cel.NewEnv(ext.NativeTypes(reflect.TypeFor[person](), reflect.TypeFor[order](), reflect.TypeFor[item](), reflect.TypeFor[event]()), ext.Bindings(), cel.Variable("c", cel.ObjectType(celName(reflect.TypeFor[person]()))))
	if err != nil {
		return nil, err
	}
	for _, script := range scripts() {
		if err := o.beside(script, env, at, asked, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// celName is what cel-go calls a Go type.
func celName(t reflect.Type) string { return path.Base(t.PkgPath()) + "." + t.Name() }

// asker answers a rule about the customer at a place of those who are asked about.
type asker func(i int) (bool, error)

// all asks about the first n: the loop is each engine's own, as a host would write it,
// lest a call into it be a part of what is short.
func (ask asker) all(n int) error {
	for i := range n {
		if _, err := ask(i); err != nil {
			return err
		}
	}
	return nil
}

// byCel compiles a script for cel-go.
func byCel(text string, env *cel.Env, people []*person) (asker, error) {
	ast, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, issues.Err()
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	vars := map[string]any{}
	return func(i int) (bool, error) {
		vars["c"] = people[i]
		v, _, err := program.Eval(vars)
		if err != nil {
			return false, err
		}
		return v.Value().(bool), nil
	}, nil
}

// byExpr compiles a script for expr.
func byExpr(text string, people []*person) (asker, error) {
	compiled, err := expr.Compile(text, expr.Env(person{}), expr.AsBool())
	if err != nil {
		return nil, err
	}
	var machine vm.VM
	return func(i int) (bool, error) {
		v, err := machine.Run(compiled, people[i])
		if err != nil {
			return false, err
		}
		return v.(bool), nil
	}, nil
}

func (o *ours) beside(s script, env *cel.Env, people []*person, asked []int, out map[string]single) error {
	m, err := o.matcher(slices.DeleteFunc(rules(), func(r rule) bool { return r.name != s.rule }))
	if err != nil {
		return err
	}
	peers := map[string]asker{}
	if s.cel != "" {
		if peers["cel-go"], err = byCel(s.cel, env, people); err != nil {
			return err
		}
	}
	if peers["expr"], err = byExpr(s.expr, people); err != nil {
		return err
	}
	snapshot, reader := o.table.Snapshot(), m.Reader(now)
	places := make([]columnar.Place, len(asked))
	for i, c := range asked {
		places[i], _ = snapshot.Find(id(c))
	}
	in := make([]bool, 1)
	for i, c := range asked {
		if _, err := m.Matches(id(c), now, in); err != nil {
			return err
		}
		if got, err := reader.Holds(places[i]); err != nil || got != in[0] {
			return fmt.Errorf("%s of customer %d: %v, at hand %v, %v", s.rule, c, in[0], got, err)
		}
		for name, ask := range peers {
			got, err := ask(i)
			if err != nil {
				return err
			}
			if got != in[0] {
				return fmt.Errorf("%s of customer %d: dangol %v, %s %v", s.rule, c, in[0], name, got)
			}
		}
	}
	asks := map[string]func(n int) error{s.rule + " dangol": func(n int) error {
		for _, p := range places[:n] {
			if _, err := reader.Holds(p); err != nil {
				return err
			}
		}
		return nil
	}}
	for name, ask := range peers {
		asks[s.rule+" "+name] = ask.all
	}
	if err := timed(out, "", len(asked), 1, asks); err != nil {
		return err
	}
	return timed(out, ", in the caches", min(len(asked), cached), 50, asks)
}

// cached is so few customers that all they are fits the caches, as a struct and as
// columns, if they are asked about time and again.
const cached = 200

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

// timed asks everybody about n customers, so many times over, in turns, and keeps the
// medians of a question. Each turn finds the caches as the others leave them; where
// it goes over them several times, a first time is not measured.
func timed(out map[string]single, as string, n, times int, asks map[string]func(n int) error) error {
	took, allocs := map[string][]float64{}, map[string]float64{}
	for range rounds {
		for name, ask := range asks {
			before, asked := allocated(), times
			if times > 1 { // after allocated, which leaves the caches to others too
				if err := ask(n); err != nil {
					return err
				}
				asked++
			}
			began := time.Now()
			for range times {
				if err := ask(n); err != nil {
					return err
				}
			}
			took[name] = append(took[name], float64(time.Since(began).Nanoseconds())/float64(n*times))
			allocs[name] = float64(allocated()-before) / float64(n*asked)
		}
	}
	for name, each := range took {
		slices.Sort(each)
		out[name+as] = single{Each: each[len(each)/2], Allocs: allocs[name]}
	}
	return nil
}
