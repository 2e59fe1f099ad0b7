package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
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
	`items(60d where product in ("3", "05", "-1", "70000", "300", "2", "-254"))`,
	`not items(200d where product in ("2", "5", "7", "8", "-9223372036854775808", "9223372036854775807"))`,
	`items(30d where product in ("1", "3", "9", "4294967299", "x")) and orders`,
	`not items(where product = "3") and orders`,
	`items(where product != "3") >= 2 and not items(where product = "5")`,
	`last(orders) not within 90d and sum(orders.total) >= 1000`,
	`orders and items(since last(orders)) = 0`,
	`items(90d) and orders(since last(items)) = 0`,
	`items(90d where product = "3") and orders(since last(items, 90d where product = "3")) = 0`,
	`orders(60d where total >= 20000) and items(since last(orders, 60d where total >= 20000)) = 0`,
	`orders(60d) and not items(since last(orders, 60d)) = 0`,
	`share(items, 365d where product = "2") >= 30%`,
	`orders(180d) between 2 and 3 and items(180d) >= 3 and points >= 300`,
	`orders(365d) >= 3 or items(10d)`,
	`avg(orders.total, 300d) >= 20000`,
	`country = "KR" and orders(200d)`,
	`points >= 0 and orders(30d)`,
	`points < 5000000000 and orders(where total < 5000000000 and total > 20000) >= 2`,
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
	`country = "KR" and points in top 100%`,
	`points in bottom 100%`,
	`points in top 0.0001%`,
	`points in top 12.345%`,
	`last(orders.total) in top 10%`,
	`country = "KR" and not sum(orders.total) in top 50% and items in top 25%`,
	`sum(all_orders.total, 1d where status = "returned") in top 10%`,
}

// stamps are how a host keeps when orders were placed: the mapping's word, the types of
// the columns of orders and of items, which carry it, and the smallest step that all of
// them can tell.
type stamps struct {
	word, orders, items string
	step                time.Duration
}

// numberHost is a shop that tells customers by integers, of several widths, and keeps
// numbers for words.
type numberHost struct {
	cat       *catalog.Catalog
	end       time.Time
	everybody []person
	customers []*eval.Customer // the same people
	stamps    stamps
}

func newNumberHost(t *testing.T, kept stamps) *numberHost {
	n := &numberHost{cat: catalog.Shop(), end: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), stamps: kept}
	s, err := memstore.New(n.cat, memstore.Options{})
	require.NoError(t, err)
	n.everybody = people(n.end)
	for i := range n.everybody {
		p := &n.everybody[i]
		if p.id%13 == 0 {
			p.country = "7" // a number without a word
		}
		if kept.step < time.Second {
			for k := range p.orders {
				o := &p.orders[k]
				o.placed = o.placed.Add(time.Duration(o.id%1000) * kept.step)
			}
		}
		changes := p.changes()
		changes[0].Fields["points"] = catalog.NumberValue(int64(p.points))
		if p.country != "" {
			changes[0].Fields["country"] = catalog.StringValue(p.country)
		}
		require.NoError(t, s.Apply(t.Context(), changes...))
	}
	require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
		n.customers = append(n.customers, c)
		return nil
	}))
	return n
}

// fill makes the tables. Columns whose names begin with c may be missing.
func (n *numberHost) fill(h *host) {
	h.create("n_customers", "`id` Int32", "`joined` Int64", "`points` UInt16", "`ccountry` Int8")
	h.create("n_orders", "`id` Int64", "`cowner` UInt32", "`placed` "+n.stamps.orders, "`cstatus` Int8", "`total` Int32")
	h.create("n_items", "`id` UInt32", "`owner` Int64", "`parent` Int16", "`placed` "+n.stamps.items, "`status` Int16", "`product` Int8")
	countries := map[string]any{"KR": 1, "JP": 2, "7": 7}
	statuses := map[string]int{"placed": 0, "paid": 1, "confirmed": 5, "cancelled": 6}
	at := func(placed time.Time) any {
		if n.stamps.word == "epoch" {
			return placed.Unix()
		}
		return placed
	}
	orders := [][]any{{1_000_000, nil, at(n.end.Add(-time.Second)), 5, 9_999_999}} // of nobody
	var rows, items [][]any
	for _, p := range n.everybody {
		rows = append(rows, []any{p.id, p.joined.Unix(), p.points, countries[p.country]})
		for _, o := range p.orders {
			orders = append(orders, []any{o.id, p.id, at(o.placed), statuses[o.status], o.total})
			for _, l := range o.lines {
				items = append(items, []any{l.id, p.id, o.id, at(o.placed), statuses[o.status], l.product})
			}
		}
	}
	h.e.click.insert(h, "n_customers", rows)
	h.e.click.insert(h, "n_orders", orders)
	h.e.click.insert(h, "n_items", items)
}

