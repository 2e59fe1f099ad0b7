package columnar

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/sample"
)

// Columns is a whole shop, column by column: the quickest way in.
type Columns struct {
	IDs        []dangol.CustomerID // all different
	Guests     []bool              // by customer; nil: none is
	Attributes map[string]Column
	Rows       []Rows
}

// Rows are the rows of a kind that owns its rows.
type Rows struct {
	Kind     string
	Customer []uint32 // whose it is: its place in Columns.IDs
	// Keys of the rows. Nil: rows are nameless. They keep the order they come in,
	// and a later Put of their customer replaces them all.
	Keys []string
	// Parent is the place of the parent's row in its Rows, and 1; 0 for none. Nil:
	// no row has one. It must be a row of the same customer.
	Parent []uint32
	Fields map[string]Column
}

// Column is the values of one attribute or field: Ints of booleans (0, 1),
// numbers, amounts, instants (microseconds) and dates (days); Strings, or Codes
// into Dictionary, of text. Sets cannot be loaded so.
type Column struct {
	Ints       []int64
	Strings    []string
	Codes      []uint32
	Dictionary []string
	Missing    []bool // nil: all are known
}

func (c *Column) len() int { return max(len(c.Ints), len(c.Strings), len(c.Codes)) }

// LoadColumns fills an empty table. It returns ErrShape, having done nothing, for
// columns that do not fit the catalog or each other, and for a table that is not
// empty.
func (t *Table) LoadColumns(in Columns) error {
	ld := &loader{table: t, in: in, rows: make([]*Rows, len(t.schema.kinds)), moved: make([][]uint32, len(t.schema.kinds))}
	if err := ld.check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.shards) > 0 {
		return fmt.Errorf("%w: the table is not empty", ErrShape)
	}
	bytes := ld.size()
	if t.opts.MaxBytes > 0 && bytes > t.opts.MaxBytes {
		return ErrFull
	}
	where := newPlaces()
	at := func(place uint32) dangol.CustomerID {
		return in.IDs[int(place>>shardBits)*shardSize+int(place&slotMask)]
	}
	where.grow(len(in.IDs), at)
	for i, id := range in.IDs {
		if _, twice := where.find(id, at); twice {
			return fmt.Errorf("%w: customer %q comes twice", ErrShape, id)
		}
		where.add(id, uint32(i/shardSize<<shardBits|i%shardSize), at)
	}
	t.where, t.used = where, bytes
	ld.customers()
	for i := range t.schema.kinds {
		if ld.rows[i] != nil {
			ld.kind(t.schema.kinds[i], ld.rows[i])
		}
	}
	t.ids = t.ids.next()
	t.touch()
	return nil
}

type loader struct {
	table *Table
	in    Columns
	rows  []*Rows    // by kind
	moved [][]uint32 // by kind: the row that each came to be in its shard, and 1
}

