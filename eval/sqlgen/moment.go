package sqlgen

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/civil"
)

func timing(e plan.Expr) (due, latest bool) {
	switch n := e.(type) {
	case *plan.Attr:
		return n.Due, n.Latest
	case *plan.Field:
		return n.Due, false
	}
	return true, false // a literal or an aggregate is as it is
}

// decode makes a column's instant or date an integer: microseconds or days since
// 1970-01-01.
func (g *generator) decode(col Column, sort catalog.Sort, alias string) string {
	sql := place(col.SQL, alias)
	if g.dialect == ClickHouse && (sort != catalog.Instant || col.Encoding != Local) {
		return g.clickDecode(col, sort, sql)
	}
	switch {
	case sort == catalog.Instant && col.Encoding == Seconds:
		return "(" + sql + " * 1000000)"
	case sort == catalog.Instant && col.Encoding == Millis:
		return "(" + sql + " * 1000)"
	case sort == catalog.Instant && col.Encoding == Native:
		return g.clock(col, sql)
	case sort == catalog.Instant && col.Encoding == Local:
		if read := g.fromLocal(g.clock(col, sql), col.zone()); len(read) < longText {
			return read
		}
		return alias + "." + readColumn(col)
	case sort == catalog.Date && col.Encoding != Micros:
		return g.day(sql)
	}
	return sql
}

// longText is from what length on an expression is computed once, in a derived
// table, and named: where it stands in others, and those in others again, the
// statement would outgrow what a server takes.
const longText = 300

// readColumn names the instant that the clock readings of a column stand for.
func readColumn(col Column) string {
	h := fnv.New32a()
	h.Write([]byte(col.SQL))
	return fmt.Sprintf("read_%08x", h.Sum32())
}

// table is the table as it stands in FROM: with a column more for each whose
// clock readings take long to turn into instants.
func (g *generator) table(t Table) string {
	columns := ""
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		col := t.Columns[name]
		if col.Encoding != Local {
			continue
		}
		if read := g.fromLocal(g.clock(col, place(col.SQL, "w")), col.zone()); len(read) >= longText {
			more := longRead{t.Name, ", " + read + " AS " + readColumn(col), "." + readColumn(col)}
			columns += more.column
			if !slices.Contains(*g.long, more) {
				*g.long = append(*g.long, more)
			}
		}
	}
	if columns == "" {
		return t.Name
	}
	return g.widened(t.Name, columns)
}

// widened is a table with more columns.
func (g *generator) widened(table, columns string) string {
	all := "w.*"
	if g.dialect == ClickHouse {
		all = "*"
	}
	return "(SELECT " + all + columns + " FROM " + table + " w)"
}

// longRead is a column that table adds to one, and how it is named where it is read.
type longRead struct{ table, column, name string }

// withoutUnread takes the columns that table added out of a statement where it reads
// them nowhere: one with the clock changes of a century is kilobytes of text, of which an
// engine reads every word each time.
func (g *generator) withoutUnread(sql string) string {
	for _, l := range *g.long {
		if !strings.Contains(sql, l.name) {
			sql = strings.ReplaceAll(sql, l.column, "")
		}
	}
	for _, l := range *g.long {
		sql = strings.ReplaceAll(sql, g.widened(l.table, ""), l.table)
	}
	return sql
}

func (c Column) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// clock reads a timestamp as microseconds since 1970-01-01 00:00 of its own clock.
func (g *generator) clock(col Column, sql string) string {
	switch g.dialect {
	case Postgres:
		return "CAST(EXTRACT(EPOCH FROM " + sql + ") * 1000000 AS BIGINT)"
	case MySQL:
		return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', " + sql + ")"
	case ClickHouse:
		return g.clickDecode(col, catalog.Instant, sql)
	}
	// SQLite keeps timestamps as text: 2006-01-02 15:04:05, perhaps a fraction, perhaps
	// a Z or +00:00. Its own functions round to milliseconds.
	return "(CAST(strftime('%s', substr(" + sql + ", 1, 19)) AS INTEGER) * 1000000 + CAST(substr(replace(rtrim(substr(" + sql +
		", 21), 'Z'), '+00:00', '') || '000000', 1, 6) AS INTEGER))"
}

