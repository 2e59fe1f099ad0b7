package sqlstore

import (
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/dangol-dev/dangol/store"
)

const (
	// bulkArgs is how many arguments a statement of many rows has at most. SQLite takes
	// 32,766 and PostgreSQL 65,535, and more than this is no faster.
	bulkArgs = 8_000
	// bulkRows is how many rows are held before all are sent.
	bulkRows = 2_000
	// bulkKeys is how many rows a load remembers before it asks the database again.
	bulkKeys = 1 << 21
)

// bulk fills tables that were empty when the transaction began to look, by statements
// of many rows. They are plain INSERTs: a row that another transaction wrote meanwhile
// makes them fail, and the load with them. What it does not take is for the writer.
type bulk struct {
	w     *writer
	fresh *fresh
	fills map[*store.Table]*bulkTable
	held  int
}

type bulkTable struct {
	own  *ownTable
	rows *manyRows
	sets []*manyRows // of own.sets
}

// manyRows are rows on their way to a table.
type manyRows struct {
	table   string
	columns []string
	args    []any
}

// newBulk is nil where a table has rows.
func newBulk(w *writer) (*bulk, error) {
	b := &bulk{w: w, fresh: newFresh(w.s.schema), fills: map[*store.Table]*bulkTable{}}
	empty := func(t *store.Table) (bool, error) {
		one := 0
		found, err := w.one("SELECT 1 FROM "+w.q(w.table(t).name)+" LIMIT 1", nil, &one)
		return !found, err
	}
	if ok, err := empty(w.s.schema.Customers); err != nil || !ok { // before anything is locked
		return nil, err
	}
	for _, t := range w.s.schema.Dimensions {
		if err := w.lock(t.Kind, true); err != nil { // then nobody adds a row that is remembered as missing
			return nil, err
		}
	}
	for _, t := range w.s.schema.Tables() {
		if ok, err := empty(t); err != nil || !ok {
			return nil, err
		}
		own := w.table(t)
		fill := &bulkTable{own: own, rows: &manyRows{table: own.name, columns: own.fixed()}}
		for _, c := range own.columns {
			fill.rows.columns = append(fill.rows.columns, c.Name)
			if c.own != "" {
				fill.rows.columns = append(fill.rows.columns, c.own)
			}
		}
		for _, set := range own.sets {
			fill.sets = append(fill.sets, &manyRows{table: set.table, columns: []string{"owner", "item"}})
		}
		b.fills[t] = fill
	}
	return b, nil
}

// put takes a checked change, or tells with false that it, and all that follow, are for
// the writer; then everything was sent.
func (b *bulk) put(c store.Change) (bool, error) {
	t, err := b.w.s.schema.Table(c.Kind)
	if err != nil || b.held%1000 == 0 && b.fresh.size() > bulkKeys || b.fresh.take(t, c) != "" {
		return false, b.flush()
	}
	fill, key := b.fills[t], c.Key
	switch {
	case t.Kind == "":
		key = string(c.Customer)
		fill.rows.add(key, c.Guest, int64(sample.Bucket(key)))
	case t.Parent != nil:
		fill.rows.add(key, string(c.Customer), c.Parent)
	case t.Dimension:
		fill.rows.add(key)
	default:
		fill.rows.add(key, string(c.Customer))
	}
	for _, col := range fill.own.columns {
		fill.rows.add(argument(b.fresh.value(col.Column, c.Fields)))
		if col.own != "" {
			fill.rows.add(argument(c.Fields[col.Name]))
		}
	}
	for i, set := range fill.own.sets { // what a dimension gives stands in the dimension's
		for _, item := range c.Fields[set.column.Name].Items() {
			fill.sets[i].add(key, item)
		}
	}
	if b.held++; b.held < bulkRows {
		return true, nil
	}
	return true, b.flush()
}

// flush sends all rows, customers first.
func (b *bulk) flush() error {
	for _, t := range b.w.s.schema.Tables() {
		fill := b.fills[t]
		for _, rows := range append([]*manyRows{fill.rows}, fill.sets...) {
			if err := rows.send(b.w); err != nil {
				return err
			}
		}
	}
	b.held = 0
	return nil
}

func (m *manyRows) add(args ...any) { m.args = append(m.args, args...) }

func (m *manyRows) send(w *writer) error {
	width := len(m.columns)
	most := max(1, bulkArgs/width)
	for rest := m.args; len(rest) > 0; {
		n := min(len(rest)/width, most)
		for n < most && n&(n-1) != 0 { // few different statements: those that remain are of powers of two
			n &= n - 1
		}
		if err := w.exec(m.statement(w, n), rest[:n*width]...); err != nil {
			return fmt.Errorf("fill %s: %w", m.table, err)
		}
		rest = rest[n*width:]
	}
	clear(m.args)
	m.args = m.args[:0]
	return nil
}

func (m *manyRows) statement(w *writer, n int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(m.columns)), ", ") + ")"
	return "INSERT INTO " + w.q(m.table) + " (" + w.s.d.quoteAll(m.columns) + ") VALUES " + strings.TrimSuffix(strings.Repeat(row+", ", n), ", ")
}
