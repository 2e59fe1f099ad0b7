package csvdir

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/civil"
)

// hinted is an error that knows how to mend it.
type hinted struct {
	error
	hint string
}

// parse reads the text of a cell that is not empty as a value of the type.
func parse(t catalog.Type, text string, zone *time.Location) (catalog.Value, error) {
	if !utf8.ValidString(text) {
		return catalog.Missing, hinted{errors.New("the cell is not UTF-8"), "save the file as UTF-8"}
	}
	switch t.Sort {
	case catalog.Bool:
		switch text {
		case "true", "false":
			return catalog.BoolValue(text == "true"), nil
		}
		return catalog.Missing, fmt.Errorf("%s is neither true nor false", quote(text))
	case catalog.Number, catalog.Money:
		n, err := dangol.ParseDecimal(text, t.Digits())
		if whole, _, point := strings.Cut(text, "."); err != nil && point && t.Digits() == 0 && wholeNumber(whole) {
			return catalog.Missing, fmt.Errorf("%s is not a whole number%s", quote(text), of(t))
		}
		switch {
		case errors.Is(err, dangol.ErrOverflow):
			return catalog.Missing, fmt.Errorf("%s is too large", quote(text))
		case err != nil && strings.Contains(text, ","):
			return catalog.Missing, hinted{err, "write digits without grouping, and a point before decimals"}
		}
		return catalog.NumberValue(n), err
	case catalog.Instant:
		return parseInstant(text, zone)
	case catalog.Date:
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return catalog.Missing, fmt.Errorf("%s is not a day such as 2026-01-31", quote(text))
		}
		return catalog.DayValue(day.Date()), nil
	case catalog.Set:
		items := strings.Split(text, "|")
		if slices.Contains(items, "") {
			return catalog.Missing, fmt.Errorf("%s has an empty item", quote(text))
		}
		return catalog.SetValue(items...), nil
	default:
		return catalog.StringValue(text), nil
	}
}

func wholeNumber(text string) bool {
	_, err := dangol.ParseDecimal(text, 0)
	return err == nil
}

// of names the currency of an amount.
func of(t catalog.Type) string {
	if t.Sort == catalog.Money {
		return ": " + string(t.Currency) + " has no decimals"
	}
	return ""
}

// parseInstant reads an instant, or a day, which means its local start.
func parseInstant(text string, zone *time.Location) (catalog.Value, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return catalog.TimeValue(civil.Date(day.Date()).In(zone)), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return catalog.Missing, hinted{fmt.Errorf("%s is not a time", quote(text)),
			"write 2026-01-31, or with its offset 2026-01-31T09:30:00+09:00"}
	}
	return catalog.TimeValue(at), nil
}

// quote shows a cell's text, shortened.
func quote(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
