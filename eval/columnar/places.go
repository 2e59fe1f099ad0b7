package columnar

import (
	"hash/maphash"
	"math/bits"

	"github.com/dangol-dev/dangol"
)

// places finds a customer's place by the id. The ids themselves stand in the
// shards: an entry is four bytes, in an open hash table that is at most two
// thirds full. The bits that places do not need hold some of the hash, so that
// hardly an id is read that is another.
type places struct {
	seed  maphash.Seed
	slots []uint32 // a place and 1, with a part of the hash above; 0 is empty
	mask  uint32   // of a place in a slot; that itself stands for an entry that was deleted
	top   uint32   // the largest place that had to find room
	n     int      // customers
	used  int      // slots that are not empty
}

func newPlaces() *places { return &places{seed: maphash.MakeSeed()} }

// idOf reads the id of a place.
type idOf func(place uint32) dangol.CustomerID

func (p *places) hash(id dangol.CustomerID) uint64 { return maphash.String(p.seed, string(id)) }

// tag is the part of a hash that stands in a slot.
func (p *places) tag(hash uint64) uint32 { return uint32(hash>>32) &^ p.mask }

// find is the place of an id, not ok when there is none.
func (p *places) find(id dangol.CustomerID, at idOf) (uint32, bool) {
	return p.hashed(id, p.hash(id), at)
}

// hashed is find of an id whose hash is known.
func (p *places) hashed(id dangol.CustomerID, hash uint64, at idOf) (uint32, bool) {
	i, ok := p.slot(id, hash, at)
	if !ok {
		return 0, false
	}
	return p.slots[i]&p.mask - 1, true
}

// guess is where the id of a hash is likely to be, if it is anywhere: to be read
// ahead while find makes sure.
func (p *places) guess(hash uint64) (uint32, bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	mask, tag := uint64(len(p.slots)-1), p.tag(hash)
	for i := hash & mask; p.slots[i] != 0; i = (i + 1) & mask {
		if s := p.slots[i]; s&^p.mask == tag && s&p.mask != p.mask {
			return s&p.mask - 1, true
		}
	}
	return 0, false
}

// glance reads where the id of a hash would stand, which is thereby near.
func (p *places) glance(hash uint64) uint64 {
	if len(p.slots) == 0 {
		return 0
	}
	return uint64(p.slots[hash&uint64(len(p.slots)-1)])
}

// slot is where the id stands or, when it does not, would.
func (p *places) slot(id dangol.CustomerID, hash uint64, at idOf) (i uint64, ok bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	mask, tag := uint64(len(p.slots)-1), p.tag(hash)
	for i = hash & mask; p.slots[i] != 0; i = (i + 1) & mask {
		if s := p.slots[i]; s&^p.mask == tag && s&p.mask != p.mask && at(s&p.mask-1) == id {
			return i, true
		}
	}
	return i, false
}

// add notes the place of an id that has none.
func (p *places) add(id dangol.CustomerID, place uint32, at idOf) { p.addNew(id, place, at) }

// addNew is add of an id, false when it has a place already.
func (p *places) addNew(id dangol.CustomerID, place uint32, at idOf) bool {
	p.top = max(p.top, place)
	if 3*(p.used+1) > 2*len(p.slots) || place+1 >= p.mask {
		p.grow(p.n+1, at)
	}
	hash := p.hash(id)
	i, known := p.slot(id, hash, at)
	if known {
		return false
	}
	p.slots[i] = p.tag(hash) | (place + 1)
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
	old, mask := p.slots, p.mask
	p.slots, p.n, p.used = make([]uint32, size), 0, 0
	top := max(uint64(size), uint64(p.top)+uint64(p.top)/4+2)
	p.mask = uint32(uint64(1)<<min(bits.Len64(top), 32) - 1)
	for _, s := range old {
		if s != 0 && s&mask != mask {
			p.add(at(s&mask-1), s&mask-1, at)
		}
	}
}

// remove forgets an id.
func (p *places) remove(id dangol.CustomerID, at idOf) {
	if i, ok := p.slot(id, p.hash(id), at); ok {
		p.slots[i] = p.mask
		p.n--
	}
}
