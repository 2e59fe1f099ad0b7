// Command ownstore answers a rule from a store that this example writes itself:
// maps, and the whole contract of store.Store, which its test proves by
// store/storetest.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	s, err := New(catalog.Shop())
	if err != nil {
		return err
	}
	day := func(d int) catalog.Value { return catalog.TimeValue(time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC)) }
	err = s.Apply(ctx,
		store.Change{Customer: "kim", Fields: map[string]catalog.Value{"joined": day(5)}},
		store.Change{Customer: "lee", Fields: map[string]catalog.Value{"joined": day(6)}},
		store.Change{Customer: "lee", Kind: "all_orders", Key: "o-1", Fields: map[string]catalog.Value{"placed": day(7), "total": catalog.NumberValue(30_000)}},
	)
	if err != nil {
		return err
	}
	rules, err := compile.New(s.Catalog())
	if err != nil {
		return err
	}
	p, wrong := rules.Text(`joined within 7d and not orders(7d)`, compile.Options{})
	if p == nil {
		return wrong
	}
	answers, err := s.Select(ctx, store.Query{Plans: []*plan.Plan{p}, AsOf: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return err
	}
	for id := range answers[0].Members.All() {
		fmt.Println(id)
	}
	return answers[0].Err
}
