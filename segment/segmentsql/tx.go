package segmentsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// tx is one transaction. Statements name tables as {}groups.
type tx struct {
	*State
	ctx     context.Context
	q       sqlstore.Querier
	writing bool
}

// Now implements segment.Clocked.
func (t *tx) Now() (time.Time, error) {
	if t.clock != nil {
		return t.clock.Now().UTC().Truncate(time.Microsecond), nil
	}
	return t.dialect.Clock(t.ctx, t.q)
}

// read is the text of a query. In a transaction of the host's, which MariaDB runs as
// REPEATABLE READ unless told otherwise, a plain SELECT shows what was there when the
// host began to read, and not what others committed before this transaction got its
// turn; one that locks shows that.
func (t *tx) read(query string) string {
	if t.joined != nil && t.writing && t.dialect == sqlstore.MySQL {
		query += t.dialect.ForShare()
	}
	return t.text(query)
}

func (t *tx) text(query string) string {
	return t.dialect.Rebind(strings.ReplaceAll(query, "{}", t.prefix+"segment_"))
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.changed(query, args...)
	return err
}

// changed runs a statement and counts the rows it changed.
func (t *tx) changed(query string, args ...any) (int64, error) {
	r, err := t.q.ExecContext(t.ctx, t.text(query), args...)
	if err != nil {
		return 0, fmt.Errorf("segmentsql: %w", err)
	}
	return r.RowsAffected()
}

