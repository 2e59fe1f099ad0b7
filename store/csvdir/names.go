package csvdir

import (
	"bytes"
	"hash/maphash"
)

// names numbers different texts from 0 in the order of their arrival: ids, or what
// the cells of a column say. The texts stand one behind another.
type names struct {
	seed  maphash.Seed
	slots []uint64 // half of the hash, and the number and 1; 0 is empty
	text  []byte
	end   []int // of each text
}

func newNames() *names {
	return &names{seed: maphash.MakeSeed(), slots: make([]uint64, 64)}
}

func (n *names) len() int { return len(n.end) }

// at is the text of a number.
func (n *names) at(i int) []byte {
	from := 0
	if i > 0 {
		from = n.end[i-1]
	}
	return n.text[from:n.end[i]]
}

const tagMask = ^uint64(1<<32 - 1)

// slot is where the text stands or, where it does not, would.
func (n *names) slot(text []byte) (slot, hash uint64, known bool) {
	hash = maphash.Bytes(n.seed, text)
	mask := uint64(len(n.slots) - 1)
	slot = hash & mask
	for n.slots[slot] != 0 {
		if entry := n.slots[slot]; (entry^hash)&tagMask == 0 && bytes.Equal(n.at(int(uint32(entry))-1), text) {
			return slot, hash, true
		}
		slot = (slot + 1) & mask
	}
	return slot, hash, false
}

// find is the number of a text, not ok where it never came.
func (n *names) find(text []byte) (i uint32, ok bool) {
	slot, _, known := n.slot(text)
	return uint32(n.slots[slot]) - 1, known
}

// number is the number of a text, which may be new.
func (n *names) number(text []byte) (i uint32, isNew bool) {
	slot, hash, known := n.slot(text)
	if known {
		return uint32(n.slots[slot]) - 1, false
	}
	n.text = append(n.text, text...)
	n.end = append(n.end, len(n.text))
	n.slots[slot] = hash&tagMask | uint64(len(n.end))
	if 3*len(n.end) > 2*len(n.slots) {
		n.grow()
	}
	return uint32(len(n.end)) - 1, true
}

func (n *names) grow() {
	times := 4
	if len(n.slots) > 1<<20 {
		times = 2 // it is memory that counts now
	}
	n.slots = make([]uint64, times*len(n.slots))
	mask := uint64(len(n.slots) - 1)
	for i := range n.end {
		hash := maphash.Bytes(n.seed, n.at(i))
		slot := hash & mask
		for n.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		n.slots[slot] = hash&tagMask | uint64(i+1)
	}
}

// strings are all texts by their numbers.
func (n *names) strings() []string {
	all := string(n.text)
	out := make([]string, len(n.end))
	from := 0
	for i, end := range n.end {
		out[i] = all[from:end]
		from = end
	}
	return out
}