func (ld *loader) check() error {
	s := ld.table.schema
	if ld.in.Guests != nil && len(ld.in.Guests) != len(ld.in.IDs) {
		return fmt.Errorf("%w: %d customers, %d told to be guests or not", ErrShape, len(ld.in.IDs), len(ld.in.Guests))
	}
	for name, c := range ld.in.Attributes {
		i, ok := s.attr[name]
		if !ok {
			return fmt.Errorf("%w: no attribute %q", ErrShape, name)
		}
		if err := c.check("attribute "+name, &s.attrs[i], len(ld.in.IDs)); err != nil {
			return err
		}
	}
	for at := range ld.in.Rows {
		r := &ld.in.Rows[at]
		i, ok := s.kind[r.Kind]
		if !ok || ld.rows[i] != nil {
			return fmt.Errorf("%w: kind %q owns no rows, or comes twice", ErrShape, r.Kind)
		}
		ld.rows[i] = r
	}
	for i, r := range ld.rows {
		if r != nil {
			if err := ld.checkRows(s.kinds[i], r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ld *loader) checkRows(k *kind, r *Rows) error {
	if len(r.Customer) >= math.MaxUint32 {
		return fmt.Errorf("%w: %s: too many rows", ErrShape, k.name)
	}
	for _, c := range r.Customer {
		if int(c) >= len(ld.in.IDs) {
			return fmt.Errorf("%w: %s: a row of no customer", ErrShape, k.name)
		}
	}
	if r.Keys != nil && len(r.Keys) != len(r.Customer) {
		return fmt.Errorf("%w: %s: %d rows, %d keys", ErrShape, k.name, len(r.Customer), len(r.Keys))
	}
	for name, c := range r.Fields {
		f, ok := k.field[name]
		if !ok {
			return fmt.Errorf("%w: %s has no field %q", ErrShape, k.name, name)
		}
		if err := c.check(k.name+"."+name, &k.fields[f], len(r.Customer)); err != nil {
			return err
		}
	}
	if r.Parent == nil {
		return nil
	}
	if k.parent == nil || ld.rows[k.parent.index] == nil || len(r.Parent) != len(r.Customer) {
		return fmt.Errorf("%w: %s: parents that are not there", ErrShape, k.name)
	}
	parents := ld.rows[k.parent.index]
	for i, p := range r.Parent {
		if p != 0 && (int(p) > len(parents.Customer) || parents.Customer[p-1] != r.Customer[i]) {
			return fmt.Errorf("%w: %s: a parent that is not the customer's", ErrShape, k.name)
		}
	}
	return nil
}

func (c *Column) check(what string, f *field, n int) error {
	text := f.dict != nil
	if text && f.dict.sets || text != (c.Ints == nil) || c.len() != n || c.Missing != nil && len(c.Missing) != n {
		return fmt.Errorf("%w: the column of %s", ErrShape, what)
	}
	for _, code := range c.Codes {
		if int(code) >= len(c.Dictionary) {
			return fmt.Errorf("%w: %s: a code beyond the dictionary", ErrShape, what)
		}
	}
	for _, v := range c.Ints {
		if v <= -limit || v >= limit {
			return fmt.Errorf("%w: %s: %d", ErrShape, what, v)
		}
	}
	return nil
}

// size is about how many bytes the columns will take.
func (ld *loader) size() int64 {
	n := int64(len(ld.in.IDs)) * int64(64+4*len(ld.in.Attributes))
	for _, r := range ld.in.Rows {
		n += int64(len(r.Customer)) * int64(6+4*len(r.Fields))
	}
	return n
}

// shards runs do for every shard, some at a time.
func (ld *loader) shards(do func(i int)) {
	var wg sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range ld.table.shards {
		limit <- struct{}{}
		wg.Go(func() {
			do(i)
			<-limit
		})
	}
	wg.Wait()
}

func (ld *loader) customers() {
	t, n := ld.table, len(ld.in.IDs)
	for lo := 0; lo < n; lo += shardSize {
		t.shards = append(t.shards, newShard(t.schema, t.epoch))
	}
	into := map[string][]uint64{}
	for name, c := range ld.in.Attributes {
		into[name] = c.numbered(&t.schema.attrs[t.schema.attr[name]])
	}
	ld.shards(func(i int) {
		sh, lo, hi := t.shards[i], i*shardSize, min(n, (i+1)*shardSize)
		sh.n = hi - lo
		sh.ids = slices.Clone(ld.in.IDs[lo:hi])
		sh.bucket, sh.state = make([]uint32, sh.n), make([]uint8, sh.n)
		order := make([]uint32, sh.n)
		for j, id := range sh.ids {
			order[j] = uint32(lo + j)
			sh.bucket[j] = sample.Bucket(string(id))
			sh.state[j] = member
			if ld.in.Guests != nil && ld.in.Guests[lo+j] {
				sh.state[j] = guest
				sh.guests++
			}
		}
		for name, c := range ld.in.Attributes {
			a := t.schema.attr[name]
			sh.attrs[a] = c.encoded(t.schema.attrs[a].of, into[name], order, t.epoch)
		}
	})
}

// numbered is the codes of the column's dictionary in the field's.
func (c *Column) numbered(f *field) []uint64 {
	if f.dict == nil {
		return nil
	}
	if c.Codes == nil {
		out := make([]uint64, len(c.Strings))
		for i, s := range c.Strings {
			if c.Missing == nil || !c.Missing[i] {
				out[i] = f.dict.code(catalog.StringValue(s))
			}
		}
		return out
	}
	into := make([]uint64, len(c.Dictionary))
	for i, s := range c.Dictionary {
		into[i] = f.dict.code(catalog.StringValue(s))
	}
	return into
}

// encoded is the column of some rows, in their order.
func (c *Column) encoded(t catalog.Type, into []uint64, order []uint32, epoch uint64) *codes {
	out := newCodes(t)
	out.u8, out.u64, out.n, out.epoch = nil, make([]uint64, len(order)), len(order), epoch
	if c.Ints != nil {
		out.frame(c, order)
	}
	for i, row := range order {
		if c.Missing != nil && c.Missing[row] {
			out.gaps = true
			continue
		}
		var code uint64
		switch {
		case c.Ints != nil:
			code = uint64(c.Ints[row]) - uint64(out.base)
			if out.unit == microsPerSecond { // a constant, so that it costs no division
				code /= microsPerSecond
			}
		case c.Codes != nil:
			code = into[c.Codes[row]]
		default:
			code = into[row]
		}
		out.u64[i] = code
		out.max = max(out.max, code)
	}
	out.squeeze()
	return out
}

// frame widens an empty column's frame so that all values fit.
func (c *codes) frame(in *Column, order []uint32) {
	lowest, whole := int64(math.MaxInt64), true
	for _, row := range order {
		if in.Missing == nil || !in.Missing[row] {
			lowest = min(lowest, in.Ints[row])
			whole = whole && (c.unit == 1 || in.Ints[row]%microsPerSecond == 0)
		}
	}
	if lowest <= c.base && lowest != math.MaxInt64 || !whole {
		c.base, c.unit = min(c.base, lowest-1), 1
	}
}

// kind lays the rows of a kind out in their shards.
func (ld *loader) kind(k *kind, r *Rows) {
	t := ld.table
	into := map[string][]uint64{}
	for name, c := range r.Fields {
		into[name] = c.numbered(&k.fields[k.field[name]])
	}
	moved := make([]uint32, len(r.Customer))
	ld.moved[k.index] = moved
	start := make([]uint32, len(t.shards)+1)
	for _, c := range r.Customer {
		start[c/shardSize+1]++
	}
	for i := range t.shards {
		start[i+1] += start[i]
	}
	order := make([]uint32, len(r.Customer))
	next := slices.Clone(start)
	for row, c := range r.Customer {
		order[next[c/shardSize]] = uint32(row)
		next[c/shardSize]++
	}
	ld.shards(func(i int) {
		mine := order[start[i]:start[i+1]]
		stamps := ld.stamps(k, r, mine)
		if k.stamped {
			inOrder(mine, stamps, r.Keys)
		}
		l := &log{
			kind: k, epoch: t.epoch, owned: t.epoch, family: t.epoch, n: len(mine), local: make([]uint16, len(mine)),
			fields: make([]*codes, len(k.fields)), keys: keys{none: r.Keys == nil}, links: &links{}, lazy: &derived{},
		}
		for to, row := range mine {
			l.local[to] = uint16(r.Customer[row] % shardSize)
			moved[row] = uint32(to) + 1
		}
		for name, c := range r.Fields {
			f := k.field[name]
			l.fields[f] = c.encoded(k.fields[f].of, into[name], mine, t.epoch)
		}
		if k.parent != nil {
			l.parent = make([]uint32, l.n)
			if r.Parent != nil {
				for to, row := range mine {
					if p := r.Parent[row]; p != 0 {
						l.parent[to] = ld.moved[k.parent.index][p-1]
					}
				}
			}
		}
		if k.stamped && k.stampUp > 0 {
			l.stamps = stampColumn(stamps, t.epoch)
		}
		if r.Keys != nil {
			l.keys = newKeys()
			for to, row := range mine {
				l.keys.append(to, r.Keys[row], t.epoch)
			}
		}
		for l.sorted < len(stamps) && stamps[l.sorted] != missingStamp {
			l.sorted++
		}
		t.shards[i].logs[k.index] = l
	})
}

// missingStamp sorts after every stamp.
const missingStamp = math.MaxInt64

// stamps are the stamps of some rows, in their order; nil for a kind without.
func (ld *loader) stamps(k *kind, r *Rows, rows []uint32) []int64 {
	if !k.stamped {
		return nil
	}
	at, path := k, []*Rows{r}
	for range k.stampUp {
		at = at.parent
		path = append(path, ld.rows[at.index])
	}
	out := make([]int64, len(rows))
	var c Column // none where the parents have no rows
	if r := path[len(path)-1]; r != nil {
		c = r.Fields[at.fields[k.stamp].name]
	}
	for i, row := range rows {
		link := row + 1
		for _, r := range path[:len(path)-1] {
			if link != 0 && r.Parent != nil {
				link = r.Parent[link-1]
			} else {
				link = 0
			}
		}
		if link == 0 || c.Ints == nil || c.Missing != nil && c.Missing[link-1] {
			out[i] = missingStamp
		} else {
			out[i] = c.Ints[link-1]
		}
	}
	return out
}

func stampColumn(stamps []int64, epoch uint64) *codes {
	c := Column{Ints: stamps, Missing: make([]bool, len(stamps))}
	order := make([]uint32, len(stamps))
	for i, s := range stamps {
		order[i], c.Missing[i] = uint32(i), s == missingStamp
	}
	return c.encoded(instantType, nil, order, epoch)
}

// inOrder sorts rows by stamp and then key, where there are keys, and the stamps
// with them.
func inOrder(rows []uint32, stamps []int64, keys []string) {
	if !slices.IsSorted(stamps) {
		radix(rows, stamps)
	}
	if keys == nil {
		return
	}
	for lo := 0; lo < len(rows); {
		hi := lo + 1
		for hi < len(rows) && stamps[hi] == stamps[lo] {
			hi++
		}
		if hi > lo+1 {
			slices.SortFunc(rows[lo:hi], func(a, b uint32) int { return cmp.Compare(keys[a], keys[b]) })
		}
		lo = hi
	}
}

// radix sorts rows and stamps by the stamps, stably, eleven bits at a time. A
// missing stamp goes last.
func radix(rows []uint32, stamps []int64) {
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range stamps {
		if s != missingStamp {
			lo, hi = min(lo, s), max(hi, s)
		}
	}
	if lo > hi {
		return
	}
	span := uint64(hi) - uint64(lo) + 1 // the place of missing ones
	place := func(s int64) uint64 {
		if s == missingStamp {
			return span
		}
		return uint64(s) - uint64(lo)
	}
	const digit = 11
	otherRows, otherStamps := make([]uint32, len(rows)), make([]int64, len(rows))
	from, to := rows, otherRows
	fromStamps, toStamps := stamps, otherStamps
	for shift := 0; shift < 64 && span>>shift != 0; shift += digit {
		var next [1 << digit]int
		for _, s := range fromStamps {
			next[place(s)>>shift&(1<<digit-1)]++
		}
		at := 0
		for i, n := range next {
			next[i] = at
			at += n
		}
		for i, s := range fromStamps {
			d := place(s) >> shift & (1<<digit - 1)
			to[next[d]], toStamps[next[d]] = from[i], s
			next[d]++
		}
		from, to = to, from
		fromStamps, toStamps = toStamps, fromStamps
	}
	if &from[0] != &rows[0] {
		copy(rows, from)
		copy(stamps, fromStamps)
	}
}
