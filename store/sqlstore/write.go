package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/dangol-dev/dangol/store"
)

// remembered is how many answers a writer keeps of each sort, so that a load of
// many records does not ask the same again. What it remembers cannot change under
// it where the engine locks what it read; see customer.
const remembered = 1 << 16

// writer makes checked changes in one transaction.
type writer struct {
	ctx        context.Context
	s          *Store
	tx         *sql.Tx
	statements map[string]*sql.Stmt
	customers  map[dangol.CustomerID]bool
	counts     map[countKey]int
	dims       map[dimKey]map[string]catalog.Value
	locked     map[string]bool // dimensions; true where this transaction writes them
}

type countKey struct {
	kind     string
	customer dangol.CustomerID
}

type dimKey struct{ dimension, key string }

func newWriter(ctx context.Context, s *Store, tx *sql.Tx) *writer {
	w := &writer{ctx: ctx, s: s, tx: tx, statements: map[string]*sql.Stmt{}, locked: map[string]bool{}}
	w.forget()
	return w
}

// forget drops what was remembered, after a change that could falsify it.
func (w *writer) forget() {
	w.customers = map[dangol.CustomerID]bool{}
	w.counts = map[countKey]int{}
	w.dims = map[dimKey]map[string]catalog.Value{}
}

func (w *writer) close() {
	for _, st := range w.statements {
		st.Close() // the transaction's end closes it too
	}
}

func (w *writer) prepared(query string) (*sql.Stmt, error) {
	if st, ok := w.statements[query]; ok {
		return st, nil
	}
	st, err := w.tx.PrepareContext(w.ctx, w.s.d.Rebind(query))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: prepare %q: %w", query, err)
	}
	w.statements[query] = st
	return st, nil
}

