package eval

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

type english struct{}

func (english) whole(scope plan.Scope, what string) string {
	who := map[plan.Scope]string{plan.Guests: "Guests", plan.Both: "Members and guests"}[scope]
	if who == "" {
		who = "Members"
	}
	return who + " for whom " + what + "."
}

func (english) and(terms []string) string { return strings.Join(terms, ", and ") }
func (english) or(terms []string) string  { return strings.Join(terms, ", or ") }
func (english) not(what string) string    { return "it is not so that " + what }

func (e english) test(t plan.Test, negated, record bool) string {
	is := "is"
	if negated {
		is = "is not"
	}
	unknown := func(x plan.Expr) string {
		if negated && mayMiss(x) {
			return " (or is unknown)"
		}
		return ""
	}
	does := func(yes, no string) string {
		if negated {
			return no
		}
		return yes
	}
	switch n := t.(type) {
	case *plan.Const:
		return does(strconv.FormatBool(n.Value), strconv.FormatBool(!n.Value)) + " in any case"
	case *plan.Compare:
		return e.compare(n, negated, is, unknown(n.L), record)
	case *plan.Same:
		return fmt.Sprintf("%s %s the same as %s%s", e.value(n.L, record), is, e.value(n.R, record), unknown(n.L))
	case *plan.OneOf:
		return fmt.Sprintf("%s %s %s%s", e.value(n.X, record), is, e.list(n), unknown(n.X))
	case *plan.Has:
		between := " or "
		if n.All {
			between = " and "
		}
		return fmt.Sprintf("%s %s %s", e.value(n.X, record), does("include", "do not include"), quoteAll(n.Items, between))
	case *plan.Like:
		verb := map[plan.LikeForm][2]string{
			plan.Prefix: {"starts with", "does not start with"}, plan.Suffix: {"ends with", "does not end with"}, plan.Infix: {"contains", "does not contain"},
		}[n.Form]
		return fmt.Sprintf("%s %s %q%s", e.value(n.X, record), does(verb[0], verb[1]), n.Text, unknown(n.X))
	case *plan.Truth:
		return fmt.Sprintf("%s %s true%s", e.value(n.X, record), is, unknown(n.X))
	case *plan.During:
		return fmt.Sprintf("%s %s %s%s", e.value(n.X, record), is, e.window(n.Window, record), unknown(n.X))
	case *plan.Recurs:
		return fmt.Sprintf("the anniversary of %s %s %s%s", e.value(n.X, record), is, e.window(n.Window, record), unknown(n.X))
	case *plan.Known:
		return fmt.Sprintf("%s %s known", e.value(n.X, record), is)
	case *plan.Member:
		return fmt.Sprintf("the customer %s in the group %q", is, n.Group)
	case *plan.Rank:
		side := "top"
		if n.Bottom {
			side = "bottom"
		}
		return fmt.Sprintf("%s %s in the %s %s of all", e.value(n.X, record), is, side, rankPart(n))
	case *plan.Sample:
		return fmt.Sprintf("the customer %s in the sample %q of %s", is, n.Key, samplePart(n))
	}
	return fmt.Sprintf("an unknown test (%T) holds", t)
}

func (e english) compare(n *plan.Compare, negated bool, is, unknown string, record bool) string {
	if a, want, ok := counted(n); ok {
		if want != negated {
			return "there are " + e.records(a)
		}
		return "there are no " + e.records(a)
	}
	op := map[plan.CompareOp]string{plan.Equal: "", plan.Less: "less than ", plan.AtMost: "at most ", plan.More: "more than ", plan.AtLeast: "at least "}[n.Op]
	return fmt.Sprintf("%s %s %s%s%s", e.value(n.L, record), is, op, compared(n, e, record), unknown)
}

func (e english) list(n *plan.OneOf) string {
	out := make([]string, len(n.Values))
	for i, v := range n.Values {
		out[i] = display(valueOf(v), n.X.Type(), time.UTC, English)
	}
	if last := len(out) - 1; last > 0 {
		return strings.Join(out[:last], ", ") + " or " + out[last]
	}
	return strings.Join(out, "")
}

func (e english) value(x plan.Expr, record bool) string {
	switch n := x.(type) {
	case *plan.Literal:
		return display(valueOf(n.Value), n.Of, time.UTC, English)
	case *plan.Attr:
		if record {
			return "the customer's " + strings.TrimPrefix(englishName(n.Name), "the ")
		}
		return englishName(n.Name)
	case *plan.Field:
		switch {
		case n.Name == "":
			return "the " + englishKind(n.Kind)
		case n.Up > 0:
			return "the " + englishKind(n.Kind) + "'s " + englishName(n.Name)
		}
		return englishName(n.Name)
	case *plan.Arith:
		op := " plus "
		if n.Op == '-' {
			op = " minus "
		}
		return e.operand(n.L, record) + op + e.operand(n.R, record)
	case *plan.Times:
		factor, of := scaled(n)
		return e.times(factor, e.operand(of, record))
	case *plan.Product:
		return e.operand(n.X, record) + " times " + e.operand(n.Y, record)
	case *plan.Quotient:
		return e.quotient(n, record)
	case *plan.Aggregate:
		return e.aggregate(n)
	}
	return fmt.Sprintf("an unknown value (%T)", x)
}

func (e english) times(factor *big.Rat, of string) string {
	if factor.Cmp(one) == 0 {
		return of
	}
	return displayNumber(factor, catalog.Type{Sort: catalog.Number}, "about ") + " times " + of
}

func (e english) operand(x plan.Expr, record bool) string {
	switch x.(type) {
	case *plan.Arith, *plan.Product:
		return "(" + e.value(x, record) + ")"
	}
	return e.value(x, record)
}

