package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// ErrReadOnly is returned by Apply of a store over a host's own tables: the host
// writes them itself.
var ErrReadOnly = errors.New("sqlstore: the host's tables are only read")

// Mapped answers rules from a host's own tables, with statements made by package
// sqlgen. It never writes. It is safe for concurrent use.
type Mapped struct {
	db     *sql.DB
	m      *mapped
	schema *store.Schema
	opts   MappedOptions
}

// MappedOptions set up a Mapped store. The zero value works.
type MappedOptions struct {
	// Timeout bounds each call. Defaults to none but the context's.
	Timeout time.Duration
	// Clock stamps answers. Defaults to dangol.SystemClock.
	Clock dangol.Clock
}

var (
	_ store.Store    = (*Mapped)(nil)
	_ store.Streamer = (*Mapped)(nil)
)

// OpenMapped checks the mapping against the catalog and the database, and returns
// the store. It does not close db. Errors about the mapping are *MappingError and
// name the entry; ErrDialect is returned for ClickHouse, on which the statements are
// not tested yet.
func OpenMapped(ctx context.Context, db *sql.DB, d Dialect, cat *catalog.Catalog, m Mapping, o MappedOptions) (*Mapped, error) {
	if d != SQLite && d != Postgres && d != MySQL {
		return nil, fmt.Errorf("%w: %s", ErrDialect, d)
	}
	schema, err := store.NewSchema(cat)
	if err != nil {
		return nil, err
	}
	ready, err := m.ready(d, schema)
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = dangol.SystemClock
	}
	s := &Mapped{db: db, m: ready, schema: schema, opts: o}
	if err := s.verify(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Catalog implements store.Store.
func (s *Mapped) Catalog() *catalog.Catalog { return s.schema.Catalog }

// Apply implements store.Store: it returns ErrReadOnly.
func (s *Mapped) Apply(context.Context, ...store.Change) error { return ErrReadOnly }

func (s *Mapped) dialect() sqlgen.Dialect { return sqlgen.Dialect(s.m.dialect.String()) }

// bound gives a call its time.
func (s *Mapped) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.opts.Timeout)
}

// reader is one state of the data: a transaction where the engine has them.
type reader struct {
	q interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
	end func()
}

func (s *Mapped) reader(ctx context.Context) (*reader, error) {
	tx, err := beginReading(ctx, s.db, s.m.dialect)
	if err != nil {
		return nil, err
	}
	return &reader{q: tx, end: func() { tx.Rollback() }}, nil
}

// beginReading begins a transaction that reads one state of the data.
func beginReading(ctx context.Context, db *sql.DB, d Dialect) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if d != SQLite {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: begin: %w", err)
	}
	if d == Postgres {
		// PostgreSQL compiles a statement that looks costly to it. One for many rules
		// has thousands of expressions: compiling took minutes where running took
		// milliseconds. And where it expects few rows of each scan, it loops over the
		// scans within each other, which took as long when it was wrong.
		if _, err := tx.ExecContext(ctx, "SET LOCAL jit = off; SET LOCAL enable_nestloop = off"); err != nil {
			return nil, errors.Join(fmt.Errorf("sqlstore: begin: %w", err), tx.Rollback())
		}
	}
	return tx, nil
}

// rows runs a statement and gives every row to visit.
func (s *Mapped) rows(ctx context.Context, r *reader, st sqlgen.Statement, visit func(scan func(...any) error) error) error {
	rows, err := r.q.QueryContext(ctx, s.m.dialect.Rebind(st.SQL), st.Args...)
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// Select implements store.Store. All plans of one scope are answered by one
// statement, up to sqlgen.MostPlans, over one state of the data; the cuts of ranks
// are found before, in the same state. A plan that the tables or the engine cannot
// answer has a *plan.Unsupported as its error.
func (s *Mapped) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer r.end()
	return s.selectIn(ctx, r, q)
}

// selectIn is Select over the state that a transaction sees.
func (s *Mapped) selectIn(ctx context.Context, r *reader, q store.Query) ([]store.Answer, error) {
	now := s.opts.Clock.Now()
	answers := make([]store.Answer, len(q.Plans))
	var work []*question
	for i, p := range q.Plans {
		answers[i] = q.Frame(p, now)
		if answers[i].Err != nil {
			continue
		}
		one := &question{plan: p, answer: &answers[i]}
		if err := s.prepare(ctx, r, q, one); err != nil {
			return nil, err
		}
		if answers[i].Err == nil {
			work = append(work, one)
		}
	}
	for _, scope := range []plan.Scope{plan.Members, plan.Guests, plan.Both} {
		var together []*question
		for _, one := range work {
			if one.query.Scope == scope {
				together = append(together, one)
			}
		}
		for part := range slices.Chunk(together, sqlgen.MostPlans) {
			if err := s.answer(ctx, r, part); err != nil {
				return nil, err
			}
		}
	}
	return answers, nil
}

// question is one plan on its way to an answer.
type question struct {
	plan   *plan.Plan
	query  sqlgen.Query // for this plan alone
	cuts   map[string]sqlgen.Cut
	answer *store.Answer
}

