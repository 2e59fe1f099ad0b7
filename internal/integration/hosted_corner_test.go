package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl"
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

// corner is a small shop in which engines are known to differ, and rules with the
// customers that each selects.
type corner struct {
	name    string
	asOf    string // in zone. Defaults to 2026-03-10 00:00:00
	zone    string // Defaults to UTC
	changes []store.Change
	want    map[string]string // members by rule, with a space between
}

type values = map[string]catalog.Value

var (
	word   = catalog.StringValue
	amount = catalog.NumberValue
)

func moment(text string) catalog.Value {
	t, err := time.Parse("2006-01-02T15:04:05.999999Z07:00", text)
	if err != nil {
		panic(err)
	}
	return catalog.TimeValue(t)
}

func someone(id dangol.CustomerID, fields values) store.Change {
	return store.Change{Customer: id, Fields: fields}
}

func ordered(id dangol.CustomerID, key, placed string, total int64) store.Change {
	return store.Change{Customer: id, Kind: "all_orders", Key: key, Fields: values{"placed": moment(placed), "total": amount(total), "status": word("confirmed")}}
}

// named are customers whose names are the words, in order: a, b, c and so on.
func named(words ...string) []store.Change {
	var out []store.Change
	for i, w := range words {
		out = append(out, someone(dangol.CustomerID('a'+rune(i)), values{"name": word(w)}))
	}
	return out
}

