package main

import (
	"flag"
	"runtime"
	"testing"

	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
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

// Rows a second that a store takes from CSV files, all of them: read, checked, laid
// out. With -cpu 1, of one core.
func BenchmarkLoadCSV(b *testing.B) {
	s := makeShop(*customers, 1)
	dir := b.TempDir()
	if err := s.folder(dir); err != nil {
		b.Fatal(err)
	}
	rows := s.rows() + s.customers
	s = nil
	var loaded *memstore.Store
	for b.Loop() {
		var err error
		if loaded, err = memstore.New(shopCatalog(), memstore.Options{}); err != nil {
			b.Fatal(err)
		}
		if err := csvdir.Load(b.Context(), dir, loaded, csvdir.Options{Zone: zone}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/float64(loaded.Len()), "B/customer")
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
