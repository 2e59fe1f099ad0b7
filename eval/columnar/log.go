package columnar

import (
	"slices"
	"sync"
)

const (
	// shardBits is how many bits a customer's number within a shard has. The
	// counters of a scan, one for each customer, are to fit the first cache.
	shardBits = 13
	slots     = 1 << shardBits
	slotMask  = slots - 1
	// nobody is the local number of rows that are gone: they are counted for
	// nobody, which costs a scan nothing.
	nobody = slots - 1
	// shardSize is how many customers a shard has room for.
	shardSize = slots - 1
)

// log is the rows of one kind in one shard. Rows [0, sorted) carry a stamp and
// stand in the order of (stamp, key). After them comes the tail: late rows that
// compaction has not merged yet, and rows without a stamp.
//
// The writer owns a log whose epoch is its own; any other it copies first, so
// that snapshots keep theirs.
type log struct {
	kind   *kind
	epoch  uint64
	n      int
	sorted int
	gone   int      // rows that belong to nobody
	local  []uint16 // whose row it is
	owned  uint64   // epoch of the writer that owns local
	fields []*codes // nil: every value is missing
	stamps *codes   // of a kind that is stamped through its parent
	parent uplinks  // empty in kinds without
	family uint64   // epoch of the writer that owns parent
	keys   keys
	links  *links
	lazy   *derived
}

// derived is what readers worked out of a log and keep with it.
type derived struct {
	mu       sync.Mutex
	summary  map[string]summary
	moments  map[string]series
	hopes    map[string]hope
	postings map[int]*postings
	masks    map[string]*keptMask
}

func newLog(k *kind, epoch uint64) *log {
	l := &log{kind: k, epoch: epoch, owned: epoch, family: epoch, fields: make([]*codes, len(k.fields)), links: &links{}, lazy: &derived{}}
	if k.stamped && k.stampUp > 0 {
		l.stamps = newCodes(instantType)
	}
	return l
}

// stamped is the column of stamps, nil when no row has one.
func (l *log) stamped() *codes {
	if l.stamps != nil || !l.kind.stamped {
		return l.stamps
	}
	return l.fields[l.kind.stamp]
}

// writable is the log itself or, where readers may hold it, a copy of its
// headers. What readers derived from it stays with them.
func (l *log) writable(epoch uint64) *log {
	if l.epoch == epoch {
		return l // and so no reader has derived anything from it
	}
	out := *l
	out.epoch = epoch
	out.lazy = &derived{}
	out.fields = slices.Clone(l.fields)
	for i, c := range out.fields {
		if c != nil {
			header := *c
			out.fields[i] = &header
		}
	}
	if l.stamps != nil {
		header := *l.stamps
		out.stamps = &header
	}
	out.links = &links{}
	if x := l.links.index.Load(); x != nil {
		out.links.index.Store(x.writable())
	}
	return &out
}

// append adds a row whose fields are set afterwards, at its stamp's code (0 for
// none).
func (l *log) append(local uint16, key string, stamp uint64, parent uint32, epoch uint64) int {
	i := l.n
	l.local = append(l.local[:i], local)
	l.keys.append(key)
	if l.stamps != nil {
		l.stamps.append(stamp, epoch)
	} else if l.kind.stamped {
		l.fill(i, l.kind.stamp, stamp, epoch)
	}
	if l.kind.parent != nil {
		l.parent.append(parent)
	}
	l.chain(i, local)
	l.n++
	if l.sorted == i && stamp != 0 {
		at := l.stamped()
		if i == 0 || at.at(i-1) < stamp || at.at(i-1) == stamp && l.keys.compare(i-1, i) < 0 {
			l.sorted++
		}
	}
	return i
}

// fill writes a field of a row. Every field that the log has a column for must
// be written for a new row, with code 0 where it has no value.
func (l *log) fill(row, f int, code uint64, epoch uint64) {
	c := l.fields[f]
	if c == nil {
		if code == 0 {
			return
		}
		c = newCodes(l.kind.fields[f].of)
		c.epoch = epoch
		l.fields[f] = c
	}
	if c.n > row {
		c.set(row, code, epoch)
		l.follow(row, f, code, epoch)
		return
	}
	c.extend(row, epoch)
	c.append(code, epoch)
	c.extend(l.n, epoch)
}