func corners() []corner {
	return []corner{
		{
			name:    "case and accents are told apart",
			changes: named("Kim", "kim", "KIM", "é", "e", "É", "서울"),
			want: map[string]string{
				`name = "kim"`: "b", `name in ("KIM", "Kim")`: "a c", `name = "e"`: "e", `name != "é"`: "a b c e f g",
				`name starts with "K"`: "a c", `name contains "i"`: "a b", `name ends with "m"`: "a b", `name = "서울"`: "g", `name starts with "서"`: "g",
			},
		},
		{
			name:    "trailing spaces count",
			changes: named("A", "A ", "A  ", " A"),
			want:    map[string]string{`name = "A"`: "a", `name = "A "`: "b", `name in ("A ", "A  ")`: "b c", `name ends with " "`: "b c", `name not in ("A")`: "b c d"},
		},
		{
			name:    "empty is not missing",
			changes: append(named("", " ", "x"), someone("z", nil)),
			want:    map[string]string{`name = ""`: "a", `name is known`: "a b c", `name is not known`: "z", `name != ""`: "b c z", `name starts with ""`: "a b c"},
		},
		{
			name:    "signs that databases read as patterns",
			changes: named("100%", "100", "a_b", "axb", `back\slash`, "it's", `"quoted"`),
			want: map[string]string{
				`name contains "%"`: "a", `name contains "_"`: "c", `name ends with "0%"`: "a", `name contains "\\"`: "e", `name = "it's"`: "f",
				`name starts with "\""`: "g", `name in ("a_b", "back\\slash")`: "c e",
			},
		},
		{
			name: "microseconds about the ends of a window",
			changes: []store.Change{
				someone("a", nil), someone("b", nil), someone("c", nil), someone("d", nil), someone("e", nil),
				ordered("a", "1", "2026-03-03T00:00:00Z", 1), ordered("b", "2", "2026-03-02T23:59:59.999999Z", 1),
				ordered("c", "3", "2026-03-09T23:59:59.999999Z", 1), ordered("d", "4", "2026-03-10T00:00:00Z", 1), ordered("e", "5", "2026-03-03T00:00:00.000001Z", 1),
			},
			want: map[string]string{`orders(7d)`: "a c e", `orders(1d)`: "c", `orders`: "a b c e", `last(orders) before 2026-03-03`: "b", `first(orders) on 2026-03-03`: "a e"},
		},
		{
			name: "an hour that is skipped", zone: "America/New_York", asOf: "2026-03-09 00:00:00",
			changes: []store.Change{
				someone("a", nil), someone("b", nil), someone("c", nil),
				ordered("a", "1", "2026-03-08T06:59:59Z", 1), // 01:59:59, before the gap
				ordered("b", "2", "2026-03-08T07:00:00Z", 1), // 03:00:00, after it
				ordered("c", "3", "2026-03-08T04:59:59Z", 1), // the evening before
			},
			want: map[string]string{`orders(1d)`: "a b", `active_days(orders, 7d) = 1`: "a b c", `orders(2026-03-08 .. 2026-03-08)`: "a b", `orders(22h)`: "a b", `orders(21h)`: "b"},
		},
		{
			name: "an hour that comes twice", zone: "America/New_York", asOf: "2026-11-02 01:30:00",
			changes: []store.Change{
				someone("a", nil), someone("b", nil), someone("c", nil),
				ordered("a", "1", "2026-11-01T05:30:00Z", 1), // 01:30 the first time
				ordered("b", "2", "2026-11-01T06:30:00Z", 1), // 01:30 the second time
				ordered("c", "3", "2026-11-01T05:29:59.999999Z", 1),
			},
			want: map[string]string{`orders(1d)`: "a b", `orders(24h)`: "b", `orders(yesterday)`: "a b c", `active_days(orders) = 1`: "a b c"},
		},
		{
			name: "the ends of months", asOf: "2026-03-31 00:00:00",
			changes: []store.Change{
				someone("a", values{"birthday": catalog.DateValue(day("2004-02-29"))}), someone("b", values{"birthday": catalog.DateValue(day("2004-02-28"))}),
				someone("c", values{"birthday": catalog.DateValue(day("2004-03-01"))}),
				ordered("a", "1", "2026-03-01T00:00:00Z", 1), ordered("b", "2", "2026-02-28T23:59:59Z", 1),
			},
			want: map[string]string{
				`orders(1mo)`: "a", `orders(last month)`: "b", `orders(this month)`: "a", `active_months(orders) = 1`: "a b",
				`anniversary(birthday) within 2026-03-01 .. 2026-03-01`: "a c", `anniversary(birthday) within this month`: "a c", `anniversary(birthday) within last month`: "b",
			},
		},
		{
			name: "decimals and sums of them are exact",
			changes: []store.Change{
				someone("a", nil), someone("b", nil), someone("c", values{"store_credit": amount(29)}),
				ordered("a", "1", "2026-03-01T00:00:00Z", 10), ordered("a", "2", "2026-03-01T00:00:00Z", 20), // 0.10 and 0.20
				ordered("b", "3", "2026-03-01T00:00:00Z", 29), ordered("b", "4", "2026-03-01T00:00:00Z", 1),
			},
			want: map[string]string{
				`sum(orders.total) = 0.30`: "a b", `sum(orders.total) > 0.30`: "", `avg(orders.total) = 0.15`: "a b", `orders(where total = 0.29)`: "b",
				`store_credit = 0.29`: "c", `max(orders.total) = 0.2`: "a", `distinct(orders.total) = 2`: "a b",
			},
		},
		{
			name: "sums as big as the catalog allows",
			changes: func() []store.Change {
				out := []store.Change{someone("a", nil), someone("b", nil)}
				for i := range 500 {
					out = append(out, ordered("a", fmt.Sprint("a", i), "2026-03-01T00:00:00Z", 10_000_000_000), ordered("b", fmt.Sprint("b", i), "2026-03-01T00:00:00Z", 10_000_000_000-int64(i/499)))
				}
				return out
			}(),
			want: map[string]string{
				`sum(orders.total) = 50_000_000_000`: "a", `sum(orders.total) >= 49_999_999_999.99`: "a b", `avg(orders.total) = 100_000_000`: "a",
				`2 * sum(orders.total) < 100_000_000_000`: "b", `sum(orders.total) in top 1`: "a", `-3 * sum(orders.total) > -150_000_000_000`: "b",
			},
		},
		{
			name: "ties at a rank's cut are in",
			changes: []store.Change{
				someone("a", nil), someone("b", nil), someone("c", nil), someone("d", nil), someone("none", nil),
				ordered("a", "1", "2026-03-01T00:00:00Z", 500), ordered("b", "2", "2026-03-01T00:00:00Z", 300), ordered("c", "3", "2026-03-01T00:00:00Z", 300), ordered("d", "4", "2026-03-01T00:00:00Z", 100),
			},
			want: map[string]string{
				`sum(orders.total) in top 2`: "a b c", `sum(orders.total) in top 50%`: "a b c", `sum(orders.total) in bottom 1`: "d", `sum(orders.total) in bottom 2`: "b c d",
				`sum(orders.total) in top 100%`: "a b c d", `sum(orders.total) not in top 1`: "b c d none", `orders in top 1`: "a b c d", `sum(orders.total) in top 0.01%`: "a",
			},
		},
		{
			name:    "three-valued logic does not leak",
			changes: []store.Change{someone("a", values{"points": amount(1), "country": word("KR")}), someone("b", nil)},
			want: map[string]string{
				`points > 0`: "a", `not points > 0`: "b", `points != 1`: "b", `points not in (2, 3)`: "a b", `not (points > 0 and country = "KR")`: "b",
				`not (points > 5 or country = "JP")`: "a b", `points = points`: "a", `orders = 0`: "a b", `not last(orders) within 7d`: "a b", `country not in ("JP")`: "a b",
			},
		},
	}
}

func day(text string) int64 {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t.Unix() / 86400
}

// world is the corner as the random worlds are.
func (c corner) world(t *testing.T, cat *catalog.Catalog) *rulegen.World {
	t.Helper()
	zone, err := time.LoadLocation(c.zone)
	require.NoError(t, err)
	if c.asOf == "" {
		c.asOf = "2026-03-10 00:00:00"
	}
	asOf, err := time.ParseInLocation(time.DateTime, c.asOf, zone)
	require.NoError(t, err)
	s, err := memstore.New(cat, memstore.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), c.changes...))
	w := &rulegen.World{Catalog: cat, AsOf: asOf, Zone: zone}
	require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
		w.Customers = append(w.Customers, c)
		return nil
	}))
	return w
}

