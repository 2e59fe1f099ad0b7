package columnar

import (
	"sync"
	"time"
)

// stats is what the aggregates of a Select cost, by class, for ExplainPlan. It is
// nil, and its methods do nothing, where nobody asked.
type stats struct {
	mu      sync.Mutex
	byClass map[int]*usage
}

type usage struct {
	forms map[Form]int // shards answered in each form
	rows  int
	took  time.Duration
}

// timer measures one aggregate of one shard.
type timer struct {
	stats *stats
	class int
	form  Form
	began time.Time
}

func (s *stats) start(class int, form Form) timer {
	if s == nil {
		return timer{}
	}
	return timer{stats: s, class: class, form: form, began: time.Now()}
}

func (t timer) stop(rows int) {
	if t.stats == nil {
		return
	}
	took := time.Since(t.began)
	t.stats.mu.Lock()
	defer t.stats.mu.Unlock()
	u := t.stats.byClass[t.class]
	if u == nil {
		u = &usage{forms: map[Form]int{}}
		t.stats.byClass[t.class] = u
	}
	u.forms[t.form]++
	u.rows += rows
	u.took += took
}
