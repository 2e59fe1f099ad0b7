package columnar

import "github.com/dangol-dev/dangol/eval/plan"

// nested answers all aggregates of a nest with one scan, from the shortest window
// to the longest, and keeps what the others ask for later. The longest may be
// answered from moments.
func (b *batch) nested(a *plan.Aggregate, l *log, g *nest) vector {
	class := b.class[a]
	if v, ok := b.values[class]; ok {
		return v
	}
	scanned := b.scanned(l, g)
	b.scanNest(a, l, g.members[:scanned], g.to)
	b.momentsNest(l, g.members[scanned:], g.to)
	return b.values[class]
}

// scanNest reads the windows' rows, the latest first.
func (b *batch) scanNest(a *plan.Aggregate, l *log, members []nested, to int64) {
	if len(members) == 0 {
		return
	}
	var classes []int
	for _, m := range members {
		classes = append(classes, m.classes...)
	}
	total, terms := b.withCounts(b.accumulate(a, l), classes...), b.terms(a.Where)
	for _, m := range members {
		timer := b.stats.start(m.classes[0], Shared)
		rows := b.readInto(l, span{m.from, to}, terms, total)
		v := total.copied()
		for _, c := range m.classes {
			b.values[c] = v
			keepCounts(total, c)
		}
		timer.stop(rows)
		to = m.from
	}
}

// momentsNest answers each window from the moments that are nearest to its ends.
func (b *batch) momentsNest(l *log, members []nested, to int64) {
	for _, m := range members {
		timer := b.stats.start(m.classes[0], Moments)
		v, rows := b.between(m.aggregate, l, span{m.from, to})
		for _, c := range m.classes {
			b.values[c] = v
		}
		timer.stop(rows)
	}
}
