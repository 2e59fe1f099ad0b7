package columnar

import "hash/maphash"

// owners finds whose a record is by its key: an open hash table of the keys of one
// kind, eight bytes an entry. It keeps neither keys nor rows, only a part of each
// hash and the customer's place: whoever asks looks among that customer's rows. So
// it grows without reading a key again, and rows may move. It is cut into parts
// that grow one at a time, so that no write waits for all of it.
type owners struct {
	seed  maphash.Seed
	parts [ownerParts]ownerPart
}

const ownerParts = 256

// ownerPart is the keys whose hashes start alike. Their next 32 bits stand in the
// upper half of an entry, the place and 1 in the lower; 0 is empty, tag alone an
// entry that went.
type ownerPart struct {
	slots []uint64
	n     int // keys
	used  int // slots that are not empty
}

const tagShift = 32

// readOwners reads all keys of a kind. The caller holds mu for reading.
func (t *Table) readOwners(kind int) *owners {
	t.asking.Lock()
	defer t.asking.Unlock()
	if o := t.owners[kind].Load(); o != nil {
		return o
	}
	n := 0
	for _, sh := range t.shards {
		n += sh.logs[kind].n
	}
	o := &owners{seed: maphash.MakeSeed()}
	for i := range o.parts {
		o.parts[i].grow(n / ownerParts)
	}
	for s, sh := range t.shards {
		l := sh.logs[kind]
		var key []byte
		for row, local := range l.local[:l.n] {
			if local != nobody && l.keys.has(row) {
				key = l.keys.appendTo(key[:0], row)
				o.addHash(maphash.Bytes(o.seed, key), uint32(s<<shardBits|int(local)))
			}
		}
	}
	t.owners[kind].Store(o)
	return o
}

func (o *owners) part(hash uint64) (p *ownerPart, tag uint64) {
	return &o.parts[hash>>56], hash & (1<<tagShift - 1)
}

func (o *owners) hash(key string) uint64 { return maphash.String(o.seed, key) }

// glance reads the entry where that of a hash would stand, which is thereby near
// when it is looked for.
func (o *owners) glance(hash uint64) uint64 {
	p, tag := o.part(hash)
	if len(p.slots) == 0 {
		return 0
	}
	return p.slots[p.first(tag)]
}

// find is the place of the key of a hash that has it, of those which may.
func (o *owners) find(hash uint64, has func(place uint32) bool) (place uint32, ok bool) {
	p, tag := o.part(hash)
	if len(p.slots) == 0 {
		return 0, false
	}
	for i := p.first(tag); p.slots[i] != 0; i = p.after(i) {
		if at := uint32(p.slots[i]); p.slots[i]>>tagShift == tag && at != 0 && has(at-1) {
			return at - 1, true
		}
	}
	return 0, false
}

// add notes a key of the customer of a place, unless it is noted.
func (o *owners) add(key string, place uint32) { o.addHash(o.hash(key), place) }

func (o *owners) addHash(hash uint64, place uint32) {
	p, tag := o.part(hash)
	if 5*(p.used+1) > 4*len(p.slots) {
		p.grow(p.n + 1)
	}
	p.add(tag<<tagShift | uint64(place+1))
}

func (o *owners) remove(key string, place uint32) {
	p, tag := o.part(o.hash(key))
	if len(p.slots) == 0 {
		return
	}
	entry := tag<<tagShift | uint64(place+1)
	for i := p.first(tag); p.slots[i] != 0; i = p.after(i) {
		if p.slots[i] == entry {
			// The lowest bit of a tag is lost, so that no entry that went is 0.
			p.slots[i] = (tag | 1) << tagShift
			p.n--
			return
		}
	}
}

// first is where an entry of a tag stands, if nothing else does.
func (p *ownerPart) first(tag uint64) int { return int(tag * uint64(len(p.slots)) >> tagShift) }

func (p *ownerPart) after(i int) int {
	if i++; i == len(p.slots) {
		return 0
	}
	return i
}

func (p *ownerPart) add(entry uint64) {
	i := p.first(entry >> tagShift)
	for ; p.slots[i] != 0; i = p.after(i) {
		if p.slots[i] == entry {
			return
		}
	}
	p.slots[i] = entry
	p.n++
	p.used++
}

// grow makes room for some more than n keys.
func (p *ownerPart) grow(n int) {
	old := p.slots
	p.slots, p.n, p.used = make([]uint64, n+n/2+16), 0, 0
	for _, entry := range old {
		if uint32(entry) != 0 {
			p.add(entry)
		}
	}
}

func (o *owners) bytes() int {
	if o == nil {
		return 0
	}
	n := 0
	for i := range o.parts {
		n += 8 * len(o.parts[i].slots)
	}
	return n
}
