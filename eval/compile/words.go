package compile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// The words that messages are made of.

// describe names the sort of a value.
func describe(v value) string {
	switch v.form {
	case number:
		switch {
		case v.percent:
			return "a percentage"
		case v.typ.Sort == catalog.Money:
			return "an amount in " + string(v.currency())
		}
		return "a number"
	case text:
		return "text"
	case truth:
		return "a yes or no"
	case moment, point:
		return "a point in time"
	case day:
		return "a date"
	case set:
		return "a set"
	case condition:
		return "a test"
	case yearly:
		return "a day of every year"
	case length:
		return "a length of time"
	}
	return "something else"
}

func list(names []string, last string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " " + last + " " + names[n-1]
	}
	return strings.Join(names, "")
}

func (c *checker) differHint(x, y value) string {
	switch {
	case x.form == text && slices.Contains(x.typ.Values, c.quote(y.span)):
		return "text stands in quotes: " + strconv.Quote(c.quote(y.span))
	case x.records && y.form == truth:
		return "write " + x.kindName + " alone for at least one, not " + x.kindName + " for none"
	case x.form == number && y.form == text && y.literal:
		return "a number stands without quotes"
	case x.form == text && y.form == number && y.literal, x.form == text && y.form == day && y.literal:
		return "text stands in quotes"
	case x.form == truth && y.form == text && y.literal:
		return "true and false stand without quotes"
	case x.form == day && y.form == text && y.literal:
		return "a date stands without quotes, as in 2026-01-31"
	}
	return ""
}

func usage(function string) string {
	switch function {
	case "first", "last":
		return function + "(orders) or " + function + "(orders.total)"
	case "distinct":
		return "distinct(items.product, 90d)"
	case "active_days", "active_weeks", "active_months":
		return function + "(visits, 30d)"
	case "share":
		return `share(items, 180d where category = "shoes")`
	}
	return function + "(orders.total, 365d)"
}
