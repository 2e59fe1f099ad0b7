package segment

import (
	"context"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
)

// Shares is how many customers stood where at one instant.
type Shares struct {
	At     time.Time
	All    int
	Stages []int // by Timeline.Stages; they sum up to All
	Steps  []int // by Timeline.Steps; they sum up to All
}

// Shares counts each point of the timeline.
func (t *Timeline) Shares() []Shares {
	out := make([]Shares, len(t.Points))
	for p, at := range t.Points {
		s := Shares{At: at, Stages: make([]int, len(t.Stages)), Steps: make([]int, len(t.Steps))}
		for _, step := range t.stand[p] {
			if step != nowhere {
				s.All++
				s.Steps[step]++
				s.Stages[t.stage[step]]++
			}
		}
		out[p] = s
	}
	return out
}

// Movement is how many customers went from which stage to which between two
// instants. Rows and columns are Timeline.Stages; the last of each are customers
// who did not exist yet, or not any more.
type Movement struct {
	From, To time.Time
	Stages   []string
	Moved    [][]int
}

// Movement compares two points of the timeline.
func (t *Timeline) Movement(from, to int) Movement {
	n := len(t.Stages)
	m := Movement{From: t.Points[from], To: t.Points[to], Stages: t.Stages, Moved: make([][]int, n+1)}
	for i := range m.Moved {
		m.Moved[i] = make([]int, n+1)
	}
	slot := func(stage int) int {
		if stage < 0 {
			return n
		}
		return stage
	}
	for c := range t.ids {
		a, b := t.stageAt(from, c), t.stageAt(to, c)
		if a >= 0 || b >= 0 {
			m.Moved[slot(a)][slot(b)]++
		}
	}
	return m
}

// Cohort is the customers who first stood in one of the kept stages at one point,
// and how many of them stood in one at each point from then on.
type Cohort struct {
	Since time.Time
	Size  int
	Kept  []int // by points since; Kept[0] is Size
}

// Retention follows the customers who come into any of the stages: a cohort a
// point, empty ones included. Who is in at the first point came before it and is
// in no cohort, unless whole says that nobody did.
func (t *Timeline) Retention(whole bool, stages ...string) []Cohort {
	kept := make([]bool, len(t.Stages))
	for i, s := range t.Stages {
		for _, want := range stages {
			kept[i] = kept[i] || s == want
		}
	}
	out := make([]Cohort, len(t.Points))
	for p, at := range t.Points {
		out[p] = Cohort{Since: at, Kept: make([]int, len(t.Points)-p)}
	}
	for c := range t.ids {
		first := -1
		for p := range t.Points {
			s := t.stageAt(p, c)
			if s < 0 || !kept[s] {
				continue
			}
			if first < 0 {
				first = p
				out[p].Size++
			}
			out[first].Kept[p-first]++
		}
	}
	if !whole {
		out[0] = Cohort{Since: t.Points[0], Kept: make([]int, len(t.Points))}
	}
	return out
}

// Exit is how often customers left from a stage: of the times that a customer
// stood there at a point, how many stood in the leaving stage at the next.
type Exit struct {
	Stage string
	Stood int
	Left  int
}

// Exits tells from which stage customers leave, by Timeline.Stages without the
// leaving one. Without a leaving stage it is empty.
func (t *Timeline) Exits() []Exit {
	leaving := -1
	for i, s := range t.Stages {
		if s == t.Leaving {
			leaving = i
		}
	}
	if leaving < 0 {
		return nil
	}
	all := make([]Exit, len(t.Stages))
	for i, s := range t.Stages {
		all[i].Stage = s
	}
	for p := range len(t.Points) - 1 {
		for c := range t.ids {
			from, to := t.stageAt(p, c), t.stageAt(p+1, c)
			if from < 0 || to < 0 {
				continue
			}
			all[from].Stood++
			if to == leaving {
				all[from].Left++
			}
		}
	}
	return append(all[:leaving], all[leaving+1:]...)
}

// Overlap is how two snapshots share members.
type Overlap struct {
	A, B dangol.Snapshot
	Both int
}

// Any is how many are in at least one of them.
func (o Overlap) Any() int { return o.A.Count + o.B.Count - o.Both }

// Overlap compares the members of two snapshots, reading both a page at a time.
func (s *Service) Overlap(ctx context.Context, a, b dangol.Snapshot) (Overlap, error) {
	out := Overlap{A: a, B: b}
	right, stop := iter.Pull2(s.All(ctx, b))
	defer stop()
	other, err, more := right()
	for id, failed := range s.All(ctx, a) {
		if failed != nil {
			return out, failed
		}
		for more && err == nil && other < id {
			other, err, more = right()
		}
		if err != nil {
			return out, err
		}
		if more && other == id {
			out.Both++
		}
	}
	return out, err
}
