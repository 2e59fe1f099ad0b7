package integration_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// shopRules are twenty rules that a shop of any of the three schemas can ask.
var shopRules = []string{
	`joined within 7d and not orders(7d) >= 1`,
	`orders(90d where status = "confirmed" and total >= 300) >= 1`,
	`sum(orders.total, 365d where status = "confirmed") >= 1_000.50`,
	`last(orders) not within 90d and orders`,
	`items(180d where product in ("3", "4"))`,
	`sum(orders.total, 365d) in top 10%`,
	`share(items, 365d where product = "3") >= 30%`,
	`orders(since last(all_orders where status = "cancelled"))`,
	`all_orders(365d where status = "cancelled") >= 1`,
	`spent(365d) > 500 and refunded(365d) > 0`,
	`avg(orders.total, 365d) > 250.25`,
	`first(orders) within 60d`,
	`last(orders.total) >= 400`,
	`distinct(items.product, 365d) >= 3`,
	`active_months(orders, 365d) >= 3`,
	`email ends with "@example.com" and name starts with "Kim"`,
	`name contains "서" or name is not known`,
	`orders(60d ago .. 30d ago) and not orders(30d)`,
	`sum(items.amount, 365d) between 100 and 900`,
	`orders in bottom 25 and joined before 2026-06-01`,
}

// person is a customer of the generated shop, in no schema yet.
type person struct {
	id             int
	joined         time.Time
	first, last    string
	email, country string
	points         int
	orders         []purchase
}

type purchase struct {
	id       int
	placed   time.Time
	status   string // the catalog's word
	total    int64  // cents
	refunded int64
	lines    []line
}

type line struct {
	id, product, quantity int
	price                 int64
}

func people(asOf time.Time) []person {
	r := rand.New(rand.NewPCG(7, 7))
	statuses := []string{"placed", "paid", "confirmed", "confirmed", "confirmed", "cancelled"}
	var out []person
	orders, lines := 0, 0
	for id := 1; id <= 300; id++ {
		p := person{
			id: id, joined: asOf.Add(-time.Duration(r.IntN(400*86400)) * time.Second),
			first: []string{"Kim", "Lee", "서준", "Park", ""}[r.IntN(5)], last: []string{"Minsu", "Jiwoo", ""}[r.IntN(3)],
			email:   fmt.Sprintf("User%d@%s", id, []string{"example.com", "EXAMPLE.com", "corp.com"}[r.IntN(3)]),
			country: []string{"KR", "JP", ""}[r.IntN(3)], points: r.IntN(1000),
		}
		if id%10 == 0 {
			p.joined = asOf.AddDate(0, 0, -7) // on the boundary
		}
		for range r.IntN(6) {
			orders++
			o := purchase{id: orders, placed: p.joined.Add(time.Duration(r.IntN(200*86400)) * time.Second), status: statuses[r.IntN(len(statuses))]}
			for range 1 + r.IntN(3) {
				lines++
				l := line{lines, 1 + r.IntN(8), 1 + r.IntN(3), int64(1 + r.IntN(20_000))}
				o.lines = append(o.lines, l)
				o.total += l.price * int64(l.quantity)
			}
			if r.IntN(5) == 0 {
				o.refunded = o.total / 2
			}
			p.orders = append(p.orders, o)
		}
		out = append(out, p)
	}
	return out
}

// changes are the same people for a store in memory.
func (p person) changes() []store.Change {
	id := dangol.CustomerID(fmt.Sprint(p.id))
	fields := map[string]catalog.Value{
		"joined": catalog.TimeValue(p.joined), "email": catalog.StringValue(p.email),
	}
	if name := strings.Join(slices.DeleteFunc([]string{p.first, p.last}, func(s string) bool { return s == "" }), " "); name != "" {
		fields["name"] = catalog.StringValue(name)
	}
	out := []store.Change{{Customer: id, Fields: fields}}
	for _, o := range p.orders {
		row := map[string]catalog.Value{
			"placed": catalog.TimeValue(o.placed), "status": catalog.StringValue(o.status), "total": catalog.NumberValue(o.total),
		}
		if o.refunded > 0 {
			row["refunded"] = catalog.NumberValue(o.refunded)
		}
		out = append(out, store.Change{Customer: id, Kind: "all_orders", Key: fmt.Sprint(o.id), Fields: row})
		for _, l := range o.lines {
			out = append(out, store.Change{Customer: id, Kind: "items", Key: fmt.Sprint(l.id), Parent: fmt.Sprint(o.id), Fields: map[string]catalog.Value{
				"product": catalog.StringValue(fmt.Sprint(l.product)), "quantity": catalog.NumberValue(int64(l.quantity)),
				"amount": catalog.NumberValue(l.price * int64(l.quantity)),
			}})
		}
	}
	return out
}

