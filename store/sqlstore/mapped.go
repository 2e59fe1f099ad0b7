package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// ErrReadOnly is returned by Apply of a store over a host's own tables, which the host
// writes itself, and by Apply and Load of a Store with Options.ReadOnly.
var ErrReadOnly = errors.New("sqlstore: the tables are only read")

// Mapped answers rules from a host's own tables, with statements made by package
// sqlgen, in transactions that only read, so that db may be a pool of connections
// that can do nothing else. A statement that is the only one runs without a transaction on
// MariaDB, and on PostgreSQL where the pool's connections are set up for it. WriteMembers
// alone writes, in the host's transaction. It is safe for concurrent use.
type Mapped struct {
	db     *sql.DB
	m      *mapped
	schema *store.Schema
	opts   MappedOptions
	single bool // whether a statement sees one state of the data without a transaction

	// crowded is the latest as-of, in microseconds, of which more customers than
	// sqlgen.MostLate were seen to have joined late. Nothing but time is lost where it is
	// not so any more.
	crowded atomic.Int64
}

// MappedOptions set up a Mapped store. The zero value works.
type MappedOptions struct {
	// Timeout bounds each call. Defaults to none but the context's.
	Timeout time.Duration
	// Clock stamps answers. Defaults to dangol.SystemClock.
	Clock dangol.Clock
}

var (
	_ store.Store    = (*Mapped)(nil)
	_ store.Streamer = (*Mapped)(nil)
)

// OpenMapped checks the mapping against the catalog and the database, and returns
// the store. It does not close db. Errors about the mapping are *MappingError and
// name the entry.
//
// ClickHouse has no transactions: what other engines read of one state of the data, the
// cuts of ranks and the members, is there read by one statement after another.
func OpenMapped(ctx context.Context, db *sql.DB, d Dialect, cat *catalog.Catalog, m Mapping, o MappedOptions) (*Mapped, error) {
	if d < SQLite || d > ClickHouse {
		return nil, fmt.Errorf("%w: %s", ErrDialect, d)
	}
	schema, err := store.NewSchema(cat)
	if err != nil {
		return nil, err
	}
	ready, err := m.ready(d, schema)
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = dangol.SystemClock
	}
	s := &Mapped{db: db, m: ready, schema: schema, opts: o}
	if d == ClickHouse {
		if err := s.precise(ctx); err != nil {
			return nil, d.unread(ctx, err)
		}
	}
	switch d {
	case MySQL:
		s.single, err = statesAlone(ctx, db)
	case Postgres:
		s.single, err = plansAlone(ctx, db)
	}
	if err != nil {
		return nil, d.told(ctx, err)
	}
	if err := s.verify(ctx); err != nil {
		return nil, d.unread(ctx, err)
	}
	return s, nil
}

// unread is why a mapping could not be verified: what is wrong with it, or what happened
// to the connection, which is no fault of the mapping's.
func (d Dialect) unread(ctx context.Context, err error) error {
	if lost := d.told(ctx, err); !errors.As(lost, new(*MappingError)) || errors.Is(lost, ErrLost) {
		return lost
	}
	return err
}

// Catalog implements store.Store.
func (s *Mapped) Catalog() *catalog.Catalog { return s.schema.Catalog }

// Apply implements store.Store: it returns ErrReadOnly.
func (s *Mapped) Apply(context.Context, ...store.Change) error { return ErrReadOnly }

func (s *Mapped) dialect() sqlgen.Dialect { return sqlgen.Dialect(s.m.dialect.String()) }

// bound gives a call its time.
func (s *Mapped) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.opts.Timeout)
}
