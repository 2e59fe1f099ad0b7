package couponsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
)

// insertRows is how many grants one statement inserts: 18 columns each, and engines
// take a few thousand arguments.
const insertRows = 50

const grantFields = 18

func (t *tx) InsertGrants(ctx context.Context, gs []coupon.Grant) error {
	for len(gs) > 0 {
		n := min(insertRows, len(gs))
		args := make([]any, 0, grantFields*n)
		for _, g := range gs[:n] {
			var key any // NULL, since many have none
			if g.Key != "" {
				key = g.Key
			}
			args = append(args, g.ID, g.Definition, g.Version, g.Code, string(g.Customer), g.Shared, key, g.Batch, g.Campaign, g.Group,
				micros(g.Issued), micros(g.Starts), micros(g.Expires), micros(g.Revoked), micros(g.Used),
				g.Order, g.Discount, 0)
		}
		query := t.dialect.Rebind(insertNew(t.dialect, t.prefix+"coupon_grants", grantColumns, placeholders(n, grantFields)))
		added, err := t.exec(ctx, query, args...)
		if err != nil {
			return err
		}
		if added != int64(n) {
			return coupon.ErrConflict
		}
		gs = gs[n:]
	}
	return nil
}

func (t *tx) Grant(ctx context.Context, by coupon.GrantRef) (coupon.Grant, error) {
	column, value := "id", by.ID
	switch {
	case by.Code != "":
		column, value = "code", by.Code
	case by.Key != "":
		column, value = "issue_key", by.Key
	}
	// No lock: a code that many share must not make them wait for each other. A
	// grant's use is bounded by its counter, its changes by their revision.
	query := t.dialect.Rebind("SELECT " + grantColumns + " FROM " + t.prefix + "coupon_grants WHERE " + column + " = ?")
	g, err := scanGrant(t.q.QueryRowContext(ctx, query, value).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return coupon.Grant{}, fmt.Errorf("%w: grant %s %q", coupon.ErrNotFound, column, value)
	}
	return g, err
}

func scanGrant(scan func(...any) error) (coupon.Grant, error) {
	var g coupon.Grant
	var key sql.NullString
	var customer string
	var issued, starts, expires, revoked, used sql.NullInt64
	err := scan(&g.ID, &g.Definition, &g.Version, &g.Code, &customer, &g.Shared, &key, &g.Batch, &g.Campaign, &g.Group,
		&issued, &starts, &expires, &revoked, &used, &g.Order, &g.Discount, &g.Rev)
	if err != nil {
		return coupon.Grant{}, fmt.Errorf("couponsql: read grant: %w", err)
	}
	g.Customer, g.Key = dangol.CustomerID(customer), key.String
	g.Issued, g.Starts, g.Expires, g.Used = moment(issued), moment(starts), moment(expires), moment(used)
	g.Revoked = moment(revoked)
	return g, nil
}

func (t *tx) ReplaceGrant(ctx context.Context, g coupon.Grant) error {
	return replaced(t.exec(ctx, t.sql.replaceGrant, g.Definition, g.Version, string(g.Customer), g.Shared, g.Batch, g.Campaign,
		g.Group, micros(g.Issued), micros(g.Starts), micros(g.Expires), micros(g.Revoked), g.ID, g.Rev))
}

func (t *tx) SetUsed(ctx context.Context, id string, used time.Time, order string, discount int64) error {
	n, err := t.exec(ctx, t.dialect.Rebind("UPDATE "+t.prefix+"coupon_grants SET used = ?, order_id = ?, discount = ? WHERE id = ?"),
		micros(used), order, discount, id)
	if err == nil && n == 0 { // MariaDB does not count a row that stays as it is
		_, err = t.Grant(ctx, coupon.GrantRef{ID: id})
	}
	return err
}

