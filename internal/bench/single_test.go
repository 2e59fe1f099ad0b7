package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/columnar"
)

// Questions about one customer, rule by rule: of few customers, whose data the caches
// hold, and of as many as the comparison with peers asks. An operation is a question about each; the
// best of them is what a busy machine disturbs least.
func BenchmarkAtHand(b *testing.B) {
	own, err := newOurs(makeShop(*customers, 1), 1)
	if err != nil {
		b.Fatal(err)
	}
	s, r := own.table.Snapshot(), rand.New(rand.NewPCG(7, 7))
	others := make([]byte, 64<<20)
	for _, size := range []int{300, 2000, -2000} {
		cold := size < 0 // others' data fills the caches before every round
		size = max(size, -size)
		var places []columnar.Place
		for range size {
			p, _ := s.Find(id(r.IntN(*customers)))
			places = append(places, p)
		}
		for _, asked := range rules() {
			m, err := own.matcher([]rule{asked})
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("%s/%d", asked.name, size)
			if cold {
				name += "cold"
			}
			b.Run(name, func(b *testing.B) {
				reader, best := m.Reader(now), time.Duration(math.MaxInt64)
				b.ReportAllocs()
				for _, p := range places { // which makes the copies it reads
					if _, err := reader.Holds(p); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					for i := 0; cold && i < len(others); i += 64 {
						others[i]++
					}
					began := time.Now()
					for _, p := range places {
						if _, err := reader.Holds(p); err != nil {
							b.Fatal(err)
						}
					}
					best = min(best, time.Since(began))
				}
				b.ReportMetric(float64(best.Nanoseconds())/float64(size), "best-ns/question")
			})
		}
	}
}

// All twenty rules by id, of customers drawn at random, each question timed alone.
func BenchmarkByID(b *testing.B) {
	own, err := newOurs(makeShop(*customers, 1), 1)
	if err != nil {
		b.Fatal(err)
	}
	m, err := own.matcher(rules())
	if err != nil {
		b.Fatal(err)
	}
	r, in := rand.New(rand.NewPCG(7, 7)), make([]bool, len(rules()))
	ids, took := make([]dangol.CustomerID, 1<<14), make([]time.Duration, 1<<14)
	for i := range ids {
		ids[i] = id(r.IntN(*customers))
	}
	p50, p99 := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	b.ReportAllocs()
	for b.Loop() {
		for i, id := range ids {
			began := time.Now()
			if _, err := m.Matches(id, now, in); err != nil {
				b.Fatal(err)
			}
			took[i] = time.Since(began)
		}
		slices.Sort(took)
		p50, p99 = min(p50, took[len(took)/2]), min(p99, took[len(took)*99/100])
	}
	b.ReportMetric(float64(p50), "best-p50-ns")
	b.ReportMetric(float64(p99), "best-p99-ns")
}
