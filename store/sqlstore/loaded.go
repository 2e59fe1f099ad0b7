package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// ErrNotLoaded is returned when a Loaded store is asked where no load has been
// finished, and by Open of a Store that is only read where there are no tables.
var ErrNotLoaded = errors.New("sqlstore: no finished load is in this database")

// ErrLoaded is returned by Load where other data is loaded already. That data is as
// it was.
var ErrLoaded = errors.New("sqlstore: other data is loaded in this database already")

// ErrOvertaken is returned by Load when another load began meanwhile, and took the
// tables of this one for what a killed load leaves behind. Nothing of this one is left.
var ErrOvertaken = errors.New("sqlstore: another load into this database began meanwhile")

// Loaded keeps a shop on ClickHouse in tables of the library's own, which are loaded
// whole and then only read: without transactions nothing can be changed bit by bit
// that readers must see all of or nothing. It is safe for concurrent use by any number
// of processes.
//
// A load fills tables under names of its own. They are read from the moment that its
// ledger, a table that says which columns there are, gets its final name: one RENAME of
// one table. Before it nothing of the load is read, and whatever goes wrong, or kills
// the process, leaves at most tables that nobody reads and that the next load drops.
type Loaded struct {
	db     *sql.DB
	schema *store.Schema
	opts   LoadedOptions
}

// LoadedOptions set up a Loaded store. The zero value works.
type LoadedOptions struct {
	// Prefix starts the name of every table. Defaults to "dangol_". Letters, digits
	// and underscores.
	Prefix string
	// Replace makes Load put its data in the place of what is loaded, by EXCHANGE
	// TABLES, which servers have since 2020: readers see the one or the other. Defaults
	// to false: a load beside other data is refused with ErrLoaded.
	Replace bool
	// Timeout bounds each read. Defaults to none but the context's.
	Timeout time.Duration
	// Clock stamps answers. Defaults to dangol.SystemClock.
	Clock dangol.Clock
}

var (
	_ store.Store    = (*Loaded)(nil)
	_ store.Loader   = (*Loaded)(nil)
	_ store.Streamer = (*Loaded)(nil)
)

// OpenLoaded returns the store of the catalog, which must not be changed afterwards,
// and looks whether the database answers. It does not look what is loaded; Check does.
// The pool's statements take no arguments but those of INSERT, which are sent as the
// driver's batches: Prepare and Exec in a transaction, whose Commit sends them.
func OpenLoaded(ctx context.Context, db *sql.DB, c *catalog.Catalog, o LoadedOptions) (*Loaded, error) {
	schema, err := store.NewSchema(c)
	if err != nil {
		return nil, err
	}
	defaults, err := Options{Prefix: o.Prefix, Clock: o.Clock}.withDefaults(nil)
	if err != nil {
		return nil, err
	}
	o.Prefix, o.Clock = defaults.Prefix, defaults.Clock
	s := &Loaded{db: db, schema: schema, opts: o}
	if _, err := s.layoutOf(loadID(0)); err != nil {
		return nil, err
	}
	if _, err := s.ledger(ctx); err != nil {
		return nil, ClickHouse.told(ctx, err)
	}
	return s, nil
}

// Catalog implements store.Store.
func (s *Loaded) Catalog() *catalog.Catalog { return s.schema.Catalog }

// Apply implements store.Store: it returns ErrReadOnly. Data comes by Load.
func (s *Loaded) Apply(context.Context, ...store.Change) error { return ErrReadOnly }

// Check tells whether there is a load that answers rules of the catalog: ErrNotLoaded
// where there is none, ErrCatalogChanged where its tables hold other columns.
func (s *Loaded) Check(ctx context.Context) error {
	_, err := s.current(ctx)
	return ClickHouse.told(ctx, err)
}

// Customer implements store.Store.
func (s *Loaded) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	m, err := s.current(ctx)
	if err != nil {
		return nil, ClickHouse.told(ctx, err)
	}
	return m.Customer(ctx, id)
}

