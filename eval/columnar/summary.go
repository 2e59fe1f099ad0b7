package columnar

import (
	"math"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// summariesPerLog is how many summaries are kept with the rows they are of.
const summariesPerLog = 16

// summary is a column, by customer, that was worked out from all rows of a log:
// numbers of rows, sums, or links to the first or last row. It holds while the
// log and those of its parents stay what they are. It has room for customers who
// come later, without rows.
type summary struct {
	parents []*log
	numbers narrow   // of Count and Sum
	field   narrow   // of First and Last, where the rows themselves hold the value
	links   []uint32 // of First and Last elsewhere
}

// summary is the aggregate over all rows, from what is kept under the key or else
// by a scan that is kept.
func (b *batch) summary(a *plan.Aggregate, l *log, in span, key string) vector {
	parents := b.parents(l)
	l.lazy.mu.Lock()
	kept, ok := l.lazy.summary[key]
	l.lazy.mu.Unlock()
	if !ok || !slices.Equal(kept.parents, parents) {
		kept = b.summarise(a, l, in)
		kept.parents = parents
		l.lazy.mu.Lock()
		if l.lazy.summary == nil || len(l.lazy.summary) >= summariesPerLog {
			l.lazy.summary = map[string]summary{}
		}
		l.lazy.summary[key] = kept
		l.lazy.mu.Unlock()
	}
	switch {
	case kept.numbers.n > 0:
		return numbers(kept.numbers.slice(0, b.n))
	case kept.field.n > 0:
		f := a.Of.(*plan.Field)
		v := vector{form: coded, n: b.n, codes: kept.field.slice(0, b.n), cap: b.cap(f.Of, f.Due)}
		if at := &l.kind.fields[l.kind.field[f.Name]]; at.dict != nil {
			v.field = at
		}
		return v
	}
	return b.picked(a, l, kept.links[:b.n])
}

// parents are the logs that the fields of a row may be read from, besides its own.
func (b *batch) parents(l *log) []*log {
	var out []*log
	for k := l.kind.parent; k != nil; k = k.parent {
		out = append(out, b.shard.logs[k.index])
	}
	return out
}

func (b *batch) summarise(a *plan.Aggregate, l *log, in span) summary {
	acc, terms := b.accumulate(a, l), b.terms(a.Where)
	b.rowsIn(l, in, func(rb *batch, mask []uint8, ordered bool) {
		rb.into(acc, terms, mask, ordered)
	})
	switch acc := acc.(type) {
	case *sums:
		least := min(0, slices.Min(acc.by[:]))
		return summary{numbers: narrowed(acc.by[:], least, uint64(slices.Max(acc.by[:]))-uint64(least))}
	case *counts:
		return summary{numbers: narrowed(acc.by[:], 0, uint64(slices.Max(acc.by[:])))}
	}
	links := slices.Clone(acc.(*picks).by[:])
	f, ok := a.Of.(*plan.Field)
	if !ok || f.Up > 0 || f.Name == "" {
		return summary{links: links}
	}
	i, ok := l.kind.field[f.Name]
	if !ok || l.fields[i] == nil {
		return summary{links: links}
	}
	var own scratch
	return summary{field: followed(&own, &l.fields[i].narrow, links)}
}

// narrowed is integers as codes that all are values, in the width of the code top.
func narrowed[T uint32 | int64](ints []T, base int64, top uint64) narrow {
	codes := make([]uint64, len(ints))
	for i, v := range ints {
		codes[i] = uint64(v) - uint64(base)
	}
	out := narrow{n: len(ints), base: base, unit: 1}
	switch {
	case top <= math.MaxUint8:
		out.u8 = recode[uint8](codes, 0)
	case top <= math.MaxUint16:
		out.u16 = recode[uint16](codes, 0)
	case top <= math.MaxUint32:
		out.u32 = recode[uint32](codes, 0)
	default:
		out.u64 = codes
	}
	return out
}

// monthOf numbers the month of a calendar day.
func monthOf(day int64) int64 {
	t := time.Unix(day*86400, 0).UTC()
	return int64(t.Year())*12 + int64(t.Month())
}
