package compile

import (
	"math"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// values is the exact set of values of one expression for which a test holds,
// missing being one of them. Numbers, days and booleans are ranges of integers,
// of a quotient on a line where odd numbers stand for what lies between two
// integers. Text is a list of strings, or all but a list.
type values struct {
	missing bool
	ranges  []interval // disjoint and ascending
	strings []string   // sorted
	except  bool       // all strings but these
	text    bool
}

var line = interval{math.MinInt64 + 1, math.MaxInt64}

func (v values) empty() bool {
	if v.text {
		return !v.missing && !v.except && len(v.strings) == 0
	}
	return !v.missing && len(v.ranges) == 0
}

func (v values) not() values {
	out := values{missing: !v.missing, text: v.text, strings: v.strings, except: !v.except}
	if v.text {
		return out
	}
	from := line.lo
	for _, r := range v.ranges {
		if r.lo > from {
			out.ranges = append(out.ranges, interval{from, r.lo - 1})
		}
		if r.hi == line.hi {
			return out
		}
		from = r.hi + 1
	}
	out.ranges = append(out.ranges, interval{from, line.hi})
	return out
}

func (v values) and(w values) values {
	out := values{missing: v.missing && w.missing, text: v.text}
	if v.text {
		switch {
		case v.except && w.except:
			out.except, out.strings = true, unique(slices.Concat(v.strings, w.strings))
		case w.except:
			out.strings = without(v.strings, w.strings)
		case v.except:
			out.strings = without(w.strings, v.strings)
		default:
			out.strings = without(v.strings, without(v.strings, w.strings))
		}
		return out
	}
	for i, j := 0, 0; i < len(v.ranges) && j < len(w.ranges); {
		a, b := v.ranges[i], w.ranges[j]
		if lo, hi := max(a.lo, b.lo), min(a.hi, b.hi); lo <= hi {
			out.ranges = append(out.ranges, interval{lo, hi})
		}
		if a.hi < b.hi {
			i++
		} else {
			j++
		}
	}
	return out
}

func (v values) or(w values) values { return v.not().and(w.not()).not() }

func without(list, drop []string) []string {
	var out []string
	for _, s := range list {
		if _, found := slices.BinarySearch(drop, s); !found {
			out = append(out, s)
		}
	}
	return out
}

// domain is what an expression can be at all.
type domain struct {
	rng      interval
	nullable bool
}

func (d domain) values() values {
	return values{missing: d.nullable, ranges: []interval{d.rng}}
}

// solve gives the expression that a test is about and the set of its values for
// which the test holds. It is not ok where the test is about more than one
// expression, or about one in a way that a set of values does not say.
func solve(t plan.Test) (about plan.Expr, set values, ok bool) {
	switch n := t.(type) {
	case *plan.Compare:
		return solveCompare(n)
	case *plan.OneOf:
		return n.X, listed(n.Values), true
	case *plan.Truth:
		return n.X, values{ranges: []interval{exactly(1)}}, true
	case *plan.Known:
		switch n.X.Type().Sort {
		case catalog.String, catalog.Enum:
			return n.X, values{text: true, except: true}, true
		case catalog.Number, catalog.Money, catalog.Bool, catalog.Date:
			return n.X, values{ranges: []interval{line}}, true
		}
	case *plan.Not:
		about, set, ok = solve(n.Term)
		return about, set.not(), ok
	case *plan.And:
		return solveAll(n.Terms, values.and)
	case *plan.Or:
		return solveAll(n.Terms, values.or)
	}
	return nil, values{}, false
}

func solveAll(terms []plan.Test, join func(values, values) values) (plan.Expr, values, bool) {
	about, set, ok := solve(terms[0])
	if !ok {
		return nil, values{}, false
	}
	for _, t := range terms[1:] {
		other, more, ok := solve(t)
		if !ok || more.text != set.text || !same(other, about) {
			return nil, values{}, false
		}
		set = join(set, more)
	}
	return about, set, true
}

// listed is the set of sorted values, as OneOf holds them.
func listed(list []catalog.Value) values {
	var out values
	for _, v := range list {
		switch n := len(out.ranges); {
		case v.Sort() == catalog.String:
			out.text, out.strings = true, append(out.strings, v.Text())
		case n > 0 && out.ranges[n-1].hi+1 == v.Int():
			out.ranges[n-1].hi++
		default:
			out.ranges = append(out.ranges, exactly(v.Int()))
		}
	}
	return out
}

func solveCompare(n *plan.Compare) (plan.Expr, values, bool) {
	lit, ok := n.R.(*plan.Literal)
	if !ok {
		return nil, values{}, false
	}
	if _, both := n.L.(*plan.Literal); both {
		return nil, values{}, false
	}
	k, step := lit.Value.Int(), int64(1)
	if _, quotient := n.L.(*plan.Quotient); quotient {
		if k, ok = mul(k, 2); !ok {
			return nil, values{}, false
		}
	}
	if k <= line.lo+step || k >= line.hi-step {
		return nil, values{}, false
	}
	r := map[plan.CompareOp]interval{
		plan.Equal: exactly(k), plan.Less: {line.lo, k - step}, plan.AtMost: {line.lo, k},
		plan.More: {k + step, line.hi}, plan.AtLeast: {k, line.hi},
	}[n.Op]
	return n.L, values{ranges: []interval{r}}, true
}
