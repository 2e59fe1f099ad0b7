package coupon

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ExportGrants writes coupons as CSV, a line each after the header: code,
// definition, customer, campaign, group, issued, expires, used, order. Times are
// RFC 3339 in UTC, empty when there is none. Memory stays bounded. Texts that a
// spreadsheet would run as a formula start with an apostrophe.
func (s *Service) ExportGrants(ctx context.Context, w io.Writer, q GrantQuery) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"code", "definition", "customer", "campaign", "group", "issued", "expires", "used", "order"}}
	for g, err := range s.Grants(ctx, q) {
		if err != nil {
			return err
		}
		rows = append(rows, []string{
			FormatCode(g.Code), g.Definition, string(g.Customer), g.Campaign, g.Group, stamp(g.Issued), stamp(g.Expires), stamp(g.Used), g.Order,
		})
		if len(rows) == page {
			if err := writeRows(out, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return writeRows(out, rows)
}

// WriteResults writes results as CSV, a line each after the header: definition,
// group, campaign, currency, issued, used, restored, cancelled, discount, revenue.
// Amounts are in minor units. Texts are safe as in ExportGrants.
func WriteResults(w io.Writer, results []Result) error {
	rows := [][]string{{"definition", "group", "campaign", "currency", "issued", "used", "restored", "cancelled", "discount", "revenue"}}
	for _, r := range results {
		row := []string{plain(r.Definition), plain(r.Group), plain(r.Campaign), string(r.Currency)}
		for _, n := range []int64{r.Issued, r.Used, r.Restored, r.Cancelled, r.Discount, r.Revenue} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		rows = append(rows, row)
	}
	out := csv.NewWriter(w)
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("coupon: export: %w", err)
	}
	return nil
}

func writeRows(out *csv.Writer, rows [][]string) error {
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
		}
	}
	if err := out.WriteAll(rows); err != nil { // it flushes
		return fmt.Errorf("coupon: export: %w", err)
	}
	return nil
}

// plain makes a text that no spreadsheet takes for a formula, full-width signs
// and leading blanks included.
func plain(text string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " \"'"))
	if text != "" && (strings.ContainsRune("=+-@＝＋－＠", first) || strings.ContainsRune("\t\r\n", rune(text[0]))) {
		return "'" + text
	}
	return text
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
