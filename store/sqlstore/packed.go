package sqlstore

import (
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
// which the first are never NULL, as many as filled says, and gives each row to visit. They
// come all in one row where ids are numbers and PostgreSQL is asked for an answer to keep:
// it takes as long to send a row for each customer as to find the customers of a selective
// rule.
func (r *reader) answers(ctx context.Context, st sqlgen.Statement, filled, beside int, kept *texts, take func(rowID, []sql.NullInt64) error) error {
	visit := func(id rowID, values []sql.NullInt64) error {
		for _, v := range values[:filled] {
			if !v.Valid {
				return errNoNumber
			}
		}
		return take(id, values)
	}
	values := make([]sql.NullInt64, beside)
	if kept != nil && st.Numbers && r.dialect == Postgres {
		return r.packed(ctx, st, values, visit)
	}
	ids := idScanner{numbers: st.Numbers, kept: kept}
	cells := make([]any, beside)
	dest := []any{ids.into()}
	for i := range cells {
		dest = append(dest, &cells[i])
	}
	return r.rows(ctx, st, func(scan func(...any) error) error {
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

// packed runs a statement within one that makes each of its columns one array, as text:
// drivers differ in the arrays that they know.
func (r *reader) packed(ctx context.Context, st sqlgen.Statement, values []sql.NullInt64, visit func(rowID, []sql.NullInt64) error) error {
	names := append(make([]string, 0, len(values)+1), "x0")
	columns := []string{"CAST(ARRAY_AGG(x0) AS TEXT)"}
	for i := range values {
		name := "x" + strconv.Itoa(i+1)
		names, columns = append(names, name), append(columns, "CAST(ARRAY_AGG("+name+") AS TEXT)")
	}
	all := st
	all.SQL = "SELECT " + strings.Join(columns, ", ") + " FROM (" + st.SQL + ") AS packed(" + strings.Join(names, ", ") + ")"
	arrays := make([]array, len(names))
	dest := make([]any, len(names))
	for i := range arrays {
		dest[i] = &arrays[i].cell
	}
	if err := r.rows(ctx, all, func(scan func(...any) error) error { return scan(dest...) }); err != nil {
		return err
	}
	if r.last {
		r.leave()
	}
	for i := range arrays {
		if err := arrays[i].open(); err != nil {
			return err
		}
	}
	for arrays[0].more() {
		id, err := arrays[0].next()
		if err != nil {
			return err
		}
		if !id.Valid {
			return errNoID
		}
		for i := range values {
			if values[i], err = arrays[i+1].next(); err != nil {
				return err
			}
		}
		if err := visit(rowID{number: id.Int64}, values); err != nil {
			return err
		}
	}
	return nil
}

// errArray is returned for what is no array of integers as PostgreSQL writes it.
var errArray = errors.New("sqlstore: no array of integers")

// array reads the text of an array of integers: {1,-2,NULL}.
type array struct {
	cell any
	text string // what is left of it
}

// open takes what was scanned into cell: NULL where there were no rows.
func (a *array) open() error {
	switch v := a.cell.(type) {
	case nil:
		a.text = "{}"
	case string:
		a.text = v
	case []byte:
		a.text = string(v)
	}
	n := len(a.text)
	if n < 2 || a.text[0] != '{' || a.text[n-1] != '}' {
		return errArray
	}
	a.text = a.text[1 : n-1]
	return nil
}

func (a *array) more() bool { return a.text != "" }

func (a *array) next() (out sql.NullInt64, err error) {
	n, end := int64(0), 0
	for end < len(a.text) && a.text[end] >= '0' && a.text[end] <= '9' {
		n, end = 10*n+int64(a.text[end]-'0'), end+1
	}
	out = sql.NullInt64{Int64: n, Valid: true}
	if whole := end == len(a.text) || a.text[end] == ','; !whole || end == 0 || end > 18 { // which fit
		item, _, _ := strings.Cut(a.text, ",")
		end = len(item)
		if out.Valid = item != "NULL"; out.Valid {
			out.Int64, err = strconv.ParseInt(item, 10, 64)
		}
	}
	if err != nil {
		return out, fmt.Errorf("%w: %w", errArray, err)
	}
	a.text = a.text[min(end+1, len(a.text)):]
	return out, nil
}
