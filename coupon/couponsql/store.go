// Package couponsql keeps the coupon service's state in a database.
//
//	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN("shop.db"))
//	store, err := couponsql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, couponsql.Options{})
//	service, err := coupon.New(store, coupon.Config{})
//
// An order and its coupons are stored together by joining the host's transaction:
//
//	tx, err := db.BeginTx(ctx, nil)
//	joined, err := service.WithTx(couponsql.WithTx(tx))
//	_, err = joined.Commit(ctx, key, order)
//	err = tx.Commit()
package couponsql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

//go:embed migrations
var files embed.FS

// Options set up a Store. The zero value works.
type Options struct {
	// Prefix starts the names of the tables. Defaults to "dangol_".
	Prefix string
	// Readers is a pool for reads outside of transactions, so that quotes do not
	// wait for SQLite's one writer. Defaults to the writers' pool.
	Readers *sql.DB
}

// Store is a coupon.Store in a database. It is safe for concurrent use, by many
// processes too.
type Store struct {
	db      *sql.DB
	write   *sqlstore.Prepared
	read    *sqlstore.Prepared
	dialect sqlstore.Dialect
	prefix  string
	sql     statements
	joined  *sql.Tx // the host's, when not nil
	cache   *definitionCache
}

// Migrations are the tables, for hosts that run their own migration tool.
func Migrations(prefix string) sqlstore.Migrations {
	return sqlstore.Migrations{Service: "coupon", Files: subdir{files}, Prefix: prefix}
}

// Ledger is the table of the coupons' ledger, for hosts that partition it by month.
// What is detached no longer counts in Results, nor for a limit that is added later;
// counters, keys and coupons are in other tables and stay as they are.
func Ledger(prefix string) sqlstore.Monthly {
	if prefix == "" {
		prefix = "dangol_"
	}
	return sqlstore.Monthly{Table: prefix + "coupon_ledger", Seq: "seq", Time: "at", Indexes: []string{"definition, seq"}, Assigned: true}
}

// Open brings the tables up to date and returns the store. It does not close db.
// The errors are those of sqlstore.Migrate.
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
		db: db, write: sqlstore.NewPrepared(db), read: sqlstore.NewPrepared(o.Readers), dialect: d, prefix: o.Prefix, sql: newStatements(d, o.Prefix),
		cache: &definitionCache{of: map[versionKey]coupon.Definition{}},
	}, nil
}

// Update runs f in one transaction, again when the engine rolled it back for
// another's sake, or when the connection broke at COMMIT: f then finds its own
// writes by their key, or writes them.
func (s *Store) Update(ctx context.Context, f func(coupon.Tx) error) error {
	if s.joined != nil {
		return f(&tx{s, s.joined, true})
	}
	err := sqlstore.InKeyedTx(ctx, s.db, s.dialect, func(t *sql.Tx) error { return f(&tx{s, s.write.In(t), true}) })
	s.write.Learn(ctx)
	return err
}

// View runs f on committed rows; statements may see different moments.
func (s *Store) View(ctx context.Context, f func(coupon.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.joined != nil {
		return f(&tx{s, s.joined, false})
	}
	err := f(&tx{s, s.read.In(nil), false})
	s.read.Learn(ctx)
	return err
}

// Close gives back what the store holds of the pools. It does not close them, and
// does nothing to a store that has joined a transaction.
func (s *Store) Close() error {
	if s.joined != nil {
		return nil
	}
	return errors.Join(s.write.Close(), s.read.Close())
}

// WithTx is the store inside a transaction of the host's, made by WithTx.
func (s *Store) WithTx(host coupon.HostTx) (coupon.Store, error) {
	t, ok := host.CouponTx().(*sql.Tx)
	if !ok || t == nil {
		return nil, fmt.Errorf("%w: want a transaction of couponsql.WithTx, have %T", coupon.ErrRequest, host.CouponTx())
	}
	joined := *s
	joined.joined = t
	return &joined, nil
}

type hostTx struct{ tx *sql.Tx }

func (h hostTx) CouponTx() any { return h.tx }

// WithTx hands a transaction of the host's to coupon.Service.WithTx. It must be on
// the store's database. PostgreSQL and MariaDB need READ COMMITTED or stricter;
// SQLite needs a transaction that began as immediate.
func WithTx(tx *sql.Tx) coupon.HostTx { return hostTx{tx} }

// tx is one transaction, or committed rows when it only views.
type tx struct {
	*Store
	q       sqlstore.Querier
	writing bool
}

func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if !t.writing {
		return 0, fmt.Errorf("%w: a View does not write", coupon.ErrRequest)
	}
	res, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("couponsql: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("couponsql: %w", err)
	}
	return n, nil
}

// replaced turns the count of a guarded update into ErrConflict.
func replaced(n int64, err error) error {
	if err == nil && n != 1 {
		return coupon.ErrConflict
	}
	return err
}

// locking adds the clause that locks what an update reads.
func (t *tx) locking(query string) string {
	if t.writing {
		return query + t.dialect.ForUpdate()
	}
	return query
}

// definitionCache keeps decoded versions, which never change.
type definitionCache struct {
	mu sync.Mutex
	of map[versionKey]coupon.Definition
}

type versionKey struct {
	id      string
	version int64
}

const cachedVersions = 10_000

func (c *definitionCache) get(k versionKey) (coupon.Definition, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.of[k]
	return d, ok
}

func (c *definitionCache) put(k versionKey, d coupon.Definition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) >= cachedVersions {
		clear(c.of)
	}
	c.of[k] = d
}

// list renders names for an IN or INSERT.
func placeholders(rows, columns int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", columns), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
}
