package sqlgen

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// clickDecode makes a column's value one that all others of its sort agree with in
// type: integers of 64 bits, text.
func (g *generator) clickDecode(col Column, sort catalog.Sort, sql string) string {
	switch sort {
	case catalog.String, catalog.Enum:
		return "toString(" + sql + ")"
	case catalog.Instant:
		switch col.Encoding {
		case Seconds:
			return "(toInt64(" + sql + ") * 1000000)"
		case Millis:
			return "(toInt64(" + sql + ") * 1000)"
		case Native, Local:
			if col.Precise {
				return "toUnixTimestamp64Micro(" + sql + ")"
			}
			return "(toInt64(toUnixTimestamp(" + sql + ")) * 1000000)"
		}
	}
	return "toInt64(" + sql + ")"
}

// clickBefore compares a raw column with an instant by < or >=.
func (g *generator) clickBefore(col Column, alias, op string, us int64) piece {
	sql := place(col.SQL, alias)
	compare := func(n int64) piece {
		out := join(sql+" "+op+" ", text("?", n))
		out.sure = col.Filled
		return out
	}
	switch col.Encoding {
	case Seconds:
		return compare(ceil(us, 1e6))
	case Millis:
		return compare(ceil(us, 1e3))
	case Local:
		us = reading(us, col.zone()).UnixMicro()
	case Micros:
		return compare(us)
	}
	if !col.Precise {
		sql = "toUnixTimestamp(" + sql + ")"
		return compare(ceil(us, 1e6))
	}
	if us >= 0 && us < farAhead.UnixMicro() {
		out := join(sql+" "+op+" fromUnixTimestamp64Micro(toInt64(", text("?", us), "))")
		out.sure = col.Filled
		return out
	}
	sql = "toUnixTimestamp64Micro(" + sql + ")"
	return compare(us)
}

// yearDay is the day of a year that starts on 1 March, from 0, of a day since
// 1970-01-01: 28 February is 364 and 29 February 365. Dates of the engine end in 1970
// and 2105.
func (g *generator) yearDay(day piece) piece {
	return g.once(day, func(day piece) piece {
		_, _, yearday := marchYear(day)
		return yearday
	})
}

// monthNumber numbers months without gaps.
func (g *generator) monthNumber(day piece) piece {
	return g.once(day, func(day piece) piece {
		era, year, yearday := marchYear(day)
		return join("((", era, " * 400 + ", year, ") * 12 + intDiv(5 * ", yearday, " + 2, 153))")
	})
}

// marchYear splits a day into an era of 400 years, the year in it and the day of that
// year, which starts on 1 March: leap days end years, eras and centuries then.
func marchYear(day piece) (era, year, yearday piece) {
	const before = 100 // eras, so that nothing is negative
	since := join("(toInt64(", day, fmt.Sprintf(") + %d)", 719_468+before*146_097))
	era = join("intDiv(", since, ", 146097)")
	of := join("toInt64(", since, " % 146097)") // of the era
	century := join("intDiv(4 * ", of, " + 3, 146097)")
	rest := join("(", of, " - intDiv(146097 * ", century, ", 4))")
	inCentury := join("intDiv(4 * ", rest, " + 3, 1461)")
	year = join("(100 * ", century, " + ", inCentury, ")")
	yearday = join("(", rest, " - intDiv(1461 * ", inCentury, ", 4))")
	return era, year, yearday
}

// yearDaysOf turns month-and-day numbers into days of a year that starts on 1 March.
// A span lies within a month; those that touch become one.
func yearDaysOf(spans [][2]int) [][2]int {
	starts := []int{306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275} // of January and so on
	of := func(md int) int { return starts[md/100-1] + md%100 - 1 }
	var out [][2]int
	for _, s := range spans {
		from, to := of(s[0]), of(s[1])
		if n := len(out); n > 0 && out[n-1][1]+1 == from {
			out[n-1][1] = to
			continue
		}
		out = append(out, [2]int{from, to})
	}
	return out
}

// Offsets of a zone stand in arrays beside each other, which are one part of a statement
// each, however many clock changes there were: tests of a moment against every change,
// as other dialects have them, took servers seconds to plan.

// clickShift makes all moments positive: an array's numbers need a type in common, which
// large ones and negative ones have not.
const clickShift = 4_000_000_000_000_000

// clickOffset is the zone's offset from UTC at a moment, in microseconds, as far as it
// lies at or after from.
func (g *generator) clickOffset(us piece, from int64) piece {
	at := time.UnixMicro(from).In(g.zone)
	var tills, offsets []string
	for range mostOffsets {
		_, seconds := at.Zone()
		offsets = append(offsets, strconv.Itoa(seconds))
		_, end := at.ZoneBounds()
		if end.IsZero() || !end.Before(g.asOf) {
			break
		}
		tills = append(tills, strconv.FormatInt(end.UnixMicro()+clickShift, 10))
		at = end
	}
	if len(tills) == 0 {
		return text("1000000 * " + offsets[0])
	}
	return join("1000000 * ", arrayOf(offsets), "[", g.clickPassed(us, tills), "]")
}

// clickPassed is one more than the number of bounds at or before a moment.
func (g *generator) clickPassed(us piece, bounds []string) piece {
	name := g.alias(Reserved)
	return join("1 + arrayCount("+name+" -> "+name+" <= ", join("assumeNotNull(", us, fmt.Sprintf(") + %d", int64(clickShift))), ", "+arrayOf(bounds)+")")
}

// clickFromLocal is fromLocal. A reading inside a gap, less the offset after it, lies
// before the gap: the gap's own instant is the later one.
func (g *generator) clickFromLocal(clock string, zone *time.Location) string {
	at := time.UnixMicro(longAgo).In(zone)
	offsets, starts, bounds := []string{}, []string{"0"}, []string{}
	for range mostOffsets {
		_, seconds := at.Zone()
		offsets = append(offsets, strconv.Itoa(seconds))
		_, end := at.ZoneBounds()
		if end.IsZero() || end.After(g.asOf.AddDate(1, 0, 0)) {
			break
		}
		starts = append(starts, strconv.FormatInt(end.UnixMicro()+clickShift, 10))
		bounds = append(bounds, strconv.FormatInt(end.UnixMicro()+int64(seconds)*1e6+clickShift, 10))
		at = end
	}
	if len(bounds) == 0 {
		return fmt.Sprintf("(%s - 1000000 * (%s))", clock, offsets[0])
	}
	passed := g.clickPassed(text(clock), bounds).sql
	// Servers of today pass over a NULL in greatest: both sides have it.
	return fmt.Sprintf("greatest(toInt64(%s[%s]) - %d + 0 * %s, %s - 1000000 * %s[%s])", arrayOf(starts), passed, int64(clickShift), clock, clock, arrayOf(offsets), passed)
}

func arrayOf(numbers []string) string { return "[" + strings.Join(numbers, ", ") + "]" }
