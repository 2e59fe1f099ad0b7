package columnar

import "slices"

// blockRows is how many rows are filtered at a time, a multiple of 64: masks stay
// in the first cache, values in the second.
const blockRows = 8192

// rowsIn calls visit with batches of all rows of a log whose stamp, the kind's
// own, lies in the span: first those in order, found by binary search, then the
// late ones, with a mask. ordered tells which; mask is nil for all.
func (w *worker) rowsIn(l *log, in span, visit visitor) {
	if !l.kind.stamped {
		w.blocks(l, 0, l.n, false, nil, visit)
		return
	}
	r, ok := w.reach(l, in)
	if !ok {
		return
	}
	w.blocks(l, r.lo, r.hi, true, nil, visit)
	w.blocks(l, l.sorted, l.n, false, r.late(l), visit)
}

// reach is where the rows of a span lie in a log: those in order, and the codes
// of stamps by which late ones are told.
type reach struct {
	lo, hi      int
	first, last uint64
}

// reach finds the span by binary search, not ok when it holds nothing.
func (w *worker) reach(l *log, in span) (r reach, ok bool) {
	at := l.stamped()
	if at == nil || in.from >= in.to {
		return r, false
	}
	stamps := vector{codes: at.narrow}
	r.first, r.last, ok = stamps.span(in.from, min(in.to-1, w.asOf-1))
	if !ok {
		return r, false
	}
	r.lo = w.start(l, at, r.first)
	r.hi = l.sorted
	if r.lo < l.sorted && at.at(l.sorted-1) > r.last { // most windows end now
		r.hi = w.start(l, at, r.last+1)
	}
	return r, true
}

// found is where a code was found among the stamps of a log.
type found struct {
	log  *log
	code uint64
	row  int
}

// searches is how many of the last searches a worker remembers.
const searches = 64

// start is the first row in order whose stamp's code is at least code. Plans are
// weighed by it and then read from it, and what lies before one window is where
// another begins: so it is remembered.
func (w *worker) start(l *log, stamps *codes, code uint64) int {
	if code <= 1 {
		return 0 // rows in order have stamps
	}
	for _, f := range w.found[:min(w.finds, searches)] {
		if f.log == l && f.code == code {
			return f.row
		}
	}
	row := stamps.search(l.sorted, code)
	w.remember(l, code, row)
	return row
}

func (w *worker) remember(l *log, code uint64, row int) {
	w.found[w.finds%searches] = found{l, code, row}
	w.finds++
}

// late masks the rows of a batch whose stamps lie in the span.
func (r reach) late(l *log) func(*batch) []uint8 {
	at := l.stamped()
	return func(b *batch) []uint8 {
		mask := b.bytes.take(b.n)
		var c narrow
		if b.rows != nil {
			c = gathered(&b.scratch, &at.narrow, b.rows)
		} else {
			c = at.slice(b.lo, b.lo+b.n)
		}
		c.inside(mask, r.first, r.last)
		return mask
	}
}

// search is the first of n ascending codes that is at least code.
func (c *narrow) search(n int, code uint64) int {
	switch {
	case c.u8 != nil:
		return searched(c.u8[:n], code)
	case c.u16 != nil:
		return searched(c.u16[:n], code)
	case c.u32 != nil:
		return searched(c.u32[:n], code)
	}
	return searched(c.u64[:n], code)
}

// searched comes from the end in steps that double: most windows end now, and what
// it reads of short ones lies near the rows that are read next.
func searched[T word](codes []T, code uint64) int {
	lo, hi := 0, len(codes)
	for step := 16; step <= hi; step *= 2 {
		if uint64(codes[hi-step]) < code {
			lo = hi - step + 1
			break
		}
		hi -= step
	}
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); uint64(codes[mid]) < code {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// blocks cuts rows [lo, hi) into batches.
func (w *worker) blocks(l *log, lo, hi int, ordered bool, mask func(*batch) []uint8, visit visitor) {
	for lo < hi {
		n := min(blockRows, hi-lo)
		m := w.mark()
		b := batch{worker: w, log: l, lo: lo, n: n}
		var chosen []uint8
		if mask != nil {
			chosen = mask(&b)
		}
		visit(&b, chosen, ordered)
		w.release(m)
		lo += n
	}
}

// listed calls visit with batches of the listed rows, with a mask where there is
// one.
func (w *worker) listed(l *log, rows []uint32, mask func(*batch) []uint8, visit visitor) {
	for len(rows) > 0 {
		n := min(blockRows, len(rows))
		m := w.mark()
		b := batch{worker: w, log: l, n: n, rows: rows[:n]}
		var chosen []uint8
		if mask != nil {
			chosen = mask(&b)
		}
		visit(&b, chosen, false)
		w.release(m)
		rows = rows[n:]
	}
}

// probe lists the rows of some customers, newest first of each; where the log is
// in order it stops at the window's start.
func (w *worker) probe(l *log, who []uint8, from int64) []uint32 {
	at := l.stamped()
	stop := uint64(0)
	if at != nil && l.sorted == l.n && from > at.base+at.unit {
		stop = (uint64(from) - uint64(at.base) + uint64(at.unit) - 1) / uint64(at.unit)
	}
	var rows, own []uint32
	for local, in := range who {
		if in == 0 {
			continue
		}
		own = l.rows(uint16(local), own)
		for _, row := range own {
			if stop != 0 && at.at(int(row)) < stop {
				break
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// postings lists the rows of a log by the code of one field.
type postings struct {
	rows  []uint32 // by code, then ascending
	start []uint32 // by code: where its rows start; one more at the end
}

// posted is the postings of a field, built when first asked for.
func (l *log) posted(f int) *postings {
	l.lazy.mu.Lock()
	defer l.lazy.mu.Unlock()
	if p := l.lazy.postings[f]; p != nil {
		return p
	}
	c := l.fields[f]
	p := &postings{rows: make([]uint32, l.n), start: make([]uint32, c.max+2)}
	for i := range l.n {
		p.start[c.at(i)+1]++
	}
	for i := 1; i < len(p.start); i++ {
		p.start[i] += p.start[i-1]
	}
	next := slices.Clone(p.start)
	for i := range l.n {
		code := c.at(i)
		p.rows[next[code]] = uint32(i)
		next[code]++
	}
	if l.lazy.postings == nil {
		l.lazy.postings = map[int]*postings{}
	}
	l.lazy.postings[f] = p
	return p
}

// in are the rows with one of the codes that lie in the reach, and the late rows
// with one of them. The rows of a code stand in the order of the log, so the reach
// is a part of them.
func (p *postings) in(codes []uint64, r reach, l *log) (rows, late []uint32) {
	for _, c := range codes {
		if c == 0 || c+1 >= uint64(len(p.start)) {
			continue
		}
		list := p.rows[p.start[c]:p.start[c+1]]
		from := func(row int) int {
			i, _ := slices.BinarySearch(list, uint32(row))
			return i
		}
		rows = append(rows, list[from(r.lo):from(r.hi)]...)
		late = append(late, list[from(l.sorted):]...)
	}
	return rows, late
}

// count is about how many rows have one of the codes.
func (p *postings) count(codes []uint64) int {
	n := 0
	for _, c := range codes {
		if c+1 < uint64(len(p.start)) {
			n += int(p.start[c+1] - p.start[c])
		}
	}
	return n
}
