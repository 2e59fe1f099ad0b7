package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// Customer implements store.Store.
func (s *Mapped) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if text := string(id); !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 || !s.m.tables[""].keys.fits(text) {
		return nil, store.ErrNotFound
	}
	r, err := s.reader(ctx)
	if err != nil {
		return nil, s.m.dialect.told(ctx, err)
	}
	defer r.end()
	for c, err := range s.customers(ctx, r, &id) {
		if err != nil {
			return nil, s.m.dialect.told(ctx, err)
		}
		if c.ID == id { // where the column's collation folds, others are found too
			return c, nil
		}
	}
	return nil, store.ErrNotFound
}

// Each implements store.Streamer. It holds one customer at a time.
func (s *Mapped) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	r, err := s.reader(ctx)
	if err != nil {
		return s.m.dialect.told(ctx, err)
	}
	defer r.end()
	for c, err := range s.customers(ctx, r, nil) {
		if err != nil {
			return s.m.dialect.told(ctx, err)
		}
		if err := visit(c); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// customers reads customers in the order of their ids, all or one. Every table is
// read alongside, ordered by customer, so that no more than one customer is held.
//
// Engines whose connections carry one result at a time (PostgreSQL, MariaDB) get
// one connection a table from the pool then, and see one state only as far as the
// host's tables stand still; one customer is read table after table in the
// transaction.
func (s *Mapped) customers(ctx context.Context, r *reader, id *dangol.CustomerID) iter.Seq2[*eval.Customer, error] {
	return func(yield func(*eval.Customer, error) bool) {
		var sources []*source
		defer func() {
			for _, src := range sources {
				src.close()
			}
		}()
		open := func(kind, set string, values []sqlgen.Value, st sqlgen.Statement, err error) error {
			if err != nil {
				return err
			}
			src := &source{kind: kind, set: set, values: values, parent: kind != "" && set == "" && s.m.schema.Records[kind].Parent != ""}
			sources = append(sources, src)
			return src.open(ctx, s, r, st, id != nil || s.m.dialect == SQLite)
		}
		for _, kind := range s.kinds() {
			var values []sqlgen.Value
			for _, c := range s.m.tables[kind].columns {
				if c.set == nil {
					values = append(values, sqlgen.Value{Name: c.of.Name, Type: c.of.Type})
				}
			}
			st, err := sqlgen.Read(s.dialect(), s.m.schema, kind, values, id)
			if err := open(kind, "", values, st, err); err != nil {
				yield(nil, err)
				return
			}
			for _, c := range s.m.tables[kind].columns {
				if c.set == nil {
					continue
				}
				st, err := sqlgen.ReadSet(s.dialect(), s.m.schema, kind, c.of.Name, id)
				if err := open(kind, c.of.Name, nil, st, err); err != nil {
					yield(nil, err)
					return
				}
			}
		}
		main := sources[0]
		for main.row != nil {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			c := &eval.Customer{
				ID: dangol.CustomerID(main.row.key), Guest: main.row.guest,
				Attributes: main.row.fields, Records: map[string][]*eval.Record{},
			}
			err := main.next()
			for _, src := range sources[1:] {
				err = errors.Join(err, src.take(c, s))
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// kinds are the tables that are mapped, customers first.
func (s *Mapped) kinds() []string {
	out := []string{""}
	for _, t := range s.schema.Kinds {
		if _, ok := s.m.tables[t.Kind]; ok {
			out = append(out, t.Kind)
		}
	}
	return out
}

// source is one table being read in the order of customers.
type source struct {
	kind, set string
	values    []sqlgen.Value
	parent    bool
	rows      *sql.Rows
	read      []*row // what was read at once, where a connection carries one result
	row       *row   // the next one, nil at the end
}

// row is one row: of customers, of records, or an item of a set.
type row struct {
	key, customer, parent string
	hasParent, guest      bool
	item                  string
	fields                map[string]catalog.Value
}

func (src *source) open(ctx context.Context, s *Mapped, r *reader, st sqlgen.Statement, shared bool) error {
	text := s.m.dialect.Rebind(st.SQL)
	q := r.q
	switch {
	case shared:
	case s.m.dialect == ClickHouse:
		q = literals{s.db}
	default:
		q = s.db
	}
	rows, err := q.QueryContext(ctx, text, st.Args...)
	if err != nil {
		return fmt.Errorf("sqlstore: reading %s: %w", src.what(), err)
	}
	src.rows = rows
	if !shared || s.m.dialect == SQLite {
		return src.next()
	}
	for {
		if err := src.next(); err != nil {
			return err
		}
		if src.row == nil {
			break
		}
		src.read = append(src.read, src.row)
	}
	src.close()
	src.rows = nil
	return src.next()
}

func (src *source) what() string {
	switch {
	case src.set != "":
		return strings.TrimPrefix(src.kind+"."+src.set, ".")
	case src.kind != "":
		return src.kind
	}
	return "customers"
}

func (src *source) close() {
	if src.rows != nil {
		src.rows.Close()
	}
}

func (src *source) next() error {
	if src.rows == nil {
		src.row = nil
		if len(src.read) > 0 {
			src.row, src.read = src.read[0], src.read[1:]
		}
		return nil
	}
	if !src.rows.Next() {
		src.row = nil
		if err := src.rows.Err(); err != nil {
			return fmt.Errorf("sqlstore: reading %s: %w", src.what(), err)
		}
		return nil
	}
	out := &row{}
	var dest []any
	var parent sql.NullString
	var guest int64
	cells := make([]any, len(src.values))
	switch {
	case src.set != "" && src.kind != "":
		dest = []any{&out.customer, &out.key, &out.item}
	case src.set != "":
		dest = []any{&out.customer, &out.item}
	case src.kind == "":
		dest = []any{&out.key, &guest}
	case src.parent:
		dest = []any{&out.key, &out.customer, &parent}
	default:
		dest = []any{&out.key, &out.customer}
	}
	for i := range cells {
		dest = append(dest, &cells[i])
	}
	if err := src.rows.Scan(dest...); err != nil {
		return fmt.Errorf("sqlstore: reading %s: %w", src.what(), err)
	}
	out.guest, out.parent, out.hasParent = guest != 0, parent.String, parent.Valid
	out.fields = make(map[string]catalog.Value, len(cells))
	for i, v := range src.values {
		value, err := decoded(cells[i], v.Type)
		if err != nil {
			return fmt.Errorf("sqlstore: reading %s %q, %s: %w", src.what(), out.key, v.Name, err)
		}
		if value.Known() {
			out.fields[v.Name] = value
		}
	}
	src.row = out
	return nil
}

// take gives a customer the rows that are the customer's. Rows of nobody are
// passed over.
func (src *source) take(c *eval.Customer, s *Mapped) error {
	items := map[string][]string{} // by the record's key, "" for the customer
	for src.row != nil && dangol.CustomerID(src.row.customer) <= c.ID {
		r := src.row
		if dangol.CustomerID(r.customer) == c.ID {
			if src.set != "" {
				items[r.key] = append(items[r.key], r.item)
			} else {
				record := &eval.Record{Key: r.key, Fields: r.fields}
				if above := s.m.tables[src.kind].of.Parent; above != nil && r.hasParent {
					// Parents were read before. One that is gone is nobody's parent.
					record.Parent = find(c.Records[above.Kind], r.parent)
				}
				c.Records[src.kind] = append(c.Records[src.kind], record)
			}
		}
		if err := src.next(); err != nil {
			return err
		}
	}
	for key, list := range items {
		if src.kind == "" {
			c.Attributes[src.set] = catalog.SetValue(list...)
		} else if rec := find(c.Records[src.kind], key); rec != nil {
			rec.Fields[src.set] = catalog.SetValue(list...)
		}
	}
	return nil
}

// decoded is a value as package sqlgen's Read gives it.
func decoded(cell any, t catalog.Type) (catalog.Value, error) {
	if cell == nil {
		return catalog.Missing, nil
	}
	if t.Sort == catalog.String || t.Sort == catalog.Enum {
		switch v := cell.(type) {
		case string:
			return catalog.StringValue(v), nil
		case []byte:
			return catalog.StringValue(string(v)), nil
		}
		return catalog.StringValue(fmt.Sprint(cell)), nil
	}
	var n sql.NullInt64
	if err := n.Scan(cell); err != nil {
		return catalog.Missing, err
	}
	switch t.Sort {
	case catalog.Bool:
		return catalog.BoolValue(n.Int64 != 0), nil
	case catalog.Instant:
		return catalog.InstantValue(n.Int64), nil
	case catalog.Date:
		return catalog.DateValue(n.Int64), nil
	}
	return catalog.NumberValue(n.Int64), nil
}