// list reads all rows of a query, each by scan.
func list[T any](t *tx, query string, args []any, scan func(*sql.Rows, *T) error) ([]T, error) {
	rows, err := t.q.QueryContext(t.ctx, t.read(query), args...)
	if err != nil {
		return nil, fmt.Errorf("segmentsql: %w", err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, fmt.Errorf("segmentsql: %w", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("segmentsql: %w", err)
	}
	return out, nil
}

// where builds a WHERE clause of the parts that are set.
type where struct {
	parts []string
	args  []any
}

func (w *where) and(set bool, part string, args ...any) {
	if set {
		w.parts = append(w.parts, part)
		w.args = append(w.args, args...)
	}
}

func (w *where) String() string {
	if len(w.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.parts, " AND ")
}

func limit(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", n)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func decode(body string) (*segment.Group, error) {
	g := &segment.Group{}
	if err := json.Unmarshal([]byte(body), g); err != nil {
		return nil, fmt.Errorf("segmentsql: a group's body: %w", err)
	}
	return g, nil
}

// Group implements segment.Reader.
func (t *tx) Group(id string) (*segment.Group, error) {
	var body string
	err := t.q.QueryRowContext(t.ctx, t.read("SELECT body FROM {}groups WHERE id = ?"), id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %q", segment.ErrNotFound, id)
	}
	if err != nil {
		return nil, fmt.Errorf("segmentsql: %w", err)
	}
	g, err := decode(body)
	if err != nil {
		return nil, err
	}
	uses, err := t.uses("WHERE group_id = ?", id)
	g.Uses = uses[id]
	return g, err
}

// Groups implements segment.Reader.
func (t *tx) Groups() ([]*segment.Group, error) {
	bodies, err := list(t, "SELECT body FROM {}groups ORDER BY id", nil, func(r *sql.Rows, body *string) error { return r.Scan(body) })
	if err != nil {
		return nil, err
	}
	uses, err := t.uses("")
	if err != nil {
		return nil, err
	}
	out := make([]*segment.Group, len(bodies))
	for i, body := range bodies {
		if out[i], err = decode(body); err != nil {
			return nil, err
		}
		out[i].Uses = uses[out[i].ID]
	}
	return out, nil
}

func (t *tx) uses(where string, args ...any) (map[string][]dangol.Use, error) {
	out := map[string][]dangol.Use{}
	_, err := list(t, "SELECT group_id, used_by, kind, id, name FROM {}uses "+where+" ORDER BY group_id, used_by, kind, id", args,
		func(r *sql.Rows, _ *struct{}) error {
			var group string
			var u dangol.Use
			err := r.Scan(&group, &u.By, &u.Kind, &u.ID, &u.Name)
			out[group] = append(out[group], u)
			return err
		})
	return out, err
}

// Rules implements segment.Reader.
func (t *tx) Rules(group string) ([]segment.Rule, error) {
	return list(t, "SELECT version, rule, saved, saved_by FROM {}rules WHERE group_id = ? ORDER BY version", []any{group},
		func(r *sql.Rows, v *segment.Rule) error {
			var saved int64
			err := r.Scan(&v.Version, &v.Text, &saved, &v.By)
			v.Saved = moment(saved)
			return err
		})
}

// Entries implements segment.Reader.
func (t *tx) Entries(q segment.EntryQuery) ([]segment.Entry, error) {
	if q.Group == "" && q.Customer == "" {
		return nil, fmt.Errorf("%w: entries of neither a group nor a customer", segment.ErrInvalid)
	}
	var w where
	w.and(q.Group != "", "group_id = ?", q.Group)
	w.and(q.Customer != "", "customer = ?", string(q.Customer))
	w.and(q.After != "", "customer > ?", string(q.After))
	order := " ORDER BY customer"
	if q.Group == "" {
		order = " ORDER BY group_id"
	}
	return list(t, "SELECT group_id, customer, mark, reason, marked_by, marked FROM {}entries"+w.String()+order+limit(q.Limit), w.args,
		func(r *sql.Rows, e *segment.Entry) error {
			var at int64
			err := r.Scan(&e.Group, &e.Customer, &e.Mark, &e.Reason, &e.By, &at)
			e.At = moment(at)
			return err
		})
}

// Versions implements segment.Reader.
func (t *tx) Versions(q segment.VersionQuery) ([]segment.Version, error) {
	var w where
	w.and(q.Group != "", "group_id = ?", q.Group)
	w.and(q.Version != 0, "version = ?", q.Version)
	w.and(q.AfterSeq > 0, "seq > ?", q.AfterSeq)
	w.and(!q.From.IsZero(), "valid_from <= ?", micros(q.From))
	w.and(!q.Known.IsZero(), "recorded < ?", micros(q.Known))
	order := " ORDER BY seq"
	if q.Group != "" {
		order = " ORDER BY version" // the same order, by the primary key
	}
	if q.Latest {
		order += " DESC"
	}
	return list(t, `SELECT group_id, version, seq, as_of, read_at, valid_from, recorded, members, entered, gone, rule, cause
		FROM {}versions`+w.String()+order+limit(q.Limit), w.args,
		func(r *sql.Rows, v *segment.Version) error {
			var asOf, readAt, from, recorded int64
			err := r.Scan(&v.Group, &v.Version, &v.Seq, &asOf, &readAt, &from, &recorded, &v.Count, &v.Entered, &v.Left, &v.Rule, &v.Cause)
			v.AsOf, v.ReadAt, v.From, v.Recorded = moment(asOf), moment(readAt), moment(from), moment(recorded)
			return err
		})
}

// Memberships implements segment.Reader.
func (t *tx) Memberships(q segment.MembershipQuery) ([]segment.Membership, error) {
	if q.Group == "" && q.Customer == "" {
		return nil, fmt.Errorf("%w: memberships of neither a group nor a customer", segment.ErrInvalid)
	}
	var w where
	w.and(q.Group != "", "group_id = ?", q.Group)
	w.and(q.Customer != "", "customer = ?", string(q.Customer))
	w.and(q.Version != 0, "from_version <= ? AND (to_version = 0 OR to_version > ?)", q.Version, q.Version)
	w.and(q.Began != 0, "from_version = ?", q.Began)
	w.and(q.Ended != 0, "to_version = ?", q.Ended)
	w.and(q.Open, "to_version = 0")
	w.and(q.After != "", "customer > ?", string(q.After))
	order := " ORDER BY customer, from_version"
	if q.Group == "" {
		order = " ORDER BY group_id, from_version"
	}
	return list(t, `SELECT group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who
		FROM {}memberships`+t.hint(q)+w.String()+order+limit(q.Limit), w.args,
		func(r *sql.Rows, m *segment.Membership) error {
			return r.Scan(&m.Group, &m.Customer, &m.From, &m.To, &m.Entered.Why, &m.Entered.Note, &m.Entered.By,
				&m.Left.Why, &m.Left.Note, &m.Left.By)
		})
}

// hint names the index of the present members, and of who entered or left with a
// version. SQLite keeps no statistics unless asked, and would walk all of the
// group's history instead.
func (t *tx) hint(q segment.MembershipQuery) string {
	switch {
	case t.dialect != sqlstore.SQLite || q.Group == "" || q.Customer != "":
		return ""
	case q.Began != 0:
		return " INDEXED BY {}memberships_began"
	case q.Ended != 0 || q.Open:
		return " INDEXED BY {}memberships_ended"
	}
	return ""
}

// Trail implements segment.Reader.
func (t *tx) Trail(after int64, n int) ([]segment.Act, error) {
	return list(t, "SELECT seq, at, actor, action, group_id, what, detail FROM {}trail WHERE seq > ? ORDER BY seq"+limit(n), []any{after},
		func(r *sql.Rows, a *segment.Act) error {
			var at int64
			err := r.Scan(&a.Seq, &at, &a.Actor, &a.Action, &a.Group, &a.What, &a.Detail)
			a.At = moment(at)
			return err
		})
}
