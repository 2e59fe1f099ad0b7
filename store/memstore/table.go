package memstore

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store"
)

// table is the home of customers in columns, which Select reads: they stand there
// and nowhere else. A change of a row is written into its columns; snapshots that
// readers hold stay as they are.
type table struct {
	*columnar.Table
	tidy    tidier
	changes []columnar.Change // to be used again, with their records
	records pool[eval.Record]
	changed int // changes since the last compaction
}

func newTable(c *catalog.Catalog, maxBytes int64) (*table, error) {
	t, err := columnar.New(c, columnar.Options{MaxBytes: maxBytes})
	if err != nil {
		return nil, err
	}
	return &table{Table: t}, nil
}

func (t *table) len() int { return t.Len() }

func (t *table) customer(id dangol.CustomerID) (*eval.Customer, bool) { return t.Customer(id) }

func (t *table) each(visit func(*eval.Customer) error) error { return t.Snapshot().Each(visit) }

func (t *table) find(id dangol.CustomerID) (columnar.Spot, bool) { return t.Find(id) }

func (t *table) head(id dangol.CustomerID) *eval.Customer { return t.Head(id) }

func (t *table) count(id dangol.CustomerID, kind string) int { return t.Count(id, kind) }

func (t *table) most(id dangol.CustomerID, kind string) int { return t.Most(id, kind) }

func (t *table) record(id dangol.CustomerID, kind, key string, hint uint32) *eval.Record {
	return t.Record(id, kind, key, hint)
}

func (t *table) look(id dangol.CustomerID, kind, key string) columnar.Sight {
	return t.Look(id, kind, key)
}

// ahead prepares for looks at the first of some changes.
func (t *table) ahead(changes []store.Change) {
	t.Ahead(len(changes), func(i int) (dangol.CustomerID, string, string) {
		return changes[i].Customer, changes[i].Kind, changes[i].Key
	})
}

func (t *table) patches(of *store.Table) bool { return of.Parent == nil && !of.Reaching }

func (t *table) having(of *store.Table, field string, texts map[string]bool) iter.Seq2[dangol.CustomerID, string] {
	return t.Snapshot().Having(of.Kind, field, texts)
}

// compactAfter is how many changes make it worthwhile to look for logs that have
// become untidy.
const compactAfter = 1024

func (t *table) write(ctx context.Context, d *draft) error {
	defer t.forget()
	for _, w := range d.order {
		if d.touched(w.id) == w {
			t.become(w)
		}
	}
	for _, rows := range d.rows { // parents before children
		for _, e := range rows {
			t.lay(d, e)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := t.Write(t.changes...)
	if errors.Is(err, columnar.ErrFull) {
		// What went still takes room until it is compacted.
		if err = t.Compact(ctx, true); err == nil {
			err = t.Write(t.changes...)
		}
	}
	if t.changed += len(t.changes); t.changed > compactAfter {
		t.changed = 0
		t.tidy.start(t.Table)
	}
	if errors.Is(err, columnar.ErrFull) {
		return ErrFull
	}
	return err
}

// forget lets go of the changes, and of their memory if it is much.
func (t *table) forget() {
	clear(t.changes)
	t.changes = t.changes[:0]
	t.records.reset()
	if cap(t.changes) > compactAfter {
		t.changes, t.records = nil, pool[eval.Record]{}
	}
}

// become adds the changes of a customer without the records.
func (t *table) become(w *working) {
	if !w.based {
		if _, has := t.Find(w.id); has {
			t.changes = append(t.changes, columnar.Change{Customer: w.id, Gone: true})
		}
	}
	if w.put && !w.gone {
		t.changes = append(t.changes, columnar.Change{Customer: w.id, Guest: w.guest, Attributes: w.attrs})
	}
}

// lay adds the changes of a record.
func (t *table) lay(d *draft, e *entry) {
	if e.was != "" {
		if was := d.touched(e.was); was.based && (e.gone || e.of != was) {
			r := t.records.take()
			r.Key = e.key
			t.changes = append(t.changes, columnar.Change{Customer: e.was, Kind: e.table.Kind, Gone: true, Hint: e.hint, Record: r})
		}
	}
	if e.gone {
		return
	}
	r := t.records.take()
	r.Key, r.Fields = e.key, d.resolve(e.table, e.row.fields)
	if e.row.parent != "" {
		r.Parent = t.records.take()
		r.Parent.Key = e.row.parent
	}
	t.changes = append(t.changes, columnar.Change{
		Customer: e.of.id, At: e.of.at, Kind: e.table.Kind, Record: r,
		New: !e.of.based || e.was != e.of.id, Part: e.row.part, Hint: e.hint,
	})
}

// tidier compacts a table in the background, one compaction at a time.
type tidier struct {
	mu     sync.Mutex
	closed bool
	stop   context.CancelFunc // of the compaction under way, nil for none
	done   sync.WaitGroup
}

// start compacts a table unless a compaction is under way.
func (t *tidier) start(table *columnar.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.done.Go(func() {
		_ = table.Compact(ctx, false) // it ends early with ctx alone, and can
		stop()
		t.mu.Lock()
		t.stop = nil
		t.mu.Unlock()
	})
}

// close ends the compaction under way and lets no other start.
func (t *tidier) close() {
	t.mu.Lock()
	t.closed = true
	if t.stop != nil {
		t.stop()
	}
	t.mu.Unlock()
	t.done.Wait()
}
