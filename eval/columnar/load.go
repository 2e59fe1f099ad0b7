package columnar

import (
	"cmp"
	"fmt"
	"math"
	"slices"

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
	// Keys of the rows, all different among the customer's of the kind, which is not
	// checked; or Numbers, the keys as numbers that have Digits digits, leading
	// zeros and all, or none of those where Digits is 0. Neither: rows are nameless.
	// They keep the order they come in, and a later Put of their customer replaces
	// them all.
	Keys    []string
	Numbers []int64
	Digits  int
	// Parent is the place of the parent's row in its Rows, and 1; 0 for none. Nil:
	// no row has one. It must be a row of the same customer.
	Parent []uint32
	Fields map[string]Column
}

// Column is the values of one attribute or field.
type Column = catalog.Column

// LoadColumns fills an empty table. It returns ErrShape, having done nothing, for
// columns that do not fit the catalog or each other, and for a table that is not
// empty.
func (t *Table) LoadColumns(in Columns) error {
	ld := &loader{schema: t.schema, epoch: 1, in: in, rows: make([]*rowsIn, len(t.schema.kinds))}
	if err := ld.check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.where.n > 0 {
		return fmt.Errorf("%w: the table is not empty", ErrShape)
	}
	used := t.used
	t.used = 0 // what is there of customers who are gone goes
	if err := t.room(in.Bytes()); err != nil {
		t.used = used
		return err
	}
	where := newPlaces()
	at := func(place uint32) dangol.CustomerID {
		return in.IDs[int(place>>shardBits)*shardSize+int(place&slotMask)]
	}
	where.grow(len(in.IDs), at)
	for i, id := range in.IDs {
		if !where.addNew(id, uint32(i/shardSize<<shardBits|i%shardSize), at) {
			t.used = used
			return fmt.Errorf("%w: customer %q comes twice", ErrShape, id)
		}
	}
	ld.epoch = t.epoch
	ld.customers()
	for _, r := range ld.rows {
		if r != nil {
			ld.kind(r)
		}
	}
	t.where, t.shards, t.free = where, ld.shards, nil
	for i := range t.owners {
		t.owners[i].Store(nil)
	}
	t.used = int64(t.rowBytes())
	t.allowance.giveWay(t.used, t.shards)
	t.ids = &ordering{}
	t.touch()
	return nil
}

// loader is a load under way. check comes first, then customers, then each kind,
// parents before their children.
type loader struct {
	schema *schema
	epoch  uint64
	in     Columns
	attrs  []*columnIn // by attribute, nil where none is given
	rows   []*rowsIn   // by kind, nil where none are given
	shards []*shard
	spare  buffers
}

// rowsIn are the rows of a kind that are loaded.
type rowsIn struct {
	*Rows
	kind    *kind
	fields  []*columnIn // by field, nil where none is given
	numbers *columnIn   // keys that are numbers, nil where they are none
	digits  int
	laid    *layout
}

