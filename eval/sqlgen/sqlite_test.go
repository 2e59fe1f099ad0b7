package sqlgen_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/internal/corpus"
	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// tables keeps customers in a SQLite database the plainest way, a column a field.
type tables struct {
	db     *sql.DB
	schema *sqlgen.Schema
}

func newTables(t testing.TB, cat *catalog.Catalog, customers []*eval.Customer, groups map[string][]dangol.CustomerID) tables {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := db.Exec(query, args...)
		require.NoError(t, err, query)
	}
	column := func(name string) sqlgen.Column { return sqlgen.Column{SQL: "{t}." + quote(name)} }

	s := &sqlgen.Schema{
		Customers: sqlgen.Table{Name: "customers", Key: "id", Columns: map[string]sqlgen.Column{}},
		Guest:     "{t}.guest", Bucket: "bucket",
		Records: map[string]sqlgen.Table{}, Sets: map[string]sqlgen.Set{},
		Groups: &sqlgen.Groups{Name: "memberships", Group: "name", Customer: "customer"},
	}
	var attrs []string
	for _, a := range cat.Attributes {
		switch {
		case a.Derived != "":
		case a.Type.Sort == catalog.Set:
			s.Sets[a.Name] = sqlgen.Set{Name: quote("set." + a.Name), Owner: "owner", Item: "item"}
			exec("CREATE TABLE " + quote("set."+a.Name) + " (owner TEXT NOT NULL, item TEXT NOT NULL)")
		default:
			attrs = append(attrs, a.Name)
			s.Customers.Columns[a.Name] = column(a.Name)
		}
	}
	create := func(name string, fields []string) {
		cols := ""
		for _, f := range fields {
			cols += ", " + quote(f)
		}
		exec("CREATE TABLE " + name + " (id TEXT PRIMARY KEY, customer TEXT, parent TEXT, guest INTEGER, bucket INTEGER" + cols + ")")
	}
	create("customers", attrs)
	exec("CREATE TABLE memberships (name TEXT, customer TEXT)")
	fieldsOf := map[string][]string{}
	for i := range cat.Kinds {
		k := &cat.Kinds[i]
		if k.Base != "" {
			continue
		}
		var fields []string
		columns := map[string]sqlgen.Column{}
		for _, f := range k.Fields {
			if f.Derived == "" {
				fields = append(fields, f.Name)
			}
		}
		for _, r := range cat.Reached(k) {
			fields = append(fields, r.Name)
		}
		for _, f := range fields {
			columns[f] = column(f)
		}
		if k.ParentField != "" {
			columns[k.ParentField] = sqlgen.Column{SQL: "{t}.parent"}
		}
		fieldsOf[k.Name] = fields
		create(quote("kind."+k.Name), fields)
		s.Records[k.Name] = sqlgen.Table{Name: quote("kind." + k.Name), Key: "id", Customer: "customer", Parent: "parent", Columns: columns}
	}
	insert := func(table string, fixed []any, fields []string, values map[string]catalog.Value) {
		args := fixed
		cols, marks := "id, customer, parent, guest, bucket", "?, ?, ?, ?, ?"
		for _, f := range fields {
			cols, marks = cols+", "+quote(f), marks+", ?"
			args = append(args, stored(values[f]))
		}
		exec("INSERT INTO "+table+" ("+cols+") VALUES ("+marks+")", args...)
	}
	for _, c := range customers {
		insert("customers", []any{string(c.ID), nil, nil, c.Guest, sample.Bucket(string(c.ID))}, attrs, c.Attributes)
		for name, set := range s.Sets {
			for _, item := range c.Attributes[name].Items() {
				exec("INSERT INTO "+set.Name+" VALUES (?, ?)", string(c.ID), item)
			}
		}
		for kind, records := range c.Records {
			for _, r := range records {
				var parent any
				if r.Parent != nil {
					parent = r.Parent.Key
				}
				insert(quote("kind."+kind), []any{r.Key, string(c.ID), parent, nil, nil}, fieldsOf[kind], r.Fields)
			}
		}
	}
	for name, ids := range groups {
		for _, id := range ids {
			exec("INSERT INTO memberships VALUES (?, ?)", name, string(id))
		}
	}
	return tables{db, s}
}

func stored(v catalog.Value) any {
	switch v.Sort() {
	case 0:
		return nil
	case catalog.String:
		return v.Text()
	case catalog.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	}
	return v.Int()
}

func (db tables) query(t testing.TB, s sqlgen.Statement) (rows [][2]any) {
	t.Helper()
	r, err := db.db.Query(s.SQL, s.Args...)
	require.NoError(t, err, "%s\n%v", s.SQL, s.Args)
	defer r.Close()
	cols, err := r.Columns()
	require.NoError(t, err)
	for r.Next() {
		var row [2]any
		dest := []any{&row[0], &row[1]}
		require.NoError(t, r.Scan(dest[:len(cols)]...))
		rows = append(rows, row)
	}
	require.NoError(t, r.Err())
	return rows
}

