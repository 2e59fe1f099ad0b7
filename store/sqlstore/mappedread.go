package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

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
	r, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer r.end()
	var found *eval.Customer
	for c, err := range s.customers(ctx, r, &id) {
		if err != nil {
			return nil, err
		}
		found = c
	}
	if found == nil {
		return nil, store.ErrNotFound
	}
	return found, nil
}

// Each implements store.Streamer. It holds one customer at a time.
func (s *Mapped) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	r, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer r.end()
	for c, err := range s.customers(ctx, r, nil) {
		if err != nil {
			return err
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
				if c.set == nil || kind != "" {
					continue
				}
				st, err := sqlgen.ReadSet(s.dialect(), s.m.schema, c.of.Name, id)
				if err := open("", c.of.Name, nil, st, err); err != nil {
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
			if err == nil {
				link(c, s.schema)
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

// link gives records their parents; one whose parent is gone belongs to none.
func link(c *eval.Customer, schema *store.Schema) {
	for kind, records := range c.Records {
		t, err := schema.Table(kind)
		if err != nil || t.Parent == nil {
			continue
		}
		parents := map[string]*eval.Record{}
		for _, p := range c.Records[t.Parent.Kind] {
			parents[p.Key] = p
		}
		for _, r := range records {
			if parent, ok := r.Fields[t.ParentField]; ok {
				r.Parent = parents[parent.Text()]
			}
		}
	}
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
	if !shared {
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
		return src.set
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
	var items []string
	for src.row != nil && dangol.CustomerID(src.row.customer) <= c.ID {
		r := src.row
		if dangol.CustomerID(r.customer) == c.ID {
			if src.set != "" {
				items = append(items, r.item)
			} else {
				if t, err := s.schema.Table(src.kind); err == nil && r.hasParent && t.ParentField != "" {
					r.fields[t.ParentField] = catalog.StringValue(r.parent)
				}
				c.Records[src.kind] = append(c.Records[src.kind], &eval.Record{Key: r.key, Fields: r.fields})
			}
		}
		if err := src.next(); err != nil {
			return err
		}
	}
	if len(items) > 0 {
		c.Attributes[src.set] = catalog.SetValue(items...)
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
