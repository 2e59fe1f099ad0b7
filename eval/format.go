package eval

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Lang is a language that rules and explanations are read in.
type Lang string

// The languages. Every other Lang is read as English.
const (
	English Lang = "en"
	Korean  Lang = "ko"
)

// display writes a value for people.
func display(v value, t catalog.Type, zone *time.Location, lang Lang) string {
	word := func(en, ko string) string {
		if lang == Korean {
			return ko
		}
		return en
	}
	switch {
	case v.num != nil:
		return displayNumber(v.num, t, word("about ", "약 "))
	case !v.known():
		return word("missing", "없음")
	}
	switch p := v.plain; p.Sort() {
	case catalog.Bool:
		if p.Bool() {
			return word("yes", "예")
		}
		return word("no", "아니요")
	case catalog.Instant:
		return displayInstant(p.Int(), zone)
	case catalog.Set:
		if len(p.Items()) == 0 {
			return word("none", "없음")
		}
		return quoteAll(p.Items(), ", ")
	case catalog.String:
		return strconv.Quote(p.Text())
	default:
		return p.String()
	}
}

func displayInstant(us int64, zone *time.Location) string {
	return time.UnixMicro(us).In(zone).Format("2006-01-02 15:04:05.999999")
}

func quoteAll(items []string, between string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, between)
}

// digits is how many digits after the point a plan's number of the type has: of
// money its currency's, and those that factors brought about.
func digits(t catalog.Type) int {
	if t.Sort == catalog.Money {
		return t.Digits() + t.Scale
	}
	return t.Scale
}

// displayNumber writes units of the type in major units with grouped digits. What
// has no end after the point is cut and marked.
func displayNumber(units *big.Rat, t catalog.Type, about string) string {
	real := new(big.Rat).Quo(units, new(big.Rat).SetInt(pow10(digits(t))))
	places, exact := real.FloatPrec()
	if !exact || places > digits(t)+6 {
		places = digits(t) + 2
	} else {
		about = ""
	}
	if t.Sort == catalog.Money {
		places = max(places, t.Digits())
	}
	text := about + group(real.FloatString(places))
	if t.Sort == catalog.Money {
		text += " " + string(t.Currency)
	}
	return text
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// group separates thousands before the point.
func group(text string) string {
	rest, negative := strings.CutPrefix(text, "-")
	whole, frac, point := strings.Cut(rest, ".")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if point {
		b.WriteString("." + frac)
	}
	return b.String()
}
