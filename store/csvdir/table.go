package csvdir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/store"
)

// The columns that are no attribute or field.
const (
	idColumn       = "id"
	customerColumn = "customer"
	guestColumn    = "guest"
)

// checkEvery is after how many rows a load looks whether its context has ended.
const checkEvery = 1024

// header tells what the columns of a file hold.
type header struct {
	names   []string
	columns []*store.Column // nil for the columns below
	id      int             // the index of each column that is no field, -1 for none
	guest   int
	owner   int // the customer, or the key of the parent
}

// table reads the rows of one file. What is wrong in the data goes to l.errs; the
// error is of another kind.
func (l *loader) table(ctx context.Context, t *store.Table, put func(store.Change) bool) error {
	f, err := l.fsys.Open(t.Rows + ".csv")
	if err != nil {
		return fmt.Errorf("csvdir: %w", err)
	}
	defer f.Close()
	r := newReader(f)
	l.keys[t] = map[string]seen{}
	cells, err := r.read()
	if err == io.EOF {
		l.fail(Error{File: l.file(t), Message: "the file is empty", Hint: "its first line names the columns"})
		return nil
	}
	if err != nil {
		return l.broken(t, err)
	}
	h := l.header(t, r, cells)
	if h == nil {
		l.unread[t] = true
		return nil
	}
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, err := r.read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return l.broken(t, err)
		}
		if c, ok := l.row(t, h, r, cells, n); ok && len(l.errs) == 0 && !put(c) {
			return errStopped
		}
		if len(l.errs) >= mostErrors {
			l.errs = l.errs[:mostErrors]
			return nil
		}
	}
}

// broken records a row that is not CSV, after which the file cannot be trusted.
func (l *loader) broken(t *store.Table, err error) error {
	var bad *badRow
	if !errors.As(err, &bad) {
		return fmt.Errorf("csvdir: read %s: %w", l.file(t), err)
	}
	l.unread[t] = true
	l.fail(Error{l.file(t), bad.at.line, bad.at.column, bad.why, bad.hint})
	return nil
}

// header reads the first row, nil where something in it is wrong.
func (l *loader) header(t *store.Table, r *reader, cells []cell) *header {
	before := len(l.errs)
	h := &header{id: -1, guest: -1, owner: -1}
	at := map[string]bool{}
	fail := func(c cell, message, hint string) {
		p := r.place(c.at)
		l.fail(Error{l.file(t), p.line, p.column, message, hint})
	}
	for i, c := range cells {
		name := catalog.Type{}.Normal(string(c.text))
		h.names, h.columns = append(h.names, name), append(h.columns, nil)
		switch {
		case name == idColumn:
			h.id = i
		case name == ownerColumn(t) && name != "":
			h.owner = i
		case name == guestColumn && t == l.schema.Customers:
			h.guest = i
		default:
			col, err := t.Column(name)
			if err != nil {
				message, hint := l.unknown(t, name, err)
				fail(c, message, hint)
				continue
			}
			h.columns[i], name = col, col.Name
		}
		if at[name] {
			fail(c, fmt.Sprintf("the column %s stands twice", name), "")
		}
		at[name] = true
	}
	for _, need := range []string{l.needsID(t), ownerColumn(t)} {
		if need != "" && !at[need] {
			l.fail(Error{File: l.file(t), Line: r.first, Message: "the column " + need + " is missing"})
		}
	}
	if len(l.errs) > before {
		return nil
	}
	return h
}

// ownerColumn is the column that tells whose a record is, "" for none.
func ownerColumn(t *store.Table) string {
	switch {
	case t.Kind == "" || t.Dimension:
		return ""
	case t.Parent != nil:
		return t.ParentField
	}
	return customerColumn
}

// needsID is the column id where a file cannot do without.
func (l *loader) needsID(t *store.Table) string {
	if t.Kind == "" || t.Dimension {
		return idColumn
	}
	for _, child := range l.schema.Kinds {
		if child.Parent == t {
			for _, file := range l.tables {
				if file == child {
					return idColumn
				}
			}
		}
	}
	return ""
}

func (l *loader) unknown(t *store.Table, name string, err error) (message, hint string) {
	if a, ok := l.schema.Catalog.Attribute(name); ok && t == l.schema.Customers && a.Derived != "" {
		return name + " is computed from records", "it is " + a.Derived + "; leave the column out"
	}
	message = fmt.Sprintf("unknown column %q", name)
	if strings.HasPrefix(err.Error(), "write ") {
		return message, err.Error()
	}
	candidates := []string{idColumn}
	if owner := ownerColumn(t); owner != "" {
		candidates = append(candidates, owner)
	}
	for _, c := range t.Columns {
		if c.Reach != nil && c.Reach.Field.Name != c.Name {
			candidates = append(candidates, c.Reach.Field.Name)
		}
		candidates = append(candidates, c.Name)
	}
	if near, ok := source.Closest(name, candidates); ok {
		return message, "did you mean " + near + "?"
	}
	return message, "the columns of this file are " + strings.Join(candidates, ", ")
}

