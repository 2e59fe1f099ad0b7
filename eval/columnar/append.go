package columnar

import (
	"fmt"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
)

// Append adds one record to a customer: an event as it happens. It costs the same
// however many records the customer has, unlike Put. The key must be new among the
// customer's of the kind, which is not checked; the parent, where there is one, is
// found by its key. ErrShape is returned, and nothing has happened, when there is
// no such customer or parent or the record does not fit; ErrFull when the memory
// budget is used up.
func (t *Table) Append(id dangol.CustomerID, kindName string, r *eval.Record) error {
	i, ok := t.schema.kind[kindName]
	if !ok {
		return fmt.Errorf("%w: no kind %q owns rows", ErrShape, kindName)
	}
	k := t.schema.kinds[i]
	bytes, err := k.check(r)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.room(bytes); err != nil {
		return err
	}
	at, ok := t.find(id)
	if !ok {
		return fmt.Errorf("%w: no customer %q", ErrShape, id)
	}
	local := uint16(at & slotMask)
	parent := uint32(0)
	if r.Parent != nil {
		if k.parent == nil {
			return fmt.Errorf("%w: %s %q: its kind has no parents", ErrShape, kindName, r.Key)
		}
		if parent, ok = t.shards[at>>shardBits].logs[k.parent.index].keyed(local, r.Parent.Key); !ok {
			return fmt.Errorf("%w: %s %q: no %s %q of the customer", ErrShape, kindName, r.Key, k.parent.name, r.Parent.Key)
		}
	}
	w := rowWriter{table: t, shard: t.shard(int(at >> shardBits)), local: local}
	w.add(i, k, r, parent)
	t.touch()
	return nil
}

// keyed is a link to a customer's row by its key.
func (l *log) keyed(local uint16, key string) (link uint32, ok bool) {
	var room [64]uint32
	for _, row := range l.rows(local, room[:0]) {
		if l.keys.is(int(row), key) {
			return row + 1, true
		}
	}
	return 0, false
}
