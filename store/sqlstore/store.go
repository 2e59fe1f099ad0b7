package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// ErrDialect is returned when a dialect cannot hold customers that change: ClickHouse
// has no transactions. OpenLoaded keeps a shop there that is loaded whole.
var ErrDialect = errors.New("sqlstore: the dialect cannot hold customers")

// Options are how a Store works. The zero value is fine.
type Options struct {
	// Prefix starts the name of every table. Defaults to "dangol_". Letters, digits
	// and underscores.
	Prefix string
	// Reader is another pool over the same database, for Customer, Select and Each.
	// Defaults to the pool that writes. SQLite wants one: its writers share a single
	// connection, which a long read would keep from them.
	Reader *sql.DB
	// Clock tells when data is read, for store.Answer. Defaults to dangol.SystemClock.
	Clock dangol.Clock
	// Batch is how many customers Each and Select hold at a time. Defaults to 1,000.
	Batch int
	// ByEval makes Select stream every customer through package eval, also where a
	// statement would do. It is slower and needs no trust in package sqlgen. Defaults
	// to false.
	ByEval bool
	// ReadOnly is for those who only ask: Open makes no tables, and no transaction may
	// write, so that a user of the database who may read is enough. Open returns
	// ErrNotLoaded where the tables are not there, ErrCatalogChanged where they are not
	// what the catalog wants. Defaults to false.
	ReadOnly bool
}

func (o Options) withDefaults(db *sql.DB) (Options, error) {
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	if !prefixForm.MatchString(o.Prefix) {
		return o, fmt.Errorf("sqlstore: table prefix %q: want letters, digits and underscores", o.Prefix)
	}
	if o.Reader == nil {
		o.Reader = db
	}
	if o.Clock == nil {
		o.Clock = dangol.SystemClock
	}
	if o.Batch <= 0 {
		o.Batch = 1000
	}
	return o, nil
}

// Store keeps customers in tables of its own, which it makes from a catalog. It
// implements store.Store, store.Loader and store.Streamer, and is safe for
// concurrent use by any number of processes. A host whose customers already have
// tables uses Mapped instead.
//
// Select answers by statements that package sqlgen makes. What those cannot do, such
// as a group whose members Query.Groups cannot list, takes the slow path: every
// customer is streamed through package eval, a batch at a time, in memory that does
// not grow with the shop. Either way all answers are of one state of the data.
type Store struct {
	db     *sql.DB
	sql    *Mapped // the same tables, for Select
	d      Dialect
	schema *store.Schema
	layout *layout
	opts   Options
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Loader   = (*Store)(nil)
	_ store.Streamer = (*Store)(nil)
)

// Open makes or extends the tables of the catalog, which must not be changed
// afterwards, and returns a store over them. A catalog that takes values for
// another type than the tables hold is ErrCatalogChanged. Pools stay the caller's
// to close.
func Open(ctx context.Context, db *sql.DB, d Dialect, c *catalog.Catalog, opts Options) (*Store, error) {
	if d != SQLite && d != Postgres && d != MySQL {
		return nil, fmt.Errorf("%w: %s", ErrDialect, d)
	}
	opts, err := opts.withDefaults(db)
	if err != nil {
		return nil, err
	}
	schema, err := store.NewSchema(c)
	if err != nil {
		return nil, err
	}
	l, err := newLayout(d, opts.Prefix, schema)
	if err != nil {
		return nil, err
	}
	ready := l.migrate
	if opts.ReadOnly {
		ready = l.present
	}
	if err := ready(ctx, db, opts.Prefix, schema); err != nil {
		return nil, d.told(ctx, err)
	}
	statements := &Mapped{
		db: opts.Reader, schema: schema, opts: MappedOptions{Clock: opts.Clock},
		m: &mapped{dialect: d, zone: time.UTC, schema: l.describe(schema)},
	}
	return &Store{db: db, sql: statements, d: d, schema: schema, layout: l, opts: opts}, nil
}

// Catalog is the vocabulary of the data.
func (s *Store) Catalog() *catalog.Catalog { return s.schema.Catalog }

// Customer reads one customer or guest, or returns store.ErrNotFound.
func (s *Store) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	var found *eval.Customer
	err := s.reading(ctx, func(tx *sql.Tx) error {
		batch, err := s.batch(ctx, tx, span{only: true, from: id})
		if err == nil && len(batch) == 1 {
			found = batch[0]
		}
		return s.d.named(err)
	})
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, store.ErrNotFound
	}
	return found, nil
}

