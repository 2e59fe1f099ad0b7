// Package messagesql keeps the state of package message in a database: campaigns,
// the ledger of occurrences, recipients with their verdicts, deliveries, consents.
//
// The tables are plain (one column a value, times in microseconds since 1970 UTC, 0
// for none), so that a host may read them, and rules read <prefix>message_deliveries
// as records of kind "messages". Only this package may write them.
//
// Transactions run one after the other: on SQLite since it has one writer, elsewhere
// since each one begins by locking one row. That is what message.Store promises, and
// fast enough for messages, which wait for providers.
package messagesql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

//go:embed sqlite postgres mysql
var files embed.FS

// Migrations are the package's tables.
func Migrations(prefix string) sqlstore.Migrations {
	return sqlstore.Migrations{Service: "message", Files: files, Prefix: prefix}
}

// Options set up a Store. The zero value works.
type Options struct {
	// Prefix starts the names of the tables. Defaults to "dangol_".
	Prefix string
	// Readers is a pool for transactions that only read, so that they do not wait for
	// SQLite's one writer. Defaults to the writers' pool.
	Readers *sql.DB
	// Clock is what claims are held by; it is set where all processes live in one
	// simulated time. Defaults to the database's clock, which is the same for all
	// processes however wrong theirs are.
	Clock dangol.Clock
}

// Store implements message.Store. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	readers *sql.DB
	write   *sqlstore.Prepared
	read    *sqlstore.Prepared
	dialect sqlstore.Dialect
	prefix  string
	clock   dangol.Clock // nil for the database's
	joined  *sql.Tx      // the host's, when not nil
	texts   *texts
}

// texts are statements by what they do, each made once.
type texts struct {
	mu sync.Mutex
	of map[string]string
}

// Open migrates the tables to the newest version and returns the store. It does not
// close db, which for SQLite is opened with sqlstore.SQLiteDSN and limited by
// sqlstore.SQLiteWriter. The errors are those of sqlstore.Migrate.
func Open(ctx context.Context, db *sql.DB, d sqlstore.Dialect, o Options) (*Store, error) {
	if o.Prefix == "" {
		o.Prefix = "dangol_"
	}
	if o.Readers == nil {
		o.Readers = db
	}
	if err := sqlstore.Migrate(ctx, db, d, Migrations(o.Prefix)); err != nil {
		return nil, err
	}
	return &Store{
		db: db, readers: o.Readers, write: sqlstore.NewPrepared(db), read: sqlstore.NewPrepared(o.Readers),
		dialect: d, prefix: o.Prefix + "message_", clock: o.Clock, texts: &texts{of: map[string]string{}},
	}, nil
}

// Close gives back what the store holds of the pools. It does not close them, and does
// nothing to a store that has joined a transaction.
func (s *Store) Close() error {
	if s.joined != nil {
		return nil
	}
	return errors.Join(s.write.Close(), s.read.Close())
}

// WithTx implements message.Store.
func (s *Store) WithTx(host message.HostTx) (message.Store, error) {
	t, ok := host.MessageTx().(*sql.Tx)
	if !ok || t == nil {
		return nil, fmt.Errorf("%w: want a transaction of messagesql.WithTx, have %T", message.ErrHostTx, host.MessageTx())
	}
	c := *s
	c.joined = t
	return &c, nil
}

type hostTx struct{ tx *sql.Tx }

func (h hostTx) MessageTx() any { return h.tx }

// WithTx hands a transaction of the host's to message.Service.WithTx. It must be on the
// store's database. PostgreSQL needs READ COMMITTED, its default; SQLite needs a
// transaction that began as immediate. From its first write on, all that send wait for
// its end.
func WithTx(tx *sql.Tx) message.HostTx { return hostTx{tx} }

// Update implements message.Store.
func (s *Store) Update(ctx context.Context, f func(tx message.Tx) error) error {
	if s.joined != nil {
		if err := s.current(ctx); err != nil {
			return err
		}
		return s.update(ctx, s.joined, f)
	}
	err := sqlstore.InKeyedTx(ctx, s.db, s.dialect, func(t *sql.Tx) error { return s.update(ctx, s.write.In(t), f) })
	s.write.Learn(ctx)
	return err
}

// update makes updates take turns: each begins by locking one row. SQLite has locked
// the database by then.
func (s *Store) update(ctx context.Context, q sqlstore.Querier, f func(tx message.Tx) error) error {
	if lock := s.dialect.ForUpdate(); lock != "" {
		var n int64
		err := q.QueryRowContext(ctx, "SELECT value FROM "+s.name("counters")+" WHERE name = 'lock'"+lock).Scan(&n)
		if err != nil {
			return fmt.Errorf("messagesql: lock: %w", err)
		}
	}
	return f(&tx{ctx, s, q, true})
}

