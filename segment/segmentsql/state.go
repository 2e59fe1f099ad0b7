// Package segmentsql keeps the state of package segment in a database: groups,
// rules, the use ledger, members with their history, and the audit trail. The
// tables, all named <prefix>segment_..., are plain enough to be read by a host's own
// SQL; they are written by this package alone. No driver is imported: the host
// brings one.
package segmentsql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

//go:embed migrations
var files embed.FS

// Options are the options of Open and Migrations. The zero value works.
type Options struct {
	// Prefix starts the name of every table. Defaults to "dangol_".
	Prefix string
	// Readers is a second pool on the same database, for reads that must not wait
	// for a writer: on SQLite a writer's pool has a single connection. Defaults to
	// the pool given to Open.
	Readers *sql.DB
	// Clock is what leases are held by; it is set where all processes live in one
	// simulated time. Defaults to the database's clock, which is the same for all
	// processes however wrong theirs are.
	Clock dangol.Clock
}

// Migrations are the tables, for hosts that run their own migration tool.
func Migrations(prefix string) sqlstore.Migrations {
	sub, err := fs.Sub(files, "migrations")
	if err != nil { // the folder is part of the program
		sub = files
	}
	return sqlstore.Migrations{Service: "segment", Files: sub, Prefix: prefix}
}

// State is a segment.Store in a database. It is safe for concurrent use, by any
// number of processes.
type State struct {
	db      *sql.DB
	readers *sql.DB
	dialect sqlstore.Dialect
	prefix  string
	clock   dangol.Clock // nil for the database's
	joined  *sql.Tx      // the host's, when not nil
}

var _ segment.Store = (*State)(nil)

// Trail is the table of the audit trail, for hosts that partition it by month.
func Trail(prefix string) sqlstore.Monthly {
	if prefix == "" {
		prefix = "dangol_"
	}
	return sqlstore.Monthly{Table: prefix + "segment_trail", Seq: "seq", Time: "at"}
}

// Open brings the tables to the newest version and gives the state in them. The
// dialects that have tables are listed in the folder migrations;
// sqlstore.ErrNoMigrations is returned for others.
func Open(ctx context.Context, db *sql.DB, d sqlstore.Dialect, o Options) (*State, error) {
	if o.Readers == nil {
		o.Readers = db
	}
	if err := sqlstore.Migrate(ctx, db, d, Migrations(o.Prefix)); err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = "dangol_"
	}
	return &State{db: db, readers: o.Readers, dialect: d, prefix: o.Prefix, clock: o.Clock}, nil
}

// WithTx is the state inside a transaction of the host's, made by WithTx.
func (s *State) WithTx(host segment.HostTx) (segment.Store, error) {
	t, ok := host.SegmentTx().(*sql.Tx)
	if !ok || t == nil {
		return nil, fmt.Errorf("%w: want a transaction of segmentsql.WithTx, have %T", segment.ErrInvalid, host.SegmentTx())
	}
	c := *s
	c.joined = t
	return &c, nil
}

type hostTx struct{ tx *sql.Tx }

func (h hostTx) SegmentTx() any { return h.tx }

// WithTx hands a transaction of the host's to segment.Service.WithTx. It must be on the
// state's database. PostgreSQL and MariaDB need READ COMMITTED or stricter; SQLite needs
// a transaction that began as immediate. From its first change of groups on, other
// changes of groups wait for its end.
func WithTx(tx *sql.Tx) segment.HostTx { return hostTx{tx} }

// View implements segment.Store.
func (s *State) View(ctx context.Context, f func(segment.Reader) error) error {
	if s.joined != nil {
		return f(&tx{ctx: ctx, q: s.joined, State: s})
	}
	// A read-only transaction sees one state of the database, and on SQLite does
	// not take the write lock.
	t, err := s.readers.BeginTx(ctx, s.readOptions())
	if err != nil {
		return err
	}
	defer t.Rollback()
	return f(&tx{ctx: ctx, q: t, State: s})
}

func (s *State) readOptions() *sql.TxOptions {
	o := &sql.TxOptions{ReadOnly: true}
	if s.dialect == sqlstore.Postgres || s.dialect == sqlstore.MySQL {
		o.Isolation = sql.LevelRepeatableRead
	}
	return o
}

// Update implements segment.Store.
func (s *State) Update(ctx context.Context, f func(segment.Tx) error) error {
	if s.joined != nil {
		return s.update(ctx, s.joined, f)
	}
	return sqlstore.InTx(ctx, s.db, s.dialect, func(t *sql.Tx) error { return s.update(ctx, t, f) })
}

// update makes updates take turns: each begins by locking one row. SQLite has
// locked the database by then.
func (s *State) update(ctx context.Context, q sqlstore.Querier, f func(segment.Tx) error) error {
	t := &tx{ctx: ctx, q: q, State: s, writing: true}
	if err := t.exec("UPDATE {}counters SET value = value + 1 WHERE name = ?", "update"); err != nil {
		return err
	}
	return f(t)
}

// errRows is returned when a statement changed other rows than it must.
var errRows = errors.New("segmentsql: members are not what the version says")
