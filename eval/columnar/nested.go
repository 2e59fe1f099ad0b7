package columnar

import "github.com/dangol-dev/dangol/eval/plan"

// nested answers all aggregates of a nest with one scan, from the shortest window
// to the longest, and keeps what the others ask for later. The longest may be
// answered from all rows, without those before.
func (b *batch) nested(a *plan.Aggregate, l *log, g *nest) vector {
	class := b.class[a]
	if v, ok := b.values[class]; ok {
		return v
	}
	scanned := b.scanned(l, g)
	b.scanNest(a, l, g.members[:scanned], g.to)
	b.restNest(a, l, g.members[scanned:], g.to)
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

// restNest takes the rows before the windows away from all, the oldest first.
func (b *batch) restNest(a *plan.Aggregate, l *log, members []nested, to int64) {
	if len(members) == 0 {
		return
	}
	whole := b.summary(a, l, span{plan.MinInstant, to}, b.whole[a])
	left, terms, from := b.remaining(a, l, &whole.codes), b.terms(a.Where), int64(plan.MinInstant)
	for i := len(members) - 1; i >= 0; i-- {
		m := &members[i]
		timer := b.stats.start(m.classes[0], Rest)
		rows := b.readInto(l, span{from, m.from}, terms, left)
		v := left.copied()
		for _, c := range m.classes {
			b.values[c] = v
		}
		timer.stop(rows)
		from = m.from
	}
}
