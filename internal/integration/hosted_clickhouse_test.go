package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/internal/rulegen"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// clickHouses are the ways in which ClickHouse is met: a node of 2018 that keeps
// moments as integers, one that keeps them as its timestamps, which count seconds, two
// nodes with Distributed tables, and today's in process.
func clickHouses() []engine {
	base := engine{
		dialect: sqlstore.ClickHouse, text: "String", integer: "Int64", truth: "UInt8",
		day:   [2]string{"date", "Date"},
		money: func(digits int) string { return fmt.Sprintf("Decimal(20, %d)", digits) },
	}
	micros := [2]string{"epoch_us", "Int64"}
	one := func(t testing.TB) *sql.DB { return servers.ClickHouse(t).Open(t) }

	old := base
	old.name, old.start, old.click, old.times = "ClickHouse", one, &clickHost{}, [][2]string{micros}

	seconds := base
	seconds.name, seconds.start, seconds.share = "ClickHouse, whole seconds", one, 4
	seconds.click = &clickHost{seconds: true, again: true}
	seconds.times = [][2]string{{"timestamptz", "DateTime"}, {"datetime", "DateTime"}, {"epoch", "UInt32"}, {"epoch_ms", "Int64"}, micros}

	cluster := base
	cluster.name, cluster.click, cluster.times, cluster.share = "ClickHouse, two nodes", &clickHost{again: true}, [][2]string{micros}, 5
	cluster.start = func(t testing.TB) *sql.DB {
		for _, node := range servers.ClickHouseNodes(t, 2) {
			cluster.click.nodes = append(cluster.click.nodes, node.Open(t))
		}
		return cluster.click.nodes[0]
	}

	today := base
	// It takes most of a second to plan a dozen made-up rules, whatever the rows.
	today.name, today.start, today.click, today.share = "ClickHouse in process", servers.ClickHouseLibrary, &clickHost{}, 5
	today.json = "String"
	today.times = [][2]string{{"timestamptz", "DateTime64(6)"}, {"datetime", "DateTime64(6)"}, micros}
	return []engine{old, seconds, cluster, today}
}

// clickHost makes a host's tables in ClickHouse: columns that may be missing are
// Nullable, and rows lie on the nodes in turns, not by customer.
type clickHost struct {
	nodes []*sql.DB // of a cluster
	// again is an engine that is met elsewhere: it answers random rules only.
	again   bool
	seconds bool // moments are whole seconds
	types   map[string][]string
}

const onNode = "_on_node"

func (c *clickHost) create(h *host, name string, columns []string) {
	if c.types == nil {
		c.types = map[string][]string{}
	}
	c.types[name] = nil
	for i, column := range columns {
		end := strings.LastIndex(column, "` ") + 1 // of the name
		field, typ := column[:end], column[end+1:]
		if strings.HasPrefix(field, "`c") && !strings.HasPrefix(typ, "Nullable") { // the others are there in every row
			typ = "Nullable(" + typ + ")"
			columns[i] = field + " " + typ
		}
		c.types[name] = append(c.types[name], typ)
	}
	list := " (" + strings.Join(columns, ", ") + ")"
	local, kept := name, "MergeTree ORDER BY tuple()"
	if h.memory {
		kept = "Memory"
	}
	if c.nodes != nil {
		local += onNode
	}
	for _, db := range c.on(h) {
		c.exec(h, db, "CREATE TABLE "+h.q(local)+list+" ENGINE = "+kept)
	}
	if c.nodes != nil {
		c.exec(h, h.db, "CREATE TABLE "+h.q(name)+list+" ENGINE = Distributed("+servers.Cluster+", default, "+h.q(local)+")")
	}
}

func (c *clickHost) drop(h *host, name string) {
	c.exec(h, h.db, "DROP TABLE "+h.q(name))
	if c.nodes != nil {
		for _, db := range c.nodes {
			c.exec(h, db, "DROP TABLE "+h.q(name+onNode))
		}
	}
}

