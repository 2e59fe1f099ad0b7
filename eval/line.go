package eval

import "slices"

// line is what something is from an instant on, if no new data comes in: every
// step holds until the next one begins. The first begins at as-of.
type line[T any] []step[T]

type step[T any] struct {
	from int64 // whole seconds since 1970
	is   T
}

// at is what holds at an instant, which must not be before the first step.
func (l line[T]) at(t int64) T {
	i, found := slices.BinarySearchFunc(l, t, func(s step[T], t int64) int { return compareInts(s.from, t) })
	if !found {
		i--
	}
	return l[i].is
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// flat drops the steps that change nothing.
func flat(l line[bool]) line[bool] {
	return slices.CompactFunc(l, func(a, b step[bool]) bool { return a.is == b.is })
}

// both is what f makes of two lines with the same beginning.
func both(a, b line[bool], f func(a, b bool) bool) line[bool] {
	out := make(line[bool], 0, len(a)+len(b))
	i, j := 0, 0
	for {
		out = append(out, step[bool]{max(a[i].from, b[j].from), f(a[i].is, b[j].is)})
		nextA, nextB := i+1 < len(a), j+1 < len(b)
		switch {
		case !nextA && !nextB:
			return flat(out)
		case nextA && nextB && a[i+1].from == b[j+1].from:
			i, j = i+1, j+1
		case nextA && (!nextB || a[i+1].from < b[j+1].from):
			i++
		default:
			j++
		}
	}
}
