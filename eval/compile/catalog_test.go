package compile_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
)

var (
	number  = catalog.Type{Sort: catalog.Number}
	instant = catalog.Type{Sort: catalog.Instant}
	str     = catalog.Type{Sort: catalog.String}
	truth   = catalog.Type{Sort: catalog.Bool}
)

// What is wrong with a text of the catalog is told by the name of what it belongs
// to, everything at once.
func TestCatalogTexts(t *testing.T) {
	for _, tc := range []struct {
		why    string
		change func(*catalog.Catalog)
		want   string
	}{
		{"a text that does not parse", func(c *catalog.Catalog) {
			c.Measures = append(c.Measures, catalog.Measure{Name: "lost", Text: "sum(orders.total"})
		}, "measure lost:1:4: unclosed: this \"(\" is never closed\n  sum(orders.total\n     ^\n  put \")\" at the end"},
		{"an unknown name", func(c *catalog.Catalog) {
			c.Conditions = append(c.Conditions, catalog.Condition{Name: "korean", Text: `contry = "KR"`})
		}, "condition korean:1:1: unknown-name: no attribute or record is called \"contry\"\n  contry = \"KR\"\n  ^^^^^^\n  did you mean country?"},
		{"a derived attribute of another type", func(c *catalog.Catalog) {
			c.Attributes = append(c.Attributes, catalog.Attribute{Name: "recent", Type: instant, Derived: "orders(7d)"})
		}, "attribute recent:1:1: wrong-type: the catalog declares a point in time, and this is a number\n  orders(7d)\n  ^^^^^^^^^^"},
		{"a derived attribute of another currency", func(c *catalog.Catalog) {
			c.Attributes = append(c.Attributes, catalog.Attribute{Name: "total", Type: catalog.Type{Sort: catalog.Money, Currency: "USD"}, Derived: "sum(orders.total)"})
		}, "attribute total:1:1: wrong-type: the catalog declares an amount in USD, and this is an amount in KRW\n  sum(orders.total)\n  ^^^^^^^^^^^^^^^^^"},
		{"a derived quotient", func(c *catalog.Catalog) {
			c.Attributes = append(c.Attributes, catalog.Attribute{Name: "mean", Type: catalog.Type{Sort: catalog.Money, Currency: "KRW"}, Derived: "avg(orders.total)"})
		}, "attribute mean:1:1: wrong-type: what is derived cannot be a quotient\n  avg(orders.total)\n  ^^^^^^^^^^^^^^^^^\n  declare a measure instead"},
		{"a measure that is a test", func(c *catalog.Catalog) {
			c.Measures = append(c.Measures, catalog.Measure{Name: "some", Text: "orders >= 1"})
		}, "measure some:1:1: not-a-value: here a value is needed, and orders >= 1 is a test\n  orders >= 1\n  ^^^^^^^^^^^\n  a test stands alone; its opposite is not (...)"},
		{"a measure without records", func(c *catalog.Catalog) {
			c.Measures = append(c.Measures, catalog.Measure{Name: "some", Text: "points * 2"})
		}, "measure some:1:1: wrong-type: a measure is about records, and this reads none\n  points * 2\n  ^^^^^^^^^^"},
		{"a view that filters by what its records lack", func(c *catalog.Catalog) {
			c.Kinds = append(c.Kinds, catalog.Kind{Name: "seen", Base: "visits", Where: `product = "A"`})
		}, "where of kind seen:1:1: unknown-name: a record of visits has nothing called \"product\"\n  product = \"A\"\n  ^^^^^^^"},
		{"a condition of a kind", func(c *catalog.Catalog) {
			c.Kinds[0].Conditions = []catalog.Condition{{Name: "big", Text: `total > "much"`}}
		}, "condition big of kind all_orders:1:7: wrong-type: total is an amount in KRW and \"much\" is text: they cannot be compared\n  total > \"much\"\n        ^\n  a number stands without quotes"},
		{"a derived field", func(c *catalog.Catalog) {
			c.Kinds[0].Fields = append(c.Kinds[0].Fields, catalog.Field{Name: "net", Type: number, Derived: "total - refunded"})
		}, "field net of kind all_orders:1:1: wrong-type: the catalog declares a number, and this is an amount in KRW\n  total - refunded\n  ^^^^^^^^^^^^^^^^"},
		{"attributes that need each other", func(c *catalog.Catalog) {
			c.Attributes = append(c.Attributes,
				catalog.Attribute{Name: "x", Type: number, Derived: "y + 1"}, catalog.Attribute{Name: "y", Type: number, Derived: "z * 2"},
				catalog.Attribute{Name: "z", Type: number, Derived: "x"})
		}, "attribute x:1:1: cycle: the text leads back to itself: x -> y -> z -> x\n  y + 1\n  ^"},
		{"a condition that needs itself", func(c *catalog.Catalog) {
			c.Kinds[0].Conditions = []catalog.Condition{{Name: "odd", Text: `not odd`}}
		}, "condition odd of kind all_orders:1:5: cycle: the text leads back to itself: odd -> odd\n  not odd\n      ^^^"},
		{"a measure with a window of its own, given another", func(c *catalog.Catalog) {
			c.Measures = append(c.Measures, catalog.Measure{Name: "fresh", Text: "orders(7d)"}, catalog.Measure{Name: "older", Text: "fresh(30d)"})
		}, "measure older:1:1: bad-call: a measure has no window of its own\n  fresh(30d)\n  ^^^^^^^^^^\n  the rule's window and where go to every aggregate of the measure"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			cat := catalog.Shop()
			tc.change(cat)
			_, err := compile.New(cat)
			require.Error(t, err)
			first := err
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				first = joined.Unwrap()[0]
			}
			require.Empty(t, cmp.Diff(tc.want, first.Error()), err)
			var fault *compile.CatalogError
			require.True(t, errors.As(err, &fault))
			require.True(t, strings.HasPrefix(tc.want, fault.Of+":"))
		})
	}
}