// Each visits every customer and guest in the order of their ids, over one state
// of the data. It holds one batch of them.
func (s *Store) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	return s.reading(ctx, func(tx *sql.Tx) error {
		for c, err := range s.all(ctx, tx) {
			if err != nil {
				return err
			}
			if err := visit(c); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// Select answers the plans over one state of the data.
func (s *Store) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	var answers []store.Answer
	err := s.reading(ctx, func(tx *sql.Tx) error {
		if s.opts.ByEval {
			var err error
			answers, err = s.scan(ctx, tx, q)
			return err
		}
		var err error
		if answers, err = s.sql.selectIn(ctx, &reader{q: tx, dialect: s.d, loops: true, hashes: true}, q); err != nil {
			return s.d.named(err)
		}
		return scanRest(q, answers, func(q store.Query) ([]store.Answer, error) { return s.scan(ctx, tx, q) })
	})
	return answers, err
}

// ExplainSelect tells how Select would answer the query: by which statements, and
// why some plans have none. Those are answered by package eval.
func (s *Store) ExplainSelect(ctx context.Context, q store.Query) (string, error) {
	if s.opts.ByEval {
		return "no statements: every customer is streamed through eval\n", nil
	}
	return s.sql.ExplainSelect(ctx, q)
}

// scanRest answers by package eval what statements could not.
func scanRest(q store.Query, answers []store.Answer, scan func(store.Query) ([]store.Answer, error)) error {
	var rest []int
	plans := q.Plans
	q.Plans = nil
	for i, a := range answers {
		if no := (*plan.Unsupported)(nil); errors.As(a.Err, &no) {
			rest, q.Plans = append(rest, i), append(q.Plans, plans[i])
		}
	}
	if len(rest) == 0 {
		return nil
	}
	scanned, err := scan(q)
	for k, a := range scanned {
		answers[rest[k]] = a
	}
	return err
}

func (s *Store) scan(ctx context.Context, tx *sql.Tx, q store.Query) ([]store.Answer, error) {
	return store.Scan(ctx, q, store.ScanOptions{ReadAt: s.opts.Clock.Now()}, s.all(ctx, tx))
}

// reading runs f in a transaction that only reads one state of the data.
func (s *Store) reading(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := beginReading(ctx, s.opts.Reader, s.d, false)
	if err != nil {
		return s.d.told(ctx, err)
	}
	defer tx.Rollback() // nothing was written
	if err := f(tx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // drivers word it in their own ways
		}
		return err
	}
	return nil
}

// told is what an error of the database is to the caller: the context's, where that
// has ended, since drivers word it in their own ways, else named.
func (d Dialect) told(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return d.named(err)
}

// Apply makes all changes in one transaction, or none and returns an error. One
// that the engine rolled back for another's sake is run again, as InTx says.
func (s *Store) Apply(ctx context.Context, changes ...store.Change) error {
	if len(changes) == 0 {
		return ctx.Err()
	}
	return s.writing(ctx, InTx, func(tx *sql.Tx) error {
		w := newWriter(ctx, s, tx)
		defer w.close()
		return s.schema.EachChecked(ctx, store.Stream(changes...), w.apply)
	})
}

// Load makes all changes of the stream in one transaction, or none when it yields
// an error or a change is invalid. Into empty tables it sends many rows at once, and
// remembers the keys of two million; it fails where others write the same rows meanwhile. The stream is read once, so a load that the
// engine rolls back for another's sake is not run again.
func (s *Store) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	return s.writing(ctx, inOneTx, func(tx *sql.Tx) error {
		w := newWriter(ctx, s, tx)
		defer w.close()
		many, err := newBulk(w)
		if err != nil {
			return s.d.named(err)
		}
		err = s.schema.EachChecked(ctx, changes, func(c store.Change) error {
			taken, err := false, error(nil)
			if many != nil {
				if taken, err = many.put(c); !taken {
					many = nil
				}
			}
			if err == nil && !taken {
				err = w.apply(c)
			}
			return s.d.named(err)
		})
		if err == nil && many != nil {
			err = s.d.named(many.flush())
		}
		return err
	})
}

// inOneTx is InTx without running f again.
func inOneTx(ctx context.Context, db *sql.DB, d Dialect, f func(*sql.Tx) error) error {
	var opts *sql.TxOptions
	if d != SQLite {
		opts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return once(ctx, db, d, opts, f)
}

// writing runs f in a transaction. An ended context is told as such.
func (s *Store) writing(ctx context.Context, in func(context.Context, *sql.DB, Dialect, func(*sql.Tx) error) error, f func(*sql.Tx) error) error {
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	err := in(ctx, s.db, s.d, f)
	var bad *store.InvalidError
	if err == nil || errors.As(err, &bad) || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}
