package integration_test

import (
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// numberRules meet every form of statement that a ClickHouse gets: one list, several,
// none, values of two tables, ranks with ties at their cut and of every size.
var numberRules = []string{
	`orders(90d where status = "confirmed" and total >= 10000) >= 2`,
	`orders(where status in ("placed", "paid"))`,
	`all_orders(where status = "cancelled") >= 1`,
	`joined within 100d and not orders(60d) >= 1`,
	`items(where product in ("3", "05", "-1", "70000", "300", "99999999999999999999", ""))`,
	`items(where product in ("05", "x"))`,
	`not items(where product = "3") and orders`,
	`items(where product != "3") >= 2 and not items(where product = "5")`,
	`last(orders) not within 90d and sum(orders.total) >= 1000`,
	`orders and items(since last(orders)) = 0`,
	`items(90d) and orders(since last(items)) = 0`,
	`share(items, 365d where product = "2") >= 30%`,
	`orders(180d) between 2 and 3 and items(180d) >= 3 and points >= 300`,
	`orders(365d) >= 3 or items(10d)`,
	`avg(orders.total, 300d) >= 20000`,
	`country = "KR" and orders(200d)`,
	`country in ("JP", "7", "300")`,
	`not country = "KR" and not orders`,
	`country is known and max(orders.total) - min(orders.total) > 100`,
	`orders = 0`,
	`joined within 1000d`,
	`sum(orders.total, 200d where status = "confirmed") in top 5%`,
	`sum(orders.total, 200d) in bottom 5%`,
	`orders(365d) in top 20%`,
	`orders(365d) in bottom 33.33%`,
	`orders in top 7`,
	`max(orders.total) in top 0.01%`,
	`min(orders.total) in bottom 99.99%`,
	`points in top 100%`,
	`points in bottom 100%`,
	`points in top 0.0001%`,
	`points in top 12.345%`,
	`last(orders.total) in top 10%`,
	`country = "KR" and not sum(orders.total) in top 50% and items in top 25%`,
	`sum(all_orders.total, 1d where status = "returned") in top 10%`,
}

// Many hosts tell customers by integers, of several widths, and keep numbers for words.
// Statements compare them as they are.
func TestNumbersForIDsAndWordsOnClickHouse(t *testing.T) {
	cat := catalog.Shop()
	rules, err := compile.New(cat)
	require.NoError(t, err)
	var plans []*plan.Plan
	for _, rule := range numberRules {
		p, ds := rules.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
		plans = append(plans, p)
	}
	end := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	everybody := people(end)
	countries := map[string]string{"1": "KR", "2": "JP"}
	codes := map[string]any{"KR": 1, "JP": 2, "7": 7}
	words := map[string]string{"0": "placed", "1": "paid", "5": "confirmed", "6": "cancelled", "-7": "returned"}
	statuses := map[string]int{"placed": 0, "paid": 1, "confirmed": 5, "cancelled": 6}
	s, err := memstore.New(cat, memstore.Options{})
	require.NoError(t, err)
	for i := range everybody {
		p := &everybody[i]
		if p.id%13 == 0 {
			p.country = "7" // a number without a word
		}
		changes := p.changes()
		changes[0].Fields["points"] = catalog.NumberValue(int64(p.points))
		if p.country != "" {
			changes[0].Fields["country"] = catalog.StringValue(p.country)
		}
		require.NoError(t, s.Apply(t.Context(), changes...))
	}
	var customers []*eval.Customer
	require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
		customers = append(customers, c)
		return nil
	}))
	for _, e := range clickHouses() {
		if e.click.seconds {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t: t, e: e, db: e.start(t), memory: true}
			// Columns whose names begin with c may be missing.
			h.create("n_customers", "`id` Int32", "`joined` Int64", "`points` UInt16", "`ccountry` Int8")
			h.create("n_orders", "`id` Int64", "`cowner` UInt32", "`placed` UInt32", "`cstatus` Int8", "`total` Int32")
			h.create("n_items", "`id` UInt32", "`owner` Int64", "`parent` Int16", "`placed` Int64", "`status` Int16", "`product` Int8")
			defer h.drop()
			var rows, orders, items [][]any
			for _, p := range everybody {
				var country any
				if p.country != "" {
					country = codes[p.country]
				}
				rows = append(rows, []any{p.id, p.joined.Unix(), p.points, country})
				for _, o := range p.orders {
					orders = append(orders, []any{o.id, p.id, o.placed.Unix(), statuses[o.status], o.total})
					for _, l := range o.lines {
						items = append(items, []any{l.id, p.id, o.id, o.placed.Unix(), statuses[o.status], l.product})
					}
				}
			}
			orders = append(orders, []any{1_000_000, nil, end.Unix() - 1, 5, 9_999_999}) // of nobody
			h.e.click.insert(h, "n_customers", rows)
			h.e.click.insert(h, "n_orders", orders)
			h.e.click.insert(h, "n_items", items)
			for _, owned := range []bool{true, false} {
				status := func(column string) sqlstore.ColumnMap { return sqlstore.ColumnMap{Column: column, Values: words} }
				at := sqlstore.ColumnMap{Column: "placed", Time: "epoch"}
				m, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, cat, sqlstore.Mapping{
					Customers: sqlstore.TableMap{Table: "n_customers", Key: "id", Columns: map[string]sqlstore.ColumnMap{
						"joined": {Column: "joined", Time: "epoch"}, "points": {Column: "points"}, "country": {Column: "ccountry", Values: countries},
					}},
					Records: map[string]sqlstore.TableMap{
						"all_orders": {Table: "n_orders", Key: "id", Customer: "cowner", Owned: owned, Columns: map[string]sqlstore.ColumnMap{
							"placed": at, "status": status("cstatus"), "total": {Column: "total", Amount: "minor"},
						}},
						"items": {Table: "n_items", Key: "id", Customer: "owner", Parent: "parent", Owned: owned, Columns: map[string]sqlstore.ColumnMap{
							"order.placed": at, "order.status": status("status"), "product": {Column: "product"},
						}},
					},
				}, sqlstore.MappedOptions{})
				require.NoError(t, err)
				for _, asOf := range []time.Time{end, end.AddDate(0, 0, -200)} { // many have not joined at the second
					w := &rulegen.World{Catalog: cat, AsOf: asOf, Zone: time.UTC, Customers: customers}
					for i := range plans {
						agree(t, m, w, plans[i:i+1], numberRules[i:i+1], map[string]int{})
					}
					agree(t, m, w, plans, numberRules, map[string]int{})
				}
			}
		})
	}
}
