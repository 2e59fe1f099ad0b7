package columnar

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
)

// Change is one change of one row: of a customer, or of a record.
type Change struct {
	Customer dangol.CustomerID
	At       Spot   // where Look found the customer, which saves looking again
	Kind     string // of the record; "" for the customer
	// Gone takes the row away: a customer with all records, a record with those that
	// belong to it. What is not there stays so.
	Gone bool

	// Of a customer that is put: new, or with other attributes than before and the
	// same records.
	Guest      bool
	Attributes map[string]catalog.Value

	// Of a record, which is put in the place of the one with its key, if there is one.
	// Of its Parent the Key alone is read; one that the customer does not have is none.
	Record *eval.Record
	// New promises that the customer has no record of the kind with the key, which
	// saves looking for one.
	New bool
	// Part says that the Record's fields are those alone that change: one that is
	// catalog.Missing goes, others stay, and so does the parent. A customer without
	// such a record is passed over.
	Part bool
	// Hint is where Look found the record, which saves looking for it again.
	Hint uint32
}

// Write makes changes one after the other; readers see all of them or none. It costs
// what the changes are, however many records a customer has, unlike Put. A record of
// a customer who is not there is passed over. ErrShape is returned, and nothing has
// happened, where something does not fit the catalog; ErrFull where the memory budget
// is used up.
func (t *Table) Write(changes ...Change) error {
	bytes := int64(0)
	for i := range changes {
		n, err := t.schema.checkChange(&changes[i])
		if err != nil {
			return err
		}
		bytes += n
	}
	return t.writing(bytes, func() {
		for i := range changes {
			t.change(&changes[i])
		}
	})
}

// checkChange tells whether the change fits, and about how many bytes it takes.
func (s *schema) checkChange(c *Change) (int64, error) {
	if c.Kind == "" {
		if c.Gone {
			return 0, nil
		}
		return s.checkHead(c.Customer, c.Attributes)
	}
	i, ok := s.kind[c.Kind]
	switch {
	case !ok:
		return 0, fmt.Errorf("%w: no kind %q owns rows", ErrShape, c.Kind)
	case c.Record == nil:
		return 0, fmt.Errorf("%w: a change of %s without a record", ErrShape, c.Kind)
	case c.Gone:
		return 0, nil
	case c.Part && c.Record.Parent != nil:
		return 0, fmt.Errorf("%w: %s %q: a part of a record has no parent", ErrShape, c.Kind, c.Record.Key)
	case c.Record.Parent != nil && s.kinds[i].parent == nil:
		return 0, fmt.Errorf("%w: %s %q: its kind has no parents", ErrShape, c.Kind, c.Record.Key)
	}
	return s.kinds[i].check(c.Record)
}

func (t *Table) change(c *Change) {
	switch {
	case c.Kind == "" && c.Gone:
		t.remove(c.Customer)
		return
	case c.Kind == "":
		t.head(c.Customer, c.Guest, c.Attributes)
		return
	}
	at, ok := t.at(c.Customer, c.At)
	if !ok {
		return
	}
	i := t.schema.kind[c.Kind]
	k, w := t.schema.kinds[i], t.writer(at)
	if c.Gone {
		if row, ok := w.shard.logs[i].keyed(w.local, c.Record.Key, c.Hint); ok {
			w.take(i, row)
		}
		return
	}
	if c.Part {
		if row, ok := w.shard.logs[i].keyed(w.local, c.Record.Key, c.Hint); ok {
			w.patch(i, k, row, c.Record)
		}
		return
	}
	parent := uint32(0)
	if c.Record.Parent != nil {
		if row, ok := w.shard.logs[k.parent.index].keyed(w.local, c.Record.Parent.Key, noRow); ok {
			parent = row + 1
		}
	}
	if !c.New {
		if row, ok := w.shard.logs[i].keyed(w.local, c.Record.Key, c.Hint); ok {
			w.replace(i, k, row, c.Record, parent)
			return
		}
	}
	w.add(i, k, c.Record, parent)
}

// replace writes the record into the row that its key has, and what depends on it
// into those below.
func (w *rowWriter) replace(i int, k *kind, row uint32, r *eval.Record, parent uint32) {
	var before, after [4]int64
	was := w.shard.logs[i].lent(before[:0], row)
	now := w.write(i, k, row, true, r, parent)
	if now != row || !slices.Equal(was, w.shard.logs[i].lent(after[:0], now)) {
		w.adopt(k, row, now)
	}
}

// patch writes those fields into a row that the record has.
func (w *rowWriter) patch(i int, k *kind, row uint32, r *eval.Record) {
	for name := range r.Fields {
		if f := k.field[name]; k.stamped && k.stampUp == 0 && f == k.stamp || slices.Contains(k.lends, f) {
			w.move(i, k, row, r)
			return
		}
	}
	epoch := w.table.epoch
	l := w.shard.log(i, epoch)
	for name, v := range r.Fields {
		f := k.field[name]
		l.fill(int(row), f, k.fields[f].code(&l.fields[f], v, epoch), epoch)
	}
}

// move is patch where the row's place in time, or that of rows below, may change.
func (w *rowWriter) move(i int, k *kind, row uint32, r *eval.Record) {
	l := w.shard.logs[i]
	whole, parent := l.record(int(row)), uint32(0)
	maps.Copy(whole.Fields, r.Fields)
	if k.parent != nil {
		parent = l.parent.at(int(row))
	}
	w.replace(i, k, row, whole, parent)
}

// adopt ties the rows below a record, which was in one row and is in another now,
// to that one, and puts those in their place whose stamp is the record's.
func (w *rowWriter) adopt(k *kind, was, now uint32) {
	for i, below := range w.table.schema.kinds {
		if below.parent != k {
			continue
		}
		for _, row := range w.shard.logs[i].rows(w.local, nil) {
			l := w.shard.logs[i]
			if l.parent.at(int(row)) != was+1 {
				continue
			}
			at := w.write(i, below, row, true, l.record(int(row)), now+1)
			if at != row || below.carries {
				w.adopt(below, row, at)
			}
		}
	}
}

// take takes a record away, with those that belong to it.
func (w *rowWriter) take(i int, row uint32) {
	for j, below := range w.table.schema.kinds {
		if below.parent != w.table.schema.kinds[i] {
			continue
		}
		for _, child := range w.shard.logs[j].rows(w.local, nil) {
			if w.shard.logs[j].parent.at(int(child)) == row+1 {
				w.take(j, child)
			}
		}
	}
	w.drop(i, row)
}

// lent adds to a list what a row lends to rows of other kinds as their stamps.
func (l *log) lent(to []int64, row uint32) []int64 {
	for _, f := range l.kind.lends {
		v, ok := integer(l.fields[f], int(row))
		if !ok {
			v = missing
		}
		to = append(to, v)
	}
	return to
}
