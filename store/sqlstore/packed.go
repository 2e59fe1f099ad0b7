package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// errNoNumber is returned for a row without one of the integers that it must have.
var errNoNumber = errors.New("sqlstore: a row of an answer lacks a number")

// answers runs a statement whose rows are an id and as many integers as beside says, of
// which the first are never NULL, as many as filled says, and gives each row to take, be it
// when rest is called, which reads no more from the database. They come packed where ids are
// numbers and PostgreSQL or ClickHouse is asked for an answer to keep: it takes as long to
// send a row for each customer as to find the customers of a selective rule.
func (r *reader) answers(ctx context.Context, st sqlgen.Statement, filled, beside int, kept *texts, take func(rowID, []sql.NullInt64) error) (rest func() error, err error) {
	visit := func(id rowID, values []sql.NullInt64) error {
		for _, v := range values[:filled] {
			if !v.Valid {
				return errNoNumber
			}
		}
		return take(id, values)
	}
	values := make([]sql.NullInt64, beside)
	if kept != nil {
		if rest, err := r.inArrays(ctx, st, values, visit); rest != nil || err != nil {
			return rest, err
		}
	}
	if kept != nil && (st.Packed != "" || st.Numbers && r.dialect == Postgres) {
		return r.packed(ctx, st, values, visit)
	}
	ids := idScanner{numbers: st.Numbers, kept: kept}
	cells := make([]any, beside)
	dest := []any{ids.into()}
	for i := range cells {
		dest = append(dest, &cells[i])
	}
	rest = func() error { return nil }
	return rest, r.rows(ctx, st, func(scan func(...any) error) error {
		id, err := ids.scan(scan, dest)
		if err != nil {
			return err
		}
		for i, v := range cells {
			if n, ok := v.(int64); ok {
				values[i] = sql.NullInt64{Int64: n, Valid: true}
			} else if err := values[i].Scan(v); err != nil {
				return fmt.Errorf("sqlstore: %w", err)
			}
		}
		return visit(id, values)
	})
}

// packed runs a statement whose columns are texts of many rows each.
func (r *reader) packed(ctx context.Context, st sqlgen.Statement, values []sql.NullInt64, visit func(rowID, []sql.NullInt64) error) (rest func() error, err error) {
	n := len(values) + 1
	st.SQL = cmp.Or(st.Packed, inTexts(st.SQL, n))
	var texts [][]packedColumn
	err = r.rows(ctx, st, func(scan func(...any) error) error {
		columns, dest := packedColumns(n, st.Packed != "")
		texts = append(texts, columns)
		return scan(dest...)
	})
	return func() error {
		for _, columns := range texts {
			if err := open(columns); err != nil {
				return err
			}
			if err := unpack(columns, values, visit); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// inTexts is a statement of PostgreSQL within one that makes each of its columns one text:
// drivers differ in the arrays that they know, and it takes longer to write those.
func inTexts(statement string, columns int) string {
	var names, texts []string
	for i := range columns {
		name := "x" + strconv.Itoa(i)
		names, texts = append(names, name), append(texts, "STRING_AGG(COALESCE(CAST("+name+" AS TEXT), ''), ',')")
	}
	return "SELECT " + strings.Join(texts, ", ") + " FROM (" + statement + ") AS packed(" + strings.Join(names, ", ") + ")"
}

// packedColumns are columns that are not read yet, and where each is scanned to.
func packedColumns(n int, arrays bool) (columns []packedColumn, dest []any) {
	columns, dest = make([]packedColumn, n), make([]any, n)
	for i := range columns {
		columns[i].array = arrays
		dest[i] = &columns[i].cell
	}
	return columns, dest
}

func open(columns []packedColumn) error {
	for i := range columns {
		if err := columns[i].open(); err != nil {
			return err
		}
	}
	return nil
}

// unpack gives each id of the first of some columns that are open to visit, with its
// values in the others.
func unpack(columns []packedColumn, values []sql.NullInt64, visit func(rowID, []sql.NullInt64) error) error {
	for columns[0].more {
		id, err := columns[0].next()
		if err != nil {
			return err
		}
		if !id.Valid {
			return errNoID
		}
		for i := range values {
			if values[i], err = columns[i+1].next(); err != nil {
				return err
			}
		}
		if err := visit(rowID{number: id.Int64}, values); err != nil {
			return err
		}
	}
	return nil
}

// errPacked is returned for what is no list of integers.
var errPacked = errors.New("sqlstore: no list of integers")

// packedColumn reads a column of integers that is one text: 1,-2,,3 with nothing for NULL,
// or [1,-2] as ClickHouse writes arrays, of which no item is NULL.
type packedColumn struct {
	cell  any    // the text as it was scanned, nil without rows
	text  string // what is left of it
	more  bool   // there are rows left
	array bool
}

// open takes what was scanned into cell.
func (c *packedColumn) open() error {
	switch v := c.cell.(type) {
	case nil:
		return nil
	case string:
		c.text = v
	case []byte:
		c.text = string(v)
	default:
		return errPacked
	}
	c.more = true
	if !c.array {
		return nil
	}
	var begun, ended bool
	c.text, begun = strings.CutPrefix(c.text, "[")
	if c.text, ended = strings.CutSuffix(c.text, "]"); !begun || !ended {
		return errPacked
	}
	c.more = c.text != ""
	return nil
}

// items is how many there are in an open column.
func (c *packedColumn) items() int {
	if !c.more {
		return 0
	}
	return strings.Count(c.text, ",") + 1
}

// next is the value of the next row, NULL after the last.
func (c *packedColumn) next() (out sql.NullInt64, err error) {
	n, end := int64(0), 0
	for end < len(c.text) && c.text[end] >= '0' && c.text[end] <= '9' {
		n, end = 10*n+int64(c.text[end]-'0'), end+1
	}
	out = sql.NullInt64{Int64: n, Valid: true}
	if whole := end == len(c.text) || c.text[end] == ','; !whole || end == 0 || end > 18 { // which fit
		item, _, _ := strings.Cut(c.text, ",")
		end = len(item)
		if out = (sql.NullInt64{Valid: item != ""}); out.Valid {
			out.Int64, err = strconv.ParseInt(item, 10, 64)
		}
	}
	if err != nil {
		return out, fmt.Errorf("%w: %w", errPacked, err)
	}
	if c.more = end < len(c.text); c.more {
		end++
	}
	c.text = c.text[end:]
	return out, nil
}
