package columnar

import (
	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
)

// What a Table tells of one customer as it is now: for those who write, and see to
// it that nobody else does meanwhile.

// Find tells where a customer or guest stands, not ok when there is none.
func (t *Table) Find(id dangol.CustomerID) (s Spot, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s = t.spot(id)
	return s, s != 0
}

// shardOf is where a customer's rows lie, nil for none.
func (t *Table) shardOf(id dangol.CustomerID) (sh *shard, local uint16) {
	at, ok := t.find(id)
	if !ok {
		return nil, 0
	}
	return t.shards[at>>shardBits], uint16(at & slotMask)
}

// logOf is the log with a customer's records of a kind, nil for none.
func (t *Table) logOf(id dangol.CustomerID, kind string) (sh *shard, l *log, local uint16) {
	i, known := t.schema.kind[kind]
	sh, local = t.shardOf(id)
	if sh == nil || !known {
		return nil, nil, 0
	}
	return sh, sh.logs[i], local
}

// Customer puts one customer together from the columns, as Snapshot.Customer.
func (t *Table) Customer(id dangol.CustomerID) (*eval.Customer, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	sh, local := t.shardOf(id)
	if sh == nil {
		return nil, false
	}
	return t.schema.customer(sh, int(local)), true
}

// Head is a customer without the records, nil for none.
func (t *Table) Head(id dangol.CustomerID) *eval.Customer {
	t.mu.RLock()
	defer t.mu.RUnlock()
	sh, local := t.shardOf(id)
	if sh == nil {
		return nil
	}
	return t.schema.customerHead(sh, int(local))
}

// Count is how many records of a kind a customer has.
func (t *Table) Count(id dangol.CustomerID, kind string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, l, local := t.logOf(id, kind)
	if l == nil {
		return 0
	}
	var room [64]uint32
	return len(l.rows(local, room[:0]))
}

// Most is a number that Count is not above, found without reading the records.
func (t *Table) Most(id dangol.CustomerID, kind string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, l, local := t.logOf(id, kind)
	if l == nil {
		return 0
	}
	return l.most(int(local))
}

// most is how many rows the index has of a customer.
func (l *log) most(local int) int {
	if l.n == 0 {
		return 0
	}
	x := l.index()
	from, to := x.of(local)
	n := int(to - from)
	if x.last != nil && x.last[local] != 0 {
		n += int(x.nth[int(x.last[local])-1-x.sealed])
	}
	return n
}

// Record is a customer's record of a kind, nil for none. Of its parent the key
// alone is told. Hint is that of Look, or 0.
func (t *Table) Record(id dangol.CustomerID, kind, key string, hint uint32) *eval.Record {
	t.mu.RLock()
	defer t.mu.RUnlock()
	sh, l, local := t.logOf(id, kind)
	if l == nil {
		return nil
	}
	row, ok := l.keyed(local, key, hint)
	if !ok {
		return nil
	}
	r := l.record(int(row))
	if l.kind.parent != nil && l.parent.at(int(row)) != 0 {
		r.Parent = &eval.Record{Key: sh.logs[l.kind.parent.index].keys.at(int(l.parent.at(int(row)) - 1))}
	}
	return r
}

// customerHead is a customer without the records.
func (s *schema) customerHead(sh *shard, local int) *eval.Customer {
	c := &eval.Customer{ID: sh.ids[local], Guest: sh.state[local] == guest, Attributes: map[string]catalog.Value{}}
	for i := range s.attrs {
		if v := s.attrs[i].value(sh.attrs[i], local); v.Known() {
			c.Attributes[s.attrs[i].name] = v
		}
	}
	return c
}
