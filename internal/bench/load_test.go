package main

import (
	"flag"
	"testing"

	"github.com/dangol-dev/dangol/eval/columnar"
)

var customers = flag.Int("customers", 100_000, "customers of the shop that the benchmarks load")

// Rows a second that a table takes from columns in memory. With -cpu 1, of one core.
func BenchmarkLoadColumns(b *testing.B) {
	s := makeShop(*customers, 1)
	in := s.columns()
	for b.Loop() {
		t, err := columnar.New(shopCatalog(), columnar.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := t.LoadColumns(in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(s.rows()+s.customers)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// Live events a second, each followed by six rules about its customer.
func BenchmarkLiveEvents(b *testing.B) {
	s := makeShop(*customers, 1)
	own, err := newOurs(s, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	perSecond, err := own.events(s, max(b.N, 10))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(perSecond, "events/s")
}
