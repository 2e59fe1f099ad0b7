package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"iter"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/dangol-dev/dangol/store"
)

const (
	// loadBatch is how many rows are sent at once: each time the server writes a part,
	// which it merges with others later, and too many small ones make it refuse more.
	loadBatch = 100_000
	// tidyUp is how long a load that failed may take to drop its tables. What it leaves
	// the next load drops.
	tidyUp = 10 * time.Second
)

// loading is a load on its way.
type loading struct {
	s      *Loaded
	id     loadID
	layout *layout
	digest *digest
	tables map[*store.Table]*filling
	people map[string]uint32 // customers by their ids, in the order of coming
	dims   map[dimKey]map[string]catalog.Value
	begun  bool
	missed map[dimKey]bool // rows of dimensions that a record reached in vain
}

// filling is a table that is being filled.
type filling struct {
	own    *ownTable
	rows   *batch
	sets   []*batch          // of own.sets
	owners map[string]uint32 // of records, by their keys
	counts map[uint32]int    // of records, by their customers
	keys   map[string]bool   // of dimensions
}

// batch is rows on their way to a table.
type batch struct {
	name    string
	columns []string
	rows    [][]any
	sent    int64
}

// loadNew fills tables of its own and publishes them.
func (s *Loaded) loadNew(ctx context.Context, before *ledger, changes iter.Seq2[store.Change, error]) (err error) {
	id := newLoadID()
	l := &loading{
		s: s, id: id, digest: s.newDigest(), tables: map[*store.Table]*filling{}, people: map[string]uint32{},
		dims: map[dimKey]map[string]catalog.Value{}, missed: map[dimKey]bool{},
	}
	if l.layout, err = s.layoutOf(id); err != nil {
		return err
	}
	for of, own := range l.layout.tables {
		f := &filling{own: own, rows: &batch{name: own.name, columns: own.columnsOf()}, owners: map[string]uint32{}, counts: map[uint32]int{}, keys: map[string]bool{}}
		for _, set := range own.sets {
			f.sets = append(f.sets, &batch{name: set.read, columns: []string{"owner", "item"}})
		}
		l.tables[of] = f
	}
	published := false
	defer func() {
		if !l.begun || published || errors.Is(err, ErrOutcomeUnknown) {
			return
		}
		// Also after the context's end. Where it fails, the next load does it.
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyUp)
		defer cancel()
		_ = s.discard(rest, id)
	}()
	if err := l.fill(ctx, changes); err != nil {
		return l.whose(ctx, err)
	}
	if err := l.publish(ctx, before); err != nil {
		return l.whose(ctx, err)
	}
	published = true
	if err := s.show(ctx, l.layout, before); err != nil {
		return fmt.Errorf("all is loaded, but not all of its views are made, which loading again does: %w", err)
	}
	if before != nil {
		return s.discard(ctx, before.load)
	}
	return nil
}

// begin makes the tables, before the first rows are sent: what is wrong in the first
// rows of a stream costs nothing.
func (l *loading) begin(ctx context.Context) error {
	if l.begun {
		return nil
	}
	l.begun = true
	s := l.s
	create := mergeTree(s.quoted(s.token(l.id)), []string{"of_table String", "name String", "declared String"}, "of_table, name")
	if err := s.exec(ctx, create); err != nil {
		return err
	}
	if err := s.clean(ctx, l.id); err != nil {
		return err
	}
	for _, create := range l.layout.mergeTrees() {
		if err := s.exec(ctx, create); err != nil {
			return err
		}
	}
	return nil
}

// whose tells of an error whether another load is to blame, which dropped the token.
func (l *loading) whose(ctx context.Context, err error) error {
	if bad := (*store.InvalidError)(nil); !l.begun || ctx.Err() != nil || errors.As(err, &bad) || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	var there int64
	look := l.s.db.QueryRowContext(ctx, "EXISTS TABLE "+l.s.quoted(l.s.token(l.id))).Scan(&there)
	if look == nil && there == 0 {
		return fmt.Errorf("%w: %w", ErrOvertaken, err)
	}
	return err
}

