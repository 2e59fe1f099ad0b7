package columnar_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/stretchr/testify/require"
)

// Counters hold more rows of one customer than sixteen bits do.
func TestManyRowsOfOneCustomer(t *testing.T) {
	const n = 70_000
	table, err := columnar.New(catalog.Shop(), columnar.Options{})
	require.NoError(t, err)
	in := columnar.Columns{IDs: []dangol.CustomerID{"few", "many"}}
	visits := columnar.Rows{Kind: "visits"}
	at, page := columnar.Column{}, columnar.Column{}
	for i := range n {
		visits.Customer = append(visits.Customer, 1)
		at.Ints = append(at.Ints, now.Add(-time.Duration(i+1)*time.Minute).UnixMicro())
		page.Strings = append(page.Strings, fmt.Sprint("/", i))
	}
	visits.Fields = map[string]columnar.Column{"at": at, "page": page}
	in.Rows = []columnar.Rows{visits}
	require.NoError(t, table.LoadColumns(in))
	rules := newRules(t, catalog.Shop())
	plans := rules.plans(t, `visits(365d) = 70000`, `distinct(visits.page, 365d) = 70000`, `visits(365d) >= 70001`, `visits(365d) = 4464`)
	env := eval.Env{AsOf: now}
	require.Equal(t, [][]dangol.CustomerID{{"many"}, {"many"}, nil, nil}, members(t, table.Snapshot(), plans, env))
	m, err := table.Matcher(plans, env)
	require.NoError(t, err)
	got := make([]bool, len(plans))
	_, err = m.Matches("many", now, got)
	require.NoError(t, err)
	require.Equal(t, []bool{true, true, false, false}, got)
}

// A Select ends with its context, with nothing.
func TestSelectEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := visitors(t, 1000).Snapshot()
	_, err := s.Select(ctx, newRules(t, catalog.Shop()).plans(t, `visits >= 1`), eval.Env{AsOf: now}, columnar.Run{})
	require.ErrorIs(t, err, context.Canceled)
}

// broken is a group that is broken, or not there.
type broken struct{ clubs }

var errBroken = errors.New("the group is broken")

func (b broken) Contains(group string, id dangol.CustomerID) (bool, error) {
	if group == "VIP" {
		return false, errBroken
	}
	return b.clubs.Contains(group, id)
}

// What one plan meets is its own error: the others are answered.
func TestErrorsStandInTheirAnswers(t *testing.T) {
	s := visitors(t, 100).Snapshot()
	rules := newRules(t, catalog.Shop())
	plans := append(rules.plans(t, `visits >= 1`, `visits = 0 and in group "VIP"`, `in group "Wholesale" or visits >= 0`), nil, &plan.Plan{Root: &plan.Const{Value: true}, Scope: "some"})
	answers, err := s.Select(context.Background(), plans, eval.Env{AsOf: now, Groups: broken{}}, columnar.Run{})
	require.NoError(t, err)
	require.NoError(t, answers[0].Err)
	require.ErrorIs(t, answers[1].Err, errBroken)
	require.NoError(t, answers[2].Err)
	require.Equal(t, 100, answers[2].Members.Len())
	require.ErrorIs(t, answers[3].Err, eval.ErrPlan)
	require.ErrorIs(t, answers[4].Err, eval.ErrPlan)
	answers, err = s.Select(context.Background(), plans[:3], eval.Env{AsOf: now}, columnar.Run{})
	require.NoError(t, err)
	require.NoError(t, answers[0].Err)
	require.ErrorIs(t, answers[1].Err, eval.ErrEnv)
}
