package csvdir_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/csvdir"
)

// drain is a store that takes everything and keeps nothing.
type drain struct{ store.Store }

func (drain) Catalog() *catalog.Catalog { return shop }

func (drain) Load(_ context.Context, changes iter.Seq2[store.Change, error]) error {
	for _, err := range changes {
		if err != nil {
			return err
		}
	}
	return nil
}

var shop = catalog.Shop()

// taker is a drain that takes columns, and checks them as a store does.
type taker struct{ drain }

func (taker) LoadColumns(_ context.Context, in store.Columns) error {
	schema, err := store.NewSchema(shop)
	if err != nil {
		return err
	}
	_, err = schema.CheckColumns(in)
	return err
}

// Rows a second that are read and checked, without what a store does with them: as
// columns, and row by row. With -cpu 1, of one core.
func BenchmarkRead(b *testing.B) {
	const customers, orders = 10_000, 100_000
	var c, o strings.Builder
	c.WriteString("id,joined\n")
	for i := range customers {
		fmt.Fprintf(&c, "c%05d,2025-01-02\n", i)
	}
	o.WriteString("id,customer,placed,status,total\n")
	for i := range orders {
		fmt.Fprintf(&o, "o%06d,c%05d,2026-01-02T10:20:30+09:00,confirmed,%d\n", i, i%customers, i)
	}
	files := fstest.MapFS{"customers.csv": {Data: []byte(c.String())}, "orders.csv": {Data: []byte(o.String())}}
	for name, into := range map[string]store.Store{"columns": taker{}, "rows": drain{}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(c.Len() + o.Len()))
			for b.Loop() {
				if err := csvdir.LoadFS(b.Context(), files, into, csvdir.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(customers+orders)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
