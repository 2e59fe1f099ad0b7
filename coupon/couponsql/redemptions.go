package couponsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
)

// row is what a redemption's columns hold of it: the definitions it is found by, and
// its body.
func row(r coupon.Redemption) (definitions string, body string, err error) {
	var b strings.Builder
	for _, u := range r.Uses {
		b.WriteString("/" + u.Definition)
	}
	b.WriteString("/")
	r.Rev, r.Customer = 0, "" // columns of their own
	text, err := json.Marshal(r)
	if err != nil {
		return "", "", fmt.Errorf("couponsql: redemption %q: %w", r.Key, err)
	}
	return b.String(), string(text), nil
}

func (t *tx) InsertRedemption(ctx context.Context, r coupon.Redemption) (bool, error) {
	definitions, body, err := row(r)
	if err != nil {
		return false, err
	}
	n, err := t.exec(ctx, t.sql.insertRedemption, r.Key, string(r.State), string(r.Customer), definitions, micros(r.Expires), body)
	return n == 1, err
}

func (t *tx) Redemption(ctx context.Context, key string) (coupon.Redemption, error) {
	var r coupon.Redemption
	var body, customer string
	var rev int64
	query := t.locking(t.dialect.Rebind("SELECT body, customer, rev FROM " + t.prefix + "coupon_redemptions WHERE redemption = ?"))
	err := t.q.QueryRowContext(ctx, query, key).Scan(&body, &customer, &rev)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("%w: redemption %q", coupon.ErrNotFound, key)
	}
	if err != nil {
		return r, fmt.Errorf("couponsql: read redemption: %w", err)
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		return r, fmt.Errorf("couponsql: redemption %q: %w", key, err)
	}
	r.Rev, r.Customer = rev, dangol.CustomerID(customer)
	return r, nil
}

func (t *tx) ReplaceRedemption(ctx context.Context, r coupon.Redemption) error {
	definitions, body, err := row(r)
	if err != nil {
		return err
	}
	return replaced(t.exec(ctx, t.sql.replaceRedemption, string(r.State), definitions, micros(r.Expires), body, r.Key, r.Rev))
}

