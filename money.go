package dangol

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 alphabetic code in upper case, such as KRW.
type Currency string

// KRW is the won, which has no minor unit: one minor unit is one won.
const KRW Currency = "KRW"

// Money is an exact amount: an integer number of the currency's minor units
// (cents for USD, won for KRW). The zero value is no money of no currency.
type Money struct {
	Minor    int64
	Currency Currency
}

// ErrCurrency is returned when an operation meets two different currencies or
// a code that ISO 4217 does not list.
var ErrCurrency = errors.New("dangol: unknown or differing currency")

// ErrOverflow is returned when an amount would leave the range of int64 minor units.
var ErrOverflow = errors.New("dangol: amount out of range")

// currencies are the active codes of ISO 4217 whose amounts are money, by the
// number of digits after the point.
var currencies = func() map[Currency]int {
	m := map[Currency]int{}
	for digits, codes := range map[int]string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF " +
			"CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL " +
			"HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP " +
			"MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD " +
			"SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS " +
			"VED VES WST XCD XCG YER ZAR ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
		4: "CLF UYW",
	} {
		for code := range strings.FieldsSeq(codes) {
			m[Currency(code)] = digits
		}
	}
	return m
}()

// Digits is the number of digits after the point that ISO 4217 gives the
// currency, and whether the code is listed.
func (c Currency) Digits() (int, bool) {
	d, ok := currencies[c]
	return d, ok
}

// Add is m + n. It returns ErrCurrency when the currencies differ and
// ErrOverflow when the sum does not fit.
func (m Money) Add(n Money) (Money, error) {
	if m.Currency != n.Currency {
		return Money{}, fmt.Errorf("%w: %s and %s", ErrCurrency, m.Currency, n.Currency)
	}
	sum := m.Minor + n.Minor
	if (sum > m.Minor) != (n.Minor > 0) && n.Minor != 0 {
		return Money{}, ErrOverflow
	}
	return Money{sum, m.Currency}, nil
}

// Sub is m - n, with the errors of Add.
func (m Money) Sub(n Money) (Money, error) {
	if n.Minor == math.MinInt64 {
		return Money{}, ErrOverflow
	}
	return m.Add(Money{-n.Minor, n.Currency})
}

// MulDiv is m * num / den rounded toward zero, computed in 128 bits so that
// nothing is lost on the way. den must not be 0. It returns ErrOverflow when the
// result does not fit.
func (m Money) MulDiv(num, den int64) (Money, error) {
	if den == 0 {
		return Money{}, ErrOverflow
	}
	neg := (m.Minor < 0) != (num < 0) != (den < 0)
	hi, lo := bits.Mul64(magnitude(m.Minor), magnitude(num))
	d := magnitude(den)
	if hi >= d {
		return Money{}, ErrOverflow
	}
	q, _ := bits.Div64(hi, lo, d)
	if q > math.MaxInt64 {
		return Money{}, ErrOverflow
	}
	out := int64(q)
	if neg {
		out = -out
	}
	return Money{out, m.Currency}, nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}

// String is the amount in major units with its code and grouped digits, such as
// "12,500 KRW" or "9.99 USD". A currency that ISO 4217 does not list is shown
// in minor units.
func (m Money) String() string {
	digits, _ := m.Currency.Digits()
	text := strconv.FormatUint(magnitude(m.Minor), 10)
	if pad := digits + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	whole, frac := text[:len(text)-digits], text[len(text)-digits:]
	var b strings.Builder
	if m.Minor < 0 {
		b.WriteByte('-')
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if digits > 0 {
		b.WriteString("." + frac)
	}
	if m.Currency != "" {
		b.WriteString(" " + string(m.Currency))
	}
	return b.String()
}

// ParseMoney reads an amount in major units, such as "9.99", as money of the
// currency. An amount with more digits than the currency has is an error, never
// rounded.
func ParseMoney(text string, c Currency) (Money, error) {
	digits, ok := c.Digits()
	if !ok {
		return Money{}, fmt.Errorf("%w: %q", ErrCurrency, string(c))
	}
	minor, err := ParseDecimal(text, digits)
	if err != nil {
		return Money{}, err
	}
	return Money{minor, c}, nil
}

// ParseDecimal reads a decimal number as an integer of 10^-scale: "9.9" at scale
// 2 is 990. It accepts an optional minus sign, digits, and one point with at most
// scale digits that are not trailing zeros.
func ParseDecimal(text string, scale int) (int64, error) {
	bad := func(why string) (int64, error) {
		return 0, fmt.Errorf("%q is not a number: %s", text, why)
	}
	rest, neg := strings.CutPrefix(text, "-")
	whole, frac, point := strings.Cut(rest, ".")
	if whole == "" || point && frac == "" {
		return bad("digits are missing")
	}
	if len(frac) > scale {
		if strings.Trim(frac[scale:], "0") != "" {
			return bad(fmt.Sprintf("at most %d digits may follow the point", scale))
		}
		frac = frac[:scale]
	}
	frac += strings.Repeat("0", scale-len(frac))
	var n int64
	for _, r := range whole + frac {
		if r < '0' || r > '9' {
			return bad(fmt.Sprintf("unexpected %q", r))
		}
		d := int64(r - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, ErrOverflow
		}
		n = n*10 + d
	}
	if neg {
		n = -n
	}
	return n, nil
}
