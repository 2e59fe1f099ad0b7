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
	fresh  *fresh
	begun  bool // whether there are tables
}

// filling is a table that is being filled.
type filling struct {
	own  *ownTable
	rows *batch
	sets []*batch // of own.sets
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
	l := &loading{s: s, id: id, digest: s.newDigest(), tables: map[*store.Table]*filling{}, fresh: newFresh(s.schema)}
	if l.layout, err = s.layoutOf(id); err != nil {
		return err
	}
	for of, own := range l.layout.tables {
		f := &filling{own: own, rows: &batch{name: own.name, columns: own.columnsOf()}}
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
	err := l.s.schema.EachChecked(ctx, changes, func(c store.Change) error {
		l.digest.add(c)
		return l.put(ctx, c)
	})
	if err != nil {
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
	bad := func(why string) error {
		return &store.InvalidError{Change: c, Why: why}
	}
	t, err := l.s.schema.Table(c.Kind)
	if err != nil {
		return bad(err.Error())
	}
	if why := l.fresh.take(t, c); why != "" {
		return bad(why)
	}
	key, fixed := c.Key, []any{c.Key}
	switch {
	case t.Kind == "":
		guest := uint8(0)
		if c.Guest {
			guest = 1
		}
		key = string(c.Customer)
		fixed = []any{key, guest, int64(sample.Bucket(key))}
	case t.Parent != nil:
		fixed = append(fixed, string(c.Customer), c.Parent)
	case !t.Dimension:
		fixed = append(fixed, string(c.Customer))
	}
	f := l.tables[t]
	row := append(make([]any, 0, len(fixed)+len(f.own.columns)), fixed...)
	for _, col := range f.own.columns {
		row = append(row, clickArgument(l.fresh.value(col.Column, c.Fields)))
	}
	if err := l.append(ctx, f.rows, row); err != nil {
		return err
	}
	for i, set := range f.own.sets {
		for _, item := range l.fresh.value(set.column, c.Fields).Items() {
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
