package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
)

// events is how many live events a second one core takes: a visit is appended and
// six rules are asked about the visitor, one after another.
func (o *ours) events(s *shop, n int) (perSecond float64, err error) {
	m, err := o.matcher(rules()[:6])
	if err != nil {
		return 0, err
	}
	r := rand.New(rand.NewPCG(3, 3))
	ids := make([]dangol.CustomerID, n)
	events := make([]columnar.Change, n)
	for i := range ids {
		ids[i] = id(r.IntN(s.customers))
		events[i] = columnar.Change{Customer: ids[i], Kind: "visits", New: true, Record: &eval.Record{Key: fmt.Sprint(1_000_000_000 + i), Fields: map[string]catalog.Value{
			"at": catalog.TimeValue(now.Add(time.Duration(i) * time.Millisecond).Truncate(time.Second)),
		}}}
	}
	in := make([]bool, 6)
	// The chains of rows are built by the first events.
	warm := n / 10
	var began time.Time
	for i := range ids {
		if i == warm {
			began = time.Now()
		}
		if err := o.table.Write(events[i]); err != nil {
			return 0, err
		}
		if _, err := m.Matches(ids[i], now.Add(time.Hour), in); err != nil {
			return 0, err
		}
	}
	return float64(n-warm) / time.Since(began).Seconds(), nil
}
