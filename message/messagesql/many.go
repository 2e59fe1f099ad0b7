package messagesql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// Reading and writing many rows costs one statement. PostgreSQL takes lists of any
// length as arrays; elsewhere lists are cut or filled to few lengths, so that there are
// few statements to prepare.

// longest is the most values of an IN list, and mostRows the most rows of an INSERT.
const (
	longest  = 256
	mostRows = 64
)

// GetMany implements message.Many.
func (t *tx) GetMany(table *message.Table, keys [][]any) ([]message.Row, error) {
	for _, key := range keys {
		if len(key) != table.Key {
			return nil, fmt.Errorf("messagesql: a key of %s has %d values instead of %d", table.Name, len(key), table.Key)
		}
	}
	out := make([]message.Row, len(keys))
	varies, ok := varying(keys)
	if !ok {
		for i, key := range keys {
			row, err := t.Get(table, key...)
			if err != nil {
				return nil, err
			}
			out[i] = row
		}
		return out, nil
	}
	found, err := t.among(table, message.Range{}, keys, varies)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		if rows := found[key[varies]]; len(rows) > 0 {
			out[i] = slices.Clone(rows[0])
		}
	}
	return out, nil
}

// ScanMany implements message.Many.
func (t *tx) ScanMany(table *message.Table, rs []message.Range) ([][]message.Row, error) {
	keys := make([][]any, len(rs))
	for i, r := range rs {
		keys[i] = r.Equal
	}
	out := make([][]message.Row, len(rs))
	varies, ok := varying(keys)
	if !ok {
		for i, r := range rs {
			rows, err := t.Scan(table, r)
			if err != nil {
				return nil, err
			}
			out[i] = rows
		}
		return out, nil
	}
	found, err := t.among(table, rs[0], keys, varies)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		for _, row := range found[key[varies]] {
			out[i] = append(out[i], slices.Clone(row))
		}
	}
	return out, nil
}

// varying is the one place in which keys of one length differ. There are at least two.
func varying(keys [][]any) (place int, ok bool) {
	if len(keys) < 2 {
		return 0, false
	}
	place = len(keys[0]) - 1
	for i := range keys[0] {
		if slices.ContainsFunc(keys, func(key []any) bool { return key[i] != keys[0][i] }) {
			if ok {
				return 0, false
			}
			place, ok = i, true
		}
	}
	return place, len(keys[0]) > 0
}

// among reads the rows whose columns of the index are one of the keys, by the value in
// which the keys differ, each list in the order of the index.
func (t *tx) among(table *message.Table, r message.Range, keys [][]any, varies int) (map[any][]message.Row, error) {
	order := table.Order(r.Index)
	column := order[varies]
	var values []any
	seen := map[any]bool{}
	for _, key := range keys {
		if v := key[varies]; !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	var same []any
	for i, v := range keys[0] {
		if i != varies {
			same = append(same, v)
		}
	}
	if r.From != nil {
		same = append(same, r.From)
	}
	if r.To != nil {
		same = append(same, r.To)
	}
	found := map[any][]message.Row{}
	size := longest
	if t.s.dialect == sqlstore.Postgres {
		size = len(values)
	}
	for part := range slices.Chunk(values, size) {
		n := filled(len(part))
		if t.s.dialect == sqlstore.Postgres {
			n = 1
		}
		shape := fmt.Sprintf("among %s %d %d %d %d %t %t", table.Name, r.Index, len(keys[0]), varies, n, r.From != nil, r.To != nil)
		text := t.s.text(shape, func() string { return t.amongText(table, r, order, len(keys[0]), varies, n) })
		args := slices.Clone(same)
		if t.s.dialect == sqlstore.Postgres {
			args = append([]any{array(part)}, args...)
		} else {
			args = append(args, part...)
			for len(args) < len(same)+n {
				args = append(args, part[len(part)-1])
			}
		}
		rows, err := t.query(table, text, args)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			found[row[column]] = append(found[row[column]], row)
		}
	}
	return found, nil
}

