package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// onClickHouses runs a suite on a server of 2018 and on today's ClickHouse.
func onClickHouses(t *testing.T, suite func(t *testing.T, db *sql.DB)) {
	for name, start := range map[string]func(testing.TB) *sql.DB{
		"18.16":      func(t testing.TB) *sql.DB { return servers.ClickHouse(t).Open(t) },
		"in process": servers.ClickHouseLibrary,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, start(t))
		})
	}
}

// loaded is a Loaded store that takes what is applied to it as its load.
type loaded struct{ *sqlstore.Loaded }

func (l loaded) Apply(ctx context.Context, changes ...store.Change) error {
	return l.Load(ctx, stream(changes...))
}

func openLoaded(t *testing.T, db *sql.DB, c *catalog.Catalog, o sqlstore.LoadedOptions) *sqlstore.Loaded {
	t.Helper()
	s, err := sqlstore.OpenLoaded(t.Context(), db, c, o)
	require.NoError(t, err)
	return s
}

// What is loaded is read and asked as eval does.
func TestLoadedAgreesWithEval(t *testing.T) {
	worlds := 1
	if *soak {
		worlds = 20
	}
	onClickHouses(t, func(t *testing.T, db *sql.DB) {
		storetest.RunWorlds(t, func(t *testing.T, c *catalog.Catalog) store.Store {
			p := prefix()
			t.Cleanup(func() { dropTables(t, db, p) })
			return loaded{openLoaded(t, db, c, sqlstore.LoadedOptions{Prefix: p})}
		}, storetest.Worlds(worlds, 12, 4000))
	})
}

func dropTables(t *testing.T, db *sql.DB, prefix string) {
	for _, name := range tables(t, db) {
		if strings.HasPrefix(name, prefix) {
			_, err := db.Exec("DROP TABLE " + sqlstore.ClickHouse.Quote(name))
			require.NoError(t, err)
		}
	}
}

func tables(t *testing.T, db *sql.DB) []string {
	rows, err := db.Query("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name")
	require.NoError(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		out = append(out, name)
	}
	require.NoError(t, rows.Err())
	return out
}

// shopOf are the changes of a shop of n customers with an order each.
func shopOf(n int) []store.Change {
	out := []store.Change{{Kind: "products", Key: "hat", Fields: map[string]catalog.Value{"category": catalog.StringValue("hats")}}}
	for i := range n {
		id := dangol.CustomerID(fmt.Sprintf("c%06d", i))
		out = append(out,
			store.Change{Customer: id, Fields: map[string]catalog.Value{"points": catalog.NumberValue(int64(i)), "tags": catalog.SetValue("a", "b")}},
			store.Change{Customer: id, Kind: "all_orders", Key: fmt.Sprint("o", i), Fields: map[string]catalog.Value{"placed": catalog.InstantValue(1_700_000_000_123_456)}},
			store.Change{Customer: id, Kind: "items", Key: fmt.Sprint("i", i), Parent: fmt.Sprint("o", i), Fields: map[string]catalog.Value{"product": catalog.StringValue("hat")}},
		)
	}
	return out
}

// multitude is many customers.
func multitude(n int) []store.Change {
	out := make([]store.Change, n)
	for i := range out {
		out[i].Customer = dangol.CustomerID(fmt.Sprint(i))
	}
	return out
}

// holds tells whom a store has, by a rule that all of shopOf meet.
func holds(t *testing.T, s store.Store) int {
	t.Helper()
	rules, err := compile.New(s.Catalog())
	require.NoError(t, err)
	p, ds := rules.Text(`orders and items(where category = "hats") and tags contains "b"`, compile.Options{})
	require.NotNil(t, p, "%v", ds)
	answers, err := s.Select(t.Context(), store.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(1_800_000_000, 0)})
	require.NoError(t, err)
	require.NoError(t, answers[0].Err)
	return answers[0].Members.Len()
}