func (w *writer) exec(query string, args ...any) error {
	st, err := w.prepared(query)
	if err != nil {
		return err
	}
	if _, err := st.ExecContext(w.ctx, args...); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// one reads the only row of a query; found is false when there is none.
func (w *writer) one(query string, args []any, into ...any) (found bool, err error) {
	st, err := w.prepared(query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(w.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sqlstore: %w", err)
	}
	return true, nil
}

func (w *writer) table(t *store.Table) *ownTable { return w.s.layout.tables[t] }

func (w *writer) q(name string) string { return w.s.d.Quote(name) }

// apply makes one checked change.
func (w *writer) apply(c store.Change) error {
	bad := func(why string) error { return &store.InvalidError{Change: c, Why: why} }
	if c.Op == store.Merge {
		return w.merge(c, bad)
	}
	if c.Kind == "" {
		return w.applyCustomer(c, bad)
	}
	t, err := w.s.schema.Table(c.Kind)
	if err != nil {
		return bad(err.Error())
	}
	if t.Dimension {
		return w.applyDimension(w.table(t), c, bad)
	}
	return w.applyRecord(w.table(t), c, bad)
}

func (w *writer) applyCustomer(c store.Change, bad func(string) error) error {
	t := w.table(w.s.schema.Customers)
	switch c.Op {
	case store.Put:
		w.customers[c.Customer] = true
		fixed := []any{string(c.Customer), c.Guest, int64(sample.Bucket(string(c.Customer)))}
		if err := w.upsert(t, fixed, c.Fields, nil); err != nil {
			return err
		}
		return w.putSets(t, string(c.Customer), c.Fields, true)
	case store.Set:
		var guest bool
		found, err := w.one("SELECT "+w.q(guestColumn)+" FROM "+w.q(t.name)+" WHERE "+w.q(idColumn)+" = ?"+w.s.d.ForUpdate(), []any{string(c.Customer)}, &guest)
		if err != nil {
			return err
		}
		if !found {
			return bad("no such customer")
		}
		if name := w.takenAway(c.Fields); name != "" && !guest {
			return &store.InvalidError{Change: c, Field: name, Why: "is required"}
		}
		if err := w.update(t, string(c.Customer), c.Fields); err != nil {
			return err
		}
		return w.putSets(t, string(c.Customer), c.Fields, false)
	}
	return w.deleteCustomer(c.Customer)
}

// takenAway is the first required attribute that a Set takes away, "" for none.
func (w *writer) takenAway(fields map[string]catalog.Value) string {
	for _, col := range w.s.schema.Customers.Columns {
		if v, ok := fields[col.Name]; ok && !v.Known() && col.Required && col.Type.Sort != catalog.Set {
			return col.Name
		}
	}
	return ""
}

func (w *writer) deleteCustomer(id dangol.CustomerID) error {
	// Locked first: whoever adds a record to the customer locks the same row.
	delete(w.customers, id)
	if found, err := w.customer(id); err != nil || !found {
		return err
	}
	for _, kind := range slices.Backward(w.s.schema.Kinds) { // children before parents
		t := w.table(kind)
		for _, set := range t.sets {
			err := w.exec("DELETE FROM "+w.q(set.table)+" WHERE owner IN (SELECT "+w.q(idColumn)+" FROM "+w.q(t.name)+
				" WHERE "+w.q(customerColumn)+" = ?)", string(id))
			if err != nil {
				return err
			}
		}
		if err := w.exec("DELETE FROM "+w.q(t.name)+" WHERE "+w.q(customerColumn)+" = ?", string(id)); err != nil {
			return err
		}
	}
	w.forget()
	return w.deleteRow(w.table(w.s.schema.Customers), string(id))
}

// deleteRow removes one row with its sets.
func (w *writer) deleteRow(t *ownTable, id string) error {
	for _, set := range t.sets {
		if err := w.exec("DELETE FROM "+w.q(set.table)+" WHERE owner = ?", id); err != nil {
			return err
		}
	}
	return w.exec("DELETE FROM "+w.q(t.name)+" WHERE "+w.q(idColumn)+" = ?", id)
}

// upsert writes a whole row: its fixed columns, its fields, and with resolve the
// fields that dimensions give it.
func (w *writer) upsert(t *ownTable, fixed []any, fields map[string]catalog.Value, resolve func(ownColumn) (catalog.Value, error)) error {
	args := append(make([]any, 0, len(fixed)+2*len(t.columns)), fixed...)
	for _, c := range t.columns {
		v := fields[c.Name]
		if c.own == "" {
			args = append(args, argument(v))
			continue
		}
		resolved := v
		if !v.Known() {
			var err error
			if resolved, err = resolve(c); err != nil {
				return err
			}
		}
		args = append(args, argument(resolved), argument(v))
	}
	return w.exec(t.upsert, args...)
}

// update sets some fields of a row that exists.
func (w *writer) update(t *ownTable, id string, fields map[string]catalog.Value) error {
	var set []string
	var args []any
	for _, c := range t.columns {
		v, ok := fields[c.Name]
		if !ok {
			continue
		}
		name := c.Name
		if c.own != "" {
			name = c.own // the resolved one follows
		}
		set = append(set, w.q(name)+" = ?")
		args = append(args, argument(v))
	}
	if len(set) == 0 {
		return nil
	}
	return w.exec("UPDATE "+w.q(t.name)+" SET "+strings.Join(set, ", ")+" WHERE "+w.q(idColumn)+" = ?", append(args, id)...)
}

// putSets writes the sets of a row: all of them for a whole row, else those given.
func (w *writer) putSets(t *ownTable, id string, fields map[string]catalog.Value, whole bool) error {
	for _, set := range t.sets {
		v, given := fields[set.column.Name]
		if !given && !whole {
			continue
		}
		if err := w.exec("DELETE FROM "+w.q(set.table)+" WHERE owner = ?", id); err != nil {
			return err
		}
		for _, item := range v.Items() {
			if err := w.exec("INSERT INTO "+w.q(set.table)+" (owner, item) VALUES (?, ?)", id, item); err != nil {
				return err
			}
		}
	}
	return nil
}

// argument is a value as the driver takes it.
func argument(v catalog.Value) any {
	switch v.Sort() {
	case 0:
		return nil
	case catalog.Bool:
		return v.Bool()
	case catalog.String:
		return v.Text()
	}
	return v.Int()
}

// customer tells whether the customer exists, and locks the row where the engine
// has row locks, so that it stays until the transaction ends.
func (w *writer) customer(id dangol.CustomerID) (bool, error) {
	if known, ok := w.customers[id]; ok {
		return known, nil
	}
	var one int
	found, err := w.one("SELECT 1 FROM "+w.q(w.table(w.s.schema.Customers).name)+" WHERE "+w.q(idColumn)+" = ?"+w.s.d.ForUpdate(), []any{string(id)}, &one)
	if err != nil {
		return false, err
	}
	if len(w.customers) >= remembered {
		clear(w.customers)
	}
	w.customers[id] = found
	return found, nil
}