func (t *tx) amongText(table *message.Table, r message.Range, order []int, equal, varies, n int) string {
	quoted := func(c int) string { return t.s.dialect.Quote(table.Columns[c].Name) }
	var where []string
	for i := range equal {
		if i != varies {
			where = append(where, quoted(order[i])+" = ?")
		}
	}
	if r.From != nil {
		where = append(where, quoted(order[equal])+" >= ?")
	}
	if r.To != nil {
		where = append(where, quoted(order[equal])+" < ?")
	}
	if t.s.dialect == sqlstore.Postgres {
		where = append(where, quoted(order[varies])+" = wanted.v")
	} else {
		where = append(where, quoted(order[varies])+" IN (?"+strings.Repeat(", ?", n-1)+")")
	}
	var by []string
	for _, c := range order {
		by = append(by, quoted(c))
	}
	text := "SELECT " + t.columns(table.Columns) + " FROM " + t.s.name(table.Name) + " WHERE " + strings.Join(where, " AND ") +
		" ORDER BY " + strings.Join(by, ", ")
	if t.s.dialect == sqlstore.Postgres {
		// One by one through the index. A planner without fresh statistics, as while a
		// campaign fills its tables, would rather walk all of the campaign once a list.
		text = "SELECT found.* FROM unnest(" + arrayOf(table.Columns[order[varies]]) + ") AS wanted(v) CROSS JOIN LATERAL (" + text + ") AS found"
	}
	return text
}

// PutMany implements message.Many.
func (t *tx) PutMany(table *message.Table, rows []message.Row) error {
	for len(rows) > 0 {
		n := len(rows)
		if t.s.dialect != sqlstore.Postgres {
			n = 1
			for 2*n <= min(len(rows), mostRows) {
				n *= 2
			}
		}
		if err := t.putSome(table, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (t *tx) putSome(table *message.Table, rows []message.Row) error {
	if len(rows) == 1 {
		return t.Put(table, rows[0])
	}
	for _, row := range rows {
		if err := t.check(table, row); err != nil {
			return err
		}
	}
	n := len(rows)
	if t.s.dialect == sqlstore.Postgres {
		n = 0
	}
	text := t.s.text(fmt.Sprintf("put %s %d", table.Name, n), func() string {
		head := "INSERT INTO " + t.s.name(table.Name) + " (" + t.columns(table.Columns) + ") "
		if t.s.dialect == sqlstore.Postgres {
			lists := make([]string, len(table.Columns))
			for i, c := range table.Columns {
				lists[i] = arrayOf(c)
			}
			head += "SELECT * FROM unnest(" + strings.Join(lists, ", ") + ")"
		} else {
			one := "(?" + strings.Repeat(", ?", len(table.Columns)-1) + ")"
			head += "VALUES " + one + strings.Repeat(", "+one, n-1)
		}
		return head + t.s.dialect.DoUpdate(names(table.Columns[:table.Key]), names(table.Columns[table.Key:])...)
	})
	var args []any
	if t.s.dialect == sqlstore.Postgres {
		column := make([]any, len(rows))
		for c := range table.Columns {
			for i, row := range rows {
				column[i] = row[c]
			}
			args = append(args, array(column))
		}
	} else {
		for _, row := range rows {
			args = append(args, row...)
		}
	}
	if _, err := t.q.ExecContext(t.ctx, text, args...); err != nil {
		return fmt.Errorf("messagesql: write %s: %w", table.Name, err)
	}
	return nil
}

// filled is the length that a list of n values is filled to.
func filled(n int) int {
	size := 1
	for size < n {
		size *= 4
	}
	return min(size, longest)
}

// arrayOf is a placeholder for a list of a column's values.
func arrayOf(c message.Column) string {
	if c.Type == message.TextColumn {
		return "CAST(? AS text[])"
	}
	return "CAST(? AS bigint[])"
}

// array writes a list as PostgreSQL reads it from any driver.
func array(values []any) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		switch v := v.(type) {
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case string:
			b.WriteByte('"')
			b.WriteString(quoting.Replace(v))
			b.WriteByte('"')
		}
	}
	b.WriteByte('}')
	return b.String()
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
