package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// loadID names a load. Its tables are called <prefix><load>_customers and so on, in ten
// digits: no name of a catalog begins with one.
type loadID uint64

func newLoadID() loadID { return loadID(rand.Uint64N(1e10)) }

func (id loadID) String() string { return fmt.Sprintf("%010d", uint64(id)) }

func (s *Loaded) prefix(id loadID) string { return s.opts.Prefix + id.String() + "_" }

// ledgerName is that of the ledger of what is loaded; token that of a load that is not
// finished. Who renames the token publishes, who drops it forbids that: one of the two
// happens, since a table is renamed or dropped once.
func (s *Loaded) ledgerName() string        { return s.opts.Prefix + "columns" }
func (s *Loaded) token(id loadID) string    { return s.prefix(id) + "columns" }
func (s *Loaded) quoted(name string) string { return ClickHouse.Quote(name) }

func (s *Loaded) layoutOf(id loadID) (*layout, error) {
	return newLayout(ClickHouse, s.prefix(id), s.schema)
}

// ledger is what a load tells of itself.
type ledger struct {
	load   loadID
	digest string                       // of its changes
	known  map[string]map[string]string // how columns are declared, by table and column
}

// ledger reads what is loaded, nil for nothing.
func (s *Loaded) ledger(ctx context.Context) (*ledger, error) {
	var there int64
	if err := s.db.QueryRowContext(ctx, "EXISTS TABLE "+s.quoted(s.ledgerName())).Scan(&there); err != nil {
		return nil, fmt.Errorf("sqlstore: look what is loaded: %w", err)
	}
	if there == 0 {
		return nil, nil
	}
	rows, err := s.db.QueryContext(ctx, "SELECT of_table, name, declared FROM "+s.quoted(s.ledgerName()))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read the ledger of columns: %w", err)
	}
	defer rows.Close()
	out := &ledger{known: map[string]map[string]string{}}
	loads := 0
	for rows.Next() {
		var table, name, declared string
		if err := rows.Scan(&table, &name, &declared); err != nil {
			return nil, fmt.Errorf("sqlstore: read the ledger of columns: %w", err)
		}
		switch {
		case table == "" && name == "load":
			loads++
			if _, err := fmt.Sscanf(declared, "%d", (*uint64)(&out.load)); err != nil {
				return nil, fmt.Errorf("sqlstore: the ledger of columns: the load %q: %w", declared, err)
			}
		case table == "" && name == "digest":
			out.digest = declared
		case out.known[table] == nil:
			out.known[table] = map[string]string{name: declared}
		default:
			out.known[table][name] = declared
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: read the ledger of columns: %w", err)
	}
	if loads != 1 {
		return nil, fmt.Errorf("sqlstore: the table %s is not a load's ledger", s.ledgerName())
	}
	return out, nil
}

// rows are what the ledger of a load holds.
func (s *Loaded) ledgerRows(id loadID, digest string) [][]any {
	out := [][]any{{"", "load", id.String()}, {"", "digest", digest}}
	for _, t := range s.schema.Tables() {
		out = append(out, []any{s.opts.Prefix + t.Rows, "", "table"})
		for _, c := range t.Columns {
			out = append(out, []any{s.opts.Prefix + t.Rows, c.Name, declared(c.Type)})
		}
	}
	return out
}

func (s *Loaded) exec(ctx context.Context, query string) error {
	err := apart(ctx, s.db, ClickHouse, func(conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, query)
		return err
	})
	if err != nil {
		return fmt.Errorf("sqlstore: %s: %w", strings.SplitN(query, "\n", 2)[0], err)
	}
	return nil
}

// mergeTrees create the tables of a load. Rows lie in the order of their time, so that
// a window reads the end of a table; the moment is an integer of microseconds, which
// servers of 2018 have too. Only what may be missing is Nullable.
func (l *layout) mergeTrees() []string {
	q := l.dialect.Quote
	var out []string
	for _, t := range l.tables {
		var lines []string
		for _, name := range t.fixed() {
			typ := "String"
			switch name {
			case guestColumn:
				typ = "UInt8"
			case bucketColumn:
				typ = "Int64"
			}
			lines = append(lines, q(name)+" "+typ)
		}
		for _, c := range t.columns {
			lines = append(lines, q(c.Name)+" Nullable("+clickType(c.Type)+")")
		}
		out = append(out, mergeTree(q(t.name), lines, t.order(q)))
		for _, set := range t.sets {
			out = append(out, mergeTree(q(set.read), []string{"owner String", "item String"}, "owner, item"))
		}
	}
	return out
}

func mergeTree(name string, lines []string, order string) string {
	return "CREATE TABLE " + name + " (\n  " + strings.Join(lines, ",\n  ") + ")\nENGINE = MergeTree ORDER BY (" + order + ")"
}

func clickType(t catalog.Type) string {
	switch t.Sort {
	case catalog.String, catalog.Enum:
		return "String"
	case catalog.Bool:
		return "UInt8"
	}
	return "Int64"
}