// A load is there whole or not at all, and may be done again.
func TestLoadedIsAllOrNothing(t *testing.T) {
	onClickHouses(t, func(t *testing.T, db *sql.DB) {
		cat := catalog.Shop()
		s := openLoaded(t, db, cat, sqlstore.LoadedOptions{})
		require.ErrorIs(t, s.Check(t.Context()), sqlstore.ErrNotLoaded)
		_, err := s.Customer(t.Context(), "c000000")
		require.ErrorIs(t, err, sqlstore.ErrNotLoaded)
		_, err = s.Select(t.Context(), store.Query{})
		require.ErrorIs(t, err, sqlstore.ErrNotLoaded)
		require.ErrorIs(t, s.Apply(t.Context(), shopOf(1)...), sqlstore.ErrReadOnly)

		// Whatever ends a load, nothing of it is left.
		broken := errors.New("the file ended")
		many := multitude(110_000) // of which some are sent
		slim := openLoaded(t, db, &catalog.Catalog{}, sqlstore.LoadedOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		for why, c := range map[string]struct {
			ctx     context.Context
			changes iter.Seq2[store.Change, error]
			want    error
		}{
			"the stream ends in an error": {t.Context(), func(yield func(store.Change, error) bool) {
				for c := range stream(many...) {
					yield(c, nil)
				}
				yield(store.Change{}, broken)
			}, broken},
			"the context ends": {ctx, func(yield func(store.Change, error) bool) {
				for i, c := range many {
					if i == len(many)-1 {
						cancel()
					}
					if !yield(c, nil) {
						return
					}
				}
			}, context.Canceled},
		} {
			require.ErrorIs(t, slim.Load(c.ctx, c.changes), c.want, why)
			require.Empty(t, tables(t, db), why)
		}
		for want, changes := range map[string][]store.Change{
			`change 1: customer "a": the customer is put twice`:              {{Customer: "a"}, {Customer: "a"}},
			`change 0: visits "v": no such customer: "a"`:                    {{Customer: "a", Kind: "visits", Key: "v"}},
			`change 3: all_orders "o": the record is put twice`:              {{Customer: "a"}, {Customer: "b"}, {Customer: "a", Kind: "all_orders", Key: "o"}, {Customer: "b", Kind: "all_orders", Key: "o"}},
			`change 1: items "i": no order "o"`:                              {{Customer: "a"}, {Customer: "a", Kind: "items", Key: "i", Parent: "o"}},
			`change 3: items "i": its order "o" belongs to another customer`: {{Customer: "a"}, {Customer: "b"}, {Customer: "a", Kind: "all_orders", Key: "o"}, {Customer: "b", Kind: "items", Key: "i", Parent: "o"}},
			`change 1: customer "a": only rows can be put`:                   {{Customer: "a"}, {Op: store.Delete, Customer: "a"}},
			`change 1: products "p": the row is put twice`:                   {{Kind: "products", Key: "p"}, {Kind: "products", Key: "p"}},
			`change 3: products "hat": rows of a dimension come before`: {{Customer: "a"}, {Customer: "a", Kind: "all_orders", Key: "o"},
				{Customer: "a", Kind: "items", Key: "i", Parent: "o", Fields: map[string]catalog.Value{"product": catalog.StringValue("hat")}}, {Kind: "products", Key: "hat"}},
		} {
			err := s.Load(t.Context(), stream(changes...))
			var bad *store.InvalidError
			require.ErrorAs(t, err, &bad)
			require.Contains(t, err.Error(), want)
			require.Empty(t, tables(t, db))
		}

		// What a killed load left is dropped by the next.
		leave := []string{"dangol_0123456789_columns", "dangol_0123456789_customers", "dangol_9876543210_orders"}
		keep := []string{"dangol_012345678_customers", "dangolx0123456789_columns", "mine"}
		for _, name := range slices.Concat(leave, keep) {
			_, err := db.Exec("CREATE TABLE " + name + " (x Int64) ENGINE = MergeTree ORDER BY x")
			require.NoError(t, err)
		}
		require.NoError(t, s.Load(t.Context(), stream(shopOf(250)...)))
		require.Equal(t, 250, holds(t, s))
		list := tables(t, db)
		for _, name := range leave {
			require.NotContains(t, list, name)
		}
		for _, name := range keep {
			require.Contains(t, list, name)
		}
		require.Contains(t, list, "dangol_items")
		var n int
		require.NoError(t, db.QueryRow("SELECT toInt64(count()) FROM dangol_items WHERE `product.category` = 'hats'").Scan(&n))
		require.Equal(t, 250, n, "people see it under its names")

		// The same again does nothing, also where a view is missing; others are refused.
		_, err = db.Exec("DROP TABLE dangol_orders")
		require.NoError(t, err)
		require.NoError(t, s.Load(t.Context(), stream(shopOf(250)...)))
		require.ElementsMatch(t, list, tables(t, db))
		require.ErrorIs(t, s.Load(t.Context(), stream(shopOf(251)...)), sqlstore.ErrLoaded)
		require.ErrorIs(t, s.Load(t.Context(), stream(shopOf(0)...)), sqlstore.ErrLoaded)
		require.ElementsMatch(t, list, tables(t, db))
		require.Equal(t, 250, holds(t, s))

		// Another catalog is told before its columns are read.
		dollars := openLoaded(t, db, catalog.ShopIn("USD"), sqlstore.LoadedOptions{})
		require.ErrorIs(t, dollars.Check(t.Context()), sqlstore.ErrCatalogChanged)
		more := catalog.Shop()
		more.Attributes = append(more.Attributes, catalog.Attribute{Name: "tier", Type: catalog.Type{Sort: catalog.String}})
		require.ErrorContains(t, openLoaded(t, db, more, sqlstore.LoadedOptions{}).Check(t.Context()), "tier of customers is not in the tables")
	})
}

// A table of somebody's own is never dropped for a view.
func TestLoadedKeepsTablesInTheWay(t *testing.T) {
	db := servers.ClickHouse(t).Open(t)
	_, err := db.Exec("CREATE TABLE dangol_visits (x Int64) ENGINE = MergeTree ORDER BY x")
	require.NoError(t, err)
	s := openLoaded(t, db, catalog.Shop(), sqlstore.LoadedOptions{})
	require.ErrorContains(t, s.Load(t.Context(), stream(shopOf(3)...)), "dangol_visits is in the way")
	require.Equal(t, []string{"dangol_visits"}, tables(t, db))
}

// A load in another's place: readers see the one or the other, and then only the other.
func TestLoadedIsReplaced(t *testing.T) {
	db := servers.ClickHouseLibrary(t)
	before := catalog.Shop()
	before.Attributes = append(before.Attributes, catalog.Attribute{Name: "hobbies", Type: catalog.Type{Sort: catalog.Set}})
	first := openLoaded(t, db, before, sqlstore.LoadedOptions{})
	require.NoError(t, first.Load(t.Context(), stream(shopOf(100)...)))
	s := openLoaded(t, db, catalog.Shop(), sqlstore.LoadedOptions{Replace: true})
	require.Equal(t, 100, holds(t, s))
	require.Error(t, s.Load(t.Context(), stream([]store.Change{{Customer: "a"}, {Customer: "a"}}...)))
	require.Equal(t, 100, holds(t, s))

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer func() { stop(); wg.Wait() }()
	wg.Go(func() {
		for ctx.Err() == nil {
			one, err := s.Customer(ctx, "c000000")
			if err == nil && len(one.Records["items"]) != 1 {
				t.Errorf("a half of it: %s", storetest.Dump(one))
			}
		}
	})
	for n := 110; n < 120; n += 10 {
		require.NoError(t, s.Load(t.Context(), stream(shopOf(n)...)))
		require.Equal(t, n, holds(t, s))
	}
	stop()
	wg.Wait()
	require.ErrorIs(t, first.Check(t.Context()), sqlstore.ErrCatalogChanged)
	loads := map[string]bool{}
	for _, name := range tables(t, db) {
		require.NotContains(t, name, "hobbies")
		if part := strings.Split(name, "_"); part[1][0] <= '9' {
			loads[part[1]] = true
		}
	}
	require.Len(t, loads, 1, "the others are gone")
}

// Of loads at once one is there whole, or none.
func TestLoadsAtOnce(t *testing.T) {
	db := servers.ClickHouse(t).Open(t)
	won := 0
	for range 3 {
		var wg sync.WaitGroup
		done := make([]error, 3)
		for i := range done {
			wg.Go(func() {
				s, err := sqlstore.OpenLoaded(t.Context(), db, catalog.Shop(), sqlstore.LoadedOptions{})
				if err == nil {
					err = s.Load(t.Context(), stream(shopOf(50+i)...))
				}
				done[i] = err
			})
		}
		wg.Wait()
		s := openLoaded(t, db, catalog.Shop(), sqlstore.LoadedOptions{})
		winner := slices.Index(done, nil)
		for i, err := range done {
			if i != winner && !errors.Is(err, sqlstore.ErrOvertaken) && !errors.Is(err, sqlstore.ErrLoaded) {
				t.Errorf("load %d: %v", i, err)
			}
		}
		if winner < 0 {
			require.ErrorIs(t, s.Check(t.Context()), sqlstore.ErrNotLoaded)
		} else {
			won++
			require.Equal(t, 50+winner, holds(t, s))
		}
		dropTables(t, db, "dangol_")
	}
	t.Logf("%d of 3 times one of three loads went through", won)
}