// drop gives a row to nobody. It stays in the index of who had it.
func (l *log) drop(row uint32, epoch uint64) {
	if l.owned != epoch {
		l.local, l.owned = slices.Clone(l.local), epoch
	}
	l.local[row] = nobody
	l.gone++
}

// compare orders rows by (stamp, key), rows without a stamp last.
func (l *log) compare(i, j uint32) int {
	if at := l.stamped(); at != nil {
		a, b := at.at(int(i))-1, at.at(int(j))-1 // 0 becomes the largest
		if a != b {
			if a < b {
				return -1
			}
			return 1
		}
	}
	return l.keys.compare(int(i), int(j))
}

// merged is the log in order, without what is gone, with the parents where
// moved says they are now (nil where the parent's log stays). It leaves l as it
// was. The second result tells where each row went, and 1; 0 for nowhere.
func (l *log) merged(moved []uint32, epoch uint64) (*log, []uint32) {
	order := l.order()
	out := &log{
		kind: l.kind, epoch: epoch, owned: epoch, family: epoch, n: len(order),
		local: picked(l.local, order), fields: make([]*codes, len(l.fields)), keys: l.keys.pick(order), links: &links{}, lazy: &derived{},
	}
	for i, c := range l.fields {
		if c != nil {
			out.fields[i] = c.pick(order, epoch)
		}
	}
	if l.stamps != nil {
		out.stamps = l.stamps.pick(order, epoch)
	}
	if at := out.stamped(); at != nil {
		for out.sorted < out.n && at.at(out.sorted) != 0 {
			out.sorted++
		}
	}
	if l.kind.parent != nil {
		parent := make([]uint32, len(order))
		for i, row := range order {
			if parent[i] = l.parent.at(int(row)); parent[i] != 0 && moved != nil {
				parent[i] = moved[parent[i]-1]
			}
		}
		out.parent = uplinksOf(parent)
	}
	where := make([]uint32, l.n)
	for to, from := range order {
		where[from] = uint32(to) + 1
	}
	return out, where
}

// order lists the rows that are somebody's by (stamp, key): those that stand in
// order already, with the others, which are sorted, in between.
func (l *log) order() []uint32 {
	kept := func(lo, hi int) []uint32 {
		out := make([]uint32, 0, hi-lo)
		for i := lo; i < hi; i++ {
			if l.local[i] != nobody {
				out = append(out, uint32(i))
			}
		}
		return out
	}
	if !l.kind.stamped {
		return kept(0, l.n)
	}
	tail := kept(l.sorted, l.n)
	slices.SortStableFunc(tail, l.compare)
	return merge(kept(0, l.sorted), tail, l.compare)
}

// worthMerging tells whether late rows or holes have become many; with all,
// whether there are any.
func (l *log) worthMerging(all bool) bool {
	late := l.n - l.sorted - l.undated()
	if all {
		return late > 0 || l.gone > 0
	}
	return late > 256+l.n/16 || l.gone > 256+l.n/4
}

// undated is how many rows at the end, at least, have no place in time.
func (l *log) undated() int {
	at := l.stamped()
	if at == nil {
		return l.n
	}
	n := 0
	for n < l.n-l.sorted && at.at(l.n-1-n) == 0 {
		n++
	}
	return n
}

func (l *log) bytes() int {
	n := 2*cap(l.local) + l.parent.bytes() + l.keys.bytes()
	for _, c := range append(slices.Clip(l.fields), l.stamps) {
		if c != nil {
			n += c.bytes()
		}
	}
	return n
}

// derivedBytes is what readers have worked out of the rows: whose they are, and what
// derived keeps.
func (l *log) derivedBytes() int {
	n := l.lazy.bytes()
	if x := l.links.index.Load(); x != nil {
		n += x.bytes()
	}
	return n
}

func (d *derived) bytes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, s := range d.summary {
		n += s.numbers.width()*s.numbers.n + s.field.width()*s.field.n + 4*cap(s.links)
	}
	for _, s := range d.moments {
		n += int(s.bytes())
	}
	for _, p := range d.postings {
		n += 4 * (cap(p.rows) + cap(p.start))
	}
	for _, m := range d.masks {
		n += 8 * cap(m.rows)
	}
	return n
}
