package columnar

import (
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
)

// Place is where a customer stands in a Snapshot.
type Place struct {
	shard *shard
	at    uint32
}

// Find is the place of a customer or guest, not ok when there is none. It may wait for
// a change of the Table that is being made.
func (s *Snapshot) Find(id dangol.CustomerID) (Place, bool) {
	// Who is in the table now mostly stood at the same place.
	s.table.mu.RLock()
	p, ok := s.table.find(id)
	s.table.mu.RUnlock()
	if !ok || !s.has(p, id) {
		if p, ok = s.find(id); !ok {
			return Place{}, false
		}
	}
	return Place{s.shards[p>>shardBits], p}, true
}

// has tells whether a customer stands at a place.
func (s *Snapshot) has(p uint32, id dangol.CustomerID) bool {
	n, local := int(p>>shardBits), int(p&slotMask)
	return n < len(s.shards) && local < s.shards[n].n && s.shards[n].ids[local] == id && s.shards[n].state[local] != gone
}

// All yields every customer and guest with the place, in no particular order.
func (s *Snapshot) All() iter.Seq2[dangol.CustomerID, Place] {
	return func(yield func(dangol.CustomerID, Place) bool) {
		for n, sh := range s.shards {
			for local, id := range sh.ids[:sh.n] {
				if sh.state[local] != gone && !yield(id, Place{sh, uint32(n<<shardBits | local)}) {
					return
				}
			}
		}
	}
}

// Reader answers a Matcher's plans at one instant for customers whose place in a
// Snapshot is known: the plans are bound to the instant, and their columns and windows
// are looked up once for the eight thousand customers of a shard. It takes no locks,
// and no memory but for the first question about a shard. It is not safe for
// concurrent use.
type Reader struct {
	cursor *cursor
	shards []binding // by number; empty where nobody was asked about
	begun  bool      // the cursor stands at the customer of this question
}

// Reader is for places in snapshots of the Matcher's Table.
func (m *Matcher) Reader(asOf time.Time) *Reader {
	x := m.cursor()
	x.bounds = m.at(asOf)
	return &Reader{cursor: x}
}

// Matches is Matcher.Matches for the customer of a place, as its snapshot is.
func (r *Reader) Matches(p Place, in []bool) error {
	b, local := r.at(p), int(p.at&slotMask)
	if b.near != nil {
		b.near.fetch(local, r.cursor.rows)
	}
	for i, answer := range b.plans {
		in[i] = answer(local)
	}
	return r.end()
}

// Holds is Matches for the first plan alone.
func (r *Reader) Holds(p Place) (bool, error) {
	if n := int(p.at >> shardBits); n < len(r.shards) {
		if b := &r.shards[n]; b.shard == p.shard {
			local := int(p.at & slotMask)
			if local < len(b.gate) && b.gate[local]-b.from > b.width {
				return false, nil
			}
			in := b.first(local)
			if !r.begun {
				return in, nil
			}
			return in, r.end()
		}
	}
	return r.first(p)
}

func (r *Reader) first(p Place) (bool, error) {
	r.at(p)
	return r.Holds(p)
}

// at is what the plans are in the shard of a place.
func (r *Reader) at(p Place) *binding {
	n := int(p.at >> shardBits)
	if n >= len(r.shards) {
		r.shards = append(r.shards, make([]binding, n+1-len(r.shards))...)
	}
	if b := &r.shards[n]; b.shard == p.shard {
		return b
	}
	r.shards[n] = r.bound(p.shard)
	return &r.shards[n]
}

// begin is the cursor at a customer.
func (r *Reader) begin(sh *shard, stands []stand, local int) *cursor {
	if !r.begun {
		r.begun = true
		r.cursor.stands = stands
		r.cursor.begin(sh, local)
	}
	return r.cursor
}

// end ends a question.
func (r *Reader) end() error {
	if !r.begun {
		return nil
	}
	r.begun = false
	return r.cursor.err
}
