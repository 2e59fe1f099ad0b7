package message

import (
	"encoding/binary"
	"slices"
	"sort"
)

// ordered is a map with string keys that can be walked in key order from anywhere.
// It is a list of sorted blocks: a lookup is two binary searches, an insert moves at
// most one block, and keys that arrive in order fill blocks without moving anything.
type ordered struct {
	blocks []*block
}

const blockSize = 256

type block struct {
	keys []string
	rows []Row
}

// find is the block that holds, or would hold, the key, and the place in it.
func (o *ordered) find(key string) (b, i int, ok bool) {
	b = sort.Search(len(o.blocks), func(b int) bool {
		keys := o.blocks[b].keys
		return keys[len(keys)-1] >= key
	})
	if b == len(o.blocks) {
		return b, 0, false
	}
	i, ok = slices.BinarySearch(o.blocks[b].keys, key)
	return b, i, ok
}

func (o *ordered) get(key string) Row {
	if b, i, ok := o.find(key); ok {
		return o.blocks[b].rows[i]
	}
	return nil
}

func (o *ordered) put(key string, row Row) {
	b, i, ok := o.find(key)
	if ok {
		o.blocks[b].rows[i] = row
		return
	}
	if b == len(o.blocks) { // behind all: the last block grows, or a new one starts
		if b == 0 || len(o.blocks[b-1].keys) == blockSize {
			o.blocks = append(o.blocks, &block{})
		} else {
			b--
		}
		i = len(o.blocks[b].keys)
	}
	bl := o.blocks[b]
	if len(bl.keys) == blockSize {
		half := blockSize / 2
		right := &block{slices.Clone(bl.keys[half:]), slices.Clone(bl.rows[half:])}
		clear(bl.keys[half:])
		clear(bl.rows[half:])
		bl.keys, bl.rows = bl.keys[:half], bl.rows[:half]
		o.blocks = slices.Insert(o.blocks, b+1, right)
		if i > half {
			bl, i = right, i-half
		}
	}
	bl.keys = slices.Insert(bl.keys, i, key)
	bl.rows = slices.Insert(bl.rows, i, row)
}

func (o *ordered) remove(key string) {
	b, i, ok := o.find(key)
	if !ok {
		return
	}
	bl := o.blocks[b]
	bl.keys, bl.rows = slices.Delete(bl.keys, i, i+1), slices.Delete(bl.rows, i, i+1)
	if len(bl.keys) == 0 {
		o.blocks = slices.Delete(o.blocks, b, b+1)
	}
}

// walk calls f for the rows with lo <= key < hi in order, or in reverse, until f
// returns false. An empty hi is no bound.
func (o *ordered) walk(lo, hi string, desc bool, f func(key string, row Row) bool) {
	if !desc {
		b, i, _ := o.find(lo)
		for ; b < len(o.blocks); b, i = b+1, 0 {
			bl := o.blocks[b]
			for ; i < len(bl.keys); i++ {
				if hi != "" && bl.keys[i] >= hi || !f(bl.keys[i], bl.rows[i]) {
					return
				}
			}
		}
		return
	}
	b, i := len(o.blocks), 0
	if hi != "" {
		b, i, _ = o.find(hi)
	}
	for {
		if i == 0 {
			if b--; b < 0 {
				return
			}
			i = len(o.blocks[b].keys)
		}
		i--
		bl := o.blocks[b]
		if bl.keys[i] < lo || !f(bl.keys[i], bl.rows[i]) {
			return
		}
	}
}

// appendKey encodes a value so that the bytes of encodings order as the values do,
// and no encoding is a prefix of another.
func appendKey(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(dst, uint64(v)^1<<63)
	case string:
		for i := range len(v) {
			if v[i] == 0 {
				dst = append(dst, 0, 1)
			} else {
				dst = append(dst, v[i])
			}
		}
	}
	return append(dst, 0, 0)
}

// successor is the first key behind all keys with this prefix, empty when there is
// none.
func successor(prefix []byte) string {
	next := slices.Clone(prefix)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]++; next[i] != 0 {
			return string(next[:i+1])
		}
	}
	return ""
}
