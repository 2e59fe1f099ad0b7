package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
)

// span is some customers in the order of their ids: one, those in (from, to], or
// all behind from where no end is known.
type span struct {
	only     bool // from alone
	from, to dangol.CustomerID
	limit    int
}

// all yields every customer from one state of the data. Between batches no
// statement is open, so it works on engines that carry one result a connection.
func (s *Store) all(ctx context.Context, tx *sql.Tx) iter.Seq2[*eval.Customer, error] {
	return func(yield func(*eval.Customer, error) bool) {
		next := span{limit: s.opts.Batch}
		for {
			batch, err := s.batch(ctx, tx, next)
			if err != nil {
				yield(nil, s.d.named(err))
				return
			}
			for _, c := range batch {
				if !yield(c, nil) {
					return
				}
			}
			if len(batch) < next.limit {
				return
			}
			next.from = batch[len(batch)-1].ID
		}
	}
}

// batch reads some customers whole: the customers, then each table of theirs.
func (s *Store) batch(ctx context.Context, tx *sql.Tx, of span) ([]*eval.Customer, error) {
	var out []*eval.Customer
	by := map[dangol.CustomerID]*eval.Customer{}
	t := s.layout.tables[s.schema.Customers]
	err := s.rows(ctx, tx, t, of, func(r *rowCells) error {
		c := &eval.Customer{ID: dangol.CustomerID(r.fixed[0]), Guest: r.guest, Attributes: r.fields, Records: map[string][]*eval.Record{}}
		out = append(out, c)
		by[c.ID] = c
		return nil
	})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	if !of.only {
		of.to = out[len(out)-1].ID
	}
	of.limit = 0
	err = s.items(ctx, tx, t, of, func(set ownSet, _ dangol.CustomerID, owner string, items []string) {
		if c := by[dangol.CustomerID(owner)]; c != nil {
			c.Attributes[set.column.Name] = catalog.SetValue(items...)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, kind := range s.schema.Kinds { // parents before children
		if err := s.records(ctx, tx, s.layout.tables[kind], of, by); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// records reads a kind's records into their customers.
func (s *Store) records(ctx context.Context, tx *sql.Tx, t *ownTable, of span, by map[dangol.CustomerID]*eval.Customer) error {
	kind := t.of.Kind
	err := s.rows(ctx, tx, t, of, func(r *rowCells) error {
		c := by[dangol.CustomerID(r.fixed[1])]
		rec := &eval.Record{Key: r.fixed[0], Fields: r.fields}
		if t.of.Parent != nil {
			if rec.Parent = find(c.Records[t.of.Parent.Kind], r.fixed[2]); rec.Parent == nil {
				return fmt.Errorf("sqlstore: %s %q: its %s %q is not there", kind, rec.Key, t.of.ParentField, r.fixed[2])
			}
		}
		c.Records[kind] = append(c.Records[kind], rec)
		return nil
	})
	if err != nil {
		return err
	}
	return s.items(ctx, tx, t, of, func(set ownSet, customer dangol.CustomerID, key string, items []string) {
		if c := by[customer]; c != nil {
			if r := find(c.Records[kind], key); r != nil {
				r.Fields[set.column.Name] = catalog.SetValue(items...)
			}
		}
	})
}

// find looks a record up in a list that is ordered by key.
func find(list []*eval.Record, key string) *eval.Record {
	lo, hi := 0, len(list)
	for lo < hi {
		if mid := (lo + hi) / 2; list[mid].Key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(list) && list[lo].Key == key {
		return list[lo]
	}
	return nil
}

// rowCells is one row as it was read.
type rowCells struct {
	fixed  []string // id, and of records customer and parent
	guest  bool
	fields map[string]catalog.Value
}

// rows reads rows of a table in the order of customers and keys.
func (s *Store) rows(ctx context.Context, tx *sql.Tx, t *ownTable, of span, visit func(*rowCells) error) error {
	q := s.d.Quote
	customers := t.of.Kind == ""
	var names []string
	for _, name := range t.fixed() {
		if name != bucketColumn {
			names = append(names, name)
		}
	}
	text := len(names)
	if customers {
		text-- // the flag of guests
	}
	for _, c := range t.columns {
		names = append(names, c.Name)
	}
	owner := customerColumn
	if customers {
		owner = idColumn
	}
	where, args := of.condition(q(owner))
	order := q(owner)
	if !customers {
		order += ", " + q(idColumn)
	}
	query := "SELECT " + s.d.quoteAll(names) + " FROM " + q(t.name) + where + " ORDER BY " + order
	if of.limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", of.limit)
	}
	rows, err := tx.QueryContext(ctx, s.d.Rebind(query), args...)
	if err != nil {
		return fmt.Errorf("sqlstore: read %s: %w", t.name, err)
	}
	defer rows.Close()
	fixed := make([]string, text)
	var guest bool
	cells := make([]cell, len(t.columns))
	var into []any
	for i := range fixed {
		into = append(into, &fixed[i])
	}
	if customers {
		into = append(into, &guest)
	}
	for i, c := range t.columns {
		into = append(into, cells[i].into(c.Type))
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("sqlstore: read %s: %w", t.name, err)
		}
		r := &rowCells{fixed: append([]string(nil), fixed...), guest: guest, fields: make(map[string]catalog.Value)}
		for i, c := range t.columns {
			if v := cells[i].value(c.Type); v.Known() {
				r.fields[c.Name] = v
			}
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlstore: read %s: %w", t.name, err)
	}
	return nil
}

// condition narrows a column of customers to the span.
func (of span) condition(column string) (string, []any) {
	switch {
	case of.only:
		return " WHERE " + column + " = ?", []any{string(of.from)}
	case of.to == "":
		return " WHERE " + column + " > ?", []any{string(of.from)}
	}
	return " WHERE " + column + " > ? AND " + column + " <= ?", []any{string(of.from), string(of.to)}
}

// cell is where a value is scanned to.
type cell struct {
	number sql.NullInt64
	truth  sql.NullBool
	text   sql.NullString
}

func (c *cell) into(t catalog.Type) any {
	switch t.Sort {
	case catalog.String, catalog.Enum:
		return &c.text
	case catalog.Bool:
		return &c.truth
	}
	return &c.number
}

func (c *cell) value(t catalog.Type) catalog.Value {
	switch {
	case t.Sort == catalog.String || t.Sort == catalog.Enum:
		if c.text.Valid {
			return catalog.StringValue(c.text.String)
		}
	case t.Sort == catalog.Bool:
		if c.truth.Valid {
			return catalog.BoolValue(c.truth.Bool)
		}
	case !c.number.Valid:
	case t.Sort == catalog.Instant:
		return catalog.InstantValue(c.number.Int64)
	case t.Sort == catalog.Date:
		return catalog.DateValue(c.number.Int64)
	default:
		return catalog.NumberValue(c.number.Int64)
	}
	return catalog.Missing
}

// items reads the sets of a table's rows, each set whole.
func (s *Store) items(ctx context.Context, tx *sql.Tx, t *ownTable, of span, visit func(set ownSet, customer dangol.CustomerID, owner string, items []string)) error {
	q := s.d.Quote
	for _, set := range t.sets {
		query := "SELECT s.owner, s.owner, s.item FROM " + q(set.read) + " s"
		column := "s.owner"
		if t.of.Kind != "" {
			query = "SELECT r." + q(customerColumn) + ", s.owner, s.item FROM " + q(set.read) + " s JOIN " + q(t.name) + " r ON r." + q(idColumn) + " = s.owner"
			column = "r." + q(customerColumn)
		}
		where, args := of.condition(column)
		rows, err := tx.QueryContext(ctx, s.d.Rebind(query+where+" ORDER BY s.owner"), args...)
		if err != nil {
			return fmt.Errorf("sqlstore: read %s: %w", set.table, err)
		}
		var customer, owner, item string
		var last [2]string
		var gathered []string
		flush := func() {
			if len(gathered) > 0 {
				visit(set, dangol.CustomerID(last[0]), last[1], gathered)
				gathered = nil
			}
		}
		for rows.Next() {
			if err = rows.Scan(&customer, &owner, &item); err != nil {
				break
			}
			if owner != last[1] {
				flush()
				last = [2]string{customer, owner}
			}
			gathered = append(gathered, item)
		}
		if err == nil {
			err = rows.Err()
		}
		rows.Close()
		if err != nil {
			return fmt.Errorf("sqlstore: read %s: %w", set.table, err)
		}
		flush()
	}
	return nil
}