// order is that of a table's rows. A sorting key takes nothing Nullable.
func (t *ownTable) order(q func(string) string) string {
	switch {
	case t.of.Kind == "" || t.of.Dimension:
		return q(idColumn)
	case t.of.Time != "":
		return "ifNull(" + q(t.of.Time) + ", 0), " + q(customerColumn) + ", " + q(idColumn)
	}
	return q(customerColumn) + ", " + q(idColumn)
}

// show gives what is loaded the names that people and printed statements use: views
// <prefix>customers and so on. The library itself does not read them.
func (s *Loaded) show(ctx context.Context, l *layout, before *ledger) error {
	views := s.views(l)
	for _, name := range before.views() {
		if views[name] == "" { // the catalog does not have it any more
			if err := s.exec(ctx, "DROP TABLE IF EXISTS "+s.quoted(name)); err != nil {
				return err
			}
		}
	}
	for short, name := range views {
		if err := s.exec(ctx, "DROP TABLE IF EXISTS "+s.quoted(short)); err != nil {
			return err
		}
		if err := s.exec(ctx, "CREATE VIEW "+s.quoted(short)+" AS SELECT * FROM "+s.quoted(name)); err != nil {
			return err
		}
	}
	return nil
}

// views are the tables by the names that they are shown under.
func (s *Loaded) views(l *layout) map[string]string {
	out := map[string]string{}
	for of, t := range l.tables {
		out[s.opts.Prefix+of.Rows] = t.name
		for _, set := range t.sets {
			out[s.opts.Prefix+of.Rows+"__"+set.column.Name] = set.read
		}
	}
	return out
}

// views are the names under which a load was shown.
func (l *ledger) views() []string {
	var out []string
	if l == nil {
		return nil
	}
	for table, columns := range l.known {
		out = append(out, table)
		for name, declared := range columns {
			if declared == "set" {
				out = append(out, table+"__"+name)
			}
		}
	}
	return out
}

// listings is how often the tables are listed at most. A server of 2018 fails to where one
// of them is dropped meanwhile, which another load may do.
const listings = 20

// there are the tables of the database by their engines.
func (s *Loaded) there(ctx context.Context) (out map[string]string, err error) {
	for range listings {
		if out, err = s.listed(ctx); err == nil || ctx.Err() != nil || ClickHouse.lost(err) {
			break
		}
	}
	return out, err
}

func (s *Loaded) listed(ctx context.Context) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
	if err != nil {
		return nil, fmt.Errorf("sqlstore: list tables: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			return nil, fmt.Errorf("sqlstore: list tables: %w", err)
		}
		out[name] = engine
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: list tables: %w", err)
	}
	return out, nil
}

// clean drops what other loads left behind, but not what is loaded. It must be called
// after the own token is made: of two loads at least one then sees the other's. Tokens
// go first and must be there to be dropped; after that their loads cannot publish.
func (s *Loaded) clean(ctx context.Context, own loadID) error {
	list, err := s.there(ctx)
	if err != nil {
		return err
	}
	l, err := s.layoutOf(own)
	if err != nil {
		return err
	}
	for short := range s.views(l) {
		if engine, ok := list[short]; ok && engine != "View" {
			return fmt.Errorf("%w: the table %s is in the way: it is no view of a load", ErrLoaded, short)
		}
	}
	// Read after the list: a load that published meanwhile is not taken for a leftover.
	now, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	left := regexp.MustCompile("^" + s.opts.Prefix + "([0-9]{10})_")
	keep := map[string]bool{own.String(): true}
	if now != nil {
		keep[now.load.String()] = true
	}
	var tokens, others []string
	for name := range list {
		of := left.FindStringSubmatch(name)
		switch {
		case of == nil:
		case now != nil && name == s.token(now.load): // the ledger that it replaced
			others = append(others, name)
		case keep[of[1]]:
		case name == s.opts.Prefix+of[1]+"_columns":
			tokens = append(tokens, name)
		default:
			others = append(others, name)
		}
	}
	for _, name := range tokens {
		if err := s.exec(ctx, "DROP TABLE "+s.quoted(name)); err != nil {
			return fmt.Errorf("%w: %w", ErrOvertaken, err)
		}
	}
	for _, name := range others {
		if err := s.exec(ctx, "DROP TABLE IF EXISTS "+s.quoted(name)); err != nil {
			return err
		}
	}
	return nil
}

// discard drops the tables of a load, its token first.
func (s *Loaded) discard(ctx context.Context, id loadID) error {
	if err := s.exec(ctx, "DROP TABLE IF EXISTS "+s.quoted(s.token(id))); err != nil {
		return err
	}
	list, err := s.there(ctx)
	if err != nil {
		return err
	}
	for name := range list {
		if strings.HasPrefix(name, s.prefix(id)) {
			if err := s.exec(ctx, "DROP TABLE IF EXISTS "+s.quoted(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// columnsOf are those of a table of a load, in the order of rows.
func (t *ownTable) columnsOf() []string {
	names := t.fixed()
	for _, c := range t.columns {
		names = append(names, c.Name)
	}
	return names
}
