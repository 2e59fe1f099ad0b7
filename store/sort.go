package store

import (
	"encoding/binary"
	"slices"

	"github.com/dangol-dev/dangol"
)

// fewIDs is up to how many ids are sorted faster by comparing them.
const fewIDs = 128

// sortIDs sorts ids by their bytes: eight bytes behind what all have in common at a
// time, as numbers and byte by byte, since comparing texts in memory again and again
// is what sorting a database's answer took longest for.
func sortIDs(ids []dangol.CustomerID) { sortBehind(ids, 0) }

// sortBehind sorts ids that are the same in their first bytes.
func sortBehind(ids []dangol.CustomerID, same int) {
	if len(ids) <= fewIDs || slices.IsSorted(ids) {
		slices.Sort(ids)
		return
	}
	skip := common(ids)
	if skip < same { // ids that end where others have zeros, which heads cannot tell apart
		slices.Sort(ids)
		return
	}
	heads := sortedHeads(ids, skip)
	sorted := make([]dangol.CustomerID, len(ids))
	for i, h := range heads {
		sorted[i] = ids[h.at]
	}
	copy(ids, sorted)
	for from := 0; from < len(heads); {
		to := from + 1
		for to < len(heads) && heads[to].bytes == heads[from].bytes {
			to++
		}
		sortBehind(ids[from:to], skip+8)
		from = to
	}
}

// common is how many first bytes all ids share.
func common(ids []dangol.CustomerID) int {
	n := len(ids[0])
	for _, id := range ids[1:] {
		n = min(n, len(id))
		for n > 0 && id[:n] != ids[0][:n] {
			n--
		}
	}
	return n
}

// head is eight bytes of an id as a number that orders as they do, zeros behind its
// end.
type head struct {
	bytes uint64
	at    uint32
}

// sortedHeads are the heads of ids behind their first bytes, in order.
func sortedHeads(ids []dangol.CustomerID, skip int) []head {
	heads, spare := make([]head, len(ids)), make([]head, len(ids))
	var counts [8][256]uint32
	for i, id := range ids {
		var b [8]byte
		copy(b[:], id[skip:])
		heads[i] = head{binary.BigEndian.Uint64(b[:]), uint32(i)}
		for k, c := range b {
			counts[k][c]++
		}
	}
	for k := 7; k >= 0; k-- { // the last byte first: each pass keeps the order of those before
		shift := 8 * (7 - k)
		if int(counts[k][byte(heads[0].bytes>>shift)]) == len(heads) {
			continue // all have the same
		}
		next := uint32(0)
		for c, n := range counts[k] {
			counts[k][c], next = next, next+n
		}
		for _, h := range heads {
			c := byte(h.bytes >> shift)
			spare[counts[k][c]] = h
			counts[k][c]++
		}
		heads, spare = spare, heads
	}
	return heads
}
