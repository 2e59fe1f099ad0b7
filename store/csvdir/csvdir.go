// Package csvdir fills a store from a folder of CSV files.
//
//	customers.csv   id, and any attribute of the catalog
//	orders.csv      customer, placed, total, ... : every order, whatever its status
//	items.csv       order, product, amount, ...
//	products.csv    id, category, brand, ... : a dimension
//
// A file bears the name of a kind that owns its rows, or of a dimension; the rows
// of all_orders stand in orders.csv. A kind without a file has no records. Columns
// bear the catalog's names, dotted where those are (billing.city); what a
// dimension gives may stand in the record's own file, as category or
// product.category. The column id is the key; in the file of a kind it may be left
// out, then the number of the row is the key, so that rows of one instant keep the
// order of the file. customers.csv may have a column guest.
//
// An empty cell is missing. A bare date in a column of instants is the start of
// its local day, other times are RFC 3339; booleans are true and false; sets are
// a|b; money is in major units of the column's currency.
//
// Everything in the folder must be known; only hidden files and catalog.yaml, which
// whoever makes the store reads, are passed over. Nothing is loaded unless
// all is right.
package csvdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/store"
)

// CatalogFile is the file of a folder that declares further attributes and kinds.
// Load passes over it.
const CatalogFile = "catalog.yaml"

// Options are how a folder is read. The zero value is fine.
type Options struct {
	// Zone is in which a bare date's day starts. Defaults to UTC.
	Zone *time.Location
}

// Load reads a folder into a store that has the catalog of the folder, as one
// change: by columns where the store is a store.ColumnLoader that takes them, in one
// step where it is a store.Loader, otherwise by one Apply.
// Existing rows of the same ids are replaced. Errors is returned when the data is
// at fault.
func Load(ctx context.Context, dir string, into store.Store, opts Options) error {
	return load(ctx, os.DirFS(dir), dir, into, opts)
}

// LoadFS is Load of any file system.
func LoadFS(ctx context.Context, fsys fs.FS, into store.Store, opts Options) error {
	return load(ctx, fsys, "", into, opts)
}

func load(ctx context.Context, fsys fs.FS, dir string, into store.Store, opts Options) error {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	schema, err := store.NewSchema(into.Catalog())
	if err != nil {
		return err
	}
	l := &loader{schema: schema, fsys: fsys, dir: dir, zone: opts.Zone, keys: map[*store.Table]map[string]seen{}, unread: map[*store.Table]bool{}}
	if err := l.files(); err != nil {
		return err
	}
	return l.explain(l.into(ctx, into))
}

func (l *loader) into(ctx context.Context, into store.Store) error {
	if columns, ok := into.(store.ColumnLoader); ok {
		if done, err := l.byColumns(ctx, columns); done {
			return err
		}
	}
	if loader, ok := into.(store.Loader); ok {
		return loader.Load(ctx, l.changes(ctx))
	}
	var all []store.Change
	for c, err := range l.changes(ctx) {
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	return into.Apply(ctx, all...)
}

// loader reads one folder.
type loader struct {
	schema *store.Schema
	fsys   fs.FS
	dir    string // for messages
	zone   *time.Location
	tables []*store.Table // those with a file, in the order of reading
	starts []int          // how many changes came before each table
	count  int            // changes so far
	keys   map[*store.Table]map[string]seen
	unread map[*store.Table]bool // could not be read to the end: who is in them is not known
	errs   Errors
}

// seen is what is remembered of a row.
type seen struct {
	line     int
	customer string // of a record
}

// files finds the tables that the folder has, and refuses what it does not know.
func (l *loader) files() error {
	entries, err := fs.ReadDir(l.fsys, ".")
	if err != nil {
		return fmt.Errorf("csvdir: %w", err)
	}
	there := map[*store.Table]bool{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == CatalogFile {
			continue
		}
		rows, csv := strings.CutSuffix(name, ".csv")
		t, known := l.schema.Named(rows)
		if !csv || e.IsDir() || !known {
			l.fail(Error{File: l.path(name), Message: "the catalog has no such rows", Hint: l.suggest(rows, csv)})
			continue
		}
		there[t] = true
	}
	for _, t := range l.schema.Tables() {
		if there[t] {
			l.tables = append(l.tables, t)
		}
	}
	if !there[l.schema.Customers] {
		l.fail(Error{File: l.path("customers.csv"), Message: "the file is missing"})
	}
	if len(l.errs) > 0 {
		return l.errs
	}
	return nil
}

// suggest says what a file with an unknown name should be called.
func (l *loader) suggest(rows string, csv bool) string {
	if !csv {
		return "only CSV files and " + CatalogFile + " belong here"
	}
	if owner, ok := l.schema.Catalog.Owner(rows); ok {
		t, _ := l.schema.Table(owner.Name)
		if owner.Name == rows {
			return fmt.Sprintf("rows of %s stand in %s.csv", rows, t.Rows)
		}
		return fmt.Sprintf("%s shows rows that stand in %s.csv", rows, t.Rows)
	}
	var names []string
	for _, t := range l.schema.Tables() {
		names = append(names, t.Rows)
	}
	if near, ok := source.Closest(rows, names); ok {
		return "did you mean " + near + ".csv?"
	}
	slices.Sort(names[1:])
	return "a file is called " + strings.Join(names, ".csv, ") + ".csv"
}

// changes are the rows of all files. After the first thing that is wrong the
// rest is only checked, and the stream ends with Errors.
func (l *loader) changes(ctx context.Context) iter.Seq2[store.Change, error] {
	return func(yield func(store.Change, error) bool) {
		for _, t := range l.tables {
			l.starts = append(l.starts, l.count)
			err := l.table(ctx, t, func(c store.Change) bool {
				l.count++
				return yield(c, nil)
			})
			switch {
			case errors.Is(err, errStopped):
				return
			case err != nil:
				yield(store.Change{}, err)
				return
			case len(l.errs) >= mostErrors:
				yield(store.Change{}, l.errs)
				return
			}
		}
		if len(l.errs) > 0 {
			yield(store.Change{}, l.errs)
		}
	}
}

// errStopped tells that the store wants no more changes.
var errStopped = errors.New("csvdir: stopped")

func (l *loader) fail(e Error) { l.errs = append(l.errs, e) }

func (l *loader) path(file string) string { return filepath.Join(l.dir, file) }

func (l *loader) file(t *store.Table) string { return l.path(t.Rows + ".csv") }

// explain tells where the change stands that the store refused although every row
// by itself was right, such as one record too many.
func (l *loader) explain(err error) error {
	var bad *store.InvalidError
	if !errors.As(err, &bad) {
		return err
	}
	for i := len(l.starts) - 1; i >= 0; i-- {
		if l.starts[i] <= bad.Index {
			t := l.tables[i]
			return Errors{{File: l.file(t), Line: l.lineOf(t, bad.Index-l.starts[i]), Message: invalid(bad)}}
		}
	}
	return err
}

func invalid(bad *store.InvalidError) string {
	if bad.Field != "" {
		return bad.Field + " " + bad.Why
	}
	return bad.Why
}

// lineOf is the line of a table's row, from 0; 0 when it cannot be found again.
func (l *loader) lineOf(t *store.Table, row int) int {
	f, err := l.fsys.Open(t.Rows + ".csv")
	if err != nil {
		return 0
	}
	defer f.Close()
	r := newReader(f)
	for range row + 2 { // the header, the rows before, the row
		if _, err := r.read(); err != nil {
			return 0
		}
	}
	return r.first
}
