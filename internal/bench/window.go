package main

import (
	"slices"
	"time"

	"github.com/dangol-dev/dangol/eval/compile"
)

// windowWarmUp is after how many questions the engine knows all rows.
const windowWarmUp = 5

// windowTexts are the windows, with the bytes of a row that are read.
var windowTexts = []struct {
	name, text string
	bytes      int
}{
	{"count", `all_orders(365d) >= 5`, 2},
	{"sum", `sum(all_orders.total, 365d) >= 500_000`, 6},
}

// windows compares windowed counts and sums with reading once from memory what
// they need of their window's rows: how many times longer they take. The same
// beside reading the rows whole comes with it, as "count, whole rows". What is
// kept until rows change is made before.
func (o *ours) windows(s *shop, rounds, threads int) (map[string]float64, error) {
	c, err := compile.New(shopCatalog())
	if err != nil {
		return nil, err
	}
	in := 0
	for _, at := range s.orders.at {
		if at >= since(365) {
			in++
		}
	}
	out := map[string]float64{}
	for _, w := range windowTexts {
		const whole = 2 + 4 + 4 + 1 // whose, when, total, status
		p, ds := c.Text(w.text, compile.Options{})
		if ds.HasErrors() {
			return nil, ds
		}
		o.plans[w.name] = p
		for range windowWarmUp {
			if _, err := o.answer([]rule{{name: w.name}}); err != nil {
				return nil, err
			}
		}
		var ratios []float64
		for range rounds {
			_, took, err := o.one(rule{name: w.name})
			if err != nil {
				return nil, err
			}
			read := float64(in*w.bytes) / memorySpeed(threads)
			ratios = append(ratios, float64(took/time.Nanosecond)/read)
		}
		slices.Sort(ratios)
		out[w.name] = ratios[len(ratios)/2]
		out[w.name+", whole rows"] = out[w.name] * float64(w.bytes) / whole
	}
	return out, nil
}