func (t *tx) Overdue(ctx context.Context, definition string, at time.Time, limit int) ([]string, error) {
	rows, err := t.q.QueryContext(ctx, t.sql.overdue, at.UnixMicro(), definition, "/"+definition+"/", limit)
	if err != nil {
		return nil, fmt.Errorf("couponsql: find overdue reservations: %w", err)
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("couponsql: find overdue reservations: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

const ledgerColumns = `redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid`

func (t *tx) AppendLedger(ctx context.Context, es []coupon.Entry) error {
	if len(es) == 0 {
		return nil
	}
	args := make([]any, 0, 14*len(es))
	for _, e := range es {
		args = append(args, e.Key, string(e.Event), micros(e.At), micros(e.Counted), e.Definition, e.Version, e.Grant, e.Shared,
			string(e.Customer), e.Campaign, e.Group, e.Order, e.Discount, e.Paid)
	}
	_, err := t.exec(ctx, t.dialect.Rebind("INSERT INTO "+t.prefix+"coupon_ledger ("+ledgerColumns+") VALUES "+
		placeholders(len(es), 14)), args...)
	return err
}

func (t *tx) Ledger(ctx context.Context, definition string, after int64, limit int) ([]coupon.Entry, error) {
	w := where{}
	w.text("definition", definition)
	w.add("seq > ?", after)
	query := "SELECT seq, " + ledgerColumns + " FROM " + t.prefix + "coupon_ledger" + w.String() + " ORDER BY seq" + w.limit(limit)
	rows, err := t.q.QueryContext(ctx, t.dialect.Rebind(query), w.args...)
	if err != nil {
		return nil, fmt.Errorf("couponsql: read ledger: %w", err)
	}
	defer rows.Close()
	var out []coupon.Entry
	for rows.Next() {
		var e coupon.Entry
		var event, customer string
		var at, counted sql.NullInt64
		if err := rows.Scan(&e.Seq, &e.Key, &event, &at, &counted, &e.Definition, &e.Version, &e.Grant, &e.Shared, &customer,
			&e.Campaign, &e.Group, &e.Order, &e.Discount, &e.Paid); err != nil {
			return nil, fmt.Errorf("couponsql: read ledger: %w", err)
		}
		e.Event, e.Customer, e.At, e.Counted = coupon.Event(event), dangol.CustomerID(customer), moment(at), moment(counted)
		out = append(out, e)
	}
	return out, rows.Err()
}

func (t *tx) Results(ctx context.Context, q coupon.ResultQuery) ([]coupon.Result, error) {
	inTime := func(w *where, column string) {
		w.text("definition", q.Definition)
		if !q.From.IsZero() {
			w.add(column+" >= ?", q.From.UnixMicro())
		}
		if !q.To.IsZero() {
			w.add(column+" < ?", q.To.UnixMicro())
		}
	}
	type name struct{ definition, campaign, group string }
	sums := map[name]*coupon.Result{}
	collect := func(query string, args []any, add func(r *coupon.Result, n [5]int64)) error {
		rows, err := t.q.QueryContext(ctx, t.dialect.Rebind(query), args...)
		if err != nil {
			return fmt.Errorf("couponsql: results: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var k name
			var n [5]int64
			if err := rows.Scan(&k.definition, &k.campaign, &k.group, &n[0], &n[1], &n[2], &n[3], &n[4]); err != nil {
				return fmt.Errorf("couponsql: results: %w", err)
			}
			if sums[k] == nil {
				sums[k] = &coupon.Result{Definition: k.definition, Campaign: k.campaign, Group: k.group}
			}
			add(sums[k], n)
		}
		return rows.Err()
	}
	w := where{}
	w.add("event IN ('commit', 'restore', 'cancel')")
	inTime(&w, "at")
	err := collect(`SELECT definition, campaign, grp,
			SUM(CASE event WHEN 'commit' THEN 1 ELSE 0 END), SUM(CASE event WHEN 'restore' THEN 1 ELSE 0 END),
			SUM(CASE event WHEN 'cancel' THEN 1 ELSE 0 END),
			SUM(CASE event WHEN 'commit' THEN discount WHEN 'cancel' THEN -discount ELSE 0 END),
			SUM(CASE event WHEN 'commit' THEN paid WHEN 'cancel' THEN -paid ELSE 0 END)
		FROM `+t.prefix+"coupon_ledger"+w.String()+" GROUP BY definition, campaign, grp", w.args,
		func(r *coupon.Result, n [5]int64) {
			r.Used, r.Restored, r.Cancelled, r.Discount, r.Revenue = n[0], n[1], n[2], n[3], n[4]
		})
	if err != nil {
		return nil, err
	}
	w = where{}
	w.add("customer <> ''")
	inTime(&w, "issued")
	err = collect("SELECT definition, campaign, grp, COUNT(*), 0, 0, 0, 0 FROM "+t.prefix+"coupon_grants"+w.String()+
		" GROUP BY definition, campaign, grp", w.args, func(r *coupon.Result, n [5]int64) { r.Issued = n[0] })
	if err != nil {
		return nil, err
	}
	out := make([]coupon.Result, 0, len(sums))
	for _, r := range sums {
		out = append(out, *r)
	}
	return out, nil
}

func (t *tx) Take(ctx context.Context, s coupon.Scope, n, max coupon.Count) (bool, error) {
	bound := func(n int64) int64 {
		if n == 0 {
			return math.MaxInt64
		}
		return n
	}
	max.Uses, max.Amount = bound(max.Uses), bound(max.Amount)
	if n.Uses > max.Uses || n.Amount > max.Amount {
		return false, nil // an absent counter is inserted as it comes
	}
	if t.sql.start == "" {
		rows, err := t.exec(ctx, t.sql.take, s.Definition, string(s.Kind), s.Subject, s.Period, n.Uses, n.Amount, max.Uses, max.Amount)
		return rows == 1, err
	}
	add := func() (int64, error) {
		return t.exec(ctx, t.sql.take, n.Uses, n.Amount, s.Definition, string(s.Kind), s.Subject, s.Period, n.Uses, max.Uses, n.Amount, max.Amount)
	}
	rows, err := add()
	if err != nil || rows == 1 {
		return rows == 1, err
	}
	rows, err = t.exec(ctx, t.sql.start, s.Definition, string(s.Kind), s.Subject, s.Period, n.Uses, n.Amount)
	if err != nil || rows == 1 {
		return rows == 1, err
	}
	rows, err = add() // it exists: it was full, or somebody made it since
	return rows == 1, err
}

func (t *tx) Give(ctx context.Context, s coupon.Scope, n coupon.Count) (bool, error) {
	rows, err := t.exec(ctx, t.sql.give, n.Uses, n.Amount, s.Definition, string(s.Kind), s.Subject, s.Period, n.Uses, n.Amount)
	return rows == 1, err
}

func (t *tx) Rename(ctx context.Context, customer, to dangol.CustomerID) error {
	for _, change := range []string{
		"coupon_grants SET customer = ? WHERE customer = ?",
		"coupon_redemptions SET customer = ? WHERE customer = ?",
		"coupon_ledger SET customer = ? WHERE customer = ?",
		"coupon_counters SET subject = ? WHERE subject = ? AND kind <> '" + string(coupon.ScopeGrant) + "'",
	} {
		if _, err := t.exec(ctx, t.dialect.Rebind("UPDATE "+t.prefix+change), string(to), string(customer)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) Counts(ctx context.Context, ss []coupon.Scope) ([]coupon.Count, error) {
	out := make([]coupon.Count, len(ss))
	query := t.dialect.Rebind("SELECT uses, amount FROM " + t.prefix +
		"coupon_counters WHERE definition = ? AND kind = ? AND subject = ? AND period = ?")
	for i, s := range ss {
		err := t.q.QueryRowContext(ctx, query, s.Definition, string(s.Kind), s.Subject, s.Period).Scan(&out[i].Uses, &out[i].Amount)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("couponsql: read counter: %w", err)
		}
	}
	return out, nil
}

func (t *tx) ResetCounters(ctx context.Context, definition string, kind coupon.ScopeKind) error {
	_, err := t.exec(ctx, t.dialect.Rebind("DELETE FROM "+t.prefix+"coupon_counters WHERE definition = ? AND kind = ?"),
		definition, string(kind))
	return err
}