func (c *clickHost) on(h *host) []*sql.DB {
	if c.nodes != nil {
		return c.nodes
	}
	return []*sql.DB{h.db}
}

func (c *clickHost) exec(h *host, db *sql.DB, query string) {
	_, err := db.ExecContext(context.Background(), query)
	require.NoError(h.t, err, query)
}

// insert sends rows as one literal of texts, which no limit of a statement's parts
// counts, and lets the engine make of each what its column is.
func (c *clickHost) insert(h *host, name string, rows [][]any) {
	var columns []string
	for i, typ := range c.types[name] {
		columns = append(columns, clickColumn(fmt.Sprintf("nullIf(x.%d, '\\\\N')", i+1), typ)+fmt.Sprintf(" AS x%d", i))
	}
	local := name
	if c.nodes != nil {
		local += onNode
	}
	nodes := c.on(h)
	parts := make([][]string, len(nodes))
	for i, row := range rows {
		cells := make([]string, len(row))
		for k, v := range row {
			cells[k] = clickText(v)
		}
		parts[i%len(nodes)] = append(parts[i%len(nodes)], "tuple("+strings.Join(cells, ", ")+")")
	}
	for k, db := range nodes {
		for part := range slices.Chunk(parts[k], 200) {
			c.exec(h, db, "INSERT INTO "+h.q(local)+" SELECT "+strings.Join(columns, ", ")+" FROM (SELECT arrayJoin(["+strings.Join(part, ", ")+"]) AS x)")
		}
	}
}

// clickColumn makes a text a value of a column.
func clickColumn(text, typ string) string {
	switch {
	case strings.Contains(typ, "Decimal"):
		_, digits, _ := strings.Cut(typ, ", ")
		text = "toDecimal128(" + text + ", " + strings.TrimRight(digits, ")") + ")"
	case strings.Contains(typ, "DateTime64"):
		text = "fromUnixTimestamp64Micro(toInt64OrNull(" + text + "), 'UTC')"
	case strings.Contains(typ, "DateTime"):
		text = "toDateTime(intDiv(toInt64OrNull(" + text + "), 1000000))"
	case !strings.Contains(typ, "Nullable"):
		text = "assumeNotNull(" + text + ")"
	}
	return "CAST(" + text + " AS " + typ + ")"
}

// clickText is a value as a literal of text.
func clickText(v any) string {
	switch of := v.(type) {
	case nil:
		v = `\N`
	case bool:
		v = map[bool]int{true: 1}[of]
	case time.Time:
		v = of.UnixMicro()
	}
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(fmt.Sprint(v)) + "'"
}

// feature runs a statement of featureTables: columns are of the types they say, and rows
// go the way of insert.
func (c *clickHost) feature(h *host, statement string) {
	head, body, _ := strings.Cut(statement, "(")
	name := strings.Fields(head)[2]
	cells := func(list string) (out []string) { // by commas outside brackets and quotes
		depth, from := 0, 0
		quoted := false
		for i, r := range list + "," {
			switch {
			case r == '\'':
				quoted = !quoted
			case quoted:
			case r == '(':
				depth++
			case r == ')':
				depth--
			case r == ',' && depth == 0:
				out, from = append(out, strings.TrimSpace(list[from:i])), i+1
			}
		}
		return out
	}
	if strings.HasPrefix(statement, "CREATE") {
		var columns []string
		for _, column := range cells(strings.TrimSuffix(body, ")")) {
			field, typ, _ := strings.Cut(column, " ")
			columns = append(columns, h.q(field)+" "+typ)
		}
		h.create(name, columns...)
		return
	}
	var rows [][]any
	for _, tuple := range cells("(" + body) {
		var row []any
		for i, cell := range cells(strings.TrimSuffix(strings.TrimPrefix(tuple, "("), ")")) {
			switch text := strings.Trim(cell, "'"); {
			case cell == "NULL":
				row = append(row, nil)
			case strings.Contains(c.types[name][i], "DateTime"):
				at, err := time.Parse("2006-01-02 15:04:05.999999", text)
				require.NoError(h.t, err)
				row = append(row, at)
			default:
				row = append(row, text)
			}
		}
		rows = append(rows, row)
	}
	h.insert(name, nil, rows)
}