func (g *generator) day(sql string) string {
	switch g.dialect {
	case Postgres:
		return "(" + sql + " - DATE '1970-01-01')"
	case MySQL:
		return "DATEDIFF(" + sql + ", '1970-01-01')"
	}
	return "CAST(julianday(" + sql + ") - 2440587.5 AS INTEGER)"
}

// fromLocal turns clock readings of a zone into instants: a reading that occurs
// twice is the earlier instant, one that a gap skips the first after it.
func (g *generator) fromLocal(clock string, zone *time.Location) string {
	if g.dialect == ClickHouse {
		return g.clickFromLocal(clock, zone)
	}
	var b strings.Builder
	at := time.UnixMicro(longAgo).In(zone)
	for range mostOffsets {
		_, seconds := at.Zone()
		_, end := at.ZoneBounds()
		offset := int64(seconds) * 1e6
		if end.IsZero() || end.After(g.asOf.AddDate(1, 0, 0)) {
			if b.Len() == 0 {
				return fmt.Sprintf("(%s - (%d))", clock, offset)
			}
			return fmt.Sprintf("(CASE%s ELSE %s - (%d) END)", b.String(), clock, offset)
		}
		_, after := end.Zone()
		fmt.Fprintf(&b, " WHEN %s < %d THEN %s - (%d)", clock, end.UnixMicro()+offset, clock, offset)
		if gap := int64(after)*1e6 - offset; gap > 0 {
			fmt.Fprintf(&b, " WHEN %s < %d THEN %s", clock, end.UnixMicro()+offset+gap, g.int(end.UnixMicro()))
		}
		at = end
	}
	return clock
}

// encode makes an instant an argument that a raw column can be compared with by <
// and >=, so that an index on the column serves.
func (g *generator) encode(col Column, us int64) any {
	switch col.Encoding {
	case Seconds:
		return ceil(us, 1e6)
	case Millis:
		return ceil(us, 1e3)
	case Native:
		return g.timestamp(time.UnixMicro(us).UTC())
	case Local:
		return g.timestamp(reading(us, col.zone()))
	}
	return us
}

// reading is the first clock reading of a zone that stands for the instant or a
// later one, as a time in UTC.
func reading(us int64, zone *time.Location) time.Time {
	t := time.UnixMicro(us)
	c := civil.Of(t, zone)
	if end, ok := civil.Repeated(t, zone); ok {
		c = end // its second pass: every reading of it stands for the first
	}
	if start, _ := t.In(zone).ZoneBounds(); start.Equal(t) {
		_, offset := start.Add(-1).In(zone).Zone()
		before := t.Add(time.Duration(offset) * time.Second).UTC()
		if before.Before(utc(c)) {
			return before // just after a gap: the readings inside it stand for it too
		}
	}
	return utc(c)
}

func utc(c civil.Time) time.Time {
	return time.Date(c.Year, c.Month, c.Day, c.Hour, c.Min, c.Sec, c.Nanos, time.UTC)
}

// timestamp is an argument for a column of the engine's own timestamps. MySQL's
// driver would write a time.Time in the zone that the host's data source names, and
// SQLite compares text: a whole second has no fraction, so that it comes before those
// that have.
func (g *generator) timestamp(t time.Time) any {
	if g.dialect == SQLite || g.dialect == MySQL {
		return t.Format("2006-01-02 15:04:05.999999")
	}
	return t
}

func ceil(n, by int64) int64 {
	q := n / by
	if n%by > 0 {
		q++
	}
	return q
}

// limit is the first stored unit of the sort at or after an instant: a value v
// lies before the instant exactly when v < limit.
func (g *generator) limit(sort catalog.Sort, us int64) int64 {
	if sort != catalog.Date || us == plan.MinInstant || us == plan.MaxInstant {
		return us
	}
	day := plan.LocalDay(us, g.zone)
	if plan.StartOfDay(day, g.zone) < us {
		day++
	}
	return day
}

