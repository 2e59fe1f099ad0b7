package columnar

import (
	"hash/maphash"
	"iter"
	"sort"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Lookup finds rows of a kind of a snapshot by their keys. It takes eight to
// sixteen bytes a row and is safe for concurrent use.
type Lookup struct {
	snapshot *Snapshot
	kind     int
	first    []uint32 // by shard: the number of its first row; one more at the end
	seed     maphash.Seed
	slots    []uint64 // half of the hash, and the row's number and 1; 0 is empty
}

const tagMask = ^uint64(1<<32 - 1)

// Lookup reads all keys of a kind, nil for one that owns no rows.
func (s *Snapshot) Lookup(kind string) *Lookup {
	k, ok := s.schema.kind[kind]
	if !ok {
		return nil
	}
	out := &Lookup{snapshot: s, kind: k, first: []uint32{0}, seed: maphash.MakeSeed()}
	n := 0
	for _, sh := range s.shards {
		n += sh.logs[k].n
		out.first = append(out.first, uint32(n))
	}
	size := 16
	for 2*size < 3*n {
		size *= 2
	}
	out.slots = make([]uint64, size)
	var key []byte
	for i, sh := range s.shards {
		l := sh.logs[k]
		for row := range l.n {
			if l.local[row] == nobody || !l.keys.has(row) {
				continue
			}
			key = l.keys.appendTo(key[:0], row)
			hash := maphash.Bytes(out.seed, key)
			slot := hash & uint64(size-1)
			for out.slots[slot] != 0 {
				slot = (slot + 1) & uint64(size-1)
			}
			out.slots[slot] = hash&tagMask | uint64(out.first[i]) + uint64(row) + 1
		}
	}
	return out
}

// Owner tells whose the row with a key is, not ok where there is none.
func (l *Lookup) Owner(key string) (dangol.CustomerID, bool) {
	mask := uint64(len(l.slots) - 1)
	hash := maphash.String(l.seed, key)
	for slot := hash & mask; l.slots[slot] != 0; slot = (slot + 1) & mask {
		entry := l.slots[slot]
		if (entry^hash)&tagMask != 0 {
			continue
		}
		row := uint32(entry) - 1
		i := sort.Search(len(l.first), func(i int) bool { return l.first[i] > row }) - 1
		sh := l.snapshot.shards[i]
		log, at := sh.logs[l.kind], int(row-l.first[i])
		if log.keys.is(at, key) {
			return sh.ids[log.local[at]], true
		}
	}
	return "", false
}

// Having yields the rows of a kind whose text field says one of some texts: whose
// they are, and their keys.
func (s *Snapshot) Having(kind, fieldName string, texts map[string]bool) iter.Seq2[dangol.CustomerID, string] {
	return func(yield func(dangol.CustomerID, string) bool) {
		k, ok := s.schema.kind[kind]
		if !ok {
			return
		}
		f, ok := s.schema.kinds[k].field[fieldName]
		if !ok || s.schema.kinds[k].fields[f].dict == nil {
			return
		}
		codes := map[uint64]bool{}
		for text := range texts {
			if code, ok := s.schema.kinds[k].fields[f].dict.find(catalog.StringValue(text)); ok {
				codes[code] = true
			}
		}
		for _, sh := range s.shards {
			l := sh.logs[k]
			c := l.fields[f]
			if c == nil {
				continue
			}
			for row := range l.n {
				if codes[c.at(row)] && l.local[row] != nobody && !yield(sh.ids[l.local[row]], l.keys.at(row)) {
					return
				}
			}
		}
	}
}

// Has tells whether there is a customer.
func (s *Snapshot) Has(id dangol.CustomerID) bool {
	_, ok := s.find(id)
	return ok
}

// IDs yields the ids of all customers and guests in the order of their bytes.
func (s *Snapshot) IDs() iter.Seq[dangol.CustomerID] {
	return func(yield func(dangol.CustomerID) bool) {
		for _, p := range s.order() {
			sh := s.shards[p>>shardBits]
			if sh.state[p&slotMask] != gone && !yield(sh.ids[p&slotMask]) {
				return
			}
		}
	}
}
