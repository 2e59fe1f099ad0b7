package columnar

import (
	"fmt"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
)

// Put makes the table say of each customer what c says: it inserts those who are
// new; of the others it changes what differs. A record whose stamp stays is
// changed in place; one whose stamp differs, as a new one, goes to the end, where
// it may be late; those that c does not have go. All happens, or nothing and an
// error. It is for those who have whole customers; who has changes writes them by Write,
// which reads no other record of the customer.
func (t *Table) Put(customers ...*eval.Customer) error {
	var bytes int64
	for _, c := range customers {
		n, err := t.schema.check(c)
		if err != nil {
			return err
		}
		bytes += n
	}
	return t.writing(bytes, func() {
		for _, c := range customers {
			t.put(c)
		}
	})
}

// writing lets do write about that many bytes, alone, or returns ErrFull.
func (t *Table) writing(bytes int64, do func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.room(bytes); err != nil {
		return err
	}
	do()
	t.touch()
	return nil
}

// Delete removes customers and guests with all their records. One that is not
// there is passed over.
func (t *Table) Delete(ids ...dangol.CustomerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if t.remove(id) {
			t.touch()
		}
	}
}

// remove is Delete of one, false where there is none.
func (t *Table) remove(id dangol.CustomerID) bool {
	at, ok := t.find(id)
	if !ok {
		return false
	}
	t.where.remove(id, t.id)
	t.shrunk = true
	w := t.writer(at)
	w.shard.be(int(w.local), gone, t.epoch)
	for k, l := range w.shard.logs {
		for _, row := range l.rows(w.local, nil) {
			w.drop(k, row)
		}
	}
	t.free = append(t.free, at)
	return true
}

// check tells whether the customer fits, and about how many bytes a new one takes.
func (s *schema) check(c *eval.Customer) (int64, error) {
	bytes, err := s.checkHead(c.ID, c.Attributes)
	if err != nil {
		return 0, err
	}
	for name, records := range c.Records {
		i, ok := s.kind[name]
		if !ok {
			return 0, fmt.Errorf("%w: customer %q: no kind %q owns rows", ErrShape, c.ID, name)
		}
		k := s.kinds[i]
		for _, r := range records {
			n, err := k.check(r)
			if err != nil {
				return 0, err
			}
			bytes += n
			if r.Parent == nil {
				continue
			}
			if k.parent == nil || !slices.Contains(c.Records[k.parent.name], r.Parent) {
				return 0, fmt.Errorf("%w: %s %q: its parent is not the customer's", ErrShape, k.name, r.Key)
			}
		}
	}
	return bytes, nil
}

// checkHead tells whether a customer's attributes fit, and about how many bytes they
// take with the id.
func (s *schema) checkHead(id dangol.CustomerID, attributes map[string]catalog.Value) (int64, error) {
	for name, v := range attributes {
		i, ok := s.attr[name]
		if !ok {
			return 0, fmt.Errorf("%w: customer %q: no attribute %q", ErrShape, id, name)
		}
		if !fits(s.attrs[i].of, v) {
			return 0, fmt.Errorf("%w: customer %q: the attribute %q is %s", ErrShape, id, name, v)
		}
	}
	return int64(64 + len(id) + 4*len(s.attrs)), nil
}

// check tells whether the record's fields fit, and about how many bytes it takes.
func (k *kind) check(r *eval.Record) (int64, error) {
	for name, v := range r.Fields {
		f, ok := k.field[name]
		if !ok {
			return 0, fmt.Errorf("%w: %s %q: no field %q", ErrShape, k.name, r.Key, name)
		}
		if !fits(k.fields[f].of, v) {
			return 0, fmt.Errorf("%w: %s %q: the field %q is %s", ErrShape, k.name, r.Key, name, v)
		}
	}
	return recordBytes(r), nil
}

// recordBytes is about how many bytes a record takes, with its key among the owners.
func recordBytes(r *eval.Record) int64 { return int64(32 + len(r.Key) + 4*len(r.Fields)) }

// limit is how large, either way, an integer of a column may be.
const limit = 1 << 62

func fits(t catalog.Type, v catalog.Value) bool {
	if !v.Known() {
		return true
	}
	switch t.Sort {
	case catalog.Money:
		return v.Sort() == catalog.Number && -limit < v.Int() && v.Int() < limit
	case catalog.Enum:
		return v.Sort() == catalog.String
	}
	return v.Sort() == t.Sort && -limit < v.Int() && v.Int() < limit
}

