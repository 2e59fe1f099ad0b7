package columnar

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// layout is where the rows of a load go: all shards one after another, each in
// the order of its log. Columns are then written in one pass from the first row to
// the last, to as many places as there are shards.
type layout struct {
	dest  []uint32 // by row
	start []uint32 // by shard: where its rows start; one more at the end
}

// newLayout keeps the rows of a shard in the order they come in.
func newLayout(customer []uint32, shards int) *layout {
	out := &layout{dest: make([]uint32, len(customer)), start: make([]uint32, shards+1)}
	workers := runtime.GOMAXPROCS(0)
	next := make([][]uint32, workers) // by worker and shard
	each(workers, func(w int) {
		next[w] = make([]uint32, shards)
		for _, c := range customer[w*len(customer)/workers : (w+1)*len(customer)/workers] {
			next[w][c/shardSize]++
		}
	})
	at := uint32(0)
	for i := range shards {
		out.start[i] = at
		for w := range next {
			n := next[w][i]
			next[w][i] = at
			at += n
		}
	}
	out.start[shards] = at
	each(workers, func(w int) {
		lo, hi, next := w*len(customer)/workers, (w+1)*len(customer)/workers, next[w]
		dest := out.dest[lo:hi]
		for i, c := range customer[lo:hi] {
			dest[i] = next[c/shardSize]
			next[c/shardSize]++
		}
	})
	return out
}

// rows are the rows by where they go.
func (l *layout) rows() []uint32 {
	out := make([]uint32, len(l.dest))
	chunks(len(out), func(lo, hi int) {
		for i, d := range l.dest[lo:hi] {
			out[d] = uint32(lo + i)
		}
	})
	return out
}

// order puts the rows of each shard in the order of (stamp, key), and the stamps,
// which stand where the layout puts them, with them.
func (l *layout) order(stamps []int64, keyed func(a, b uint32) int) {
	var once sync.Once
	var rows []uint32
	each(len(l.start)-1, func(i int) {
		lo, hi := l.start[i], l.start[i+1]
		if ascending(stamps[lo:hi], keyed != nil) {
			return
		}
		once.Do(func() { rows = l.rows() })
		inOrder(rows[lo:hi], stamps[lo:hi], keyed)
		for to, row := range rows[lo:hi] {
			l.dest[row] = lo + uint32(to)
		}
	})
}

func ascending(stamps []int64, strictly bool) bool {
	for i := 1; i < len(stamps); i++ {
		if stamps[i-1] > stamps[i] || strictly && stamps[i-1] == stamps[i] {
			return false
		}
	}
	return true
}

// lay writes a column into its shards.
func (ld *loader) lay(c *columnIn, to *layout, column func(shard int) **codes) {
	frame, top := c.frame()
	if top == 0 {
		return // all are missing: there is no column
	}
	if c.Ints == nil {
		c.number()
		if top = uint64(slices.Max(c.into)); top == 0 {
			return
		}
	}
	done := ld.layIn(frame, top, c, to, column)
	if !done {
		frame.base, frame.unit = min(frame.base, c.lo-1), 1
		ld.layIn(frame, uint64(c.hi)-uint64(frame.base), c, to, column)
	}
}

// frame is an empty column whose frame holds all values if they are whole units,
// and the largest code in it; 0 when no value is known.
func (c *columnIn) frame() (out *codes, top uint64) {
	out = newCodes(c.field.of)
	switch {
	case c.Ints == nil:
		return out, uint64(min(1, c.Len()))
	case c.lo > c.hi:
		return out, 0
	case c.lo <= out.base:
		out.base, out.unit = c.lo-1, 1
	}
	return out, (uint64(c.hi) - uint64(out.base)) / uint64(out.unit)
}

// number gives the column's text codes of the field's dictionary.
func (c *columnIn) number() {
	if c.Sets != nil {
		c.into = make([]uint32, len(c.Sets))
		for i, items := range c.Sets {
			if len(items) > 0 {
				c.into[i] = uint32(c.field.dict.code(catalog.SetValue(items...)))
			}
		}
		return
	}
	list := c.Dictionary
	if c.Codes == nil {
		list = c.Strings
	}
	c.into = make([]uint32, len(list))
	for i, s := range list {
		if c.Codes != nil || c.Missing == nil || !c.Missing[i] {
			c.into[i] = uint32(c.field.dict.code(catalog.StringValue(s)))
		}
	}
}

// layIn writes a column in a frame, false when a value is no whole unit of it.
func (ld *loader) layIn(frame *codes, top uint64, c *columnIn, to *layout, column func(shard int) **codes) bool {
	switch {
	case top <= math.MaxUint8:
		return layAs[uint8](ld, frame, top, c, to, column)
	case top <= math.MaxUint16:
		return layAs[uint16](ld, frame, top, c, to, column)
	case top <= math.MaxUint32:
		return layAs[uint32](ld, frame, top, c, to, column)
	}
	return layAs[uint64](ld, frame, top, c, to, column)
}

