package segment_test

import (
	"database/sql"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
)

var soak = flag.Bool("soak", false, "run the tests of real and large data at their full sizes")

const cdnow = "../../shared/data/cdnow"

// cdnowLadder sorts customers by how recently they bought.
var cdnowLadder = segment.Ladder{
	Leaving: "churned",
	Rest:    segment.Step{Stage: "prospect", Name: "prospect"},
	Steps: []segment.Step{
		{Stage: "new", Name: "new", Rule: "first(orders) within 28d"},
		{Stage: "active", Name: "active", Rule: "orders(84d)"},
		{Stage: "lapsing", Name: "lapsing", Rule: "orders(182d)"},
		{Stage: "churned", Name: "churned", Rule: "orders"},
	},
}

// The stages, the movement between them and the retention of 23,570 real customers
// over 78 weeks are those that SQL counts over the same orders.
func TestCDNOWAgainstSQL(t *testing.T) {
	if _, err := os.Stat(cdnow); err != nil {
		t.Skip("the CDNOW orders are not beside this checkout")
	}
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	data, err := memstore.New(catalog.ShopIn("USD"), memstore.Options{})
	require.NoError(t, err)
	require.NoError(t, csvdir.Load(t.Context(), cdnow, data, csvdir.Options{Zone: zone}))
	s, err := segment.New(segment.Config{Data: data, Zone: zone})
	require.NoError(t, err)

	step := 13
	if *soak {
		step = 1
	}
	var weeks []int
	var points []time.Time
	for w := step; w <= 78; w += step {
		weeks = append(weeks, w)
		points = append(points, time.Date(1997, 1, 1+7*w, 0, 0, 0, 0, zone))
	}
	line, err := s.Timeline(t.Context(), cdnowLadder, points)
	require.NoError(t, err)
	require.Equal(t, 23_570, line.Len())

	db := cdnowSQL(t)
	// stages(week, customer, stage), from days since the first of 1997 alone.
	week := fmt.Sprintf("WITH RECURSIVE week(w) AS (SELECT %d UNION ALL SELECT w + %d FROM week WHERE w + %d <= 78)", step, step, step)
	_, err = db.Exec(`CREATE TABLE stages AS ` + week + `
		SELECT w, id AS customer,
			CASE WHEN first IS NULL THEN 'prospect' WHEN first >= 7*w - 28 THEN 'new' WHEN last >= 7*w - 84 THEN 'active'
				WHEN last >= 7*w - 182 THEN 'lapsing' ELSE 'churned' END AS stage
		FROM (SELECT w, c.id, c.joined, min(o.day) AS first, max(o.day) AS last
			FROM week JOIN customers c ON c.joined < 7*w LEFT JOIN orders o ON o.customer = c.id AND o.day < 7*w GROUP BY w, c.id)`)
	require.NoError(t, err)
	_, err = db.Exec("CREATE INDEX stages_customer ON stages (customer, w)")
	require.NoError(t, err)

	shares := line.Shares()
	for i, w := range weeks {
		for j, stage := range line.Stages {
			require.Equal(t, count(t, db, "SELECT count(*) FROM stages WHERE w = ? AND stage = ?", w, stage), shares[i].Stages[j], "week %d, %s", w, stage)
		}
	}
	for i := 1; i < len(weeks); i++ {
		m := line.Movement(i-1, i)
		want := make([][]int, len(m.Moved))
		for a := range want {
			want[a] = make([]int, len(m.Moved))
		}
		rows, err := db.Query(`SELECT coalesce(a.stage, ''), coalesce(b.stage, ''), count(*) FROM (SELECT DISTINCT customer FROM stages WHERE w IN (?, ?)) c
			LEFT JOIN stages a ON a.customer = c.customer AND a.w = ? LEFT JOIN stages b ON b.customer = c.customer AND b.w = ? GROUP BY 1, 2`,
			weeks[i-1], weeks[i], weeks[i-1], weeks[i])
		require.NoError(t, err)
		slot := func(stage string) int {
			for k, s := range m.Stages {
				if s == stage {
					return k
				}
			}
			return len(m.Stages)
		}
		for rows.Next() {
			var a, b string
			var n int
			require.NoError(t, rows.Scan(&a, &b, &n))
			want[slot(a)][slot(b)] = n
		}
		require.NoError(t, rows.Err())
		require.Empty(t, cmp.Diff(want, m.Moved), "week %d to %d", weeks[i-1], weeks[i])
	}
	for i, c := range line.Retention(true, "new", "active") {
		for k, kept := range c.Kept {
			want := count(t, db, `SELECT count(*) FROM stages s JOIN (SELECT customer, min(w) AS since FROM stages WHERE stage IN ('new', 'active') GROUP BY customer) f
				ON f.customer = s.customer WHERE f.since = ? AND s.w = ? AND s.stage IN ('new', 'active')`, weeks[i], weeks[i+k])
			require.Equal(t, want, kept, "cohort of week %d at week %d", weeks[i], weeks[i+k])
		}
	}
	for _, e := range line.Exits() {
		require.Equal(t, count(t, db, `SELECT count(*) FROM stages a JOIN stages b ON b.customer = a.customer AND b.w = a.w + ? WHERE a.stage = ?`, step, e.Stage), e.Stood, e.Stage)
		require.Equal(t, count(t, db, `SELECT count(*) FROM stages a JOIN stages b ON b.customer = a.customer AND b.w = a.w + ? WHERE a.stage = ? AND b.stage = 'churned'`, step, e.Stage), e.Left, e.Stage)
	}
}

func count(t *testing.T, db *sql.DB, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRow(query, args...).Scan(&n))
	return n
}

// cdnowSQL holds the two files as tables, dates as days since the first of 1997.
func cdnowSQL(t *testing.T) *sql.DB {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	_, err = db.Exec("CREATE TABLE customers (id text PRIMARY KEY, joined integer) WITHOUT ROWID; CREATE TABLE orders (customer text, day integer); ")
	require.NoError(t, err)
	day := func(text string) int {
		d, err := time.Parse(time.DateOnly, text)
		require.NoError(t, err)
		return int(d.Sub(time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC)).Hours() / 24)
	}
	load := func(file, into string, columns ...int) {
		f, err := os.Open(filepath.Join(cdnow, file))
		require.NoError(t, err)
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		for rows = rows[1:]; len(rows) > 0; rows = rows[min(len(rows), 1000):] {
			var args []any
			chunk := rows[:min(len(rows), 1000)]
			for _, r := range chunk {
				args = append(args, r[columns[0]], day(r[columns[1]]))
			}
			_, err := db.Exec("INSERT INTO "+into+" VALUES (?, ?)"+strings.Repeat(", (?, ?)", len(chunk)-1), args...)
			require.NoError(t, err)
		}
	}
	load("customers.csv", "customers", 0, 1)
	load("orders.csv", "orders", 1, 2)
	_, err = db.Exec("CREATE INDEX orders_customer ON orders (customer, day)")
	require.NoError(t, err)
	return db
}
