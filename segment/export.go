package segment

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// ExportOptions say what an export holds.
type ExportOptions struct {
	// Reason is why members leave the house; it is kept in the audit trail. Needed.
	Reason string
	// Attributes are the customers' attributes to write, by their catalog names.
	// Defaults to none.
	Attributes []string
	// BOM starts the file with a byte order mark, by which spreadsheets know that
	// it is UTF-8.
	BOM bool
}

// Export writes the members of a snapshot as CSV, ordered by id: id, since when, why,
// who said so, and the attributes asked for. Members are read a page at a time.
// A cell that a spreadsheet would run as a formula starts with an apostrophe. The
// export is in the audit trail before its first byte is written.
func (s *Service) Export(ctx context.Context, snap dangol.Snapshot, w io.Writer, o ExportOptions) error {
	if err := s.allow(ctx, Export, snap.Group); err != nil {
		return err
	}
	if strings.TrimSpace(o.Reason) == "" {
		return fmt.Errorf("%w: an export", ErrReason)
	}
	types, err := s.columns(o.Attributes)
	if err != nil {
		return err
	}
	err = s.state.Update(ctx, func(tx Tx) error {
		if _, err := membersOf(tx, snap); err != nil {
			return err
		}
		detail := fmt.Sprintf("version %d, %d members, attributes %s: %s", snap.Version, snap.Count, strings.Join(o.Attributes, " "), o.Reason)
		return tx.Append(s.act(ctx, Export, snap.Group, "export", detail))
	})
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(w)
	if o.BOM {
		if _, err := buffered.WriteString("\uFEFF"); err != nil {
			return err
		}
	}
	out := csv.NewWriter(buffered)
	if err := out.Write(append([]string{"customer", "since", "why", "note", "by"}, o.Attributes...)); err != nil {
		return err
	}
	since := map[int64]string{}
	for m, err := range spans(ctx, s.state, MembershipQuery{Group: snap.Group, Version: snap.Version}) {
		if err != nil {
			return err
		}
		if _, ok := since[m.From]; !ok {
			if since[m.From], err = s.dateOf(ctx, snap.Group, m.From); err != nil {
				return err
			}
		}
		row := []string{string(m.Customer), since[m.From], string(m.Entered.Why), m.Entered.Note, m.Entered.By}
		if row, err = s.attributes(ctx, row, m.Customer, o.Attributes, types); err != nil {
			return err
		}
		for i := range row {
			row[i] = safeCell(row[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	return buffered.Flush()
}

// columns are the types of the attributes of an export.
func (s *Service) columns(names []string) ([]catalog.Type, error) {
	types := make([]catalog.Type, len(names))
	for i, name := range names {
		a, ok := s.cfg.Data.Catalog().Attribute(name)
		if !ok || a.Derived != "" {
			return nil, invalid("the data holds no attribute %q", name)
		}
		types[i] = a.Type
	}
	return types, nil
}

// dateOf is the local time from when a version counts.
func (s *Service) dateOf(ctx context.Context, group string, version int64) (string, error) {
	var v Version
	err := s.state.View(ctx, func(r Reader) (err error) {
		v, err = versionOf(r, group, version)
		return err
	})
	return v.From.In(s.cfg.Zone).Format(time.RFC3339), err
}

// attributes appends a customer's attributes; those of a customer who is gone are empty.
func (s *Service) attributes(ctx context.Context, row []string, id dangol.CustomerID, names []string, types []catalog.Type) ([]string, error) {
	if len(names) == 0 {
		return row, nil
	}
	c, err := s.cfg.Data.Customer(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return append(row, make([]string, len(names))...), nil
	}
	if err != nil {
		return nil, fmt.Errorf("segment: read the data: %w", err)
	}
	for i, name := range names {
		row = append(row, s.cell(c.Attributes[name], types[i]))
	}
	return row, nil
}

func (s *Service) cell(v catalog.Value, t catalog.Type) string {
	if !v.Known() {
		return ""
	}
	switch t.Sort {
	case catalog.Bool:
		return fmt.Sprint(v.Bool())
	case catalog.Number, catalog.Money:
		return decimal(v.Int(), t.Digits())
	case catalog.Instant:
		return time.UnixMicro(v.Int()).In(s.cfg.Zone).Format(time.RFC3339)
	case catalog.Date:
		return time.Unix(v.Int()*86400, 0).UTC().Format(time.DateOnly)
	case catalog.Set:
		return strings.Join(v.Items(), "|")
	}
	return v.Text()
}

// decimal writes n/10^digits.
func decimal(n int64, digits int) string {
	sign := ""
	text := fmt.Sprint(n)
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	if digits == 0 {
		return sign + text
	}
	if pad := digits + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// safeCell disarms what spreadsheets take for a formula: a cell that starts with
// = + - @, their full-width forms, or white space before one. Plain negative
// numbers stay numbers.
func safeCell(cell string) string {
	head := strings.TrimLeft(cell, " \t\r\n")
	if head == "" {
		return cell
	}
	first := []rune(head)[0]
	if !strings.ContainsRune("=+-@＝＋－＠", first) || first == '-' && strings.Trim(head[1:], "0123456789.") == "" && head == cell && len(head) > 1 {
		return cell
	}
	return "'" + cell
}