// settle makes every moment of a world one that the host can keep.
func (c *clickHost) settle(w *rulegen.World) {
	if !c.seconds {
		return
	}
	whole := func(values map[string]catalog.Value) map[string]catalog.Value {
		out := maps.Clone(values)
		for name, v := range out {
			if v.Known() && v.Sort() == catalog.Instant {
				second := time.UnixMicro(v.Int()).Unix()
				out[name] = catalog.InstantValue(second * 1e6)
			}
		}
		return out
	}
	for _, customer := range w.Customers {
		customer.Attributes = whole(customer.Attributes)
		for _, records := range customer.Records {
			for _, r := range records {
				r.Fields = whole(r.Fields)
			}
		}
	}
}

// Whatever names and values say, they are names and values: rules find exactly who has
// the value, and nothing else happens.
func TestHostileTextOnClickHouse(t *testing.T) {
	cat := catalog.Shop()
	rules, err := compile.New(cat)
	require.NoError(t, err)
	for _, e := range clickHouses() {
		if e.click.again {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t: t, e: e, db: e.start(t)}
			h.create("canary", "`id` String")
			h.insert("canary", nil, [][]any{{"7"}})
			for i, name := range hostileNames {
				values := hostileValues
				if i > 0 {
					values = values[i%len(values):][:1]
				}
				table := fmt.Sprintf("t%d%s", i, name)
				h.create(table, h.q("id")+" String", h.q(name)+" String")
				var rows [][]any
				for _, v := range append([]string{"other"}, values...) {
					rows = append(rows, []any{v, v})
				}
				h.insert(table, nil, rows)
				s, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, cat, sqlstore.Mapping{Customers: sqlstore.TableMap{
					Table: table, Key: "id", Columns: map[string]sqlstore.ColumnMap{
						"name": {Column: name}, "grade": {Column: name, Values: map[string]string{values[0]: "gold"}},
						"tags": {Items: &sqlstore.Items{Table: table, Owner: "id", Item: name}},
					},
				}}, sqlstore.MappedOptions{})
				require.NoError(t, err, name)
				for _, v := range values {
					q := strconv.Quote(v)
					var plans []*plan.Plan
					for _, text := range []string{"name = " + q, "name in (" + q + `, "nobody")`, "tags contains any (" + q + ")", "name starts with " + q + " and name ends with " + q + " and name contains " + q, `in group "just them"`} {
						if p, ds := rules.Text(text, compile.Options{}); !ds.HasErrors() {
							plans = append(plans, p)
						}
					}
					answers, err := s.Select(t.Context(), store.Query{Plans: plans, AsOf: time.Unix(1_790_000_000, 0), Groups: listed{[]string{v}}})
					require.NoError(t, err, v)
					for k, a := range answers {
						require.NoError(t, a.Err)
						for id := range a.Members.All() {
							if k != 3 { // others may begin and end so
								require.Equal(t, v, string(id), plans[k].Text)
							}
						}
						require.Positive(t, a.Members.Len(), "%q: %s", v, plans[k].Text)
					}
					one, err := s.Customer(t.Context(), dangol.CustomerID(v))
					require.NoError(t, err)
					require.Equal(t, v, one.Attributes["name"].Text())
				}
			}
			var id string
			require.NoError(t, h.db.QueryRow("SELECT id FROM canary").Scan(&id))
			require.Equal(t, "7", id)
		})
	}
}