func (n *numberHost) open(h *host, owned bool) *sqlstore.Mapped {
	at := sqlstore.ColumnMap{Column: "placed", Time: n.stamps.word}
	status := func(column string) sqlstore.ColumnMap {
		return sqlstore.ColumnMap{Column: column, Values: map[string]string{"0": "placed", "1": "paid", "5": "confirmed", "6": "cancelled", "-7": "returned"}}
	}
	m, err := sqlstore.OpenMapped(h.t.Context(), h.db, h.e.dialect, n.cat, sqlstore.Mapping{
		Customers: sqlstore.TableMap{Table: "n_customers", Key: "id", Columns: map[string]sqlstore.ColumnMap{
			"joined": {Column: "joined", Time: "epoch"}, "points": {Column: "points"},
			"country": {Column: "ccountry", Values: map[string]string{"1": "KR", "2": "JP"}},
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
	require.NoError(h.t, err)
	return m
}

func (n *numberHost) world(asOf time.Time) *rulegen.World {
	return &rulegen.World{Catalog: n.cat, AsOf: asOf, Zone: time.UTC, Customers: n.customers}
}

func (n *numberHost) plans(t *testing.T, texts []string) (plans []*plan.Plan) {
	c, err := compile.New(n.cat)
	require.NoError(t, err)
	for _, rule := range texts {
		p, ds := c.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
		plans = append(plans, p)
	}
	return plans
}

var inSeconds = stamps{"epoch", "UInt32", "Int64", time.Second}

// Statements compare ids, and numbers that stand for words, as they are.
func TestNumbersForIDsAndWordsOnClickHouse(t *testing.T) {
	n := newNumberHost(t, inSeconds)
	plans := n.plans(t, numberRules)
	for _, e := range clickHouses() {
		if e.click.seconds {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t: t, e: e, db: e.start(t), memory: true}
			n.fill(h)
			defer h.drop()
			for _, way := range []struct {
				owned bool
				asOf  time.Time
			}{{true, n.end}, {true, n.end.AddDate(0, 0, -200)}, {false, n.end}} { // many have not joined at the second
				m, w := n.open(h, way.owned), n.world(way.asOf)
				together, err := m.Select(t.Context(), store.Query{Plans: plans, AsOf: w.AsOf, Zone: w.Zone})
				require.NoError(t, err)
				for i := range plans {
					agree(t, m, w, plans[i:i+1], numberRules[i:i+1], map[string]int{})
					alone, err := m.Select(t.Context(), store.Query{Plans: plans[i : i+1], AsOf: w.AsOf, Zone: w.Zone})
					require.NoError(t, err)
					require.Equal(t, alone[0].Cuts, together[i].Cuts, numberRules[i])
				}
				agree(t, m, w, plans, numberRules, map[string]int{})
			}
		})
	}
}

// The moment of their order that items carry is read as the type of their column says,
// with all its digits.
func TestCarriedMomentsOnClickHouse(t *testing.T) {
	ways := map[string][]stamps{
		"ClickHouse": {{"timestamptz", "DateTime", "DateTime", time.Second}},
		"ClickHouse in process": {
			{"timestamptz", "DateTime64(6)", "DateTime64(6)", time.Microsecond},
			{"timestamptz", "DateTime64(9)", "Nullable(DateTime64(3))", time.Millisecond},
		},
	}
	var texts []string
	for _, rule := range append(numberRules, `items(100d ago .. 40d ago where product != "3") >= 2`, `active_months(items, 365d) >= 2`) {
		if strings.Contains(rule, "items") {
			texts = append(texts, rule)
		}
	}
	for _, e := range clickHouses() {
		if ways[e.name] == nil {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			for _, way := range ways[e.name] {
				n := newNumberHost(t, way)
				h := &host{t: t, e: e, db: db, memory: true}
				n.fill(h)
				m, w, plans, unsupported := n.open(h, true), n.world(n.end), n.plans(t, texts), map[string]int{}
				for i := range plans {
					agree(t, m, w, plans[i:i+1], texts[i:i+1], unsupported)
				}
				agree(t, m, w, plans, texts, unsupported)
				require.Empty(t, unsupported)
				h.drop()
			}
		})
	}
}

// Hundreds of rules are a few statements, none of which outgrows what a server takes of
// its own accord or when told.
func TestHundredsOfRulesOnClickHouse(t *testing.T) {
	n := newNumberHost(t, inSeconds)
	var texts []string
	for i := range 320 {
		days := 20 + i
		texts = append(texts, []string{
			fmt.Sprintf(`joined within %dd and not orders(%dd)`, days, days/2),
			fmt.Sprintf(`orders(%dd where status = "confirmed" and total >= %d) >= 2`, days, 100*days),
			fmt.Sprintf(`sum(orders.total, %dd) >= %d and points between %d and 900`, days, 300*days, i),
			fmt.Sprintf(`last(orders) not within %dd and country in ("KR", "7", "x%d")`, days, i),
			fmt.Sprintf(`items(%dd where product in ("%d", "%d", "%d")) or points >= %d`, days, i%9, i%7, i, 600+i),
			fmt.Sprintf(`share(items, %dd where product = "%d") >= 20%%`, days, i%9),
			fmt.Sprintf(`items(%dd) and orders(since last(items, %dd)) = 0`, days, days),
			fmt.Sprintf(`country = "JP" and orders(%dd) between 1 and 3 and not items(%dd where product = "%d")`, days, days, i%9),
		}[i%8])
	}
	plans := n.plans(t, texts)
	for _, e := range clickHouses() {
		if e.click.again {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t: t, e: e, db: e.start(t), memory: true}
			n.fill(h)
			defer h.drop()
			agree(t, n.open(h, true), n.world(n.end), plans, texts, map[string]int{})
		})
	}
}
