// Quickstart: one rule, one store, one result.
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
	"github.com/dangol-dev/dangol/store/memstore"
)

func main() {
	ctx := context.Background()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	shop := catalog.Shop()

	// One store: two customers who joined this week, one of whom has ordered.
	customers, err := memstore.New(shop, memstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	day := func(n int) catalog.Value { return catalog.TimeValue(now.AddDate(0, 0, n)) }
	err = customers.Apply(ctx,
		store.Change{Customer: "kim", Fields: map[string]catalog.Value{"joined": day(-3)}},
		store.Change{Customer: "lee", Fields: map[string]catalog.Value{"joined": day(-5)}},
		store.Change{Customer: "lee", Kind: "all_orders", Key: "o-1",
			Fields: map[string]catalog.Value{"placed": day(-4), "total": catalog.NumberValue(52_000)}},
	)
	if err != nil {
		log.Fatal(err)
	}

	// One rule, as a marketer writes it.
	rules, err := compile.New(shop)
	if err != nil {
		log.Fatal(err)
	}
	newcomers, diagnostics := rules.Text(`joined within 7d and not orders(7d) >= 1`, compile.Options{})
	if diagnostics.HasErrors() {
		log.Fatal(diagnostics)
	}

	// One result.
	answers, err := customers.Select(ctx, store.Query{Plans: []*plan.Plan{newcomers}, AsOf: now})
	if err != nil {
		log.Fatal(err)
	}
	for id := range answers[0].Members.All() {
		fmt.Println(id)
	}
}
