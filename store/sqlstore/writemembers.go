package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// MemberTable is a host's table with one row a member of a group, and a unique key
// over both columns, which are text that compares by bytes: COLLATE
// utf8mb4_nopad_bin on MariaDB, utf8mb4_0900_bin on MySQL.
type MemberTable struct {
	Name     string // perhaps with a schema: shop.members
	Group    string // the column of the group's id. Defaults to group_id
	Customer string // the column of the customer's id. Defaults to customer
}

// Written is what WriteMembers did to one group.
type Written struct {
	Count, Entered, Left int64
	// Answer tells of the answer what Select would, but for its Members: with its Err
	// the group's rows are as they were.
	Answer store.Answer
}

// ErrGroups is returned by WriteMembers when the groups are not as many as the
// plans, or one stands there twice.
var ErrGroups = errors.New("sqlstore: each plan writes the members of one group of its own")

// WriteMembers makes the rows of each group in a table the members that the plan at
// its place selects, within the host's transaction and inside the database: ids do
// not travel. Who is no longer selected is deleted, who is new is inserted, the other
// rows stay as they are. What it did is durable when the host commits and gone when it
// rolls back; after an error the host must roll back.
//
// The transaction must be on the store's own database. Begun as repeatable read, it
// answers all plans over one state of the data. Let one writer at a time write a
// group: a second one waits for the first or fails at the unique key.
func (s *Mapped) WriteMembers(ctx context.Context, tx *sql.Tx, q store.Query, groups []string, t MemberTable) ([]Written, error) {
	if s.m.dialect == ClickHouse {
		return nil, fmt.Errorf("%w: %s", ErrDialect, s.m.dialect)
	}
	seen := map[string]bool{}
	for _, g := range groups {
		seen[g] = true
	}
	if len(groups) != len(q.Plans) || len(seen) != len(groups) {
		return nil, ErrGroups
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r := &reader{q: tx, dialect: s.m.dialect, loops: true, hashes: true}
	restore, err := r.borrow(ctx)
	if err != nil {
		return nil, err
	}
	answers, work, err := s.prepare(ctx, r, q, false)
	if err != nil {
		return nil, err
	}
	w := newMemberWriter(ctx, r, t)
	if err := w.open(); err != nil {
		return nil, err
	}
	out := make([]Written, len(groups))
	for _, part := range work {
		if err := s.write(w, part, groups, out); err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].Answer = answers[i]
	}
	if err := w.close(); err != nil {
		return nil, err
	}
	return out, restore()
}

// write stages what one statement selects and writes the groups from there.
func (s *Mapped) write(w *memberWriter, part work, groups []string, out []Written) error {
	st, err := s.statement(part)
	if err != nil {
		return err
	}
	ranked := part.part[0].ranked
	columns := "id, mask"
	switch {
	case ranked != nil:
		columns = "id, v"
	case len(part.part) == 1:
		columns = "id, 1"
	}
	if err := w.r.prepare(w.ctx, st); err != nil {
		return err
	}
	if err := w.exec("DELETE FROM " + staged); err != nil {
		return err
	}
	if err := w.exec("INSERT INTO "+staged+" (id, mask) SELECT "+columns+" FROM ("+st.SQL+") found", st.Args...); err != nil {
		return err
	}
	if ranked != nil {
		one := part.part[0]
		pick := map[bool]string{false: "MIN", true: "MAX"}[ranked.Bottom]
		var cut sql.NullInt64
		if err := w.scan(&cut, "SELECT "+pick+"(mask) FROM "+staged); err != nil {
			return err
		}
		one.keep(ranked, eval.Cut{Value: cut.Int64, Empty: !cut.Valid})
	}
	for i, one := range part.part {
		selected := fmt.Sprintf("(t.mask & %d) <> 0", int64(1)<<i)
		if len(part.part) == 1 {
			selected = "1 = 1"
		}
		if err := w.write(groups[one.at], selected, &out[one.at]); err != nil {
			return err
		}
	}
	return nil
}

// staged is the temporary table of a statement's answer: id, and which of its plans
// select it, or the value that a rank compares.
const staged = "dangol_staged_members"

// memberWriter writes the rows of groups.
type memberWriter struct {
	ctx                    context.Context
	r                      *reader
	table, group, customer string
}

func newMemberWriter(ctx context.Context, r *reader, t MemberTable) *memberWriter {
	if t.Group == "" {
		t.Group = "group_id"
	}
	if t.Customer == "" {
		t.Customer = "customer"
	}
	m := &mapped{dialect: r.dialect}
	return &memberWriter{ctx: ctx, r: r, table: m.name(t.Name), group: r.dialect.Quote(t.Group), customer: r.dialect.Quote(t.Customer)}
}

// open makes the temporary table, with ids of the type and collation that the host's
// have. None of the forms ends the transaction.
func (w *memberWriter) open() error {
	like := " AS SELECT " + w.customer + " AS id, CAST(0 AS %s) AS mask FROM " + w.table + " WHERE 1 = 0"
	switch w.r.dialect {
	case Postgres:
		return w.exec("CREATE TEMPORARY TABLE " + staged + " ON COMMIT DROP" + fmt.Sprintf(like, "BIGINT"))
	case MySQL:
		// The connection keeps it when a transaction is rolled back.
		if err := w.exec("DROP TEMPORARY TABLE IF EXISTS " + staged); err != nil {
			return err
		}
		return w.exec("CREATE TEMPORARY TABLE " + staged + " (PRIMARY KEY (id))" + fmt.Sprintf(like, "SIGNED"))
	}
	return w.exec("CREATE TEMPORARY TABLE " + staged + " (id TEXT PRIMARY KEY, mask INTEGER) WITHOUT ROWID")
}

func (w *memberWriter) close() error {
	if w.r.dialect == MySQL { // without the word, it would end the transaction
		return w.exec("DROP TEMPORARY TABLE " + staged)
	}
	return w.exec("DROP TABLE " + staged)
}

func (w *memberWriter) write(group, selected string, out *Written) error {
	left, err := w.changed("DELETE FROM "+w.table+" WHERE "+w.group+" = ? AND NOT EXISTS (SELECT 1 FROM "+staged+" t WHERE t.id = "+
		w.table+"."+w.customer+" AND "+selected+")", group)
	if err != nil {
		return err
	}
	entered, err := w.changed("INSERT INTO "+w.table+" ("+w.group+", "+w.customer+") SELECT ?, t.id FROM "+staged+" t WHERE "+selected+
		" AND NOT EXISTS (SELECT 1 FROM "+w.table+" m WHERE m."+w.group+" = ? AND m."+w.customer+" = t.id)", group, group)
	if err != nil {
		return err
	}
	out.Entered, out.Left = entered, left
	return w.scan(&out.Count, "SELECT COUNT(*) FROM "+w.table+" WHERE "+w.group+" = ?", group)
}

func (w *memberWriter) exec(query string, args ...any) error {
	_, err := w.changed(query, args...)
	return err
}

func (w *memberWriter) changed(query string, args ...any) (int64, error) {
	res, err := w.r.q.ExecContext(w.ctx, w.r.dialect.Rebind(query), args...)
	if err != nil {
		return 0, fmt.Errorf("sqlstore: write members: %w", err)
	}
	return res.RowsAffected()
}

func (w *memberWriter) scan(into any, query string, args ...any) error {
	if err := w.r.q.QueryRowContext(w.ctx, w.r.dialect.Rebind(query), args...).Scan(into); err != nil {
		return fmt.Errorf("sqlstore: write members: %w", err)
	}
	return nil
}