// selectAll answers plans as a store would: cuts first, then one statement.
func (db tables) selectAll(t testing.TB, q sqlgen.Query) ([][]dangol.CustomerID, error) {
	t.Helper()
	cuts := map[string]sqlgen.Cut{}
	for _, p := range q.Plans {
		for _, r := range eval.Ranks(p) {
			cut, err := db.cut(t, q, r)
			if err != nil {
				return nil, err
			}
			cuts[plan.Key(r)] = cut
		}
	}
	s, err := sqlgen.Select(sqlgen.SQLite, db.schema, q, cuts)
	if err != nil {
		return nil, err
	}
	out := make([][]dangol.CustomerID, len(q.Plans))
	for _, row := range db.query(t, s) {
		id, mask := dangol.CustomerID(row[0].(string)), int64(1)
		if len(q.Plans) > 1 {
			mask = row[1].(int64)
		}
		for i := range out {
			if mask>>i&1 == 1 {
				out[i] = append(out[i], id)
			}
		}
	}
	for _, ids := range out {
		slices.Sort(ids)
	}
	return out, nil
}

func (db tables) cut(t testing.TB, q sqlgen.Query, r *plan.Rank) (sqlgen.Cut, error) {
	count, at, err := sqlgen.Ranked(sqlgen.SQLite, db.schema, q, r)
	if err != nil {
		return sqlgen.Cut{}, err
	}
	n := db.query(t, count)[0][0].(int64)
	k := r.N
	if r.Percent {
		den := int64(100)
		for range r.Scale {
			den *= 10
		}
		k = (r.N*n + den - 1) / den
	}
	k = min(k, n)
	if k == 0 {
		return sqlgen.Cut{Empty: true}, nil
	}
	s, err := at(k)
	if err != nil {
		return sqlgen.Cut{}, err
	}
	return sqlgen.Cut{Value: db.query(t, s)[0][0].(int64)}, nil
}

type memberships map[string][]dangol.CustomerID

func (m memberships) Contains(group string, id dangol.CustomerID) (bool, error) {
	ids, ok := m[group]
	if !ok {
		return false, errors.New("no such group")
	}
	return slices.Contains(ids, id), nil
}