// What the host wrote since a moment is found by a change column of any kind.
func TestChangedOnClickHouse(t *testing.T) {
	e := clickHouses()[0]
	h := &host{t: t, e: e, db: e.start(t)}
	h.create("people", "`id` String", "`at` DateTime", "`ms` Int64")
	for i, id := range []string{"a", "b", "c"} {
		at := time.Unix(1_790_000_000+int64(i), 0)
		h.insert("people", nil, [][]any{{id, at, at.UnixMilli()}})
	}
	for column, kept := range map[string]string{"at": "timestamptz", "ms": "epoch_ms"} {
		s, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, catalog.Shop(), sqlstore.Mapping{Customers: sqlstore.TableMap{
			Table: "people", Key: "id", Changed: &sqlstore.ColumnMap{Column: column, Time: kept},
		}}, sqlstore.MappedOptions{})
		require.NoError(t, err)
		ids, err := s.ChangedSince(t.Context(), time.Unix(1_790_000_001, 0))
		require.NoError(t, err)
		require.ElementsMatch(t, []dangol.CustomerID{"b", "c"}, ids)
	}
}

// A text that does not parse spoils its connection on old servers: the next statement is
// given what belongs to another. So nobody is given that connection.
func TestMistakesSpoilNoConnectionOfClickHouse(t *testing.T) {
	e := clickHouses()[0]
	h := &host{t: t, e: e, db: e.start(t)}
	h.db.SetMaxOpenConns(1)
	h.create("people", "`id` Int64", "`name` String")
	h.insert("people", nil, [][]any{{1, "Kim"}})
	for i := range 50 {
		_, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, catalog.Shop(), sqlstore.Mapping{Customers: sqlstore.TableMap{
			Table: "people", Key: "id", Columns: map[string]sqlstore.ColumnMap{"name": {SQL: "{t}.name this is no SQL"}},
		}}, sqlstore.MappedOptions{})
		var wrong *sqlstore.MappingError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, "customers.columns.name", wrong.Entry, "%v", err)
		var n int64
		require.NoError(t, h.db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT toInt64(%d)", i)).Scan(&n))
		require.EqualValues(t, i, n)
	}
}

// Nothing is sent to other nodes where all tables lie on the one that is asked; of views,
// and of tables that lie on several, nobody can tell.
func TestStatementsOfOneNodeStayThere(t *testing.T) {
	list := clickHouses()
	for _, e := range []engine{list[0], list[2], list[3]} {
		t.Run(e.name, func(t *testing.T) {
			h := &host{t: t, e: e, db: e.start(t)}
			h.create("people", "`id` Int64", "`joined` Int64")
			h.create("sales", "`customer` Int64", "`at` Int64")
			h.insert("people", nil, [][]any{{1, 1_700_000_000}, {2, 1_700_000_000}, {3, 1_800_000_000}})
			h.insert("sales", nil, [][]any{{1, 1_790_000_000}, {3, 1_790_000_000}})
			_, err := h.db.Exec("CREATE VIEW sold AS SELECT * FROM " + h.q("sales"))
			require.NoError(t, err)
			for table, local := range map[string]bool{"sales": e.click.nodes == nil, "sold": false} {
				stamp := sqlstore.ColumnMap{Column: "at", Time: "epoch"}
				s, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, catalog.Shop(), sqlstore.Mapping{
					Customers: sqlstore.TableMap{Table: "people", Key: "id", Columns: map[string]sqlstore.ColumnMap{"joined": {Column: "joined", Time: "epoch"}}},
					Records: map[string]sqlstore.TableMap{"visits": {Table: table, Key: "at", Customer: "customer", Owned: true,
						Columns: map[string]sqlstore.ColumnMap{"at": stamp}}},
				}, sqlstore.MappedOptions{})
				require.NoError(t, err)
				c, err := compile.New(catalog.Shop())
				require.NoError(t, err)
				p, ds := c.Text("visits(90d) >= 1", compile.Options{})
				require.False(t, ds.HasErrors())
				q := store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(1_795_000_000, 0), Zone: time.UTC}
				text, err := s.ExplainSelect(t.Context(), q)
				require.NoError(t, err)
				require.Equal(t, local, !strings.Contains(text, "GLOBAL"), "%s: %s", table, text)
				answers, err := s.Select(t.Context(), q)
				require.NoError(t, err)
				require.NoError(t, answers[0].Err)
				require.Equal(t, []dangol.CustomerID{"1"}, slices.Collect(answers[0].Members.All()), "3 joined later")
			}
		})
	}
}

