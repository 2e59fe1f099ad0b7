package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
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

// The same through the store: each event a change that is checked against the
// catalog, the customers and all keys.
func BenchmarkLiveChanges(b *testing.B) {
	s := makeShop(*customers, 1)
	dir := b.TempDir()
	if err := s.folder(dir); err != nil {
		b.Fatal(err)
	}
	shop, err := memstore.New(shopCatalog(), memstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := csvdir.Load(b.Context(), dir, shop, csvdir.Options{Zone: zone}); err != nil {
		b.Fatal(err)
	}
	own, err := newOurs(makeShop(100, 1), 1)
	if err != nil {
		b.Fatal(err)
	}
	var plans []*plan.Plan
	for _, r := range rules()[:6] {
		if p := own.plans[r.name]; len(eval.Ranks(p)) == 0 {
			plans = append(plans, p)
		}
	}
	m, err := shop.Matcher(b.Context(), plans, own.env())
	if err != nil {
		b.Fatal(err)
	}
	in := make([]bool, len(plans))
	r := rand.New(rand.NewPCG(3, 3))
	n := 0
	event := func() {
		n++
		who := id(r.IntN(s.customers))
		err := shop.Apply(b.Context(), store.Change{Customer: who, Kind: "visits", Key: fmt.Sprint("live", n),
			Fields: map[string]catalog.Value{"at": catalog.TimeValue(now.Add(time.Duration(n) * time.Millisecond))}})
		if err == nil {
			err = m.Matches(b.Context(), who, now.Add(time.Hour), in)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	event() // the first reads all keys of visits
	for b.Loop() {
		event()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
