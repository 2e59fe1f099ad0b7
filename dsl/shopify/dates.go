package shopify

import (
	"fmt"
	"time"

	"github.com/dangol-dev/dangol/dsl/source"
)

var units = map[byte]string{'d': "d", 'w': "w", 'm': "mo", 'y': "y"}

// back is an offset into the past as a span such as 7d.
func back(v token) string { return fmt.Sprintf("%d%s", -v.count, units[v.unit]) }

// days is an offset as a number of days, and false for months and years, whose
// days differ.
func days(v token) (int, bool) {
	switch v.unit {
	case 'd':
		return -v.count, true
	case 'w':
		return -v.count * 7, true
	}
	return 0, false
}

// nextDay is the day after a date.
func nextDay(date string) string {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return d.AddDate(0, 0, 1).Format(time.DateOnly)
}

// date checks a value that a moment is compared with: a day, today, yesterday or
// an offset into the past. Offset 0 is today.
func (t *translator) date(v token) (token, bool) {
	switch v.kind {
	case day, namedDay:
		return v, true
	case moment:
		t.fail(v.at, "rules know whole days, not times of day", "write the date alone, if that is what you mean")
	case offset:
		switch {
		case v.count == 0:
			return token{kind: namedDay, text: "today", at: v.at}, true
		case v.count < 0:
			t.note(Days, v.at)
			return v, true
		}
		t.fail(v.at, "a rule looks back from the moment of the answer, not ahead", "")
	default:
		t.fail(v.at, "a date is asked for", "write 2024-01-31, -7d, today or yesterday")
	}
	return v, false
}

// point is a date as the end of a range.
func point(v token) string {
	if v.kind == offset {
		return back(v) + " ago"
	}
	return v.text
}

// dates tests a moment of the customer.
func (t *translator) dates(expr string, c clause) piece {
	x := c.test
	if x.op == "null" {
		return t.null(expr, x)
	}
	if x.op == "contains" || x.op == "in" {
		return t.fail(c.at, "a date is compared with = != < <= > >= and BETWEEN only", "")
	}
	var values []token
	for _, v := range x.values {
		d, ok := t.date(v)
		if !ok {
			return nothing
		}
		values = append(values, d)
	}
	v := values[0]
	rolling := v.kind == offset
	switch x.op {
	case "=":
		return t.onDay(expr, v)
	case "!=":
		if !rolling {
			return says("%s not on %s", expr, v.text)
		}
		return not(t.onDay(expr, v))
	case "<":
		return says("%s before %s", expr, point(v))
	case "<=":
		switch {
		case rolling:
			return says("%s before %s", expr, point(v))
		case v.text == "today":
			return says("%s is known", expr)
		}
		return some(says("%s before %s", expr, v.text), says("%s on %s", expr, v.text))
	case ">":
		switch {
		case rolling:
			return says("%s within %s", expr, back(v))
		case v.text == "yesterday":
			return says("%s on today", expr)
		}
		return says("%s after %s", expr, v.text)
	case ">=":
		switch {
		case rolling:
			return says("%s within %s", expr, back(v))
		case v.text == "today":
			return says("%s on today", expr)
		}
		return says("%s within %s .. today", expr, v.text)
	}
	return notIf(x.not, says("%s within %s", expr, between(values)))
}

// between is a range of dates as a span.
func between(ends []token) string {
	if ends[0].kind == offset && ends[1].text == "today" {
		return back(ends[0])
	}
	return point(ends[0]) + " .. " + point(ends[1])
}

// onDay is one whole day. Counted in days from today it is between two spans of
// full days.
func (t *translator) onDay(expr string, v token) piece {
	if v.kind != offset {
		return says("%s on %s", expr, v.text)
	}
	n, ok := days(v)
	switch {
	case !ok:
		return t.fail(v.at, "the one day so many months or years ago cannot be said", "count in days, or write a span such as > -3m")
	case n == 1:
		return says("%s on yesterday", expr)
	}
	return all(says("%s within %d full days", expr, n), not(says("%s within %d full days", expr, n-1)))
}

// window is the span of records that a date parameter asks for, "" for all.
func (t *translator) window(at source.Span, x test) string {
	var values []token
	for _, v := range x.values {
		d, ok := t.date(v)
		if !ok {
			return ""
		}
		values = append(values, d)
	}
	switch {
	case len(values) == 0 || x.not || x.op == "!=" || x.op == "in" || x.op == "contains":
		t.fail(at, "the date of a record is asked for with = < <= > >= and BETWEEN only", "")
		return ""
	case x.op == "between":
		return between(values)
	}
	v := values[0]
	switch {
	case v.kind == offset && x.op[0] == '>':
		return back(v)
	case v.kind == offset && x.op[0] == '<':
		return "before " + point(v)
	case v.kind == offset:
		n, ok := days(v)
		if !ok {
			t.fail(v.at, "the one day so many months or years ago cannot be said", "count in days, or write a span such as > -3m")
			return ""
		}
		return fmt.Sprintf("%dd ago .. %dd ago", n, n-1)
	case x.op == "=":
		return v.text
	case v.kind == day:
		switch x.op {
		case ">":
			return "since " + nextDay(v.text)
		case ">=":
			return "since " + v.text
		case "<":
			return "before " + v.text
		}
		return "before " + nextDay(v.text)
	}
	switch x.op + " " + v.text {
	case "> yesterday", ">= today":
		return "today"
	case ">= yesterday":
		return "since yesterday"
	case "< today", "<= yesterday":
		return "before today"
	case "< yesterday":
		return "before yesterday"
	case "<= today":
		return ""
	}
	t.fail(at, "nothing has happened after today", "")
	return ""
}
