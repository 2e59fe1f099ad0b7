package main

import (
	"fmt"
	"strings"
)

// rule is one of the twenty, as text and as the SQL that a person who knows the
// tables would write: a query of customers' ids.
type rule struct {
	name, text, sql string
}

// since is the second a number of days before now; the shop's zone has no DST.
func since(days int) int64 { return now.Unix() - int64(days)*day }

// list is twenty products: some that sell well, most that do not.
func list(first int) (quoted, plain string) {
	var q, p []string
	for i := range 20 {
		n := fmt.Sprint(first + i*i*97)
		q, p = append(q, `"`+n+`"`), append(p, n)
	}
	return strings.Join(q, ", "), strings.Join(p, ", ")
}

func rules() []rule {
	in := func(col string, days int) string {
		return fmt.Sprintf("%s >= %d AND %s < %d", col, since(days), col, now.Unix())
	}
	orders := func(days int, where string) string {
		return fmt.Sprintf("FROM orders WHERE %s AND %s", in("placed", days), where)
	}
	fresh := func(days int) rule {
		return rule{text: fmt.Sprintf(`joined within %dd and not orders(%dd) >= 1`, days, days),
			sql: fmt.Sprintf("SELECT c.id AS id FROM customers c LEFT JOIN (SELECT DISTINCT customer %s) o ON o.customer = c.id WHERE %s AND o.customer IS NULL", orders(days, "status < 6"), in("joined", days))}
	}
	count := func(days, total, n int) rule {
		return rule{text: fmt.Sprintf(`orders(%dd where status = "confirmed" and total >= %d) >= %d`, days, total, n),
			sql: fmt.Sprintf("SELECT customer AS id %s GROUP BY customer HAVING count(*) >= %d", orders(days, fmt.Sprintf("status = 5 AND total >= %d", total)), n)}
	}
	sum := func(days, least int) rule {
		return rule{text: fmt.Sprintf(`sum(orders.total, %dd where status = "confirmed") >= %d`, days, least),
			sql: fmt.Sprintf("SELECT customer AS id %s GROUP BY customer HAVING sum(total) >= %d", orders(days, "status = 5"), least)}
	}
	asleep := func(days, n int) rule {
		return rule{text: fmt.Sprintf(`last_login not within %dd and orders >= %d`, days, n),
			sql: fmt.Sprintf("SELECT o.customer AS id FROM (SELECT customer FROM orders WHERE placed < %d AND status < 6 GROUP BY customer HAVING count(*) >= %d) o LEFT JOIN (SELECT DISTINCT customer FROM logins WHERE %s) l ON l.customer = o.customer WHERE l.customer IS NULL", now.Unix(), n, in("seen", days))}
	}
	bought := func(days, first int) (text, sql string) {
		quoted, plain := list(first)
		return fmt.Sprintf("items(%dd where product in (%s))", days, quoted),
			fmt.Sprintf("SELECT DISTINCT customer AS id FROM items WHERE product IN (%s) AND %s AND status < 6", plain, in("placed", days))
	}
	buyers := func(days, first int) rule {
		text, sql := bought(days, first)
		return rule{text: text, sql: sql}
	}
	top := func(days, percent int) rule {
		return rule{text: fmt.Sprintf(`sum(orders.total, %dd where status = "confirmed") in top %d%%`, days, percent),
			sql: fmt.Sprintf("SELECT id FROM (SELECT id, rank() OVER (ORDER BY v DESC) AS r, count(*) OVER () AS n FROM (SELECT customer AS id, sum(total) AS v %s GROUP BY customer) s) t WHERE r * 100 <= n * %d + 99", orders(days, "status = 5"), percent)}
	}
	share := func(days, cat, percent int) rule {
		return rule{text: fmt.Sprintf(`share(items, %dd where category = "%d") >= %d%%`, days, cat, percent),
			sql: fmt.Sprintf("SELECT customer AS id FROM items WHERE %s AND status < 6 GROUP BY customer HAVING sum(CASE WHEN category = %d THEN 1 ELSE 0 END) * 100 >= %d * count(*)", in("placed", days), cat, percent)}
	}
	left := func(days int) rule {
		return rule{text: fmt.Sprintf(`cart_adds(%dd) and orders(since last(cart_adds)) = 0`, days),
			sql: fmt.Sprintf("SELECT c.customer AS id FROM (SELECT customer, max(seen) AS last FROM cart_adds WHERE %s GROUP BY customer) c LEFT JOIN (SELECT customer, max(placed) AS last %s GROUP BY customer) o ON o.customer = c.customer WHERE o.last IS NULL OR o.last < c.last", in("seen", days), orders(days, "status < 6"))}
	}
	visitors := func(days, lo, hi int, names, codes string) rule {
		return rule{text: fmt.Sprintf(`country in (%s) and consent and visits(%dd) between %d and %d`, names, days, lo, hi),
			sql: fmt.Sprintf("SELECT id FROM customers WHERE country IN (%s) AND consent = 1 AND id IN (SELECT customer FROM visits WHERE %s GROUP BY customer HAVING count(*) BETWEEN %d AND %d)", codes, in("seen", days), lo, hi)}
	}
	mixed, mixedSQL := bought(90, 11)
	out := []rule{
		fresh(7), count(90, 30000, 2), sum(365, 1_000_000), asleep(90, 1), buyers(180, 3),
		top(365, 5), share(180, 17, 60), left(3), visitors(30, 3, 10, `"KR", "JP", "US"`, "0, 1, 2"),
		{text: `country = "KR" and consent and grade = "gold" and sum(orders.total, 180d) >= 500_000 and orders(180d) >= 3`,
			sql: fmt.Sprintf("SELECT id FROM customers WHERE country = 0 AND consent = 1 AND grade = 3 AND id IN (SELECT customer %s GROUP BY customer HAVING sum(total) >= 500000 AND count(*) >= 3)", orders(180, "status < 6"))},
		fresh(30), count(30, 50000, 1), sum(180, 500_000), asleep(180, 3), buyers(365, 5),
		top(180, 1), share(365, 3, 50), left(7), visitors(60, 5, 20, `"KR", "TW", "CN"`, "0, 3, 4"),
		{text: `country = "KR" and consent and grade in ("gold", "vip") and ` + mixed + ` and last_login within 30d`,
			sql: fmt.Sprintf("SELECT id FROM customers WHERE country = 0 AND consent = 1 AND grade IN (3, 4) AND id IN (%s) AND id IN (SELECT customer FROM logins WHERE %s)", mixedSQL, in("seen", 30))},
	}
	for i := range out {
		out[i].name = fmt.Sprintf("R%d", i+1)
	}
	return out
}

// checked is the query that counts and adds up the ids: what answers are compared
// by. It costs a peer less than handing the ids over.
func (r rule) checked() string {
	return "SELECT count(*), sum(id), sum((id % 1009) * (id % 997)) FROM (" + r.sql + ") q"
}

// sums is a set of customers as count, sum and mixed sum of the ids.
type sums [3]int64

func (s *sums) add(id int64) {
	s[0]++
	s[1] += id
	s[2] += id % 1009 * (id % 997)
}
