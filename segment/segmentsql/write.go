package segmentsql

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// Put implements segment.Tx.
func (t *tx) Put(g *segment.Group, by string) error {
	bare := *g
	bare.Uses = nil // they have a table of their own
	body, err := json.Marshal(&bare)
	if err != nil {
		return fmt.Errorf("segmentsql: a group's body: %w", err)
	}
	err = t.exec("INSERT INTO {}groups (id, name, kind, scope, status, version, members, as_of, due, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+
		t.dialect.DoUpdate([]string{"id"}, "name", "kind", "scope", "status", "version", "members", "as_of", "due", "body"),
		g.ID, g.Name, string(g.Kind), string(g.Scope), string(g.Status), g.Version, g.Count, micros(g.AsOf), micros(g.Due), string(body))
	if err != nil {
		return err
	}
	if g.RuleVersion > 0 {
		err = t.exec("INSERT INTO {}rules (group_id, version, rule, saved, saved_by) VALUES (?, ?, ?, ?, ?)"+
			t.dialect.DoNothing("group_id", "version"), g.ID, g.RuleVersion, g.Rule, micros(g.Edited), by)
		if err != nil {
			return err
		}
	}
	return t.putUses(g)
}

// putUses makes the rows of the use ledger those of the group.
func (t *tx) putUses(g *segment.Group) error {
	old, err := t.uses("WHERE group_id = ?", g.ID)
	if err != nil {
		return err
	}
	for _, u := range old[g.ID] {
		if !slices.Contains(g.Uses, u) {
			err := t.exec("DELETE FROM {}uses WHERE group_id = ? AND used_by = ? AND kind = ? AND id = ?", g.ID, u.By, string(u.Kind), u.ID)
			if err != nil {
				return err
			}
		}
	}
	for _, u := range g.Uses {
		if !slices.Contains(old[g.ID], u) {
			err := t.exec("INSERT INTO {}uses (group_id, used_by, kind, id, name) VALUES (?, ?, ?, ?, ?)", g.ID, u.By, string(u.Kind), u.ID, u.Name)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsAtOnce is how many rows one INSERT carries. Statements of one length are
// prepared once by the driver's cache.
const rowsAtOnce = 100

// insert writes many rows of n columns each.
func (t *tx) insert(head string, n int, rows [][]any, tail string) error {
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", n), ", ") + ")"
	for chunk := range slices.Chunk(rows, rowsAtOnce) {
		args := make([]any, 0, len(chunk)*n)
		for _, row := range chunk {
			args = append(args, row...)
		}
		if err := t.exec(head+strings.TrimSuffix(strings.Repeat(one+", ", len(chunk)), ", ")+tail, args...); err != nil {
			return err
		}
		if err := t.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// SetEntries implements segment.Tx.
func (t *tx) SetEntries(group string, entries []segment.Entry) error {
	var rows [][]any
	for _, e := range entries {
		if e.Mark == "" {
			if err := t.exec("DELETE FROM {}entries WHERE group_id = ? AND customer = ?", group, string(e.Customer)); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []any{group, string(e.Customer), string(e.Mark), e.Reason, e.By, micros(e.At)})
	}
	return t.insert("INSERT INTO {}entries (group_id, customer, mark, reason, marked_by, marked) VALUES ", 6, rows,
		t.dialect.DoUpdate([]string{"group_id", "customer"}, "mark", "reason", "marked_by", "marked"))
}

// next counts one up.
func (t *tx) next(counter string) (int64, error) {
	if err := t.exec("UPDATE {}counters SET value = value + 1 WHERE name = ?", counter); err != nil {
		return 0, err
	}
	var n int64
	err := t.q.QueryRowContext(t.ctx, t.text("SELECT value FROM {}counters WHERE name = ?"), counter).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("segmentsql: %w", err)
	}
	return n, nil
}

// Apply implements segment.Tx.
func (t *tx) Apply(c segment.Change) error {
	v := c.Version
	seq, err := t.next("version")
	if err != nil {
		return err
	}
	err = t.exec(`INSERT INTO {}versions (group_id, version, seq, as_of, read_at, valid_from, recorded, members, entered, gone, rule, cause)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, v.Group, v.Version, seq, micros(v.AsOf), micros(v.ReadAt), micros(v.From),
		micros(v.Recorded), v.Count, v.Entered, v.Left, v.Rule, v.Cause)
	if err != nil {
		return err
	}
	if err := t.leave(v.Group, v.Version, c.Left); err != nil {
		return err
	}
	return t.enter(v.Group, v.Version, c.Entered)
}

// leave closes the open spans of customers, runs of one cause at a time.
func (t *tx) leave(group string, version int64, left []segment.Turn) error {
	for len(left) > 0 {
		n := 1
		for n < len(left) && n < rowsAtOnce && left[n].Cause == left[0].Cause {
			n++
		}
		cause := left[0].Cause
		args := []any{version, string(cause.Why), cause.Note, cause.By, group}
		for _, turn := range left[:n] {
			args = append(args, string(turn.Customer))
		}
		rows, err := t.changed("UPDATE {}memberships SET to_version = ?, left_why = ?, left_note = ?, left_who = ? WHERE group_id = ? AND to_version = 0 AND customer IN (?"+
			strings.Repeat(", ?", n-1)+")", args...)
		if err != nil {
			return err
		}
		if rows != int64(n) {
			return fmt.Errorf("%w: group %q, version %d, near customer %q who leaves", errRows, group, version, left[0].Customer)
		}
		left = left[n:]
	}
	return nil
}

// enter opens spans. Nobody may have an open one.
func (t *tx) enter(group string, version int64, entered []segment.Turn) error {
	for chunk := range slices.Chunk(entered, rowsAtOnce) {
		args := []any{group}
		rows := make([][]any, len(chunk))
		for i, turn := range chunk {
			args = append(args, string(turn.Customer))
			rows[i] = []any{group, string(turn.Customer), version, 0, string(turn.Cause.Why), turn.Cause.Note, turn.Cause.By, "", "", ""}
		}
		var in int
		err := t.q.QueryRowContext(t.ctx, t.read("SELECT count(*) FROM {}memberships WHERE group_id = ? AND to_version = 0 AND customer IN (?"+
			strings.Repeat(", ?", len(chunk)-1)+")"), args...).Scan(&in)
		if err != nil {
			return fmt.Errorf("segmentsql: %w", err)
		}
		if in != 0 {
			return fmt.Errorf("%w: group %q, version %d, near customer %q who enters", errRows, group, version, chunk[0].Customer)
		}
		err = t.insert("INSERT INTO {}memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ", 10, rows, "")
		if err != nil {
			return err
		}
	}
	return nil
}

// Append implements segment.Tx.
func (t *tx) Append(a segment.Act) error {
	seq, err := t.next("act")
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO {}trail (seq, at, actor, action, group_id, what, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
		seq, micros(a.At), a.Actor, string(a.Action), a.Group, a.What, a.Detail)
}

// Prune implements segment.Tx.
func (t *tx) Prune(group string, before int64, limit int) (more bool, err error) {
	type key struct {
		customer string
		from     int64
	}
	old, err := list(t, fmt.Sprintf("SELECT customer, from_version FROM {}memberships WHERE group_id = ? AND to_version > 0 AND to_version < ? LIMIT %d", limit+1),
		[]any{group, before}, func(r *sql.Rows, k *key) error { return r.Scan(&k.customer, &k.from) })
	if err != nil {
		return false, err
	}
	if more = len(old) > limit; more {
		old = old[:limit]
	}
	for chunk := range slices.Chunk(old, rowsAtOnce) {
		args := []any{group}
		for _, k := range chunk {
			args = append(args, k.customer, k.from)
		}
		err := t.exec("DELETE FROM {}memberships WHERE group_id = ? AND (customer, from_version) IN ("+t.pairs(len(chunk))+")", args...)
		if err != nil {
			return false, err
		}
	}
	if more {
		return true, nil
	}
	return false, t.exec(`DELETE FROM {}versions WHERE group_id = ? AND version < ? AND NOT EXISTS (
		SELECT 1 FROM {}memberships m WHERE m.group_id = {}versions.group_id AND m.from_version = {}versions.version)`, group, before)
}

// pairs are the placeholders of n pairs behind IN.
func (t *tx) pairs(n int) string {
	list := strings.TrimSuffix(strings.Repeat("(?, ?), ", n), ", ")
	if t.dialect == sqlstore.SQLite {
		return "VALUES " + list
	}
	return list
}

// Rename implements segment.Tx.
func (t *tx) Rename(customer, to dangol.CustomerID) error {
	err := t.exec(`UPDATE {}memberships SET customer = ?, note = '', left_note = CASE WHEN left_why = ? THEN left_note ELSE '' END WHERE customer = ?`,
		string(to), string(segment.ByLogin), string(customer))
	if err != nil {
		return err
	}
	return t.exec("UPDATE {}memberships SET left_note = ? WHERE left_why = ? AND left_note = ?", string(to), string(segment.ByLogin), string(customer))
}