// fill sends all rows of the stream, and sees that as many are there.
func (l *loading) fill(ctx context.Context, changes iter.Seq2[store.Change, error]) error {
	n := 0
	for c, err := range changes {
		if err != nil {
			return err
		}
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		c, err = l.s.schema.Check(c)
		if err == nil {
			l.digest.add(c)
			err = l.put(ctx, c)
		}
		if err != nil {
			return blame(err, n)
		}
		n++
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	for _, f := range l.tables {
		for _, b := range append(f.sets, f.rows) {
			if err := l.send(ctx, b); err != nil {
				return err
			}
			var there int64
			if err := l.s.db.QueryRowContext(ctx, "SELECT toInt64(count()) FROM "+l.s.quoted(b.name)).Scan(&there); err != nil {
				return fmt.Errorf("sqlstore: count %s: %w", b.name, err)
			}
			if there != b.sent {
				return fmt.Errorf("sqlstore: %d rows were sent to %s, and %d are there", b.sent, b.name, there)
			}
		}
	}
	return nil
}

// put takes one checked change.
func (l *loading) put(ctx context.Context, c store.Change) error {
	bad := func(why string, args ...any) error {
		return &store.InvalidError{Change: c, Why: fmt.Sprintf(why, args...)}
	}
	if c.Op != store.Put {
		return bad("ClickHouse is loaded whole: rows can only be put")
	}
	t, err := l.s.schema.Table(c.Kind)
	if err != nil {
		return bad("%v", err)
	}
	f := l.tables[t]
	switch {
	case t.Kind == "":
		if _, twice := l.people[string(c.Customer)]; twice {
			return bad("the customer is put twice")
		}
		l.people[string(c.Customer)] = uint32(len(l.people))
		guest := uint8(0)
		if c.Guest {
			guest = 1
		}
		return l.add(ctx, f, string(c.Customer), []any{string(c.Customer), guest, int64(sample.Bucket(string(c.Customer)))}, c.Fields)
	case t.Dimension:
		key := dimKey{t.Kind, c.Key}
		if f.keys[c.Key] {
			return bad("the row is put twice")
		}
		if l.missed[key] {
			return bad("ClickHouse is loaded in order: rows of a dimension come before the records that reach them")
		}
		f.keys[c.Key] = true
		l.dims[key] = c.Fields
		return l.add(ctx, f, c.Key, []any{c.Key}, c.Fields)
	}
	whose, ok := l.people[string(c.Customer)]
	if !ok {
		return bad("no such customer: %q", string(c.Customer))
	}
	if _, twice := f.owners[c.Key]; twice {
		return bad("the record is put twice")
	}
	fixed := []any{c.Key, string(c.Customer)}
	if t.Parent != nil {
		above, ok := l.tables[t.Parent].owners[c.Parent]
		switch {
		case !ok:
			return bad("no %s %q", t.ParentField, c.Parent)
		case above != whose:
			return bad("its %s %q belongs to another customer", t.ParentField, c.Parent)
		}
		fixed = append(fixed, c.Parent)
	}
	if f.counts[whose] >= t.Limit {
		return bad("the customer has %d %s already, the most that the catalog allows", t.Limit, c.Kind)
	}
	f.counts[whose]++
	f.owners[c.Key] = whose
	return l.add(ctx, f, c.Key, fixed, l.resolved(t, c.Fields))
}

// resolved are the fields of a record with those that dimensions give it.
func (l *loading) resolved(t *store.Table, fields map[string]catalog.Value) map[string]catalog.Value {
	for _, c := range t.Columns {
		if c.Reach == nil || fields[c.Name].Known() || !fields[c.Reach.By].Known() {
			continue
		}
		key := dimKey{c.Reach.Dimension, fields[c.Reach.By].Text()}
		row, ok := l.dims[key]
		if !ok {
			l.missed[key] = true
			continue
		}
		if v := row[c.Reach.Field.Name]; v.Known() {
			fields[c.Name] = v
		}
	}
	return fields
}

// add appends a row and its sets.
func (l *loading) add(ctx context.Context, f *filling, key string, fixed []any, fields map[string]catalog.Value) error {
	row := append(make([]any, 0, len(fixed)+len(f.own.columns)), fixed...)
	for _, c := range f.own.columns {
		row = append(row, clickArgument(fields[c.Name]))
	}
	if err := l.append(ctx, f.rows, row); err != nil {
		return err
	}
	for i, set := range f.own.sets {
		for _, item := range fields[set.column.Name].Items() {
			if err := l.append(ctx, f.sets[i], []any{key, item}); err != nil {
				return err
			}
		}
	}
	return nil
}

// clickArgument is a value as the columns of mergeTrees take it.
func clickArgument(v catalog.Value) any {
	if v.Known() && v.Sort() == catalog.Bool {
		return uint8(v.Int())
	}
	return argument(v)
}

func (l *loading) append(ctx context.Context, b *batch, row []any) error {
	if b.rows = append(b.rows, row); len(b.rows) < loadBatch {
		return nil
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	return l.send(ctx, b)
}

// send inserts the rows of a batch: all of them, or none and an error, or an error that
// does not tell. It is never done again: the load fails.
func (l *loading) send(ctx context.Context, b *batch) error {
	if len(b.rows) == 0 {
		return nil
	}
	if err := l.s.insert(ctx, b); err != nil {
		return fmt.Errorf("sqlstore: fill %s: %w", b.name, err)
	}
	b.sent += int64(len(b.rows))
	b.rows = b.rows[:0]
	return nil
}

func (s *Loaded) insert(ctx context.Context, b *batch) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	st, err := tx.PrepareContext(ctx, "INSERT INTO "+s.quoted(b.name)+" ("+ClickHouse.quoteAll(b.columns)+")")
	if err != nil {
		return err
	}
	defer st.Close()
	for _, row := range b.rows {
		if _, err := st.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// publish writes the ledger into the token and gives it the name under which it is read.
func (l *loading) publish(ctx context.Context, before *ledger) error {
	s := l.s
	token := &batch{name: s.token(l.id), columns: []string{"of_table", "name", "declared"}, rows: s.ledgerRows(l.id, l.digest.sum())}
	if err := l.send(ctx, token); err != nil {
		return err
	}
	from, to := s.quoted(s.token(l.id)), s.quoted(s.ledgerName())
	query := "RENAME TABLE " + from + " TO " + to
	if before != nil {
		query = "EXCHANGE TABLES " + from + " AND " + to
	}
	failed := s.exec(ctx, query)
	if failed == nil {
		return nil
	}
	// The answer may be lost, not the deed; or it was done twice, and failed so.
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyUp)
	defer cancel()
	now, err := s.ledger(rest)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, errors.Join(failed, err))
	case now != nil && now.load == l.id:
		return nil
	case before == nil && now != nil:
		return fmt.Errorf("%w: %w", ErrLoaded, failed)
	}
	return failed
}

