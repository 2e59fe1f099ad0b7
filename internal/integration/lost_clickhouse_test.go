package integration_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

// A connection to ClickHouse that is cut before any request of a read, or after the
// server has it, or amidst the answers: the read says that the connection was lost, or
// answers wholly, and done again it answers. So it is with a server that is gone.
func TestConnectionLostOnClickHouse(t *testing.T) {
	server := servers.ClickHouse(t)
	h := home{sqlstore.ClickHouse, server.Open(t)}
	const people = 10_000 // whose answer is longer than what is read of it at once
	for _, query := range []string{
		"CREATE TABLE lost_people (id Int64, points Int64) ENGINE = Memory",
		"CREATE TABLE lost_orders (id Int64, buyer Int64, at Int64, total Int64) ENGINE = Memory",
		"INSERT INTO lost_people SELECT toInt64(number), toInt64(number % 7) FROM system.numbers LIMIT " + strconv.Itoa(people),
		"INSERT INTO lost_orders SELECT toInt64(number), toInt64(number), 1790000000, 100 FROM system.numbers LIMIT " + strconv.Itoa(people),
	} {
		_, err := h.db.Exec(query)
		require.NoError(t, err)
	}
	p, db := proxied(t, h, server)
	open := func() (*sqlstore.Mapped, error) {
		return sqlstore.OpenMapped(t.Context(), db, h.dialect, catalog.Shop(), sqlstore.Mapping{
			Customers: sqlstore.TableMap{Table: "lost_people", Key: "id", Columns: map[string]sqlstore.ColumnMap{"points": {Column: "points"}}},
			Records: map[string]sqlstore.TableMap{"visits": {
				Table: "lost_orders", Key: "id", Customer: "buyer", Owned: true,
				Columns: map[string]sqlstore.ColumnMap{"at": {Column: "at", Time: "epoch"}},
			}},
		}, sqlstore.MappedOptions{})
	}
	s, err := open()
	require.NoError(t, err)
	rules, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	query := store.Query{AsOf: time.Unix(1_790_000_100, 0)}
	for _, text := range []string{"visits(30d) >= 1", "points >= 3", "visits(90d) in top 10% and points >= 3"} {
		rule, ds := rules.Text(text, compile.Options{})
		require.False(t, ds.HasErrors(), "%v", ds)
		query.Plans = append(query.Plans, rule)
	}
	whole, err := s.Select(t.Context(), query)
	require.NoError(t, err)
	require.Equal(t, people, whole[0].Members.Len())
	reads := map[string]func() error{
		"Select": func() error {
			answers, err := s.Select(t.Context(), query)
			if err != nil {
				require.Nil(t, answers)
				return err
			}
			for i, a := range answers {
				require.NoError(t, a.Err)
				require.True(t, slices.Equal(slices.Collect(whole[i].Members.All()), slices.Collect(a.Members.All())))
			}
			return nil
		},
		"SelectEach": func() error {
			var found [3]int
			answers, err := s.SelectEach(t.Context(), query, func(at int, _ dangol.CustomerID) error { found[at]++; return nil })
			if err != nil {
				require.Nil(t, answers)
				return err
			}
			for i := range found {
				require.Equal(t, whole[i].Members.Len(), found[i])
			}
			return nil
		},
		"Customer": func() error {
			c, err := s.Customer(t.Context(), "10")
			if err == nil {
				require.Len(t, c.Records["visits"], 1)
				require.EqualValues(t, 3, c.Attributes["points"].Int())
			}
			return err
		},
		"Each": func() error {
			n := 0
			err := s.Each(t.Context(), func(*eval.Customer) error { n++; return nil })
			if err == nil {
				require.Equal(t, people, n)
			}
			return err
		},
		"OpenMapped": func() error { _, err := open(); return err },
	}
	for name, read := range reads {
		lost := 0
		cut := func(what string, n int64) (done bool) {
			err := read()
			p.requests.Store(0)
			p.bytes.Store(0)
			if p.cuts.Load() == 0 {
				require.NoError(t, err, "%s, %s %d", name, what, n)
				return true
			}
			if err != nil {
				lost++
				require.ErrorIs(t, err, sqlstore.ErrLost, "%s, %s %d", name, what, n)
			}
			require.NoError(t, read(), "%s again, %s %d", name, what, n)
			return false
		}
		for n := int64(1); ; n++ {
			if p.cutRequest(n); cut("request", n) {
				break
			}
		}
		for n := int64(1); ; n++ {
			p.cutRequest(n)
			p.arrives.Store(true)
			if cut("answer to request", n) {
				break
			}
		}
		p.arrives.Store(false)
		for n := int64(1); ; n = 3*n + 50 {
			if p.cutAnswer(n); cut("byte", n) {
				break
			}
		}
		require.Greater(t, lost, 3, name)

		p.down.Store(true)
		p.hangUp()
		require.ErrorIs(t, read(), sqlstore.ErrLost, "%s, the server is gone", name)
		p.down.Store(false)
		require.NoError(t, read(), "%s, the server is back", name)
	}
}
