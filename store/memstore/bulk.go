package memstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store"
)

// LoadColumns fills the store while it is empty. The first change of a record by its
// key reads all keys of its kind once.
//
// store.ErrColumns is returned, and nothing has happened, where the store is not
// empty and where Options.ByEval is set; ErrFull where the columns would take more
// than Options.MaxBytes.
func (s *Store) LoadColumns(ctx context.Context, in store.Columns) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	in, err := s.schema.CheckColumns(in)
	if err != nil {
		return err
	}
	s.write.Lock()
	defer s.write.Unlock()
	if s.table == nil || s.Len() > 0 || s.hasDimensions() {
		return fmt.Errorf("%w: the store is not empty, or answers by package eval", store.ErrColumns)
	}
	dims := map[string]map[string]fields{}
	for _, r := range in.Rows {
		if t, _ := s.schema.Table(r.Kind); t.Dimension {
			dims[r.Kind] = rowsOf(t, r)
		}
	}
	if len(in.IDs) == 0 && len(in.Rows) == 0 {
		return nil
	}
	from := origin{brought: map[string]map[string]bool{}, own: map[string]map[string]fields{}}
	columns := columnar.Columns{IDs: in.IDs, Guests: in.Guests, Attributes: in.Attributes}
	for _, r := range in.Rows {
		t, _ := s.schema.Table(r.Kind) // CheckColumns found it
		if t.Dimension {
			continue
		}
		brought, own := reach(t, r.Fields, dims)
		if len(brought) > 0 {
			from.brought[r.Kind] = brought
		}
		from.own[r.Kind] = make(map[string]fields, len(own))
		for i, f := range own {
			for name := range brought {
				col, _ := t.Column(name)
				given := r.Fields[name]
				if v := valueAt(col.Type, &given, i); v.Known() {
					f[name] = v
				}
			}
			from.own[r.Kind][keyOf(r, i)] = f
		}
		columns.Rows = append(columns.Rows, columnar.Rows(r))
	}
	switch err := s.table.LoadColumns(columns); {
	case errors.Is(err, columnar.ErrShape):
		return fmt.Errorf("%w: %w", store.ErrColumns, err)
	case errors.Is(err, columnar.ErrFull):
		return ErrFull
	case err != nil:
		return err
	}
	s.dims, s.origin = dims, from
	return nil
}

func (s *Store) hasDimensions() bool {
	for _, rows := range s.dims {
		if len(rows) > 0 {
			return true
		}
	}
	return false
}

// rowsOf are the rows of a dimension by their keys.
func rowsOf(t *store.Table, r store.Rows) map[string]fields {
	out := make(map[string]fields, len(r.Keys))
	for i := range max(len(r.Keys), len(r.Numbers)) {
		f := fields{}
		for name, c := range r.Fields {
			col, _ := t.Column(name)
			if v := valueAt(col.Type, &c, i); v.Known() {
				f[name] = v
			}
		}
		out[keyOf(r, i)] = f
	}
	return out
}

func keyOf(r store.Rows, i int) string {
	if r.Keys != nil {
		return r.Keys[i]
	}
	return fmt.Sprintf("%0*d", r.Digits, r.Numbers[i])
}

// valueAt is a value of a column of a type.
func valueAt(t catalog.Type, c *catalog.Column, i int) catalog.Value {
	switch {
	case c.Missing != nil && c.Missing[i]:
		return catalog.Missing
	case c.Sets != nil && len(c.Sets[c.Codes[i]]) == 0:
		return catalog.Missing
	case c.Sets != nil:
		return catalog.SetValue(c.Sets[c.Codes[i]]...)
	case c.Codes != nil:
		return catalog.StringValue(c.Dictionary[c.Codes[i]])
	case c.Strings != nil:
		return catalog.StringValue(c.Strings[i])
	}
	switch t.Sort {
	case catalog.Bool:
		return catalog.BoolValue(c.Ints[i] == 1)
	case catalog.Instant:
		return catalog.InstantValue(c.Ints[i])
	case catalog.Date:
		return catalog.DateValue(c.Ints[i])
	}
	return catalog.NumberValue(c.Ints[i])
}

// reach adds to the fields of a kind's rows those of the dimensions that they reach,
// and tells what the rows bring of these themselves: in brought the columns that they
// alone fill, in own, by row, what goes before a dimension's.
func reach(t *store.Table, given map[string]catalog.Column, dims map[string]map[string]fields) (brought map[string]bool, own map[int]fields) {
	brought, own = map[string]bool{}, map[int]fields{}
	for _, col := range t.Columns {
		if col.Reach == nil {
			continue
		}
		rows, has := given[col.Name]
		var theirs catalog.Column
		reached := false
		if by, ok := given[col.Reach.By]; ok {
			theirs, reached = through(by, dims[col.Reach.Dimension], col.Reach.Field.Name)
		}
		switch {
		case !has && reached:
			given[col.Name] = theirs
		case has && !reached:
			brought[col.Name] = true
		case has:
			given[col.Name] = made(col.Type, rows.Len(), func(i int) catalog.Value {
				v := valueAt(col.Type, &rows, i)
				if !v.Known() {
					return valueAt(col.Type, &theirs, i)
				}
				if own[i] == nil {
					own[i] = fields{}
				}
				own[i][col.Name] = v
				return v
			})
		}
	}
	return brought, own
}

// made is a column of values.
func made(t catalog.Type, n int, at func(i int) catalog.Value) catalog.Column {
	out := catalog.Column{Missing: make([]bool, n)}
	for i := range n {
		v := at(i)
		out.Missing[i] = !v.Known()
		switch t.Sort {
		case catalog.Set:
			out.Codes, out.Sets = append(out.Codes, uint32(i)), append(out.Sets, v.Items())
		case catalog.String, catalog.Enum:
			out.Strings = append(out.Strings, v.Text())
		default:
			out.Ints = append(out.Ints, v.Int())
		}
	}
	return out
}

// through is the column of what a dimension's rows say in a field, where a column
// of text names those rows; false where none says anything.
func through(by catalog.Column, dim map[string]fields, field string) (out catalog.Column, ok bool) {
	names := by.Dictionary
	if by.Codes == nil {
		names = by.Strings
	}
	values := make([]catalog.Value, len(names))
	for i, name := range names {
		values[i] = dim[name][field]
	}
	n := by.Len()
	at := func(row int) int {
		if by.Codes != nil {
			return int(by.Codes[row])
		}
		return row
	}
	out.Missing = make([]bool, n)
	some := catalog.Missing
	for row := range n {
		v := values[at(row)]
		out.Missing[row] = !v.Known() || by.Missing != nil && by.Missing[row]
		if v.Known() {
			some = v
		}
	}
	switch some.Sort() {
	case catalog.Missing.Sort():
		return out, false
	case catalog.String:
		out.Codes, out.Dictionary = make([]uint32, n), make([]string, len(values))
		for i, v := range values {
			out.Dictionary[i] = v.Text()
		}
	case catalog.Set:
		out.Codes, out.Sets = make([]uint32, n), make([][]string, len(values))
		for i, v := range values {
			out.Sets[i] = v.Items()
		}
	default:
		out.Ints = make([]int64, n)
	}
	for row := range n {
		if out.Ints == nil {
			out.Codes[row] = uint32(at(row))
			continue
		}
		out.Ints[row] = values[at(row)].Int()
	}
	return out, true
}
