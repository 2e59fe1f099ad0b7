package csvdir

import (
	"bytes"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/civil"
	"github.com/dangol-dev/dangol/store"
)

// column gathers the cells of one column.
type column struct {
	of     *store.Column
	digits int
	days   *days
	names  *names // of strings and sets
	out    catalog.Column
	n      int
}

func newColumn(of *store.Column, days *days, rows int) *column {
	c := &column{of: of, days: days, digits: of.Type.Digits()}
	switch of.Type.Sort {
	case catalog.String, catalog.Enum, catalog.Set:
		c.names = newNames()
		c.out.Codes = make([]uint32, 0, rows)
	default:
		c.out.Ints = make([]int64, 0, rows)
	}
	return c
}

// add takes the next cell, false when it is wrong.
func (c *column) add(text []byte) bool {
	c.n++
	if c.names != nil {
		code, _ := c.names.number(text) // a missing one needs some code, too
		c.out.Codes = append(c.out.Codes, code)
		c.missing(len(text) == 0)
		return true
	}
	if len(text) == 0 {
		c.out.Ints = append(c.out.Ints, 0)
		c.missing(true)
		return true
	}
	v, ok := c.value(text)
	if !ok {
		slow, err := parse(c.of.Type, string(text), c.days.zone)
		if err != nil {
			return false
		}
		v = slow.Int()
	}
	c.out.Ints = append(c.out.Ints, v)
	c.missing(false)
	return true
}

func (c *column) missing(is bool) {
	switch {
	case c.out.Missing != nil:
		c.out.Missing = append(c.out.Missing, is)
	case is:
		c.out.Missing = make([]bool, c.n, max(c.n, cap(c.out.Ints), cap(c.out.Codes)))
		c.out.Missing[c.n-1] = true
	}
}

// value reads a cell that is written in the usual way, and else is not ok.
func (c *column) value(text []byte) (int64, bool) {
	switch c.of.Type.Sort {
	case catalog.Bool:
		if string(text) == "true" {
			return 1, true
		}
		return 0, string(text) == "false"
	case catalog.Number, catalog.Money:
		return number(text, c.digits)
	case catalog.Date:
		y, m, d, ok := date(text)
		return daysFrom(y, m, d), ok && len(text) == len(time.DateOnly)
	case catalog.Instant:
		return c.days.instant(text)
	}
	return 0, false
}

// column is what was gathered, false when a set has an empty item.
func (c *column) column() (catalog.Column, bool) {
	if c.names == nil {
		return c.out, true
	}
	c.out.Dictionary = c.names.strings()
	if c.of.Type.Sort != catalog.Set {
		return c.out, true
	}
	for _, text := range c.out.Dictionary {
		if text == "" {
			c.out.Sets = append(c.out.Sets, nil)
			continue
		}
		v, err := parse(c.of.Type, text, nil)
		if err != nil {
			return c.out, false
		}
		c.out.Sets = append(c.out.Sets, v.Items())
	}
	c.out.Dictionary = nil
	return c.out, true
}

// number reads a decimal of at most so many digits after the point and fewer than
// eighteen in all.
func number(text []byte, digits int) (int64, bool) {
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text)+digits > 18 {
		return 0, false
	}
	n, after := int64(0), -1
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9':
			n = n*10 + int64(c-'0')
			if after >= 0 {
				after++
			}
		case c == '.' && after < 0 && text[0] != '.':
			after = 0
		default:
			return 0, false
		}
	}
	if after == 0 || after > digits {
		return 0, false
	}
	for range digits - max(after, 0) {
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, true
}

// date reads the day that a text starts with.
func date(text []byte) (y, m, d int, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, 0, 0, false
	}
	a, ok1 := pair(text[0], text[1])
	b, ok2 := pair(text[2], text[3])
	m, ok3 := pair(text[5], text[6])
	d, ok4 := pair(text[8], text[9])
	y = 100*a + b
	ok = ok1 && ok2 && ok3 && ok4 && 1 <= m && m <= 12 && 1 <= d && (d <= 28 || d <= civil.DaysIn(y, time.Month(m)))
	return y, m, d, ok
}

func pair(a, b byte) (int, bool) {
	a, b = a-'0', b-'0'
	return 10*int(a) + int(b), a <= 9 && b <= 9
}

// daysFrom is the days from 1970-01-01 to a day of the Gregorian calendar. Years
// start in March, so that a leap day is the last of its year.
func daysFrom(y, m, d int) int64 {
	if m <= 2 {
		y, m = y-1, m+12
	}
	y += 400 // so that divisions round down
	return int64(365*y+y/4-y/100+y/400+(153*(m-3)+2)/5+d) - 865_566
}

// days are the starts of local days, kept since finding one is slow.
type days struct {
	zone  *time.Location
	known [512]localDay
}

type localDay struct{ day, start int64 }

// start is when a day starts.
func (l *days) start(y, m, d int) int64 {
	day := daysFrom(y, m, d)
	at := &l.known[day&int64(len(l.known)-1)]
	if at.day != day || day == 0 {
		*at = localDay{day, civil.Date(y, time.Month(m), d).In(l.zone).UnixMicro()}
	}
	return at.start
}

const second = 1_000_000

// instant reads a day, which means its local start, or a time as RFC 3339 has it
// with its seconds.
func (l *days) instant(text []byte) (int64, bool) {
	y, m, d, ok := date(text)
	if !ok {
		return 0, false
	}
	if len(text) == len(time.DateOnly) {
		return l.start(y, m, d), true
	}
	if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, false
	}
	hour, ok1 := pair(text[11], text[12])
	minute, ok2 := pair(text[14], text[15])
	sec, ok3 := pair(text[17], text[18])
	micros, rest, ok4 := fraction(text[19:])
	east, ok5 := offset(rest)
	at := (daysFrom(y, m, d)*86400 + int64(hour)*3600 + int64(minute)*60 + int64(sec) - east) * second
	return at + micros, ok1 && ok2 && ok3 && ok4 && ok5 && hour < 24 && minute < 60 && sec < 60
}

// fraction reads up to nine digits after a point, where there is one, cut to the
// microsecond.
func fraction(text []byte) (micros int64, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	n := 0
	for text = text[1:]; n < len(text) && '0' <= text[n] && text[n] <= '9'; n++ {
		if n < 6 {
			micros = micros*10 + int64(text[n]-'0')
		}
	}
	for range 6 - n {
		micros *= 10
	}
	return micros, text[n:], 0 < n && n <= 9
}

// offset reads Z or +09:00 as seconds east.
func offset(text []byte) (int64, bool) {
	if bytes.Equal(text, []byte("Z")) {
		return 0, true
	}
	if len(text) != len("+09:00") || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hour, ok1 := pair(text[1], text[2])
	minute, ok2 := pair(text[4], text[5])
	east := int64(hour)*3600 + int64(minute)*60
	if text[0] == '-' {
		east = -east
	}
	return east, ok1 && ok2 && hour < 24 && minute < 60
}
