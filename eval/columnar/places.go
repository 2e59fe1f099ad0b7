package columnar

import (
	"hash/maphash"

	"github.com/dangol-dev/dangol"
)

// places finds a customer's place by the id. The ids themselves stand in the
// shards: an entry is four bytes, in an open hash table that is at most two
// thirds full.
type places struct {
	seed  maphash.Seed
	slots []uint32 // a place and 1; 0 is empty, left an entry that was deleted
	n     int      // customers
	used  int      // slots that are not empty
}

const left = 1<<32 - 1

func newPlaces() *places { return &places{seed: maphash.MakeSeed()} }

// idOf reads the id of a place.
type idOf func(place uint32) dangol.CustomerID

// find is the place of an id, not ok when there is none.
func (p *places) find(id dangol.CustomerID, at idOf) (uint32, bool) {
	i, ok := p.slot(id, at)
	if !ok {
		return 0, false
	}
	return p.slots[i] - 1, true
}

// guess is where the id is likely to be, if it is anywhere: to be read ahead
// while find makes sure.
func (p *places) guess(id dangol.CustomerID) (uint32, bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	s := p.slots[maphash.String(p.seed, string(id))&uint64(len(p.slots)-1)]
	return s - 1, s != 0 && s != left
}

// slot is where the id stands or, when it does not, would.
func (p *places) slot(id dangol.CustomerID, at idOf) (i uint64, ok bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(p.slots) - 1)
	for i = maphash.String(p.seed, string(id)) & mask; p.slots[i] != 0; i = (i + 1) & mask {
		if p.slots[i] != left && at(p.slots[i]-1) == id {
			return i, true
		}
	}
	return i, false
}

// add notes the place of an id that has none.
func (p *places) add(id dangol.CustomerID, place uint32, at idOf) { p.addNew(id, place, at) }

// addNew is add of an id, false when it has a place already.
func (p *places) addNew(id dangol.CustomerID, place uint32, at idOf) bool {
	if 3*(p.used+1) > 2*len(p.slots) {
		p.grow(p.n+1, at)
	}
	i, known := p.slot(id, at)
	if known {
		return false
	}
	p.slots[i] = place + 1
	p.n++
	p.used++
	return true
}

// grow makes room for n customers.
func (p *places) grow(n int, at idOf) {
	size := 16
	for 2*size < 4*n { // half full at most, so that there is time until the next
		size *= 2
	}
	old := p.slots
	p.slots, p.n, p.used = make([]uint32, size), 0, 0
	for _, s := range old {
		if s != 0 && s != left {
			p.add(at(s-1), s-1, at)
		}
	}
}

// remove forgets an id.
func (p *places) remove(id dangol.CustomerID, at idOf) {
	if i, ok := p.slot(id, at); ok {
		p.slots[i] = left
		p.n--
	}
}
