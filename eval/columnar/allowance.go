package columnar

import "sync/atomic"

// allowance is what of the memory budget readers may keep counts and sums in: what rows
// leave of it. Readers ask without waiting for writers.
type allowance struct {
	limit int64        // 0 for none
	rows  atomic.Int64 // bytes, as of the last write
	kept  atomic.Int64 // bytes; what went with a change is still counted until there is no room
}

// take tells whether so many bytes more may be kept. Where they may not, what is kept is
// counted again, for those who ask later.
func (a *allowance) take(bytes int64, s *Snapshot) bool {
	if a.limit <= 0 || a.rows.Load()+a.kept.Add(bytes) <= a.limit {
		return true
	}
	kept := int64(0)
	for _, sh := range s.shards {
		for _, l := range sh.logs {
			kept += l.lazy.momentBytes()
		}
	}
	a.kept.Store(kept)
	return false
}

// giveWay makes room for rows: where they and what is kept are more than the budget
// together, nothing is kept any more.
func (a *allowance) giveWay(rows int64, shards []*shard) {
	a.rows.Store(rows)
	if a.limit <= 0 || rows+a.kept.Load() <= a.limit {
		return
	}
	for _, sh := range shards {
		for _, l := range sh.logs {
			l.lazy.forgetMoments()
		}
	}
	a.kept.Store(0)
}

func (d *derived) momentBytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int64(0)
	for _, s := range d.moments {
		n += s.bytes()
	}
	return n
}

// forgetMoments starts hoping again, too: otherwise the next question would make them
// anew.
func (d *derived) forgetMoments() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moments, d.hopes = nil, nil
}