func TestEveryFaultOfACatalogIsTold(t *testing.T) {
	cat := catalog.Shop()
	cat.Measures = append(cat.Measures, catalog.Measure{Name: "one", Text: "sum("}, catalog.Measure{Name: "two", Text: "sum(orders.total"})
	_, err := compile.New(cat)
	require.ErrorContains(t, err, "measure one")
	require.ErrorContains(t, err, "measure two")

	cat = catalog.Shop()
	cat.Measures = append(cat.Measures, catalog.Measure{Name: "one", Text: "sum(orders.x)"}, catalog.Measure{Name: "two", Text: "sum(ordrs.total)"})
	_, err = compile.New(cat)
	require.ErrorContains(t, err, "measure one")
	require.ErrorContains(t, err, "measure two")

	// A fault is told where it is and where it is used, at places inside each text.
	cat = catalog.Shop()
	cat.Conditions = append(cat.Conditions,
		catalog.Condition{Name: "x", Text: "orders(where placed within 2026-01-01 .. 2026-01-31) and joined between 2026-02-01 and 2026-01-01"},
		catalog.Condition{Name: "y", Text: "x"})
	_, err = compile.New(cat)
	require.ErrorContains(t, err, "condition x:1:73: empty-window")
	require.ErrorContains(t, err, "condition y:1:1: empty-window")
}

func TestDeclarationsAreValidated(t *testing.T) {
	_, err := compile.New(&catalog.Catalog{Attributes: []catalog.Attribute{{Name: "x"}}})
	require.ErrorContains(t, err, "attribute x")
}

// Texts that unfold without end in sight are refused, and quickly.
func TestTextsThatUnfoldTooFar(t *testing.T) {
	cat := catalog.Shop()
	cat.Measures = []catalog.Measure{{Name: "m0", Text: "orders + orders"}}
	for i := range 18 {
		cat.Measures = append(cat.Measures, catalog.Measure{Name: fmt.Sprintf("m%d", i+1), Text: fmt.Sprintf("m%d + m%d", i, i)})
	}
	_, err := compile.New(cat)
	require.ErrorContains(t, err, string(source.TooComplex))
}

