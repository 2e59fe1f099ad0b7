package compile

import (
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Every message of the checker stands in this file, but for those of unknown.go,
// to be read and judged together. A message says in one plain sentence what was
// expected and what was found; the hint says how to mend it, as the author would
// write it. Sorts of values have the names that describe gives, and no other.

func (c *checker) fail(code source.Code, at source.Span, hint, format string, args ...any) {
	c.tell(source.Diagnostic{Code: code, Span: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *checker) warn(code source.Code, at source.Span, hint, format string, args ...any) {
	if !c.quoting {
		c.tell(source.Diagnostic{Code: code, Severity: source.Warning, Span: at, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (c *checker) tell(d source.Diagnostic) {
	if c.quoting { // the edit would be in a text of the catalog
		d.Fix = nil
	}
	c.found = append(c.found, d)
}

// Names.

func (c *checker) errAmbiguous(at source.Span, full []string) {
	c.fail(source.AmbiguousName, at, "write "+list(full, "or"), "the name could mean %s", list(full, "or"))
}

func (c *checker) errUnknownGroup(at source.Span, name string) {
	c.fail(source.UnknownGroup, at, "", "no group is called %q", name)
}

func (c *checker) errNotSegmentable(at source.Span, name string) {
	c.fail(source.NotSegmentable, at, "", "%s may not be used in rules", name)
}

func (c *checker) errNeedsLogin(at source.Span, name string) {
	c.fail(source.NeedsLogin, at, "make it a rule over members, or leave this out",
		"only members have %s, and this rule is over guests", name)
}

func (c *checker) errNotCallable(at source.Span, name, what string) {
	c.fail(source.BadCall, at, "write "+name+" alone", "%s is %s and takes no window and no where", name, what)
}

func (c *checker) errNotInWhere(at source.Span, name string) {
	c.fail(source.NotInWhere, at, "move it out of the where",
		"inside where stand only fields of the record; %s is found out over many records or customers", name)
}

func (c *checker) errCycle(at source.Span, through []*phrase) {
	c.fail(source.Cycle, at, "", "the text leads back to itself: %s", path(through))
}

func (c *checker) errTooComplex(at source.Span) {
	c.fail(source.TooComplex, at, "", "the rule unfolds to more than %d parts", maxSteps)
}

// Tests and values.

func (c *checker) errNotATest(v value) {
	q := c.quote(v.span)
	hint := ""
	switch v.form {
	case number:
		hint = "compare it, as in " + q + " >= 1"
		if v.literal {
			hint = "compare something with it"
		}
	case day:
		hint = "write " + q + " is known"
		if v.literal {
			hint = "say what happened then, as in joined on " + q
		}
	case text:
		hint = "compare it, as in " + q + ` = "..."`
		if v.literal {
			hint = "compare something with it, as in name = " + q
		}
	case set:
		hint = "write " + q + ` contains "..."`
	case yearly:
		hint = "write " + q + " within next 7d"
	case length:
		hint = "say what happened within it, as in joined within " + q
	case point:
		hint = "say what happened then, as in joined after " + q
	}
	c.fail(source.NotATest, v.span, hint, "here a test is needed, and %s is %s", q, describe(v))
}

func (c *checker) errNotAValue(at source.Span, e dsl.Expr) {
	c.fail(source.NotAValue, at, "a test stands alone; its opposite is not (...)", "here a value is needed, and %s is a test", c.quote(at))
}

func (c *checker) errDiffer(at source.Span, x, y value) {
	c.fail(source.WrongType, at, c.differHint(x, y), "%s is %s and %s is %s: they are never equal", c.quote(x.span), describe(x), c.quote(y.span), describe(y))
}

func (c *checker) errFolded(at source.Span, x, y value) {
	folded, exact := c.quote(x.span), c.quote(y.span)
	if y.typ.Folded {
		folded, exact = exact, folded
	}
	c.fail(source.WrongType, at, "", "%s is kept without capitals and %s as it was written: they cannot be compared", folded, exact)
}

func (c *checker) errCannotCompare(at source.Span, x, y value) {
	c.fail(source.WrongType, at, "", "%s cannot be compared", describe(x))
}

func (c *checker) errCompare(n *dsl.Compare, l, r value) {
	at := c.span(n.OpSpan)
	lq, rq := c.quote(l.span), c.quote(r.span)
	inTime := func(v value) bool { return v.form == moment || v.form == point || v.form == day }
	switch {
	case l.form == condition || r.form == condition:
		t := lq
		if r.form == condition {
			t = rq
		}
		c.fail(source.WrongType, at, "write "+t+", or not "+t, "%s is a test already and cannot be compared", t)
	case l.form == set || r.form == set:
		s, hint := lq, lq+" contains "+rq
		if r.form == set && l.form != set {
			s, hint = rq, rq+" contains "+lq
		}
		if l.form == set && r.form == set {
			hint = lq + ` contains any ("...", "...")`
		}
		c.fail(source.WrongType, at, "write "+hint, "%s is a set, and sets are asked for what they contain", s)
	case l.form == yearly || r.form == yearly:
		c.fail(source.WrongType, at, "write anniversary(birthday) within next 7d, or on today", "an anniversary lies within a span of time or on a day")
	case l.form == length || r.form == length:
		q, other := rq, l
		if l.form == length {
			q, other = lq, r
		}
		hint := ""
		if inTime(other) {
			hint = "write " + c.quote(other.span) + " within " + q + ", or before " + q + " ago"
		}
		c.fail(source.CompareMoments, at, hint, "%s is a length of time, and time is asked with within, before and after", q)
	case inTime(l) && r.form == text, l.form == text && inTime(r):
		hint := c.differHint(l, r)
		if hint == "" {
			hint = "a date stands without quotes, as in 2026-01-31"
		}
		c.fail(source.WrongType, at, hint, "%s is %s and %s is %s: they cannot be compared", lq, describe(l), rq, describe(r))
	case inTime(l) && inTime(r):
		c.errMoments(n, at, l, r)
	case l.form == text && r.form == text || l.form == truth && r.form == truth:
		c.fail(source.WrongType, at, "compare with = or !=", "%s has no order: it is the same or it is not", describe(l))
	default:
		c.fail(source.WrongType, at, c.differHint(l, r), "%s is %s and %s is %s: they cannot be compared", lq, describe(l), rq, describe(r))
	}
}

func (c *checker) errMoments(n *dsl.Compare, at source.Span, l, r value) {
	op := n.Op
	if l.form == point || l.literal && !r.literal {
		l, r = r, l
		op = dsl.CompareOp(flipped[plan.CompareOp(op)])
		if n.Op == "!=" {
			op = n.Op
		}
	}
	lq, rq := c.quote(l.span), c.quote(r.span)
	d := source.Diagnostic{Code: source.CompareMoments, Span: at, Message: fmt.Sprintf("points in time are not compared with %s", n.Op)}
	relation := map[dsl.CompareOp]string{
		"=": "on", "!=": "not on", "<": "before", "<=": "within before", ">": "after", ">=": "within since",
	}[op]
	wholeDay := r.form == day || r.form == point && (rq == "today" || rq == "yesterday")
	switch {
	case l.form == point, strings.HasPrefix(c.written(r.span), "("), relation == "within before", strings.HasSuffix(relation, "on") && !wholeDay:
		d.Hint = "write before, after, within or between"
	default:
		d.Hint = "write " + lq + " " + relation + " " + rq
		d.Fix = &source.Fix{Span: n.Span(), New: c.written(l.span) + " " + relation + " " + c.written(r.span)}
	}
	c.tell(d)
}

func (c *checker) errInTime(x value, relation string) {
	hint := ""
	if x.records {
		hint = "its time is first(" + x.kindName + ") or last(" + x.kindName + "); a window is written " + x.kindName + "(7d)"
	}
	c.fail(source.WrongType, x.span, hint, "%s needs a point in time or a date, and %s is %s", relation, c.quote(x.span), describe(x))
}

func (c *checker) errLiteralMoment(at source.Span) {
	c.fail(source.WrongType, at, "say what happened, as in joined on "+c.quote(at), "a date alone lies nowhere but on itself")
}

func (c *checker) errBetween(x value) {
	c.fail(source.WrongType, x.span, "", "between needs a number, a point in time or a date, and %s is %s", c.quote(x.span), describe(x))
}

func (c *checker) errIn(x value) {
	hint := ""
	switch x.form {
	case set:
		hint = "write " + c.quote(x.span) + ` contains any ("...", "...")`
	case moment:
		hint = "write within, before, after or on"
	}
	c.fail(source.WrongType, x.span, hint, "in needs a value that can be equal to one of the list, and %s is %s", c.quote(x.span), describe(x))
}

func (c *checker) errContains(x value) {
	hint := ""
	if x.form == number || x.form == truth {
		hint = "compare it with ="
	}
	c.fail(source.WrongType, x.span, hint, "contains needs a set or text, and %s is %s", c.quote(x.span), describe(x))
}

func (c *checker) errContainsItem(x value) {
	c.fail(source.WrongType, x.span, `write contains "..."`, "contains needs text in quotes, and %s is %s", c.quote(x.span), describe(x))
}

func (c *checker) errAffix(x value, end bool) {
	relation := "starts with"
	if end {
		relation = "ends with"
	}
	c.fail(source.WrongType, x.span, "", "%s needs text, and %s is %s", relation, c.quote(x.span), describe(x))
}

func (c *checker) errKnown(x value) {
	c.fail(source.WrongType, x.span, "", "is known asks whether a value is there, and %s is %s", c.quote(x.span), describe(x))
}

// Numbers.

func (c *checker) errArith(at source.Span, op string, v value) {
	q := c.quote(v.span)
	if v.form == moment || v.form == point || v.form == day || v.form == length {
		c.fail(source.CompareMoments, at, "write within, before or after, as in last_login before 7d ago", "%s is %s: there is no arithmetic with time", q, describe(v))
		return
	}
	c.fail(source.WrongType, at, "", "%s needs numbers, and %s is %s", op, q, describe(v))
}

func (c *checker) errUnknownCurrency(at source.Span, code dangol.Currency) {
	c.fail(source.WrongCurrency, at, "write a code of ISO 4217, such as KRW or USD", "no currency is called %s", code)
}

func (c *checker) errCurrencies(at source.Span, l, r value) {
	if l.typ.Sort == catalog.Money && r.typ.Sort == catalog.Money {
		c.fail(source.WrongCurrency, at, "", "%s is in %s and %s in %s: amounts of two currencies do not meet", c.quote(l.span), l.currency(), c.quote(r.span), r.currency())
		return
	}
	c.fail(source.WrongCurrency, at, "", "%s is %s and %s is %s: they do not meet", c.quote(l.span), describe(l), c.quote(r.span), describe(r))
}

func (c *checker) errTooManyDigits(at source.Span, code dangol.Currency, digits int) {
	switch digits {
	case 0:
		c.fail(source.TooManyDigits, at, "", "%s has no digits after the point", code)
	default:
		c.fail(source.TooManyDigits, at, "", "%s has %d digits after the point", code, digits)
	}
}

func (c *checker) errMoneyFactor(at source.Span) {
	c.fail(source.WrongCurrency, at, "a factor is a plain number", "an amount of money times a value is no amount of money")
}

func (c *checker) errPercent(at source.Span, other value) {
	hint := "a percentage is compared with a / b or share(...)"
	if other.form == number && other.quot == nil {
		hint = "a percentage is compared with a / b or share(...); the best customers are ... in top " + c.quote(at)
	}
	c.fail(source.WrongPercent, at, hint, "%s is a percentage, and %s is no quotient of like things", c.quote(at), c.quote(other.span))
}

func (c *checker) errPercentArith(at source.Span, l, r value) {
	p := l
	if r.percent {
		p = r
	}
	c.fail(source.WrongPercent, p.span, "write the factor as a number: 10% is 0.1", "there is no arithmetic with percentages")
}

func (c *checker) errTwoQuotients(at, first source.Span) {
	c.fail(source.TwoQuotients, at, "split it into two tests", "a test has room for one quotient, average or share, and %s is one already", c.quote(first))
}

func (c *checker) errNotLinear(at source.Span) {
	c.fail(source.NotLinear, at, "one side of * is a plain number", "a value cannot be multiplied by another value")
}

func (c *checker) errBadDivisor(at source.Span) {
	c.fail(source.BadDivisor, at, "", "%s is never above 0, so nothing can be divided by it", c.quote(at))
}

func (c *checker) errTooLarge(at source.Span) {
	c.fail(source.TooLarge, at, "use smaller factors, or tell the catalog how large the values can be", "%s could become larger than can be computed exactly", c.quote(at))
}

// Time.

func (c *checker) errLengthIsNoPoint(at source.Span, n *dsl.Number, q string) {
	d := source.Diagnostic{Code: source.BadWindow, Span: at, Message: q + " is a length of time, and here a point in time is needed"}
	if !n.Full {
		d.Hint, d.Fix = "write "+q+" ago", &source.Fix{Span: at, New: q + " ago"}
	}
	c.tell(d)
}

func (c *checker) errNotAPoint(at source.Span, v value) {
	hint := "such as 2026-01-31, today, 7d ago or last(orders)"
	switch {
	case v.records:
		hint = "write first(" + v.kindName + ") or last(" + v.kindName + ")"
	case v.form == text && v.literal:
		hint = "a date stands without quotes, as in 2026-01-31"
	}
	c.fail(source.BadWindow, at, hint, "here a point in time is needed, and %s is %s", c.quote(at), describe(v))
}

func (c *checker) errNoUnit(at source.Span, n *dsl.Number) {
	d := source.Diagnostic{Code: source.BadWindow, Span: at, Message: "a length of time needs a unit"}
	if n.Percent || n.Currency != "" || n.Scale > 0 {
		d.Message = c.quote(at) + " is no span of time"
		d.Hint = "such as 7d, 2w, 3mo or 1y"
	} else {
		d.Hint, d.Fix = "write "+n.Text+"d for days; there are min h d w mo y", &source.Fix{Span: at, New: n.Text + "d"}
	}
	c.tell(d)
}

func (c *checker) errInstantIsNoWindow(at source.Span, q string) {
	c.fail(source.BadWindow, at, "write since "+q+" or before "+q, "%s is a point in time, and a window has a start and an end", q)
}

func (c *checker) errWholeLength(at source.Span) {
	c.fail(source.BadWindow, at, "use a smaller unit, as in 36h for 1.5d", "a length of time is a whole number of units")
}

func (c *checker) errFullHours(at source.Span) {
	c.fail(source.BadWindow, at, "full goes with d, w, mo and y", "full counts whole days, weeks, months or years of the calendar")
}

func (c *checker) errLengthTooLong(at source.Span) {
	c.fail(source.BadWindow, at, "leave the window out to look at all the past", "%s is more than %d years", c.quote(at), maxYears)
}

func (c *checker) errLocalPeriod(at source.Span) {
	c.fail(source.BadWindow, at, "write 60min or 1h for a length; this and last take day, week, month, quarter and year", "there is no calendar period of minutes or hours")
}

func (c *checker) errNextLength(at source.Span) {
	c.fail(source.BadWindow, at, "write next 7d", "next needs a length of time")
}

func (c *checker) errOnInstant(at source.Span) {
	c.fail(source.BadWindow, at, "write before, after or within", "on needs a whole day, and %s is a point in time", c.quote(at))
}

func (c *checker) errDateHasNoEnd(at source.Span) {
	c.fail(source.BadWindow, at, "write before "+c.quote(at)+" or since "+c.quote(at), "%s is a date that differs from customer to customer: windows start there, or end before it", c.quote(at))
}

func (c *checker) errEmptyWindow(at source.Span, swapped string) {
	d := source.Diagnostic{Code: source.EmptyWindow, Span: at, Message: "the window is empty: its start is not before its end"}
	if swapped != "" {
		d.Hint, d.Fix = "write "+swapped, &source.Fix{Span: at, New: swapped}
	}
	c.tell(d)
}

func (c *checker) errUntimed(at source.Span, k *kind) {
	c.fail(source.NoTime, at, "leave the window out", "records of %s have no time: they are known only as they are now", k.Name)
}

func (c *checker) errUntimedMoment(at source.Span, k *kind) {
	c.fail(source.NoTime, at, "write a length such as 7d, or a day", "records of %s are known only as they are now: their window cannot start or end at a customer's own moment", k.Name)
}

func (c *checker) errUntimedFirst(at source.Span, function string, k *kind) {
	c.fail(source.NoTime, at, "", "%s needs records with a time, and those of %s are known only as they are now", function, k.Name)
}

func (c *checker) errOnlyPast(at source.Span) {
	c.fail(source.OnlyPast, at, "leave next out to look back", "this never lies in the future; next is for what is due, such as an expiry, and for anniversaries")
}

func (c *checker) errOverAYear(at source.Span) {
	c.fail(source.OverAYear, at, "write next 7d, this month or two days at most a year apart", "an anniversary comes every year: its window has two ends, at most a year apart")
}

func (c *checker) errAnniversaryRelation(at source.Span, relation string) {
	c.fail(source.OverAYear, at, "write within next 7d, or on today", "an anniversary comes every year: it is never only %s something", relation)
}

// Calls.

func (c *checker) errSecondArgument(at source.Span, what string) {
	hint := "write both tests in one where, with and"
	if what == "window" {
		hint = "leave one out"
	}
	c.fail(source.BadCall, at, hint, "there is one %s already", what)
}

func (c *checker) errWindowInMeasure(at source.Span) {
	c.fail(source.BadCall, at, "the rule's window and where go to every aggregate of the measure", "a measure has no window of its own")
}

func (c *checker) errNoSubject(at source.Span, function string) {
	c.fail(source.BadCall, at, "write "+usage(function), "%s needs to know of which records", function)
}

func (c *checker) errNeedsField(at source.Span, function string, k *kind) {
	hint := fmt.Sprintf("the number of records is %s(...); a field is written %s.%s", k.Name, k.Name, k.anyField())
	c.fail(source.BadCall, at, hint, "%s needs a field of %s", function, k.Name)
}

func (c *checker) errNeedsKind(at source.Span, function string, k *kind) {
	c.fail(source.BadCall, at, fmt.Sprintf("write %s(%s, 30d)", function, k.Name), "%s counts days with a record, not values of a field", function)
}

func (c *checker) errAggregated(at source.Span, function string, of value) {
	needs := "numbers"
	switch function {
	case "min", "max":
		needs = "numbers or points in time"
	case "distinct":
		needs = "single values"
	}
	hint := ""
	if function != "distinct" && of.form == text {
		hint = "distinct counts different values, last gives the latest one"
	}
	c.fail(source.BadCall, at, hint, "%s needs %s, and %s is %s", function, needs, c.quote(at), describe(of))
}

func (c *checker) errConditionAggregated(at source.Span, k *kind, name string) {
	c.fail(source.BadCall, at, fmt.Sprintf("write %s(where %s)", k.Name, name), "%s is a test of %s and has no value", name, k.Name)
}

func (c *checker) errParentField(at source.Span, function string, k *kind, field string) {
	parent := k.parent.Name
	short := strings.TrimPrefix(field, k.owner.ParentField+".")
	c.fail(source.ParentField, at, fmt.Sprintf("write %s(%s.%s)", function, parent, short),
		"%s belongs to %s: over %s it would be counted once for each of them", short, parent, k.Name)
}

func (c *checker) errShareOfAll(at source.Span, k *kind) {
	c.fail(source.BadCall, at, fmt.Sprintf("write share(%s, 180d where ...)", k.Name), "share needs a where that marks the part")
}

func (c *checker) errSampleArguments(at source.Span) {
	c.fail(source.BadSample, at, `write sample(10%, "spring")`, "a sample has a percentage and a key in quotes")
}

func (c *checker) errSamplePart(at source.Span) {
	c.fail(source.BadSample, at, "", "%s is no part of the whole: a sample is 0%% to 100%%", c.quote(at))
}

func (c *checker) errAnniversaryArguments(at source.Span) {
	c.fail(source.BadCall, at, "write anniversary(birthday) within next 7d", "anniversary needs one date or point in time")
}

func (c *checker) errAnniversaryOf(at source.Span, v value) {
	c.fail(source.WrongType, at, "write anniversary(birthday) within next 7d", "anniversary needs a date or point in time, and %s is %s", c.quote(at), describe(v))
}

// Ranks.

func (c *checker) errCannotRank(x value) {
	c.fail(source.CannotRank, x.span, "", "top and bottom need a number, and %s is %s", c.quote(x.span), describe(x))
}

func (c *checker) errRankQuotient(at source.Span) {
	c.fail(source.CannotRank, at, "rank a count, a sum, a smallest or largest value", "quotients, averages and shares cannot be ranked")
}

func (c *checker) errBadRank(at source.Span) {
	c.fail(source.BadRank, at, "write in top 5% or in top 100", "a rank is a whole number of customers, or 0%% to 100%% of them")
}

// What a kind leaves out.

func (c *checker) errNeverSelected(at source.Span, k *kind, hint string) {
	c.fail(source.NeverSelected, at, hint, "no record of %s can meet this", k.Name)
}

// Texts of the catalog.

func (c *checker) errDerivedType(at source.Span, got, want value) {
	c.fail(source.WrongType, at, "", "the catalog declares %s, and this is %s", describe(want), describe(got))
}

func (c *checker) errDerivedQuotient(at source.Span) {
	c.fail(source.WrongType, at, "declare a measure instead", "what is derived cannot be a quotient")
}

func (c *checker) errMeasure(at source.Span, v value) {
	c.fail(source.WrongType, at, "", "a measure is a number, and this is %s", describe(v))
}

func (c *checker) errMeasureWithoutRecords(at source.Span) {
	c.fail(source.WrongType, at, "", "a measure is about records, and this reads none")
}

// Warnings.

func (c *checker) warnRepeatedItem(at source.Span) {
	c.warn(source.Repeated, at, "leave one out", "%s stands in the list twice", c.quote(at))
}

func (c *checker) warnEmptyToday(at source.Span) {
	c.warn(source.EmptyToday, at, "write yesterday, or a window such as 1d", "the group is refreshed at midnight, when today has only begun: nothing lies in it")
}

func (c *checker) warnRepeated(at source.Span) {
	c.warn(source.Repeated, at, "leave it out", "%s is said before", c.quote(at))
}

func (c *checker) warnCannotHold(at, with source.Span) {
	if with == (source.Span{}) || with == at {
		c.warn(source.CannotHold, at, "", "%s can never hold", c.quote(at))
		return
	}
	c.warn(source.CannotHold, at, "did you mean or?", "%s can never hold together with %s", c.quote(at), c.quote(with))
}

func (c *checker) warnAlwaysHolds(at, with source.Span) {
	if with == (source.Span{}) || with == at {
		c.warn(source.AlwaysHolds, at, "", "%s always holds", c.quote(at))
		return
	}
	c.warn(source.AlwaysHolds, at, "did you mean and?", "%s or %s always holds", c.quote(with), c.quote(at))
}

func (c *checker) warnUnknownValue(at source.Span, value string, listed []string) {
	d := source.Diagnostic{Code: source.UnknownValue, Severity: source.Warning, Span: at,
		Message: fmt.Sprintf("the catalog lists no value %q", value)}
	if best, ok := source.Closest(value, listed); ok {
		d.Hint, d.Fix = fmt.Sprintf("did you mean %q?", best), &source.Fix{Span: at, New: fmt.Sprintf("%q", best)}
	} else if len(listed) <= 12 {
		d.Hint = "it lists " + list(listed, "and")
	}
	if !c.quoting {
		c.tell(d)
	}
}

func (c *checker) warnMixed(n *dsl.Or, and *dsl.And) {
	c.tell(source.Diagnostic{Code: source.MixedAndOr, Severity: source.Warning, Span: c.span(and.Span()),
		Message: "and binds closer than or, which readers easily miss",
		Hint:    "put it in parentheses",
		Fix:     &source.Fix{Span: n.Span(), New: c.parenthesised(n)}})
}

func (c *checker) warnIncludesNever(at source.Span, moment plan.Expr) {
	where := moment.Span()
	x := c.quote(where)
	d := source.Diagnostic{Code: source.IncludesNever, Severity: source.Warning, Span: at,
		Message: "this includes those for whom " + x + " is not known",
		Hint:    "add: and " + x + " is known"}
	if _, records := moment.(*plan.Aggregate); records {
		d.Message = "this includes those who never did, for whom " + x + " is not known"
	}
	if at.Start < at.End && at.End <= len(c.text) {
		d.Fix = &source.Fix{Span: at, New: "(" + c.text[at.Start:at.End] + " and " + c.text[where.Start:where.End] + " is known)"}
	}
	c.tell(d)
}

func (c *checker) warnAllSelected(at source.Span, k *kind) {
	c.warn(source.AlwaysHolds, at, "leave it out", "every record of %s meets this", k.Name)
}

func (c *checker) warnFuture(at source.Span) {
	c.warn(source.CannotHold, at, "", "only what is past is known, and this looks into the future")
}