// code is the code of a value in a column, which widens to hold it.
func (f *field) code(c **codes, v catalog.Value, epoch uint64) uint64 {
	if !v.Known() {
		return 0
	}
	if f.dict != nil {
		if f.dict.sets && len(v.Items()) == 0 {
			return 0
		}
		return f.dict.code(v)
	}
	n := v.Int()
	if v.Sort() == catalog.Bool {
		n = 0
		if v.Bool() {
			n = 1
		}
	}
	if *c == nil {
		*c = newCodes(f.of)
		(*c).epoch = epoch
	}
	return (*c).encode(n, epoch)
}

func (t *Table) put(c *eval.Customer) {
	at, known := t.head(c.ID, c.Guest, c.Attributes)
	w := t.writer(at)
	w.rows = map[*eval.Record]uint32{}
	for i, k := range t.schema.kinds {
		w.kind(i, k, c.Records[k.name], known)
	}
}

// head writes what a customer is besides the records, and tells where, and whether
// there was one of the id.
func (t *Table) head(id dangol.CustomerID, isGuest bool, attributes map[string]catalog.Value) (at uint32, known bool) {
	state := member
	if isGuest {
		state = guest
	}
	at, known = t.find(id)
	if !known {
		at = t.place(id)
	}
	sh, local := t.shard(int(at>>shardBits)), int(at&slotMask)
	if sh.state[local] != state {
		sh.be(local, state, t.epoch)
	}
	for i := range t.schema.attrs {
		f := &t.schema.attrs[i]
		code := f.code(&sh.attrs[i], attributes[f.name], t.epoch)
		sh.fill(t.schema, local, i, code, t.epoch)
	}
	return at, known
}

// place makes room for a new customer: where one went or, where none did, at the end.
func (t *Table) place(id dangol.CustomerID) uint32 {
	at, again := uint32(0), len(t.free) > 0
	if again {
		at = t.free[len(t.free)-1]
		t.free = t.free[:len(t.free)-1]
		t.shard(int(at>>shardBits)).rename(int(at&slotMask), id, t.epoch)
	} else {
		if n := len(t.shards); n == 0 || t.shards[n-1].n == shardSize {
			t.shards = append(t.shards, newShard(t.schema, t.epoch))
		}
		i := len(t.shards) - 1
		at = uint32(i<<shardBits | t.shard(i).add(id))
	}
	t.used += int64(64 + len(id) + 4*len(t.schema.attrs))
	t.where.add(id, at, t.id)
	t.ids = t.ids.next(at, again)
	return at
}

// rowWriter writes the records of one customer.
type rowWriter struct {
	table *Table
	place uint32
	shard *shard
	local uint16
	rows  map[*eval.Record]uint32 // row of each record so far, and 1
	old   []uint32
}

func (t *Table) writer(at uint32) rowWriter {
	return rowWriter{table: t, place: at, shard: t.shard(int(at >> shardBits)), local: uint16(at & slotMask)}
}

// kind makes the log say what the records are.
func (w *rowWriter) kind(i int, k *kind, records []*eval.Record, known bool) {
	w.old = w.old[:0]
	if known {
		w.old = w.shard.logs[i].rows(w.local, w.old)
	}
	if len(w.old) == 0 && len(records) == 0 {
		return
	}
	var byKey map[string]uint32
	if len(w.old) > 0 {
		byKey = make(map[string]uint32, len(w.old))
		for _, row := range w.old {
			byKey[w.shard.logs[i].keys.at(int(row))] = row
		}
	}
	for _, r := range records {
		row, found := byKey[r.Key]
		if found {
			delete(byKey, r.Key)
			if w.same(i, k, row, r) {
				w.rows[r] = row + 1
				continue
			}
		}
		parent := uint32(0)
		if r.Parent != nil {
			parent = w.rows[r.Parent]
		}
		w.rows[r] = w.write(i, k, row, found, r, parent) + 1
	}
	for _, row := range byKey {
		w.drop(i, row)
	}
}

// drop takes a row away.
func (w *rowWriter) drop(i int, row uint32) {
	l := w.shard.log(i, w.table.epoch)
	if owners := w.table.owners[i].Load(); owners != nil && l.keys.has(int(row)) {
		owners.remove(l.keys.at(int(row)), w.place)
	}
	l.drop(row, w.table.epoch)
	w.table.shrunk = true
}

// stampOf is the value that stamps the record.
func (k *kind) stampOf(r *eval.Record) catalog.Value {
	at := k
	for range k.stampUp {
		if r = r.Parent; r == nil {
			return catalog.Missing
		}
		at = at.parent
	}
	return r.Fields[at.fields[k.stamp].name]
}

