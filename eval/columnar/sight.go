package columnar

import "github.com/dangol-dev/dangol"

// Spot is where a customer stands in a Table, for calls that name the customer too: it
// saves looking for the id again. It may be out of date. The zero Spot is none.
type Spot uint32 // a place and 1

// Sight is what who wants to change a record needs to know of it.
type Sight struct {
	At    Spot              // of the customer that was asked for, 0 where there is none
	Most  int               // records of the kind that the customer has, or fewer
	Owner dangol.CustomerID // whose record it is, "" for nobody's
	Spot  Spot              // of the owner
	Hint  uint32            // for Change and Record: where the record is
	near  uint64            // of what was read only to be near
}

// noRow is a hint that leads nowhere.
const noRow = 1<<32 - 1

// Look tells where a customer stands, and whose the record with a key is. Where several
// customers have one, it is any of them. The first question about a kind reads all its
// keys; from then on they take ten to fifteen bytes a row.
func (t *Table) Look(id dangol.CustomerID, kind, key string) (s Sight) {
	s.Hint = noRow
	i, known := t.schema.kind[kind]
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !known {
		s.At = t.spot(id)
		return s
	}
	o := t.owners[i].Load()
	if o == nil {
		o = t.readOwners(i)
	}
	// What is going to be read waits for memory together, not one after the other.
	hash, who := o.hash(key), t.where.hash(id)
	s.near = o.glance(hash)
	guess, likely := t.where.guess(who)
	most := 0
	if likely {
		most = t.shards[guess>>shardBits].glance(int(guess&slotMask), i, &s.near)
	}
	at, ok := o.find(hash, func(place uint32) bool {
		row, ok := t.shards[place>>shardBits].logs[i].keyed(uint16(place&slotMask), key, noRow)
		s.Hint = row
		return ok
	})
	if ok {
		s.Owner, s.Spot = t.id(at), Spot(at+1)
		if s.Owner == id {
			s.At = s.Spot
		}
	} else {
		s.Hint = noRow
	}
	if s.At == 0 {
		if at, ok := t.where.hashed(id, who, t.id); ok {
			s.At = Spot(at + 1)
		}
	}
	if s.At != 0 {
		if s.Most = most; guess != uint32(s.At-1) {
			s.Most = t.shards[(s.At-1)>>shardBits].logs[i].most(int((s.At - 1) & slotMask))
		}
	}
	return s
}

// AheadOf is for how many records Ahead reads at most.
const AheadOf = 16

// Ahead reads a little of what Look is going to read for some records, which it is told
// one by one: what all of them wait for comes from memory together. It changes nothing.
func (t *Table) Ahead(n int, record func(i int) (id dangol.CustomerID, kind, key string)) (near uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var hashes [AheadOf]uint64
	var kinds [AheadOf]int
	n = min(n, AheadOf)
	for i := range n {
		id, kind, key := record(i)
		k, known := t.schema.kind[kind]
		if kinds[i] = k; !known {
			kinds[i] = -1
			continue
		}
		if o := t.owners[k].Load(); o != nil {
			near += o.glance(o.hash(key))
		}
		hashes[i] = t.where.hash(id)
		near += t.where.glance(hashes[i])
	}
	for i, k := range kinds[:n] {
		if at, ok := t.where.guess(hashes[i]); ok && k >= 0 {
			t.shards[at>>shardBits].glance(int(at&slotMask), k, &near)
		}
	}
	return near
}

// glance reads a little of what a change of a customer's rows reads, and tells how many
// of a kind there are at most.
func (sh *shard) glance(local, kind int, near *uint64) (most int) {
	*near += uint64(sh.state[local])
	if id := sh.ids[local]; id != "" {
		*near += uint64(id[0])
	}
	return sh.logs[kind].most(local)
}

// spot is where a customer stands.
func (t *Table) spot(id dangol.CustomerID) Spot {
	if at, ok := t.find(id); ok {
		return Spot(at + 1)
	}
	return 0
}

// at is the place of a customer who may stand at a spot.
func (t *Table) at(id dangol.CustomerID, s Spot) (place uint32, ok bool) {
	if s != 0 {
		if n, local := int((s-1)>>shardBits), int((s-1)&slotMask); n < len(t.shards) && local < t.shards[n].n {
			if sh := t.shards[n]; sh.state[local] != gone && sh.ids[local] == id {
				return uint32(s - 1), true
			}
		}
	}
	return t.find(id)
}