func (ld *loader) check() error {
	s := ld.schema
	if ld.in.Guests != nil && len(ld.in.Guests) != len(ld.in.IDs) {
		return fmt.Errorf("%w: %d customers, %d told to be guests or not", ErrShape, len(ld.in.IDs), len(ld.in.Guests))
	}
	ld.attrs = make([]*columnIn, len(s.attrs))
	for name, c := range ld.in.Attributes {
		i, ok := s.attr[name]
		if !ok {
			return fmt.Errorf("%w: no attribute %q", ErrShape, name)
		}
		ld.attrs[i] = &columnIn{Column: c, field: &s.attrs[i]}
		if err := ld.attrs[i].check("attribute "+name, len(ld.in.IDs)); err != nil {
			return err
		}
	}
	for at := range ld.in.Rows {
		r := &ld.in.Rows[at]
		i, ok := s.kind[r.Kind]
		if !ok || ld.rows[i] != nil {
			return fmt.Errorf("%w: kind %q owns no rows, or comes twice", ErrShape, r.Kind)
		}
		k := s.kinds[i]
		ld.rows[i] = &rowsIn{Rows: r, kind: k, fields: make([]*columnIn, len(k.fields))}
	}
	for _, r := range ld.rows {
		if r != nil {
			if err := ld.checkRows(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ld *loader) checkRows(r *rowsIn) error {
	k := r.kind
	if len(r.Customer) >= math.MaxUint32 {
		return fmt.Errorf("%w: %s: too many rows", ErrShape, k.name)
	}
	if len(r.Customer) > 0 && int(slices.Max(r.Customer)) >= len(ld.in.IDs) {
		return fmt.Errorf("%w: %s: a row of no customer", ErrShape, k.name)
	}
	if err := r.number(); err != nil {
		return err
	}
	for name, c := range r.Fields {
		f, ok := k.field[name]
		if !ok {
			return fmt.Errorf("%w: %s has no field %q", ErrShape, k.name, name)
		}
		r.fields[f] = &columnIn{Column: c, field: &k.fields[f]}
		if err := r.fields[f].check(k.name+"."+name, len(r.Customer)); err != nil {
			return err
		}
	}
	if r.Parent == nil {
		return nil
	}
	if k.parent == nil || ld.rows[k.parent.index] == nil || len(r.Parent) != len(r.Customer) {
		return fmt.Errorf("%w: %s: parents that are not there", ErrShape, k.name)
	}
	owners := ld.rows[k.parent.index].Customer
	for i, p := range r.Parent {
		if p != 0 && (int(p) > len(owners) || owners[p-1] != r.Customer[i]) {
			return fmt.Errorf("%w: %s: a parent that is not the customer's", ErrShape, k.name)
		}
	}
	return nil
}

// number checks the keys and finds their numbers.
func (r *rowsIn) number() error {
	numbers, n := r.Numbers, len(r.Customer)
	switch {
	case r.Numbers != nil && r.Keys != nil:
		return fmt.Errorf("%w: %s: keys and numbers", ErrShape, r.kind.name)
	case (r.Keys != nil || r.Numbers != nil) && max(len(r.Keys), len(r.Numbers)) != n:
		return fmt.Errorf("%w: %s: %d rows, %d keys", ErrShape, r.kind.name, n, max(len(r.Keys), len(r.Numbers)))
	case r.Numbers != nil:
		r.digits = r.Digits
		most := int64(999_999_999_999_999_999)
		if r.Digits > 0 && r.Digits < 18 {
			most = int64(math.Pow10(r.Digits)) - 1
		}
		if n > 0 && (slices.Min(numbers) < 0 || slices.Max(numbers) > most || r.Digits > 18) {
			return fmt.Errorf("%w: %s: numbers that do not have %d digits", ErrShape, r.kind.name, r.Digits)
		}
	case n > 0 && r.Keys != nil:
		r.digits = digitsOf(r.Keys[0])
		numbers = make([]int64, n)
		for i, key := range r.Keys {
			var ok bool
			if numbers[i], ok = decimal(key, r.digits); !ok {
				return nil
			}
		}
	default:
		return nil
	}
	of := catalog.Type{Sort: catalog.Number}
	r.numbers = &columnIn{Column: Column{Ints: numbers}, field: &field{of: of}}
	return r.numbers.check(r.kind.name+", keys", n)
}

// keyed orders rows by the bytes of their keys, nil where they stand in that order
// already.
func (r *rowsIn) keyed() func(a, b uint32) int {
	switch {
	case r.numbers != nil:
		numbers := r.numbers.Ints
		if r.digits > 0 && slices.IsSorted(numbers) {
			return nil
		}
		return func(a, b uint32) int { return compareNumbers(numbers[a], numbers[b], r.digits) }
	case r.Keys != nil:
		return func(a, b uint32) int { return cmp.Compare(r.Keys[a], r.Keys[b]) }
	}
	return nil
}

// columnIn is a column that is loaded.
type columnIn struct {
	Column
	field  *field
	lo, hi int64    // of the integers that are known; lo > hi for none
	into   []uint32 // of text: the field's codes, by entry of Dictionary or by row
}

// check tells whether the column fits, and finds its range.
func (c *columnIn) check(what string, n int) error {
	text := c.field.dict != nil
	sets := text && c.field.dict.sets
	if text != (c.Ints == nil) || sets && c.Codes == nil || sets != (c.Sets != nil) || c.Len() != n || c.Missing != nil && len(c.Missing) != n {
		return fmt.Errorf("%w: the column of %s", ErrShape, what)
	}
	if len(c.Codes) > 0 && int(slices.Max(c.Codes)) >= max(len(c.Dictionary), len(c.Sets)) {
		return fmt.Errorf("%w: %s: a code beyond the dictionary", ErrShape, what)
	}
	c.lo, c.hi = math.MaxInt64, math.MinInt64
	if len(c.Ints) == 0 {
		return nil
	}
	lo, hi := slices.Min(c.Ints), slices.Max(c.Ints)
	for _, v := range []int64{lo, hi} {
		if v <= -limit || v >= limit {
			return fmt.Errorf("%w: %s: %d", ErrShape, what, v)
		}
	}
	if c.Missing == nil {
		c.lo, c.hi = lo, hi
		return nil
	}
	for i, v := range c.Ints {
		if !c.Missing[i] {
			c.lo, c.hi = min(c.lo, v), max(c.hi, v)
		}
	}
	return nil
}

// Bytes is about how many bytes a table takes for the columns, at most.
func (in *Columns) Bytes() int64 {
	n := int64(0)
	texts := func(list []string) {
		for _, s := range list {
			n += int64(textBytes + len(s))
		}
	}
	column := func(c *Column) {
		texts(c.Strings)
		texts(c.Dictionary)
		for _, items := range c.Sets {
			texts(items)
		}
		n += 8 * int64(c.Len())
	}
	for _, id := range in.IDs {
		n += int64(40 + len(id))
	}
	for _, c := range in.Attributes {
		column(&c)
	}
	for i := range in.Rows {
		r := &in.Rows[i]
		texts(r.Keys)
		n += int64(len(r.Customer))*8 + 8*int64(len(r.Numbers))
		for _, c := range r.Fields {
			column(&c)
		}
	}
	return n
}

func (ld *loader) customers() {
	n := len(ld.in.IDs)
	laid := &layout{dest: make([]uint32, n), start: []uint32{0}}
	for i := range laid.dest {
		laid.dest[i] = uint32(i)
	}
	for lo := 0; lo < n; lo += shardSize {
		ld.shards = append(ld.shards, newShard(ld.schema, ld.epoch))
		laid.start = append(laid.start, uint32(min(n, lo+shardSize)))
	}
	each(len(ld.shards), func(i int) {
		sh, lo, hi := ld.shards[i], int(laid.start[i]), int(laid.start[i+1])
		sh.n = hi - lo
		sh.ids = slices.Clone(ld.in.IDs[lo:hi])
		sh.bucket, sh.state = make([]uint32, sh.n), make([]uint8, sh.n)
		for j, id := range sh.ids {
			sh.bucket[j] = sample.Bucket(string(id))
			sh.state[j] = member
			if ld.in.Guests != nil && ld.in.Guests[lo+j] {
				sh.state[j] = guest
				sh.guests++
			}
		}
		sh.members = sh.n - sh.guests
	})
	for a, c := range ld.attrs {
		if c != nil {
			ld.lay(c, laid, func(i int) **codes { return &ld.shards[i].attrs[a] })
		}
	}
}

// kind lays the rows of a kind out in their shards.
func (ld *loader) kind(r *rowsIn) {
	k := r.kind
	r.laid = newLayout(r.Customer, len(ld.shards))
	stamps := ld.stamps(r)
	if k.stamped {
		r.laid.order(stamps, r.keyed())
	}
	each(len(ld.shards), func(i int) {
		l, lo, hi := ld.shards[i].logs[k.index], r.laid.start[i], r.laid.start[i+1]
		l.n = int(hi - lo)
		if r.Keys == nil && r.Numbers == nil && l.n > 0 {
			l.keys.list.repeat(nameless, l.n)
		}
		if k.stamped && l.n > 0 {
			at := packed(stamps[lo:hi], ld.epoch)
			if k.stampUp > 0 {
				l.stamps = at
			} else {
				l.fields[k.stamp] = at
			}
			for l.sorted < l.n && stamps[int(lo)+l.sorted] != missingStamp {
				l.sorted++
			}
		}
	})
	for f, c := range r.fields {
		if c != nil && !(k.stamped && k.stampUp == 0 && f == k.stamp) {
			ld.lay(c, r.laid, func(i int) **codes { return &ld.shards[i].logs[k.index].fields[f] })
		}
	}
	ld.owners(r)
	ld.parents(r)
	ld.keys(r)
}

// owners lays out whose the rows are.
func (ld *loader) owners(r *rowsIn) {
	out := room[uint16](&ld.spare, len(r.Customer))
	chunks(len(out), func(lo, hi int) {
		dest := r.laid.dest[lo:hi]
		for i, c := range r.Customer[lo:hi] {
			out[dest[i]] = uint16(c % shardSize)
		}
	})
	each(len(ld.shards), func(i int) {
		ld.shards[i].logs[r.kind.index].local = slices.Clone(out[r.laid.start[i]:r.laid.start[i+1]])
	})
}

// parents lays out the rows' links to their parents, which are laid out already.
func (ld *loader) parents(r *rowsIn) {
	if r.kind.parent == nil {
		return
	}
	if r.Parent == nil {
		each(len(ld.shards), func(i int) {
			l := ld.shards[i].logs[r.kind.index]
			l.parent = uplinksOf(make([]uint32, l.n))
		})
		return
	}
	above := ld.rows[r.kind.parent.index].laid
	out := room[uint32](&ld.spare, len(r.Customer))
	chunks(len(out), func(lo, hi int) {
		dest := r.laid.dest[lo:hi]
		for i, p := range r.Parent[lo:hi] {
			if p != 0 {
				p = above.dest[p-1] + 1
			}
			out[dest[i]] = p
		}
	})
	each(len(ld.shards), func(i int) {
		parent := out[r.laid.start[i]:r.laid.start[i+1]]
		for j, p := range parent {
			if p != 0 {
				parent[j] = p - above.start[i]
			}
		}
		ld.shards[i].logs[r.kind.index].parent = uplinksOf(parent)
	})
}

func (ld *loader) keys(r *rowsIn) {
	switch {
	case r.numbers != nil:
		numbers := make([]*codes, len(ld.shards))
		ld.lay(r.numbers, r.laid, func(i int) **codes { return &numbers[i] })
		each(len(ld.shards), func(i int) {
			keys, c := &ld.shards[i].logs[r.kind.index].keys, numbers[i]
			keys.digits, keys.numbered = r.digits, c != nil
			if c == nil {
				return
			}
			for row := range c.n {
				keys.list.append(c.value(c.at(row)))
			}
			keys.list.clip()
			numbers[i] = nil
		})
	case r.Keys != nil:
		rows := r.laid.rows()
		each(len(ld.shards), func(i int) {
			keys := &ld.shards[i].logs[r.kind.index].keys
			for _, row := range rows[r.laid.start[i]:r.laid.start[i+1]] {
				keys.append(r.Keys[row])
			}
			keys.list.clip()
		})
	}
}

// stamps are the rows' stamps where the layout puts them, nil for a kind without.
func (ld *loader) stamps(r *rowsIn) []int64 {
	k := r.kind
	if !k.stamped {
		return nil
	}
	path, at := []*rowsIn{r}, r
	for range k.stampUp {
		if at.Parent == nil {
			at = nil
			break
		}
		at = ld.rows[at.kind.parent.index]
		path = append(path, at)
	}
	out := make([]int64, len(r.Customer))
	var c *columnIn
	if at != nil {
		c = at.fields[k.stamp]
	}
	if c == nil {
		for i := range out {
			out[i] = missingStamp
		}
		return out
	}
	chunks(len(out), func(lo, hi int) {
		dest := r.laid.dest[lo:hi]
		for i := range dest {
			link := uint32(lo + i + 1)
			for _, p := range path[:len(path)-1] {
				if link != 0 {
					link = p.Parent[link-1]
				}
			}
			if link == 0 || c.Missing != nil && c.Missing[link-1] {
				out[dest[i]] = missingStamp
			} else {
				out[dest[i]] = c.Ints[link-1]
			}
		}
	})
	return out
}