// same tells whether a row says what the record says.
func (w *rowWriter) same(i int, k *kind, row uint32, r *eval.Record) bool {
	l := w.shard.logs[i]
	if k.parent != nil && l.parent.at(int(row)) != w.rows[r.Parent] {
		return false
	}
	for f := range k.fields {
		if !k.fields[f].value(l.fields[f], int(row)).Equal(r.Fields[k.fields[f].name]) &&
			(r.Fields[k.fields[f].name].Known() || l.fields[f] != nil && l.fields[f].at(int(row)) != 0) {
			return false
		}
	}
	stamp := k.stampOf(r)
	return l.stamps == nil || stamp.Known() == (l.stamps.at(int(row)) != 0) &&
		(!stamp.Known() || l.stamps.value(l.stamps.at(int(row))) == stamp.Int())
}

// write puts the record into its row, or into a new one where it has none or its
// stamp changed, and tells which.
func (w *rowWriter) write(i int, k *kind, row uint32, found bool, r *eval.Record, parent uint32) uint32 {
	epoch := w.table.epoch
	if found {
		l := w.shard.log(i, epoch)
		if code := w.stampCode(l, r, parent); k.stamped && l.stampAt(row) != code {
			l.drop(row, epoch)
			found = false
		}
	}
	if !found {
		return w.add(i, k, r, parent)
	}
	l := w.shard.log(i, epoch)
	if k.parent != nil && l.parent.at(int(row)) != parent {
		if l.family != epoch {
			l.parent.own()
			l.family = epoch
		}
		l.parent.set(int(row), parent)
		l.follow(int(row), len(l.fields), uint64(parent), epoch)
	}
	w.fields(l, row, r)
	return row
}

// add appends the record as a new row and tells which.
func (w *rowWriter) add(i int, k *kind, r *eval.Record, parent uint32) uint32 {
	epoch := w.table.epoch
	l := w.shard.log(i, epoch)
	row := uint32(l.append(w.local, r.Key, w.stampCode(l, r, parent), parent, epoch))
	w.table.used += recordBytes(r)
	if owners := w.table.owners[i].Load(); owners != nil {
		owners.add(r.Key, w.place)
	}
	w.fields(l, row, r)
	return row
}

// fields writes the record's fields into a row. The row's own stamp is there.
func (w *rowWriter) fields(l *log, row uint32, r *eval.Record) {
	epoch := w.table.epoch
	for f := range l.kind.fields {
		if l.kind.stamped && l.kind.stampUp == 0 && f == l.kind.stamp {
			continue
		}
		code := l.kind.fields[f].code(&l.fields[f], r.Fields[l.kind.fields[f].name], epoch)
		l.fill(int(row), f, code, epoch)
	}
}

// stampCode is the code of the record's stamp, 0 for none. That of a parent is
// read from the parent's row.
func (w *rowWriter) stampCode(l *log, r *eval.Record, parent uint32) uint64 {
	k, stamp := l.kind, catalog.Missing
	switch {
	case !k.stamped:
		return 0
	case k.stampUp == 0:
		f := &k.fields[k.stamp]
		return f.code(&l.fields[k.stamp], r.Fields[f.name], w.table.epoch)
	}
	at, link := w.shard.logs[k.parent.index], parent
	for range k.stampUp - 1 {
		if link != 0 {
			link = at.parent.at(int(link - 1))
		}
		at = w.shard.logs[at.kind.parent.index]
	}
	if link != 0 {
		stamp = at.kind.fields[k.stamp].value(at.fields[k.stamp], int(link-1))
	}
	f := field{of: instantType}
	return f.code(&l.stamps, stamp, w.table.epoch)
}

// stampAt is the code of a row's stamp.
func (l *log) stampAt(row uint32) uint64 {
	at := l.stamped()
	if at == nil || int(row) >= at.n {
		return 0
	}
	return at.at(int(row))
}

var instantType = catalog.Type{Sort: catalog.Instant}

// value is what a column holds at i.
func (f *field) value(c *codes, i int) catalog.Value {
	if c == nil || i >= c.n || c.at(i) == 0 {
		return catalog.Missing
	}
	code := c.at(i)
	if f.dict != nil {
		return f.dict.all()[code]
	}
	n := c.value(code)
	switch f.of.Sort {
	case catalog.Bool:
		return catalog.BoolValue(n == 1)
	case catalog.Instant:
		return catalog.InstantValue(n)
	case catalog.Date:
		return catalog.DateValue(n)
	}
	return catalog.NumberValue(n)
}
