package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"math/bits"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// Select implements store.Store. The plans are answered over one state of the data,
// by as many statements as ExplainSelect tells and gives reasons for. A plan that the
// tables or the engine cannot answer has a *plan.Unsupported as its error.
func (s *Mapped) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r := s.later()
	defer r.end()
	if s.m.dialect == Postgres && !(s.single && len(q.Plans) == 1) {
		r.ahead(ctx)
	}
	answers, err := s.selectIn(ctx, r, q)
	return answers, s.m.dialect.told(ctx, err)
}

// SelectEach is Select for answers that are too large to hold: each member is handed
// over as the database sends it, with the place of its plan, in no order. The answers
// have no Members. An error of visit ends it and is returned.
func (s *Mapped) SelectEach(ctx context.Context, q store.Query, visit func(plan int, id dangol.CustomerID) error) ([]store.Answer, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r := s.later()
	defer r.end()
	answers, work, err := s.prepare(ctx, r, q, false)
	if err != nil {
		return nil, s.m.dialect.told(ctx, err)
	}
	s.lone(r, work)
	for _, w := range work {
		rest, err := s.run(ctx, r, w, nil, func(id rowID, one *question) error { return visit(one.at, id.id()) })
		if err == nil {
			err = rest()
		}
		if err != nil {
			return nil, s.m.dialect.told(ctx, err)
		}
	}
	return answers, nil
}