// instant is a moment in microseconds.
func (g *generator) instant(e plan.Expr, r row) piece {
	if e.Type().Sort == catalog.Date {
		return g.fail(e, "a day as a moment of each customer")
	}
	return g.expr(e, r)
}

// instantCompare compares a stored moment with a fixed instant by < or >=. It
// compares the raw column where it can.
func (g *generator) instantCompare(e plan.Expr, r row, op string, us int64) piece {
	sort := e.Type().Sort
	if g.home(e, r) != nil {
		return join(g.expr(e, r), fmt.Sprintf(" %s %d", op, g.limit(sort, us)))
	}
	if col, alias, ok := g.column(e, r); ok && g.err == nil && sort == catalog.Instant {
		if g.dialect == ClickHouse {
			return g.clickBefore(col, alias, op, us)
		}
		return join(place(col.SQL, alias), " "+op+" ", text("?", g.encode(col, us)))
	}
	return join(g.expr(e, r), fmt.Sprintf(" %s %d", op, g.limit(sort, us)))
}

// during is the test that a moment lies in a window. It is false for NULL.
func (g *generator) during(n *plan.During, r row) piece {
	w := n.Window
	sort := n.X.Type().Sort
	due, latest := timing(n.X)
	direct := false
	switch x := n.X.(type) {
	case *plan.Attr:
		direct = !latest && (!x.Login || g.schema.Guest == "" || g.scope == plan.Members)
	case *plan.Field:
		direct = true
	}
	compare := func(op string, us int64) piece {
		if direct {
			return g.instantCompare(n.X, r, op, us)
		}
		return join(g.expr(n.X, r), fmt.Sprintf(" %s %d", op, g.limit(sort, us)))
	}
	to := plan.MaxInstant
	if direct && !due {
		to = g.now()
	}
	var parts []piece
	switch w.From.Kind {
	case plan.Open:
	case plan.Moment:
		op := " >= "
		if w.From.Exclusive {
			op = " > "
		}
		parts = append(parts, g.order(n.X, op, w.From.Moment, r))
	default:
		us, _ := w.From.Instant(g.asOf, g.zone)
		parts = append(parts, compare(">=", us))
	}
	switch w.To.Kind {
	case plan.Open:
	case plan.Moment:
		op := " < "
		if w.To.Exclusive {
			op = " <= "
		}
		parts = append(parts, g.order(n.X, op, w.To.Moment, r))
	case plan.Now:
		if !w.To.Exclusive && g.past(n.X) {
			break
		}
		to = min(to, g.now())
	default:
		us, _ := w.To.Instant(g.asOf, g.zone)
		to = min(to, us)
	}
	if to != plan.MaxInstant {
		parts = append(parts, compare("<", to))
	}
	if len(parts) == 0 {
		return g.known(n.X, r)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	out := join("(", list(parts, " AND "), ")")
	out.sure = g.dialect == ClickHouse && allSure(parts)
	return out
}

// past tells whether a moment lies before as-of if it is known: a stamp of a scan, which
// has left out those after it.
func (g *generator) past(e plan.Expr) bool {
	a, ok := e.(*plan.Aggregate)
	return ok && ofStamp(a) && a.Fn != plan.Distinct
}

// order compares two moments, as their columns hold them where both do alike.
func (g *generator) order(x plan.Expr, op string, y plan.Expr, r row) piece {
	l, lcol, lok := g.bareStamp(x, r)
	m, mcol, mok := g.bareStamp(y, r)
	if lok && mok && lcol.Encoding == mcol.Encoding {
		return join(l, op, m)
	}
	return join(g.instant(x, r), op, g.instant(y, r))
}

// bareStamp is the moment of a customer's record as its column holds it, where engines
// order the column as the instants are.
func (g *generator) bareStamp(e plan.Expr, r row) (piece, Column, bool) {
	a, ok := e.(*plan.Aggregate)
	if !ok || len(r.aliases) > 0 || a.Window.From.Kind == plan.Moment || a.Window.To.Kind == plan.Moment {
		return piece{}, Column{}, false
	}
	col, ok := g.rawStamp(a)
	if !ok || col.Encoding == Native && g.dialect != Postgres {
		return piece{}, Column{}, false
	}
	return text(g.raw(g.slot(a))), col, true
}

// known is the test that a value is not missing.
func (g *generator) known(e plan.Expr, r row) piece {
	if stamp, _, ok := g.bareStamp(e, r); ok {
		return join(stamp, " IS NOT NULL").certain()
	}
	return join("(", g.expr(e, r), ") IS NOT NULL").certain()
}

// recurs is the test that a yearly day falls into a window: month and day as a
// number of three or four digits, against the ranges that the window touches.
func (g *generator) recurs(n *plan.Recurs, r row) piece {
	from, to, ok := n.Window.Fixed(g.asOf, g.zone)
	if !ok {
		return g.fail(n, "an anniversary within a moment of each customer")
	}
	x := g.expr(n.X, r)
	if n.X.Type().Sort == catalog.Instant {
		x = g.localDay(x, longAgo)
	}
	if from >= to {
		return g.always(false)
	}
	first, last := plan.LocalDay(from, g.zone), plan.LocalDay(to-1, g.zone)
	if last-first >= 366 {
		return join(x, " IS NOT NULL")
	}
	spans := yearDays(first, last)
	var md piece
	switch g.dialect {
	case SQLite:
		md = join("CAST(strftime('%m%d', (", x, ") * 86400, 'unixepoch') AS INTEGER)")
	case Postgres:
		md = join("CAST(to_char(DATE '1970-01-01' + CAST(", x, " AS INTEGER), 'MMDD') AS INTEGER)")
	case MySQL:
		md = join("CAST(DATE_FORMAT(DATE_ADD('1970-01-01', INTERVAL ", x, " DAY), '%m%d') AS SIGNED)")
	default:
		md, spans = g.yearDay(x), yearDaysOf(spans)
	}
	return g.once(md, func(md piece) piece {
		var parts []piece
		for _, span := range spans {
			parts = append(parts, join(md, fmt.Sprintf(" BETWEEN %d AND %d", span[0], span[1])))
		}
		return join("(", list(parts, " OR "), ")")
	})
}

// once writes what repeats an expression, at length. PostgreSQL would plan every copy
// of it, and SQLite run every copy: a birthday in a zone of many clock changes took
// seconds. There it is computed in a subquery of its own, which a limit keeps from
// being copied back. ClickHouse counts the parts of a statement; there it becomes the
// argument of a function.
func (g *generator) once(x piece, use func(x piece) piece) piece {
	limit := map[Dialect]string{Postgres: " OFFSET 0", SQLite: " LIMIT 1"}[g.dialect]
	out := use(x)
	switch {
	case len(out.sql) < longText || limit == "" && g.dialect != ClickHouse:
		return out
	case g.dialect == ClickHouse:
		name := g.alias(Reserved)
		return join("arrayMap("+name+" -> ", use(text(name)), ", [", x, "])[1]")
	}
	name := g.alias("v")
	return join("(SELECT ", use(text(name+".x")), " FROM (SELECT ", x, " AS x"+limit+") ", name, ")")
}

// yearDays are the month-and-day numbers of the days from first to last, as few
// ranges. 29 February falls on 1 March in common years.
func yearDays(first, last int64) [][2]int {
	var out [][2]int
	add := func(md int) {
		if n := len(out); n > 0 && (out[n-1][1]+1 == md || out[n-1][1] == md) {
			out[n-1][1] = md
			return
		}
		out = append(out, [2]int{md, md})
	}
	for day := first; day <= last; day++ {
		t := time.Unix(day*86400, 0).UTC()
		if t.Month() == time.March && t.Day() == 1 && t.AddDate(0, 0, -1).Day() == 28 {
			add(229)
		}
		add(int(t.Month())*100 + t.Day())
	}
	return out
}

// period numbers the local day, week or month of a record's stamp. The zone's
// offsets are written out as far as records can reach.
func (g *generator) period(a *plan.Aggregate, r row) piece {
	stamp := g.instant(a.Stamp, r)
	from, ok := a.Window.From.Instant(g.asOf, g.zone)
	if !ok {
		from = 0 // nobody sold anything over a computer before 1970
	}
	day := g.localDay(stamp, from)
	switch a.Fn {
	case plan.ActiveDays:
		return day
	case plan.ActiveWeeks:
		return g.floor(join("(", day, " + 3)"), 7) // 1970-01-01 was a Thursday
	}
	switch g.dialect {
	case SQLite:
		return join("strftime('%Y%m', ", day, " * 86400, 'unixepoch')")
	case Postgres:
		return join("to_char(DATE '1970-01-01' + CAST(", day, " AS INTEGER), 'YYYYMM')")
	case MySQL:
		return join("DATE_FORMAT(DATE_ADD('1970-01-01', INTERVAL ", day, " DAY), '%Y%m')")
	}
	return g.monthNumber(day)
}

// longAgo is the start of 1900, before which no customer has a moment.
const longAgo = -2_208_988_800e6

// mostOffsets is more often than any zone ever changed its offset.
const mostOffsets = 1000

// localDay is the local calendar day of a moment from then on, in days since
// 1970-01-01.
func (g *generator) localDay(us piece, from int64) piece {
	if g.dialect == ClickHouse {
		return g.floor(join("(", us, " + ", g.clickOffset(us, from), ")"), 86400e6)
	}
	return g.once(us, func(us piece) piece {
		return g.floor(join("(", us, " + ", g.offset(us, from), ")"), 86400e6)
	})
}

// offset is the zone's offset from UTC at a moment, in microseconds.
func (g *generator) offset(stamp piece, from int64) piece {
	at := time.UnixMicro(from).In(g.zone)
	cases := []any{"CASE"}
	var rows []string
	for range mostOffsets {
		_, seconds := at.Zone()
		_, end := at.ZoneBounds()
		offset := int64(seconds) * 1e6
		if end.IsZero() || !end.Before(g.asOf) {
			if g.dialect == MySQL && len(rows) > mostCopies {
				return g.looked(stamp, append(rows, fmt.Sprintf("SELECT %d AS till, %d AS v", int64(math.MaxInt64), offset)))
			}
			if len(rows) == 0 {
				return text(fmt.Sprint(offset))
			}
			return join(append(cases, fmt.Sprintf(" ELSE %d END", offset))...)
		}
		cases = append(cases, " WHEN ", stamp, fmt.Sprintf(" < %d THEN %d", end.UnixMicro(), offset))
		rows = append(rows, fmt.Sprintf("SELECT %d AS till, %d AS v", end.UnixMicro(), offset))
		at = end
	}
	return text(fmt.Sprint(math.MinInt64)) // not reached
}

// mostCopies is up to how many clock changes a MariaDB statement asks a moment one by
// one. It cannot compute the moment apart, as once does elsewhere, and a moment that is
// itself a long expression, copied hundreds of times, took a server all of its memory.
const mostCopies = 40

// looked finds the offset of a moment in a table of the changes: the first whose end
// lies after it.
func (g *generator) looked(stamp piece, rows []string) piece {
	o := g.alias("o")
	return join("(SELECT "+o+".v FROM ("+strings.Join(rows, " UNION ALL ")+") "+o+" WHERE ", stamp, " < "+o+".till ORDER BY "+o+".till LIMIT 1)")
}

// floor divides integers rounding down, also below zero: they are shifted far above
// it first, where rounding down and toward zero are the same.
func (g *generator) floor(x piece, by int64) piece {
	const shift = 30_000_000 // in units of by: days since 80,000 BC
	shifted := join("(", x, fmt.Sprintf(" + %d)", shift*by))
	switch g.dialect {
	case MySQL:
		return join("(", shifted, fmt.Sprintf(" DIV %d - %d)", by, shift))
	case ClickHouse:
		return join("(intDiv(", shifted, fmt.Sprintf(", %d) - %d)", by, shift))
	}
	return join("(", shifted, fmt.Sprintf(" / %d - %d)", by, shift))
}
