package couponsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

func (t *tx) Definition(ctx context.Context, id string, version int64) (coupon.Definition, error) {
	var newest int64
	var stops coupon.Stops
	query := t.sql.definition
	if t.writing {
		query = t.sql.definitionShare
	}
	err := t.q.QueryRowContext(ctx, query, id).Scan(&newest, &stops.Issuing, &stops.Using)
	if errors.Is(err, sql.ErrNoRows) {
		return coupon.Definition{}, fmt.Errorf("%w: definition %q", coupon.ErrNotFound, id)
	}
	if err != nil {
		return coupon.Definition{}, fmt.Errorf("couponsql: read definition: %w", err)
	}
	if version == 0 {
		version = newest
	}
	d, err := t.version(ctx, versionKey{id, version})
	d.Stops = stops
	return d, err
}

func (t *tx) version(ctx context.Context, k versionKey) (coupon.Definition, error) {
	if d, ok := t.cache.get(k); ok {
		return clone(d), nil
	}
	var body string
	query := t.dialect.Rebind("SELECT body FROM " + t.prefix + "coupon_versions WHERE id = ? AND version = ?")
	if t.joined != nil && t.writing && t.dialect == sqlstore.MySQL {
		// The definition's row, read with a lock, tells of the newest version. A host's
		// transaction that is REPEATABLE READ finds that version too only by a lock.
		query += t.dialect.ForShare()
	}
	err := t.q.QueryRowContext(ctx, query, k.id, k.version).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return coupon.Definition{}, fmt.Errorf("%w: definition %q version %d", coupon.ErrNotFound, k.id, k.version)
	}
	if err != nil {
		return coupon.Definition{}, fmt.Errorf("couponsql: read definition: %w", err)
	}
	var d coupon.Definition
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		return coupon.Definition{}, fmt.Errorf("couponsql: definition %q version %d: %w", k.id, k.version, err)
	}
	if !t.writing && t.joined == nil { // what a transaction reads may be its own and be rolled back
		t.cache.put(k, d)
	}
	return clone(d), nil
}

// clone copies the lists, which callers may change.
func clone(d coupon.Definition) coupon.Definition {
	d.Channels, d.Stores, d.Audience = slices.Clone(d.Channels), slices.Clone(d.Stores), slices.Clone(d.Audience)
	d.Limits, d.IssueLimits = slices.Clone(d.Limits), slices.Clone(d.IssueLimits)
	t := &d.Targets
	t.Products, t.Categories = slices.Clone(t.Products), slices.Clone(t.Categories)
	t.NotProducts, t.NotCategories = slices.Clone(t.NotProducts), slices.Clone(t.NotCategories)
	return d
}

func (t *tx) FindDefinitions(ctx context.Context, q coupon.DefinitionQuery) ([]coupon.Definition, error) {
	w := where{}
	w.text("kind", string(q.Kind))
	w.text("auto_group", q.Automatic.Group)
	w.text("auto_event", q.Automatic.Event)
	w.after("id", q.After)
	query := "SELECT id, version, stop_issuing, stop_using FROM " + t.prefix + "coupon_definitions" + w.String() + " ORDER BY id" + w.limit(q.Limit)
	if t.writing {
		query += t.dialect.ForShare()
	}
	rows, err := t.q.QueryContext(ctx, t.dialect.Rebind(query), w.args...)
	if err != nil {
		return nil, fmt.Errorf("couponsql: find definitions: %w", err)
	}
	defer rows.Close()
	var out []coupon.Definition // first the heads alone
	for rows.Next() {
		var d coupon.Definition
		if err := rows.Scan(&d.ID, &d.Version, &d.Stops.Issuing, &d.Stops.Using); err != nil {
			return nil, fmt.Errorf("couponsql: find definitions: %w", err)
		}
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("couponsql: find definitions: %w", err)
	}
	rows.Close() // before the next query, for pools of one connection
	for i, head := range out {
		d, err := t.version(ctx, versionKey{head.ID, head.Version})
		if err != nil {
			return nil, err
		}
		d.Stops = head.Stops
		out[i] = d
	}
	return out, nil
}

func (t *tx) SaveDefinition(ctx context.Context, d coupon.Definition) error {
	if d.Version == 1 {
		n, err := t.exec(ctx, t.sql.insertDefinition, d.ID, d.Version, string(d.Kind), d.Automatic.Group, d.Automatic.Event, false, false)
		if err := replaced(n, err); err != nil {
			return err
		}
	} else {
		n, err := t.exec(ctx, t.sql.saveHead, d.Version, d.Automatic.Group, d.Automatic.Event, d.ID, d.Version-1)
		if err := replaced(n, err); err != nil {
			return err
		}
	}
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("couponsql: definition %q: %w", d.ID, err)
	}
	_, err = t.exec(ctx, t.dialect.Rebind("INSERT INTO "+t.prefix+"coupon_versions (id, version, body) VALUES (?, ?, ?)"),
		d.ID, d.Version, string(body))
	return err
}

func (t *tx) SetStops(ctx context.Context, id string, s coupon.Stops) error {
	n, err := t.exec(ctx, t.dialect.Rebind("UPDATE "+t.prefix+"coupon_definitions SET stop_issuing = ?, stop_using = ? WHERE id = ?"),
		s.Issuing, s.Using, id)
	if err == nil && n == 0 { // MariaDB does not count a row that stays as it is
		_, err = t.Definition(ctx, id, 0)
	}
	return err
}

// where collects tests of a query; a zero value is no test.
type where struct {
	tests []string
	args  []any
}

func (w *where) add(test string, args ...any) {
	w.tests = append(w.tests, test)
	w.args = append(w.args, args...)
}

func (w *where) text(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

func (w *where) after(column, value string) {
	if value != "" {
		w.add(column+" > ?", value)
	}
}

func (w *where) limit(n int) string {
	if n <= 0 {
		return ""
	}
	w.args = append(w.args, n)
	return " LIMIT ?"
}

func (w *where) String() string {
	if len(w.tests) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.tests, " AND ")
}

// micros is how times are stored: NULL is none.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func moment(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

// subdir shows the migrations folder as a root.
type subdir struct{ fs.FS }

func (s subdir) Open(name string) (fs.File, error) { return s.FS.Open(path.Join("migrations", name)) }
