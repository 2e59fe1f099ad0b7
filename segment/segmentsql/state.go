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
	"io/fs"

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
}

// Migrations are the tables, for hosts that run their own migration tool.
func Migrations(o Options) sqlstore.Migrations {
	sub, err := fs.Sub(files, "migrations")
	if err != nil { // the folder is part of the program
		sub = files
	}
	return sqlstore.Migrations{Service: "segment", Files: sub, Prefix: o.Prefix}
}

// State is a segment.Store in a database. It is safe for concurrent use, by any
// number of processes.
type State struct {
	db      *sql.DB
	readers *sql.DB
	dialect sqlstore.Dialect
	prefix  string
	host    *sql.Tx // of a State made by WithTx
}

var _ segment.Store = (*State)(nil)

// Open brings the tables to the newest version and gives the state in them. The
// dialects that have tables are listed in the folder migrations;
// sqlstore.ErrNoMigrations is returned for others.
func Open(ctx context.Context, db *sql.DB, d sqlstore.Dialect, o Options) (*State, error) {
	if o.Readers == nil {
		o.Readers = db
	}
	if err := sqlstore.Migrate(ctx, db, d, Migrations(o)); err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = "dangol_"
	}
	return &State{db: db, readers: o.Readers, dialect: d, prefix: o.Prefix}, nil
}

// WithTx is the state inside the host's own transaction: what is written is
// durable when the host commits, and gone when it rolls back. Use it with
// segment.Service.WithState, by one goroutine, until the transaction ends; on
// SQLite the transaction must be one that took the write lock when it began.
func (s *State) WithTx(tx *sql.Tx) *State {
	c := *s
	c.host = tx
	return &c
}

// View implements segment.Store.
func (s *State) View(ctx context.Context, f func(segment.Reader) error) error {
	if s.host != nil {
		return f(&tx{ctx: ctx, q: s.host, State: s})
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
	if s.host != nil {
		return s.update(ctx, s.host, f)
	}
	return sqlstore.InTx(ctx, s.db, s.dialect, func(t *sql.Tx) error { return s.update(ctx, t, f) })
}

// update makes updates take turns: each begins by locking one row. SQLite has
// locked the database by then.
func (s *State) update(ctx context.Context, q sqlstore.Querier, f func(segment.Tx) error) error {
	t := &tx{ctx: ctx, q: q, State: s}
	if err := t.exec("UPDATE {}counters SET value = value + 1 WHERE name = ?", "update"); err != nil {
		return err
	}
	return f(t)
}

// errRows is returned when a statement changed other rows than it must.
var errRows = errors.New("segmentsql: members are not what the version says")
