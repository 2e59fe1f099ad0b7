package message

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// MemoryStore keeps the state in memory: for tests, examples and dry runs. The zero
// value is an empty store. Updates run one at a time and are undone when they fail.
type MemoryStore struct {
	mu     sync.RWMutex
	tables map[string][]*ordered // the primary key's order, then an order an index
}

// Update implements Store.
func (m *MemoryStore) Update(ctx context.Context, f func(tx Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := &memoryTx{store: m, write: true}
	done := false
	defer func() {
		if !done {
			tx.rollback()
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	done = true
	return nil
}

// View implements Store.
func (m *MemoryStore) View(ctx context.Context, f func(tx Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return f(&memoryTx{store: m})
}

// WithTx implements Store: memory has no transactions of a host's.
func (m *MemoryStore) WithTx(tx HostTx) (Store, error) {
	return nil, fmt.Errorf("%w: memory cannot join %T", ErrHostTx, tx)
}

type memoryTx struct {
	store *MemoryStore
	write bool
	undo  []change
}

type change struct {
	table    *Table
	old, new Row // old is nil for a row that was added, new for one that was deleted
}

func (tx *memoryTx) rollback() {
	for _, c := range slices.Backward(tx.undo) {
		tx.replace(c.table, c.new, c.old)
	}
}

// orders gives the table's orders, nil when nothing was written to it.
func (tx *memoryTx) orders(t *Table) []*ordered {
	return tx.store.tables[t.Name]
}

func encodeColumns(row Row, cols []int) []byte {
	key := make([]byte, 0, 64)
	for _, c := range cols {
		key = appendKey(key, row[c])
	}
	return key
}

// replace puts new in the place of old in every order; either may be nil.
func (tx *memoryTx) replace(t *Table, old, new Row) {
	orders := tx.orders(t)
	for i, o := range orders {
		cols := t.Order(i)
		var gone, come string
		if old != nil {
			gone = string(encodeColumns(old, cols))
		}
		if new != nil {
			come = string(encodeColumns(new, cols))
		}
		if old != nil && gone != come {
			o.remove(gone)
		}
		if new != nil {
			o.put(come, new)
		}
	}
}

func (tx *memoryTx) check(t *Table, row Row) error {
	if !tx.write {
		return ErrReadOnly
	}
	if len(row) != len(t.Columns) {
		return fmt.Errorf("message: a row of %s has %d values instead of %d", t.Name, len(row), len(t.Columns))
	}
	for i, c := range t.Columns {
		_, text := row[i].(string)
		_, number := row[i].(int64)
		if c.Type == TextColumn && !text || c.Type == IntColumn && !number {
			return fmt.Errorf("message: column %s of %s cannot hold a %T", c.Name, t.Name, row[i])
		}
	}
	if tx.orders(t) == nil {
		if tx.store.tables == nil {
			tx.store.tables = map[string][]*ordered{}
		}
		orders := make([]*ordered, 1+len(t.Indexes))
		for i := range orders {
			orders[i] = &ordered{}
		}
		tx.store.tables[t.Name] = orders
	}
	return nil
}

func (tx *memoryTx) find(t *Table, key []any) Row {
	orders := tx.orders(t)
	if orders == nil {
		return nil
	}
	var k []byte
	for _, v := range key {
		k = appendKey(k, v)
	}
	return orders[0].get(string(k))
}

func (tx *memoryTx) Get(t *Table, key ...any) (Row, error) {
	if len(key) != t.Key {
		return nil, fmt.Errorf("message: a key of %s has %d values instead of %d", t.Name, len(key), t.Key)
	}
	return slices.Clone(tx.find(t, key)), nil
}

func (tx *memoryTx) Insert(t *Table, row Row) (bool, error) {
	if err := tx.check(t, row); err != nil {
		return false, err
	}
	if tx.find(t, row[:t.Key]) != nil {
		return false, nil
	}
	tx.set(t, nil, row)
	return true, nil
}

func (tx *memoryTx) Put(t *Table, row Row) error {
	if err := tx.check(t, row); err != nil {
		return err
	}
	tx.set(t, tx.find(t, row[:t.Key]), row)
	return nil
}

func (tx *memoryTx) Delete(t *Table, key ...any) error {
	if !tx.write {
		return ErrReadOnly
	}
	if len(key) != t.Key {
		return fmt.Errorf("message: a key of %s has %d values instead of %d", t.Name, len(key), t.Key)
	}
	if old := tx.find(t, key); old != nil {
		tx.replace(t, old, nil)
		tx.undo = append(tx.undo, change{t, old, nil})
	}
	return nil
}

func (tx *memoryTx) set(t *Table, old, row Row) {
	row = slices.Clone(row)
	tx.replace(t, old, row)
	tx.undo = append(tx.undo, change{t, old, row})
}

func (tx *memoryTx) Scan(t *Table, r Range) ([]Row, error) {
	orders := tx.orders(t)
	if orders == nil {
		return nil, nil
	}
	var prefix []byte
	for _, v := range r.Equal {
		prefix = appendKey(prefix, v)
	}
	lo, hi := string(prefix), successor(prefix)
	if r.From != nil {
		lo = string(appendKey(slices.Clone(prefix), r.From))
	}
	if r.To != nil {
		hi = string(appendKey(slices.Clone(prefix), r.To))
	}
	if r.After != nil {
		at := encodeColumns(r.After, t.Order(r.Index))
		if r.Desc {
			hi = min(string(at), orMax(hi))
		} else {
			lo = max(lo, string(append(at, 0)))
		}
	}
	var rows []Row
	orders[r.Index].walk(lo, hi, r.Desc, func(_ string, row Row) bool {
		rows = append(rows, slices.Clone(row))
		return r.Limit == 0 || len(rows) < r.Limit
	})
	return rows, nil
}

// GetMany implements Many.
func (tx *memoryTx) GetMany(t *Table, keys [][]any) ([]Row, error) {
	out := make([]Row, len(keys))
	for i, key := range keys {
		row, err := tx.Get(t, key...)
		if err != nil {
			return nil, err
		}
		out[i] = row
	}
	return out, nil
}

// ScanMany implements Many.
func (tx *memoryTx) ScanMany(t *Table, rs []Range) ([][]Row, error) {
	out := make([][]Row, len(rs))
	for i, r := range rs {
		rows, err := tx.Scan(t, r)
		if err != nil {
			return nil, err
		}
		out[i] = rows
	}
	return out, nil
}

// PutMany implements Many.
func (tx *memoryTx) PutMany(t *Table, rows []Row) error {
	for _, row := range rows {
		if err := tx.Put(t, row); err != nil {
			return err
		}
	}
	return nil
}

// orMax reads an empty upper bound as one behind all keys.
func orMax(hi string) string {
	if hi == "" {
		return "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	}
	return hi
}