// selectIn is Select over the state that a transaction sees.
func (s *Mapped) selectIn(ctx context.Context, r *reader, q store.Query) ([]store.Answer, error) {
	answers, work, err := s.prepare(ctx, r, q, true)
	if err != nil {
		return nil, err
	}
	s.lone(r, work)
	found := make([]rowIDs, len(answers))
	// What came is worked out while the next statement runs.
	var behind sync.WaitGroup
	defer behind.Wait()
	failed := make([]error, len(work))
	finish := func(i int, rest func() error) {
		if failed[i] = rest(); failed[i] != nil {
			return
		}
		for _, one := range work[i].part {
			answers[one.at].Members = found[one.at].sorted()
		}
	}
	var kept texts
	for i, w := range work {
		rest, err := s.run(ctx, r, w, &kept, func(id rowID, one *question) error {
			found[one.at].add(id, one.alone.Repeats)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if i == len(work)-1 {
			r.leave()
			finish(i, rest)
		} else {
			behind.Go(func() { finish(i, rest) })
		}
	}
	r.leave()
	behind.Wait()
	r.end()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return answers, nil
}

// question is one plan on its way to an answer.
type question struct {
	at     int // its place in the query
	plan   *plan.Plan
	query  sqlgen.Query // for this plan alone
	cuts   map[string]sqlgen.Cut
	ranked *plan.Rank // the whole rule, where that is a rank
	alone  sqlgen.Statement
	answer *store.Answer
}

// work is one statement and what it answers: a rank's members, or those of plans, with
// the values of ranks.
type work struct {
	part []*question
	why  string // "" of one that is alone in its scope: see reason
}

// split tells the plans that the statement decides from the ranks.
func (w work) split() (plans, ranks []*question) {
	for _, one := range w.part {
		if one.ranked != nil {
			ranks = append(ranks, one)
		} else {
			plans = append(plans, one)
		}
	}
	return plans, ranks
}

// prepare frames the answers, finds the cuts of ranks within larger rules, and tells
// which statements are left to run. Rules that are ranks may share them only where the
// values of all who are ranked can be held.
func (s *Mapped) prepare(ctx context.Context, r *reader, q store.Query, hold bool) (answers []store.Answer, out []work, err error) {
	now := s.opts.Clock.Now()
	answers = make([]store.Answer, len(q.Plans))
	together := map[plan.Scope][]*question{}
	for i, p := range q.Plans {
		answers[i] = q.Frame(p, now)
		if answers[i].Err != nil {
			continue
		}
		one := &question{at: i, plan: p, answer: &answers[i]}
		if err := s.ask(ctx, r, q, one, hold); err != nil {
			return nil, nil, err
		}
		switch {
		case answers[i].Err != nil:
		case one.ranked != nil && !hold:
			out = append(out, work{part: []*question{one}, why: "the rule is a rank: its members and its cut come together"})
		default:
			together[one.query.Scope] = append(together[one.query.Scope], one)
		}
	}
	for _, scope := range []plan.Scope{plan.Members, plan.Guests, plan.Both} {
		switch list := together[scope]; len(list) {
		case 0:
		case 1:
			out = append(out, work{part: list})
		default:
			out = append(out, s.partition(list)...)
		}
	}
	return answers, out, nil
}

// ask finds what the plan needs before its statement, and whether there is one. The
// statement may repeat ids where they are held.
func (s *Mapped) ask(ctx context.Context, r *reader, q store.Query, one *question, hold bool) error {
	env := q.Env()
	scope := one.plan.Scope
	if scope == "" {
		scope = plan.Members
	}
	one.query = sqlgen.Query{Plans: []*plan.Plan{one.plan}, AsOf: env.AsOf, Zone: env.Zone, Scope: scope, Repeats: hold}
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
	if rank, ok := one.plan.Root.(*plan.Rank); ok && sqlgen.OnePass(s.dialect(), rank) {
		one.ranked = rank
		one.alone, one.answer.Err = sqlgen.InRank(s.dialect(), s.m.schema, one.query, rank)
		return nil
	}
	if err := s.sample(ctx, r, one); err != nil {
		return err
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
		one.keep(rank, cut)
	}
	one.alone, one.answer.Err = sqlgen.Select(s.dialect(), s.m.schema, one.query, one.cuts)
	return nil
}

// sample finds what part of the customers passes what the plan asks of themselves, where
// its statement depends on that.
func (s *Mapped) sample(ctx context.Context, r *reader, one *question) error {
	st, ok := sqlgen.Sample(s.dialect(), s.m.schema, one.query, one.plan)
	if !ok {
		return nil
	}
	var customers, passing int64
	err := r.rows(ctx, st, func(scan func(...any) error) error { return scan(&customers, &passing) })
	if err == nil && customers > 0 {
		one.query.Passing = map[*plan.Plan]float64{one.plan: float64(passing) / float64(customers)}
	}
	return err
}

// keep notes the cut of a rank.
func (one *question) keep(rank *plan.Rank, cut eval.Cut) {
	cut.AsOf = one.query.AsOf
	if one.answer.Cuts == nil {
		one.answer.Cuts = map[string]eval.Cut{}
	}
	one.answer.Cuts[eval.RankKey(rank)] = cut
	one.cuts[plan.Key(rank)] = sqlgen.Cut{Value: cut.Value, Empty: cut.Empty}
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
	if !sqlgen.OnePass(s.dialect(), rank) {
		return s.placedCut(ctx, r, q, rank)
	}
	st, err := sqlgen.RankCut(s.dialect(), s.m.schema, q, rank)
	if err != nil {
		return eval.Cut{}, err
	}
	var value sql.NullInt64
	err = r.rows(ctx, st, func(scan func(...any) error) error { return scan(&value) })
	return eval.Cut{Value: value.Int64, Empty: !value.Valid}, err
}

// placedCut finds a cut in two statements: how many are ranked, and the value of the last
// of them who is inside.
func (s *Mapped) placedCut(ctx context.Context, r *reader, q sqlgen.Query, rank *plan.Rank) (eval.Cut, error) {
	count, at, err := sqlgen.Ranked(s.dialect(), s.m.schema, q, rank)
	if err != nil {
		return eval.Cut{}, err
	}
	var n int64
	if err := r.rows(ctx, count, func(scan func(...any) error) error { return scan(&n) }); err != nil {
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
	err = r.rows(ctx, st, func(scan func(...any) error) error { return scan(&cut.Value) })
	return cut, err
}

// asked is one query for plans of one scope.
func asked(part []*question) (sqlgen.Query, map[string]sqlgen.Cut) {
	all := part[0].query
	all.Plans, all.Groups, all.Passing = nil, map[string][]dangol.CustomerID{}, map[*plan.Plan]float64{}
	cuts := map[string]sqlgen.Cut{}
	for _, one := range part {
		all.Plans = append(all.Plans, one.plan)
		for group, ids := range one.query.Groups {
			all.Groups[group] = ids
		}
		for key, cut := range one.cuts {
			cuts[key] = cut
		}
		maps.Copy(all.Passing, one.query.Passing)
	}
	return all, cuts
}

// partition tells which plans of one scope are answered together, and why.
func (s *Mapped) partition(list []*question) []work {
	var out []work
	all, cuts := asked(list)
	for _, p := range sqlgen.Partition(s.dialect(), s.m.schema, all, cuts) {
		w := work{why: p.Why}
		for _, i := range p.Plans {
			w.part = append(w.part, list[i])
		}
		out = append(out, w)
	}
	return out
}

// reason is why these plans are answered by one statement. It is not looked for before
// somebody asks where there was nothing to decide.
func (s *Mapped) reason(w work) string {
	if w.why == "" {
		return s.partition(w.part)[0].why
	}
	return w.why
}

// statement writes the statement of some work.
func (s *Mapped) statement(w work) (sqlgen.Statement, error) {
	if len(w.part) == 1 {
		return w.part[0].alone, nil
	}
	plans, ranks := w.split()
	all, cuts := asked(w.part)
	all.Plans, all.Ranked = nil, nil
	for _, one := range plans {
		all.Plans = append(all.Plans, one.plan)
	}
	for _, one := range ranks {
		all.Ranked = append(all.Ranked, one.ranked)
	}
	return sqlgen.Select(s.dialect(), s.m.schema, all, cuts)
}

// run runs one statement and gives each member of each plan once, in any order: those that
// are not given when it returns come from rest, which asks the database nothing more. The
// ids lie in kept, or each for itself without.
func (s *Mapped) run(ctx context.Context, r *reader, w work, kept *texts, visit func(rowID, *question) error) (rest func() error, err error) {
	st, err := s.statement(w)
	if err != nil {
		return nil, err
	}
	if one := w.part[0]; len(w.part) == 1 && one.ranked != nil {
		return s.runRank(ctx, r, st, one, kept, visit)
	}
	plans, ranks := w.split()
	masks := 0 // of a row
	if len(w.part) > 1 {
		masks = 1
	}
	rankings := make([]ranking, len(ranks))
	unpack, err := r.answers(ctx, st, masks, masks+len(ranks), kept, func(id rowID, values []sql.NullInt64) error {
		mask := int64(1)
		if masks > 0 {
			mask, values = values[0].Int64, values[1:]
		}
		for left := uint64(mask) & (1<<len(plans) - 1); left != 0; left &= left - 1 {
			if err := visit(id, plans[bits.TrailingZeros64(left)]); err != nil {
				return err
			}
		}
		for i, v := range values {
			if v.Valid && (s.dialect() != sqlgen.ClickHouse || mask>>(len(plans)+i)&1 == 1) {
				rankings[i].add(id, v.Int64)
			}
		}
		return nil
	})
	return func() error {
		if err := unpack(); err != nil {
			return err
		}
		for i, one := range ranks {
			cut, inside := rankings[i].members(one.ranked)
			one.keep(one.ranked, cut)
			for _, id := range inside {
				if err := visit(id, one); err != nil {
					return err
				}
			}
		}
		return nil
	}, err
}

// runRank runs the statement of a rank that is the whole rule.
func (s *Mapped) runRank(ctx context.Context, r *reader, st sqlgen.Statement, one *question, kept *texts, visit func(rowID, *question) error) (rest func() error, err error) {
	cut := eval.Cut{Empty: true}
	unpack, err := r.answers(ctx, st, 1, 1, kept, func(id rowID, values []sql.NullInt64) error {
		v := values[0].Int64
		if cut.Empty || one.ranked.Bottom == (v > cut.Value) {
			cut = eval.Cut{Value: v}
		}
		return visit(id, one)
	})
	return func() error {
		err := unpack()
		if err == nil {
			one.keep(one.ranked, cut)
		}
		return err
	}, err
}
