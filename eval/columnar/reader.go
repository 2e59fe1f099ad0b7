package columnar

import (
	"time"

	"github.com/dangol-dev/dangol"
)

// Place is where a customer stands in a Snapshot.
type Place struct {
	shard *shard
	local int
}

// Find is the place of a customer or guest, not ok when there is none. A Matcher
// finds customers by their ids quicker.
func (s *Snapshot) Find(id dangol.CustomerID) (Place, bool) {
	p, ok := s.find(id)
	if !ok {
		return Place{}, false
	}
	return Place{s.shards[p>>shardBits], int(p & slotMask)}, true
}

// Reader answers a Matcher's plans at one instant for customers whose place in a
// Snapshot is known: it takes no locks. It is not safe for concurrent use.
type Reader struct{ cursor *cursor }

// Reader is for places in snapshots of the Matcher's Table.
func (m *Matcher) Reader(asOf time.Time) *Reader {
	x := m.cursor()
	x.bounds = m.at(asOf)
	return &Reader{x}
}

// Matches is Matcher.Matches for the customer of a place, as its snapshot is.
func (r *Reader) Matches(p Place, in []bool) error {
	r.cursor.begin(p.shard, p.local)
	return r.cursor.ask(in)
}
