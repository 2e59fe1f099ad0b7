package message

import (
	"context"
	"errors"
	"time"
)

// Store keeps the state of the service: rows of the tables that Tables lists. What
// the rows mean is the service's business; a store only has to be a careful keeper.
// MemoryStore is one, messagesql keeps the rows in a database, and messagetest is
// the conformance suite of both and of a host's own.
//
//   - Update runs f in one transaction: all of its writes are durable when Update
//     returns nil, and none of them exists when it returns an error or when the
//     process dies. f may run several times, so it must not act outside tx.
//   - Transactions of Update are serialisable: they have the effect of running one
//     after the other, also when they come from several processes.
//   - When it cannot know whether a commit arrived, Update may run f again: f then
//     meets its own writes.
//   - View runs f on one consistent state, without writes.
//   - An error of f is returned unwrapped by %w or as is, so that errors.Is works.
//   - A Tx is used by one goroutine and not after f returned.
//   - Store is safe for concurrent use.
type Store interface {
	Update(ctx context.Context, f func(tx Tx) error) error
	View(ctx context.Context, f func(tx Tx) error) error
	// WithTx is the same store inside the host's own transaction, which the host
	// commits or rolls back. It returns ErrHostTx for a transaction of another kind
	// of store.
	WithTx(HostTx) (Store, error)
}

// HostTx is a transaction of the host's. Its maker knows the type: for databases
// that is messagesql.WithTx.
type HostTx interface {
	// MessageTx is the underlying transaction.
	MessageTx() any
}

// ErrHostTx is returned when a store cannot join a transaction of the host's, and by
// what must not be done inside of one: to send, or to wait for others.
var ErrHostTx = errors.New("message: not in a transaction of the host's")

// Clocked is a Tx of a store that several processes share: its clock is one for all of
// them, and claims are held by it. Where a store has none, they are held by
// Config.Clock.
type Clocked interface {
	Now() (time.Time, error)
}

// Tx reads and writes rows inside one transaction.
//
//   - Reads see the transaction's own writes.
//   - Rows handed out and taken in are the caller's: a store copies.
//   - History outlives groups and campaigns: only Prune and Erase delete rows.
type Tx interface {
	// Get is the row with this primary key, or nil when there is none.
	Get(t *Table, key ...any) (Row, error)
	// Insert adds a row unless its primary key is taken, and tells whether it did.
	Insert(t *Table, row Row) (bool, error)
	// Put adds a row or replaces the one with the same primary key.
	Put(t *Table, row Row) error
	// Delete removes the row with this primary key, if there is one.
	Delete(t *Table, key ...any) error
	// Scan is the rows of a range in the order of its index, at most r.Limit.
	Scan(t *Table, r Range) ([]Row, error)
}

// ErrReadOnly is returned when a transaction of Store.View writes.
var ErrReadOnly = errors.New("message: write in a read-only transaction")

// Row is one row: a value a column, each a string or an int64. Times are
// microseconds since 1970 in UTC with 0 for none, booleans 0 or 1.
type Row []any

// Table describes a table to a store.
type Table struct {
	Name    string
	Columns []Column
	Key     int     // the first Key columns are the primary key
	Indexes [][]int // each a list of column numbers, followed in order by the key's
}

// Column is a column of a table.
type Column struct {
	Name string
	Type ColumnType
}

// ColumnType is the kind of value a column holds.
type ColumnType uint8

const (
	TextColumn ColumnType = iota // a string, ordered by its bytes
	IntColumn                    // an int64
)

// Range selects rows by an index. The index is the primary key, or one of the
// table's Indexes; its columns are followed by those of the primary key that it does
// not hold, so that every position is unique.
type Range struct {
	Index int   // 0 is the primary key, n is Indexes[n-1]
	Equal []any // values of the index's first columns
	From  any   // bound of the next column, inclusive; nil is open
	To    any   // bound of the next column, exclusive; nil is open
	After Row   // only rows behind this one in the order of the scan; nil starts at the beginning
	Limit int   // at most so many rows; 0 is all
	Desc  bool  // from the end of the index
}

// Order is the column numbers by which a scan of the index is sorted: the index's
// columns and then the primary key's that it does not hold.
func (t *Table) Order(index int) []int {
	var cols []int
	if index > 0 {
		cols = append(cols, t.Indexes[index-1]...)
	}
key:
	for k := range t.Key {
		for _, c := range cols {
			if c == k {
				continue key
			}
		}
		cols = append(cols, k)
	}
	return cols
}