// row makes a change of a row. Everything wrong in it is recorded.
func (l *loader) row(t *store.Table, h *header, r *reader, cells []cell, n int) (store.Change, bool) {
	before := len(l.errs)
	fail := func(i int, message, hint string) {
		p := r.place(cells[i].at)
		l.fail(Error{l.file(t), p.line, p.column, message, hint})
	}
	if len(cells) != len(h.names) {
		hint := ""
		if len(cells) > len(h.names) {
			hint = "put a cell with a comma in quotes"
		}
		l.fail(Error{l.file(t), r.first, 0,
			fmt.Sprintf("the row has %s, the header has %d", cellCount(len(cells)), len(h.names)), hint})
		return store.Change{}, false
	}
	c := store.Change{Kind: t.Kind, Fields: make(map[string]catalog.Value, len(cells))}
	l.identity(t, h, r, cells, n, &c, fail)
	for i, cell := range cells {
		if len(cell.text) == 0 {
			continue
		}
		if i == h.guest {
			switch string(cell.text) {
			case "true":
				c.Guest = true
			case "false":
			default:
				fail(i, fmt.Sprintf("guest: %s is neither true nor false", quote(string(cell.text))), "")
			}
		}
		col := h.columns[i]
		if col == nil {
			continue
		}
		v, err := parse(col.Type, string(cell.text), l.zone)
		if err != nil {
			hint := ""
			if h := (hinted{}); errors.As(err, &h) {
				hint = h.hint
			}
			fail(i, col.Name+": "+err.Error(), hint)
			continue
		}
		c.Fields[col.Name] = v
	}
	if len(l.errs) == before {
		l.check(t, h, c, r, fail)
	}
	return c, len(l.errs) == before
}

func cellCount(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return fmt.Sprintf("%d cells", n)
}

// identity reads who the row is and to whom it belongs.
func (l *loader) identity(t *store.Table, h *header, r *reader, cells []cell, n int, c *store.Change, fail func(int, string, string)) {
	id := ""
	switch {
	case h.id < 0:
		id = fmt.Sprintf("%010d", n) // in the order of its bytes, too
	case len(cells[h.id].text) == 0:
		fail(h.id, "id is missing", "")
		return
	default:
		id = string(cells[h.id].text)
	}
	whose := ""
	if h.owner >= 0 {
		name := h.names[h.owner]
		key := string(cells[h.owner].text)
		above := t.Parent
		if above == nil {
			above = l.schema.Customers
		} else {
			key = catalog.Type{}.Normal(key)
		}
		up, ok := l.keys[above][key]
		switch {
		case key == "":
			fail(h.owner, name+" is missing", "")
			return
		case !ok && !l.unread[above]:
			fail(h.owner, fmt.Sprintf("no %s has the id %s", name, quote(key)), "each must stand in "+above.Rows+".csv")
			return
		case t.Parent != nil:
			c.Parent, whose = key, up.customer
			if !ok {
				return // nobody knows whose it is, and the file above was blamed
			}
		default:
			whose = key
		}
	}
	if t.Kind == "" {
		c.Customer = dangol.CustomerID(id)
	} else {
		id = catalog.Type{}.Normal(id)
		c.Key, c.Customer = id, dangol.CustomerID(whose)
	}
	if twin, ok := l.keys[t][id]; ok {
		fail(max(h.id, 0), fmt.Sprintf("the id %s stands on line %d already", quote(id), twin.line), "")
		return
	}
	l.keys[t][id] = seen{line: r.first, customer: whose}
}

// check asks the schema about the whole change, so that its errors get a place.
func (l *loader) check(t *store.Table, h *header, c store.Change, r *reader, fail func(int, string, string)) {
	_, err := l.schema.Check(c)
	var bad *store.InvalidError
	if !errors.As(err, &bad) {
		return
	}
	for i, col := range h.columns {
		if col != nil && col.Name == bad.Field {
			if c.Fields[col.Name].Known() {
				fail(i, bad.Field+" "+bad.Why, "")
			} else {
				fail(i, bad.Field+" is missing", "")
			}
			return
		}
	}
	if bad.Field == "" && h.id >= 0 {
		fail(h.id, bad.Why, "")
		return
	}
	l.fail(Error{File: l.file(t), Line: r.first, Message: invalid(bad)})
}
