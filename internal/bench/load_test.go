package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/columnar"
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
// catalog, the customers and all keys, one in an Apply or a hundred; and changes of
// the status of orders that are there.
func BenchmarkLiveChanges(b *testing.B) {
	s := makeShop(*customers, 1)
	shop, err := memstore.New(shopCatalog(), memstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := shop.LoadColumns(b.Context(), s.keyed()); err != nil {
		b.Fatal(err)
	}
	own, err := newOurs(makeShop(100, 1), 1)
	if err != nil {
		b.Fatal(err)
	}
	plans, env, err := own.cut(rules()[:6])
	if err != nil {
		b.Fatal(err)
	}
	m, err := shop.Matcher(b.Context(), plans, env)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	key := s.visits.len()
	visit := func() store.Change {
		key++
		at := now.Add(time.Duration(key) * time.Millisecond)
		return store.Change{Customer: id(r.IntN(s.customers)), Kind: "visits", Key: fmt.Sprint(key), Fields: map[string]catalog.Value{"at": catalog.TimeValue(at)}}
	}
	status := func() store.Change {
		order := r.IntN(s.orders.len())
		to := map[string]catalog.Value{"status": catalog.StringValue(statuses[r.IntN(len(statuses))])}
		return store.Change{Op: store.Set, Customer: id(int(s.orders.customer[order])), Kind: "all_orders", Key: fmt.Sprint(order), Fields: to}
	}
	in := make([]bool, len(plans))
	for _, c := range []struct {
		name string
		of   func() store.Change
		each int
	}{{"visit", visit, 1}, {"visits-100", visit, 100}, {"status", status, 1}, {"statuses-100", status, 100}} {
		b.Run(c.name, func(b *testing.B) {
			if err := shop.Apply(b.Context(), c.of()); err != nil { // the first reads all keys
				b.Fatal(err)
			}
			changes := make([]store.Change, max(b.N, c.each))
			for i := range changes {
				changes[i] = c.of()
			}
			runtime.GC()
			before, err := processorTime()
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for i := 0; i+c.each <= len(changes); i += c.each {
				batch := changes[i : i+c.each]
				if err := shop.Apply(b.Context(), batch...); err != nil {
					b.Fatal(err)
				}
				for _, change := range batch {
					if err := m.Matches(b.Context(), change.Customer, now.Add(time.Hour), in); err != nil {
						b.Fatal(err)
					}
				}
			}
			after, err := processorTime()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/(after-before).Seconds(), "events/processor-s")
		})
	}
}
