package columnar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// visitors is a shop of n customers with 20 visits each in two years.
func visitors(b testing.TB, n int) *columnar.Table {
	table, err := columnar.New(catalog.Shop(), columnar.Options{})
	require.NoError(b, err)
	require.NoError(b, table.LoadColumns(visitorColumns(n)))
	return table
}

func visitorColumns(n int) columnar.Columns {
	rnd := rand.New(rand.NewPCG(1, 1))
	in := columnar.Columns{}
	at := columnar.Column{}
	visits := columnar.Rows{Kind: "visits"}
	for i := range n {
		in.IDs = append(in.IDs, dangol.CustomerID(fmt.Sprintf("%08d", i)))
	}
	for range 20 * n {
		visits.Customer = append(visits.Customer, uint32(rnd.IntN(n)))
		at.Ints = append(at.Ints, now.Unix()*1e6-rnd.Int64N(730*86400)*1e6)
	}
	visits.Fields = map[string]columnar.Column{"at": at}
	in.Rows = []columnar.Rows{visits}
	return in
}

func BenchmarkSelect(b *testing.B) {
	s := visitors(b, 100_000).Snapshot()
	for _, text := range []string{`visits(30d) >= 2`, `visits(365d) >= 10`, `active_days(visits, 30d) >= 2`, `visits(90d) in top 5%`} {
		plans := newRules(b, catalog.Shop()).plans(b, text)
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				_, err := s.Select(context.Background(), plans, eval.Env{AsOf: now}, columnar.Run{Workers: 1})
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkMatches(b *testing.B) {
	table := visitors(b, 100_000)
	for _, text := range []string{`points >= 3`, `visits(30d) >= 2`, `visits(365d) >= 10`} {
		m, err := table.Matcher(newRules(b, catalog.Shop()).plans(b, text), eval.Env{})
		require.NoError(b, err)
		b.Run(text, func(b *testing.B) {
			in := make([]bool, 1)
			i := 0
			ids := make([]dangol.CustomerID, 1000)
			for i := range ids {
				ids[i] = dangol.CustomerID(fmt.Sprintf("%08d", i*97))
			}
			b.ReportAllocs()
			for b.Loop() {
				i++
				if _, err := m.Matches(ids[i%1000], now, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
