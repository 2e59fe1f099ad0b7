// Package columnar answers many plans over all customers at once. A Table holds
// customers in shards; each kind of record of a shard is one log in the order of
// time, its fields narrow columns. A window is a binary search, an aggregate a
// scan that adds each row to its customer's counter, an answer a bitmap. Package
// eval says what the answers must be.
//
//   - Table is written (Write, Put, Delete, LoadColumns, Compact) and gives Snapshots.
//   - Snapshot.Select answers plans over one state of the data.
//   - Matcher answers plans for one customer of the Table as it is now.
//   - Reader answers them at one instant for customers of a Snapshot, one by one.
package columnar

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// ErrFull is returned when a write would take more than Options.MaxBytes. The
// write has not happened.
var ErrFull = errors.New("columnar: the memory budget is used up")

// ErrShape is returned when a customer or a column does not fit the catalog.
// Nothing of the call has happened.
var ErrShape = errors.New("columnar: data that does not fit the catalog")

// Options of a Table. The zero Options work.
type Options struct {
	// MaxBytes is how much memory the rows may take, as far as the table can
	// estimate it. Counts and sums that readers keep take what rows leave of it, and
	// make room for them; what else readers work out of rows, such as lists of a
	// customer's, comes on top. Defaults to no limit.
	MaxBytes int64
}

// Table holds the customers of one shop. Its methods are safe for concurrent
// use; writers wait for each other, readers of snapshots for nobody.
type Table struct {
	schema *schema
	opts   Options

	mu     sync.RWMutex
	epoch  uint64 // grows with every snapshot: what is older is copied before it is overwritten
	shards []*shard
	where  *places
	free   []uint32                 // places of customers who went, for those who come
	used   int64                    // bytes of rows and ids, estimated; what went is still counted
	shrunk bool                     // something went since used was measured
	last   *Snapshot                // of the state as it is, nil after a write
	ids    *ordering                // of all customers
	owners []atomic.Pointer[owners] // by kind, nil until somebody asks whose a key is
	asking sync.Mutex               // held while owners are read

	allowance allowance // of what readers keep
}

// New makes an empty table for data of a catalog, which must be valid.
func New(cat *catalog.Catalog, opts Options) (*Table, error) {
	s, err := newSchema(cat)
	if err != nil {
		return nil, err
	}
	return &Table{
		schema: s, opts: opts, allowance: allowance{limit: opts.MaxBytes}, epoch: 1, where: newPlaces(), ids: &ordering{}, owners: make([]atomic.Pointer[owners], len(s.kinds)),
	}, nil
}

// Len is how many customers and guests there are.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.where.n
}

// Bytes is about how much memory the table's columns take, with their texts, the ids,
// and what readers have worked out of them and keep.
func (t *Table) Bytes() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := t.rowBytes() + t.schema.bytes()
	for i := range t.owners {
		n += t.owners[i].Load().bytes()
	}
	for _, sh := range t.shards {
		for _, l := range sh.logs {
			n += l.derivedBytes()
		}
	}
	return n
}

func (t *Table) rowBytes() int {
	n := 4 * len(t.where.slots)
	for _, sh := range t.shards {
		n += sh.bytes()
	}
	return n
}

// room tells whether so many bytes more are within the budget, ErrFull when not.
func (t *Table) room(bytes int64) error {
	if t.opts.MaxBytes <= 0 {
		return nil
	}
	bytes += int64(t.schema.bytes())
	if t.shrunk && t.used+bytes > t.opts.MaxBytes {
		t.used, t.shrunk = int64(t.rowBytes()), false
	}
	if t.used+bytes > t.opts.MaxBytes {
		return ErrFull
	}
	t.allowance.giveWay(t.used+bytes, t.shards)
	return nil
}

// id is the id of a place: the shard, and the customer's number in it.
func (t *Table) id(place uint32) dangol.CustomerID {
	return t.shards[place>>shardBits].ids[place&slotMask]
}

// find is the place of a customer.
func (t *Table) find(id dangol.CustomerID) (uint32, bool) { return t.where.find(id, t.id) }

// Snapshot is the state of the table now. It costs next to nothing and never
// changes; what the table overwrites afterwards is copied first.
func (t *Table) Snapshot() *Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = &Snapshot{table: t, schema: t.schema, shards: append([]*shard(nil), t.shards...), ids: t.ids}
		t.last.live = t.where.n
		t.epoch++
	}
	return t.last
}

// Compact merges late rows into their places and forgets rows that are gone, in
// the shards where they have become many; with all, wherever there are any. It
// works on copies, shard by shard, while others read and write; only a shard that
// is written again and again meanwhile makes them wait. Hosts run it in the
// background; answers do not depend on it.
func (t *Table) Compact(ctx context.Context, all bool) error {
	t.mu.RLock()
	n := len(t.shards)
	t.mu.RUnlock()
	for i := range n {
		for attempt := 0; !t.compact(i, all, attempt == compactTries); attempt++ {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// compactTries is how often a shard is merged in vain before writers have to wait
// for it.
const compactTries = 2

// compact merges one shard, false when it was written meanwhile.
func (t *Table) compact(i int, all, locked bool) (done bool) {
	if locked {
		t.mu.Lock()
		defer t.mu.Unlock()
		if merged := t.shards[i].tidy(all); merged != nil {
			t.shards[i], t.shrunk = merged, true
			t.touch()
		}
		return true
	}
	t.mu.RLock()
	worthwhile := t.shards[i].worthMerging(all)
	t.mu.RUnlock()
	if !worthwhile {
		return true
	}
	was := t.Snapshot().shards[i] // which nobody writes any more
	merged := was.tidy(all)
	if merged == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shards[i] != was {
		return false
	}
	t.shards[i], t.shrunk = merged, true
	t.touch()
	return true
}

// Untidy is how many shards Compact would work on.
func (t *Table) Untidy() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := 0
	for _, sh := range t.shards {
		if sh.worthMerging(false) {
			n++
		}
	}
	return n
}

// shard is the shard, ready to be written.
func (t *Table) shard(i int) *shard {
	t.shards[i] = t.shards[i].writable(t.epoch)
	return t.shards[i]
}

// touch marks that the state differs from the last snapshot.
func (t *Table) touch() { t.last = nil }
