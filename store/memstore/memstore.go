// Package memstore keeps a shop's customers in memory. It implements
// store.Store, store.Loader, store.ColumnLoader and store.Streamer.
//
// Customers stand in columns, whether they were loaded by columns or by changes: a
// change is written into the columns of the rows it touches, and costs that alone.
// Readers see all of an Apply or nothing of it; what one reads stays as it was while
// others are applied. Select answers for everybody, a Matcher for one customer as the
// store is now, and a Matcher's Reader for many, one by one, at one instant over one
// state. Changes are made one Apply at a time. One that changes rows of a
// dimension reads a column of all records to find those that the rows reach.
package memstore

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store"
)

// ErrFull is returned when changes would take more memory than Options.MaxBytes.
// Nothing has happened.
var ErrFull = errors.New("memstore: the memory budget is used up")

// Options are how a Store works. The zero value is fine.
type Options struct {
	// Clock tells when data is read, for store.Answer. Defaults to dangol.SystemClock.
	Clock dangol.Clock
	// Parallel is how many threads one Select uses at most. Defaults to GOMAXPROCS.
	Parallel int
	// ByEval makes Select answer by package eval, a customer at a time: the
	// definition, slow. Customers then do not stand in columns. Defaults to false:
	// Select answers by package eval/columnar.
	ByEval bool
	// MaxBytes is how much memory the customers may take, as far as the store can
	// estimate it. Counts and sums that Select keeps take what customers leave of it.
	// Defaults to no limit.
	MaxBytes int64
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = dangol.SystemClock
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	return o
}

// Store is a store in memory. It is safe for concurrent use.
type Store struct {
	schema *store.Schema
	opts   Options
	home   home
	table  *table // home, where that is one

	write  sync.Mutex                   // held by who changes the store
	dims   map[string]map[string]fields // rows of dimensions, by name and key
	origin origin
	spare  *draft // to be used again
}

var (
	_ store.Store        = (*Store)(nil)
	_ store.Loader       = (*Store)(nil)
	_ store.ColumnLoader = (*Store)(nil)
	_ store.Streamer     = (*Store)(nil)
)

// New makes an empty store of the catalog, which must not be changed afterwards.
// The error tells what is wrong with the catalog.
func New(c *catalog.Catalog, opts Options) (*Store, error) {
	schema, err := store.NewSchema(c)
	if err != nil {
		return nil, err
	}
	s := &Store{schema: schema, opts: opts.withDefaults(), dims: map[string]map[string]fields{}}
	if opts.ByEval {
		s.home = newPages(opts.MaxBytes)
		return s, nil
	}
	if s.table, err = newTable(c, opts.MaxBytes); err != nil {
		return nil, err
	}
	s.home = s.table
	return s, nil
}

// Catalog is the vocabulary of the data.
func (s *Store) Catalog() *catalog.Catalog { return s.schema.Catalog }

// Close ends the work that goes on in the background, the compaction of columns
// after many changes, and waits for it. The store answers and takes changes as
// before, but is compacted no more. Whoever lets go of a store need not close it:
// such work ends by itself.
func (s *Store) Close() {
	if s.table != nil {
		s.table.tidy.close()
	}
}

// Len is how many customers and guests there are.
func (s *Store) Len() int { return s.home.len() }

// Customer reads one customer or guest, or returns store.ErrNotFound.
func (s *Store) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, ok := s.home.customer(id)
	if !ok {
		return nil, store.ErrNotFound
	}
	return c, nil
}

// Each visits every customer and guest in the order of their ids. An error of
// visit ends it and is returned.
func (s *Store) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	n := 0
	err := s.home.each(func(c *eval.Customer) error {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		n++
		return visit(c)
	})
	if err != nil {
		return err
	}
	return ctx.Err()
}

// Select answers the plans over the state of this moment.
func (s *Store) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	if p, ok := s.home.(*pages); ok {
		return s.byEval(ctx, p, q)
	}
	return s.byColumns(ctx, s.table, q)
}

// Apply makes all changes, or none and returns an error.
func (s *Store) Apply(ctx context.Context, changes ...store.Change) error {
	s.write.Lock()
	defer s.write.Unlock()
	d := s.begin()
	defer s.end(d)
	for i := range changes {
		if i%columnar.AheadOf == 0 && s.table != nil && len(changes) > 1 {
			s.table.ahead(changes[i:])
		}
		if err := s.add(ctx, d, &changes[i], i); err != nil {
			return err
		}
	}
	return s.finish(ctx, d)
}

// checkEvery is after how many changes or customers it is looked whether the context
// has ended.
const checkEvery = 1024

// Load makes all changes of the stream, or none when it yields an error or a
// change is invalid. Other writers wait; readers see the state before until all
// of it is there.
func (s *Store) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	s.write.Lock()
	defer s.write.Unlock()
	d := s.begin()
	defer s.end(d)
	n := 0
	for c, err := range changes {
		if err != nil {
			return err
		}
		if err := s.add(ctx, d, &c, n); err != nil {
			return err
		}
		n++
	}
	return s.finish(ctx, d)
}

// add adds change n to the draft.
func (s *Store) add(ctx context.Context, d *draft, c *store.Change, n int) error {
	if n%checkEvery == 0 && ctx.Err() != nil {
		return ctx.Err()
	}
	if d.bytes += changeBytes(c); s.opts.MaxBytes > 0 && d.bytes > s.opts.MaxBytes {
		return ErrFull
	}
	err := d.apply(c)
	if err == nil {
		return nil
	}
	d.shown = true
	var bad *store.InvalidError
	if errors.As(err, &bad) {
		bad.Index = n
	}
	return err
}

// finish makes the draft the state.
func (s *Store) finish(ctx context.Context, d *draft) error {
	d.followDimensions()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.home.write(ctx, d); err != nil {
		return err
	}
	d.commit()
	return nil
}
