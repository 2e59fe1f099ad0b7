package columnar

import (
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/bitmap"
)

// masksPerLog is how many filters are kept with the rows they are of.
const masksPerLog = 16

// keptMask is which rows of a log pass a test that follows them to their parents:
// a bit a row, where following costs a miss of the cache. It holds while the log
// and those of its parents stay what they are. It is made once as many rows were
// asked about as the log has, so that making it at most doubles what was paid.
type keptMask struct {
	parents []*log
	asked   int
	rows    bitmap.Dense // nil until it is made
}

// keepable tells whether the test follows rows to their parents, and depends on
// nothing but the rows.
func keepable(t plan.Test) bool {
	up, steady := false, true
	plan.Walk(t, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Attr, *plan.During, *plan.Recurs:
			steady = false
		case *plan.Field:
			up = up || n.Up > 0
			steady = steady && n.Name != "" && n.Of.Sort != catalog.Instant && n.Of.Sort != catalog.Date
		}
		return true
	})
	return up && steady
}

// filter is test for a term of an aggregate's filter.
func (b *batch) filter(t plan.Test) []uint8 {
	if !b.keeps[t] {
		return b.test(t)
	}
	kept := b.kept(t)
	if kept == nil {
		return b.test(t)
	}
	dst := b.bytes.take(b.n)
	if b.rows == nil {
		kept.UnpackFrom(b.lo, dst)
		return dst
	}
	for i, row := range b.rows {
		dst[i] = uint8(kept[row>>6] >> (row & 63) & 1)
	}
	return dst
}

// kept is the rows of the batch's log that pass the test, nil while that is not
// worth knowing.
func (b *batch) kept(t plan.Test) bitmap.Dense {
	l, key := b.log, b.keys[b.class[t]]
	l.lazy.mu.Lock()
	defer l.lazy.mu.Unlock()
	k, ok := l.lazy.masks[key]
	if parents := b.parents(l); !ok || !slices.Equal(k.parents, parents) {
		if l.lazy.masks == nil || len(l.lazy.masks) >= masksPerLog {
			l.lazy.masks = map[string]*keptMask{}
		}
		k = &keptMask{parents: parents}
		l.lazy.masks[key] = k
	}
	if k.rows == nil {
		if k.asked += b.n; k.asked <= l.n {
			return nil
		}
		rows := bitmap.Make(l.n)
		b.blocks(l, 0, l.n, false, nil, func(rb *batch, _ []uint8, _ bool) {
			rows[rb.lo/64 : (rb.lo+rb.n+63)/64].Pack(rb.test(t))
		})
		k.rows = rows
	}
	return k.rows
}
