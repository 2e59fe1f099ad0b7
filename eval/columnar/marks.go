package columnar

import (
	"bytes"
	"hash/maphash"
)

// A log's marks are a byte of the hash of each key, in the order of the index: those of
// one customer lie together, and tell of nearly all rows that they do not have a key
// without reading theirs, which lie far apart. They are made when first asked for of a
// customer with many rows, and hold as long as the index.

// manyRows is from how many listed rows of a customer on their marks are looked through.
const manyRows = 8

// keyed finds a customer's row by its key. It looks at the hint first, which may be
// any number.
func (l *log) keyed(local uint16, key string, hint uint32) (row uint32, ok bool) {
	if l.n == 0 {
		return 0, false
	}
	want, some := l.keys.like(key)
	if !some {
		return 0, false
	}
	has := func(row uint32) bool { return l.local[row] == local && l.keys.is(int(row), want) }
	if int(hint) < l.n && has(hint) {
		return hint, true
	}
	x := l.index()
	if x.last != nil {
		for link := x.last[local]; link != 0; link = x.prev[int(link)-1-x.sealed] {
			if has(link - 1) {
				return link - 1, true
			}
		}
	}
	from, to := x.of(int(local))
	list := x.list[from:to]
	if len(list) < manyRows {
		for _, e := range list {
			if has(x.row(e)) {
				return x.row(e), true
			}
		}
		return 0, false
	}
	marks, mark := l.marks(x)[from:to], want.mark()
	for at := 0; ; at++ {
		next := bytes.IndexByte(marks[at:], mark)
		if next < 0 {
			return 0, false
		}
		at += next
		if row := x.row(list[at]); has(row) {
			return row, true
		}
	}
}

// marks are those of the rows that the index lists.
func (l *log) marks(x *index) []uint8 {
	if m := x.marks.Load(); m != nil {
		return *m
	}
	l.links.mu.Lock()
	defer l.links.mu.Unlock()
	if m := x.marks.Load(); m != nil {
		return *m
	}
	marks := make([]uint8, len(x.list))
	for i, e := range x.list {
		if k, ok := l.keys.spelling(int(x.row(e))); ok {
			marks[i] = k.mark()
		}
	}
	x.marks.Store(&marks)
	return marks
}

var markSeed = maphash.MakeSeed()

// mark is the same for keys that are the same.
func (s spelling) mark() uint8 {
	if !s.numbered {
		return uint8(maphash.String(markSeed, s.text))
	}
	const odd = 0x9e3779b97f4a7c15
	return uint8(uint64(s.number) * odd >> 56)
}
