// Package memstore keeps a shop's customers in memory. It implements
// store.Store, store.Loader, store.ColumnLoader and store.Streamer.
//
// A shop that is loaded by columns into an empty store, as csvdir does, stands in
// columns alone until a customer is changed. Customers are immutable: a change makes
// new ones and swaps one pointer, so readers take no locks and never wait for
// writers. Changes are made one Apply at a time. An Apply costs the customers it
// touches; one that changes rows of a dimension reads all customers to find those
// that the rows reach.
package memstore

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
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
	// definition, slow, without the memory that columns take. Defaults to false:
	// Select answers by package eval/columnar.
	ByEval bool
	// MaxBytes is how much memory the customers may take, as far as the store can
	// estimate it: as they are, and as columns. Defaults to no limit.
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
	now    atomic.Pointer[state]

	write sync.Mutex // held by who changes the store
	index index

	columns columns
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
	s := &Store{
		schema: schema,
		opts:   opts.withDefaults(),
		index:  index{owners: map[string]map[string]owner{}, dims: map[string]map[string]fields{}},
	}
	s.now.Store(&state{})
	return s, nil
}

// Catalog is the vocabulary of the data.
func (s *Store) Catalog() *catalog.Catalog { return s.schema.Catalog }

// Close ends the work that goes on in the background, the compaction of columns
// after many changes, and waits for it. The store answers and takes changes as
// before, but is compacted no more. Whoever lets go of a store need not close it:
// such work ends by itself.
func (s *Store) Close() { s.columns.tidy.close() }

// Len is how many customers and guests there are.
func (s *Store) Len() int { return s.now.Load().count }

// Customer reads one customer or guest, or returns store.ErrNotFound.
func (s *Store) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, ok := s.now.Load().customer(id)
	if !ok {
		return nil, store.ErrNotFound
	}
	return c, nil
}

// Each visits every customer and guest in the order of their ids. An error of
// visit ends it and is returned.
func (s *Store) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	n := 0
	for c := range s.now.Load().all() {
		if n%pageSize == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := visit(c); err != nil {
			return err
		}
		n++
	}
	return ctx.Err()
}

// Select answers the plans over the state of this moment. The first Select, and
// the first one after a change, lays out as columns what is new.
func (s *Store) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	if !s.opts.ByEval {
		return s.byColumns(ctx, q)
	}
	pages := s.now.Load().pages // where all customers are: nobody is loaded by columns
	parts := make([]store.Part, len(pages))
	for i, p := range pages {
		parts[i] = func(yield func(*eval.Customer, error) bool) {
			for _, e := range p {
				if !yield(e.now, nil) {
					return
				}
			}
		}
	}
	return store.Scan(ctx, q, store.ScanOptions{ReadAt: s.opts.Clock.Now(), Parallel: s.opts.Parallel}, parts...)
}

// Apply makes all changes, or none and returns an error.
func (s *Store) Apply(ctx context.Context, changes ...store.Change) error {
	return s.Load(ctx, store.Stream(changes...))
}

// checkEvery is after how many changes a load looks whether its context has ended.
const checkEvery = 1024

// Load makes all changes of the stream, or none when it yields an error or a
// change is invalid. Other writers wait; readers see the state before until all
// of it is there.
func (s *Store) Load(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	s.write.Lock()
	defer s.write.Unlock()
	d := newDraft(s.schema, s.now.Load(), &s.index)
	n := 0
	for c, err := range changes {
		if err != nil {
			return err
		}
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if d.bytes += changeBytes(c); s.opts.MaxBytes > 0 && d.bytes > s.opts.MaxBytes {
			return ErrFull
		}
		if err := d.change(c); err != nil {
			var bad *store.InvalidError
			if errors.As(err, &bad) {
				bad.Index = n
			}
			return err
		}
		n++
	}
	next := d.freeze()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.opts.MaxBytes > 0 && next.bytes > s.opts.MaxBytes && next.bytes > d.base.bytes {
		return ErrFull
	}
	d.commit()
	s.now.Store(next)
	return nil
}

func (d *draft) change(c store.Change) error {
	c, err := d.schema.Check(c)
	if err != nil {
		return err
	}
	return d.apply(c)
}