// reference answers a plan by eval.
func reference(t testing.TB, p *plan.Plan, customers []*eval.Customer, env eval.Env) []dangol.CustomerID {
	t.Helper()
	env.Cuts = map[string]eval.Cut{}
	for _, r := range eval.Ranks(p) {
		var values []int64
		for _, c := range customers {
			if !eval.Exists(c, p.Scope, env) {
				continue
			}
			v, ok, err := eval.RankValue(r, c, env)
			require.NoError(t, err)
			if ok {
				values = append(values, v)
			}
		}
		env.Cuts[eval.RankKey(r)] = eval.CutOf(r, values, env.AsOf)
	}
	var out []dangol.CustomerID
	for _, c := range customers {
		if !eval.Exists(c, p.Scope, env) {
			continue
		}
		in, err := eval.Eval(p, c, env)
		require.NoError(t, err)
		if in {
			out = append(out, c.ID)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

// people are customers over the shop's catalog with values that the corpus asks
// for, missing ones, and moments on the edges of its windows.
func people(r *rand.Rand, cat *catalog.Catalog, n int, asOf time.Time, zone *time.Location) []*eval.Customer {
	edges := []int64{asOf.UnixMicro()}
	for _, b := range []plan.Bound{
		{Kind: plan.Back, N: 1, Unit: plan.Days}, {Kind: plan.Back, N: 3, Unit: plan.Days}, {Kind: plan.Back, N: 7, Unit: plan.Days},
		{Kind: plan.Back, N: 30, Unit: plan.Days}, {Kind: plan.Back, N: 90, Unit: plan.Days}, {Kind: plan.Back, N: 180, Unit: plan.Days},
		{Kind: plan.Back, N: 365, Unit: plan.Days}, {Kind: plan.Back, N: 3, Unit: plan.Year}, {Kind: plan.Period, Unit: plan.Days},
		{Kind: plan.Period, Unit: plan.Month}, {Kind: plan.Period, Unit: plan.Week, N: -1},
	} {
		us, _ := b.Instant(asOf, zone)
		edges = append(edges, us)
	}
	moment := func() int64 {
		if r.IntN(3) == 0 {
			return edges[r.IntN(len(edges))] + int64(r.IntN(3)) - 1
		}
		return asOf.UnixMicro() - r.Int64N(400*86400e6) + 5*86400e6
	}
	words := []string{"A", "B", "a", "A ", "", "shoes", "X", "Seoul", "seoul", "KR", "JP", "kakao", "/sale", "/x", "Kim Minsu", "vip", "u@corp.com", "press", "spring", "가나다"}
	value := func(t catalog.Type) catalog.Value {
		if r.IntN(4) == 0 {
			return catalog.Missing
		}
		switch t.Sort {
		case catalog.Bool:
			return catalog.BoolValue(r.IntN(2) == 0)
		case catalog.Number:
			return catalog.NumberValue(int64(r.IntN(12)))
		case catalog.Money:
			return catalog.NumberValue([]int64{0, 1, 10_000, 30_000, 29_999, 50_000, 100_000, 1_000_000, int64(r.IntN(2_000_000))}[r.IntN(9)])
		case catalog.Enum:
			return catalog.StringValue(t.Values[r.IntN(len(t.Values))])
		case catalog.Instant:
			return catalog.InstantValue(moment())
		case catalog.Date:
			return catalog.DateValue(plan.LocalDay(asOf.UnixMicro(), zone) - int64(r.IntN(20_000)) + 3)
		case catalog.Set:
			return catalog.SetValue(words[r.IntN(len(words))], words[r.IntN(len(words))])
		}
		return catalog.StringValue(words[r.IntN(len(words))])
	}
	out := make([]*eval.Customer, n)
	for i := range out {
		c := &eval.Customer{ID: dangol.CustomerID(fmt.Sprintf("c%03d", i)), Attributes: map[string]catalog.Value{}, Records: map[string][]*eval.Record{}}
		c.Guest = r.IntN(6) == 0
		for _, a := range cat.Attributes {
			if a.Derived == "" && !(c.Guest && a.Login) {
				if v := value(a.Type); v.Known() {
					c.Attributes[a.Name] = v
				}
			}
		}
		for k := range cat.Kinds {
			kind := &cat.Kinds[k]
			if kind.Base != "" || c.Guest && kind.Login {
				continue
			}
			for j := range r.IntN(5) {
				rec := &eval.Record{Key: fmt.Sprintf("%s-%03d-%d", kind.Name, i, j), Fields: map[string]catalog.Value{}}
				for _, f := range kind.Fields {
					if v := value(f.Type); f.Derived == "" && v.Known() {
						rec.Fields[f.Name] = v
					}
				}
				for _, reach := range cat.Reached(kind) {
					if v := value(reach.Field.Type); v.Known() {
						rec.Fields[reach.Name] = v
					}
				}
				if kind.Parent != "" {
					owner, _ := cat.Owner(kind.Parent)
					parents := c.Records[owner.Name]
					if len(parents) == 0 {
						continue
					}
					rec.Parent = parents[r.IntN(len(parents))]
					rec.Fields[kind.ParentField] = catalog.StringValue(rec.Parent.Key)
				}
				c.Records[kind.Name] = append(c.Records[kind.Name], rec)
			}
		}
		out[i] = c
	}
	return out
}

// Every rule of the corpus gives the members that eval gives, alone and together.
func TestSQLiteAgreesWithEval(t *testing.T) {
	cat := catalog.Shop()
	rules, err := compile.New(cat)
	require.NoError(t, err)
	seoul, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for seed, zone := range []*time.Location{seoul, newYork} {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		asOf := time.Date(2026, 3, 12, 0, 0, 0, 0, zone)
		customers := people(r, cat, 60, asOf, zone)
		groups := memberships{}
		for _, scope := range []plan.Scope{plan.Members, plan.Guests, plan.Both} {
			var together []*plan.Plan
			var want [][]dangol.CustomerID
			db := newTables(t, cat, customers, nil)
			for _, rule := range slices.Concat(corpus.Rules(), corpus.Forms()) {
				p, ds := rules.Text(rule.Text, compile.Options{Scope: scope})
				if ds.HasErrors() {
					require.NotEqual(t, plan.Members, scope, "%s\n%v", rule.Text, ds)
					continue
				}
				for _, g := range p.Groups {
					if _, ok := groups[g]; !ok {
						for _, c := range customers {
							if r.IntN(3) == 0 {
								groups[g] = append(groups[g], c.ID)
							}
						}
					}
					_, err := db.db.Exec("DELETE FROM memberships WHERE name = ?", g)
					require.NoError(t, err)
					for _, id := range groups[g] {
						_, err := db.db.Exec("INSERT INTO memberships VALUES (?, ?)", g, string(id))
						require.NoError(t, err)
					}
				}
				members := reference(t, p, customers, eval.Env{AsOf: asOf, Zone: zone, Groups: groups})
				got, err := db.selectAll(t, sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: asOf, Zone: zone, Scope: scope})
				var no *plan.Unsupported
				if errors.As(err, &no) {
					t.Logf("%s: %s", rule.Text, no)
					continue
				}
				require.NoError(t, err, rule.Text)
				if !slices.Equal(members, got[0]) {
					s, _ := sqlgen.Select(sqlgen.SQLite, db.schema, sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: asOf, Zone: zone, Scope: scope}, nil)
					t.Errorf("%s (%s, %s)\neval %v\nSQL  %v\n%s\n%s %v", rule.Text, scope, zone, members, got[0], p, s.SQL, s.Args)
					continue
				}
				together, want = append(together, p), append(want, members)
			}
			for len(together) > 0 {
				n := min(20, len(together))
				got, err := db.selectAll(t, sqlgen.Query{Plans: together[:n], AsOf: asOf, Zone: zone, Scope: scope})
				require.NoError(t, err)
				require.Equal(t, want[:n], got, "together")
				together, want = together[n:], want[n:]
			}
		}
	}
}
