package sqlstore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// owner reads whose a record is.
func (w *writer) owner(t *ownTable, key string) (id dangol.CustomerID, found bool, err error) {
	var text string
	found, err = w.one("SELECT "+w.q(customerColumn)+" FROM "+w.q(t.name)+" WHERE "+w.q(idColumn)+" = ?"+w.s.d.ForUpdate(), []any{key}, &text)
	return dangol.CustomerID(text), found, err
}

func (w *writer) applyRecord(t *ownTable, c store.Change, bad func(string) error) error {
	whose, exists, err := w.owner(t, c.Key)
	if err != nil {
		return err
	}
	if exists && c.Customer != "" && c.Customer != whose {
		return bad(fmt.Sprintf("it belongs to customer %q", string(whose)))
	}
	if !exists {
		switch c.Op {
		case store.Set:
			return bad("no such record")
		case store.Delete:
			return nil
		}
		whose = c.Customer
		there, err := w.customer(whose)
		if err != nil {
			return err
		}
		if !there {
			return bad(fmt.Sprintf("no such customer: %q", string(whose)))
		}
	}
	if c.Op == store.Delete {
		return w.deleteRecord(t, whose, c.Key)
	}
	if c.Parent != "" {
		above, found, err := w.owner(w.table(t.of.Parent), c.Parent)
		switch {
		case err != nil:
			return err
		case !found:
			return bad(fmt.Sprintf("no %s %q", t.of.ParentField, c.Parent))
		case above != whose:
			return bad(fmt.Sprintf("its %s %q belongs to customer %q", t.of.ParentField, c.Parent, string(above)))
		}
	}
	if c.Op == store.Set {
		return w.setRecord(t, c)
	}
	if !exists {
		n, err := w.count(t, whose)
		if err != nil {
			return err
		}
		if n >= t.of.Limit {
			return bad(fmt.Sprintf("the customer has %d %s already, the most that the catalog allows", t.of.Limit, c.Kind))
		}
		w.counts[countKey{c.Kind, whose}]++
	}
	fixed := []any{c.Key, string(whose)}
	if t.of.Parent != nil {
		fixed = append(fixed, c.Parent)
	}
	err = w.upsert(t, fixed, c.Fields, func(col ownColumn) (catalog.Value, error) {
		row, err := w.dimension(col.Reach.Dimension, c.Fields[col.Reach.By])
		return row[col.Reach.Field.Name], err
	})
	if err != nil {
		return err
	}
	return w.putSets(t, c.Key, c.Fields, true)
}

// setRecord changes some fields of a record, and then what dimensions give it.
func (w *writer) setRecord(t *ownTable, c store.Change) error {
	if c.Parent != "" {
		err := w.exec("UPDATE "+w.q(t.name)+" SET "+w.q(t.of.ParentField)+" = ? WHERE "+w.q(idColumn)+" = ?", c.Parent, c.Key)
		if err != nil {
			return err
		}
	}
	if err := w.update(t, c.Key, c.Fields); err != nil {
		return err
	}
	if err := w.putSets(t, c.Key, c.Fields, false); err != nil {
		return err
	}
	for _, col := range t.columns {
		if col.own == "" {
			continue
		}
		_, own := c.Fields[col.Name]
		_, by := c.Fields[col.Reach.By]
		if !own && !by {
			continue
		}
		if err := w.lock(col.Reach.Dimension, false); err != nil {
			return err
		}
		err := w.exec("UPDATE "+w.q(t.name)+" SET "+w.s.layout.resolve(t, col)+" WHERE "+w.q(idColumn)+" = ?", c.Key)
		if err != nil {
			return err
		}
	}
	return nil
}

// mustTable finds a table that the schema has: it named it itself.
func (w *writer) mustTable(name string) *store.Table {
	t, _ := w.s.schema.Table(name)
	return t
}

// count is how many records of a kind the customer has.
func (w *writer) count(t *ownTable, id dangol.CustomerID) (int, error) {
	k := countKey{t.of.Kind, id}
	if n, ok := w.counts[k]; ok {
		return n, nil
	}
	var n int
	if _, err := w.one("SELECT count(*) FROM "+w.q(t.name)+" WHERE "+w.q(customerColumn)+" = ?", []any{string(id)}, &n); err != nil {
		return 0, err
	}
	if len(w.counts) >= remembered {
		clear(w.counts)
	}
	w.counts[k] = n
	return n, nil
}

// deleteRecord removes a record, with those that belong to it.
func (w *writer) deleteRecord(t *ownTable, whose dangol.CustomerID, key string) error {
	for _, kind := range w.s.schema.Kinds {
		if kind.Parent != t.of {
			continue
		}
		child := w.table(kind)
		keys, err := w.keys("SELECT "+w.q(idColumn)+" FROM "+w.q(child.name)+" WHERE "+w.q(kind.ParentField)+" = ?", key)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := w.deleteRecord(child, whose, k); err != nil {
				return err
			}
		}
	}
	delete(w.counts, countKey{t.of.Kind, whose})
	return w.deleteRow(t, key)
}

