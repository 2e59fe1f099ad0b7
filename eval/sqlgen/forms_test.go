package sqlgen_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/stretchr/testify/require"
)

// drawn makes up a test of few names, so that rules of a statement share scans and nest
// windows: the shapes for which statements leave customers out early.
func drawn(r *rand.Rand, depth int) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	if depth > 0 {
		switch l := drawn(r, depth-1); r.IntN(6) {
		case 0, 1:
			return "(" + l + ") and (" + drawn(r, depth-1) + ")"
		case 2:
			return "(" + l + ") or (" + drawn(r, depth-1) + ")"
		case 3:
			return "not (" + l + ")"
		case 4:
			return pick(`country = "KR"`, `country in ("KR", "JP", "A")`, "joined within 30d", `grade = "vip" and newsletter`, `country = "KR" or newsletter`) + " and (" + l + ")"
		}
	}
	window := pick("30d", "90d", "180d", "365d", "180d ago .. 30d ago", "")
	some := pick(`category = "shoes"`, `category in ("shoes", "X", "A")`, `product = "A"`, `category != "shoes"`)
	op := pick(">=", ">=", ">", "<", "<=", "=", "!=")
	call := func(of string, where bool) string {
		args := slices.DeleteFunc([]string{of, window}, func(s string) bool { return s == "" })
		out := strings.Join(args, ", ")
		if where && window == "" {
			return out + ", where " + some
		}
		if where {
			return out + " where " + some
		}
		return out
	}
	switch r.IntN(9) {
	case 0, 1, 2:
		return fmt.Sprintf("share(%s) %s %s", call(pick("items", "items.amount"), true), op, pick("0%", "20%", "50%", "60.5%", "100%"))
	case 3:
		return fmt.Sprintf("share(%s) between %s and %s", call("items", true), pick("0%", "25%"), pick("60%", "100%"))
	case 4:
		return fmt.Sprintf("sum(%s) %s %s", call("items.amount", r.IntN(2) == 0), op, pick("0", "50000", "1_000_000"))
	case 5:
		return fmt.Sprintf("distinct(%s) %s %d", call("items.product", r.IntN(2) == 0), op, r.IntN(3))
	case 6:
		kind := pick("visits", "logins")
		return fmt.Sprintf("distinct(%s, %s) %s %d", map[string]string{"visits": "visits.page", "logins": "logins.at"}[kind], pick("30d", "90d"), op, r.IntN(4))
	case 7:
		return pick("not ", "") + pick("visits", "logins", "items") + "(" + pick("30d", "90d") + ")"
	}
	return pick(`country = "KR"`, "newsletter", "last_login not within 30d", "orders", "visits(7d) and orders(since last(visits)) = 0", "last(visits.at) within 7d and not orders(90d) >= 2")
}