func layAs[T word](ld *loader, frame *codes, top uint64, c *columnIn, to *layout, column func(shard int) **codes) bool {
	all := room[T](&ld.spare, len(to.dest))
	whole := true
	var mu sync.Mutex
	chunks(len(all), func(lo, hi int) {
		dest := to.dest[lo:hi]
		switch {
		case c.Ints == nil && c.Codes == nil:
			scatter(all, dest, c.into[lo:hi])
		case c.Ints == nil:
			scatterThrough(all, dest, c.Codes[lo:hi], c.into)
		case frame.unit == 1:
			scatterFrom(all, dest, c.Ints[lo:hi], frame.base)
		case !scatterSeconds(all, dest, c.Ints[lo:hi], frame.base) && !c.whole(lo, hi):
			mu.Lock()
			whole = false
			mu.Unlock()
		}
		if c.Missing != nil {
			for i, missing := range c.Missing[lo:hi] {
				if missing {
					all[dest[i]] = 0
				}
			}
		}
	})
	if !whole {
		return false
	}
	each(len(to.start)-1, func(i int) {
		mine := all[to.start[i]:to.start[i+1]]
		if len(mine) == 0 {
			return
		}
		out := *frame
		out.narrow = narrowOf(slices.Clone(mine), frame.base, frame.unit)
		out.epoch, out.max, out.gaps = ld.epoch, top, c.Missing != nil && slices.Contains(mine, 0)
		*column(i) = &out
	})
	return true
}

// whole tells whether the known values of some rows are whole seconds.
func (c *columnIn) whole(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if (c.Missing == nil || !c.Missing[i]) && c.Ints[i]%microsPerSecond != 0 {
			return false
		}
	}
	return true
}

func scatter[T word](out []T, dest, codes []uint32) {
	for i, code := range codes {
		out[dest[i]] = T(code)
	}
}

func scatterThrough[T word](out []T, dest, codes, into []uint32) {
	for i, code := range codes {
		out[dest[i]] = T(into[code])
	}
}

func scatterFrom[T word](out []T, dest []uint32, values []int64, base int64) {
	for i, v := range values {
		out[dest[i]] = T(v - base)
	}
}

// scatterSeconds is false when a value is no whole second.
func scatterSeconds[T word](out []T, dest []uint32, values []int64, base int64) bool {
	rest := uint64(0)
	for i, v := range values {
		d := uint64(v) - uint64(base)
		code := d / microsPerSecond
		rest |= d - code*microsPerSecond
		out[dest[i]] = T(code)
	}
	return rest == 0
}

// packed is a column of stamps.
func packed(stamps []int64, epoch uint64) *codes {
	c := newCodes(instantType)
	lo, hi, rest, gaps := int64(math.MaxInt64), int64(math.MinInt64), uint64(0), false
	for _, s := range stamps {
		if s == missingStamp {
			gaps = true
			continue
		}
		lo, hi = min(lo, s), max(hi, s)
		d := uint64(s) - uint64(c.base)
		rest |= d % microsPerSecond
	}
	c.n, c.epoch, c.gaps = len(stamps), epoch, gaps
	if lo > hi {
		c.u8 = make([]uint8, len(stamps))
		return c
	}
	if lo <= c.base || rest != 0 {
		c.base, c.unit = min(c.base, lo-1), 1
	}
	c.max = (uint64(hi) - uint64(c.base)) / uint64(c.unit)
	switch {
	case c.max <= math.MaxUint32:
		c.u8, c.u32 = nil, recodeStamps[uint32](stamps, c.base, c.unit)
	default:
		c.u8, c.u64 = nil, recodeStamps[uint64](stamps, c.base, c.unit)
	}
	return c
}

func recodeStamps[T word](stamps []int64, base, unit int64) []T {
	out := make([]T, len(stamps))
	for i, s := range stamps {
		d := uint64(s) - uint64(base)
		if unit == microsPerSecond { // a constant, so that it costs no division
			d /= microsPerSecond
		}
		if s == missingStamp {
			d = 0
		}
		out[i] = T(d)
	}
	return out
}

// buffers are used again by one column after another.
type buffers struct {
	u8  []uint8
	u16 []uint16
	u32 []uint32
	u64 []uint64
}

// room is the buffer of a width with room for n; what is in it is anything.
func room[T word](b *buffers, n int) []T {
	var out any
	switch any(T(0)).(type) {
	case uint8:
		b.u8 = grown(b.u8, n)
		out = b.u8
	case uint16:
		b.u16 = grown(b.u16, n)
		out = b.u16
	case uint32:
		b.u32 = grown(b.u32, n)
		out = b.u32
	default:
		b.u64 = grown(b.u64, n)
		out = b.u64
	}
	return out.([]T)
}

func grown[T word](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// narrowOf is codes as a run of their width.
func narrowOf[T word](codes []T, base, unit int64) narrow {
	out := narrow{n: len(codes), base: base, unit: unit}
	switch codes := any(codes).(type) {
	case []uint8:
		out.u8 = codes
	case []uint16:
		out.u16 = codes
	case []uint32:
		out.u32 = codes
	case []uint64:
		out.u64 = codes
	}
	return out
}

// each runs do for 0 to n-1, on as many threads as there are.
func each(n int, do func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// chunks runs do for the rows 0 to n-1 in as many parts as there are threads.
func chunks(n int, do func(lo, hi int)) {
	workers := runtime.GOMAXPROCS(0)
	each(workers, func(w int) { do(w*n/workers, (w+1)*n/workers) })
}