// prepare finds what the plan needs before its statement, and whether there is one.
func (s *Mapped) prepare(ctx context.Context, r *reader, q store.Query, one *question) error {
	env := q.Env()
	scope := one.plan.Scope
	if scope == "" {
		scope = plan.Members
	}
	one.query = sqlgen.Query{Plans: []*plan.Plan{one.plan}, AsOf: env.AsOf, Zone: env.Zone, Scope: scope}
	one.cuts = map[string]sqlgen.Cut{}
	for _, group := range one.plan.Groups {
		ids, err := listed(q.Groups, group)
		if err != nil {
			one.answer.Err = err
			return nil
		}
		if one.query.Groups == nil {
			one.query.Groups = map[string][]dangol.CustomerID{}
		}
		one.query.Groups[group] = ids
	}
	for _, rank := range eval.Ranks(one.plan) {
		cut, err := s.cut(ctx, r, one.query, rank)
		var no *plan.Unsupported
		if errors.As(err, &no) {
			one.answer.Err = err
			return nil
		}
		if err != nil {
			return err
		}
		cut.AsOf = env.AsOf
		if one.answer.Cuts == nil {
			one.answer.Cuts = map[string]eval.Cut{}
		}
		one.answer.Cuts[eval.RankKey(rank)] = cut
		one.cuts[plan.Key(rank)] = sqlgen.Cut{Value: cut.Value, Empty: cut.Empty}
	}
	_, err := sqlgen.Select(s.dialect(), s.m.schema, one.query, one.cuts)
	one.answer.Err = err
	return nil
}

// listed are the members of a group, which Query.Groups must be able to list.
func listed(groups eval.Memberships, group string) ([]dangol.CustomerID, error) {
	lister, ok := groups.(store.Lister)
	if !ok {
		return nil, &plan.Unsupported{Node: "in group " + group + " of memberships that cannot be listed", Engine: "sqlstore"}
	}
	members, err := lister.Members(group)
	if err != nil {
		return nil, err
	}
	out := make([]dangol.CustomerID, 0, members.Len())
	for id := range members.All() {
		// No table has an id that is no text, and some engines fail over one.
		if text := string(id); utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
			out = append(out, id)
		}
	}
	return out, nil
}

func (s *Mapped) cut(ctx context.Context, r *reader, q sqlgen.Query, rank *plan.Rank) (eval.Cut, error) {
	count, at, err := sqlgen.Ranked(s.dialect(), s.m.schema, q, rank)
	if err != nil {
		return eval.Cut{}, err
	}
	var n int64
	if err := s.rows(ctx, r, count, func(scan func(...any) error) error { return scan(&n) }); err != nil {
		return eval.Cut{}, err
	}
	k := int64(eval.Places(rank, int(n)))
	if k == 0 {
		return eval.Cut{Empty: true}, nil
	}
	st, err := at(k)
	if err != nil {
		return eval.Cut{}, err
	}
	var cut eval.Cut
	err = s.rows(ctx, r, st, func(scan func(...any) error) error { return scan(&cut.Value) })
	return cut, err
}

// answer runs one statement for plans of one scope.
func (s *Mapped) answer(ctx context.Context, r *reader, part []*question) error {
	all := part[0].query
	all.Plans = nil
	all.Groups = map[string][]dangol.CustomerID{}
	cuts := map[string]sqlgen.Cut{}
	for _, one := range part {
		all.Plans = append(all.Plans, one.plan)
		for group, ids := range one.query.Groups {
			all.Groups[group] = ids
		}
		for key, cut := range one.cuts {
			cuts[key] = cut
		}
	}
	st, err := sqlgen.Select(s.dialect(), s.m.schema, all, cuts)
	if err != nil {
		return err
	}
	found := make([][]dangol.CustomerID, len(part))
	err = s.rows(ctx, r, st, func(scan func(...any) error) error {
		var id string
		mask := int64(1)
		dest := []any{&id}
		if len(part) > 1 {
			dest = append(dest, &mask)
		}
		if err := scan(dest...); err != nil {
			return err
		}
		for i := range part {
			if mask>>i&1 == 1 {
				found[i] = append(found[i], dangol.CustomerID(id))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, one := range part {
		one.answer.Members = store.NewIDs(found[i])
	}
	return nil
}

// ExplainSelect tells how Select would answer the query: its statements, what each
// is for, and why some plans have none.
func (s *Mapped) ExplainSelect(ctx context.Context, q store.Query) (string, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r, err := s.reader(ctx)
	if err != nil {
		return "", err
	}
	defer r.end()
	var b strings.Builder
	together := map[plan.Scope][]*question{}
	for i, p := range q.Plans {
		var answer store.Answer
		one := &question{plan: p, answer: &answer}
		if err := s.prepare(ctx, r, q, one); err != nil {
			return "", err
		}
		if answer.Err != nil {
			fmt.Fprintf(&b, "plan %d: no statement: %v\n", i, answer.Err)
			continue
		}
		for range one.cuts {
			fmt.Fprintf(&b, "plan %d: two statements before, for the cut of a rank\n", i)
		}
		together[one.query.Scope] = append(together[one.query.Scope], one)
	}
	for _, scope := range []plan.Scope{plan.Members, plan.Guests, plan.Both} {
		for part := range slices.Chunk(together[scope], sqlgen.MostPlans) {
			fmt.Fprintf(&b, "one statement for %d plans over %s: their scans of the same records are shared\n", len(part), scope)
		}
	}
	return b.String(), nil
}
