package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// memberRows are the rows of a group.
func memberRows(t testing.TB, e engine, q sqlstore.Querier, group string) store.IDs {
	t.Helper()
	rows, err := q.QueryContext(t.Context(), e.dialect.Rebind("SELECT who FROM members WHERE crowd = ?"), group)
	require.NoError(t, err)
	defer rows.Close()
	ids := []dangol.CustomerID{}
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, dangol.CustomerID(id))
	}
	require.NoError(t, rows.Err())
	return store.NewIDs(ids)
}

func minus(a, b store.IDs) (n int64) {
	for _, id := range a {
		if !b.Contains(id) {
			n++
		}
	}
	return n
}

// Members written inside the database are those that Select finds: who entered and
// who left are counted, a rolled back transaction leaves the rows as they were, and a
// plan without an answer leaves those of its group.
func TestMembersAreWrittenInTheDatabase(t *testing.T) {
	for _, e := range engines() {
		if e.click != nil {
			continue // it has no transactions
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.start(t)
			e.prepare(t, db)
			text := map[sqlstore.Dialect]string{sqlstore.MySQL: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"}[e.dialect]
			if text == "" {
				text = "TEXT"
			}
			_, err := db.Exec("CREATE TABLE members (crowd " + text + " NOT NULL, who " + text + " NOT NULL, PRIMARY KEY (crowd, who))")
			require.NoError(t, err)
			changed := 0
			for i := range uint64(6) {
				changed += writeMembers(t, e, db, *seed+i)
			}
			require.Greater(t, changed, 20)
		})
	}
}

var errUndo = fmt.Errorf("undone")

func writeMembers(t *testing.T, e engine, db *sql.DB, seed uint64) (changed int) {
	w := rulegen.New(seed)
	h := build(t, e, db, w, fmt.Sprintf("m%d_", seed))
	defer h.drop()
	s, err := sqlstore.OpenMapped(t.Context(), db, e.dialect, w.Catalog, h.mapping, sqlstore.MappedOptions{})
	require.NoError(t, err)
	c, err := compile.New(w.Catalog)
	require.NoError(t, err)
	table := sqlstore.MemberTable{Name: "members", Group: "crowd", Customer: "who"}
	groups := []string{"A", "a", "a ", "it's", "5"}
	before := map[string]store.IDs{}
	for _, g := range groups {
		before[g] = memberRows(t, e, db, g)
	}
	for round := range 3 {
		var plans []*plan.Plan
		for len(plans) < len(groups) {
			rule := w.Rule(plan.Both)
			if p, ds := c.Text(rule.String(), compile.Options{Scope: rule.Scope}); !ds.HasErrors() {
				plans = append(plans, p)
			}
		}
		q := store.Query{Plans: plans, AsOf: w.AsOf, Zone: w.Zone, Groups: lister{w.Groups}}
		answers, err := s.Select(t.Context(), q)
		require.NoError(t, err)
		write := func(ctx context.Context, end error) (out []sqlstore.Written, err error) {
			err = sqlstore.InTx(ctx, db, e.dialect, func(tx *sql.Tx) error {
				if out, err = s.WriteMembers(ctx, tx, q, groups, table); err != nil {
					return err
				}
				for i, g := range groups {
					if answers[i].Err == nil {
						require.Equal(t, slices.Collect(answers[i].Members.All()), slices.Collect(memberRows(t, e, tx, g).All()), plans[i].Text)
					}
				}
				return end
			})
			return out, err
		}
		_, err = write(t.Context(), errUndo)
		require.ErrorIs(t, err, errUndo)
		for _, g := range groups {
			require.Equal(t, before[g], memberRows(t, e, db, g), "undone")
		}
		out, err := write(t.Context(), nil)
		require.NoError(t, err)
		for i, g := range groups {
			now := memberRows(t, e, db, g)
			require.Equal(t, answers[i].Err == nil, out[i].Answer.Err == nil)
			require.Equal(t, answers[i].Cuts, out[i].Answer.Cuts, plans[i].Text)
			if answers[i].Err != nil {
				require.Equal(t, before[g], now)
				continue
			}
			want := []int64{int64(len(now)), minus(now, before[g]), minus(before[g], now)}
			require.Equal(t, want, []int64{out[i].Count, out[i].Entered, out[i].Left}, "round %d: %s", round, plans[i].Text)
			changed += int(out[i].Entered + out[i].Left)
			before[g] = now
		}
	}
	_, err = s.WriteMembers(t.Context(), nil, store.Query{AsOf: w.AsOf}, []string{"A"}, table)
	require.ErrorIs(t, err, sqlstore.ErrGroups)
	return changed
}

// ClickHouse has no transactions: asked to write members it says so, and touches nothing.
func TestMembersAreNotWrittenOnClickHouse(t *testing.T) {
	e := clickHouses()[0]
	h := &host{t: t, e: e, db: e.start(t)}
	h.create("people", "`id` String", "`points` Int64")
	h.insert("people", nil, [][]any{{"a", 5}, {"b", 5}})
	h.create("members", "`group_id` String", "`customer` String")
	h.insert("members", nil, [][]any{{"all", "gone"}})
	s, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, catalog.Shop(), sqlstore.Mapping{
		Customers: sqlstore.TableMap{Table: "people", Key: "id", Columns: map[string]sqlstore.ColumnMap{"points": {Column: "points"}}},
	}, sqlstore.MappedOptions{})
	require.NoError(t, err)
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	everyone, ds := rules.Text("points >= 5", compile.Options{})
	require.False(t, ds.HasErrors(), "%v", ds)
	query := store.Query{Plans: []*plan.Plan{everyone}, AsOf: time.Unix(1_790_000_000, 0)}
	tables := func() (out string) {
		require.NoError(t, h.db.QueryRow("SELECT toString(arraySort(groupArray(name))) FROM system.tables WHERE database = currentDatabase()").Scan(&out))
		return out
	}
	before := tables()
	tx, err := h.db.Begin()
	require.NoError(t, err)
	written, err := s.WriteMembers(t.Context(), tx, query, []string{"all"}, sqlstore.MemberTable{Name: "members"})
	require.ErrorIs(t, err, sqlstore.ErrDialect)
	require.Nil(t, written)
	require.NoError(t, tx.Commit())
	require.Equal(t, before, tables())
	var rows string
	require.NoError(t, h.db.QueryRow("SELECT toString(groupArray(concat(group_id, ' ', customer))) FROM members").Scan(&rows))
	require.Equal(t, "['all gone']", rows)
}
