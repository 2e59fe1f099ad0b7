package columnar

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/internal/bitmap"
)

// Snapshot is one state of a Table. It never changes and is safe for concurrent
// use.
type Snapshot struct {
	table  *Table
	schema *schema
	shards []*shard
	live   int
	ids    *ordering
}

// Len is how many customers and guests there are.
func (s *Snapshot) Len() int { return s.live }

// ordering is the places of all customers by the bytes of their ids. It is
// worked out when first asked for, and serves every snapshot until a customer is
// added. Places of customers who are gone stay in it.
type ordering struct {
	mu     sync.Mutex
	prev   *ordering // an ordering of the first places, to start from
	moved  []uint32  // places that have another customer by now than in prev
	known  bool
	places []uint32
}

// next is where the order goes on when a customer is added at a place, which somebody
// had before if it is there again.
func (o *ordering) next(place uint32, again bool) *ordering {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := &ordering{prev: o.prev, moved: o.moved}
	if o.known {
		out.prev, out.moved = o, nil
	}
	switch {
	case !again || out.prev == nil:
	case len(out.moved) > len(out.prev.places)/4: // it saves little to start from
		out.prev, out.moved = nil, nil
	default:
		out.moved = append(out.moved, place) // o is asked for its next once alone
	}
	return out
}

// start is a part of all places in order, and how many of the first places are in it
// or else among the others.
func (o *ordering) start() (head, others []uint32, n int) {
	if o.prev == nil {
		return nil, nil, 0
	}
	head, others = o.prev.places, slices.Clone(o.moved)
	n = len(head)
	if len(others) == 0 {
		return head, nil, n
	}
	slices.Sort(others)
	others = slices.DeleteFunc(slices.Compact(others), func(p uint32) bool { return ordinal(p) >= n })
	head = slices.DeleteFunc(slices.Clone(head), func(p uint32) bool {
		_, moved := slices.BinarySearch(others, p)
		return moved
	})
	return head, others, n
}

// ordinal numbers the places, of which each shard before the last has all.
func ordinal(place uint32) int { return int(place>>shardBits)*shardSize + int(place&slotMask) }

func (s *Snapshot) order() []uint32 {
	o := s.ids
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known {
		return o.places
	}
	head, tail, n := o.start()
	o.prev, o.moved = nil, nil
	for i, sh := range s.shards {
		for local := range sh.n {
			if p := uint32(i<<shardBits | local); ordinal(p) >= n {
				tail = append(tail, p)
			}
		}
	}
	compare := func(a, b uint32) int {
		return cmp.Or(cmp.Compare(s.id(a), s.id(b)), cmp.Compare(a, b))
	}
	slices.SortFunc(tail, compare)
	o.places, o.known = merge(head, tail, compare), true
	return o.places
}

// merge is two ordered lists as one.
func merge(a, b []uint32, compare func(a, b uint32) int) []uint32 {
	if len(a) == 0 {
		return b
	}
	out := make([]uint32, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		// Most of a stands before the next of b: jump there.
		n := sort.Search(len(a), func(i int) bool { return compare(a[i], b[0]) > 0 })
		out = append(append(out, a[:n]...), b[0])
		a, b = a[n:], b[1:]
	}
	return append(append(out, a...), b...)
}

func (s *Snapshot) id(place uint32) dangol.CustomerID {
	return s.shards[place>>shardBits].ids[place&slotMask]
}

// find is the place of a customer who is not gone.
func (s *Snapshot) find(id dangol.CustomerID) (uint32, bool) {
	order := s.order()
	i := sort.Search(len(order), func(i int) bool { return s.id(order[i]) >= id })
	for ; i < len(order) && s.id(order[i]) == id; i++ {
		if p := order[i]; s.shards[p>>shardBits].state[p&slotMask] != gone {
			return p, true
		}
	}
	return 0, false
}

// Customer puts one customer together from the columns, not ok when there is
// none. Fields without a value are left out.
func (s *Snapshot) Customer(id dangol.CustomerID) (*eval.Customer, bool) {
	p, ok := s.find(id)
	if !ok {
		return nil, false
	}
	return s.schema.customer(s.shards[p>>shardBits], int(p&slotMask)), true
}

// Each visits every customer and guest in the order of their ids, until visit
// returns an error.
func (s *Snapshot) Each(visit func(*eval.Customer) error) error {
	for _, p := range s.order() {
		sh, local := s.shards[p>>shardBits], int(p&slotMask)
		if sh.state[local] == gone {
			continue
		}
		if err := visit(s.schema.customer(sh, local)); err != nil {
			return err
		}
	}
	return nil
}

// customer puts one customer together.
func (s *schema) customer(sh *shard, local int) *eval.Customer {
	c := s.customerHead(sh, local)
	c.Records = map[string][]*eval.Record{}
	byRow := make([]map[uint32]*eval.Record, len(sh.logs))
	for i, l := range sh.logs {
		rows := l.rows(uint16(local), nil)
		if len(rows) == 0 {
			continue
		}
		byRow[i] = map[uint32]*eval.Record{}
		records := make([]*eval.Record, 0, len(rows))
		for _, row := range rows {
			r := l.record(int(row))
			if p := l.kind.parent; p != nil && l.parent.at(int(row)) != 0 {
				r.Parent = byRow[p.index][l.parent.at(int(row))-1]
			}
			byRow[i][row] = r
			records = append(records, r)
		}
		slices.SortFunc(records, func(a, b *eval.Record) int { return cmp.Compare(a.Key, b.Key) })
		c.Records[l.kind.name] = records
	}
	return c
}

func (l *log) record(row int) *eval.Record {
	r := &eval.Record{Key: l.keys.at(row), Fields: map[string]catalog.Value{}}
	for f := range l.kind.fields {
		if v := l.kind.fields[f].value(l.fields[f], row); v.Known() {
			r.Fields[l.kind.fields[f].name] = v
		}
	}
	return r
}

// Members is a set of customers of a snapshot. It never changes and is safe for
// concurrent use.
type Members struct {
	snapshot *Snapshot
	in       bitmap.Dense // by shard and local number
	n        int
}

func newMembers(s *Snapshot, in bitmap.Dense) *Members {
	return &Members{snapshot: s, in: in, n: in.Len()}
}

// Len is how many members there are.
func (m *Members) Len() int { return m.n }

// All yields the ids in the order of their bytes.
func (m *Members) All() iter.Seq[dangol.CustomerID] {
	return func(yield func(dangol.CustomerID) bool) {
		for _, p := range m.snapshot.order() {
			if m.in.Has(int(p)) && !yield(m.snapshot.id(p)) {
				return
			}
		}
	}
}

// Contains tells whether the customer is a member.
func (m *Members) Contains(id dangol.CustomerID) bool {
	p, ok := m.snapshot.find(id)
	return ok && m.in.Has(int(p))
}

// Ordinals is the set as bits: customer i of Snapshot.ID.
func (m *Members) Ordinals() bitmap.Dense { return m.in }

// ID is the customer of an ordinal that stands in a Members.
func (s *Snapshot) ID(ordinal int) dangol.CustomerID { return s.id(uint32(ordinal)) }
