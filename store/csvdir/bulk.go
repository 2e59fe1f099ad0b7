package csvdir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// bulk reads a folder into columns, several times as fast as row by row, where
// nothing is wrong in it. It explains nothing: whatever it stumbles over is
// errOdd, and the folder is then read again row by row.
type bulk struct {
	*loader
	sheets map[*store.Table]*sheet
}

// sheet is one file as columns.
type sheet struct {
	table    *store.Table
	head     *header
	columns  []*column // by the header's, nil for what is no field
	keys     *names    // by which its rows are known, nil where the file has no id
	n        int
	guests   []bool
	customer []uint32
	parent   []uint32
}

// byColumns loads the folder, or tells with false that it must be read row by row.
func (l *loader) byColumns(ctx context.Context, into store.ColumnLoader) (bool, error) {
	b := &bulk{loader: l, sheets: map[*store.Table]*sheet{}}
	err := into.LoadColumns(ctx, store.Columns{})
	if err == nil {
		err = b.read(ctx)
	}
	if err == nil {
		var in store.Columns
		if in, err = b.gathered(); err == nil {
			b.sheets = nil
			err = into.LoadColumns(ctx, in)
		}
	}
	if errors.Is(err, errOdd) || errors.Is(err, store.ErrColumns) {
		return false, nil
	}
	return true, err
}

// read reads all files, those at the same time of which none is the other's parent.
func (b *bulk) read(ctx context.Context) error {
	for level := 0; len(b.sheets) < len(b.tables); level++ {
		var now []*sheet
		for _, t := range b.tables {
			if depth(t) == level {
				now = append(now, &sheet{table: t})
			}
		}
		errs := make([]error, len(now))
		var wg sync.WaitGroup
		for i, s := range now {
			wg.Go(func() { errs[i] = b.sheet(ctx, s) })
		}
		wg.Wait()
		for i, s := range now {
			if errs[i] != nil {
				return errs[i]
			}
			b.sheets[s.table] = s
		}
	}
	return nil
}

// depth is how many tables stand above one: customers above all records.
func depth(t *store.Table) int {
	switch {
	case t.Kind == "" || t.Dimension:
		return 0
	case t.Parent == nil:
		return 1
	}
	return 1 + depth(t.Parent)
}

func (b *bulk) sheet(ctx context.Context, s *sheet) error {
	f, err := b.fsys.Open(s.table.Rows + ".csv")
	if err != nil {
		return fmt.Errorf("csvdir: %w", err)
	}
	defer f.Close()
	r := newReader(f)
	cells, err := r.read()
	if err != nil {
		return errOdd
	}
	alone := *b.loader // so that errors of the header are told later, in their order
	if s.head = alone.header(s.table, r, cells); s.head == nil {
		return errOdd
	}
	rows := 1024
	if info, err := f.Stat(); err == nil {
		rows += int(info.Size() / int64(8*len(cells)))
	}
	local := &days{zone: b.zone}
	for _, col := range s.head.columns {
		var c *column
		if col != nil {
			c = newColumn(col, local, rows)
		}
		s.columns = append(s.columns, c)
	}
	if s.head.id >= 0 {
		s.keys = newNames()
	}
	return s.rows(ctx, newScanner(r.in, scanSize), b.above(s.table))
}

// above is the sheet that a file's rows name their owners of, nil for none.
func (b *bulk) above(t *store.Table) *sheet {
	switch {
	case t.Kind == "" || t.Dimension:
		return nil
	case t.Parent == nil:
		return b.sheets[b.schema.Customers]
	}
	return b.sheets[t.Parent]
}

func (s *sheet) rows(ctx context.Context, in *scanner, above *sheet) error {
	if above == nil && s.head.owner >= 0 || above != nil && above.keys == nil {
		return errOdd
	}
	for s.n = 0; ; s.n++ {
		if s.n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, err := in.row()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(cells) != len(s.columns) || s.n == math.MaxInt32 || !s.identity(cells, above) {
			return errOdd
		}
		for i, c := range s.columns {
			if c != nil && !c.add(cells[i]) {
				return errOdd
			}
		}
	}
}

// identity notes who a row is and whose, false when that is wrong.
func (s *sheet) identity(cells [][]byte, above *sheet) bool {
	if s.keys != nil {
		key := cells[s.head.id]
		if s.table.Kind != "" && !ascii(key) {
			key = []byte(catalog.Type{}.Normal(string(key)))
		}
		if _, isNew := s.keys.number(key); len(key) == 0 || !isNew {
			return false
		}
	}
	if s.head.guest >= 0 {
		text := string(cells[s.head.guest])
		if text != "" && text != "true" && text != "false" {
			return false
		}
		s.guests = append(s.guests, text == "true")
	}
	if above == nil {
		return true
	}
	key := cells[s.head.owner]
	if above.table.Kind != "" && !ascii(key) {
		key = []byte(catalog.Type{}.Normal(string(key)))
	}
	at, known := above.keys.find(key)
	if !known {
		return false
	}
	if above.table.Kind != "" {
		s.parent = append(s.parent, at+1)
		at = above.customer[at]
	}
	s.customer = append(s.customer, at)
	return true
}

// ascii tells whether a text is in NFC without a closer look.
func ascii(text []byte) bool {
	for _, c := range text {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// gathered is all sheets together, checked.
func (b *bulk) gathered() (store.Columns, error) {
	var out store.Columns
	for t, s := range b.sheets {
		fields := map[string]catalog.Column{}
		for i, c := range s.columns {
			if c == nil {
				continue
			}
			var ok bool
			if fields[s.head.columns[i].Name], ok = c.column(); !ok {
				return out, errOdd
			}
		}
		if t == b.schema.Customers {
			for _, id := range s.keys.strings() {
				out.IDs = append(out.IDs, dangol.CustomerID(id))
			}
			out.Guests, out.Attributes = s.guests, fields
			continue
		}
		rows := store.Rows{Kind: t.Kind, Customer: s.customer, Parent: s.parent, Fields: fields}
		if s.keys != nil {
			rows.Keys = s.keys.strings()
		} else {
			rows.Numbers, rows.Digits = make([]int64, s.n), 10 // as identity of the loader names them
			for i := range rows.Numbers {
				rows.Numbers[i] = int64(i + 1)
			}
		}
		out.Rows = append(out.Rows, rows)
	}
	slices.SortFunc(out.Rows, func(a, b store.Rows) int { return cmp.Compare(a.Kind, b.Kind) })
	return out, nil
}
