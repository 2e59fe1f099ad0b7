package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value is one value of an attribute or field. The zero Value is missing. What
// the integer of a number means is told by its Type: units of 10^-Scale, or
// minor units of a currency. Values are immutable.
type Value struct {
	sort Sort
	num  int64
	str  string
	set  []string
}

// Missing is the absence of a value.
var Missing Value

// The constructors. Strings are expected in NFC, and folded where the Type says
// so: stores normalise on write.
func BoolValue(b bool) Value {
	if b {
		return Value{sort: Bool, num: 1}
	}
	return Value{sort: Bool}
}
func NumberValue(n int64) Value  { return Value{sort: Number, num: n} }
func StringValue(s string) Value { return Value{sort: String, str: s} }

// InstantValue holds microseconds since 1970-01-01T00:00:00Z.
func InstantValue(us int64) Value { return Value{sort: Instant, num: us} }

// TimeValue is an instant, cut to the microsecond.
func TimeValue(t time.Time) Value { return InstantValue(t.UnixMicro()) }

// DateValue holds days since 1970-01-01 of a local calendar day.
func DateValue(days int64) Value { return Value{sort: Date, num: days} }

// DayValue is the calendar day y-m-d.
func DayValue(y int, m time.Month, d int) Value {
	return DateValue(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// SetValue is a set: sorted, without repetition. A set is never missing.
func SetValue(items ...string) Value {
	items = slices.Clone(items)
	slices.Sort(items)
	return Value{sort: Set, set: slices.Compact(items)}
}

// Known tells whether there is a value.
func (v Value) Known() bool { return v.sort != 0 }

// Sort is the value's sort, 0 for a missing value. Money is Number, Enum is String.
func (v Value) Sort() Sort { return v.sort }

// Bool, Int, Text and Items read the value; each gives the zero of its type for
// a value of another sort. Items must not be changed.
func (v Value) Bool() bool      { return v.sort == Bool && v.num == 1 }
func (v Value) Int() int64      { return v.num }
func (v Value) Text() string    { return v.str }
func (v Value) Items() []string { return v.set }

// Equal is exact equality of two known values of one sort. Two missing values
// are not equal.
func (v Value) Equal(w Value) bool {
	return v.Known() && v.sort == w.sort && v.num == w.num && v.str == w.str && slices.Equal(v.set, w.set)
}

// String is for tests and logs: the raw value, without its type's scale.
func (v Value) String() string {
	switch v.sort {
	case 0:
		return "missing"
	case Bool:
		return strconv.FormatBool(v.num == 1)
	case String:
		return strconv.Quote(v.str)
	case Instant:
		return time.UnixMicro(v.num).UTC().Format("2006-01-02T15:04:05.999999Z")
	case Date:
		return time.Unix(v.num*86400, 0).UTC().Format(time.DateOnly)
	case Set:
		return "{" + strings.Join(v.set, "|") + "}"
	}
	return fmt.Sprint(v.num)
}