func (w *writer) keys(query string, args ...any) ([]string, error) {
	st, err := w.prepared(query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(w.ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
		out = append(out, key)
	}
	return out, rows.Err()
}

// lock keeps apart who writes a dimension and who writes records that reach it:
// otherwise a record could be written with a value that has just changed. It locks
// the dimension's row in the ledger, since rows that are not there yet, such as a new
// product's, cannot be locked. SQLite has one writer anyway.
func (w *writer) lock(dimension string, write bool) error {
	if was, ok := w.locked[dimension]; w.s.d == SQLite || ok && (was || !write) {
		return nil
	}
	how := w.s.d.ForUpdate()
	if !write {
		how = w.s.d.ForShare()
	}
	var one string
	_, err := w.one("SELECT declared FROM "+w.q(w.s.opts.Prefix+"columns")+" WHERE of_table = ? AND name = ''"+how,
		[]any{w.table(w.mustTable(dimension)).name}, &one)
	w.locked[dimension] = write
	return err
}

// dimension reads the row that a record's field points at; nil when there is none.
func (w *writer) dimension(name string, key catalog.Value) (map[string]catalog.Value, error) {
	if !key.Known() {
		return nil, nil
	}
	if err := w.lock(name, false); err != nil {
		return nil, err
	}
	k := dimKey{name, key.Text()}
	if row, ok := w.dims[k]; ok {
		return row, nil
	}
	t := w.table(w.mustTable(name))
	row := map[string]catalog.Value{}
	if len(t.columns) > 0 {
		cells := make([]cell, len(t.columns))
		names, into := make([]string, len(cells)), make([]any, len(cells))
		for i, c := range t.columns {
			names[i], into[i] = c.Name, cells[i].into(c.Type)
		}
		_, err := w.one("SELECT "+w.s.d.quoteAll(names)+" FROM "+w.q(t.name)+" WHERE "+w.q(idColumn)+" = ?", []any{k.key}, into...)
		if err != nil {
			return nil, err
		}
		for i, c := range t.columns {
			row[c.Name] = cells[i].value(c.Type)
		}
	}
	if len(w.dims) >= remembered {
		clear(w.dims)
	}
	w.dims[k] = row
	return row, nil
}

func (w *writer) applyDimension(t *ownTable, c store.Change, bad func(string) error) error {
	if err := w.lock(c.Kind, true); err != nil {
		return err
	}
	delete(w.dims, dimKey{c.Kind, c.Key})
	switch c.Op {
	case store.Put:
		if err := w.upsert(t, []any{c.Key}, c.Fields, nil); err != nil {
			return err
		}
		if err := w.putSets(t, c.Key, c.Fields, true); err != nil {
			return err
		}
	case store.Set:
		var one int
		found, err := w.one("SELECT 1 FROM "+w.q(t.name)+" WHERE "+w.q(idColumn)+" = ?"+w.s.d.ForUpdate(), []any{c.Key}, &one)
		if err != nil {
			return err
		}
		if !found {
			return bad("no such row")
		}
		if err := w.update(t, c.Key, c.Fields); err != nil {
			return err
		}
		if err := w.putSets(t, c.Key, c.Fields, false); err != nil {
			return err
		}
	case store.Delete:
		if err := w.deleteRow(t, c.Key); err != nil {
			return err
		}
	}
	return w.follow(t, c.Key)
}

// follow gives the records that reach a row of a dimension its values.
func (w *writer) follow(dim *ownTable, key string) error {
	row, err := w.dimension(dim.of.Kind, catalog.StringValue(key))
	if err != nil {
		return err
	}
	for _, kind := range w.s.schema.Kinds {
		t := w.table(kind)
		for _, by := range t.reachedBy() {
			var set []string
			var args []any
			for _, col := range t.columns {
				if col.Reach != nil && col.Reach.By == by && col.Reach.Dimension == dim.of.Kind {
					set = append(set, w.q(col.Name)+" = COALESCE("+w.q(col.own)+", ?)")
					args = append(args, argument(row[col.Reach.Field.Name]))
				}
			}
			if len(set) == 0 {
				continue
			}
			err := w.exec("UPDATE "+w.q(t.name)+" SET "+strings.Join(set, ", ")+" WHERE "+w.q(by)+" = ?", append(args, key)...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// merge moves the records of one customer to another.
func (w *writer) merge(c store.Change, bad func(string) error) error {
	w.forget()
	ids := []dangol.CustomerID{c.Customer, c.From}
	slices.Sort(ids) // so that two merges lock in one order
	there := map[dangol.CustomerID]bool{}
	for _, id := range ids {
		found, err := w.customer(id)
		if err != nil {
			return err
		}
		there[id] = found
	}
	if !there[c.Customer] {
		return bad("no such customer")
	}
	if !there[c.From] {
		return nil
	}
	for _, kind := range w.s.schema.Kinds {
		t := w.table(kind)
		moved, err := w.count(t, c.From)
		if err != nil {
			return err
		}
		kept, err := w.count(t, c.Customer)
		if err != nil {
			return err
		}
		if moved+kept > kind.Limit {
			return bad("the two have more " + kind.Kind + " together than the catalog allows a customer")
		}
		if moved == 0 {
			continue
		}
		err = w.exec("UPDATE "+w.q(t.name)+" SET "+w.q(customerColumn)+" = ? WHERE "+w.q(customerColumn)+" = ?", string(c.Customer), string(c.From))
		if err != nil {
			return err
		}
	}
	w.forget()
	return w.deleteRow(w.table(w.s.schema.Customers), string(c.From))
}
