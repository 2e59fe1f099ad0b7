package columnar

// scratch lends the buffers of one worker. What is lent after a mark is given
// back by release, so that a scan over many blocks takes no memory of its own.
type scratch struct {
	bytes  pool[uint8]
	halves pool[uint16]
	words  pool[uint32]
	longs  pool[uint64]
	ints   pool[int64]
}

type mark [5]int

func (s *scratch) mark() mark {
	return mark{s.bytes.used, s.halves.used, s.words.used, s.longs.used, s.ints.used}
}

func (s *scratch) release(m mark) {
	s.bytes.used, s.halves.used, s.words.used, s.longs.used, s.ints.used = m[0], m[1], m[2], m[3], m[4]
}

// pool is a list of buffers, lent in order.
type pool[T any] struct {
	free [][]T
	used int
}

// take is a buffer of n, whose content is left over from before.
func (p *pool[T]) take(n int) []T {
	if p.used == len(p.free) {
		p.free = append(p.free, nil)
	}
	if cap(p.free[p.used]) < n {
		p.free[p.used] = make([]T, max(n, 1024))
	}
	p.used++
	return p.free[p.used-1][:n]
}
