package segment_test

import (
	"flag"
	"testing"

	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
)

// The sizes of the promise are
//
//	go test ./segment -run '^$' -bench State -groups 1000 -customers 100000 -days 365 -benchtime 3x
var (
	benchGroups    = flag.Int("groups", 20, "benchmarks: how many groups")
	benchCustomers = flag.Int("customers", 5000, "benchmarks: how many customers")
	benchDays      = flag.Int("days", 20, "benchmarks: how many days of history")
)

func BenchmarkState(b *testing.B) {
	segmenttest.Bench(b, segment.NewMemory(), shopData(b), segmenttest.Sizes{Groups: *benchGroups, Customers: *benchCustomers, Days: *benchDays})
}