// digest tells whether two loads are of the same rows in the same order, under catalogs
// that declare the same.
type digest struct {
	schema *store.Schema
	hash   hash.Hash
	buf    []byte
}

func (s *Loaded) newDigest() *digest {
	d := &digest{schema: s.schema, hash: sha256.New()}
	for _, row := range s.ledgerRows(0, "") {
		for _, cell := range row {
			d.text(strings.TrimPrefix(cell.(string), s.opts.Prefix))
		}
	}
	return d
}

func (d *digest) text(s string) {
	d.buf = append(binary.AppendUvarint(d.buf, uint64(len(s))), s...)
}

// add takes a checked change. Those that are no Put are refused elsewhere.
func (d *digest) add(c store.Change) {
	d.buf = append(d.buf, byte(c.Op), 0)
	if c.Guest {
		d.buf[len(d.buf)-1] = 1
	}
	for _, s := range []string{c.Kind, string(c.Customer), c.Key, c.Parent} {
		d.text(s)
	}
	if t, err := d.schema.Table(c.Kind); err == nil {
		for _, col := range t.Columns {
			v := c.Fields[col.Name]
			switch {
			case !v.Known():
				d.buf = append(d.buf, 0)
			case v.Sort() == catalog.Set:
				d.buf = binary.AppendUvarint(append(d.buf, 1), uint64(len(v.Items())))
				for _, item := range v.Items() {
					d.text(item)
				}
			case v.Sort() == catalog.String:
				d.buf = append(d.buf, 1)
				d.text(v.Text())
			default:
				d.buf = binary.AppendVarint(append(d.buf, 1), v.Int())
			}
		}
	}
	d.hash.Write(d.buf)
	d.buf = d.buf[:0]
}

func (d *digest) sum() string { return hex.EncodeToString(d.hash.Sum(nil)) }