// Select implements store.Store: by statements, one after another, over tables that
// nothing changes. What statements cannot do is answered by package eval, to which every
// customer is streamed. Where the load is replaced meanwhile, the answer is an error of
// the server's, that a table is gone.
func (s *Loaded) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	m, err := s.current(ctx)
	if err != nil {
		return nil, ClickHouse.told(ctx, err)
	}
	answers, err := m.Select(ctx, q)
	if err != nil {
		return nil, err
	}
	err = scanRest(q, answers, func(q store.Query) ([]store.Answer, error) {
		ctx, cancel := m.bound(ctx)
		defer cancel()
		r, err := m.reader(ctx)
		if err != nil {
			return nil, ClickHouse.told(ctx, err)
		}
		defer r.end()
		scanned, err := store.Scan(ctx, q, store.ScanOptions{ReadAt: s.opts.Clock.Now()}, m.customers(ctx, r, nil))
		return scanned, ClickHouse.told(ctx, err)
	})
	return answers, err
}

// Each implements store.Streamer. It holds one customer at a time.
func (s *Loaded) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	m, err := s.current(ctx)
	if err != nil {
		return ClickHouse.told(ctx, err)
	}
	return m.Each(ctx, visit)
}

// Load implements store.Loader: all rows of the stream are there afterwards and no
// others, or none and an error. Changes are rows that are put, once each, and rows of
// dimensions before the records that reach them; it remembers every key.
//
// Data that is loaded already stays: where it is the same, row for row, Load returns
// nil and does nothing, so that a load whose end nobody saw may be done again; other
// data is ErrLoaded, or is replaced where the options say so. Of two loads at once the
// one that began later goes on, and the other ends with ErrOvertaken; or neither does.
//
// ErrOutcomeUnknown is returned when the connection broke at the very end: all is
// loaded or nothing, and doing it again is safe.
func (s *Loaded) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	before, err := s.ledger(ctx)
	if err != nil {
		return ClickHouse.told(ctx, err)
	}
	if before != nil && !s.opts.Replace {
		return s.loadAgain(ctx, before, changes)
	}
	err = s.loadNew(ctx, before, changes)
	if bad := (*store.InvalidError)(nil); errors.As(err, &bad) || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	return ClickHouse.told(ctx, err)
}

// loadAgain compares a stream with what is loaded.
func (s *Loaded) loadAgain(ctx context.Context, before *ledger, changes iter.Seq2[store.Change, error]) error {
	d := s.newDigest()
	err := s.schema.EachChecked(ctx, changes, func(c store.Change) error {
		d.add(c)
		return nil
	})
	if err != nil {
		return err
	}
	if d.sum() != before.digest {
		return ErrLoaded
	}
	l, err := s.layoutOf(before.load)
	if err == nil {
		err = s.show(ctx, l, nil) // in case a kill came before it
	}
	return ClickHouse.told(ctx, err)
}

// current is what is loaded, ready to be asked.
func (s *Loaded) current(ctx context.Context) (*Mapped, error) {
	now, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	if now == nil {
		return nil, ErrNotLoaded
	}
	l, err := s.layoutOf(now.load)
	if err != nil {
		return nil, err
	}
	if err := declaredAs(now.known, s.opts.Prefix, s.schema); err != nil {
		return nil, err
	}
	return &Mapped{db: s.db, schema: s.schema, m: l.mapped(s.schema), opts: MappedOptions{Timeout: s.opts.Timeout, Clock: s.opts.Clock}}, nil
}

// mapped is the library's own tables as a mapping that needs no check.
func (l *layout) mapped(s *store.Schema) *mapped {
	out := &mapped{dialect: l.dialect, zone: time.UTC, schema: l.describe(s), tables: map[string]*mappedTable{}}
	for _, of := range append([]*store.Table{s.Customers}, s.Kinds...) {
		own, t := l.tables[of], &mappedTable{of: of, sql: out.schema.Customers}
		if of.Kind != "" {
			t.sql = out.schema.Records[of.Kind]
		}
		for _, c := range own.columns {
			t.columns = append(t.columns, mappedColumn{of: c.Column, sql: t.sql.Columns[c.Name]})
		}
		for _, set := range own.sets {
			name := set.column.Name
			if of.Kind != "" {
				name = of.Kind + "." + name
			}
			items := out.schema.Sets[name]
			t.columns = append(t.columns, mappedColumn{of: set.column, set: &items, setName: name})
		}
		out.tables[of.Kind] = t
	}
	return out
}