// layered is a catalog with a view of a view, records within records and texts
// that use each other.
func layered() *catalog.Catalog {
	field := func(name string, t catalog.Type, timing catalog.Timing) catalog.Field {
		return catalog.Field{Name: name, Type: t, Timing: timing}
	}
	return &catalog.Catalog{
		Attributes: []catalog.Attribute{
			{Name: "size", Type: number},
			{Name: "double_size", Type: number, Derived: "size * 2"},
			{Name: "latest", Type: instant, Derived: "last(trips)"},
			{Name: "seen", Type: instant, Timing: catalog.Latest},
			{Name: "born", Type: instant, Timing: catalog.Timed},
		},
		Kinds: []catalog.Kind{
			{Name: "trips", Time: "left", Rows: "trip", Fields: []catalog.Field{
				field("left", instant, catalog.Timed), field("back", instant, catalog.Timed), field("cost", number, catalog.Current),
				field("fee", number, catalog.Timed), field("town", str, catalog.Timed), field("open", truth, catalog.Current),
				{Name: "price", Type: number, Derived: "cost + fee"},
			}, Conditions: []catalog.Condition{
				{Name: "dear", Text: "price > 100"}, {Name: "far", Text: `dear and town != "Seoul"`},
			}},
			{Name: "done_trips", Base: "trips", Where: "back is known", WhereHint: "trips has those under way"},
			{Name: "dear_done_trips", Base: "done_trips", Where: "dear", Time: "back"},
			{Name: "stops", Parent: "done_trips", ParentField: "trip", Time: "trip.left", Fields: []catalog.Field{field("town", str, catalog.Timed)}},
			{Name: "photos", Parent: "stops", ParentField: "stop", Time: "taken", Fields: []catalog.Field{field("taken", instant, catalog.Timed)}},
			{Name: "bags", Fields: []catalog.Field{field("town", str, catalog.Timed), field("packed", instant, catalog.Timed)}, Dated: "packed"},
		},
		Measures: []catalog.Measure{
			{Name: "costs", Text: `sum(trips.price where town != "Busan")`},
			{Name: "all_costs", Text: "costs + sum(dear_done_trips.fee)"},
		},
		Conditions: []catalog.Condition{{Name: "big", Text: "double_size > 10 and trips(where far)"}},
	}
}

// Views, parents, derived things and conditions unfold to the rows they read.
func TestUnfolding(t *testing.T) {
	c, err := compile.New(layered())
	require.NoError(t, err)
	for _, tc := range []struct{ rule, want string }{
		{"dear_done_trips(7d)", `
compare >=
  count trips [7d before, now)
    by field trips.back
    where and
      compare >
        +
          field trips.cost
          field trips.fee
        literal number.0 100
      known
        field trips.back
  literal number.0 1
`},
		{`stops(where town = trip.town and far)`, `
compare >=
  count stops [open, open)
    by field trips.left up 1
    where and
      compare >
        +
          field trips.cost up 1
          field trips.fee up 1
        literal number.0 100
      known
        field trips.back up 1
      not
        one of ("Seoul")
          field trips.town up 1
      same
        field stops.town
        field trips.town up 1
  literal number.0 1
`},
		{`photos(where fee > 3)`, `
compare >=
  count photos [open, open)
    by field photos.taken
    where and
      compare >
        field trips.fee up 2
        literal number.0 3
      known
        field trips.back up 2
      known
        field trips.left up 2
  literal number.0 1
`},
		{`distinct(stops.trip) > 2`, `
compare >
  distinct stops [open, open)
    of field trips.key up 1
    by field trips.left up 1
    where known
      field trips.back up 1
  literal number.0 2
`},
		{`bags(7d where town = "X") >= 2`, `
compare >=
  count bags
    where and
      during [7d before, now)
        field bags.packed
      one of ("X")
        field bags.town
  literal number.0 2
`},
		{`avg(trips.fee, 7d) > 3`, `
compare >
  quotient
    sum trips [7d before, now)
      of field trips.fee
      by field trips.left
    count trips [7d before, now)
      by field trips.left
      where known
        field trips.fee
  literal number.0 3
`},
		{`costs(7d where fee > 1) > 3`, `
compare >
  sum trips [7d before, now)
    of +
      field trips.cost
      field trips.fee
    by field trips.left
    where and
      compare >
        field trips.fee
        literal number.0 1
      not
        one of ("Busan")
          field trips.town
  literal number.0 3
`},
		{`trips(where fee > customer.double_size)`, `
compare >=
  count trips [open, open)
    by field trips.left
    where compare >
      field trips.fee
      times 2
        attribute size
  literal number.0 1
`},
	} {
		p, ds := c.Text(tc.rule, compile.Options{})
		require.NotNil(t, p, "%s", source.Render("rule", tc.rule, ds))
		require.Empty(t, cmp.Diff(strings.TrimPrefix(tc.want, "\n"), plan.Print(p.Root)), tc.rule)
	}
}

