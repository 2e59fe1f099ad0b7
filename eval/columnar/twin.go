package columnar

import "github.com/dangol-dev/dangol/dsl/catalog"

// A twin is a copy of a column in the order of an index, customer by customer: what
// a question about one customer reads of it lies together. Those of a log are made
// when questions first read the column, and hold as long as its index.

// twin is that of a field, nil where the column is none or has another frame by
// now.
func (l *log) twin(field int) *codes { return l.twinOf(l.index(), field) }

// twinOf is twin where the index is at hand.
func (l *log) twinOf(x *index, field int) *codes {
	c := l.fields[field]
	if c == nil {
		return nil
	}
	t := x.twins[field].Load()
	if t == nil {
		t = l.copied(x, field)
	}
	if t.base != c.base || t.unit != c.unit {
		return nil
	}
	return t
}

func (l *log) copied(x *index, field int) *codes {
	l.links.mu.Lock()
	defer l.links.mu.Unlock()
	t := x.twins[field].Load()
	if t == nil {
		t = l.fields[field].pick(x.order(), 0)
		x.twins[field].Store(t)
	}
	return t
}

// parents is the twin of the links to parents.
func (l *log) parents() *codes { return l.parentsOf(l.index()) }

// parentsOf is parents where the index is at hand.
func (l *log) parentsOf(x *index) *codes {
	at := &x.twins[len(l.fields)]
	t := at.Load()
	if t == nil {
		l.links.mu.Lock()
		defer l.links.mu.Unlock()
		if t = at.Load(); t == nil {
			t = newCodes(catalog.Type{Sort: catalog.String})
			t.u8, t.u32, t.n = nil, make([]uint32, x.sealed), x.sealed
			l.parent.gather(t.u32, x.order())
			at.Store(t)
		}
	}
	return t
}

// order is the rows in the order of the index.
func (x *index) order() []uint32 {
	out := make([]uint32, len(x.list))
	for i, e := range x.list {
		out[i] = x.row(e)
	}
	return out
}

// follow brings a change of a row in place to the twin of its field.
func (l *log) follow(row, field int, code uint64, epoch uint64) {
	x := l.links.index.Load()
	if x == nil || row >= x.sealed {
		return
	}
	t := x.twins[field].Load()
	if t == nil {
		return
	}
	if i, ok := x.place(l.local[row], row); ok {
		t.set(i, code, epoch)
	}
}

// codeOf is a field of a customer's row: out of the twin, which is likely to be near,
// where there is one.
func (l *log) codeOf(local, row, field int) uint64 {
	if x := l.links.index.Load(); x != nil {
		if t := x.twins[field].Load(); t != nil && t.base == l.fields[field].base && t.unit == l.fields[field].unit {
			if i, ok := x.place(uint16(local), row); ok {
				return t.at(i)
			}
		}
	}
	return l.fields[field].at(row)
}

// place is where the index lists a row.
func (x *index) place(local uint16, row int) (int, bool) {
	from, to := x.of(int(local))
	lo, hi := int(from), int(to)
	for lo < hi {
		if middle := (lo + hi) / 2; int(x.row(x.list[middle])) < row {
			lo = middle + 1
		} else {
			hi = middle
		}
	}
	return lo, lo < int(to) && int(x.row(x.list[lo])) == row
}