// current refuses a host's transaction that would read, after its turn has come, what
// was there before it. MariaDB does too unless told otherwise, but there reads that
// lock see what is there now.
func (s *Store) current(ctx context.Context) error {
	if s.dialect != sqlstore.Postgres {
		return nil
	}
	var level string
	if err := s.joined.QueryRowContext(ctx, "SELECT current_setting('transaction_isolation')").Scan(&level); err != nil {
		return fmt.Errorf("messagesql: isolation: %w", err)
	}
	if level != "read committed" {
		return fmt.Errorf("%w: it is %s, and has to be read committed", message.ErrHostTx, level)
	}
	return nil
}

// View implements message.Store.
func (s *Store) View(ctx context.Context, f func(tx message.Tx) error) error {
	if s.joined != nil {
		return f(&tx{ctx, s, s.joined, false})
	}
	defer s.read.Learn(ctx) // after the transaction gave its connection back
	opts := &sql.TxOptions{ReadOnly: true}
	if s.dialect != sqlstore.SQLite {
		opts.Isolation = sql.LevelRepeatableRead
	}
	sqlTx, err := s.readers.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("messagesql: begin: %w", err)
	}
	defer sqlTx.Rollback()
	return f(&tx{ctx, s, s.read.In(sqlTx), false})
}

func (s *Store) name(table string) string { return s.dialect.Quote(s.prefix + table) }

// text is the statement under a name, made once.
func (s *Store) text(name string, make func() string) string {
	s.texts.mu.Lock()
	defer s.texts.mu.Unlock()
	t, ok := s.texts.of[name]
	if !ok {
		t = s.dialect.Rebind(make())
		s.texts.of[name] = t
	}
	return t
}

// tx is one transaction.
type tx struct {
	ctx   context.Context
	s     *Store
	q     sqlstore.Querier
	write bool
}

// Now implements message.Clocked.
func (t *tx) Now() (time.Time, error) {
	if t.s.clock != nil {
		return t.s.clock.Now().UTC().Truncate(time.Microsecond), nil
	}
	return t.s.dialect.Clock(t.ctx, t.q)
}

func (t *tx) columns(cols []message.Column) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = t.s.dialect.Quote(c.Name)
	}
	return strings.Join(names, ", ")
}

// byKey is the condition that names one row.
func (t *tx) byKey(table *message.Table) string {
	var where []string
	for _, c := range table.Columns[:table.Key] {
		where = append(where, t.s.dialect.Quote(c.Name)+" = ?")
	}
	return " FROM " + t.s.name(table.Name) + " WHERE " + strings.Join(where, " AND ")
}

