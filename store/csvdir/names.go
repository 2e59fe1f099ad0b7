package csvdir

import (
	"bytes"
	"hash/maphash"
)

// names numbers different texts from 0 in the order of their arrival: ids, or what
// the cells of a column say. The texts stand one behind another.
type names struct {
	text []byte
	end  []int // of each text
	// As long as all texts are numbers behind the same letters they are found by
	// their number, else by their hash.
	counted *counted
	seed    maphash.Seed
	slots   []uint64 // half of the hash, and the place and 1; 0 is empty
}

func newNames() *names { return &names{} }

// at is the text of a place.
func (n *names) at(i int) []byte {
	from := 0
	if i > 0 {
		from = n.end[i-1]
	}
	return n.text[from:n.end[i]]
}

// find is the place of a text, not ok where it never came.
func (n *names) find(text []byte) (i uint32, ok bool) {
	switch {
	case len(n.end) == 0:
		return 0, false
	case n.counted != nil:
		number, ok := n.counted.number(text)
		if !ok || number >= len(n.counted.by) || n.counted.by[number] == 0 {
			return 0, false
		}
		return n.counted.by[number] - 1, true
	}
	slot, _, known := n.slot(text)
	return uint32(n.slots[slot]) - 1, known
}

// number is the place of a text, which may be new.
func (n *names) number(text []byte) (i uint32, isNew bool) {
	if len(n.end) == 0 {
		if n.counted = countedLike(text); n.counted == nil {
			n.hash()
		}
	}
	if n.counted != nil {
		at := n.counted.at(text, len(n.end))
		switch {
		case at == nil:
			n.counted = nil
			n.hash()
		case *at != 0:
			return *at - 1, false
		default:
			n.add(text)
			*at = uint32(len(n.end))
			return *at - 1, true
		}
	}
	slot, hash, known := n.slot(text)
	if known {
		return uint32(n.slots[slot]) - 1, false
	}
	n.add(text)
	n.slots[slot] = hash&tagMask | uint64(len(n.end))
	if 3*len(n.end) > 2*len(n.slots) {
		n.hash()
	}
	return uint32(len(n.end)) - 1, true
}

func (n *names) add(text []byte) {
	n.text = append(n.text, text...)
	n.end = append(n.end, len(n.text))
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

// hash makes the table of hashes anew, with room for as many again.
func (n *names) hash() {
	n.seed = maphash.MakeSeed()
	size := 64
	for size < 3*len(n.end) {
		size *= 2
	}
	n.slots = make([]uint64, size)
	for i := range n.end {
		slot, hash, _ := n.slot(n.at(i))
		n.slots[slot] = hash&tagMask | uint64(i+1)
	}
}

// strings are all texts by their places.
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

// counted finds texts that are a number behind the same letters, such as c00042,
// by that number.
type counted struct {
	letters []byte
	digits  int      // of every number, with leading zeros; 0: without
	by      []uint32 // by number: its place and 1, 0 for none
}

// countedLike is for texts like the first, nil where it ends in no number.
func countedLike(first []byte) *counted {
	at := len(first)
	for at > 0 && first[at-1]-'0' <= 9 {
		at--
	}
	c := &counted{letters: bytes.Clone(first[:at])}
	if digits := first[at:]; len(digits) > 1 && digits[0] == '0' {
		c.digits = len(digits)
	}
	if _, ok := c.number(first); !ok {
		return nil
	}
	return c
}

// number is the number of a text, not ok for one that is unlike the first.
func (c *counted) number(text []byte) (int, bool) {
	if !bytes.HasPrefix(text, c.letters) {
		return 0, false
	}
	text = text[len(c.letters):]
	if len(text) == 0 || len(text) > 9 || c.digits > 0 && len(text) != c.digits || c.digits == 0 && text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	n := 0
	for _, digit := range text {
		if digit -= '0'; digit > 9 {
			return 0, false
		}
		n = 10*n + int(digit)
	}
	return n, true
}

// at is the entry of a text, nil for one that is unlike the first or whose number is
// too far away from the others'.
func (c *counted) at(text []byte, known int) *uint32 {
	n, ok := c.number(text)
	if !ok || n >= 1<<20+16*known {
		return nil
	}
	if n >= len(c.by) {
		by := make([]uint32, max(n+1, min(2*len(c.by), 1<<20+16*known)))
		copy(by, c.by)
		c.by = by
	}
	return &c.by[n]
}
