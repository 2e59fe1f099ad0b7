package columnar

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// codes is a column of values as narrow unsigned integers. Code 0 stands for a
// missing value, so that missing costs nothing where there is none; any other
// code c is the value base + c*unit. Strings are codes of a dictionary.
//
// A column is written by one goroutine. Readers hold a copy of the struct: what is
// appended lies beyond their end, and what is overwritten is copied first by own.
type codes struct {
	narrow
	epoch uint64 // of the writer that owns the array
	max   uint64 // the largest code ever written
	gaps  bool   // code 0 was written
}

// narrow is a run of codes in one of four widths; the others are nil.
type narrow struct {
	u8   []uint8
	u16  []uint16
	u32  []uint32
	u64  []uint64
	n    int
	base int64
	unit int64
}

// word is a width of codes.
type word interface {
	uint8 | uint16 | uint32 | uint64
}

const microsPerSecond = 1_000_000

// newCodes is an empty column in the frame in which values of the type are
// narrow: small numbers, whole seconds, days since 1869.
func newCodes(t catalog.Type) *codes {
	c := &codes{narrow: narrow{base: -1, unit: 1, u8: []uint8{}}}
	switch t.Sort {
	case catalog.Instant:
		c.base, c.unit = -microsPerSecond, microsPerSecond
	case catalog.Date:
		c.base = -36_525
	case catalog.String, catalog.Enum, catalog.Set:
		c.base = 0
	}
	return c
}

// code is the code of a value, not ok when the frame cannot hold it.
func (c *narrow) code(v int64) (uint64, bool) {
	d := uint64(v) - uint64(c.base)
	if v <= c.base || d > math.MaxInt64 || d%uint64(c.unit) != 0 {
		return 0, false
	}
	return d / uint64(c.unit), true
}

// value is the value of a code that is not 0.
func (c *narrow) value(code uint64) int64 { return c.base + int64(code)*c.unit }

// at is the code at i.
func (c *narrow) at(i int) uint64 {
	switch {
	case c.u8 != nil:
		return uint64(c.u8[i])
	case c.u16 != nil:
		return uint64(c.u16[i])
	case c.u32 != nil:
		return uint64(c.u32[i])
	}
	return c.u64[i]
}

// slice is the codes of [lo, hi).
func (c *narrow) slice(lo, hi int) narrow {
	out := narrow{n: hi - lo, base: c.base, unit: c.unit}
	switch {
	case c.u8 != nil:
		out.u8 = c.u8[lo:hi:hi]
	case c.u16 != nil:
		out.u16 = c.u16[lo:hi:hi]
	case c.u32 != nil:
		out.u32 = c.u32[lo:hi:hi]
	default:
		out.u64 = c.u64[lo:hi:hi]
	}
	return out
}

func (c *narrow) width() int {
	switch {
	case c.u8 != nil:
		return 1
	case c.u16 != nil:
		return 2
	case c.u32 != nil:
		return 4
	}
	return 8
}

// encode is the code of a value; the frame is widened where it cannot hold it.
func (c *codes) encode(v int64, epoch uint64) uint64 {
	code, ok := c.code(v)
	if !ok {
		c.reframe(v, epoch)
		code, _ = c.code(v)
	}
	return code
}

// reframe gives the column a frame of unit 1 that v fits in too.
func (c *codes) reframe(v int64, epoch uint64) {
	base := min(c.base, v-1)
	old := c.narrow
	c.narrow = narrow{base: base, unit: 1, u64: make([]uint64, old.n, old.n+old.n/4+1), n: old.n}
	c.max, c.epoch = 0, epoch
	for i := range old.n {
		if code := old.at(i); code != 0 {
			c.u64[i] = uint64(old.value(code)) - uint64(base)
			c.max = max(c.max, c.u64[i])
		}
	}
	c.squeeze()
}

// squeeze narrows the codes as far as the largest allows.
func (c *codes) squeeze() {
	if c.u64 == nil {
		return
	}
	switch {
	case c.max <= math.MaxUint8:
		c.u8 = recode[uint8](c.u64, 0)
	case c.max <= math.MaxUint16:
		c.u16 = recode[uint16](c.u64, 0)
	case c.max <= math.MaxUint32:
		c.u32 = recode[uint32](c.u64, 0)
	default:
		return
	}
	c.u64 = nil
}

// recode is src in another width, with room for some more.
func recode[T, S word](src []S, room int) []T {
	out := make([]T, len(src), len(src)+room)
	for i, v := range src {
		out[i] = T(v)
	}
	return out
}

// fit widens the codes until one of the size fits.
func (c *codes) fit(code uint64, epoch uint64) {
	c.max = max(c.max, code)
	c.gaps = c.gaps || code == 0
	room := c.n/4 + 1
	for {
		switch {
		case c.u8 != nil && code > math.MaxUint8:
			c.u16, c.u8 = recode[uint16](c.u8, room), nil
		case c.u16 != nil && code > math.MaxUint16:
			c.u32, c.u16 = recode[uint32](c.u16, room), nil
		case c.u32 != nil && code > math.MaxUint32:
			c.u64, c.u32 = recode[uint64](c.u32, room), nil
		default:
			return
		}
		c.epoch = epoch
	}
}

// append adds a code at the end.
func (c *codes) append(code uint64, epoch uint64) {
	c.fit(code, epoch)
	switch {
	case c.u8 != nil:
		c.u8 = append(c.u8, uint8(code))
	case c.u16 != nil:
		c.u16 = append(c.u16, uint16(code))
	case c.u32 != nil:
		c.u32 = append(c.u32, uint32(code))
	default:
		c.u64 = append(c.u64, code)
	}
	c.n++
}

// extend adds missing values until there are n.
func (c *codes) extend(n int, epoch uint64) {
	for c.n < n {
		c.append(0, epoch)
	}
}

// set overwrites the code at i.
func (c *codes) set(i int, code uint64, epoch uint64) {
	if c.at(i) == code {
		return
	}
	c.fit(code, epoch)
	c.own(epoch)
	switch {
	case c.u8 != nil:
		c.u8[i] = uint8(code)
	case c.u16 != nil:
		c.u16[i] = uint16(code)
	case c.u32 != nil:
		c.u32[i] = uint32(code)
	default:
		c.u64[i] = code
	}
}

// own copies the array if readers of an earlier epoch may see it.
func (c *codes) own(epoch uint64) {
	if c.epoch == epoch {
		return
	}
	c.epoch = epoch
	switch {
	case c.u8 != nil:
		c.u8 = slices.Clone(c.u8)
	case c.u16 != nil:
		c.u16 = slices.Clone(c.u16)
	case c.u32 != nil:
		c.u32 = slices.Clone(c.u32)
	default:
		c.u64 = slices.Clone(c.u64)
	}
}

// pick is a new column of the codes at rows, in their order.
func (c *codes) pick(rows []uint32, epoch uint64) *codes {
	out := &codes{narrow: narrow{base: c.base, unit: c.unit, n: len(rows)}, epoch: epoch, max: c.max, gaps: c.gaps}
	switch {
	case c.u8 != nil:
		out.u8 = picked(c.u8, rows)
	case c.u16 != nil:
		out.u16 = picked(c.u16, rows)
	case c.u32 != nil:
		out.u32 = picked(c.u32, rows)
	default:
		out.u64 = picked(c.u64, rows)
	}
	return out
}

func picked[T any](src []T, rows []uint32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = src[r]
	}
	return out
}

// bytes is how much memory the codes take.
func (c *codes) bytes() int {
	return cap(c.u8) + 2*cap(c.u16) + 4*cap(c.u32) + 8*cap(c.u64)
}