// Rules that share scans give the members that eval gives, whoever is left out of these
// before: over tables of which it is known that every record has its customer, and others.
func TestFormsAgreeWithEval(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	asOf := time.Date(2026, 3, 12, 0, 0, 0, 0, zone)
	forms := map[string]*regexp.Regexp{
		"customers are left out before a scan is grouped": regexp.MustCompile(`AND r\d+\.customer IN \(SELECT r\d+\.customer`),
		"those who fail tests of themselves are":          regexp.MustCompile(`r\d+\.customer IN \(SELECT n\d+\.id`),
		"those without another scan's record are":         regexp.MustCompile(`AND r\d+\.customer IN \(SELECT r\d+\.customer.*\) k2 ON k2\.c = k1\.c`),
		"those with too many new records are":             regexp.MustCompile(`r\d+\.customer IN \(WITH k\d+ AS`),
		"a test asks a list":                              regexp.MustCompile(`(WHEN|AND|OR) \(*(c\.id|k\d+\.c|r\d+\.customer) IN \(SELECT`),
		"a condition of all plans stands first":           regexp.MustCompile(`AND \(\(k1\..*\) OR \(k1\..* LIMIT -1`),
	}
	seen := map[string]int{}
	for world := range uint64(6) {
		r := rand.New(rand.NewPCG(world, 11))
		customers := people(r, cat, 40, asOf, zone)
		scope := plan.Both
		if world%2 == 0 {
			customers = slices.DeleteFunc(customers, func(c *eval.Customer) bool { return c.Guest })
			scope = plan.Members
		}
		db := newTables(t, cat, customers, nil)
		if world%2 == 0 {
			db.schema.Guest = ""
			for kind, table := range db.schema.Records {
				table.Owned = true
				db.schema.Records[kind] = table
			}
		}
		for range 120 {
			q := sqlgen.Query{AsOf: asOf, Zone: zone, Scope: scope, Passing: map[*plan.Plan]float64{}}
			var want [][]dangol.CustomerID
			var rules []string
			same, begins := r.IntN(3) == 0, r.IntN(3) == 0
			for range 1 + r.IntN(3) {
				rule := drawn(r, r.IntN(3))
				if begins && !same {
					rule = fmt.Sprintf(`visits(7d) >= %d and sum(orders.total, %dd) %s %d`, 1+r.IntN(2), 30*(1+r.IntN(12)), []string{"<", ">="}[r.IntN(2)], 30_000*r.IntN(4))
				}
				if same {
					rule = fmt.Sprintf(`items(%dd) >= %d and (%s)`, 90*(1+r.IntN(4)), r.IntN(4), drawn(r, 0))
				}
				p, ds := c.Text(rule, compile.Options{Scope: scope})
				if ds.HasErrors() {
					require.NotEqual(t, plan.Members, scope, "%s\n%v", rule, ds)
					continue
				}
				q.Plans, rules = append(q.Plans, p), append(rules, rule)
				if r.IntN(3) > 0 { // whatever was found before, statements are right
					q.Passing[p] = float64(r.IntN(3)) / 4
				}
				want = append(want, reference(t, p, customers, eval.Env{AsOf: asOf, Zone: zone}))
			}
			if len(q.Plans) == 0 {
				continue
			}
			st, err := sqlgen.Select(sqlgen.SQLite, db.schema, q, nil)
			require.NoError(t, err, rules)
			for what, form := range forms {
				if form.MatchString(st.SQL) {
					seen[what]++
				}
			}
			got, err := db.selectAll(t, q)
			require.NoError(t, err, rules)
			require.Equal(t, want, got, "%s\n%s %v", strings.Join(rules, "\n"), st.SQL, st.Args)
		}
	}
	for what := range forms {
		require.Greater(t, seen[what], 3, what)
	}
}

// What a host's SQL says of truth is a condition as it stands on ClickHouse where it can be
// no number but 0 and 1.
func TestComparisonsOfHostsAreConditions(t *testing.T) {
	cat := catalog.Shop()
	c, err := compile.New(cat)
	require.NoError(t, err)
	p, ds := c.Text("newsletter", compile.Options{})
	require.False(t, ds.HasErrors())
	for sql, want := range map[string]string{
		"({t}.consent = 1)":                   "(c.consent = 1)",
		"({t}.consent >= -7)":                 "(c.consent >= -7)",
		"({t}.consent)":                       "((c.consent)) <> 0",
		"{t}.consent":                         "(c.consent) <> 0",
		"({t}.consent = 1 + {t}.other = 1)":   "((c.consent = 1 + c.other = 1)) <> 0",
		"({t}.consent - 1 = 1)":               "((c.consent - 1 = 1)) <> 0",
		"({t}.consent = 1) + ({t}.other = 1)": "((c.consent = 1) + (c.other = 1)) <> 0",
	} {
		schema := plainSchema(cat)
		schema.Customers.Columns["newsletter"] = sqlgen.Column{SQL: sql, Filled: true}
		s, err := sqlgen.Select(sqlgen.ClickHouse, schema, sqlgen.Query{AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Plans: []*plan.Plan{p}}, nil)
		require.NoError(t, err)
		require.Contains(t, s.SQL, " AND "+want+" AND ", sql)
	}
}
