package eval

import (
	"math/big"
	"slices"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Sentence reads a plan back as a sentence. It says what the plan means, views and
// measures spelled out, and is the same for rules of equal meaning as far as plans
// are canonical.
func Sentence(p *plan.Plan, lang Lang) string {
	t := tongueOf(lang)
	return t.whole(p.Scope, phrase(t, p.Root, false, false))
}

// tongue words the parts of a plan in one language. Text comes back without a
// full stop; record tells whether the words are about a record at hand.
type tongue interface {
	whole(scope plan.Scope, what string) string
	and(terms []string) string
	or(terms []string) string
	not(what string) string
	test(t plan.Test, negated, record bool) string
	value(x plan.Expr, record bool) string
}

func tongueOf(lang Lang) tongue {
	if lang == Korean {
		return korean{}
	}
	return english{}
}

// phrase words a test. nested puts what has several terms in parentheses.
func phrase(t tongue, test plan.Test, record, nested bool) string {
	several := func(terms []plan.Test, join func([]string) string) string {
		out := make([]string, len(terms))
		for i, term := range terms {
			out[i] = phrase(t, term, record, true)
		}
		if text := join(out); !nested || len(terms) < 2 {
			return text
		} else {
			return "(" + text + ")"
		}
	}
	switch n := test.(type) {
	case *plan.And:
		return several(inOrder(n.Terms), t.and)
	case *plan.Or:
		return several(inOrder(n.Terms), t.or)
	case *plan.Not:
		switch n.Term.(type) {
		case *plan.And, *plan.Or, *plan.Not:
			return t.not(phrase(t, n.Term, record, true))
		}
		return t.test(n.Term, true, record)
	}
	return t.test(test, false, record)
}

// inOrder are the terms in the author's order; what the catalog added comes first.
func inOrder(terms []plan.Test) []plan.Test {
	out := slices.Clone(terms)
	slices.SortStableFunc(out, func(a, b plan.Test) int {
		return compareInts(int64(a.Span().Start), int64(b.Span().Start))
	})
	return out
}

// spanForm is how people speak of a window.
type spanForm uint8

const (
	spanAlways     spanForm = iota
	spanLast                // the last N units up to as-of
	spanNext                // the next N units
	spanLastFull            // the N whole units before this one
	spanNextFull            // the N whole units after this one
	spanThis                // this unit
	spanPrevious            // the unit before this one
	spanDay                 // one literal day
	spanDays                // literal days, both included
	spanBefore              // before To
	spanSince               // from From on
	spanAfter               // after From
	spanSinceToNow          // from From until as-of
	spanFromTo              // from From, until before To
)

func formOf(w plan.Window) spanForm {
	from, to := w.From, w.To
	local := from.Kind == plan.Period && to.Kind == plan.Period && from.Unit == to.Unit
	switch {
	case from.Kind == plan.Open && to.Kind == plan.Open:
		return spanAlways
	case from.Kind == plan.Open:
		return spanBefore
	case to.Kind == plan.Open && from.Exclusive:
		return spanAfter
	case to.Kind == plan.Open:
		return spanSince
	case from.Exclusive || to.Exclusive:
		return spanFromTo
	case from.Kind == plan.Back && from.N > 0 && to.Kind == plan.Now:
		return spanLast
	case from.Kind == plan.Now && to.Kind == plan.Back && to.N < 0:
		return spanNext
	case local && from.N == 0 && to.N == 1:
		return spanThis
	case local && from.N == -1 && to.N == 0:
		return spanPrevious
	case local && from.N < 0 && to.N == 0:
		return spanLastFull
	case local && from.N == 1 && to.N > 1:
		return spanNextFull
	case from.Kind == plan.Day && to.Kind == plan.Day && to.At == from.At+1:
		return spanDay
	case from.Kind == plan.Day && to.Kind == plan.Day:
		return spanDays
	case to.Kind == plan.Now:
		return spanSinceToNow
	}
	return spanFromTo
}

// units is the number that is spoken of in a window of N units.
func units(w plan.Window) (int, plan.Unit) {
	switch formOf(w) {
	case spanLast:
		return w.From.N, w.From.Unit
	case spanNext:
		return -w.To.N, w.To.Unit
	case spanLastFull:
		return -w.From.N, w.From.Unit
	case spanNextFull:
		return w.To.N - 1, w.To.Unit
	}
	return 1, w.From.Unit
}

// scaled takes the constant factors off a number: the value is the factor times x,
// both in major units.
func scaled(x plan.Expr) (*big.Rat, plan.Expr) {
	factor := big.NewRat(1, 1)
	outer := digits(x.Type())
	for {
		t, ok := x.(*plan.Times)
		if !ok {
			break
		}
		factor.Mul(factor, new(big.Rat).SetInt64(t.By))
		x = t.X
	}
	factor.Mul(factor, new(big.Rat).SetFrac(pow10(digits(x.Type())), pow10(outer)))
	return factor, x
}

// ratio is a quotient as factor * a / b, all in major units.
func ratio(q *plan.Quotient) (factor *big.Rat, a, b plan.Expr) {
	by, a := scaled(q.A)
	under, b := scaled(q.B)
	factor = by.Quo(by, under)
	// In units the quotient is A / B; in major units every part has its own scale.
	factor.Mul(factor, new(big.Rat).SetFrac(pow10(digits(q.A.Type())), pow10(digits(q.B.Type())+digits(q.Type()))))
	return factor, a, b
}

var one = big.NewRat(1, 1)

// mayMiss tells whether the value may be missing.
func mayMiss(x plan.Expr) bool {
	switch n := x.(type) {
	case *plan.Literal:
		return false
	case *plan.Attr, *plan.Field:
		return n.Type().Sort != catalog.Set
	case *plan.Arith:
		return mayMiss(n.L) || mayMiss(n.R)
	case *plan.Times:
		return mayMiss(n.X)
	case *plan.Product:
		return mayMiss(n.X) || mayMiss(n.Y)
	case *plan.Aggregate:
		switch n.Fn {
		case plan.Count, plan.Sum, plan.Distinct, plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
			return hasMoment(n.Window)
		}
	}
	return true
}

func hasMoment(w plan.Window) bool {
	return w.From.Kind == plan.Moment || w.To.Kind == plan.Moment
}

// counted tells of a comparison that only asks whether there are records: want is
// whether there are to be some.
func counted(n *plan.Compare) (a *plan.Aggregate, want, ok bool) {
	a, isCount := n.L.(*plan.Aggregate)
	lit, isLiteral := n.R.(*plan.Literal)
	if !isCount || !isLiteral || a.Fn != plan.Count || hasMoment(a.Window) {
		return nil, false, false
	}
	switch c := lit.Value.Int(); {
	case n.Op == plan.AtLeast && c == 1, n.Op == plan.More && c == 0:
		return a, true, true
	case n.Op == plan.Equal && c == 0, n.Op == plan.Less && c == 1, n.Op == plan.AtMost && c == 0:
		return a, false, true
	}
	return nil, false, false
}

// isMoment tells of an aggregate that gives the stamp of the record it chooses.
func isMoment(a *plan.Aggregate) bool {
	f, ok := a.Of.(*plan.Field)
	return ok && a.Stamp != nil && f.Kind == a.Stamp.Kind && f.Name == a.Stamp.Name && f.Up == a.Stamp.Up
}

// rankPart is what a rank selects, such as 5% or 100.
func rankPart(r *plan.Rank) string {
	t := catalog.Type{Sort: catalog.Number}
	if r.Percent {
		t.Scale = r.Scale
		return displayNumber(new(big.Rat).SetInt64(r.N), t, "") + "%"
	}
	return displayNumber(new(big.Rat).SetInt64(r.N), t, "")
}

func samplePart(n *plan.Sample) string {
	return displayNumber(new(big.Rat).SetInt64(n.Percent), catalog.Type{Sort: catalog.Number, Scale: n.Scale}, "") + "%"
}

// isPart tells of a quotient of like by like, which people read as a percentage.
func isPart(q *plan.Quotient) bool {
	return q.Of.Sort == catalog.Number && q.Form != plan.Average
}

// compared is the right side of a comparison: a share is compared with a percentage.
func compared(n *plan.Compare, t tongue, record bool) string {
	q, isQuotient := n.L.(*plan.Quotient)
	lit, isLiteral := n.R.(*plan.Literal)
	if isQuotient && isLiteral && isPart(q) {
		percent := catalog.Type{Sort: catalog.Number, Scale: lit.Of.Scale}
		return displayNumber(new(big.Rat).SetInt64(100*lit.Value.Int()), percent, "") + "%"
	}
	return t.value(n.R, record)
}
