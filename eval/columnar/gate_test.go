package columnar_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/stretchr/testify/require"
)

// A plan that starts with a test of four bytes is mostly told by it alone: at both ends
// of its window, where nobody has a value, where not all do, and for customers who came
// after the first answers. Numbers of records that must not be reached are such as must
// not be passed.
func TestFirstTestDecides(t *testing.T) {
	cat := catalog.Shop()
	day, customers := 24*time.Hour, []*eval.Customer{}
	add := func(table *columnar.Table, joined time.Duration, known bool, visits int) {
		c := &eval.Customer{ID: dangol.CustomerID(fmt.Sprint("c", len(customers))), Attributes: map[string]catalog.Value{}, Records: map[string][]*eval.Record{}}
		if known {
			c.Attributes["joined"] = catalog.TimeValue(now.Add(-joined))
		}
		for i := range visits {
			c.Records["visits"] = append(c.Records["visits"], &eval.Record{Key: fmt.Sprint(c.ID, i), Fields: map[string]catalog.Value{"at": catalog.TimeValue(now.Add(-time.Duration(i+1) * day))}})
		}
		require.NoError(t, table.Put(c))
		customers = append(customers, c)
	}
	table, err := columnar.New(cat, columnar.Options{})
	require.NoError(t, err)
	rules := newRules(t, cat)
	texts := []string{
		`joined within 7d and not visits(7d) >= 1`, `joined within 7d and not visits(30d) <= 3`, `joined within 7d and visits(7d) = 0`, `joined within 7d`,
		`joined not within 7d and not visits(3d) >= 2`, `not visits(30d) >= 3 and not visits(30d) <= 0`, `not visits(since last(logins)) >= 1`,
	}
	for _, joined := range []time.Duration{-day, 0, time.Second, 7*day - time.Second, 7 * day, 7*day + time.Second, 400 * day} {
		for visits := range 5 {
			add(table, joined, true, visits)
		}
		add(table, 0, false, 1)
		env := eval.Env{AsOf: now}
		s := table.Snapshot()
		for _, text := range texts {
			p := rules.plans(t, text)
			m, err := table.Matcher(p, env)
			require.NoError(t, err)
			r, in := m.Reader(now), make([]bool, 1)
			for _, c := range customers {
				want, err := eval.Eval(p[0], c, env)
				require.NoError(t, err)
				at, ok := s.Find(c.ID)
				require.True(t, ok)
				got, err := r.Holds(at)
				require.NoError(t, err)
				require.Equal(t, want, got, "%s of %s", text, c.ID)
				require.NoError(t, r.Matches(at, in))
				require.Equal(t, want, in[0], "%s of %s", text, c.ID)
				_, err = m.Matches(c.ID, now, in)
				require.NoError(t, err)
				require.Equal(t, want, in[0], "%s of %s", text, c.ID)
			}
		}
	}
}