// A plan names the groups and the untimed values that it reads, wherever.
func TestWhatAPlanReads(t *testing.T) {
	c, err := compile.New(layered())
	require.NoError(t, err)
	for _, tc := range []struct {
		rule            string
		groups, current []string
	}{
		{`born within 7d`, nil, nil},
		{`trips(7d) >= 2`, nil, nil},
		{`size > 2 and in group "b" and not (in group "a" or in group "b")`, []string{"a", "b"}, []string{"size"}},
		{`big`, nil, []string{"size", "trips.cost"}},
		{`seen within 7d`, nil, []string{"seen"}},
		{`latest within 7d`, nil, nil},
		{`bags`, nil, []string{"bags"}},
		{`stops(where dear)`, nil, []string{"trips.cost"}},
		{`all_costs in top 5%`, nil, []string{"trips.cost"}},
	} {
		p, ds := c.Text(tc.rule, compile.Options{})
		require.NotNil(t, p, "%s", source.Render("rule", tc.rule, ds))
		require.Empty(t, cmp.Diff(tc.groups, p.Groups), tc.rule)
		require.Empty(t, cmp.Diff(tc.current, p.Current), tc.rule)
	}
}

// Equal rules have one fingerprint, however they are written.
func TestOneFingerprint(t *testing.T) {
	c := shop(t)
	for _, same := range [][]string{
		{`orders`, `orders >= 1`, `1 <= orders`, `orders()`, `(orders)`, `not not orders`},
		{`country in ("KR", "JP")`, `country in ("JP", "KR", "JP")`},
		{`country != "KR"`, `not country = "KR"`, `country not in ("KR")`, `not "KR" = country`},
		{`points > 1`, `points > 1.0`, `1 < points`},
		{`points >= 1`, `1 <= points`},
		{`points < 1`, `1 > points`},
		{`points <= 1`, `1 >= points`},
		{`avg(orders.total) <= 1`, `1 >= avg(orders.total)`},
		{`points != 1`, `1 != points`, `not points = 1`},
		{`points = 5`, `points in (5)`},
		{`newsletter`, `newsletter = true`, `newsletter in (true)`},
		{`first(visits where page = "/x") within 7d`, `first(visits, where page = "/x") within 7 days`},
		{`last(orders, 90d) within 30d`, `last(orders(90d)) within 30d`},
		{`points between 1 and 2`, `points >= 1 and points <= 2`},
		{`email = "A@B.com"`, `email = "a@b.COM"`},
		{`joined within 2026-01-05`, `joined on 2026-01-05`, `joined between 2026-01-05 and 2026-01-05`},
		{`points in top 5%`, `points in top 5.0%`},
	} {
		var first string
		for _, rule := range same {
			p, ds := c.Text(rule, compile.Options{})
			require.NotNil(t, p, "%s", source.Render("rule", rule, ds))
			if first == "" {
				first = p.Fingerprint()
			}
			require.Equal(t, first, p.Fingerprint(), rule)
		}
	}
}

// A Compiler is shared without locks: the race detector watches.
func TestCompilerIsShared(t *testing.T) {
	c := shop(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, r := range corpus.Rules() {
				if p, ds := c.Text(r.Text, compile.Options{}); p == nil {
					t.Error(ds)
				}
			}
		})
	}
	wg.Wait()
}
