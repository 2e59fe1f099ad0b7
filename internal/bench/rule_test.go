package main

import (
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/eval/compile"
)

// One Select of one rule over all customers, on as many threads as -cpu says: the
// twenty, and the windows that are compared with reading memory. Before each, others'
// data fills the caches.
//
//	go test -run '^$' -bench 'Rule/(R8|R12|count|sum)$' -cpu 2 . -customers 1000000
//
// The best and the median are what a busy machine disturbs least.
func BenchmarkRule(b *testing.B) {
	own, err := newOurs(makeShop(*customers, 1), 2)
	if err != nil {
		b.Fatal(err)
	}
	own.workers = 0
	c, err := compile.New(shopCatalog())
	if err != nil {
		b.Fatal(err)
	}
	rs := rules()
	for _, w := range windowTexts {
		p, ds := c.Text(w.text, compile.Options{})
		if ds.HasErrors() {
			b.Fatal(ds)
		}
		own.plans[w.name] = p
		rs = append(rs, rule{name: w.name})
	}
	others := make([]byte, 64<<20)
	for _, r := range rs {
		b.Run(r.name, func(b *testing.B) {
			for range windowWarmUp {
				if _, err := own.answer([]rule{r}); err != nil {
					b.Fatal(err)
				}
			}
			var took []time.Duration
			for b.Loop() {
				for i := 0; i < len(others); i += 64 {
					others[i]++
				}
				t, err := own.answer([]rule{r})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, t)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[0].Microseconds()), "best-us")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-us")
		})
	}
}
