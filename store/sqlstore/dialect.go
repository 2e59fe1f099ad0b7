package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Dialect names a database engine and knows what its SQL does differently.
// Statements are written once, with ? for arguments, and go through Rebind.
type Dialect uint8

const (
	SQLite     Dialect = iota + 1
	Postgres           // PostgreSQL 15 and later
	MySQL              // MySQL and MariaDB
	ClickHouse         // customer data only: it has no transactions for state
)

// String is the dialect's name, which is also its folder in Migrations.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "sqlite"
	case Postgres:
		return "postgres"
	case MySQL:
		return "mysql"
	case ClickHouse:
		return "clickhouse"
	}
	return "unknown dialect " + strconv.Itoa(int(d))
}

// Rebind turns the ? placeholders of a statement into the dialect's own. A ?
// inside quotes stays.
func (d Dialect) Rebind(query string) string {
	if d != Postgres {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	var quote byte
	n := 0
	for i := range len(query) {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Quote makes an identifier of any name.
func (d Dialect) Quote(name string) string {
	if d == ClickHouse { // where a backslash begins an escape
		return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
	}
	q := `"`
	if d == MySQL {
		q = "`"
	}
	return q + strings.ReplaceAll(name, q, q+q) + q
}

// DoNothing is the end of an INSERT that leaves an existing row alone. The
// affected rows tell whether the row is new. The key is the conflicting unique
// key's columns; MariaDB takes any unique key of the table, so a table that is
// inserted this way should have one, and its driver counts right only while
// clientFoundRows is off, which is the default.
func (d Dialect) DoNothing(key ...string) string {
	if d == MySQL {
		k := d.Quote(key[0])
		return " ON DUPLICATE KEY UPDATE " + k + " = " + k
	}
	return " ON CONFLICT (" + d.quoteAll(key) + ") DO NOTHING"
}

// DoUpdate is the end of an INSERT that overwrites the named columns of an
// existing row with the inserted values.
func (d Dialect) DoUpdate(key []string, set ...string) string {
	var b strings.Builder
	if d == MySQL {
		b.WriteString(" ON DUPLICATE KEY UPDATE ")
	} else {
		b.WriteString(" ON CONFLICT (" + d.quoteAll(key) + ") DO UPDATE SET ")
	}
	for i, col := range set {
		if i > 0 {
			b.WriteString(", ")
		}
		col = d.Quote(col)
		if d == MySQL {
			b.WriteString(col + " = VALUES(" + col + ")")
		} else {
			b.WriteString(col + " = excluded." + col)
		}
	}
	return b.String()
}

func (d Dialect) quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = d.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// ForUpdate is the end of a SELECT that locks the rows it reads until the
// transaction ends. SQLite locks the whole database instead and has no such
// clause. No engine but MariaDB locks rows that are absent.
func (d Dialect) ForUpdate() string {
	if d == Postgres || d == MySQL {
		return " FOR UPDATE"
	}
	return ""
}

// ForShare is the end of a SELECT that keeps others from changing the rows it
// reads until the transaction ends, while they may read and share them. See
// ForUpdate.
func (d Dialect) ForShare() string {
	switch d {
	case Postgres:
		return " FOR SHARE"
	case MySQL:
		return " LOCK IN SHARE MODE"
	}
	return ""
}

// Clock reads the database's clock. It is one for all processes, however wrong their
// own are, so leases are held by it; business time is the host's. It is exact to the
// millisecond at least.
func (d Dialect) Clock(ctx context.Context, q Querier) (time.Time, error) {
	var now string
	switch d {
	case SQLite:
		now = "CAST(unixepoch('subsec') * 1000000 AS integer)"
	case Postgres: // now() is when the transaction began, before it waited for locks
		now = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
	case MySQL: // UNIX_TIMESTAMP errs in the hour that a clock change repeats
		now = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
	default:
		return time.Time{}, fmt.Errorf("sqlstore: %s keeps no state and has no clock for it", d)
	}
	var us int64
	if err := q.QueryRowContext(ctx, "SELECT "+now).Scan(&us); err != nil {
		return time.Time{}, fmt.Errorf("sqlstore: the database's clock: %w", err)
	}
	return time.UnixMicro(us).UTC(), nil
}

// Retryable tells whether the engine certainly rolled the transaction back for
// the sake of another one (busy, deadlock, serialization failure, lock wait),
// so that running it again is safe and may succeed. Drivers are known by their
// errors' shape, none is imported: `SQLState() string` (pgx, lib/pq), `Code()
// int` (modernc SQLite), a field `Number uint16` (go-sql-driver/mysql).
func (d Dialect) Retryable(err error) bool {
	switch d {
	case SQLite:
		var e interface{ Code() int }
		if !errors.As(err, &e) {
			return false
		}
		primary := e.Code() & 0xff // extended codes keep the primary one below
		return primary == 5 || primary == 6
	case Postgres:
		var e interface{ SQLState() string }
		if !errors.As(err, &e) {
			return false
		}
		switch e.SQLState() {
		case "40001", "40P01", "55P03":
			return true
		}
	case MySQL:
		switch mysqlNumber(err) {
		case 1205, 1213, 1020: // lock wait timeout, deadlock, changed since read
			return true
		}
	}
	return false
}

// mysqlNumber is the server's error number, which the driver gives as a plain
// field that no interface can name. 0 is none.
func mysqlNumber(err error) uint64 {
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		if f := v.FieldByName("Number"); f.IsValid() && f.Kind() == reflect.Uint16 {
			return f.Uint()
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return mysqlNumber(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if n := mysqlNumber(inner); n != 0 {
				return n
			}
		}
	}
	return 0
}

// SQLiteDSN is a data source name for a SQLite file as modernc.org/sqlite reads
// it, with what this module's state needs: transactions that take the write lock
// when they begin (one that reads first and writes later fails with BUSY under
// load), a wait of ten seconds for other processes, foreign keys, write-ahead
// log, full sync, so that what was committed survives a power cut, and a cache of
// 16 MB instead of 2.
//
// Give the writer a pool of its own and call SQLiteWriter on it; readers that
// must not wait for writers open the same file a second time.
func SQLiteDSN(path string) string {
	q := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16384)"},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// has tells whether there is such a table.
func (d Dialect) has(ctx context.Context, q Querier, table string) (bool, error) {
	query := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
	switch d {
	case SQLite:
		query = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
	case Postgres:
		query, table = "SELECT COUNT(to_regclass(?))", d.Quote(table)
	}
	n := 0
	err := q.QueryRowContext(ctx, d.Rebind(query), table).Scan(&n)
	return n > 0, err
}

// SQLiteWriter sets a pool that SQLite's writers share to one connection: the
// engine has one writer at a time, and waiting in the pool is fair and cheap
// where waiting for the file's lock is neither. It returns db.
func SQLiteWriter(db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(1)
	return db
}