func (e english) quotient(n *plan.Quotient, record bool) string {
	factor, a, b := ratio(n)
	top, _ := a.(*plan.Aggregate)
	switch {
	case n.Form == plan.Average && top != nil && top.Of != nil:
		return e.times(factor, "the average "+e.value(top.Of, true)+" of "+e.records(top))
	case n.Form == plan.Share:
		return e.times(factor, "the share of "+e.value(a, record)+" in "+e.value(b, record))
	}
	return e.times(factor, e.operand(a, record)+" divided by "+e.operand(b, record))
}

func (e english) aggregate(n *plan.Aggregate) string {
	of := ""
	if n.Of != nil {
		of = e.value(n.Of, true)
	}
	switch n.Fn {
	case plan.Count:
		return "the number of " + e.records(n)
	case plan.Sum:
		return "the sum of " + of + " over " + e.records(n)
	case plan.Min:
		return "the smallest " + of + " of " + e.records(n)
	case plan.Max:
		return "the largest " + of + " of " + e.records(n)
	case plan.First, plan.Last:
		noun, _ := nounOf(n)
		which := "the " + string(n.Fn) + " " + noun.one + e.details(n)
		if isMoment(n) {
			return which
		}
		return of + " of " + which
	case plan.Distinct:
		return "the number of different values of " + of + " over " + e.records(n)
	case plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		return "the number of " + strings.TrimPrefix(string(n.Fn), "active_") + " with " + e.records(n)
	}
	return string(n.Fn) + " of " + e.records(n)
}

func (e english) records(a *plan.Aggregate) string {
	noun, _ := nounOf(a)
	return noun.many + e.details(a)
}

// details are the window and filter of an aggregate, in parentheses.
func (e english) details(a *plan.Aggregate) string {
	var parts []string
	windowed := a.Stamp != nil && formOf(a.Window) != spanAlways
	switch stamp := stampOf(a); {
	case stamp != nil && windowed:
		parts = append(parts, e.value(stamp, true)+" "+e.window(a.Window, false))
	case stamp != nil:
		parts = append(parts, "by "+e.value(stamp, true))
	case windowed:
		parts = append(parts, e.window(a.Window, false))
	}
	if _, filter := nounOf(a); len(filter) > 0 {
		terms := make([]string, len(filter))
		for i, t := range filter {
			terms[i] = phrase(e, t, true, len(filter) > 1)
		}
		parts = append(parts, "where "+e.and(terms))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

var englishUnits = map[plan.Unit]string{
	plan.Minute: "minute", plan.Hour: "hour", plan.Days: "day", plan.Week: "week", plan.Month: "month", plan.Quarter: "quarter", plan.Year: "year",
}

func (e english) length(n int, u plan.Unit) string {
	if n == 1 {
		return "1 " + englishUnits[u]
	}
	return strconv.Itoa(n) + " " + englishUnits[u] + "s"
}

func (e english) window(w plan.Window, record bool) string {
	n, unit := units(w)
	switch formOf(w) {
	case spanAlways:
		return "at any time"
	case spanLast:
		return "in the last " + e.length(n, unit)
	case spanNext:
		return "in the next " + e.length(n, unit)
	case spanLastFull:
		return "in the last " + strconv.Itoa(n) + " full " + englishUnits[unit] + "s"
	case spanNextFull:
		return "in the " + strconv.Itoa(n) + " full " + englishUnits[unit] + "s after this one"
	case spanThis:
		if unit == plan.Days {
			return "today"
		}
		return "this " + englishUnits[unit]
	case spanPrevious:
		if unit == plan.Days {
			return "yesterday"
		}
		return "last " + englishUnits[unit]
	case spanDay:
		return "on " + catalog.DateValue(w.From.At).String()
	case spanDays:
		return "from " + catalog.DateValue(w.From.At).String() + " through " + catalog.DateValue(w.To.At-1).String()
	case spanBefore:
		return "before " + e.bound(w.To, record)
	case spanSince:
		return "from " + e.bound(w.From, record) + " on"
	case spanAfter:
		return "after " + e.bound(w.From, record)
	case spanSinceToNow:
		return "since " + e.bound(w.From, record)
	}
	return "from " + e.bound(w.From, record) + " until before " + e.bound(w.To, record)
}

func (e english) bound(b plan.Bound, record bool) string {
	switch b.Kind {
	case plan.Now:
		return "now"
	case plan.Back:
		if b.N < 0 {
			return e.length(-b.N, b.Unit) + " from now"
		}
		return e.length(b.N, b.Unit) + " ago"
	case plan.Period:
		return "the start of " + e.period(b)
	case plan.Day:
		return catalog.DateValue(b.At).String()
	case plan.Instant:
		return displayInstant(b.At, time.UTC) + " UTC"
	case plan.Moment:
		return e.value(b.Moment, record)
	}
	return "any time"
}

func (e english) period(b plan.Bound) string {
	day := b.Unit == plan.Days
	switch {
	case b.N == 0 && day:
		return "today"
	case b.N == 0:
		return "this " + englishUnits[b.Unit]
	case b.N == -1 && day:
		return "yesterday"
	case b.N == 1 && day:
		return "tomorrow"
	case b.N == -1:
		return "last " + englishUnits[b.Unit]
	case b.N == 1:
		return "next " + englishUnits[b.Unit]
	case b.N < 0:
		return "the " + englishUnits[b.Unit] + " " + e.length(-b.N, b.Unit) + " ago"
	}
	return "the " + englishUnits[b.Unit] + " " + e.length(b.N, b.Unit) + " ahead"
}