// Where engines are known to differ they answer as eval does, in every way that the
// values can be kept: as columns of several types and collations, in JSON, in pairs,
// under the host's own words.
func TestHostTablesInTheCorners(t *testing.T) {
	cat := catalog.ShopIn("USD")
	rules, err := compile.New(cat)
	require.NoError(t, err)
	for _, e := range engines() {
		if e.click != nil && e.click.again {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			e.prepare(t, db)
			for i, c := range corners() {
				t.Run(c.name, func(t *testing.T) {
					w := c.world(t, cat)
					var plans []*plan.Plan
					var texts []string
					for rule := range c.want {
						p, ds := rules.Text(rule, compile.Options{})
						require.False(t, ds.HasErrors(), "%s: %v", rule, ds)
						plans, texts = append(plans, p), append(texts, rule)
						var ids []string
						for _, id := range members(t, w, p) {
							ids = append(ids, string(id))
						}
						require.Equal(t, c.want[rule], strings.Join(ids, " "), "eval itself: %s", rule)
					}
					for way := range 3 {
						h := &host{n: 11 * way, only: []string{"all_orders"}}
						h.build(t, e, db, w, fmt.Sprintf("c%d_%d_", i, way))
						s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, cat, h.mapping, sqlstore.MappedOptions{})
						require.NoError(t, err)
						require.True(t, agree(t, s, w, plans, texts, map[string]int{}), "way %d", way)
						h.drop()
					}
				})
			}
		})
	}
}

// Lists of ten thousand values are one rule like another, also several beside each
// other: engines take 32,766, 65,535 and 16 MB of arguments.
func TestHostTablesWithLongLists(t *testing.T) {
	cat := catalog.ShopIn("USD")
	rules, err := compile.New(cat)
	require.NoError(t, err)
	list := func(prefix string, more ...string) string {
		var b strings.Builder
		for i := range 10_000 - len(more) {
			fmt.Fprintf(&b, "%q, ", fmt.Sprint(prefix, i))
		}
		for i, m := range more {
			more[i] = fmt.Sprintf("%q", m)
		}
		return "(" + b.String() + strings.Join(more, ", ") + ")"
	}
	numbers := "(" + strings.Repeat("7, ", 9_999) + "5)"
	var texts []string
	for range 4 {
		for i := range 2 {
			texts = append(texts, fmt.Sprintf(`name in %s`, list(fmt.Sprint("x", len(texts)), "Kim", "it's")),
				fmt.Sprintf(`orders(where coupon not in %s)`, list(fmt.Sprint("c", i, len(texts)), "A")))
		}
	}
	texts = append(texts, `points in `+numbers, `tags contains any `+list("t", "vip"), `not in group "VIP"`)
	c := corner{changes: append(named("Kim", "kim", "it's"),
		someone("d", values{"points": amount(5), "tags": catalog.SetValue("vip", "z")}),
		store.Change{Customer: "d", Kind: "all_orders", Key: "1", Fields: values{"placed": moment("2026-03-01T00:00:00Z"), "coupon": word("A")}},
		store.Change{Customer: "b", Kind: "all_orders", Key: "2", Fields: values{"placed": moment("2026-03-01T00:00:00Z"), "coupon": word("B")}},
	)}
	w := c.world(t, cat)
	w.Groups = rulegen.Groups{"VIP": {"a": true}}
	for i := range 10_000 {
		w.Groups["VIP"][dangol.CustomerID(fmt.Sprintf("someone else's \\ \" id %d", i))] = true
	}
	var plans []*plan.Plan
	for _, text := range texts {
		r, err := dsl.Parse(text, dsl.WithLimits(dsl.Limits{ListItems: 10_000, Nodes: 100_000, Bytes: 1 << 20}))
		require.NoError(t, err)
		p, ds := rules.Compile(r, compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		plans = append(plans, p)
	}
	require.Equal(t, []dangol.CustomerID{"a", "c"}, members(t, w, plans[0]))
	for _, e := range engines() {
		if e.click != nil && e.click.again {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			e.prepare(t, db)
			h := &host{only: []string{"all_orders"}}
			h.build(t, e, db, w, "long_")
			s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, cat, h.mapping, sqlstore.MappedOptions{})
			require.NoError(t, err)
			for i, p := range plans {
				require.True(t, agree(t, s, w, []*plan.Plan{p}, []string{texts[i][:12]}, map[string]int{}))
			}
			unsupported := map[string]int{}
			require.True(t, agree(t, s, w, plans, slices.Repeat([]string{"a long list"}, len(plans)), unsupported))
			require.Empty(t, unsupported)
		})
	}
}