// Who joined at or after as-of is no member, however many they are, whether their ids come
// beside the answer or they are left out within the database, and by one connection too.
func TestWhoJoinedLateOnClickHouse(t *testing.T) {
	const end, customers = 1_795_000_000, 2400
	list := clickHouses()
	for _, e := range []engine{list[0], list[3]} {
		t.Run(e.name, func(t *testing.T) {
			h := &host{t: t, e: e, db: e.start(t)}
			h.db.SetMaxOpenConns(1)
			for _, id := range []string{"Int64", "String"} {
				people, visits := "people_"+id, "visits_"+id
				h.create(people, "`id` "+id, "`joined` Int64")
				h.create(visits, "`customer` "+id, "`at` Int64")
				key := func(i int) any {
					if id == "String" {
						return strconv.Itoa(i)
					}
					return i
				}
				var rows, records [][]any
				for i := range customers { // who is i joined i seconds before the end, and visited before that
					rows = append(rows, []any{key(i), end - i})
					records = append(records, []any{key(i), end - customers - 10})
				}
				rows = append(rows, []any{key(0), end}) // a host may have him twice
				e.click.insert(h, people, rows)
				e.click.insert(h, visits, records)
				s, err := sqlstore.OpenMapped(t.Context(), h.db, e.dialect, catalog.Shop(), sqlstore.Mapping{
					Customers: sqlstore.TableMap{Table: people, Key: "id", Columns: map[string]sqlstore.ColumnMap{"joined": {Column: "joined", Time: "epoch"}}},
					Records: map[string]sqlstore.TableMap{"visits": {Table: visits, Key: "at", Customer: "customer", Owned: true,
						Columns: map[string]sqlstore.ColumnMap{"at": {Column: "at", Time: "epoch"}}}},
				}, sqlstore.MappedOptions{})
				require.NoError(t, err)
				c, err := compile.New(catalog.Shop())
				require.NoError(t, err)
				var plans []*plan.Plan
				for _, rule := range []string{"visits(90d) >= 1", "visits(90d) >= 2", "visits = 1"} {
					p, ds := c.Text(rule, compile.Options{})
					require.False(t, ds.HasErrors())
					plans = append(plans, p)
				}
				// The last is asked again of a time of which too many were late.
				for _, late := range []int{0, 7, 999, 1000, customers, 1} {
					var want []dangol.CustomerID
					for i := late; i < customers; i++ {
						want = append(want, dangol.CustomerID(strconv.Itoa(i)))
					}
					slices.Sort(want)
					for _, some := range [][]*plan.Plan{plans[:1], plans[1:2], plans} {
						q := store.Query{Plans: some, AsOf: time.Unix(int64(end-late+1), 0), Zone: time.UTC}
						answers, err := s.Select(t.Context(), q)
						require.NoError(t, err)
						each := streamed(t, s, q)
						for i, a := range answers {
							require.NoError(t, a.Err)
							expected := want
							if some[i] == plans[1] {
								expected = nil
							}
							require.Equal(t, expected, slices.Collect(a.Members.All()), "%d late, plan %d of %d, ids are %s", late, i, len(some), id)
							require.Equal(t, expected, each[i], "%d late, streamed", late)
						}
					}
				}
			}
		})
	}
}