func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

// schemas are the three shops, and how their tables are filled.
var schemas = []struct {
	name    string
	dialect sqlstore.Dialect
	start   func(testing.TB) *servers.Server
	fill    func(exec func(string, ...any), p person)
}{
	{"medusa", sqlstore.Postgres, servers.Postgres, fillMedusa},
	{"woocommerce", sqlstore.MySQL, servers.MariaDB, fillWooCommerce},
	{"magento", sqlstore.MySQL, servers.MariaDB, fillMagento},
}

func fillMedusa(exec func(string, ...any), p person) {
	exec("INSERT INTO customer (id, first_name, last_name, email, has_account, metadata, created_at) VALUES (?, NULLIF(?, ''), NULLIF(?, ''), ?, true, CAST(? AS jsonb), ?)",
		fmt.Sprint(p.id), p.first, p.last, p.email, fmt.Sprintf(`{"points": %d, "newsletter": true}`, p.points), p.joined)
	for _, o := range p.orders {
		status := map[string]string{"placed": "pending", "paid": "requires_action", "confirmed": "completed", "cancelled": "canceled"}[o.status]
		exec(`INSERT INTO "order" (id, customer_id, status, currency_code, created_at) VALUES (?, ?, ?, 'usd', ?)`, fmt.Sprint(o.id), fmt.Sprint(p.id), status, o.placed)
		totals := fmt.Sprintf(`{"original_order_total": %s}`, cents(o.total))
		if o.refunded > 0 {
			totals = fmt.Sprintf(`{"original_order_total": %s, "refunded_total": %s}`, cents(o.total), cents(o.refunded))
		}
		exec("INSERT INTO order_summary (id, order_id, totals) VALUES (?, ?, CAST(? AS jsonb))", fmt.Sprint(o.id), fmt.Sprint(o.id), totals)
		for _, l := range o.lines {
			exec("INSERT INTO order_line_item (id, title, product_id, unit_price) VALUES (?, 'x', ?, CAST(? AS numeric))", fmt.Sprint(l.id), fmt.Sprint(l.product), cents(l.price))
			exec("INSERT INTO order_item (id, order_id, version, item_id, quantity) VALUES (?, ?, 1, ?, ?)", fmt.Sprint(l.id), fmt.Sprint(o.id), fmt.Sprint(l.id), l.quantity)
		}
	}
}

func fillWooCommerce(exec func(string, ...any), p person) {
	name := strings.TrimSpace(p.first + " " + p.last)
	exec("INSERT INTO wp_users (ID, user_login, user_email, user_registered, display_name) VALUES (?, ?, ?, ?, ?)", p.id, p.email, p.email, p.joined, name)
	exec("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, 'shipping_country', ?), (?, 'points', ?)", p.id, p.country, p.id, p.points)
	for _, o := range p.orders {
		status := map[string]string{"placed": "wc-on-hold", "paid": "wc-processing", "confirmed": "wc-completed", "cancelled": "wc-cancelled"}[o.status]
		exec("INSERT INTO wp_wc_orders (id, status, currency, type, total_amount, customer_id, date_created_gmt, parent_order_id) VALUES (?, ?, 'USD', 'shop_order', ?, ?, ?, 0)", o.id, status, cents(o.total), p.id, o.placed)
		if o.refunded > 0 {
			exec("INSERT INTO wp_wc_orders (id, status, currency, type, total_amount, customer_id, date_created_gmt, parent_order_id) VALUES (?, 'wc-completed', 'USD', 'shop_order_refund', ?, 0, ?, ?)", 1_000_000+o.id, "-"+cents(o.refunded), o.placed, o.id)
		}
		for _, l := range o.lines {
			exec("INSERT INTO wp_woocommerce_order_items (order_item_id, order_item_name, order_item_type, order_id) VALUES (?, 'x', 'line_item', ?)", l.id, o.id)
			exec("INSERT INTO wp_woocommerce_order_itemmeta (order_item_id, meta_key, meta_value) VALUES (?, '_product_id', ?), (?, '_qty', ?), (?, '_line_total', ?)",
				l.id, l.product, l.id, l.quantity, l.id, cents(l.price*int64(l.quantity)))
		}
	}
}

func fillMagento(exec func(string, ...any), p person) {
	exec("INSERT INTO customer_entity (entity_id, email, created_at, firstname, lastname) VALUES (?, ?, ?, NULLIF(?, ''), NULLIF(?, ''))", p.id, p.email, p.joined, p.first, p.last)
	for _, o := range p.orders {
		state := map[string]string{"placed": "new", "paid": "processing", "confirmed": "complete", "cancelled": "canceled"}[o.status]
		var refunded any
		if o.refunded > 0 {
			refunded = cents(o.refunded)
		}
		exec("INSERT INTO sales_order (entity_id, state, status, customer_id, grand_total, total_refunded, created_at) VALUES (?, ?, 'x', ?, ?, ?, ?)", o.id, state, p.id, cents(o.total), refunded, o.placed)
		for _, l := range o.lines {
			exec("INSERT INTO sales_order_item (item_id, order_id, product_id, qty_ordered, price, row_total) VALUES (?, ?, ?, ?, ?, ?)", l.id, o.id, l.product, l.quantity, cents(l.price), cents(l.price*int64(l.quantity)))
		}
	}
}

