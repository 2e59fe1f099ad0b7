package columnar

import (
	"sync/atomic"
	"unsafe"

	"github.com/dangol-dev/dangol"
)

// A question by id waits for memory more than for anything else: what many plans read
// of one customer lies in some twenty columns, and what is read of one would wait for
// what is read of another. So the columns are fetched together: first those that have
// one element a customer, then the newest rows of each kind.

// nearRows is how many of a customer's newest rows of a kind are fetched.
const nearRows = 128

// nearby is where the columns of a shard stand that a Matcher reads. It is a hint: the
// shard may have been written since.
type nearby struct {
	shard *shard
	n     int      // customers
	heads []column // by local number
	kinds []nearKind
}

// nearKind is the columns in the order of a kind's index.
type nearKind struct {
	start []uint32
	rows  []column
}

// column is where an array starts, and the binary logarithm of an element's size.
type column struct {
	base  unsafe.Pointer
	shift uintptr
}

func columnOf[T word | entry | dangol.CustomerID](s []T) column {
	var of T
	out := column{base: unsafe.Pointer(unsafe.SliceData(s))}
	for 1<<out.shift < unsafe.Sizeof(of) {
		out.shift++
	}
	return out
}

func (c *narrow) column() column {
	switch {
	case c.u8 != nil:
		return columnOf(c.u8)
	case c.u16 != nil:
		return columnOf(c.u16)
	case c.u32 != nil:
		return columnOf(c.u32)
	}
	return columnOf(c.u64)
}

// hints are what a Matcher knows of the shards, by number. A Matcher holds on to the
// columns that they tell of.
type hints []atomic.Pointer[nearby]

// hint is that of the shard at hand. One that nobody has asked about is looked at now; so is, every
// now and then, whether another still holds.
func (x *cursor) hint(number int) *nearby {
	m := x.matcher
	all := m.hints.Load()
	if all == nil || number >= len(*all) {
		more := make(hints, number+1+number/2)
		for i := range more {
			if all != nil && i < len(*all) {
				more[i].Store((*all)[i].Load())
			}
		}
		all = &more
		m.hints.Store(all) // what others note meanwhile is lost, and looked at again
	}
	at := &(*all)[number]
	h := at.Load()
	if h == nil || x.turn%hintTurns == 0 && !m.holds(h, x.shard) {
		h = m.look(x.shard)
		at.Store(h)
	}
	return h
}

// hintTurns is one of how many questions makes sure of the hint.
const hintTurns = 64

// holds tells whether a hint leads to what the shard is now.
func (m *Matcher) holds(h *nearby, sh *shard) bool {
	for n, k := range m.often {
		if unsafe.SliceData(sh.logs[k].index().start) != unsafe.SliceData(h.kinds[n].start) {
			return false
		}
	}
	return h.shard == sh
}

func (m *Matcher) look(sh *shard) *nearby {
	h := &nearby{shard: sh, n: sh.n, heads: []column{columnOf(sh.state[:sh.n]), columnOf(sh.ids[:sh.n])}}
	for _, a := range m.attrs {
		if c := sh.attrs[a]; c != nil && c.n >= sh.n {
			h.heads = append(h.heads, c.column())
		}
	}
	for _, k := range m.often {
		l := sh.logs[k]
		i := l.index()
		of := nearKind{start: i.start, rows: []column{columnOf(i.list)}}
		above := false
		for n := range m.lanes {
			switch lane := &m.lanes[n]; {
			case lane.kind != k:
			case lane.up > 0:
				above = true
			default:
				if t := l.twinOf(i, lane.field); t != nil {
					of.rows = append(of.rows, t.column())
				}
			}
		}
		if above {
			of.rows = append(of.rows, l.parentsOf(i).column())
		}
		if len(i.start) > sh.n {
			h.heads = append(h.heads, columnOf(i.start))
		}
		h.kinds = append(h.kinds, of)
	}
	return h
}

// fetch asks for what the plans are going to read of a customer. rows is room for where
// the rows of each kind are.
func (h *nearby) fetch(local int, rows [][2]uint32) {
	if local < h.n {
		fetch(&h.heads[0], len(h.heads), local, local+1)
	}
	for n := range h.kinds {
		rows[n] = [2]uint32{}
		if start := h.kinds[n].start; local+1 < len(start) {
			rows[n] = [2]uint32(start[local:])
		}
	}
	for n := range h.kinds {
		if from, to := int(rows[n][0]), int(rows[n][1]); from < to {
			k := &h.kinds[n]
			fetch(&k.rows[0], len(k.rows), max(from, to-nearRows), to)
		}
	}
}

// fetchID asks for an id, which is to be compared.
func fetchID(id dangol.CustomerID) {
	if id != "" {
		text := column{base: unsafe.Pointer(unsafe.StringData(string(id)))}
		fetch(&text, 1, 0, 1)
	}
}
