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

	at := map[int]int{} // the point of a week
	for i, w := range weeks {
		at[w] = i
	}
	stageOf := map[string]int{"": len(line.Stages)} // "" is absent
	for i, stage := range line.Stages {
		stageOf[stage] = i
	}
	n := len(line.Stages) + 1

	shares := make([][]int, len(weeks))
	for i := range shares {
		shares[i] = make([]int, n-1)
	}
	tally(t, db, func(w int, stage, _ string, count int) { shares[at[w]][stageOf[stage]] = count },
		"SELECT w, stage, '', count(*) FROM stages GROUP BY w, stage")
	for i, s := range line.Shares() {
		require.Empty(t, cmp.Diff(shares[i], s.Stages), "week %d", weeks[i])
	}

	moved := make([][][]int, len(weeks)) // by the later week
	for i := range moved {
		moved[i] = make([][]int, n)
		for a := range moved[i] {
			moved[i][a] = make([]int, n)
		}
	}
	// Nobody goes: customers of the later week, with where they were in the one before.
	tally(t, db, func(w int, a, b string, count int) { moved[at[w]][stageOf[a]][stageOf[b]] = count },
		`SELECT b.w, coalesce(a.stage, ''), b.stage, count(*) FROM stages b
			LEFT JOIN stages a ON a.customer = b.customer AND a.w = b.w - ? GROUP BY 1, 2, 3`, step)
	stood, left := make([]int, n), make([]int, n)
	for i := 1; i < len(weeks); i++ {
		require.Empty(t, cmp.Diff(moved[i], line.Movement(i-1, i).Moved), "week %d to %d", weeks[i-1], weeks[i])
		for a, row := range moved[i] {
			for b, count := range row {
				stood[a] += count
				if b == stageOf["churned"] {
					left[a] += count
				}
			}
		}
	}
	for _, e := range line.Exits() {
		require.Equal(t, []int{stood[stageOf[e.Stage]], left[stageOf[e.Stage]]}, []int{e.Stood, e.Left}, e.Stage)
	}

	cohorts := line.Retention(true, "new", "active")
	want := make([]segment.Cohort, len(weeks))
	for i := range want {
		want[i] = segment.Cohort{Since: points[i], Kept: make([]int, len(weeks)-i)}
	}
	tally(t, db, func(w int, since, _ string, count int) {
		var from int
		_, err := fmt.Sscan(since, &from)
		require.NoError(t, err)
		want[at[from]].Kept[at[w]-at[from]] = count
		if w == from {
			want[at[from]].Size = count
		}
	}, `SELECT s.w, f.since, '', count(*) FROM stages s JOIN (SELECT customer, min(w) AS since FROM stages WHERE stage IN ('new', 'active') GROUP BY customer) f
		ON f.customer = s.customer WHERE s.stage IN ('new', 'active') GROUP BY 1, 2`)
	require.Empty(t, cmp.Diff(want, cohorts))
}

// tally reads rows of a week, two words and a count.
func tally(t *testing.T, db *sql.DB, each func(w int, a, b string, count int), query string, args ...any) {
	t.Helper()
	rows, err := db.Query(query, args...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var w, count int
		var a, b string
		require.NoError(t, rows.Scan(&w, &a, &b, &count))
		each(w, a, b, count)
	}
	require.NoError(t, rows.Err())
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
