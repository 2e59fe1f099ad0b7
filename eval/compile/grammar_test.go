package compile_test

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

// writer makes up rules that the grammar allows, with names of the catalog where
// names may stand, and no regard for sense.
type writer struct {
	*rand.Rand
	depth int
}

func (w *writer) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w *writer) many(n int, sep string, f func() string) string {
	return strings.Join(repeat(1+w.IntN(n), f), sep)
}

func repeat(n int, f func() string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = f()
	}
	return out
}

func (w *writer) or() string { return w.many(2, " or ", w.and) }

func (w *writer) and() string { return w.many(2, " and ", w.not) }

func (w *writer) not() string {
	if w.IntN(6) == 0 {
		return "not " + w.test()
	}
	return w.test()
}

func (w *writer) test() string {
	x := w.sum()
	not := w.pick("", "", "not ")
	switch w.IntN(12) {
	case 0:
		return x
	case 1, 2, 3:
		return x + " " + w.pick("=", "!=", "<", "<=", ">", ">=") + " " + w.sum()
	case 4, 5:
		return x + " " + not + "within " + w.span()
	case 6:
		return x + " " + not + "between " + w.sum() + " and " + w.sum()
	case 7:
		return x + " " + not + "in " + w.pick(w.list(), w.pick("top ", "bottom ")+w.pick("5%", "100", "0.5%", "101%", "2.5"))
	case 8:
		return x + " " + not + "contains " + w.pick(`"vip"`, "any "+w.list(), "all "+w.list())
	case 9:
		return x + " " + not + w.pick("starts", "ends") + ` with "K"`
	case 10:
		return x + " " + not + w.pick("before ", "after ", "on ") + w.point()
	}
	return x + " is " + not + "known"
}

func (w *writer) list() string { return "(" + w.many(3, ", ", w.sum) + ")" }

func (w *writer) sum() string {
	if w.IntN(5) > 0 {
		return w.unary()
	}
	return w.unary() + " " + w.pick("+", "-", "*", "/") + " " + w.unary()
}

func (w *writer) unary() string {
	switch w.IntN(12) {
	case 0:
		return "-" + w.point()
	case 1:
		if w.depth < 2 {
			w.depth++
			defer func() { w.depth-- }()
			return "(" + w.or() + ")"
		}
	case 2:
		return w.pick(`in group "VIP"`, `in group "other"`)
	}
	return w.point()
}

func (w *writer) point() string {
	if w.IntN(3) == 0 {
		return w.pick(`"KR"`, "2026-01-31", "2026-02-28", "true", "false", "today", "yesterday", "now", "0", "1", "2.5", "9_000_000_000_000_000_000",
			"30%", "5 KRW", "1.25 USD", "7d", "3 full weeks", "60d ago", "1mo ago", "36h", "9999y")
	}
	return w.ref()
}

func (w *writer) ref() string {
	name := w.pick(
		"joined", "birthday", "country", "billing.city", "email", "gender", "tags", "interests", "newsletter", "points", "store_credit", "deposit",
		"universe", "weight", "renewal", "last_login", "login_count", "cart_updated", "risk", "korean", "last", "customer.city", "customer.points", "customer.last_login",
		"orders", "all_orders", "items", "paid_items", "cart", "addresses", "coupons", "visits", "repairs", "subscriptions", "spent", "average_order",
		"orders.total", "items.amount", "items.product", "items.order", "items.order.total", "coupons.expires", "coupons.usable", "repairs.parts", "visits.at",
		"status", "total", "placed", "order", "order.status", "product.brand", "brand", "category", "expires", "usable", "active", "urgent", "parts", "page",
		"nothing", "nothing.at.all", "오더",
		"sum", "avg", "min", "max", "first", "last", "distinct", "active_days", "active_weeks", "active_months", "share", "sample", "anniversary")
	if w.depth > 2 || w.IntN(2) == 0 {
		return name
	}
	w.depth++
	defer func() { w.depth-- }()
	return name + "(" + strings.Join(repeat(w.IntN(3), w.arg), ", ") + ")"
}

func (w *writer) arg() string {
	switch w.IntN(3) {
	case 0:
		return "where " + w.or()
	case 1:
		return w.span() + " where " + w.or()
	}
	return w.span()
}

func (w *writer) span() string {
	switch w.IntN(8) {
	case 0:
		return w.point() + " .. " + w.point()
	case 1:
		return w.pick("since ", "before ", "next ") + w.point()
	case 2:
		return w.pick("this ", "last ") + w.pick("week", "month", "quarter", "year", "day")
	case 3, 4:
		return strconv.Itoa(w.IntN(400)) + w.pick("d", "h", "min", "w", "mo", "y")
	}
	return w.point()
}

var made = flag.Int("rules", 2_000, "how many rules TestAnyRule makes up")

// Whatever the grammar allows gets a plan or errors that stand inside the text,
// also in the catalog's own texts, and the same again after it was formatted.
func TestAnyRule(t *testing.T) {
	c := strange(t)
	w := &writer{Rand: rand.New(rand.NewPCG(7, 8))}
	codes := map[source.Code]int{}
	plans := 0
	for range *made {
		rule := w.or()
		r, err := dsl.Parse(rule)
		if err != nil {
			continue
		}
		o := options(rule)
		o.Scope = plan.Scope(w.pick("members", "guests", "both"))
		o.Midnight = w.IntN(2) == 0
		p, ds := c.Compile(r, o)
		require.Equal(t, p == nil, ds.HasErrors(), rule)
		for _, d := range ds {
			codes[d.Code]++
			require.NotEqual(t, source.Cycle, d.Code, "%s\n%v", rule, d)
			require.True(t, 0 <= d.Span.Start && d.Span.Start < d.Span.End && d.Span.End <= len(r.Text), "%s: %+v", rule, d)
			require.NotRegexp(t, goName, strings.NewReplacer("KRW", "", "USD", "", "KR", "").Replace(d.Message+" "+d.Hint), rule)
			require.NotContains(t, d.Message, "something else", rule)
			require.NotContains(t, d.Message, "this is this", rule)
			if d.Fix != nil {
				_, err := dsl.Parse(d.Fix.Apply(r.Text))
				require.NoError(t, err, "%s\n%+v\n%s", rule, d, d.Fix.Apply(r.Text))
			}
		}
		if p == nil {
			continue
		}
		plans++
		q, _ := c.Text(dsl.Format(r), compile.Options{Scope: o.Scope, Groups: o.Groups})
		require.NotNil(t, q, rule)
		require.Equal(t, p.Fingerprint(), q.Fingerprint(), rule)
	}
	require.Positive(t, plans)
	require.Greater(t, len(codes), 20)
}