// findGrants is the statement of a query. The indexes leave out what has no customer
// or batch; an engine takes them only when the statement says the same.
func (s *Store) findGrants(q coupon.GrantQuery) (string, []any) {
	w := where{}
	w.text("customer", string(q.Customer))
	w.text("definition", q.Definition)
	w.text("batch", q.Batch)
	w.after("id", q.After)
	if q.Owned || q.Customer != "" {
		w.add("customer <> ''")
	}
	if q.Batch != "" {
		w.add("batch <> ''")
	}
	if q.Unused {
		w.add("used IS NULL AND revoked IS NULL")
	}
	if !q.ExpiresFrom.IsZero() {
		w.add("expires >= ?", q.ExpiresFrom.UnixMicro())
	}
	if !q.ExpiresBefore.IsZero() {
		w.add("expires < ?", q.ExpiresBefore.UnixMicro())
	}
	query := "SELECT " + grantColumns + " FROM " + s.prefix + "coupon_grants" + w.String() + " ORDER BY id" + w.limit(q.Limit)
	return s.dialect.Rebind(query), w.args
}

func (t *tx) FindGrants(ctx context.Context, q coupon.GrantQuery) ([]coupon.Grant, error) {
	query, args := t.findGrants(q)
	rows, err := t.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("couponsql: find grants: %w", err)
	}
	defer rows.Close()
	var out []coupon.Grant
	for rows.Next() {
		g, err := scanGrant(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

func (t *tx) CountGrants(ctx context.Context) (n int64, err error) {
	err = t.q.QueryRowContext(ctx, "SELECT count(*) FROM "+t.prefix+"coupon_grants").Scan(&n)
	return n, err
}

func (t *tx) Batch(ctx context.Context, id string) (coupon.Batch, error) {
	var b coupon.Batch
	var created sql.NullInt64
	query := t.locking(t.dialect.Rebind("SELECT id, definition, version, codes, done, campaign, created, rev FROM " +
		t.prefix + "coupon_batches WHERE id = ?"))
	err := t.q.QueryRowContext(ctx, query, id).Scan(&b.ID, &b.Definition, &b.Version, &b.Count, &b.Done, &b.Campaign, &created, &b.Rev)
	if errors.Is(err, sql.ErrNoRows) {
		return coupon.Batch{}, fmt.Errorf("%w: batch %q", coupon.ErrNotFound, id)
	}
	if err != nil {
		return coupon.Batch{}, fmt.Errorf("couponsql: read batch: %w", err)
	}
	b.Created = moment(created)
	return b, nil
}

func (t *tx) SaveBatch(ctx context.Context, b coupon.Batch) error {
	if b.Rev == 0 {
		return replaced(t.exec(ctx, t.sql.insertBatch, b.ID, b.Definition, b.Version, b.Count, b.Done, b.Campaign, micros(b.Created)))
	}
	return replaced(t.exec(ctx, t.sql.replaceBatch, b.Done, b.ID, b.Rev))
}

// untouched are the codes that DeleteCodes may remove.
const untouched = `g.expires < ? AND g.used IS NULL AND g.revoked IS NULL AND g.customer = '' AND g.batch <> '' AND g.issue_key IS NULL
	AND NOT EXISTS (SELECT 1 FROM {prefix}coupon_counters c WHERE c.definition = g.definition AND c.kind = 'grant' AND c.subject = g.id AND c.period = '')`

func (t *tx) DeleteCodes(ctx context.Context, before time.Time, limit int) (int, error) {
	where := strings.ReplaceAll(untouched, "{prefix}", t.prefix)
	query := t.dialect.Rebind("SELECT g.id FROM " + t.prefix + "coupon_grants g WHERE " + where + " ORDER BY g.expires LIMIT ?")
	if t.writing { // whoever claims one meanwhile waits, and finds none
		query += t.dialect.ForUpdate()
	}
	rows, err := t.q.QueryContext(ctx, query, micros(before), limit)
	if err != nil {
		return 0, fmt.Errorf("couponsql: find old codes: %w", err)
	}
	defer rows.Close()
	var ids []any
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return 0, fmt.Errorf("couponsql: find old codes: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("couponsql: find old codes: %w", err)
	}
	rows.Close()
	if len(ids) == 0 {
		return 0, nil
	}
	_, err = t.exec(ctx, t.dialect.Rebind("DELETE FROM "+t.prefix+"coupon_grants WHERE id IN "+placeholders(1, len(ids))), ids...)
	return len(ids), err
}