func (t *tx) Get(table *message.Table, key ...any) (message.Row, error) {
	if len(key) != table.Key {
		return nil, fmt.Errorf("messagesql: a key of %s has %d values instead of %d", table.Name, len(key), table.Key)
	}
	text := t.s.text("get "+table.Name, func() string { return "SELECT " + t.columns(table.Columns) + t.byKey(table) })
	rows, err := t.query(table, text, key)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

func (t *tx) query(table *message.Table, text string, args []any) (out []message.Row, err error) {
	if t.s.joined != nil && t.write && t.s.dialect == sqlstore.MySQL {
		text += t.s.dialect.ForShare() // see current
	}
	rows, err := t.q.QueryContext(t.ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("messagesql: read %s: %w", table.Name, err)
	}
	defer rows.Close()
	texts := make([]string, len(table.Columns))
	numbers := make([]int64, len(table.Columns))
	targets := make([]any, len(table.Columns))
	for i, c := range table.Columns {
		if c.Type == message.TextColumn {
			targets[i] = &texts[i]
		} else {
			targets[i] = &numbers[i]
		}
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("messagesql: read %s: %w", table.Name, err)
		}
		row := make(message.Row, len(table.Columns))
		for i, c := range table.Columns {
			if c.Type == message.TextColumn {
				row[i] = texts[i]
			} else {
				row[i] = numbers[i]
			}
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("messagesql: read %s: %w", table.Name, err)
	}
	return out, nil
}

func (t *tx) insert(table *message.Table) string {
	return "INSERT INTO " + t.s.name(table.Name) + " (" + t.columns(table.Columns) + ") VALUES (?" +
		strings.Repeat(", ?", len(table.Columns)-1) + ")"
}

func names(cols []message.Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

// check refuses rows that are not the table's.
func (t *tx) check(table *message.Table, row message.Row) error {
	switch {
	case !t.write:
		return message.ErrReadOnly
	case len(row) != len(table.Columns):
		return fmt.Errorf("messagesql: a row of %s has %d values instead of %d", table.Name, len(row), len(table.Columns))
	}
	for i, c := range table.Columns {
		_, isText := row[i].(string)
		_, isInt := row[i].(int64)
		if c.Type == message.TextColumn && !isText || c.Type == message.IntColumn && !isInt {
			return fmt.Errorf("messagesql: column %s of %s cannot hold a %T", c.Name, table.Name, row[i])
		}
	}
	return nil
}

func (t *tx) exec(table *message.Table, text string, row message.Row) (int64, error) {
	if err := t.check(table, row); err != nil {
		return 0, err
	}
	res, err := t.q.ExecContext(t.ctx, text, row...)
	if err != nil {
		return 0, fmt.Errorf("messagesql: write %s: %w", table.Name, err)
	}
	return res.RowsAffected()
}

func (t *tx) Insert(table *message.Table, row message.Row) (bool, error) {
	text := t.s.text("insert "+table.Name, func() string {
		return t.insert(table) + t.s.dialect.DoNothing(names(table.Columns[:table.Key])...)
	})
	n, err := t.exec(table, text, row)
	return n > 0, err
}

func (t *tx) Put(table *message.Table, row message.Row) error {
	text := t.s.text("put "+table.Name, func() string {
		return t.insert(table) + t.s.dialect.DoUpdate(names(table.Columns[:table.Key]), names(table.Columns[table.Key:])...)
	})
	_, err := t.exec(table, text, row)
	return err
}

func (t *tx) Delete(table *message.Table, key ...any) error {
	switch {
	case !t.write:
		return message.ErrReadOnly
	case len(key) != table.Key:
		return fmt.Errorf("messagesql: a key of %s has %d values instead of %d", table.Name, len(key), table.Key)
	}
	text := t.s.text("delete "+table.Name, func() string { return "DELETE" + t.byKey(table) })
	if _, err := t.q.ExecContext(t.ctx, text, key...); err != nil {
		return fmt.Errorf("messagesql: delete from %s: %w", table.Name, err)
	}
	return nil
}

func (t *tx) Scan(table *message.Table, r message.Range) ([]message.Row, error) {
	order := table.Order(r.Index)
	var args []any
	shape := fmt.Sprintf("scan %s %d %d %t %t %t %t %t", table.Name, r.Index, len(r.Equal), r.From != nil, r.To != nil, r.After != nil, r.Limit > 0, r.Desc)
	text := t.s.text(shape, func() string { return t.scanText(table, r, order) })
	args = append(args, r.Equal...)
	if r.From != nil {
		args = append(args, r.From)
	}
	if r.To != nil {
		args = append(args, r.To)
	}
	if r.After != nil {
		for _, c := range order[len(r.Equal):] {
			args = append(args, r.After[c])
		}
	}
	if r.Limit > 0 {
		args = append(args, int64(r.Limit))
	}
	return t.query(table, text, args)
}

func (t *tx) scanText(table *message.Table, r message.Range, order []int) string {
	quoted := func(c int) string { return t.s.dialect.Quote(table.Columns[c].Name) }
	var where []string
	for _, c := range order[:len(r.Equal)] {
		where = append(where, quoted(c)+" = ?")
	}
	if r.From != nil {
		where = append(where, quoted(order[len(r.Equal)])+" >= ?")
	}
	if r.To != nil {
		where = append(where, quoted(order[len(r.Equal)])+" < ?")
	}
	direction, beyond := "", " > "
	if r.Desc {
		direction, beyond = " DESC", " < "
	}
	rest := order[len(r.Equal):]
	if r.After != nil && len(rest) > 0 {
		cols := make([]string, len(rest))
		for i, c := range rest {
			cols[i] = quoted(c)
		}
		where = append(where, "("+strings.Join(cols, ", ")+")"+beyond+"(?"+strings.Repeat(", ?", len(rest)-1)+")")
	}
	text := "SELECT " + t.columns(table.Columns) + " FROM " + t.s.name(table.Name)
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	if len(rest) > 0 {
		cols := make([]string, len(rest))
		for i, c := range rest {
			cols[i] = quoted(c) + direction
		}
		text += " ORDER BY " + strings.Join(cols, ", ")
	}
	if r.Limit > 0 {
		text += " LIMIT ?"
	}
	return text
}