// The mappings of three open shops, in docs/mappings, answer as the same data in memory.
func TestOpenShops(t *testing.T) {
	seoul, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	asOf := time.Date(2026, 11, 21, 0, 0, 0, 0, seoul)
	cat := catalog.ShopIn("USD")
	everybody := people(asOf)
	memory, err := memstore.New(cat, memstore.Options{})
	require.NoError(t, err)
	for _, p := range everybody {
		require.NoError(t, memory.Apply(t.Context(), p.changes()...))
	}
	c, err := compile.New(cat)
	require.NoError(t, err)
	q := store.Query{AsOf: asOf, Zone: seoul}
	for _, rule := range shopRules {
		p, ds := c.Text(rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
		q.Plans = append(q.Plans, p)
	}
	want, err := memory.Select(t.Context(), q)
	require.NoError(t, err)
	for _, s := range schemas {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			db := s.start(t).Open(t)
			fillShop(t, db, s.dialect, s.name, s.fill, everybody)
			text, err := os.ReadFile("../../docs/mappings/" + s.name + ".yaml")
			require.NoError(t, err)
			m, err := sqlstore.ReadMapping(s.name+".yaml", text)
			require.NoError(t, err)
			hosted, err := sqlstore.OpenMapped(t.Context(), db, s.dialect, cat, m, sqlstore.MappedOptions{})
			require.NoError(t, err)
			got, err := hosted.Select(t.Context(), q)
			require.NoError(t, err)
			for i, rule := range shopRules {
				require.NoError(t, got[i].Err, rule)
				require.Equal(t, slices.Collect(want[i].Members.All()), slices.Collect(got[i].Members.All()), rule)
				one := q
				one.Plans = []*plan.Plan{q.Plans[i]}
				alone, err := hosted.Select(t.Context(), one)
				require.NoError(t, err)
				require.Equal(t, want[i].Members.Len(), alone[0].Members.Len(), rule)
			}
			empty := 0
			for i := range want {
				if n := want[i].Members.Len(); n == 0 || n == len(everybody) {
					empty++
				}
			}
			require.Less(t, empty, 3, "rules that select nobody or everybody show little")
			for entry, breakIt := range map[string]func(*sqlstore.Mapping){
				"customers.table": func(m *sqlstore.Mapping) { m.Customers.Table = "no_such" },
				"records.all_orders.columns.total": func(m *sqlstore.Mapping) {
					set(m, "all_orders", "total", sqlstore.ColumnMap{Column: "no_such", Amount: "decimal"})
				},
				"records.all_orders.columns.totl": func(m *sqlstore.Mapping) { set(m, "all_orders", "totl", sqlstore.ColumnMap{Column: "id"}) },
				"records.orders":                  func(m *sqlstore.Mapping) { m.Records["orders"] = m.Records["all_orders"] },
			} {
				m, err := sqlstore.ReadMapping(s.name+".yaml", text)
				require.NoError(t, err)
				breakIt(&m)
				_, err = sqlstore.OpenMapped(t.Context(), db, s.dialect, cat, m, sqlstore.MappedOptions{})
				var wrong *sqlstore.MappingError
				require.True(t, errors.As(err, &wrong), "%s: %v", entry, err)
				require.Equal(t, entry, wrong.Entry)
			}
		})
	}
}

func set(m *sqlstore.Mapping, kind, column string, c sqlstore.ColumnMap) {
	m.Records[kind].Columns[column] = c
}

func fillShop(t *testing.T, db *sql.DB, d sqlstore.Dialect, name string, fill func(func(string, ...any), person), everybody []person) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".sql")
	require.NoError(t, err)
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(statement) != "" {
			_, err := db.Exec(statement)
			require.NoError(t, err, statement)
		}
	}
	tx, err := db.Begin()
	require.NoError(t, err)
	defer tx.Rollback()
	for _, p := range everybody {
		p.joined = p.joined.UTC()
		p.orders = slices.Clone(p.orders)
		for i := range p.orders {
			p.orders[i].placed = p.orders[i].placed.UTC()
		}
		fill(func(query string, args ...any) {
			t.Helper()
			_, err := tx.Exec(d.Rebind(query), args...)
			require.NoError(t, err, query)
		}, p)
	}
	require.NoError(t, tx.Commit())
}
