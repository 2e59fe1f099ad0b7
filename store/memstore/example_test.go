package memstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// Two rules over one state of the data.
func Example() {
	ctx := context.Background()
	s, err := memstore.New(catalog.Shop(), memstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	day := func(d int) catalog.Value { return catalog.TimeValue(time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC)) }
	err = s.Apply(ctx,
		store.Change{Customer: "kim", Fields: map[string]catalog.Value{"joined": day(5)}},
		store.Change{Customer: "lee", Fields: map[string]catalog.Value{"joined": day(6)}},
		store.Change{Customer: "lee", Kind: "logins", Key: "1", Fields: map[string]catalog.Value{"at": day(7)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := compile.New(s.Catalog())
	if err != nil {
		fmt.Println(err)
		return
	}
	q := store.Query{AsOf: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)}
	for _, text := range []string{`joined within 7d`, `joined within 7d and not logins`} {
		p, found := rules.Text(text, compile.Options{Scope: plan.Members})
		if p == nil {
			fmt.Println(found)
			return
		}
		q.Plans = append(q.Plans, p)
	}
	answers, err := s.Select(ctx, q)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range answers {
		fmt.Println(a.Members.Len(), a.Exact)
	}
	// Output:
	// 2 true
	// 1 true
}
